//! Masks from depth and normals alone: where no 2D model fits, the surfaces of one depth image are
//! taken apart where depth jumps and where two surfaces meet in a hollow. The sides of a box bulge
//! where they meet and stay together; the box and the floor that it stands on do not.

use glam::{Affine3A, Vec3};

use super::MAX_MASKS;
use crate::{
    captures::NEAREST,
    foundation::{ImageInstance, Mask},
    views::{Camera, Map, Pixel},
};

/// Maximum number of pixels along the longer side of the image that is taken apart; a larger one is
/// sampled.
const SIDE: usize = 320;
/// Normals are those of pixels that are 1 / `STEPS` of the longer side away: nearer ones mostly
/// measure the noise of the sensor.
const STEPS: usize = 100;
/// Two pixels belong to different surfaces if their depths differ by more than this share.
const JUMP: f32 = 0.05;
/// Distance of a pixel from the plane through the next one at which the surface breaks: a share of
/// the depth, and metres.
const OFF_PLANE: [f32; 2] = [0.015, 0.005];
/// What nothing speaks for or against.
const SCORE: f32 = 0.5;

/// How a depth image is taken apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DepthMaskOptions {
    /// Depth beyond this distance is not trusted, metres.
    pub farthest: f32,
    /// Angle between two surfaces, degrees, from which on a hollow between them separates them.
    pub hollow: f32,
    /// Least share of the image that a mask has.
    pub min_area: f32,
}

impl Default for DepthMaskOptions {
    fn default() -> Self {
        Self {
            farthest: 4.5,
            hollow: 25.0,
            min_area: 0.002,
        }
    }
}

/// The surfaces of a depth image, `(height, width, 1)` in metres, as a mask that spans it, and for
/// each an instance without a name, of which nothing but its extent is known. At most [`MAX_MASKS`],
/// the largest ones; numbered in the order of their first pixels.
pub fn depth_masks(
    camera: &Camera,
    depth: &Map,
    options: &DepthMaskOptions,
) -> (Mask, Vec<ImageInstance>) {
    let grid = Grid::new(camera, depth, options.farthest);
    let normals = grid.normals();
    let is_hollow = grid.hollows(&normals, options.hollow.to_radians().cos());
    let least = (options.min_area * grid.points.len() as f32).max(1.0) as usize;
    let mut labels = grid.surfaces(&normals, &is_hollow, least);
    grid.grow(&mut labels);
    let count = labels.iter().max().copied().unwrap_or(0);
    let instance = ImageInstance {
        name: String::new(),
        score: SCORE,
        features: Vec::new(),
    };
    let [rows, columns] = [grid.rows, grid.columns];
    let mask = Mask::new(labels, [rows, columns]).expect("a map has pixels, and each has a label");
    (mask, vec![instance; usize::from(count)])
}

/// Places of a depth image, at most [`SIDE`] along each side, in the frame of the camera.
struct Grid {
    rows: usize,
    columns: usize,
    /// `(rows, columns)`: zero depth where it is unknown.
    points: Vec<Vec3>,
    /// Distance of the pixels from which normals are computed.
    reach: usize,
}

