//! Networks as files: weights, the manifest of an exported network, and published checkpoints.

pub mod manifest;
pub mod published;
mod weights;

pub use weights::{
    Parameter, WeightsError, current_name, load as load_weights, parameters, save as save_weights,
};
