//! Sparse convolution on the CPU: for every offset, the rows that meet are multiplied straight from where they lie and added straight to where
//! they belong. Blocks of rows share nothing, and natively all cores work on them.

use burn::{
    backend::{Flex, TensorMetadata as _, flex::FlexTensor, tensor::FloatTensor},
    tensor::TensorData,
};
use pulp::{Simd, WithSimd};

use super::{
    After, KernelMap, NO_NEIGHBOUR, Neighbours, SparseConv,
    products_cpu::{AddProducts, Packed, ROWS, VECTORS, dispatch, tile, values},
};
use crate::platform;

/// Output rows per block: their sums, 64 channels wide, stay in a level-2 cache of 512 KiB.
const BLOCK: usize = 512;
/// Pairs of rows per block of the gradient to the weight: both copies fit a level-1 cache at 32 channels.
const PAIRS: usize = 128;

/// The rows from `first` on that have a neighbour at one offset: `(row, neighbour)`, rows counted from `first`.
fn pairs(neighbours: &[u32], into: &mut Vec<(u32, u32)>) {
    into.clear();
    into.extend((0..).zip(neighbours).filter(|(_, q)| **q != NO_NEIGHBOUR).map(|(row, q)| (row, *q)));
}

/// What happens to the sums: the slices of a [`Then`](super::Then).
#[derive(Clone, Copy, Default)]
struct Epilogue<'a> {
    affine: Option<&'a [f32]>,
    addend: Option<&'a [f32]>,
    rectified: bool,
}

impl Epilogue<'_> {
    /// To rows from `first` on, `channels` wide, that are still in the cache.
    fn apply(&self, first: usize, channels: usize, y: &mut [f32]) {
        if let Some((factors, summands)) = self.affine.map(|affine| affine.split_at(channels)) {
            for row in y.chunks_exact_mut(channels) {
                row.iter_mut().zip(factors).zip(summands).for_each(|((y, factor), summand)| *y = *y * factor + summand);
            }
        }
        if let Some(addend) = self.addend {
            y.iter_mut().zip(&addend[first * channels..]).for_each(|(y, addend)| *y += addend);
        }
        if self.rectified {
            y.iter_mut().for_each(|y| *y = y.max(0.0));
        }
    }
}

/// `y[p] = sum_k x[neighbours.at(k)[p]] w.at(k)`, then what comes after.
fn convolve(x: &[f32], w: &Packed, neighbours: &Neighbours, then: Epilogue) -> Vec<f32> {
    let mut y = vec![0.0; neighbours.rows() * w.to];
    platform::for_each_chunk(&mut y, BLOCK * w.to, |block, y| {
        let rows = y.len() / w.to;
        let mut met = Vec::with_capacity(rows);
        for k in 0..neighbours.offsets() {
            pairs(&neighbours.at(k)[block * BLOCK..][..rows], &mut met);
            dispatch(AddProducts { x, w: w.at(k), widths: [w.from, w.to], pairs: &met, y });
        }
        then.apply(block * BLOCK, w.to, y);
    });
    y
}

/// `dw += sum_i inputs[i]^T grads[i]`; rows of both are filled with zeros to multiples of [`ROWS`] and of the tile.
struct AddOuterProducts<'a> {
    /// `[pairs, wide[0]]`
    inputs: &'a [f32],
    /// `[pairs, wide[1]]`
    grads: &'a [f32],
    wide: [usize; 2],
    /// `[c_in, c_out]`
    dw: &'a mut [f32],
    c_out: usize,
}

impl WithSimd for AddOuterProducts<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { inputs, grads, wide, dw, c_out } = self;
        let tile = VECTORS * S::F32_LANES;
        for i in (0..wide[0]).step_by(ROWS) {
            for t in (0..wide[1]).step_by(tile) {
                let mut sums = [[simd.splat_f32s(0.0); VECTORS]; ROWS];
                for (input, grad) in inputs.chunks_exact(wide[0]).zip(grads.chunks_exact(wide[1])) {
                    let (grad, _) = S::as_simd_f32s(&grad[t..][..tile]);
                    for (sums, input) in sums.iter_mut().zip(&input[i..][..ROWS]) {
                        let input = simd.splat_f32s(*input);
                        for (sum, grad) in sums.iter_mut().zip(grad) {
                            *sum = simd.mul_add_e_f32s(input, *grad, *sum);
                        }
                    }
                }
                for (dw, sums) in dw.chunks_exact_mut(c_out).skip(i).zip(&sums) {
                    for (dw, sum) in dw[t..].iter_mut().zip(bytemuck::cast_slice::<_, f32>(sums)) {
                        *dw += sum;
                    }
                }
            }
        }
    }
}

