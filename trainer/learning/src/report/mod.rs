//! One self-contained HTML page about a training run: curves of its logs, and the instances that
//! the network finds in labelled scans.

use std::{collections::BTreeSet, path::Path};

use anyhow::Context;
use serde_json::{Map, Value};

use crate::{
    evaluation::{Answer, Figures, NameSet, Names, Protocol, measure},
    loss::Terms,
    run::checkpoint::{self, CHECKPOINT, Checkpoint},
    run::train::LOG,
    run::validation,
    words::Words,
};

mod chart;
mod found;
mod log;
mod page;
mod picture;

use chart::{Series, chart, short};
pub use log::Log;
use page::{escape, section, tile};

/// The page about the run in a folder, and about what its network found in scans, if there are
/// `answers`.
///
/// # Errors
/// The folder has neither a checkpoint nor a log, or one of them cannot be read; an object of the
/// scans has no name, or one that cannot be encoded.
pub fn page(run: &Path, answers: &[Answer], words: &Words) -> anyhow::Result<String> {
    let checkpoint = checkpoint::latest(run)?;
    let (log, measured) = (
        Log::read(&run.join(LOG))?,
        Log::read(&run.join(validation::FILE))?,
    );
    anyhow::ensure!(
        checkpoint.is_some() || !log.records.is_empty(),
        "{} has neither a {CHECKPOINT} nor a {LOG}",
        run.display()
    );
    let figures = match answers {
        [] => None,
        answers => Some((
            measure(answers, Protocol::Scannet, NameSet::Present, words)?,
            measure(answers, Protocol::ClassAgnostic, NameSet::Present, words)?,
            Names::of(answers, NameSet::Present, words)?,
        )),
    };
    let name = run
        .canonicalize()
        .ok()
        .and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
        .unwrap_or_else(|| run.display().to_string());

    let mut body = header(
        &name,
        checkpoint.as_ref(),
        &log,
        figures
            .as_ref()
            .map(|(by_class, agnostic, _)| [by_class, agnostic]),
    );
    if let Some((by_class, agnostic, names)) = &figures {
        body += &section("Instances found", &found::averages(by_class, agnostic));
        body += &section("Scans", &found::scans(answers, names)?);
        body += &section("Classes", &found::classes(by_class));
        body += &section(
            "Names of matched objects",
            &found::confusion(answers, names),
        );
    }
    body += &section("Validation over time", &validation_charts(&measured));
    body += &section("Loss", &loss_charts(&log));
    body += &section("Training", &training_charts(&log));
    if let Some(checkpoint) = &checkpoint {
        let config =
            toml::to_string(&checkpoint.config).context("the configuration cannot be shown")?;
        body += &section(
            "Configuration",
            &format!(
                "<details><summary>All values</summary><pre>{}</pre></details>",
                escape(&config)
            ),
        );
    }
    Ok(page::page(&format!("{name} – Segscape training"), &body))
}

fn header(
    name: &str,
    checkpoint: Option<&Checkpoint>,
    log: &Log,
    figures: Option<[&Figures; 2]>,
) -> String {
    let mut said = Vec::new();
    if log.records.is_empty() {
        said.push(format!(
            "The run's folder has no {LOG}, so there are no curves."
        ));
    }
    if log.unreadable > 0 {
        said.push(format!(
            "{} lines of the log could not be read.",
            log.unreadable
        ));
    }
    if checkpoint.is_some_and(|checkpoint| checkpoint.config.optimizer.ema.is_some()) {
        said.push("The figures are of the running means of the weights.".into());
    }
    let state = |of: fn(&crate::run::checkpoint::State) -> f64, key| {
        checkpoint.map(|c| of(&c.state)).or_else(|| log.last(key))
    };
    let percent = |fraction: f64| format!("{:.1} %", 100.0 * fraction);
    let hours = |seconds: f64| {
        if seconds < 5400.0 {
            format!("{:.0} min", seconds / 60.0)
        } else {
            format!("{:.1} h", seconds / 3600.0)
        }
    };
    let mut tiles = String::new();
    if let Some([by_class, agnostic]) = figures {
        let averages = by_class.averages();
        tiles += &tile(&percent(averages.ap), "AP by class");
        tiles += &tile(&percent(averages.ap50), "AP50 by class");
        tiles += &tile(&percent(agnostic.averages().ap50), "AP50 without classes");
    }
    let facts = [
        (state(|s| s.steps as f64, "step").map(short), "steps"),
        (
            state(|s| s.scenes as f64, "scenes").map(short),
            "scenes seen",
        ),
        (state(|s| s.seconds, "seconds").map(hours), "of training"),
        (log.recent("loss").map(short), "loss, last tenth"),
        (
            log.recent("scenes_per_second").map(short),
            "scenes per second",
        ),
        (
            log.recent("percent_of_peak")
                .map(|percent| format!("{percent:.0} %")),
            "of the device's peak speed",
        ),
    ];
    facts
        .into_iter()
        .filter_map(|(value, name)| Some(tile(&value?, name)))
        .for_each(|tile| tiles += &tile);
    let said: String = said
        .iter()
        .map(|line| format!("<p class=\"quiet\">{}</p>", escape(line)))
        .collect();
    format!(
        "<header><h1>{}</h1><p class=\"quiet\">Segscape training run</p>{said}<div class=\"tiles\">{tiles}</div></header>\n",
        escape(name)
    )
}

