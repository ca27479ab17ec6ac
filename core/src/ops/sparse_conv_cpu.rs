//! Sparse convolution on the CPU: per block of rows and offset, gather, multiply, scatter. The buffers of a block stay in cache, blocks
//! share nothing, and natively all cores work on them.

use burn::{
    backend::{Flex, TensorMetadata as _, flex::FlexTensor, tensor::FloatTensor},
    tensor::TensorData,
};

use super::{KernelMap, NO_NEIGHBOUR, Neighbours, SparseConv};
use crate::platform;

/// Rows gathered at a time: two buffers of 64 channels fit a level-2 cache of 512 KiB.
const BLOCK: usize = 512;

/// A matrix by its first element and its distances, in elements, between rows and between columns.
#[derive(Clone, Copy)]
struct Matrix<'a> {
    data: &'a [f32],
    rows: usize,
    columns: usize,
    row_step: usize,
    column_step: usize,
}

impl<'a> Matrix<'a> {
    fn row_major(data: &'a [f32], rows: usize, columns: usize) -> Self {
        debug_assert_eq!(data.len(), rows * columns);
        Self { data, rows, columns, row_step: columns, column_step: 1 }
    }

    fn transposed(self) -> Self {
        Self { rows: self.columns, columns: self.rows, row_step: self.column_step, column_step: self.row_step, ..self }
    }
}

/// `y = a b`, or `y += a b`; `y` is row major.
fn multiply(a: Matrix<'_>, b: Matrix<'_>, y: &mut [f32], accumulate: bool) {
    let (m, n, k) = (a.rows, b.columns, a.columns);
    for matrix in [a, b] {
        let last = matrix.rows.saturating_sub(1) * matrix.row_step + matrix.columns.saturating_sub(1) * matrix.column_step;
        assert!(matrix.rows * matrix.columns == 0 || last < matrix.data.len());
    }
    assert!(b.rows == k && y.len() == m * n);
    // SAFETY: the assertions keep every element that the strides reach inside its slice; `y` is borrowed mutably, so it overlaps none.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            y.as_mut_ptr(),
            1,
            n as isize,
            accumulate,
            a.data.as_ptr(),
            a.column_step as isize,
            a.row_step as isize,
            b.data.as_ptr(),
            b.column_step as isize,
            b.row_step as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

/// The rows that have a neighbour at one offset: `(row, neighbour)`, rows counted from the block's first.
fn pairs(neighbours: &[u32], into: &mut Vec<(usize, usize)>) {
    into.clear();
    into.extend(neighbours.iter().enumerate().filter(|(_, q)| **q != NO_NEIGHBOUR).map(|(row, &q)| (row, q as usize)));
}

/// Copies the given rows of `x`, `width` values each, one after the other.
fn gather(x: &[f32], width: usize, rows: impl Iterator<Item = usize>, into: &mut Vec<f32>) {
    into.clear();
    for row in rows {
        into.extend_from_slice(&x[row * width..][..width]);
    }
}

/// `y[p] = sum_k x[neighbours.at(k)[p]] weight(k)`; `widths` are the columns of `x` and of `y`.
fn convolve<'w>(x: &[f32], [from, to]: [usize; 2], weight: impl Fn(usize) -> Matrix<'w> + Sync, offsets: usize, neighbours: &Neighbours) -> Vec<f32> {
    let mut y = vec![0.0; neighbours.rows() * to];
    platform::for_each_chunk(&mut y, BLOCK * to, |block, y| {
        let (first, rows) = (block * BLOCK, y.len() / to);
        let (mut pair, mut input, mut product) = (Vec::new(), Vec::new(), vec![0.0; BLOCK * to]);
        for k in 0..offsets {
            if neighbours.identity() == Some(k) {
                multiply(Matrix::row_major(&x[first * from..][..rows * from], rows, from), weight(k), y, true);
                continue;
            }
            pairs(&neighbours.at(k)[first..][..rows], &mut pair);
            if pair.is_empty() {
                continue;
            }
            gather(x, from, pair.iter().map(|&(_, q)| q), &mut input);
            let product = &mut product[..pair.len() * to];
            multiply(Matrix::row_major(&input, pair.len(), from), weight(k), product, false);
            for (&(row, _), product) in pair.iter().zip(product.chunks_exact(to)) {
                for (y, product) in y[row * to..][..to].iter_mut().zip(product) {
                    *y += product;
                }
            }
        }
    });
    y
}

/// `W'[k] = sum_p x[neighbour(p, k)] grad[p]^T`.
fn grad_weight(x: &[f32], grad: &[f32], [c_in, c_out]: [usize; 2], map: &KernelMap) -> Vec<f32> {
    let mut dw = vec![0.0; map.offsets() * c_in * c_out];
    platform::for_each_chunk(&mut dw, c_in * c_out, |k, dw| {
        let (mut pair, mut input, mut output) = (Vec::new(), Vec::new(), Vec::new());
        for (block, neighbours) in map.inputs().at(k).chunks(BLOCK).enumerate() {
            let (first, rows) = (block * BLOCK, neighbours.len());
            if map.inputs().identity() == Some(k) {
                let input = Matrix::row_major(&x[first * c_in..][..rows * c_in], rows, c_in);
                multiply(input.transposed(), Matrix::row_major(&grad[first * c_out..][..rows * c_out], rows, c_out), dw, true);
                continue;
            }
            pairs(neighbours, &mut pair);
            gather(x, c_in, pair.iter().map(|&(_, q)| q), &mut input);
            gather(grad, c_out, pair.iter().map(|&(row, _)| first + row), &mut output);
            let input = Matrix::row_major(&input, pair.len(), c_in);
            multiply(input.transposed(), Matrix::row_major(&output, pair.len(), c_out), dw, true);
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
        let weight = |k| Matrix::row_major(&values(&w)[k * c_in * c_out..][..c_in * c_out], c_in, c_out);
        let y = convolve(values(&x), [c_in, c_out], weight, offsets, map.inputs());
        FlexTensor::from_data(TensorData::new(y, [map.out_rows(), c_out]))
    }

    fn sparse_conv_grad_input(grad: FloatTensor<Self>, w: FloatTensor<Self>, map: KernelMap) -> FloatTensor<Self> {
        let [offsets, c_in, c_out] = w.shape().dims();
        let (grad, w) = (grad.to_contiguous(), w.to_contiguous());
        let weight = |k| Matrix::row_major(&values(&w)[k * c_in * c_out..][..c_in * c_out], c_in, c_out).transposed();
        let dx = convolve(values(&grad), [c_out, c_in], weight, offsets, map.outputs());
        FlexTensor::from_data(TensorData::new(dx, [map.in_rows(), c_in]))
    }

    fn sparse_conv_grad_weight(x: FloatTensor<Self>, grad: FloatTensor<Self>, map: KernelMap) -> FloatTensor<Self> {
        let ([_, c_in], [_, c_out]) = (x.shape().dims(), grad.shape().dims());
        let (x, grad) = (x.to_contiguous(), grad.to_contiguous());
        let dw = grad_weight(values(&x), values(&grad), [c_in, c_out], &map);
        FlexTensor::from_data(TensorData::new(dw, [map.offsets(), c_in, c_out]))
    }
}
