//! The products of [`products`](super) in AVX-512 vectors of sixteen values, on
//! processors that have them: twice as fast. Written by hand, because pulp, which abstracts from
//! the width of vectors elsewhere, offers AVX-512 only behind a feature.

use std::arch::x86_64::{
    __m512, _mm512_add_ps, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_mask_storeu_ps,
    _mm512_maskz_loadu_ps, _mm512_set1_ps, _mm512_setzero_ps,
};

use super::{AddOuterProducts, AddProducts};

/// Values per vector.
const LANES: usize = 16;
/// Rows multiplied at a time: with two vectors per row there are sixteen sums, so that no sum waits
/// for the one before.
const ROWS: usize = 8;
/// Rows multiplied at a time with one vector per row.
const WIDE_ROWS: usize = 2 * ROWS;

/// `true` if this processor has AVX-512; the check costs next to nothing.
pub(super) fn are_there() -> bool {
    std::arch::is_x86_feature_detected!("avx512f")
}

/// Runs [`AddProducts`]; its matrix is packed in panels of [`LANES`] columns.
#[target_feature(enable = "avx512f")]
pub(super) fn add_products(op: AddProducts) {
    let AddProducts {
        x,
        w,
        widths,
        pairs,
        y,
        first: first_row,
    } = op;
    let (eights, rest) = pairs.as_chunks::<ROWS>();
    let (twos, ones) = rest.as_chunks::<2>();
    for (pair, w) in w.chunks((2 * LANES * widths[0]).max(1)).enumerate() {
        let first = [first_row, pair * 2 * LANES];
        if w.len() == 2 * LANES * widths[0] {
            eights
                .iter()
                .for_each(|pairs| add_panels::<ROWS, 2>(x, w, widths, pairs, first, y));
            twos.iter()
                .for_each(|pairs| add_panels::<2, 2>(x, w, widths, pairs, first, y));
            ones.iter()
                .for_each(|pair| add_panels::<1, 2>(x, w, widths, &[*pair], first, y));
        } else {
            eights
                .iter()
                .for_each(|pairs| add_panels::<ROWS, 1>(x, w, widths, pairs, first, y));
            twos.iter()
                .for_each(|pairs| add_panels::<2, 1>(x, w, widths, pairs, first, y));
            ones.iter()
                .for_each(|pair| add_panels::<1, 1>(x, w, widths, &[*pair], first, y));
        }
    }
}

/// Adds `P` panels of the products of `R` pairs; `first_row` is the first row of `y`, `first` is
/// the first output channel.
#[inline]
#[target_feature(enable = "avx512f")]
fn add_panels<const R: usize, const P: usize>(
    x: &[f32],
    w: &[f32],
    [from, to]: [usize; 2],
    pairs: &[(u32, u32); R],
    [first_row, first]: [usize; 2],
    y: &mut [f32],
) {
    assert_eq!(w.len(), P * from * LANES, "panels of a packed matrix");
    let mut inputs = [std::ptr::null::<f32>(); R];
    for (input, (_, other)) in inputs.iter_mut().zip(pairs) {
        *input = x[*other as usize * from..][..from].as_ptr();
    }
    let w = w.as_ptr();
    let mut sums = [[_mm512_setzero_ps(); P]; R];
    for channel in 0..from {
        let mut weights = [_mm512_setzero_ps(); P];
        for (panel, weights) in weights.iter_mut().enumerate() {
            // SAFETY: `w` has `P` panels of `from` rows of `LANES` values.
            *weights = unsafe { _mm512_loadu_ps(w.add((panel * from + channel) * LANES)) };
        }
        for (sums, input) in sums.iter_mut().zip(inputs) {
            // SAFETY: each input has `from` values.
            let input = _mm512_set1_ps(unsafe { *input.add(channel) });
            for (sum, weights) in sums.iter_mut().zip(weights) {
                *sum = _mm512_fmadd_ps(input, weights, *sum);
            }
        }
    }
    for (sums, (row, _)) in sums.iter().zip(pairs) {
        add_to(
            &mut y[(*row as usize - first_row) * to..][..to][first..],
            sums,
        );
    }
}

