//! A tracker that knows the truth, with errors of known sizes: it measures what lifting is worth
//! apart from the 2D model.

use std::collections::BTreeMap;

use super::{LiftError, OnMask, PosedViews, TrackTask, TrackedMask, Tracker, tracker::sweep};
use crate::{
    progress::Monitor,
    views::{Occlusion, Sight},
};

/// Maximum distance of a point from the surface that a view measured there, metres.
const TOLERANCE: f32 = 0.1;
/// Number of pixels by which labels grow into pixels that no point falls on: points are sparser than
/// pixels.
const GAP: usize = 4;
/// Maximum difference in depth between a pixel and the neighbour from which it takes a label, metres.
const STEP: f32 = 0.05;
/// A pixel that no point falls on, and the first value of those that show an instance.
const UNKNOWN: u32 = 0;
const NOTHING: u32 = 1;

/// Sizes of the errors of a tracker.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TrackErrors {
    /// Probability that an object is not reported in a view other than the pivot.
    pub missed: f32,
    /// Outlines are off by at most this number of pixels, inward or outward in each view.
    pub ragged: usize,
    /// Probability that the mask of a view includes the neighbour with the longest common outline.
    pub merged: f32,
    /// Probability that from a view on, away from the pivot, that neighbour is followed in place of
    /// the object.
    pub switched: f32,
    /// What else the errors depend on.
    pub seed: u64,
}

/// Follows objects by their true labels.
pub struct OracleTracker<'a> {
    views: &'a dyn PosedViews,
    positions: &'a [[f32; 3]],
    /// `(points)`: instances, 0 for none.
    instance_of_point: &'a [u32],
    errors: TrackErrors,
}

impl<'a> OracleTracker<'a> {
    /// A tracker through these views of `positions`, `(points, 3)` in the world frame, with the
    /// instance of each point, 0 for none.
    ///
    /// # Errors
    /// Lengths differ, or an error has a probability outside 0 to 1.
    pub fn new(
        views: &'a dyn PosedViews,
        positions: &'a [[f32; 3]],
        instance_of_point: &'a [u32],
        errors: TrackErrors,
    ) -> Result<Self, LiftError> {
        if positions.len() != instance_of_point.len() {
            return Err(LiftError::Lengths {
                points: positions.len(),
                grouped: instance_of_point.len(),
            });
        }
        for (name, value) in [
            ("missed", errors.missed),
            ("merged", errors.merged),
            ("switched", errors.switched),
        ] {
            if !(0.0..=1.0).contains(&value) {
                return Err(LiftError::Option {
                    name,
                    value,
                    expected: "a probability, 0 to 1",
                });
            }
        }
        Ok(Self {
            views,
            positions,
            instance_of_point,
            errors,
        })
    }

    fn labels(&self, view: u32) -> Result<Labels, LiftError> {
        let depth = self.views.depth(view as usize)?;
        let camera = self.views.camera(view as usize);
        let sight = Sight::new(&camera, Some(&depth), Occlusion::Around(TOLERANCE));
        let [rows, columns] = depth.size();
        let mut values = vec![UNKNOWN; rows * columns];
        let mut nearest = vec![f32::INFINITY; rows * columns];
        for (position, instance) in self.positions.iter().zip(self.instance_of_point) {
            let Some(pixel) = sight.sees(*position) else {
                continue;
            };
            let along =
                |share: f32, extent: usize| ((share * extent as f32) as usize).min(extent - 1);
            let at = along(pixel.y, rows) * columns + along(pixel.x, columns);
            if pixel.depth < nearest[at] {
                nearest[at] = pixel.depth;
                values[at] = instance.saturating_add(NOTHING);
            }
        }
        let mut labels = Labels {
            size: [rows, columns],
            values,
        };
        for _ in 0..GAP {
            let at = |pixel: usize| depth.at(pixel / columns, pixel % columns)[0];
            let joins = |a: usize, b: usize| at(a) > 0.0 && (at(a) - at(b)).abs() <= STEP;
            labels.fill(joins);
        }
        Ok(labels)
    }

    /// A number from 0 to below 1 for something that may happen to a track in a view.
    fn chance(&self, task: &TrackTask, view: u32, what: u64) -> f32 {
        let mut state = self.errors.seed;
        for part in [u64::from(task.seed), u64::from(view), what] {
            // SplitMix64
            state = state.wrapping_add(part).wrapping_add(0x9e37_79b9_7f4a_7c15);
            state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            state ^= state >> 31;
        }
        (state >> 40) as f32 / (1u64 << 24) as f32
    }

    /// The mask of an instance in a view, with errors.
    fn mask(
        &self,
        task: &TrackTask,
        view: u32,
        labels: &Labels,
        instance: u32,
    ) -> Option<TrackedMask> {
        let TrackErrors { ragged, merged, .. } = self.errors;
        let with = (self.chance(task, view, 2) < merged)
            .then(|| labels.neighbor(instance))
            .flatten();
        let is_on = |value: &u32| *value == instance || Some(*value) == with;
        let mut on: Vec<bool> = labels.values.iter().map(is_on).collect();
        let by = (self.chance(task, view, 3) * (2 * ragged + 1) as f32) as usize;
        for _ in 0..by.abs_diff(ragged) {
            on = labels.grown(&on, by > ragged);
        }
        TrackedMask::new(on, labels.size)
    }
}

