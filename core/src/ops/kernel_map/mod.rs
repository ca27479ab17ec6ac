//! Kernel maps: which voxels a sparse convolution pairs. A GPU reads tables of neighbours and the
//! CPU lists of pairs; both are built on the device that reads them, on first use.
//!
//! Offsets are numbered with x fastest, `k = ix + n * iy + n^2 * iz`, as in MinkowskiEngine
//! (docs/spec/model.md section 3.1). In an odd kernel of size `n`, index `i` is a step of
//! `i - n / 2` voxels along its axis; in the kernel of size 2 it is a step of `i` in `{0, 1}`.

pub(super) mod gpu;
mod level;
pub(super) mod pairs;

use std::sync::{Arc, OnceLock};

use super::wgsl::BINDING_LIMIT;
use crate::platform;
use gpu::Batch;
use level::AXIS_BITS;
pub use level::{KernelMapError, Level};
use pairs::Pairs;

/// Marks a voxel without a parent.
const NO_PARENT: u32 = u32::MAX;

/// Largest kernel size.
pub(super) const KERNEL_LIMIT: usize = 5;
/// Size of the kernel between two levels.
const CHILDREN: usize = 2;

/// For every row on one side of a convolution and every offset, the row on the other side that it
/// is paired with.
#[derive(Clone, Debug)]
pub struct NeighborTable {
    table: Arc<PairTable>,
    /// If `true`, the table is that of the opposite direction of a submanifold convolution, whose
    /// offsets run backwards here.
    mirrored: bool,
}

/// The table itself, shared by all users in either direction.
#[derive(Debug)]
struct PairTable {
    pairing: Pairing,
    /// The pairs of each offset. The CPU reads them for every convolution and gradient of a level.
    pairs: OnceLock<Vec<Pairs>>,
    /// The tables that a GPU builds together with this one, and the place of this one among them.
    batch: OnceLock<(Arc<Batch>, usize)>,
}

/// The rows that a table is about, the rows that they are paired with, and how.
#[derive(Clone, Debug)]
struct Pairing {
    rows: Level,
    others: Level,
    relation: Relation,
}

/// Position of the other voxel of a pair, for each offset.
#[derive(Clone, Debug)]
enum Relation {
    /// In the same level, within a kernel of this odd size.
    Within(usize),
    /// In the finer level: the child whose position among its siblings is the offset. Holds the
    /// parents of all voxels of the finer level.
    Child(Arc<[u32]>),
    /// In the coarser level: the parent, at the one offset that is the voxel's own position among
    /// its siblings. Holds the parents of all voxels.
    Parent(Arc<[u32]>),
}

impl Relation {
    fn offsets(&self) -> usize {
        match self {
            Self::Within(kernel) => kernel.pow(3),
            Self::Child(_) | Self::Parent(_) => CHILDREN.pow(3),
        }
    }
}

impl PairTable {
    fn new(rows: &Level, others: &Level, relation: Relation) -> Arc<Self> {
        Self {
            pairing: Pairing {
                rows: rows.clone(),
                others: others.clone(),
                relation,
            },
            pairs: OnceLock::new(),
            batch: OnceLock::new(),
        }
        .into()
    }

    fn pairs(&self) -> &[Pairs] {
        let Pairing {
            rows,
            others,
            relation,
        } = &self.pairing;
        self.pairs.get_or_init(|| {
            let mut lists = vec![Vec::new(); relation.offsets()];
            match relation {
                Relation::Within(kernel) => within(rows, *kernel, &mut lists),
                Relation::Child(parents) => families(others, parents)
                    .for_each(|(child, place, parent)| lists[place].push((parent, child))),
                Relation::Parent(parents) => families(rows, parents)
                    .for_each(|(child, place, parent)| lists[place].push((child, parent))),
            }
            let mut pairs = vec![Pairs::default(); lists.len()];
            for (pairs, list) in pairs.iter_mut().zip(lists) {
                *pairs = Pairs::new(list, rows.len());
            }
            pairs
        })
    }

    /// The tables that a GPU builds together with this one: it alone, unless
    /// [`KernelMap::build_together`] said otherwise before.
    fn batch(&self) -> &(Arc<Batch>, usize) {
        self.batch
            .get_or_init(|| (Arc::new(Batch::new(vec![self.pairing.clone()])), 0))
    }
}

