//! The masks that the network proposed before instances were selected, kept as bits: clicks choose
//! among them.

use super::Pick;
use crate::geometry::sigmoid;

/// The best masks of the network's queries over the superpoints of a scan. They take an eighth of a
/// byte per mask and superpoint: half a megabyte for ten thousand superpoints.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KeptMasks {
    /// Number of 64-bit words of a mask.
    words: usize,
    /// `(masks, words)`.
    bits: Vec<u64>,
    /// `(masks)`: how sure the network is, 0..=1.
    scores: Vec<f32>,
}

impl KeptMasks {
    /// Maximum number of masks that are kept.
    pub const MOST: usize = 400;

    /// Keeps the masks of the picked queries, the first pick of each, as far as there are
    /// [`Self::MOST`]. A superpoint belongs to a mask if its logit is above `above`. `logits` are
    /// `(queries, superpoints)`; picks of queries that there are not, and empty masks, are left out.
    pub fn new(superpoints: usize, logits: &[f32], picks: &[Pick], above: f32) -> Self {
        let words = superpoints.div_ceil(64);
        let mut kept = Self {
            words,
            ..Self::default()
        };
        let mut seen = std::collections::BTreeSet::new();
        for pick in picks.iter().filter(|pick| seen.insert(pick.query)) {
            if kept.count() == Self::MOST {
                break;
            }
            let start = (pick.query as usize).checked_mul(superpoints);
            let row = start.and_then(|start| logits.get(start..)?.get(..superpoints));
            let members = row.into_iter().flatten().enumerate();
            let members = members.filter(|(_, logit)| **logit > above);
            let (mut mask, mut sum, mut count) = (vec![0_u64; words], 0.0, 0.0);
            for (superpoint, logit) in members {
                mask[superpoint / 64] |= 1 << (superpoint % 64);
                sum += sigmoid(*logit);
                count += 1.0;
            }
            if count > 0.0 {
                kept.bits.append(&mut mask);
                kept.scores.push(pick.score * sum / count);
            }
        }
        kept
    }

    /// Number of masks.
    pub fn count(&self) -> usize {
        self.scores.len()
    }

    /// How sure the network is that a mask is a thing, and how clearly it outlines it, 0..=1.
    ///
    /// # Panics
    /// If there is no such mask.
    pub fn score(&self, mask: usize) -> f32 {
        self.scores[mask]
    }

    /// `true` if a superpoint belongs to a mask.
    pub fn contains(&self, mask: usize, superpoint: u32) -> bool {
        let word = self.row(mask).get(superpoint as usize / 64);
        word.is_some_and(|word| word >> (superpoint % 64) & 1 == 1)
    }

    /// Ascending ids of the superpoints of a mask.
    pub fn superpoints(&self, mask: usize) -> Vec<u32> {
        let words = (0..).zip(self.row(mask));
        words
            .flat_map(|(word, bits)| {
                let is_set = move |bit: &u32| bits >> bit & 1 == 1;
                (0..64).filter(is_set).map(move |bit| 64 * word + bit)
            })
            .collect()
    }

    fn row(&self, mask: usize) -> &[u64] {
        let start = mask.saturating_mul(self.words);
        let rows = self.bits.get(start..);
        rows.and_then(|rows| rows.get(..self.words)).unwrap_or(&[])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_are_kept_as_bits_once_per_query_and_in_bounded_number() {
        let superpoints = 130;
        let mut logits = vec![-1.0; 3 * superpoints];
        for member in [0, 64, 129] {
            logits[member] = 2.0;
        }
        logits[2 * superpoints + 7] = 0.1;
        let pick = |query, score| Pick {
            query,
            label: 0,
            score,
        };
        let picks = [
            pick(2, 0.9),
            pick(0, 0.8),
            pick(2, 0.7),
            pick(1, 0.6),
            pick(9, 0.5),
            pick(u32::MAX, 0.4),
        ];
        let kept = KeptMasks::new(superpoints, &logits, &picks, 0.0);
        assert_eq!(kept.count(), 2, "empty masks and unknown queries are none");
        assert_eq!(kept.superpoints(0), [7]);
        assert_eq!(kept.superpoints(1), [0, 64, 129]);
        assert!(kept.contains(1, 64) && !kept.contains(1, 65) && !kept.contains(1, u32::MAX));
        assert!((kept.score(1) - 0.8 * sigmoid(2.0)).abs() < 1e-6);
        assert!(!kept.contains(2, 0) && kept.superpoints(2).is_empty());

        let many: Vec<Pick> = (0..500).map(|query| pick(query, 0.5)).collect();
        let kept = KeptMasks::new(2, &vec![1.0; 1000], &many, 0.0);
        assert_eq!(kept.count(), KeptMasks::MOST);
        assert_eq!(KeptMasks::new(0, &[], &many, 0.0), KeptMasks::default());
    }
}
