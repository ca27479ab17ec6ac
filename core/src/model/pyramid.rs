//! Which voxels meet under a U-Net's convolutions, at every level.

use super::{MAX_TENSOR_BYTES, SceneError, config::Backbone};
use crate::ops::KernelMap;

/// The kernel maps of a scene.
#[derive(Clone, Debug)]
pub struct Pyramid {
    /// The neighbourhoods of the very first kernel.
    pub first: KernelMap,
    /// 3x3x3 neighbourhoods of each level, finest first.
    pub neighbours: Vec<KernelMap>,
    /// 2x2x2 children: from each level to the next coarser one.
    pub children: Vec<KernelMap>,
}

impl Pyramid {
    /// Above the distinct voxels `coords`, as many levels as `backbone` has, small enough for the channels of each.
    ///
    /// # Errors
    /// [`SceneError::TooLarge`] for more voxels than a tensor may have rows, [`SceneError::Voxels`] for voxels that fit no kernel map.
    pub fn new(mut coords: Vec<[i32; 3]>, backbone: &Backbone) -> Result<Self, SceneError> {
        let mut grid = backbone.grid().map(|least| Self::grid(&coords, least));
        let mut children = vec![];
        let mut neighbours: Vec<KernelMap> = vec![];
        let mut first = None;
        for (level, width) in backbone.widths().into_iter().enumerate() {
            if level > 0 {
                let (coarser, map) = KernelMap::strided(&coords, grid)?;
                children.push(map);
                coords = coarser;
                grid = grid.map(|grid| grid.map(|extent| extent / 2));
            }
            let limit = MAX_TENSOR_BYTES / size_of::<f32>() / width;
            if coords.len() > limit {
                return Err(SceneError::TooLarge { what: "voxels", found: coords.len(), limit });
            }
            neighbours.push(KernelMap::submanifold(&coords, 3)?);
            if level == 0 {
                first = Some(match backbone.first_kernel() {
                    3 => neighbours[0].clone(),
                    size => KernelMap::submanifold(&coords, size)?,
                });
            }
        }
        let first = first.map_or_else(|| KernelMap::submanifold(&[], 3), Ok)?;
        Ok(Self { first, neighbours, children })
    }

    /// Extent of the grid that spans `coords`, at least `least` along each axis.
    fn grid(coords: &[[i32; 3]], least: u32) -> [i32; 3] {
        let least = i32::try_from(least).unwrap_or(i32::MAX);
        [0, 1, 2].map(|axis| coords.iter().map(|c| c[axis].saturating_add(1)).fold(least, i32::max))
    }
}
