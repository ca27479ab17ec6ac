//! Attention with one mask over the keys per query (docs/spec/model.md section 8, steps 4 to 6).
//!
//! At most [`TILE_BYTES`] of the `heads x queries x keys` scores exist at a time, except in
//! training on a GPU, which keeps the weights of every tile for the backward pass. The matrix
//! products take `2 heads queries keys (width + value width)` operations; they read and write
//! `heads (queries + keys) (width + value width)` numbers, plus four times the number of scores on
//! a GPU.

mod backward_cpu;
pub(super) mod cpu;

use burn::{
    backend::{
        Autodiff, Backend, Dispatch, Flex, TensorMetadata as _,
        autodiff::{
            checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
            grads::Gradients,
            ops::{Backward, NodeGuard, Ops, OpsKind},
        },
        backend_extension,
        tensor::FloatTensor,
        wgpu::CubeBackend,
    },
    tensor::{FloatDType, Shape, Slice, Tensor},
};

use super::{MaskedSoftmax, Matmul};
use backward_cpu::attention_backward;

/// Maximum size of the scores of one step, in bytes; their softmax takes the same amount again.
const TILE_BYTES: usize = 32 << 20;

/// Attention as a backend operation. Models call [`attention`] instead.
#[backend_extension(Cube, Flex, Autodiff)]
pub trait Attention: Backend {
    /// See [`attention`]; `mask` is not read if `masked` is false.
    fn attention(
        query: FloatTensor<Self>,
        key: FloatTensor<Self>,
        value: FloatTensor<Self>,
        mask: FloatTensor<Self>,
        masked: bool,
    ) -> FloatTensor<Self>;
}

/// Computes `softmax(query key^T / sqrt(width)) value` for each head.
///
/// `query` is `(heads, queries, width)`, `key` is `(heads, keys, width)`, `value` is
/// `(heads, keys, value_width)`. Returns `(queries, heads * value_width)`, the concatenated results
/// of the heads. `mask`, `(queries, keys)`, contains logits shared by the heads: a query attends to
/// the keys whose logit is not below 0, and to all keys if there are none. No gradient flows to the
/// mask. f32 only.
///
/// # Panics
/// If the shapes do not fit each other.
pub fn attention(
    query: Tensor<3>,
    key: Tensor<3>,
    value: Tensor<3>,
    mask: Option<Tensor<2>>,
) -> Tensor<2> {
    let ([heads, queries, width], [_, keys, value_width]) = (query.dims(), value.dims());
    assert_eq!(
        (key.dims(), value.dims()[0]),
        ([heads, keys, width], heads),
        "heads, keys and width of an attention"
    );
    assert!(
        mask.as_ref()
            .is_none_or(|mask| mask.dims() == [queries, keys]),
        "queries and keys of a mask"
    );
    if query.shape().num_elements() * value.shape().num_elements() == 0 {
        return Tensor::zeros([queries, heads * value_width], &query.device());
    }
    let masked = mask.is_some();
    // Without a mask, a tensor of the same kind takes its place and is not read.
    let mask = mask.unwrap_or_else(|| query.clone().detach().reshape([heads * queries, width]));
    let [query, key, value] =
        [query / (width as f32).sqrt(), key, value].map(Tensor::into_dispatch);
    Tensor::from_dispatch(<Dispatch as Attention>::attention(
        query,
        key,
        value,
        mask.detach().into_dispatch(),
        masked,
    ))
}

/// Reference implementation: `query` is `(heads, queries, width)`, `key` is `(heads, keys, width)`,
/// `value` is `(heads, keys, value_width)`, `mask` is `(queries, keys)`.
pub fn plain_attention(
    [query, key, value]: [&[f32]; 3],
    mask: Option<&[f32]>,
    [heads, queries, keys, width, value_width]: [usize; 5],
) -> Vec<f32> {
    let mut out = vec![0.0; queries * heads * value_width];
    for (head, i) in (0..heads).flat_map(|head| (0..queries).map(move |i| (head, i))) {
        let row = |x: &[f32], row: usize, width: usize| {
            x[row * width..][..width]
                .iter()
                .map(|x| f64::from(*x))
                .collect::<Vec<f64>>()
        };
        let looks = |j: usize| mask.is_none_or(|mask| mask[i * keys + j] >= 0.0);
        let all = !(0..keys).any(looks);
        let open: Vec<usize> = (0..keys).filter(|j| all || looks(*j)).collect();
        let query = row(query, head * queries + i, width);
        let score = |j: &usize| {
            query
                .iter()
                .zip(row(key, head * keys + j, width))
                .map(|(q, k)| q * k)
                .sum::<f64>()
                / (width as f64).sqrt()
        };
        let scores: Vec<f64> = open.iter().map(score).collect();
        let highest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let weights: Vec<f64> = scores.iter().map(|score| (score - highest).exp()).collect();
        let sum: f64 = weights.iter().sum();
        for c in 0..value_width {
            let mean = open
                .iter()
                .zip(&weights)
                .map(|(j, weight)| {
                    weight / sum * f64::from(value[(head * keys + j) * value_width + c])
                })
                .sum::<f64>();
            out[(i * heads + head) * value_width + c] = mean as f32;
        }
    }
    out
}