/// Fills `lists`, one for each offset, with the pairs of neighbours within a level.
/// `O(kernel^3 n)`.
fn within(level: &Level, kernel: usize, lists: &mut [Vec<(u32, u32)>]) {
    let (sorted, center) = (level.sorted(), lists.len() / 2);
    let (before, rest) = lists.split_at_mut(center);
    rest[0] = (0..level.len() as u32).map(|row| (row, row)).collect();
    // Keys are ordered as offsets are numbered, so a neighbour at an offset below the centre comes
    // before its voxel, and one merge finds all of them. The other half of the lists contains the
    // same pairs seen from the other end.
    platform::for_each_chunk(before, 1, |offset, list| {
        let delta = key_delta(offset, kernel);
        let mut candidate = 0;
        list[0].reserve(sorted.len());
        for &(key, row) in sorted {
            let wanted = key.wrapping_add_signed(delta);
            while sorted[candidate].0 < wanted {
                candidate += 1;
            }
            let (found, neighbor) = sorted[candidate];
            if found == wanted {
                list[0].push((row, neighbor));
            }
        }
        list[0].shrink_to_fit();
    });
    let before = &*before;
    platform::for_each_chunk(&mut rest[1..], 1, |beyond, list| {
        let seen = before[center - 1 - beyond].iter();
        list[0] = seen.map(|&(row, neighbor)| (neighbor, row)).collect();
    });
}

/// Returns the number to add to a voxel's key to get the key of its neighbour at `offset` of an odd
/// kernel.
fn key_delta(offset: usize, kernel: usize) -> i64 {
    let step = |i: usize| (i % kernel) as i64 - (kernel / 2) as i64;
    step(offset)
        + (step(offset / kernel) << AXIS_BITS)
        + (step(offset / kernel / kernel) << (2 * AXIS_BITS))
}

/// Yields `(row, position among its siblings, parent's row)` for every voxel that has a parent.
fn families<'a>(
    fine: &'a Level,
    parents: &'a [u32],
) -> impl Iterator<Item = (u32, usize, u32)> + 'a {
    let place = |at: &[i32; 3]| {
        at.iter()
            .rev()
            .fold(0, |place, c| 2 * place + (c & 1) as usize)
    };
    (0u32..)
        .zip(fine.coords().iter().map(place))
        .zip(parents)
        .filter(|(_, parent)| **parent != NO_PARENT)
        .map(|((row, place), parent)| (row, place, *parent))
}

impl NeighborTable {
    /// Number of rows on the side that gathers.
    pub fn rows(&self) -> usize {
        self.table.pairing.rows.len()
    }

    /// Number of offsets of the kernel.
    pub fn offsets(&self) -> usize {
        self.table.pairing.relation.offsets()
    }

    /// `true` if the offsets of the shared table run backwards here.
    pub(super) fn mirrored(&self) -> bool {
        self.mirrored
    }

    /// Lists all pairs unless they are listed already. Threads that share work would otherwise wait
    /// for the one that lists the pairs, while that one waits for them.
    pub(super) fn list_pairs(&self) {
        self.table.pairs();
    }

    /// `(row, neighbor)` for the rows that have a neighbour at `offset`, in row order.
    pub fn pairs(&self, offset: usize) -> &[(u32, u32)] {
        self.table.pairs()[self.slot(offset)].all()
    }

    /// The pairs at `offset` in one block of [`BLOCK`](pairs::BLOCK) rows.
    pub(super) fn pairs_of_block(&self, offset: usize, block: usize) -> &[(u32, u32)] {
        self.table.pairs()[self.slot(offset)].of_block(block)
    }

    /// Index of `offset` in the shared table.
    fn slot(&self, offset: usize) -> usize {
        if self.mirrored {
            self.offsets() - 1 - offset
        } else {
            offset
        }
    }
}

/// The pairs of input and output rows at each offset of a kernel, in both directions. Clones share
/// their tables, each of which is built on first use, in main memory for the CPU and on every GPU
/// that reads it.
#[derive(Clone, Debug)]
pub struct KernelMap {
    inputs: NeighborTable,
    outputs: NeighborTable,
}

