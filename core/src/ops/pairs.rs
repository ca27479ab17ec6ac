//! Lists of the row pairs of a convolution; the CPU reads them for every convolution and gradient
//! of a level.

use super::NO_NEIGHBOR;

/// Rows per block: the sums of a convolution with 64 channels stay in a level-2 cache of 512 KiB.
pub(super) const BLOCK: usize = 512;

/// The row pairs at one offset.
#[derive(Clone, Debug, Default)]
pub(super) struct Pairs {
    /// `(row, other row)`, in ascending order of the rows.
    pairs: Vec<(u32, u32)>,
    /// Start of the pairs of each block of rows, and the end of the last.
    starts: Vec<usize>,
}

impl Pairs {
    /// Lists the pairs, given the other row of each row or [`NO_NEIGHBOR`].
    pub fn new(others: &[u32]) -> Self {
        let mut found = Self {
            pairs: vec![(0, 0); others.len()],
            starts: vec![],
        };
        let mut count = 0;
        for (block, others) in others.chunks(BLOCK).enumerate() {
            found.starts.push(count);
            for (row, other) in (block * BLOCK..).zip(others) {
                // an entry without a neighbour is overwritten by the next one
                found.pairs[count] = (row as u32, *other);
                count += usize::from(*other != NO_NEIGHBOR);
            }
        }
        found.starts.push(count);
        found.pairs.truncate(count);
        found.pairs.shrink_to_fit();
        found
    }
    /// The pairs of all rows.
    pub fn all(&self) -> &[(u32, u32)] {
        &self.pairs
    }

    /// The pairs of one block of [`BLOCK`] rows.
    pub fn of_block(&self, block: usize) -> &[(u32, u32)] {
        &self.pairs[self.starts[block]..self.starts[block + 1]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_have_their_rows_and_all_have_every_pair() {
        for rows in [0, 1, BLOCK, BLOCK + 1, 3 * BLOCK - 5] {
            let others: Vec<u32> = (0..rows as u32)
                .map(|row| if row % 3 == 1 { NO_NEIGHBOR } else { row / 2 })
                .collect();
            let pairs = Pairs::new(&others);
            let want: Vec<(u32, u32)> = (0..rows as u32)
                .filter(|row| row % 3 != 1)
                .map(|row| (row, row / 2))
                .collect();
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
