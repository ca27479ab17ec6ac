//! Limits on the size of the built app after brotli, to keep the download small.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};

use crate::shell::root;

const MB: f64 = 1e6;

/// (name, limit in MB, predicate for the files of `dist` that count)
type Budget = (&'static str, f64, fn(&str) -> bool);

const BUDGETS: [Budget; 4] = [
    // 0.02 MB of it came with the questions to a language model of the user's own, 0.05 MB with what is
    // drawn over the picture and the ways to look at it.
    ("page", 0.62, |path| {
        let others = ["images", "models/", "samples/"];
        !path.contains("worker") && !others.iter().any(|other| path.starts_with(other))
    }),
    ("worker", 6.0, |path| path.contains("worker")),
    ("worker of 2D models", 1.0, |path| {
        path.starts_with("images")
    }),
    ("network weights", 12.0, |path| {
        path.starts_with("models/nano-")
    }),
];

/// Prints the compressed sizes of `dist` and compares them with the budgets.
///
/// # Errors
/// Returns an error if a budget is exceeded or the app is not built.
pub fn check() -> Result<()> {
    let dist = root().join("dist");
    let mut files = Vec::new();
    list(&dist, &mut files).context("build the app first: cargo xtask serve")?;
    let mut passed = Vec::new();
    for (what, limit, belongs) in BUDGETS {
        let mut compressed = 0;
        let mut found = false;
        for file in files.iter().filter(|file| belongs(&relative(&dist, file))) {
            compressed += brotli_len(&fs::read(file)?)?;
            found = true;
        }
        let size = compressed as f64 / MB;
        println!("{what}: {size:.3} MB after brotli, limit {limit} MB");
        if !found || size > limit {
            passed.push(what);
        }
    }
    if passed.is_empty() {
        Ok(())
    } else {
        bail!("missing or over the size limit: {}", passed.join(", "))
    }
}

fn relative(dist: &Path, file: &Path) -> String {
    file.strip_prefix(dist)
        .unwrap_or(file)
        .to_string_lossy()
        .into_owned()
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in
        fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))?
    {
        let path = entry?.path();
        if path.is_dir() {
            list(&path, files)?
        } else {
            files.push(path)
        }
    }
    Ok(())
}

fn brotli_len(bytes: &[u8]) -> Result<usize> {
    let mut writer = brotli::CompressorWriter::new(Vec::new(), 1 << 16, 9, 22);
    writer.write_all(bytes)?;
    Ok(writer.into_inner().len())
}
