//! Batch normalization in training, optionally followed by a ReLU, as one operation with its
//! gradient.
//!
//! On the CPU the forward pass reads its input twice and writes once, the backward pass reads input
//! and gradient twice and writes once; burn's implementation takes some twenty passes, half of them
//! transpositions. On a GPU, burn's implementation runs. The forward pass takes five operations per
//! value on `12 rows channels` bytes, the backward pass sixteen on `20 rows channels`: both are
//! memory-bound.

mod cpu;

use burn::{
    backend::{
        Autodiff, Backend, Dispatch, Flex,
        autodiff::{
            checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
            grads::Gradients,
            ops::{Backward, NodeGuard, Ops, OpsKind},
        },
        backend_extension,
        tensor::FloatTensor,
        wgpu::CubeBackend,
    },
    tensor::Tensor,
};

/// Normalization by the statistics of the given rows as a backend operation. Models call
/// [`normalize`] instead.
#[backend_extension(Cube, Flex, Autodiff)]
pub trait Normalize: Backend {
    /// See [`normalize`]; returns the result, means and variances.
    fn normalize(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
        with_relu: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
    /// Returns the gradients with respect to `x`, `gamma` and `beta`, given the gradient of the
    /// result and the statistics of the forward pass.
    #[allow(clippy::too_many_arguments)]
    fn normalize_backward(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        mean: FloatTensor<Self>,
        variance: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        epsilon: f64,
        with_relu: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
}

/// The result of [`normalize`].
#[derive(Clone, Debug)]
pub struct Normalized {
    /// `(rows, channels)`.
    pub output: Tensor<2>,
    /// `(channels)`, without a gradient.
    pub mean: Tensor<1>,
    /// `(channels)`, biased, without `epsilon`; without a gradient.
    pub variance: Tensor<1>,
}

/// Computes `(x - mean) / sqrt(variance + epsilon) * gamma + beta` per channel, followed by a ReLU
/// if `with_relu`.
///
/// `x` is `(rows, channels)`, `gamma` and `beta` are `(channels)`, `mean` and `variance` are the
/// statistics of the rows of `x`. f32 only.
///
/// # Panics
/// If the numbers of channels differ, or there are no rows.
pub fn normalize(
    x: Tensor<2>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    epsilon: f64,
    with_relu: bool,
) -> Normalized {
    let [rows, channels] = x.dims();
    assert_eq!(
        (gamma.dims(), beta.dims()),
        ([channels], [channels]),
        "scales and shifts of all channels"
    );
    assert!(rows > 0, "statistics of no rows");
    let [x, gamma, beta] = [
        x.into_dispatch(),
        gamma.into_dispatch(),
        beta.into_dispatch(),
    ];
    let (output, mean, variance) =
        <Dispatch as Normalize>::normalize(x, gamma, beta, epsilon, with_relu);
    Normalized {
        output: Tensor::from_dispatch(output),
        mean: Tensor::from_dispatch(mean),
        variance: Tensor::from_dispatch(variance),
    }
}

impl Normalize for CubeBackend {
    fn normalize(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
        with_relu: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        by_steps::<Self>(x, gamma, beta, epsilon, with_relu)
    }

    fn normalize_backward(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        mean: FloatTensor<Self>,
        variance: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        epsilon: f64,
        with_relu: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        backward_by_steps::<Self>(x, gamma, beta, mean, variance, grad, epsilon, with_relu)
    }
}

/// Forward pass by burn's own operations, one after the other.
fn by_steps<B: Backend>(
    x: FloatTensor<B>,
    gamma: FloatTensor<B>,
    beta: FloatTensor<B>,
    epsilon: f64,
    with_relu: bool,
) -> (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>) {
    let found = B::batch_norm_train(x, gamma, beta, epsilon);
    (
        if with_relu {
            B::relu(found.output)
        } else {
            found.output
        },
        found.mean,
        found.variance,
    )
}

/// Backward pass of [`by_steps`].
#[allow(clippy::too_many_arguments)]
fn backward_by_steps<B: Backend>(
    x: FloatTensor<B>,
    gamma: FloatTensor<B>,
    beta: FloatTensor<B>,
    mean: FloatTensor<B>,
    variance: FloatTensor<B>,
    grad: FloatTensor<B>,
    epsilon: f64,
    with_relu: bool,
) -> (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>) {
    let grad = if with_relu {
        let output = B::batch_norm(
            x.clone(),
            gamma.clone(),
            beta,
            mean.clone(),
            variance.clone(),
            epsilon,
        );
        B::relu_backward(B::relu(output), grad)
    } else {
        grad
    };
    let found = B::batch_norm_train_backward(x, gamma, mean, variance, epsilon, grad);
    (found.x_grad, found.gamma_grad, found.beta_grad)
}

impl Normalize for Flex {
    fn normalize(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
        with_relu: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        cpu::forward(x, [gamma, beta], epsilon, with_relu)
    }

    fn normalize_backward(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        mean: FloatTensor<Self>,
        variance: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        epsilon: f64,
        with_relu: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        cpu::backward(x, [gamma, beta, mean, variance], grad, epsilon, with_relu)
    }
}

#[derive(Debug)]
struct NormalizeBackward;

#[derive(Clone, Debug)]
struct State<T> {
    x: T,
    gamma: T,
    beta: T,
    mean: T,
    variance: T,
    epsilon: f64,
    with_relu: bool,
}

impl<B: Normalize> Backward<B, 3> for NormalizeBackward {
    type State = State<FloatTensor<B>>;

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<B>(&ops.node);
        let State {
            x,
            gamma,
            beta,
            mean,
            variance,
            epsilon,
            with_relu,
        } = ops.state;
        let (x, gamma, beta) =
            B::normalize_backward(x, gamma, beta, mean, variance, grad, epsilon, with_relu);
        for (node, grad) in ops.parents.into_iter().zip([x, gamma, beta]) {
            if let Some(node) = node {
                grads.register::<B>(node.id, grad);
            }
        }
    }
}

impl<B: Normalize, C: CheckpointStrategy> Normalize for Autodiff<B, C> {
    fn normalize(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
        with_relu: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let [(x, x_node), (gamma, gamma_node), (beta, beta_node)]: [(_, NodeGuard); 3] =
            [x, gamma, beta].map(|tensor| tensor.into_parts());
        let (output, mean, variance) =
            B::normalize(x.clone(), gamma.clone(), beta.clone(), epsilon, with_relu);
        let output = match Backward::<B, 3>::prepare::<C>(
            NormalizeBackward,
            [x_node, gamma_node, beta_node],
        )
        .compute_bound()
        .stateful()
        {
            OpsKind::Tracked(prep) => {
                let (mean, variance) = (mean.clone(), variance.clone());
                prep.finish(
                    State {
                        x,
                        gamma,
                        beta,
                        mean,
                        variance,
                        epsilon,
                        with_relu,
                    },
                    output,
                )
            }
            OpsKind::UnTracked(prep) => prep.finish(output),
        };
        (
            output,
            FloatTensor::<Self>::new(mean),
            FloatTensor::<Self>::new(variance),
        )
    }

    fn normalize_backward(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        mean: FloatTensor<Self>,
        variance: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        epsilon: f64,
        with_relu: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        backward_by_steps::<Self>(x, gamma, beta, mean, variance, grad, epsilon, with_relu)
    }
}
