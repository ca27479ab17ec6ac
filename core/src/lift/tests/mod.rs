#![allow(clippy::unwrap_used)]
//! Whole scenes: a panel before a wall, and trackers that answer at random.

use proptest::prelude::*;

use super::{
    visibility::tests::{InMemory, camera, given},
    *,
};
use crate::{progress::Cancel, views::Map};

#[cfg(feature = "captures")]
mod in_bundles;

const WALL: u32 = 1;
const PANEL: u32 = 2;
/// Distance of the wall and of the panel before it, metres.
const FAR: f32 = 3.0;
const NEAR: f32 = 2.0;
/// Half of the panel's edge, metres.
const HALF: f32 = 0.3;

/// Points with superpoints, true instances, and views.
struct Scene {
    positions: Vec<[f32; 3]>,
    superpoints: Superpoints,
    instances: Vec<u32>,
    views: InMemory,
}

/// A panel of 0.6 m before a wall, in tiles of 0.3 m, and three cameras side by side.
fn scene() -> Scene {
    let (mut positions, mut tiles, mut instances) = (vec![], vec![], vec![]);
    let mut plane = |x: f32, half: [f32; 2], instance: u32| {
        let steps = half.map(|half| (2.0 * half / 0.04).round() as i32);
        for (i, j) in (0..steps[0]).flat_map(|i| (0..steps[1]).map(move |j| (i, j))) {
            let y = (i as f32 + 0.5) * 0.04 - half[0];
            let z = (j as f32 + 0.5) * 0.04 - half[1];
            let tile = [y, z].map(|along| (along / 0.3).floor() as i32 + 50);
            positions.push([x, y, z]);
            tiles.push(instance * 10_000 + (tile[0] * 100 + tile[1]) as u32);
            instances.push(instance);
        }
    };
    // What is higher than 1.44 m is outside the pictures.
    plane(FAR, [1.8, 1.8], WALL);
    plane(NEAR, [HALF, HALF], PANEL);
    let view = |y: f32| {
        let camera = camera([0.0, y, 0.0]);
        let depth = |pixel: usize| {
            let across = (31.5 - (pixel % 64) as f32) / 50.0;
            let up = (23.5 - (pixel / 64) as f32) / 50.0;
            let at = |x: f32| [y + across * x, up * x];
            let hits = at(NEAR).iter().all(|along| along.abs() < HALF);
            if hits { NEAR } else { FAR }
        };
        let depth = (0..64 * 48).map(depth).collect();
        (camera, Map::new(depth, [48, 64, 1]).unwrap())
    };
    Scene {
        positions,
        superpoints: Superpoints::from_ids(&tiles),
        instances,
        views: InMemory([-0.4, 0.0, 0.4].map(view).to_vec()),
    }
}

impl Scene {
    fn visibility(&self) -> Visibility {
        let options = VisibilityOptions::default();
        let Self {
            positions,
            superpoints,
            views,
            ..
        } = self;
        Visibility::new(positions, superpoints, views, &options, &Monitor::silent()).unwrap()
    }

    /// The superpoints of an instance that a view sees.
    fn seen_of(&self, visibility: &Visibility, instance: u32) -> Vec<u32> {
        let is_seen = visibility.is_seen();
        let of = self.superpoints.superpoint_of_point().iter();
        let mut seen: Vec<u32> = of
            .zip(&self.instances)
            .filter(|(superpoint, of)| **of == instance && is_seen[**superpoint as usize])
            .map(|(superpoint, _)| *superpoint)
            .collect();
        seen.sort_unstable();
        seen.dedup();
        seen
    }

    fn by_oracle(&self, errors: TrackErrors, options: &LiftOptions) -> Lifted {
        let mut tracker =
            OracleTracker::new(&self.views, &self.positions, &self.instances, errors).unwrap();
        lift(
            &self.visibility(),
            &mut tracker,
            options,
            &Monitor::silent(),
        )
        .unwrap()
    }
}

/// The superpoints of instances, in the order of their first.
fn sets(lifted: &Lifted) -> Vec<Vec<u32>> {
    let mut sets: Vec<Vec<u32>> = lifted
        .instances
        .iter()
        .map(|instance| instance.superpoints.clone())
        .collect();
    sets.sort();
    sets
}

/// Every superpoint is in exactly one instance, or left for the reason that holds.
fn check_fates(visibility: &Visibility, lifted: &Lifted) {
    let is_seen = visibility.is_seen();
    assert_eq!(lifted.fates.len(), visibility.superpoints());
    for (superpoint, fate) in (0..).zip(&lifted.fates) {
        let contains = |of: &Proposal| of.superpoints.binary_search(&superpoint).is_ok();
        match fate {
            Fate::Instance(of) => assert!(contains(&lifted.instances[*of as usize])),
            Fate::Left(reason) => {
                assert!(!lifted.instances.iter().any(contains));
                let is_unseen = *reason == LeftReason::Unseen;
                assert_eq!(is_unseen, !is_seen[superpoint as usize]);
            }
        }
    }
    for instance in &lifted.instances {
        assert!(!instance.superpoints.is_empty());
        assert!(instance.superpoints.is_sorted_by(|a, b| a < b));
    }
}

