//! Where a person would stand to look at a thing of a scan that has no photographs.

use std::collections::HashSet;

use glam::{Affine3A, Mat3A, Vec3, Vec3A};

use super::{Camera, Splats};

/// Number of directions around a thing, and the heights of the camera above it as angles, degrees.
const DIRECTIONS: usize = 16;
const ELEVATIONS: [f32; 3] = [15.0, 40.0, -10.0];
/// Distances that are tried, as shares of the one from which the thing fills the picture well.
const DISTANCES: [f32; 2] = [1.0, 0.65];
/// Smallest and largest distance from the middle of the thing, metres.
const REACH: [f32; 2] = [0.5, 4.0];
/// Half of the angle of view with which the distance is chosen, and the smallest and largest half
/// angle that is used, degrees.
const HALF_ANGLE: f32 = 28.0;
const HALF_ANGLES: [f32; 2] = [8.0, 40.0];
/// Share of the picture's side that the thing fills.
const FILLED: f32 = 0.65;
/// Lowest and highest place of eyes above the floor, metres.
const EYES: [f32; 2] = [0.3, 1.9];
/// Distance from a camera within which nothing may be, metres.
const CLEAR: f32 = 0.25;
/// Height above the floor of points that are part of it, and the side of the squares in which some
/// of the floor must be for a person to stand there, metres.
const FLOOR: f32 = 0.3;
const SQUARE: f32 = 0.5;
/// Share of the points below the floor, which are noise.
const BELOW: f32 = 0.01;
/// Largest distance of a camera from what it is aimed at, metres.
const FARTHEST: f32 = 20.0;
/// Smallest edge of a voxel, metres.
const VOXEL: f32 = 0.05;
/// Number of points of a thing that are aimed at.
const AIMS: usize = 48;
/// Distance from an aim within which the thing does not hide it: it is on a surface itself, metres.
const AT_AIM: f32 = 0.15;
/// Least share of what the best place sees.
const LEAST_SHARE: f32 = 0.5;
/// Smallest angle between two of the places that are chosen, degrees.
const APART: f32 = 25.0;
/// Side of the pictures, pixels.
const SIDE: f32 = 384.0;

/// The space of a scan in which one can stand.
#[derive(Clone, Debug)]
pub struct Standpoints {
    /// Edge of a voxel, metres.
    voxel: f32,
    /// Voxels with points.
    occupied: HashSet<[i32; 3]>,
    /// Squares with some of the floor.
    floors: HashSet<[i32; 2]>,
    /// Height of the floor, metres.
    floor: f32,
}

/// A place to look from.
struct Place {
    eye: Vec3,
    /// `true` if there is floor below.
    is_standing: bool,
    /// Share of the aims that are seen.
    share: f32,
}

impl Standpoints {
    /// Looks where the points that are drawn are. World frame: metres, z up.
    pub fn new(splats: &Splats) -> Self {
        let voxel = VOXEL.max(2.0 * splats.spacing());
        let finite = || splats.drawn().filter(|p| p.iter().all(|x| x.is_finite()));
        let mut heights: Vec<f32> = finite().map(|[.., z]| z).collect();
        let rank = (heights.len() as f32 * BELOW) as usize;
        let floor = match heights.is_empty() {
            true => 0.0,
            false => *heights.select_nth_unstable_by(rank, f32::total_cmp).1,
        };
        let is_floor = |point: &[f32; 3]| (point[2] - floor).abs() <= FLOOR;
        let floors = finite().filter(is_floor);
        Self {
            voxel,
            occupied: finite().map(|point| cell(point, voxel)).collect(),
            floors: floors.map(|[x, y, _]| cell([x, y], SQUARE)).collect(),
            floor,
        }
    }

