//! Softmax of attention with one mask over the keys per query: one pass in and one out, instead of
//! one for each step of the formula.
//!
//! One exponential and five operations per score on `8 heads queries width` bytes, and
//! `4 heads queries keys` bytes of the mask: memory-bound, or bound by the exponentials on a
//! software adapter.

mod gpu;

use burn::{
    backend::{
        Autodiff, Backend, Dispatch, Flex, TensorMetadata as _,
        autodiff::{
            checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
            grads::Gradients,
            ops::{Backward, Ops, OpsKind},
        },
        backend_extension,
        flex::FlexTensor,
        tensor::FloatTensor,
    },
    tensor::{Tensor, TensorData},
};

use crate::platform;

/// Masked softmax as a backend operation. Models call [`masked_softmax`] instead.
#[backend_extension(Cube, Flex, Autodiff)]
pub trait MaskedSoftmax: Backend {
    /// See [`masked_softmax`]; `mask` is not read if `masked` is false.
    fn masked_softmax(
        scores: FloatTensor<Self>,
        mask: FloatTensor<Self>,
        masked: bool,
        keys: usize,
    ) -> FloatTensor<Self>;
}

/// Computes the softmax of `scores`, `(heads, queries, width)`, over the keys that the query's mask
/// covers.
///
/// `mask`, `(queries, keys)`, contains logits: a key is covered if its logit is not below 0, and a
/// mask that covers no key counts as no mask. Columns from `keys` on are padding: their weight is
/// 0. No gradient flows to the mask. f32 only.
///
/// # Panics
/// If the shapes do not fit each other.
pub fn masked_softmax(scores: Tensor<3>, mask: Option<Tensor<2>>, keys: usize) -> Tensor<3> {
    let [heads, queries, width] = scores.dims();
    assert!(
        keys <= width
            && mask
                .as_ref()
                .is_none_or(|mask| mask.dims() == [queries, keys]),
        "queries and keys of a mask"
    );
    if heads * queries * keys == 0 {
        return scores.zeros_like();
    }
    let masked = mask.is_some();
    // Without a mask, a tensor of the same kind takes its place and is not read.
    let mask = mask.unwrap_or_else(|| scores.clone().detach().reshape([heads * queries, width]));
    Tensor::from_dispatch(<Dispatch as MaskedSoftmax>::masked_softmax(
        scores.into_dispatch(),
        mask.detach().into_dispatch(),
        masked,
        keys,
    ))
}

/// The CPU path: `scores` is `(heads, queries, width)`, `mask` is
/// `(queries, keys)`.
fn softmax_rows(
    scores: &[f32],
    mask: Option<&[f32]>,
    [queries, keys, width]: [usize; 3],
) -> Vec<f32> {
    const BLOCK: usize = 16;
    let mut weights = vec![0.0; scores.len()];
    platform::for_each_chunk(&mut weights, BLOCK * width, |block, weights| {
        for (i, weights) in weights.chunks_exact_mut(width).enumerate() {
            let row = block * BLOCK + i;
            let (scores, weights) = (&scores[row * width..][..keys], &mut weights[..keys]);
            let mask = mask
                .map(|mask| &mask[row % queries * keys..][..keys])
                .filter(|mask| mask.iter().any(|logit| *logit >= 0.0));
            match mask {
                Some(mask) => softmax_row(scores, |key| mask[key] >= 0.0, weights),
                None => softmax_row(scores, |_| true, weights),
            }
        }
    });
    weights
}

/// Computes the softmax over the keys that are `open`, at least one; the other weights stay 0.
fn softmax_row(scores: &[f32], open: impl Fn(usize) -> bool, weights: &mut [f32]) {
    let found = || scores.iter().enumerate().filter(|(key, _)| open(*key));
    let highest = found().fold(f32::NEG_INFINITY, |highest, (_, score)| highest.max(*score));
    let mut sum = 0.0;
    for (key, score) in found() {
        weights[key] = (score - highest).exp();
        sum += weights[key];
    }
    for weight in weights {
        *weight /= sum;
    }
}

impl MaskedSoftmax for Flex {
    fn masked_softmax(
        scores: FloatTensor<Self>,
        mask: FloatTensor<Self>,
        masked: bool,
        keys: usize,
    ) -> FloatTensor<Self> {
        let shape = scores.shape();
        let [_, queries, width] = shape.dims();
        let (scores, mask) = (scores.to_contiguous(), mask.to_contiguous());
        fn values(tensor: &FlexTensor) -> &[f32] {
            tensor.as_slice().expect("a contiguous tensor of f32")
        }
        let weights = softmax_rows(
            values(&scores),
            masked.then(|| values(&mask)),
            [queries, keys, width],
        );
        FlexTensor::from_data(TensorData::new(weights, shape))
    }
}

#[derive(Debug)]
struct MaskedSoftmaxBackward;

impl<B: MaskedSoftmax> Backward<B, 1> for MaskedSoftmaxBackward {
    /// The weights.
    type State = FloatTensor<B>;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<B>(&ops.node);
        if let [Some(node)] = ops.parents {
            let weighted = B::float_mul(grad, ops.state.clone());
            let mean = B::float_sum_dim(weighted.clone(), 2);
            grads.register::<B>(
                node.id,
                B::float_sub(weighted, B::float_mul(ops.state, mean)),
            );
        }
    }
}

impl<B: MaskedSoftmax, C: CheckpointStrategy> MaskedSoftmax for Autodiff<B, C> {
    fn masked_softmax(
        scores: FloatTensor<Self>,
        mask: FloatTensor<Self>,
        masked: bool,
        keys: usize,
    ) -> FloatTensor<Self> {
        let ((scores, node), (mask, _)) = (scores.into_parts(), mask.into_parts());
        match Backward::<B, 1>::prepare::<C>(MaskedSoftmaxBackward, [node])
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prep) => {
                let weights = B::masked_softmax(scores, mask, masked, keys);
                prep.finish(weights.clone(), weights)
            }
            OpsKind::UnTracked(prep) => prep.finish(B::masked_softmax(scores, mask, masked, keys)),
        }
    }
}
