//! Tensor operations that burn does not have: their GPU shaders, CPU paths and gradients.
//!
//! An operation `op` has a *definition*, which the header of its shader names: `plain_op`, a
//! reference implementation of plain loops on slices, or a formula in its test, or, for an index
//! structure, the type that holds it. The paths that run (a blocked one on the CPU, a shader in
//! `wgsl/` on the GPU) are compared with it. Operations that only fuse others of burn's, such as
//! [`normalize`] and [`mask_terms`], are compared with those instead and have no shader; the text
//! encoder's layers in fixed point run on the CPU alone and take slices. Where the GPU has several
//! shaders for one operation, [`Tuning`] measures which is faster. Index structures are shared by
//! all operations that use them: [`KernelMap`] lists the voxels of a [`Level`] that a convolution
//! pairs and is built on the device that reads it, [`SegmentMap`] lists the rows that form each
//! mean.

mod affine;
mod attention;
mod few_rows;
mod fixed_point;
mod gelu;
mod kernel_map;
mod mask_terms;
mod masked_softmax;
mod matmul;
mod normalize;
mod products;
mod segment_mean;
mod sine;
mod sparse_conv;
mod split;
mod tuning;
mod wgsl;

pub use affine::{Affine, affine, plain_affine};
pub use attention::{Attention, attention, plain_attention};
pub(crate) use few_rows::{RowNorm, attend_in_spans};
pub(crate) use fixed_point::FixedPointLinear;
pub(crate) use gelu::gelu_in_place;
pub use gelu::{Gelu, gelu};
pub use kernel_map::{KernelMap, KernelMapError, Level, NeighborTable};
pub use mask_terms::{MaskTerms, mask_ious, mask_terms};
pub use masked_softmax::{MaskedSoftmax, masked_softmax};
pub use matmul::{Matmul, linear, matmul, plain_matmul};
pub use normalize::{Normalize, Normalized, normalize};
pub use segment_mean::{SegmentMap, SegmentMapError, SegmentMean, WeightedRows, segment_mean};
pub use sine::{Sine, sine};
pub use sparse_conv::{
    EpilogueFlags, FusedEpilogue, SparseConv, plain_sparse_conv, plain_sparse_conv_grad_input,
    plain_sparse_conv_grad_weight, sparse_conv, sparse_conv_grad_input, sparse_conv_grad_weight,
    sparse_conv_with_epilogue,
};
pub use tuning::{SoftmaxRow, Tiles, Tuning, milliseconds_of_convolutions};
pub use wgsl::BINDING_LIMIT;
