//! Tests masked softmax against its formula in f64.

use segscape::ops::{SoftmaxRow, Tuning, masked_softmax};

use super::{differs, fits, noise, poison, tensor};
use crate::device::Subject;

/// Heads, queries, keys.
const CASES: &[[usize; 3]] = &[
    [0, 3, 4],
    [2, 0, 4],
    [2, 3, 0],
    [1, 1, 1],
    [4, 5, 7],
    // One thread less than a workgroup of 64, exactly one workgroup, and one thread more.
    [1, 63, 3],
    [1, 64, 3],
    [5, 13, 3],
    [4, 200, 811],
    // More than one binding of 128 MiB, with the mask within one.
    [4, 5000, 1700],
];

/// Returns a description of every case, with and without a mask, in which the device's weights are
/// wrong.
pub async fn check(subject: &Subject) -> Vec<String> {
    let mut complaints = Vec::new();
    let device = &subject.device;
    // Rows per workgroup, for one more case that needs more than 65 535 workgroups.
    let rows_of_a_workgroup = if Tuning::of(device).softmax == SoftmaxRow::Thread {
        64
    } else {
        1
    };
    for &shape in CASES
        .iter()
        .chain(&[[1, 65_535 * rows_of_a_workgroup + 1, 2]])
    {
        let [heads, queries, keys] = shape;
        if !fits(
            subject,
            &format!("masked_softmax {shape:?}"),
            heads * queries * keys,
        ) {
            continue;
        }
        // Scores so large that a sum of exponentials would overflow unless the maximum is
        // subtracted.
        let scores: Vec<f32> = noise(1, heads * queries * keys)
            .into_iter()
            .map(|v| v * 100.0)
            .collect();
        // The mask admits a fifth of the keys, and none for every third query.
        let logit = |(at, v): (usize, f32)| {
            if (at / keys).is_multiple_of(3) {
                -1.0 - v.abs()
            } else {
                v - 0.6
            }
        };
        let mask: Vec<f32> = noise(2, queries * keys)
            .into_iter()
            .enumerate()
            .map(logit)
            .collect();
        for masked in [false, true] {
            let mut want = Vec::with_capacity(scores.len());
            let mut weights = vec![0.0; keys];
            for (row, scores) in scores.chunks_exact(keys.max(1)).enumerate() {
                let logits = &mask[row % queries * keys..][..keys];
                let all = !masked || logits.iter().all(|logit| *logit < 0.0);
                let highest = scores
                    .iter()
                    .zip(logits)
                    .filter(|(_, logit)| all || **logit >= 0.0)
                    .fold(f32::MIN, |max, (s, _)| max.max(*s));
                for (weight, (s, logit)) in weights.iter_mut().zip(scores.iter().zip(logits)) {
                    *weight = if all || *logit >= 0.0 {
                        f64::from(s - highest).exp()
                    } else {
                        0.0
                    };
                }
                let sum: f64 = weights.iter().sum();
                want.extend(weights.iter().map(|weight| (weight / sum) as f32));
            }
            // Padding columns at the end of each row must not matter, whatever their values.
            for filling in [0, if masked { 3 } else { 1 }] {
                let filled = |values: &[f32], value: f32| -> Vec<f32> {
                    values
                        .chunks_exact(keys.max(1))
                        .flat_map(|row| {
                            row.iter()
                                .copied()
                                .chain(std::iter::repeat_n(value, filling))
                        })
                        .collect()
                };
                let width = if scores.is_empty() {
                    keys
                } else {
                    keys + filling
                };
                let input = tensor(&filled(&scores, 1e6), [heads, queries, width], device);
                poison(device, [heads * queries, keys]);
                let got = masked_softmax(
                    input,
                    masked.then(|| tensor(&mask, [queries, keys], device)),
                    keys,
                );
                let what =
                    format!("masked_softmax {shape:?}, masked: {masked}, {filling} columns more");
                complaints.extend(differs(&what, got, &filled(&want, 0.0)).await);
            }
        }
    }
    complaints
}
