//! What was tracked as a segmentation like any other: prompts, thresholds, bundles and files work
//! on it as on that of a network.

use std::collections::HashMap;

use super::{TrackedInstance, instances::voxel};
use crate::{
    geometry::Aabb,
    instances::{Instance, Segmentation},
    superpoint::Superpoints,
    text::Vocabulary,
};

/// The network's scale on cosines, for names that masks gave: that of names of fixed classes.
const NAME_SCALE: f32 = 20.0;

/// Instances that were tracked, as whole superpoints of points.
#[derive(Clone, Debug)]
pub struct SegmentedTracks {
    /// The partition of the points: those of one superpoint lie in voxels of the same instances.
    pub superpoints: Superpoints,
    /// The instances that have points, in the space of the vocabulary. One with a name that is not
    /// a noun of the vocabulary, or without a name, is [nameless](Instance::is_nameless).
    pub segmentation: Segmentation,
    /// `(instances)`: the names that masks gave them.
    pub names: Vec<Option<String>>,
}

/// Makes a segmentation of the points with `positions` in the world frame, which `place` takes to the
/// axes of the cameras' poses. An instance has all points in its voxels of an edge of `voxel_size`
/// metres; of instances that share voxels, the smallest one owns them, as everywhere.
pub fn segmented(
    instances: &[TrackedInstance],
    positions: &[[f32; 3]],
    place: &dyn Fn([f32; 3]) -> [f32; 3],
    voxel_size: f32,
    vocabulary: &Vocabulary,
) -> SegmentedTracks {
    let mut of_voxel = HashMap::<[i32; 3], Vec<u32>>::new();
    for (index, instance) in (0..).zip(instances) {
        for voxel in &instance.voxels {
            of_voxel.entry(*voxel).or_default().push(index);
        }
    }
    // What the voxels of one set of instances contain is one superpoint.
    let nobody = Vec::new();
    let mut id_of_set = HashMap::<&[u32], u32>::new();
    let mut sets: Vec<&[u32]> = Vec::new();
    let ids: Vec<u32> = positions
        .iter()
        .map(|position| {
            let voxel = voxel(place(*position), voxel_size);
            let set = of_voxel.get(&voxel).unwrap_or(&nobody).as_slice();
            *id_of_set.entry(set).or_insert_with(|| {
                sets.push(set);
                sets.len() as u32 - 1
            })
        })
        .collect();
    // The ids are numbered in the order of their first points, as those of superpoints are.
    let superpoints = Superpoints::from_ids(&ids);
    let mut of_instance = vec![Vec::new(); instances.len()];
    for (superpoint, set) in (0..).zip(&sets) {
        for instance in *set {
            of_instance[*instance as usize].push(superpoint);
        }
    }
    let mut extents = vec![(Aabb::EMPTY, 0_u32); sets.len()];
    for (superpoint, position) in ids.iter().zip(positions) {
        let (bounds, points) = &mut extents[*superpoint as usize];
        *bounds = bounds.with(*position);
        *points += 1;
    }
    let mut found: Vec<(Instance, Option<String>)> = instances
        .iter()
        .zip(of_instance)
        .filter(|(_, superpoints)| !superpoints.is_empty())
        .map(|(tracked, superpoints)| {
            let extents = superpoints.iter().map(|s| extents[*s as usize]);
            let (bounds, points) = extents.fold((Aabb::EMPTY, 0), |(all, count), (one, points)| {
                (all.union(&one), count + points)
            });
            let known = tracked.name().and_then(|name| vocabulary.lookup(name));
            let instance = Instance {
                superpoints,
                score: tracked.score,
                embedding: match known {
                    Some(embedding) => embedding.to_vec(),
                    None => vec![0.0; vocabulary.space().width],
                },
                bounds,
                points,
            };
            (instance, tracked.name().map(str::to_owned))
        })
        .collect();
    // Equal ones in the order of their ids.
    found.sort_by(|(a, _), (b, _)| b.score.total_cmp(&a.score));
    let (instances, names) = found.into_iter().unzip();
    SegmentedTracks {
        superpoints,
        segmentation: Segmentation {
            space: vocabulary.space().clone(),
            instances,
            logit_scale: NAME_SCALE,
        },
        names,
    }
}
