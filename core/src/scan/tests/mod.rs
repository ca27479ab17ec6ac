#![allow(clippy::unwrap_used, clippy::type_complexity)]

use super::*;

mod hostile;
mod meaning;
mod odd;
pub(crate) mod real;
mod round_trip;

fn read_silently(bytes: &[u8]) -> Result<Scan, ReadError> {
    read(bytes, &Monitor::silent())
}

/// Joins a header and a body.
fn file(header: &str, body: &[u8]) -> Vec<u8> {
    [header.as_bytes(), body].concat()
}

fn floats(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}
