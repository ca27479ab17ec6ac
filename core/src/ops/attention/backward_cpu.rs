//! Gradients of attention on the CPU. No scores are kept from the forward pass: they are recomputed
//! for one block of queries at a time and stay in the cache through the softmax and the five
//! products of the backward pass. A query that attends to few keys visits only those. The heads are
//! independent, and natively all cores work on them.

use burn::{
    backend::{Flex, TensorMetadata as _, flex::FlexTensor, tensor::FloatTensor},
    tensor::TensorData,
};
use pulp::{Simd, WithSimd};

use super::cpu::{BLOCK, Exponentials, Open, open_keys};
use crate::ops::products::{AddOuterProducts, AddProducts, Packed, dispatch, dot, values};
use crate::platform;

/// Returns the gradients with respect to query, key and value, given the gradient of the result of
/// [`super::attention`]. `query` is already divided by the square root of its width.
pub(super) fn attention_backward(
    [query, key, value]: [FloatTensor<Flex>; 3],
    mask: Option<FloatTensor<Flex>>,
    grad: FloatTensor<Flex>,
) -> [FloatTensor<Flex>; 3] {
    let ([heads, queries, width], [_, keys, value_width]) =
        (query.shape().dims(), value.shape().dims());
    let [query, key, value, grad] = [query, key, value, grad].map(|x| x.to_contiguous());
    let mask = mask.map(|mask| mask.to_contiguous());
    let mask = mask.as_ref().map(values);
    let packed = |x: &[f32], [from, to]: [usize; 2], transposed| {
        Packed::new(x, [heads, from, to], transposed)
    };
    let sides = Sides {
        query: values(&query),
        key: values(&key),
        value: values(&value),
        grad: values(&grad),
        keys_across: packed(values(&key), [width, keys], true),
        keys_along: packed(values(&key), [keys, width], false),
        values_across: packed(values(&value), [value_width, keys], true),
        sizes: Sizes {
            heads,
            queries,
            keys,
            width,
            value_width,
        },
    };
    // per head: the gradients of its queries, keys and values side by side
    let lengths = [queries * width, keys * width, keys * value_width];
    let of_head = lengths.iter().sum::<usize>();
    let open: Vec<Open> = (0..queries)
        .map(|query| open_keys(mask, query, keys))
        .collect();
    let slopes = platform::make_by_chunks(heads * of_head, of_head, |head, slopes| {
        let (to_query, rest) = slopes.split_at_mut(lengths[0]);
        let (to_key, to_value) = rest.split_at_mut(lengths[1]);
        sides.back(
            head,
            &open,
            Slopes {
                to_query,
                to_key,
                to_value,
            },
        );
    });
    let part = |first: usize, rows: usize, width: usize| {
        let parts: Vec<&[f32]> = slopes
            .chunks_exact(of_head)
            .map(|slopes| &slopes[first..][..rows * width])
            .collect();
        FlexTensor::from_data(TensorData::new(parts.concat(), [heads, rows, width]))
    };
    [
        part(0, queries, width),
        part(lengths[0], keys, width),
        part(lengths[0] + lengths[1], keys, value_width),
    ]
}

#[derive(Clone, Copy)]
struct Sizes {
    heads: usize,
    queries: usize,
    keys: usize,
    width: usize,
    value_width: usize,
}

/// The inputs, and packed copies for the products of whole matrices, in the order in which these
/// read them.
struct Sides<'a> {
    /// `(heads, queries, width)`.
    query: &'a [f32],
    /// `(heads, keys, width)`.
    key: &'a [f32],
    /// `(heads, keys, value_width)`.
    value: &'a [f32],
    /// `(queries, heads, value_width)`.
    grad: &'a [f32],
    keys_across: Packed,
    keys_along: Packed,
    values_across: Packed,
    sizes: Sizes,
}

/// The gradients of one head.
struct Slopes<'a> {
    to_query: &'a mut [f32],
    to_key: &'a mut [f32],
    to_value: &'a mut [f32],
}

