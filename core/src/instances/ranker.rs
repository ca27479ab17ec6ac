//! The learned scorer of candidates: an ensemble of small multilayer perceptrons over
//! [`FEATURE_NAMES`], evaluated with plain loops.
//!
//! Single members agree on synthetic rooms, but differ on real ones by more than most other choices
//! change the result; the mean over the members does not vary like this.

use serde::{Deserialize, Serialize};

use super::{FEATURE_NAMES, FEATURES};
use crate::geometry::sigmoid;

/// Maximum width of a hidden layer.
const MAX_WIDTH: usize = 1024;
/// Maximum number of members.
const MAX_MEMBERS: usize = 16;

/// An affine layer; `weights` are row-major `(outputs, inputs)`, `bias` is `(outputs)`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Linear {
    /// Row-major, one row per output.
    pub weights: Vec<f32>,
    /// One value per output.
    pub bias: Vec<f32>,
}

impl Linear {
    fn apply(&self, input: &[f32]) -> Vec<f32> {
        let dot = |row: &[f32]| row.iter().zip(input).map(|(w, x)| w * x).sum::<f32>();
        self.weights
            .chunks_exact(input.len())
            .zip(&self.bias)
            .map(|(row, bias)| bias + dot(row))
            .collect()
    }
}

/// The contents of a ranker file: a [`Ranker`] that is not yet checked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Stored {
    features: Vec<String>,
    mean: Vec<f32>,
    deviation: Vec<f32>,
    members: Vec<Vec<Linear>>,
}

/// A trained scorer. It normalizes the features, then each member applies affine layers with ReLU
/// between them and the logistic function to its single output; the score is the mean over the
/// members.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Ranker {
    mean: [f32; FEATURES],
    deviation: [f32; FEATURES],
    members: Vec<Vec<Linear>>,
}

/// The weights cannot score the features of this version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RankerError {
    /// The ranker was trained for other features.
    #[error("the ranker was trained for other features (`{found}` where `{expected}` is expected)")]
    Features {
        /// The first name that differs, or `nothing`.
        found: String,
        /// The name in this version.
        expected: String,
    },
    /// A shape or a value is impossible.
    #[error("the ranker's weights are malformed: {0}")]
    Malformed(String),
}

impl Ranker {
    /// Creates a ranker from a normalization (`deviation` above zero) and the layers of each
    /// member, the last of which has one output.
    ///
    /// # Errors
    /// [`RankerError::Malformed`] if the shapes do not chain, a layer has more than 1024 outputs, a
    /// value is not finite, a deviation is not above zero, or there are not 1 to 16 members.
    pub fn new(
        mean: [f32; FEATURES],
        deviation: [f32; FEATURES],
        members: Vec<Vec<Linear>>,
    ) -> Result<Self, RankerError> {
        let malformed = |problem: String| Err(RankerError::Malformed(problem));
        if !mean.iter().all(|m| m.is_finite())
            || !deviation.iter().all(|d| d.is_finite() && *d > 0.0)
        {
            return malformed("the normalisation is not finite and positive".into());
        }
        if !(1..=MAX_MEMBERS).contains(&members.len()) {
            return malformed(format!(
                "it has {} members instead of 1 to {MAX_MEMBERS}",
                members.len()
            ));
        }
        members.iter().try_for_each(|layers| check(layers))?;
        Ok(Self {
            mean,
            deviation,
            members,
        })
    }

    /// The probability that the candidate is one whole object, 0..=1.
    pub fn score(&self, features: &[f32; FEATURES]) -> f32 {
        let normal: Vec<f32> = (0..FEATURES)
            .map(|i| (features[i] - self.mean[i]) / self.deviation[i])
            .collect();
        let total: f32 = self
            .members
            .iter()
            .map(|layers| sigmoid(answer(layers, normal.clone())))
            .sum();
        total / self.members.len() as f32
    }
}

/// Checks that the shapes chain, that the values are finite, and that there is one output.
fn check(layers: &[Linear]) -> Result<(), RankerError> {
    let malformed = |problem: String| Err(RankerError::Malformed(problem));
    let mut inputs = FEATURES;
    for (index, layer) in layers.iter().enumerate() {
        let outputs = layer.bias.len();
        if outputs == 0 || outputs > MAX_WIDTH || layer.weights.len() != inputs * outputs {
            return malformed(format!(
                "layer {index} has {} weights for {inputs} inputs and {outputs} outputs",
                layer.weights.len()
            ));
        }
        if !layer
            .weights
            .iter()
            .chain(&layer.bias)
            .all(|w| w.is_finite())
        {
            return malformed(format!("layer {index} has a weight that is not finite"));
        }
        inputs = outputs;
    }
    if layers.is_empty() || inputs != 1 {
        return malformed(format!(
            "{} layers end in {inputs} outputs instead of one",
            layers.len()
        ));
    }
    Ok(())
}

