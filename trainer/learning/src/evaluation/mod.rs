//! Evaluation of what is found in labelled scans, by the rules of the released evaluators
//! (docs/spec/eval.md).

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::ValueEnum;
use segscape::{
    evaluate::{self, Evaluation, EvaluationTruth, ScoredMask, Size},
    job::Network,
};
use serde::Serialize;

use crate::{data::labeled_scan::LabeledScan, data::scans::Labeled};

mod asking;
mod names;
pub mod pairs;
mod rows;
mod splits;
mod structure_claims;
mod table;

pub use asking::{Choice, DecodingKind, MaskSet, ask};
pub use names::{NameSet, Names};
pub use rows::OfScan;
use splits::SPLITS;
pub use structure_claims::Claims;
pub use table::{bounds, percent};

/// The values of `--protocol`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Protocol {
    /// By class, with the model's scores.
    Scannet,
    /// Objects only, classes ignored, with the model's scores and once more with all scores 1.
    ClassAgnostic,
}

/// One predicted instance.
pub struct Found {
    /// Indices of its points, ascending.
    pub points: Vec<u32>,
    /// Confidence, 0..=1.
    pub score: f32,
    /// Name of the class that the network decided on; `None` if names are compared with the
    /// embedding.
    pub class: Option<String>,
    /// Embedding in the text encoder's space; empty from a baseline and beside a class.
    pub embedding: Vec<f32>,
    /// Factor that turns cosine similarities with the names into logits.
    pub logit_scale: f32,
}

/// A scan with what was found in it.
pub struct Answer {
    /// Path of the scan.
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
    },
    /// Results under [`Protocol::ClassAgnostic`].
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
    },
}

/// The instances that `find` finds in each of the scans. `network`, if given, decides which inputs
/// are read from a scan; classes with the ids in `stuff`, if given, count as stuff.
///
/// # Errors
/// A scan cannot be read or has no labels, or `find` fails.
pub fn answers(
    scans: &[PathBuf],
    network: Option<&Network>,
    stuff: Option<&[i32]>,
    find: impl Fn(&Labeled) -> anyhow::Result<Vec<Found>>,
) -> anyhow::Result<Vec<Answer>> {
    let answer = |path: &PathBuf| {
        let labeled = Labeled::whole(path, network.map(Network::config), stuff)?;
        let found = find(&labeled).with_context(|| path.display().to_string())?;
        tracing::info!(
            "{}: {} objects, {} instances found",
            path.display(),
            labeled.scan.objects.len(),
            found.len()
        );
        Ok(Answer {
            path: path.clone(),
            scan: labeled.scan,
            found,
        })
    };
    scans.iter().map(answer).collect()
}

/// Evaluates the answers under a protocol; with classes, an instance is given one of `names`.
///
/// # Errors
/// With classes: the class of an object has no name, or a name outside the vocabulary.
pub fn measure(answers: &[Answer], protocol: Protocol, names: NameSet) -> anyhow::Result<Figures> {
    match protocol {
        Protocol::ClassAgnostic => {
            let rows = answers
                .iter()
                .map(row)
                .collect::<anyhow::Result<Vec<_>>>()?;
            Ok(Figures::ClassAgnostic {
                scans: answers.len(),
                model_scores: class_agnostic(answers, |score| score)?.summary(),
                confidence_one: class_agnostic(answers, |_| 1.0)?.summary(),
                structure: Claims::sum(rows.iter().map(|row| &row.structure)),
                rows,
                recall50: recall50_of_class(answers),
            })
        }
        Protocol::Scannet => by_class(answers, names),
    }
}

/// The figures of one scan alone.
fn row(answer: &Answer) -> anyhow::Result<OfScan> {
    let one = std::slice::from_ref(answer);
    let model_scores = class_agnostic(one, |score| score)?;
    Ok(OfScan {
        scan: title(&answer.path),
        things: model_scores.sizes.iter().map(|(_, things)| things).sum(),
        model_scores: (&model_scores.all.scores()).into(),
        confidence_one: (&class_agnostic(one, |_| 1.0)?.all.scores()).into(),
        structure: Claims::of(&answer.scan, &answer.found),
    })
}

fn class_agnostic(answers: &[Answer], confidence: impl Fn(f64) -> f64) -> anyhow::Result<Tally> {
    let mut tally = Tally::new(1);
    for Answer { scan, found, .. } in answers {
        let truth =
            EvaluationTruth::things(&scan.truth.semantic, &scan.truth.instance, 0, |class| {
                !scan.stuff.contains(&class)
            });
        let predictions: Vec<_> = found
            .iter()
            .map(|f| ScoredMask {
                class: 0,
                confidence: confidence(f64::from(f.score)),
                points: &f.points,
            })
            .collect();
        tally.add(&truth, &predictions, &scan.positions)?;
    }
    Ok(tally)
}

