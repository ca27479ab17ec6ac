//! What a query says: its mask, its place in the text encoder's space, and how good its mask is
//! (spec/model.md section 8, "Head(q)", with the class head replaced by similarity to text, section 15).

use burn::{
    module::{Module, Param},
    nn::{Initializer, LayerNorm, LayerNormConfig, Linear, LinearConfig},
    tensor::{Device, Tensor},
};

use super::mlp::Mlp;
use crate::{
    ops::{linear, matmul},
    text,
};

/// Initial `ln` of the factor on cosines; cosines of unlike nouns differ by about 0.3, so a factor of 12 already separates them.
const LOG_TEMPERATURE: f64 = 2.5;
/// The largest `ln` of the factor, 100, as in CLIP: beyond it training diverges.
const MAX_LOG_TEMPERATURE: f64 = 4.6;
/// Initial bias of the no-object logit: half of the probability against about fifty classes, since most queries match nothing.
const NO_OBJECT_BIAS: f64 = 4.0;

/// Answers of the queries, read off after each decoder layer. No activation was applied to logits.
#[derive(Clone, Debug)]
pub struct Prediction {
    /// (queries, [`text::DIM`]): unit vectors in the text encoder's space.
    pub text: Tensor<2>,
    /// (queries, 1): logit of "matches no object", beside the class logits.
    pub no_object: Tensor<2>,
    /// (queries, superpoints): logits of belonging to the query's object.
    pub masks: Tensor<2>,
    /// (queries, 1): logits of the IoU of the mask with its object.
    pub scores: Tensor<2>,
    /// What this layer moved the boxes to; `None` before the first layer.
    pub boxes: Option<Boxes>,
}

/// Axis-aligned boxes of the queries, metres, world frame.
#[derive(Clone, Debug)]
pub struct Boxes {
    /// (queries, 3).
    pub centers: Tensor<2>,
    /// (queries, 3): full extents; nothing keeps them positive.
    pub sizes: Tensor<2>,
}

/// The output heads, shared by all layers.
#[derive(Module, Debug)]
pub struct Heads {
    norm: LayerNorm,
    text: Mlp,
    no_object: Linear,
    score: Mlp,
    log_temperature: Param<Tensor<1>>,
    class_bias: Param<Tensor<1>>,
}

impl Heads {
    /// For queries of `d_model` channels.
    pub fn new(d_model: usize, device: &Device) -> Self {
        let constant = |value| Initializer::Constant { value }.init([1], device);
        let mut no_object = LinearConfig::new(d_model, 1).init(device);
        no_object.bias = Some(constant(NO_OBJECT_BIAS));
        Self {
            norm: LayerNormConfig::new(d_model).init(device),
            text: Mlp::new(&[d_model, d_model, text::DIM], device),
            no_object,
            score: Mlp::new(&[d_model, d_model, 1], device),
            log_temperature: constant(LOG_TEMPERATURE),
            class_bias: constant(0.0),
        }
    }

    /// `queries` (queries, d_model) against `mask_features` (superpoints, d_model).
    pub fn forward(&self, queries: Tensor<2>, mask_features: &Tensor<2>, boxes: Option<Boxes>) -> Prediction {
        let queries = self.norm.forward(queries);
        let text = self.text.forward(queries.clone());
        let norm = (text.clone().square().sum_dim(1) + 1e-12).sqrt();
        Prediction {
            text: text / norm,
            no_object: linear(&self.no_object, queries.clone()),
            masks: matmul(queries.clone(), mask_features.clone().transpose()),
            scores: self.score.forward(queries),
            boxes,
        }
    }

    /// `text` (classes, [`text::DIM`]) unit vectors to (queries, classes + 1) logits, the last "no object".
    pub fn class_logits(&self, prediction: &Prediction, text: Tensor<2>) -> Tensor<2> {
        let [scale, bias] = self.scale_and_bias();
        let cosines = matmul(prediction.text.clone(), text.transpose());
        let classes = cosines * scale.unsqueeze() + bias.unsqueeze();
        Tensor::cat(vec![classes, prediction.no_object.clone()], 1)
    }

    /// The factor and the summand that turn a cosine into a class logit, (1) each.
    pub fn scale_and_bias(&self) -> [Tensor<1>; 2] {
        [self.log_temperature.val().clamp_max(MAX_LOG_TEMPERATURE).exp(), self.class_bias.val()]
    }
}
