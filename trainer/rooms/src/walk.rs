//! Simulates how a person scans a room: the sensor, the path and the viewing directions.

use std::f32::consts::{PI, TAU};

use glam::{Vec2, Vec3};

use super::{camera::Camera, layout::Layout, rng::RoomRng, suite::Suite};

/// The finest and the coarsest scans: mean distance of a point to its nearest neighbour, metres.
const SPACINGS: [f32; 2] = [0.008, 0.045];

/// The most points of a scan. Training holds all points of a scan and groups them anew for every
/// sample.
pub const MOST_POINTS: usize = 150_000;

/// The settings of one scan.
#[derive(Clone, Copy, Debug)]
pub struct Sensor {
    /// Number of camera positions along the walk.
    pub stations: usize,
    /// Width and height of the image, pixels.
    pub image: [usize; 2],
    /// Edge of a voxel of the depth fusion, metres.
    pub voxel: f32,
    /// Standard deviation of the depth noise at one metre; it grows with the square of the
    /// distance.
    pub noise: f32,
    /// Standard deviations of the drift of the camera's pose, metres and radians.
    pub drift: [f32; 2],
    /// The farthest depth that is used, metres.
    pub range: f32,
    /// Mean of a well-exposed picture, linear.
    pub brightness: f32,
    /// The most points of the scan.
    pub points: usize,
    /// Mean distance of a point to its nearest neighbour, metres.
    pub spacing: f32,
    /// If `true`, points keep a distance from each other, as in a decimated mesh; otherwise they
    /// are uniformly random.
    pub is_mesh: bool,
}

impl Sensor {
    /// Random settings for a scan of `rooms` rooms whose walls, floors and ceilings have the area
    /// `surface`, square metres.
    pub fn new(rooms: usize, surface: f32, rng: &mut RoomRng) -> Self {
        let is_mesh = rng.chance(0.4);
        // Includes the furniture, minus the surfaces that nobody looks at.
        let seen = SEEN * surface;
        let finest = (seen * points_of(is_mesh) / (0.85 * MOST_POINTS as f32))
            .sqrt()
            .clamp(SPACINGS[0], SPACINGS[1]);
        // Finer spacings are more likely.
        let spacing =
            finest * (SPACINGS[1] / finest).powf(rng.within(0.0, 1.0).min(rng.within(0.0, 1.0)));
        Self {
            stations: if rooms == 1 {
                rng.count(28, 60)
            } else {
                (20 + 11 * rooms).min(120)
            },
            // Coarse scans need no more pixels than this.
            image: if rooms == 1 && spacing < 0.026 {
                [184, 138]
            } else {
                [144, 108]
            },
            voxel: (spacing * rng.within(0.9, 1.2))
                .clamp(0.012, if rooms == 1 { 0.024 } else { 0.03 }),
            noise: rng.within(0.0003, 0.0009),
            drift: [rng.within(0.0005, 0.0025), rng.within(0.0002, 0.0012)],
            range: rng.within(3.2, 5.0),
            brightness: rng.within(0.14, 0.45),
            points: MOST_POINTS,
            spacing,
            is_mesh,
        }
    }

    /// The smallest distance between two points of a decimated mesh whose mean neighbour distance
    /// is `spacing`, metres.
    pub fn clearance(&self) -> f32 {
        self.spacing * CLEARANCE
    }
}

/// Area of the scanned surfaces relative to the area of walls, floors and ceilings.
const SEEN: f32 = 0.8;

/// Ratio of the smallest to the mean distance of neighbours when points are added one after another
/// until no more fit.
const CLEARANCE: f32 = 0.87;

/// The expected number of points on an area of `spacing` squared.
fn points_of(is_mesh: bool) -> f32 {
    // Points with a minimum distance have a density of about 0.7 per squared distance. The mean
    // nearest-neighbour distance of random points is half the root of the area per point.
    if is_mesh {
        0.7 / (CLEARANCE * CLEARANCE)
    } else {
        0.25
    }
}

/// The cameras of a walk: along the free floor of every room and through the doorways, panning over
/// the rooms, at the height of a hand-held device.
pub fn walk(suite: &Suite, sensor: &Sensor, rng: &mut RoomRng) -> Vec<Camera> {
    let looks_up = rng.chance(0.12);
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
            let eye = doorway.center.extend(rng.within(1.3, 1.7));
            let (yaw, pitch) = (into.to_angle() + rng.about(0.3), rng.within(-0.6, -0.2));
            cameras.push(
                Camera::new(eye, heading(yaw, pitch), FIELD, sensor.image).rolled(rng.about(0.08)),
            );
        }
        let stations = (sensor.stations as f32 * area(room) / all).round().max(3.0) as usize;
        pan(room, stations, looks_up, sensor, rng, &mut cameras);
    }
    cameras
}

/// The horizontal field of view, radians.
const FIELD: f32 = 1.05;

/// The unit vector of a direction in the plan, `yaw`, and an elevation angle, `pitch`.
fn heading(yaw: f32, pitch: f32) -> Vec3 {
    Vec3::new(
        yaw.cos() * pitch.cos(),
        yaw.sin() * pitch.cos(),
        pitch.sin(),
    )
}

/// Adds cameras all over one room.
fn pan(
    room: &Layout,
    stations: usize,
    looks_up: bool,
    sensor: &Sensor,
    rng: &mut RoomRng,
    cameras: &mut Vec<Camera>,
) {
    let shell = &room.shell;
    let (lo, hi) = shell.bounds();
    let mut spots = Vec::new();
    let mut margin = 0.35;
    while spots.len() < 6 && margin > 0.05 {
        for _ in 0..400 {
            let p = Vec2::new(rng.within(lo.x, hi.x), rng.within(lo.y, hi.y));
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
    let center = spots.iter().sum::<Vec2>() / spots.len() as f32;
    spots.sort_by(|a, b| {
        (*a - center)
            .to_angle()
            .total_cmp(&(*b - center).to_angle())
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
            spot.extend(rng.within(1.15, 1.75)) + Vec3::new(rng.about(0.1), rng.about(0.1), 0.0);
        // Turn about, but not towards a wall that is too near to see.
        let mut yaw = along * 2.4 + rng.about(0.6);
        for _ in 0..8 {
            if shell.contains(spot + Vec2::from_angle(yaw) * 1.1, 0.0) {
                break;
            }
            yaw = rng.about(PI);
        }
        let pitch = if looks_up && rng.chance(0.25) {
            rng.within(0.0, 0.45)
        } else {
            rng.within(-0.9, -0.12)
        };
        cameras.push(
            Camera::new(eye, heading(yaw, pitch), FIELD, sensor.image).rolled(rng.about(0.08)),
        );
    }
}

/// A random rotation of the whole scan about z, radians: scans are not aligned with the walls.
pub fn any_turn(rng: &mut RoomRng) -> f32 {
    if rng.chance(0.3) {
        rng.about(0.1)
    } else {
        rng.within(0.0, TAU)
    }
}
