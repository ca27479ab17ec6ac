//! Renders point clouds as small PNGs: points are squares in a depth buffer, darkened beside nearer
//! points, on a transparent background.

use std::io::Cursor;

use anyhow::Context;
use glam::{Mat3, Vec3};
use image::{ImageFormat, RgbaImage};

use crate::data::labeled_scan::LabeledScan;

/// Width and height of a picture, pixels.
pub const SIZE: [u32; 2] = [480, 360];
/// Supersampling factor: pixels are drawn this many times finer and averaged.
const FINER: u32 = 2;
/// The id of the ceiling in NYU40, where it is labelled.
const CEILING: i32 = 22;
/// Share of a room's height above which points count as ceiling or hang from it.
const CUT: f32 = 0.82;
/// Scans lower than this have no ceiling, metres.
const LEAST_ROOM: f32 = 1.8;
/// Thickness of the walls that would hide the room from outside, metres.
const WALL: f32 = 0.3;

/// Number of directions in which the reach of a room is stored.
const DIRECTIONS: usize = 72;

/// Viewpoint of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Perspective {
    /// The plan of the room, with y up.
    Above,
    /// From a corner, looking down; walls in between are left out.
    Corner,
}

/// The points of a room that are worth showing, and their spacing.
pub struct Stage<'a> {
    scan: &'a LabeledScan,
    low: Vec3,
    high: Vec3,
    spacing: f32,
    /// By direction from the middle: how far the room reaches, metres.
    reach: [f32; DIRECTIONS],
}

impl<'a> Stage<'a> {
    /// Prepares a room; `None` if it has no points.
    pub fn new(scan: &'a LabeledScan) -> Option<Self> {
        let bound = |axis: usize, share: f32| -> Option<f32> {
            let mut values: Vec<f32> = scan
                .positions
                .iter()
                .map(|p| p[axis])
                .filter(|v| v.is_finite())
                .collect();
            let place = (values.len().checked_sub(1)? as f32 * share) as usize;
            Some(*values.select_nth_unstable_by(place, f32::total_cmp).1)
        };
        let bounds = |share| {
            Some(Vec3::new(
                bound(0, share)?,
                bound(1, share)?,
                bound(2, share)?,
            ))
        };
        let cells: std::collections::HashSet<[i32; 3]> = scan
            .positions
            .iter()
            .map(|p| p.map(|x| (x / CELL).floor() as i32))
            .collect();
        // each occupied cell stands for one cell's area of surface
        let spacing =
            (cells.len() as f32 * CELL * CELL / scan.positions.len().max(1) as f32).sqrt();
        let (low, high) = (bounds(0.005)?, bounds(0.995)?);
        let mut stage = Self {
            scan,
            low,
            high,
            spacing,
            reach: [0.0; DIRECTIONS],
        };
        for position in scan
            .positions
            .iter()
            .map(|p| Vec3::from(*p))
            .filter(|p| p.cmpge(low).all() && p.cmple(high).all())
        {
            let (direction, distance) = stage.direction(position);
            stage.reach[direction] = stage.reach[direction].max(distance);
        }
        Some(stage)
    }

    /// Direction and horizontal distance from the middle of the room.
    fn direction(&self, position: Vec3) -> (usize, f32) {
        let from_middle = (position - (self.low + self.high) / 2.0).truncate();
        let turn = (from_middle.y.atan2(from_middle.x) / std::f32::consts::TAU).rem_euclid(1.0);
        (
            (turn * DIRECTIONS as f32) as usize % DIRECTIONS,
            from_middle.length(),
        )
    }

    /// `true` if the point belongs to a wall between the eye and the room.
    fn hides(&self, position: Vec3, eye: Mat3) -> bool {
        let (direction, distance) = self.direction(position);
        let towards_eye = eye.row(2).truncate().normalize_or_zero();
        let from_middle = (position - (self.low + self.high) / 2.0).truncate();
        position.z > self.low.z + WALL
            && distance > self.reach[direction] - WALL
            && from_middle.dot(towards_eye) > 0.1 * distance
    }

    fn shows(&self, point: usize, view: Perspective, eye: Mat3) -> bool {
        let position = Vec3::from(self.scan.positions[point]);
        let is_object = self.scan.object_of_point[point].is_some();
        let height = self.high.z - self.low.z;
        let ceiling = self.scan.truth.semantic[point] == CEILING
            || height > LEAST_ROOM && position.z > self.low.z + CUT * height;
        let near_wall = view == Perspective::Corner && self.hides(position, eye);
        let outside = position.cmplt(self.low - 1.0).any() || position.cmpgt(self.high + 1.0).any();
        position.is_finite() && !ceiling && !outside && (is_object || !near_wall)
    }