impl Sides<'_> {
    /// Runs the backward pass of one head.
    fn back(&self, head: usize, open: &[Open], mut slopes: Slopes) {
        let Sizes {
            heads,
            queries,
            keys,
            width,
            value_width,
        } = self.sizes;
        let query = &self.query[head * queries * width..][..queries * width];
        let (key, value) = (
            &self.key[head * keys * width..][..keys * width],
            &self.value[head * keys * value_width..][..keys * value_width],
        );
        let mut dense = Dense {
            rows: Vec::with_capacity(BLOCK),
            weights: vec![0.0; BLOCK * keys],
            inner: vec![0.0; BLOCK * keys],
        };
        for first in (0..queries).step_by(BLOCK) {
            dense.rows.clear();
            for (row, open) in (first..).zip(&open[first..(first + BLOCK).min(queries)]) {
                match open {
                    Open::All => dense.rows.push((row, None)),
                    Open::Many(mask) => dense.rows.push((row, Some(mask))),
                    Open::Few(open) => {
                        let (query, grad) = (
                            &query[row * width..][..width],
                            &self.grad[(row * heads + head) * value_width..][..value_width],
                        );
                        let to_query = &mut slopes.to_query[row * width..][..width];
                        let (to_key, to_value) = (&mut *slopes.to_key, &mut *slopes.to_value);
                        dispatch(BackToFew {
                            query,
                            key,
                            value,
                            grad,
                            open,
                            to_query,
                            to_key,
                            to_value,
                        });
                    }
                }
            }
            self.back_to_many(head, query, &mut dense, &mut slopes);
        }
    }

    /// Runs the backward pass of the rows that attend to all or many keys.
    fn back_to_many(&self, head: usize, query: &[f32], dense: &mut Dense, slopes: &mut Slopes) {
        let Sizes {
            heads,
            keys,
            width,
            value_width,
            ..
        } = self.sizes;
        let Dense {
            rows,
            weights,
            inner,
        } = dense;
        let (weights, inner) = (
            &mut weights[..rows.len() * keys],
            &mut inner[..rows.len() * keys],
        );
        // per row: its position in the block, its query, and its row among the gradients of all
        // heads
        let places = || {
            (0u32..)
                .zip(&*rows)
                .map(|(slot, (row, _))| (slot, *row as u32, (*row * heads + head) as u32))
        };
        let asking: Vec<_> = places().map(|(slot, query, _)| (slot, query)).collect();
        let answered: Vec<_> = places().map(|(slot, _, grad)| (slot, grad)).collect();
        let turned = |pairs: &[(u32, u32)]| pairs.iter().map(|(a, b)| (*b, *a)).collect::<Vec<_>>();
        weights.fill(0.0);
        inner.fill(0.0);
        AddProducts {
            x: query,
            w: self.keys_across.at(head),
            widths: [width, keys],
            pairs: &asking,
            y: weights,
            first: 0,
        }
        .run();
        AddProducts {
            x: self.grad,
            w: self.values_across.at(head),
            widths: [value_width, keys],
            pairs: &answered,
            y: inner,
            first: 0,
        }
        .run();
        for ((weights, inner), (_, mask)) in weights
            .chunks_exact_mut(keys)
            .zip(inner.chunks_exact_mut(keys))
            .zip(&*rows)
        {
            let sum = dispatch(Exponentials {
                scores: weights,
                mask: *mask,
            });
            dispatch(BackThroughSoftmax {
                weights,
                sum,
                inner,
            });
        }
        let (asked, answers) = (turned(&asking), turned(&answered));
        AddProducts {
            x: inner,
            w: self.keys_along.at(head),
            widths: [keys, width],
            pairs: &asked,
            y: slopes.to_query,
            first: 0,
        }
        .run();
        AddOuterProducts {
            x: inner,
            grad: query,
            widths: [keys, width],
            pairs: &asked,
            dw: slopes.to_key,
        }
        .run();
        AddOuterProducts {
            x: weights,
            grad: self.grad,
            widths: [keys, value_width],
            pairs: &answers,
            dw: slopes.to_value,
        }
        .run();
    }
}

/// A block of rows that attend to all or many keys, and buffers for their intermediate results.
struct Dense<'a> {
    /// Index of the query, and its mask if it has one.
    rows: Vec<(usize, Option<&'a [f32]>)>,
    /// `(rows, keys)`: scores, then weights.
    weights: Vec<f32>,
    /// `(rows, keys)`: gradients with respect to the weights, then to the scores.
    inner: Vec<f32>,
}

/// Turns exponentials into weights, and gradients with respect to the weights into gradients with
/// respect to the scores.
struct BackThroughSoftmax<'a> {
    weights: &'a mut [f32],
    sum: f32,
    inner: &'a mut [f32],
}

impl WithSimd for BackThroughSoftmax<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self {
            weights,
            sum,
            inner,
        } = self;
        let share = 1.0 / sum;
        let (groups, rest) = weights.as_chunks_mut::<16>();
        let (inner_groups, inner_rest) = inner.as_chunks_mut::<16>();
        let mut means = [0.0; 16];
        for (weights, inner) in groups.iter_mut().zip(&*inner_groups) {
            for ((weight, inner), mean) in weights.iter_mut().zip(inner).zip(&mut means) {
                *weight *= share;
                *mean += *weight * inner;
            }
        }
        let mut mean: f32 = means.iter().sum();
        for (weight, inner) in rest.iter_mut().zip(&*inner_rest) {
            *weight *= share;
            mean += *weight * inner;
        }
        for (weight, inner) in weights.iter().zip(inner) {
            *inner = weight * (*inner - mean);
        }
    }
}

/// Backward pass of one query that attends to the keys `open`.
struct BackToFew<'a> {
    query: &'a [f32],
    key: &'a [f32],
    value: &'a [f32],
    grad: &'a [f32],
    open: &'a [u32],
    to_query: &'a mut [f32],
    to_key: &'a mut [f32],
    to_value: &'a mut [f32],
}

impl WithSimd for BackToFew<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self {
            query,
            key,
            value,
            grad,
            open,
            to_query,
            to_key,
            to_value,
        } = self;
        let (width, value_width) = (query.len(), grad.len());
        let row = |j: &u32, width: usize| *j as usize * width..(*j as usize + 1) * width;
        let (mut weights, mut inner) = (vec![0.0; open.len()], vec![0.0; open.len()]);
        for ((weight, inner), j) in weights.iter_mut().zip(&mut inner).zip(open) {
            *weight = dot(simd, query, &key[row(j, width)]);
            *inner = dot(simd, grad, &value[row(j, value_width)]);
        }
        let sum = Exponentials {
            scores: &mut weights,
            mask: None,
        }
        .with_simd(simd);
        BackThroughSoftmax {
            weights: &mut weights,
            sum,
            inner: &mut inner,
        }
        .with_simd(simd);
        for ((j, weight), inner) in open.iter().zip(&weights).zip(&inner) {
            add(*inner, &key[row(j, width)], to_query);
            add(*inner, query, &mut to_key[row(j, width)]);
            add(*weight, grad, &mut to_value[row(j, value_width)]);
        }
    }
}

/// Computes `y += factor x`.
#[inline(always)]
fn add(factor: f32, x: &[f32], y: &mut [f32]) {
    y.iter_mut().zip(x).for_each(|(y, x)| *y += factor * x);
}
