//! Figures of scans, added up one scan after the other.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;
use segscape::evaluate::{self, Evaluation, EvaluationTruth, ScoredMask, Size};

use super::{
    Answer, Averages, Claims, Figures, Names, OfClass, OfScan, OfSize, Shown, Summary, pairs,
    splits, splits::SPLITS, title,
};
use crate::data::labeled_scan::LabeledScan;

/// Figures of scans that are added one after the other. Of a scan only counts are kept.
pub struct Measurement(Kind);

enum Kind {
    Things(Things),
    Classes(Classes),
}

impl Measurement {
    /// Figures under [`Protocol::ClassAgnostic`](super::Protocol::ClassAgnostic).
    pub fn class_agnostic() -> Self {
        Self::without_classes(things)
    }

    /// Figures under [`Protocol::Segment3d`](super::Protocol::Segment3d).
    pub fn segment3d() -> Self {
        Self::without_classes(annotated)
    }

    fn without_classes(truth: fn(&LabeledScan) -> EvaluationTruth) -> Self {
        Self(Kind::Things(Things {
            truth,
            model_scores: Tally::new(1),
            confidence_one: Tally::new(1),
            rows: Vec::new(),
            recall50: BTreeMap::new(),
            shown: Shown::default(),
        }))
    }

    /// Figures under [`Protocol::Scannet`](super::Protocol::Scannet); an instance is given one of `names`.
    pub fn by_class(names: Names) -> Self {
        Self(Kind::Classes(Classes {
            tally: Tally::new(names.names.len()),
            names,
            present: BTreeSet::new(),
            shown: Shown::default(),
            scans: 0,
        }))
    }

    /// Adds a scan.
    ///
    /// # Errors
    /// The scan has too many objects for the protocol, or one whose class has none of the names.
    pub fn add(&mut self, answer: &Answer) -> anyhow::Result<()> {
        match &mut self.0 {
            Kind::Things(things) => things.add(answer),
            Kind::Classes(classes) => classes.add(answer),
        }
    }

    /// The figures of all scans so far.
    ///
    /// # Errors
    /// A score is not from 0 to 1.
    pub fn figures(self) -> anyhow::Result<Figures> {
        match self.0 {
            Kind::Things(things) => things.figures(),
            Kind::Classes(classes) => classes.figures(),
        }
    }
}

/// The objects of a scan.
fn things(scan: &LabeledScan) -> EvaluationTruth {
    let is_thing = |class| !scan.stuff.contains(&class);
    EvaluationTruth::things(&scan.truth.semantic, &scan.truth.instance, 0, is_thing)
}

/// Everything that is annotated, walls and floors, too: the ground truth of Segment3D
/// (docs/spec/eval.md).
fn annotated(scan: &LabeledScan) -> EvaluationTruth {
    /// Lower ids mark groups of objects, which these labels do not have.
    const FIRST: u32 = 1000;
    let labels = || scan.truth.semantic.iter().zip(&scan.truth.instance);
    let pairs: BTreeSet<_> = labels().filter(|(class, _)| **class > 0).collect();
    let ids: BTreeMap<_, u32> = pairs.into_iter().zip(FIRST..).collect();
    let ids = labels().map(|pair| ids.get(&pair).copied().unwrap_or(0));
    EvaluationTruth::segment3d(&ids.collect::<Vec<_>>())
}

/// Classes ignored.
struct Things {
    truth: fn(&LabeledScan) -> EvaluationTruth,
    model_scores: Tally,
    confidence_one: Tally,
    rows: Vec<OfScan>,
    /// By the name of the true class: the number of objects large enough to count, and how many of
    /// them some prediction overlaps by more than half.
    recall50: BTreeMap<String, (usize, usize)>,
    shown: Shown,
}

