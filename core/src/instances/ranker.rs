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

/// A trained scorer. It takes the features that it was trained for, which may be some of those that
/// this version knows, and normalizes them, then each member applies affine layers with ReLU between
/// them and the logistic function to its single output; the score is the mean over the members.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Ranker {
    /// Indices into [`FEATURE_NAMES`], `(features)`.
    columns: Vec<usize>,
    /// `(features)`.
    mean: Vec<f32>,
    /// `(features)`.
    deviation: Vec<f32>,
    members: Vec<Vec<Linear>>,
}

/// The weights cannot score the features of this version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RankerError {
    /// The ranker was trained for a feature that this version does not know.
    #[error("the ranker was trained for other features (`{0}` is none of this version)")]
    Feature(String),
    /// A shape or a value is impossible.
    #[error("the ranker's weights are malformed: {0}")]
    Malformed(String),
}

impl Ranker {
    /// Creates a ranker of all features from a normalization (`deviation` above zero) and the layers
    /// of each member, the last of which has one output.
    ///
    /// # Errors
    /// [`RankerError::Malformed`] if the shapes do not chain, a layer has more than 1024 outputs, a
    /// value is not finite, a deviation is not above zero, or there are not 1 to 16 members.
    pub fn new(
        mean: [f32; FEATURES],
        deviation: [f32; FEATURES],
        members: Vec<Vec<Linear>>,
    ) -> Result<Self, RankerError> {
        let columns = (0..FEATURES).collect();
        Self::of_columns(columns, mean.into(), deviation.into(), members)
    }

    fn of_columns(
        columns: Vec<usize>,
        mean: Vec<f32>,
        deviation: Vec<f32>,
        members: Vec<Vec<Linear>>,
    ) -> Result<Self, RankerError> {
        let malformed = |problem: String| Err(RankerError::Malformed(problem));
        let features = columns.len();
        for (name, values) in [("the mean", &mean), ("the deviation", &deviation)] {
            if values.len() != features {
                let found = values.len();
                return malformed(format!("{name} has {found} values for {features} features"));
            }
        }
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
        members
            .iter()
            .try_for_each(|layers| check(layers, features))?;
        Ok(Self {
            columns,
            mean,
            deviation,
            members,
        })
    }

    /// The probability that the candidate is one whole object, 0..=1.
    pub fn score(&self, features: &[f32; FEATURES]) -> f32 {
        let normal = self.columns.iter().zip(&self.mean).zip(&self.deviation);
        let normal: Vec<f32> = normal
            .map(|((&column, mean), deviation)| (features[column] - mean) / deviation)
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
fn check(layers: &[Linear], features: usize) -> Result<(), RankerError> {
    let malformed = |problem: String| Err(RankerError::Malformed(problem));
    let mut inputs = features;
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
        let column = |name: &String| {
            let column = FEATURE_NAMES.iter().position(|known| known == name);
            column.ok_or_else(|| RankerError::Feature(name.clone()))
        };
        let columns = stored.features.iter().map(column);
        Self::of_columns(
            columns.collect::<Result<_, _>>()?,
            stored.mean,
            stored.deviation,
            stored.members,
        )
    }
}

impl From<Ranker> for Stored {
    fn from(ranker: Ranker) -> Self {
        Self {
            features: ranker
                .columns
                .iter()
                .map(|&column| FEATURE_NAMES[column].to_owned())
                .collect(),
            mean: ranker.mean,
            deviation: ranker.deviation,
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
    fn a_ranker_of_fewer_features_takes_those_that_it_knows() {
        let json = serde_json::json!({
            "features": ["height", "consensus"],
            "mean": [1.0, 0.0],
            "deviation": [2.0, 1.0],
            "members": [[{ "weights": [1.0, -3.0], "bias": [0.5] }]],
        });
        let ranker: Ranker = serde_json::from_value(json.clone()).unwrap();
        let mut features = [7.0; FEATURES];
        for (name, value) in [("height", 5.0), ("consensus", 0.25)] {
            features[FEATURE_NAMES.iter().position(|n| *n == name).unwrap()] = value;
        }
        assert!((ranker.score(&features) - sigmoid(0.5 + 2.0 - 0.75)).abs() < 1e-6);
        assert_eq!(serde_json::to_value(ranker).unwrap(), json);
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
        assert!(broken(&|j| j["features"][3] = "colour".into()).contains("`colour` is none of"));
        assert!(
            broken(&|j| j["mean"].as_array_mut().unwrap().truncate(5))
                .contains(&format!("5 values for {FEATURES} features"))
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
