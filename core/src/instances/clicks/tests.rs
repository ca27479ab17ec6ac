use super::*;
use crate::{geometry::Aabb, instances::Pick, superpoint::Contact};

/// A chair of a seat (0), a back (1) and legs (2), on a floor of two parts (3, 4), and a lamp (5) that
/// touches nothing. Seat and back merge early, the legs join them, and then everything but the lamp
/// merges.
fn tree() -> Hierarchy {
    let contact = |superpoints, edges, contrast| Contact {
        superpoints,
        edges,
        contrast,
    };
    let contacts = vec![
        contact([0, 1], 20, 0.1),
        contact([0, 2], 10, 0.2),
        contact([2, 3], 10, 0.9),
        contact([3, 4], 50, 0.05),
    ];
    let merges = [([0, 1], 0.1), ([3, 4], 0.2), ([2, 6], 0.3), ([7, 8], 3.0)];
    let areas = [0.3, 0.4, 0.3, 6.0, 6.0, 0.2];
    Hierarchy::by_hand((&areas, 0.08), contacts, &merges)
}

fn clicks(inside: &[u32], outside: &[u32]) -> Clicks {
    Clicks {
        inside: inside.to_vec(),
        outside: outside.to_vec(),
    }
}

fn instance(superpoints: &[u32], score: f32) -> Instance {
    Instance {
        superpoints: superpoints.to_vec(),
        score,
        embedding: Vec::new(),
        bounds: Aabb::EMPTY,
        points: 1,
    }
}

/// Masks that have these superpoints, and scores.
fn masks(masks: &[(&[u32], f32)]) -> KeptMasks {
    let mut logits = vec![-9.0; 6 * masks.len()];
    let mut picks = Vec::new();
    for (query, (superpoints, score)) in masks.iter().enumerate() {
        for id in *superpoints {
            logits[6 * query + *id as usize] = 9.0;
        }
        picks.push(Pick {
            query: query as u32,
            label: 0,
            score: *score,
        });
    }
    KeptMasks::new(6, &logits, &picks, 0.0)
}

/// The best set, and all sets.
fn best(ground: &Ground, clicks: &Clicks) -> (PointedOut, Vec<Vec<u32>>) {
    let Suggestions { sets, best } = ground.pointed_out(clicks);
    assert!(sets.len() <= MOST_SETS);
    for set in &sets {
        let has = |id: &u32| set.superpoints.contains(id);
        assert!(clicks.inside.iter().all(has), "{clicks:?}: {sets:?}");
        let is_beside = |id: &u32| !has(id) || clicks.inside.contains(id);
        assert!(clicks.outside.iter().all(is_beside), "{clicks:?}: {sets:?}");
        assert!(set.superpoints.is_sorted_by(|a, b| a < b));
    }
    let all = sets.iter().map(|set| set.superpoints.clone()).collect();
    (sets[best as usize].clone(), all)
}

#[test]
fn without_a_network_the_node_that_lives_longest_is_meant_and_others_are_nested_around_it() {
    let (tree, none) = (tree(), KeptMasks::default());
    let ground = Ground::new(&tree, &none, &[]);
    let (chair, all) = best(&ground, &clicks(&[0], &[]));
    assert_eq!(chair.superpoints, [0, 1, 2]);
    assert_eq!((chair.from, chair.cut), (PointedFrom::Region, false));
    assert_eq!(
        all,
        [vec![0], vec![0, 1], vec![0, 1, 2], vec![0, 1, 2, 3, 4]]
    );
    let (lamp, _) = best(&ground, &clicks(&[5], &[]));
    assert_eq!(lamp.superpoints, [5]);
    assert_eq!(
        ground.pointed_out(&clicks(&[], &[3])),
        Suggestions::default()
    );
}

