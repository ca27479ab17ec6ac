//! Maps of rows to segment means: a sparse matrix of weights, stored in both directions.

use std::sync::Arc;

use super::gpu::SparseMatrix;
use crate::ops::wgsl::OnDevice;

/// Maximum number of points, rows or segments; keeps every list within one GPU binding of 128 MiB.
const LIMIT: usize = (1 << 25) - 1;

/// Error of building a [`SegmentMap`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SegmentMapError {
    /// The two index lists describe different numbers of points.
    #[error(
        "there are {segments} segment ids and {rows} row ids; there must be one of each per point"
    )]
    Length {
        /// Number of segment ids.
        segments: usize,
        /// Number of row ids.
        rows: usize,
    },
    /// Too many points, rows or segments.
    #[error("there are {got} points, rows or segments, the limit is {LIMIT}")]
    TooMany {
        /// The number.
        got: usize,
    },
    /// A segment id does not exist.
    #[error("the segment id is {got}, but there are only {count} segments")]
    Segment {
        /// The id.
        got: u32,
        /// The number of segments.
        count: usize,
    },
    /// A row id does not exist.
    #[error("the row id is {got}, but there are only {count} rows")]
    Row {
        /// The id.
        got: u32,
        /// The number of rows.
        count: usize,
    },
}

/// A sparse matrix in compressed sparse row format: `out[i] = sum_j weights[j] * x[rows[j]]` over
/// `j` in `starts[i]..starts[i + 1]`.
#[derive(Debug)]
pub struct WeightedRows {
    /// Start of the entries of each output, and the end of the last; one element more than there
    /// are outputs.
    pub starts: Vec<u32>,
    /// The input row of each entry.
    pub rows: Vec<u32>,
    /// The weight of each entry.
    pub weights: Vec<f32>,
    on_device: OnDevice<Vec<SparseMatrix>>,
}

impl WeightedRows {
    pub(super) fn new(starts: Vec<u32>, rows: Vec<u32>, weights: Vec<f32>) -> Self {
        Self {
            starts,
            rows,
            weights,
            on_device: OnDevice::default(),
        }
    }

    /// The data that GPUs derive from this matrix.
    pub(super) fn on_device(&self) -> &OnDevice<Vec<SparseMatrix>> {
        &self.on_device
    }

    /// Number of outputs.
    pub fn outputs(&self) -> usize {
        self.starts.len() - 1
    }

    /// Iterates over the `(row, weight)` entries of output `i`.
    pub fn entries(&self, i: usize) -> impl Iterator<Item = (u32, f32)> + '_ {
        let range = self.starts[i] as usize..self.starts[i + 1] as usize;
        self.rows[range.clone()]
            .iter()
            .copied()
            .zip(self.weights[range].iter().copied())
    }

    /// Builds the matrix from entries `(output, row, weight)` sorted by output.
    fn from_sorted(outputs: usize, entries: impl Iterator<Item = (u32, u32, f32)>) -> Self {
        let mut starts = vec![0; outputs + 1];
        let (mut rows, mut weights) = (Vec::new(), Vec::new());
        for (output, row, weight) in entries {
            starts[output as usize + 1] += 1;
            rows.push(row);
            weights.push(weight);
        }
        for i in 0..outputs {
            starts[i + 1] += starts[i];
        }
        Self::new(starts, rows, weights)
    }

    /// Returns the transposed matrix, for `rows` inputs.
    fn transposed(&self, rows: usize) -> Self {
        let mut starts = vec![0u32; rows + 1];
        for &row in &self.rows {
            starts[row as usize + 1] += 1;
        }
        for i in 0..rows {
            starts[i + 1] += starts[i];
        }
        let mut next = starts.clone();
        let (mut outputs, mut weights) = (vec![0; self.rows.len()], vec![0.0; self.rows.len()]);
        for output in 0..self.outputs() {
            for (row, weight) in self.entries(output) {
                let at = next[row as usize] as usize;
                (outputs[at], weights[at]) = (output as u32, weight);
                next[row as usize] += 1;
            }
        }
        Self::new(starts, outputs, weights)
    }
}

/// The rows that form the mean of each segment, with their weights. Clones share one table.
#[derive(Clone, Debug)]
pub struct SegmentMap {
    means: Arc<WeightedRows>,
    spread: Arc<WeightedRows>,
}