impl KernelMap {
    /// Builds the map of a stride-1 convolution, whose output voxels are the input voxels:
    /// `out[p] = sum_k W[k]^T in[p + offset_k]`.
    ///
    /// `kernel` is the size along each axis; a kernel of size 1 is a plain linear layer.
    ///
    /// # Errors
    /// [`KernelMapError::Kernel`] if `kernel` is even or above 5.
    pub fn submanifold(level: &Level, kernel: usize) -> Result<Self, KernelMapError> {
        if kernel.is_multiple_of(2) || kernel > KERNEL_LIMIT {
            return Err(KernelMapError::Kernel { got: kernel });
        }
        let inputs = NeighborTable {
            table: PairTable::new(level, level, Relation::Within(kernel)),
            mirrored: false,
        };
        let outputs = NeighborTable {
            mirrored: true,
            ..inputs.clone()
        };
        Ok(Self { inputs, outputs })
    }

    /// Builds the map of a convolution with kernel 2 and stride 2. Returns the coarser level,
    /// `floor(c / 2)` sorted by z, y, x, and the map that leads to it.
    ///
    /// Without a `grid` every voxel has a parent, also at odd borders (as in MinkowskiEngine). In a
    /// grid of that extent from the origin, a voxel at an odd far border has no parent and
    /// contributes to no output (as in spconv). `O(n log n)`.
    pub fn strided(fine: &Level, grid: Option<[i32; 3]>) -> (Level, Self) {
        let (coarse, parents) = fine.coarser(grid);
        let neighbors = |rows, others, relation| NeighborTable {
            table: PairTable::new(rows, others, relation),
            mirrored: false,
        };
        let inputs = neighbors(&coarse, fine, Relation::Child(parents.clone()));
        let outputs = neighbors(fine, &coarse, Relation::Parent(parents));
        (coarse, Self { inputs, outputs })
    }

    /// Returns the same pairs in the opposite direction, from the outputs back to the inputs, with
    /// the same offset numbers. The inverse of a strided map belongs to the transposed ("up")
    /// convolution.
    #[must_use]
    pub fn inverse(&self) -> Self {
        Self {
            inputs: self.outputs.clone(),
            outputs: self.inputs.clone(),
        }
    }

