//! Tests the affine operation (scales, shifts and an optional ReLU) against its definition.

use burn::tensor::Tensor;
use segscape::ops::{affine, plain_affine};

use super::{differs, noise, poison, tensor};
use crate::device::Subject;

/// Rows and channels.
const CASES: &[[usize; 2]] = &[
    [0, 4],
    [1, 1],
    [3, 4],
    [64, 4],
    [65, 7],
    [1000, 96],
    [40_000, 3],
];

/// Returns a description of every case in which the device's result differs from the definition.
pub async fn check(subject: &Subject) -> Vec<String> {
    let mut complaints = Vec::new();
    for &[rows, channels] in CASES {
        for with_relu in [false, true] {
            let (x, factors) = (noise(1, rows * channels), noise(2, 2 * channels));
            let [x_on, factors_on]: [Tensor<2>; 2] = [
                tensor(&x, [rows, channels], &subject.device),
                tensor(&factors, [2, channels], &subject.device),
            ];
            poison(&subject.device, [rows.max(1), channels]);
            let what = format!("affine [{rows}, {channels}], rectified: {with_relu}");
            complaints.extend(
                differs(
                    &what,
                    affine(x_on, factors_on, with_relu),
                    &plain_affine(&x, &factors, with_relu),
                )
                .await,
            );
        }
    }
    complaints
}
