//! Points among points: nearest neighbours, normals, voxels, the middle, an even spread.

use crate::progress::Cancelled;

mod farthest_points;
mod knn;
mod medoid;
mod normals;
mod voxels;

pub use farthest_points::farthest_points;
pub use knn::{Neighbours, nearest_neighbours};
pub use medoid::medoid;
pub use normals::normals;
pub use voxels::Voxels;

/// Told the finished share (0..=1) of a loop about sixteen times; its error ends the loop.
pub type Tick<'a> = &'a dyn Fn(f32) -> Result<(), Cancelled>;

/// `tick` after every sixteenth of `total` steps.
pub(crate) fn tick_at(done: usize, total: usize, tick: Tick) -> Result<(), Cancelled> {
    if done.is_multiple_of(sixteenth(total)) { tick(done as f32 / total as f32) } else { Ok(()) }
}

/// How many steps of `total` go between two ticks.
fn sixteenth(total: usize) -> usize {
    total / 16 + 1
}
