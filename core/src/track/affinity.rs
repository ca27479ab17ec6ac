//! How well the masks of a frame fit the instances so far.

use std::collections::BTreeMap;

use super::{TrackOptions, lifted_mask::LiftedMask, state::Track, voxel_hash::VoxelHash};
use crate::{foundation::Mask, views::Sight};

/// What a frame shows of the voxels so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Sighting {
    /// `(voxels)`: what the frame shows at the voxel.
    pub at_voxel: Vec<Shown>,
    /// `(masks)`: the voxels that the mask and the hash have in common.
    pub shared: Vec<Vec<u32>>,
}

/// What a frame shows at a voxel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// The voxel is hidden, outside the image or at unknown depth.
    Nothing,
    /// The frame sees the place of the voxel, and no mask of an instance there.
    Background,
    /// The frame sees an instance there, which has this index in the frame.
    Instance(u32),
}

/// A mask and an instance that have voxels in common.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pair {
    /// Index of the mask among those that were lifted.
    pub mask: usize,
    /// Id of the instance.
    pub track: u32,
    /// 0..=1.
    pub affinity: f32,
}

impl Sighting {
    /// Looks for the voxels in a frame. What masks were lifted to is seen for certain.
    pub fn new(hash: &VoxelHash, sight: &Sight, mask: &Mask, lifted: &[LiftedMask]) -> Self {
        let shown = |position: [f32; 3]| match sight.sees(position) {
            None => Shown::Nothing,
            Some(pixel) => match mask.at(pixel.x, pixel.y) {
                Some(instance) => Shown::Instance(instance),
                None => Shown::Background,
            },
        };
        let voxels = hash.voxels().iter();
        let mut at_voxel: Vec<Shown> = voxels.map(|voxel| shown(voxel.position)).collect();
        let shared = |mask: &LiftedMask| {
            let found = mask
                .voxels
                .iter()
                .filter_map(|voxel| hash.find(voxel.coords));
            found.collect()
        };
        let shared: Vec<Vec<u32>> = lifted.iter().map(shared).collect();
        for voxel in shared.iter().flatten() {
            let shown = &mut at_voxel[*voxel as usize];
            if *shown == Shown::Nothing {
                *shown = Shown::Background;
            }
        }
        Self { at_voxel, shared }
    }

    /// Number of the voxels of each instance that the frame sees.
    fn visible(&self, hash: &VoxelHash) -> BTreeMap<u32, usize> {
        let mut visible = BTreeMap::new();
        let voxels = hash.voxels().iter().zip(&self.at_voxel);
        for (voxel, _) in voxels.filter(|(_, shown)| **shown != Shown::Nothing) {
            for member in &voxel.members {
                *visible.entry(member.track).or_default() += 1;
            }
        }
        visible
    }

    /// The pairs of masks and instances with voxels in common whose affinity is high enough, in
    /// the order of the masks, then of the instances.
    ///
    /// The place says S = |A and B| / min(|A|, |B|), where A are the voxels of the mask and B those
    /// of the instance that the frame sees: a mask that shows a part of a thing lies in it, and so
    /// does the part of a thing that is in the image. The appearance says the cosine V of the
    /// features, 0 if it is negative. The affinity is w S + (1 - w) V, or S where one of the two has
    /// no features.
    pub fn pairs(
        &self,
        hash: &VoxelHash,
        lifted: &[LiftedMask],
        tracks: &BTreeMap<u32, Track>,
        options: &TrackOptions,
    ) -> Vec<Pair> {
        let visible = self.visible(hash);
        let mut pairs = Vec::new();
        for (mask, (lifted, shared)) in lifted.iter().zip(&self.shared).enumerate() {
            let mut common = BTreeMap::<u32, usize>::new();
            for voxel in shared {
                for member in &hash.voxels()[*voxel as usize].members {
                    *common.entry(member.track).or_default() += 1;
                }
            }
            for (track, common) in common {
                let seen = visible.get(&track).map_or(common, |seen| *seen);
                let place = common as f32 / lifted.voxels.len().min(seen) as f32;
                let looks = tracks.get(&track).and_then(Track::feature);
                let affinity = match (&lifted.feature, looks) {
                    (Some(one), Some(other)) => {
                        let weight = options.place_weight;
                        weight * place + (1.0 - weight) * cosine(one, &other).max(0.0)
                    }
                    _ => place,
                };
                if affinity >= options.min_affinity {
                    pairs.push(Pair {
                        mask,
                        track,
                        affinity,
                    });
                }
            }
        }
        pairs
    }
}

