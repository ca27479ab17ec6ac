//! Results of a run's checkpoints on held-out scans, in the run's folder: `validation.jsonl` has
//! one JSON object per evaluation.

use std::path::Path;

use anyhow::Context;
use burn::tensor::Device;
use clap::ValueEnum;
use serde_json::{Value, json};

use crate::{
    config::Validation,
    data::scans::Asked,
    evaluation::{self, Choice, Figures, Measurement, Protocol},
    models,
    report::Log,
    run::checkpoint::{self, CHECKPOINT, Checkpoint, State},
    run::metrics::Metrics,
};
use recordings::store::Cache;

/// Name of the file in a run's folder.
pub const FILE: &str = "validation.jsonl";
/// Key of the figure by which the best checkpoint is chosen.
const CHOICE: &str = "choice";
/// Key of the names of the sets from which that figure was computed; figures of other sets are not
/// comparable.
const SETS: &str = "sets";
/// Key of the name of the set that a record is about.
pub const SET: &str = "set";

/// Appends the averages in `figures` for the current checkpoint of `run`.
///
/// # Errors
/// Returns an error if there is no checkpoint, or if the file cannot be written.
pub fn record(run: &Path, protocol: Protocol, figures: &Figures) -> anyhow::Result<()> {
    let state = Checkpoint::read(&run.join(CHECKPOINT))
        .context("validation figures can be appended only to a training run")?
        .state;
    let mut record = json!(figures.averages());
    record["protocol"] = json!(
        protocol
            .to_possible_value()
            .map(|value| value.get_name().to_owned())
    );
    if let Figures::Scannet { names, .. } = figures {
        record["names"] = json!(names);
    }
    write(run, &state, record)
}

fn write(run: &Path, state: &State, mut record: Value) -> anyhow::Result<()> {
    record["step"] = json!(state.steps);
    record["seconds"] = json!(state.seconds);
    Metrics::open(&run.join(FILE))?.write(&record)
}

/// The state of a run at its last evaluation.
pub struct Last {
    /// Number of steps made.
    pub step: u64,
    /// Duration of the run, seconds.
    pub seconds: f64,
}

/// The state of the run in a folder at its last evaluation; `None` if there is none that can be
/// read.
pub fn last(run: &Path) -> Option<Last> {
    let log = Log::read(&run.join(FILE)).ok()?;
    let record = log
        .records
        .iter()
        .rfind(|record| record.contains_key(SET))?;
    Some(Last {
        step: record.get("step")?.as_u64()?,
        seconds: record.get("seconds")?.as_f64()?,
    })
}

/// Checks that every set has scans, so that a missing set is found before the run starts and not
/// after hours.
///
/// # Errors
/// Returns an error if a set has no scan.
pub fn check(options: &Validation, cache: &Cache) -> anyhow::Result<()> {
    options.sets.iter().try_for_each(|set| {
        Asked::of(&set.scans, None, cache)
            .map(|_| ())
            .with_context(|| format!("cannot evaluate on {:?}", set.name))
    })
}

/// Evaluates the current checkpoint of `run` on every set, without classes and with one scan in
/// memory at a time (`cache` has those of object stores), and keeps it as the
/// best one if the mean of AP50 with the model's scores, over the sets that take part in the
/// choice, is the highest so far.
///
/// # Errors
/// Returns an error if a scan cannot be read, or if the folder cannot be written.
pub fn measure(
    run: &Path,
    options: &Validation,
    device: &Device,
    cache: &Cache,
) -> anyhow::Result<()> {
    let names: Vec<&str> = options
        .sets
        .iter()
        .filter(|set| set.chooses)
        .map(|set| set.name.as_str())
        .collect();
    let earlier = Log::read(&run.join(FILE))?.records;
    let same = earlier
        .iter()
        .filter(|record| record.get(SETS) == Some(&json!(names)));
    let best = same
        .filter_map(|record| record.get(CHOICE)?.as_f64())
        .fold(f64::NEG_INFINITY, f64::max);
    let state = Checkpoint::read(&run.join(CHECKPOINT))?.state;
    let (network, _) = models::load_network(Some(run), None, device)?;
    let mut chosen = Vec::new();
    for set in &options.sets {
        let scans = Asked::of(&set.scans, None, cache)?;
        let mut measurement = Measurement::class_agnostic();
        evaluation::for_each_answer(
            &scans,
            Some(&network),
            None,
            |_, scan| evaluation::ask(&network, scan, &[], &Choice::default()),
            |answer| measurement.add(&answer),
        )?;
        let figures = measurement.figures()?;
        let Figures::ClassAgnostic {
            model_scores,
            confidence_one,
            ..
        } = &figures
        else {
            continue;
        };
        let mut record = json!(model_scores.all);
        record[SET] = json!(set.name);
        record["confidence_one"] = json!(confidence_one.all);
        write(run, &state, record)?;
        let ap50 = model_scores.all.ap50;
        tracing::info!(
            "step {}, {}: AP50 {} with the model's scores",
            state.steps,
            set.name,
            evaluation::percent(ap50)
        );
        if set.chooses {
            chosen.push(ap50);
        }
    }
    if chosen.is_empty() {
        return Ok(());
    }
    let choice = chosen.iter().sum::<f64>() / chosen.len() as f64;
    write(run, &state, json!({ CHOICE: choice, SETS: names }))?;
    if choice > best {
        checkpoint::keep_as_best(run)
    } else {
        Ok(())
    }
}
