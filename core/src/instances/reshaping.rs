//! Instances as a user reshaped them: merged, deleted, split, given parts of others. What was found stays as it is; a
//! [`Reshaping`] has the superpoints of the instances that are others by now, and
//! [`Reshaping::applied`] is the only place where the two come together.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Instance, Segmentation};
use crate::geometry::Aabb;

/// An instance that a user made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reshaped {
    /// Index of the instance found that it comes from. It has the score and the embedding of that
    /// one, so that prompts find it in the same way. `None` if it is made of points that belonged to
    /// none: then it is nameless, and as sure as what a user says.
    pub origin: Option<u32>,
    /// Ascending ids of its superpoints; none if it was deleted. Steps of a history share them.
    #[serde(serialize_with = "serialize_shared")]
    #[serde(deserialize_with = "deserialize_shared")]
    pub superpoints: Arc<[u32]>,
}

fn serialize_shared<S: Serializer>(ids: &Arc<[u32]>, serializer: S) -> Result<S::Ok, S::Error> {
    ids.as_ref().serialize(serializer)
}

fn deserialize_shared<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<[u32]>, D::Error> {
    Vec::deserialize(deserializer).map(Arc::from)
}

/// The instances that a user made, by index. The indices after those of the instances found are
/// new instances, without a gap between them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Reshaping(BTreeMap<u32, Reshaped>);

/// What an instance is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Shape {
    /// Ascending ids of its superpoints.
    pub superpoints: Vec<u32>,
    /// Number of points.
    pub points: u32,
    /// Tight bounding box of the points; [`Aabb::EMPTY`] without points.
    pub bounds: Aabb,
}

/// Number of points and bounding box of every superpoint, `(superpoints)`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Extents(Vec<(u32, Aabb)>);

impl Extents {
    /// Measures the superpoints of points in the world frame. O(points).
    pub fn new(positions: &[[f32; 3]], superpoint_of_point: &[u32]) -> Self {
        let count = superpoint_of_point.iter().max().map_or(0, |id| id + 1);
        let mut extents = vec![(0, Aabb::EMPTY); count as usize];
        for (position, superpoint) in positions.iter().zip(superpoint_of_point) {
            let (points, bounds) = &mut extents[*superpoint as usize];
            *points += 1;
            *bounds = bounds.with(*position);
        }
        Self(extents)
    }

    /// The shape of superpoints. Those that do not exist have no points.
    pub fn shape(&self, superpoints: &[u32]) -> Shape {
        let known = superpoints.iter().filter_map(|id| self.0.get(*id as usize));
        let (points, bounds) = known.fold((0, Aabb::EMPTY), |(points, bounds), (more, other)| {
            (points + more, bounds.union(other))
        });
        Shape {
            superpoints: superpoints.to_vec(),
            points,
            bounds,
        }
    }
}

impl Reshaping {
    /// Instances as they were found.
    pub const NONE: Self = Self(BTreeMap::new());