/// The cosine of the angle between two unit vectors of equal length.
pub(super) fn cosine(one: &[f32], other: &[f32]) -> f32 {
    one.iter().zip(other).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::track::lifted_mask::LiftedVoxel;

    fn mask(along_x: std::ops::Range<i32>, feature: Option<Vec<f32>>) -> LiftedMask {
        let voxel = |x| LiftedVoxel {
            coords: [x, 0, 0],
            position: [x as f32; 3],
            pixels: 1,
        };
        LiftedMask {
            instance: 0,
            voxels: along_x.map(voxel).collect(),
            pixels: 1,
            feature,
        }
    }

    #[test]
    fn affinity_is_made_of_containment_and_appearance() {
        // Instance 7 has the voxels 0 to 9, of which the frame sees 0 to 6; instance 8 has 4 alone.
        // The mask has the voxels 3 to 6.
        let mut hash = VoxelHash::default();
        for x in 0..10 {
            let voxel = hash.add_points([x, 0, 0], [x as f32; 3], 1);
            hash.join(voxel, 7);
            if x == 4 {
                hash.join(voxel, 8);
            }
        }
        let shown = |x: usize| match x {
            0..7 => Shown::Background,
            _ => Shown::Nothing,
        };
        let sighting = Sighting {
            at_voxel: (0..10).map(shown).collect(),
            shared: vec![vec![3, 4, 5, 6]],
        };
        let options = TrackOptions::default();
        let track = |features: &[f32]| Track::looking(features);
        let pairs = |feature, of_7: &[f32], of_8: &[f32]| {
            let tracks = [(7, track(of_7)), (8, track(of_8))].into();
            let pairs = sighting.pairs(&hash, &[mask(3..7, feature)], &tracks, &options);
            let pairs = pairs
                .into_iter()
                .map(|pair| (pair.track, (pair.affinity * 100.0).round()));
            pairs.collect::<Vec<_>>()
        };
        // Without features the place alone: 4 / min(4, 7) = 1 and 1 / min(4, 1) = 1.
        assert_eq!(pairs(None, &[], &[]), [(7, 100.0), (8, 100.0)]);
        assert_eq!(pairs(None, &[1.0, 0.0], &[]), [(7, 100.0), (8, 100.0)]);
        // (1, 0) and (0.6, 0.8): 0.5 * 1 + 0.5 * 0.6. The other looks opposite: 0.5 * 1 + 0.5 * 0.
        let looks = Some(vec![1.0, 0.0]);
        assert_eq!(
            pairs(looks.clone(), &[0.6, 0.8], &[-1.0, 0.0]),
            [(7, 80.0), (8, 50.0)]
        );
        let only_half = Sighting {
            shared: vec![vec![3, 4]],
            ..sighting.clone()
        };
        // With 2 of 4 voxels in common: 0.5 * 0.5 + 0.5 * 0.6, and the other as before.
        let tracks = [(7, track(&[0.6, 0.8])), (8, track(&[0.0, 1.0]))].into();
        let found = only_half.pairs(&hash, &[mask(3..7, looks)], &tracks, &options);
        let expected = [(7, 0.55), (8, 0.5)];
        assert_eq!(found.len(), expected.len());
        for (pair, (track, affinity)) in found.iter().zip(expected) {
            assert!(
                pair.track == track && (pair.affinity - affinity).abs() < 1e-6,
                "{pair:?}"
            );
        }
        // 0.5 * 0.5 is less than the least affinity.
        let tracks = [(7, track(&[0.0, 1.0]))].into();
        let looks = Some(vec![1.0, 0.0]);
        let found = only_half.pairs(&hash, &[mask(3..7, looks)], &tracks, &options);
        assert!(!found.iter().any(|pair| pair.track == 7));
    }
}
