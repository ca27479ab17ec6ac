//! SegDINO3D-VL, points only: a scan and its superpoints to masks, scores, boxes and embeddings that words can be compared with.
//!
//! One definition for every device, for training and for the product. Source: spec/model.md sections 2-10 and 15 (SegDINO3D and
//! OVSeg3R); the steps are those of the published network, at smaller widths and without its 2D branch.

mod attention;
mod config;
mod decoder;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod golden;
mod heads;
pub mod manifest;
mod mlp;
mod position;
mod scene;
mod segdino3d_vl;
mod sparse_unet;
mod weights;

pub use config::{Config, InvalidConfig};
pub use heads::{Boxes, Prediction};
pub use scene::{Scene, SceneError, SceneInput};
pub use segdino3d_vl::{Answers, InferenceError, SegDino3dVl};
pub use weights::{WeightsError, load as load_weights, save as save_weights};

/// The largest buffer that every WebGPU device can bind; no tensor of a forward pass may be larger.
const MAX_TENSOR_BYTES: usize = 128 << 20;
