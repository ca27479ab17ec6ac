//! The transformer layers that both towers are made of.

use std::ops::Range;

use burn::{
    nn::{LayerNorm, Linear},
    tensor::{
        Tensor,
        activation::{gelu, sigmoid},
    },
};

use super::super::{Activation, LoadTextError, tokens::attend, weights::Weights};
use crate::ops::linear;

/// Sizes of a tower's layers.
#[derive(Clone, Copy)]
pub(super) struct Sizes {
    pub width: usize,
    pub ffn: usize,
    pub heads: usize,
    pub layers: usize,
    pub activation: Activation,
    pub epsilon: f64,
    /// If `true`, a row attends only to itself and to those before it.
    pub causal: bool,
}

/// The layers of a tower.
pub(super) struct Layers {
    sizes: Sizes,
    layers: Vec<Layer>,
}

struct Layer {
    before_attention: LayerNorm,
    query: Linear,
    key: Linear,
    value: Linear,
    out: Linear,
    before_ffn: LayerNorm,
    expand: Linear,
    contract: Linear,
}

impl Layers {
    /// Reads the layers whose names begin with `prefix`.
    pub(super) fn load(file: &Weights, prefix: &str, sizes: Sizes) -> Result<Self, LoadTextError> {
        let layers = (0..sizes.layers).map(|i| Layer::load(file, &format!("{prefix}.{i}"), &sizes));
        Ok(Self {
            layers: layers.collect::<Result<_, _>>()?,
            sizes,
        })
    }

    /// `(rows, width)` -> `(rows, width)`; rows attend to those of their own span.
    pub(super) fn forward(&self, x: Tensor<2>, spans: &[Range<usize>]) -> Tensor<2> {
        let layers = self.layers.iter();
        layers.fold(x, |x, layer| layer.forward(x, spans, &self.sizes))
    }
}

impl Layer {
    fn load(file: &Weights, prefix: &str, sizes: &Sizes) -> Result<Self, LoadTextError> {
        let Sizes { width, ffn, .. } = *sizes;
        let linear =
            |name: &str, inputs, outputs| file.linear(&format!("{prefix}.{name}"), inputs, outputs);
        let norm = |name: &str| file.norm(&format!("{prefix}.{name}"), width, sizes.epsilon);
        Ok(Self {
            before_attention: norm("layer_norm1")?,
            query: linear("self_attn.q_proj", width, width)?,
            key: linear("self_attn.k_proj", width, width)?,
            value: linear("self_attn.v_proj", width, width)?,
            out: linear("self_attn.out_proj", width, width)?,
            before_ffn: norm("layer_norm2")?,
            expand: linear("mlp.fc1", width, ffn)?,
            contract: linear("mlp.fc2", ffn, width)?,
        })
    }

    fn forward(&self, x: Tensor<2>, spans: &[Range<usize>], sizes: &Sizes) -> Tensor<2> {
        let normed = self.before_attention.forward(x.clone());
        let [q, k, v] = [&self.query, &self.key, &self.value].map(|l| linear(l, normed.clone()));
        let mixed = attend([&q, &k, &v], sizes.heads, spans, sizes.causal);
        let x = x + linear(&self.out, mixed);
        let wide = linear(&self.expand, self.before_ffn.forward(x.clone()));
        let wide = match sizes.activation {
            Activation::QuickGelu => wide.clone() * sigmoid(wide * 1.702),
            Activation::Gelu => gelu(wide),
        };
        x + linear(&self.contract, wide)
    }
}
