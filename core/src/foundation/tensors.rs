//! The tensors of a bundle.

use safetensors::{Dtype, SafeTensors, tensor::TensorView};

use crate::captures::CaptureError;

/// Name of the superpoints that came with a scene.
pub const SUPERPOINT: &str = "superpoint";
/// Name of the image features that came with a scene.
pub const POINT_FEATURES: &str = "point_features";
/// Name of the features of the objects that came with a scene.
pub const OBJECT_FEATURES: &str = "object_features";
/// Name of the positions of the objects that came with a scene.
pub const OBJECT_POSITIONS: &str = "object_positions";

/// Reads the tensor `name` with shape `(rows, N)`, if there is one; a tensor of one dimension
/// counts as `(rows, 1)`.
///
/// # Errors
/// It has another type or shape.
pub fn rows<T, const N: usize>(
    tensors: &SafeTensors,
    name: &str,
) -> Result<Option<Vec<[T; N]>>, CaptureError>
where
    [T; N]: Stored,
{
    let Ok(tensor) = tensors.tensor(name) else {
        return Ok(None);
    };
    let shape = tensor.shape();
    let fits = shape.len() <= 2 && !shape.is_empty() && shape.get(1).copied().unwrap_or(1) == N;
    if !fits {
        return Err(broken(format!(
            "`{name}` has the shape {shape:?} instead of (points, {N})"
        )));
    }
    values::<[T; N]>(&tensor, name).map(Some)
}

/// Element types of the tensors of a bundle.
pub trait Stored: bytemuck::Pod {
    /// The type in the file.
    const DTYPE: Dtype;
}

impl Stored for f32 {
    const DTYPE: Dtype = Dtype::F32;
}

impl Stored for i32 {
    const DTYPE: Dtype = Dtype::I32;
}

impl Stored for u32 {
    const DTYPE: Dtype = Dtype::U32;
}

impl Stored for u8 {
    const DTYPE: Dtype = Dtype::U8;
}

impl<T: Stored, const N: usize> Stored for [T; N]
where
    Self: bytemuck::Pod,
{
    const DTYPE: Dtype = T::DTYPE;
}

/// The values of the tensor `name`.
///
/// # Errors
/// It has another type, or its bytes are not whole values.
pub fn values<T: Stored>(tensor: &TensorView, name: &str) -> Result<Vec<T>, CaptureError> {
    if tensor.dtype() != T::DTYPE {
        return Err(broken(format!(
            "`{name}` holds {:?} instead of {:?}",
            tensor.dtype(),
            T::DTYPE
        )));
    }
    Ok(bytemuck::pod_collect_to_vec(tensor.data()))
}

/// The error of a scene that breaks a rule of the format.
pub(super) fn broken(rule: String) -> CaptureError {
    CaptureError::Unusable(rule)
}