#[test]
fn clicks_outside_leave_smaller_nodes_or_cut_what_surrounds_them() {
    let (tree, none) = (tree(), KeptMasks::default());
    let ground = Ground::new(&tree, &none, &[]);
    let (upper, _) = best(&ground, &clicks(&[0], &[2]));
    assert_eq!(upper.superpoints, [0, 1]);
    // All that holds the seat and the floor holds the legs, too.
    let (cut, all) = best(&ground, &clicks(&[0, 3], &[2]));
    assert!(all.contains(&vec![0, 1, 3, 4]), "{all:?}");
    assert!(!cut.superpoints.contains(&2));
    // What is said to be inside is inside.
    let (kept, _) = best(&ground, &clicks(&[0], &[0]));
    assert!(kept.superpoints.contains(&0));
}

#[test]
fn pieces_that_nothing_joins_are_a_set() {
    let (tree, none) = (tree(), KeptMasks::default());
    let ground = Ground::new(&tree, &none, &[]);
    let (both, _) = best(&ground, &clicks(&[0, 5], &[]));
    assert_eq!(both.superpoints, [0, 1, 2, 5]);
    assert_eq!(both.from, PointedFrom::Pieces);
}

#[test]
fn what_was_found_comes_before_what_the_network_proposed_and_that_before_nodes() {
    let tree = tree();
    let proposed = masks(&[(&[0, 1], 0.9), (&[0, 1, 2, 3], 0.2)]);
    let from = |found: &[Instance], clicks: &Clicks| {
        let ground = Ground::new(&tree, &proposed, found);
        best(&ground, clicks).0
    };
    let mask = from(&[], &clicks(&[0], &[]));
    assert_eq!(
        (mask.superpoints, mask.from),
        (vec![0, 1], PointedFrom::Mask)
    );
    let found = [instance(&[0, 1, 2], 0.9)];
    let chair = from(&found, &clicks(&[0], &[]));
    assert_eq!(chair.from, PointedFrom::Found);
    let upper = from(&found, &clicks(&[0], &[2]));
    assert_eq!(upper.superpoints, [0, 1]);
    // Of what is found, the smaller one that lies in the other.
    let found = [instance(&[0, 1, 2, 3, 4], 0.9), instance(&[0], 0.8)];
    assert_eq!(from(&found, &clicks(&[0], &[])).superpoints, [0]);
}

#[test]
fn clicks_that_cannot_be_are_ignored() {
    let (tree, none) = (tree(), KeptMasks::default());
    let found = [instance(&[0, 77], 0.9)];
    let ground = Ground::new(&tree, &none, &found);
    let (seat, _) = best(&ground, &clicks(&[0], &[]));
    assert_eq!(seat.superpoints, [0]);
    let unknown = clicks(&[99, u32::MAX], &[6]);
    assert_eq!(ground.pointed_out(&unknown), Suggestions::default());
    let many: Vec<u32> = (0..1000).map(|id| id % 6).collect();
    let all = ground.pointed_out(&clicks(&many, &[]));
    assert_eq!(all.sets[all.best as usize].superpoints, [0, 1, 2, 3, 4, 5]);
    let empty = Hierarchy::by_hand((&[], 0.0), Vec::new(), &[]);
    let nothing = Ground::new(&empty, &none, &[]);
    assert_eq!(nothing.pointed_out(&unknown), Suggestions::default());
    assert_eq!(
        (nothing.grown(&[1], &[]), nothing.shrunk(&[1], &[])),
        (None, None)
    );
}

#[test]
fn sets_grow_by_what_merges_first_and_shrink_by_what_fits_worst() {
    let (tree, none) = (tree(), KeptMasks::default());
    let ground = Ground::new(&tree, &none, &[]);
    assert_eq!(
        ground.grown(&[0], &[]),
        Some(1),
        "the smoother, longer border"
    );
    assert_eq!(ground.grown(&[0, 1], &[]), Some(2));
    assert_eq!(ground.grown(&[0], &[1, 2]), None, "all around is barred");
    assert_eq!(ground.grown(&[5], &[]), None, "it touches nothing");
    // The floor fits the chair worst, then the legs, which touch the floor.
    assert_eq!(ground.shrunk(&[0, 1, 2, 3], &[]), Some(3));
    assert_eq!(ground.shrunk(&[0, 1, 2], &[]), Some(2));
    assert_eq!(
        ground.shrunk(&[0, 1, 2], &[2]),
        Some(0),
        "what borders on others is kept"
    );
    assert_eq!(ground.shrunk(&[0, 1], &[0, 1]), None, "all of it is kept");
    assert_eq!(ground.shrunk(&[0], &[]), None, "it is all there is");
    assert_eq!(
        ground.shrunk(&[0, 1, 5], &[]),
        Some(5),
        "what touches nothing goes first"
    );
    assert_eq!(ground.shrunk(&[0, 1, 2, 3, 4], &[0, 2]), Some(3));
}

