//! The distance between neighbouring points.

use std::num::NonZero;

use kiddo::{ImmutableKdTree, SquaredEuclidean};

use crate::scan::Scan;

/// Number of points whose nearest neighbours are searched for.
const SEARCHES: usize = 10_000;

/// [`median_distance`] of the points of a scan, in file units.
pub(super) fn median_spacing(scan: &Scan) -> Option<f64> {
    Some(median_distance(&scan.positions)? / scan.frame.metres_per_unit)
}

/// The median distance from a point to the nearest point at a different place; `None` if all points
/// are in one place. Every n-th point is examined, so that dense regions are weighted by their number
/// of points. `O(points log points)`.
pub(crate) fn median_distance(positions: &[[f32; 3]]) -> Option<f64> {
    // Squares of f64 neither underflow nor overflow, and adding zero turns -0 into 0, so that equal
    // places have equal bits.
    let place = |position: &[f32; 3]| position.map(|x| f64::from(x) + 0.0);
    let mut places: Vec<[f64; 3]> = positions.iter().map(place).collect();
    // A search would visit every one of a million points at one place.
    places.sort_unstable_by_key(|place| place.map(f64::to_bits));
    places.dedup();
    let tree = ImmutableKdTree::<f64, 3>::new_from_slice(&places).ok()?;
    // The nearest place is the place of the point itself.
    let two = NonZero::<usize>::MIN.saturating_add(1);
    let step = positions.len().div_ceil(SEARCHES).max(1);
    let mut nearest: Vec<f64> = positions
        .iter()
        .step_by(step)
        .filter_map(|position| {
            let found = tree
                .query(&place(position))
                .nearest_n::<SquaredEuclidean<f64>>(two)
                .execute();
            Some(found.get(1)?.distance)
        })
        .collect();
    let middle = nearest.len() / 2;
    (!nearest.is_empty()).then(|| {
        nearest
            .select_nth_unstable_by(middle, f64::total_cmp)
            .1
            .sqrt()
    })
}