    /// The instances that are others than those found, by ascending index.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &Reshaped)> {
        self.0.iter().map(|(index, reshaped)| (*index, reshaped))
    }

    /// The instance that was made at this index; `None` if it is as it was found.
    pub fn get(&self, index: u32) -> Option<&Reshaped> {
        self.0.get(&index)
    }

    /// Index of the instance found that an instance comes from, if it comes from one.
    pub fn origin(&self, index: u32) -> Option<u32> {
        self.get(index)
            .map_or(Some(index), |reshaped| reshaped.origin)
    }

    /// Number of instances by now, with those that were deleted, if so many were found.
    pub fn count(&self, found: usize) -> usize {
        let last = self.0.last_key_value();
        last.map_or(found, |(last, _)| found.max(*last as usize + 1))
    }

    /// Gives the superpoints of `others` to the instance `into`, and leaves those without any.
    /// `superpoints_of` are the superpoints that instances have so far.
    pub fn merge<'a>(
        &mut self,
        into: u32,
        others: impl IntoIterator<Item = u32>,
        superpoints_of: impl Fn(u32) -> &'a [u32],
    ) {
        let mut all: BTreeSet<u32> = superpoints_of(into).iter().copied().collect();
        for other in others {
            all.extend(superpoints_of(other));
            self.delete(other);
        }
        self.put(into, all.into_iter().collect());
    }

    /// Leaves an instance without superpoints. Its index stays, so that those of others do not
    /// change.
    pub fn delete(&mut self, instance: u32) {
        self.put(instance, Arc::default());
    }

    /// Moves `parts` of an instance with these `superpoints` to a new one, which gets the index
    /// `next`, their [number](Self::count). Returns `false`, and changes nothing, if nothing or
    /// nothing else is left of either.
    pub fn split(
        &mut self,
        instance: u32,
        superpoints: &[u32],
        parts: &BTreeSet<u32>,
        next: u32,
    ) -> bool {
        let (taken, left): (Vec<u32>, Vec<u32>) =
            superpoints.iter().partition(|id| parts.contains(id));
        if taken.is_empty() || left.is_empty() {
            return false;
        }
        self.add(self.origin(instance), taken, next);
        self.put(instance, left.into());
        true
    }

    /// Makes superpoints, in ascending order, a new instance with the index `next`, their
    /// [number](Self::count), that is like the instance `origin`, or like none.
    pub fn add(&mut self, origin: Option<u32>, superpoints: Vec<u32>, next: u32) {
        let superpoints = superpoints.into();
        self.0.insert(
            next,
            Reshaped {
                origin,
                superpoints,
            },
        );
    }

    /// Gives `parts` to an instance with these `superpoints`.
    pub fn give(&mut self, instance: u32, superpoints: &[u32], parts: &BTreeSet<u32>) {
        let all: BTreeSet<u32> = superpoints.iter().chain(parts).copied().collect();
        if all.len() > superpoints.len() {
            self.put(instance, all.into_iter().collect());
        }
    }

    /// Takes `parts` from an instance with these `superpoints`. Returns `true` if nothing is left of
    /// it: then it is as [deleted](Self::delete).
    pub fn take(&mut self, instance: u32, superpoints: &[u32], parts: &BTreeSet<u32>) -> bool {
        let left = superpoints.iter().filter(|id| !parts.contains(id));
        let left: Vec<u32> = left.copied().collect();
        let is_gone = left.is_empty() && !superpoints.is_empty();
        if left.len() < superpoints.len() {
            self.put(instance, left.into());
        }
        is_gone
    }

    fn put(&mut self, instance: u32, superpoints: Arc<[u32]>) {
        let origin = self.origin(instance);
        self.0.insert(
            instance,
            Reshaped {
                origin,
                superpoints,
            },
        );
    }

    /// The instances as they are by now: those found with the changes applied, then the new ones,
    /// which begin as copies of those that they come from, or as `unlike` any. `reshape` gives an
    /// instance its shape.
    pub fn applied<T: Clone>(
        &self,
        found: &[T],
        extents: &Extents,
        unlike: impl Fn() -> T,
        reshape: impl Fn(&mut T, Shape),
    ) -> Vec<T> {
        let mut instances = found.to_vec();
        for (index, reshaped) in self.iter() {
            let origin = reshaped.origin.map(|origin| found.get(origin as usize));
            let Some(mut instance) = origin.map_or_else(|| Some(unlike()), |found| found.cloned())
            else {
                continue;
            };
            reshape(&mut instance, extents.shape(&reshaped.superpoints));
            match instances.get_mut(index as usize) {
                Some(place) => *place = instance,
                None => instances.push(instance),
            }
        }
        instances
    }

    /// For each of the instances as they are by now, the index of the one that it comes from, if it
    /// comes from one and `found` were found.
    pub fn origins(&self, found: usize) -> Vec<Option<u32>> {
        let mut origins: Vec<Option<u32>> = (0..found as u32).map(Some).collect();
        for (index, reshaped) in self.iter() {
            match origins.get_mut(index as usize) {
                Some(origin) => *origin = reshaped.origin,
                None => origins.push(reshaped.origin),
            }
        }
        origins
    }
}

