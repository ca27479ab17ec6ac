//! Launching the shaders of `wgsl/`: the kernel object, blocks that fit a binding, and CPU tables kept on the devices that use them.

use std::{
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
};

use burn::backend::{
    TensorMetadata as _,
    ops::FloatTensorOps as _,
    tensor::{Device, FloatTensor},
    wgpu::{CubeBackend, CubeTensor, into_contiguous},
};
use burn::tensor::{DType, FloatDType, Shape, Slice};
use cubecl::{
    CubeCount, CubeDim, CubeKernel, PrecompiledSource,
    client::Client,
    ir::{ElemType, UIntKind, metadata::Info},
    prelude::*,
    server::{Handle, KernelArguments, MetadataBindingInfo},
};

/// Largest binding that every WebGPU device offers, in bytes.
pub(super) const BINDING_LIMIT: usize = 128 << 20;
/// Most workgroups along one dimension of a dispatch.
const GROUPS_LIMIT: u32 = 65_535;
/// Threads of a workgroup; every shader declares the same.
const GROUP: u32 = 64;
/// Rows per block come in multiples of this, so that a block begins where a binding may, at a multiple of 256 bytes, and rows can be put into
/// another order without leaving their block.
pub(super) const BLOCK_STEP: usize = 4096;

/// A shader of `wgsl/`, by the name that its file and its entry point share.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shader {
    pub entry: &'static str,
    pub source: &'static str,
}

impl KernelMetadata for Shader {
    fn id(&self) -> KernelId {
        KernelId::new::<Self>().info(self.entry).cube_dim(CubeDim::new_1d(GROUP).0)
    }

    fn address_type(&self) -> ElemType {
        ElemType::UInt(UIntKind::U32)
    }
}

impl CubeKernel for Shader {
    fn define(&self) -> KernelDefinition {
        let settings = KernelSettings::new(CubeDim::new_1d(GROUP).0, ExecutionMode::Checked, AddressType::U32);
        KernelDefinition { body: Scope::root(settings.clone()), settings, info: Info::default() }
    }

    fn source(&self) -> Option<PrecompiledSource> {
        Some(PrecompiledSource { source: self.source.to_string(), entrypoint_name: self.entry.to_string(), lang: "wgsl" })
    }
}

impl Shader {
    /// Runs at least `threads` threads on `buffers`, bound in order, and then `info` as a uniform.
    pub fn launch<const N: usize, const W: usize>(self, client: &Client, threads: usize, buffers: [Handle; N], info: [u32; W]) {
        let groups = u32::try_from(threads.div_ceil(GROUP as usize)).expect("bindings are limited, so threads are");
        let rows = groups.div_ceil(GROUPS_LIMIT);
        let words = info.chunks_exact(2).map(|pair| u64::from(pair[0]) | u64::from(pair[1]) << 32).collect();
        let arguments =
            KernelArguments::new().with_buffers(buffers.into_iter().map(Handle::binding).collect()).with_info(MetadataBindingInfo::custom(words));
        client.launch(Box::new(self), CubeCount::Static(groups.div_ceil(rows), rows, 1), arguments);
    }
}

/// A contiguous tensor of f32 as rows over its last dimension, whole vectors of four each, that can be bound block by block.
pub(super) struct Rows {
    handle: Handle,
    count: usize,
    row_bytes: usize,
}

impl Rows {
    /// The rows of a tensor that [`padded`] or [`empty_like`] made; it is not empty.
    pub fn of(tensor: &CubeTensor) -> Self {
        let shape = tensor.shape();
        let width = shape[shape.num_dims() - 1];
        debug_assert!(width.is_multiple_of(4) && tensor.dtype == DType::F32);
        Self { handle: tensor.handle.clone(), count: shape.num_elements() / width, row_bytes: width * size_of::<f32>() }
    }

    /// Number of rows.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Vectors of four in a row.
    pub fn vectors(&self) -> usize {
        self.row_bytes / (4 * size_of::<f32>())
    }

    /// `part` of the rows in blocks that each fit a binding; it begins at a multiple of [`BLOCK_STEP`].
    pub fn blocks(&self, part: Range<usize>) -> impl Iterator<Item = Range<usize>> + use<> {
        blocks(part, self.row_bytes)
    }

    /// A block as a binding.
    pub fn bind(&self, block: &Range<usize>) -> Handle {
        let bytes = |rows: usize| (rows * self.row_bytes) as u64;
        self.handle.clone().offset_start(bytes(block.start)).offset_end(bytes(self.count - block.end))
    }
}

/// Splits `rows` of `bytes` each into blocks that fit a binding.
pub(super) fn blocks(rows: Range<usize>, bytes: usize) -> impl Iterator<Item = Range<usize>> + use<> {
    let most = (BINDING_LIMIT / bytes.max(1) / BLOCK_STEP * BLOCK_STEP).max(BLOCK_STEP);
    let end = rows.end;
    rows.step_by(most).map(move |start| start..(start + most).min(end))
}

/// Something built from a CPU structure and kept on every device that asked for it.
pub(super) struct OnDevice<T>(Mutex<Vec<(Device<CubeBackend>, Arc<T>)>>);

impl<T> Default for OnDevice<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> std::fmt::Debug for OnDevice<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OnDevice")
    }
}

impl<T> OnDevice<T> {
    /// What `device` has, made by `upload` the first time.
    pub fn get(&self, device: &Device<CubeBackend>, upload: impl FnOnce() -> T) -> Arc<T> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, found)) = kept.iter().find(|(on, _)| on == device) {
            return found.clone();
        }
        let made = Arc::new(upload());
        kept.push((device.clone(), made.clone()));
        made
    }
}

/// A tensor of zeros beside `like`.
pub(super) fn zeros_like(like: &CubeTensor, shape: impl Into<Shape>) -> CubeTensor {
    CubeBackend::float_zeros(shape.into(), &like.device, FloatDType::F32)
}

/// An uninitialised tensor of f32 beside `like`.
pub(super) fn empty_like(like: &CubeTensor, shape: impl Into<Shape>) -> CubeTensor {
    let shape = shape.into();
    let handle = like.client.empty(shape.num_elements() * size_of::<f32>());
    CubeTensor::new_contiguous(like.client.clone(), like.device.clone(), shape, handle, DType::F32)
}

/// The tensor, contiguous, its last `dims` dimensions filled up with zeros to multiples of four.
pub(super) fn padded(tensor: FloatTensor<CubeBackend>, dims: usize) -> CubeTensor {
    assert_eq!(tensor.dtype, DType::F32, "the shaders compute in single precision");
    let shape = tensor.shape();
    let kept = shape.num_dims() - dims;
    let full: Vec<usize> = shape.iter().enumerate().map(|(dim, &size)| if dim < kept { size } else { size.next_multiple_of(4) }).collect();
    if *full == *shape {
        return into_contiguous(tensor);
    }
    let zeros = zeros_like(&tensor, full);
    let part: Vec<Slice> = shape.iter().map(|&size| (0..size).into()).collect();
    into_contiguous(CubeBackend::float_slice_assign(zeros, &part, tensor))
}

/// The part of a padded tensor that has `shape`.
pub(super) fn trimmed(tensor: CubeTensor, shape: impl Into<Shape>) -> FloatTensor<CubeBackend> {
    let shape = shape.into();
    if tensor.shape() == shape {
        return tensor;
    }
    let part: Vec<Slice> = shape.iter().map(|&size| (0..size).into()).collect();
    CubeBackend::float_slice(tensor, &part)
}
