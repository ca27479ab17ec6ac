//! What both backbones are made of: sparse convolutions without bias, and normalisation with a rectifier.

use burn::{
    module::{Module, Param},
    nn::{BatchNorm, BatchNormConfig, Initializer},
    tensor::{Device, Tensor, activation::relu},
};

use crate::ops::{KernelMap, sparse_conv};

/// Offsets of a 3x3x3 kernel.
pub const NEIGHBOURS: usize = 27;
/// Offsets of a 2x2x2 kernel.
pub const CHILDREN: usize = 8;

/// A sparse convolution without bias.
#[derive(Module, Debug)]
pub struct Convolution {
    /// (offsets, input channels, output channels).
    weight: Param<Tensor<3>>,
}

impl Convolution {
    /// Kaiming initialisation for outputs that sum `contributions` of the kernel's `offsets`.
    fn new(offsets: usize, contributions: usize, input: usize, output: usize, device: &Device) -> Self {
        let kaiming = Initializer::KaimingNormal { gain: std::f64::consts::SQRT_2, fan_out_only: false };
        Self { weight: kaiming.init_with([offsets, input, output], Some(contributions * input), Some(output), device) }
    }

    /// Over the neighbours within a kernel of `offsets`.
    pub fn submanifold(offsets: usize, input: usize, output: usize, device: &Device) -> Self {
        Self::new(offsets, offsets, input, output, device)
    }

    /// From a level to the next coarser one.
    pub fn down(input: usize, output: usize, device: &Device) -> Self {
        Self::new(CHILDREN, CHILDREN, input, output, device)
    }

    /// From a level to the next finer one, where every child has one parent.
    pub fn up(input: usize, output: usize, device: &Device) -> Self {
        Self::new(CHILDREN, 1, input, output, device)
    }

    /// (input rows of `map`, input channels) to (output rows, output channels).
    pub fn forward(&self, x: Tensor<2>, map: &KernelMap) -> Tensor<2> {
        sparse_conv(x, self.weight.val(), map)
    }
}

/// A normalisation over the voxels of a scene in training, over those of all scenes afterwards.
pub fn norm(channels: usize, epsilon: f64, momentum: f64, device: &Device) -> BatchNorm {
    BatchNormConfig::new(channels).with_epsilon(epsilon).with_momentum(momentum).init(device)
}

/// `norm(x)`. Where nothing is learned it is one factor and one summand a channel: half as many passes over `x`.
pub fn normalize(norm: &BatchNorm, x: Tensor<2>) -> Tensor<2> {
    if x.device().is_autodiff() {
        return norm.forward(x);
    }
    let factor = norm.gamma.val() / (norm.running_var.value() + norm.epsilon).sqrt();
    let summand = norm.beta.val() - norm.running_mean.value() * factor.clone();
    x * factor.unsqueeze() + summand.unsqueeze()
}

/// `relu(x)`, in one pass where nothing is learned and `relu` is two.
pub fn rectify(x: Tensor<2>) -> Tensor<2> {
    if x.device().is_autodiff() { relu(x) } else { x.clamp(0.0, f32::MAX) }
}

/// `relu(norm(x))`.
pub fn activate(norm: &BatchNorm, x: Tensor<2>) -> Tensor<2> {
    rectify(normalize(norm, x))
}
