//! Pictures of points, for scans without photographs: every point is a small disk that hides what is
//! behind it, the colors of points on one surface run into each other, gaps between points are
//! closed, and where there is nothing the picture is gray.

use std::ops::Range;

use glam::Vec3;

use super::{Camera, Map};
use crate::preflight::spacing::median_distance;

/// Maximum number of points that are drawn; of more, every nth.
const MAX_DRAWN: usize = 1_500_000;
/// Longest side of a picture, pixels.
const MAX_SIDE: f32 = 512.0;
/// Diameter of a point's disk in distances between points.
const POINT_SIZE: f32 = 2.0;
/// Largest diameter of a point's disk, pixels.
const MAX_DISK: f32 = 25.0;
/// Points that are at most so far behind the first one of a pixel are on the same surface, which
/// depth cameras measure with noise, and add to its color: in distances between points, and at
/// least so many metres.
const SURFACE: f32 = 1.5;
const LEAST_SURFACE: f32 = 0.015;
/// Distance between points if it is unknown, and the largest and smallest that is used, metres.
const SPACING: f32 = 0.02;
const SPACINGS: [f32; 2] = [0.001, 0.1];
/// What is nearer to the camera is not drawn, metres.
const NEAREST: f32 = 0.05;
/// What is so far behind most of its neighbours in the picture shows through a gap, metres.
const GAP: f32 = 0.1;
/// Number of times that gaps are closed by a pixel on each side.
const CLOSINGS: usize = 2;
/// Number of the eight neighbours that close a gap.
const CLOSERS: usize = 5;
/// The color where there is nothing.
pub(crate) const BACKGROUND: [u8; 3] = [128; 3];

/// Points that are drawn.
#[derive(Clone, Debug)]
pub struct Splats<'a> {
    positions: &'a [[f32; 3]],
    colors: Option<&'a [[u8; 3]]>,
    /// Every how many-th point is drawn.
    step: usize,
    /// Median distance between the points that are drawn, metres.
    spacing: f32,
}

/// A picture of points.
#[derive(Clone, Debug, PartialEq)]
pub struct Rendering {
    /// Rows and columns.
    pub size: [usize; 2],
    /// `(rows, columns, 3)`: sRGB.
    pub rgb: Vec<u8>,
    /// `(rows, columns, 1)`: metres along the optical axis, 0 where there is nothing.
    pub depth: Map,
}

impl<'a> Splats<'a> {
    /// Points with their colors, both `(points, 3)`, in metres and sRGB. Without colors, or if there
    /// are not as many colors as points, their surfaces are shaded as if lit from the camera.
    pub fn new(positions: &'a [[f32; 3]], colors: Option<&'a [[u8; 3]]>) -> Self {
        let step = positions.len().div_ceil(MAX_DRAWN).max(1);
        let drawn: Vec<[f32; 3]> = positions.iter().step_by(step).copied().collect();
        let spacing = median_distance(&drawn).map_or(SPACING, |spacing| spacing as f32);
        let [least, most] = SPACINGS;
        Self {
            positions,
            colors: colors.filter(|colors| colors.len() == positions.len()),
            step,
            spacing: spacing.clamp(least, most),
        }
    }

    /// Median distance between the points that are drawn, metres.
    pub fn spacing(&self) -> f32 {
        self.spacing
    }

