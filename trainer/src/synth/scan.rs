//! A walk with a depth camera through a furnished room, and what a scanning application makes of it.

use std::{
    collections::HashMap,
    f32::consts::{PI, TAU},
};

use glam::{IVec3, Vec2, Vec3};

use super::{
    camera::{Camera, View},
    dice::Dice,
    fusion::{Sample, Volume},
    layout::Layout,
    light::Lighting,
    noise::{noise, unit},
    scene::Scene,
};

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
            noise: dice.within(0.0004, 0.0011),
            drift: [dice.within(0.0005, 0.003), dice.within(0.0003, 0.0015)],
            range: dice.within(3.2, 5.0),
            points: if mesh { 90_000 } else { dice.count(46_000, 60_000) },
            spacing: if mesh { dice.within(0.02, 0.027) } else { 0.0 },
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
    let looks_up = dice.chance(0.25);
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
            let pitch = if looks_up && dice.chance(0.25) { dice.within(0.0, 0.45) } else { dice.within(-0.85, 0.05) };
            let forward = Vec3::new(yaw.cos() * pitch.cos(), yaw.sin() * pitch.cos(), pitch.sin());
            Camera::new(eye, forward, 1.05, [184, 138]).rolled(dice.about(0.08))
        })
        .collect()
}

/// Fuses what the cameras see and takes points from the surface; owners index `scene.owners`.
pub fn scan(scene: &Scene, cameras: &[Camera], lighting: &Lighting, sensor: &Sensor, dice: &mut Dice) -> Vec<Sample> {
    let (lo, hi) = scene.positions.iter().fold((Vec3::INFINITY, Vec3::NEG_INFINITY), |(lo, hi), p| (lo.min(*p), hi.max(*p)));
    let mut volume = Volume::new(lo - 0.2, hi + 0.2, sensor.voxel);
    let mut exposure = None;
    for camera in cameras {
        let view = camera.view(scene);
        let frame = Frame::new(scene, camera, &view, lighting);
        // The exposure follows the picture with delay, and never fully.
        let target = 0.34 / frame.mean().max(0.05);
        let gain = exposure.map_or(target, |e: f32| e * (target / e).powf(0.5)).clamp(0.35, 3.5);
        exposure = Some(gain);
        integrate(&mut volume, camera, &view, &frame, gain, scene, sensor, dice);
    }
    let mut samples = volume.surface();
    for sample in &mut samples {
        // Crossings lie on the voxels' edges; real vertices do not lie on a grid.
        let normal = volume.normal(sample.position);
        if normal != Vec3::ZERO {
            let shift = Vec3::new(dice.about(0.5), dice.about(0.5), dice.about(0.5)) * sensor.voxel;
            sample.position += shift - normal * shift.dot(normal);
        }
    }
    thinned(samples, sensor, dice)
}

/// The picture that belongs to a view: linear RGB before exposure.
struct Frame {
    color: Vec<Vec3>,
    normal: Vec<Vec3>,
}

impl Frame {
    fn new(scene: &Scene, camera: &Camera, view: &View, lighting: &Lighting) -> Self {
        let pixels = view.depth.len();
        let mut frame = Self { color: vec![Vec3::ZERO; pixels], normal: vec![Vec3::ZERO; pixels] };
        let width = camera.size[0];
        for (i, (&depth, &index)) in view.depth.iter().zip(&view.triangle).enumerate() {
            if index == u32::MAX {
                continue;
            }
            let triangle = &scene.triangles[index as usize];
            let p = camera.point(i % width, i / width, depth);
            let [a, b, c] = scene.corners(index as usize);
            let cross = (b - a).cross(c - a);
            let squared = cross.length_squared().max(1e-20);
            let (wb, wc) = ((p - a).cross(c - a).dot(cross) / squared, (b - a).cross(p - a).dot(cross) / squared);
            let [ta, tb, tc] = triangle.corners.map(|i| scene.textures[i as usize]);
            let texture = ta + (tb - ta) * wb + (tc - ta) * wc;
            let normal = cross / squared.sqrt();
            let normal = if normal.dot(camera.forward) > 0.0 && normal.dot(p - camera.eye) > 0.0 || normal.dot(p - camera.eye) > 0.0 {
                -normal
            } else {
                normal
            };
            let material = &scene.materials[triangle.material as usize];
            let albedo = material.color(texture);
            frame.color[i] = albedo * albedo * (lighting.at(p, normal) + material.glow);
            frame.normal[i] = normal;
        }
        frame
    }

