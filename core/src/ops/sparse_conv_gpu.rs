//! Sparse convolution on the GPU: `wgsl/sparse_conv.wgsl` and its two gradients, launched over blocks of rows that fit a binding.

use std::{ops::Range, sync::Arc};

use burn::backend::{
    TensorMetadata as _,
    ops::FloatTensorOps as _,
    tensor::FloatTensor,
    wgpu::{CubeBackend, CubeTensor},
};
use cubecl::server::Handle;

use super::{
    KernelMap, NO_NEIGHBOUR, Neighbours, SparseConv,
    wgsl::{BLOCK_STEP, Rows, Shader, blocks, empty_like, padded, trimmed, zeros_like},
};

const OUTPUT: Shader = Shader { entry: "sparse_conv", source: include_str!("../../../wgsl/sparse_conv.wgsl") };
const GRAD_INPUT: Shader = Shader { entry: "sparse_conv_grad_input", source: include_str!("../../../wgsl/sparse_conv_grad_input.wgsl") };
const GRAD_WEIGHT: Shader = Shader { entry: "sparse_conv_grad_weight", source: include_str!("../../../wgsl/sparse_conv_grad_weight.wgsl") };

/// Rows, and vectors of channels, that one thread computes.
const TILE: [usize; 2] = [8, 2];
/// Threads that keep a large GPU busy; the gradient to the weight splits its rows until there are about as many.
const BUSY: usize = 1 << 16;
/// Fewest rows worth a piece of their own.
const PIECE: usize = 64;

/// Consecutive rows of a table of neighbours on a device, in an order that brings those with similar neighbourhoods together: they share a
/// thread, which computes every offset that one of them needs for all of them.
pub(super) struct TableBlock {
    rows: Range<usize>,
    /// Rows, filled up to whole tiles.
    places: usize,
    /// `[offsets, places]`
    neighbours: Handle,
    /// `[places]`: the row of each place, counted from the block's first.
    order: Handle,
}

impl Neighbours {
    /// The table on the device of `like`, in blocks that fit a binding; uploaded once.
    fn blocks_beside(&self, like: &CubeTensor) -> Arc<Vec<TableBlock>> {
        self.on_device().get(&like.device, || {
            let upload = |rows: Range<usize>| {
                let columns = || self.entries().chunks_exact(self.rows()).map(|column| &column[rows.clone()]);
                let order = order(columns(), rows.len());
                let places = rows.len().next_multiple_of(TILE[0]);
                let filled = |entry: u32| std::iter::repeat_n(entry, places - rows.len());
                let placed = |column: &[u32]| order.iter().map(|&row| column[row as usize]).chain(filled(NO_NEIGHBOUR)).collect::<Vec<_>>();
                let neighbours: Vec<u32> = columns().flat_map(placed).collect();
                let order: Vec<u32> = order.iter().copied().chain(filled(0)).collect();
                let handle = |words: &[u32]| like.client.create_from_slice(bytemuck::cast_slice(words));
                TableBlock { rows, places, neighbours: handle(&neighbours), order: handle(&order) }
            };
            blocks(0..self.rows(), self.offsets() * size_of::<u32>()).map(upload).collect()
        })
    }
}

/// Rows by which of their neighbours exist, within stretches that no block cuts: `columns` are the rows' neighbours at each offset.
fn order<'a>(columns: impl Iterator<Item = &'a [u32]>, rows: usize) -> Vec<u32> {
    let mut present = vec![0u128; rows];
    for (offset, column) in columns.enumerate() {
        for (present, neighbour) in present.iter_mut().zip(column) {
            *present |= u128::from(*neighbour != NO_NEIGHBOUR) << offset;
        }
    }
    let mut order: Vec<u32> = (0..rows as u32).collect();
    for stretch in order.chunks_mut(BLOCK_STEP) {
        stretch.sort_by_key(|&row| present[row as usize]);
    }
    order
}

/// One launch: which rows gather, and from which.
struct Step<'a> {
    table: &'a TableBlock,
    gathering: Range<usize>,
    bound: Range<usize>,
    accumulate: bool,
}

