//! How somebody scans a room: with which sensor, along which way, looking where.

use std::f32::consts::{PI, TAU};

use glam::{Vec2, Vec3};

use super::{camera::Camera, dice::Dice, layout::Layout, suite::Suite};

/// The finest and the coarsest scans: the mean distance of a point to its nearest neighbour,
/// metres.
const SPACINGS: [f32; 2] = [0.008, 0.045];

/// How many points a scan may have. Training holds all of a scan's points and groups them anew for
/// every sample.
pub const MOST_POINTS: usize = 150_000;

/// How one scan is made.
#[derive(Clone, Copy, Debug)]
pub struct Sensor {
    /// Camera positions along the walk.
    pub stations: usize,
    /// Pixels across and down.
    pub image: [usize; 2],
    /// Edge of a voxel of the fusion, metres.
    pub voxel: f32,
    /// Depth noise (one standard deviation) at one metre; it grows with the square of the distance.
    pub noise: f32,
    /// Drift of the camera's pose, metres and radians (one standard deviation).
    pub drift: [f32; 2],
    /// The farthest depth that is used, metres.
    pub range: f32,
    /// Mean of a well-exposed picture, linear.
    pub brightness: f32,
    /// How many points the scan has at most.
    pub points: usize,
    /// Mean distance of a point to its nearest neighbour, metres.
    pub spacing: f32,
    /// Whether points keep a distance from each other as in a decimated mesh, or lie evenly at
    /// random.
    pub is_mesh: bool,
}

impl Sensor {
    /// A sensor and a habit of scanning so many rooms, whose walls, floors and ceilings have a
    /// surface of so many square metres.
    pub fn new(rooms: usize, surface: f32, dice: &mut Dice) -> Self {
        let is_mesh = dice.chance(0.4);
        // what is scanned with its furniture, less what nobody looks at
        let seen = SEEN * surface;
        let finest = (seen * points_of(is_mesh) / (0.85 * MOST_POINTS as f32))
            .sqrt()
            .clamp(SPACINGS[0], SPACINGS[1]);
        // finer ones more often
        let spacing =
            finest * (SPACINGS[1] / finest).powf(dice.within(0.0, 1.0).min(dice.within(0.0, 1.0)));
        Self {
            stations: if rooms == 1 {
                dice.count(28, 60)
            } else {
                (20 + 11 * rooms).min(120)
            },
            // coarse scans need no more pixels than this
            image: if rooms == 1 && spacing < 0.026 {
                [184, 138]
            } else {
                [144, 108]
            },
            voxel: (spacing * dice.within(0.9, 1.2))
                .clamp(0.012, if rooms == 1 { 0.024 } else { 0.03 }),
            noise: dice.within(0.0003, 0.0009),
            drift: [dice.within(0.0005, 0.0025), dice.within(0.0002, 0.0012)],
            range: dice.within(3.2, 5.0),
            brightness: dice.within(0.14, 0.45),
            points: MOST_POINTS,
            spacing,
            is_mesh,
        }
    }

    /// The smallest distance between two points of a decimated mesh whose neighbours are `spacing`
    /// apart in the mean.
    pub fn clearance(&self) -> f32 {
        self.spacing * CLEARANCE
    }
}

/// Area that the points lie on, of the area of walls, floors and ceilings.
const SEEN: f32 = 0.8;

/// Smallest distance between points to the mean one, where as many lie on a surface as find a place
/// one after the other.
const CLEARANCE: f32 = 0.87;

/// How many points there are on an area of the square of their spacing.
fn points_of(is_mesh: bool) -> f32 {
    // points that keep a clearance fill about 0.7 of its square; of those at random the nearest is
    // half the root of each one's area away
    if is_mesh {
        0.7 / (CLEARANCE * CLEARANCE)
    } else {
        0.25
    }
}