#[test]
fn exact_masks_give_exactly_the_objects() {
    let scene = scene();
    let visibility = scene.visibility();
    let [wall, panel] = [WALL, PANEL].map(|instance| scene.seen_of(&visibility, instance));
    assert_eq!(panel.len(), 4);
    assert!(
        visibility.superpoints() > wall.len() + 4,
        "some of the wall is out of sight"
    );
    for strategy in [
        Optimization::default(),
        Optimization::OnePass { restart: true },
        Optimization::BestFirst,
        Optimization::Best,
    ] {
        let options = LiftOptions {
            optimization: strategy,
            ..LiftOptions::default()
        };
        let lifted = scene.by_oracle(TrackErrors::default(), &options);
        assert_eq!(sets(&lifted), [wall.clone(), panel.clone()], "{strategy:?}");
        check_fates(&visibility, &lifted);
        let unseen = visibility.superpoints() - wall.len() - panel.len();
        assert_eq!(lifted.left(LeftReason::Unseen), unseen);
        assert!(lifted.instances.iter().all(|instance| instance.views == 3));
        assert!(lifted.rounds <= 2, "{}", lifted.rounds);
    }
}

#[test]
fn points_go_to_named_instances() {
    let scene = scene();
    let lifted = scene.by_oracle(TrackErrors::default(), &LiftOptions::default());
    let is_panel = |instance: &Proposal| instance.superpoints.len() == 4;
    let name = |instance| is_panel(instance).then(|| "panel".to_owned());
    let names: Vec<Option<String>> = lifted.instances.iter().map(name).collect();
    let labels = lifted.point_labels(&scene.superpoints, &names);
    assert_eq!(labels.labels, ["panel"]);
    for (point, instance) in scene.instances.iter().enumerate() {
        let owner = labels.owner(point);
        let name = owner.and_then(|owner| labels.name(owner));
        assert_eq!(name == Some("panel"), *instance == PANEL);
    }
    let owned = labels
        .instance_of_point
        .iter()
        .filter(|owner| **owner != NO_INSTANCE);
    assert!(owned.count() > scene.positions.len() / 2);
}

#[test]
fn errors_of_a_tracker_are_of_the_size_that_was_asked_for() {
    let scene = scene();
    let visibility = scene.visibility();
    let options = LiftOptions::default();
    let of = |errors| scene.by_oracle(errors, &options);
    let lost = of(TrackErrors {
        missed: 1.0,
        ..TrackErrors::default()
    });
    assert!(lost.instances.iter().all(|instance| instance.views == 1));
    // Where everything is merged, there is one thing, in every view.
    let merged = of(TrackErrors {
        merged: 1.0,
        ..TrackErrors::default()
    });
    let [wall, panel] = [WALL, PANEL].map(|instance| scene.seen_of(&visibility, instance));
    assert_eq!(
        merged.instances[0].superpoints.len(),
        wall.len() + panel.len()
    );
    let switched = of(TrackErrors {
        switched: 1.0,
        ..TrackErrors::default()
    });
    check_fates(&visibility, &switched);
    // The same seed gives the same errors, another one gives others.
    let some = |seed| {
        let errors = TrackErrors {
            missed: 0.4,
            ragged: 3,
            merged: 0.3,
            switched: 0.2,
            seed,
        };
        of(errors)
    };
    assert_eq!(some(1), some(1));
    assert!((2..9).any(|seed| some(seed) != some(1)));
    check_fates(&visibility, &some(3));
    let errors = TrackErrors {
        missed: 1.5,
        ..TrackErrors::default()
    };
    let refused = OracleTracker::new(&scene.views, &scene.positions, &scene.instances, errors);
    let message = refused.err().unwrap().to_string();
    assert_eq!(message, "missed is 1.5, it must be a probability, 0 to 1");
}

/// A tracker whose masks are a function of seed and view.
struct Answering<F>(F);

impl<F: FnMut(u32, u32) -> Option<TrackedMask>> Tracker for Answering<F> {
    fn together(&self) -> usize {
        2
    }

