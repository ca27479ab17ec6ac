//! Whole recordings of worlds of boxes, whose instances are known.
#![allow(clippy::unwrap_used)]

mod any_recording;
mod growing;

use glam::{Affine3A, Mat3, Vec3};

use super::*;
use crate::{
    foundation::{ImageInstance, Mask},
    instances::NO_INSTANCE,
    views::{Camera, Map, Pixel},
};

/// A camera of 64 x 48 pixels that looks along x.
pub fn camera(position: [f32; 3]) -> Camera {
    camera_with(position, 0.0, 1.0)
}

/// A camera that looks `yaw` radians left of x, with `scale` times as many pixels.
pub fn camera_with(position: [f32; 3], yaw: f32, scale: f32) -> Camera {
    let axes = Mat3::from_rotation_z(yaw) * Mat3::from_cols(-Vec3::Y, -Vec3::Z, Vec3::X);
    Camera {
        width: 64.0 * scale,
        height: 48.0 * scale,
        focal: [50.0 * scale; 2],
        center: [32.0 * scale - 0.5, 24.0 * scale - 0.5],
        world_from_camera: Affine3A::from_mat3_translation(axes, position.into()),
    }
}

/// A name, a lower and an upper corner.
type NamedBox = (&'static str, [f32; 3], [f32; 3]);

/// Boxes with names.
#[derive(Clone, Debug)]
pub struct World {
    boxes: Vec<NamedBox>,
}

/// What a camera sees.
#[derive(Clone, Debug)]
pub struct Shot {
    camera: Camera,
    pub depth: Map,
    pub mask: Mask,
    pub instances: Vec<ImageInstance>,
}

impl World {
    /// Things in a room with its floor at z = 0 and a wall at x = 4.
    pub fn room(things: &[NamedBox]) -> Self {
        let room = [
            ("floor", [-1.0, -3.0, -0.1], [4.0, 3.0, 0.0]),
            ("wall", [4.0, -3.0, 0.0], [4.1, 3.0, 3.0]),
        ];
        Self {
            boxes: room.iter().chain(things).copied().collect(),
        }
    }

    /// What a camera sees; every box is an instance, with the score 0.9 and without features.
    pub fn shot(&self, camera: &Camera) -> Shot {
        let [rows, columns] = [camera.height, camera.width].map(|n| n as usize);
        let (mut depth, mut labels) = (Vec::new(), Vec::new());
        let from = Vec3::from(camera.position());
        for pixel in 0..rows * columns {
            let at = Pixel {
                x: ((pixel % columns) as f32 + 0.5) / columns as f32,
                y: ((pixel / columns) as f32 + 0.5) / rows as f32,
                depth: 1.0,
            };
            let ray = Vec3::from(camera.back_project(at)) - from;
            let hits = self.boxes.iter().enumerate();
            let hits =
                hits.filter_map(|(i, (_, min, max))| Some((enters(from, ray, *min, *max)?, i)));
            let first = hits.min_by(|a, b| a.0.total_cmp(&b.0));
            depth.push(first.map_or(0.0, |(depth, _)| depth));
            labels.push(first.map_or(0, |(_, i)| i as u16 + 1));
        }
        let instance = |(name, ..): &NamedBox| ImageInstance {
            name: (*name).to_owned(),
            score: 0.9,
            features: Vec::new(),
        };
        Shot {
            camera: *camera,
            depth: Map::new(depth, [rows, columns, 1]).unwrap(),
            mask: Mask::new(labels, [rows, columns]).unwrap(),
            instances: self.boxes.iter().map(instance).collect(),
        }
    }
}

/// How many times the ray it takes to the box.
fn enters(from: Vec3, ray: Vec3, min: [f32; 3], max: [f32; 3]) -> Option<f32> {
    let [a, b] = [min, max].map(|corner| (Vec3::from(corner) - from) / ray);
    let (near, far) = (a.min(b).max_element(), a.max(b).min_element());
    (near <= far && near > 0.0).then_some(near)
}

impl Shot {
    fn frame(&self, number: u32) -> TrackedFrame<'_> {
        TrackedFrame {
            number,
            camera: &self.camera,
            depth: &self.depth,
            mask: &self.mask,
            instances: &self.instances,
            features: None,
        }
    }
}

