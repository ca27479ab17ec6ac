//! Tests matrix products against plain loops.

use burn::tensor::Tensor;
use segscape::ops::{matmul, plain_matmul};

use super::{differs, fits, noise, poison, tensor};
use crate::device::Subject;

/// Batch, rows, inner size, columns.
const CASES: &[[usize; 4]] = &[
    [0, 3, 4, 5],
    [1, 0, 4, 5],
    [1, 3, 0, 5],
    [1, 1, 1, 1],
    // Whole tiles of eight by eight, one row and column less, one more.
    [1, 8, 8, 8],
    [1, 7, 7, 7],
    [1, 9, 9, 9],
    [3, 16, 12, 24],
    [4, 33, 48, 61],
    [2, 61, 33, 3],
    // Layers of the network.
    [1, 811, 96, 256],
    [1, 811, 96, 1],
    // Few rows and a long sum, also in parts that are not equal.
    [1, 9, 1024, 64],
    [2, 3, 700, 12],
    // The most threads, for few values.
    [500_000, 1, 1, 1],
    // More than one binding of 128 MiB, which is left to burn.
    [1, 600_000, 64, 2],
];

/// Returns a description of every case in which the device's products are wrong.
pub async fn check(subject: &Subject) -> Vec<String> {
    let mut complaints = Vec::new();
    let device = &subject.device;
    for &size in CASES {
        let what = format!("matmul {size:?}");
        let [batch, m, k, n] = size;
        let (a_shape, b_shape) = ([batch, m, k], [batch, k, n]);
        let values = |shape: [usize; 3]| shape.iter().product::<usize>();
        if !fits(
            subject,
            &what,
            values(a_shape).max(values(b_shape)).max(batch * m * n),
        ) {
            continue;
        }
        let (a, b) = (noise(1, values(a_shape)), noise(2, values(b_shape)));
        let want = plain_matmul(&a, &b, size);
        let (a, b) = (tensor(&a, a_shape, device), tensor(&b, b_shape, device));
        poison(device, [batch * m, n]);
        complaints.extend(differs(&what, matmul(a.clone(), b.clone()), &want).await);
        if a_shape.contains(&0) || b_shape.contains(&0) {
            continue;
        }
        // The same product of views whose elements are stored in a different order.
        let turned = |t: Tensor<3>| t.swap_dims(1, 2).mul_scalar(1.0).swap_dims(1, 2);
        complaints.extend(
            differs(
                &format!("{what} of transposed views"),
                matmul(turned(a), turned(b)),
                &want,
            )
            .await,
        );
    }
    complaints
}
