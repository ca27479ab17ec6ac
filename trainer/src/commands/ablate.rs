//! `trainer ablate`: what each part of the scheme is worth, by training without it.

use std::{
    fs,
    io::Write as _,
    path::PathBuf,
    sync::{Arc, atomic::AtomicBool},
};

use anyhow::Context;
use clap::Args;
use serde_json::{Value, json};

use crate::{
    config::{Boundaries, Config},
    dataset,
    device::DeviceChoice,
    evaluation::{
        self, Protocol,
        scans::{self, Reading},
    },
    models, train,
};

/// A row of the table: what is changed in the configuration.
struct Row {
    /// What it is called, on the command line too.
    name: &'static str,
    change: fn(&mut Config),
}

/// The rows of seed 000's Table 3, then the readings of Algorithm 1.
const ROWS: &[Row] = &[
    Row { name: "all", change: |_| {} },
    Row { name: "no-vip", change: |config| config.data.partition = false },
    Row { name: "no-ibsp", change: |config| config.data.boundaries = Boundaries::None },
    Row { name: "0-percent", change: |config| config.data.foundation_part = 0.0 },
    Row { name: "1-percent", change: |config| config.data.foundation_part = 0.01 },
    Row { name: "10-percent", change: |config| config.data.foundation_part = 0.1 },
    Row { name: "ibsp-outlines", change: |config| config.data.boundaries = Boundaries::Outlines },
    Row { name: "ibsp-strict", change: |config| config.data.boundaries = Boundaries::Strict },
];

/// Trains one network a row and seed, each for the same number of steps, and measures it on labelled scans without classes; goes on where it stopped.
#[derive(Debug, Args)]
pub struct Ablate {
    /// The configuration that rows change; `run.steps` must be set there or here.
    config: PathBuf,
    /// Labelled scans to measure on, or folders of them.
    #[arg(long, required = true, num_args = 1..)]
    scans: Vec<PathBuf>,
    /// Folder for one run a row and seed, and `ablation.jsonl`.
    #[arg(long)]
    out: PathBuf,
    /// Replaces `run.steps` of the configuration.
    #[arg(long)]
    steps: Option<u64>,
    /// Networks a row.
    #[arg(long, default_value_t = 3)]
    seeds: u64,
    /// Only these rows: all, no-vip, no-ibsp, 0-percent, 1-percent, 10-percent, ibsp-outlines, ibsp-strict.
    #[arg(long, value_delimiter = ',', value_parser = row)]
    only: Vec<&'static str>,
    /// What computes.
    #[arg(long, value_enum, default_value_t)]
    device: DeviceChoice,
}

fn row(text: &str) -> Result<&'static str, String> {
    let names = || ROWS.iter().map(|row| row.name);
    names().find(|name| *name == text).ok_or_else(|| format!("\"{text}\" is none of {}", names().collect::<Vec<_>>().join(", ")))
}