    /// The points that are drawn.
    pub(super) fn drawn(&self) -> impl Iterator<Item = [f32; 3]> + '_ {
        self.positions.iter().step_by(self.step).copied()
    }

    /// The picture that a camera takes of the points; its longer side has at most 512 pixels.
    /// `O(points + pixels)`.
    pub fn render(&self, camera: &Camera) -> Rendering {
        let canvas = self.drawn_on(&resized(camera, MAX_SIDE));
        let rgb = match self.colors {
            Some(colors) => self.colored(&canvas, colors),
            None => shaded(&canvas),
        };
        let size = canvas.size;
        let (rgb, depth) = closed(Some(rgb), canvas.depth, size);
        Rendering {
            size,
            rgb: rgb.unwrap_or_default().into_flattened(),
            depth: map(depth, size),
        }
    }

    /// The depth that a camera measures of the points, at most `side` pixels on its longer side.
    pub fn depth(&self, camera: &Camera, side: f32) -> Map {
        let canvas = self.drawn_on(&resized(camera, side));
        let size = canvas.size;
        map(closed(None, canvas.depth, size).1, size)
    }

    /// The points that are drawn in the camera's frame, with their indices.
    fn seen_from<'b>(&'b self, camera: &Camera) -> impl Iterator<Item = (usize, Vec3)> + use<'b> {
        let from_world = camera.world_from_camera.inverse();
        let points = self.positions.iter().enumerate().step_by(self.step);
        points.map(move |(point, at)| (point, from_world.transform_point3(Vec3::from(*at))))
    }

    /// The depth of what is first in each pixel.
    fn drawn_on(&self, camera: &Camera) -> Canvas {
        let mut canvas = Canvas::new(*camera);
        for (_, at) in self.seen_from(camera) {
            let Some(disk) = canvas.disk(at, POINT_SIZE * self.spacing) else {
                continue;
            };
            for (pixel, _) in disk.pixels(canvas.size[1]) {
                let depth = &mut canvas.depth[pixel];
                if *depth == 0.0 || at.z < *depth {
                    *depth = at.z;
                }
            }
        }
        canvas
    }

    /// The colors of what is first in each pixel: the mean of the points there, those in the middle
    /// of their disks above all.
    fn colored(&self, canvas: &Canvas, colors: &[[u8; 3]]) -> Vec<[u8; 3]> {
        let surface = (SURFACE * self.spacing).max(LEAST_SURFACE);
        let mut sums = vec![[0.0_f32; 4]; canvas.depth.len()];
        for (point, at) in self.seen_from(&canvas.camera) {
            let Some(disk) = canvas.disk(at, POINT_SIZE * self.spacing) else {
                continue;
            };
            let color = colors[point].map(f32::from);
            for (pixel, apart) in disk.pixels(canvas.size[1]) {
                if at.z <= canvas.depth[pixel] + surface {
                    let weight = (-3.0 * apart).exp();
                    let sum = &mut sums[pixel];
                    (0..3).for_each(|channel| sum[channel] += weight * color[channel]);
                    sum[3] += weight;
                }
            }
        }
        let mean = |[r, g, b, weight]: &[f32; 4]| match *weight > 0.0 {
            true => [r, g, b].map(|sum| (sum / weight).round() as u8),
            false => BACKGROUND,
        };
        sums.iter().map(mean).collect()
    }
}

/// The camera with an image whose longer side has at most `side` pixels.
fn resized(camera: &Camera, side: f32) -> Camera {
    let longer = camera.width.max(camera.height);
    let scale = (side.clamp(1.0, MAX_SIDE) / longer).min(1.0);
    // A camera from a file may be nonsense; a picture of one pixel is as good as any.
    let along = |extent: f32| match (extent * scale).round() {
        pixels if (1.0..=MAX_SIDE).contains(&pixels) => pixels,
        _ => 1.0,
    };
    let (width, height) = (along(camera.width), along(camera.height));
    let scales = [width / camera.width, height / camera.height];
    Camera {
        width,
        height,
        focal: [camera.focal[0] * scales[0], camera.focal[1] * scales[1]],
        center: [0, 1].map(|axis| (camera.center[axis] + 0.5) * scales[axis] - 0.5),
        world_from_camera: camera.world_from_camera,
    }
}

/// A picture in the making.
struct Canvas {
    camera: Camera,
    /// Rows and columns.
    size: [usize; 2],
    /// `(rows, columns)`: metres, 0 where there is nothing.
    depth: Vec<f32>,
}

impl Canvas {
    fn new(camera: Camera) -> Self {
        let size = [camera.height as usize, camera.width as usize];
        Self {
            camera,
            size,
            depth: vec![0.0; size[0] * size[1]],
        }
    }

    /// What a point `at` a place in the camera's frame covers with a diameter of so many metres;
    /// `None` if that is nothing.
    fn disk(&self, at: Vec3, metres: f32) -> Option<Disk> {
        if !(at.is_finite() && at.z > NEAREST) {
            return None;
        }
        let Camera { focal, center, .. } = self.camera;
        let along = |x: f32, axis: usize, extent: usize| {
            let middle = focal[axis] * x / at.z + center[axis] + 0.5;
            let half = (0.5 * metres * focal[axis].abs() / at.z).clamp(0.5, 0.5 * MAX_DISK);
            let from = (middle - half).round().max(0.0);
            let to = (middle + half).round().min(extent as f32);
            // Not also where a number is none.
            (from < to).then_some((middle, half, from as usize..to as usize))
        };
        let (x, half_width, across) = along(at.x, 0, self.size[1])?;
        let (y, half_height, down) = along(at.y, 1, self.size[0])?;
        Some(Disk {
            middle: [x, y],
            half: [half_width, half_height],
            across,
            down,
        })
    }
}

/// A point in a picture, pixels.
struct Disk {
    middle: [f32; 2],
    half: [f32; 2],
    across: Range<usize>,
    down: Range<usize>,
}