impl Segmentation {
    /// The instances as a user made them. One that was deleted keeps its index, and is nameless,
    /// without points and with a score of 0. Instances that are new or were merged can be anywhere
    /// in the order of scores.
    pub fn reshaped(&self, reshaping: &Reshaping, extents: &Extents) -> Self {
        let unlike = || Instance {
            superpoints: Vec::new(),
            score: 1.0,
            embedding: vec![0.0; self.space.width],
            bounds: Aabb::EMPTY,
            points: 0,
        };
        let reshape = |instance: &mut Instance, shape: Shape| {
            if shape.superpoints.is_empty() {
                instance.score = 0.0;
                instance.embedding.fill(0.0);
            }
            instance.superpoints = shape.superpoints;
            instance.points = shape.points;
            instance.bounds = shape.bounds;
        };
        Self {
            space: self.space.clone(),
            instances: reshaping.applied(&self.instances, extents, unlike, reshape),
            logit_scale: self.logit_scale,
        }
    }

    /// The instances that have superpoints, by descending score again, and the index that each of
    /// them has in `self`.
    pub fn compacted(&self) -> (Self, Vec<u32>) {
        let instances = (0..).zip(&self.instances);
        let mut kept: Vec<(u32, &Instance)> = instances
            .filter(|(_, instance)| !instance.superpoints.is_empty())
            .collect();
        kept.sort_by(|(_, a), (_, b)| b.score.total_cmp(&a.score));
        let compacted = Self {
            space: self.space.clone(),
            instances: kept
                .iter()
                .map(|(_, instance)| (*instance).clone())
                .collect(),
            logit_scale: self.logit_scale,
        };
        (
            compacted,
            kept.into_iter().map(|(index, _)| index).collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Superpoints of one, two, three and four points at x = 0, 1, 2 and 3.
    fn extents() -> Extents {
        let superpoint_of_point = [0, 1, 1, 2, 2, 2, 3, 3, 3, 3];
        let positions = superpoint_of_point.map(|id| [id as f32, 0.0, 0.0]);
        Extents::new(&positions, &superpoint_of_point)
    }

    /// A sofa of superpoints 0 and 1, a table of 2, and a room of everything.
    fn found() -> Segmentation {
        let instance = |superpoints: &[u32], score, embedding: [f32; 2]| {
            let Shape { points, bounds, .. } = extents().shape(superpoints);
            Instance {
                superpoints: superpoints.to_vec(),
                score,
                embedding: embedding.to_vec(),
                bounds,
                points,
            }
        };
        Segmentation {
            instances: vec![
                instance(&[0, 1], 0.9, [1.0, 0.0]),
                instance(&[2], 0.8, [0.0, 1.0]),
                instance(&[0, 1, 2, 3], 0.3, [0.6, 0.8]),
            ],
            ..Segmentation::default()
        }
    }

    fn sets(segmentation: &Segmentation) -> Vec<&[u32]> {
        let instances = segmentation.instances.iter();
        instances.map(|i| i.superpoints.as_slice()).collect()
    }

    #[test]
    fn a_merger_has_the_points_of_all_and_is_what_the_first_was() {
        let (found, mut reshaping) = (found(), Reshaping::NONE);
        let superpoints_of = |id: u32| found.instances[id as usize].superpoints.as_slice();
        reshaping.merge(1, [0], superpoints_of);
        let made = found.reshaped(&reshaping, &extents());
        assert_eq!(sets(&made), [&[][..], &[0, 1, 2], &[0, 1, 2, 3]]);
        let merged = &made.instances[1];
        assert_eq!((merged.score, &merged.embedding), (0.8, &vec![0.0, 1.0]));
        assert_eq!((merged.points, merged.bounds.max), (6, [2.0, 0.0, 0.0]));
        let gone = &made.instances[0];
        assert!(gone.is_nameless() && gone.score == 0.0 && gone.points == 0);
        assert_eq!(made.instances[2], found.instances[2]);
    }

    #[test]
    fn a_part_that_is_split_off_is_new_and_like_the_whole() {
        let (found, mut reshaping) = (found(), Reshaping::NONE);
        let whole = &found.instances[2];
        let parts = BTreeSet::from([1, 3, 9]);
        assert!(reshaping.split(2, &whole.superpoints, &parts, 3));
        // Of the new one, another part is split off.
        assert!(reshaping.split(3, &[1, 3], &BTreeSet::from([3]), 4));
        let made = found.reshaped(&reshaping, &extents());
        assert_eq!(sets(&made), [&[0, 1][..], &[2], &[0, 2], &[1], &[3]]);
        let points: Vec<u32> = made.instances.iter().map(|i| i.points).collect();
        assert_eq!(points, [3, 3, 4, 2, 4]);
        assert_eq!(reshaping.origins(3), [0, 1, 2, 2, 2].map(Some));
        assert_eq!((reshaping.count(3), Reshaping::NONE.count(3)), (5, 3));
        for part in &made.instances[2..] {
            assert_eq!(
                (part.score, &part.embedding),
                (whole.score, &whole.embedding)
            );
        }
    }

    #[test]
    fn a_split_that_leaves_nothing_on_one_side_is_none() {
        let mut reshaping = Reshaping::NONE;
        for parts in [&[][..], &[7], &[0, 1]] {
            let parts = parts.iter().copied().collect();
            assert!(!reshaping.split(0, &[0, 1], &parts, 3), "{parts:?}");
        }
        assert_eq!(reshaping, Reshaping::NONE);
    }

    #[test]
    fn parts_are_given_and_taken_and_what_comes_from_nothing_is_nameless_and_sure() {
        let (found, mut reshaping) = (found(), Reshaping::NONE);
        let superpoints_of = |id: u32| found.instances[id as usize].superpoints.as_slice();
        let parts = BTreeSet::from([1, 2]);
        reshaping.give(0, superpoints_of(0), &parts);
        assert!(reshaping.take(1, superpoints_of(1), &parts), "all is taken");
        assert!(!reshaping.take(2, superpoints_of(2), &parts));
        reshaping.add(None, vec![3], 3);
        let made = found.reshaped(&reshaping, &extents());
        assert_eq!(sets(&made), [&[0, 1, 2][..], &[], &[0, 3], &[3]]);
        let new = &made.instances[3];
        assert!(new.is_nameless() && new.score == 1.0 && new.points == 4);
        assert_eq!(reshaping.origins(3), [Some(0), Some(1), Some(2), None]);

        let mut idle = Reshaping::NONE;
        idle.give(0, superpoints_of(0), &BTreeSet::from([1]));
        assert!(!idle.take(0, superpoints_of(0), &BTreeSet::from([2])));
        assert_eq!(idle, Reshaping::NONE, "nothing was given or taken");
    }

    #[test]
    fn what_is_kept_has_points_and_descends_in_score() {
        let (found, mut reshaping) = (found(), Reshaping::NONE);
        reshaping.split(0, &[0, 1], &BTreeSet::from([1]), 3);
        reshaping.delete(1);
        let made = found.reshaped(&reshaping, &extents());
        let (compacted, index_in_made) = made.compacted();
        assert_eq!(index_in_made, [0, 3, 2]);
        assert_eq!(sets(&compacted), [&[0][..], &[1], &[0, 1, 2, 3]]);
    }

    #[test]
    fn a_reshaping_is_the_same_after_a_message() {
        let mut reshaping = Reshaping::NONE;
        reshaping.split(0, &[0, 1], &BTreeSet::from([1]), 3);
        reshaping.delete(1);
        let text = serde_json::to_string(&reshaping).expect("plain values");
        let read: Reshaping = serde_json::from_str(&text).expect("what was written");
        assert_eq!(read, reshaping);
    }
}
