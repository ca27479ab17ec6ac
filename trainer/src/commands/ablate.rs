//! `trainer ablate`: measures the contribution of each part of the training scheme by training
//! without it.

use std::{
    fs,
    io::Write as _,
    path::PathBuf,
    sync::{Arc, atomic::AtomicBool},
};

use anyhow::Context;
use clap::Args;
use segscape::{job::Network, views::Choice};
use serde_json::{Value, json};

use learning::{
    atomic_write::write_atomically,
    config::{Boundaries, Config},
    data::scans::Asked,
    device::DeviceChoice,
    evaluation::{self, Figures, Measurement, NameSet, Names},
    models,
    run::train,
    run::warm_start::WarmStart,
    words::Words,
};

/// A row of the table, with its change of the configuration.
struct Row {
    /// Name of the row, also on the command line.
    name: &'static str,
    change: fn(&mut Config),
}

/// The whole scheme, then the scheme without each part: the rows of OVSeg3R's Table 3 (arXiv
/// 2509.23541), the readings of its Algorithm 1, and the rows of SegDINO3D's Tables 2, 4, 5 and 9
/// (arXiv 2509.16098).
const ROWS: &[Row] = &[
    Row {
        name: "all",
        change: |_| {},
    },
    Row {
        name: "no-vip",
        change: |config| config.data.partition = false,
    },
    Row {
        name: "no-ibsp",
        change: |config| config.data.boundaries = Boundaries::None,
    },
    Row {
        name: "0-percent",
        change: |config| config.data.foundation_part = 0.0,
    },
    Row {
        name: "1-percent",
        change: |config| config.data.foundation_part = 0.01,
    },
    Row {
        name: "10-percent",
        change: |config| config.data.foundation_part = 0.1,
    },
    Row {
        name: "ibsp-same-view",
        change: |config| config.data.boundaries = Boundaries::SameView,
    },
    Row {
        name: "ibsp-strict",
        change: |config| config.data.boundaries = Boundaries::Strict,
    },
    Row {
        name: "no-images",
        change: |config| {
            config.model.inputs.image = 0;
            config.model.objects = None;
        },
    },
    Row {
        name: "image-features",
        change: |config| config.model.objects = None,
    },
    Row {
        name: "object-features",
        change: |config| config.model.inputs.image = 0,
    },
    Row {
        name: "no-modulation",
        change: |config| config.model.modulation = false,
    },
    Row {
        name: "no-distance-mask",
        change: |config| {
            config
                .model
                .objects
                .iter_mut()
                .for_each(|objects| objects.reach = ANYWHERE)
        },
    },
    Row {
        name: "no-object-dropout",
        change: |config| config.augment.object_drop = 0.0,
    },
    Row {
        name: "nearest-views",
        change: |config| config.model.inputs.views = Choice::Nearest,
    },
    Row {
        name: "farthest-views",
        change: |config| config.model.inputs.views = Choice::Farthest,
    },
];

/// A reach that covers all of a room, metres.
const ANYWHERE: f32 = 100.0;

/// Train one network per row and seed, each for the same number of steps, and evaluate it on
/// labelled scans; an interrupted ablation is resumed.
///
/// Novel classes are those that `data.held_out` removes from the labelled rooms.
#[derive(Debug, Args)]
pub struct Ablate {
    /// The configuration that the rows change; `run.steps` must be set there, or --steps here.
    config: PathBuf,
    /// Labelled scans for the evaluation, or folders of them; also s3://bucket/folder or
    /// file:///folder.
    #[arg(long, required = true, num_args = 1..)]
    scans: Vec<PathBuf>,
    /// Folder for one run per row and seed, and for `ablation.jsonl`.
    #[arg(long)]
    out: PathBuf,
    /// Folder of an exported model or a run whose weights every row starts from, as `train --start`
    /// does; one trained on points alone does not favour any row with images.
    #[arg(long)]
    start: Option<PathBuf>,
    /// Number of steps; replaces `run.steps` of the configuration.
    #[arg(long)]
    steps: Option<u64>,
    /// Number of networks per row.
    #[arg(long, default_value_t = 3)]
    seeds: u64,
    /// Train only these rows: all, no-vip, no-ibsp, 0-percent, 1-percent, 10-percent,
    /// ibsp-same-view, ibsp-strict, no-images, image-features, object-features, no-modulation,
    /// no-distance-mask, no-object-dropout, nearest-views, farthest-views.
    #[arg(long, value_delimiter = ',', value_parser = row)]
    only: Vec<&'static str>,
    /// Device to run on.
    #[arg(long, value_enum, default_value_t)]
    device: DeviceChoice,
}

