//! What `trainer segment` said of a scan of a part, kept until it is said for all parts together.
//!
//! `SCAN.summary.json` is written after all other files of a scan: where it is, they are complete.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, ensure};
use learning::atomic_write::write_atomically;
use serde::{Deserialize, Serialize};

/// Largest size of a file in bytes.
const LIMIT: u64 = 256 << 20;

/// What was said of a scan.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Summary {
    /// The network, and all options that change what is said.
    pub made_by: String,
    /// All options that change the other files.
    pub files: String,
    /// What `--json` prints. It is text, because text comes back byte for byte.
    pub json: String,
    /// What is printed otherwise.
    pub words: String,
}

impl Summary {
    /// Prints the summary.
    ///
    /// # Errors
    /// The standard output cannot be written.
    pub fn print(&self, json: bool) -> io::Result<()> {
        let said = if json { &self.json } else { &self.words };
        writeln!(io::stdout(), "{said}")
    }

    /// Keeps the summary of the scan whose results have this name.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, folder: &Path, name: &str) -> anyhow::Result<()> {
        let path = file(folder, name);
        write_atomically(&path, &serde_json::to_vec(self)?)
            .with_context(|| format!("cannot write {}", path.display()))
    }

    /// Reads the summary of a scan.
    ///
    /// # Errors
    /// There is none, it is damaged, or other options made it.
    pub fn read(folder: &Path, name: &str, made_by: &str) -> anyhow::Result<Self> {
        let path = file(folder, name);
        let read = || -> anyhow::Result<Self> {
            let bytes = fs::metadata(&path)?.len();
            ensure!(bytes <= LIMIT, "it has {bytes} bytes, the limit is {LIMIT}");
            let summary: Self = serde_json::from_slice(&fs::read(&path)?)?;
            let other = &summary.made_by;
            ensure!(
                other == made_by,
                "other options made it: {other}, not {made_by}"
            );
            Ok(summary)
        };
        read().with_context(|| format!("cannot use {}", path.display()))
    }
}

fn file(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.summary.json"))
}
