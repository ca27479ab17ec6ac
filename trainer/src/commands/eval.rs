//! `trainer eval`: average precision on labelled scans, of a network or of a baseline without one.

mod search;

use std::{io::Write, num::NonZeroUsize, path::PathBuf, str::FromStr};

use clap::Args;
use segscape::{
    benchmarks, evaluate,
    instances::SelectOptions,
    job::{NamedClasses, Network},
    progress::Monitor,
    superpoint::{EdgeSource, PointGraph},
    text::Vocabulary,
};

use super::{
    proposals::Proposals,
    results,
    scene_cache::SceneCache,
    shard::{self, Parts},
};
use learning::{
    data::{labeled_scan::LabeledScan, scans::Asked},
    device::DeviceChoice,
    evaluation::{Choice, DecodingKind, Figures, Found, MaskSet, NameSet, Protocol},
    models,
    run::validation,
    words::Words,
};
use search::Search;

/// Evaluate on labelled scans by the rules of the released evaluators (docs/spec/eval.md). A
/// foundation bundle with labels is a scan, too; the network receives from its images what it can
/// use.
#[derive(Debug, Args)]
pub struct Eval {
    /// Labelled PLY files, foundation bundles, folders of both, or `.txt` files that list such
    /// paths, one per line, relative to the list; also s3://bucket/folder or file:///folder.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// Protocol of the evaluation, with or without classes.
    #[arg(long, value_enum)]
    protocol: Protocol,
    /// Names that an instance can be given in an evaluation by class.
    #[arg(long, value_enum, default_value_t)]
    names: NameSet,
    /// Folder of a model (with `manifest.json`) or of a training run (with a checkpoint); the
    /// default model if not given.
    #[arg(long, conflicts_with = "baseline")]
    weights: Option<PathBuf>,
    /// Folder of the text encoder in whose space the network was trained; by default the one that
    /// the run was trained with, or that of its name beside the model or in static/models.
    #[arg(long, conflicts_with = "baseline")]
    text_encoder: Option<PathBuf>,
    /// Baseline to evaluate instead of a network: `superpoints`, or `felzenszwalb:THRESHOLD`.
    #[arg(long)]
    baseline: Option<Baseline>,
    /// How the network's outputs become instances: by default networks with fixed classes are
    /// decoded as released, and others are ranked. Decoded as released, with classes, a network
    /// that is asked with words decides between the 198 objects of ScanNet200.
    #[arg(long, value_enum, conflicts_with = "baseline")]
    decoding: Option<DecodingKind>,
    /// Masks that can become instances; not for masks that are decoded as released.
    #[arg(long, value_enum, default_value_t, conflicts_with = "baseline")]
    masks: MaskSet,
    /// Amount by which the ranker's scores of the network's masks are lowered; 0 by default.
    #[arg(long, value_parser = share, conflicts_with = "baseline")]
    handicap: Option<f32>,
    /// Largest IoU with a better mask; a mask above it is removed; 0.15 by default.
    #[arg(long, value_parser = share, conflicts_with = "baseline")]
    max_iou: Option<f32>,
    /// Score that a mask must exceed; 0.25 by default.
    #[arg(long, value_parser = share, conflicts_with = "baseline")]
    min_score: Option<f32>,
    /// Smallest surface of a mask, in square metres.
    #[arg(long, value_parser = area, conflicts_with = "baseline")]
    min_area: Option<f32>,
    #[command(flatten)]
    proposals: Proposals,
    /// Weight of a proposal's own score beside that of the ranker, 0 to 1; 0.75 by default.
    #[arg(long, value_parser = share, requires = "folders")]
    given_weight: Option<f32>,
    /// Thin scans until no two points are closer to each other than this, in metres. The result is
    /// transferred to all points, on which it is evaluated.
    #[arg(long, value_parser = spacing, conflicts_with = "baseline")]
    spacing: Option<f32>,
    /// Leave out the image features and the objects of bundles.
    #[arg(long, conflicts_with = "baseline")]
    no_images: bool,
    /// Ids of the classes that are stuff, not objects; by default those that a bundle says, or of
    /// the classes that it names those called wall, floor or ceiling, otherwise NYU40's.
    #[arg(long, value_delimiter = ',')]
    stuff: Option<Vec<i32>>,
    /// Largest number of scans.
    #[arg(long)]
    limit: Option<NonZeroUsize>,
    #[command(flatten)]
    parts: Parts,
    /// Folder for what is found in the scans of a part, NAME.found.safetensors, in place of figures.
    #[arg(long, requires = "shard")]
    out: Option<PathBuf>,
    /// Leave alone scans for which that is there, as after a run that was stopped; what other options
    /// found is replaced.
    #[arg(long, requires = "out")]
    skip_done: bool,
    /// Count what all parts found, in their folder, in place of looking: the figures are those of one
    /// run. Scans and options must be the same.
    #[arg(long, value_name = "FOLDER", conflicts_with = "shard")]
    join: Option<PathBuf>,
    #[command(flatten)]
    cache: SceneCache,
    /// Device to run on.
    #[arg(long, value_enum, default_value_t)]
    device: DeviceChoice,
    /// Print one JSON object instead of tables.
    #[arg(long)]
    json: bool,
    /// Append the averages to the training run's `validation.jsonl`, which `trainer report` plots.
    #[arg(long, requires = "weights")]
    record: bool,
}

