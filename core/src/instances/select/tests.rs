//! Selection among masks of queries, regions and given masks.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::{
    instances::{FEATURE_NAMES, FEATURES, Linear, geometry::tests::areas},
    superpoint::Superpoints,
    text::TextSpace,
};

fn ranker_of(feature: &str) -> Ranker {
    let mut weights = vec![0.0; FEATURES];
    weights[FEATURE_NAMES
        .iter()
        .position(|name| *name == feature)
        .unwrap()] = 1.0;
    Ranker::new(
        [0.0; FEATURES],
        [1.0; FEATURES],
        vec![vec![Linear {
            weights,
            bias: vec![0.0],
        }]],
    )
    .unwrap()
}

/// Six superpoints of `size` points; the queries in 0 and 1 both cover {0, 1}, the query in 4
/// covers {4}.
fn scene(size: u32) -> (Vec<[f32; 3]>, Superpoints, Proposals) {
    let points = 6 * size;
    let positions = (0..points).map(|i| [i as f32, 0.0, 0.0]).collect();
    let superpoints = Superpoints::from_ids(&(0..points).map(|i| i / size).collect::<Vec<_>>());
    let row = |claimed: &[usize]| {
        (0..6)
            .map(|s| if claimed.contains(&s) { 4.0 } else { -4.0 })
            .collect::<Vec<f32>>()
    };
    let space = TextSpace::default();
    let mut text = vec![0.0; 3 * space.width];
    (0..3).for_each(|query| text[query * space.width] = 1.0);
    let proposals = Proposals {
        superpoint_count: 6,
        superpoint_of_query: vec![0, 1, 4],
        masks: [row(&[0, 1]), row(&[0, 1]), row(&[4])].concat(),
        object: vec![0.9, 0.8, 0.7],
        iou: vec![0.9; 3],
        text,
        space,
        logit_scale: 20.0,
    };
    (positions, superpoints, proposals)
}

fn sets(segmentation: &Segmentation) -> Vec<Vec<u32>> {
    segmentation
        .instances
        .iter()
        .map(|instance| instance.superpoints.clone())
        .collect()
}

#[test]
fn regions_join_the_network_masks_and_twins_go() {
    let (positions, superpoints, proposals) = scene(200);
    let geometry = SuperpointGeometry::new(&positions, None, &superpoints, areas(&superpoints));
    let region = |superpoints: &[u32]| Region {
        superpoints: superpoints.to_vec(),
        birth: 0.1,
        death: 1.0,
    };
    let regions = [
        region(&[2, 3]),
        region(&[0, 1]),
        region(&[3]),
        region(&[0, 1, 2, 3, 4, 5]),
    ];
    let ranker = ranker_of("consensus");
    let options = SelectOptions {
        query_handicap: 0.0,
        ..SelectOptions::default()
    };
    let found = select(
        &proposals,
        &regions,
        &[],
        &[],
        &geometry,
        Some(&ranker),
        &options,
    )
    .unwrap();
    // The whole room overlaps too much with the third of it that came first, and half a region
    // overlaps too much with the region.
    assert_eq!(sets(&found), [vec![0, 1], vec![4], vec![2, 3]]);
    let strict = SelectOptions {
        query_handicap: 0.6,
        ..options
    };
    let of_geometry = select(
        &proposals,
        &regions,
        &[],
        &[],
        &geometry,
        Some(&ranker),
        &strict,
    )
    .unwrap();
    assert!(!sets(&of_geometry).is_empty());
    assert!(
        sets(&of_geometry)
            .iter()
            .all(|set| regions.iter().any(|region| region.superpoints == *set)),
        "queries' masks have a handicap"
    );
    let without = select(
        &proposals,
        &regions,
        &[],
        &[],
        &geometry,
        None,
        &SelectOptions::default(),
    )
    .unwrap();
    assert_eq!(sets(&without), [vec![0, 1], vec![4]]);
    assert!(without.instances[0].score > without.instances[1].score);
    assert_eq!(without.instances[1].points, 200);
    assert_eq!(without.instances[1].bounds.min[0], 800.0);
}