fn tracker() -> OnlineTracker {
    OnlineTracker::new(TrackOptions::default()).unwrap()
}

const THINGS: [NamedBox; 2] = [
    ("chair", [2.0, 0.3, 0.2], [2.5, 0.9, 0.9]),
    ("lamp", [2.4, -0.9, 0.4], [2.7, -0.4, 1.3]),
];

/// Cameras that walk past the things.
fn walk(steps: u32) -> Vec<Camera> {
    let step = |i: u32| {
        let along = i as f32 / steps as f32 - 0.5;
        camera_with([-0.3, along, 1.1], -0.3 * along, 4.0)
    };
    (0..steps).map(step).collect()
}

#[test]
fn things_seen_from_several_places_are_one_instance_each() {
    let world = World::room(&THINGS);
    let mut tracker = tracker();
    let mut ids = Vec::new();
    for (number, camera) in (0..).zip(walk(6)) {
        let added = tracker.add(&world.shot(&camera).frame(number)).unwrap();
        let instances = tracker.instances();
        let names: Vec<_> = instances.iter().filter_map(TrackedInstance::name).collect();
        assert_eq!(
            names,
            ["floor", "wall", "chair", "lamp"],
            "after frame {number}"
        );
        let found: Vec<u32> = instances.iter().map(|instance| instance.id).collect();
        match number {
            0 => assert_eq!((added.started, added.matched), (4, 0)),
            _ => assert_eq!((added.started, added.matched, &found), (0, 4, &ids)),
        }
        ids = found;
    }
    let instances = tracker.instances();
    for (name, min, max) in THINGS {
        let found = instances.iter().find(|i| i.name() == Some(name)).unwrap();
        // The front of the thing is there; the border of the mask, a pixel of a centimetre, and half
        // a voxel may be missing on each side.
        let [size, expected] = [found.bounds.size(), [0, 1, 2].map(|a| max[a] - min[a])];
        for axis in [1, 2] {
            let lost = expected[axis] - size[axis];
            assert!((-0.01..0.15).contains(&lost), "{name}: {:?}", found.bounds);
        }
        assert!(
            (found.bounds.min[0] - min[0]).abs() < 0.05,
            "{name}: {:?}",
            found.bounds
        );
        assert_eq!(
            (found.observations, found.first_frame, found.last_frame),
            (6, 0, 5)
        );
        assert!(found.score > 0.7 && found.score <= 0.9, "{}", found.score);
        assert!(found.votes[0].votes > 5.3 && found.views.len() == 3);
    }
}

#[test]
fn the_voxels_of_a_mask_are_those_of_its_pixels() {
    // A wall at 2.02 m, and on it a mask of the rows 16 to 31 and the columns 24 to 39. Without its
    // border of one pixel these are the rows 17 to 30 and the columns 25 to 38, 6.5 pixels of
    // 2.02 / 50 m = 4.04 cm from the middle: 26.26 cm to each side, which is in the voxels -6 to 5.
    // Neighbouring pixels are nearer than a voxel is large, so none of the 12 x 12 is left out.
    let depth = Map::new(vec![2.02; 48 * 64], [48, 64, 1]).unwrap();
    let is_in = |at: usize| (16..32).contains(&(at / 64)) && (24..40).contains(&(at % 64));
    let shot = Shot {
        camera: camera([0.0; 3]),
        depth,
        mask: Mask::new(
            (0..48 * 64).map(|at| u16::from(is_in(at))).collect(),
            [48, 64],
        )
        .unwrap(),
        instances: World::room(&[]).shot(&camera([0.0; 3])).instances,
    };
    let mut tracker = tracker();
    let added = tracker.add(&shot.frame(3)).unwrap();
    // The other listed instance has no pixel.
    assert_eq!((added.masks, added.placeless), (1, 1));
    let [found] = &tracker.instances()[..] else {
        panic!("one instance");
    };
    let expected: Vec<_> = (-6..6)
        .flat_map(|y| (-6..6).map(move |z| [40, y, z]))
        .collect();
    assert_eq!(found.voxels, expected);
    assert_eq!((found.points, found.first_frame), (14 * 14, 3));
    let near = |a: [f32; 3], b: [f32; 3]| (0..3).all(|axis| (a[axis] - b[axis]).abs() < 1e-4);
    assert!(
        near(found.bounds.min, [2.02, -0.2626, -0.2626]),
        "{:?}",
        found.bounds
    );
    assert!(
        near(found.bounds.max, [2.02, 0.2626, 0.2626]),
        "{:?}",
        found.bounds
    );
}

