//! Per-channel factor and summand, followed by an optional ReLU: normalization with known
//! statistics, in one pass.
//!
//! Three operations on eight bytes per value: the operation is memory-bound. Convolutions therefore
//! apply it to their sums themselves ([`sparse_conv_then`](super::sparse_conv_then)), and only a
//! normalization in front of a convolution uses this operation.

use burn::{
    backend::{
        Autodiff, Backend, Dispatch, Flex, TensorMetadata as _,
        autodiff::checkpoint::strategy::CheckpointStrategy, backend_extension, flex::FlexTensor,
        tensor::FloatTensor, wgpu::CubeBackend,
    },
    tensor::{Tensor, TensorData},
};

use super::{
    After,
    products_cpu::values,
    sparse_conv::then_by_steps,
    wgsl::{Shader, empty_like, padded, single, trimmed, vectors},
};
use crate::platform;

const AFFINE: Shader = Shader::new("affine", include_str!("../../../wgsl/affine.wgsl"));

/// Values that one CPU thread computes at a time, rounded up to whole rows.
const BLOCK: usize = 1 << 14;

/// Per-channel affine transformation as a backend operation. Models call [`affine`] instead.
#[backend_extension(Cube, Flex, Autodiff)]
pub trait Affine: Backend {
    /// See [`affine`].
    fn affine(
        x: FloatTensor<Self>,
        factors: FloatTensor<Self>,
        rectified: bool,
    ) -> FloatTensor<Self>;
}

/// Computes `x * factors[0] + factors[1]` per channel, followed by a ReLU if `rectified`.
///
/// `x` is `(rows, channels)`, `factors` is `(2, channels)` in f32.
///
/// # Panics
/// If `x` and `factors` differ in their number of channels.
pub fn affine(x: Tensor<2>, factors: Tensor<2>, rectified: bool) -> Tensor<2> {
    assert_eq!(
        factors.dims(),
        [2, x.dims()[1]],
        "factors and summands of all channels"
    );
    if x.shape().num_elements() == 0 {
        return x;
    }
    Tensor::from_dispatch(<Dispatch as Affine>::affine(
        x.into_dispatch(),
        factors.into_dispatch(),
        rectified,
    ))
}

/// Reference implementation: `x` is `(rows, channels)`, `factors` is `(2, channels)`.
pub fn plain_affine(x: &[f32], factors: &[f32], rectified: bool) -> Vec<f32> {
    let (factors, summands) = factors.split_at(factors.len() / 2);
    let channels = factors.iter().zip(summands).cycle();
    x.iter()
        .zip(channels)
        .map(|(x, (factor, summand))| x * factor + summand)
        .map(|y| if rectified { y.max(0.0) } else { y })
        .collect()
}

impl Affine for Flex {
    fn affine(
        x: FloatTensor<Self>,
        factors: FloatTensor<Self>,
        rectified: bool,
    ) -> FloatTensor<Self> {
        let shape = x.shape();
        let channels = shape[1];
        let [x, factors] = [x, factors].map(|tensor| tensor.to_contiguous());
        let (x, (factors, summands)) = (values(&x), values(&factors).split_at(channels));
        let mut y = vec![0.0; x.len()];
        let block = BLOCK.next_multiple_of(channels);
        let least = if rectified { 0.0 } else { f32::NEG_INFINITY };
        platform::for_each_chunk(&mut y, block, |index, y| {
            for (y, x) in y
                .chunks_exact_mut(channels)
                .zip(x[index * block..].chunks_exact(channels))
            {
                for (((y, x), factor), summand) in y.iter_mut().zip(x).zip(factors).zip(summands) {
                    *y = (x * factor + summand).max(least);
                }
            }
        });
        FlexTensor::from_data(TensorData::new(y, shape))
    }
}

impl Affine for CubeBackend {
    fn affine(
        x: FloatTensor<Self>,
        factors: FloatTensor<Self>,
        rectified: bool,
    ) -> FloatTensor<Self> {
        let shape = x.shape();
        let (x, factors) = (padded(x, 1), padded(single(factors), 1));
        let y = empty_like(&x, x.shape());
        let width = vectors(&x);
        let threads = shape[0] * width;
        let buffers = [&x, &factors, &y].map(|tensor| tensor.handle.clone());
        let info = [threads, width, usize::from(rectified), 0].map(|word| word as u32);
        AFFINE
            .storing(x.dtype)
            .launch(&x.client, threads, buffers, info);
        trimmed(y, shape)
    }
}

impl<B: Affine, C: CheckpointStrategy> Affine for Autodiff<B, C> {
    fn affine(
        x: FloatTensor<Self>,
        factors: FloatTensor<Self>,
        rectified: bool,
    ) -> FloatTensor<Self> {
        let after = After {
            affine: true,
            added: false,
            rectified,
        };
        then_by_steps::<Self>(x.clone(), factors, x, after)
    }
}
