//! Reference values in `tests/golden`, for the tests of this crate.
#![allow(clippy::unwrap_used)]

use std::fs;

/// Reads a file of that folder.
pub fn bytes(file: &str) -> Vec<u8> {
    let path = format!("{}/../tests/golden/{file}", env!("CARGO_MANIFEST_DIR"));
    fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Reads a JSON file of that folder.
pub fn json(file: &str) -> serde_json::Value {
    serde_json::from_slice(&bytes(file)).unwrap()
}
