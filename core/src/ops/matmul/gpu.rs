//! Matrix products on the GPU: `wgsl/matmul.wgsl` or burn's implementation, whichever is faster on
//! the device.

use burn::backend::{
    TensorMetadata as _, ops::FloatTensorOps as _, tensor::FloatTensor, wgpu::CubeBackend,
};

use super::Matmul;
use crate::ops::{
    tuning::{Tiles, Tuning},
    wgsl::{Shader, empty_like, padded, to_f32, zeros_like},
};

const PRODUCT: Shader = Shader::new("matmul", include_str!("../../../../wgsl/matmul.wgsl"));

/// Rows, and vectors of columns, that one thread computes.
const TILE: [usize; 2] = [8, 2];

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
        if Tuning::of(&a.device.clone().into()).product == Tiles::Shared {
            return Self::float_matmul(a, b);
        }
        let (a, b) = (padded(to_f32(a), 1), padded(to_f32(b), 2));
        let c = empty_like(&a, shape);
        let [k, columns] = [k, n].map(|size| size.div_ceil(4));
        let threads = batch * m.div_ceil(TILE[0]) * columns.div_ceil(TILE[1]);
        let info = [batch, m, k, columns, n, 0, 0, 0].map(|word| word as u32);
        PRODUCT.launch(
            &a.client,
            threads,
            [a.handle.clone(), b.handle.clone(), c.handle.clone()],
            info,
        );
        c
    }
}
