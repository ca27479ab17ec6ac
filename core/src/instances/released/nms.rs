//! Matrix non-maximum suppression on soft superpoint masks (docs/spec/model.md section 10, step 4;
//! linear kernel).

use std::cmp::Ordering;

/// Number of columns that are multiplied, or skipped, together; a multiple of every SIMD width.
const BLOCK: usize = 32;
/// Two blocks are skipped if the product of their largest values is below this. All skipped blocks
/// together change an intersection by at most S * 1e-6 superpoints.
const NEGLIGIBLE: f32 = 1e-6;

/// Lowers the score of every mask by how much a better mask of the same label covers it.
///
/// `masks` `(candidates, superpoints)` are values in 0..=1; `labels` and `scores` are
/// `(candidates)`. Returns (candidate, new score), sorted by descending new score. Takes
/// O(candidates^2 * superpoints) multiplications in the worst case; blocks of superpoints where one
/// of two masks is zero are skipped.
///
/// # Panics
/// If the lengths are inconsistent.
pub fn matrix_nms(
    masks: &[f32],
    superpoint_count: usize,
    labels: &[u32],
    scores: &[f32],
) -> Vec<(usize, f32)> {
    assert_eq!(labels.len(), scores.len(), "one label per score");
    assert_eq!(
        masks.len(),
        scores.len() * superpoint_count,
        "one mask per score"
    );
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| descending(scores[a], scores[b]));
    let rows = Rows::new(masks, superpoint_count, &order);

    // compensation[i]: how much candidate i itself is covered by a better candidate.
    let mut compensation: Vec<f32> = Vec::with_capacity(order.len());
    let mut result = Vec::with_capacity(order.len());
    for (j, &candidate) in order.iter().enumerate() {
        let mut decay = 1.0_f32;
        let mut covered = 0.0_f32;
        for (i, &compensation) in compensation.iter().enumerate() {
            if labels[order[i]] == labels[candidate] {
                let iou = rows.iou(i, j);
                covered = covered.max(iou);
                // A duplicate of a better mask is covered entirely; the better mask already decays
                // everything that the duplicate would.
                decay = decay.min((1.0 - iou) / (1.0 - compensation).max(f32::EPSILON));
            }
        }
        compensation.push(covered);
        result.push((candidate, scores[candidate] * decay));
    }
    result.sort_by(|a, b| descending(a.1, b.1));
    result
}

/// Descending order; stable sorts keep the order of equal scores.
pub(in crate::instances) fn descending(a: f32, b: f32) -> Ordering {
    b.total_cmp(&a)
}

/// Masks sorted by descending score, padded to whole blocks.
struct Rows {
    blocks: usize,
    values: Vec<[f32; BLOCK]>,
    /// Largest value of each block, `(rows, blocks)`.
    peaks: Vec<f32>,
    areas: Vec<f32>,
}

impl Rows {
    fn new(masks: &[f32], superpoint_count: usize, order: &[usize]) -> Self {
        let blocks = superpoint_count.div_ceil(BLOCK);
        let mut rows = Self {
            blocks,
            values: Vec::with_capacity(order.len() * blocks),
            peaks: Vec::with_capacity(order.len() * blocks),
            areas: Vec::with_capacity(order.len()),
        };
        for &candidate in order {
            let mask = &masks[candidate * superpoint_count..][..superpoint_count];
            rows.areas
                .push(mask.iter().map(|&value| f64::from(value)).sum::<f64>() as f32);
            for chunk in mask.chunks(BLOCK) {
                let mut block = [0.0; BLOCK];
                block[..chunk.len()].copy_from_slice(chunk);
                rows.peaks
                    .push(block.iter().fold(0.0, |peak: f32, &value| peak.max(value)));
                rows.values.push(block);
            }
        }
        rows
    }

    fn iou(&self, i: usize, j: usize) -> f32 {
        let (i_blocks, j_blocks) = (
            i * self.blocks..(i + 1) * self.blocks,
            j * self.blocks..(j + 1) * self.blocks,
        );
        let peaks = self.peaks[i_blocks.clone()]
            .iter()
            .zip(&self.peaks[j_blocks.clone()]);
        let values = self.values[i_blocks].iter().zip(&self.values[j_blocks]);
        let mut lanes = [0.0_f32; BLOCK];
        for ((peak_i, peak_j), (block_i, block_j)) in peaks.zip(values) {
            if peak_i * peak_j > NEGLIGIBLE {
                for lane in 0..BLOCK {
                    lanes[lane] += block_i[lane] * block_j[lane];
                }
            }
        }
        let inter: f32 = lanes.iter().sum();
        let union = self.areas[i] + self.areas[j] - inter;
        if union > 0.0 {
            (inter / union).min(1.0)
        } else {
            0.0
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::golden;

    #[test]
    fn a_twin_is_suppressed_and_a_stranger_is_not() {
        let masks = [
            1.0, 1.0, 0.0, 0.0, /**/ 1.0, 1.0, 0.0, 0.0, /**/ 0.0, 0.0, 1.0, 1.0,
            /**/ 1.0, 1.0, 0.0, 0.0,
        ];
        let result = matrix_nms(&masks, 4, &[0; 4], &[0.5, 0.9, 0.3, 0.4]);
        assert_eq!(result, [(1, 0.9), (2, 0.3), (0, 0.0), (3, 0.0)]);
        let other_labels = matrix_nms(&masks, 4, &[0, 1, 2, 3], &[0.5, 0.9, 0.3, 0.4]);
        assert_eq!(other_labels, [(1, 0.9), (0, 0.5), (3, 0.4), (2, 0.3)]);
    }

    #[test]
    fn equals_the_reference_values() {
        let case = &golden::json("components.json")["matrix_nms_linear"];
        let list = |value: &serde_json::Value| -> Vec<f64> {
            value
                .as_array()
                .unwrap()
                .iter()
                .map(|v| v.as_f64().unwrap())
                .collect()
        };
        let rows: Vec<Vec<f64>> = case["soft_masks"]
            .as_array()
            .unwrap()
            .iter()
            .map(list)
            .collect();
        let masks: Vec<f32> = rows.iter().flatten().map(|&v| v as f32).collect();
        let labels: Vec<u32> = list(&case["labels"]).iter().map(|&v| v as u32).collect();
        let scores: Vec<f32> = list(&case["scores"]).iter().map(|&v| v as f32).collect();
        let result = matrix_nms(&masks, rows[0].len(), &labels, &scores);
        let order: Vec<f64> = result.iter().map(|r| r.0 as f64).collect();
        assert_eq!(order, list(&case["expected"]["order"]));
        for (found, expected) in result
            .iter()
            .map(|r| f64::from(r.1))
            .zip(list(&case["expected"]["scores"]))
        {
            assert!(
                (found - expected).abs() <= 2e-5 * expected.abs().max(1e-3),
                "{found} is not {expected}"
            );
        }
    }
}