impl Ablate {
    /// Runs the command and prints the table.
    ///
    /// # Errors
    /// The configuration counts minutes, not steps; a run fails; a scan cannot be read.
    pub fn run(&self) -> anyhow::Result<()> {
        let mut config = Config::read(&self.config)?;
        config.run.steps = self.steps.or(config.run.steps);
        anyhow::ensure!(config.run.steps.is_some(), "rows are compared after equally many steps: give --steps");
        let threads = rayon::ThreadPoolBuilder::new().num_threads(config.run.threads).build_global();
        threads.context("cannot start the worker threads")?;
        let scans = scans::list(&self.scans)?;
        let devices = self.device.open_all(config.run.devices)?;
        fs::create_dir_all(&self.out).with_context(|| format!("cannot create {}", self.out.display()))?;
        let log = self.out.join("ablation.jsonl");
        let mut done: Vec<Value> = match fs::read_to_string(&log) {
            Ok(text) => text.lines().map(serde_json::from_str).collect::<Result<_, _>>().with_context(|| format!("{} is damaged", log.display()))?,
            Err(_) => vec![],
        };
        for row in ROWS.iter().filter(|row| self.only.is_empty() || self.only.contains(&row.name)) {
            for seed in 1..=self.seeds {
                let is_this = |record: &Value| record["row"] == row.name && record["seed"] == seed && record["steps"] == json!(config.run.steps);
                if done.iter().any(is_this) {
                    continue;
                }
                let mut config = config.clone();
                (row.change)(&mut config);
                config.run.seed = seed;
                config.check()?;
                let run = self.out.join(format!("{}-{seed}", row.name));
                tracing::info!("{}, seed {seed}", row.name);
                train::train(&config, None, &run, &devices, &Arc::new(AtomicBool::new(false)))?;
                let network = models::load_network(Some(&run), &devices[0])?;
                let reading = Reading { views: config.data.views, stuff: None };
                let figures = evaluation::of_network(&network, &reading, &scans, Protocol::ClassAgnostic)?.json();
                let record = json!({ "row": row.name, "seed": seed, "steps": config.run.steps, "figures": figures["confidence_one"] });
                done.push(record);
                let lines: String = done.iter().map(|record| format!("{record}\n")).collect();
                dataset::write_atomically(&log, lines.as_bytes()).with_context(|| format!("cannot write {}", log.display()))?;
            }
        }
        let mut out = std::io::stdout();
        writeln!(out, "{}", table(&done, config.run.steps))?;
        Ok(())
    }
}

/// Markdown: mean and standard deviation over the seeds, percent.
fn table(records: &[Value], steps: Option<u64>) -> String {
    let mut lines = vec!["| row | seeds | AP | AP50 | AP25 |".to_owned(), "|---|---|---|---|---|".to_owned()];
    for row in ROWS {
        let of_row: Vec<&Value> = records.iter().filter(|record| record["row"] == row.name && record["steps"] == json!(steps)).collect();
        if of_row.is_empty() {
            continue;
        }
        let cell = |name: &str| {
            let values: Vec<f64> = of_row.iter().filter_map(|record| record["figures"][name].as_f64()).map(|x| 100.0 * x).collect();
            let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
            let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (values.len().max(2) - 1) as f64;
            if values.len() > 1 { format!("{mean:.1} ± {:.1}", variance.sqrt()) } else { format!("{mean:.1}") }
        };
        lines.push(format!("| {} | {} | {} | {} | {} |", row.name, of_row.len(), cell("ap"), cell("ap50"), cell("ap25")));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_means_and_deviations_of_equally_long_runs() {
        let record = |row: &str, seed: u64, steps: u64, ap: f64| json!({ "row": row, "seed": seed, "steps": steps, "figures": { "ap": ap, "ap50": 0.5, "ap25": 1.0 } });
        let records = [record("no-vip", 1, 10, 0.1), record("no-vip", 2, 10, 0.3), record("all", 1, 10, 0.4), record("all", 1, 99, 0.9)];
        let table = table(&records, Some(10));
        assert_eq!(
            table.lines().skip(2).collect::<Vec<_>>(),
            ["| all | 1 | 40.0 | 50.0 | 100.0 |", "| no-vip | 2 | 20.0 ± 14.1 | 50.0 ± 0.0 | 100.0 ± 0.0 |"]
        );
    }

    #[test]
    fn every_row_changes_what_it_says() {
        let mut config: Config = toml::from_str("[data]\nrooms = ['y']\nfoundations = ['x']").unwrap_or_else(|error| panic!("{error}"));
        config.run.steps = Some(1);
        let text = |change: fn(&mut Config)| {
            let mut config = config.clone();
            change(&mut config);
            assert!(config.check().is_ok());
            format!("{:?}", config.data)
        };
        let all: std::collections::HashSet<String> = ROWS.iter().map(|row| text(row.change)).collect();
        assert_eq!(all.len(), ROWS.len());
    }
}
