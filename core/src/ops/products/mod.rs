//! Products of selected rows with a matrix on the CPU, added to selected rows. The sums stay in
//! registers across all input channels.

#[cfg(target_arch = "x86_64")]
mod avx512;

use burn::backend::flex::FlexTensor;
use pulp::{Arch, Simd, WithSimd};

use crate::platform;

/// Rows multiplied at a time. With [`VECTORS`] vectors per row, twelve sums, two vectors of weights
/// and one of inputs fit into sixteen registers. A browser's compiler keeps some of these for itself
/// and has no fused multiply-add, so that products take registers, too: with six rows, sums would
/// go to memory and back for every channel.
const ROWS: usize = if cfg!(target_arch = "wasm32") { 4 } else { 6 };
/// Input channels that are bounds-checked at once: a check per channel would force the sums out of
/// their registers.
const CHANNELS: usize = 8;
/// Vectors of output channels computed at a time.
const VECTORS: usize = 2;

/// Runs `op` with the widest vectors that pulp offers on this machine without its AVX-512 feature.
/// `Arch` alone leaves out AVX2 unless every user of the crate compiles for it.
pub(super) fn dispatch<Op: WithSimd>(op: Op) -> Op::Output {
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

/// Several matrices in the order in which the multiplication reads them:
/// `(count, tiles, from, tile)`, the last tile padded with zeros.
pub(super) struct Packed {
    values: Vec<f32>,
    pub from: usize,
    pub to: usize,
    /// Length of one packed matrix.
    stride: usize,
}

impl Packed {
    /// Packs `w`, which is `(count, from, to)`, or `(count, to, from)` if `transposed`.
    pub fn new(w: &[f32], [count, from, to]: [usize; 3], transposed: bool) -> Self {
        let tile = tile();
        let tiles = to.div_ceil(tile);
        let stride = tiles * from * tile;
        let mut values = vec![0.0; count * stride];
        platform::for_each_chunk(&mut values, stride, |matrix, packed| {
            let w = &w[matrix * from * to..][..from * to];
            for (t, panel) in packed.chunks_exact_mut(from * tile).enumerate() {
                let columns = t * tile..to.min((t + 1) * tile);
                for (i, row) in panel.chunks_exact_mut(tile).enumerate() {
                    if transposed {
                        row.iter_mut()
                            .zip(columns.clone())
                            .for_each(|(value, o)| *value = w[o * from + i]);
                    } else {
                        row[..columns.len()].copy_from_slice(&w[i * to..][columns.clone()]);
                    }
                }
            }
        });
        Self {
            values,
            from,
            to,
            stride,
        }
    }

    /// Returns the packed matrix with this index.
    pub fn at(&self, matrix: usize) -> &[f32] {
        &self.values[matrix * self.stride..][..self.stride]
    }

    /// The products of `rows` rows with each matrix: `x` is `(count, rows, from)`, the result is
    /// `(count, rows, to)`.
    pub fn products(&self, x: &[f32], rows: usize) -> Vec<f32> {
        /// Rows that one thread multiplies at a time.
        const BLOCK: usize = 64;
        let (from, to) = (self.from, self.to);
        let count = self.values.len() / self.stride.max(1);
        let block = if count == 1 { BLOCK.min(rows) } else { rows };
        platform::make_by_chunks(count * rows * to, block * to, |index, y| {
            let pairs: Vec<(u32, u32)> = (0..(y.len() / to) as u32).map(|row| (row, row)).collect();
            let op = AddProducts {
                x: &x[index * block * from..],
                w: self.at(if count == 1 { 0 } else { index }),
                widths: [from, to],
                pairs: &pairs,
                y,
                first: 0,
            };
            op.run();
        })
    }
}

/// Computes `y[row - first] += x[other] W` for all pairs `(row, other)`.
pub(super) struct AddProducts<'a> {
    pub x: &'a [f32],
    /// One matrix of a [`Packed`].
    pub w: &'a [f32],
    /// Channels of `x` and of `y`.
    pub widths: [usize; 2],
    pub pairs: &'a [(u32, u32)],
    /// The rows of the result from `first` on.
    pub y: &'a mut [f32],
    pub first: usize,
}

impl AddProducts<'_> {
    /// Runs the operation with the widest vectors of this machine.
    pub fn run(self) {
        #[cfg(target_arch = "x86_64")]
        if avx512::are_there() {
            // SAFETY: this processor has AVX-512.
            return unsafe { avx512::add_products(self) };
        }
        dispatch(self);
    }
}

