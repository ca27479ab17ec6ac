//! Sines with the accuracy of f32 on every device; those of graphics hardware may be off by 2^-11.

use std::f32::consts::TAU;

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
        wgpu::{CubeBackend, into_contiguous},
    },
    tensor::{Tensor, TensorData},
};
use pulp::{Simd, WithSimd};

use super::{
    products::{dispatch, values},
    wgsl::{Shader, empty_like},
};
use crate::platform;

/// Values that one CPU thread computes at a time.
const BLOCK: usize = 1 << 14;

const SINE: Shader = Shader::new("sine", include_str!("../../../wgsl/sine.wgsl"));

/// Sines as a backend operation. Models call [`sine`] instead.
#[backend_extension(Cube, Flex, Autodiff)]
pub trait Sine: Backend {
    /// See [`sine`].
    fn sine(turns: FloatTensor<Self>) -> FloatTensor<Self>;
}

/// Computes `sin(2 pi turns)` elementwise. f32 only; eight bytes per value are read and written.
pub fn sine<const D: usize>(turns: Tensor<D>) -> Tensor<D> {
    if turns.shape().num_elements() == 0 {
        return turns;
    }
    Tensor::from_dispatch(<Dispatch as Sine>::sine(turns.into_dispatch()))
}

/// The CPU path. It has neither a branch nor a table, so that the compiler can vectorize it.
struct Sines<'a>(&'a mut [f32]);

impl WithSimd for Sines<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for turn in self.0 {
            let rest = *turn - turn.round_ties_even();
            // the sines of both halves of a half turn are the same
            let folded = 0.5_f32.copysign(rest) - rest;
            let rest = if rest.abs() > 0.25 { folded } else { rest };
            let x = rest * TAU;
            let square = x * x;
            let series = square * (1.0 / 6_227_020_800.0) - 1.0 / 39_916_800.0;
            let series = series * square + 1.0 / 362_880.0;
            let series = series * square - 1.0 / 5040.0;
            let series = series * square + 1.0 / 120.0;
            let series = series * square - 1.0 / 6.0;
            *turn = series * square * x + x;
        }
    }
}

impl Sine for Flex {
    fn sine(turns: FloatTensor<Self>) -> FloatTensor<Self> {
        let (shape, turns) = (turns.shape(), turns.to_contiguous());
        let mut sines = values(&turns).to_vec();
        platform::for_each_chunk(&mut sines, BLOCK, |_, turns| dispatch(Sines(turns)));
        FlexTensor::from_data(TensorData::new(sines, shape))
    }
}

impl Sine for CubeBackend {
    fn sine(turns: FloatTensor<Self>) -> FloatTensor<Self> {
        let (shape, turns) = (turns.shape(), into_contiguous(turns));
        let count = shape.num_elements();
        let sines = empty_like(&turns, shape);
        SINE.launch(
            &turns.client,
            count,
            [turns.handle.clone(), sines.handle.clone()],
            [count as u32, 0, 0, 0],
        );
        sines
    }
}

#[derive(Debug)]
struct SineBackward;

impl<B: Sine> Backward<B, 1> for SineBackward {
    /// The input, in turns.
    type State = FloatTensor<B>;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<B>(&ops.node);
        if let [Some(node)] = ops.parents {
            let cosines = B::sine(B::float_add_scalar(ops.state, 0.25.into()));
            grads.register::<B>(
                node.id,
                B::float_mul(grad, B::float_mul_scalar(cosines, TAU.into())),
            );
        }
    }
}

impl<B: Sine, C: CheckpointStrategy> Sine for Autodiff<B, C> {
    fn sine(turns: FloatTensor<Self>) -> FloatTensor<Self> {
        let (turns, node) = turns.into_parts();
        match Backward::<B, 1>::prepare::<C>(SineBackward, [node])
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prep) => prep.finish(turns.clone(), B::sine(turns)),
            OpsKind::UnTracked(prep) => prep.finish(B::sine(turns)),
        }
    }
}
