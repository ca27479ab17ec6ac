//! Matrix products on the GPU: `wgsl/matmul.wgsl` or burn's implementation, whichever is faster on
//! the device.

use burn::backend::{
    TensorMetadata as _, ops::FloatTensorOps as _, tensor::FloatTensor, wgpu::CubeBackend,
};

use super::Matmul;
use crate::ops::{
    split::{pieces, sum_pieces},
    tuning::{Tiles, Tuning},
    wgsl::{Shader, empty_like, padded, to_f32, zeros_like},
};

const PRODUCT: Shader = Shader::new("matmul", include_str!("../../../../wgsl/matmul.wgsl"));

/// Rows, and vectors of columns, that one thread computes.
const TILE: [usize; 2] = [8, 2];
/// Vectors of the inner size below which a split is not worth it.
const DEPTH: usize = 16;

impl Matmul for CubeBackend {
    fn product(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self> {
        let mut shape = a.shape().to_vec();
        let last = shape.len() - 1;
        let (batch, m, k, n) = (
            shape[..last - 1].iter().product::<usize>(),
            shape[last - 1],
            shape[last],
            b.shape()[last],
        );
        shape[last] = n;
        if batch * m * k * n == 0 {
            return zeros_like(&a, shape);
        }
        let tuning = Tuning::of(&a.device.clone().into());
        if tuning.product == Tiles::Shared {
            return Self::float_matmul(a, b);
        }
        let (a, b) = (padded(to_f32(a), 1), padded(to_f32(b), 2));
        let [k, columns] = [k, n].map(|size| size.div_ceil(4));
        let threads = batch * m.div_ceil(TILE[0]) * columns.div_ceil(TILE[1]);
        let is_split = tuning.split && n.is_multiple_of(4);
        let wanted = if is_split {
            pieces(threads, k / DEPTH)
        } else {
            1
        };
        let depth = k.div_ceil(wanted);
        let pieces = k.div_ceil(depth);
        let c = if pieces > 1 {
            empty_like(&a, [&[pieces], &shape[..]].concat())
        } else {
            empty_like(&a, shape)
        };
        let info = [batch, m, k, columns, n, pieces, depth, 0].map(|word| word as u32);
        PRODUCT.launch(
            &a.client,
            threads * pieces,
            [a.handle.clone(), b.handle.clone(), c.handle.clone()],
            info,
        );
        if pieces > 1 { sum_pieces(&c, None) } else { c }
    }
}
