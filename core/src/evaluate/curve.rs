//! From scored matches to average precision, and from classes to one figure (docs/spec/eval.md
//! section 3).

use super::THRESHOLDS;

/// Average precision and recall of every class at every threshold of [`THRESHOLDS`], as fractions;
/// NaN for classes that no scene has, which every mean leaves out.
#[derive(Clone, Debug, PartialEq)]
pub struct Scores {
    /// (classes, thresholds).
    ap: Vec<[f64; THRESHOLDS.len()]>,
    /// (classes, thresholds): recall when every prediction is taken.
    recall: Vec<[f64; THRESHOLDS.len()]>,
}

impl Scores {
    pub(super) fn new(scores: Vec<[(f64, f64); THRESHOLDS.len()]>) -> Self {
        Self {
            ap: scores.iter().map(|s| s.map(|x| x.0)).collect(),
            recall: scores.iter().map(|s| s.map(|x| x.1)).collect(),
        }
    }

    /// (classes, thresholds): average precisions.
    pub fn ap_per_class(&self) -> &[[f64; THRESHOLDS.len()]] {
        &self.ap
    }

    /// (classes, thresholds): recalls.
    pub fn recall_per_class(&self) -> &[[f64; THRESHOLDS.len()]] {
        &self.recall
    }

    /// Mean over classes and the nine thresholds 0.50 to 0.90.
    pub fn ap(&self) -> f64 {
        mean(self.ap.iter().flat_map(|class| &class[..9]))
    }

    /// Mean over classes at 0.50.
    pub fn ap50(&self) -> f64 {
        mean(self.ap.iter().map(|class| &class[0]))
    }

    /// Mean over classes at 0.25.
    pub fn ap25(&self) -> f64 {
        mean(self.ap.iter().map(|class| &class[9]))
    }

    /// Like [`Self::ap`], of the recall.
    pub fn recall(&self) -> f64 {
        mean(self.recall.iter().flat_map(|class| &class[..9]))
    }

    /// Like [`Self::ap50`], of the recall.
    pub fn recall50(&self) -> f64 {
        mean(self.recall.iter().map(|class| &class[0]))
    }

    /// Like [`Self::ap25`], of the recall.
    pub fn recall25(&self) -> f64 {
        mean(self.recall.iter().map(|class| &class[9]))
    }

    /// Number of classes that some scene has.
    pub fn classes(&self) -> usize {
        self.ap.iter().filter(|class| !class[0].is_nan()).count()
    }

    /// Of some classes only: head, common and tail, or base and novel. Indices beyond the classes
    /// are left out.
    pub fn of_classes(&self, classes: &[usize]) -> Self {
        let pick = |rows: &[[f64; THRESHOLDS.len()]]| {
            classes
                .iter()
                .filter_map(|&class| rows.get(class).copied())
                .collect()
        };
        Self {
            ap: pick(&self.ap),
            recall: pick(&self.recall),
        }
    }
}

/// Mean of what is not NaN; NaN of nothing.
fn mean<'a>(values: impl Iterator<Item = &'a f64>) -> f64 {
    let (sum, count) = values
        .filter(|v| !v.is_nan())
        .fold((0.0, 0u32), |(sum, count), v| (sum + v, count + 1));
    sum / f64::from(count)
}

/// (area, largest recall) of the precision-recall curve through one point per distinct score. The
/// area is the evaluators' own rule: half steps to both neighbours in recall, an artificial end at
/// precision 1 and recall 0, no envelope.
pub(super) fn average_precision(matches: &[(f64, bool)], missed: u64) -> (f64, f64) {
    let mut matches = matches.to_vec();
    matches.sort_by(|a, b| a.0.total_cmp(&b.0));
    let positives = matches.iter().filter(|m| m.1).count();
    // (recall, precision) by rising score, that is by falling recall.
    let mut curve = vec![];
    let (mut first, mut true_below) = (0, 0);
    for tied in matches.chunk_by(|a, b| a.0 == b.0) {
        let found = (positives - true_below) as f64;
        let recall = found / (positives as f64 + missed as f64);
        curve.push((
            if found > 0.0 { recall } else { 0.0 },
            found / (matches.len() - first) as f64,
        ));
        first += tied.len();
        true_below += tied.iter().filter(|m| m.1).count();
    }
    let largest = curve.first().map_or(0.0, |point| point.0);
    curve.push((0.0, 1.0));
    let recall_at = |i: usize| curve[i.min(curve.len() - 1)].0;
    let area = (0..curve.len())
        .map(|i| curve[i].1 * (recall_at(i.saturating_sub(1)) - recall_at(i + 1)) / 2.0)
        .sum();
    (area, largest)
}
