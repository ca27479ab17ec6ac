//! Tests attention against its definition.

use segscape::ops::{attention, plain_attention};

use super::{differs, fits, noise, poison, tensor};
use crate::device::Subject;

/// Heads, queries, keys, width, value width.
const CASES: &[[usize; 5]] = &[
    [2, 0, 5, 8, 4],
    [2, 3, 0, 8, 4],
    [1, 1, 1, 1, 1],
    [3, 5, 7, 6, 5],
    // around the size of a block of queries, with numbers of keys that do not fill whole vectors
    [2, 47, 33, 8, 8],
    [2, 49, 35, 12, 4],
    // the widths of the shipped network
    [4, 200, 311, 48, 24],
    // more scores than fit into a tile
    [4, 1300, 1700, 8, 8],
];

/// Returns a description of every case, with and without a mask, in which the device's result
/// differs from the definition.
pub async fn check(subject: &Subject) -> Vec<String> {
    let mut complaints = Vec::new();
    let device = &subject.device;
    for &shape in CASES {
        let [heads, queries, keys, width, value_width] = shape;
        if !fits(
            subject,
            &format!("attention {shape:?}"),
            heads * queries * keys,
        ) {
            continue;
        }
        let (q_shape, k_shape, v_shape) = (
            [heads, queries, width],
            [heads, keys, width],
            [heads, keys, value_width],
        );
        let of = |seed, shape: [usize; 3]| noise(seed, shape.iter().product());
        // Scores so large that a sum of exponentials would overflow unless the maximum is
        // subtracted.
        let q: Vec<f32> = of(1, q_shape).into_iter().map(|v| v * 100.0).collect();
        let (k, v) = (of(2, k_shape), of(3, v_shape));
        // Of every three queries, the first may attend to no key, the second to a few, the third to
        // many.
        let logit = |(at, v): (usize, f32)| match at / keys % 3 {
            0 => -1.0 - v.abs(),
            1 => v - 0.8,
            _ => v + 0.4,
        };
        let mask: Vec<f32> = noise(4, queries * keys)
            .into_iter()
            .enumerate()
            .map(logit)
            .collect();
        for masked in [false, true] {
            let want = plain_attention([&q, &k, &v], masked.then_some(&mask[..]), shape);
            poison(device, [heads * queries, keys]);
            let got = attention(
                tensor(&q, q_shape, device),
                tensor(&k, k_shape, device),
                tensor(&v, v_shape, device),
                masked.then(|| tensor(&mask, [queries, keys], device)),
            );
            complaints.extend(
                differs(
                    &format!("attention {shape:?}, masked: {masked}"),
                    got,
                    &want,
                )
                .await,
            );
        }
    }
    complaints
}
