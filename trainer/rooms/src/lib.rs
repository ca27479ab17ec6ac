//! Synthetic rooms that look like scans, with instance ground truth: objects from part grammars and
//! third-party models, furnished layouts, a simulated walk with a depth camera, and depth fusion.
//!
//! Frames: objects and rooms are in metres, z up. Everything is a function of the seed and the
//! room's number.

use glam::{Affine3A, Quat, Vec3};

mod assets;
mod building;
mod camera;
pub mod classes;
mod deform;
mod floorplan;
mod furnisher;
mod fusion;
mod grammar;
mod groups;
mod halls;
mod hung;
mod layout;
mod library;
mod light;
mod material;
mod mesh;
pub mod noise;
mod on_tops;
mod plans;
mod ply;
pub mod rng;
mod scan;
mod scene;
mod services;
mod structure;
mod suite;
mod tops;
mod vary;
mod walk;
mod ways;
mod world;

use layout::Layout;
use light::Lighting;
use rng::RoomRng;
use scene::{Light, Owner, Pose, Scene};
use suite::Suite;
use walk::Sensor;
pub use world::{Models, World};

/// Least area of a labelled instance, square metres: its number of points times the square of the
/// point spacing. Smaller instances are not labelled because nobody could have seen them. At a
/// spacing of 1.9 cm it is 40 points.
const LEAST_AREA: f32 = 0.0144;

/// A scan-like room as a structure of arrays, each with one entry per point.
#[derive(Clone, Debug, PartialEq)]
pub struct SyntheticRoom {
    /// `(points, 3)`: metres, z up, the lowest corner at the origin.
    pub positions: Vec<[f32; 3]>,
    /// `(points, 3)`: sRGB.
    pub colors: Vec<[u8; 3]>,
    /// `(points)`: ids of [`classes::CLASSES`]; 0 is unlabelled.
    pub semantic: Vec<i32>,
    /// `(points)`: instances, counted from 1; 0 for structure and unlabelled points.
    pub instance: Vec<i32>,
}

/// One image of the walk: the error-free view, and the measurements of the device.
#[derive(Clone, Debug)]
pub struct Shot {
    /// The camera, in the room's frame.
    pub camera: segscape::views::Camera,
    /// Rows and columns of the image.
    pub size: [usize; 2],
    /// `(rows, columns)`: depth along the optical axis, metres; infinite where there is no surface.
    pub depth: Vec<f32>,
    /// `(rows, columns)`: the same depth as the sensor measured it, with noise; 0 where it failed.
    pub measured: Vec<f32>,
    /// `(rows, columns)`: sRGB as the camera exposed it.
    pub picture: Vec<[u8; 3]>,
    /// `(rows, columns)`: instances as in [`SyntheticRoom::instance`]; 0 for structure.
    pub instance: Vec<i32>,
    /// `(rows, columns)`: ids of [`classes::CLASSES`]; 0 where there is no surface.
    pub semantic: Vec<i32>,
}

impl SyntheticRoom {
    /// Simulates a scan of `suite` by a person with a hand-held device.
    fn of(suite: &Suite, rng: &mut RoomRng) -> (Self, Vec<Shot>) {
        let scene = lit_scene(suite, rng);
        let sensor = Sensor::new(suite.rooms.len(), suite.surface(), rng);
        let cameras = walk::walk(suite, &sensor, rng);
        Self::scanned(&scene, &cameras, &sensor, rng)
    }

