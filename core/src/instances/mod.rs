//! From superpoint masks to instances, and from instances to answers to prompts.
//!
//! [`select()`] ranks the masks of the network's [`Proposals`] and geometric regions together; the
//! result is a [`Segmentation`]. [`query`] then answers any number of prompts without running the
//! network again. [`postprocess_picks`] and [`panoptic`] are the released code's post-processing
//! (docs/spec/model.md section 10).

use crate::{geometry::Aabb, text::TextSpace};

mod clicks;
mod evidence;
mod features;
mod geometry;
mod given;
mod kept_masks;
mod ownership;
mod proposals;
pub mod query;
mod ranker;
mod released;
mod reshaping;
mod ring;
mod select;

pub use clicks::{Clicks, Ground, PointedFrom, PointedOut, Suggestions};
pub use evidence::{Candidate, Evidence, Source};
pub use features::{FEATURE_NAMES, FEATURES};
pub use geometry::SuperpointGeometry;
pub use given::{GivenMask, PointMasks, PointMasksError};
pub use kept_masks::KeptMasks;
pub use ownership::{Claim, NO_INSTANCE, majority_owner, owner_of_superpoint};
pub use proposals::{ProposalError, Proposals};
pub use ranker::{Linear, Ranker, RankerError};
pub use released::{
    CenteredBox, Finished, Panoptic, PanopticOptions, Pick, PostprocessOptions, QueryMasks, STUFF,
    class_picks, matrix_nms, panoptic, postprocess_picks, semantics, top_queries,
};
pub use reshaping::{Extents, Reshaped, Reshaping, Shape};
pub use select::{Masks, SelectOptions, candidates, select};

pub use crate::superpoint::{Contact, Region};

/// One object found: a set of whole superpoints with a score and an embedding that can be compared
/// with text.
#[derive(Clone, Debug, PartialEq)]
pub struct Instance {
    /// Ascending, non-empty superpoint ids.
    pub superpoints: Vec<u32>,
    /// Confidence that this is one whole object, 0..=1.
    pub score: f32,
    /// Unit vector in the [space](Segmentation::space) of the segmentation, or zeros if nothing is
    /// known of what it is.
    pub embedding: Vec<f32>,
    /// Tight bounding box of the instance's points.
    pub bounds: Aabb,
    /// Number of points.
    pub points: u32,
}

impl Instance {
    /// `true` if nothing is known of what it is: it has no name, and no word finds it.
    pub fn is_nameless(&self) -> bool {
        self.embedding.iter().all(|value| *value == 0.0)
    }
}

/// The result of the network, from which prompts, thresholds and links are answered without running
/// it again. Instances are sorted by descending score and may overlap; [`owner_of_superpoint`] gives
/// the disjoint view.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Segmentation {
    /// The space of the instances' embeddings.
    pub space: TextSpace,
    /// Sorted by descending score.
    pub instances: Vec<Instance>,
    /// The network's scale on cosines between embeddings and words before a softmax.
    pub logit_scale: f32,
}
