//! What became of the points and the instances since somebody last looked: who shows them while
//! they grow gets only what changed.

use std::{
    collections::{BTreeMap, HashMap},
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use super::{OnlineTracker, TrackedInstance, instances::voxel};
use crate::geometry::Aabb;

/// What somebody knows who shows points and instances while they grow. For them superpoints are the
/// tracker's voxels, numbered as they appear, and an instance has a number that it keeps as long as
/// it is there. Memory grows with the voxels of the points and of the instances alone.
#[derive(Clone, Debug)]
pub struct Growth {
    /// Edge of a voxel, metres.
    voxel_size: f32,
    superpoint_of_voxel: HashMap<[i32; 3], u32>,
    /// `(superpoints)`: number of points in each.
    sizes: Vec<u32>,
    /// Number of points that are known.
    points: usize,
    /// By the tracker's ids.
    known: BTreeMap<u32, Known>,
    /// Numbers of instances that are gone, for others.
    free: Vec<u32>,
}

/// What is known of an instance.
#[derive(Clone, Copy, Debug)]
struct Known {
    number: u32,
    /// A hash of all that is shown of it.
    digest: u64,
}

/// What is new.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Grown {
    /// The superpoints of the points that are new, in their order.
    pub superpoint_of_point: Vec<u32>,
    /// Number of superpoints. Some may have no point yet.
    pub superpoints: u32,
    /// Numbers of the instances that are gone; others may have them from the next time on.
    pub gone: Vec<u32>,
    /// The instances that are new, or other than before.
    pub changed: Vec<GrownInstance>,
    /// Number of instances that are there.
    pub instances: u32,
}

/// An instance as it is now.
#[derive(Clone, Debug, PartialEq)]
pub struct GrownInstance {
    /// Its number; numbers are below the greatest number of instances that ever were there at once,
    /// and of those that came while others went.
    pub number: u32,
    /// Its name, if a mask gave it one.
    pub name: Option<String>,
    /// Its score, 0..=1.
    pub score: f32,
    /// Number of points in its superpoints.
    pub points: u32,
    /// Its box in the axes of the cameras' poses, metres.
    pub bounds: Aabb,
    /// Ids of its superpoints, ascending.
    pub superpoints: Vec<u32>,
}

impl Growth {
    /// Nothing is known so far. `voxel_size` is that of the tracker.
    pub fn new(voxel_size: f32) -> Self {
        Self {
            voxel_size,
            superpoint_of_voxel: HashMap::new(),
            sizes: Vec::new(),
            points: 0,
            known: BTreeMap::new(),
            free: Vec::new(),
        }
    }

    /// What changed: `positions` are all points so far, `(points, 3)` in the axes of the cameras'
    /// poses, of which those that were there before are the first. O(voxels + new points).
    pub fn since(&mut self, positions: &[[f32; 3]], tracker: &OnlineTracker) -> Grown {
        let new = positions.get(self.points..).unwrap_or_default();
        let superpoint_of_point: Vec<u32> = new
            .iter()
            .map(|position| {
                let superpoint = self.superpoint(voxel(*position, self.voxel_size));
                self.sizes[superpoint as usize] += 1;
                superpoint
            })
            .collect();
        self.points = self.points.max(positions.len());
        let instances = tracker.instances();
        let mut left = std::mem::take(&mut self.known);
        let mut changed = Vec::new();
        for instance in &instances {
            let mut superpoints: Vec<u32> = instance
                .voxels
                .iter()
                .map(|voxel| self.superpoint(*voxel))
                .collect();
            superpoints.sort_unstable();
            let sizes = superpoints.iter().map(|s| self.sizes[*s as usize]);
            let points = sizes.sum();
            let digest = digest(instance, &superpoints, points);
            let before = left.remove(&instance.id);
            let number = before.map_or_else(|| self.number(left.len()), |known| known.number);
            self.known.insert(instance.id, Known { number, digest });
            if before.is_none_or(|known| known.digest != digest) {
                changed.push(GrownInstance {
                    number,
                    name: instance.name().map(str::to_owned),
                    score: instance.score,
                    points,
                    bounds: instance.bounds,
                    superpoints,
                });
            }
        }
        let gone: Vec<u32> = left.into_values().map(|known| known.number).collect();
        self.free.extend(&gone);
        Grown {
            superpoint_of_point,
            superpoints: self.sizes.len() as u32,
            gone,
            changed,
            instances: instances.len() as u32,
        }
    }

    /// A number that no instance has, where `left` of those before are not yet visited.
    fn number(&mut self, left: usize) -> u32 {
        self.free
            .pop()
            .unwrap_or_else(|| (self.known.len() + left) as u32)
    }

    fn superpoint(&mut self, voxel: [i32; 3]) -> u32 {
        let next = self.sizes.len() as u32;
        let superpoint = *self.superpoint_of_voxel.entry(voxel).or_insert(next);
        if superpoint == next {
            self.sizes.push(0);
        }
        superpoint
    }
}

fn digest(instance: &TrackedInstance, superpoints: &[u32], points: u32) -> u64 {
    let mut hasher = DefaultHasher::new();
    (instance.name(), instance.score.to_bits(), points).hash(&mut hasher);
    superpoints.hash(&mut hasher);
    let Aabb { min, max } = instance.bounds;
    [min, max]
        .map(|corner| corner.map(f32::to_bits))
        .hash(&mut hasher);
    hasher.finish()
}
