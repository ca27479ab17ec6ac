//! Instances from posed depth images, tracked online: the masks of a frame are lifted into the
//! world and joined with the instances so far, and after every frame the instances are there.
//!
//! This is the way of [OpenTrack3D](https://arxiv.org/abs/2512.03532): masks of any 2D model, depth
//! that lifts them, appearance and place that say which of them are one thing; nothing is trained
//! and no mesh is needed. What was read of the paper gives no cost and no threshold; those here are
//! ours (docs/spec/any3dis_segment3d_opentrack3d.md section C3), and [`TrackOptions`] names them.
//!
//! 1. `lifting`: the pixels of each mask become voxels, without its border and without strays;
//! 2. `voxel_hash`: which voxels the frame sees, and whose they are;
//! 3. `affinity`: how far a mask lies in an instance, and whether it looks like it;
//! 4. `assignment`: at most one mask per instance, at most one instance per mask;
//! 5. `refine`: voxels that masks mostly leave out, things seen once, and doubles.
//!
//! ```
//! use segscape::{
//!     foundation::{ImageInstance, Mask},
//!     track::{TrackOptions, TrackedFrame, OnlineTracker},
//!     views::{Camera, Map},
//! };
//! # let looking_ahead = glam::Affine3A::IDENTITY;
//!
//! // A wall at two metres; the middle of the picture is a clock on it.
//! let depth = Map::new(vec![2.0; 48 * 64], [48, 64, 1])?;
//! let is_clock = |pixel: usize| (16..32).contains(&(pixel / 64)) && (24..40).contains(&(pixel % 64));
//! let values = (0..48 * 64).map(|pixel| u16::from(is_clock(pixel))).collect();
//! let mask = Mask::new(values, [48, 64]).ok_or("as many values as pixels")?;
//! let clock = ImageInstance { name: "clock".into(), score: 0.9, features: vec![] };
//!
//! let mut tracker = OnlineTracker::new(TrackOptions::default())?;
//! let camera = Camera {
//!     width: 64.0,
//!     height: 48.0,
//!     focal: [50.0; 2],
//!     center: [31.5, 23.5],
//!     world_from_camera: looking_ahead,
//! };
//! let added = tracker.add(&TrackedFrame {
//!     number: 0,
//!     camera: &camera,
//!     depth: &depth,
//!     mask: &mask,
//!     instances: &[clock],
//!     features: None,
//! })?;
//! assert_eq!((added.masks, added.started), (1, 1));
//! assert_eq!(tracker.instances()[0].name(), Some("clock"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Frames of reference are those of [`views`](crate::views): instances have the axes of the cameras'
//! poses. Equal frames in equal order have equal results.

mod affinity;
mod assignment;
mod depth_masks;
mod frame;
mod growth;
mod instances;
mod lifted_mask;
mod options;
mod refine;
mod segmented;
mod state;
#[cfg(test)]
mod tests;
mod tracker;
mod voxel_hash;

pub use depth_masks::{DepthMaskOptions, depth_masks};
pub use frame::{MAX_CHANNELS, MAX_MASKS, MAX_NAME, TrackedFrame};
pub use growth::{Grown, GrownInstance, Growth};
pub use instances::{BestView, NameVote, TrackedInstance, VoxelOwners, point_labels};
pub use options::TrackOptions;
pub use refine::snapped;
pub use segmented::{SegmentedTracks, segmented};
pub use tracker::{Added, MAX_TRACKS, MAX_VOXELS, OnlineTracker, REMEMBERED};

/// The reason why something is not tracked. The tracker is as it was before.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TrackingError {
    /// An option makes no sense.
    #[error("{name} is {value}, it must be from {low} to {high}")]
    Option {
        /// Its name.
        name: &'static str,
        /// What was asked for.
        value: f64,
        /// The least value that makes sense.
        low: f64,
        /// The greatest value that makes sense.
        high: f64,
    },
    /// A frame breaks a rule.
    #[error("{0}")]
    Frame(String),
    /// The instances so far leave no room.
    #[error("the frame would bring the tracker to {found} {what}, the limit is {limit}")]
    Full {
        /// What there are too many of.
        what: &'static str,
        /// Their number with the frame.
        found: usize,
        /// The limit.
        limit: usize,
    },
}