impl WithSimd for AddProducts<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self {
            x,
            w,
            widths,
            pairs,
            y,
            first,
        } = self;
        let tile = VECTORS * S::F32_LANES;
        let (groups, rest) = pairs.as_chunks::<ROWS>();
        let (threes, rest) = rest.as_chunks::<3>();
        let (twos, ones) = rest.as_chunks::<2>();
        for (t, w) in w.chunks_exact(widths[0] * tile).enumerate() {
            let (w, _) = S::as_simd_f32s(w);
            let (w, _) = w.as_chunks::<VECTORS>();
            let first = [first, t * tile];
            for group in groups {
                add_products(simd, x, w, widths, group, first, y);
            }
            for three in threes {
                add_products(simd, x, w, widths, three, first, y);
            }
            for two in twos {
                add_products(simd, x, w, widths, two, first, y);
            }
            for pair in ones {
                add_products(simd, x, w, widths, &[*pair], first, y);
            }
        }
    }
}

/// Adds one tile of the products of `R` pairs; `first_row` is the first row of `y`, `first` is the
/// tile's first output channel.
#[inline(always)]
fn add_products<S: Simd, const R: usize>(
    simd: S,
    x: &[f32],
    w: &[[S::f32s; VECTORS]],
    [from, to]: [usize; 2],
    pairs: &[(u32, u32); R],
    [first_row, first]: [usize; 2],
    y: &mut [f32],
) {
    let inputs = pairs.map(|(_, other)| x[other as usize * from..][..from].as_chunks::<CHANNELS>());
    let (blocks, rest) = w[..from].as_chunks::<CHANNELS>();
    let mut sums = [[simd.splat_f32s(0.0); VECTORS]; R];
    for (i, block) in blocks.iter().enumerate() {
        let inputs = inputs.map(|(inputs, _)| &inputs[i]);
        for (channel, w) in block.iter().enumerate() {
            add_channel(simd, inputs.map(|input| input[channel]), w, &mut sums);
        }
    }
    for (channel, w) in rest.iter().enumerate() {
        add_channel(simd, inputs.map(|(_, input)| input[channel]), w, &mut sums);
    }
    for (sums, (row, _)) in sums.iter().zip(pairs) {
        let y = &mut y[(*row as usize - first_row) * to..][..to][first..];
        if let Some(y) = S::as_mut_simd_f32s(y).0.first_chunk_mut::<VECTORS>() {
            for (y, sum) in y.iter_mut().zip(sums) {
                *y = simd.add_f32s(*y, *sum);
            }
        } else {
            for (y, sum) in y.iter_mut().zip(bytemuck::cast_slice::<_, f32>(sums)) {
                *y += sum;
            }
        }
    }
}

/// Adds one channel of `R` inputs times its weights.
#[inline(always)]
fn add_channel<S: Simd, const R: usize>(
    simd: S,
    inputs: [f32; R],
    w: &[S::f32s; VECTORS],
    sums: &mut [[S::f32s; VECTORS]; R],
) {
    for (sums, input) in sums.iter_mut().zip(inputs) {
        let input = simd.splat_f32s(input);
        for (sum, w) in sums.iter_mut().zip(w) {
            *sum = simd.mul_add_e_f32s(input, *w, *sum);
        }
    }
}

/// Computes `dw += sum x[other]^T grad[row]` over all pairs `(row, other)`.
pub(super) struct AddOuterProducts<'a> {
    pub x: &'a [f32],
    pub grad: &'a [f32],
    /// Channels of `x` and of `grad`.
    pub widths: [usize; 2],
    pub pairs: &'a [(u32, u32)],
    /// A matrix of the size `widths`.
    pub dw: &'a mut [f32],
}

impl AddOuterProducts<'_> {
    /// Runs the operation with the widest vectors of this machine.
    pub fn run(self) {
        #[cfg(target_arch = "x86_64")]
        if avx512::are_there() {
            // SAFETY: this processor has AVX-512.
            return unsafe { avx512::add_outer_products(self) };
        }
        self.run_with_copies();
    }

    /// Runs the operation on copies of the rows, padded with zeros to whole tiles.
    fn run_with_copies(self) {
        /// Pairs per block: at 32 channels both copies fit a level-1 cache.
        const PAIRS: usize = 128;
        let Self {
            x,
            grad,
            widths: [c_in, c_out],
            pairs,
            dw,
        } = self;
        let wide = [c_in.next_multiple_of(ROWS), c_out.next_multiple_of(tile())];
        let (mut inputs, mut grads) = (vec![0.0; PAIRS * wide[0]], vec![0.0; PAIRS * wide[1]]);
        for pairs in pairs.chunks(PAIRS) {
            gather(
                x,
                c_in,
                pairs.iter().map(|(_, other)| *other as usize),
                wide[0],
                &mut inputs,
            );
            gather(
                grad,
                c_out,
                pairs.iter().map(|(row, _)| *row as usize),
                wide[1],
                &mut grads,
            );
            let (inputs, grads) = (
                &inputs[..pairs.len() * wide[0]],
                &grads[..pairs.len() * wide[1]],
            );
            dispatch(AddCopiedProducts {
                inputs,
                grads,
                wide,
                dw,
                c_out,
            });
        }
    }
}

