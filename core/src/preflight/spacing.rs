//! The distance between neighbouring points.

use std::num::NonZero;

use kiddo::{ImmutableKdTree, SquaredEuclidean};

use crate::scan::Scan;

/// Number of points whose nearest neighbours are searched for.
const SEARCHES: usize = 10_000;

/// Number of points up to which a search tree of all points takes no time worth saving.
const ALL: usize = 200_000;

/// Number of points whose nearest neighbours are searched for among more points than [`ALL`].
const FEW_SEARCHES: usize = 1_000;

/// [`median_distance`] of the points of a scan, in file units.
pub(super) fn median_spacing(scan: &Scan) -> Option<f64> {
    Some(median_distance(&scan.positions)? / scan.frame.metres_per_unit)
}

/// The median distance from a point to the nearest point at a different place; `None` if all points
/// are in one place. Every n-th point is examined, so that dense regions are weighted by their number
/// of points. O(points), unless nearly all of them are in one place.
pub(crate) fn median_distance(positions: &[[f32; 3]]) -> Option<f64> {
    if positions.len() <= ALL {
        let searched = every(positions, SEARCHES);
        return median(nearest(positions, &searched)).map(f64::sqrt);
    }
    let sample = every(positions, ALL);
    let searched = every(&sample, FEW_SEARCHES);
    // No point is further from its nearest among all than from its nearest in the sample.
    let Some(most) = median(nearest(&sample, &searched)).map(f64::sqrt) else {
        return median(nearest(positions, &searched)).map(f64::sqrt);
    };
    // On a surface, the distance shrinks with the square root of the number of points.
    let mut reach = 3.0 * most * (sample.len() as f64 / positions.len() as f64).sqrt();
    loop {
        // a little more than `most`, which is rounded
        reach = reach.min(most * 1.001);
        let around = near(positions, &searched, reach);
        let distance = median(nearest(&around, &searched)).map(f64::sqrt);
        if reach >= most || distance.is_some_and(|distance| distance <= reach) {
            return distance;
        }
        reach *= 2.0;
    }
}

/// At most `count` of the points, evenly.
fn every(positions: &[[f32; 3]], count: usize) -> Vec<[f32; 3]> {
    let step = positions.len().div_ceil(count).max(1);
    positions.iter().step_by(step).copied().collect()
}

/// The points within `reach` of a searched one on every axis, and others.
fn near(positions: &[[f32; 3]], searched: &[[f32; 3]], reach: f64) -> Vec<[f32; 3]> {
    const SLOTS: usize = 1 << 20;
    let cell = |position: &[f32; 3]| position.map(|x| (f64::from(x) / reach).floor() as i64);
    // Cells that share a slot only add points that are not near.
    let slot = |[x, y, z]: [i64; 3]| {
        let mixed =
            x.wrapping_mul(73_856_093) ^ y.wrapping_mul(19_349_663) ^ z.wrapping_mul(83_492_791);
        mixed as usize % SLOTS
    };
    let mut is_near = vec![false; SLOTS];
    for [x, y, z] in searched.iter().map(cell) {
        for [dx, dy, dz] in (0..27).map(|k| [k % 3 - 1, k / 3 % 3 - 1, k / 9 - 1]) {
            let around = [
                x.saturating_add(dx),
                y.saturating_add(dy),
                z.saturating_add(dz),
            ];
            is_near[slot(around)] = true;
        }
    }
    positions
        .iter()
        .filter(|position| is_near[slot(cell(position))])
        .copied()
        .collect()
}

/// Squared distances from the searched points, which are among the positions, to the nearest points
/// at different places; none if all points are in one place.
fn nearest(positions: &[[f32; 3]], searched: &[[f32; 3]]) -> Vec<f64> {
    // Squares of f64 neither underflow nor overflow, and adding zero turns -0 into 0, so that equal
    // places have equal bits.
    let place = |position: &[f32; 3]| position.map(|x| f64::from(x) + 0.0);
    let mut places: Vec<[f64; 3]> = positions.iter().map(place).collect();
    // A search would visit every one of a million points at one place.
    places.sort_unstable_by_key(|place| place.map(f64::to_bits));
    places.dedup();
    let Ok(tree) = ImmutableKdTree::<f64, 3>::new_from_slice(&places) else {
        return Vec::new();
    };
    // The nearest place is the place of the point itself.
    let two = NonZero::<usize>::MIN.saturating_add(1);
    searched
        .iter()
        .filter_map(|position| {
            let found = tree
                .query(&place(position))
                .nearest_n::<SquaredEuclidean<f64>>(two)
                .execute();
            Some(found.get(1)?.distance)
        })
        .collect()
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    let middle = values.len() / 2;
    (!values.is_empty()).then(|| *values.select_nth_unstable_by(middle, f64::total_cmp).1)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// A wall of `side` x `side` points, `step` apart, of which each is off its place by at most a
    /// quarter of that, and as many points in a dense corner as `extra`.
    fn wall(side: u32, step: f32, extra: u32) -> Vec<[f32; 3]> {
        let mut state = 1_u32;
        let mut random = move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / 16_777_216.0 - 0.5
        };
        let mut points: Vec<[f32; 3]> = (0..side * side)
            .map(|i| {
                let at = |k: u32| k as f32 * step;
                [
                    at(i % side) + 0.5 * step * random(),
                    1.5,
                    at(i / side) + 0.5 * step * random(),
                ]
            })
            .collect();
        points.extend((0..extra).map(|_| [random(), 9.0, random()].map(|x| x * 0.1)));
        points
    }

    #[test]
    fn few_of_many_points_say_what_all_say() {
        for (side, step, extra) in [(600, 0.005, 0), (500, 0.01, 60_000), (700, 1e-4, 0)] {
            let points = wall(side, step, extra);
            assert!(points.len() > ALL);
            let all = median(nearest(&points, &points)).unwrap().sqrt();
            let found = median_distance(&points).unwrap();
            assert!((found / all - 1.0).abs() < 0.05, "{found} of {all}");
        }
    }

    #[test]
    fn many_points_in_few_places_have_a_distance() {
        let here = [1.0, 2.0, 3.0];
        let mut points = vec![here; 2 * ALL];
        assert_eq!(median_distance(&points), None);
        points[7] = [1.0, 2.0, 3.5];
        assert_eq!(median_distance(&points), Some(0.5));
        let two_places: Vec<_> = (0..3 * ALL).map(|i| [(i % 2) as f32, 0.0, -0.0]).collect();
        assert_eq!(median_distance(&two_places), Some(1.0));
    }
}
