//! Which voxels meet under a sparse convolution: a table of neighbours, built once per scene and resolution.
//!
//! Offsets are numbered with x fastest, `k = ix + n * iy + n^2 * iz`, as MinkowskiEngine numbers them (spec/model.md, section 3.1):
//! an odd kernel of size `n` reaches `i - n / 2` voxels along each axis, the kernel of size 2 reaches `i` in `{0, 1}`.

use std::sync::Arc;

use super::{sparse_conv_gpu::TableBlock, wgsl::OnDevice};

/// Marks "no voxel there" in [`Neighbours`].
pub const NO_NEIGHBOUR: u32 = u32::MAX;

/// Largest coordinate, in voxels and either direction: 10 km at 1 cm. Leaves room for a kernel's reach in 21 bits an axis.
const COORDINATE_LIMIT: i32 = (1 << 20) - 8;
/// Most voxels in one map; keeps every index of a table in 32 bits.
const VOXEL_LIMIT: usize = 1 << 24;
/// Largest kernel size.
const KERNEL_LIMIT: usize = 5;

/// Why a [`KernelMap`] could not be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KernelMapError {
    /// A voxel lies too far from the origin.
    #[error("voxel {at:?} is further than {COORDINATE_LIMIT} voxels from the origin; move the scan towards it or use larger voxels")]
    TooFar {
        /// The voxel.
        at: [i32; 3],
    },
    /// Too many voxels for one scene.
    #[error("{got} voxels, at most {VOXEL_LIMIT} fit; use larger voxels")]
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
    /// Submanifold convolutions have a centre, so their kernels are odd.
    #[error("kernel size {got}: must be odd and at most {KERNEL_LIMIT}")]
    Kernel {
        /// The kernel size asked for.
        got: usize,
    },
}

/// For every row of one side of a convolution and every offset, the row of the other side that meets it.
#[derive(Clone, Debug)]
pub struct Neighbours {
    table: Arc<Table>,
    /// The table is that of the opposite direction of a submanifold convolution, whose offsets run backwards here.
    mirrored: bool,
    identity: Option<usize>,
}

/// The table itself, shared by everything that reads it in one direction or the other.
#[derive(Debug)]
struct Table {
    rows: usize,
    offsets: usize,
    /// `[offsets, rows]`
    entries: Vec<u32>,
    on_device: OnDevice<Vec<TableBlock>>,
}

impl Neighbours {
    fn new(rows: usize, offsets: usize, entries: Vec<u32>, identity: Option<usize>) -> Self {
        Self { table: Arc::new(Table { rows, offsets, entries, on_device: OnDevice::default() }), mirrored: false, identity }
    }

    /// Rows of the side that gathers.
    pub fn rows(&self) -> usize {
        self.table.rows
    }

    /// Offsets of the kernel.
    pub fn offsets(&self) -> usize {
        self.table.offsets
    }

    /// Whether the shared table's offsets run backwards here.
    pub(super) fn mirrored(&self) -> bool {
        self.mirrored
    }

    /// The table as it is stored, `[offsets, rows]`.
    pub(super) fn entries(&self) -> &[u32] {
        &self.table.entries
    }

    /// Where the GPU keeps its copies of the table.
    pub(super) fn on_device(&self) -> &OnDevice<Vec<TableBlock>> {
        &self.table.on_device
    }

    /// The neighbour of each row at `offset`, or [`NO_NEIGHBOUR`].
    pub fn at(&self, offset: usize) -> &[u32] {
        let slot = if self.mirrored { self.offsets() - 1 - offset } else { offset };
        &self.entries()[slot * self.rows()..][..self.rows()]
    }

    /// The offset at which every row meets itself, if there is one.
    pub fn identity(&self) -> Option<usize> {
        self.identity
    }
}

/// Which input rows contribute to which output rows under each offset of a kernel, in both directions. Clones share one table.
#[derive(Clone, Debug)]
pub struct KernelMap {
    inputs: Neighbours,
    outputs: Neighbours,
}