impl Disk {
    /// The pixels of the disk in a picture with so many columns, each with the square of its distance
    /// from the middle, which is 1 at the border. A disk has one pixel at least.
    fn pixels(&self, columns: usize) -> impl Iterator<Item = (usize, f32)> + '_ {
        let apart = |pixel: usize, axis: usize| {
            let away = (pixel as f32 + 0.5 - self.middle[axis]) / self.half[axis];
            away * away
        };
        let is_one = self.across.len() == 1 && self.down.len() == 1;
        self.down.clone().flat_map(move |row| {
            let down = apart(row, 1);
            let pixels = self.across.clone();
            let pixels =
                pixels.map(move |column| (row * columns + column, down + apart(column, 0)));
            // Corners of small disks would leave gaps.
            pixels.filter(move |(_, apart)| is_one || *apart <= 1.2)
        })
    }
}

/// Colors of surfaces without colors: the more a surface faces the camera, the lighter it is.
fn shaded(canvas: &Canvas) -> Vec<[u8; 3]> {
    let Canvas {
        camera,
        size: [rows, columns],
        depth,
    } = canvas;
    let (rows, columns) = (*rows, *columns);
    let at = |row: usize, column: usize| {
        let z = depth[row * columns + column];
        let along = |pixel: usize, axis: usize| {
            (pixel as f32 - camera.center[axis]) / camera.focal[axis] * z
        };
        (z > 0.0).then(|| Vec3::new(along(column, 0), along(row, 1), z))
    };
    let color = |pixel: usize| {
        let (row, column) = (pixel / columns, pixel % columns);
        let Some(here) = at(row, column) else {
            return BACKGROUND;
        };
        let step = |found: Option<Vec3>, otherwise: Vec3| {
            let step = found.map(|found| found - here);
            step.filter(|step| step.z.abs() < GAP).unwrap_or(otherwise)
        };
        let next = |next: usize, extent: usize| next.min(extent - 1);
        let right = step(at(row, next(column + 2, columns)), Vec3::X);
        let down = step(at(next(row + 2, rows), column), Vec3::Y);
        let facing = right.cross(down).normalize_or_zero().z.abs();
        [(70.0 + 170.0 * facing) as u8; 3]
    };
    (0..rows * columns).map(color).collect()
}

/// Closes the gaps of a picture, if there is one, and its depth: a pixel that is empty or far behind most of its
/// neighbours gets their mean.
fn closed(
    mut rgb: Option<Vec<[u8; 3]>>,
    mut depth: Vec<f32>,
    [rows, columns]: [usize; 2],
) -> (Option<Vec<[u8; 3]>>, Vec<f32>) {
    for _ in 0..CLOSINGS {
        let (before, colors) = (depth.clone(), rgb.clone());
        for pixel in 0..rows * columns {
            let (row, column) = (pixel / columns, pixel % columns);
            let behind = match before[pixel] {
                0.0 => f32::INFINITY,
                own => own - GAP,
            };
            let (mut count, mut sum, mut color) = (0, 0.0, [0_u32; 3]);
            for row in row.saturating_sub(1)..(row + 2).min(rows) {
                for column in column.saturating_sub(1)..(column + 2).min(columns) {
                    let other = row * columns + column;
                    if other != pixel && before[other] > 0.0 && before[other] < behind {
                        count += 1;
                        sum += before[other];
                        if let Some(colors) = &colors {
                            let channels = color.iter_mut().zip(colors[other]);
                            channels.for_each(|(sum, value)| *sum += u32::from(value));
                        }
                    }
                }
            }
            if count >= CLOSERS {
                depth[pixel] = sum / count as f32;
                if let Some(rgb) = &mut rgb {
                    rgb[pixel] = color.map(|sum| (sum / count as u32) as u8);
                }
            }
        }
    }
    (rgb, depth)
}

