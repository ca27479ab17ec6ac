//! `trainer eval`: average precision on labelled scans, of the network or of a baseline without
//! one.

use std::{io::Write, path::PathBuf, str::FromStr};

use clap::Args;
use segscape::{
    evaluate,
    instances::SelectOptions,
    progress::Monitor,
    superpoint::{EdgeSource, PointGraph},
};

use crate::{
    dataset::Room,
    device::DeviceChoice,
    evaluation::{self, Choice, Found, MaskSet, Protocol},
    models,
    scans::Asked,
    validation,
};

/// Measures on labelled scans; the rules are those of the released evaluators (docs/spec/eval.md).
/// A foundation bundle with labels is a scan, too; of its images the network is told what it can
/// look at.
#[derive(Debug, Args)]
pub struct Eval {
    /// Labelled PLY files, foundation bundles, folders of both, or `.txt` files that list such
    /// paths, one a line, relative to the list; also s3://bucket/folder or file:///folder.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// Whether classes count.
    #[arg(long, value_enum)]
    protocol: Protocol,
    /// A model's folder (with `manifest.json`) or a training run's (with a checkpoint); the shipped
    /// model by default.
    #[arg(long, conflicts_with = "baseline")]
    weights: Option<PathBuf>,
    /// What to measure instead of a network: `superpoints`, or `felzenszwalb:THRESHOLD`.
    #[arg(long)]
    baseline: Option<Baseline>,
    /// Which masks become things.
    #[arg(long, value_enum, default_value_t, conflicts_with = "baseline")]
    masks: MaskSet,
    /// The ranker's scores of the network's masks are lowered by this; what ships has 0.15.
    #[arg(long, value_parser = share, conflicts_with = "baseline")]
    handicap: Option<f32>,
    /// A mask goes when its intersection over union with a better one is above this; what ships has
    /// 0.15.
    #[arg(long, value_parser = share, conflicts_with = "baseline")]
    max_iou: Option<f32>,
    /// Scores must be above this; what ships has 0.25.
    #[arg(long, value_parser = share, conflicts_with = "baseline")]
    min_score: Option<f32>,
    /// Masks must have this much surface, in square metres.
    #[arg(long, value_parser = area, conflicts_with = "baseline")]
    min_area: Option<f32>,
    /// Scans are thinned first until no two points are nearer to each other than this, in metres.
    /// What is found is carried to all points, on which it is measured.
    #[arg(long, value_parser = spacing, conflicts_with = "baseline")]
    spacing: Option<f32>,
    /// Class ids that are stuff, not things; by default NYU40's, and of classes that a bundle names
    /// those called wall, floor or ceiling.
    #[arg(long, value_delimiter = ',')]
    stuff: Option<Vec<i32>>,
    /// At most this many scans.
    #[arg(long)]
    limit: Option<usize>,
    /// What computes.
    #[arg(long, value_enum, default_value_t)]
    device: DeviceChoice,
    /// Prints one JSON object instead of tables.
    #[arg(long)]
    json: bool,
    /// Adds the averages to the training run's `validation.jsonl`, which `trainer report` draws.
    #[arg(long, requires = "weights")]
    record: bool,
}

fn share(text: &str) -> Result<f32, String> {
    let share: f32 = text
        .parse()
        .map_err(|_| format!("\"{text}\" is no number"))?;
    if (0.0..=1.0).contains(&share) {
        Ok(share)
    } else {
        Err(format!("{share} is not within 0 and 1"))
    }
}

fn area(text: &str) -> Result<f32, String> {
    let area: f32 = text
        .parse()
        .map_err(|_| format!("\"{text}\" is no number"))?;
    if area >= 0.0 && area.is_finite() {
        Ok(area)
    } else {
        Err(format!("{area} is no area"))
    }
}

/// The largest `--spacing`, metres.
const WIDEST: f32 = 1.0;

fn spacing(text: &str) -> Result<f32, String> {
    let spacing: f32 = text
        .parse()
        .map_err(|_| format!("\"{text}\" is no number"))?;
    if spacing > 0.0 && spacing <= WIDEST {
        Ok(spacing)
    } else {
        Err(format!("{spacing} is not above 0 and at most {WIDEST} m"))
    }
}

/// `--baseline`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Baseline {
    /// Every superpoint an instance.
    Superpoints,
    /// The regions of the geometric hierarchy at one coarse threshold, at least 100 points each.
    Felzenszwalb(f32),
}

impl FromStr for Baseline {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "superpoints" => Ok(Self::Superpoints),
            Some(("felzenszwalb", threshold)) => {
                let threshold: f32 = threshold
                    .parse()
                    .map_err(|_| format!("\"{threshold}\" is no number"))?;
                if threshold > 0.0 {
                    Ok(Self::Felzenszwalb(threshold))
                } else {
                    Err("the threshold must be positive".into())
                }
            }
            _ => Err("expected `superpoints` or `felzenszwalb:THRESHOLD`".into()),
        }
    }
}

