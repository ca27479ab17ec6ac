//! Average precision from scored matches, and means over classes (docs/spec/eval.md section 3).

use super::THRESHOLDS;

/// Average precision and recall of every class at every threshold of [`THRESHOLDS`], as fractions;
/// NaN for classes that do not occur in any scene, which every mean excludes.
#[derive(Clone, Debug, PartialEq)]
pub struct Scores {
    /// `(classes, thresholds)`: average precision.
    ap: Vec<[f64; THRESHOLDS.len()]>,
    /// `(classes, thresholds)`: recall when all predictions are accepted.
    recall: Vec<[f64; THRESHOLDS.len()]>,
}

impl Scores {
    pub(super) fn new(scores: Vec<[(f64, f64); THRESHOLDS.len()]>) -> Self {
        Self {
            ap: scores.iter().map(|s| s.map(|x| x.0)).collect(),
            recall: scores.iter().map(|s| s.map(|x| x.1)).collect(),
        }
    }

    /// `(classes, thresholds)`: average precision.
    pub fn ap_per_class(&self) -> &[[f64; THRESHOLDS.len()]] {
        &self.ap
    }

    /// `(classes, thresholds)`: recall.
    pub fn recall_per_class(&self) -> &[[f64; THRESHOLDS.len()]] {
        &self.recall
    }

    /// AP: mean average precision over the classes and the nine thresholds 0.50 to 0.90.
    pub fn ap(&self) -> f64 {
        mean(self.ap.iter().flat_map(|class| &class[..9]))
    }

    /// AP50: mean average precision over the classes at threshold 0.50.
    pub fn ap50(&self) -> f64 {
        mean(self.ap.iter().map(|class| &class[0]))
    }

    /// AP25: mean average precision over the classes at threshold 0.25.
    pub fn ap25(&self) -> f64 {
        mean(self.ap.iter().map(|class| &class[9]))
    }

    /// Mean recall over the classes and thresholds of [`Self::ap`].
    pub fn recall(&self) -> f64 {
        mean(self.recall.iter().flat_map(|class| &class[..9]))
    }

    /// Mean recall over the classes at the threshold of [`Self::ap50`].
    pub fn recall50(&self) -> f64 {
        mean(self.recall.iter().map(|class| &class[0]))
    }

    /// Mean recall over the classes at the threshold of [`Self::ap25`].
    pub fn recall25(&self) -> f64 {
        mean(self.recall.iter().map(|class| &class[9]))
    }

    /// The number of classes that occur in some scene.
    pub fn classes(&self) -> usize {
        self.ap.iter().filter(|class| !class[0].is_nan()).count()
    }

    /// The scores of a subset of the classes: head, common and tail, or base and novel. Indices
    /// beyond the number of classes are ignored.
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

/// The mean of the values that are not NaN; NaN if there are none.
fn mean<'a>(values: impl Iterator<Item = &'a f64>) -> f64 {
    let (sum, count) = values
        .filter(|v| !v.is_nan())
        .fold((0.0, 0u32), |(sum, count), v| (sum + v, count + 1));
    sum / f64::from(count)
}

/// Returns (area, largest recall) of the precision-recall curve, which has one point per distinct
/// score. The area follows the evaluators' own rule: half steps to both neighbours in recall, an
/// artificial end point at precision 1 and recall 0, no envelope.
pub(super) fn average_precision(matches: &[(f64, bool)], missed: u64) -> (f64, f64) {
    let mut matches = matches.to_vec();
    matches.sort_by(|a, b| a.0.total_cmp(&b.0));
    let positives = matches.iter().filter(|m| m.1).count();
    // (recall, precision) by ascending score, that is by descending recall.
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
