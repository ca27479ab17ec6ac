//! The k nearest neighbours of every point.
//!
//! All points of a leaf share one search, which is why this is not kiddo's: `trainer bench
//! superpoints` measures both.

use super::{
    Tick,
    candidates::{Candidates, distance_of, slot_of, squared_distances, within},
    sixteenth,
    tree::{Item, LEAF, Tree},
};
use crate::{platform, progress::Cancelled};

/// Quantized positions are integers below 2 to the power of this, stored as f32: distances between
/// two of them neither underflow nor overflow, whatever the file holds.
const BITS: i32 = 40;

/// Number of leaves that one task handles.
const LEAVES: usize = 16;

/// The squared search radius around a leaf is this factor times the mean squared distance of the
/// last neighbours in the leaf before.
const REACH: f32 = 1.75;

/// The maximum number of leaves within that radius. If there are more, searching for each point
/// alone is faster.
const AROUND: usize = 64;

/// The neighbours of every point, nearest first, not including the point itself.
///
/// Rows are in the order of the leaves of a tree, so that points near each other are also near each
/// other in memory, and neighbours are given by their rows. Rows with fewer than k neighbours are
/// filled up with the point itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbors {
    k: usize,
    point_of_row: Vec<u32>,
    rows: Vec<u32>,
}

impl Neighbors {
    /// The length of a row: the requested k, or points - 1 if there are fewer points.
    pub fn k(&self) -> usize {
        self.k
    }

    /// `(k)` rows of the neighbours of the point in `row`.
    pub fn of(&self, row: usize) -> &[u32] {
        &self.rows[row * self.k..][..self.k]
    }

    /// `(points)`: the point of each row.
    pub fn point_of_row(&self) -> &[u32] {
        &self.point_of_row
    }

    /// Reorders values of points, `(points)`, to the order of the rows.
    pub fn by_row<T: Copy>(&self, of_points: &[T]) -> Vec<T> {
        self.point_of_row
            .iter()
            .map(|&point| of_points[point as usize])
            .collect()
    }

    /// Reorders values of rows, `(points)`, to the order of the points.
    pub fn by_point<T: Copy + Default>(&self, of_rows: &[T]) -> Vec<T> {
        let mut of_points = vec![T::default(); of_rows.len()];
        for (&point, &value) in self.point_of_row.iter().zip(of_rows) {
            of_points[point as usize] = value;
        }
        of_points
    }
}

/// Finds the `k` nearest neighbours of every point of `positions`, `(points, 3)`, which must be
/// finite.
///
/// The result is the same on every machine: among equally near points, those that come first in the
/// tree are taken. Of several points at the same place, only the first is a neighbour of other
/// points; it is the first neighbour of its duplicates, followed by its own neighbours. This way, a
/// million equal points cost no more than a million different ones.
///
/// # Errors
/// The error of `tick`.
pub fn nearest_neighbors(
    positions: &[[f32; 3]],
    k: usize,
    tick: Tick,
) -> Result<Neighbors, Cancelled> {
    let points = positions.len();
    let k = k.min(points.saturating_sub(1));
    if k == 0 {
        return Ok(Neighbors {
            k,
            point_of_row: (0..points as u32).collect(),
            rows: vec![],
        });
    }
    tick(0.0)?;
    let (distinct, duplicates) = distinct(&places(positions));
    let tree = Tree::new(distinct);
    let mut point_of_row = tree.ids().to_vec();
    let mut rows = vec![0; points * k];
    let leaves = tree.leaves().len();
    let part = sixteenth(leaves).next_multiple_of(LEAVES);
    for (done, rows) in rows[..point_of_row.len() * k]
        .chunks_mut(part * LEAF * k)
        .enumerate()
    {
        let first = done * part;
        tick(0.2 + 0.8 * first as f32 / leaves as f32)?;
        platform::for_each_chunk(rows, LEAVES * LEAF * k, |chunk, rows| {
            search(&tree, first + chunk * LEAVES, k, rows)
        });
    }

    // Duplicates come after all other rows.
    if !duplicates.is_empty() {
        let mut row_of_point = vec![0; points];
        (0..)
            .zip(&point_of_row)
            .for_each(|(row, &point)| row_of_point[point as usize] = row);
        for [point, first] in duplicates {
            let (row, first) = (point_of_row.len() * k, row_of_point[first as usize]);
            let source = first as usize * k;
            rows.copy_within(source..source + k - 1, row + 1);
            rows[row] = first;
            point_of_row.push(point);
        }
    }
    Ok(Neighbors {
        k,
        point_of_row,
        rows,
    })
}

