#![allow(clippy::unwrap_used)]
use burn::tensor::Device;

use super::*;
use crate::{
    instances::{
        FEATURES, Instance, Linear, NO_INSTANCE, Ranker,
        query::{Labels, Question},
    },
    model::{Config, SegDino3dVl},
    progress::{Cancel, Progress},
    text::Vocabulary,
    write,
};

/// A floor of 3 m with two boxes of half a metre on it, one point every 3 cm.
pub(super) fn room() -> Scan {
    let (mut positions, mut colors) = (Vec::new(), Vec::new());
    let mut patch = |corner: [f32; 3], axes: [usize; 2], size: f32, color: [u8; 3]| {
        let steps = (size / 0.03) as usize;
        for i in 0..steps * steps {
            let mut p = corner;
            p[axes[0]] += (i % steps) as f32 * 0.03;
            p[axes[1]] += (i / steps) as f32 * 0.03;
            positions.push(p);
            colors.push(color);
        }
    };
    patch([0.0; 3], [0, 1], 3.0, [120, 110, 100]);
    for (corner, color) in [
        ([0.5, 0.5, 0.03], [200, 40, 40]),
        ([2.0, 1.5, 0.03], [40, 60, 200]),
    ] {
        for (axis, axes) in [(0, [1, 2]), (1, [0, 2]), (2, [0, 1])] {
            let mut far = corner;
            far[axis] += 0.5;
            patch(far, axes, 0.5, color);
            if axis < 2 {
                patch(corner, axes, 0.5, color);
            }
        }
    }
    Scan::from_points(&positions, Some(&colors)).unwrap()
}

/// An untrained network, and a ranker that gives every candidate the same score.
pub(super) fn network() -> Network {
    let (config, device) = (Config::nano(), Device::flex());
    device.seed(3);
    let model = SegDino3dVl::new(&config, &device);
    let ranker = Ranker::new(
        [0.0; FEATURES],
        [1.0; FEATURES],
        vec![vec![Linear {
            weights: vec![0.0; FEATURES],
            bias: vec![1.0],
        }]],
    )
    .unwrap();
    let vocabulary = Vocabulary::shipped();
    let name = "untrained".into();
    Network::new(name, model, config, vocabulary, &device, Some(ranker)).unwrap()
}

/// Labels without a prompt.
fn unasked(segmented: &Segmented, threshold: f32) -> PointLabels {
    let labels = Labels::new(&segmented.segmentation, &[], Vocabulary::shipped()).unwrap();
    label(segmented, &labels.of_instance, &labels.visible(threshold))
}

#[test]
fn a_scan_becomes_instances_whose_points_are_told() {
    let (network, monitor) = (network(), Monitor::silent());
    let bytes = write::ply(&room().table);
    let segment =
        || burn::tensor::read_sync(run(&bytes, &network, &Options::default(), &monitor)).unwrap();
    let segmented = segment();
    assert!(!segmented.segmentation.instances.is_empty());
    assert_eq!(
        segment().segmentation,
        segmented.segmentation,
        "the same scan gives the same instances"
    );
    let labels = unasked(&segmented, 0.0);
    assert_eq!(labels.instance_of_point.len(), segmented.scan.len());
    for instance in &labels.instances {
        assert!(
            labels
                .name(instance)
                .is_some_and(|name| Vocabulary::shipped().lookup(name).is_some())
        );
    }
    let owned = (0..segmented.scan.len()).filter(|point| labels.owner(*point).is_some());
    assert!(owned.count() > 0);
    let none = unasked(&segmented, 1.0);
    assert!(none.instances.is_empty());
    assert!(
        none.instance_of_point
            .iter()
            .all(|owner| *owner == NO_INSTANCE)
    );
}

#[test]
fn a_cancelled_run_says_so() {
    let (scan, network) = (room(), network());
    let observation = Observation {
        colors: None,
        ..Observation::from(&scan)
    };
    let grouping = group(
        &observation,
        None,
        &SuperpointOptions::default(),
        &Monitor::silent(),
    )
    .unwrap();
    let cancel = Cancel::default();
    let stop_at_instances = |progress: Progress| {
        if progress.stage == Stage::Instances {
            cancel.cancel();
        }
    };
    let monitor = Monitor::new(&stop_at_instances, &cancel);
    let result = burn::tensor::read_sync(segment(
        &observation,
        &grouping,
        &network,
        &Decoding::default(),
        &monitor,
    ));
    assert!(matches!(result, Err(SegmentError::Cancelled(_))));
}

#[test]
fn what_is_asked_for_is_labeled_and_owns_its_points() {
    let scan = Scan::from_points(&[[0.0; 3], [1.0, 0.0, 0.0], [2.0, 0.0, 0.0]], None).unwrap();
    let word = |name: &str| Vocabulary::shipped().lookup(name).unwrap().to_vec();
    let instance = |superpoint: u32, name: &str| Instance {
        superpoints: vec![superpoint],
        score: 0.8,
        embedding: word(name),
        bounds: crate::geometry::Aabb::EMPTY.with(scan.positions[superpoint as usize]),
        points: 1,
    };
    let segmentation = Segmentation {
        instances: vec![
            instance(1, "table"),
            instance(2, "chair"),
            instance(0, "table"),
        ],
        logit_scale: 20.0,
        ..Segmentation::default()
    };
    let segmented = Segmented {
        superpoints: Superpoints::from_ids(&[0, 1, 2]),
        segmentation,
        scan,
    };
    let told = |labels: &PointLabels| {
        labels
            .instances
            .iter()
            .map(|i| (i.id, labels.name(i).unwrap().to_owned()))
            .collect::<Vec<_>>()
    };
    let all = unasked(&segmented, 0.1);
    assert_eq!(all.instance_of_point, [2, 0, 1]);
    assert_eq!(all.labels, ["table", "chair"]);
    let words = ["table", "chair", "table"].map(str::to_owned);
    assert_eq!(told(&all), (0..).zip(words).collect::<Vec<_>>());

    let vocabulary = Vocabulary::shipped();
    let terms = Question::parse("Chair", vocabulary).unwrap().terms();
    let labels = Labels::new(&segmented.segmentation, &terms, vocabulary).unwrap();
    let asked = label(&segmented, &labels.of_instance, &labels.visible(0.1));
    assert_eq!(asked.instance_of_point, [NO_INSTANCE, NO_INSTANCE, 0]);
    assert_eq!(told(&asked), [(1, "Chair".to_owned())]);
    assert_eq!(
        labels.of_instance[0],
        Label {
            name: "table".into(),
            term: None,
            confidence: 0.0
        }
    );
    assert_eq!(labels.terms[0].nearest[0].instance, 1);
}

#[test]
fn a_few_points_or_one_place_are_no_scan() {
    let scan = |positions: &[[f32; 3]]| Scan::from_points(positions, None).unwrap();
    let spread: Vec<[f32; 3]> = (0..MIN_POINTS).map(|i| [i as f32, 0.0, 0.0]).collect();
    assert_eq!(check(&scan(&spread)), Ok(()));
    assert_eq!(
        check(&scan(&spread[1..])),
        Err(NothingToSeparate::TooFewPoints {
            found: MIN_POINTS - 1
        })
    );
    assert_eq!(
        check(&scan(&vec![[1.0; 3]; 1000])),
        Err(NothingToSeparate::OnePlace { points: 1000 })
    );
}