fn share(text: &str) -> Result<f32, String> {
    let share: f32 = text
        .parse()
        .map_err(|_| format!("\"{text}\" is not a number"))?;
    if (0.0..=1.0).contains(&share) {
        Ok(share)
    } else {
        Err(format!("{share} is not from 0 to 1"))
    }
}

fn area(text: &str) -> Result<f32, String> {
    let area: f32 = text
        .parse()
        .map_err(|_| format!("\"{text}\" is not a number"))?;
    if area >= 0.0 && area.is_finite() {
        Ok(area)
    } else {
        Err(format!(
            "{area} is not an area: it must be finite and at least 0 m²"
        ))
    }
}

/// The largest value of `--spacing`, metres.
const WIDEST: f32 = 1.0;

fn spacing(text: &str) -> Result<f32, String> {
    let spacing: f32 = text
        .parse()
        .map_err(|_| format!("\"{text}\" is not a number"))?;
    if spacing > 0.0 && spacing <= WIDEST {
        Ok(spacing)
    } else {
        Err(format!(
            "{spacing} is not a spacing: it must be above 0 m and at most {WIDEST} m"
        ))
    }
}

/// The value of `--baseline`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Baseline {
    /// Every superpoint as an instance.
    Superpoints,
    /// The regions of the geometric hierarchy at one coarse threshold, with at least 100 points
    /// each.
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
                    .map_err(|_| format!("\"{threshold}\" is not a number"))?;
                if threshold > 0.0 {
                    Ok(Self::Felzenszwalb(threshold))
                } else {
                    Err("the threshold must be above 0".into())
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
    /// Returns an error if a scan cannot be read or has no labels, or if there is no model.
    pub fn run(self) -> anyhow::Result<()> {
        self.check()?;
        let cache = self.cache.open()?;
        let scans = Asked::of(&self.paths, self.limit, &cache)?;
        if self.parts.lists() {
            let places = scans.places();
            return Ok(shard::print(places.iter().zip(results::names(places)))?);
        }
        let (network, words) = match self.baseline {
            None => {
                let (weights, encoder) = (self.weights.as_deref(), self.text_encoder.as_deref());
                let (network, words) =
                    models::load_network(weights, encoder, &self.device.open()?)?;
                (Some(network), words)
            }
            Some(_) => (None, Words::usual()),
        };
        let choice = self.choice(words.vocabulary())?;
        anyhow::ensure!(
            !choice.takes_queries() || self.protocol != Protocol::Scannet,
            "the masks of queries have no classes: choose --protocol class-agnostic or segment3d"
        );
        let search = Search {
            made_by: self.made_by(network.as_ref(), &choice),
            names: results::name_of_place(scans.places()),
            eval: &self,
            network,
            choice,
        };
        match &self.out {
            Some(out) => search.keep(scans, out),
            None => self.print(&search.measure(&scans, &words)?),
        }
    }

    /// Checks that the options fit each other.
    fn check(&self) -> anyhow::Result<()> {
        anyhow::ensure!(
            self.baseline.is_none() || self.protocol != Protocol::Scannet,
            "a baseline has no classes: choose --protocol class-agnostic or segment3d"
        );
        anyhow::ensure!(
            self.masks != MaskSet::Given || !self.proposals.is_empty(),
            "--masks given has no masks: say with --proposals where they are"
        );
        anyhow::ensure!(
            self.baseline.is_none() || self.proposals.is_empty(),
            "a baseline stands alone: leave out --proposals"
        );
        anyhow::ensure!(
            self.parts.lists() || !self.parts.is_shard() || self.out.is_some(),
            "the figures of a part say little: say with --out where what it finds is kept, and count it with --join"
        );
        Ok(())
    }

    /// The network or the baseline, and all options that change what is found, for comparison.
    fn made_by(&self, network: Option<&Network>, choice: &Choice) -> String {
        let found_by = network.map(|network| &network.name);
        format!(
            "{found_by:?} {:?} {:?} {:?} {:?} {:?} no_images: {} with_classes: {}",
            self.baseline,
            choice.decoding,
            choice.select,
            choice.spacing,
            self.proposals,
            self.no_images,
            choice.classes.is_some()
        )
    }

    /// Prints figures, and records them if they are to be recorded.
    fn print(&self, figures: &Figures) -> anyhow::Result<()> {
        if let Some(run) = self.weights.as_deref().filter(|_| self.record) {
            validation::record(run, self.protocol, figures)?;
        }
        let mut out = std::io::stdout();
        if self.json {
            writeln!(out, "{}", figures.json())?;
        } else {
            write!(out, "{figures}")?;
        }
        Ok(())
    }

    fn choice(&self, vocabulary: &Vocabulary) -> anyhow::Result<Choice> {
        let shipped = SelectOptions::default();
        let select = SelectOptions {
            masks: self.masks.into(),
            query_handicap: self.handicap.unwrap_or(shipped.query_handicap),
            given_weight: self.given_weight.unwrap_or(shipped.given_weight),
            max_iou: self.max_iou.unwrap_or(shipped.max_iou),
            min_score: self.min_score.unwrap_or(shipped.min_score),
            min_area: self.min_area.unwrap_or(shipped.min_area),
            ..shipped
        };
        let classes = match self.protocol {
            Protocol::Scannet => Some(scannet200(vocabulary)?),
            Protocol::ClassAgnostic | Protocol::Segment3d => None,
        };
        Ok(Choice {
            decoding: self.decoding,
            classes,
            select,
            spacing: self.spacing,
            no_images: self.no_images,
        })
    }
}

