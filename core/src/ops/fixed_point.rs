//! Linear layers for a few rows on the CPU, such as the tokens of a phrase, in fixed point: whole
//! numbers of 16 bits whose products are added up in 32 bits, twice as many at a time as in f32, on
//! half the bytes. Each output has a scale for its weights, and each [`BLOCK`] of inputs of a row
//! one for its values, so that a rounding error is at most 2^-14.5 of the largest in its block: what
//! storing the weights in f16 would cost.
//!
//! `2 rows inputs outputs` operations on `2 inputs outputs` bytes, which are read once: bound by the
//! bytes for one or two rows, by the operations beyond.

use crate::platform;

/// Largest whole number: the sum of the products of a block is still one of 32 bits.
const LIMIT: f32 = 11_585.0;
/// Inputs whose products are added up as whole numbers.
const BLOCK: usize = 16;
const PAIRS: usize = BLOCK / 2;
/// Vectors of outputs computed at a time.
const VECTORS: usize = 2;
/// Outputs computed at a time.
const PANEL: usize = 4 * VECTORS;
/// Rows multiplied at a time: with two vectors each there are eight sums, so that no sum waits for
/// the one before.
const ROWS: usize = 4;
/// Outputs that one thread computes at a time.
const OUTPUTS: usize = 16 * PANEL;

/// A linear layer whose weights stay as they are.
pub struct FixedPointLinear {
    /// `(panels, pairs of inputs, outputs of a panel)` in the order in which they are read; inputs
    /// are padded to whole blocks and outputs to whole panels with zeros.
    weight: Vec<[i16; 8]>,
    /// What a weight of 1 stands for, `(outputs)`.
    scales: Vec<f32>,
    bias: Vec<f32>,
    inputs: usize,
}

/// Rows in whole numbers.
struct Rows {
    /// Pairs of values, the first in the lower half, `(rows, blocks)`.
    pairs: Vec<[i32; PAIRS]>,
    /// What a value of 1 stands for, `(rows, blocks)`.
    scales: Vec<f32>,
    blocks: usize,
}

impl FixedPointLinear {
    /// Rounds `weight`, `(outputs, inputs)`; `bias` is `(outputs)`.
    pub fn new(weight: &[f32], bias: Vec<f32>) -> Self {
        let outputs = bias.len();
        let inputs = weight.len() / outputs.max(1);
        let vectors = inputs.div_ceil(BLOCK) * PAIRS * VECTORS;
        let mut packed = vec![[0; 8]; outputs.div_ceil(PANEL) * vectors];
        let mut scales = Vec::with_capacity(outputs);
        for (output, row) in weight.chunks_exact(inputs.max(1)).enumerate() {
            let scale = scale_of(row);
            scales.push(scale);
            let panel = &mut packed[output / PANEL * vectors..][..vectors];
            let (vector, lane) = (output % PANEL / 4, output % 4);
            for (input, weight) in row.iter().enumerate() {
                let [whole] = whole([*weight], scale);
                panel[input / 2 * VECTORS + vector][2 * lane + input % 2] = whole as i16;
            }
        }
        Self {
            weight: packed,
            scales,
            bias,
            inputs,
        }
    }

    /// Maps `(rows, inputs)` to `(rows, outputs)`. Rows that are not finite stay so.
    pub fn forward(&self, x: &[f32]) -> Vec<f32> {
        let (outputs, count) = (self.bias.len(), x.len() / self.inputs);
        let rows = Rows::new(x, self.inputs);
        let by_outputs = platform::make_by_chunks(count * outputs, count * OUTPUTS, |index, y| {
            self.multiply(&rows, index * OUTPUTS / PANEL, y.len() / count, y);
        });
        let mut y = vec![0.0; count * outputs];
        for (index, part) in by_outputs.chunks(count * OUTPUTS).enumerate() {
            let range = index * OUTPUTS..index * OUTPUTS + part.len() / count;
            let (scales, bias) = (&self.scales[range.clone()], &self.bias[range.clone()]);
            for (y, part) in y
                .chunks_exact_mut(outputs)
                .zip(part.chunks_exact(range.len()))
            {
                let known = part.iter().zip(scales).zip(bias);
                for (y, ((x, scale), bias)) in y[range.clone()].iter_mut().zip(known) {
                    *y = x * scale + bias;
                }
            }
        }
        y
    }

