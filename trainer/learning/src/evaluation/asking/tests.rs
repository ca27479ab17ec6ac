#![allow(clippy::unwrap_used)]

use std::path::Path;

use burn::tensor::Device;
use segscape::{
    instances::{Masks, SelectOptions},
    model::{
        Config, SegDino3dVl,
        config::{ObjectAttentionOrder, Objects},
    },
    text::Vocabulary,
};

use proofs::weights::drawn;

use super::*;
use crate::data::scans;
use recordings::foundation::InFolder as _;

/// The bundle of a wall as a labelled scan, and an untrained network without a ranker that reads
/// its images.
fn wall(folder: &Path) -> (Network, Labeled) {
    let path = folder.join("scene");
    scans::tests::bundle()
        .write(&path, |_| unreachable!())
        .unwrap();
    let mut config = Config::nano();
    config.inputs.image = 5;
    let device = Device::flex();
    let network = Network::new(
        "untrained".into(),
        drawn(SegDino3dVl::new(&config, &device), 3),
        config.clone(),
        Vocabulary::shipped(),
        &device,
        None,
    )
    .unwrap();
    let labeled = Labeled::whole(&path, Some(&config), None).unwrap();
    (network, labeled)
}

/// Options that select every mask of the network.
fn anything() -> SelectOptions {
    SelectOptions {
        masks: Masks::Unranked,
        min_score: -1.0,
        min_area: 0.0,
        ..SelectOptions::default()
    }
}

#[test]
fn what_is_found_in_a_thinned_scan_is_carried_to_all_points() {
    let folder = tempfile::tempdir().unwrap();
    let (network, labeled) = wall(folder.path());
    let found = |spacing| {
        ask(
            &network,
            &labeled,
            &[],
            &Choice {
                select: anything(),
                spacing,
                ..Choice::default()
            },
        )
        .unwrap()
    };
    let sparse = found(Some(0.12));
    let (thinned, kept) = labeled.thinned(0.12);
    assert!(thinned.scan.positions.len() < labeled.scan.positions.len() / 3 && !sparse.is_empty());
    for one in &sparse {
        assert!(one.points.is_sorted_by(|a, b| a < b));
        let has = |point: u32| one.points.binary_search(&point).is_ok();
        let of_kept = |row: u32| has(kept.point_of_kept()[row as usize]);
        assert!(
            (0..)
                .zip(kept.kept_of_point())
                .all(|(point, &row)| has(point) == of_kept(row)),
            "a point is with the one that stands for it"
        );
    }
    let sets = |found: &[Found]| {
        found
            .iter()
            .map(|one| one.points.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        sets(&found(Some(1e-4))),
        sets(&found(None)),
        "nothing is nearer than a tenth of a millimetre"
    );
}

#[test]
fn what_needs_a_ranker_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let (network, labeled) = wall(folder.path());
    for masks in [MaskSet::Network, MaskSet::Regions] {
        let select = SelectOptions {
            masks: masks.into(),
            ..SelectOptions::default()
        };
        let error = ask(
            &network,
            &labeled,
            &[],
            &Choice {
                select,
                ..Choice::default()
            },
        )
        .err()
        .unwrap()
        .to_string();
        assert!(error.contains("untrained has no ranker"), "{error}");
    }
    for masks in [MaskSet::All, MaskSet::Unranked] {
        let select = SelectOptions {
            masks: masks.into(),
            // The weights are drawn by chance, and some networks would have empty masks only.
            mask_logit: f32::MIN,
            ..anything()
        };
        assert!(
            !ask(
                &network,
                &labeled,
                &[],
                &Choice {
                    select,
                    ..Choice::default()
                }
            )
            .unwrap()
            .is_empty()
        );
    }
}

#[test]
fn a_network_looks_at_the_images_of_a_bundle() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scene");
    scans::tests::bundle()
        .write(&path, |_| unreachable!())
        .unwrap();
    let mut config = Config::nano();
    config.inputs.image = 5;
    config.objects = Some(Objects {
        channels: 6,
        reach: 1.0,
        order: ObjectAttentionOrder::default(),
    });
    let device = Device::flex();
    let network = Network::new(
        "untrained".into(),
        drawn(SegDino3dVl::new(&config, &device), 3),
        config.clone(),
        Vocabulary::shipped(),
        &device,
        None,
    )
    .unwrap();
    let found = |config: Option<&Config>, no_images| {
        let choice = Choice {
            select: anything(),
            no_images,
            ..Choice::default()
        };
        let labeled = Labeled::whole(&path, config, None).unwrap();
        let found = ask(&network, &labeled, &[], &choice).unwrap();
        let embeddings = found.iter().map(|one| one.embedding.clone());
        embeddings.collect::<Vec<_>>()
    };
    let blind = found(None, false);
    assert!(!blind.is_empty());
    assert_ne!(
        found(Some(&config), false),
        blind,
        "images make a difference"
    );
    assert_eq!(
        found(Some(&config), true),
        blind,
        "unless they are left out"
    );
}