    fn track(
        &mut self,
        tasks: &[TrackTask],
        monitor: &Monitor,
        on_mask: OnMask,
    ) -> Result<Vec<Option<f32>>, LiftError> {
        monitor.check()?;
        let mut scores = vec![];
        for (i, task) in tasks.iter().enumerate() {
            for &view in &task.views {
                if let Some(mask) = (self.0)(task.seed, view) {
                    on_mask(i, view, &mask)?;
                }
            }
            let score = 1.0 / (1.0 + task.seed as f32);
            scores.push((task.seed % 5 != 4).then_some(score));
        }
        Ok(scores)
    }
}

/// A number that depends on three others.
fn mixed(a: u32, b: u32, c: u32) -> u32 {
    let mut x = a.wrapping_mul(0x9e37_79b1) ^ b.wrapping_mul(0x85eb_ca77) ^ c;
    x = (x ^ (x >> 15)).wrapping_mul(0x2c1b_3c6d);
    (x ^ (x >> 12)).wrapping_mul(0x297a_2d39) >> 8
}

/// A mask of 4 x 4 pixels, most of them on, so that something is chosen.
fn random_mask(salt: u32, seed: u32, view: u32) -> Option<TrackedMask> {
    let bits = mixed(salt, seed, view);
    let on = (0..16).map(|bit| mixed(bits, bit, 3) % 3 > 0).collect();
    (bits % 4 > 0).then(|| TrackedMask::new(on, [4, 4]).unwrap())
}

/// What views see, with places that differ.
fn random_views(counts: &[Vec<u32>]) -> Vec<Vec<(u32, Vec<[f32; 2]>)>> {
    let view = |(view, of): (u32, &Vec<u32>)| {
        let seen = (0..).zip(of).filter(|(_, count)| **count > 0);
        let place = |s: u32, i: u32| {
            [0, 1].map(|axis| (mixed(s * 9 + axis, i, view) % 1000) as f32 / 1000.0)
        };
        seen.map(|(s, count)| (s, (0..*count).map(|i| place(s, i)).collect()))
            .collect()
    };
    (0..).zip(counts).map(view).collect()
}

const LINE: [f32; 10] = [0.0, 1.0, 2.5, 4.5, 7.0, 10.0, 13.5, 17.5, 22.0, 27.0];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_superpoint_has_one_fate_whatever_the_tracker_says(
        counts in prop::collection::vec(prop::collection::vec(0u32..6, 10), 1..6),
        salt in 0u32..1000,
        seeds in 1usize..12,
        max_iou in 0.0f32..=1.0,
        strategy in prop_oneof![
            Just(Optimization::default()),
            Just(Optimization::OnePass { restart: true }),
            Just(Optimization::BestFirst),
            Just(Optimization::Best),
        ],
        views_per_side in prop::option::of(0usize..4),
        tracks in prop::option::of(0usize..6),
    ) {
        let visibility = given(&[6; 10], &LINE, &random_views(&counts));
        let options = LiftOptions {
            kappa: 3,
            seeds,
            max_iou,
            optimization: strategy,
            views_per_side,
            tracks,
            ..LiftOptions::default()
        };
        let mut tracker = Answering(|seed, view| random_mask(salt, seed, view));
        let lifted = lift(&visibility, &mut tracker, &options, &Monitor::silent()).unwrap();
        check_fates(&visibility, &lifted);
        prop_assert!(lifted.tracks <= tracks.unwrap_or(10).min(10));
        prop_assert!(lifted.rounds <= lifted.tracks);
        prop_assert!(tracks.is_some() || lifted.left(LeftReason::Limit) == 0);
        prop_assert!(lifted.instances.is_sorted_by(|a, b| a.score >= b.score));
    }

    /// Equations 3 and 4 are sums over views; only the recurrence in the order of views depends on it.
    #[test]
    fn the_order_of_views_matters_to_the_recurrence_alone(
        counts in prop::collection::vec(prop::collection::vec(0u32..6, 10), 1..6),
        salt in 0u32..1000,
        turn in 0u32..6,
    ) {
        let views = random_views(&counts);
        let turn = turn % views.len() as u32;
        let mut turned = views.clone();
        turned.rotate_left(turn as usize);
        for strategy in [Optimization::BestFirst, Optimization::Best] {
            let options = LiftOptions {
                kappa: 3,
                optimization: strategy,
                ..LiftOptions::default()
            };
            let of = |views: &[Vec<(u32, Vec<[f32; 2]>)>], turn: u32| {
                let visibility = given(&[6; 10], &LINE, views);
                let count = views.len() as u32;
                let original = move |view| (view + turn) % count;
                let mut tracker =
                    Answering(move |seed, view| random_mask(salt, seed, original(view)));
                lift(&visibility, &mut tracker, &options, &Monitor::silent()).unwrap()
            };
            let (first, second) = (of(&views, 0), of(&turned, turn));
            prop_assert_eq!(sets(&first), sets(&second));
            prop_assert_eq!(first.fates, second.fates);
        }
    }
}

