//! Tables of neighbours built on the GPU that reads them: `wgsl/voxel_index.wgsl`, then
//! `wgsl/kernel_map.wgsl`. Only the voxels are uploaded, twelve bytes each, and nothing is read
//! back.
//!
//! A table of 27 offsets is written once, 112 bytes per voxel; its construction takes 54 look-ups
//! per voxel, of about two random reads each.

use std::sync::{Arc, OnceLock};

use burn::{
    backend::{
        ops::IntTensorOps as _,
        wgpu::{CubeBackend, CubeTensor},
    },
    tensor::{IntDType, Shape},
};
use cubecl::{client::Client, server::Handle};

use super::{Level, NeighborTable, PairTable, Relation};
use crate::ops::wgsl::{BINDING_LIMIT, Shader};

const INDEX: Shader = Shader::new(
    "voxel_index",
    include_str!("../../../../wgsl/voxel_index.wgsl"),
);
const MAP: Shader = Shader::new(
    "kernel_map",
    include_str!("../../../../wgsl/kernel_map.wgsl"),
);
const LISTS: Shader = Shader::new(
    "pair_lists",
    include_str!("../../../../wgsl/pair_lists.wgsl"),
);

/// Rows that one workgroup of [`MAP`] sorts.
const STRETCH: usize = 512;
/// Bytes of a pair of rows.
const PAIR: usize = 2 * size_of::<u32>();
/// Threads per workgroup.
const GROUP: usize = 64;
/// The rows of a table are padded to a multiple of this: whole tiles of every shader that reads it,
/// and one stretch of a list of pairs.
pub(in crate::ops) const PLACES: usize = 64;

/// The voxels of a level on a device, with a hash table to look them up in.
pub(super) struct Index {
    voxels: Handle,
    slots: Handle,
    /// Number of slots minus 1; the number of slots is a power of two.
    last_slot: usize,
}

/// Consecutive rows of a table of neighbours on a device, sorted so that rows with similar
/// neighbourhoods are next to each other: they share a thread, which computes every offset that one
/// of them needs for all of them.
pub(in crate::ops) struct TableBlock {
    /// First row.
    pub first: usize,
    /// Number of rows.
    pub count: usize,
    /// Number of places, the sorted rows padded to whole tiles.
    pub places: usize,
    /// `(offsets + 1, places)`: the neighbours of each place, then the row of each place, counted
    /// from `first`.
    pub table: Handle,
    pairs: OnceLock<PairList>,
}

/// The pairs of a block, listed by offset, which only gradients with respect to weights read.
pub(in crate::ops) struct PairList {
    /// `(offsets, places, 2)`: the input and the output row of each pair, from the start of its
    /// stretch of [`PLACES`] places on.
    pub pairs: Handle,
    /// `(offsets, stretches)`: the number of pairs of each stretch.
    pub counts: Handle,
}

impl TableBlock {
    /// Returns the pairs, listed on first use: eight bytes per place and offset.
    pub fn pair_list(&self, client: &Client, offsets: usize) -> &PairList {
        self.pairs.get_or_init(|| {
            let stretches = self.places / PLACES;
            let list = PairList {
                pairs: client.empty(offsets * self.places * PAIR),
                counts: client.empty(offsets * stretches * size_of::<u32>()),
            };
            LISTS.launch(
                client,
                offsets * stretches,
                [&self.table, &list.pairs, &list.counts].map(Clone::clone),
                [self.first, self.places, offsets, stretches].map(|word| word as u32),
            );
            list
        })
    }
}

impl Level {
    /// Returns the index on the device of `like`, built on first use.
    fn index_beside(&self, like: &CubeTensor) -> Arc<Index> {
        self.on_device().get(&like.device, || {
            let slots = (2 * self.len()).next_power_of_two();
            let index = Index {
                voxels: like
                    .client
                    .create_from_slice(bytemuck::cast_slice(self.coords())),
                slots: CubeBackend::int_zeros(Shape::new([slots]), &like.device, IntDType::I32)
                    .handle,
                last_slot: slots - 1,
            };
            let info = [self.len(), index.last_slot, 0, 0].map(|word| word as u32);
            INDEX.launch(
                &like.client,
                self.len(),
                [index.voxels.clone(), index.slots.clone()],
                info,
            );
            index
        })
    }
}

impl NeighborTable {
    /// Returns the table on the device of `like`, in blocks that fit a binding, built on first use.
    /// Both sides must have at least one row.
    pub(in crate::ops) fn blocks_beside(&self, like: &CubeTensor) -> Arc<Vec<TableBlock>> {
        let PairTable {
            rows,
            others,
            relation,
            on_device,
            ..
        } = self.table();
        on_device.get(&like.device, || {
            let (from, to) = (rows.index_beside(like), others.index_beside(like));
            let (relation, kernel) = match relation {
                Relation::Within(kernel) => (0, *kernel),
                Relation::Child(_) => (1, 2),
                Relation::Parent(_) => (2, 2),
            };
            // Lists of pairs have to fit as well.
            let most = BINDING_LIMIT / PAIR / (self.offsets() + 1) / PLACES * PLACES;
            let build = |first: usize| {
                let count = (rows.len() - first).min(most);
                let places = count.next_multiple_of(PLACES);
                let table = like
                    .client
                    .empty((self.offsets() + 1) * places * size_of::<u32>());
                let info = [
                    first,
                    count,
                    places,
                    to.last_slot,
                    self.offsets(),
                    relation,
                    kernel,
                    0,
                ]
                .map(|word| word as u32);
                let buffers = [
                    from.voxels.clone(),
                    to.voxels.clone(),
                    to.slots.clone(),
                    table.clone(),
                ];
                MAP.launch(&like.client, count.div_ceil(STRETCH) * GROUP, buffers, info);
                TableBlock {
                    first,
                    count,
                    places,
                    table,
                    pairs: OnceLock::new(),
                }
            };
            (0..rows.len()).step_by(most).map(build).collect()
        })
    }
}