/// Copies the given rows of `x`, `width` values each, to rows of `wide` values; what is beyond `width` stays as it is.
fn gather(x: &[f32], width: usize, rows: impl Iterator<Item = usize>, wide: usize, into: &mut [f32]) {
    for (row, into) in rows.zip(into.chunks_exact_mut(wide)) {
        into[..width].copy_from_slice(&x[row * width..][..width]);
    }
}

/// `W'[k] = sum_p x[neighbour(p, k)] grad[p]^T`.
fn grad_weight(x: &[f32], grad: &[f32], [c_in, c_out]: [usize; 2], map: &KernelMap) -> Vec<f32> {
    let mut dw = vec![0.0; map.offsets() * c_in * c_out];
    let wide = [c_in.next_multiple_of(ROWS), c_out.next_multiple_of(tile())];
    platform::for_each_chunk(&mut dw, c_in * c_out, |k, dw| {
        let mut met = Vec::new();
        pairs(map.inputs().at(k), &mut met);
        let (mut inputs, mut grads) = (vec![0.0; PAIRS * wide[0]], vec![0.0; PAIRS * wide[1]]);
        for met in met.chunks(PAIRS) {
            gather(x, c_in, met.iter().map(|(_, q)| *q as usize), wide[0], &mut inputs);
            gather(grad, c_out, met.iter().map(|(row, _)| *row as usize), wide[1], &mut grads);
            let (inputs, grads) = (&inputs[..met.len() * wide[0]], &grads[..met.len() * wide[1]]);
            dispatch(AddOuterProducts { inputs, grads, wide, dw, c_out });
        }
    });
    dw
}

impl SparseConv for Flex {
    fn sparse_conv(x: FloatTensor<Self>, w: FloatTensor<Self>, map: KernelMap) -> FloatTensor<Self> {
        let nothing = (x.clone(), x.clone());
        Self::sparse_conv_then(x, w, map, nothing.0, nothing.1, After::default())
    }

    fn sparse_conv_then(
        x: FloatTensor<Self>,
        w: FloatTensor<Self>,
        map: KernelMap,
        affine: FloatTensor<Self>,
        addend: FloatTensor<Self>,
        after: After,
    ) -> FloatTensor<Self> {
        let [offsets, c_in, c_out] = w.shape().dims();
        let [x, w, affine, addend] = [x, w, affine, addend].map(|tensor| tensor.to_contiguous());
        let then =
            Epilogue { affine: after.affine.then(|| values(&affine)), addend: after.added.then(|| values(&addend)), rectified: after.rectified };
        let y = convolve(values(&x), &Packed::new(values(&w), [offsets, c_in, c_out], false), map.inputs(), then);
        FlexTensor::from_data(TensorData::new(y, [map.out_rows(), c_out]))
    }

    fn sparse_conv_grad_input(grad: FloatTensor<Self>, w: FloatTensor<Self>, map: KernelMap) -> FloatTensor<Self> {
        let [offsets, c_in, c_out] = w.shape().dims();
        let (grad, w) = (grad.to_contiguous(), w.to_contiguous());
        let dx = convolve(values(&grad), &Packed::new(values(&w), [offsets, c_out, c_in], true), map.outputs(), Epilogue::default());
        FlexTensor::from_data(TensorData::new(dx, [map.in_rows(), c_in]))
    }

    fn sparse_conv_grad_weight(x: FloatTensor<Self>, grad: FloatTensor<Self>, map: KernelMap) -> FloatTensor<Self> {
        let ([_, c_in], [_, c_out]) = (x.shape().dims(), grad.shape().dims());
        let (x, grad) = (x.to_contiguous(), grad.to_contiguous());
        let dw = grad_weight(values(&x), values(&grad), [c_in, c_out], &map);
        FlexTensor::from_data(TensorData::new(dw, [map.offsets(), c_in, c_out]))
    }
}
