//! Attention against its definition.

use segscape::ops::{attention, plain_attention};

use super::{differs, fits, noise, poison, tensor};
use crate::device::Subject;

/// Heads, queries, keys, width, value width.
const CASES: &[[usize; 5]] = &[
    [2, 0, 5, 8, 4],
    [2, 3, 0, 8, 4],
    [1, 1, 1, 1, 1],
    [3, 5, 7, 6, 5],
    // around a block of queries, with keys that are no whole vector
    [2, 47, 33, 8, 8],
    [2, 49, 35, 12, 4],
    // the widths that ship
    [4, 200, 311, 48, 24],
    // more scores than a tile holds
    [4, 1300, 1700, 8, 8],
];

/// Complaints about every case in which the device does not compute what the definition says, with
/// a mask and without.
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
        // scores so large that a sum without the highest taken off would overflow
        let q: Vec<f32> = of(1, q_shape).into_iter().map(|v| v * 100.0).collect();
        let (k, v) = (of(2, k_shape), of(3, v_shape));
        // of every third query no key, of the next few, of the last many
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
