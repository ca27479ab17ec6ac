//! How large true things are, so that what is found can be told apart by it. Metres, not points: a
//! finer scan makes nothing larger.

use super::Truth;

/// The longest edge of the axis-aligned box around a thing's points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// Below [`Size::MEDIUM_FROM`].
    Small,
    /// Below [`Size::LARGE_FROM`].
    Medium,
    /// All the rest.
    Large,
}

impl Size {
    /// The least extent of a medium thing, metres.
    pub const MEDIUM_FROM: f32 = 0.5;
    /// The least extent of a large thing, metres.
    pub const LARGE_FROM: f32 = 1.5;
    /// From small to large.
    pub const ALL: [Self; 3] = [Self::Small, Self::Medium, Self::Large];

    /// Of a thing whose box's longest edge is `extent` metres.
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

impl Truth {
    /// The same with instances of one size alone; those of other sizes are void, as where the
    /// released evaluators leave classes out: to predict them costs nothing, whatever class they
    /// are taken for. `positions` (points, 3) in metres.
    ///
    /// # Panics
    /// If there are not as many positions as points.
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
