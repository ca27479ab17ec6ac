//! The optimiser and its learning rate schedule.

use serde::{Deserialize, Serialize};

/// AdamW with a linear warm-up and a polynomial decay of the learning rate (docs/spec/model.md
/// section 11.4).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Optimizer {
    /// Peak learning rate.
    pub learning_rate: f64,
    /// Decoupled weight decay.
    pub weight_decay: f64,
    /// If `true`, weight decay also applies to vectors, that is the parameters of norms and the
    /// biases, as in the released code.
    pub decay_vectors: bool,
    /// Largest norm of the whole gradient.
    pub clip: f32,
    /// Steps of linear warm-up.
    pub warmup: u64,
    /// Share of the run at the peak learning rate, before the decay.
    #[serde(skip_serializing_if = "is_zero")]
    pub constant: f64,
    /// Exponent of the polynomial decay to zero at the end of the run.
    pub power: f64,
    /// Number of scenes whose gradients are averaged in one step.
    pub scenes_per_step: usize,
    /// Decay per update of the exponential moving average of the weights, for example 0.999. If it
    /// is given, the averages are kept in checkpoints, and they are evaluated and exported in place
    /// of the weights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ema: Option<f64>,
}

impl Default for Optimizer {
    fn default() -> Self {
        Self {
            learning_rate: 5e-4,
            weight_decay: 0.05,
            decay_vectors: true,
            clip: 10.0,
            warmup: 100,
            constant: 0.0,
            power: 0.9,
            scenes_per_step: 1,
            ema: None,
        }
    }
}

fn is_zero(value: &f64) -> bool {
    *value == 0.0
}
