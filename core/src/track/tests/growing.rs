//! Instances and points while they grow, and the segmentation that they end as.

use std::collections::BTreeMap;

use super::*;
use crate::{instances::owner_of_superpoint, text::Vocabulary};

/// Places of all pixels of a shot, some of which are in one voxel.
fn points_of(shot: &Shot) -> Vec<[f32; 3]> {
    let [rows, columns] = shot.depth.size();
    let place = |at: usize| {
        shot.camera.back_project(Pixel {
            x: ((at % columns) as f32 + 0.5) / columns as f32,
            y: ((at / columns) as f32 + 0.5) / rows as f32,
            depth: shot.depth.at(at / columns, at % columns)[0],
        })
    };
    let known = (0..rows * columns).filter(|at| shot.depth.at(at / columns, at % columns)[0] > 0.0);
    known.step_by(7).map(place).collect()
}

/// What somebody has who is told what changes.
#[derive(Default)]
struct Mirror {
    superpoint_of_point: Vec<u32>,
    instances: BTreeMap<u32, GrownInstance>,
}

impl Mirror {
    fn apply(&mut self, grown: &Grown) {
        self.superpoint_of_point.extend(&grown.superpoint_of_point);
        for number in &grown.gone {
            assert!(self.instances.remove(number).is_some(), "it was there");
        }
        for instance in &grown.changed {
            self.instances.insert(instance.number, instance.clone());
        }
        assert_eq!(self.instances.len(), grown.instances as usize);
        let ids = self.superpoint_of_point.iter();
        assert!(ids.max().is_none_or(|last| *last < grown.superpoints));
    }
}

#[test]
fn what_changed_adds_up_to_what_is_there() {
    // Two boards that turn out to be one behind a pillar, so that an instance goes.
    let world = World::room(&[
        ("lamp", [2.4, -0.9, 0.4], [2.7, -0.4, 1.3]),
        ("pillar", [1.5, -0.2, 0.0], [1.7, 0.2, 2.5]),
        ("board", [3.0, -0.8, 0.5], [3.1, 0.9, 1.4]),
    ]);
    let mut tracker = tracker();
    let mut growth = Growth::new(tracker.options().voxel_size);
    let (mut points, mut mirror) = (Vec::new(), Mirror::default());
    let (mut quiet, mut kept) = (0, BTreeMap::new());
    for (number, camera) in (0..).zip(walk(8)) {
        let shot = world.shot(&camera);
        tracker.add(&shot.frame(number)).unwrap();
        points.extend(points_of(&shot));
        // Whoever is slow looks at every other frame.
        if number % 2 == 1 {
            mirror.apply(&growth.since(&points, &tracker));
            assert_eq!(growth.since(&points, &tracker).changed, [], "nothing new");
            quiet += 1;
        }
        for (number, instance) in &mirror.instances {
            let name = kept.entry(*number).or_insert(instance.name.clone());
            assert_eq!(*name, instance.name, "a thing keeps its number");
        }
    }
    assert_eq!((quiet, mirror.superpoint_of_point.len()), (4, points.len()));
    let mut afresh = Mirror::default();
    let all = Growth::new(tracker.options().voxel_size).since(&points, &tracker);
    afresh.apply(&all);
    // Both number the voxels in other orders: a thing is known by its name here.
    let sizes = |mirror: &Mirror| {
        let of = |instance: &GrownInstance| {
            let name = instance.name.clone().unwrap();
            (name, instance.points, instance.superpoints.len())
        };
        let mut sizes: Vec<_> = mirror.instances.values().map(of).collect();
        sizes.sort();
        sizes
    };
    assert_eq!(sizes(&mirror), sizes(&afresh));
    assert!(
        sizes(&mirror)
            .iter()
            .any(|(name, points, _)| name == "board" && *points > 0)
    );
}