impl KernelMap {
    /// Stride 1: output voxels are the input voxels, `out[p] = sum_k W[k]^T in[p + offset_k]`.
    ///
    /// `coords` are distinct voxels in any order (sorted by z, then y, then x is fastest); `kernel` is 3 or 5 (1 is a plain linear layer).
    /// `O(n log n + kernel^3 n)`.
    ///
    /// # Errors
    /// See [`KernelMapError`].
    pub fn submanifold(coords: &[[i32; 3]], kernel: usize) -> Result<Self, KernelMapError> {
        if kernel.is_multiple_of(2) || kernel > KERNEL_LIMIT {
            return Err(KernelMapError::Kernel { got: kernel });
        }
        let sorted = sorted_keys(coords)?;
        if let Some(pair) = sorted.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(KernelMapError::Duplicate { at: coords[pair[0].1 as usize] });
        }
        let (rows, offsets) = (coords.len(), kernel.pow(3));
        let centre = offsets / 2;
        let mut table = vec![NO_NEIGHBOUR; offsets * rows];
        for (row, entry) in (0u32..).zip(&mut table[centre * rows..][..rows]) {
            *entry = row;
        }
        // Keys are ordered as offsets are numbered, so below the centre a neighbour comes before its voxel: one merge finds all of
        // them, and the other half of the table is the same pairs seen from the other end.
        for offset in 0..centre {
            let delta = key_delta(offset, kernel);
            let mut candidate = 0;
            for &(key, row) in &sorted {
                let wanted = key.wrapping_add_signed(delta);
                while sorted[candidate].0 < wanted {
                    candidate += 1;
                }
                let (found, neighbour) = sorted[candidate];
                if found == wanted {
                    table[offset * rows + row as usize] = neighbour;
                    table[(offsets - 1 - offset) * rows + neighbour as usize] = row;
                }
            }
        }
        let inputs = Neighbours::new(rows, offsets, table, Some(centre));
        let outputs = Neighbours { mirrored: true, ..inputs.clone() };
        Ok(Self { inputs, outputs })
    }

    /// Kernel 2, stride 2: returns the coarser voxels, `floor(c / 2)` sorted by z, y, x, and the map that leads to them.
    ///
    /// Without a `grid` every voxel has a parent, also at odd borders (MinkowskiEngine's rule). In a grid of that extent from the origin a voxel at
    /// an odd far border has none, and leads nowhere (spconv's rule). `O(n log n)`.
    ///
    /// # Errors
    /// See [`KernelMapError`].
    pub fn strided(coords: &[[i32; 3]], grid: Option<[i32; 3]>) -> Result<(Vec<[i32; 3]>, Self), KernelMapError> {
        const OFFSETS: usize = 8;
        let parents: Vec<[i32; 3]> = coords.iter().map(|c| c.map(|c| c >> 1)).collect();
        let mut sorted = sorted_keys(&parents)?;
        if let Some(grid) = grid {
            sorted.retain(|&(_, row)| (0..3).all(|axis| parents[row as usize][axis] < grid[axis] / 2));
        }
        let (fine, coarse) = (coords.len(), sorted.chunk_by(|a, b| a.0 == b.0).count());
        let mut coarse_coords = Vec::with_capacity(coarse);
        let mut child = vec![NO_NEIGHBOUR; OFFSETS * coarse];
        let mut parent = vec![NO_NEIGHBOUR; OFFSETS * fine];
        for (coarse_row, siblings) in (0u32..).zip(sorted.chunk_by(|a, b| a.0 == b.0)) {
            coarse_coords.push(parents[siblings[0].1 as usize]);
            for &(_, row) in siblings {
                let at = coords[row as usize];
                let [x, y, z] = at.map(|c| (c & 1) as usize);
                let offset = x + 2 * y + 4 * z;
                let entry = &mut child[offset * coarse + coarse_row as usize];
                if *entry != NO_NEIGHBOUR {
                    return Err(KernelMapError::Duplicate { at });
                }
                *entry = row;
                parent[offset * fine + row as usize] = coarse_row;
            }
        }
        let map = Self { inputs: Neighbours::new(coarse, OFFSETS, child, None), outputs: Neighbours::new(fine, OFFSETS, parent, None) };
        Ok((coarse_coords, map))
    }

    /// The same pairs the other way round: leads from the outputs back to the inputs, with the same offset numbers. The inverse of a
    /// strided map is the transposed ("up") convolution.
    #[must_use]
    pub fn inverse(&self) -> Self {
        Self { inputs: self.outputs.clone(), outputs: self.inputs.clone() }
    }

    /// Offsets of the kernel.
    pub fn offsets(&self) -> usize {
        self.inputs.offsets()
    }

    /// Rows of the input.
    pub fn in_rows(&self) -> usize {
        self.outputs.rows()
    }

    /// Rows of the output.
    pub fn out_rows(&self) -> usize {
        self.inputs.rows()
    }

    /// For every output row, the input rows that contribute to it.
    pub fn inputs(&self) -> &Neighbours {
        &self.inputs
    }

    /// For every input row, the output rows to which it contributes.
    pub fn outputs(&self) -> &Neighbours {
        &self.outputs
    }
}

const AXIS_BITS: u32 = 21;

/// Every voxel as one integer with its row, sorted: by z, then y, then x.
fn sorted_keys(coords: &[[i32; 3]]) -> Result<Vec<(u64, u32)>, KernelMapError> {
    if coords.len() > VOXEL_LIMIT {
        return Err(KernelMapError::TooMany { got: coords.len() });
    }
    let mut keys = Vec::with_capacity(coords.len());
    for (row, &at) in (0u32..).zip(coords) {
        if at.iter().any(|c| !(-COORDINATE_LIMIT..=COORDINATE_LIMIT).contains(c)) {
            return Err(KernelMapError::TooFar { at });
        }
        let [x, y, z] = at.map(|c| (c + (1 << (AXIS_BITS - 1))) as u64);
        keys.push((x | y << AXIS_BITS | z << (2 * AXIS_BITS), row));
    }
    keys.sort_unstable();
    Ok(keys)
}

