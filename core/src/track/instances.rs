//! The instances as they are after a frame, and whose a point is.

use std::collections::HashMap;

use super::voxel_hash::VoxelHash;
use crate::{
    geometry::Aabb,
    instances::NO_INSTANCE,
    write::{LabeledInstance, PointLabels},
};

/// An instance after the frames so far.
#[derive(Clone, Debug, PartialEq)]
pub struct TrackedInstance {
    /// Stays the same while the instance grows. Two that turn out to be one have the smaller of
    /// their ids.
    pub id: u32,
    /// The names that masks gave it, most votes first.
    pub votes: Vec<NameVote>,
    /// Mean score of its masks times the share of them that its voxels have, 0..=1.
    pub score: f32,
    /// Coordinates of its voxels, `floor(position / voxel_size)`, ascending. Instances may share
    /// voxels.
    pub voxels: Vec<[i32; 3]>,
    /// Number of pixels of all its masks.
    pub points: u64,
    /// Box around the mean points of its voxels, metres.
    pub bounds: Aabb,
    /// Mean of its masks' features, a unit vector.
    pub feature: Option<Vec<f32>>,
    /// Number of its masks.
    pub observations: u32,
    /// Smallest number of a frame with a mask of it.
    pub first_frame: u32,
    /// Largest number of a frame with a mask of it.
    pub last_frame: u32,
    /// The frames that show most of it, best first: for whoever looks at the pictures.
    pub views: Vec<BestView>,
}

/// A name and the sum of the scores of the masks that have it.
#[derive(Clone, Debug, PartialEq)]
pub struct NameVote {
    /// The name.
    pub name: String,
    /// The sum.
    pub votes: f32,
}

/// A frame that shows an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BestView {
    /// Number of the frame.
    pub frame: u32,
    /// Number of voxels that it shows.
    pub voxels: u32,
}

impl TrackedInstance {
    /// The name with most votes; `None` if no mask has a name.
    pub fn name(&self) -> Option<&str> {
        self.votes.first().map(|vote| vote.name.as_str())
    }
}

/// The instance that owns each voxel: the smallest of those that contain it, because a thing in or
/// on another one would otherwise own nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct VoxelOwners {
    voxel_size: f32,
    owner_of_voxel: HashMap<[i32; 3], u32>,
}

impl VoxelOwners {
    /// The owners among instances with voxels of an edge of `voxel_size` metres.
    pub fn new(instances: &[TrackedInstance], voxel_size: f32) -> Self {
        let mut largest_first: Vec<(u32, &TrackedInstance)> = (0..).zip(instances).collect();
        largest_first
            .sort_by_key(|(index, instance)| std::cmp::Reverse((instance.voxels.len(), *index)));
        let mut owner_of_voxel = HashMap::new();
        for (index, instance) in largest_first {
            owner_of_voxel.extend(instance.voxels.iter().map(|coords| (*coords, index)));
        }
        Self {
            voxel_size,
            owner_of_voxel,
        }
    }

    /// Index of the instance whose voxel contains a point, in the axes of the cameras' poses;
    /// [`NO_INSTANCE`] if there is none.
    pub fn at(&self, position: [f32; 3]) -> u32 {
        let owner = self.owner_of_voxel.get(&voxel(position, self.voxel_size));
        owner.copied().unwrap_or(NO_INSTANCE)
    }
}

/// The coordinates of the voxel, with an edge of `size` metres, that contains a point.
pub(super) fn voxel(position: [f32; 3], size: f32) -> [i32; 3] {
    position.map(|x| (x / size).floor() as i32)
}

/// What is written of points whose owners are indices of `instances`, or [`NO_INSTANCE`].
pub fn point_labels(instances: &[TrackedInstance], instance_of_point: Vec<u32>) -> PointLabels {
    let mut labels: Vec<String> = Vec::new();
    let mut index_of_name = HashMap::new();
    let mut index_of = |name: &str| {
        *index_of_name.entry(name.to_owned()).or_insert_with(|| {
            labels.push(name.to_owned());
            labels.len() as u32 - 1
        })
    };
    let labeled = |instance: &TrackedInstance| LabeledInstance {
        id: instance.id,
        label: instance.name().map(&mut index_of),
        score: instance.score,
    };
    PointLabels {
        instances: instances.iter().map(labeled).collect(),
        instance_of_point,
        labels,
    }
}

/// The voxels of an instance.
#[derive(Clone, Debug)]
pub(super) struct Extent {
    pub voxels: Vec<[i32; 3]>,
    pub bounds: Aabb,
    /// Sum of the shares of frames in which the voxels were in a mask of the instance.
    pub shares: f64,
}

impl Default for Extent {
    fn default() -> Self {
        Self {
            voxels: Vec::new(),
            bounds: Aabb::EMPTY,
            shares: 0.0,
        }
    }
}

/// What consistent voxels make of each instance.
pub(super) fn extents(hash: &VoxelHash, min_inside: f32) -> HashMap<u32, Extent> {
    let mut extents = HashMap::<u32, Extent>::new();
    for voxel in hash.voxels() {
        let members = voxel.members.iter();
        for member in members.filter(|member| member.is_consistent(min_inside)) {
            let extent = extents.entry(member.track).or_default();
            extent.voxels.push(voxel.coords);
            extent.bounds = extent.bounds.with(voxel.position);
            extent.shares += f64::from(member.inside) / f64::from(member.seen.max(1));
        }
    }
    extents
}
