//! The size of ground-truth objects, so that results can be reported by size. Sizes are in metres
//! rather than points, because a denser scan does not make an object larger.

use super::EvaluationTruth;

/// The size class of an object, by the longest edge of the axis-aligned box around its points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// Below [`Size::MEDIUM_FROM`].
    Small,
    /// Below [`Size::LARGE_FROM`], but not small.
    Medium,
    /// [`Size::LARGE_FROM`] or more.
    Large,
}

impl Size {
    /// The minimum extent of a medium object, metres.
    pub const MEDIUM_FROM: f32 = 0.5;
    /// The minimum extent of a large object, metres.
    pub const LARGE_FROM: f32 = 1.5;
    /// All sizes, from small to large.
    pub const ALL: [Self; 3] = [Self::Small, Self::Medium, Self::Large];

    /// The size class of an object whose box has a longest edge of `extent` metres.
    pub fn of(extent: f32) -> Self {
        if extent < Self::MEDIUM_FROM {
            Self::Small
        } else if extent < Self::LARGE_FROM {
            Self::Medium
        } else {
            Self::Large
        }
    }

    /// "small", "medium" or "large".
    pub fn name(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Medium => "medium",
            Self::Large => "large",
        }
    }
}

impl EvaluationTruth {
    /// Returns the ground truth with instances of one size only; those of other sizes become void,
    /// as in the released evaluators when they exclude classes: predicting them costs nothing,
    /// whatever class is predicted. `positions`, `(points, 3)`, are in metres.
    ///
    /// # Panics
    /// If the number of positions differs from the number of points.
    #[must_use]
    pub fn of_size(&self, size: Size, positions: &[[f32; 3]]) -> Self {
        assert_eq!(
            positions.len(),
            self.instance_of_point.len(),
            "a position for every point"
        );
        let mut boxes = vec![([f32::INFINITY; 3], [f32::NEG_INFINITY; 3]); self.instances.len()];
        for (position, &instance) in positions.iter().zip(&self.instance_of_point) {
            if let Some((low, high)) = boxes.get_mut(instance as usize) {
                for axis in 0..3 {
                    low[axis] = low[axis].min(position[axis]);
                    high[axis] = high[axis].max(position[axis]);
                }
            }
        }
        let extent = |(low, high): &([f32; 3], [f32; 3])| {
            (0..3)
                .map(|axis| high[axis] - low[axis])
                .fold(0.0, f32::max)
        };
        let kept: Vec<bool> = boxes
            .iter()
            .map(|bounds| Size::of(extent(bounds)) == size)
            .collect();
        let mut instances = Vec::new();
        let mut row_of_instance = vec![Self::VOID; kept.len()];
        for (row, instance) in self
            .instances
            .iter()
            .enumerate()
            .filter(|(row, _)| kept[*row])
        {
            row_of_instance[row] = instances.len() as u32;
            instances.push(*instance);
        }
        let row = |instance: &u32| {
            row_of_instance
                .get(*instance as usize)
                .copied()
                .unwrap_or(Self::VOID)
        };
        Self {
            instance_of_point: self.instance_of_point.iter().map(row).collect(),
            instances,
        }
    }
}
