//! Lists of the row pairs of a convolution; the CPU reads them for every convolution and gradient
//! of a level.

/// Rows per block: the sums of a convolution with 64 channels stay in a level-2 cache of 512 KiB.
pub(in crate::ops) const BLOCK: usize = 512;

/// The row pairs at one offset.
#[derive(Clone, Debug, Default)]
pub(super) struct Pairs {
    /// `(row, other row)`, in ascending order of the rows.
    pairs: Vec<(u32, u32)>,
    /// Start of the pairs of each block of rows, and the end of the last.
    starts: Vec<u32>,
}

impl Pairs {
    /// Takes the pairs of `rows` rows, of which each has at most one.
    pub fn new(mut pairs: Vec<(u32, u32)>, rows: usize) -> Self {
        // They are sorted already if rows and their keys have the same order.
        if !pairs.is_sorted() {
            pairs.sort_unstable();
        }
        pairs.shrink_to_fit();
        let mut starts = vec![0; rows.div_ceil(BLOCK) + 1];
        pairs
            .iter()
            .for_each(|(row, _)| starts[*row as usize / BLOCK + 1] += 1);
        (1..starts.len()).for_each(|block| starts[block] += starts[block - 1]);
        Self { pairs, starts }
    }

    /// The pairs of all rows.
    pub fn all(&self) -> &[(u32, u32)] {
        &self.pairs
    }

    /// The pairs of one block of [`BLOCK`] rows.
    pub fn of_block(&self, block: usize) -> &[(u32, u32)] {
        &self.pairs[self.starts[block] as usize..self.starts[block + 1] as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_have_their_rows_and_all_have_every_pair() {
        for rows in [0, 1, BLOCK, BLOCK + 1, 3 * BLOCK - 5] {
            let want: Vec<(u32, u32)> = (0..rows as u32)
                .filter(|row| row % 3 != 1)
                .map(|row| (row, row / 2))
                .collect();
            let backwards = want.iter().rev().copied().collect();
            let pairs = Pairs::new(backwards, rows);
            assert_eq!(pairs.all(), want);
            let blocks: Vec<_> = (0..rows.div_ceil(BLOCK))
                .map(|block| pairs.of_block(block))
                .collect();
            assert_eq!(blocks.concat(), want);
            assert!(
                blocks.iter().enumerate().all(|(block, pairs)| pairs
                    .iter()
                    .all(|(row, _)| *row as usize / BLOCK == block))
            );
        }
    }
}
