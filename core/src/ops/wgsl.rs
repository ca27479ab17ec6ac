//! Launch of the shaders of `wgsl/`: the kernel object, tensors in the layout that shaders bind,
//! and the data kept on the devices that use it.
//!
//! Every tensor on a device can be bound as a whole: burn does not allocate any that could not.

use std::sync::{Arc, Mutex, PoisonError};

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
pub const BINDING_LIMIT: usize = 128 << 20;
/// Maximum number of workgroups along one dimension of a dispatch.
const GROUPS_LIMIT: u32 = 65_535;
/// Threads per workgroup; every shader declares the same number.
const GROUP: u32 = 64;
/// A shader of `wgsl/`, identified by the name that its file and its entry point share.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shader {
    pub entry: &'static str,
    pub source: &'static str,
    /// If `true`, features are stored as f16: the shader has an alias `Stored`.
    pub half: bool,
}

impl KernelMetadata for Shader {
    fn id(&self) -> KernelId {
        KernelId::new::<Self>()
            .info((self.entry, self.half))
            .cube_dim(CubeDim::new_1d(GROUP).0)
    }

    fn address_type(&self) -> ElemType {
        ElemType::UInt(UIntKind::U32)
    }
}

impl CubeKernel for Shader {
    fn define(&self) -> KernelDefinition {
        let settings = KernelSettings::new(
            CubeDim::new_1d(GROUP).0,
            ExecutionMode::Checked,
            AddressType::U32,
        );
        KernelDefinition {
            body: Scope::root(settings.clone()),
            settings,
            info: Info::default(),
        }
    }

    fn source(&self) -> Option<PrecompiledSource> {
        let source = match self.half {
            false => self.source.to_string(),
            true => format!(
                "enable f16;\n{}",
                self.source
                    .replace("alias Stored = vec4<f32>;", "alias Stored = vec4<f16>;")
            ),
        };
        Some(PrecompiledSource {
            source,
            entrypoint_name: self.entry.to_string(),
            lang: "wgsl",
        })
    }
}

impl Shader {
    /// Creates a shader whose file and entry point have the same name.
    pub const fn new(entry: &'static str, source: &'static str) -> Self {
        Self {
            entry,
            source,
            half: false,
        }
    }

    /// Returns the same shader for features of this type.
    pub fn storing(self, dtype: DType) -> Self {
        assert!(
            matches!(dtype, DType::F32 | DType::F16),
            "the shaders store f32 and f16, not {dtype:?}"
        );
        Self {
            half: dtype == DType::F16,
            ..self
        }
    }

    /// Runs at least `threads` threads on `buffers`, bound in order, followed by `info` as a
    /// uniform.
    pub fn launch<const N: usize, const W: usize>(
        self,
        client: &Client,
        threads: usize,
        buffers: [Handle; N],
        info: [u32; W],
    ) {
        let groups = u32::try_from(threads.div_ceil(GROUP as usize))
            .expect("bindings are limited, so threads are");
        let rows = groups.div_ceil(GROUPS_LIMIT);
        let words = info
            .chunks_exact(2)
            .map(|pair| u64::from(pair[0]) | u64::from(pair[1]) << 32)
            .collect();
        let arguments = KernelArguments::new()
            .with_buffers(buffers.into_iter().map(Handle::binding).collect())
            .with_info(MetadataBindingInfo::custom(words));
        client.launch(
            Box::new(self),
            CubeCount::Static(groups.div_ceil(rows), rows, 1),
            arguments,
        );
    }
}

/// Number of vectors of four values per row of a padded tensor.
pub(super) fn vectors(tensor: &CubeTensor) -> usize {
    let shape = tensor.shape();
    shape[shape.num_dims() - 1] / 4
}

/// Data built from a CPU structure and kept on every device that requested it.
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
    /// Returns the data on `device`, created by `upload` on first use.
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

/// Creates a tensor of zeros with the type and the device of `like`.
pub(super) fn zeros_like(like: &CubeTensor, shape: impl Into<Shape>) -> CubeTensor {
    CubeBackend::float_zeros(shape.into(), &like.device, FloatDType::from(like.dtype))
}

/// Creates an uninitialized tensor with the type and the device of `like`.
pub(super) fn empty_like(like: &CubeTensor, shape: impl Into<Shape>) -> CubeTensor {
    let shape = shape.into();
    let handle = like.client.empty(shape.num_elements() * like.dtype.size());
    CubeTensor::new_contiguous(
        like.client.clone(),
        like.device.clone(),
        shape,
        handle,
        like.dtype,
    )
}

/// Returns the tensor for a shader that reads f32 only, and panics if it has another type.
pub(super) fn to_f32(tensor: FloatTensor<CubeBackend>) -> FloatTensor<CubeBackend> {
    assert_eq!(tensor.dtype, DType::F32, "this shader reads f32");
    tensor
}

/// Returns the tensor, contiguous, with its last `dims` dimensions padded with zeros to multiples
/// of four.
pub(super) fn padded(tensor: FloatTensor<CubeBackend>, dims: usize) -> CubeTensor {
    let shape = tensor.shape();
    let kept = shape.num_dims() - dims;
    let full: Vec<usize> = shape
        .iter()
        .enumerate()
        .map(|(dim, &size)| {
            if dim < kept {
                size
            } else {
                size.next_multiple_of(4)
            }
        })
        .collect();
    if *full == *shape {
        return into_contiguous(tensor);
    }
    let zeros = zeros_like(&tensor, full);
    let part: Vec<Slice> = shape.iter().map(|&size| (0..size).into()).collect();
    into_contiguous(CubeBackend::float_slice_assign(zeros, &part, tensor))
}

/// Returns the part of a padded tensor that has `shape`.
pub(super) fn trimmed(tensor: CubeTensor, shape: impl Into<Shape>) -> FloatTensor<CubeBackend> {
    let shape = shape.into();
    if tensor.shape() == shape {
        return tensor;
    }
    let part: Vec<Slice> = shape.iter().map(|&size| (0..size).into()).collect();
    CubeBackend::float_slice(tensor, &part)
}
