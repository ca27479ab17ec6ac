//! Sparse convolution on the CPU: for every offset, the rows that meet are multiplied straight from where they lie and added straight to where
//! they belong. Sums stay in registers over the channels of the input, blocks of rows share nothing, and natively all cores work on them.

use burn::{
    backend::{Flex, TensorMetadata as _, flex::FlexTensor, tensor::FloatTensor},
    tensor::TensorData,
};
use pulp::{Arch, Simd, WithSimd};

use super::{KernelMap, NO_NEIGHBOUR, Neighbours, SparseConv};
use crate::platform;

/// Output rows per block: their sums, 64 channels wide, stay in a level-2 cache of 512 KiB.
const BLOCK: usize = 512;
/// Pairs of rows per block of the gradient to the weight: both copies fit a level-1 cache at 32 channels.
const PAIRS: usize = 128;
/// Rows multiplied at a time. With [`VECTORS`] a row, twelve sums, two vectors of weights and one of inputs fit sixteen registers.
const ROWS: usize = 6;
/// Vectors of output channels at a time.
const VECTORS: usize = 2;

/// Runs `op` with the widest vectors of this machine; `Arch` alone leaves out AVX2 unless every user of the crate compiles for it.
fn dispatch<Op: WithSimd>(op: Op) -> Op::Output {
    #[cfg(target_arch = "x86_64")]
    if let Some(simd) = pulp::x86::V3::try_new() {
        return Simd::vectorize(simd, op);
    }
    Arch::new().dispatch(op)
}

/// Output channels per tile on this machine.
fn tile() -> usize {
    struct Tile;
    impl WithSimd for Tile {
        type Output = usize;
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> usize {
            VECTORS * S::F32_LANES
        }
    }
    dispatch(Tile)
}

/// The matrices of all offsets in the order in which the multiplication reads them: `[offsets, tiles, from, tile]`, the last tile filled with zeros.
struct Packed {
    values: Vec<f32>,
    from: usize,
    to: usize,
    /// Length of one offset's matrix.
    stride: usize,
}

impl Packed {
    /// `w`: `[offsets, from, to]`, or `[offsets, to, from]` when `transposed`.
    fn new(w: &[f32], [offsets, from, to]: [usize; 3], transposed: bool) -> Self {
        let tile = tile();
        let tiles = to.div_ceil(tile);
        let stride = tiles * from * tile;
        let mut values = vec![0.0; offsets * stride];
        for (w, packed) in w.chunks_exact((from * to).max(1)).zip(values.chunks_exact_mut(stride.max(1))) {
            for i in 0..from {
                for o in 0..to {
                    packed[(o / tile * from + i) * tile + o % tile] = if transposed { w[o * from + i] } else { w[i * to + o] };
                }
            }
        }
        Self { values, from, to, stride }
    }

    fn at(&self, offset: usize) -> &[f32] {
        &self.values[offset * self.stride..][..self.stride]
    }
}

/// `y[row] += x[neighbour] W` for all pairs `(row, neighbour)`.
struct AddProducts<'a> {
    x: &'a [f32],
    /// One offset of a [`Packed`].
    w: &'a [f32],
    /// Channels of `x` and of `y`.
    widths: [usize; 2],
    pairs: &'a [(u32, u32)],
    y: &'a mut [f32],
}

impl WithSimd for AddProducts<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { x, w, widths, pairs, y } = self;
        let tile = VECTORS * S::F32_LANES;
        let (groups, rest) = pairs.as_chunks::<ROWS>();
        for (t, w) in w.chunks_exact(widths[0] * tile).enumerate() {
            let (w, _) = S::as_simd_f32s(w);
            let (w, _) = w.as_chunks::<VECTORS>();
            for group in groups {
                add_products(simd, x, w, widths, group, t * tile, y);
            }
            for pair in rest {
                add_products(simd, x, w, widths, &[*pair], t * tile, y);
            }
        }
    }
}