    /// The outputs from panel `first` on, `(rows, outputs)`, before scales and bias.
    fn multiply(&self, rows: &Rows, first: usize, outputs: usize, y: &mut [f32]) {
        let vectors = rows.blocks * PAIRS * VECTORS;
        let panels = self.weight[first * vectors..].chunks_exact(vectors.max(1));
        for (panel, w) in (0..outputs.div_ceil(PANEL)).zip(panels) {
            let (w, _) = w.as_chunks::<{ PAIRS * VECTORS }>();
            let range = panel * PANEL..outputs.min((panel + 1) * PANEL);
            let mut put = |row: usize, totals: [vector::Real; VECTORS]| {
                let totals = totals.map(vector::values);
                let y = &mut y[row * outputs..][range.clone()];
                let width = y.len();
                y.copy_from_slice(&totals.as_flattened()[..width]);
            };
            let count = rows.scales.len() / rows.blocks;
            let mut row = 0;
            while row < count {
                row += match count - row {
                    ROWS.. => rows.multiply::<ROWS>(row, w, &mut put),
                    3 => rows.multiply::<3>(row, w, &mut put),
                    2 => rows.multiply::<2>(row, w, &mut put),
                    _ => rows.multiply::<1>(row, w, &mut put),
                };
            }
        }
    }
}

impl Rows {
    fn new(x: &[f32], width: usize) -> Self {
        let blocks = width.div_ceil(BLOCK);
        let count = x.len() / width * blocks;
        let (mut pairs, mut scales) = (Vec::with_capacity(count), Vec::with_capacity(count));
        for block in x.chunks_exact(width).flat_map(|row| row.chunks(BLOCK)) {
            let mut values = [0.0; BLOCK];
            values[..block.len()].copy_from_slice(block);
            let scale = scale_of(&values);
            let whole = whole(values, scale);
            pairs.push(std::array::from_fn(|pair| {
                whole[2 * pair] & 0xffff | whole[2 * pair + 1] << 16
            }));
            scales.push(scale);
        }
        Self {
            pairs,
            scales,
            blocks,
        }
    }

    /// Multiplies `R` rows from `first` on with a panel; returns `R`.
    #[inline(always)]
    fn multiply<const R: usize>(
        &self,
        first: usize,
        w: &[[[i16; 8]; PAIRS * VECTORS]],
        put: &mut impl FnMut(usize, [vector::Real; VECTORS]),
    ) -> usize {
        let of_row = |i: usize| (first + i) * self.blocks..(first + i + 1) * self.blocks;
        let pairs: [&[_]; R] = std::array::from_fn(|i| &self.pairs[of_row(i)]);
        let scales: [&[_]; R] = std::array::from_fn(|i| &self.scales[of_row(i)]);
        let mut totals = [[vector::NOTHING; VECTORS]; R];
        for (block, w) in w[..self.blocks].iter().enumerate() {
            let mut sums = [[vector::ZERO; VECTORS]; R];
            for pair in 0..PAIRS {
                for (sums, pairs) in sums.iter_mut().zip(pairs) {
                    for (v, sum) in sums.iter_mut().enumerate() {
                        *sum =
                            vector::add_products(*sum, pairs[block][pair], &w[pair * VECTORS + v]);
                    }
                }
            }
            for ((totals, sums), scales) in totals.iter_mut().zip(sums).zip(scales) {
                for (total, sum) in totals.iter_mut().zip(sums) {
                    *total = vector::add_scaled(*total, sum, scales[block]);
                }
            }
        }
        for (i, totals) in totals.into_iter().enumerate() {
            put(first + i, totals);
        }
        R
    }
}

/// What a whole number of 1 stands for, so that the largest of the values is [`LIMIT`]; 0 for next
/// to nothing, and not finite if one of them is not.
fn scale_of(values: &[f32]) -> f32 {
    // without its sign, the larger number has the larger bits, and what is not finite the largest
    let bits = values.iter().map(|x| x.abs().to_bits());
    let largest = f32::from_bits(bits.fold(0, u32::max));
    if largest < 1e-30 {
        0.0
    } else {
        largest / LIMIT
    }
}