fn row(text: &str) -> Result<&'static str, String> {
    let names = || ROWS.iter().map(|row| row.name);
    names().find(|name| *name == text).ok_or_else(|| {
        format!(
            "\"{text}\" is not one of {}",
            names().collect::<Vec<_>>().join(", ")
        )
    })
}

impl Ablate {
    /// Runs the command and prints the table.
    ///
    /// # Errors
    /// Returns an error if the configuration gives minutes instead of steps, a run fails, or a scan
    /// cannot be read.
    pub fn run(&self) -> anyhow::Result<()> {
        let mut config = Config::read(&self.config)?;
        config.run.steps = self.steps.or(config.run.steps);
        anyhow::ensure!(
            config.run.steps.is_some(),
            "rows are compared after the same number of steps: set run.steps, or give --steps"
        );
        let threads = rayon::ThreadPoolBuilder::new()
            .num_threads(config.run.threads)
            .build_global();
        threads.context("cannot start the worker threads")?;
        let cache = Arc::new(config.data.cache()?);
        let scans = Asked::of(&self.scans, None, &cache)?;
        let words = Words::of(&config.model.text, config.data.text_encoder.as_deref())?;
        let stuff = config.data.stuff.as_deref();
        let names = Names::of_scans(&scans, stuff, NameSet::Present, &words)?;
        let devices = self.device.open_all(config.run.devices)?;
        fs::create_dir_all(&self.out)
            .with_context(|| format!("cannot create {}", self.out.display()))?;
        let log = self.out.join("ablation.jsonl");
        let mut done: Vec<Value> = match fs::read_to_string(&log) {
            Ok(text) => text
                .lines()
                .map(serde_json::from_str)
                .collect::<Result<_, _>>()
                .with_context(|| format!("{} is damaged", log.display()))?,
            Err(_) => vec![],
        };
        for row in ROWS
            .iter()
            .filter(|row| self.only.is_empty() || self.only.contains(&row.name))
        {
            for seed in 1..=self.seeds {
                let is_this = |record: &Value| {
                    record["row"] == row.name
                        && record["seed"] == seed
                        && record["steps"] == json!(config.run.steps)
                };
                if done.iter().any(is_this) {
                    continue;
                }
                let mut config = config.clone();
                (row.change)(&mut config);
                config.run.seed = seed;
                config.check()?;
                let run = self.out.join(format!("{}-{seed}", row.name));
                tracing::info!("{}, seed {seed}", row.name);
                let start = self
                    .start
                    .as_deref()
                    .map(|folder| WarmStart { folder, steps: 0 });
                train::train(
                    &config,
                    start,
                    &run,
                    &devices,
                    &cache,
                    &AtomicBool::new(false),
                )?;
                let (network, _) = models::load_network(Some(&run), None, &devices[0])?;
                let figures = figures(&network, &scans, names.clone(), &config)?;
                let record = json!({ "row": row.name, "seed": seed, "steps": config.run.steps, "figures": figures });
                done.push(record);
                let lines: String = done.iter().map(|record| format!("{record}\n")).collect();
                write_atomically(&log, lines.as_bytes())
                    .with_context(|| format!("cannot write {}", log.display()))?;
            }
        }
        let mut out = std::io::stdout();
        writeln!(out, "{}", table(&done, config.run.steps))?;
        Ok(())
    }
}

/// The figures of a network without classes, with every confidence 1, and the figures by class: of
/// all classes, and of those that are held out.
fn figures(
    network: &Network,
    scans: &Asked,
    names: Names,
    config: &Config,
) -> anyhow::Result<Value> {
    let held_out = &config.data.held_out;
    let mut things = Measurement::class_agnostic();
    let mut by_class = Measurement::by_class(names);
    evaluation::for_each_answer(
        scans,
        Some(network),
        config.data.stuff.as_deref(),
        |_, scan| evaluation::ask(network, scan, &[], &evaluation::Choice::default()),
        |answer| things.add(&answer).and_then(|()| by_class.add(&answer)),
    )?;
    let things = things.figures()?.json();
    let Figures::Scannet {
        summary, classes, ..
    } = by_class.figures()?
    else {
        anyhow::bail!("the evaluation returned no figures by class");
    };
    let novel = mean(
        classes
            .iter()
            .filter(|(name, _)| held_out.contains(name))
            .map(|(_, class)| class.ap),
    );
    let one = &things["confidence_one"];
    Ok(
        json!({ "ap": one["ap"], "ap50": one["ap50"], "ap25": one["ap25"], "named_ap": summary.all.ap, "novel_ap": novel }),
    )
}