    /// At most `most` cameras that look at a thing, given by its points: those that see most
    /// of it come first, and those that stand on the floor, if any sees something, before others.
    /// None if there is no free place from which it is seen.
    pub fn around(&self, points: &[[f32; 3]], most: usize) -> Vec<Camera> {
        let step = points.len().div_ceil(AIMS).max(1);
        let finite = points.iter().step_by(step).map(|point| Vec3::from(*point));
        let aims: Vec<Vec3> = finite.filter(|point| point.is_finite()).collect();
        if aims.is_empty() {
            return Vec::new();
        }
        let low = aims.iter().copied().fold(aims[0], Vec3::min);
        let high = aims.iter().copied().fold(aims[0], Vec3::max);
        let middle = (low + high) / 2.0;
        let radius = ((high - low).length() / 2.0).max(0.05);
        let own = points
            .iter()
            .map(|point| cell(*point, self.voxel))
            .collect();
        let mut places = self.places(middle, radius, &aims, &own);
        // Stable: equal ones stay in the order of directions.
        places.sort_by(|a, b| {
            let standing = b.is_standing.cmp(&a.is_standing);
            standing.then(b.share.total_cmp(&a.share))
        });
        let best = places.first().map_or(0.0, |place| place.share);
        places.retain(|place| place.share >= LEAST_SHARE * best);
        let mut chosen: Vec<Vec3> = Vec::new();
        for place in places {
            let way = (place.eye - middle).normalize_or_zero();
            let is_apart = |other: &Vec3| {
                let cosine = way.dot((*other - middle).normalize_or_zero());
                cosine < APART.to_radians().cos()
            };
            if chosen.len() < most && chosen.iter().all(is_apart) {
                chosen.push(place.eye);
            }
        }
        let look = |eye: Vec3| look_at(eye, middle, radius);
        chosen.into_iter().map(look).collect()
    }

    /// The free places around a thing from which some of it is seen.
    fn places(
        &self,
        middle: Vec3,
        radius: f32,
        aims: &[Vec3],
        own: &HashSet<[i32; 3]>,
    ) -> Vec<Place> {
        let [nearest, farthest] = REACH;
        let well = radius / (FILLED * HALF_ANGLE.to_radians().tan());
        let mut places = Vec::new();
        for distance in DISTANCES.map(|share| (share * well).clamp(nearest, farthest)) {
            for elevation in ELEVATIONS.map(f32::to_radians) {
                for direction in 0..DIRECTIONS {
                    let turn = std::f32::consts::TAU * direction as f32 / DIRECTIONS as f32;
                    let across = Vec3::new(turn.cos(), turn.sin(), 0.0) * elevation.cos();
                    let mut eye = middle + distance * (across + Vec3::Z * elevation.sin());
                    let [low, high] = EYES.map(|height| self.floor + height);
                    eye.z = eye.z.clamp(low, high);
                    if !self.is_clear(eye) {
                        continue;
                    }
                    let seen = aims
                        .iter()
                        .filter(|aim| self.is_open(eye, **aim, own))
                        .count();
                    if seen > 0 {
                        places.push(Place {
                            eye,
                            is_standing: self.floors.contains(&cell([eye.x, eye.y], SQUARE)),
                            share: seen as f32 / aims.len() as f32,
                        });
                    }
                }
            }
        }
        places
    }

    /// `true` if nothing is near a place.
    fn is_clear(&self, eye: Vec3) -> bool {
        let reach = (CLEAR / self.voxel).ceil() as i32;
        let [x, y, z] = cell(eye.to_array(), self.voxel);
        let around = || -reach..=reach;
        !around().any(|i| {
            around().any(|j| around().any(|k| self.occupied.contains(&[x + i, y + j, z + k])))
        })
    }

    /// `true` if nothing is between a place and an aim on a thing with its `own` voxels.
    fn is_open(&self, eye: Vec3, aim: Vec3, own: &HashSet<[i32; 3]>) -> bool {
        let way = aim - eye;
        let length = way.length();
        if length.is_nan() || length > FARTHEST {
            return false;
        }
        let step = self.voxel / 2.0;
        let steps = ((length - self.voxel) / step).max(0.0) as usize;
        (0..steps).all(|number| {
            let passed = number as f32 * step;
            let at = cell((eye + way * (passed / length)).to_array(), self.voxel);
            let is_aim = length - passed < AT_AIM.max(2.0 * self.voxel) && own.contains(&at);
            is_aim || !self.occupied.contains(&at)
        })
    }
}

/// The cell of a grid that contains a place.
fn cell<const N: usize>(at: [f32; N], size: f32) -> [i32; N] {
    // Away from the range of i32 by more than the cells that are looked at around one.
    at.map(|x| ((x / size).floor() as i32).clamp(i32::MIN / 2, i32::MAX / 2))
}

