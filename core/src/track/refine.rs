//! Which instances are one thing, and whole superpoints in place of voxels.

use std::collections::BTreeMap;

use super::{TrackOptions, affinity::cosine, state::Track, voxel_hash::VoxelHash};
use crate::{instances::majority_owner, superpoint::Superpoints};

/// Merges the instances that are one thing, of which each pair keeps the smaller id, and returns
/// how many are gone.
///
/// Two are one if they share most of their voxels, or if they look alike and one lies in the other:
/// either happens when they began in frames that show different parts. Only consistent voxels
/// count. The best pair of an instance is merged first; what results is compared again.
pub(super) fn merge(
    hash: &mut VoxelHash,
    tracks: &mut BTreeMap<u32, Track>,
    options: &TrackOptions,
) -> u32 {
    let mut gone = 0;
    loop {
        let mut pairs = doubles(hash, tracks, options);
        if pairs.is_empty() {
            return gone;
        }
        // The greatest overlap first, then the smallest ids.
        pairs.sort_by(|(a, of_a), (b, of_b)| of_b.total_cmp(of_a).then(a.cmp(b)));
        let mut changed = Vec::new();
        for ([kept, lost], _) in pairs {
            if changed.contains(&kept) || changed.contains(&lost) {
                continue;
            }
            changed.extend([kept, lost]);
            hash.merge(kept, lost);
            if let Some(lost) = tracks.remove(&lost)
                && let Some(kept) = tracks.get_mut(&kept)
            {
                kept.join(&lost);
            }
            gone += 1;
        }
    }
}

/// The pairs of instances, smaller id first, that are one thing, and their intersection over union.
fn doubles(
    hash: &VoxelHash,
    tracks: &BTreeMap<u32, Track>,
    options: &TrackOptions,
) -> Vec<([u32; 2], f32)> {
    let mut sizes = BTreeMap::<u32, u32>::new();
    let mut common = BTreeMap::<[u32; 2], u32>::new();
    let mut members = Vec::new();
    for voxel in hash.voxels() {
        let consistent = voxel.members.iter();
        let consistent = consistent.filter(|member| member.is_consistent(options.min_inside));
        members.clear();
        members.extend(consistent.map(|member| member.track));
        for (place, one) in members.iter().enumerate() {
            *sizes.entry(*one).or_default() += 1;
            for other in &members[place + 1..] {
                *common.entry([*one, *other]).or_default() += 1;
            }
        }
    }
    let mut features = BTreeMap::new();
    let mut look_alike = |pair: [u32; 2]| {
        for track in pair {
            features
                .entry(track)
                .or_insert_with(|| tracks.get(&track).and_then(Track::feature));
        }
        match pair.map(|track| features[&track].as_deref()) {
            [Some(one), Some(other)] => cosine(one, other) > options.merge_cosine,
            _ => false,
        }
    };
    let double = |(pair, common): (&[u32; 2], &u32)| {
        let [one, other] = pair.map(|track| sizes[&track]);
        let overlap = *common as f32 / (one + other - common) as f32;
        let containment = *common as f32 / one.min(other) as f32;
        let is_one = overlap > options.merge_overlap
            || containment > options.merge_containment && look_alike(*pair);
        is_one.then_some((*pair, overlap))
    };
    common.iter().filter_map(double).collect()
}

/// `(points)`: owners made of whole superpoints. A superpoint is the instance's that owns more than
/// half of its points, and nobody's if there is none.
///
/// # Panics
/// If there are fewer owners than points.
pub fn snapped(owner_of_point: &[u32], superpoints: &Superpoints) -> Vec<u32> {
    let owners = majority_owner(owner_of_point, superpoints);
    let of_points = superpoints.superpoint_of_point();
    of_points.iter().map(|s| owners[*s as usize]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instances::NO_INSTANCE;

    #[test]
    fn superpoints_go_to_those_who_own_more_than_half() {
        // Superpoint 0 has 2 of 3 points of instance 4, superpoint 1 has 1 of 2, superpoint 2 has
        // 1 of 4 points of instance 4 and 3 of nobody.
        let superpoints = Superpoints::from_ids(&[0, 0, 0, 1, 1, 2, 2, 2, 2]);
        let none = NO_INSTANCE;
        let owners = [4, none, 4, 5, 4, none, none, 4, none];
        let expected = [4, 4, 4, none, none, none, none, none, none];
        assert_eq!(snapped(&owners, &superpoints), expected);
    }
}
