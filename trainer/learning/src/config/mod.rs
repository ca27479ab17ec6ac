//! The configuration of a training run, as `configs/*.toml` gives it: data, network, supervision,
//! optimiser and length of the run.

mod augment;
mod check;
mod data;
mod extends;
mod loss;
mod optimizer;
mod run;
mod validation;

use std::path::Path;

use anyhow::Context;
use segscape::model::Config as ModelConfig;
use serde::{Deserialize, Serialize};

use data::{default_cache_gib, default_part, default_share};

pub use augment::{Augment, Distort};
pub use data::{Boundaries, ClassOfObject, Data, Frames, Generated, Pseudo};
pub use loss::{Loss, Matching, Supervision};
pub use optimizer::Optimizer;
pub use run::Run;
pub use validation::{Validation, ValidationSet};

/// The configuration of one training run. Every field but `data.rooms` has a default; unknown
/// fields are refused.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The scans to train on.
    pub data: Data,
    /// The network.
    #[serde(default = "ModelConfig::nano")]
    pub model: ModelConfig,
    /// Random augmentation of the scans.
    #[serde(default)]
    pub augment: Augment,
    /// Supervision of the queries, and the weight of each loss term.
    #[serde(default)]
    pub loss: Loss,
    /// AdamW and its learning rate schedule.
    #[serde(default, alias = "optimiser")]
    pub optimizer: Optimizer,
    /// Length of the run, checkpoints, and use of the machine.
    #[serde(default)]
    pub run: Run,
    /// Scans that the run is evaluated on while it trains.
    #[serde(default, skip_serializing_if = "Validation::is_off")]
    pub validation: Validation,
}

impl Config {
    /// The configuration of a run of this network, with no rooms yet.
    pub fn of(model: ModelConfig) -> Self {
        let data = Data {
            rooms: vec![],
            weights: vec![],
            foundations: vec![],
            generated: None,
            frames: None,
            pseudo: None,
            foundation_part: default_part(),
            foundation_share: default_share(),
            partition: true,
            boundaries: Boundaries::default(),
            held_out: vec![],
            stuff: None,
            class_of_object: ClassOfObject::default(),
            text_encoder: None,
            cache: None,
            cache_gib: default_cache_gib(),
        };
        Self {
            data,
            model,
            augment: Augment::default(),
            loss: Loss::default(),
            optimizer: Optimizer::default(),
            run: Run::default(),
            validation: Validation::default(),
        }
    }

    /// Reads and checks a TOML file. Its `extends` may name another one, relative to its own folder,
    /// whose values hold where it has none.
    ///
    /// # Errors
    /// Returns an error if a file is missing or malformed, or if a value is out of its range.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let config: Self = extends::read(path)?
            .try_into()
            .with_context(|| format!("malformed configuration {}", path.display()))?;
        config
            .check()
            .with_context(|| format!("in the configuration {}", path.display()))?;
        Ok(config)
    }
}

#[cfg(test)]
mod tests;
