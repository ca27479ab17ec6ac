//! The grid of voxels that the points of a scan lie in.

use std::borrow::Cow;

use super::{Observation, SceneError};
use crate::{
    model::Config,
    spatial::{Voxels, without_strays},
};

/// The points of a scan as the network sees them, and their voxels.
pub(super) struct Grid<'a> {
    /// Positions in metres, `(points, 3)`; stray points are where others are.
    pub positions: Cow<'a, [[f32; 3]]>,
    /// The same after elastic distortion, if there is one.
    distorted: Option<Cow<'a, [[f32; 3]]>>,
    /// Lowest and highest coordinates of the points after elastic distortion in metres.
    pub range: [[f32; 3]; 2],
    /// Coordinates of the voxels, `(voxels, 3)`.
    pub coords: Vec<[i32; 3]>,
    /// The voxel of each point, `(points)`.
    pub voxel_of_point: Vec<u32>,
}

impl<'a> Grid<'a> {
    /// Sorts the points into voxels, `O(points log points)`.
    ///
    /// # Errors
    /// If the observation has no points, arrays of different lengths or an infinite coordinate.
    pub fn new(observation: &Observation<'a>, config: &Config) -> Result<Self, SceneError> {
        observation.check_points(config)?;
        let positions = without_strays(observation.positions);
        let distorted = observation.distorted.map(without_strays);
        let moved = distorted.as_deref().unwrap_or(&positions);
        let range = range(moved);
        let corner = match config.backbone.grid() {
            Some(_) => range[0],
            None => [0.0; 3],
        };
        // Rows in the order of kernel maps, z first, spare these a sort and random reads.
        let z_first: Vec<[f32; 3]> = moved
            .iter()
            .map(|p| [2, 1, 0].map(|axis| p[axis] - corner[axis]))
            .collect();
        let Voxels {
            mut coords,
            voxel_of_point,
        } = Voxels::new(&z_first, config.voxel_size);
        drop(z_first);
        coords.iter_mut().for_each(|coord| coord.reverse());
        Ok(Self {
            positions,
            distorted,
            range,
            coords,
            voxel_of_point,
        })
    }

    /// Positions after elastic distortion in metres, `(points, 3)`.
    pub fn moved(&self) -> &[[f32; 3]] {
        self.distorted.as_deref().unwrap_or(&self.positions)
    }
}

fn range(positions: &[[f32; 3]]) -> [[f32; 3]; 2] {
    let mut range = [[f32::INFINITY; 3], [f32::NEG_INFINITY; 3]];
    for p in positions {
        for axis in 0..3 {
            range[0][axis] = range[0][axis].min(p[axis]);
            range[1][axis] = range[1][axis].max(p[axis]);
        }
    }
    range
}
