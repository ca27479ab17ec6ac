//! What a run's checkpoints reached on held-out scans, in its folder: one JSON object a measurement, in `validation.jsonl`.

use std::path::Path;

use anyhow::Context;
use clap::ValueEnum;
use serde_json::json;

use crate::{
    checkpoint::Checkpoint,
    evaluation::{Figures, Protocol},
    metrics::Metrics,
    train::CHECKPOINT,
};

/// Name of the file in a run's folder.
pub const FILE: &str = "validation.jsonl";

/// Adds the averages of the checkpoint that is in `run` now.
///
/// # Errors
/// There is no checkpoint, or the file cannot be written.
pub fn record(run: &Path, protocol: Protocol, figures: &Figures) -> anyhow::Result<()> {
    let path = run.join(CHECKPOINT);
    let state = Checkpoint::read(&path).context("only a training run has validation figures to add to")?.state;
    let protocol = protocol.to_possible_value().map(|value| value.get_name().to_owned());
    let mut record = json!(figures.averages());
    record["step"] = json!(state.steps);
    record["seconds"] = json!(state.seconds);
    record["protocol"] = json!(protocol);
    Metrics::open(&run.join(FILE))?.write(&record)
}