/// Copies the given rows of `x`, `width` values each, to rows of `wide` values; the values beyond
/// `width` stay as they are.
fn gather(
    x: &[f32],
    width: usize,
    rows: impl Iterator<Item = usize>,
    wide: usize,
    into: &mut [f32],
) {
    for (row, into) in rows.zip(into.chunks_exact_mut(wide)) {
        into[..width].copy_from_slice(&x[row * width..][..width]);
    }
}

/// Computes `dw += sum_i inputs[i]^T grads[i]`; the rows of both are padded with zeros to multiples
/// of [`ROWS`] and of the tile.
struct AddCopiedProducts<'a> {
    /// `(pairs, wide[0])`.
    inputs: &'a [f32],
    /// `(pairs, wide[1])`.
    grads: &'a [f32],
    wide: [usize; 2],
    /// `(c_in, c_out)`.
    dw: &'a mut [f32],
    c_out: usize,
}

impl WithSimd for AddCopiedProducts<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self {
            inputs,
            grads,
            wide,
            dw,
            c_out,
        } = self;
        let tile = VECTORS * S::F32_LANES;
        for i in (0..wide[0]).step_by(ROWS) {
            for t in (0..wide[1]).step_by(tile) {
                let mut sums = [[simd.splat_f32s(0.0); VECTORS]; ROWS];
                for (input, grad) in inputs
                    .chunks_exact(wide[0])
                    .zip(grads.chunks_exact(wide[1]))
                {
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

/// Returns the dot product of two rows.
#[inline(always)]
pub(super) fn dot<S: Simd>(simd: S, a: &[f32], b: &[f32]) -> f32 {
    let ((a, a_rest), (b, b_rest)) = (S::as_simd_f32s(a), S::as_simd_f32s(b));
    let mut sum = simd.splat_f32s(0.0);
    for (a, b) in a.iter().zip(b) {
        sum = simd.mul_add_e_f32s(*a, *b, sum);
    }
    a_rest
        .iter()
        .zip(b_rest)
        .fold(simd.reduce_sum_f32s(sum), |sum, (a, b)| sum + a * b)
}

/// The values of a tensor in row-major order.
pub(super) fn values(tensor: &FlexTensor) -> &[f32] {
    tensor.as_slice().expect("a contiguous tensor of f32")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::plain_matmul;

    /// Small integers, whose sums of products are exact in any order.
    fn numbers(count: usize) -> Vec<f32> {
        (0..count).map(|i| (i * 7 % 11) as f32 - 5.0).collect()
    }

    #[test]
    fn the_widest_vectors_add_the_same_products() {
        for [from, to, rows] in [
            [1, 1, 1],
            [7, 16, 5],
            [16, 32, 19],
            [5, 49, 30],
            [24, 80, 11],
        ] {
            let (x, w) = (numbers(rows * from), numbers(2 * from * to));
            let w = Packed::new(&w, [2, from, to], false);
            let pairs: Vec<(u32, u32)> = (0..rows as u32)
                .map(|row| (row + 3, rows as u32 - 1 - row))
                .collect();
            let add = |run: &dyn Fn(AddProducts)| {
                let mut y = numbers(rows * to);
                run(AddProducts {
                    x: &x,
                    w: w.at(1),
                    widths: [from, to],
                    pairs: &pairs,
                    y: &mut y,
                    first: 3,
                });
                y
            };
            assert_eq!(
                add(&|op| op.run()),
                add(&|op| dispatch(op)),
                "{rows} rows from {from} to {to}"
            );
        }
    }

    #[test]
    fn rows_are_multiplied_by_blocks() {
        for [count, rows, from, to] in [
            [1, 1, 1, 1],
            [1, 7, 24, 300],
            [1, 130, 5, 49],
            [3, 9, 7, 16],
        ] {
            let (x, w) = (numbers(count * rows * from), numbers(count * from * to));
            let packed = Packed::new(&w, [count, from, to], false);
            let want = plain_matmul(&x, &w, [count, rows, from, to]);
            let what = format!("{count} times {rows} rows from {from} to {to}");
            assert_eq!(packed.products(&x, rows), want, "{what}");
        }
    }

    #[test]
    fn the_widest_vectors_add_the_same_outer_products() {
        for [c_in, c_out, rows] in [
            [1, 1, 1],
            [7, 16, 5],
            [24, 49, 19],
            [71, 80, 130],
            [16, 24, 300],
        ] {
            let (x, grad) = (numbers(rows * c_in), numbers(rows * c_out));
            let pairs: Vec<(u32, u32)> = (0..rows as u32)
                .map(|row| (row, rows as u32 - 1 - row))
                .collect();
            let add = |run: &dyn Fn(AddOuterProducts)| {
                let mut dw = numbers(c_in * c_out);
                run(AddOuterProducts {
                    x: &x,
                    grad: &grad,
                    widths: [c_in, c_out],
                    pairs: &pairs,
                    dw: &mut dw,
                });
                dw
            };
            assert_eq!(
                add(&|op| op.run()),
                add(&|op| op.run_with_copies()),
                "{rows} rows of {c_in} by {c_out}"
            );
        }
    }
}
