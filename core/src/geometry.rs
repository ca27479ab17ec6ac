//! The axis-aligned box and the logistic function, which many parts use.

use serde::{Deserialize, Serialize};

/// An axis-aligned box in the world frame, metres.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Aabb {
    /// Lower corner.
    pub min: [f32; 3],
    /// Upper corner.
    pub max: [f32; 3],
}

impl Aabb {
    /// The empty box, which contains nothing; the neutral element of [`Self::union`].
    pub const EMPTY: Self = Self {
        min: [f32::INFINITY; 3],
        max: [f32::NEG_INFINITY; 3],
    };

    /// `true` if the closed box contains the point.
    pub fn contains(&self, point: [f32; 3]) -> bool {
        (0..3).all(|axis| self.min[axis] <= point[axis] && point[axis] <= self.max[axis])
    }

    /// The smallest box that contains both boxes.
    pub fn union(&self, other: &Self) -> Self {
        Self {
            min: std::array::from_fn(|axis| self.min[axis].min(other.min[axis])),
            max: std::array::from_fn(|axis| self.max[axis].max(other.max[axis])),
        }
    }

    /// The smallest box that contains this box and a point.
    pub fn with(&self, point: [f32; 3]) -> Self {
        self.union(&Self {
            min: point,
            max: point,
        })
    }

    /// Edge lengths; negative for [`Self::EMPTY`].
    pub fn size(&self) -> [f32; 3] {
        std::array::from_fn(|axis| self.max[axis] - self.min[axis])
    }
}

/// The logistic function.
pub fn sigmoid(logit: f32) -> f32 {
    1.0 / (1.0 + (-logit).exp())
}
