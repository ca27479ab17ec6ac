//! Sparse convolution on the GPU: `wgsl/sparse_conv.wgsl` or `wgsl/sparse_conv_shared.wgsl`,
//! whichever is faster on the device, and the gradient with respect to the weight.

use burn::backend::{
    TensorMetadata as _,
    ops::FloatTensorOps as _,
    tensor::FloatTensor,
    wgpu::{CubeBackend, CubeTensor},
};

use super::{
    EpilogueFlags, KernelMap, NeighborTable, SparseConv,
    kernel_map_gpu::TableBlock,
    sparse_conv::epilogue_by_steps,
    tuning::{Tiles, Tuning},
    wgsl::{Shader, empty_like, padded, to_f32, trimmed, vectors, zeros_like},
};

const REGISTERS: Shader = Shader::new(
    "sparse_conv",
    include_str!("../../../wgsl/sparse_conv.wgsl"),
);
const SHARED: Shader = Shader::new(
    "sparse_conv_shared",
    include_str!("../../../wgsl/sparse_conv_shared.wgsl"),
);
const GRAD_WEIGHT: Shader = Shader::new(
    "sparse_conv_grad_weight",
    include_str!("../../../wgsl/sparse_conv_grad_weight.wgsl"),
);

/// Rows, and vectors of channels, that one thread of [`REGISTERS`] computes.
const REGISTER_TILE: [usize; 2] = [8, 2];
/// Rows, and vectors of channels, that one workgroup of [`SHARED`] computes, and its number of
/// threads.
const SHARED_TILE: [usize; 3] = [64, 8, 64];
/// Number of threads that keep a large GPU busy; the gradient with respect to the weight splits its
/// rows until there are about that many.
const BUSY: usize = 1 << 16;
/// Rows per piece below which a split is not worth it: `n` rows are split into at most
/// `n.div_ceil(PIECE)` pieces.
const PIECE: usize = 64;

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
    let y = empty_like(&x, [neighbors.rows(), w.shape()[2]]);
    let tiles = Tuning::of(&x.device.clone().into()).convolution;
    let (shader, [rows, columns, threads]) = match tiles {
        Tiles::Registers => (REGISTERS, [REGISTER_TILE[0], REGISTER_TILE[1], 1]),
        Tiles::Shared => (SHARED, SHARED_TILE),
    };
    let epilogue = usize::from(after.affine)
        | usize::from(after.added) << 1
        | usize::from(after.with_relu) << 2;
    for TableBlock {
        first,
        count,
        places,
        table,
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
            epilogue,
        ]
        .map(|word| word as u32);
        let tiles = count.div_ceil(rows) * vectors(&y).div_ceil(columns);
        shader
            .storing(x.dtype)
            .launch(&x.client, tiles * threads, buffers, info);
    }
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
        let pieces = (BUSY / tiles).clamp(1, map.out_rows().div_ceil(PIECE));
        let sums = empty_like(&x, [pieces, map.offsets(), x.shape()[1], grad.shape()[1]]);
        for TableBlock {
            first,
            count,
            places,
            table,
        } in map.inputs().blocks_beside(&x).iter()
        {
            let mirrored = usize::from(map.inputs().mirrored());
            let (added, rows) = (usize::from(*first > 0), count.div_ceil(pieces));
            let info = [
                *first,
                *count,
                *places,
                map.offsets(),
                mirrored,
                vectors(&x),
                vectors(&grad),
                added,
                pieces,
                rows,
                0,
                0,
            ];
            let info = info.map(|word| word as u32);
            let buffers = [&x.handle, &grad.handle, table, &sums.handle].map(Clone::clone);
            GRAD_WEIGHT.launch(&x.client, tiles * pieces, buffers, info);
        }
        let full = [map.offsets(), x.shape()[1], grad.shape()[1]];
        trimmed(
            Self::float_reshape(Self::float_sum_dim(sums, 0), full.into()),
            shape,
        )
    }
}