/// The logit of one member.
fn answer(layers: &[Linear], mut values: Vec<f32>) -> f32 {
    for (index, layer) in layers.iter().enumerate() {
        if index > 0 {
            values.iter_mut().for_each(|value| *value = value.max(0.0));
        }
        values = layer.apply(&values);
    }
    values[0]
}

impl TryFrom<Stored> for Ranker {
    type Error = RankerError;

    fn try_from(stored: Stored) -> Result<Self, RankerError> {
        let names = stored.features.iter().map(String::as_str);
        for (expected, found) in FEATURE_NAMES
            .iter()
            .zip(names.chain(std::iter::repeat("nothing")))
        {
            if *expected != found {
                return Err(RankerError::Features {
                    found: found.into(),
                    expected: (*expected).into(),
                });
            }
        }
        let array = |values: Vec<f32>, name: &str| {
            values.try_into().map_err(|v: Vec<f32>| {
                RankerError::Malformed(format!(
                    "{name} has {} values for {FEATURES} features",
                    v.len()
                ))
            })
        };
        Self::new(
            array(stored.mean, "the mean")?,
            array(stored.deviation, "the deviation")?,
            stored.members,
        )
    }
}

impl From<Ranker> for Stored {
    fn from(ranker: Ranker) -> Self {
        Self {
            features: FEATURE_NAMES.map(String::from).to_vec(),
            mean: ranker.mean.to_vec(),
            deviation: ranker.deviation.to_vec(),
            members: ranker.members,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Two hidden units compute relu(x0) and relu(-x0), whose sum is |x0|. Another member always
    /// answers one half.
    fn absolute_value() -> Ranker {
        let mut weights = vec![0.0; 2 * FEATURES];
        weights[0] = 1.0;
        weights[FEATURES] = -1.0;
        let mut mean = [0.0; FEATURES];
        mean[0] = 10.0;
        let mut deviation = [1.0; FEATURES];
        deviation[0] = 2.0;
        let layers = vec![
            Linear {
                weights,
                bias: vec![0.0; 2],
            },
            Linear {
                weights: vec![1.0, 1.0],
                bias: vec![-1.0],
            },
        ];
        let undecided = vec![Linear {
            weights: vec![0.0; FEATURES],
            bias: vec![0.0],
        }];
        Ranker::new(mean, deviation, vec![layers, undecided]).unwrap()
    }

    #[test]
    fn computes_its_layers_and_the_mean_of_its_members() {
        let mut features = [3.0; FEATURES];
        for (x, expected) in [(10.0, -1.0), (14.0, 1.0), (4.0, 2.0)] {
            features[0] = x;
            assert!(
                (absolute_value().score(&features) - (sigmoid(expected) + 0.5) / 2.0).abs() < 1e-6
            );
        }
    }

    #[test]
    fn survives_json_and_refuses_what_does_not_fit() {
        let json = serde_json::to_value(absolute_value()).unwrap();
        assert_eq!(
            serde_json::from_value::<Ranker>(json.clone()).unwrap(),
            absolute_value()
        );
        let broken = |change: &dyn Fn(&mut serde_json::Value)| {
            let mut json = json.clone();
            change(&mut json);
            serde_json::from_value::<Ranker>(json)
                .unwrap_err()
                .to_string()
        };
        assert!(
            broken(&|j| j["features"][3] = "colour".into()).contains("`colour` where `objectness`")
        );
        assert!(
            broken(&|j| j["mean"].as_array_mut().unwrap().truncate(5))
                .contains("5 values for 24 features")
        );
        assert!(broken(&|j| j["deviation"][1] = 0.0.into()).contains("positive"));
        assert!(
            broken(&|j| j["members"][0][1]["weights"]
                .as_array_mut()
                .unwrap()
                .truncate(1))
            .contains("layer 1 has 1 weights")
        );
        assert!(
            broken(&|j| j["members"][0].as_array_mut().unwrap().truncate(1)).contains("2 outputs")
        );
        assert!(broken(&|j| j["members"].as_array_mut().unwrap().clear()).contains("0 members"));
    }
}
