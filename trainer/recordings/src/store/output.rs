//! Bundles to write, as files or into an object store.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;

use crate::foundation::INDEX;

use super::{Store, is_address};

/// A destination of bundles.
pub enum Output {
    /// A folder.
    Files(PathBuf),
    /// An object store.
    Objects(Store),
}

impl Output {
    /// Opens a path or an address; a folder is created.
    ///
    /// # Errors
    /// Returns an error if the store cannot be opened or the folder cannot be created.
    pub fn open(place: &Path) -> anyhow::Result<Self> {
        if is_address(place) {
            return Ok(Self::Objects(Store::open(place, true)?));
        }
        fs::create_dir_all(place).with_context(|| format!("cannot create {}", place.display()))?;
        Ok(Self::Files(place.to_owned()))
    }

    /// `true` if the complete bundle exists.
    ///
    /// # Errors
    /// Returns an error if the store cannot be queried.
    pub fn has(&self, name: &str) -> anyhow::Result<bool> {
        match self {
            Self::Files(folder) => Ok(folder.join(name).join(INDEX).is_file()),
            Self::Objects(store) => store.has_bundle(name),
        }
    }

    /// Calls `write` with the folder in which to write the bundle, and stores it.
    ///
    /// # Errors
    /// Returns an error if `write` or the store fails.
    pub fn put<T>(
        &self,
        name: &str,
        write: impl FnOnce(&Path) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        match self {
            Self::Files(folder) => write(&folder.join(name)),
            Self::Objects(store) => {
                let kept = tempfile::tempdir().context("cannot create a temporary folder")?;
                let folder = kept.path().join("bundle");
                let told = write(&folder)?;
                store.put_bundle(name, &folder)?;
                Ok(told)
            }
        }
    }
}