#[test]
fn halves_become_one_when_a_mask_shows_the_whole() {
    let sofa = World::room(&[("sofa", [2.0, -0.8, 0.0], [2.8, 0.8, 0.7])]);
    let whole = |y: f32, features: &[f32]| {
        let mut shot = sofa.shot(&camera_with([0.0, y, 1.0], 0.0, 2.0));
        // The sofa alone; floor and wall are no masks.
        let values = shot
            .mask
            .values()
            .iter()
            .map(|v| u16::from(*v == 3))
            .collect();
        shot.mask = Mask::new(values, shot.mask.size()).unwrap();
        shot.instances.drain(..2);
        shot.instances[0].features = features.to_vec();
        shot
    };
    let halves = |y: f32, features: &[f32]| {
        let mut shot = whole(y, features);
        let columns = shot.mask.size()[1];
        let values = shot.mask.values().iter().enumerate();
        let half = |(at, v): (usize, &u16)| v * (1 + u16::from(at % columns >= columns / 2));
        shot.mask = Mask::new(values.map(half).collect(), shot.mask.size()).unwrap();
        shot.instances.push(shot.instances[0].clone());
        shot
    };
    let run = |features: &[f32]| {
        let mut tracker = tracker();
        tracker.add(&halves(0.0, features).frame(0)).unwrap();
        assert_eq!(tracker.instances().len(), 2);
        let added = tracker.add(&whole(0.01, features).frame(1)).unwrap();
        (
            added.matched,
            added.started,
            added.merged,
            tracker.instances(),
        )
    };
    // The whole lies in each of the halves that the frame sees, and goes to one of them; then the
    // other half lies in that one.
    let (matched, started, merged, instances) = run(&[1.0, 0.0]);
    assert_eq!((matched, started, merged, instances.len()), (1, 0, 1, 1));
    assert_eq!((instances[0].id, instances[0].observations), (0, 3));
    // Without features they overlap by half and stay apart, but only one of them is confirmed.
    let (matched, started, merged, instances) = run(&[]);
    assert_eq!((matched, started, merged, instances.len()), (1, 0, 0, 1));
}

