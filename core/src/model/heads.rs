//! What a query says: its mask and its class (docs/spec/model.md section 8, "Head(q)"), the latter
//! by similarity to text (section 15) together with how good the mask is, or by one logit a class.

use burn::{
    module::{Module, Param},
    nn::{Initializer, LayerNorm, LayerNormConfig, Linear, LinearConfig},
    tensor::{Device, Tensor},
};

use super::{config::Classes, mlp::Mlp};
use crate::{
    ops::{linear, matmul},
    text,
};

/// Initial `ln` of the factor on cosines; cosines of unlike nouns differ by about 0.3, so a factor
/// of 12 already separates them.
const LOG_TEMPERATURE: f64 = 2.5;
/// The largest `ln` of the factor, 100, as in CLIP: beyond it training diverges.
const MAX_LOG_TEMPERATURE: f64 = 4.6;
/// Initial bias of the no-object logit: half of the probability against about fifty classes, since
/// most queries match nothing.
const NO_OBJECT_BIAS: f64 = 4.0;

/// Answers of the queries, read off after each decoder layer. No activation was applied to logits.
#[derive(Clone, Debug)]
pub struct Prediction {
    /// What the query's object is.
    pub class: Class,
    /// (queries, superpoints): logits of belonging to the query's object.
    pub masks: Tensor<2>,
    /// What this layer moved the boxes to; `None` before the first layer.
    pub boxes: Option<Boxes>,
}

/// What a query's object is.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one a layer")]
pub enum Class {
    /// A place among the embeddings of names.
    Text(TextClass),
    /// (queries, classes + 1): class logits, the last "no object".
    Fixed(Tensor<2>),
}

/// A place among the embeddings of names.
#[derive(Clone, Debug)]
pub struct TextClass {
    /// (queries, [`text::DIM`]): unit vectors in the text encoder's space.
    pub embedding: Tensor<2>,
    /// (queries, 1): logit of "matches no object", beside the class logits.
    pub no_object: Tensor<2>,
    /// (queries, 1): logits of the IoU of the mask with its object.
    pub score: Tensor<2>,
    /// (1) each: the factor and the summand that turn the cosine of `embedding` with a class's
    /// embedding into the class's logit.
    pub affine: [Tensor<1>; 2],
}

impl Class {
    /// (queries, classes + 1) logits, the last "no object"; `text` (classes, [`text::DIM`]) are
    /// unit vectors and say which classes, where they are not fixed.
    pub fn logits(&self, text: Tensor<2>) -> Tensor<2> {
        match self {
            Self::Text(class) => {
                let [factor, summand] = class.affine.clone();
                let classes = matmul(class.embedding.clone(), text.transpose())
                    * factor.unsqueeze()
                    + summand.unsqueeze();
                Tensor::cat(vec![classes, class.no_object.clone()], 1)
            }
            Self::Fixed(logits) => logits.clone(),
        }
    }

    /// (queries, 1): logits of the IoU of the mask with its object, where the network gives them.
    pub fn score(self) -> Option<Tensor<2>> {
        match self {
            Self::Text(class) => Some(class.score),
            Self::Fixed(_) => None,
        }
    }
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
    class: ClassHead,
}

/// What tells a query's class.
#[derive(Module, Debug)]
enum ClassHead {
    Text(TextHead),
    Fixed(FixedHead),
}

/// Similarity to text.
#[derive(Module, Debug)]
struct TextHead {
    text: Mlp,
    no_object: Linear,
    score: Mlp,
    log_temperature: Param<Tensor<1>>,
    class_bias: Param<Tensor<1>>,
}

/// One logit a class.
#[derive(Module, Debug)]
struct FixedHead {
    instances: Mlp,
    semantics: Linear,
}

impl Heads {
    /// For queries of `d_model` channels.
    pub fn new(d_model: usize, classes: Classes, device: &Device) -> Self {
        let class = match classes {
            Classes::Text => ClassHead::Text(TextHead::new(d_model, device)),
            Classes::Fixed {
                instances,
                semantics,
            } => ClassHead::Fixed(FixedHead {
                instances: Mlp::new(&[d_model, d_model, instances + 1], device),
                semantics: LinearConfig::new(d_model, semantics + 1).init(device),
            }),
        };
        Self {
            norm: LayerNormConfig::new(d_model).init(device),
            class,
        }
    }

    /// (queries, d_model): `queries` as the other heads read them.
    pub fn normalize(&self, queries: Tensor<2>) -> Tensor<2> {
        self.norm.forward(queries)
    }

    /// (queries, superpoints) logits: [normalised](Self::normalize) queries against `mask_features`
    /// (superpoints, d_model).
    pub fn masks(&self, queries: Tensor<2>, mask_features: &Tensor<2>) -> Tensor<2> {
        matmul(queries, mask_features.clone().transpose())
    }

    /// What the objects of [normalised](Self::normalize) queries are.
    pub fn class(&self, queries: Tensor<2>) -> Class {
        match &self.class {
            ClassHead::Text(head) => Class::Text(head.forward(queries)),
            ClassHead::Fixed(head) => Class::Fixed(head.instances.forward(queries)),
        }
    }

    /// (queries, superpoint classes + 1) logits of [normalised](Self::normalize) queries, the last
    /// "background"; only where classes are fixed.
    pub fn semantics(&self, queries: Tensor<2>) -> Option<Tensor<2>> {
        match &self.class {
            ClassHead::Text(_) => None,
            ClassHead::Fixed(head) => Some(linear(&head.semantics, queries)),
        }
    }
}

impl TextHead {
    fn new(d_model: usize, device: &Device) -> Self {
        let constant = |value| Initializer::Constant { value }.init([1], device);
        let mut no_object = LinearConfig::new(d_model, 1).init(device);
        no_object.bias = Some(constant(NO_OBJECT_BIAS));
        Self {
            text: Mlp::new(&[d_model, d_model, text::DIM], device),
            no_object,
            score: Mlp::new(&[d_model, d_model, 1], device),
            log_temperature: constant(LOG_TEMPERATURE),
            class_bias: constant(0.0),
        }
    }

    fn forward(&self, queries: Tensor<2>) -> TextClass {
        let text = self.text.forward(queries.clone());
        let norm = (text.clone().square().sum_dim(1) + 1e-12).sqrt();
        TextClass {
            embedding: text / norm,
            no_object: linear(&self.no_object, queries.clone()),
            score: self.score.forward(queries),
            affine: [
                self.log_temperature
                    .val()
                    .clamp_max(MAX_LOG_TEMPERATURE)
                    .exp(),
                self.class_bias.val(),
            ],
        }
    }
}