fn map(depth: Vec<f32>, [rows, columns]: [usize; 2]) -> Map {
    Map::new(depth, [rows, columns, 1]).expect("there is one value per pixel, and a pixel")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::camera::tests::camera;

    const RED: [u8; 3] = [200, 30, 20];
    const BLUE: [u8; 3] = [20, 40, 220];

    /// A square of points that faces cameras that look along x.
    fn square(center: [f32; 3], half: f32, color: [u8; 3]) -> Vec<([f32; 3], [u8; 3])> {
        let steps = (half / 0.01) as i32;
        let [x, y, z] = center;
        let across = (-steps..=steps).flat_map(|i| (-steps..=steps).map(move |j| (i, j)));
        let point = |(i, j): (i32, i32)| [x, y + i as f32 * 0.01, z + j as f32 * 0.01];
        across.map(|at| (point(at), color)).collect()
    }

    fn rendered(points: &[([f32; 3], [u8; 3])], at: [f32; 3]) -> Rendering {
        let (positions, colors): (Vec<_>, Vec<_>) = points.iter().copied().unzip();
        Splats::new(&positions, Some(&colors)).render(&camera(at))
    }

    fn color(picture: &Rendering, row: usize, column: usize) -> [u8; 3] {
        let from = (row * picture.size[1] + column) * 3;
        [0, 1, 2].map(|channel| picture.rgb[from + channel])
    }

    #[test]
    fn a_thing_shows_its_color_and_its_shape() {
        // 0.4 m at 2 m with a focal length of 50 pixels are 10 pixels around the middle, (23.5, 31.5).
        let picture = rendered(&square([2.0, 0.0, 0.0], 0.2, RED), [0.0; 3]);
        assert_eq!(picture.size, [48, 64]);
        let red = (0..48 * 64).filter(|pixel| color(&picture, pixel / 64, pixel % 64) == RED);
        let red: Vec<usize> = red.collect();
        assert!((100..=169).contains(&red.len()), "{} pixels", red.len());
        for pixel in red {
            let (row, column) = (pixel / 64, pixel % 64);
            assert!(
                (17..=30).contains(&row) && (25..=38).contains(&column),
                "{row}, {column}"
            );
        }
        assert_eq!(color(&picture, 5, 5), BACKGROUND);
        assert_eq!(picture.depth.at(24, 32), [2.0]);
        assert_eq!(picture.depth.at(5, 5), [0.0]);
    }

    #[test]
    fn what_is_behind_something_is_hidden_and_gaps_are_closed() {
        // The blue square hides the lower half of the red one. Some points of the blue one are missing.
        let mut points = square([2.0, 0.0, 0.0], 0.3, RED);
        let blue = square([1.5, 0.0, -0.4], 0.4, BLUE);
        points.extend(
            blue.into_iter()
                .enumerate()
                .filter_map(|(i, point)| (i % 7 != 0).then_some(point)),
        );
        let picture = rendered(&points, [0.0; 3]);
        let column = 32;
        let below: Vec<_> = (26..32).map(|row| color(&picture, row, column)).collect();
        assert_eq!(below, [BLUE; 6]);
        assert_eq!(color(&picture, 19, column), RED);
        // From behind, the red one hides it. The camera that looks along x at the other side sees
        // neither.
        let nothing = rendered(&points, [3.0, 0.0, 0.0]);
        assert!(nothing.rgb.iter().all(|value| *value == 128));
    }

    #[test]
    fn a_thin_cloud_has_no_holes() {
        // One point in ten centimetres: the disks of points are larger.
        let points: Vec<_> = square([1.0, 0.0, 0.0], 0.3, RED);
        let is_kept = |point: &[f32; 3]| {
            let on_grid = |x: f32| ((x * 10.0).round() - x * 10.0).abs() < 0.01;
            on_grid(point[1]) && on_grid(point[2])
        };
        let few: Vec<_> = points.into_iter().filter(|(p, _)| is_kept(p)).collect();
        assert_eq!(few.len(), 49);
        let picture = rendered(&few, [0.0; 3]);
        for row in 12..36 {
            for column in 20..44 {
                assert_eq!(color(&picture, row, column), RED, "{row}, {column}");
            }
        }
    }

    #[test]
    fn surfaces_without_colors_are_shaded() {
        let points = square([1.0, 0.0, 0.0], 0.2, RED);
        let positions: Vec<_> = points.iter().map(|(position, _)| *position).collect();
        let facing = Splats::new(&positions, None).render(&camera([0.0; 3]));
        let shade = |picture: &Rendering| color(picture, 24, 32)[0];
        assert!(shade(&facing) > 230, "{}", shade(&facing));
        let slanted: Vec<_> = positions
            .iter()
            .map(|[x, y, z]| [x + 1.5 * y, *y, *z])
            .collect();
        let slanted = Splats::new(&slanted, None).render(&camera([0.0; 3]));
        assert!(shade(&slanted) < 190, "{}", shade(&slanted));
    }

    #[test]
    fn cameras_and_points_that_are_nonsense_give_pictures() {
        let positions = [[f32::NAN; 3], [f32::INFINITY, 0.0, 0.0], [2.0, 0.0, 0.0]];
        let splats = Splats::new(&positions, None);
        for (width, focal) in [(f32::NAN, 50.0), (1e9, 50.0), (0.0, 0.0), (64.0, f32::NAN)] {
            let camera = Camera {
                width,
                focal: [focal; 2],
                ..camera([0.0; 3])
            };
            let [rows, columns] = splats.render(&camera).size;
            assert!((1..=512).contains(&rows) && (1..=512).contains(&columns));
        }
        assert_eq!(splats.depth(&camera([0.0; 3]), 16.0).size(), [12, 16]);
    }
}
