//! Multilayer perceptrons.

use burn::{
    module::Module,
    nn::{Initializer, Linear, LinearConfig},
    tensor::{Device, Tensor, activation::relu},
};

use crate::ops::linear;

/// Linear layers with a ReLU after each except the last.
#[derive(Module, Debug)]
pub struct Mlp {
    layers: Vec<Linear>,
}

impl Mlp {
    /// Creates layers of the given `widths`: input, hidden layers, output.
    pub fn new(widths: &[usize], device: &Device) -> Self {
        Self {
            layers: widths
                .windows(2)
                .map(|w| LinearConfig::new(w[0], w[1]).init(device))
                .collect(),
        }
    }

    /// Creates layers whose last one is zero, so that the output is zero before training.
    pub fn zeroed(widths: &[usize], device: &Device) -> Self {
        let mut mlp = Self::new(widths, device);
        if let Some(last) = mlp.layers.last_mut()
            && let [.., input, output] = *widths
        {
            *last = LinearConfig::new(input, output)
                .with_initializer(Initializer::Zeros)
                .init(device);
        }
        mlp
    }

    /// Maps `(rows, input width)` to `(rows, output width)`.
    pub fn forward(&self, mut x: Tensor<2>) -> Tensor<2> {
        for (i, layer) in self.layers.iter().enumerate() {
            x = linear(layer, if i == 0 { x } else { relu(x) });
        }
        x
    }
}
