//! k nearest neighbours of every point.

use std::num::NonZero;

use kiddo::{ImmutableKdTree, SquaredEuclidean};

use super::{Tick, sixteenth};
use crate::{platform, progress::Cancelled};

/// The tree's coordinates are integers up to this in magnitude, kept as f32: fine enough that rounding does not matter
/// beside f32, and coarse enough that no squared distance underflows or overflows whatever the file holds.
const GRID: f64 = (1u64 << 40) as f64;

/// Queries that one thread does in a row.
const QUERIES: usize = 256;

/// A rotation without a zero entry. Floors, walls and grids have many points with one equal coordinate, which a k-d tree
/// cannot split along that axis: its leaves, and the time of a query, would grow without bound.
const ROTATION: [[f64; 3]; 3] = [[2.0 / 3.0, -1.0 / 3.0, 2.0 / 3.0], [2.0 / 3.0, 2.0 / 3.0, -1.0 / 3.0], [-1.0 / 3.0, 2.0 / 3.0, 2.0 / 3.0]];

/// The neighbours of every point, nearest first, the point itself not among them.
///
/// Rows that have fewer than k neighbours are filled up with the point itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbours {
    k: usize,
    ids: Vec<u32>,
}

impl Neighbours {
    /// Length of a row: the k that was asked for, or points - 1 where there are fewer points.
    pub fn k(&self) -> usize {
        self.k
    }

    /// (points, k) point ids, row after row.
    pub fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// (k) neighbours of `point`.
    pub fn of(&self, point: usize) -> &[u32] {
        &self.ids[point * self.k..][..self.k]
    }
}

/// The `k` nearest neighbours of every point of `positions` (points, 3), which are finite.
///
/// Deterministic. Of points at one and the same place only the first is a neighbour to others; it is the first neighbour of
/// its duplicates, followed by its own. So a million equal points cost no more than a million different ones.
///
/// # Errors
/// What `tick` says.
pub fn nearest_neighbours(positions: &[[f32; 3]], k: usize, tick: Tick) -> Result<Neighbours, Cancelled> {
    let points = positions.len();
    let k = k.min(points.saturating_sub(1));
    if k == 0 {
        return Ok(Neighbours { k, ids: vec![] });
    }
    let places = tree_coordinates(positions);
    let first_of_point = first_at_same_place(&places);
    let distinct: Vec<u32> = (0..points as u32).filter(|&p| first_of_point[p as usize] == p).collect();
    // Serial, so that the tree and with it the order among equal distances is the same everywhere.
    let Ok(tree) =
        ImmutableKdTree::<f32, 3>::builder().with_serial_construction().build_from_source(&distinct, |&p, axis| places[p as usize][axis], |_, &p| p)
    else {
        // Only hard leaf limits and item counts beyond u32 fail, and this tree has neither.
        return Ok(Neighbours { k, ids: (0..points as u32).flat_map(|point| std::iter::repeat_n(point, k)).collect() });
    };
    let mut ids = vec![0; points * k];

    // In the order of the leaves, so that consecutive queries touch the same memory.
    let asked = NonZero::<usize>::MIN.saturating_add(k);
    let leaves: Vec<(u32, [f32; 3])> = tree.iter().collect();
    let part = sixteenth(leaves.len());
    let mut rows = vec![0; part * k];
    for (done, leaves) in leaves.chunks(part).enumerate() {
        tick((done * part) as f32 / distinct.len() as f32)?;
        let rows = &mut rows[..leaves.len() * k];
        platform::for_each_chunk(rows, QUERIES * k, |chunk, rows| {
            for (row, (point, place)) in rows.chunks_exact_mut(k).zip(&leaves[chunk * QUERIES..]) {
                let found = tree.query(place).nearest_n::<SquaredEuclidean<f32>>(asked).execute();
                let others = found.iter().map(|f| f.item).filter(|id| id != point).chain(std::iter::repeat(*point));
                row.iter_mut().zip(others).for_each(|(slot, neighbour)| *slot = neighbour);
            }
        });
        for (row, (point, _)) in rows.chunks_exact(k).zip(leaves) {
            ids[*point as usize * k..][..k].copy_from_slice(row);
        }
    }

    for (point, &first) in first_of_point.iter().enumerate() {
        if first as usize != point {
            let source = first as usize * k;
            ids.copy_within(source..source + k - 1, point * k + 1);
            ids[point * k] = first;
        }
    }
    Ok(Neighbours { k, ids })
}

