//! The ground truth of a scene as each evaluator reads its labels.

use std::collections::BTreeMap;

use super::MIN_POINTS;

/// The ground-truth instances of one scene and its void points; predicting void points is not
/// penalized.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvaluationTruth {
    /// `(points)`: index into `instances`, or [`EvaluationTruth::VOID`].
    pub(super) instance_of_point: Vec<u32>,
    /// The instances by ascending id, the order in which they are matched.
    pub(super) instances: Vec<TrueInstance>,
}

/// One ground-truth instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TrueInstance {
    pub class: usize,
    pub points: u32,
    /// If `true`, this is a group of objects rather than a single object.
    group: bool,
}

impl TrueInstance {
    /// `true` if the instance is to be found; otherwise predictions that cover it are merely not
    /// penalized.
    pub fn counts(&self) -> bool {
        !self.group && self.points >= MIN_POINTS
    }
}

impl EvaluationTruth {
    pub(super) const VOID: u32 = u32::MAX;

    /// The ground truth of ScanNet and SegDINO3D: `ids`, `(points)`, are class x 1000 + instance.
    /// Points whose class is not in `classes` are void.
    pub fn scannet(ids: &[u32], classes: &[u32]) -> Self {
        let class_of = |id: u32| classes.iter().position(|&class| class == id / 1000);
        Self::new(
            ids.iter()
                .map(|&id| class_of(id).map(|class| (id, class, false))),
        )
    }

    /// The class-agnostic ground truth of Open3DIS and Any3DIS: an instance is a distinct pair of
    /// class and instance (both per point) for whose class `is_thing` returns `true`. Everything
    /// else is void, and so is `unlabeled`, the instance id that means no instance.
    pub fn things(
        semantic: &[i32],
        instance: &[i32],
        unlabeled: i32,
        is_thing: impl Fn(i32) -> bool,
    ) -> Self {
        let labels = semantic.iter().zip(instance);
        Self::new(labels.map(|(&class, &id)| {
            (id != unlabeled && is_thing(class)).then_some(((class, id), 0, false))
        }))
    }

    /// The class-agnostic ground truth of Segment3D: every id except 0, which alone is void, is an
    /// instance; ids below 1000 mark groups.
    pub fn segment3d(ids: &[u32]) -> Self {
        Self::new(
            ids.iter()
                .map(|&id| (id != 0).then_some((id, 0, id < 1000))),
        )
    }

    /// Creates the ground truth from (id, class, is a group) of every point, where `None` is void.
    fn new<Id: Ord + Copy>(
        labels: impl Iterator<Item = Option<(Id, usize, bool)>> + Clone,
    ) -> Self {
        let mut instance_of_id: BTreeMap<Id, (u32, TrueInstance)> = BTreeMap::new();
        for (id, class, group) in labels.clone().flatten() {
            instance_of_id
                .entry(id)
                .or_insert((
                    0,
                    TrueInstance {
                        class,
                        points: 0,
                        group,
                    },
                ))
                .1
                .points += 1;
        }
        for (index, entry) in instance_of_id.values_mut().enumerate() {
            entry.0 = index as u32;
        }
        Self {
            instance_of_point: labels
                .map(|label| label.map_or(Self::VOID, |(id, ..)| instance_of_id[&id].0))
                .collect(),
            instances: instance_of_id
                .into_values()
                .map(|(_, instance)| instance)
                .collect(),
        }
    }

    /// The number of instances that count.
    pub fn count(&self) -> usize {
        self.instances.iter().filter(|i| i.counts()).count()
    }
}