#[test]
fn given_masks_are_ranked_beside_the_others() {
    let (positions, superpoints, proposals) = scene(200);
    let geometry = SuperpointGeometry::new(&positions, None, &superpoints, areas(&superpoints));
    let given = [
        GivenMask {
            superpoints: vec![2, 3],
            score: 0.9,
        },
        GivenMask {
            superpoints: vec![0, 1, 5],
            score: 0.3,
        },
    ];
    // The ranker knows the queries' masks only: nothing started in the first given mask.
    let ranker = ranker_of("consensus");
    let of = |masks, given_weight| {
        let options = SelectOptions {
            masks,
            given_weight,
            query_handicap: 0.0,
            ..SelectOptions::default()
        };
        let ranker = Some(&ranker);
        select(&proposals, &[], &given, &[], &geometry, ranker, &options).unwrap()
    };
    let scores =
        |found: &Segmentation| -> Vec<f32> { found.instances.iter().map(|i| i.score).collect() };
    let all = of(Masks::All, 1.0);
    assert_eq!(sets(&all), [vec![2, 3], vec![0, 1], vec![4]]);
    assert_eq!(scores(&all)[0], 0.9, "its own score counts alone");
    let ranked = of(Masks::All, 0.0);
    assert_eq!(sets(&ranked), [vec![0, 1], vec![4], vec![2, 3]]);
    let alone = of(Masks::Given, 0.0);
    assert_eq!(sets(&alone), [vec![2, 3], vec![0, 1, 5]]);
    assert_eq!(scores(&alone), [0.9, 0.3]);
    assert_eq!(sets(&of(Masks::Network, 0.5)), [vec![0, 1], vec![4]]);
    assert_eq!(
        alone.instances[1].embedding[0], 1.0,
        "it has the voice of its members"
    );
}

#[test]
fn stray_points_are_part_of_no_candidate() {
    let mut positions: Vec<[f32; 3]> = (0..1200).map(|i| [i as f32, 0.0, 0.0]).collect();
    positions.push([1e6, 0.0, -1e6]);
    let ids: Vec<u32> = (0..1201).map(|i| i / 200).collect();
    let superpoints = Superpoints::from_ids(&ids);
    let geometry = SuperpointGeometry::new(&positions, None, &superpoints, vec![1.0; 7]);
    assert_eq!((geometry.is_stray(0), geometry.is_stray(6)), (false, true));
    assert_eq!(geometry.scene().min[2], 0.0);
    let region = |superpoints: &[u32]| Region {
        superpoints: superpoints.to_vec(),
        birth: 0.1,
        death: 1.0,
    };
    let space = TextSpace::default();
    let mut text = vec![0.0; space.width];
    text[0] = 1.0;
    let proposals = Proposals {
        superpoint_count: 7,
        superpoint_of_query: vec![0],
        masks: vec![4.0, -4.0, 4.0, -4.0, -4.0, -4.0, 4.0],
        object: vec![0.9],
        iou: vec![0.9],
        text,
        space,
        logit_scale: 20.0,
    };
    let regions = [region(&[1, 6]), region(&[6])];
    let found = candidates(
        &proposals,
        &regions,
        &[],
        &geometry,
        &SelectOptions::default(),
    );
    let found: Vec<&[u32]> = found.iter().map(|c| c.superpoints.as_slice()).collect();
    assert_eq!(found, [&[1][..], &[0, 2]]);
}

