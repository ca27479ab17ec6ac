//! The tracker: what is kept between frames, and what a frame changes.

use std::collections::{BTreeMap, VecDeque};

use super::{
    NameVote, TrackOptions, TrackedFrame, TrackedInstance, TrackingError, VoxelOwners,
    affinity::{Shown, Sighting},
    assignment::assigned,
    instances::extents,
    lifted_mask::{LiftedMask, lifted},
    refine::merge,
    state::Track,
    voxel_hash::VoxelHash,
};
use crate::views::{Occlusion, Sight};

/// Maximum number of instances that are kept, those included that are not confirmed yet.
pub const MAX_TRACKS: usize = 4096;
/// Maximum number of voxels of all instances, which count once for each instance: a building of
/// 5000 square metres of surface in voxels of five centimetres.
pub const MAX_VOXELS: usize = 2_000_000;
/// Number of last frames that are known when they come again.
pub const REMEMBERED: usize = 256;
/// When room is needed, an instance that waits for confirmation is given up if none of so many last
/// frames has a mask of it.
const PATIENCE: u64 = 100;

/// Instances from frames as they come, with bounded memory: [`MAX_TRACKS`] and [`MAX_VOXELS`] are
/// the limits, and nothing is kept of a frame but a hash of the last [`REMEMBERED`].
///
/// A frame that comes again, and one without a mask that can be used, change nothing: neither says
/// anything new.
#[derive(Clone, Debug)]
pub struct OnlineTracker {
    options: TrackOptions,
    hash: VoxelHash,
    /// By id.
    tracks: BTreeMap<u32, Track>,
    /// The id of the next instance.
    next: u32,
    /// Number of frames that changed something.
    frames: u64,
    /// Number of channels of the features; 0 before the first.
    channels: usize,
    /// Hashes of the last frames, oldest first.
    recent: VecDeque<[u8; 32]>,
    /// The limits of tracks and voxels.
    limits: [usize; 2],
}

/// What a frame did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Added {
    /// `true` if the frame came before; then nothing changed.
    pub repeated: bool,
    /// Number of masks that were used; if there is none, nothing changed.
    pub masks: u32,
    /// Number of masks left out because of their scores.
    pub uncertain: u32,
    /// Number of masks left out because no part of them is large, thick and near enough.
    pub placeless: u32,
    /// Number of masks that are parts of instances that were there before.
    pub matched: u32,
    /// Number of instances that begin with this frame.
    pub started: u32,
    /// Number of instances that turned out to be parts of others.
    pub merged: u32,
}

impl OnlineTracker {
    /// A tracker without instances.
    ///
    /// # Errors
    /// An option makes no sense.
    pub fn new(options: TrackOptions) -> Result<Self, TrackingError> {
        Self::within(options, [MAX_TRACKS, MAX_VOXELS])
    }

    /// [`Self::new`] with other limits of tracks and voxels.
    pub(super) fn within(options: TrackOptions, limits: [usize; 2]) -> Result<Self, TrackingError> {
        options.check()?;
        Ok(Self {
            options,
            hash: VoxelHash::default(),
            tracks: BTreeMap::new(),
            next: 0,
            frames: 0,
            channels: 0,
            recent: VecDeque::new(),
            limits,
        })
    }

    /// The options.
    pub fn options(&self) -> &TrackOptions {
        &self.options
    }

    /// Number of frames that changed something.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Adds the masks of a frame. O(pixels + voxels so far).
    ///
    /// # Errors
    /// The frame breaks a rule, or there is no room; the instances are as before.
    pub fn add(&mut self, frame: &TrackedFrame) -> Result<Added, TrackingError> {
        frame.check(self.channels)?;
        let digest = frame.digest();
        if self.recent.contains(&digest) {
            return Ok(Added {
                repeated: true,
                ..Added::default()
            });
        }
        let lifted = lifted(frame, &self.options);
        let instances = frame.instances.iter();
        let uncertain = instances.filter(|instance| instance.score < self.options.min_score);
        let uncertain = uncertain.count() as u32;
        let masks = lifted.len() as u32;
        let mut added = Added {
            masks,
            uncertain,
            placeless: frame.instances.len() as u32 - uncertain - masks,
            ..Added::default()
        };
        if lifted.is_empty() {
            return Ok(added);
        }
        let (sighting, track_of_mask) = match self.placed(frame, &lifted) {
            Ok(placed) => placed,
            Err(_) => {
                self.make_room();
                self.placed(frame, &lifted)?
            }
        };
        self.count(&sighting, &lifted, &track_of_mask);
        for ((mask, track), shared) in lifted.iter().zip(&track_of_mask).zip(&sighting.shared) {
            match track {
                Some(track) => self.observe(*track, frame, mask, shared, &sighting),
                None => self.start(frame, mask),
            }
        }
        added.matched = track_of_mask.iter().flatten().count() as u32;
        added.started = masks - added.matched;
        added.merged = merge(&mut self.hash, &mut self.tracks, &self.options);
        self.frames += 1;
        if self.channels == 0 && lifted.iter().any(|mask| mask.feature.is_some()) {
            self.channels = frame.channels();
        }
        if self.recent.len() == REMEMBERED {
            self.recent.pop_front();
        }
        self.recent.push_back(digest);
        Ok(added)
    }

