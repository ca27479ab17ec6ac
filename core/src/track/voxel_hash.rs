//! The voxels of all instances, found by their coordinates.

use std::collections::HashMap;

/// The voxels that belong to an instance, or did.
#[derive(Clone, Debug, Default)]
pub(super) struct VoxelHash {
    voxel_at: HashMap<[i32; 3], u32>,
    /// In the order of their first appearance.
    voxels: Vec<Voxel>,
    /// Number of memberships of all voxels.
    memberships: usize,
}

/// A voxel.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Voxel {
    /// `floor(position / size)`.
    pub coords: [i32; 3],
    /// Mean of the points in it, metres.
    pub position: [f32; 3],
    /// Number of points that the mean is of.
    pixels: u32,
    /// Its instances, ascending; few, because masks of one frame do not overlap.
    pub members: Vec<Membership>,
}

/// What the frames say of a voxel and an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Membership {
    /// Id of the instance.
    pub track: u32,
    /// Number of frames that saw the voxel since it came to the instance.
    pub seen: u16,
    /// Number of those in which the instance's mask contained it.
    pub inside: u16,
}

impl Membership {
    /// `true` if the instance's masks contain the voxel often enough.
    pub fn is_consistent(&self, min_inside: f32) -> bool {
        f32::from(self.inside) >= min_inside * f32::from(self.seen)
    }

    /// Counts a frame that sees the voxel. Long recordings are halved, which keeps the share.
    pub fn count(&mut self, is_inside: bool) {
        if self.seen == u16::MAX {
            self.seen /= 2;
            self.inside /= 2;
        }
        self.seen += 1;
        self.inside += u16::from(is_inside);
    }

    /// The membership in the union of two instances: the masks of one frame do not overlap, so the
    /// frames in which one of them contained the voxel add up.
    fn joined(self, other: Self, track: u32) -> Self {
        let seen = self.seen.max(other.seen);
        Self {
            track,
            seen,
            inside: self.inside.saturating_add(other.inside).min(seen),
        }
    }
}

impl VoxelHash {
    /// The voxels, in an order that does not depend on the hash.
    pub fn voxels(&self) -> &[Voxel] {
        &self.voxels
    }

    /// Number of pairs of an instance and a voxel of it.
    pub fn memberships(&self) -> usize {
        self.memberships
    }

    /// Index of a voxel.
    pub fn find(&self, coords: [i32; 3]) -> Option<u32> {
        self.voxel_at.get(&coords).copied()
    }

    /// The membership of a voxel in an instance.
    pub fn membership(&mut self, voxel: u32, track: u32) -> Option<&mut Membership> {
        let members = &mut self.voxels[voxel as usize].members;
        let place = members.binary_search_by_key(&track, |member| member.track);
        Some(&mut members[place.ok()?])
    }

    /// All memberships of a voxel.
    pub fn members_mut(&mut self, voxel: usize) -> &mut [Membership] {
        &mut self.voxels[voxel].members
    }

    /// Adds points to a voxel, which is made if it does not exist, and returns its index.
    pub fn add_points(&mut self, coords: [i32; 3], position: [f32; 3], pixels: u32) -> u32 {
        let next = self.voxels.len() as u32;
        let index = *self.voxel_at.entry(coords).or_insert(next);
        if index == next {
            self.voxels.push(Voxel {
                coords,
                position,
                pixels,
                members: Vec::with_capacity(1),
            });
            return index;
        }
        let voxel = &mut self.voxels[index as usize];
        let (before, more) = (f64::from(voxel.pixels), f64::from(pixels));
        for (mean, x) in voxel.position.iter_mut().zip(position) {
            let sum = f64::from(*mean) * before + f64::from(x) * more;
            *mean = (sum / (before + more)) as f32;
        }
        voxel.pixels = voxel.pixels.saturating_add(pixels);
        index
    }

    /// Makes a voxel a part of an instance that it is not a part of.
    pub fn join(&mut self, voxel: u32, track: u32) {
        let members = &mut self.voxels[voxel as usize].members;
        let Err(place) = members.binary_search_by_key(&track, |member| member.track) else {
            return;
        };
        let (seen, inside) = (1, 1);
        members.insert(
            place,
            Membership {
                track,
                seen,
                inside,
            },
        );
        self.memberships += 1;
    }