/// Every launch that one pass over `table` needs, when a block of `gathering` rows and one of `bound` rows must fit a binding each.
fn steps<'a>(table: &'a [TableBlock], gathering: &Rows, bound: &Rows) -> Vec<Step<'a>> {
    let mut steps = Vec::new();
    for table in table {
        for gathering in gathering.blocks(table.rows.clone()) {
            for (index, bound) in bound.blocks(0..bound.count()).enumerate() {
                steps.push(Step { table, gathering: gathering.clone(), bound, accumulate: index > 0 });
            }
        }
    }
    steps
}

impl Step<'_> {
    /// The shaders' `Info`; `vectors` are the widths of what is bound and of the other side, `tail` its last two words.
    fn info(&self, neighbours: &Neighbours, vectors: [usize; 2], tail: [usize; 2]) -> [u32; 12] {
        let words = [
            self.gathering.start - self.table.rows.start,
            self.gathering.len(),
            self.table.places / 4,
            self.bound.start,
            self.bound.len(),
            neighbours.offsets(),
            usize::from(neighbours.mirrored()),
            usize::from(self.accumulate),
            vectors[0],
            vectors[1],
            tail[0],
            tail[1],
        ];
        words.map(|word| word as u32)
    }
}

/// The forward pass or the gradient to the input: rows of `x` gathered along `neighbours`; `side` is the dimension of `w` they are mapped to.
fn gather(shader: Shader, x: CubeTensor, w: CubeTensor, side: usize, neighbours: &Neighbours) -> CubeTensor {
    let shape = [neighbours.rows(), w.shape()[side]];
    if x.shape().num_elements() == 0 || shape.contains(&0) {
        return zeros_like(&x, shape);
    }
    let (x, w) = (padded(x, 1), padded(w, 2));
    let y = empty_like(&x, [neighbours.rows(), w.shape()[side]]);
    let (from, to, table) = (Rows::of(&x), Rows::of(&y), neighbours.blocks_beside(&x));
    for step in steps(&table, &to, &from) {
        let threads = step.gathering.len().div_ceil(TILE[0]) * to.vectors().div_ceil(TILE[1]);
        let TableBlock { neighbours: entries, order, .. } = step.table;
        let buffers = [from.bind(&step.bound), w.handle.clone(), entries.clone(), order.clone(), to.bind(&step.gathering)];
        shader.launch(&x.client, threads, buffers, step.info(neighbours, [from.vectors(), to.vectors()], [0; 2]));
    }
    trimmed(y, shape)
}

impl SparseConv for CubeBackend {
    fn sparse_conv(x: FloatTensor<Self>, w: FloatTensor<Self>, map: KernelMap) -> FloatTensor<Self> {
        gather(OUTPUT, x, w, 2, map.inputs())
    }

    fn sparse_conv_grad_input(grad: FloatTensor<Self>, w: FloatTensor<Self>, map: KernelMap) -> FloatTensor<Self> {
        gather(GRAD_INPUT, grad, w, 1, map.outputs())
    }

    fn sparse_conv_grad_weight(x: FloatTensor<Self>, grad: FloatTensor<Self>, map: KernelMap) -> FloatTensor<Self> {
        let shape = [map.offsets(), x.shape()[1], grad.shape()[1]];
        if x.shape().num_elements() == 0 || grad.shape().num_elements() == 0 {
            return zeros_like(&x, shape);
        }
        let (x, grad) = (padded(x, 1), padded(grad, 1));
        let (from, to) = (Rows::of(&x), Rows::of(&grad));
        let tiles = map.offsets() * from.vectors() * to.vectors();
        let pieces = (BUSY / tiles).clamp(1, map.out_rows().div_ceil(PIECE));
        let sums = empty_like(&x, [pieces, map.offsets(), x.shape()[1], grad.shape()[1]]);
        let table = map.inputs().blocks_beside(&x);
        for (index, step) in steps(&table, &to, &from).into_iter().enumerate() {
            let step = Step { accumulate: index > 0, ..step };
            let piece = step.gathering.len().div_ceil(pieces);
            let TableBlock { neighbours, order, .. } = step.table;
            let buffers = [from.bind(&step.bound), to.bind(&step.gathering), neighbours.clone(), order.clone(), sums.handle.clone()];
            let info = step.info(map.inputs(), [from.vectors(), to.vectors()], [pieces, piece]);
            GRAD_WEIGHT.launch(&x.client, tiles * pieces, buffers, info);
        }
        let full = [map.offsets(), x.shape()[1], grad.shape()[1]];
        trimmed(Self::float_reshape(Self::float_sum_dim(sums, 0), full.into()), shape)
    }
}
