//! Levels: the voxels of one resolution, and the coarser voxels above them.

use std::sync::Arc;

use super::NO_PARENT;

/// Largest absolute coordinate, in voxels: 10 km at 1 cm. Leaves room for a kernel's reach in 21
/// bits per axis.
pub(super) const COORDINATE_LIMIT: i32 = (1 << 20) - 8;
/// Maximum number of voxels in one level; keeps every index of a table within 32 bits.
const VOXEL_LIMIT: usize = 1 << 24;
/// Bits of a key per coordinate.
pub(super) const AXIS_BITS: u32 = 21;

/// Error of building a [`Level`] or a [`KernelMap`](super::KernelMap).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KernelMapError {
    /// A voxel lies too far from the origin.
    #[error(
        "voxel {at:?} is further than {COORDINATE_LIMIT} voxels from the origin; move the scan towards it or use larger voxels"
    )]
    TooFar {
        /// The voxel.
        at: [i32; 3],
    },
    /// Too many voxels for one scene.
    #[error("there are {got} voxels, the limit is {VOXEL_LIMIT}; use larger voxels")]
    TooMany {
        /// The number of voxels.
        got: usize,
    },
    /// A voxel was given twice.
    #[error("voxel {at:?} occurs twice")]
    Duplicate {
        /// The voxel.
        at: [i32; 3],
    },
    /// The kernel size is not supported: submanifold convolutions have a centre, so their kernels
    /// are odd.
    #[error(
        "the kernel size is {got}, it must be odd and at most {}",
        super::KERNEL_LIMIT
    )]
    Kernel {
        /// The requested kernel size.
        got: usize,
    },
}

/// Distinct voxels of one resolution, in the order of the rows of their features. Clones share one
/// list.
#[derive(Clone, Debug)]
pub struct Level(Arc<Voxels>);

#[derive(Debug)]
struct Voxels {
    coords: Vec<[i32; 3]>,
    /// The key of every voxel with its row, sorted: by z, then y, then x.
    sorted: Vec<(u64, u32)>,
}

impl Level {
    /// Creates a level from distinct `coords` in any order. `O(n log n)`.
    ///
    /// # Errors
    /// See [`KernelMapError`].
    pub fn new(coords: Vec<[i32; 3]>) -> Result<Self, KernelMapError> {
        if coords.len() > VOXEL_LIMIT {
            return Err(KernelMapError::TooMany { got: coords.len() });
        }
        let mut sorted = Vec::with_capacity(coords.len());
        for (row, &at) in (0u32..).zip(&coords) {
            if at
                .iter()
                .any(|c| !(-COORDINATE_LIMIT..=COORDINATE_LIMIT).contains(c))
            {
                return Err(KernelMapError::TooFar { at });
            }
            sorted.push((key(at), row));
        }
        sorted.sort_unstable();
        if let Some(pair) = sorted.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(KernelMapError::Duplicate {
                at: coords[pair[0].1 as usize],
            });
        }
        Ok(Self(Arc::new(Voxels { coords, sorted })))
    }

    /// Returns the next coarser level, `floor(c / 2)` sorted by z, y, x, and the row in it of each
    /// voxel's parent. `O(n log n)`.
    ///
    /// Without a `grid` every voxel has a parent, also at odd borders (as in MinkowskiEngine). In a
    /// grid of that extent from the origin, a voxel at an odd far border has no parent (as in
    /// spconv).
    pub(super) fn coarser(&self, grid: Option<[i32; 3]>) -> (Self, Arc<[u32]>) {
        let inside = |parent: &[i32; 3]| {
            grid.is_none_or(|grid| (0..3).all(|axis| parent[axis] < grid[axis] / 2))
        };
        let parent = |row: u32| self.coords()[row as usize].map(|c| c >> 1);
        let mut children: Vec<(u64, u32)> = (0..self.len() as u32)
            .filter(|row| inside(&parent(*row)))
            .map(|row| (key(parent(row)), row))
            .collect();
        children.sort_unstable();
        let mut parents = vec![NO_PARENT; self.len()];
        let (mut coords, mut sorted) = (Vec::new(), Vec::new());
        for (row, siblings) in (0u32..).zip(children.chunk_by(|a, b| a.0 == b.0)) {
            let (key, first) = siblings[0];
            coords.push(parent(first));
            sorted.push((key, row));
            siblings
                .iter()
                .for_each(|(_, child)| parents[*child as usize] = row);
        }
        (Self(Arc::new(Voxels { coords, sorted })), parents.into())
    }

    /// The voxels, in the order of their rows.
    pub fn coords(&self) -> &[[i32; 3]] {
        &self.0.coords
    }

    /// Number of voxels.
    pub fn len(&self) -> usize {
        self.coords().len()
    }

    /// `true` if there are no voxels.
    pub fn is_empty(&self) -> bool {
        self.coords().is_empty()
    }

    /// Keys and rows, sorted by key in ascending order.
    pub(super) fn sorted(&self) -> &[(u64, u32)] {
        &self.0.sorted
    }

    /// The key of every voxel, in the order of the rows.
    pub(super) fn keys(&self) -> impl Iterator<Item = u64> {
        self.coords().iter().map(|at| key(*at))
    }

    /// `true` if both are clones of one level.
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// Encodes a voxel within [`COORDINATE_LIMIT`] as one integer, ordered by z, then y, then x.
/// `wgsl/kernel_map.wgsl` decodes it.
fn key(at: [i32; 3]) -> u64 {
    let [x, y, z] = at.map(|c| (c + (1 << (AXIS_BITS - 1))) as u64);
    x | y << AXIS_BITS | z << (2 * AXIS_BITS)
}