#[test]
fn voxels_that_masks_mostly_leave_out_do_not_belong() {
    let world = World::room(&[("picture", [3.98, -0.5, 0.8], [4.0, 0.5, 1.6])]);
    let shot = |number: u16| {
        let mut shot = world.shot(&camera_with(
            [0.0, f32::from(number) / 100.0, 1.0],
            0.0,
            2.0,
        ));
        // 1 is the floor, 2 the wall, 3 the picture, which the first mask of the wall contains.
        let value = |v: &u16| match (number, v) {
            (_, 1) => 0,
            (0, 3) => 2,
            (_, v) => *v,
        };
        let values = shot.mask.values().iter().map(value).collect();
        shot.mask = Mask::new(values, shot.mask.size()).unwrap();
        let features = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]];
        for (instance, features) in shot.instances.iter_mut().zip(features) {
            instance.features = features.to_vec();
        }
        shot
    };
    let mut tracker = tracker();
    let mut in_the_picture = Vec::new();
    for number in 0..4 {
        let added = tracker.add(&shot(number).frame(number.into())).unwrap();
        assert_eq!(
            (added.merged, added.placeless),
            (0, 1 + u32::from(number == 0))
        );
        let instances = tracker.instances();
        let wall = instances.iter().find(|i| i.name() == Some("wall")).unwrap();
        // The picture's y is from -0.5 to 0.5 and its z from 0.8 to 1.6.
        let is_in = |[_, y, z]: &&[i32; 3]| (-8..8).contains(y) && (18..30).contains(z);
        in_the_picture.push(wall.voxels.iter().filter(is_in).count());
    }
    // The first mask fills the 16 x 12 voxels; they stay with 1 of 1, 1 of 2 and 1 of 3 frames,
    // which are at least 30 %, and go with 1 of 4.
    let [first, second, third, fourth] = in_the_picture[..] else {
        panic!("four frames");
    };
    assert!(
        first >= 16 * 12 && second == first && third == first,
        "{in_the_picture:?}"
    );
    assert_eq!(fourth, 0);
}

#[test]
fn a_voxel_belongs_to_the_mask_that_was_lifted_into_it() {
    // A wall at half a metre, of which a pixel shows 1 cm: five columns of pixels to a voxel, 27 to
    // 31 and 32 to 36 among them. The mask leaves out the middle one of each, 29 and 34, where the
    // middle of the voxel's points is. So the frame shows something else there in every frame.
    let values = (0..48 * 64).map(|at| u16::from(at % 64 % 5 != 4)).collect();
    let mask = Mask::new(values, [48, 64]).unwrap();
    let options = TrackOptions {
        border: 0,
        ..TrackOptions::default()
    };
    let mut tracker = OnlineTracker::new(options).unwrap();
    let mut first: Option<Vec<[i32; 3]>> = None;
    for number in 0..4u16 {
        let shot = Shot {
            camera: camera([f32::from(number) / 10_000.0, 0.0, 0.0]),
            depth: Map::new(vec![0.51; 48 * 64], [48, 64, 1]).unwrap(),
            mask: mask.clone(),
            instances: vec![ImageInstance {
                name: String::new(),
                score: 0.9,
                features: vec![],
            }],
        };
        tracker.add(&shot.frame(number.into())).unwrap();
        let [found] = &tracker.instances()[..] else {
            panic!("one instance");
        };
        // With 1 of 4 frames it would be gone.
        first.get_or_insert(found.voxels.clone());
        let is_there = |voxel: &[i32; 3]| found.voxels.contains(voxel);
        assert!(first.iter().flatten().all(is_there), "frame {number}");
    }
}

#[test]
fn what_one_frame_shows_alone_is_no_instance() {
    let (with, without) = (World::room(&THINGS), World::room(&THINGS[..1]));
    let mut tracker = tracker();
    let camera = |y: f32| camera_with([0.0, y, 1.0], 0.0, 2.0);
    tracker.add(&with.shot(&camera(0.0)).frame(0)).unwrap();
    assert_eq!(tracker.instances().len(), 4, "one frame is all there is");
    tracker.add(&without.shot(&camera(0.01)).frame(1)).unwrap();
    let names = tracker.instances();
    let names: Vec<_> = names.iter().filter_map(TrackedInstance::name).collect();
    assert_eq!(names, ["floor", "wall", "chair"]);
}

