//! Spatial algorithms on points: nearest neighbours, normals, voxels, medoid, farthest point
//! sampling, clusters by density, thinning, repeated and stray points.

use crate::progress::Cancelled;

mod candidates;
mod dbscan;
mod farthest_points;
mod knn;
mod medoid;
mod normals;
mod places;
mod strays;
mod thinning;
mod tree;
mod voxels;

pub use dbscan::dbscan;
pub use farthest_points::farthest_points;
pub use knn::{Neighbors, nearest_neighbors};
pub use medoid::medoid;
pub use normals::{normals, normals_of_points};
pub use places::Places;
pub use strays::{strays, without_strays};
pub use thinning::Thinned;
pub use voxels::Voxels;

/// A callback that receives the finished share (0..=1) of a loop about sixteen times; its error
/// ends the loop.
pub type Tick<'a> = &'a dyn Fn(f32) -> Result<(), Cancelled>;

/// The number of steps of `total` between two ticks.
pub(crate) fn sixteenth(total: usize) -> usize {
    total / 16 + 1
}