/// Fills `rows`, `(slots, k)`, of the leaves from `first` on.
///
/// All places of a leaf search the leaves within a radius that is estimated from the leaf before. A
/// place that does not find enough neighbours there is searched for alone from the root, and so are
/// all places if there are too many leaves.
fn search(tree: &Tree, first: usize, k: usize, rows: &mut [u32]) {
    let wanted = tree.ids().len().min(k + 1);
    let mut alone = Candidates::new(wanted);
    let mut around = Vec::with_capacity(AROUND + 1);
    let mut coordinates = [[0.0; AROUND * LEAF]; 3];
    let mut distances = [0.0; AROUND * LEAF];
    let mut keys = [0; AROUND * LEAF];
    let place = |leaf: usize, i: usize| tree.leaves()[leaf].each_ref().map(|axis| axis[i]);

    tree.search(place(first, 0), &mut alone);
    let mut reach = REACH * alone.sorted().last().map_or(0.0, |&key| distance_of(key));
    for (leaf, rows) in (first..).zip(rows.chunks_mut(LEAF * k)) {
        tree.around(leaf, reach, AROUND, &mut around);
        if around.len() > AROUND {
            around.clear();
        }
        for (axis, coordinates) in coordinates.iter_mut().enumerate() {
            for (to, &leaf) in coordinates
                .as_chunks_mut::<LEAF>()
                .0
                .iter_mut()
                .zip(&around)
            {
                *to = tree.leaves()[leaf as usize][axis];
            }
        }
        let distances = &mut distances[..around.len() * LEAF];
        let mut sum = 0.0;
        for (i, row) in rows.chunks_exact_mut(k).enumerate() {
            let at = place(leaf, i);
            squared_distances(
                coordinates.each_ref().map(|axis| &axis[..distances.len()]),
                at,
                distances,
            );
            let mut found = 0;
            for (distances, &leaf) in distances.chunks_exact(LEAF).zip(&around) {
                found += within(distances, reach, leaf as usize, &mut keys[found..]);
            }
            let nearest = if found >= wanted {
                if found > 2 * wanted {
                    keys[..found].select_nth_unstable(wanted - 1);
                    found = wanted;
                }
                keys[..found].sort_unstable();
                &keys[..wanted]
            } else {
                let known = (distances.len() >= wanted).then(|| {
                    *distances
                        .select_nth_unstable_by(wanted - 1, f32::total_cmp)
                        .1
                });
                alone.restart(known.map_or(f32::MAX, |known| known.min(f32::MAX)));
                tree.search(at, &mut alone);
                alone.sorted()
            };
            // The nearest place is the place itself.
            let Some((_, others)) = nearest.split_first() else {
                continue;
            };
            row.fill((leaf * LEAF + i) as u32);
            row.iter_mut()
                .zip(others)
                .for_each(|(neighbor, &key)| *neighbor = slot_of(key));
            sum += others.last().map_or(0.0, |&key| distance_of(key));
        }
        reach = REACH * sum / (rows.len() / k) as f32;
    }
}

/// `(points, 3)`: positions in multiples of a power of two, chosen such that the largest coordinate
/// is at most 2 to the power of [`BITS`].
fn places(positions: &[[f32; 3]]) -> Vec<[f32; 3]> {
    let largest = positions
        .iter()
        .flatten()
        .fold(0.0f32, |m, x| m.max(x.abs()));
    // The power of two is the exponent field of an f64, in which any f32 is a normal number.
    let exponent = (f64::from(largest).to_bits() >> 52) as i32 - 1023;
    let scale = if largest > 0.0 {
        f64::from_bits(((1023 + BITS - 1 - exponent) as u64) << 52)
    } else {
        0.0
    };
    // Adding zero turns -0 into 0, so that equal places have equal bits.
    positions
        .iter()
        .map(|p| p.map(|x| (f64::from(x) * scale).round() as f32 + 0.0))
        .collect()
}