    /// Scans a scene with the given cameras; returns the room and the images they took.
    fn scanned(
        scene: &Scene,
        cameras: &[camera::Camera],
        sensor: &Sensor,
        rng: &mut RoomRng,
    ) -> (Self, Vec<Shot>) {
        let ambient =
            Vec3::new(1.0, rng.within(0.88, 1.0), rng.within(0.7, 1.05)) * rng.within(0.04, 0.25);
        let lighting = Lighting::new(scene, ambient, rng.seed());
        let (samples, taken) = scan::scan(scene, cameras, &lighting, sensor, rng);
        let turn = Quat::from_rotation_z(walk::any_turn(rng));
        let turned: Vec<Vec3> = samples.iter().map(|s| turn * s.position).collect();
        let low = turned.iter().copied().fold(Vec3::INFINITY, Vec3::min);
        let owners: Vec<Owner> = samples
            .iter()
            .map(|s| scene.owners[s.owner as usize])
            .collect();
        let mut points_of_instance = vec![0usize; scene.owners.len() + 1];
        owners
            .iter()
            .for_each(|o| points_of_instance[o.instance as usize] += 1);
        let labeled = |o: &Owner| {
            o.instance == 0 || is_seen(points_of_instance[o.instance as usize], sensor.spacing)
        };
        let to_room = Affine3A::from_rotation_translation(turn, -low);
        let shot = |(camera, taken): (&camera::Camera, scan::Taken)| {
            let owner = |triangle: &u32| {
                let triangle = scene.triangles.get(*triangle as usize)?;
                Some(scene.owners[triangle.owner as usize])
            };
            let owners: Vec<Option<Owner>> = taken.view.triangle.iter().map(owner).collect();
            let labels = |label: fn(Owner) -> i32| {
                let labels = owners.iter().map(|owner| owner.map_or(0, label));
                labels.collect()
            };
            let [width, height] = camera.size;
            Shot {
                camera: camera.placed(to_room),
                size: [height, width],
                instance: labels(|owner| owner.instance),
                semantic: labels(|owner| owner.semantic),
                depth: taken.view.depth,
                measured: taken.measured,
                picture: taken.picture,
            }
        };
        let shots = cameras.iter().zip(taken).map(shot).collect();
        let room = Self {
            positions: turned.iter().map(|p| (*p - low).to_array()).collect(),
            colors: samples
                .iter()
                .map(|s| (s.color * 255.0).round().to_array().map(|c| c as u8))
                .collect(),
            semantic: owners
                .iter()
                .map(|o| if labeled(o) { o.semantic } else { 0 })
                .collect(),
            instance: owners
                .iter()
                .map(|o| if labeled(o) { o.instance } else { 0 })
                .collect(),
        };
        (room, shots)
    }

    /// The room as a binary PLY with `x y z red green blue semantic instance` and the class table
    /// in comments.
    pub fn to_ply(&self) -> Vec<u8> {
        ply::write(self)
    }
}

/// `true` if `points` points at this spacing, metres, are enough to recognize an object.
fn is_seen(points: usize, spacing: f32) -> bool {
    points as f32 * spacing * spacing >= LEAST_AREA
}

/// The rooms as triangles, with their lights.
fn lit_scene(suite: &Suite, rng: &mut RoomRng) -> Scene {
    let mut scene = Scene::default();
    let mut instances = 1..;
    // Lamps cost more time than the furniture below them.
    let most = if suite.rooms.len() == 1 { 2 } else { 1 };
    for room in &suite.rooms {
        add_room(&mut scene, room, &mut instances, rng);
        add_lights(&mut scene, room, most, rng);
    }
    scene
}

/// Adds the surfaces of a room and of the objects in it.
fn add_room(
    scene: &mut Scene,
    layout: &Layout,
    instances: &mut impl Iterator<Item = i32>,
    rng: &mut RoomRng,
) {
    let still = Pose {
        position: Vec3::ZERO,
        turn: 0.0,
    };
    let structure = |name| Owner {
        semantic: classes::id_of(name),
        instance: 0,
    };
    scene.add(&layout.shell.walls(rng), still, structure("wall"));
    scene.add(&[layout.shell.floor(rng)], still, structure("floor"));
    scene.add(&[layout.shell.ceiling(rng)], still, structure("ceiling"));
    for (thing, instance) in layout.things.iter().zip(instances) {
        scene.add(
            &thing.object.parts,
            thing.pose,
            Owner {
                semantic: classes::id_of(thing.object.class),
                instance,
            },
        );
    }
}

/// Adds at most `most` lamps below the ceiling of a room, and daylight through at most `most`
/// windows.
fn add_lights(scene: &mut Scene, layout: &Layout, most: usize, rng: &mut RoomRng) {
    let (lo, hi) = layout.shell.bounds();
    let warm = Vec3::new(1.0, rng.within(0.75, 1.0), rng.within(0.5, 0.95));
    for _ in 0..rng.count(1, most) {
        let p = lo.lerp(hi, 0.5)
            + glam::Vec2::new(
                rng.about(0.2) * (hi.x - lo.x),
                rng.about(0.2) * (hi.y - lo.y),
            );
        let position = p.extend(layout.shell.height - rng.within(0.1, 0.5));
        scene.lights.push(Light {
            position,
            direction: Vec3::new(0.01, 0.0, -1.0),
            power: warm * rng.within(1.5, 5.0),
        });
    }
    let day = Vec3::new(rng.within(0.8, 1.0), rng.within(0.9, 1.0), 1.0) * rng.within(0.0, 8.0);
    for opening in layout
        .shell
        .openings
        .iter()
        .filter(|o| o.sill > 0.0)
        .take(most)
    {
        let (start, direction, _) = layout.shell.wall(opening.wall);
        let inward = direction.perp();
        let position = (start + direction * opening.middle + inward * 0.15)
            .extend(opening.sill + opening.size[1] * 0.7);
        scene.lights.push(Light {
            position,
            direction: inward.extend(-0.45),
            power: day,
        });
    }
}

#[cfg(test)]
mod tests;
