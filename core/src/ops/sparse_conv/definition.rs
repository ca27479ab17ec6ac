//! Reference implementations: plain loops that every other path is compared with.

use crate::ops::KernelMap;

/// Calls `pair(offset, input row, output row)` for every pair of the map.
fn for_each_pair(map: &KernelMap, mut pair: impl FnMut(usize, usize, usize)) {
    for k in 0..map.offsets() {
        for &(p, q) in map.inputs().pairs(k) {
            pair(k, q as usize, p as usize);
        }
    }
}

/// `x` is `(in_rows, c_in)`, `w` is `(offsets, c_in, c_out)`; returns `(out_rows, c_out)`.
pub fn plain_sparse_conv(
    x: &[f32],
    w: &[f32],
    [c_in, c_out]: [usize; 2],
    map: &KernelMap,
) -> Vec<f32> {
    let mut y = vec![0.0; map.out_rows() * c_out];
    for_each_pair(map, |k, q, p| {
        for i in 0..c_in {
            for o in 0..c_out {
                y[p * c_out + o] += x[q * c_in + i] * w[(k * c_in + i) * c_out + o];
            }
        }
    });
    y
}

/// `grad` is `(out_rows, c_out)`, `w` is `(offsets, c_in, c_out)`; returns `(in_rows, c_in)`.
pub fn plain_sparse_conv_grad_input(
    grad: &[f32],
    w: &[f32],
    [c_in, c_out]: [usize; 2],
    map: &KernelMap,
) -> Vec<f32> {
    let mut dx = vec![0.0; map.in_rows() * c_in];
    for_each_pair(map, |k, q, p| {
        for i in 0..c_in {
            for o in 0..c_out {
                dx[q * c_in + i] += grad[p * c_out + o] * w[(k * c_in + i) * c_out + o];
            }
        }
    });
    dx
}

/// `x` is `(in_rows, c_in)`, `grad` is `(out_rows, c_out)`; returns `(offsets, c_in, c_out)`.
pub fn plain_sparse_conv_grad_weight(
    x: &[f32],
    grad: &[f32],
    [c_in, c_out]: [usize; 2],
    map: &KernelMap,
) -> Vec<f32> {
    let mut dw = vec![0.0; map.offsets() * c_in * c_out];
    for_each_pair(map, |k, q, p| {
        for i in 0..c_in {
            for o in 0..c_out {
                dw[(k * c_in + i) * c_out + o] += x[q * c_in + i] * grad[p * c_out + o];
            }
        }
    });
    dw
}
