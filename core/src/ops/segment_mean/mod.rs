//! Means over segments, from points or voxels to superpoints, and the way back.
//!
//! `2 entries channels` operations on `4 (entries + segments) channels` bytes, where a segment has
//! one entry for each of its rows: memory-bound.

mod gpu;
mod map;

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
pub use map::{SegmentMap, SegmentMapError, WeightedRows};

/// Segment mean as a backend operation. Models call [`segment_mean`] instead.
#[backend_extension(Cube, Flex, Autodiff)]
pub trait SegmentMean: Backend {
    /// See [`segment_mean`].
    fn segment_mean(x: FloatTensor<Self>, map: SegmentMap) -> FloatTensor<Self>;
}

/// Computes `out[s] = sum_r share(s, r) x[r]`: the mean of the rows of each segment, where a row
/// counts once per point (docs/spec/model.md section 6).
///
/// `x` is `(rows, channels)`; returns `(segments, channels)`, zeros for a segment without points.
/// With [`SegmentMap::selection`] it selects rows. f32 only.
///
/// # Panics
/// If `x` does not have as many rows as the map.
pub fn segment_mean(x: Tensor<2>, map: &SegmentMap) -> Tensor<2> {
    assert_eq!(x.dims()[0], map.rows(), "rows of a segment mean");
    Tensor::from_dispatch(<Dispatch as SegmentMean>::segment_mean(
        x.into_dispatch(),
        map.clone(),
    ))
}

/// The CPU path: `x` is `(rows, channels)`, the result is
/// `(outputs, channels)`.
fn weighted_sums(x: &[f32], channels: usize, matrix: &WeightedRows) -> Vec<f32> {
    const BLOCK: usize = 64;
    platform::make_by_chunks(matrix.outputs() * channels, BLOCK * channels, |block, y| {
        for (i, y) in y.chunks_exact_mut(channels).enumerate() {
            for (row, weight) in matrix.entries(block * BLOCK + i) {
                for (y, x) in y.iter_mut().zip(&x[row as usize * channels..]) {
                    *y += weight * x;
                }
            }
        }
    })
}

impl SegmentMean for Flex {
    fn segment_mean(x: FloatTensor<Self>, map: SegmentMap) -> FloatTensor<Self> {
        let [_, channels] = x.shape().dims();
        let x = x.to_contiguous();
        let y = weighted_sums(
            x.as_slice().expect("a contiguous tensor of f32"),
            channels,
            map.means(),
        );
        FlexTensor::from_data(TensorData::new(y, [map.segments(), channels]))
    }
}

#[derive(Debug)]
struct SegmentMeanBackward;

impl<B: SegmentMean> Backward<B, 1> for SegmentMeanBackward {
    type State = SegmentMap;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<B>(&ops.node);
        if let [Some(node)] = ops.parents {
            grads.register::<B>(node.id, B::segment_mean(grad, ops.state.transposed()));
        }
    }
}

impl<B: SegmentMean, C: CheckpointStrategy> SegmentMean for Autodiff<B, C> {
    fn segment_mean(x: FloatTensor<Self>, map: SegmentMap) -> FloatTensor<Self> {
        let (x, node) = x.into_parts();
        match Backward::<B, 1>::prepare::<C>(SegmentMeanBackward, [node])
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prep) => prep.finish(map.clone(), B::segment_mean(x, map)),
            OpsKind::UnTracked(prep) => prep.finish(B::segment_mean(x, map)),
        }
    }
}
