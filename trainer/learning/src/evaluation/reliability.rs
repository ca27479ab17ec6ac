//! Whether the scores that the application shows mean what they say: of the instances shown with a
//! score of 0.7, seven in ten should be what they are said to be.

use anyhow::Context;
use segscape::{
    evaluate::reliability::{Bin, calibration_error, reliability},
    geometry::Aabb,
    instances::{
        Instance, Segmentation,
        query::{Labels, PromptTerm},
    },
};
use serde_json::{Value, json};

use super::{Found, Names, pairs};
use crate::data::labeled_scan::LabeledScan;

/// Number of intervals of scores.
const BINS: usize = 20;
/// The class of points that nobody labelled.
const UNLABELED: i32 = 0;

/// The score and the class that an instance is shown with; `None` for instances that are not shown.
type ShownAs = Option<(f32, Option<usize>)>;

/// Shown instances of scans: their scores, and whether they are right.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    instances: Vec<(f64, bool)>,
    objects: usize,
}

/// Shown instances by score.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagram {
    /// Number of objects that could be found.
    pub objects: usize,
    /// Mean difference between score and share of right instances.
    pub error: f64,
    /// Intervals of scores, ascending.
    pub rows: Vec<Row>,
}

/// One interval of scores.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Lower end of the interval.
    pub from: f64,
    /// The instances with these scores.
    pub bin: Bin,
    /// Share of right ones among the instances with these scores or higher ones; NaN for none.
    pub precision: f64,
    /// Share of the objects that these are.
    pub recall: f64,
}

impl Shown {
    /// Adds the instances of a scan as they are shown without a prompt; right is an instance that
    /// overlaps an object by more than half.
    pub fn add_instances(&mut self, scan: &LabeledScan, found: &[Found]) {
        let shown = found.iter().map(|one| Some((one.score, None)));
        self.add(scan, found, shown.collect(), |_| None);
    }

    /// Adds the instances of a scan as they are shown if all names are asked for; right is an
    /// instance that overlaps an object of its name by more than half.
    ///
    /// # Errors
    /// The instances' embeddings lie in another space than the names.
    pub fn add_answers(
        &mut self,
        scan: &LabeledScan,
        found: &[Found],
        names: &Names,
    ) -> anyhow::Result<()> {
        let class_of_object = names.of_objects(scan);
        self.add(scan, found, answers(found, names)?, |object| {
            class_of_object[object]
        });
        Ok(())
    }

    /// `shown` are scores and classes, `(found)`; `None` for instances that are not shown.
    fn add(
        &mut self,
        scan: &LabeledScan,
        found: &[Found],
        shown: Vec<ShownAs>,
        class_of_object: impl Fn(usize) -> Option<usize>,
    ) {
        let mut object_of_found = vec![None; found.len()];
        for (object, pair) in pairs::pairs(scan, found).into_iter().enumerate() {
            if let Some(pair) = pair {
                object_of_found[pair.found] = Some(object);
            }
        }
        let unlabeled = |point: &&u32| scan.truth.semantic[**point as usize] == UNLABELED;
        for ((one, shown), object) in found.iter().zip(shown).zip(object_of_found) {
            // What nobody labelled is neither right nor wrong.
            let is_known = 2 * one.points.iter().filter(unlabeled).count() <= one.points.len();
            if let Some((score, class)) = shown
                && (is_known || object.is_some())
            {
                let is_right = object.is_some_and(|object| class_of_object(object) == class);
                self.instances.push((score.into(), is_right));
            }
        }
        let sizes = pairs::object_sizes(scan).into_iter();
        self.objects += sizes
            .filter(|size| *size >= segscape::evaluate::MIN_POINTS)
            .count();
    }

    /// The diagram of all scans so far.
    ///
    /// # Errors
    /// A score is not from 0 to 1.
    pub fn diagram(&self) -> anyhow::Result<Diagram> {
        let bins = reliability(&self.instances, BINS).context("scores cannot be compared")?;
        let mut rows = Vec::with_capacity(BINS);
        let (mut count, mut right) = (0, 0.0);
        for (index, &bin) in bins.iter().enumerate().rev() {
            if bin.count > 0 {
                count += bin.count;
                right += bin.right * bin.count as f64;
            }
            rows.push(Row {
                from: index as f64 / BINS as f64,
                bin,
                precision: right / f64::from(count as u32),
                recall: right / self.objects as f64,
            });
        }
        rows.reverse();
        Ok(Diagram {
            objects: self.objects,
            error: calibration_error(&bins),
            rows,
        })
    }
}

/// The names that instances get if all names are asked for, with their scores.
fn answers(found: &[Found], names: &Names) -> anyhow::Result<Vec<ShownAs>> {
    let [first, ..] = found else {
        return Ok(Vec::new());
    };
    if first.class.is_some() {
        let class = |one: &Found| {
            let class = one.class.as_ref()?;
            let class = names.names.iter().position(|name| name == class);
            class.map(|class| (one.score, Some(class)))
        };
        return Ok(found.iter().map(class).collect());
    }
    let instance = |one: &Found| Instance {
        superpoints: Vec::new(),
        score: one.score,
        embedding: one.embedding.clone(),
        bounds: Aabb::EMPTY,
        points: one.points.len() as u32,
    };
    let segmentation = Segmentation {
        space: names.vocabulary.space().clone(),
        instances: found.iter().map(instance).collect(),
        logit_scale: first.logit_scale,
    };
    let terms: Vec<PromptTerm> = names.terms().collect();
    let labels = Labels::new(&segmentation, &terms, &names.vocabulary)?.of_instance;
    let answer = |label: &segscape::instances::query::Label| {
        label
            .term
            .map(|term| (label.confidence, Some(term as usize)))
    };
    Ok(labels.iter().map(answer).collect())
}

impl Diagram {
    /// Fractions; shares of nothing are null.
    pub fn json(&self) -> Value {
        let row = |row: &Row| {
            json!({
                "from": row.from,
                "instances": row.bin.count,
                "score": row.bin.score,
                "right": row.bin.right,
                "precision": row.precision,
                "recall": row.recall,
            })
        };
        json!({
            "objects": self.objects,
            "error": self.error,
            "scores": self.rows.iter().map(row).collect::<Value>(),
        })
    }
}
