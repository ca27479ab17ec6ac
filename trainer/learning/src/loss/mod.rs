//! The loss of the network's outputs for one scene, or for what one view sees of it, against the
//! ground truth (docs/spec/model.md sections 11.2 and 11.3).

mod boxes;
mod classes;
mod cost;
mod masks;
pub mod matching;
mod targets;

use burn::tensor::{Tensor, TensorData};

use segscape::model::Boxes;

use crate::{
    config::{Loss, Supervision},
    loss::{masks::cross_entropy, matching::Pair, targets::DeviceTargets},
};

pub use targets::{ObjectMasks, Targets, indices};

/// The prediction after one decoder layer.
#[derive(Clone, Debug)]
pub struct Output {
    /// Class logits, `(Q, T + 1)`; the last column is "no object".
    pub classes: Tensor<2>,
    /// Mask logits, `(Q, S)`.
    pub masks: Tensor<2>,
    /// Logits of the IoU of each mask with its object, `(Q, 1)`, if the network predicts them.
    pub scores: Option<Tensor<2>>,
    /// Predicted boxes; `None` before the first layer.
    pub boxes: Option<Boxes>,
    /// Logits of the class of each query's own superpoint, `(Q, superpoint classes + 1)`; the last
    /// column is "background". Only the last output has them, and only if the network predicts
    /// them.
    pub semantics: Option<Tensor<2>>,
}

/// The unweighted terms of one output, `(1)` each, and the mean IoU of the queries that lie in an
/// object.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Weighted cross-entropy over T + 1 classes.
    pub class: Tensor<1>,
    /// Binary cross-entropy of the masks, mean over pairs and superpoints.
    pub bce: Tensor<1>,
    /// Dice loss of the masks, mean over pairs.
    pub dice: Tensor<1>,
    /// Binary cross-entropy of the scores, mean over queries.
    pub score: Tensor<1>,
    /// L1 loss of the box centres, summed over xyz, mean over pairs.
    pub center: Tensor<1>,
    /// L1 loss of the box sizes, summed over xyz, mean over pairs.
    pub size: Tensor<1>,
    /// Cross-entropy over the superpoint classes, mean over the queries whose superpoint is not
    /// background.
    pub semantic: Tensor<1>,
    /// Point-weighted IoU; it has no gradient.
    pub iou: Tensor<1>,
}

impl Terms {
    /// Names of the rows of [`Self::stacked`].
    pub const NAMES: [&'static str; 8] = [
        "class", "bce", "dice", "score", "centre", "size", "semantic", "iou",
    ];

    /// All terms in one tensor, `(8)`, so that they can be read back at once.
    pub fn stacked(&self) -> Tensor<1> {
        let Self {
            class,
            bce,
            dice,
            score,
            center,
            size,
            semantic,
            iou,
        } = self.clone();
        Tensor::cat(
            vec![class, bce, dice, score, center, size, semantic, iou],
            0,
        )
        .detach()
    }

    /// The weighted sum, `(1)`; `dice` is the whole factor on the dice term.
    fn total(self, weights: &Loss, dice: f32) -> Tensor<1> {
        self.class * weights.class
            + self.bce * weights.bce
            + self.dice * dice
            + self.score * weights.score
            + self.center * weights.center
            + self.size * weights.size
            + self.semantic * weights.semantic
    }
}

/// A ground truth, and the outputs that are compared with it.
pub type Compared<'a> = (&'a Targets, Vec<Output>);