    fn mean(&self) -> f32 {
        self.color.iter().map(|c| c.element_sum() / 3.0).sum::<f32>() / self.color.len() as f32
    }
}

#[allow(clippy::too_many_arguments)]
fn integrate(volume: &mut Volume, camera: &Camera, view: &View, frame: &Frame, gain: f32, scene: &Scene, sensor: &Sensor, dice: &mut Dice) {
    let [width, height] = camera.size;
    let seed = dice.seed();
    let drift = Vec3::new(dice.normal(), dice.normal(), dice.normal()) * sensor.drift[0];
    let spin = Vec3::new(dice.normal(), dice.normal(), dice.normal()) * sensor.drift[1];
    // The colour camera is a few pixels off, and blurred by the hand's motion.
    let (shift_x, shift_y) = (dice.count(0, 2) as i32 - 1, dice.count(0, 2) as i32 - 1);
    let clamp = |v: i32, n: usize| v.clamp(0, n as i32 - 1) as usize;
    for y in 1..height - 1 {
        for x in 1..width - 1 {
            let i = y * width + x;
            let depth = view.depth[i];
            if !(0.35..sensor.range).contains(&depth) {
                continue;
            }
            let triangle = &scene.triangles[view.triangle[i] as usize];
            let ray = camera.ray(x, y);
            let facing = -frame.normal[i].dot(ray) / ray.length();
            let edge = [i - 1, i + 1, i - width, i + width].into_iter().any(|j| (view.depth[j] - depth).abs() > 0.04 + 0.03 * depth);
            // Depth fails in patches on glass and black gloss, at grazing angles, and often at outlines.
            let patch = noise(Vec3::new(x as f32 / 9.0, y as f32 / 9.0, 0.0), seed);
            let miss = scene.materials[triangle.material as usize].missing + if facing < 0.2 { 0.5 } else { 0.0 } + if edge { 0.35 } else { 0.0 };
            let luck = 0.6 * patch + 0.4 * dice.within(0.0, 1.0);
            if luck < 0.2 + 0.6 * miss - 0.2 * f32::from(miss < 0.05) {
                continue;
            }
            let spread = sensor.noise * (0.4 + depth * depth);
            let wave = noise(Vec3::new(x as f32 / 14.0, y as f32 / 14.0, 7.0), seed) - 0.5;
            let measured = depth + spread * (0.7 * dice.normal() + 3.0 * wave);
            let (cx, cy) = (clamp(x as i32 + shift_x, width), clamp(y as i32 + shift_y, height));
            let blurred = [(0, 0), (1, 0), (0, 1)]
                .iter()
                .map(|(dx, dy)| frame.color[clamp(cy as i32 + dy, height) * width + clamp(cx as i32 + dx, width)])
                .sum::<Vec3>()
                / 3.0;
            let off_centre = Vec2::new(x as f32 / width as f32 - 0.5, y as f32 / height as f32 - 0.5).length_squared();
            let grain = 0.012 * (unit(seed, i as u32) - 0.5);
            let color = (blurred * gain * (1.0 - 0.5 * off_centre)).map(|c| (c.max(0.0).sqrt() + grain).clamp(0.0, 1.0));
            let eye = camera.eye + drift;
            let weight = facing.max(0.1) / (0.3 + depth * depth * 0.3);
            volume.integrate(eye, ray + spin.cross(ray), measured, weight, color, triangle.owner);
        }
    }
}

/// Thins a surface to the sensor's number of points: by a smallest distance, as decimated meshes are spaced, or evenly at random.
fn thinned(mut samples: Vec<Sample>, sensor: &Sensor, dice: &mut Dice) -> Vec<Sample> {
    dice.shuffle(&mut samples);
    if sensor.spacing > 0.0 {
        let cell_of = |p: Vec3| (p / sensor.spacing).floor().as_ivec3();
        let mut kept: HashMap<IVec3, Vec3> = HashMap::new();
        samples.retain(|s| {
            let cell = cell_of(s.position);
            let mut near = (-1..=1).flat_map(|z| (-1..=1).flat_map(move |y| (-1..=1).map(move |x| IVec3::new(x, y, z))));
            let crowded = near.any(|d| kept.get(&(cell + d)).is_some_and(|q| q.distance(s.position) < sensor.spacing));
            if !crowded {
                kept.insert(cell, s.position);
            }
            !crowded
        });
    }
    samples.truncate(sensor.points);
    samples
}

/// The turn of the whole scan about z: scans are not aligned to the walls.
pub fn any_turn(dice: &mut Dice) -> f32 {
    if dice.chance(0.3) { dice.about(0.1) } else { dice.within(0.0, TAU) }
}
