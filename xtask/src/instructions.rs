//! The instructions of the built programs: a browser that does not know one of them refuses the whole
//! program, even if it never runs.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};
use wasmparser::{Validator, WasmFeatures};

use crate::{shell::root, sizes};

/// Checks that all programs of `dist` are made of what every browser with 128-bit vectors knows, which
/// is the second version of WebAssembly; relaxed vectors are not.
///
/// # Errors
/// Returns an error that names the program and the place if one has something else, or the app is not
/// built.
pub fn check() -> Result<()> {
    let dist = root().join("dist");
    let ending = |file: &&std::path::PathBuf| file.extension().is_some_and(|end| end == "wasm");
    for file in sizes::built()?.iter().filter(ending) {
        validate(&fs::read(file)?)
            .with_context(|| format!("{} is not for every browser", shown(&dist, file)))?;
    }
    Ok(())
}

fn shown(dist: &Path, file: &Path) -> String {
    file.strip_prefix(dist)
        .unwrap_or(file)
        .display()
        .to_string()
}

fn validate(program: &[u8]) -> Result<()> {
    Validator::new_with_features(WasmFeatures::WASM2).validate_all(program)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program of one function that multiplies and adds vectors with the instruction of these bytes,
    /// after three vectors of zeros.
    fn program(instruction: &[u8]) -> Vec<u8> {
        let zeros = [&[0xfd, 0x0c][..], &[0; 16]].concat();
        let body = [&[0][..], &zeros, &zeros, &zeros, instruction, &[0x1a, 0x0b]].concat();
        let code = [&[1, body.len() as u8][..], &body].concat();
        [
            b"\0asm\x01\0\0\0".as_slice(),
            &[1, 4, 1, 0x60, 0, 0],
            &[3, 2, 1, 0],
            &[10, code.len() as u8],
            &code,
        ]
        .concat()
    }

    #[test]
    fn relaxed_vectors_are_refused() {
        // f32x4.mul, then f32x4.add
        validate(&program(&[0xfd, 0xe6, 0x01, 0xfd, 0xe4, 0x01])).expect("plain vectors");
        // f32x4.relaxed_madd
        let refused = validate(&program(&[0xfd, 0x85, 0x02])).expect_err("relaxed vectors");
        assert!(refused.to_string().contains("relaxed"), "{refused}");
    }
}