/// One tile of the products of `R` pairs; `first` is its first output channel.
#[inline(always)]
fn add_products<S: Simd, const R: usize>(
    simd: S,
    x: &[f32],
    w: &[[S::f32s; VECTORS]],
    [from, to]: [usize; 2],
    pairs: &[(u32, u32); R],
    first: usize,
    y: &mut [f32],
) {
    let inputs = pairs.map(|(_, neighbour)| &x[neighbour as usize * from..][..from]);
    let mut sums = [[simd.splat_f32s(0.0); VECTORS]; R];
    for (i, w) in w.iter().enumerate().take(from) {
        for (sums, input) in sums.iter_mut().zip(&inputs) {
            let input = simd.splat_f32s(input[i]);
            for (sum, w) in sums.iter_mut().zip(w) {
                *sum = simd.mul_add_e_f32s(input, *w, *sum);
            }
        }
    }
    for (sums, (row, _)) in sums.iter().zip(pairs) {
        let y = &mut y[*row as usize * to..][..to][first..];
        for (y, sum) in y.iter_mut().zip(bytemuck::cast_slice::<_, f32>(sums)) {
            *y += sum;
        }
    }
}

/// The rows from `first` on that have a neighbour at one offset: `(row, neighbour)`, rows counted from `first`.
fn pairs(neighbours: &[u32], into: &mut Vec<(u32, u32)>) {
    into.clear();
    into.extend((0..).zip(neighbours).filter(|(_, q)| **q != NO_NEIGHBOUR).map(|(row, q)| (row, *q)));
}

/// `y[p] = sum_k x[neighbours.at(k)[p]] w.at(k)`
fn convolve(x: &[f32], w: &Packed, neighbours: &Neighbours) -> Vec<f32> {
    let mut y = vec![0.0; neighbours.rows() * w.to];
    platform::for_each_chunk(&mut y, BLOCK * w.to, |block, y| {
        let rows = y.len() / w.to;
        let mut met = Vec::with_capacity(rows);
        for k in 0..neighbours.offsets() {
            pairs(&neighbours.at(k)[block * BLOCK..][..rows], &mut met);
            dispatch(AddProducts { x, w: w.at(k), widths: [w.from, w.to], pairs: &met, y });
        }
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

/// The values of a tensor, row major.
fn values(tensor: &FlexTensor) -> &[f32] {
    tensor.as_slice().expect("a contiguous tensor of f32")
}

impl SparseConv for Flex {
    fn sparse_conv(x: FloatTensor<Self>, w: FloatTensor<Self>, map: KernelMap) -> FloatTensor<Self> {
        let [offsets, c_in, c_out] = w.shape().dims();
        let (x, w) = (x.to_contiguous(), w.to_contiguous());
        let y = convolve(values(&x), &Packed::new(values(&w), [offsets, c_in, c_out], false), map.inputs());
        FlexTensor::from_data(TensorData::new(y, [map.out_rows(), c_out]))
    }

    fn sparse_conv_grad_input(grad: FloatTensor<Self>, w: FloatTensor<Self>, map: KernelMap) -> FloatTensor<Self> {
        let [offsets, c_in, c_out] = w.shape().dims();
        let (grad, w) = (grad.to_contiguous(), w.to_contiguous());
        let dx = convolve(values(&grad), &Packed::new(values(&w), [offsets, c_out, c_in], true), map.outputs());
        FlexTensor::from_data(TensorData::new(dx, [map.in_rows(), c_in]))
    }

    fn sparse_conv_grad_weight(x: FloatTensor<Self>, grad: FloatTensor<Self>, map: KernelMap) -> FloatTensor<Self> {
        let ([_, c_in], [_, c_out]) = (x.shape().dims(), grad.shape().dims());
        let (x, grad) = (x.to_contiguous(), grad.to_contiguous());
        let dw = grad_weight(values(&x), values(&grad), [c_in, c_out], &map);
        FlexTensor::from_data(TensorData::new(dw, [map.offsets(), c_in, c_out]))
    }
}
