//! Sparse convolution on the CPU: for every offset, the paired rows are read directly from the
//! input, multiplied, and added directly to the output. Blocks of rows are independent, and
//! natively all cores work on them.

use burn::{
    backend::{Flex, TensorMetadata as _, flex::FlexTensor, tensor::FloatTensor},
    tensor::TensorData,
};

use super::{EpilogueFlags, SparseConv};
use crate::ops::{
    kernel_map::{KernelMap, NeighborTable, pairs::BLOCK},
    products::{AddOuterProducts, AddProducts, Packed, values},
};
use crate::platform;

/// Operations on the sums: the slices of a [`FusedEpilogue`](super::FusedEpilogue).
#[derive(Clone, Copy, Default)]
struct Epilogue<'a> {
    affine: Option<&'a [f32]>,
    addend: Option<&'a [f32]>,
    with_relu: bool,
}

impl Epilogue<'_> {
    /// Applies the operations to the rows from `first` on, `channels` wide, while they are in the
    /// cache.
    fn apply(&self, first: usize, channels: usize, y: &mut [f32]) {
        if let Some((factors, shifts)) = self.affine.map(|affine| affine.split_at(channels)) {
            for row in y.chunks_exact_mut(channels) {
                row.iter_mut()
                    .zip(factors)
                    .zip(shifts)
                    .for_each(|((y, factor), shift)| *y = *y * factor + shift);
            }
        }
        if let Some(addend) = self.addend {
            y.iter_mut()
                .zip(&addend[first * channels..])
                .for_each(|(y, addend)| *y += addend);
        }
        if self.with_relu {
            y.iter_mut().for_each(|y| *y = y.max(0.0));
        }
    }
}

/// Computes `y[p] = sum_k x[q] w.at(k)` over the pairs `(p, q)` at each offset, then applies `then`.
fn convolve(x: &[f32], w: &Packed, neighbors: &NeighborTable, then: Epilogue) -> Vec<f32> {
    // the tables must exist before any block needs them
    neighbors.list_pairs();
    platform::make_by_chunks(neighbors.rows() * w.to, BLOCK * w.to, |block, y| {
        let first = block * BLOCK;
        for k in 0..neighbors.offsets() {
            AddProducts {
                x,
                w: w.at(k),
                widths: [w.from, w.to],
                pairs: neighbors.pairs_of_block(k, block),
                y,
                first,
            }
            .run();
        }
        then.apply(first, w.to, y);
    })
}

/// Computes `W'[k] = sum_p x[neighbor(p, k)] grad[p]^T`.
fn grad_weight(x: &[f32], grad: &[f32], widths: [usize; 2], map: &KernelMap) -> Vec<f32> {
    let matrix = widths[0] * widths[1];
    let met: Vec<_> = (0..map.offsets()).map(|k| map.inputs().pairs(k)).collect();
    platform::make_by_chunks(map.offsets() * matrix, matrix, |k, dw| {
        AddOuterProducts {
            x,
            grad,
            widths,
            pairs: met[k],
            dw,
        }
        .run()
    })
}

impl SparseConv for Flex {
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
        let [offsets, c_in, c_out] = w.shape().dims();
        let [x, w, affine, addend] = [x, w, affine, addend].map(|tensor| tensor.to_contiguous());
        let then = Epilogue {
            affine: after.affine.then(|| values(&affine)),
            addend: after.added.then(|| values(&addend)),
            with_relu: after.with_relu,
        };
        let y = convolve(
            values(&x),
            &Packed::new(values(&w), [offsets, c_in, c_out], false),
            map.inputs(),
            then,
        );
        FlexTensor::from_data(TensorData::new(y, [map.out_rows(), c_out]))
    }

    fn sparse_conv_grad_input(
        grad: FloatTensor<Self>,
        w: FloatTensor<Self>,
        map: KernelMap,
    ) -> FloatTensor<Self> {
        let [offsets, c_in, c_out] = w.shape().dims();
        let (grad, w) = (grad.to_contiguous(), w.to_contiguous());
        let dx = convolve(
            values(&grad),
            &Packed::new(values(&w), [offsets, c_out, c_in], true),
            map.outputs(),
            Epilogue::default(),
        );
        FlexTensor::from_data(TensorData::new(dx, [map.in_rows(), c_in]))
    }

    fn sparse_conv_grad_weight(
        x: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        map: KernelMap,
    ) -> FloatTensor<Self> {
        let ([_, c_in], [_, c_out]) = (x.shape().dims(), grad.shape().dims());
        let (x, grad) = (x.to_contiguous(), grad.to_contiguous());
        let dw = grad_weight(values(&x), values(&grad), [c_in, c_out], &map);
        FlexTensor::from_data(TensorData::new(dw, [map.offsets(), c_in, c_out]))
    }
}
