//! SegDINO3D-VL: predicts masks, boxes and classes, or embeddings that can be compared with words,
//! from a scan, its superpoints and features of its images.
//!
//! The same definition serves every device, training and the product. Source: docs/spec/model.md
//! sections 2-10 and 15 (SegDINO3D and OVSeg3R). The steps are those of the published networks,
//! which [`Config::scannet200`] and [`Config::scannet20`] describe.

mod attention;
mod backbone;
pub mod config;
mod convolution;
mod decoder;
mod features;
#[cfg(test)]
mod fixture;
mod heads;
pub mod manifest;
mod mlp;
mod position;
pub mod published;
mod pyramid;
mod res_unet;
mod scene;
mod segdino3d_vl;
mod sparse_unet;
mod weights;

pub use backbone::Backbone;
pub use config::{Config, InvalidConfig};
pub use decoder::{Decoder, Memory, State};
pub use features::Features;
pub use heads::{Boxes, Class, Prediction, TextClass};
pub use pyramid::{Neighborhood, Pyramid};
pub use scene::{Layout, Observation, Scene, SceneError, SceneInput};
pub use segdino3d_vl::{Answers, ClassAnswers, InferenceError, SegDino3dVl, TextAnswers};
pub use weights::{
    Parameter, WeightsError, load as load_weights, parameters, save as save_weights,
};