/// What is filled: the best set, and all sets.
fn filled(ground: &Ground, clicks: &Clicks, barred: &[u32]) -> (Vec<u32>, Vec<Vec<u32>>) {
    let Suggestions { sets, best } = ground.filled(clicks, barred);
    let sets: Vec<Vec<u32>> = sets.into_iter().map(|set| set.superpoints).collect();
    for ends in sets.windows(2) {
        let is_part = ends[0].iter().all(|id| ends[1].contains(id));
        assert!(is_part && ends[0].len() < ends[1].len(), "{sets:?}");
    }
    (sets[best as usize].clone(), sets)
}

#[test]
fn what_touches_a_click_is_filled_until_the_tree_or_something_barred_stops_it() {
    let (tree, none) = (tree(), KeptMasks::default());
    let ground = Ground::new(&tree, &none, &[]);
    let (chair, all) = filled(&ground, &clicks(&[0], &[]), &[]);
    assert_eq!(chair, [0, 1, 2]);
    let nested = [vec![0], vec![0, 1], vec![0, 1, 2], vec![0, 1, 2, 3, 4]];
    assert_eq!(all, nested);
    // What is barred bounds even the largest set, and what lies behind it is not reached.
    let (chair, all) = filled(&ground, &clicks(&[0], &[]), &[3]);
    assert_eq!((chair, &all[..]), (vec![0, 1, 2], &nested[..3]));
    let (floor, all) = filled(&ground, &clicks(&[3], &[]), &[2]);
    assert_eq!((floor, all), (vec![3, 4], vec![vec![3], vec![3, 4]]));
    let (seat, all) = filled(&ground, &clicks(&[0], &[]), &[1, 2, 77]);
    assert_eq!((seat, all.len()), (vec![0], 1));
    // Clicks outside stop it as well, and those inside need not touch each other.
    let (upper, _) = filled(&ground, &clicks(&[0], &[2]), &[]);
    assert_eq!(upper, [0, 1]);
    let (both, _) = filled(&ground, &clicks(&[0, 5], &[]), &[0, 3]);
    assert_eq!(both, [0, 1, 2, 5], "a click inside is never barred");
}

#[test]
fn fills_that_cannot_be_are_empty_and_long_chains_give_few_sets() {
    let (tree, none) = (tree(), KeptMasks::default());
    let ground = Ground::new(&tree, &none, &[]);
    let nothing = Suggestions::default();
    assert_eq!(ground.filled(&clicks(&[99, u32::MAX], &[6]), &[]), nothing);
    assert_eq!(ground.filled(&clicks(&[], &[1]), &[2]), nothing);
    let count = 5000_u32;
    let contacts = (1..count).map(|id| Contact {
        superpoints: [id - 1, id],
        edges: 1,
        contrast: 0.1,
    });
    let merged = |id: u32| if id == 1 { 0 } else { count + id - 2 };
    let merges: Vec<_> = (1..count)
        .map(|id| ([merged(id), id], 0.1 + id as f32))
        .collect();
    let areas = vec![0.02; count as usize];
    let chain = Hierarchy::by_hand((&areas, 0.05), contacts.collect(), &merges);
    let ground = Ground::new(&chain, &none, &[]);
    let Suggestions { sets, .. } = ground.filled(&clicks(&[0], &[]), &[]);
    assert!((10..=40).contains(&sets.len()), "{} sets", sets.len());
    assert_eq!(sets[0].superpoints, [0]);
    assert_eq!(sets[sets.len() - 1].superpoints.len(), count as usize);
}