/// A camera whose picture a thing of a `radius` fills well.
fn look_at(eye: Vec3, middle: Vec3, radius: f32) -> Camera {
    let way = middle - eye;
    let [narrow, wide] = HALF_ANGLES.map(f32::to_radians);
    let half = (radius / (FILLED * way.length()))
        .atan()
        .clamp(narrow, wide);
    let ahead = Vec3A::from(way.normalize_or(Vec3::X));
    let right = ahead.cross(Vec3A::Z).normalize_or(Vec3A::Y);
    let down = ahead.cross(right);
    Camera {
        width: SIDE,
        height: SIDE,
        focal: [0.5 * SIDE / half.tan(); 2],
        center: [0.5 * (SIDE - 1.0); 2],
        world_from_camera: Affine3A {
            matrix3: Mat3A::from_cols(right, down, ahead),
            translation: eye.into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A grid of points with 4 cm between them: a start and two edges.
    fn patch(start: [f32; 3], a: [f32; 3], b: [f32; 3]) -> Vec<[f32; 3]> {
        let [start, a, b] = [start, a, b].map(Vec3::from);
        let steps = |edge: Vec3| (edge.length() / 0.04) as usize + 1;
        let (n, m) = (steps(a), steps(b));
        let along = move |i: usize, n: usize| i as f32 / (n - 1) as f32;
        (0..n * m)
            .map(|i| (start + a * along(i % n, n) + b * along(i / n, m)).to_array())
            .collect()
    }

    /// A room of 4 x 3 m with a box of half a metre in the corner at the origin; the walls at x = 0
    /// and y = 0 have a neighbour's room behind them.
    fn room() -> (Vec<[f32; 3]>, Vec<[f32; 3]>) {
        let mut room = patch([-3.0, -3.0, 0.0], [7.0, 0.0, 0.0], [0.0, 6.0, 0.0]);
        room.extend(patch([0.0; 3], [0.0, 3.0, 0.0], [0.0, 0.0, 2.5]));
        room.extend(patch([0.0; 3], [4.0, 0.0, 0.0], [0.0, 0.0, 2.5]));
        let mut thing = patch([0.1, 0.1, 0.5], [0.5, 0.0, 0.0], [0.0, 0.5, 0.0]);
        thing.extend(patch([0.6, 0.1, 0.0], [0.0, 0.5, 0.0], [0.0, 0.0, 0.5]));
        thing.extend(patch([0.1, 0.6, 0.0], [0.5, 0.0, 0.0], [0.0, 0.0, 0.5]));
        room.extend(&thing);
        (room, thing)
    }

    #[test]
    fn one_stands_in_the_room_and_does_not_look_through_walls() {
        let (room, thing) = room();
        let splats = Splats::new(&room, None);
        let found = Standpoints::new(&splats).around(&thing, 5);
        assert!((2..=5).contains(&found.len()), "{} places", found.len());
        for camera in &found {
            let [x, y, z] = camera.position();
            assert!(x > 0.2 && y > 0.2, "behind a wall: {x}, {y}");
            assert!((0.3..=1.9).contains(&z), "{z} m above the floor");
            // What it looks at is in the middle, upright, and fills the picture.
            let pixel = camera.project([0.35, 0.35, 0.25]).map(|p| [p.x, p.y]);
            let [u, v] = pixel.unwrap_or([9.0; 2]);
            assert!((u - 0.5).abs() < 0.05 && (v - 0.5).abs() < 0.05, "{u}, {v}");
            let above = camera.project([0.35, 0.35, 0.5]).map_or(9.0, |p| p.y);
            assert!(above < v, "the picture is upside down");
            let corners = thing.iter().filter(|p| camera.project(**p).is_some());
            assert_eq!(corners.count(), thing.len());
        }
    }

    #[test]
    fn what_is_walled_in_is_looked_at_from_nowhere() {
        let (mut room, _) = room();
        let thing = patch([2.0, 2.0, 1.0], [0.1, 0.0, 0.0], [0.0, 0.1, 0.0]);
        for axis in 0..3 {
            for side in [-0.4, 0.5] {
                let mut start = [1.6, 1.6, 0.6];
                start[axis] = [2.0, 2.0, 1.0][axis] + side;
                let edge = |of: usize| std::array::from_fn(|a| if a == of { 0.9 } else { 0.0 });
                room.extend(patch(start, edge((axis + 1) % 3), edge((axis + 2) % 3)));
            }
        }
        room.extend(&thing);
        let splats = Splats::new(&room, None);
        assert!(Standpoints::new(&splats).around(&thing, 5).is_empty());
    }

    #[test]
    fn a_thing_without_a_floor_is_looked_at_all_the_same() {
        let thing = patch([5.0, 5.0, 1.0], [0.2, 0.0, 0.0], [0.0, 0.0, 0.2]);
        let splats = Splats::new(&thing, None);
        let found = Standpoints::new(&splats).around(&thing, 3);
        assert_eq!(found.len(), 3);
        let none = [[f32::NAN; 3]];
        assert!(Standpoints::new(&splats).around(&none, 3).is_empty());
        let nothing = Splats::new(&none, None);
        assert_eq!(Standpoints::new(&nothing).around(&thing, 3).len(), 3);
    }
}