/// Splits points into the first point at each place and the duplicates as (point, first point).
fn distinct(places: &[[f32; 3]]) -> (Vec<Item>, Vec<[u32; 2]>) {
    let key = |(place, point): (&[f32; 3], u32)| {
        place
            .iter()
            .fold(0, |key, x| key << 32 | u128::from(x.to_bits()))
            << 32
            | u128::from(point)
    };
    let mut order: Vec<u128> = places.iter().zip(0..).map(key).collect();
    order.sort_unstable();
    let (mut distinct, mut duplicates) = (Vec::with_capacity(order.len()), vec![]);
    for same in order.chunk_by(|a, b| a >> 32 == b >> 32) {
        let first = same[0] as u32;
        distinct.push(Item {
            at: places[first as usize],
            id: first,
        });
        duplicates.extend(same[1..].iter().map(|&key| [key as u32, first]));
    }
    (distinct, duplicates)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::num::NonZero;

    use kiddo::{ImmutableKdTree, SquaredEuclidean};
    use proptest::prelude::*;

    use super::*;

    /// `(points)`: the neighbours of each point, as point indices.
    fn neighbors(positions: &[[f32; 3]], k: usize) -> Vec<Vec<u32>> {
        let found = nearest_neighbors(positions, k, &|_| Ok(())).unwrap();
        let points = |row: usize| {
            found
                .of(row)
                .iter()
                .map(|&row| found.point_of_row()[row as usize])
                .collect()
        };
        let rows: Vec<Vec<u32>> = (0..positions.len()).map(points).collect();
        let row_of_point = found.by_point(&(0..positions.len()).collect::<Vec<_>>());
        row_of_point
            .into_iter()
            .map(|row| rows[row].clone())
            .collect()
    }

    fn distance(a: [f32; 3], b: [f32; 3]) -> f64 {
        (0..3)
            .map(|i| (f64::from(a[i]) - f64::from(b[i])).powi(2))
            .sum::<f64>()
            .sqrt()
    }

    /// The reference: kiddo's tree, in f64, of the same points.
    fn reference(positions: &[[f32; 3]]) -> ImmutableKdTree<f64, 3> {
        let positions: Vec<[f64; 3]> = positions.iter().map(|p| p.map(f64::from)).collect();
        ImmutableKdTree::new_from_slice(&positions).unwrap()
    }

    /// The distances to the `k` points nearest to `at`, which is one of the points and not counted.
    /// Which ones they are is not compared: among equally near points each search has its own order.
    fn nearest_distances(tree: &ImmutableKdTree<f64, 3>, at: [f32; 3], k: usize) -> Vec<f64> {
        tree.query(&at.map(f64::from))
            .nearest_n::<SquaredEuclidean<f64>>(NonZero::new(k + 1).unwrap())
            .execute()
            .iter()
            .skip(1)
            .map(|found| found.distance.sqrt())
            .collect()
    }

    proptest! {
        #[test]
        fn as_far_as_those_of_another_tree(
            positions in prop::collection::vec(prop::array::uniform3(-4.0f32..4.0), 2..1000), k in 1usize..40,
        ) {
            let (found, tree) = (neighbors(&positions, k), reference(&positions));
            for (p, &here) in positions.iter().enumerate() {
                let nearest = nearest_distances(&tree, here, k);
                let row: Vec<f64> = found[p].iter().map(|&q| distance(here, positions[q as usize])).collect();
                prop_assert_eq!(row.len(), nearest.len());
                prop_assert!(!found[p].contains(&(p as u32)));
                for (a, b) in row.iter().zip(&nearest) {
                    prop_assert!((a - b).abs() < 1e-5, "{} instead of {}", a, b);
                }
            }
        }
    }

    #[test]
    fn few_points_and_none() {
        assert!(neighbors(&[], 4).is_empty());
        assert_eq!(neighbors(&[[1.0; 3]], 4), [[0u32; 0]]);
        assert_eq!(neighbors(&[[1.0; 3], [2.0; 3]], 4), [[1], [0]]);
    }

    #[test]
    fn duplicates_hang_on_the_first_of_them() {
        let found = neighbors(
            &[[0.0; 3], [1.0, 0.0, 0.0], [0.0, -0.0, 0.0], [3.0, 0.0, 0.0]],
            2,
        );
        assert_eq!(found[0], [1, 3]);
        assert_eq!(found[2], [0, 1]);
    }

    /// This test would not finish if such points took quadratic time.
    #[test]
    fn equal_points_and_equal_coordinates_are_no_trap() {
        let side = 300;
        let flat: Vec<_> = (0..side * side)
            .map(|i| [(i % side) as f32, (i / side) as f32, 0.0])
            .collect();
        let line: Vec<_> = (0..side * side).map(|i| [i as f32, 0.0, 0.0]).collect();
        assert_eq!(neighbors(&vec![[1.5; 3]; side * side], 16)[7][0], 0);
        for (p, row) in neighbors(&flat, 4).iter().enumerate() {
            let inside = (p % side).min(p / side) > 0 && (p % side).max(p / side) < side - 1;
            assert!(
                !inside
                    || row
                        .iter()
                        .all(|&q| distance(flat[p], flat[q as usize]) == 1.0)
            );
        }
        assert_eq!(neighbors(&line, 2)[2].iter().sum::<u32>(), 4);
    }

    /// Half of the points form a tiny cluster, the others lie around it at growing distances: the
    /// radius of one leaf says nothing about the next.
    #[test]
    fn a_speck_and_its_surroundings_are_no_trap() {
        let (count, mut state) = (60_000, 1u64);
        let mut random = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1 << 23) as f32 - 1.0
        };
        let point = |i: usize| {
            [random(), random(), random()].map(|x| {
                x * if i.is_multiple_of(2) {
                    1e-3
                } else {
                    1.001f32.powi((i / 8) as i32 % 8000)
                }
            })
        };
        let positions: Vec<[f32; 3]> = (0..count).map(point).collect();
        let (found, tree) = (neighbors(&positions, 8), reference(&positions));
        for (p, row) in found.iter().enumerate() {
            let last = nearest_distances(&tree, positions[p], 8)[7];
            assert!((distance(positions[p], positions[row[7] as usize]) / last - 1.0).abs() < 1e-3);
        }
    }

    #[test]
    fn huge_and_tiny_coordinates_are_no_trap() {
        let tiny: Vec<_> = (0..1000).map(|i| [i as f32 * 1e-40, 0.0, 0.0]).collect();
        assert_eq!(neighbors(&tiny, 2)[500].iter().sum::<u32>(), 1000);
        let huge = [[0.0; 3], [f32::MAX; 3], [-f32::MAX; 3], [1.0; 3]];
        assert_eq!(neighbors(&huge, 3)[1].len(), 3);
    }
}
