//! Crops of things in pictures, as models of pictures and text look at them.
//!
//! A crop is a square around the thing's box with a margin, because such models cut pictures to
//! squares; what lies beyond the picture is gray. What is not the thing stays in the crop, because it
//! tells how large the thing is and where it stands, but with half of its contrast, so that the crop
//! is not named after the table that a cup stands on.

use super::{Picture, PictureError, ResizeFilter};
use crate::views::BACKGROUND;

/// Margin on each side of the thing's box, as a share of the box's longer side.
const MARGIN: f32 = 0.15;
/// Longest side of a crop, pixels.
const MAX_SIDE: f32 = 448.0;
/// Share of the contrast that stays around the thing.
const DIMMED: f32 = 0.5;
/// Number of cells on each side of the grid in which it is told what the thing is.
const CELLS: usize = 64;
/// Longer side to which a thing is brought before its sharpness is measured, pixels.
const SHARP_SIDE: f32 = 96.0;

/// Points of a thing that a view sees, `[x, y]` as fractions of the picture's width and height, and
/// the distance between neighbouring ones as fractions, too.
#[derive(Clone, Debug)]
pub(super) struct Marks {
    pub(super) places: Vec<[f32; 2]>,
    pub(super) spacing: [f32; 2],
}

/// The square around a thing in pixels of the picture, which it may exceed.
#[derive(Clone, Copy, Debug)]
struct Square {
    corner: [f32; 2],
    side: f32,
}

impl Square {
    /// `bounds` are `[x0, y0, x1, y1]`, fractions of the picture.
    fn around([x0, y0, x1, y1]: [f32; 4], [rows, columns]: [usize; 2]) -> Self {
        let (columns, rows) = (columns as f32, rows as f32);
        let middle = [0.5 * (x0 + x1) * columns, 0.5 * (y0 + y1) * rows];
        let longer = ((x1 - x0) * columns).max((y1 - y0) * rows);
        let side = ((1.0 + 2.0 * MARGIN) * longer).max(8.0).round();
        Self {
            corner: middle.map(|middle| (middle - 0.5 * side).round()),
            side,
        }
    }
}

/// The crop of the thing in a box of a picture.
///
/// # Errors
/// The box is that of no picture.
pub(super) fn crop(
    picture: &Picture,
    bounds: [f32; 4],
    marks: &Marks,
) -> Result<Picture, PictureError> {
    let [rows, columns] = picture.size();
    let Square { corner, side } = Square::around(bounds, [rows, columns]);
    let [left, top] = corner;
    let inside = [
        left.max(0.0),
        top.max(0.0),
        (left + side).min(columns as f32),
        (top + side).min(rows as f32),
    ];
    // Made smaller before it is put into the square, because a square around a long thing can be
    // much larger than the picture.
    let scale = (MAX_SIDE / side).min(1.0);
    let part = picture.cropped(inside);
    let extent = part
        .size()
        .map(|pixels| (pixels as f32 * scale).round().max(1.0) as usize);
    let part = match scale < 1.0 {
        true => part.resized(extent, ResizeFilter::Bilinear)?,
        false => part,
    };
    let pixels = (side * scale).round().max(1.0) as usize;
    let offset = [inside[1] - top, inside[0] - left].map(|x| (x * scale).round() as usize);
    let grid = grid(marks, [rows, columns], corner, side);
    let mut bytes = BACKGROUND.repeat(pixels * pixels);
    let [height, width] = part.size();
    for row in 0..height.min(pixels.saturating_sub(offset[0])) {
        for column in 0..width.min(pixels.saturating_sub(offset[1])) {
            let (to_row, to_column) = (row + offset[0], column + offset[1]);
            let own = on_grid(&grid, to_row, to_column, pixels);
            let contrast = DIMMED + (1.0 - DIMMED) * own;
            let from = &part.bytes()[(row * width + column) * 3..][..3];
            let into = &mut bytes[(to_row * pixels + to_column) * 3..][..3];
            for (into, from) in into.iter_mut().zip(from) {
                let gray = f32::from(*into);
                *into = (gray + contrast * (f32::from(*from) - gray)).round() as u8;
            }
        }
    }
    Picture::new(bytes, [pixels; 2])
}