/// Adds the vectors `sums` to the values of `y`; lanes beyond the end of `y` are ignored.
#[inline]
#[target_feature(enable = "avx512f")]
fn add_to(y: &mut [f32], sums: &[__m512]) {
    for (y, sum) in y.chunks_mut(LANES).zip(sums) {
        let mask = (u32::MAX >> (32 - y.len())) as u16;
        // SAFETY: the mask excludes the lanes beyond the end of `y`.
        unsafe {
            let before = _mm512_maskz_loadu_ps(mask, y.as_ptr());
            _mm512_mask_storeu_ps(y.as_mut_ptr(), mask, _mm512_add_ps(before, *sum));
        }
    }
}

/// Runs [`AddOuterProducts`].
#[target_feature(enable = "avx512f")]
pub(super) fn add_outer_products(op: AddOuterProducts) {
    /// Pairs per block: the rows of both sides stay in a level-1 cache from tile to tile.
    const PAIRS: usize = 256;
    let AddOuterProducts {
        x,
        grad,
        widths,
        pairs,
        dw,
    } = op;
    for pairs in pairs.chunks(PAIRS) {
        let mut column = 0;
        while column < widths[1] {
            let is_wide = column + LANES < widths[1];
            let mut row = 0;
            while row < widths[0] {
                let (left, corner) = (widths[0] - row, [row, column]);
                row += match (is_wide, left) {
                    (true, ROWS..) => add_tile::<ROWS, 2>(x, grad, widths, pairs, corner, dw),
                    (true, 3..) => add_tile::<3, 2>(x, grad, widths, pairs, corner, dw),
                    (true, _) => add_tile::<1, 2>(x, grad, widths, pairs, corner, dw),
                    (false, WIDE_ROWS..) => {
                        add_tile::<WIDE_ROWS, 1>(x, grad, widths, pairs, corner, dw)
                    }
                    (false, ROWS..) => add_tile::<ROWS, 1>(x, grad, widths, pairs, corner, dw),
                    (false, 3..) => add_tile::<3, 1>(x, grad, widths, pairs, corner, dw),
                    (false, _) => add_tile::<1, 1>(x, grad, widths, pairs, corner, dw),
                };
            }
            column += if is_wide { 2 * LANES } else { LANES };
        }
    }
}

/// Adds `R` rows and `P` vectors of columns of the result, from this corner on; returns `R`.
#[inline]
#[target_feature(enable = "avx512f")]
fn add_tile<const R: usize, const P: usize>(
    x: &[f32],
    grad: &[f32],
    [c_in, c_out]: [usize; 2],
    pairs: &[(u32, u32)],
    [row, column]: [usize; 2],
    dw: &mut [f32],
) -> usize {
    assert!(
        row + R <= c_in && column + (P - 1) * LANES < c_out,
        "a tile of the result"
    );
    // the last vector may reach beyond the columns
    let mask = (u32::MAX >> (32 - (c_out - column - (P - 1) * LANES).min(LANES))) as u16;
    let mut sums = [[_mm512_setzero_ps(); P]; R];
    for (of_grad, of_x) in pairs {
        let (x, grad) = (
            x[*of_x as usize * c_in..][..c_in].as_ptr(),
            grad[*of_grad as usize * c_out..][..c_out].as_ptr(),
        );
        let mut vectors = [_mm512_setzero_ps(); P];
        for (panel, vector) in vectors.iter_mut().enumerate() {
            // SAFETY: the row has `c_out` values; all panels but the last lie within it, and the
            // mask excludes the lanes of the last panel that do not.
            *vector = unsafe {
                let grad = grad.add(column + panel * LANES);
                if panel + 1 < P {
                    _mm512_loadu_ps(grad)
                } else {
                    _mm512_maskz_loadu_ps(mask, grad)
                }
            };
        }
        for (i, sums) in sums.iter_mut().enumerate() {
            // SAFETY: the row has `c_in` values, and `row + R` is not above that.
            let x = _mm512_set1_ps(unsafe { *x.add(row + i) });
            for (sum, vector) in sums.iter_mut().zip(vectors) {
                *sum = _mm512_fmadd_ps(x, vector, *sum);
            }
        }
    }
    for (dw, sums) in dw.chunks_exact_mut(c_out).skip(row).zip(&sums) {
        add_to(&mut dw[column..], sums);
    }
    R
}