impl Tracker for OracleTracker<'_> {
    fn together(&self) -> usize {
        64
    }

    fn track(
        &mut self,
        tasks: &[TrackTask],
        monitor: &Monitor,
        on_mask: OnMask,
    ) -> Result<Vec<Option<f32>>, LiftError> {
        // `(tasks)`: the instance that is followed on each side; `None` where nothing is asked for.
        let mut followed: Vec<Option<[u32; 2]>> = vec![None; tasks.len()];
        sweep(tasks, monitor, |view, active, direction| {
            let mut labels = None;
            for &i in active {
                let task = &tasks[i];
                let is_pivot = task.pivot == view;
                if !is_pivot && followed[i].is_none() {
                    continue;
                }
                let labels: &Labels = match &labels {
                    Some(labels) => labels,
                    None => &*labels.insert(self.labels(view)?),
                };
                if is_pivot {
                    followed[i] = labels.at(&task.prompts).map(|instance| [instance; 2]);
                }
                let Some(sides) = &mut followed[i] else {
                    continue;
                };
                let instance = &mut sides[direction as usize];
                if !is_pivot {
                    if self.chance(task, view, 0) < self.errors.switched {
                        *instance = labels.neighbor(*instance).unwrap_or(*instance);
                    }
                    if self.chance(task, view, 1) < self.errors.missed {
                        continue;
                    }
                }
                let mask = self.mask(task, view, labels, *instance);
                if let Some(mask) = mask.filter(|mask| is_pivot || !mask.is_empty()) {
                    on_mask(i, view, &mask)?;
                }
            }
            Ok(())
        })?;
        Ok(followed
            .into_iter()
            .map(|sides| sides.map(|_| 1.0))
            .collect())
    }
}

/// What the pixels of a view show.
struct Labels {
    size: [usize; 2],
    /// `(rows, columns)`: [`UNKNOWN`], or the instance of a point plus [`NOTHING`].
    values: Vec<u32>,
}

impl Labels {
    /// The pixels beside a pixel.
    fn beside(&self, pixel: usize) -> impl Iterator<Item = usize> + use<> {
        let [rows, columns] = self.size;
        let (row, column) = (pixel / columns, pixel % columns);
        [
            (row > 0).then(|| pixel - columns),
            (row + 1 < rows).then_some(pixel + columns),
            (column > 0).then(|| pixel - 1),
            (column + 1 < columns).then_some(pixel + 1),
        ]
        .into_iter()
        .flatten()
    }

    /// Gives pixels that no point falls on the label of a pixel beside them that they join.
    fn fill(&mut self, joins: impl Fn(usize, usize) -> bool) {
        let old = self.values.clone();
        for pixel in (0..old.len()).filter(|pixel| old[*pixel] == UNKNOWN) {
            let mut from = self.beside(pixel);
            let from = from.find(|from| old[*from] != UNKNOWN && joins(pixel, *from));
            if let Some(from) = from {
                self.values[pixel] = old[from];
            }
        }
    }

    /// The instance at most of the places; `None` if most show none.
    fn at(&self, places: &[[f32; 2]]) -> Option<u32> {
        let [rows, columns] = self.size;
        let mut votes: BTreeMap<u32, usize> = BTreeMap::new();
        for [x, y] in places {
            let along = |share: f32, extent: usize| {
                ((share * extent as f32).max(0.0) as usize).min(extent - 1)
            };
            let value = self.values[along(*y, rows) * columns + along(*x, columns)];
            *votes.entry(value).or_default() += 1;
        }
        let most = votes.into_iter().max_by_key(|(_, votes)| *votes);
        most.map(|(value, _)| value)
            .filter(|value| *value > NOTHING)
    }

    /// The instance with the longest common outline with another.
    fn neighbor(&self, instance: u32) -> Option<u32> {
        let mut common: BTreeMap<u32, usize> = BTreeMap::new();
        for pixel in (0..self.values.len()).filter(|pixel| self.values[*pixel] == instance) {
            for beside in self.beside(pixel) {
                let other = self.values[beside];
                if other > NOTHING && other != instance {
                    *common.entry(other).or_default() += 1;
                }
            }
        }
        let most = common.into_iter().max_by_key(|(_, length)| *length);
        most.map(|(other, _)| other)
    }

    /// The mask with one more row of pixels around it, or one less.
    fn grown(&self, on: &[bool], outward: bool) -> Vec<bool> {
        let is_on = |pixel: usize| match outward {
            true => on[pixel] || self.beside(pixel).any(|beside| on[beside]),
            false => on[pixel] && self.beside(pixel).all(|beside| on[beside]),
        };
        (0..on.len()).map(is_on).collect()
    }
}
