//! The built app after compression, as the server sends it, and the limits on its size after brotli,
//! to keep the download small.

use std::{
    ffi::OsStr,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use flate2::{Compression, write::GzEncoder};

use crate::{card, shell::root};

const MB: f64 = 1e6;

/// (name, limit in MB, predicate for the files of `dist` that count)
type Budget = (&'static str, f64, fn(&str) -> bool);

const BUDGETS: [Budget; 6] = [
    // Each is a little more than there is, so that growth is noticed. Of the page's,
    // links, sharing and embedding took 0.06 MB, editing and projects 0.05, the way to other languages
    // 0.03, and colors, the cube and the list of models 0.03.
    ("page", 0.86, |path| {
        let others = [
            "images",
            "reader",
            "models/",
            "samples/",
            LANGUAGES,
            card::FILE,
            ICONS,
        ];
        !path.contains("worker") && !others.iter().any(|other| path.starts_with(other))
    }),
    ("worker", 5.1, |path| path.contains("worker")),
    ("reader", 0.19, |path| path.starts_with("reader")),
    ("worker of 2D models", 0.81, |path| {
        path.starts_with("images")
    }),
    // A page in English fetches none of them, any other page one.
    ("languages", 0.06, |path| path.starts_with(LANGUAGES)),
    ("network weights", 12.0, |path| {
        path.starts_with("models/nano-")
    }),
];

/// The folder of the pictures that stand for the installed app, which a visit does not fetch.
const ICONS: &str = "icons/";

/// The folder of the texts in other languages than English, which have compressed versions.
const LANGUAGES: &str = "text/";

/// Endings of the compressed versions of a file, next to it. Browsers take brotli from secure servers
/// only.
const BROTLI: &str = "br";
const GZIP: &str = "gz";
/// Quality and window, as a power of two of bytes, of brotli. A visit begins with all of the page and the
/// reader, for which the best there is takes seconds; for the worker it would take minutes, and the next
/// best half a minute.
const BEST: u32 = 11;
const GOOD: u32 = 10;
const WINDOW: u32 = 24;
/// Number of bytes up to which a file is compressed as well as possible.
const SOON: usize = 8_000_000;
/// Files with these endings have compressed versions. Of models, only manifests in folders that are
/// named after their content have them: who replaces others need not know of it.
const COMPRESSIBLE: [&str; 5] = ["wasm", "js", "css", "html", "svg"];
const MANIFEST: &str = "manifest.json";

/// Compresses the files of `dist` once: the server sends what is there and compresses nothing.
///
/// # Errors
/// Returns an error if the app is not built, or a file cannot be written.
pub fn compress() -> Result<()> {
    let dist = root().join("dist");
    for file in built()? {
        let is_language = relative(&dist, &file).starts_with(LANGUAGES);
        if is_language || has_ending(&file, &COMPRESSIBLE) || is_fixed_manifest(&file) {
            let bytes = fs::read(&file)?;
            let quality = if bytes.len() <= SOON { BEST } else { GOOD };
            let mut writer = brotli::CompressorWriter::new(Vec::new(), 1 << 16, quality, WINDOW);
            writer.write_all(&bytes)?;
            fs::write(compressed(&file, BROTLI), writer.into_inner())?;
            let mut writer = GzEncoder::new(Vec::new(), Compression::default());
            writer.write_all(&bytes)?;
            fs::write(compressed(&file, GZIP), writer.finish()?)?;
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
            let sent = fs::metadata(compressed(file, BROTLI)).or_else(|_| fs::metadata(file))?;
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
pub fn built() -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    list(&root().join("dist"), &mut files).context("build the app first: cargo xtask serve")?;
    files.retain(|file| !has_ending(file, &[BROTLI, GZIP]));
    Ok(files)
}

fn compressed(file: &Path, ending: &str) -> PathBuf {
    let mut path = file.as_os_str().to_owned();
    path.push(".");
    path.push(ending);
    path.into()
}

/// Returns `true` for `nano-0123abcd/manifest.json`.
fn is_fixed_manifest(file: &Path) -> bool {
    let folder = file.parent().and_then(Path::file_name);
    let hash = folder
        .and_then(OsStr::to_str)
        .and_then(|name| name.rsplit_once('-'));
    let is_hash = |hash: &str| hash.len() >= 8 && hash.bytes().all(|b| b.is_ascii_hexdigit());
    file.ends_with(MANIFEST) && hash.is_some_and(|(_, hash)| is_hash(hash))
}

fn has_ending(file: &Path, endings: &[&str]) -> bool {
    let ending = file.extension().and_then(OsStr::to_str);
    ending.is_some_and(|ending| endings.contains(&ending))
}