    /// Gives the voxels of the instance `gone` to the instance `kept`.
    pub fn merge(&mut self, kept: u32, gone: u32) {
        for voxel in &mut self.voxels {
            let members = &mut voxel.members;
            let Ok(from) = members.binary_search_by_key(&gone, |member| member.track) else {
                continue;
            };
            let moved = members.remove(from);
            match members.binary_search_by_key(&kept, |member| member.track) {
                Ok(place) => {
                    members[place] = members[place].joined(moved, kept);
                    self.memberships -= 1;
                }
                Err(place) => members.insert(
                    place,
                    Membership {
                        track: kept,
                        ..moved
                    },
                ),
            }
        }
    }

    /// Keeps the memberships that `keep` says, and the voxels that have one left.
    pub fn retain(&mut self, keep: impl Fn(&Membership) -> bool) {
        for voxel in &mut self.voxels {
            voxel.members.retain(&keep);
        }
        self.voxels.retain(|voxel| !voxel.members.is_empty());
        self.memberships = self.voxels.iter().map(|voxel| voxel.members.len()).sum();
        let places = (0..).zip(&self.voxels);
        self.voxel_at = places.map(|(index, voxel)| (voxel.coords, index)).collect();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Voxels along x with memberships of two instances.
    fn voxels(members: &[(bool, bool, u16, u16)]) -> VoxelHash {
        let mut hash = VoxelHash::default();
        for (x, (first, second, seen, inside)) in (0..).zip(members) {
            let voxel = hash.add_points([x, 0, 0], [x as f32; 3], 1);
            for (track, _) in [(1, first), (2, second)]
                .iter()
                .filter(|(_, is_in)| **is_in)
            {
                hash.join(voxel, *track);
                if let Some(member) = hash.membership(voxel, *track) {
                    member.seen = *seen * *track as u16;
                    member.inside = *inside;
                }
            }
        }
        hash
    }

    proptest! {
        #[test]
        fn merging_is_symmetric(members in prop::collection::vec((any::<bool>(), any::<bool>(), 1u16..20, 0u16..20), 0..20)) {
            let [mut one, mut other] = [voxels(&members), voxels(&members)];
            one.merge(1, 2);
            other.merge(2, 1);
            prop_assert_eq!(one.memberships(), other.memberships());
            let both = members.iter().filter(|(first, second, ..)| first | second).count();
            prop_assert_eq!(one.memberships(), both);
            for (one, other) in one.voxels().iter().zip(other.voxels()) {
                let counts = |voxel: &Voxel| voxel.members.iter().map(|m| (m.seen, m.inside)).collect::<Vec<_>>();
                prop_assert_eq!(counts(one), counts(other));
            }
        }
    }

    #[test]
    fn points_of_a_voxel_are_averaged() {
        let mut hash = VoxelHash::default();
        let voxel = hash.add_points([0; 3], [0.01, 0.0, 0.0], 3);
        assert_eq!(hash.add_points([0; 3], [0.05, 0.04, 0.0], 1), voxel);
        // (3 * 0.01 + 0.05) / 4 and 0.04 / 4.
        let [x, y, z] = hash.voxels()[0].position;
        assert!((x - 0.02).abs() < 1e-6 && (y - 0.01).abs() < 1e-6 && z == 0.0);
        hash.join(voxel, 7);
        hash.join(voxel, 7);
        assert_eq!((hash.memberships(), hash.find([0; 3])), (1, Some(voxel)));
        hash.retain(|member| member.track != 7);
        assert_eq!((hash.memberships(), hash.find([0; 3])), (0, None));
    }

    #[test]
    fn counts_of_long_recordings_keep_their_share() {
        let mut member = Membership {
            track: 0,
            seen: u16::MAX,
            inside: u16::MAX / 2,
        };
        member.count(true);
        // 65535 / 2 + 1 and 32767 / 2 + 1
        assert_eq!((member.seen, member.inside), (32_768, 16_384));
        assert!(member.is_consistent(0.5) && !member.is_consistent(0.51));
    }
}
