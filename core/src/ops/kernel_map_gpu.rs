//! Tables of neighbours built where the GPU reads them: `wgsl/voxel_index.wgsl`, then
//! `wgsl/kernel_map.wgsl`. Only voxels are uploaded, twelve bytes each, and nothing is read back.
//!
//! A table of 27 offsets is written once, 112 bytes a voxel; 54 look-ups a voxel find what it says,
//! about two random reads each.

use std::sync::Arc;

use burn::{
    backend::{
        ops::IntTensorOps as _,
        wgpu::{CubeBackend, CubeTensor},
    },
    tensor::{IntDType, Shape},
};
use cubecl::server::Handle;

use super::{
    Level, Neighbours,
    kernel_map::{Relation, Table},
    wgsl::{BINDING_LIMIT, Shader},
};

const INDEX: Shader = Shader::new(
    "voxel_index",
    include_str!("../../../wgsl/voxel_index.wgsl"),
);
const MAP: Shader = Shader::new("kernel_map", include_str!("../../../wgsl/kernel_map.wgsl"));

/// Rows that one workgroup of [`MAP`] puts in order.
const STRETCH: usize = 512;
/// Threads of a workgroup.
const GROUP: usize = 64;
/// Rows of a table come in multiples of this: whole tiles of every shader that reads it.
const PLACES: usize = 64;

/// A level's voxels on a device, and a hash table to look them up in.
pub(super) struct Index {
    voxels: Handle,
    slots: Handle,
    /// Slots - 1: they are a power of two.
    last_slot: usize,
}

/// Consecutive rows of a table of neighbours on a device, in an order that brings those with
/// similar neighbourhoods together: they share a thread, which computes every offset that one of
/// them needs for all of them.
pub(super) struct TableBlock {
    /// First row.
    pub first: usize,
    /// Number of rows.
    pub count: usize,
    /// Rows, filled up to whole tiles.
    pub places: usize,
    /// `[offsets + 1, places]`: the neighbours of each place; last, its row counted from the first.
    pub table: Handle,
}

impl Level {
    /// The index on the device of `like`, made once.
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

impl Neighbours {
    /// The table on the device of `like`, in blocks that fit a binding; made once. There is a row
    /// on each side.
    pub(super) fn blocks_beside(&self, like: &CubeTensor) -> Arc<Vec<TableBlock>> {
        let Table {
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
            let most = BINDING_LIMIT / size_of::<u32>() / (self.offsets() + 1) / PLACES * PLACES;
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
                }
            };
            (0..rows.len()).step_by(most).map(build).collect()
        })
    }
}