impl Grid {
    fn new(camera: &Camera, depth: &Map, farthest: f32) -> Self {
        let size = depth.size();
        let stride = size[0].max(size[1]).div_ceil(SIDE);
        let [rows, columns] = size.map(|n| n.div_ceil(stride));
        let camera = Camera {
            world_from_camera: Affine3A::IDENTITY,
            ..*camera
        };
        let mut grid = Self {
            rows,
            columns,
            points: Vec::with_capacity(rows * columns),
            reach: (rows.max(columns) / STEPS).max(1),
        };
        for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |c| (row, c))) {
            let x = (column as f32 + 0.5) / columns as f32;
            let y = (row as f32 + 0.5) / rows as f32;
            let at = |share: f32, extent: usize| ((share * extent as f32) as usize).min(extent - 1);
            let depth = depth.at(at(y, size[0]), at(x, size[1]))[0];
            let depth = match (NEAREST..farthest).contains(&depth) {
                true => depth,
                false => 0.0,
            };
            let point = Vec3::from(camera.back_project(Pixel { x, y, depth }));
            grid.points.push(match point.is_finite() {
                true => point,
                false => Vec3::ZERO,
            });
        }
        grid.smoothed()
    }

    /// The grid with the mean of the depths around in place of each depth.
    fn smoothed(self) -> Self {
        let half = self.reach.div_ceil(2);
        let mean = |at: usize| {
            let here = self.points[at];
            let (row, column) = (at / self.columns, at % self.columns);
            let rows = row.saturating_sub(half)..(row + half + 1).min(self.rows);
            let (mut sum, mut count) = (0.0, 0.0);
            for row in rows {
                let columns = column.saturating_sub(half)..(column + half + 1).min(self.columns);
                for other in &self.points[row * self.columns..][columns] {
                    if is_one_surface(here, *other) {
                        sum += other.z;
                        count += 1.0;
                    }
                }
            }
            match here.z > 0.0 {
                true => here * (sum / count / here.z),
                false => here,
            }
        };
        Self {
            points: (0..self.points.len()).map(mean).collect(),
            ..self
        }
    }

    /// The place that is `steps` rows or columns away, if it is in the image and of known depth.
    fn beside(&self, at: usize, [down, right]: [isize; 2], steps: usize) -> Option<usize> {
        let along = |place: usize, direction: isize, extent: usize| {
            let to = place.checked_add_signed(direction * steps as isize)?;
            (to < extent).then_some(to)
        };
        let row = along(at / self.columns, down, self.rows)?;
        let column = along(at % self.columns, right, self.columns)?;
        let other = row * self.columns + column;
        (self.points[other].z > 0.0).then_some(other)
    }

    /// The unit normals, towards the camera; zero where there is none.
    fn normals(&self) -> Vec<Vec3> {
        let normal = |at: usize| {
            let here = self.points[at];
            let end = |direction| {
                let other = self.beside(at, direction, self.reach)?;
                Some(self.points[other]).filter(|there| is_one_surface(here, *there))
            };
            let span = |back, ahead| match (end(back), end(ahead)) {
                (Some(back), Some(ahead)) => Some(ahead - back),
                (Some(back), None) => Some(here - back),
                (None, Some(ahead)) => Some(ahead - here),
                (None, None) => None,
            };
            let across = span([0, -1], [0, 1])?;
            let normal = across.cross(span([-1, 0], [1, 0])?).try_normalize()?;
            Some(if normal.dot(here) > 0.0 {
                -normal
            } else {
                normal
            })
        };
        let normals = (0..self.points.len()).map(|at| match self.points[at].z > 0.0 {
            true => normal(at).unwrap_or(Vec3::ZERO),
            false => Vec3::ZERO,
        });
        normals.collect()
    }

    /// `true` where the surface is bent inwards by an angle whose cosine is less than `limit`.
    fn hollows(&self, normals: &[Vec3], limit: f32) -> Vec<bool> {
        let is_hollow = |at: usize| {
            BESIDE.iter().any(|direction| {
                let Some(other) = self.beside(at, *direction, self.reach) else {
                    return false;
                };
                let (here, there) = (self.points[at], self.points[other]);
                let (one, two) = (normals[at], normals[other]);
                one != Vec3::ZERO
                    && two != Vec3::ZERO
                    && is_one_surface(here, there)
                    && one.dot(two) < limit
                    && (two - one).dot(there - here) < 0.0
            })
        };
        (0..self.points.len()).map(is_hollow).collect()
    }

    /// The numbers of the surfaces of at least `least` pixels, from 1; 0 for none.
    fn surfaces(&self, normals: &[Vec3], is_hollow: &[bool], least: usize) -> Vec<u16> {
        let is_inner = |at: usize| normals[at] != Vec3::ZERO && !is_hollow[at];
        let continues = |at: usize, other: usize| {
            let apart = self.points[other] - self.points[at];
            let limit = OFF_PLANE[0] * self.points[at].z + OFF_PLANE[1];
            is_inner(other)
                && normals[at].dot(apart).abs() <= limit
                && normals[other].dot(apart).abs() <= limit
        };
        let mut surface_of: Vec<u32> = vec![0; self.points.len()];
        let (mut sizes, mut open) = (vec![0usize], Vec::new());
        for first in 0..self.points.len() {
            if !is_inner(first) || surface_of[first] != 0 {
                continue;
            }
            let surface = sizes.len() as u32;
            sizes.push(0);
            surface_of[first] = surface;
            open.push(first);
            while let Some(at) = open.pop() {
                sizes[surface as usize] += 1;
                for other in BESIDE.iter().filter_map(|to| self.beside(at, *to, 1)) {
                    if surface_of[other] == 0 && continues(at, other) {
                        surface_of[other] = surface;
                        open.push(other);
                    }
                }
            }
        }
        let mut kept: Vec<usize> = (1..sizes.len()).filter(|s| sizes[*s] >= least).collect();
        kept.sort_by_key(|surface| std::cmp::Reverse(sizes[*surface]));
        kept.truncate(MAX_MASKS);
        kept.sort_unstable();
        let mut label_of = vec![0; sizes.len()];
        for (label, surface) in (1..).zip(kept) {
            label_of[surface] = label;
        }
        surface_of.iter().map(|s| label_of[*s as usize]).collect()
    }

    /// Gives the pixels near a surface that belong to none, such as those along hollows, to it.
    fn grow(&self, labels: &mut [u16]) {
        for _ in 0..3 * self.reach {
            let before = labels.to_vec();
            for at in 0..labels.len() {
                if before[at] != 0 || self.points[at].z <= 0.0 {
                    continue;
                }
                let near = BESIDE.iter().filter_map(|to| self.beside(at, *to, 1));
                let near = near.filter(|other| {
                    before[*other] != 0 && is_one_surface(self.points[at], self.points[*other])
                });
                if let Some(other) = near.map(|other| before[other]).next() {
                    labels[at] = other;
                }
            }
        }
    }
}

