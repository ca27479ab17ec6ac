//! Sparse convolution on the GPU: `wgsl/sparse_conv.wgsl` or `wgsl/sparse_conv_shared.wgsl`,
//! whichever is faster on the device, and the gradient with respect to the weight.

use burn::backend::{
    TensorMetadata as _,
    ops::FloatTensorOps as _,
    tensor::FloatTensor,
    wgpu::{CubeBackend, CubeTensor},
};
use burn::tensor::DType;

use super::{EpilogueFlags, SparseConv, epilogue_by_steps};
use crate::ops::{
    kernel_map::{
        KernelMap, NeighborTable,
        gpu::{PLACES, PairList, TableBlock},
    },
    split::{Then, pieces, sum_pieces},
    tuning::{Tiles, Tuning},
    wgsl::{Shader, empty_like, padded, to_f32, trimmed, vectors, zeros_like},
};

const REGISTERS: Shader = Shader::new(
    "sparse_conv",
    include_str!("../../../../wgsl/sparse_conv.wgsl"),
);
const SHARED: Shader = Shader::new(
    "sparse_conv_shared",
    include_str!("../../../../wgsl/sparse_conv_shared.wgsl"),
);
const GRAD_WEIGHT: Shader = Shader::new(
    "sparse_conv_grad_weight",
    include_str!("../../../../wgsl/sparse_conv_grad_weight.wgsl"),
);

/// Rows, and vectors of channels, that one thread of [`REGISTERS`] computes.
const REGISTER_TILE: [usize; 2] = [8, 2];
/// Rows, and vectors of channels, that one workgroup of [`SHARED`] computes, and its number of
/// threads.
const SHARED_TILE: [usize; 3] = [64, 8, 64];
/// Number of threads of the gradient with respect to the weight, which splits its rows until there
/// are about that many: two rounds of eight workgroups on each of 132 multiprocessors, so that the
/// rest of the last round is a small part. Their sums take 32 MiB.
const BUSY: usize = 1 << 17;

/// Multiplies rows of `x`, gathered along `neighbors`, by `w`, `(offsets, c_in, c_out)`, and
/// applies `after`: see [`SparseConv::sparse_conv_with_epilogue`].
fn convolve(
    x: CubeTensor,
    w: CubeTensor,
    neighbors: &NeighborTable,
    affine: CubeTensor,
    addend: CubeTensor,
    after: EpilogueFlags,
) -> CubeTensor {
    let shape = [neighbors.rows(), w.shape()[2]];
    let (x, w) = (padded(x, 1), padded(w, 2));
    let addend = if after.added {
        padded(addend, 1)
    } else {
        x.clone()
    };
    // Without `after.affine`, the weights are bound in its place. The shader declares f32 there,
    // even if the weights are f16, and does not read it.
    let affine = if after.affine {
        padded(to_f32(affine), 1)
    } else {
        w.clone()
    };
    let full = [neighbors.rows(), w.shape()[2]];
    let tuning = Tuning::of(&x.device.clone().into());
    let (shader, [rows, columns, threads]) = match tuning.convolution {
        Tiles::Registers => (REGISTERS, [REGISTER_TILE[0], REGISTER_TILE[1], 1]),
        Tiles::Shared => (SHARED, SHARED_TILE),
    };
    let of_all_rows = full[0].div_ceil(rows) * (full[1] / 4).div_ceil(columns);
    // The pieces are sums in f32, which the shader writes as it stores features.
    let is_split = tuning.split && tuning.convolution == Tiles::Registers && x.dtype == DType::F32;
    let pieces = if is_split {
        pieces(of_all_rows, neighbors.offsets())
    } else {
        1
    };
    let y = if pieces > 1 {
        empty_like(&x, [pieces, full[0], full[1]])
    } else {
        empty_like(&x, full)
    };
    let epilogue = usize::from(after.affine)
        | usize::from(after.added) << 1
        | usize::from(after.with_relu) << 2;
    for TableBlock {
        first,
        count,
        places,
        table,
        ..
    } in neighbors.blocks_beside(&x).iter()
    {
        let buffers = [
            &x.handle,
            &w.handle,
            table,
            &affine.handle,
            &addend.handle,
            &y.handle,
        ]
        .map(Clone::clone);
        let mirrored = usize::from(neighbors.mirrored());
        let info = [
            *first,
            *count,
            places / 4,
            neighbors.offsets(),
            mirrored,
            vectors(&x),
            vectors(&y),
            if pieces > 1 { 0 } else { epilogue },
            pieces,
            neighbors.rows(),
            0,
            0,
        ]
        .map(|word| word as u32);
        let tiles = count.div_ceil(rows) * vectors(&y).div_ceil(columns);
        shader
            .storing(x.dtype)
            .launch(&x.client, tiles * threads * pieces, buffers, info);
    }
    let y = if pieces > 1 {
        let (affine, addend) = (&affine, &addend);
        let then = Then {
            affine,
            addend,
            epilogue,
        };
        sum_pieces(&y, Some(then))
    } else {
        y
    };
    trimmed(y, shape)
}