/// The whole numbers nearest to values over their [scale](scale_of); any if that is not finite.
fn whole<const N: usize>(values: [f32; N], scale: f32) -> [i32; N] {
    /// Adding this constant leaves a whole number in the lowest bits.
    const WHOLE: f32 = 12_582_912.0;
    let turn = if scale > 0.0 { 1.0 / scale } else { 0.0 };
    values.map(|x| ((x * turn + WHOLE).to_bits() as i32).wrapping_sub(WHOLE.to_bits() as i32))
}

/// Four sums at a time.
#[cfg(target_arch = "wasm32")]
mod vector {
    use std::arch::wasm32::{
        f32x4_add, f32x4_convert_i32x4, f32x4_mul, f32x4_splat, i32x4, i32x4_add, i32x4_dot_i16x8,
        i32x4_splat, v128,
    };

    pub type Whole = v128;
    pub type Real = v128;
    pub const ZERO: Whole = i32x4(0, 0, 0, 0);
    pub const NOTHING: Real = ZERO;

    /// Adds the products of two inputs with the weights of four outputs.
    #[inline(always)]
    pub fn add_products(sum: Whole, pair: i32, weights: &[i16; 8]) -> Whole {
        // SAFETY: both are 16 bytes in which every pattern is a value.
        let weights = unsafe { std::mem::transmute::<[i16; 8], v128>(*weights) };
        i32x4_add(sum, i32x4_dot_i16x8(i32x4_splat(pair), weights))
    }

    /// Adds sums times a scale.
    #[inline(always)]
    pub fn add_scaled(total: Real, sum: Whole, scale: f32) -> Real {
        f32x4_add(
            total,
            f32x4_mul(f32x4_convert_i32x4(sum), f32x4_splat(scale)),
        )
    }

    #[inline(always)]
    pub fn values(total: Real) -> [f32; 4] {
        // SAFETY: both are 16 bytes in which every pattern is a value.
        unsafe { std::mem::transmute::<v128, [f32; 4]>(total) }
    }
}

/// Four sums at a time. These instructions are part of every x86-64.
#[cfg(target_arch = "x86_64")]
mod vector {
    use std::{
        arch::x86_64::{
            __m128, __m128i, _mm_add_epi32, _mm_add_ps, _mm_cvtepi32_ps, _mm_madd_epi16,
            _mm_mul_ps, _mm_set1_epi32, _mm_set1_ps,
        },
        mem::transmute,
    };

    pub type Whole = __m128i;
    pub type Real = __m128;
    // SAFETY: all of these are 16 bytes in which every pattern is a value.
    pub const ZERO: Whole = unsafe { transmute::<[i32; 4], Whole>([0; 4]) };
    // SAFETY: as above.
    pub const NOTHING: Real = unsafe { transmute::<[f32; 4], Real>([0.0; 4]) };

    /// Adds the products of two inputs with the weights of four outputs.
    #[inline(always)]
    pub fn add_products(sum: Whole, pair: i32, weights: &[i16; 8]) -> Whole {
        // SAFETY: as above; every x86-64 has SSE2.
        unsafe {
            let weights = transmute::<[i16; 8], Whole>(*weights);
            _mm_add_epi32(sum, _mm_madd_epi16(_mm_set1_epi32(pair), weights))
        }
    }

    /// Adds sums times a scale.
    #[inline(always)]
    pub fn add_scaled(total: Real, sum: Whole, scale: f32) -> Real {
        // SAFETY: every x86-64 has SSE2.
        unsafe { _mm_add_ps(total, _mm_mul_ps(_mm_cvtepi32_ps(sum), _mm_set1_ps(scale))) }
    }

    #[inline(always)]
    pub fn values(total: Real) -> [f32; 4] {
        // SAFETY: as above.
        unsafe { transmute::<Real, [f32; 4]>(total) }
    }
}

