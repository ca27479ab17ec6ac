//! Average precision as the released evaluators compute it (docs/spec/eval.md): ScanNet's
//! class-aware rules, and the class-agnostic ones of Open3DIS and of Segment3D. They share matching
//! and integration and differ in what is void: see [`EvaluationTruth`]. [`reliability`] tells what
//! scores are worth.

mod curve;
pub mod reliability;
mod size;
mod truth;

pub use curve::Scores;
pub use size::Size;
pub use truth::EvaluationTruth;

/// The IoU thresholds above which a prediction matches: nine for AP, the last for AP25. Comparisons
/// are strict, so these must be exactly numpy's `arange(0.5, 0.95, 0.05)`, including its rounding.
pub const THRESHOLDS: [f64; 10] = [
    0.5,
    0.55,
    0.6000000000000001,
    0.6500000000000001,
    0.7000000000000002,
    0.7500000000000002,
    0.8000000000000003,
    0.8500000000000003,
    0.9000000000000004,
    0.25,
];

/// Ground-truth instances with fewer points than this are ignored, and predictions with fewer are
/// dropped.
pub const MIN_POINTS: u32 = 100;

/// One predicted instance. The order of predictions matters if scores tie: predictions are matched
/// in the order given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScoredMask<'a> {
    /// Index of the class, below the number of classes; 0 if class-agnostic.
    pub class: usize,
    /// Confidence score; the released class-agnostic protocols set it to 1 for every prediction.
    pub confidence: f64,
    /// Point indices, strictly ascending.
    pub points: &'a [u32],
}

/// The reason why a scene could not be evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvaluateError {
    /// A prediction or the ground truth has a class that is not evaluated.
    #[error("class {class} is not among the {classes} evaluated classes")]
    Class {
        /// Index of the class.
        class: usize,
        /// Number of classes.
        classes: usize,
    },
    /// The points of a mask are not strictly ascending.
    #[error("the points of prediction {prediction} are not in ascending order")]
    Order {
        /// Index of the prediction.
        prediction: usize,
    },
    /// A mask refers to a point that the scene does not have.
    #[error("prediction {prediction} has point {point}, the scene has {points} points")]
    Point {
        /// Index of the prediction.
        prediction: usize,
        /// The largest point index of the mask.
        point: u32,
        /// Number of points in the scene.
        points: usize,
    },
    /// A confidence is NaN and cannot be sorted.
    #[error("the confidence of prediction {prediction} is not a number")]
    Confidence {
        /// Index of the prediction.
        prediction: usize,
    },
}

/// Accumulates results scene by scene; keeps a score and a flag for every match, not the masks.
#[derive(Clone, Debug)]
pub struct Evaluation {
    classes: Vec<ClassTally>,
}

/// The accumulated results of one class.
#[derive(Clone, Debug, Default)]
struct ClassTally {
    has_truth: bool,
    has_prediction: bool,
    thresholds: [Tally; THRESHOLDS.len()],
}

/// The accumulated results of one class at one threshold.
#[derive(Clone, Debug, Default)]
struct Tally {
    /// (score, `true` for a true positive).
    matches: Vec<(f64, bool)>,
    /// Number of ground-truth instances without a matching prediction of any score.
    missed: u64,
}

/// A prediction that is large enough, and its overlaps.
struct Candidate {
    class: usize,
    confidence: f64,
    points: u32,
    void: u32,
    /// (instance, shared points) for the ground truth of the same class, by ascending instance.
    overlaps: Vec<(usize, u32)>,
}

impl Evaluation {
    /// Creates an evaluation of `classes` classes; 1 for a class-agnostic evaluation.
    pub fn new(classes: usize) -> Self {
        Self {
            classes: vec![ClassTally::default(); classes],
        }
    }

    /// Adds the results of one scene.
    ///
    /// # Errors
    /// [`EvaluateError`]; in that case, nothing of the scene is counted.
    pub fn add(
        &mut self,
        truth: &EvaluationTruth,
        predictions: &[ScoredMask],
    ) -> Result<(), EvaluateError> {
        let classes = self.classes.len();
        let mut used = truth
            .instances
            .iter()
            .map(|i| i.class)
            .chain(predictions.iter().map(|p| p.class));
        if let Some(class) = used.find(|&class| class >= classes) {
            return Err(EvaluateError::Class { class, classes });
        }
        let candidates = candidates(truth, predictions)?;
        for (class, tally) in self.classes.iter_mut().enumerate() {
            tally.has_truth |= truth
                .instances
                .iter()
                .any(|i| i.class == class && i.counts());
            let of_class: Vec<&Candidate> =
                candidates.iter().filter(|c| c.class == class).collect();
            tally.has_prediction |= !of_class.is_empty();
            for (tally, threshold) in tally.thresholds.iter_mut().zip(THRESHOLDS) {
                tally.add(truth, class, &of_class, threshold);
            }
        }
        Ok(())
    }