fn charts(charts: impl IntoIterator<Item = String>) -> String {
    let charts: String = charts.into_iter().collect();
    if charts.is_empty() {
        charts
    } else {
        format!("<div class=\"charts\">{charts}</div>")
    }
}

/// Titles of the terms of the loss, for display.
const TERMS: [(&str, &str); 8] = [
    ("class", "Class"),
    ("bce", "Mask: cross-entropy"),
    ("dice", "Mask: dice"),
    ("score", "Score"),
    ("centre", "Box centre (m)"),
    ("size", "Box size (m)"),
    ("semantic", "Surface"),
    ("iou", "Mean overlap with the truth (not a loss)"),
];

fn loss_charts(log: &Log) -> String {
    let title = |term: &'static str| {
        TERMS
            .iter()
            .find(|(name, _)| *name == term)
            .map_or(term, |(_, title)| title)
    };
    // a term that the network does not have is zero throughout
    let terms = Terms::NAMES
        .into_iter()
        .map(|term| (title(term), log.curve(term)))
        .filter(|(_, curve)| curve.iter().any(|point| point[1] != 0.0));
    charts(
        std::iter::once(("Loss", log.curve("loss")))
            .chain(terms)
            .map(|(title, points)| one(title, points, false)),
    )
}

fn one(title: &str, points: Vec<[f64; 2]>, logarithmic: bool) -> String {
    chart(
        title,
        &[Series {
            name: title.to_owned(),
            points,
        }],
        logarithmic,
    )
}

fn training_charts(log: &Log) -> String {
    let throughput = match log.curve("scenes_per_second") {
        // older logs have only the duration of a step
        curve if curve.is_empty() => one(
            "Seconds per step",
            log.curve("milliseconds")
                .iter()
                .map(|p| [p[0], p[1] / 1000.0])
                .collect(),
            true,
        ),
        curve => one("Scenes per second", curve, false),
    };
    charts([
        one("Learning rate", log.curve("learning_rate"), false),
        one("Norm of the gradient", log.curve("gradient_norm"), true),
        throughput,
        one("GFLOPS of the counted products", log.curve("gflops"), false),
        one(
            "Percent of the speed of the device's dense products",
            log.curve("percent_of_peak"),
            false,
        ),
        one("Milliseconds waited for scenes", log.curve("waited"), false),
    ])
}

/// Charts of what `eval --record` measured, and of what the run itself measured on each of its
/// validation sets.
fn validation_charts(log: &Log) -> String {
    let only = |is_wanted: &dyn Fn(&Map<String, Value>) -> bool| Log {
        records: log
            .records
            .iter()
            .filter(|record| is_wanted(record))
            .cloned()
            .collect(),
        unreadable: 0,
    };
    let percent = |log: &Log, key| {
        log.curve(key)
            .iter()
            .map(|p| [p[0], 100.0 * p[1]])
            .collect()
    };
    let is = |record: &Map<String, Value>, key: &str, value: &str| {
        record.get(key).and_then(Value::as_str) == Some(value)
    };
    let of = |protocol: &str| {
        let log = only(&|record| is(record, "protocol", protocol));
        ["ap", "ap50", "ap25"].map(|key| Series {
            name: key.to_uppercase(),
            points: percent(&log, key),
        })
    };
    let sets: BTreeSet<&str> = log
        .records
        .iter()
        .filter_map(|record| record.get(validation::SET)?.as_str())
        .collect();
    let of_sets = sets.iter().map(|set| Series {
        name: (*set).to_owned(),
        points: percent(&only(&|record| is(record, validation::SET, set)), "ap50"),
    });
    let by_set = chart(
        "During the run: AP50 with the model's scores, percent",
        &of_sets.collect::<Vec<_>>(),
        false,
    );
    let recorded = [
        ("scannet", "By class, percent"),
        ("class-agnostic", "Classes ignored, percent"),
    ];
    charts(
        recorded
            .map(|(protocol, title)| chart(title, &of(protocol), false))
            .into_iter()
            .chain([by_set]),
    )
}

#[cfg(test)]
mod tests;