/// (points, 3): rotated positions in steps of the largest coordinate / [`GRID`].
fn tree_coordinates(positions: &[[f32; 3]]) -> Vec<[f32; 3]> {
    let largest = positions.iter().flatten().fold(0.0f32, |m, x| m.max(x.abs()));
    let scale = if largest > 0.0 { GRID / f64::from(largest) } else { 0.0 };
    // Adding zero turns -0 into 0: equal places have equal bits.
    let coordinate = |p: &[f32; 3], row: &[f64; 3]| ((0..3).map(|axis| row[axis] * f64::from(p[axis])).sum::<f64>() * scale).round() as f32 + 0.0;
    positions.iter().map(|p| ROTATION.each_ref().map(|row| coordinate(p, row))).collect()
}

/// (points): the lowest point id at the same place.
fn first_at_same_place(places: &[[f32; 3]]) -> Vec<u32> {
    let bits = |p: u32| places[p as usize].map(f32::to_bits);
    let mut order: Vec<u32> = (0..places.len() as u32).collect();
    order.sort_unstable_by_key(|&p| (bits(p), p));
    let mut first_of_point = vec![0; places.len()];
    for same in order.chunk_by(|&a, &b| bits(a) == bits(b)) {
        for &p in same {
            first_of_point[p as usize] = same[0];
        }
    }
    first_of_point
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    fn neighbours(positions: &[[f32; 3]], k: usize) -> Neighbours {
        nearest_neighbours(positions, k, &|_| Ok(())).unwrap()
    }

    fn distance(a: [f32; 3], b: [f32; 3]) -> f64 {
        (0..3).map(|i| (f64::from(a[i]) - f64::from(b[i])).powi(2)).sum::<f64>().sqrt()
    }

    proptest! {
        #[test]
        fn as_far_as_the_brute_force_search(
            positions in prop::collection::vec(prop::array::uniform3(-4.0f32..4.0), 2..200), k in 1usize..20,
        ) {
            let found = neighbours(&positions, k);
            for (p, &here) in positions.iter().enumerate() {
                let mut all: Vec<f64> = (0..positions.len()).filter(|&q| q != p).map(|q| distance(here, positions[q])).collect();
                all.sort_by(f64::total_cmp);
                let row: Vec<f64> = found.of(p).iter().map(|&q| distance(here, positions[q as usize])).collect();
                prop_assert_eq!(row.len(), k.min(positions.len() - 1));
                prop_assert!(!found.of(p).contains(&(p as u32)));
                for (a, b) in row.iter().zip(&all) {
                    prop_assert!((a - b).abs() < 1e-5, "{} instead of {}", a, b);
                }
            }
        }
    }

    #[test]
    fn few_points_and_none() {
        assert_eq!(neighbours(&[], 4).ids(), [0u32; 0]);
        assert_eq!(neighbours(&[[1.0; 3]], 4).k(), 0);
        assert_eq!(neighbours(&[[1.0; 3], [2.0; 3]], 4).ids(), [1, 0]);
    }

    #[test]
    fn duplicates_hang_on_the_first_of_them() {
        let found = neighbours(&[[0.0; 3], [1.0, 0.0, 0.0], [0.0, -0.0, 0.0], [3.0, 0.0, 0.0]], 2);
        assert_eq!(found.of(0), [1, 3]);
        assert_eq!(found.of(2), [0, 1]);
    }

    /// Where such points took quadratic time this would not end.
    #[test]
    fn equal_points_and_equal_coordinates_are_no_trap() {
        let side = 300;
        let flat: Vec<_> = (0..side * side).map(|i| [(i % side) as f32, (i / side) as f32, 0.0]).collect();
        let line: Vec<_> = (0..side * side).map(|i| [i as f32, 0.0, 0.0]).collect();
        assert_eq!(neighbours(&vec![[1.5; 3]; side * side], 16).of(7)[0], 0);
        for (p, row) in neighbours(&flat, 4).ids().chunks(4).enumerate() {
            let inside = (p % side).min(p / side) > 0 && (p % side).max(p / side) < side - 1;
            assert!(!inside || row.iter().all(|&q| distance(flat[p], flat[q as usize]) == 1.0));
        }
        assert_eq!(neighbours(&line, 2).of(2).iter().sum::<u32>(), 4);
    }

    #[test]
    fn huge_and_tiny_coordinates_are_no_trap() {
        let tiny: Vec<_> = (0..1000).map(|i| [i as f32 * 1e-40, 0.0, 0.0]).collect();
        assert_eq!(neighbours(&tiny, 2).of(500).iter().sum::<u32>(), 1000);
        let huge = [[0.0; 3], [f32::MAX; 3], [-f32::MAX; 3], [1.0; 3]];
        assert_eq!(neighbours(&huge, 3).of(1).len(), 3);
    }
}
