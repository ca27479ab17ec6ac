//! The tensors of a bundle.

use anyhow::ensure;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};

/// A tensor to write: name, type, shape, bytes.
pub(super) type Tensor = (String, Dtype, Vec<usize>, Vec<u8>);

/// Reads the tensor `name` with shape `(rows, N)`, if there is one; a tensor of one dimension
/// counts as `(rows, 1)`.
pub(super) fn rows<T: Stored, const N: usize>(
    tensors: &SafeTensors,
    name: &str,
) -> anyhow::Result<Option<Vec<[T; N]>>> {
    let Ok(tensor) = tensors.tensor(name) else {
        return Ok(None);
    };
    let shape = tensor.shape();
    let fits = shape.len() <= 2 && !shape.is_empty() && shape.get(1).copied().unwrap_or(1) == N;
    ensure!(
        fits,
        "`{name}` has the shape {shape:?} instead of (points, {N})"
    );
    let values = values::<T>(&tensor, name)?;
    Ok(Some(
        values
            .chunks_exact(N)
            .map(|row| std::array::from_fn(|i| row[i]))
            .collect(),
    ))
}

/// Element types of the tensors of a bundle.
pub(super) trait Stored: bytemuck::Pod {
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

/// The values of the tensor `name`.
pub(super) fn values<T: Stored>(tensor: &TensorView, name: &str) -> anyhow::Result<Vec<T>> {
    ensure!(
        tensor.dtype() == T::DTYPE,
        "`{name}` holds {:?} instead of {:?}",
        tensor.dtype(),
        T::DTYPE
    );
    Ok(bytemuck::pod_collect_to_vec(tensor.data()))
}
