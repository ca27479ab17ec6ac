//! What is between the linear layers of a transformer, for a few rows on the CPU, such as the tokens
//! of a phrase. As operations on tensors, with a copy or a pass for each step, it would take as long
//! as the layers.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::{
    attention::cpu::{exp, lanes},
    products::{dispatch, dot},
};

/// Layer normalization with its scale and shift, `(width)` each.
pub struct RowNorm {
    /// The scale.
    pub gamma: Vec<f32>,
    /// The shift.
    pub beta: Vec<f32>,
    /// Added to the variance.
    pub epsilon: f32,
}

impl RowNorm {
    /// Normalizes the rows of `x`, `(rows, width)`, after adding those of `more`.
    pub fn of_sum(&self, x: &mut [f32], more: &[f32]) {
        x.iter_mut().zip(more).for_each(|(x, more)| *x += more);
        self.normalize(x);
    }

    /// Normalizes the rows of `x`, `(rows, width)`.
    pub fn normalize(&self, x: &mut [f32]) {
        let width = self.gamma.len();
        for row in x.chunks_exact_mut(width) {
            dispatch(NormalizeRow { norm: self, row });
        }
    }
}

struct NormalizeRow<'a> {
    norm: &'a RowNorm,
    row: &'a mut [f32],
}

impl WithSimd for NormalizeRow<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { norm, row } = self;
        let count = row.len() as f32;
        let mean = lanes(row, 0.0, |sum, x| sum + x) / count;
        row.iter_mut().for_each(|x| *x -= mean);
        let variance = dot(simd, row, row) / count;
        let scale = 1.0 / (variance + norm.epsilon).sqrt();
        for ((x, gamma), beta) in row.iter_mut().zip(&norm.gamma).zip(&norm.beta) {
            *x = *x * scale * gamma + beta;
        }
    }
}

/// Attention of `heads` heads among the rows of each span: `x` is `(rows, 3 width)`, queries, keys
/// and values side by side; the result is `(rows, width)`.
pub fn attend_in_spans(x: &[f32], heads: usize, width: usize, spans: &[Range<usize>]) -> Vec<f32> {
    let mut out = vec![0.0; x.len() / 3];
    for span in spans {
        dispatch(AttendInSpan {
            x: &x[span.start * 3 * width..span.end * 3 * width],
            heads,
            out: &mut out[span.start * width..span.end * width],
            width,
        });
    }
    out
}

/// The rows of one span.
struct AttendInSpan<'a> {
    x: &'a [f32],
    heads: usize,
    width: usize,
    out: &'a mut [f32],
}

impl WithSimd for AttendInSpan<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self {
            x,
            heads,
            width,
            out,
        } = self;
        let of_head = width / heads;
        let scale = 1.0 / (of_head as f32).sqrt();
        let mut weights = vec![0.0; out.len() / width];
        for (row, out) in x.chunks_exact(3 * width).zip(out.chunks_exact_mut(width)) {
            for (head, out) in out.chunks_exact_mut(of_head).enumerate() {
                let [query, key, value] = [0, 1, 2].map(|third| third * width + head * of_head);
                let query = &row[query..][..of_head];
                for (weight, other) in weights.iter_mut().zip(x.chunks_exact(3 * width)) {
                    *weight = dot(simd, query, &other[key..][..of_head]) * scale;
                }
                let highest = weights.iter().copied().fold(f32::MIN, f32::max);
                weights.iter_mut().for_each(|w| *w = exp(*w - highest));
                let sum: f32 = weights.iter().sum();
                for (weight, other) in weights.iter().zip(x.chunks_exact(3 * width)) {
                    let value = &other[value..][..of_head];
                    out.iter_mut()
                        .zip(value)
                        .for_each(|(out, value)| *out += weight / sum * value);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::{
        nn::LayerNormConfig,
        tensor::{Device, Tensor, TensorData},
    };

    use super::*;
    use crate::ops::plain_attention;

    fn numbers(count: usize) -> Vec<f32> {
        (0..count)
            .map(|i| (i * 37 % 101) as f32 / 50.0 - 1.0)
            .collect()
    }

    fn same(got: &[f32], want: &[f32], what: &str) {
        assert_eq!(got.len(), want.len(), "{what}");
        for (got, want) in got.iter().zip(want) {
            assert!(
                (got - want).abs() < 2e-6 * want.abs().max(1.0),
                "{what}: {got} {want}"
            );
        }
    }

    #[test]
    fn rows_are_normalized_as_those_of_tensors() {
        let device = Device::flex();
        let (rows, width) = (5, 48);
        let x: Vec<f32> = numbers(rows * width).iter().map(|x| x * 6.0).collect();
        let tensor = Tensor::<2>::from_data(TensorData::new(x.clone(), [rows, width]), &device);
        let norm = LayerNormConfig::new(width)
            .with_epsilon(1e-12)
            .init(&device);
        let want = norm.forward(tensor).into_data().try_into_vec::<f32>();
        let mut got = vec![0.0; rows * width];
        let norm = RowNorm {
            gamma: vec![1.0; width],
            beta: vec![0.0; width],
            epsilon: 1e-12,
        };
        norm.of_sum(&mut got, &x);
        same(&got, &want.expect("numbers"), "normalization");
    }

    #[test]
    fn rows_attend_to_those_of_their_span() {
        let (heads, width) = (3, 24);
        let spans = [0..4, 4..5, 5..12];
        let x = numbers(12 * 3 * width);
        let got = attend_in_spans(&x, heads, width, &spans);
        for span in spans {
            let part = |third: usize| -> Vec<f32> {
                let of = |head: usize, row: usize| {
                    let start = (row * 3 + third) * width + head * width / heads;
                    x[start..][..width / heads].to_vec()
                };
                (0..heads)
                    .flat_map(|head| span.clone().flat_map(move |row| of(head, row)))
                    .collect()
            };
            let (q, k, v) = (part(0), part(1), part(2));
            let shape = [heads, span.len(), span.len(), width / heads, width / heads];
            let want = plain_attention([&q, &k, &v], None, shape);
            same(
                &got[span.start * width..span.end * width],
                &want,
                "attention",
            );
        }
    }
}
