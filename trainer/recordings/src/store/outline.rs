//! The outline of a scene on disk.

use std::{
    fs::{self, File},
    path::PathBuf,
};

use anyhow::Context;
use tempfile::TempDir;

use super::Entry;

/// A temporary folder with an empty file for each file of a scene, which is enough to recognize the
/// scene.
pub(super) struct Outline {
    pub(super) _kept: TempDir,
    pub(super) path: PathBuf,
    /// Number of leading components of the entries' names that are the path of the scene.
    depth: usize,
}

impl Outline {
    pub(super) fn new(name: &str, entries: &[Entry], depth: usize) -> anyhow::Result<Self> {
        let kept = tempfile::tempdir().context("cannot create a temporary folder")?;
        let outline = Self {
            path: kept.path().join(name),
            _kept: kept,
            depth,
        };
        fs::create_dir(&outline.path)?;
        for entry in entries {
            let path = outline.at(entry);
            path.parent()
                .map_or(Ok(()), fs::create_dir_all)
                .and_then(|()| File::create(&path))
                .with_context(|| format!("cannot create {}", path.display()))?;
        }
        Ok(outline)
    }

    pub(super) fn at(&self, entry: &Entry) -> PathBuf {
        self.path.join(
            entry
                .name
                .components()
                .skip(self.depth)
                .collect::<PathBuf>(),
        )
    }
}
