//! Tensor operations that burn does not have: their GPU shaders, CPU paths and gradients.
//!
//! An operation has a *definition*: a reference implementation of plain loops on slices, written
//! for readability. The paths that run (a blocked one on the CPU, a shader in `wgsl/` on the GPU)
//! are compared with it. Operations that only fuse others of burn's, such as [`normalize`] and
//! [`mask_terms`], are compared with those instead and have no shader. Where the GPU has several
//! shaders for one operation, [`Tuning`] measures which is faster. Index structures are shared by
//! all operations that use them: [`KernelMap`] lists the voxels of a [`Level`] that a convolution
//! pairs and is built on the device that reads it, [`SegmentMap`] lists the rows that form each
//! mean.

mod affine;
mod attention;
mod attention_backward_cpu;
mod attention_cpu;
mod kernel_map;
mod kernel_map_gpu;
mod level;
mod mask_terms;
mod masked_softmax;
mod masked_softmax_gpu;
mod matmul;
mod matmul_gpu;
mod normalize;
mod normalize_cpu;
mod pairs;
#[cfg(target_arch = "x86_64")]
mod products_avx512;
mod products_cpu;
mod segment_map;
mod segment_mean;
mod segment_mean_gpu;
mod sine;
mod sparse_conv;
mod sparse_conv_cpu;
mod sparse_conv_gpu;
mod tuning;
mod wgsl;

pub use affine::{Affine, affine, plain_affine};
pub use attention::{Attention, attention, plain_attention};
pub use kernel_map::{KernelMap, NO_NEIGHBOR, NeighborTable};
pub use level::{KernelMapError, Level};
pub use mask_terms::{MaskTerms, mask_ious, mask_terms};
pub use masked_softmax::{MaskedSoftmax, masked_softmax, plain_masked_softmax};
pub use matmul::{Matmul, linear, matmul, plain_matmul};
pub use normalize::{Normalize, Normalized, normalize};
pub use segment_map::{SegmentMap, SegmentMapError, WeightedRows};
pub use segment_mean::{SegmentMean, segment_mean, weighted_sums};
pub use sine::{Sine, plain_sine, sine};
pub use sparse_conv::{
    EpilogueFlags, FusedEpilogue, SparseConv, definition, sparse_conv, sparse_conv_grad_input,
    sparse_conv_grad_weight, sparse_conv_with_epilogue,
};
pub use tuning::{SoftmaxRow, Tiles, Tuning, milliseconds_of_convolutions};
pub use wgsl::BINDING_LIMIT;
