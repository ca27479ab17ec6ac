//! The output heads: the mask and the class of a query (docs/spec/model.md section 8, "Head(q)").
//! The class is either a similarity to text (section 15), with a predicted quality of the mask, or
//! one logit per class.

use burn::{
    module::{Module, Param},
    nn::{Initializer, LayerNorm, LayerNormConfig, Linear, LinearConfig},
    tensor::{Device, Tensor},
};

use super::mlp::Mlp;
use crate::model::config::Classes;
use crate::ops::{linear, matmul};

/// Initial `ln` of the scale on cosines. Cosines of unrelated nouns differ by about 0.3, so a scale
/// of 12 already separates them.
const LOG_TEMPERATURE: f64 = 2.5;
/// Largest `ln` of the scale, which is then 100, as in CLIP: beyond it training diverges.
const MAX_LOG_TEMPERATURE: f64 = 4.6;
/// Initial bias of the no-object logit: a probability of one half against about fifty classes,
/// since most queries match nothing.
const NO_OBJECT_BIAS: f64 = 4.0;

/// The outputs of the queries after one decoder layer. Logits are raw: no activation has been
/// applied.
#[derive(Clone, Debug)]
pub struct Prediction {
    /// The class of each query's object.
    pub class: Class,
    /// Mask logits, `(queries, superpoints)`: the logit that a superpoint belongs to the query's
    /// object.
    pub masks: Tensor<2>,
    /// The boxes after this layer; `None` before the first layer.
    pub boxes: Option<Boxes>,
}

/// The class of each query's object.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one a layer")]
pub enum Class {
    /// Embeddings in the space of the text encoder.
    Text(TextClass),
    /// Class logits, `(queries, classes + 1)`; the last column is "no object".
    Fixed(Tensor<2>),
}

/// Class outputs in the space of the text encoder.
#[derive(Clone, Debug)]
pub struct TextClass {
    /// Unit vectors in the text encoder's space, `(queries, width)`.
    pub embedding: Tensor<2>,
    /// Logit of "no object", to be used next to the class logits, `(queries, 1)`.
    pub no_object: Tensor<2>,
    /// Logits of the IoU between the mask and its object, `(queries, 1)`.
    pub score: Tensor<2>,
    /// Scale and bias, `(1)` each, that turn the cosine of `embedding` with a class's embedding
    /// into the logit of that class.
    pub affine: [Tensor<1>; 2],
}

impl Class {
    /// Returns the class logits, `(queries, classes + 1)`; the last column is "no object". `text`
    /// `(classes, width)` holds the unit vectors of the classes; it is ignored if the classes
    /// are fixed.
    pub fn logits(&self, text: Tensor<2>) -> Tensor<2> {
        match self {
            Self::Text(class) => {
                let [scale, shift] = class.affine.clone();
                let classes = matmul(class.embedding.clone(), text.transpose()) * scale.unsqueeze()
                    + shift.unsqueeze();
                Tensor::cat(vec![classes, class.no_object.clone()], 1)
            }
            Self::Fixed(logits) => logits.clone(),
        }
    }

    /// The logits of the IoU between the mask and its object, `(queries, 1)`, if the network
    /// predicts them.
    pub fn score(self) -> Option<Tensor<2>> {
        match self {
            Self::Text(class) => Some(class.score),
            Self::Fixed(_) => None,
        }
    }
}

/// Axis-aligned boxes of the queries in metres, world frame.
#[derive(Clone, Debug)]
pub struct Boxes {
    /// Centers, `(queries, 3)`.
    pub centers: Tensor<2>,
    /// Full extents, `(queries, 3)`; not guaranteed to be positive.
    pub sizes: Tensor<2>,
}

/// The output heads, shared by all layers.
#[derive(Module, Debug)]
pub struct Heads {
    norm: LayerNorm,
    class: ClassHead,
}

/// The head that predicts the class of a query.
#[derive(Module, Debug)]
enum ClassHead {
    Text(TextHead),
    Fixed(FixedHead),
}

/// Classification by similarity to text.
#[derive(Module, Debug)]
struct TextHead {
    text: Mlp,
    no_object: Linear,
    score: Mlp,
    log_temperature: Param<Tensor<1>>,
    class_bias: Param<Tensor<1>>,
}

/// Classification with one logit per class.
#[derive(Module, Debug)]
struct FixedHead {
    instances: Mlp,
    semantics: Linear,
}

impl Heads {
    /// Creates the heads for queries of `d_model` channels, with embeddings of `width` values where
    /// the classes are words.
    pub fn new(d_model: usize, classes: Classes, width: usize, device: &Device) -> Self {
        let class = match classes {
            Classes::Text => ClassHead::Text(TextHead::new(d_model, width, device)),
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

    /// Applies the layer normalization whose output the other heads read, `(queries, d_model)`.
    pub fn normalize(&self, queries: Tensor<2>) -> Tensor<2> {
        self.norm.forward(queries)
    }

    /// Mask logits `(queries, superpoints)`: dot products of [normalized](Self::normalize) queries
    /// with `mask_features` `(superpoints, d_model)`.
    pub fn masks(&self, queries: Tensor<2>, mask_features: &Tensor<2>) -> Tensor<2> {
        matmul(queries, mask_features.clone().transpose())
    }

    /// Predicts the classes of [normalized](Self::normalize) queries.
    pub fn class(&self, queries: Tensor<2>) -> Class {
        match &self.class {
            ClassHead::Text(head) => Class::Text(head.forward(queries)),
            ClassHead::Fixed(head) => Class::Fixed(head.instances.forward(queries)),
        }
    }

    /// Semantic logits of [normalized](Self::normalize) queries,
    /// `(queries, superpoint classes + 1)`; the last column is "background". `None` unless the
    /// classes are fixed.
    pub fn semantics(&self, queries: Tensor<2>) -> Option<Tensor<2>> {
        match &self.class {
            ClassHead::Text(_) => None,
            ClassHead::Fixed(head) => Some(linear(&head.semantics, queries)),
        }
    }
}

impl TextHead {
    fn new(d_model: usize, width: usize, device: &Device) -> Self {
        let constant = |value| Initializer::Constant { value }.init([1], device);
        let mut no_object = LinearConfig::new(d_model, 1).init(device);
        no_object.bias = Some(constant(NO_OBJECT_BIAS));
        Self {
            text: Mlp::new(&[d_model, d_model, width], device),
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