impl SegmentMap {
    /// Builds the map from the segment and the row of every point.
    ///
    /// Point `p` belongs to segment `segment_of_point[p]` and has the features of row
    /// `row_of_point[p]`: a row counts in a segment's mean once per point (docs/spec/model.md
    /// section 6). `segments` and `rows` are the numbers of both; the mean of a segment without
    /// points is zero. `O(p log p)`.
    ///
    /// # Errors
    /// See [`SegmentMapError`].
    pub fn new(
        segment_of_point: &[u32],
        row_of_point: &[u32],
        segments: usize,
        rows: usize,
    ) -> Result<Self, SegmentMapError> {
        if segment_of_point.len() != row_of_point.len() {
            return Err(SegmentMapError::Length {
                segments: segment_of_point.len(),
                rows: row_of_point.len(),
            });
        }
        if let Some(got) = [segment_of_point.len(), segments, rows]
            .into_iter()
            .find(|&n| n > LIMIT)
        {
            return Err(SegmentMapError::TooMany { got });
        }
        if let Some(&got) = segment_of_point.iter().find(|s| **s as usize >= segments) {
            return Err(SegmentMapError::Segment {
                got,
                count: segments,
            });
        }
        if let Some(&got) = row_of_point.iter().find(|r| **r as usize >= rows) {
            return Err(SegmentMapError::Row { got, count: rows });
        }
        let mut points_of_segment = vec![0u32; segments];
        for &segment in segment_of_point {
            points_of_segment[segment as usize] += 1;
        }
        let mut pairs: Vec<u64> = segment_of_point
            .iter()
            .zip(row_of_point)
            .map(|(&s, &r)| u64::from(s) << 32 | u64::from(r))
            .collect();
        pairs.sort_unstable();
        let entries = pairs.chunk_by(|a, b| a == b).map(|equal| {
            let (segment, row) = ((equal[0] >> 32) as u32, equal[0] as u32);
            (
                segment,
                row,
                equal.len() as f32 / points_of_segment[segment as usize] as f32,
            )
        });
        Ok(Self::from_means(
            WeightedRows::from_sorted(segments, entries),
            rows,
        ))
    }

    /// Builds a map that selects one of `rows` rows for each output: the mean becomes a selection,
    /// whose gradient is a sum over equal choices.
    ///
    /// # Errors
    /// [`SegmentMapError::TooMany`] or [`SegmentMapError::Row`].
    pub fn selection(choices: &[u32], rows: usize) -> Result<Self, SegmentMapError> {
        if let Some(got) = [choices.len(), rows].into_iter().find(|&n| n > LIMIT) {
            return Err(SegmentMapError::TooMany { got });
        }
        if let Some(&got) = choices.iter().find(|r| **r as usize >= rows) {
            return Err(SegmentMapError::Row { got, count: rows });
        }
        let entries = (0u32..).zip(choices).map(|(i, &row)| (i, row, 1.0));
        Ok(Self::from_means(
            WeightedRows::from_sorted(choices.len(), entries),
            rows,
        ))
    }

    fn from_means(means: WeightedRows, rows: usize) -> Self {
        let spread = means.transposed(rows).into();
        Self {
            means: means.into(),
            spread,
        }
    }

    /// Number of segments, which are the rows of the output.
    pub fn segments(&self) -> usize {
        self.means.outputs()
    }

    /// Number of rows of the input.
    pub fn rows(&self) -> usize {
        self.spread.outputs()
    }

    /// For every segment, its rows and their weights in the mean.
    pub fn means(&self) -> &Arc<WeightedRows> {
        &self.means
    }

    /// For every row, the segments it belongs to and its weights in them: the transposed matrix.
    pub fn spread(&self) -> &Arc<WeightedRows> {
        &self.spread
    }

    /// Returns the transposed map, which computes the gradient of a mean.
    #[must_use]
    pub fn transposed(&self) -> Self {
        Self {
            means: self.spread.clone(),
            spread: self.means.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_row_counts_once_per_point() {
        let map = SegmentMap::new(&[2, 0, 0, 0, 2], &[1, 1, 0, 1, 1], 3, 2).unwrap();
        let entries: Vec<Vec<_>> = (0..3).map(|s| map.means().entries(s).collect()).collect();
        assert_eq!(
            entries,
            [vec![(0, 1.0 / 3.0), (1, 2.0 / 3.0)], vec![], vec![(1, 1.0)]]
        );
        let back: Vec<Vec<_>> = (0..2).map(|r| map.spread().entries(r).collect()).collect();
        assert_eq!(back, [vec![(0, 1.0 / 3.0)], vec![(0, 2.0 / 3.0), (2, 1.0)]]);
    }

    #[test]
    fn ids_out_of_range_are_refused() {
        assert_eq!(
            SegmentMap::new(&[0], &[], 1, 1).unwrap_err(),
            SegmentMapError::Length {
                segments: 1,
                rows: 0
            }
        );
        assert_eq!(
            SegmentMap::new(&[1], &[0], 1, 1).unwrap_err(),
            SegmentMapError::Segment { got: 1, count: 1 }
        );
        assert_eq!(
            SegmentMap::new(&[0], &[u32::MAX], 1, 1).unwrap_err(),
            SegmentMapError::Row {
                got: u32::MAX,
                count: 1
            }
        );
        assert_eq!(
            SegmentMap::selection(&[0, 2], 2).unwrap_err(),
            SegmentMapError::Row { got: 2, count: 2 }
        );
        assert_eq!(SegmentMap::new(&[], &[], 0, 0).unwrap().segments(), 0);
    }
}