    /// The scores over all scenes added so far.
    pub fn scores(&self) -> Scores {
        Scores::new(
            self.classes
                .iter()
                .map(|class| class.thresholds.each_ref().map(|tally| class.score(tally)))
                .collect(),
        )
    }
}

impl ClassTally {
    /// (AP, recall) at one threshold; NaN if there is no ground truth.
    fn score(&self, tally: &Tally) -> (f64, f64) {
        match (self.has_truth, self.has_prediction) {
            (false, _) => (f64::NAN, f64::NAN),
            (true, false) => (0.0, 0.0),
            (true, true) => curve::average_precision(&tally.matches, tally.missed),
        }
    }
}

impl Tally {
    /// Matches the predictions of a scene (docs/spec/eval.md section 2, steps 1 to 4).
    fn add(
        &mut self,
        truth: &EvaluationTruth,
        class: usize,
        candidates: &[&Candidate],
        threshold: f64,
    ) {
        let iou = |c: &Candidate, instance: usize, shared: u32| {
            f64::from(shared)
                / (f64::from(truth.instances[instance].points) + f64::from(c.points)
                    - f64::from(shared))
        };
        let mut visited = vec![false; candidates.len()];
        for (id, _) in truth
            .instances
            .iter()
            .enumerate()
            .filter(|(_, i)| i.class == class && i.counts())
        {
            let mut best: Option<f64> = None;
            for (c, visited) in candidates
                .iter()
                .zip(&mut visited)
                .filter(|(_, visited)| !**visited)
            {
                let Ok(at) = c.overlaps.binary_search_by_key(&id, |o| o.0) else {
                    continue;
                };
                if iou(c, id, c.overlaps[at].1) <= threshold {
                    continue;
                }
                match best {
                    None => {
                        best = Some(c.confidence);
                        *visited = true;
                    }
                    // Not marked as visited: at 0.25 it may still be the first match of another
                    // instance.
                    Some(score) => {
                        best = Some(score.max(c.confidence));
                        self.matches.push((score.min(c.confidence), false));
                    }
                }
            }
            match best {
                Some(score) => self.matches.push((score, true)),
                None => self.missed += 1,
            }
        }
        for c in candidates {
            // Already counted above, even if the instance itself is ignored.
            if c.overlaps
                .iter()
                .any(|&(instance, shared)| iou(c, instance, shared) > threshold)
            {
                continue;
            }
            let uncounted = c
                .overlaps
                .iter()
                .filter(|o| !truth.instances[o.0].counts())
                .map(|o| u64::from(o.1))
                .sum::<u64>();
            if (u64::from(c.void) + uncounted) as f64 / f64::from(c.points) <= threshold {
                self.matches.push((c.confidence, false));
            }
        }
    }
}

/// The predictions that are large enough, in the order given.
fn candidates(
    truth: &EvaluationTruth,
    predictions: &[ScoredMask],
) -> Result<Vec<Candidate>, EvaluateError> {
    let points = truth.instance_of_point.len();
    let mut shared = vec![0u32; truth.instances.len()];
    let mut candidates = vec![];
    for (prediction, p) in predictions.iter().enumerate() {
        if !p.points.is_sorted_by(|a, b| a < b) {
            return Err(EvaluateError::Order { prediction });
        }
        if let Some(&point) = p.points.last().filter(|&&point| point as usize >= points) {
            return Err(EvaluateError::Point {
                prediction,
                point,
                points,
            });
        }
        if p.confidence.is_nan() {
            return Err(EvaluateError::Confidence { prediction });
        }
        if p.points.len() < MIN_POINTS as usize {
            continue;
        }
        shared.fill(0);
        let mut void = 0;
        for &point in p.points {
            match truth.instance_of_point[point as usize] {
                EvaluationTruth::VOID => void += 1,
                instance => shared[instance as usize] += 1,
            }
        }
        let same_class = |&(instance, shared): &(usize, u32)| {
            shared > 0 && truth.instances[instance].class == p.class
        };
        let overlaps = shared
            .iter()
            .copied()
            .enumerate()
            .filter(same_class)
            .collect();
        candidates.push(Candidate {
            class: p.class,
            confidence: p.confidence,
            points: p.points.len() as u32,
            void,
            overlaps,
        });
    }
    Ok(candidates)
}

#[cfg(test)]
mod tests;
