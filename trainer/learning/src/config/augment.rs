//! The random augmentation of the scans.

use serde::{Deserialize, Serialize};

/// What the elastic distortion moves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Distort {
    /// Everything: the network sees a room of other shapes.
    #[default]
    Everything,
    /// Voxels and boxes alone, as in the released code: the input features of a point and its
    /// distance to objects seen in images are those of the room as it was.
    Voxels,
}

/// Probabilities and ranges of the augmentations (docs/spec/model.md section 11.5), in the order
/// they are applied.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Augment {
    /// Probability of mirroring x, and independently of mirroring y.
    pub flip: f64,
    /// If `true`, rotates about z by a uniformly random angle.
    pub rotate: bool,
    /// Range of the uniformly random scale.
    pub scale: [f32; 2],
    /// Standard deviation of the translation along each axis, metres.
    pub translate: f32,
    /// Probability of the elastic distortion.
    pub elastic: f64,
    /// What the elastic distortion moves.
    pub distort: Distort,
    /// Largest gain and offset of each colour channel, as a fraction of full scale; 0 disables
    /// both.
    #[serde(alias = "colour_jitter")]
    pub color_jitter: f32,
    /// Probability of removing all colours, so that the network also works on scans without colour.
    #[serde(alias = "colour_drop")]
    pub color_drop: f64,
    /// Probability of removing all image features, so that the network also works on points alone.
    pub image_drop: f64,
    /// Probability of removing all objects seen in images.
    pub objects_drop: f64,
    /// Probability of removing each object seen in images.
    pub object_drop: f64,
}

impl Default for Augment {
    fn default() -> Self {
        Self {
            flip: 0.5,
            rotate: true,
            scale: [0.8, 1.2],
            translate: 0.1,
            elastic: 0.5,
            distort: Distort::Everything,
            color_jitter: 0.15,
            color_drop: 0.1,
            image_drop: 0.5,
            objects_drop: 0.3,
            object_drop: 0.7,
        }
    }
}
