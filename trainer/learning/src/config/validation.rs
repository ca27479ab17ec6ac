//! The scans that a run is evaluated on while it trains.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::data::default_true;

/// Scans that a run is evaluated on while it trains, without classes. The evaluated network has the
/// running means of the weights if the run keeps them; a ranker is used only if there is one in the
/// run's folder. The run does not train on these scans.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Validation {
    /// Minutes between two evaluations.
    pub minutes: f64,
    /// Sets of scans, each evaluated by itself.
    pub sets: Vec<ValidationSet>,
}

/// Scans that are evaluated together.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValidationSet {
    /// Name of the set in `validation.jsonl`.
    pub name: String,
    /// Labelled PLY files, bundles with ground truth, and folders and lists of them.
    pub scans: Vec<PathBuf>,
    /// If `true`, the set takes part in choosing the best checkpoint; otherwise it is only
    /// recorded.
    #[serde(default = "default_true")]
    pub chooses: bool,
}

impl ValidationSet {
    /// A set that takes part in choosing the best checkpoint, named after the file or folder.
    pub fn called_by_its_path(path: PathBuf) -> Self {
        let name = path
            .file_stem()
            .unwrap_or(path.as_os_str())
            .to_string_lossy()
            .into_owned();
        Self {
            name,
            scans: vec![path],
            chooses: true,
        }
    }
}

impl Default for Validation {
    fn default() -> Self {
        Self {
            minutes: 60.0,
            sets: vec![],
        }
    }
}

impl Validation {
    pub(super) fn is_off(&self) -> bool {
        self.sets.is_empty()
    }
}