impl SparseConv for CubeBackend {
    fn sparse_conv(
        x: FloatTensor<Self>,
        w: FloatTensor<Self>,
        map: KernelMap,
    ) -> FloatTensor<Self> {
        let nothing = (x.clone(), x.clone());
        Self::sparse_conv_with_epilogue(x, w, map, nothing.0, nothing.1, EpilogueFlags::default())
    }

    fn sparse_conv_with_epilogue(
        x: FloatTensor<Self>,
        w: FloatTensor<Self>,
        map: KernelMap,
        affine: FloatTensor<Self>,
        addend: FloatTensor<Self>,
        after: EpilogueFlags,
    ) -> FloatTensor<Self> {
        let shape = [map.out_rows(), w.shape()[2]];
        if x.shape().num_elements() == 0 || shape.contains(&0) {
            return match shape.contains(&0) {
                true => zeros_like(&x, shape),
                false => epilogue_by_steps::<Self>(zeros_like(&x, shape), affine, addend, after),
            };
        }
        convolve(x, w, map.inputs(), affine, addend, after)
    }

    fn sparse_conv_grad_input(
        grad: FloatTensor<Self>,
        w: FloatTensor<Self>,
        map: KernelMap,
    ) -> FloatTensor<Self> {
        Self::sparse_conv(grad, Self::float_swap_dims(w, 1, 2), map.inverse())
    }

    fn sparse_conv_grad_weight(
        x: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        map: KernelMap,
    ) -> FloatTensor<Self> {
        let shape = [map.offsets(), x.shape()[1], grad.shape()[1]];
        if x.shape().num_elements() == 0 || grad.shape().num_elements() == 0 {
            return zeros_like(&x, shape);
        }
        let (x, grad) = (padded(to_f32(x), 1), padded(to_f32(grad), 1));
        let tiles = map.offsets() * vectors(&x).div_ceil(2) * vectors(&grad).div_ceil(2);
        let pieces = (BUSY / tiles).clamp(1, map.out_rows().div_ceil(PLACES));
        let sums = empty_like(&x, [pieces, map.offsets(), x.shape()[1], grad.shape()[1]]);
        for block in map.inputs().blocks_beside(&x).iter() {
            let PairList { pairs, counts } = block.pair_list(&x.client, map.offsets());
            let stretches = block.places / PLACES;
            let info = [
                block.places,
                stretches,
                map.offsets(),
                usize::from(map.inputs().mirrored()),
                vectors(&x),
                vectors(&grad),
                usize::from(block.first > 0),
                pieces,
                stretches.div_ceil(pieces),
                0,
                0,
                0,
            ];
            let info = info.map(|word| word as u32);
            let buffers = [&x.handle, &grad.handle, pairs, counts, &sums.handle];
            GRAD_WEIGHT.launch(&x.client, tiles * pieces, buffers.map(Clone::clone), info);
        }
        trimmed(sum_pieces(&sums, None), shape)
    }
}
