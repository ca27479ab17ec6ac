//! Large data in messages.

use js_sys::{ArrayBuffer, Uint8Array};
use serde::{Deserialize, Serialize};

/// Bytes that are transferred without a copy.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Bulk(#[serde(with = "serde_wasm_bindgen::preserve")] pub ArrayBuffer);

impl Bulk {
    /// Copies plain old data out of wasm memory.
    pub fn from_slice<T: bytemuck::NoUninit>(values: &[T]) -> Self {
        Self(Uint8Array::from(bytemuck::cast_slice::<T, u8>(values)).buffer())
    }

    /// Copies the bytes into wasm memory. A trailing partial element is dropped.
    pub fn to_vec<T: bytemuck::Pod>(&self) -> Vec<T> {
        let bytes = Uint8Array::new(&self.0);
        let count = bytes.length() as usize / size_of::<T>();
        let mut values = vec![T::zeroed(); count];
        bytes
            .subarray(0, (count * size_of::<T>()) as u32)
            .copy_to(bytemuck::cast_slice_mut(&mut values));
        values
    }
}
