//! Which mask is a part of which instance.

use std::collections::BTreeMap;

use pathfinding::{kuhn_munkres::kuhn_munkres, matrix::Matrix};

use super::affinity::Pair;

/// Affinities as whole numbers, so that sums of them are exact and ties are ties.
const UNITS: f32 = 1e6;

/// `(masks)`: the instance that each mask is a part of. Of all choices that give no instance two
/// masks, the one with the greatest sum of affinities; a mask and an instance that are not a pair
/// stay apart.
pub(super) fn assigned(masks: usize, pairs: &[Pair]) -> Vec<Option<u32>> {
    let mut assigned = vec![None; masks];
    let column_of: BTreeMap<u32, usize> = pairs.iter().map(|pair| (pair.track, 0)).collect();
    let tracks: Vec<u32> = column_of.into_keys().collect();
    if tracks.is_empty() || masks == 0 {
        return assigned;
    }
    // No row may be left without a column, so there are as many columns as rows at least. Those
    // that stand for no instance, and the pairs that are none, weigh nothing.
    let mut weights = Matrix::new(masks, tracks.len().max(masks), 0i64);
    for pair in pairs {
        let column = tracks.binary_search(&pair.track);
        if let Ok(column) = column {
            // A pair without affinity is a pair still.
            let weight = (pair.affinity * UNITS).round() as i64 + 1;
            weights[(pair.mask, column)] = weight;
        }
    }
    let (_, columns) = kuhn_munkres(&weights);
    for (mask, column) in columns.into_iter().enumerate() {
        if weights[(mask, column)] > 0 {
            assigned[mask] = tracks.get(column).copied();
        }
    }
    assigned
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pairs(rows: &[&[f32]]) -> Vec<Pair> {
        let all = rows.iter().enumerate().flat_map(|(mask, row)| {
            let pair = move |(track, affinity): (u32, &f32)| Pair {
                mask,
                track,
                affinity: *affinity,
            };
            (10..).zip(row.iter()).map(pair)
        });
        all.filter(|pair| pair.affinity > 0.0).collect()
    }

    #[test]
    fn the_sum_decides_and_not_the_best_pair() {
        // The best pair alone, 0.9, would leave 0.5 for the other mask: 1.4 < 0.8 + 0.85.
        let of = |rows: &[&[f32]]| assigned(rows.len(), &pairs(rows));
        assert_eq!(of(&[&[0.9, 0.8], &[0.85, 0.5]]), [Some(11), Some(10)]);
        // More masks than instances, and the reverse.
        assert_eq!(of(&[&[0.6], &[0.9], &[0.7]]), [None, Some(10), None]);
        assert_eq!(of(&[&[0.6, 0.7, 0.9]]), [Some(12)]);
        // What is no pair is not made one.
        assert_eq!(of(&[&[0.0, 0.9], &[0.0, 0.8]]), [Some(11), None]);
        // 0.9 alone is more than 0.05 + 0.8.
        assert_eq!(of(&[&[0.9, 0.05], &[0.8, 0.0]]), [Some(10), None]);
        assert_eq!(assigned(2, &[]), [None, None]);
        assert!(assigned(0, &[]).is_empty());
    }

    /// The greatest sum of affinities, in units, by trying everything.
    fn best(rows: &[Vec<u8>], taken: &mut Vec<bool>) -> u32 {
        let Some((row, rest)) = rows.split_first() else {
            return 0;
        };
        let mut most = best(rest, taken);
        for (column, value) in row.iter().enumerate() {
            if *value > 0 && !taken[column] {
                taken[column] = true;
                most = most.max(u32::from(*value) + best(rest, taken));
                taken[column] = false;
            }
        }
        most
    }

    proptest! {
        #[test]
        fn no_choice_is_better(values in prop::collection::vec(prop::collection::vec(0u8..20, 4), 0..5)) {
            let rows: Vec<Vec<f32>> = values.iter().map(|row| row.iter().map(|v| f32::from(*v) / 20.0).collect()).collect();
            let slices: Vec<&[f32]> = rows.iter().map(Vec::as_slice).collect();
            let found = assigned(rows.len(), &pairs(&slices));
            let mut tracks: Vec<u32> = found.iter().flatten().copied().collect();
            tracks.sort_unstable();
            prop_assert!(tracks.is_sorted_by(|a, b| a < b), "no instance has two masks");
            let of_pair = |(mask, track): (usize, &Option<u32>)| track.map_or(0, |track| u32::from(values[mask][track as usize - 10]));
            let sum: u32 = found.iter().enumerate().map(of_pair).sum();
            let is_pair = |(mask, track): (usize, &Option<u32>)| track.is_none_or(|track| values[mask][track as usize - 10] > 0);
            prop_assert!(found.iter().enumerate().all(is_pair));
            prop_assert_eq!(sum, best(&values, &mut vec![false; 4]));
        }
    }
}