/// The objects of ScanNet200.
fn scannet200(vocabulary: &Vocabulary) -> anyhow::Result<NamedClasses> {
    NamedClasses::of_names(&benchmarks::objects(benchmarks::scannet200()), vocabulary)
        .map_err(|name| anyhow::anyhow!("\"{name}\" is not in the built-in vocabulary"))
}

/// The Felzenszwalb baseline. Small regions are merged into a neighbour, as for superpoints.
fn hierarchy(scan: &LabeledScan, threshold: f32) -> anyhow::Result<Vec<Found>> {
    let monitor = Monitor::silent();
    let edges = EdgeSource::Neighbors {
        spacing: 0.0,
        k: 16,
        color_weight: 0.0,
    };
    let graph = PointGraph::new(
        &scan.positions,
        scan.colors.as_deref(),
        &[],
        None,
        edges,
        &monitor,
    )?;
    let partition = graph.superpoints(threshold, evaluate::MIN_POINTS, &monitor)?;
    Ok(regions(partition.superpoint_of_point(), partition.count()))
}

/// Every group as an instance with confidence 1.
fn regions(group_of_point: &[u32], groups: usize) -> Vec<Found> {
    let mut found: Vec<Found> = (0..groups)
        .map(|_| Found::nameless(Vec::new(), 1.0))
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
            .map(|cli| cli.eval.choice(Vocabulary::shipped()).unwrap())
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
            "--no-images",
        ];
        let Choice {
            select,
            spacing,
            no_images,
            ..
        } = parse(&words).unwrap();
        assert_eq!(
            (select.masks, spacing, no_images),
            (Masks::Regions, Some(0.03), true)
        );
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
            ["--masks", "every"],
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