#[test]
fn numbers_of_things_that_are_gone_are_given_again() {
    let world = World::room(&THINGS);
    let mut growth = Growth::new(0.05);
    let mut full = tracker();
    full.add(&world.shot(&camera([0.0, 0.0, 1.0])).frame(0))
        .unwrap();
    let before = growth.since(&[], &full);
    let mut numbers: Vec<u32> = before.changed.iter().map(|i| i.number).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [0, 1, 2, 3]);
    let gone = growth.since(&[], &tracker());
    assert_eq!((gone.gone.len(), gone.instances), (4, 0));
    let again = growth.since(&[], &full);
    assert!(again.changed.iter().all(|instance| instance.number < 4));
}

#[test]
fn a_segmentation_has_the_owners_of_the_voxels() {
    let world = World::room(&THINGS);
    let mut tracker = tracker();
    let mut points = Vec::new();
    for (number, camera) in (0..).zip(walk(6)) {
        let shot = world.shot(&camera);
        tracker.add(&shot.frame(number)).unwrap();
        points.extend(points_of(&shot));
    }
    let instances = tracker.instances();
    // The world is turned by a quarter and moved.
    let turned = |[x, y, z]: [f32; 3]| [-y + 5.0, x, z];
    let back = |[x, y, z]: [f32; 3]| [y, 5.0 - x, z];
    let positions: Vec<[f32; 3]> = points.iter().map(|point| turned(*point)).collect();
    let vocabulary = Vocabulary::shipped();
    let SegmentedTracks {
        superpoints,
        segmentation,
        names,
    } = segmented(&instances, &positions, &back, 0.05, vocabulary);
    let found = &segmentation.instances;
    assert_eq!(found.len(), instances.len());
    assert!(found.is_sorted_by(|a, b| a.score >= b.score));
    assert!(superpoints.count() < 30, "voxels of one set are one");
    let claims = (0..)
        .zip(found)
        .map(|(instance, found)| crate::instances::Claim {
            instance,
            points: found.points,
            superpoints: &found.superpoints,
        });
    let owners = owner_of_superpoint(superpoints.count(), claims);
    let voxel_owners = tracker.owners(&instances);
    let mut agreeing = 0;
    for (point, superpoint) in points.iter().zip(superpoints.superpoint_of_point()) {
        let owner = owners[*superpoint as usize];
        let of_voxel = voxel_owners.at(*point);
        let name = |index: u32| (index != NO_INSTANCE).then(|| names[index as usize].clone());
        let expected = (of_voxel != NO_INSTANCE)
            .then(|| instances[of_voxel as usize].name().map(str::to_owned));
        agreeing += usize::from(name(owner) == expected);
    }
    // Turning back may take a point on a border to the next voxel.
    assert!(agreeing * 1000 > points.len() * 995, "{agreeing}");
    for (instance, name) in found.iter().zip(&names) {
        let of_chair = name.as_deref() == Some("chair");
        let [width, ..] = instance.bounds.size();
        // 0.6 m along y became x.
        assert!(!of_chair || (0.5..0.7).contains(&width), "{width}");
        assert!(!instance.is_nameless());
    }
}

#[test]
fn what_no_mask_names_is_nameless() {
    let world = World::room(&THINGS);
    let mut shot = world.shot(&camera([0.0, 0.0, 1.0]));
    for (name, instance) in ["", "zyxwv", "chair", ""].iter().zip(&mut shot.instances) {
        (*name).clone_into(&mut instance.name);
    }
    let mut tracker = tracker();
    tracker.add(&shot.frame(0)).unwrap();
    let points = points_of(&shot);
    let found = segmented(
        &tracker.instances(),
        &points,
        &|point| point,
        0.05,
        Vocabulary::shipped(),
    );
    let named = found.segmentation.instances.iter().zip(&found.names);
    let mut named: Vec<_> = named
        .map(|(instance, name)| (name.as_deref(), instance.is_nameless()))
        .collect();
    named.sort_unstable();
    let expected = [
        (None, true),
        (None, true),
        (Some("chair"), false),
        (Some("zyxwv"), true),
    ];
    assert_eq!(named, expected);
}