#[test]
fn a_better_instance_takes_what_its_double_adds() {
    let proposal = |superpoints: &[u32], score: f32, seed| Proposal {
        superpoints: superpoints.to_vec(),
        score,
        seed,
        pivot: 0,
        views: 1,
    };
    let proposals = vec![
        proposal(&[0, 1, 3], 0.5, 0),
        proposal(&[0, 1, 2], 0.9, 1),
        proposal(&[1], 0.8, 2),
    ];
    // With 10, 10, 10, 1 and 1 points, {0, 1, 3} has 20 of 31 points in common with {0, 1, 2}: it is
    // the same instance and adds 3. {1} is a third of that: a thing on it, which owns what it has.
    let sizes = [10, 10, 10, 1, 1];
    let instances = partition::instances(proposals.clone(), &sizes, 0.5);
    let found: Vec<&[u32]> = instances.iter().map(|i| &i.superpoints[..]).collect();
    assert_eq!(found, [&[0, 1, 2, 3][..], &[1]]);
    let fates = partition::fates(&instances, &sizes, |_| LeftReason::Refused);
    let [own, of_thing, none] = [
        Fate::Instance(0),
        Fate::Instance(1),
        Fate::Left(LeftReason::Refused),
    ];
    assert_eq!(fates, [own, of_thing, own, own, none]);
    assert_eq!(partition::instances(proposals, &sizes, 1.0).len(), 3);
}

#[test]
fn answers_that_cannot_be_are_refused() {
    let views = random_views(&[vec![3, 2], vec![1, 4]]);
    let visibility = given(&[5, 5], &[0.0, 1.0], &views);
    let run = |options: &LiftOptions, monitor: &Monitor| {
        let mut tracker = Answering(|seed, view| random_mask(5, seed, view));
        lift(&visibility, &mut tracker, options, monitor)
    };
    let silent = Monitor::silent();
    let defaults = LiftOptions::default();
    assert!(run(&defaults, &silent).is_ok());
    for (options, words) in [
        (
            LiftOptions {
                tau: 0.0,
                ..defaults
            },
            "tau is 0, it must be above 0",
        ),
        (
            LiftOptions {
                tau: f32::NAN,
                ..defaults
            },
            "tau is NaN",
        ),
        (
            LiftOptions {
                kappa: 0,
                ..defaults
            },
            "kappa is 0",
        ),
        (
            LiftOptions {
                seeds: 0,
                ..defaults
            },
            "seeds is 0",
        ),
        (
            LiftOptions {
                prompts: 300,
                ..defaults
            },
            "prompts is 300, it must be 1 to 256",
        ),
        (
            LiftOptions {
                max_iou: 2.0,
                ..defaults
            },
            "max_iou is 2",
        ),
    ] {
        let message = run(&options, &silent).unwrap_err().to_string();
        assert!(message.starts_with(words), "{message}");
    }
    struct Liar(Option<f32>, usize);
    impl Tracker for Liar {
        fn track(
            &mut self,
            tasks: &[TrackTask],
            _: &Monitor,
            on_mask: OnMask,
        ) -> Result<Vec<Option<f32>>, LiftError> {
            let mask = TrackedMask::new(vec![true], [1, 1]).unwrap();
            on_mask(self.1, tasks[0].pivot, &mask)?;
            Ok(vec![self.0; tasks.len() + self.1])
        }
    }
    for (mut liar, words) in [
        (Liar(Some(1.5), 0), "gave the score 1.5"),
        (Liar(Some(f32::NAN), 0), "gave the score NaN"),
        (Liar(Some(0.5), 1), "gave a mask of object 1 of 1"),
    ] {
        let message = lift(&visibility, &mut liar, &defaults, &silent)
            .unwrap_err()
            .to_string();
        assert!(message.contains(words), "{message}");
    }
}

#[test]
fn progress_rises_and_cancel_ends_it() {
    let scene = scene();
    let seen = std::cell::RefCell::new(vec![]);
    let cancel = Cancel::default();
    let run = |limit: f32| {
        let report = |progress: crate::progress::Progress| {
            seen.borrow_mut().push(progress.done);
            if progress.done > limit {
                cancel.cancel();
            }
        };
        let monitor = Monitor::new(&report, &cancel);
        let none = TrackErrors::default();
        let mut tracker =
            OracleTracker::new(&scene.views, &scene.positions, &scene.instances, none).unwrap();
        lift(
            &scene.visibility(),
            &mut tracker,
            &LiftOptions::default(),
            &monitor,
        )
    };
    assert!(run(1.0).is_ok());
    assert!(seen.borrow().is_sorted() && seen.borrow().last() == Some(&1.0));
    assert_eq!(run(0.0), Err(LiftError::Cancelled(Cancelled)));
}