/// Four sums at a time, on other processors.
#[cfg(not(any(target_arch = "wasm32", target_arch = "x86_64")))]
mod vector {
    pub type Whole = [i32; 4];
    pub type Real = [f32; 4];
    pub const ZERO: Whole = [0; 4];
    pub const NOTHING: Real = [0.0; 4];

    /// Adds the products of two inputs with the weights of four outputs.
    #[inline(always)]
    pub fn add_products(sum: Whole, pair: i32, weights: &[i16; 8]) -> Whole {
        let (low, high) = (i32::from(pair as i16), pair >> 16);
        std::array::from_fn(|lane| {
            let [a, b] = [weights[2 * lane], weights[2 * lane + 1]].map(i32::from);
            let both = (low * a).wrapping_add(high * b);
            sum[lane].wrapping_add(both)
        })
    }

    /// Adds sums times a scale.
    #[inline(always)]
    pub fn add_scaled(total: Real, sum: Whole, scale: f32) -> Real {
        std::array::from_fn(|lane| total[lane] + sum[lane] as f32 * scale)
    }

    #[inline(always)]
    pub fn values(total: Real) -> [f32; 4] {
        total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: usize) -> Vec<f32> {
        let number = |i: usize| (i * 7919 % 1009) as f32 / 504.0 - 1.0;
        (0..count).map(number).collect()
    }

    /// An output in double precision, and how far off it may be.
    fn plain(row: &[f32], weights: &[f32], bias: f32) -> [f64; 2] {
        let sizes = |values: &[f32]| {
            let sizes = values.iter().map(|x| f64::from(x.abs()));
            [sizes.clone().fold(0.0, f64::max), sizes.sum()]
        };
        let [heaviest, _] = sizes(weights);
        let (mut y, mut off) = (f64::from(bias), 1e-6);
        for (x, w) in row.chunks(BLOCK).zip(weights.chunks(BLOCK)) {
            let products = x.iter().zip(w).map(|(x, w)| f64::from(*x) * f64::from(*w));
            y += products.sum::<f64>();
            let ([largest, all_x], [_, all_w]) = (sizes(x), sizes(w));
            off += 0.51 * (largest * all_w + heaviest * all_x) / f64::from(LIMIT);
        }
        [y, off]
    }

    #[test]
    fn layers_are_within_their_rounding() {
        for [rows, inputs, outputs] in [
            [1, 1, 1],
            [2, 16, 8],
            [3, 40, 150],
            [7, 384, 384],
            [9, 1536, 20],
        ] {
            let (mut x, weight) = (numbers(rows * inputs), numbers(outputs * inputs));
            // one value much larger than the others costs its own block only
            x[inputs / 2] = 300.0;
            let bias = numbers(outputs);
            let found = FixedPointLinear::new(&weight, bias.clone()).forward(&x);
            assert_eq!(found.len(), rows * outputs);
            for (i, found) in found.into_iter().enumerate() {
                let (row, output) = (i / outputs, i % outputs);
                let row = &x[row * inputs..][..inputs];
                let [want, off] = plain(row, &weight[output * inputs..][..inputs], bias[output]);
                assert!(
                    (f64::from(found) - want).abs() < off,
                    "{rows} rows from {inputs} to {outputs}: {found} instead of {want}"
                );
            }
        }
    }

    /// The largest numbers of all inputs of a block neither overflow nor lose anything.
    #[test]
    fn the_largest_sums_fit() {
        for sign in [1.0, -1.0] {
            let layer = FixedPointLinear::new(&[sign; 8 * 64], vec![0.0; 8]);
            for y in layer.forward(&[1.0; 64]) {
                assert!((y - 64.0 * sign).abs() < 1e-4, "{y}");
            }
        }
    }

    #[test]
    fn what_is_not_finite_stays_so() {
        let layer = FixedPointLinear::new(&numbers(40 * 3), vec![0.0; 3]);
        for odd in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut x = numbers(2 * 40);
            x[45] = odd;
            let y = layer.forward(&x);
            assert!(y[..3].iter().all(|y| y.is_finite()) && y[3..].iter().all(|y| y.is_nan()));
        }
        assert_eq!(layer.forward(&[0.0; 40]), [0.0; 3]);
    }
}
