//! The supervision of the queries, and the weight of each loss term.

use serde::{Deserialize, Serialize};

/// The queries that learn an object's mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Supervision {
    /// Each object supervises its one cheapest query (`SparseMatcher`, docs/spec/model.md section
    /// 11.2). This is the released scheme, for long runs.
    #[default]
    Sparse,
    /// Every object supervises one query and no two objects the same one, wherever they lie: of all
    /// such choices the one with the lowest sum of costs (Segment3D,
    /// docs/spec/any3dis_segment3d_opentrack3d.md section B2).
    Hungarian,
    /// Every query whose own superpoint lies in an object learns that object. This gives many more
    /// gradients per scene, for runs of hours.
    Dense,
}

/// Rules for matching objects with queries under sparse supervision (docs/spec/model.md section
/// 11.2). The defaults are the released behaviour.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Matching {
    /// If `true`, an object whose two cheapest queries have the same cost takes the first of them;
    /// otherwise it stays unmatched.
    pub ties: bool,
    /// If `true`, a query may be matched with several objects, the last of which determines its
    /// class; otherwise it is matched with the object for which its cost is lowest.
    pub shared_queries: bool,
}

impl Default for Matching {
    fn default() -> Self {
        Self {
            ties: false,
            shared_queries: true,
        }
    }
}

/// Supervision, and the weight of each loss term (docs/spec/model.md section 11.3). The defaults
/// are those of the released code, except for a scene in which no query matches: there its loss is
/// NaN, here it has no mask and box terms.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Loss {
    /// The queries that learn an object's mask.
    pub supervision: Supervision,
    /// Rules for matching objects with queries under sparse supervision.
    pub matching: Matching,
    /// Smallest and largest share of the superpoints that become queries (docs/spec/model.md
    /// section 7).
    pub queries: [f64; 2],
    /// Largest number of queries.
    pub max_queries: usize,
    /// Largest number of (query, object) pairs per scene in the mask and box terms under dense
    /// supervision, drawn evenly over the objects.
    pub pairs: usize,
    /// Largest number of views per sample of a bundle, drawn among those with an annotation.
    pub views: usize,
    /// T: number of candidate class names per scene, its own and random others.
    pub classes: usize,
    /// Random class names whose cosine similarity to one of the scene's own names is larger than
    /// this are not used as negatives. It is a cosine in the space of all-MiniLM-L6-v2; for other
    /// text encoders it becomes one that as few pairs of nouns exceed.
    pub synonym: f32,
    /// Weight of a query without an object in the class term.
    pub no_object: f32,
    /// Weight of the cross-entropy over T names and no-object.
    pub class: f32,
    /// Weight of the binary cross-entropy of the mask, mean over superpoints.
    pub bce: f32,
    /// Weight of the dice loss of the mask.
    pub dice: f32,
    /// Factor on the dice loss of every output, besides its weight.
    pub dice_factor: f32,
    /// If `true`, the dice loss of all outputs but the last is divided once more by the number of
    /// scenes per step.
    pub auxiliary_dice_by_batch: bool,
    /// Weight of the binary cross-entropy between the score and the true IoU of the mask.
    pub score: f32,
    /// Weight of the L1 loss of the box centre, metres.
    #[serde(alias = "centre")]
    pub center: f32,
    /// Weight of the L1 loss of the box size, metres.
    pub size: f32,
    /// Weight of the cross-entropy of the superpoint classes of the queries, for the last output,
    /// if the network predicts them.
    pub semantic: f32,
    /// If `true`, "background" is one of these superpoint classes. In the released code it is not,
    /// and background superpoints do not contribute to the loss.
    pub semantic_background: bool,
}

impl Default for Loss {
    fn default() -> Self {
        Self {
            supervision: Supervision::Sparse,
            matching: Matching::default(),
            queries: [0.5, 1.0],
            max_queries: 16_384,
            pairs: 128,
            views: 1024,
            classes: 64,
            synonym: 0.7,
            no_object: 0.1,
            class: 0.5,
            bce: 1.0,
            dice: 1.0,
            dice_factor: 4.0,
            auxiliary_dice_by_batch: true,
            score: 0.5,
            center: 0.5,
            size: 0.5,
            semantic: 0.5,
            semantic_background: false,
        }
    }
}