#[test]
fn frames_that_say_nothing_new_change_nothing() {
    let world = World::room(&THINGS);
    let mut tracker = tracker();
    for (number, camera) in (0..).zip(walk(3)) {
        tracker.add(&world.shot(&camera).frame(number)).unwrap();
    }
    let before = (tracker.instances(), tracker.frames());
    let mut shot = world.shot(&camera([0.1, 0.2, 1.0]));
    shot.mask = Mask::new(vec![0], [1, 1]).unwrap();
    let added = tracker.add(&shot.frame(9)).unwrap();
    assert_eq!((added.masks, added.placeless, added.uncertain), (0, 4, 0));
    for instance in &mut shot.instances {
        instance.score = 0.1;
    }
    assert_eq!(tracker.add(&shot.frame(9)).unwrap().uncertain, 4);
    assert_eq!((tracker.instances(), tracker.frames()), before);
}

#[test]
fn frames_that_break_a_rule_are_refused_and_change_nothing() {
    let world = World::room(&THINGS);
    let mut tracker = tracker();
    let mut first = world.shot(&camera([0.0, 0.0, 1.0]));
    for instance in &mut first.instances {
        instance.features = vec![1.0, 0.0];
    }
    tracker.add(&first.frame(0)).unwrap();
    let before = tracker.instances();
    let good = world.shot(&camera([0.0, 0.1, 1.0]));
    type Change = fn(&mut Shot);
    let cases: [(Change, &str); 12] = [
        (
            |s| s.camera.world_from_camera.translation.x = f32::NAN,
            "the pose is not finite",
        ),
        (
            |s| s.camera.world_from_camera.translation.x = 1e4,
            "10000 m from the origin, the limit is 900 m",
        ),
        (|s| s.camera.focal[1] = 0.0, "focal lengths"),
        (|s| s.camera.width = f32::INFINITY, "inf x 48 pixels"),
        (
            |s| s.depth = Map::new(vec![1.0; 4], [1, 2, 2]).unwrap(),
            "2 values per pixel",
        ),
        (
            |s| s.mask = Mask::new(vec![5], [1, 1]).unwrap(),
            "counts 5 instances, 4 are listed",
        ),
        (|s| s.instances[1].score = 1.5, "mask 1 has the score 1.5"),
        (
            |s| s.instances[1].score = f32::NAN,
            "mask 1 has the score NaN",
        ),
        (
            |s| s.instances[2].name = "n".repeat(1001),
            "mask 2 has 1001 bytes, the limit is 1000",
        ),
        (
            |s| s.instances[0].features = vec![f32::NAN; 2],
            "mask 0 is not a finite",
        ),
        (
            |s| s.instances[0].features = vec![1.0; 3],
            "3 channels, those of the frames before 2",
        ),
        (
            |s| s.instances = vec![s.instances[0].clone(); 1025],
            "1025 masks, the limit is 1024",
        ),
    ];
    for (change, words) in cases {
        let mut shot = good.clone();
        change(&mut shot);
        let error = tracker.add(&shot.frame(1)).unwrap_err().to_string();
        assert!(
            error.contains(words),
            "\"{error}\" does not say \"{words}\""
        );
    }
    let mut shot = good.clone();
    shot.instances[0].features = vec![1.0; 2];
    shot.instances[1].features = vec![1.0; 1];
    assert!(
        tracker
            .add(&shot.frame(1))
            .unwrap_err()
            .to_string()
            .contains("another one 2")
    );
    assert_eq!(tracker.instances(), before);
    tracker.add(&good.frame(1)).unwrap();
    for options in [
        TrackOptions {
            voxel_size: 0.0,
            ..TrackOptions::default()
        },
        TrackOptions {
            min_inside: f32::NAN,
            ..TrackOptions::default()
        },
    ] {
        assert!(
            OnlineTracker::new(options)
                .unwrap_err()
                .to_string()
                .contains("it must be from")
        );
    }
}

