//! The exact GELU: x times the share of the normal distribution below x.
//!
//! Some twenty operations on eight bytes per value. On the CPU it is one pass whose exponentials the
//! compiler vectorizes; on a GPU it is composed of burn's operations. Its gradient is its own: that
//! of burn's GELU is of an approximation on GPUs, off by up to 3e-4.

use std::f32::consts::{FRAC_1_SQRT_2, TAU};

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
        ops::FloatTensorOps as _,
        tensor::FloatTensor,
        wgpu::CubeBackend,
    },
    tensor::{Tensor, TensorData},
};
use pulp::{Simd, WithSimd};

use super::{
    attention::cpu::exp,
    products::{dispatch, values},
};
use crate::platform;

/// Values that one CPU thread computes at a time.
const BLOCK: usize = 1 << 14;

/// The GELU as a backend operation. Models call [`gelu`] instead.
#[backend_extension(Cube, Flex, Autodiff)]
pub trait Gelu: Backend {
    /// See [`gelu`].
    fn exact_gelu(x: FloatTensor<Self>) -> FloatTensor<Self>;
}

/// Computes the exact GELU elementwise. f32 only.
pub fn gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    if x.shape().num_elements() == 0 {
        return x;
    }
    Tensor::from_dispatch(<Dispatch as Gelu>::exact_gelu(x.into_dispatch()))
}

/// The CPU path: each value times the share of the normal distribution below it, within 1.5e-7 of
/// that share (Abramowitz and Stegun, 7.1.26).
pub(crate) fn gelu_in_place(values: &mut [f32]) {
    platform::for_each_chunk(values, BLOCK, |_, values| dispatch(InPlace(values)));
}

struct InPlace<'a>(&'a mut [f32]);

impl WithSimd for InPlace<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for x in self.0 {
            let z = x.abs() * FRAC_1_SQRT_2;
            let t = 1.0 / (1.0 + 0.327_591_1 * z);
            let series = t * 1.061_405_4 - 1.453_152_1;
            let series = series * t + 1.421_413_8;
            let series = series * t - 0.284_496_72;
            let series = (series * t + 0.254_829_6) * t;
            let tail = 0.5 * series * exp(-z * z);
            *x *= if *x < 0.0 { tail } else { 1.0 - tail };
        }
    }
}

impl Gelu for Flex {
    fn exact_gelu(x: FloatTensor<Self>) -> FloatTensor<Self> {
        let (shape, x) = (x.shape(), x.to_contiguous());
        let mut y = values(&x).to_vec();
        gelu_in_place(&mut y);
        FlexTensor::from_data(TensorData::new(y, shape))
    }
}

/// The share of the normal distribution below each value.
fn below<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    let erf = B::float_erf(B::float_mul_scalar(x, FRAC_1_SQRT_2.into()));
    B::float_mul_scalar(B::float_add_scalar(erf, 1.0.into()), 0.5.into())
}

impl Gelu for CubeBackend {
    fn exact_gelu(x: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::float_mul(x.clone(), below::<Self>(x))
    }
}

#[derive(Debug)]
struct GeluBackward;

impl<B: Gelu> Backward<B, 1> for GeluBackward {
    /// The input.
    type State = FloatTensor<B>;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<B>(&ops.node);
        if let [Some(node)] = ops.parents {
            let x = ops.state;
            let half = B::float_mul_scalar(B::float_mul(x.clone(), x.clone()), (-0.5).into());
            let density = B::float_mul_scalar(B::float_exp(half), (1.0 / TAU.sqrt()).into());
            let slope = B::float_add(below::<B>(x.clone()), B::float_mul(x, density));
            grads.register::<B>(node.id, B::float_mul(grad, slope));
        }
    }
}

impl<B: Gelu, C: CheckpointStrategy> Gelu for Autodiff<B, C> {
    fn exact_gelu(x: FloatTensor<Self>) -> FloatTensor<Self> {
        let (x, node) = x.into_parts();
        match Backward::<B, 1>::prepare::<C>(GeluBackward, [node])
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prep) => prep.finish(x.clone(), B::exact_gelu(x)),
            OpsKind::UnTracked(prep) => prep.finish(B::exact_gelu(x)),
        }
    }
}