    /// Makes a GPU build the tables of all these `maps` at the first use of one of them, with one
    /// upload and one launch of each shader, or a few if there are so many voxels that one binding
    /// cannot hold them. Tables that were used before, or are in another such list, stay as they
    /// are.
    pub fn build_together<'a>(maps: impl IntoIterator<Item = &'a Self>) {
        let mut tables: Vec<&PairTable> = Vec::new();
        for map in maps {
            for NeighborTable { table, .. } in [&map.inputs, &map.outputs] {
                let is_known = |known: &&PairTable| std::ptr::eq(*known, &**table);
                if table.batch.get().is_none() && !tables.iter().any(is_known) {
                    tables.push(table);
                }
            }
        }
        let mut rest = &tables[..];
        while !rest.is_empty() {
            let pairings: Vec<Pairing> = rest.iter().map(|table| table.pairing.clone()).collect();
            let (now, later) = rest.split_at(Batch::fitting(&pairings, BINDING_LIMIT));
            let batch = Arc::new(Batch::new(pairings[..now.len()].to_vec()));
            for (place, table) in now.iter().enumerate() {
                table.batch.get_or_init(|| (batch.clone(), place));
            }
            rest = later;
        }
    }

    /// Number of offsets of the kernel.
    pub fn offsets(&self) -> usize {
        self.inputs.offsets()
    }

    /// Number of rows of the input.
    pub fn in_rows(&self) -> usize {
        self.outputs.rows()
    }

    /// Number of rows of the output.
    pub fn out_rows(&self) -> usize {
        self.inputs.rows()
    }

    /// For every output row, the input rows that contribute to it.
    pub fn inputs(&self) -> &NeighborTable {
        &self.inputs
    }

    /// For every input row, the output rows to which it contributes.
    pub fn outputs(&self) -> &NeighborTable {
        &self.outputs
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;
    use crate::ops::kernel_map::level::COORDINATE_LIMIT;

    fn level(coords: &[[i32; 3]]) -> Level {
        Level::new(coords.to_vec()).unwrap()
    }

    fn strided(coords: &[[i32; 3]], grid: Option<[i32; 3]>) -> (Vec<[i32; 3]>, KernelMap) {
        let (coarse, map) = KernelMap::strided(&level(coords), grid);
        (coarse.coords().to_vec(), map)
    }

    fn voxels() -> impl Strategy<Value = Vec<[i32; 3]>> {
        prop::collection::hash_set(prop::array::uniform3(-4..5i32), 0..120)
            .prop_map(|set| set.into_iter().collect())
    }

    /// The neighbour of each row at an offset.
    fn at(table: &NeighborTable, offset: usize) -> Vec<Option<u32>> {
        let mut neighbors = vec![None; table.rows()];
        for &(row, neighbor) in table.pairs(offset) {
            assert_eq!(neighbors[row as usize].replace(neighbor), None);
        }
        neighbors
    }

    fn offset_of(k: usize, kernel: usize) -> [i32; 3] {
        let shift = if kernel % 2 == 1 {
            (kernel / 2) as i32
        } else {
            0
        };
        [k % kernel, k / kernel % kernel, k / kernel / kernel].map(|i| i as i32 - shift)
    }

    proptest! {
        #[test]
        fn submanifold_neighbors_are_the_voxels_at_the_offsets(coords in voxels(), kernel in prop::sample::select(vec![1usize, 3, 5])) {
            let map = KernelMap::submanifold(&level(&coords), kernel).unwrap();
            let row_of: HashMap<_, _> = coords.iter().zip(0u32..).collect();
            for k in 0..map.offsets() {
                let [dx, dy, dz] = offset_of(k, kernel);
                let (inputs, outputs) = (at(map.inputs(), k), at(map.outputs(), k));
                for (row, &[x, y, z]) in coords.iter().enumerate() {
                    prop_assert_eq!(inputs[row], row_of.get(&[x + dx, y + dy, z + dz]).copied());
                    prop_assert_eq!(outputs[row], row_of.get(&[x - dx, y - dy, z - dz]).copied());
                }
            }
        }

        #[test]
        fn strided_children_lie_in_their_parent(coords in voxels()) {
            let (coarse, map) = strided(&coords, None);
            prop_assert!(coarse.is_sorted_by_key(|&[x, y, z]| [z, y, x]));
            prop_assert_eq!((map.in_rows(), map.out_rows()), (coords.len(), coarse.len()));
            let mut seen = vec![0; coords.len()];
            for k in 0..8 {
                let offset = offset_of(k, 2);
                for &(parent, child) in map.inputs().pairs(k) {
                    for axis in 0..3 {
                        prop_assert_eq!(coords[child as usize][axis], 2 * coarse[parent as usize][axis] + offset[axis]);
                    }
                    prop_assert!(map.outputs().pairs(k).contains(&(child, parent)));
                    seen[child as usize] += 1;
                }
            }
            prop_assert!(seen.iter().all(|&n| n == 1), "every voxel has exactly one parent");
            let up = map.inverse();
            prop_assert_eq!((up.in_rows(), up.out_rows()), (coarse.len(), coords.len()));
            prop_assert_eq!(up.inputs().pairs(3), map.outputs().pairs(3));
        }
    }

    #[test]
    fn an_odd_border_of_a_grid_has_no_parents() {
        let coords = [[0, 0, 0], [3, 1, 0], [4, 0, 1]];
        let (coarse, map) = strided(&coords, Some([5, 2, 2]));
        assert_eq!(coarse, [[0, 0, 0], [1, 0, 0]]);
        assert!((0..8).all(|k| at(map.outputs(), k)[2].is_none()));
        assert_eq!(strided(&coords, Some([6, 2, 2])).0.len(), 3);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let far = [0, i32::MIN, 0];
        assert_eq!(
            Level::new(vec![far]).unwrap_err(),
            KernelMapError::TooFar { at: far }
        );
        assert_eq!(
            Level::new(vec![[1; 3], [0; 3], [1; 3]]).unwrap_err(),
            KernelMapError::Duplicate { at: [1; 3] }
        );
        assert_eq!(
            KernelMap::submanifold(&level(&[]), 4).unwrap_err(),
            KernelMapError::Kernel { got: 4 }
        );
        let edge = level(&[[COORDINATE_LIMIT, -COORDINATE_LIMIT, COORDINATE_LIMIT]]);
        assert!((0..125).all(
            |k| at(KernelMap::submanifold(&edge, 5).unwrap().inputs(), k)
                == [(k == 62).then_some(0)]
        ));
    }
}