/// Computes product, softmax and product one after the other, for as many queries at a time as have
/// scores that fit [`TILE_BYTES`]. Used where each of these operations has a gradient or a shader.
fn by_steps<B: Matmul + MaskedSoftmax>(
    query: FloatTensor<B>,
    key: FloatTensor<B>,
    value: FloatTensor<B>,
    mask: FloatTensor<B>,
    masked: bool,
) -> FloatTensor<B> {
    let ([heads, queries, width], [_, keys, value_width]) =
        (query.shape().dims(), value.shape().dims());
    // Matrix products on a GPU need whole vectors of four. Padding here costs a few rows; padding
    // the scores would copy all of them.
    let columns = keys.next_multiple_of(4);
    let filled = |x: FloatTensor<B>, width: usize| match columns - keys {
        0 => x,
        missing => {
            let zeros = B::float_zeros(
                Shape::new([heads, missing, width]),
                &x.device(),
                FloatDType::F32,
            );
            B::float_cat(vec![x, zeros], 1)
        }
    };
    let (key, value) = (
        B::float_swap_dims(filled(key, width), 1, 2),
        filled(value, value_width),
    );
    let rows_at_once = (TILE_BYTES / size_of::<f32>() / (heads * columns)).max(1);
    let tile = |start: usize| {
        let rows = start..(start + rows_at_once).min(queries);
        let count = rows.len();
        let part = |x: FloatTensor<B>, slices: &[Slice]| {
            if count == queries {
                x
            } else {
                B::float_slice(x, slices)
            }
        };
        let query = part(
            query.clone(),
            &[(0..heads).into(), rows.clone().into(), (0..width).into()],
        );
        let mask = if masked {
            part(mask.clone(), &[rows.into(), (0..keys).into()])
        } else {
            mask.clone()
        };
        let weights = B::masked_softmax(B::product(query, key.clone()), mask, masked, keys);
        let seen = B::float_swap_dims(B::product(weights, value.clone()), 0, 1);
        B::float_reshape(seen, Shape::new([count, heads * value_width]))
    };
    let mut tiles: Vec<_> = (0..queries).step_by(rows_at_once).map(tile).collect();
    if tiles.len() == 1 {
        tiles.remove(0)
    } else {
        B::float_cat(tiles, 0)
    }
}

impl Attention for CubeBackend {
    fn attention(
        query: FloatTensor<Self>,
        key: FloatTensor<Self>,
        value: FloatTensor<Self>,
        mask: FloatTensor<Self>,
        masked: bool,
    ) -> FloatTensor<Self> {
        by_steps::<Self>(query, key, value, mask, masked)
    }
}

impl Attention for Flex {
    fn attention(
        query: FloatTensor<Self>,
        key: FloatTensor<Self>,
        value: FloatTensor<Self>,
        mask: FloatTensor<Self>,
        masked: bool,
    ) -> FloatTensor<Self> {
        cpu::attention(query, key, value, masked.then_some(mask))
    }
}

/// Attention with a gradient, which each backend records in its own way.
trait Differentiable: Attention {
    /// See [`Attention::attention`].
    fn record<C: CheckpointStrategy>(
        query: FloatTensor<Autodiff<Self, C>>,
        key: FloatTensor<Autodiff<Self, C>>,
        value: FloatTensor<Autodiff<Self, C>>,
        mask: FloatTensor<Autodiff<Self, C>>,
        masked: bool,
    ) -> FloatTensor<Autodiff<Self, C>>;
}

impl Differentiable for CubeBackend {
    fn record<C: CheckpointStrategy>(
        query: FloatTensor<Autodiff<Self, C>>,
        key: FloatTensor<Autodiff<Self, C>>,
        value: FloatTensor<Autodiff<Self, C>>,
        mask: FloatTensor<Autodiff<Self, C>>,
        masked: bool,
    ) -> FloatTensor<Autodiff<Self, C>> {
        by_steps::<Autodiff<Self, C>>(query, key, value, mask, masked)
    }
}

impl Differentiable for Flex {
    fn record<C: CheckpointStrategy>(
        query: FloatTensor<Autodiff<Self, C>>,
        key: FloatTensor<Autodiff<Self, C>>,
        value: FloatTensor<Autodiff<Self, C>>,
        mask: FloatTensor<Autodiff<Self, C>>,
        masked: bool,
    ) -> FloatTensor<Autodiff<Self, C>> {
        let [(query, query_node), (key, key_node), (value, value_node)]: [(_, NodeGuard); 3] =
            [query, key, value].map(|x| x.into_parts());
        let mask = mask.into_primitive();
        let out = Self::attention(
            query.clone(),
            key.clone(),
            value.clone(),
            mask.clone(),
            masked,
        );
        match Backward::<Self, 3>::prepare::<C>(
            AttentionBackward,
            [query_node, key_node, value_node],
        )
        .compute_bound()
        .stateful()
        {
            OpsKind::Tracked(prep) => {
                prep.finish(([query, key, value], masked.then_some(mask)), out)
            }
            OpsKind::UnTracked(prep) => prep.finish(out),
        }
    }
}

#[derive(Debug)]
struct AttentionBackward;

impl Backward<Flex, 3> for AttentionBackward {
    /// Query, key and value; then the mask.
    type State = ([FloatTensor<Flex>; 3], Option<FloatTensor<Flex>>);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<Flex>(&ops.node);
        let (inputs, mask) = ops.state;
        for (node, grad) in ops
            .parents
            .into_iter()
            .zip(attention_backward(inputs, mask, grad))
        {
            if let Some(node) = node {
                grads.register::<Flex>(node.id, grad);
            }
        }
    }
}

impl<B: Differentiable, C: CheckpointStrategy> Attention for Autodiff<B, C> {
    fn attention(
        query: FloatTensor<Self>,
        key: FloatTensor<Self>,
        value: FloatTensor<Self>,
        mask: FloatTensor<Self>,
        masked: bool,
    ) -> FloatTensor<Self> {
        B::record::<C>(query, key, value, mask, masked)
    }
}