    /// Draws the room with `colors`, shape `(points, 3)`, as a PNG.
    ///
    /// # Errors
    /// The picture cannot be encoded.
    pub fn draw(&self, colors: &[[u8; 3]], view: Perspective) -> anyhow::Result<Vec<u8>> {
        // the rows point right, up and towards the eye
        let eye = match view {
            Perspective::Above => Mat3::IDENTITY,
            Perspective::Corner => {
                Mat3::from_rotation_x(-0.9)
                    * Mat3::from_rotation_z(std::f32::consts::FRAC_PI_4 * 1.15)
            }
        };
        let shown: Vec<(Vec3, [u8; 3])> = (0..self.scan.positions.len())
            .filter(|&i| self.shows(i, view, eye))
            .map(|i| (eye * Vec3::from(self.scan.positions[i]), colors[i]))
            .collect();
        let low = shown
            .iter()
            .map(|p| p.0)
            .reduce(Vec3::min)
            .unwrap_or_default();
        let high = shown
            .iter()
            .map(|p| p.0)
            .reduce(Vec3::max)
            .unwrap_or_default();
        let size = SIZE.map(|s| (s * FINER) as usize);
        let extent = high - low;
        let scale = (0.96 * size[0] as f32 / extent.x.max(0.01))
            .min(0.96 * size[1] as f32 / extent.y.max(0.01));
        let middle = (low + high) / 2.0;
        let radius = ((self.spacing * scale).round() as isize).clamp(1, 12);

        let mut depths = vec![f32::NEG_INFINITY; size[0] * size[1]];
        let mut pixels = vec![[0u8; 3]; depths.len()];
        for (position, color) in &shown {
            let at = (*position - middle) * scale;
            let column = at.x as isize + size[0] as isize / 2;
            let row = size[1] as isize / 2 - at.y as isize;
            for y in (row - radius).max(0)..(row + radius).min(size[1] as isize) {
                for x in (column - radius).max(0)..(column + radius).min(size[0] as isize) {
                    let pixel = y as usize * size[0] + x as usize;
                    if position.z > depths[pixel] {
                        (depths[pixel], pixels[pixel]) = (position.z, *color);
                    }
                }
            }
        }
        encode(&shade(&depths, &pixels, size), size)
    }
}

/// Edge of the cells by which the surface area of a scan is estimated, metres.
const CELL: f32 = 0.1;

/// Shape `(pixels, 4)`: red, green, blue, alpha; darker where a neighbouring pixel is nearer to the
/// eye.
fn shade(depths: &[f32], pixels: &[[u8; 3]], [columns, rows]: [usize; 2]) -> Vec<[f32; 4]> {
    let reach = 2 * FINER as isize;
    let shaded = |pixel: usize| {
        let depth = depths[pixel];
        if depth == f32::NEG_INFINITY {
            return [0.0; 4];
        }
        let (x, y) = ((pixel % columns) as isize, (pixel / columns) as isize);
        let beside = [[reach, 0], [-reach, 0], [0, reach], [0, -reach]].map(|[dx, dy]| {
            let inside =
                (0..columns as isize).contains(&(x + dx)) && (0..rows as isize).contains(&(y + dy));
            if inside {
                (depths[((y + dy) * columns as isize + x + dx) as usize] - depth).clamp(0.0, 0.3)
            } else {
                0.0
            }
        });
        let light = (-1.6 * beside.iter().sum::<f32>()).exp();
        let [r, g, b] = pixels[pixel].map(|channel| f32::from(channel) * light);
        [r, g, b, 255.0]
    };
    (0..depths.len()).map(shaded).collect()
}

