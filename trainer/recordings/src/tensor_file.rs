//! Files of tensors (safetensors) that are the same bytes whenever their content is the same, on
//! whichever machine they are written.

use std::collections::HashMap;

use anyhow::{Context as _, ensure};
use safetensors::View;
use serde_json::Value;

/// Number of bytes of the length that a file begins with.
const LENGTH: usize = 8;

/// The content of a file with these tensors and what is told `about` them. The library keeps that in
/// a map without an order, so the header is put into order here.
///
/// # Errors
/// A tensor cannot be written.
pub fn to_bytes<V: View>(
    tensors: impl IntoIterator<Item = (&'static str, V)>,
    about: impl IntoIterator<Item = (&'static str, String)>,
) -> anyhow::Result<Vec<u8>> {
    let about = about
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value));
    let about: HashMap<String, String> = about.collect();
    let mut bytes = safetensors::serialize(tensors, Some(about))?;
    let (length, rest) = bytes
        .split_first_chunk_mut::<LENGTH>()
        .context("the file has no header")?;
    let length = usize::try_from(u64::from_le_bytes(*length))?;
    let header = rest.get_mut(..length).context("the header is cut off")?;
    let mut value: Value = serde_json::from_slice(header)?;
    value.sort_all_objects();
    let sorted = value.to_string();
    ensure!(
        sorted.len() <= header.len(),
        "the header in order has {} bytes, and {} without",
        sorted.len(),
        header.len()
    );
    // Spaces fill the header, as the format has it.
    header.fill(b' ');
    header[..sorted.len()].copy_from_slice(sorted.as_bytes());
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use safetensors::{Dtype, SafeTensors, tensor::TensorView};

    use super::*;

    #[test]
    fn the_same_content_is_the_same_bytes_and_is_read_again() {
        let (first, second) = ([1, 2, 3, 4], [5, 6]);
        let view = |bytes| TensorView::new(Dtype::U8, vec![2, 2], bytes).unwrap();
        let pair = TensorView::new(Dtype::U8, vec![2], &second).unwrap();
        let about = ["one", "two", "three", "four", "five"];
        let write = || {
            let about = about.map(|key| (key, format!("\"{key}\" é")));
            to_bytes([("z", view(&first)), ("a", pair.clone())], about).unwrap()
        };
        let bytes = write();
        // Every map of the library has an order of its own.
        assert!((0..20).all(|_| write() == bytes));
        let read = SafeTensors::deserialize(&bytes).unwrap();
        assert_eq!(read.tensor("z").unwrap().data(), first);
        assert_eq!(read.tensor("a").unwrap().data(), second);
        let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
        let told = header.metadata().clone().unwrap();
        assert_eq!((told.len(), told["two"].as_str()), (5, "\"two\" é"));
    }
}