/// Computes the losses of all outputs against each of the truths about one of the `scenes` scenes
/// of a step, `(1)`, to be averaged over them, and the terms of the last output; nothing for a truth
/// without outputs.
///
/// Each loss is finite for every scene, including one without objects. Supervision that matches
/// queries by their costs reads those of all outputs and truths back at once; dense supervision
/// reads nothing back.
pub fn losses(compared: &[Compared], options: &Loss, scenes: usize) -> Vec<(Tensor<1>, Terms)> {
    let targets: Vec<(DeviceTargets, &[Output])> = compared
        .iter()
        .filter_map(|(truth, outputs)| {
            let device = outputs.first()?.masks.device();
            Some((DeviceTargets::new(truth, &device), &outputs[..]))
        })
        .collect();
    let mut matched = match options.supervision {
        Supervision::Dense => vec![],
        Supervision::Sparse | Supervision::Hungarian => cost::matched(&targets, options),
    }
    .into_iter();
    let losses = targets.iter().filter_map(|(target, outputs)| {
        let pairs = match options.supervision {
            Supervision::Dense => vec![target.dense(); outputs.len()],
            Supervision::Sparse | Supervision::Hungarian => {
                let pairs = matched.next().unwrap_or_default().into_iter();
                pairs.map(Pairs::same).collect()
            }
        };
        target.loss(outputs, &pairs, options, scenes)
    });
    losses.collect()
}

/// The pairs of queries and objects in the loss of one output.
#[derive(Clone)]
struct Pairs {
    /// Those whose masks and boxes are compared.
    shaped: Vec<Pair>,
    /// Those whose classes are compared.
    classed: Vec<Pair>,
}

impl Pairs {
    fn same(pairs: Vec<Pair>) -> Self {
        Self {
            classed: pairs.clone(),
            shaped: pairs,
        }
    }
}

impl DeviceTargets<'_> {
    /// The pairs of dense supervision, which are those of every output.
    fn dense(&self) -> Pairs {
        let every = (0..).zip(&self.truth.object_of_query);
        Pairs {
            shaped: self.truth.dense_pairs.clone(),
            classed: every
                .filter_map(|(query, object)| object.map(|object| Pair { query, object }))
                .collect(),
        }
    }

    /// The loss of all outputs, whose pairs are `pairs`, and the terms of the last output.
    fn loss(
        &self,
        outputs: &[Output],
        pairs: &[Pairs],
        options: &Loss,
        scenes: usize,
    ) -> Option<(Tensor<1>, Terms)> {
        let mut total: Option<Tensor<1>> = None;
        let mut last = None;
        for (index, (output, pairs)) in outputs.iter().zip(pairs).enumerate() {
            let terms = self.terms(output, pairs, options);
            last = Some(terms.clone());
            let is_auxiliary = index + 1 < outputs.len();
            let divisor = if is_auxiliary && options.auxiliary_dice_by_batch {
                scenes as f32
            } else {
                1.0
            };
            let loss = terms.total(options, options.dice * options.dice_factor / divisor);
            total = Some(match total {
                Some(total) => total + loss,
                None => loss,
            });
        }
        total.zip(last)
    }

    /// The terms of one output.
    fn terms(&self, output: &Output, pairs: &Pairs, options: &Loss) -> Terms {
        let Pairs { shaped, classed } = pairs;
        let zero = || Tensor::<1>::zeros([1], &self.device);
        let iou = self.iou(&output.masks);
        let inside: Vec<f32> = self
            .truth
            .object_of_query
            .iter()
            .map(|o| f32::from(u8::from(o.is_some())))
            .collect();
        let count = inside.iter().sum::<f32>().max(1.0);
        let inside = Tensor::<2>::from_data(
            TensorData::new(inside, [self.truth.object_of_query.len(), 1]),
            &self.device,
        );
        let mut terms = Terms {
            class: self.class(&output.classes, classed, options.no_object),
            bce: zero(),
            dice: zero(),
            score: output
                .scores
                .clone()
                .map_or_else(zero, |scores| cross_entropy(scores, iou.clone()).mean()),
            center: zero(),
            size: zero(),
            semantic: output.semantics.as_ref().map_or_else(zero, |logits| {
                self.semantic(logits, options.semantic_background)
            }),
            iou: (iou * inside).sum() / count,
        };
        if shaped.is_empty() {
            return terms;
        }
        [terms.bce, terms.dice] = self.mask_terms(&output.masks, shaped);
        if let Some(boxes) = &output.boxes {
            [terms.center, terms.size] = self.box_terms(boxes, shaped);
        }
        terms
    }
}

#[cfg(test)]
mod tests;