fn encode(fine: &[[f32; 4]], [columns, _]: [usize; 2]) -> anyhow::Result<Vec<u8>> {
    let picture = RgbaImage::from_fn(SIZE[0], SIZE[1], |x, y| {
        let mut sum = [0.0; 4];
        for pixel in (0..FINER * FINER)
            .map(|i| (y * FINER + i / FINER) as usize * columns + (x * FINER + i % FINER) as usize)
        {
            let covered = f32::from(u8::from(fine[pixel][3] > 0.0));
            (0..3).for_each(|channel| sum[channel] += fine[pixel][channel] * covered);
            sum[3] += covered;
        }
        let color = |channel: usize| (sum[channel] / sum[3].max(1.0)) as u8;
        image::Rgba([
            color(0),
            color(1),
            color(2),
            (255.0 * sum[3] / (FINER * FINER) as f32) as u8,
        ])
    });
    let mut png = Cursor::new(Vec::new());
    picture
        .write_to(&mut png, ImageFormat::Png)
        .context("cannot encode a picture")?;
    Ok(png.into_inner())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use segscape::{scan, superpoint::Superpoints};

    use super::*;
    use crate::data::labeled_scan::Object;

    /// A room with a red floor of 4 x 4 m, a green box of 1 m at its low corner, and a ceiling.
    fn scan() -> (LabeledScan, Vec<[u8; 3]>) {
        let mut points = Vec::new();
        for i in 0..200 * 200 {
            let (x, y) = ((i % 200) as f32 * 0.02, (i / 200) as f32 * 0.02);
            let in_box = x < 1.0 && y < 1.0;
            points.push((
                [x, y, if in_box { 1.0 } else { 0.0 }],
                if in_box { [0, 255, 0] } else { [255, 0, 0] },
                in_box,
                2,
            ));
            points.push(([x, y, 2.4], [255; 3], false, CEILING));
        }
        let scan = LabeledScan {
            triangles: vec![],
            positions: points.iter().map(|p| p.0).collect(),
            colors: None,
            superpoints: Superpoints::from_ids(&vec![0; points.len()]),
            object_of_point: points.iter().map(|p| p.2.then_some(0)).collect(),
            objects: vec![Object {
                class: 29,
                name: Some("box".into()),
            }],
            stuff: vec![CEILING],
            truth: scan::Truth {
                semantic: points.iter().map(|p| p.3).collect(),
                instance: vec![0; points.len()],
            },
            structure: vec![None; points.len()],
        };
        (scan, points.iter().map(|p| p.1).collect())
    }

    #[test]
    fn a_plan_shows_what_lies_below_the_ceiling() {
        let (scan, colors) = scan();
        let stage = Stage::new(&scan).unwrap();
        let plan = image::load_from_memory(&stage.draw(&colors, Perspective::Above).unwrap())
            .unwrap()
            .to_rgba8();
        assert_eq!(plan.dimensions(), (SIZE[0], SIZE[1]));
        let [width, height] = SIZE;
        let colored = |x: u32, y: u32| plan.get_pixel(x, y).0;
        // the box lies at the bottom left of the plan: y points up
        assert_eq!(
            colored(width / 2 - height / 3, height - height / 8),
            [0, 255, 0, 255]
        );
        assert_eq!(
            colored(width / 2 + height / 3, height / 8),
            [255, 0, 0, 255]
        );
        assert_eq!(colored(2, 2)[3], 0, "nothing beside the room");
        assert!(
            plan.pixels().all(|pixel| pixel.0[2] < 250),
            "the ceiling is cut away"
        );
    }

    #[test]
    fn from_the_corner_the_near_box_stands_before_the_floor() {
        let (scan, colors) = scan();
        let seen = image::load_from_memory(
            &Stage::new(&scan)
                .unwrap()
                .draw(&colors, Perspective::Corner)
                .unwrap(),
        )
        .unwrap()
        .to_rgba8();
        let share = |wanted: usize| {
            seen.pixels()
                .filter(|p| p.0[3] == 255 && p.0[wanted] > 100)
                .count() as f64
                / seen.pixels().len() as f64
        };
        assert!(
            share(0) > 0.1 && share(1) > 0.01,
            "{} {}",
            share(0),
            share(1)
        );
        let rows = |wanted: usize| {
            seen.enumerate_pixels()
                .filter(|(_, _, p)| p.0[3] == 255 && p.0[wanted] > 100)
                .map(|(_, y, _)| y)
                .max()
                .unwrap()
        };
        assert!(
            rows(1) < rows(0) + SIZE[1] / 3,
            "the box stands at the near corner, above the picture's bottom"
        );
    }

    #[test]
    fn an_empty_room_has_no_stage() {
        let (mut scan, _) = scan();
        scan.positions.clear();
        assert!(Stage::new(&scan).is_none());
    }
}
