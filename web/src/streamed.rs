//! Reads the body of an answer as it arrives.

use js_sys::{Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{ReadableStreamDefaultReader, Response};

/// The reason why a body could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StreamError {
    /// It has more bytes than allowed, at least this many.
    TooLarge(u64),
    /// The connection broke.
    Broken,
}

/// Reads a body of at most `limit` bytes. The server need not state the length. `arrived` is told
/// the number of bytes so far and the length on the wire, which is smaller than the length of the
/// body if the answer is compressed.
pub(crate) async fn streamed(
    response: &Response,
    limit: u64,
    mut arrived: impl FnMut(u64, Option<u64>),
) -> Result<Vec<u8>, StreamError> {
    let length = response
        .headers()
        .get("content-length")
        .ok()
        .flatten()
        .and_then(|l| l.parse::<u64>().ok());
    let mut bytes = Vec::new();
    let Some(body) = response.body() else {
        return Ok(bytes);
    };
    let reader: ReadableStreamDefaultReader = body.get_reader().unchecked_into();
    loop {
        let piece = JsFuture::from(reader.read())
            .await
            .map_err(|_| StreamError::Broken)?;
        let Some(piece) = Reflect::get(&piece, &"value".into())
            .ok()
            .and_then(|v| v.dyn_into::<Uint8Array>().ok())
        else {
            return Ok(bytes);
        };
        let found = bytes.len() as u64 + u64::from(piece.length());
        if found > limit {
            // The rest is not wanted; a failure to say so changes nothing.
            drop(reader.cancel());
            return Err(StreamError::TooLarge(length.unwrap_or(found).max(found)));
        }
        let start = bytes.len();
        bytes.resize(found as usize, 0);
        piece.copy_to(&mut bytes[start..]);
        arrived(found, length);
    }
}