impl Eval {
    /// Runs the command.
    ///
    /// # Errors
    /// A scan cannot be read or has no labels, or there is no model.
    pub fn run(self) -> anyhow::Result<()> {
        anyhow::ensure!(
            self.baseline.is_none() || self.protocol == Protocol::ClassAgnostic,
            "a baseline knows no classes"
        );
        let mut scans = Asked::of(&self.paths)?;
        scans.paths.truncate(self.limit.unwrap_or(usize::MAX));
        let network = match self.baseline {
            None => Some(models::load_network(
                self.weights.as_deref(),
                &self.device.open()?,
            )?),
            Some(_) => None,
        };
        let choice = self.choice();
        let answers = evaluation::answers(
            &scans.paths,
            network.as_ref(),
            self.stuff.as_deref(),
            |scan| match (&network, self.baseline) {
                (Some(network), _) => evaluation::ask(network, scan, &choice),
                (None, Some(Baseline::Felzenszwalb(threshold))) => hierarchy(&scan.room, threshold),
                (None, _) => Ok(regions(
                    scan.room.superpoints.superpoint_of_point(),
                    scan.room.superpoints.count(),
                )),
            },
        )?;
        let figures = evaluation::measure(&answers, self.protocol)?;
        if let Some(run) = self.weights.as_deref().filter(|_| self.record) {
            validation::record(run, self.protocol, &figures)?;
        }
        let mut out = std::io::stdout();
        if self.json {
            writeln!(out, "{}", figures.json())?;
        } else {
            write!(out, "{figures}")?;
        }
        Ok(())
    }

    fn choice(&self) -> Choice {
        let shipped = SelectOptions::default();
        let select = SelectOptions {
            masks: self.masks.into(),
            query_handicap: self.handicap.unwrap_or(shipped.query_handicap),
            max_iou: self.max_iou.unwrap_or(shipped.max_iou),
            min_score: self.min_score.unwrap_or(shipped.min_score),
            min_area: self.min_area.unwrap_or(shipped.min_area),
            ..shipped
        };
        Choice {
            select,
            spacing: self.spacing,
        }
    }
}

/// The Felzenszwalb baseline: small regions are merged into a neighbour, as everywhere.
fn hierarchy(room: &Room, threshold: f32) -> anyhow::Result<Vec<Found>> {
    let monitor = Monitor::silent();
    let edges = EdgeSource::Neighbours {
        spacing: 0.0,
        k: 16,
        color_weight: 0.0,
    };
    let graph = PointGraph::new(
        &room.positions,
        room.colors.as_deref(),
        &[],
        None,
        edges,
        &monitor,
    )?;
    let partition = graph.superpoints(threshold, evaluate::MIN_POINTS, &monitor)?;
    Ok(regions(partition.superpoint_of_point(), partition.count()))
}

/// Every group an instance with confidence 1.
fn regions(group_of_point: &[u32], groups: usize) -> Vec<Found> {
    let mut found: Vec<Found> = (0..groups)
        .map(|_| Found {
            points: Vec::new(),
            score: 1.0,
            embedding: Vec::new(),
            logit_scale: 1.0,
        })
        .collect();
    for (point, &group) in (0..).zip(group_of_point) {
        found[group as usize].points.push(point);
    }
    found
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use clap::Parser as _;
    use segscape::instances::Masks;

    use super::*;

    #[test]
    fn baselines_are_parsed() {
        assert_eq!("superpoints".parse(), Ok(Baseline::Superpoints));
        assert_eq!("felzenszwalb:0.5".parse(), Ok(Baseline::Felzenszwalb(0.5)));
        for bad in [
            "",
            "felzenszwalb",
            "felzenszwalb:x",
            "felzenszwalb:-1",
            "oracle",
        ] {
            assert!(bad.parse::<Baseline>().is_err(), "{bad}");
        }
    }

    #[test]
    fn constants_of_the_selection_may_be_chosen() {
        #[derive(clap::Parser)]
        struct Cli {
            #[command(flatten)]
            eval: Eval,
        }
        let parse = |words: &[&str]| {
            Cli::try_parse_from(
                ["eval", "room.ply", "--protocol", "class-agnostic"]
                    .iter()
                    .chain(words),
            )
            .map(|cli| cli.eval.choice())
        };
        assert_eq!(parse(&[]).unwrap(), Choice::default());
        let words = [
            "--masks",
            "regions",
            "--handicap",
            "0",
            "--max-iou",
            "0.5",
            "--min-score",
            "0.1",
            "--min-area",
            "0.02",
            "--spacing",
            "0.03",
        ];
        let Choice { select, spacing } = parse(&words).unwrap();
        assert_eq!((select.masks, spacing), (Masks::Regions, Some(0.03)));
        assert_eq!(
            (
                select.query_handicap,
                select.max_iou,
                select.min_score,
                select.min_area
            ),
            (0.0, 0.5, 0.1, 0.02)
        );
        for bad in [
            ["--handicap", "nan"],
            ["--max-iou", "2"],
            ["--min-score", "-1"],
            ["--spacing", "0"],
            ["--min-area", "-1"],
            ["--spacing", "inf"],
            ["--masks", "all"],
        ] {
            assert!(parse(&bad).is_err(), "{bad:?}");
        }
        assert!(parse(&["--masks", "regions", "--baseline", "superpoints"]).is_err());
    }

    #[test]
    fn every_region_is_an_instance() {
        let found = regions(&(0..500).map(|i| i / 50).collect::<Vec<_>>(), 10);
        assert_eq!(found.len(), 10);
        assert_eq!(found[9].points, (450..500).collect::<Vec<_>>());
    }
}
