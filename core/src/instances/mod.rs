//! Superpoint masks to instances, and instances to answers.

use serde::{Deserialize, Serialize};

/// An axis-aligned box in the world frame, metres.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Aabb {
    /// Lower corner.
    pub min: [f32; 3],
    /// Upper corner.
    pub max: [f32; 3],
}

/// One found thing: a set of superpoints with a score and an embedding that text can be compared with.
#[derive(Clone, Debug, PartialEq)]
pub struct Instance {
    /// Ascending, non-empty superpoint ids.
    pub superpoints: Vec<u32>,
    /// Points outside this box do not belong to it even if their superpoint does (spec/model.md section 10, step 7).
    pub crop: Option<Aabb>,
    /// How sure the model is that this is one whole object, 0..=1.
    pub score: f32,
    /// Unit vector in the text encoder's space, (`text::DIM`).
    pub embedding: Vec<f32>,
    /// Tight box of its points.
    pub bounds: Aabb,
    /// Number of its points.
    pub points: u32,
}

/// Everything a prompt, a threshold or a link needs: no network run after this.
/// Instances are sorted by falling score and may overlap; `point_owner` gives the disjoint view.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Segmentation {
    /// By falling score.
    pub instances: Vec<Instance>,
}