/// The cameras of a walk: along the free floor of every room and through the doorways, panning over
/// the rooms, at the height of a hand-held device.
pub fn walk(suite: &Suite, sensor: &Sensor, dice: &mut Dice) -> Vec<Camera> {
    let looks_up = dice.chance(0.12);
    let route = suite.route();
    let area = |room: &Layout| {
        let (lo, hi) = room.shell.bounds();
        (hi - lo).element_product()
    };
    let all: f32 = suite.rooms.iter().map(area).sum();
    let mut cameras = Vec::new();
    for (number, by) in route {
        let room = &suite.rooms[number];
        if let Some(doorway) = by {
            let into = if doorway.rooms[1] == number {
                doorway.direction
            } else {
                -doorway.direction
            };
            let eye = doorway.center.extend(dice.within(1.3, 1.7));
            let (yaw, pitch) = (into.to_angle() + dice.about(0.3), dice.within(-0.6, -0.2));
            cameras.push(
                Camera::new(eye, heading(yaw, pitch), FIELD, sensor.image).rolled(dice.about(0.08)),
            );
        }
        let stations = (sensor.stations as f32 * area(room) / all).round().max(3.0) as usize;
        pan(room, stations, looks_up, sensor, dice, &mut cameras);
    }
    cameras
}

/// The horizontal field of view, radians.
const FIELD: f32 = 1.05;

/// The unit vector of a direction in the plan and an angle above it.
fn heading(yaw: f32, pitch: f32) -> Vec3 {
    Vec3::new(
        yaw.cos() * pitch.cos(),
        yaw.sin() * pitch.cos(),
        pitch.sin(),
    )
}

/// Cameras all over one room.
fn pan(
    room: &Layout,
    stations: usize,
    looks_up: bool,
    sensor: &Sensor,
    dice: &mut Dice,
    cameras: &mut Vec<Camera>,
) {
    let shell = &room.shell;
    let (lo, hi) = shell.bounds();
    let mut spots = Vec::new();
    let mut margin = 0.35;
    while spots.len() < 6 && margin > 0.05 {
        for _ in 0..400 {
            let p = Vec2::new(dice.within(lo.x, hi.x), dice.within(lo.y, hi.y));
            if shell.contains(p, margin)
                && !room.blocks(p, margin * 0.5)
                && spots.iter().all(|q: &Vec2| q.distance(p) > 0.5)
            {
                spots.push(p);
            }
        }
        margin -= 0.1;
    }
    if spots.is_empty() {
        spots.push((lo + hi) / 2.0);
    }
    spots.truncate(14);
    let centre = spots.iter().sum::<Vec2>() / spots.len() as f32;
    spots.sort_by(|a, b| {
        (*a - centre)
            .to_angle()
            .total_cmp(&(*b - centre).to_angle())
    });
    for i in 0..stations {
        let along = i as f32 / stations as f32 * spots.len() as f32;
        let (here, next) = (
            spots[along as usize % spots.len()],
            spots[(along as usize + 1) % spots.len()],
        );
        let spot = here.lerp(
            next,
            if shell.contains(here.midpoint(next), 0.2) {
                along.fract()
            } else {
                0.0
            },
        );
        let eye =
            spot.extend(dice.within(1.15, 1.75)) + Vec3::new(dice.about(0.1), dice.about(0.1), 0.0);
        // Turn about, but not into a wall that is too near to see.
        let mut yaw = along * 2.4 + dice.about(0.6);
        for _ in 0..8 {
            if shell.contains(spot + Vec2::from_angle(yaw) * 1.1, 0.0) {
                break;
            }
            yaw = dice.about(PI);
        }
        let pitch = if looks_up && dice.chance(0.25) {
            dice.within(0.0, 0.45)
        } else {
            dice.within(-0.9, -0.12)
        };
        cameras.push(
            Camera::new(eye, heading(yaw, pitch), FIELD, sensor.image).rolled(dice.about(0.08)),
        );
    }
}

/// The turn of the whole scan about z: scans are not aligned to the walls.
pub fn any_turn(dice: &mut Dice) -> f32 {
    if dice.chance(0.3) {
        dice.about(0.1)
    } else {
        dice.within(0.0, TAU)
    }
}