/// `(CELLS, CELLS)`: how much of each cell of the square is the thing, 0..=1. Its border is soft and
/// a cell wide.
fn grid(marks: &Marks, [rows, columns]: [usize; 2], corner: [f32; 2], side: f32) -> Vec<f32> {
    let cell = side / CELLS as f32;
    let extent = [columns as f32, rows as f32];
    // Half of the way to the next point, and a cell more.
    let reach = [0, 1].map(|axis| {
        let half = 0.5 * marks.spacing[axis] * extent[axis];
        ((half / cell).round().min(CELLS as f32) as isize) + 1
    });
    let mut is_on = vec![false; CELLS * CELLS];
    for place in &marks.places {
        let at = [0, 1].map(|axis| {
            let pixel = place[axis] * extent[axis] - corner[axis];
            (pixel / cell).floor() as isize
        });
        let around = |axis: usize| {
            let clamped = |x: isize| x.clamp(0, CELLS as isize) as usize;
            clamped(at[axis].saturating_sub(reach[axis]))
                ..clamped(at[axis].saturating_add(reach[axis] + 1))
        };
        for row in around(1) {
            is_on[row * CELLS..][around(0)].fill(true);
        }
    }
    let share = |cell: usize| {
        let (row, column) = (cell / CELLS, cell % CELLS);
        let (mut on, mut all) = (0, 0);
        for row in row.saturating_sub(1)..(row + 2).min(CELLS) {
            for column in column.saturating_sub(1)..(column + 2).min(CELLS) {
                all += 1;
                on += usize::from(is_on[row * CELLS + column]);
            }
        }
        on as f32 / all as f32
    };
    (0..CELLS * CELLS).map(share).collect()
}

/// The value of the grid at a pixel of a square with so many `pixels` on each side, linear between
/// the middles of cells.
fn on_grid(grid: &[f32], row: usize, column: usize, pixels: usize) -> f32 {
    let along = |pixel: usize| {
        let at = (pixel as f32 + 0.5) / pixels as f32 * CELLS as f32 - 0.5;
        let at = at.clamp(0.0, (CELLS - 1) as f32);
        let low = at as usize;
        (low, (low + 1).min(CELLS - 1), at - low as f32)
    };
    let ((top, bottom, v), (left, right, u)) = (along(row), along(column));
    let between = |row: usize| grid[row * CELLS + left] * (1.0 - u) + grid[row * CELLS + right] * u;
    between(top) * (1.0 - v) + between(bottom) * v
}

