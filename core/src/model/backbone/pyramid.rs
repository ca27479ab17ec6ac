//! The kernel maps of a U-Net at every level.

use super::Features;
use crate::model::{SceneError, config::BackboneConfig};
use crate::ops::{KernelMap, KernelMapError, Level};

/// The kernel maps of a scene.
#[derive(Clone, Debug)]
pub struct Pyramid {
    /// Kernel map of the first convolution.
    pub first: KernelMap,
    /// Kernel maps within each level, finest first.
    pub neighbors: Vec<Neighborhood>,
    /// Kernel maps of 2x2x2 children, from each level to the next coarser one.
    pub children: Vec<KernelMap>,
}

/// The kernel maps within a level.
#[derive(Clone, Debug)]
pub struct Neighborhood {
    /// Map of the 3x3x3 kernel.
    pub around: KernelMap,
    /// Map of the 1x1x1 kernel: every voxel alone.
    pub itself: KernelMap,
}

impl Neighborhood {
    fn new(level: &Level) -> Result<Self, KernelMapError> {
        Ok(Self {
            around: KernelMap::submanifold(level, 3)?,
            itself: KernelMap::submanifold(level, 1)?,
        })
    }
}

impl Pyramid {
    /// Builds as many levels as `backbone` has above the distinct voxels `coords`. The voxels of
    /// the levels are computed here; the tables of the kernel maps at their first use, where a GPU
    /// builds those of all levels together.
    ///
    /// # Errors
    /// [`SceneError::TooLarge`] if there are more voxels than [`Features`] may have rows,
    /// [`SceneError::Voxels`] if the voxels do not fit a kernel map.
    pub fn new(coords: Vec<[i32; 3]>, backbone: &BackboneConfig) -> Result<Self, SceneError> {
        if coords.len() > Features::MOST_VOXELS {
            return Err(SceneError::TooLarge {
                what: "voxels",
                found: coords.len(),
                limit: Features::MOST_VOXELS,
            });
        }
        let mut grid = backbone.grid().map(|least| Self::grid(&coords, least));
        let mut level = Level::new(coords)?;
        let first = KernelMap::submanifold(&level, backbone.first_kernel())?;
        let mut neighbors = vec![Neighborhood::new(&level)?];
        let mut children = vec![];
        for _ in 1..backbone.widths().len() {
            let (coarser, map) = KernelMap::strided(&level, grid);
            children.push(map);
            neighbors.push(Neighborhood::new(&coarser)?);
            level = coarser;
            grid = grid.map(|grid| grid.map(|extent| extent / 2));
        }
        // Both kernels share one table if they are the same.
        let first = if first.offsets() == neighbors[0].around.offsets() {
            neighbors[0].around.clone()
        } else {
            first
        };
        let within = neighbors
            .iter()
            .flat_map(|level| [&level.around, &level.itself]);
        KernelMap::build_together([&first].into_iter().chain(within).chain(&children));
        Ok(Self {
            first,
            neighbors,
            children,
        })
    }

    /// Extent of the grid that contains `coords`, at least `least` along each axis.
    fn grid(coords: &[[i32; 3]], least: u32) -> [i32; 3] {
        let least = i32::try_from(least).unwrap_or(i32::MAX);
        [0, 1, 2].map(|axis| {
            coords
                .iter()
                .map(|c| c[axis].saturating_add(1))
                .fold(least, i32::max)
        })
    }
}
