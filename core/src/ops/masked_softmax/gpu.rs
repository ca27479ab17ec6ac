//! Masked softmax on the GPU: one of three shaders, whichever is fastest on the device.

use burn::backend::{
    TensorMetadata as _,
    tensor::FloatTensor,
    wgpu::{CubeBackend, into_contiguous},
};
use burn::tensor::DType;

use super::MaskedSoftmax;
use crate::ops::{
    tuning::{SoftmaxRow, Tuning},
    wgsl::{Shader, empty_like},
};

const THREAD: Shader = Shader::new(
    "masked_softmax",
    include_str!("../../../../wgsl/masked_softmax.wgsl"),
);
const WORKGROUP: Shader = Shader::new(
    "masked_softmax_shared",
    include_str!("../../../../wgsl/masked_softmax_shared.wgsl"),
);

const SUBGROUPS: Shader = Shader::new(
    "masked_softmax_subgroups",
    include_str!("../../../../wgsl/masked_softmax_subgroups.wgsl"),
);

/// Threads per workgroup; in [`WORKGROUP`] and [`SUBGROUPS`] a workgroup computes one row.
const GROUP: usize = 64;

impl MaskedSoftmax for CubeBackend {
    fn masked_softmax(
        scores: FloatTensor<Self>,
        mask: FloatTensor<Self>,
        masked: bool,
        keys: usize,
    ) -> FloatTensor<Self> {
        let shape = scores.shape();
        assert_eq!(
            scores.dtype,
            DType::F32,
            "the shaders compute in single precision"
        );
        let [heads, queries, width] = shape.dims();
        let (scores, mask) = (into_contiguous(scores), into_contiguous(mask));
        let weights = empty_like(&scores, shape);
        let rows = heads * queries;
        let info =
            [rows, queries, keys, usize::from(masked), width, 0, 0, 0].map(|word| word as u32);
        // Without a mask, the scores are bound in its place and not read.
        let mask = if masked {
            mask.handle.clone()
        } else {
            scores.handle.clone()
        };
        let (shader, threads) = match Tuning::of(&scores.device.clone().into()).softmax {
            SoftmaxRow::Thread => (THREAD, rows),
            SoftmaxRow::Workgroup => (WORKGROUP, rows * GROUP),
            SoftmaxRow::Subgroups => (SUBGROUPS, rows * GROUP),
        };
        shader.launch(
            &scores.client,
            threads,
            [scores.handle.clone(), mask, weights.handle.clone()],
            info,
        );
        weights
    }
}