    /// What the frame shows of the instances, and the instance that each mask is a part of.
    ///
    /// # Errors
    /// The frame would exceed a limit.
    fn placed(
        &self,
        frame: &TrackedFrame,
        lifted: &[LiftedMask],
    ) -> Result<(Sighting, Vec<Option<u32>>), TrackingError> {
        // A voxel reaches behind the surface in it, and depth is not exact.
        let occlusion = Occlusion::Behind(2.0 * self.options.voxel_size);
        let sight = Sight::new(frame.camera, Some(frame.depth), occlusion);
        let sighting = Sighting::new(&self.hash, &sight, frame.mask, lifted);
        let pairs = sighting.pairs(&self.hash, lifted, &self.tracks, &self.options);
        let track_of_mask = assigned(lifted.len(), &pairs);
        let started = track_of_mask.iter().filter(|track| track.is_none()).count();
        let joining = |(mask, track): (&LiftedMask, &Option<u32>)| {
            let is_there = |coords| {
                let voxel = self.hash.find(coords)?;
                let members = &self.hash.voxels()[voxel as usize].members;
                track.filter(|track| members.iter().any(|member| member.track == *track))
            };
            let voxels = mask.voxels.iter();
            voxels
                .filter(|voxel| is_there(voxel.coords).is_none())
                .count()
        };
        let new: usize = lifted.iter().zip(&track_of_mask).map(joining).sum();
        let [tracks, voxels] = self.limits;
        for (what, found, limit) in [
            ("instances", self.tracks.len() + started, tracks),
            ("voxels", self.hash.memberships() + new, voxels),
        ] {
            if found > limit {
                return Err(TrackingError::Full { what, found, limit });
            }
        }
        Ok((sighting, track_of_mask))
    }

    /// Forgets what is in no instance: voxels that masks mostly leave out, and instances that wait
    /// for their confirmation in vain.
    fn make_room(&mut self) {
        let patience = self.frames.saturating_sub(PATIENCE);
        let least = self.options.min_observations;
        self.tracks
            .retain(|_, track| track.observations >= least || track.last >= patience);
        let (tracks, min_inside) = (&self.tracks, self.options.min_inside);
        self.hash.retain(|member| {
            tracks.contains_key(&member.track) && member.is_consistent(min_inside)
        });
    }

    /// Counts for the voxels that the frame sees whether their instances' masks contain them.
    fn count(&mut self, sighting: &Sighting, lifted: &[LiftedMask], track_of_mask: &[Option<u32>]) {
        let masks = lifted.iter().zip(track_of_mask);
        let instance_of_track: BTreeMap<u32, u32> = masks
            .filter_map(|(mask, track)| Some(((*track)?, mask.instance as u32)))
            .collect();
        for (voxel, shown) in sighting.at_voxel.iter().enumerate() {
            if *shown == Shown::Nothing {
                continue;
            }
            for member in self.hash.members_mut(voxel) {
                let instance = instance_of_track.get(&member.track);
                let is_inside = instance.is_some_and(|i| *shown == Shown::Instance(*i));
                member.count(is_inside);
            }
        }
    }

    /// Adds a mask to an instance. `shared` are the voxels of the mask that were there before.
    fn observe(
        &mut self,
        track: u32,
        frame: &TrackedFrame,
        mask: &LiftedMask,
        shared: &[u32],
        sighting: &Sighting,
    ) {
        let instance = Shown::Instance(mask.instance as u32);
        for voxel in shared {
            // What the middle of a voxel shows and what was lifted into it may differ at the border
            // of a mask.
            if sighting.at_voxel[*voxel as usize] != instance
                && let Some(member) = self.hash.membership(*voxel, track)
            {
                member.inside = member.inside.saturating_add(1).min(member.seen);
            }
        }
        self.join(track, mask);
        if let Some(known) = self.tracks.get_mut(&track) {
            known.observe(frame, mask, self.frames);
        }
    }

    /// Begins an instance with a mask.
    fn start(&mut self, frame: &TrackedFrame, mask: &LiftedMask) {
        let track = self.next;
        // Ids are not used up before 2^32 instances, which takes years of frames.
        self.next = self.next.wrapping_add(1);
        self.join(track, mask);
        let started = Track::new(frame, mask, self.frames);
        self.tracks.insert(track, started);
    }

    fn join(&mut self, track: u32, mask: &LiftedMask) {
        for voxel in &mask.voxels {
            let index = self
                .hash
                .add_points(voxel.coords, voxel.position, voxel.pixels);
            self.hash.join(index, track);
        }
    }

    /// The instances so far, by ascending id: those that enough frames show, with the voxels that
    /// their masks mostly contain. O(voxels).
    pub fn instances(&self) -> Vec<TrackedInstance> {
        let mut extents = extents(&self.hash, self.options.min_inside);
        let least = u64::from(self.options.min_observations).min(self.frames);
        let confirmed = self.tracks.iter();
        let confirmed = confirmed.filter(|(_, track)| u64::from(track.observations) >= least);
        let instance = |(id, track): (&u32, &Track)| {
            let mut extent = extents.remove(id)?;
            extent.voxels.sort_unstable();
            let share = extent.shares / extent.voxels.len() as f64;
            let vote = |(name, votes): (&String, &f64)| NameVote {
                name: name.clone(),
                votes: *votes as f32,
            };
            let mut votes: Vec<NameVote> = track.votes.iter().map(vote).collect();
            // Equal ones in the order of the alphabet.
            votes.sort_by(|a, b| b.votes.total_cmp(&a.votes));
            Some(TrackedInstance {
                id: *id,
                votes,
                score: (track.score() * share as f32).clamp(0.0, 1.0),
                voxels: extent.voxels,
                points: track.pixels,
                bounds: extent.bounds,
                feature: track.feature(),
                observations: track.observations,
                first_frame: track.frames[0],
                last_frame: track.frames[1],
                views: track.views.clone(),
            })
        };
        confirmed.filter_map(instance).collect()
    }

    /// The owners of voxels among [`Self::instances`].
    pub fn owners(&self, instances: &[TrackedInstance]) -> VoxelOwners {
        VoxelOwners::new(instances, self.options.voxel_size)
    }
}
