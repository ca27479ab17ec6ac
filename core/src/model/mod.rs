//! SegDINO3D-VL: predicts masks, boxes and classes, or embeddings that can be compared with words,
//! from a scan, its superpoints and features of its images.
//!
//! The same definition serves every device, training and the product. Source: docs/spec/model.md
//! sections 2-10 and 15 (SegDINO3D and OVSeg3R). The steps are those of the published networks,
//! which [`Config::scannet200`] and [`Config::scannet20`] describe.

mod backbone;
mod checkpoint;
pub mod config;
mod decoder;
#[cfg(test)]
mod fixture;
mod scene;
mod segdino3d_vl;

pub use backbone::{Backbone, Features, Neighborhood, Pyramid};
pub use checkpoint::{
    Parameter, WeightsError, current_name, load_weights, manifest, parameters, published,
    save_weights,
};
pub use config::{Config, InvalidConfig};
pub use decoder::{Boxes, Class, Decoder, Memory, Prediction, State, TextClass};
pub use scene::{
    Layout, Observation, Scene, SceneError, SceneInput, SuperpointInput, VoxelInput, VoxelScene,
};
pub use segdino3d_vl::{Answers, ClassAnswers, InferenceError, SegDino3dVl, TextAnswers};
