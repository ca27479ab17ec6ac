//! Distinct places: several points of a file may lie at exactly the same place.

use std::collections::BTreeMap;

/// The distinct places of points, in order of first appearance. Where every triangle of a mesh has
/// corners of its own, and in scans that were accumulated, a place is repeated as often as the file
/// happens to need it; what is counted or averaged over points therefore counts places.
///
/// ```
/// use segscape::spatial::Places;
///
/// let places = Places::new(&[[0.0; 3], [1.0; 3], [0.0; 3]], &[7, 7, 7]);
/// assert_eq!(places.first_points(), [0, 1]);
/// assert_eq!(places.points_at(), [2, 1]);
/// // What is grouped apart is not one place.
/// assert_eq!(Places::new(&[[0.0; 3]; 2], &[7, 8]).first_points(), [0, 1]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    place_of_point: Vec<u32>,
    first_point: Vec<u32>,
}

impl Places {
    /// Finds the places of `positions` in each group; both are `(points)`.
    /// O(points log points), whatever the file holds.
    ///
    /// # Panics
    /// If there are fewer groups than positions.
    pub fn new(positions: &[[f32; 3]], group_of_point: &[u32]) -> Self {
        let value = |point: u32| {
            // Zero has two signs.
            let bits = positions[point as usize].map(|x| (x + 0.0).to_bits());
            (bits, group_of_point[point as usize])
        };
        // Points at one place have the same hash, so they are next to each other once hashes are
        // sorted; most points share theirs with none and are not looked at again.
        let hashed = |point: u32| u64::from(hash(value(point))) << u32::BITS | u64::from(point);
        let mut order: Vec<u64> = (0..positions.len() as u32).map(hashed).collect();
        order.sort_unstable();
        let mut first_of_point: Vec<u32> = (0..positions.len() as u32).collect();
        for same in order.chunk_by(|a, b| a >> u32::BITS == b >> u32::BITS) {
            if let [_, _, ..] = same {
                let mut first_at = BTreeMap::new();
                for point in same.iter().map(|&key| key as u32) {
                    let first = first_at.entry(value(point)).or_insert(point);
                    first_of_point[point as usize] = *first;
                }
            }
        }
        let mut first_point = Vec::new();
        let mut place_of_point = first_of_point;
        for point in 0..place_of_point.len() {
            let first = place_of_point[point] as usize;
            place_of_point[point] = if first == point {
                first_point.push(point as u32);
                first_point.len() as u32 - 1
            } else {
                // it comes before this point and has its place already
                place_of_point[first]
            };
        }
        Self {
            place_of_point,
            first_point,
        }
    }

    /// The place of a point.
    pub fn of_point(&self, point: usize) -> u32 {
        self.place_of_point[point]
    }

    /// `(places)`: the first point of each place, ascending.
    pub fn first_points(&self) -> &[u32] {
        &self.first_point
    }

    /// `(places)`: the number of points at each place.
    pub fn points_at(&self) -> Vec<u32> {
        let mut counts = vec![0; self.first_point.len()];
        for &place in &self.place_of_point {
            counts[place as usize] += 1;
        }
        counts
    }
}

/// Mixes all bits of a place and its group. Places with the same hash are told apart afterwards.
fn hash(([x, y, z], group): ([u32; 3], u32)) -> u32 {
    const ODD: u64 = 0x9E37_79B9_7F4A_7C15;
    let mix = |hash: u64, word: u32| {
        let hash = (hash ^ u64::from(word)).wrapping_mul(ODD);
        hash ^ hash >> 32
    };
    ([x, y, z, group].into_iter().fold(0, mix).wrapping_mul(ODD) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn points_share_a_place_if_they_are_equal_and_grouped(points in prop::collection::vec((prop::array::uniform3(-1i8..2), 0u32..3), 0..60)) {
            // -1 * 0 is the other zero
            let position = |cell: &[i8; 3]| cell.map(|x| f32::from(x) * if x == 0 { -1.0 } else { 1.0 });
            let mut positions: Vec<_> = points.iter().map(|(cell, _)| position(cell)).collect();
            positions.iter_mut().step_by(2).flatten().for_each(|x| *x += 0.0);
            let groups: Vec<_> = points.iter().map(|(_, group)| *group).collect();
            let places = Places::new(&positions, &groups);
            for a in 0..points.len() {
                for b in 0..points.len() {
                    prop_assert_eq!(places.of_point(a) == places.of_point(b), points[a] == points[b]);
                }
                let first = places.first_points()[places.of_point(a) as usize] as usize;
                prop_assert!(first <= a && points[first] == points[a]);
            }
            prop_assert_eq!(places.points_at().iter().sum::<u32>() as usize, points.len());
            prop_assert!(places.first_points().is_sorted_by(|a, b| a < b));
        }
    }
}
