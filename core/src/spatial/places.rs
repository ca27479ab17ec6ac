//! Distinct places: several points of a file may lie at exactly the same place.

use std::collections::HashMap;

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
    /// Finds the places of `positions` in each group; both are `(points)`. O(points).
    ///
    /// # Panics
    /// If there are fewer groups than positions.
    pub fn new(positions: &[[f32; 3]], group_of_point: &[u32]) -> Self {
        let mut place_at = HashMap::with_capacity(positions.len());
        let mut first_point = Vec::new();
        let place = |(point, position): (usize, &[f32; 3])| {
            // Zero has two signs.
            let bits = position.map(|x| (x + 0.0).to_bits());
            *place_at
                .entry((bits, group_of_point[point]))
                .or_insert_with(|| {
                    first_point.push(point as u32);
                    first_point.len() as u32 - 1
                })
        };
        let place_of_point = positions.iter().enumerate().map(place).collect();
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
