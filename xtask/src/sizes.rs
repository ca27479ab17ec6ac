//! The built app after brotli, as the server sends it, and the limits on its size, to keep the
//! download small.

use std::{
    ffi::OsStr,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};

use crate::shell::root;

const MB: f64 = 1e6;

/// (name, limit in MB, predicate for the files of `dist` that count)
type Budget = (&'static str, f64, fn(&str) -> bool);

const BUDGETS: [Budget; 5] = [
    // The aim is 1.5 MB; this is a little more than there is, so that growth is noticed. Of it,
    // links, sharing and embedding took 0.06 MB, editing and projects 0.05, the way to other languages
    // 0.03, and colors, the cube and the list of models 0.03.
    ("page", 1.0, |path| {
        let others = ["images", "models/", "samples/", LANGUAGES];
        !path.contains("worker") && !others.iter().any(|other| path.starts_with(other))
    }),
    ("worker", 6.0, |path| path.contains("worker")),
    ("worker of 2D models", 1.0, |path| {
        path.starts_with("images")
    }),
    // A page in English fetches none of them, any other page one.
    ("languages", 0.06, |path| path.starts_with(LANGUAGES)),
    ("network weights", 12.0, |path| {
        path.starts_with("models/nano-")
    }),
];

/// The folder of the texts in other languages than English, which have a compressed version.
const LANGUAGES: &str = "text/";

/// Ending of the compressed version of a file, next to it.
const COMPRESSED: &str = "br";
/// Files with these endings have a compressed version. Models have none: who replaces them need not
/// know of it.
const COMPRESSIBLE: [&str; 5] = ["wasm", "js", "css", "html", "svg"];

/// Compresses the files of `dist` once, so that the server need not do it for every visit.
///
/// # Errors
/// Returns an error if the app is not built, or a file cannot be written.
pub fn compress() -> Result<()> {
    let dist = root().join("dist");
    for file in built()? {
        let is_language = relative(&dist, &file).starts_with(LANGUAGES);
        if is_language || has_ending(&file, &COMPRESSIBLE) {
            let mut writer = brotli::CompressorWriter::new(Vec::new(), 1 << 16, 9, 22);
            writer.write_all(&fs::read(&file)?)?;
            fs::write(compressed(&file), writer.into_inner())?;
        }
    }
    Ok(())
}

/// Prints the compressed sizes of `dist` and compares them with the budgets.
///
/// # Errors
/// Returns an error if a budget is exceeded or the app is not built.
pub fn check() -> Result<()> {
    let dist = root().join("dist");
    let files = built()?;
    let mut passed = Vec::new();
    for (what, limit, belongs) in BUDGETS {
        let mut bytes = 0;
        let mut found = false;
        for file in files.iter().filter(|file| belongs(&relative(&dist, file))) {
            let sent = fs::metadata(compressed(file)).or_else(|_| fs::metadata(file))?;
            bytes += sent.len();
            found = true;
        }
        let size = bytes as f64 / MB;
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

/// The files of `dist` without their compressed versions.
fn built() -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    list(&root().join("dist"), &mut files).context("build the app first: cargo xtask serve")?;
    files.retain(|file| !has_ending(file, &[COMPRESSED]));
    Ok(files)
}

fn compressed(file: &Path) -> PathBuf {
    let mut path = file.as_os_str().to_owned();
    path.push(".");
    path.push(COMPRESSED);
    path.into()
}

fn has_ending(file: &Path, endings: &[&str]) -> bool {
    let ending = file.extension().and_then(OsStr::to_str);
    ending.is_some_and(|ending| endings.contains(&ending))
}