impl Things {
    fn add(&mut self, answer: &Answer) -> anyhow::Result<()> {
        let Answer { scan, found, .. } = answer;
        let (mut model_scores, mut confidence_one) = (Tally::new(1), Tally::new(1));
        for (of_all, of_scan, is_one) in [
            (&mut self.model_scores, &mut model_scores, false),
            (&mut self.confidence_one, &mut confidence_one, true),
        ] {
            let truth = (self.truth)(scan);
            let mask = |f: &super::Found| f64::from(if is_one { 1.0 } else { f.score });
            let predictions: Vec<_> = found
                .iter()
                .map(|f| ScoredMask {
                    class: 0,
                    confidence: mask(f),
                    points: &f.points,
                })
                .collect();
            of_all.add(&truth, &predictions, &scan.positions)?;
            of_scan.add(&truth, &predictions, &scan.positions)?;
        }
        self.rows.push(OfScan {
            scan: title(&answer.path),
            things: model_scores.sizes.iter().map(|(_, things)| things).sum(),
            model_scores: (&model_scores.all.scores()).into(),
            confidence_one: (&confidence_one.all.scores()).into(),
            structure: Claims::of(scan, found),
        });
        self.shown.add_instances(scan, found);
        let sizes = pairs::object_sizes(scan);
        let pairs = scan.objects.iter().zip(pairs::pairs(scan, found));
        for ((object, pair), size) in pairs.zip(sizes) {
            if size >= evaluate::MIN_POINTS {
                let unnamed = || format!("class {}", object.class);
                let name = object.name.clone().unwrap_or_else(unnamed);
                let (things, hits) = self.recall50.entry(name).or_default();
                *things += 1;
                *hits += usize::from(pair.is_some());
            }
        }
        Ok(())
    }

    fn figures(self) -> anyhow::Result<Figures> {
        let share = |(things, hits): (usize, usize)| hits as f64 / things as f64;
        let recall50 = self.recall50.into_iter();
        Ok(Figures::ClassAgnostic {
            scans: self.rows.len(),
            diagram: self.shown.diagram()?,
            model_scores: self.model_scores.summary(),
            confidence_one: self.confidence_one.summary(),
            structure: Claims::sum(self.rows.iter().map(|row| &row.structure)),
            rows: self.rows,
            recall50: recall50.map(|(name, of)| (name, share(of))).collect(),
        })
    }
}

/// By class. The classes are the names of the objects in the scans and, with the larger set of
/// names, others that no object has: these only take probability from the others. As in the released
/// decoder (docs/spec/model.md section 10), an instance may be proposed under several classes: the
/// pairs of instance and class with the highest score times probability in a scan are the ones that
/// count.
struct Classes {
    names: Names,
    /// Names of objects in the scans so far.
    present: BTreeSet<String>,
    tally: Tally,
    shown: Shown,
    scans: usize,
}

impl Classes {
    fn add(&mut self, answer: &Answer) -> anyhow::Result<()> {
        const INSTANCES: usize = 1000;
        const PREDICTIONS: usize = 600;
        let Answer { scan, found, .. } = answer;
        let names = &self.names;
        let classes: Vec<u32> = (1..=names.names.len() as u32).collect();
        let objects = scan.objects.len();
        anyhow::ensure!(
            objects < INSTANCES,
            "the scan has {objects} objects, the limit of the protocol is {}",
            INSTANCES - 1
        );
        let class_of_object = names.of_objects(scan);
        let class_of_object: Vec<usize> = scan
            .objects
            .iter()
            .zip(class_of_object)
            .map(|(object, class)| {
                class.with_context(|| format!("class {} has none of the names", object.class))
            })
            .collect::<anyhow::Result<_>>()?;
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
        self.tally.add(
            &EvaluationTruth::scannet(&ids, &classes),
            &predictions,
            &scan.positions,
        )?;
        let present = scan.objects.iter().filter_map(|object| object.name.clone());
        self.present.extend(present);
        self.shown.add_answers(scan, found, names)?;
        self.scans += 1;
        Ok(())
    }

    fn figures(self) -> anyhow::Result<Figures> {
        let Self {
            names,
            present,
            tally,
            shown,
            scans,
        } = self;
        let scores = tally.all.scores();
        let members = |split| splits::members(split, names.names.iter().map(String::as_str));
        let rows = scores.ap_per_class().iter().zip(scores.recall_per_class());
        let classes = rows.map(|(ap, recall)| OfClass {
            ap: ap[..9].iter().sum::<f64>() / 9.0,
            ap50: ap[0],
            ap25: ap[9],
            recall50: recall[0],
        });
        Ok(Figures::Scannet {
            scans,
            diagram: shown.diagram()?,
            splits: SPLITS
                .map(|split| (split, Averages::from(&scores.of_classes(&members(split)))))
                .to_vec(),
            names: names.names.len(),
            classes: names
                .names
                .iter()
                .zip(classes)
                .filter(|(name, _)| present.contains(*name))
                .map(|(name, class)| (name.clone(), class))
                .collect(),
            summary: tally.summary(),
        })
    }
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
