//! Whether scores mean what they say: predictions of score 0.7 should be right seven times in ten.
//!
//! A reliability diagram shows, for predictions of about equal scores, the share of them that is
//! right over their mean score. Guo et al., On Calibration of Modern Neural Networks (2017).

/// The maximum number of bins.
pub const MAX_BINS: usize = 1000;

/// Predictions whose scores are in one interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bin {
    /// Number of predictions.
    pub count: usize,
    /// Mean of their scores; NaN for none.
    pub score: f64,
    /// Share of them that is right; NaN for none.
    pub right: f64,
}

/// The reason why scores could not be binned.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum ReliabilityError {
    /// The number of bins is not usable.
    #[error("there are {bins} bins, and must be 1 to {MAX_BINS}")]
    Bins {
        /// Number of bins.
        bins: usize,
    },
    /// A score is no probability.
    #[error("the score of prediction {prediction} is {score}, and must be 0 to 1")]
    Score {
        /// Index of the prediction.
        prediction: usize,
        /// Its score.
        score: f64,
    },
}

/// Sorts predictions (score, `true` if it is right) into `bins` intervals of one width from 0 to 1.
/// A score at the end of an interval belongs to the next one, and 1 to the last.
///
/// # Errors
/// [`ReliabilityError`]
pub fn reliability(predictions: &[(f64, bool)], bins: usize) -> Result<Vec<Bin>, ReliabilityError> {
    if !(1..=MAX_BINS).contains(&bins) {
        return Err(ReliabilityError::Bins { bins });
    }
    let mut sums = vec![(0_usize, 0.0_f64, 0_usize); bins];
    for (prediction, &(score, right)) in predictions.iter().enumerate() {
        if !(0.0..=1.0).contains(&score) {
            return Err(ReliabilityError::Score { prediction, score });
        }
        let bin = ((score * bins as f64) as usize).min(bins - 1);
        let (count, scores, rights) = &mut sums[bin];
        *count += 1;
        *scores += score;
        *rights += usize::from(right);
    }
    let bin = |(count, scores, rights): (usize, f64, usize)| Bin {
        count,
        score: scores / count as f64,
        right: rights as f64 / count as f64,
    };
    Ok(sums.into_iter().map(bin).collect())
}

/// The mean difference between score and share of right predictions over the bins, weighted by their
/// counts (expected calibration error); NaN without predictions.
pub fn calibration_error(bins: &[Bin]) -> f64 {
    let total: usize = bins.iter().map(|bin| bin.count).sum();
    let filled = bins.iter().filter(|bin| bin.count > 0);
    let error = |bin: &Bin| bin.count as f64 * (bin.score - bin.right).abs();
    filled.map(error).sum::<f64>() / total as f64
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn bins_have_count_mean_score_and_share_of_right_ones() {
        let predictions = [
            (0.0, false),
            (0.1, true),
            (0.25, true),
            (0.3, false),
            (0.35, true),
            (1.0, true),
        ];
        let bins = reliability(&predictions, 4).unwrap();
        assert_eq!(
            bins.iter().map(|bin| bin.count).collect::<Vec<_>>(),
            [2, 3, 0, 1]
        );
        let near = |a: f64, b: f64| (a - b).abs() < 1e-12;
        assert!(near(bins[0].score, 0.05) && near(bins[0].right, 0.5));
        assert!(near(bins[1].score, 0.3) && near(bins[1].right, 2.0 / 3.0));
        assert!(bins[2].score.is_nan() && bins[2].right.is_nan());
        assert!(near(bins[3].score, 1.0) && near(bins[3].right, 1.0));
        let expected = (2.0 * 0.45 + 3.0 * (2.0 / 3.0 - 0.3)) / 6.0;
        assert!(near(calibration_error(&bins), expected));
    }

    #[test]
    fn calibrated_scores_have_no_error_and_boastful_ones_do() {
        let predictions = |score: f64| {
            let right = move |i: usize| (score, i % 10 < 7);
            (0..100).map(right).collect::<Vec<_>>()
        };
        let error = |score| calibration_error(&reliability(&predictions(score), 10).unwrap());
        assert!(error(0.7) < 1e-12);
        assert!((error(0.95) - 0.25).abs() < 1e-12);
        assert!(calibration_error(&reliability(&[], 10).unwrap()).is_nan());
    }

    #[test]
    fn what_is_no_probability_is_refused() {
        assert_eq!(
            reliability(&[(0.5, true), (1.5, true)], 10),
            Err(ReliabilityError::Score {
                prediction: 1,
                score: 1.5
            })
        );
        assert!(matches!(
            reliability(&[(f64::NAN, true)], 10),
            Err(ReliabilityError::Score { prediction: 0, .. })
        ));
        for bins in [0, MAX_BINS + 1, usize::MAX] {
            assert_eq!(reliability(&[], bins), Err(ReliabilityError::Bins { bins }));
        }
    }
}