/// The mean of the values that are not NaN (a class whose objects are all too small to count has no
/// precision); `None` if there are none.
fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let known: Vec<f64> = values.filter(|value| !value.is_nan()).collect();
    (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
}

/// Titles of the columns, and keys of the figures in them.
const COLUMNS: [(&str, &str); 5] = [
    ("AP", "ap"),
    ("AP50", "ap50"),
    ("AP25", "ap25"),
    ("named AP", "named_ap"),
    ("novel AP", "novel_ap"),
];

/// The table in Markdown: mean and standard deviation over the seeds, percent.
fn table(records: &[Value], steps: Option<u64>) -> String {
    let heads: String = COLUMNS
        .iter()
        .map(|(head, _)| format!(" {head} |"))
        .collect();
    let mut lines = vec![
        format!("| row | seeds |{heads}"),
        format!("|---|---|{}", "---|".repeat(COLUMNS.len())),
    ];
    for row in ROWS {
        let of_row: Vec<&Value> = records
            .iter()
            .filter(|record| record["row"] == row.name && record["steps"] == json!(steps))
            .collect();
        if of_row.is_empty() {
            continue;
        }
        let cell = |(_, name): &(&str, &str)| {
            let values: Vec<f64> = of_row
                .iter()
                .filter_map(|record| record["figures"][name].as_f64())
                .map(|x| 100.0 * x)
                .collect();
            let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
            let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>()
                / (values.len().max(2) - 1) as f64;
            match values.len() {
                0 => " - |".to_owned(),
                1 => format!(" {mean:.1} |"),
                _ => format!(" {mean:.1} ± {:.1} |", variance.sqrt()),
            }
        };
        lines.push(format!(
            "| {} | {} |{}",
            row.name,
            of_row.len(),
            COLUMNS.iter().map(cell).collect::<String>()
        ));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use segscape::model::config::{ObjectAttentionOrder, Objects};

    use super::*;

    #[test]
    fn the_table_has_means_and_deviations_of_equally_long_runs() {
        let record = |row: &str, seed: u64, steps: u64, ap: f64| json!({ "row": row, "seed": seed, "steps": steps, "figures": { "ap": ap, "ap50": 0.5, "ap25": 1.0, "named_ap": 0.25, "novel_ap": null } });
        let records = [
            record("no-vip", 1, 10, 0.1),
            record("no-vip", 2, 10, 0.3),
            record("all", 1, 10, 0.4),
            record("all", 1, 99, 0.9),
        ];
        let table = table(&records, Some(10));
        assert_eq!(
            table.lines().skip(2).collect::<Vec<_>>(),
            [
                "| all | 1 | 40.0 | 50.0 | 100.0 | 25.0 | - |",
                "| no-vip | 2 | 20.0 ± 14.1 | 50.0 ± 0.0 | 100.0 ± 0.0 | 25.0 ± 0.0 | - |"
            ]
        );
    }

    #[test]
    fn classes_without_precision_are_left_out_of_means() {
        assert_eq!(
            (
                mean([0.5, f64::NAN, 0.1].into_iter()),
                mean([f64::NAN].into_iter())
            ),
            (Some(0.3), None)
        );
    }

    #[test]
    fn every_row_changes_what_it_says() {
        let mut config: Config = toml::from_str("[data]\nrooms = ['y']\nfoundations = ['x']")
            .unwrap_or_else(|error| panic!("{error}"));
        config.run.steps = Some(1);
        config.data.boundaries = Boundaries::Outlines;
        config.model.inputs.image = 4;
        config.model.objects = Some(Objects {
            channels: 4,
            reach: 0.2,
            order: ObjectAttentionOrder::default(),
        });
        let text = |change: fn(&mut Config)| {
            let mut config = config.clone();
            change(&mut config);
            assert!(config.check().is_ok());
            format!("{config:?}")
        };
        let all: std::collections::HashSet<String> =
            ROWS.iter().map(|row| text(row.change)).collect();
        assert_eq!(all.len(), ROWS.len());
    }
}