/// Rows down and columns right of the four pixels beside one.
const BESIDE: [[isize; 2]; 4] = [[0, -1], [-1, 0], [0, 1], [1, 0]];

/// `true` unless the depths of two points jump or one is unknown.
fn is_one_surface(one: Vec3, other: Vec3) -> bool {
    other.z > 0.0 && (one.z - other.z).abs() <= JUMP * one.z
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;
    use crate::track::tests::{World, camera_with};

    /// The instances in the masks at the pixels of `world` that `name` covers, most pixels first,
    /// with their shares.
    fn parts(world: &World, name: &str) -> Vec<(u32, f32)> {
        let camera = camera_with([0.0, 0.0, 1.2], 0.0, 4.0);
        let shot = world.shot(&camera);
        let (mask, instances) = depth_masks(&camera, &shot.depth, &DepthMaskOptions::default());
        assert!(
            instances
                .iter()
                .all(|i| i.name.is_empty() && i.score == SCORE)
        );
        let [rows, columns] = shot.depth.size();
        let mut counts = std::collections::BTreeMap::<u32, f32>::new();
        let mut all = 0.0;
        for pixel in 0..rows * columns {
            let (x, y) = (
                (pixel % columns) as f32 + 0.5,
                (pixel / columns) as f32 + 0.5,
            );
            let (x, y) = (x / columns as f32, y / rows as f32);
            let truth = shot.mask.at(x, y);
            if truth.is_some_and(|i| shot.instances[i as usize].name == name) {
                all += 1.0;
                if let Some(found) = mask.at(x, y) {
                    *counts.entry(found).or_default() += 1.0;
                }
            }
        }
        let mut shares: Vec<_> = counts
            .into_iter()
            .map(|(i, count)| (i, count / all))
            .collect();
        shares.sort_by(|a, b| b.1.total_cmp(&a.1));
        shares
    }

    #[test]
    fn a_box_on_the_floor_before_a_wall_is_apart_from_both() {
        let world = World::room(&[("box", [2.0, -0.4, 0.0], [2.6, 0.5, 0.7])]);
        let [of_box, of_wall, of_floor] = ["box", "wall", "floor"].map(|name| parts(&world, name));
        // The top and the front of the box bulge where they meet: one mask has nearly all of both.
        // The floor is seen on both sides of the box, but neither behind nor before it.
        let floor: f32 = of_floor.iter().take(2).map(|(_, share)| share).sum();
        let shares = [of_box[0].1, of_wall[0].1, floor];
        assert!(shares.iter().all(|share| *share > 0.85), "{shares:?}");
        let names = [of_box[0].0, of_wall[0].0, of_floor[0].0, of_floor[1].0];
        assert!(
            names
                .iter()
                .all(|name| names.iter().filter(|n| *n == name).count() == 1)
        );
    }

    #[test]
    fn surfaces_grow_to_where_depth_jumps() {
        let grown = |depths: [f32; 5]| {
            let grid = Grid {
                rows: 1,
                columns: 5,
                points: depths.map(|z| Vec3::new(0.0, 0.0, z)).to_vec(),
                reach: 1,
            };
            let mut labels = [1, 0, 0, 0, 2];
            grid.grow(&mut labels);
            labels
        };
        // A pixel at a time from both ends, and the first of two neighbours in the middle.
        assert_eq!(grown([1.0; 5]), [1, 1, 1, 2, 2]);
        assert_eq!(grown([1.0, 1.0, 2.0, 1.0, 1.0]), [1, 1, 0, 2, 2]);
        assert_eq!(grown([1.0, 0.0, 1.0, 1.0, 1.0]), [1, 0, 2, 2, 2]);
    }

    #[test]
    fn what_has_no_depth_has_no_mask() {
        let camera = camera_with([0.0; 3], 0.0, 1.0);
        for depth in [0.0, f32::NAN, f32::INFINITY, -1.0, 0.1, 9.0] {
            let depth = Map::new(vec![depth; 48 * 64], [48, 64, 1]).unwrap();
            let (mask, instances) = depth_masks(&camera, &depth, &DepthMaskOptions::default());
            assert!(instances.is_empty() && mask.values().iter().all(|label| *label == 0));
        }
        // A single pixel has no normal.
        let depth = Map::new(vec![1.0], [1, 1, 1]).unwrap();
        assert!(
            depth_masks(&camera, &depth, &DepthMaskOptions::default())
                .1
                .is_empty()
        );
        // A plane is one surface.
        let depth = Map::new(vec![1.0; 1000 * 1400], [1000, 1400, 1]).unwrap();
        let (mask, instances) = depth_masks(&camera, &depth, &DepthMaskOptions::default());
        assert_eq!((instances.len(), mask.size()), (1, [200, 280]));
        assert!(mask.values().iter().all(|label| *label == 1));
    }

    proptest! {
        #[test]
        fn any_depth_is_taken_apart(values in prop::collection::vec(prop::num::f32::ANY, 48), near in prop::collection::vec(0.0f32..5.0, 48)) {
            for values in [values, near] {
                let depth = Map::new(values, [6, 8, 1]).unwrap();
                let (mask, instances) = depth_masks(&camera_with([0.0; 3], 0.0, 1.0), &depth, &DepthMaskOptions { min_area: 0.0, ..DepthMaskOptions::default() });
                prop_assert_eq!(usize::from(mask.values().iter().max().copied().unwrap_or(0)), instances.len());
            }
        }
    }
}
