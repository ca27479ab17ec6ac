//! Evaluation of what is found in labelled scans, by the rules of the released evaluators
//! (docs/spec/eval.md).

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::ValueEnum;
use segscape::{evaluate, job::Network};
use serde::Serialize;

use crate::{
    data::labeled_scan::LabeledScan,
    data::scans::{Asked, Labeled},
};

mod asking;
mod found_file;
mod measurement;
mod names;
pub mod pairs;
mod reliability;
mod rows;
mod splits;
mod structure_claims;
mod table;

pub use asking::{Choice, DecodingKind, MaskSet, ask};
pub use found_file::FoundFile;
pub use measurement::Measurement;
pub use names::{NameSet, Names};
pub use reliability::{Diagram, Row, Shown};
pub use rows::OfScan;
pub use structure_claims::Claims;
pub use table::{bounds, percent};

/// The values of `--protocol`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Protocol {
    /// By class, with the model's scores.
    Scannet,
    /// Objects only, classes ignored, with the model's scores and once more with all scores 1.
    ClassAgnostic,
    /// Everything that is annotated, walls and floors too, classes ignored.
    Segment3d,
}

/// One predicted instance.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Indices of its points, ascending.
    pub points: Vec<u32>,
    /// Confidence, 0..=1.
    pub score: f32,
    /// Name of the class that the network decided on; `None` if names are compared with the
    /// embedding.
    pub class: Option<String>,
    /// Embedding in the text encoder's space; empty beside a class, and where there is neither: from
    /// a baseline, and of the mask of a query.
    pub embedding: Vec<f32>,
    /// Factor that turns cosine similarities with the names into logits.
    pub logit_scale: f32,
}

impl Found {
    /// An instance without a name; `points` are ascending.
    pub fn nameless(points: Vec<u32>, score: f32) -> Self {
        Self {
            points,
            score,
            class: None,
            embedding: Vec::new(),
            logit_scale: 1.0,
        }
    }
}

/// A scan with what was found in it.
pub struct Answer {
    /// Path or address of the scan.
    pub path: PathBuf,
    /// The scan and its ground truth.
    pub scan: LabeledScan,
    /// The instances found, in the order in which they are matched.
    pub found: Vec<Found>,
}

/// Means over classes, as fractions; NaN for a mean over no classes.
#[derive(Clone, Debug, Serialize)]
pub struct Averages {
    /// Number of classes that occur in some scan.
    pub classes: usize,
    /// Average precision over the nine thresholds 0.50 to 0.90.
    pub ap: f64,
    /// Average precision at 0.50.
    pub ap50: f64,
    /// Average precision at 0.25.
    pub ap25: f64,
    /// Recall of all that was found, averaged over the nine thresholds.
    pub recall: f64,
    /// The same at 0.50.
    pub recall50: f64,
    /// The same at 0.25.
    pub recall25: f64,
}

impl From<&evaluate::Scores> for Averages {
    fn from(scores: &evaluate::Scores) -> Self {
        Self {
            classes: scores.classes(),
            ap: scores.ap(),
            ap50: scores.ap50(),
            ap25: scores.ap25(),
            recall: scores.recall(),
            recall50: scores.recall50(),
            recall25: scores.recall25(),
        }
    }
}

/// Figures for objects of one size; objects of other sizes are ignored (void) there.
#[derive(Clone, Debug, Serialize)]
pub struct OfSize {
    /// Number of ground-truth objects of this size.
    pub things: usize,
    /// Means over the classes that have such objects.
    #[serde(flatten)]
    pub averages: Averages,
}

/// Figures for all objects, and for the objects of each [`Size`].
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// Figures for all sizes together.
    #[serde(flatten)]
    pub all: Averages,
    /// Figures by the name of the size.
    pub sizes: BTreeMap<&'static str, OfSize>,
}

/// Figures of one class, whose name is stored beside them.
#[derive(Clone, Debug, PartialEq)]
pub struct OfClass {
    /// Average precision over the nine thresholds.
    pub ap: f64,
    /// Average precision at 0.50.
    pub ap50: f64,
    /// Average precision at 0.25.
    pub ap25: f64,
    /// Share of the objects of the class that were found, at 0.50.
    pub recall50: f64,
}

/// The results of an evaluation.
#[derive(Clone, Debug)]
pub enum Figures {
    /// Results under [`Protocol::Scannet`].
    Scannet {
        /// Number of scans.
        scans: usize,
        /// Number of names between which the softmax chose: those that an instance could be given.
        names: usize,
        /// Figures over all classes.
        summary: Summary,
        /// Figures over the classes of each of [`SPLITS`].
        splits: Vec<(&'static str, Averages)>,
        /// Figures of each class that occurs in some scan, by name.
        classes: BTreeMap<String, OfClass>,
        /// Scores of the instances that are shown if all names are asked for.
        diagram: Diagram,
    },
    /// Results under [`Protocol::ClassAgnostic`] and [`Protocol::Segment3d`].
    ClassAgnostic {
        /// Number of scans.
        scans: usize,
        /// With the model's scores, which is what a user sees who asks for the best instances.
        model_scores: Summary,
        /// With every confidence set to 1, as in the released evaluators.
        confidence_one: Summary,
        /// Share of the structure of the rooms that is claimed by predicted instances.
        structure: Claims,
        /// Figures of each scan.
        rows: Vec<OfScan>,
        /// By the name of the true class: the share of its objects that were found, at 0.50.
        recall50: BTreeMap<String, f64>,
        /// Scores of the instances that are shown without a prompt.
        diagram: Diagram,
    },
}

/// Hands the instances that `find` finds in each of the scans to `then`, one scan after the other;
/// only one scan is in memory, unless `then` keeps it. `network`, if given, decides which inputs are
/// read from a scan; classes with the ids in `stuff`, if given, count as stuff.
///
/// # Errors
/// A scan cannot be read or has no labels, or `find` or `then` fails.
pub fn for_each_answer(
    scans: &Asked,
    network: Option<&Network>,
    stuff: Option<&[i32]>,
    find: impl Fn(&Path, &Labeled) -> anyhow::Result<Vec<Found>>,
    mut then: impl FnMut(Answer) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let config = network.map(Network::config);
    scans.each(
        |path| Labeled::whole(path, config, stuff),
        |place, labeled| {
            let found = find(place, &labeled).with_context(|| place.display().to_string())?;
            tracing::info!(
                "{}: {} objects, {} instances found",
                place.display(),
                labeled.scan.objects.len(),
                found.len()
            );
            then(Answer {
                path: place.to_owned(),
                scan: labeled.scan,
                found,
            })
        },
    )
}

/// The name of a scan for display.
pub fn title(path: &Path) -> String {
    path.file_stem()
        .unwrap_or(path.as_os_str())
        .to_string_lossy()
        .into_owned()
}

#[cfg(test)]
mod spacing;
#[cfg(test)]
pub(crate) mod tests;
