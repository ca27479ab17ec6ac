//! Products of chosen rows with a matrix on the CPU, added to chosen rows: sums stay in registers over the channels of the input.

use burn::backend::flex::FlexTensor;
use pulp::{Arch, Simd, WithSimd};

/// Rows multiplied at a time. With [`VECTORS`] a row, twelve sums, two vectors of weights and one of inputs fit sixteen registers.
pub(super) const ROWS: usize = 6;
/// Channels of the input that are looked up at once: a check for each of them would put the sums out of their registers.
const CHANNELS: usize = 8;
/// Vectors of output channels at a time.
pub(super) const VECTORS: usize = 2;

/// Runs `op` with the widest vectors of this machine; `Arch` alone leaves out AVX2 unless every user of the crate compiles for it.
pub(super) fn dispatch<Op: WithSimd>(op: Op) -> Op::Output {
    #[cfg(target_arch = "x86_64")]
    if let Some(simd) = pulp::x86::V3::try_new() {
        return Simd::vectorize(simd, op);
    }
    Arch::new().dispatch(op)
}

/// Output channels per tile on this machine.
pub(super) fn tile() -> usize {
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

/// Several matrices in the order in which the multiplication reads them: `[count, tiles, from, tile]`, the last tile filled with zeros.
pub(super) struct Packed {
    values: Vec<f32>,
    pub from: usize,
    pub to: usize,
    /// Length of one matrix.
    stride: usize,
}

impl Packed {
    /// `w`: `[count, from, to]`, or `[count, to, from]` when `transposed`.
    pub fn new(w: &[f32], [count, from, to]: [usize; 3], transposed: bool) -> Self {
        let tile = tile();
        let tiles = to.div_ceil(tile);
        let stride = tiles * from * tile;
        let mut values = vec![0.0; count * stride];
        for (w, packed) in w.chunks_exact((from * to).max(1)).zip(values.chunks_exact_mut(stride.max(1))) {
            for (t, panel) in packed.chunks_exact_mut(from * tile).enumerate() {
                let columns = t * tile..to.min((t + 1) * tile);
                for (i, row) in panel.chunks_exact_mut(tile).enumerate() {
                    if transposed {
                        row.iter_mut().zip(columns.clone()).for_each(|(value, o)| *value = w[o * from + i]);
                    } else {
                        row[..columns.len()].copy_from_slice(&w[i * to..][columns.clone()]);
                    }
                }
            }
        }
        Self { values, from, to, stride }
    }

    /// The matrix of this number.
    pub fn at(&self, matrix: usize) -> &[f32] {
        &self.values[matrix * self.stride..][..self.stride]
    }
}

/// `y[row] += x[other] W` for all pairs `(row, other)`.
pub(super) struct AddProducts<'a> {
    pub x: &'a [f32],
    /// One matrix of a [`Packed`].
    pub w: &'a [f32],
    /// Channels of `x` and of `y`.
    pub widths: [usize; 2],
    pub pairs: &'a [(u32, u32)],
    pub y: &'a mut [f32],
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
        let y = &mut y[*row as usize * to..][..to][first..];
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

/// One channel of `R` inputs times its weights.
#[inline(always)]
fn add_channel<S: Simd, const R: usize>(simd: S, inputs: [f32; R], w: &[S::f32s; VECTORS], sums: &mut [[S::f32s; VECTORS]; R]) {
    for (sums, input) in sums.iter_mut().zip(inputs) {
        let input = simd.splat_f32s(input);
        for (sum, w) in sums.iter_mut().zip(w) {
            *sum = simd.mul_add_e_f32s(input, *w, *sum);
        }
    }
}

/// The values of a tensor, row major.
pub(super) fn values(tensor: &FlexTensor) -> &[f32] {
    tensor.as_slice().expect("a contiguous tensor of f32")
}