/// For each class, by name: the share of its objects large enough to count that some prediction
/// overlaps by more than half.
fn recall50_of_class(answers: &[Answer]) -> BTreeMap<String, f64> {
    let mut counts: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for Answer { scan, found, .. } in answers {
        let sizes = pairs::object_sizes(scan);
        for ((object, pair), size) in scan
            .objects
            .iter()
            .zip(pairs::pairs(scan, found))
            .zip(sizes)
        {
            if size >= evaluate::MIN_POINTS {
                let name = object
                    .name
                    .clone()
                    .unwrap_or_else(|| format!("class {}", object.class));
                let (things, hits) = counts.entry(name).or_default();
                *things += 1;
                *hits += usize::from(pair.is_some());
            }
        }
    }
    counts
        .into_iter()
        .map(|(name, (things, hits))| (name, hits as f64 / things as f64))
        .collect()
}

/// The classes are the names of the objects in the scans and, with the larger set of names, others
/// that no object has: these only take probability from the others. As in the released decoder
/// (docs/spec/model.md section 10), an instance may be proposed under several classes: the pairs of
/// instance and class with the highest score times probability in a scan are the ones that count.
fn by_class(answers: &[Answer], set: NameSet) -> anyhow::Result<Figures> {
    const INSTANCES: usize = 1000;
    const PREDICTIONS: usize = 600;
    let names = Names::of(answers, set)?;
    let classes: Vec<u32> = (1..=names.names.len() as u32).collect();
    let mut tally = Tally::new(classes.len());
    for Answer { scan, found, .. } in answers {
        let objects = scan.objects.len();
        anyhow::ensure!(
            objects < INSTANCES,
            "the scan has {objects} objects, the limit of the protocol is {}",
            INSTANCES - 1
        );
        let class_of_object = names.of_objects(scan);
        let id =
            |object: u32| classes[class_of_object[object as usize]] * INSTANCES as u32 + object + 1;
        let ids: Vec<u32> = scan
            .object_of_point
            .iter()
            .map(|object| object.map_or(0, id))
            .collect();
        let mut predictions: Vec<_> = found
            .iter()
            .flat_map(|f| {
                names
                    .probabilities(f)
                    .into_iter()
                    .enumerate()
                    .map(move |(class, p)| (class, f64::from(f.score * p), f))
            })
            .filter(|(_, confidence, _)| *confidence > 0.0)
            .map(|(class, confidence, f)| ScoredMask {
                class,
                confidence,
                points: &f.points,
            })
            .collect();
        predictions.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
        predictions.truncate(PREDICTIONS);
        tally.add(
            &EvaluationTruth::scannet(&ids, &classes),
            &predictions,
            &scan.positions,
        )?;
    }
    let scores = tally.all.scores();
    let members = |split| splits::members(split, names.names.iter().map(String::as_str));
    let present: BTreeSet<&String> = answers
        .iter()
        .flat_map(|answer| &answer.scan.objects)
        .filter_map(|object| object.name.as_ref())
        .collect();
    let rows = scores.ap_per_class().iter().zip(scores.recall_per_class());
    let classes = rows.map(|(ap, recall)| OfClass {
        ap: ap[..9].iter().sum::<f64>() / 9.0,
        ap50: ap[0],
        ap25: ap[9],
        recall50: recall[0],
    });
    Ok(Figures::Scannet {
        scans: answers.len(),
        splits: SPLITS
            .map(|split| (split, Averages::from(&scores.of_classes(&members(split)))))
            .to_vec(),
        names: names.names.len(),
        classes: names
            .names
            .iter()
            .zip(classes)
            .filter(|(name, _)| present.contains(name))
            .map(|(name, class)| (name.clone(), class))
            .collect(),
        summary: tally.summary(),
    })
}

/// Evaluations of all objects together and of each size.
struct Tally {
    all: Evaluation,
    sizes: [(Evaluation, usize); 3],
}

impl Tally {
    fn new(classes: usize) -> Self {
        Self {
            all: Evaluation::new(classes),
            sizes: Size::ALL.map(|_| (Evaluation::new(classes), 0)),
        }
    }

    fn add(
        &mut self,
        truth: &EvaluationTruth,
        predictions: &[ScoredMask],
        positions: &[[f32; 3]],
    ) -> anyhow::Result<()> {
        self.all.add(truth, predictions)?;
        for (size, (evaluation, things)) in Size::ALL.into_iter().zip(&mut self.sizes) {
            let truth = truth.of_size(size, positions);
            *things += truth.count();
            evaluation.add(&truth, predictions)?;
        }
        Ok(())
    }

    fn summary(&self) -> Summary {
        let of_size = |(evaluation, things): &(Evaluation, usize)| OfSize {
            things: *things,
            averages: (&evaluation.scores()).into(),
        };
        let sizes = Size::ALL
            .into_iter()
            .zip(&self.sizes)
            .map(|(size, tally)| (size.name(), of_size(tally)))
            .collect();
        Summary {
            all: (&self.all.scores()).into(),
            sizes,
        }
    }
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
mod tests;
