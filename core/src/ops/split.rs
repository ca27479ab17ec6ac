//! Sums that are split over several threads: a product of few rows has too few of them to keep a
//! graphics card busy, so each sums a piece, `s[piece][row]`, and a second pass computes
//! `y[row] = epilogue(sum_piece s[piece][row])`, `wgsl/sum_pieces.wgsl`. There are no atomics on
//! floating-point numbers in WebGPU, and with them the result would change from run to run.
//!
//! The second pass reads `4 pieces` bytes per value and writes four. With pieces of as many threads
//! together as [`BUSY`], it moves at most 8 MiB.

use burn::backend::{TensorMetadata as _, wgpu::CubeTensor};

use super::wgsl::{Shader, empty_like};

const SUM: Shader = Shader::new("sum_pieces", include_str!("../../../wgsl/sum_pieces.wgsl"));

/// Threads, each of which keeps 64 sums in its registers, that keep a graphics card busy: two
/// workgroups of 64 for every scheduler of a card with 64 multiprocessors, and four per
/// multiprocessor of one with 128.
const BUSY: usize = 1 << 15;

/// Number of pieces in which the sums of `threads` threads are best split, `most` at most; 1 if
/// there are enough threads.
pub(super) fn pieces(threads: usize, most: usize) -> usize {
    (BUSY / threads.max(1)).clamp(1, most.max(1))
}

/// What follows a sum: operands that `epilogue`, the flags of the shader, names.
pub(super) struct Then<'a> {
    /// `(2, channels)`: a scale and a shift per channel.
    pub affine: &'a CubeTensor,
    /// Of the shape of the result.
    pub addend: &'a CubeTensor,
    pub epilogue: usize,
}

/// Adds up `sums`, `(pieces, ..)`, in f32, whose last dimension is a multiple of four, and applies
/// what follows, if something does.
pub(super) fn sum_pieces(sums: &CubeTensor, then: Option<Then>) -> CubeTensor {
    let shape = sums.shape().to_vec();
    let (pieces, rest) = (shape[0], &shape[1..]);
    let y = empty_like(sums, rest.to_vec());
    let values = rest.iter().product::<usize>() / 4;
    let channels = rest.last().map_or(1, |last| last / 4);
    let then = then.unwrap_or(Then {
        affine: sums,
        addend: sums,
        epilogue: 0,
    });
    SUM.launch(
        &sums.client,
        values,
        [sums, then.affine, then.addend, &y].map(|tensor| tensor.handle.clone()),
        [pieces, values, channels, then.epilogue].map(|word| word as u32),
    );
    y
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_threads_are_split_and_many_are_not() {
        assert_eq!(pieces(BUSY, 27), 1);
        assert_eq!(pieces(BUSY - 1, 27), 1);
        assert_eq!(pieces(BUSY / 2, 27), 2);
        assert_eq!(pieces(1, 27), 27);
        assert_eq!(pieces(0, 0), 1);
    }
}