/// The sharpness of a thing in a box of a picture: the variance of the Laplacian of its lightness,
/// at the same size for all things, so that what is small and enlarged is blurred as well.
///
/// # Errors
/// The picture cannot be resized.
pub(super) fn sharpness(
    picture: &Picture,
    [x0, y0, x1, y1]: [f32; 4],
) -> Result<f32, PictureError> {
    let [rows, columns] = picture.size();
    let (width, height) = (columns as f32, rows as f32);
    let part = picture.cropped([x0 * width, y0 * height, x1 * width, y1 * height]);
    let [rows, columns] = part.size();
    let scale = SHARP_SIDE / rows.max(columns) as f32;
    let size = [rows, columns].map(|n| ((n as f32 * scale).round() as usize).max(3));
    let part = part.resized(size, ResizeFilter::Bilinear)?;
    let [rows, columns] = part.size();
    let light: Vec<f32> = part
        .bytes()
        .as_chunks::<3>()
        .0
        .iter()
        .map(|[r, g, b]| 0.299 * f32::from(*r) + 0.587 * f32::from(*g) + 0.114 * f32::from(*b))
        .collect();
    let (mut sum, mut squares, mut count) = (0.0, 0.0, 0.0);
    for row in 1..rows - 1 {
        for column in 1..columns - 1 {
            let at = row * columns + column;
            let around = light[at - 1] + light[at + 1] + light[at - columns] + light[at + columns];
            let value = f64::from(around - 4.0 * light[at]);
            sum += value;
            squares += value * value;
            count += 1.0;
        }
    }
    let mean = sum / count;
    Ok((squares / count - mean * mean).max(0.0) as f32)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn picture(size: [usize; 2], color: impl Fn(usize, usize) -> [u8; 3]) -> Picture {
        let pixels = (0..size[0] * size[1]).flat_map(|at| color(at / size[1], at % size[1]));
        Picture::new(pixels.collect(), size).unwrap()
    }

    /// A grid of marks in a box, as dense as `steps`.
    fn marks([x0, y0, x1, y1]: [f32; 4], steps: usize) -> Marks {
        let along =
            |from: f32, to: f32, step: usize| from + (to - from) * step as f32 / (steps - 1) as f32;
        let places =
            (0..steps * steps).map(|i| [along(x0, x1, i % steps), along(y0, y1, i / steps)]);
        Marks {
            places: places.collect(),
            spacing: [(x1 - x0) / steps as f32, (y1 - y0) / steps as f32],
        }
    }

    fn at(crop: &Picture, x: f32, y: f32) -> [u8; 3] {
        let [rows, columns] = crop.size();
        let (row, column) = ((y * rows as f32) as usize, (x * columns as f32) as usize);
        let from = (row * columns + column) * 3;
        crop.bytes()[from..from + 3].try_into().unwrap()
    }

    #[test]
    fn the_thing_is_in_the_middle_and_what_is_around_it_is_dimmed() {
        let bounds = [0.25, 0.25, 0.5, 0.75];
        let is_thing =
            |row: usize, column: usize| (30..90).contains(&row) && (40..80).contains(&column);
        let scene = picture([120, 160], |row, column| match is_thing(row, column) {
            true => [255, 0, 0],
            false => [0, 0, 255],
        });
        let crop = crop(&scene, bounds, &marks(bounds, 20)).unwrap();
        // 60 pixels and 15 % on each side.
        assert_eq!(crop.size(), [78, 78]);
        assert_eq!(at(&crop, 0.5, 0.5), [255, 0, 0]);
        // Half of the way from blue to gray.
        assert_eq!(at(&crop, 0.03, 0.5), [64, 64, 192]);
        assert_eq!(at(&crop, 0.97, 0.97), [64, 64, 192]);
    }

    #[test]
    fn crops_at_the_edge_and_of_all_are_filled_with_gray() {
        let scene = picture([900, 1600], |_, _| [0, 255, 0]);
        let corner = [0.0, 0.0, 0.05, 0.05];
        let crop = |bounds| crop(&scene, bounds, &marks(bounds, 20)).unwrap();
        let found = crop(corner);
        assert_eq!(at(&found, 0.02, 0.5), [128; 3]);
        assert_eq!(at(&found, 0.5, 0.02), [128; 3]);
        assert_eq!(at(&found, 0.5, 0.3), [0, 255, 0]);
        let all = crop([0.0, 0.0, 1.0, 1.0]);
        assert_eq!(all.size(), [448, 448]);
        assert_eq!(at(&all, 0.5, 0.1), [128; 3]);
        assert_eq!(at(&all, 0.5, 0.5), [0, 255, 0]);
        // A box without an extent, and one outside.
        assert_eq!(crop([0.5, 0.5, 0.5, 0.5]).size(), [8, 8]);
        assert_eq!(crop([1.0, 1.0, 1.0, 1.0]).size(), [8, 8]);
    }

    #[test]
    fn blurred_things_are_less_sharp_than_clear_ones() {
        let stripes = |width: usize| {
            picture([120, 160], move |row, column| {
                // A soft edge as wide as `width`.
                let phase = (column + row / 2) % 24;
                let ramp = |x: usize| (255 * x.min(width) / width) as u8;
                [if phase < 12 {
                    ramp(phase)
                } else {
                    255 - ramp(phase - 12)
                }; 3]
            })
        };
        let of = |width: usize, bounds| sharpness(&stripes(width), bounds).unwrap();
        let middle = [0.2, 0.2, 0.8, 0.8];
        let [clear, soft] = [1, 10].map(|width| of(width, middle));
        assert!(clear > 2.0 * soft, "{clear}, {soft}");
        let flat = picture([50, 50], |_, _| [90; 3]);
        assert_eq!(sharpness(&flat, middle).unwrap(), 0.0);
        assert_eq!(sharpness(&flat, [0.5; 4]).unwrap(), 0.0);
    }
}
