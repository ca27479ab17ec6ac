//! The numbers of the tracker.

use super::TrackingError;
use crate::captures::NEAREST;

/// How masks become instances. The defaults suit rooms recorded with a phone or a depth camera.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrackOptions {
    /// Edge of a voxel, metres.
    pub voxel_size: f32,
    /// Masks with a lower score are left out.
    pub min_score: f32,
    /// Depth beyond this distance is not trusted, metres.
    pub farthest: f32,
    /// Width of the border that masks lose, pixels of an image whose longer side has 640; of
    /// smaller images it is proportionally less, but at least one pixel unless it is zero.
    pub border: u32,
    /// Points of a mask belong together if a way with steps of at most this many metres leads from
    /// one to the other; only the largest such cluster is the thing.
    pub cluster_radius: f32,
    /// Number of points within that radius, itself included, that a point needs to join others.
    pub cluster_points: u32,
    /// Weight of the place in the affinity, 0..=1; the rest is that of the appearance.
    pub place_weight: f32,
    /// Least affinity of a mask to the instance that it is a part of.
    pub min_affinity: f32,
    /// A voxel belongs to an instance if the instance's masks contain it in at least this share of
    /// the frames that see it.
    pub min_inside: f32,
    /// Number of frames, as soon as there are as many, in which an instance has to have a mask.
    pub min_observations: u32,
    /// Two instances that look alike are one if more than this share of the smaller lies in the
    /// other.
    pub merge_containment: f32,
    /// Instances look alike if the cosine of their features exceeds this.
    pub merge_cosine: f32,
    /// Two instances are one, however they look, if their intersection over union exceeds this.
    pub merge_overlap: f32,
}

impl Default for TrackOptions {
    fn default() -> Self {
        Self {
            voxel_size: 0.05,
            min_score: 0.3,
            farthest: 4.5,
            border: 2,
            cluster_radius: 0.05,
            cluster_points: 5,
            place_weight: 0.5,
            min_affinity: 0.5,
            min_inside: 0.3,
            min_observations: 2,
            merge_containment: 0.8,
            merge_cosine: 0.8,
            merge_overlap: 0.6,
        }
    }
}

impl TrackOptions {
    /// Checks that the numbers make sense.
    ///
    /// # Errors
    /// [`TrackingError::Option`] with the first one that does not.
    pub fn check(&self) -> Result<(), TrackingError> {
        let shares = [
            ("min_score", self.min_score),
            ("place_weight", self.place_weight),
            ("min_affinity", self.min_affinity),
            ("min_inside", self.min_inside),
            ("merge_containment", self.merge_containment),
            ("merge_cosine", self.merge_cosine),
            ("merge_overlap", self.merge_overlap),
        ];
        let shares = shares.map(|(name, value)| (name, f64::from(value), 0.0, 1.0));
        let lengths = [
            ("voxel_size", f64::from(self.voxel_size), 0.005, 1.0),
            (
                "farthest",
                f64::from(self.farthest),
                f64::from(NEAREST),
                100.0,
            ),
            ("border", f64::from(self.border), 0.0, 64.0),
            ("cluster_radius", f64::from(self.cluster_radius), 0.005, 1.0),
            (
                "cluster_points",
                f64::from(self.cluster_points),
                1.0,
                10_000.0,
            ),
            (
                "min_observations",
                f64::from(self.min_observations),
                1.0,
                1000.0,
            ),
        ];
        let wrong = |(_, value, low, high): &(&str, f64, f64, f64)| !(low..=high).contains(&value);
        match lengths.into_iter().chain(shares).find(wrong) {
            None => Ok(()),
            Some((name, value, low, high)) => Err(TrackingError::Option {
                name,
                value,
                low,
                high,
            }),
        }
    }
}
