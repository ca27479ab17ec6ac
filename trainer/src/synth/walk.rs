//! How somebody scans a room: with which sensor, along which way, looking where.

use std::f32::consts::{PI, TAU};

use glam::{Vec2, Vec3};

use super::{camera::Camera, dice::Dice, layout::Layout};

/// How one scan is made.
#[derive(Clone, Copy, Debug)]
pub struct Sensor {
    /// Camera positions along the walk.
    pub stations: usize,
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
    /// Smallest distance between points as in a decimated mesh; 0 for an even random choice.
    pub spacing: f32,
}

impl Sensor {
    /// A sensor and a habit of scanning.
    pub fn new(dice: &mut Dice) -> Self {
        let mesh = dice.chance(0.4);
        Self {
            stations: dice.count(28, 60),
            voxel: dice.within(0.018, 0.024),
            noise: dice.within(0.0003, 0.0009),
            drift: [dice.within(0.0005, 0.0025), dice.within(0.0002, 0.0012)],
            range: dice.within(3.2, 5.0),
            brightness: dice.within(0.14, 0.45),
            points: if mesh { 90_000 } else { dice.count(46_000, 60_000) },
            spacing: if mesh { dice.within(0.018, 0.026) } else { 0.0 },
        }
    }
}

/// The cameras of a walk: along the free floor, panning over the room, at the height of a hand-held device.
pub fn walk(layout: &Layout, sensor: &Sensor, dice: &mut Dice) -> Vec<Camera> {
    let shell = &layout.shell;
    let (lo, hi) = shell.bounds();
    let mut spots = Vec::new();
    let mut margin = 0.35;
    while spots.len() < 6 && margin > 0.05 {
        for _ in 0..400 {
            let p = Vec2::new(dice.within(lo.x, hi.x), dice.within(lo.y, hi.y));
            if shell.contains(p, margin) && !layout.blocks(p, margin * 0.5) && spots.iter().all(|q: &Vec2| q.distance(p) > 0.5) {
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
    spots.sort_by(|a, b| (*a - centre).to_angle().total_cmp(&(*b - centre).to_angle()));
    let looks_up = dice.chance(0.12);
    (0..sensor.stations)
        .map(|i| {
            let along = i as f32 / sensor.stations as f32 * spots.len() as f32;
            let (here, next) = (spots[along as usize % spots.len()], spots[(along as usize + 1) % spots.len()]);
            let spot = here.lerp(next, if shell.contains(here.midpoint(next), 0.2) { along.fract() } else { 0.0 });
            let eye = spot.extend(dice.within(1.15, 1.75)) + Vec3::new(dice.about(0.1), dice.about(0.1), 0.0);
            // Turn about, but not into a wall that is too near to see.
            let mut yaw = along * 2.4 + dice.about(0.6);
            for _ in 0..8 {
                if shell.contains(spot + Vec2::from_angle(yaw) * 1.1, 0.0) {
                    break;
                }
                yaw = dice.about(PI);
            }
            let pitch = if looks_up && dice.chance(0.25) { dice.within(0.0, 0.45) } else { dice.within(-0.9, -0.12) };
            let forward = Vec3::new(yaw.cos() * pitch.cos(), yaw.sin() * pitch.cos(), pitch.sin());
            Camera::new(eye, forward, 1.05, [184, 138]).rolled(dice.about(0.08))
        })
        .collect()
}

/// The turn of the whole scan about z: scans are not aligned to the walls.
pub fn any_turn(dice: &mut Dice) -> f32 {
    if dice.chance(0.3) { dice.about(0.1) } else { dice.within(0.0, TAU) }
}
