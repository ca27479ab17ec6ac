//! Masked softmax on the GPU: `wgsl/masked_softmax.wgsl`, launched over blocks of rows that fit a binding.

use burn::backend::{
    TensorMetadata as _,
    tensor::FloatTensor,
    wgpu::{CubeBackend, CubeTensor, into_contiguous},
};
use burn::tensor::DType;

use super::{
    MaskedSoftmax,
    wgsl::{Shader, blocks, empty_like},
};

const SOFTMAX: Shader = Shader { entry: "masked_softmax", source: include_str!("../../../wgsl/masked_softmax.wgsl") };

impl MaskedSoftmax for CubeBackend {
    fn masked_softmax(scores: FloatTensor<Self>, mask: FloatTensor<Self>, masked: bool, keys: usize) -> FloatTensor<Self> {
        let shape = scores.shape();
        assert_eq!(scores.dtype, DType::F32, "the shaders compute in single precision");
        let [heads, queries, width] = shape.dims();
        let (scores, mask) = (into_contiguous(scores), into_contiguous(mask));
        let weights = empty_like(&scores, shape);
        let (rows, row_bytes) = (heads * queries, width * size_of::<f32>());
        for block in blocks(0..rows, row_bytes) {
            let bind = |tensor: &CubeTensor| {
                let bytes = |rows: usize| (rows * row_bytes) as u64;
                tensor.handle.clone().offset_start(bytes(block.start)).offset_end(bytes(rows - block.end))
            };
            let words = [block.start, block.len(), queries, keys, usize::from(masked), width, 0, 0];
            // Without a mask what stands in for it is not read, and may be larger than a binding.
            let mask = if masked { mask.handle.clone() } else { bind(&scores) };
            SOFTMAX.launch(&scores.client, block.len(), [bind(&scores), mask, bind(&weights)], words.map(|word| word as u32));
        }
        weights
    }
}
