//! What `trainer segment` says of a scan.

use std::{collections::BTreeMap, path::Path};

use segscape::{preflight::Preflight, progress::Stage, write::InstanceRecord};
use serde_json::{Value, json};

use super::Labeling;
use crate::commands::{capture::Opened, results};

/// What reading a scan told, beside the scan.
pub(super) struct Notes {
    warnings: Vec<String>,
    preflight: Preflight,
    /// What there is to say of a capture; `None` for a file with a scan.
    capture: Option<Value>,
}

impl Notes {
    /// Takes the notes out of what was opened.
    pub fn of(opened: &mut Opened) -> Self {
        Self {
            warnings: std::mem::take(&mut opened.warnings),
            preflight: opened.preflight.clone(),
            capture: opened.capture.take(),
        }
    }

    /// Tells the warnings and the assumptions.
    pub fn print(&self, path: &Path) {
        for line in self.warnings.iter().chain(&self.preflight.assumptions()) {
            eprintln!("{}: {line}", path.display());
        }
    }

    /// One line of `--json`, but for the answer to a question.
    pub fn json(
        &self,
        path: &Path,
        labeling: &Labeling,
        records: &[InstanceRecord],
        ms: &BTreeMap<Stage, f64>,
    ) -> Value {
        let unit = self.preflight.unit.value;
        json!({
            "scan": path.to_string_lossy(),
            "capture": self.capture,
            "points": labeling.scan.len(),
            "superpoints": labeling.superpoints,
            "up": self.preflight.up.value.to_string(),
            "unit": unit.to_string(),
            "metres_per_unit": unit.metres(),
            "assumptions": self.preflight.assumptions(),
            "warnings": self.warnings,
            "instances": results::told(records, &labeling.sources),
            "not_found": labeling.missing,
            "ms": ms,
        })
    }

    /// One line for people, but for the answer to a question.
    pub fn words(
        &self,
        path: &Path,
        labeling: &Labeling,
        records: &[InstanceRecord],
        ms: &BTreeMap<Stage, f64>,
    ) -> String {
        let total: f64 = ms.values().sum();
        let found = results::counts(records);
        let of_frames = self.capture.as_ref().map_or(String::new(), |capture| {
            let kind = capture["kind"].as_str().unwrap_or_default();
            format!("{kind}, {} frames, ", capture["frames"])
        });
        format!(
            "{}: {of_frames}{} points, {} superpoints, {found} ({:.1} s)",
            path.display(),
            labeling.scan.len(),
            labeling.superpoints,
            total / 1000.0
        )
    }
}