/// What to add to a voxel's key to get the key of its neighbour at `offset` of an odd kernel.
fn key_delta(offset: usize, kernel: usize) -> i64 {
    let step = |i: usize| (i % kernel) as i64 - (kernel / 2) as i64;
    step(offset) + (step(offset / kernel) << AXIS_BITS) + (step(offset / kernel / kernel) << (2 * AXIS_BITS))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    fn voxels() -> impl Strategy<Value = Vec<[i32; 3]>> {
        prop::collection::hash_set(prop::array::uniform3(-4..5i32), 0..120).prop_map(|set| set.into_iter().collect())
    }

    fn offset_of(k: usize, kernel: usize) -> [i32; 3] {
        let shift = if kernel % 2 == 1 { (kernel / 2) as i32 } else { 0 };
        [k % kernel, k / kernel % kernel, k / kernel / kernel].map(|i| i as i32 - shift)
    }

    proptest! {
        #[test]
        fn submanifold_neighbours_are_the_voxels_at_the_offsets(coords in voxels(), kernel in prop::sample::select(vec![1usize, 3, 5])) {
            let map = KernelMap::submanifold(&coords, kernel).unwrap();
            let row_of: HashMap<_, _> = coords.iter().zip(0u32..).collect();
            for k in 0..map.offsets() {
                let [dx, dy, dz] = offset_of(k, kernel);
                for (row, &[x, y, z]) in coords.iter().enumerate() {
                    let input = row_of.get(&[x + dx, y + dy, z + dz]).copied().unwrap_or(NO_NEIGHBOUR);
                    let output = row_of.get(&[x - dx, y - dy, z - dz]).copied().unwrap_or(NO_NEIGHBOUR);
                    prop_assert_eq!(map.inputs().at(k)[row], input);
                    prop_assert_eq!(map.outputs().at(k)[row], output);
                }
            }
        }

        #[test]
        fn strided_children_lie_in_their_parent(coords in voxels()) {
            let (coarse, map) = KernelMap::strided(&coords, None).unwrap();
            prop_assert!(coarse.is_sorted_by_key(|&[x, y, z]| [z, y, x]));
            prop_assert_eq!((map.in_rows(), map.out_rows()), (coords.len(), coarse.len()));
            let mut seen = vec![0; coords.len()];
            for k in 0..8 {
                let offset = offset_of(k, 2);
                for (parent, &child) in map.inputs().at(k).iter().enumerate().filter(|(_, child)| **child != NO_NEIGHBOUR) {
                    for axis in 0..3 {
                        prop_assert_eq!(coords[child as usize][axis], 2 * coarse[parent][axis] + offset[axis]);
                    }
                    prop_assert_eq!(map.outputs().at(k)[child as usize], parent as u32);
                    seen[child as usize] += 1;
                }
            }
            prop_assert!(seen.iter().all(|&n| n == 1), "every voxel has exactly one parent");
            let up = map.inverse();
            prop_assert_eq!((up.in_rows(), up.out_rows()), (coarse.len(), coords.len()));
            prop_assert_eq!(up.inputs().at(3), map.outputs().at(3));
        }
    }

    #[test]
    fn an_odd_border_of_a_grid_has_no_parents() {
        let coords = [[0, 0, 0], [3, 1, 0], [4, 0, 1]];
        let (coarse, map) = KernelMap::strided(&coords, Some([5, 2, 2])).unwrap();
        assert_eq!(coarse, [[0, 0, 0], [1, 0, 0]]);
        assert!((0..8).all(|k| map.outputs().at(k)[2] == NO_NEIGHBOUR));
        assert_eq!(KernelMap::strided(&coords, Some([6, 2, 2])).unwrap().0.len(), 3);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let far = [0, i32::MIN, 0];
        assert_eq!(KernelMap::submanifold(&[far], 3).unwrap_err(), KernelMapError::TooFar { at: far });
        assert_eq!(KernelMap::submanifold(&[[1; 3], [0; 3], [1; 3]], 3).unwrap_err(), KernelMapError::Duplicate { at: [1; 3] });
        assert_eq!(KernelMap::strided(&[[1; 3], [0; 3], [1; 3]], None).unwrap_err(), KernelMapError::Duplicate { at: [1; 3] });
        assert_eq!(KernelMap::submanifold(&[], 4).unwrap_err(), KernelMapError::Kernel { got: 4 });
        let edge = [[COORDINATE_LIMIT, -COORDINATE_LIMIT, COORDINATE_LIMIT]];
        assert!((0..125).all(|k| (KernelMap::submanifold(&edge, 5).unwrap().inputs().at(k)[0] == 0) == (k == 62)));
    }
}
