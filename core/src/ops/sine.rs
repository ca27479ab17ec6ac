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

use super::wgsl::{Shader, empty_like};

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

/// The CPU path.
fn sines(turns: &[f32]) -> Vec<f32> {
    turns
        .iter()
        .map(|turn| ((turn - turn.round()) * TAU).sin())
        .collect()
}

impl Sine for Flex {
    fn sine(turns: FloatTensor<Self>) -> FloatTensor<Self> {
        let (shape, turns) = (turns.shape(), turns.to_contiguous());
        let sines = sines(turns.as_slice().expect("a contiguous tensor of f32"));
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