#[test]
fn what_is_not_wanted_is_no_candidate() {
    let (positions, superpoints, proposals) = scene(200);
    let geometry = SuperpointGeometry::new(&positions, None, &superpoints, areas(&superpoints));
    let regions = [Region {
        superpoints: vec![2, 3],
        birth: 0.1,
        death: 1.0,
    }];
    let ranker = ranker_of("objectness");
    let of = |masks| {
        let options = SelectOptions {
            masks,
            query_handicap: 0.0,
            min_score: -2.0,
            ..SelectOptions::default()
        };
        select(
            &proposals,
            &regions,
            &[],
            &[],
            &geometry,
            Some(&ranker),
            &options,
        )
        .unwrap()
    };
    assert_eq!(sets(&of(Masks::All)), [vec![0, 1], vec![4], vec![2, 3]]);
    assert_eq!(sets(&of(Masks::Network)), [vec![0, 1], vec![4]]);
    assert_eq!(sets(&of(Masks::Regions)), [vec![2, 3]]);
    let unranked = of(Masks::Unranked);
    assert_eq!(sets(&unranked), [vec![0, 1], vec![4]]);
    let own = |segmentation: &Segmentation| {
        segmentation
            .instances
            .iter()
            .map(|instance| instance.score)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        own(&unranked),
        own(&select(
            &proposals,
            &[],
            &[],
            &[],
            &geometry,
            None,
            &SelectOptions {
                min_score: -2.0,
                ..SelectOptions::default()
            }
        )
        .unwrap())
    );
    assert_ne!(
        own(&unranked),
        own(&of(Masks::Network)),
        "the ranker has scores of its own"
    );
}

#[test]
fn what_is_much_smaller_than_the_thing_around_it_stays() {
    let positions: Vec<[f32; 3]> = (0..2000).map(|i| [i as f32, 0.0, 0.0]).collect();
    let superpoints = Superpoints::from_ids(&(0..2000).map(|i| i / 200).collect::<Vec<_>>());
    let geometry = SuperpointGeometry::new(&positions, None, &superpoints, areas(&superpoints));
    let candidate = |superpoints: &[u32]| Candidate {
        superpoints: superpoints.to_vec(),
        source: Source::Query(0),
    };
    let kept = |sets: &[&[u32]], options| {
        let scored = sets.iter().map(|set| (0.5, candidate(set))).collect();
        separate(scored, &geometry, &options)
            .into_iter()
            .map(|(_, c)| c.superpoints)
            .collect::<Vec<_>>()
    };
    let sofa: Vec<u32> = (0..8).collect();
    let half = [0, 1, 2, 3];
    // A cushion is an eighth of the sofa and is kept; two of them are a quarter and are
    // removed, as is half a sofa.
    assert_eq!(
        kept(
            &[&sofa, &[1], &half, &[5, 6], &[1], &[9]],
            SelectOptions::default()
        ),
        [sofa.clone(), vec![1], vec![9]]
    );
    // The candidate that comes first is kept.
    assert_eq!(
        kept(
            &[&[1], &half, &sofa],
            SelectOptions {
                max_iou: 0.3,
                ..SelectOptions::default()
            }
        ),
        [vec![1], half.to_vec()]
    );
    assert_eq!(
        kept(
            &[&[0], &[1], &[2]],
            SelectOptions {
                instances: 2,
                ..SelectOptions::default()
            }
        ),
        [vec![0], vec![1]]
    );
}

#[test]
fn small_masks_and_duplicates_are_no_candidates() {
    let (positions, superpoints, proposals) = scene(60);
    let geometry = SuperpointGeometry::new(&positions, None, &superpoints, areas(&superpoints));
    let of = |min_area| {
        candidates(
            &proposals,
            &[],
            &[],
            &geometry,
            &SelectOptions {
                min_area,
                ..SelectOptions::default()
            },
        )
    };
    let pair = Candidate {
        superpoints: vec![0, 1],
        source: Source::Query(0),
    };
    // Sixty points per superpoint are six square decimetres.
    assert_eq!(of(0.1), std::slice::from_ref(&pair));
    assert_eq!(
        of(0.05),
        [
            pair,
            Candidate {
                superpoints: vec![4],
                source: Source::Query(2)
            }
        ]
    );
}
