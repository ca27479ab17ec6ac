//! Bundles in folders.

mod fill;
mod write;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;

use super::{Foundation, INDEX, Image};
use crate::folder::Folder;

pub use fill::{Fill, Filled, Models, fill};
pub use write::Writer;

/// A scene in a folder of a disk.
pub trait InFolder: Sized {
    /// The bundles among `folders` and directly inside them, sorted by path.
    ///
    /// # Errors
    /// A folder cannot be listed.
    fn folders(folders: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>>;

    /// Reads the bundle in a folder.
    ///
    /// # Errors
    /// The folder cannot be listed, or see [`Foundation::open`].
    fn read(folder: &Path) -> anyhow::Result<Self>;

    /// Writes the scene to the folder `out`, which appears only when it is complete and replaces an
    /// older one. `picture` returns the encoded bytes of the picture of an image.
    ///
    /// # Errors
    /// The scene breaks a rule of the format, or a file cannot be written.
    fn write(
        &self,
        out: &Path,
        picture: impl Fn(&Image) -> anyhow::Result<Vec<u8>>,
    ) -> anyhow::Result<()>;
}

impl InFolder for Foundation {
    fn folders(folders: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        for folder in folders {
            if folder.join(INDEX).exists() {
                found.push(folder.clone());
                continue;
            }
            for entry in
                fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?
            {
                let path = entry?.path();
                if path.join(INDEX).exists() {
                    found.push(path);
                }
            }
        }
        found.sort();
        Ok(found)
    }

    fn read(folder: &Path) -> anyhow::Result<Self> {
        Ok(Self::open(&Folder::open(folder)?, "")?)
    }

    fn write(
        &self,
        out: &Path,
        picture: impl Fn(&Image) -> anyhow::Result<Vec<u8>>,
    ) -> anyhow::Result<()> {
        self.check()?;
        let writer = Writer::create(out)?;
        for image in &self.images {
            if let Some(name) = &image.picture {
                writer.picture(name, &picture(image)?)?;
            }
        }
        writer.complete(self)
    }
}

#[cfg(test)]
mod tests;