#[test]
fn memory_is_bounded() {
    let shot = World::room(&THINGS).shot(&camera([0.0, 0.0, 1.0]));
    let options = TrackOptions::default();
    let mut small = OnlineTracker::within(options, [3, 1000]).unwrap();
    let error = small.add(&shot.frame(0)).unwrap_err();
    let (what, found, limit) = ("instances", 4, 3);
    assert_eq!(error, TrackingError::Full { what, found, limit });
    assert!(
        error.to_string().contains("to 4 instances, the limit is 3"),
        "{error}"
    );
    let mut small = OnlineTracker::within(options, [9, 100]).unwrap();
    let error = small.add(&shot.frame(0)).unwrap_err();
    assert!(
        matches!(
            error,
            TrackingError::Full {
                what: "voxels",
                limit: 100,
                ..
            }
        ),
        "{error}"
    );
    assert!(small.instances().is_empty() && small.frames() == 0);
}

#[test]
fn what_is_never_confirmed_makes_room() {
    // Four instances may be kept. The lamp is there in the first frame only, and later a vase.
    let vase = ("vase", [1.5, -0.2, 0.9], [1.7, 0.2, 1.3]);
    let [with_lamp, without, with_vase] =
        [&THINGS[..], &THINGS[..1], &[THINGS[0], vase]].map(World::room);
    let mut tracker = OnlineTracker::within(TrackOptions::default(), [4, MAX_VOXELS]).unwrap();
    let camera_of = |number: u32| camera([0.0, number as f32 / 1000.0, 1.0]);
    tracker
        .add(&with_lamp.shot(&camera_of(0)).frame(0))
        .unwrap();
    for number in 1..=100 {
        tracker
            .add(&without.shot(&camera_of(number)).frame(number))
            .unwrap();
    }
    let vase = |number: u32| with_vase.shot(&camera_of(number));
    // After 101 frames the lamp may have been away for 100 of them: not longer.
    assert!(tracker.clone().add(&vase(101).frame(101)).is_ok());
    let names = |tracker: &OnlineTracker| {
        let instances = tracker.instances();
        instances
            .iter()
            .filter_map(TrackedInstance::name)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    for number in 101..103 {
        tracker.add(&vase(number).frame(number)).unwrap();
    }
    assert_eq!(names(&tracker), ["floor", "wall", "chair", "vase"]);
    let mut early = OnlineTracker::within(TrackOptions::default(), [4, MAX_VOXELS]).unwrap();
    early.add(&with_lamp.shot(&camera_of(0)).frame(0)).unwrap();
    assert!(early.add(&vase(1).frame(1)).is_err());
}

#[test]
fn the_smallest_instance_owns_a_point() {
    let instance = |id: u32, voxels: Vec<[i32; 3]>, name: &str| {
        let mut tracker = tracker();
        tracker
            .add(&World::room(&[]).shot(&camera([0.0, 0.0, 1.0])).frame(0))
            .unwrap();
        let votes = match name {
            "" => vec![],
            name => vec![NameVote {
                name: name.to_owned(),
                votes: 1.0,
            }],
        };
        TrackedInstance {
            id,
            voxels,
            votes,
            ..tracker.instances().remove(0)
        }
    };
    let instances = [
        instance(3, vec![[0; 3], [1, 0, 0], [2, 0, 0]], "table"),
        instance(5, vec![[1, 0, 0]], "cup"),
        instance(6, vec![[1, 0, 0], [2, 0, 0]], ""),
        instance(7, vec![[9, 0, 0]], "cup"),
    ];
    let owners = VoxelOwners::new(&instances, 0.5);
    let at = [0.1, 0.6, 1.1, 4.9, 7.0].map(|x| owners.at([x, 0.2, 0.0]));
    assert_eq!(at, [0, 1, 2, 3, NO_INSTANCE]);
    assert_eq!(owners.at([f32::NAN, 0.0, f32::INFINITY]), NO_INSTANCE);
    let labels = point_labels(&instances, at.to_vec());
    assert_eq!(labels.labels, ["table", "cup"]);
    let named: Vec<_> = labels.instances.iter().map(|i| (i.id, i.label)).collect();
    assert_eq!(named, [(3, Some(0)), (5, Some(1)), (6, None), (7, Some(1))]);
}
