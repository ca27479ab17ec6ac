//! Per-channel scale and shift, followed by an optional ReLU: normalization with known
//! statistics, in one pass.
//!
//! Three operations on eight bytes per value: the operation is memory-bound. Convolutions therefore
//! apply it to their sums themselves
//! ([`sparse_conv_with_epilogue`](super::sparse_conv_with_epilogue)). Only the normalizations in
//! front of a convolution and the last one of the pre-activation U-Net use this operation.

use burn::{
    backend::{
        Autodiff, Backend, Dispatch, Flex, TensorMetadata as _,
        autodiff::checkpoint::strategy::CheckpointStrategy, backend_extension, flex::FlexTensor,
        tensor::FloatTensor, wgpu::CubeBackend,
    },
    tensor::{Tensor, TensorData},
};

use super::{
    EpilogueFlags,
    products::values,
    sparse_conv::epilogue_by_steps,
    wgsl::{Shader, empty_like, padded, to_f32, trimmed, vectors},
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
        scales: FloatTensor<Self>,
        with_relu: bool,
    ) -> FloatTensor<Self>;
}

/// Computes `x * scales[0] + scales[1]` per channel, followed by a ReLU if `with_relu`.
///
/// `x` is `(rows, channels)`, `scales` is `(2, channels)` in f32.
///
/// # Panics
/// If `x` and `scales` differ in their number of channels.
pub fn affine(x: Tensor<2>, scales: Tensor<2>, with_relu: bool) -> Tensor<2> {
    assert_eq!(
        scales.dims(),
        [2, x.dims()[1]],
        "scales and shifts of all channels"
    );
    if x.shape().num_elements() == 0 {
        return x;
    }
    Tensor::from_dispatch(<Dispatch as Affine>::affine(
        x.into_dispatch(),
        scales.into_dispatch(),
        with_relu,
    ))
}

/// Reference implementation: `x` is `(rows, channels)`, `scales` is `(2, channels)`.
pub fn plain_affine(x: &[f32], scales: &[f32], with_relu: bool) -> Vec<f32> {
    let (scales, shifts) = scales.split_at(scales.len() / 2);
    let channels = scales.iter().zip(shifts).cycle();
    x.iter()
        .zip(channels)
        .map(|(x, (scale, shift))| x * scale + shift)
        .map(|y| if with_relu { y.max(0.0) } else { y })
        .collect()
}

impl Affine for Flex {
    fn affine(
        x: FloatTensor<Self>,
        scales: FloatTensor<Self>,
        with_relu: bool,
    ) -> FloatTensor<Self> {
        let shape = x.shape();
        let channels = shape[1];
        let [x, scales] = [x, scales].map(|tensor| tensor.to_contiguous());
        let (x, (scales, shifts)) = (values(&x), values(&scales).split_at(channels));
        let mut y = vec![0.0; x.len()];
        let block = BLOCK.next_multiple_of(channels);
        let least = if with_relu { 0.0 } else { f32::NEG_INFINITY };
        platform::for_each_chunk(&mut y, block, |index, y| {
            for (y, x) in y
                .chunks_exact_mut(channels)
                .zip(x[index * block..].chunks_exact(channels))
            {
                for (((y, x), scale), shift) in y.iter_mut().zip(x).zip(scales).zip(shifts) {
                    *y = (x * scale + shift).max(least);
                }
            }
        });
        FlexTensor::from_data(TensorData::new(y, shape))
    }
}

impl Affine for CubeBackend {
    fn affine(
        x: FloatTensor<Self>,
        scales: FloatTensor<Self>,
        with_relu: bool,
    ) -> FloatTensor<Self> {
        let shape = x.shape();
        let (x, scales) = (padded(x, 1), padded(to_f32(scales), 1));
        let y = empty_like(&x, x.shape());
        let width = vectors(&x);
        let threads = shape[0] * width;
        let buffers = [&x, &scales, &y].map(|tensor| tensor.handle.clone());
        let info = [threads, width, usize::from(with_relu), 0].map(|word| word as u32);
        AFFINE
            .storing(x.dtype)
            .launch(&x.client, threads, buffers, info);
        trimmed(y, shape)
    }
}

impl<B: Affine, C: CheckpointStrategy> Affine for Autodiff<B, C> {
    fn affine(
        x: FloatTensor<Self>,
        scales: FloatTensor<Self>,
        with_relu: bool,
    ) -> FloatTensor<Self> {
        let after = EpilogueFlags {
            affine: true,
            added: false,
            with_relu,
        };
        epilogue_by_steps::<Self>(x.clone(), scales, x, after)
    }
}
