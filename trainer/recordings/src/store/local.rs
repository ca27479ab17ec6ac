//! Copies of folders of object stores on disk.

use std::path::PathBuf;

use anyhow::ensure;
use rayon::prelude::*;
use tempfile::TempDir;

use super::{Store, is_address, outline::Outline};

/// Paths in which addresses are replaced by temporary folders with the downloaded files. The
/// folders are deleted when this is dropped.
pub struct Local {
    /// One path for each place, in the same order.
    pub paths: Vec<PathBuf>,
    _kept: Vec<TempDir>,
}

impl Local {
    /// Downloads everything at those of `places` that are addresses.
    ///
    /// # Errors
    /// Returns an error if a store cannot be opened or read, or if there is nothing at an address.
    pub fn of(places: &[PathBuf]) -> anyhow::Result<Self> {
        let mut local = Self {
            paths: vec![],
            _kept: vec![],
        };
        for place in places {
            if !is_address(place) {
                local.paths.push(place.clone());
                continue;
            }
            let store = Store::open(place, false)?;
            let entries = store.below(&store.folder)?;
            ensure!(
                !entries.is_empty(),
                "there is nothing at {}",
                place.display()
            );
            let outline = Outline::new(store.folder.filename().unwrap_or("folder"), &entries, 0)?;
            entries
                .par_iter()
                .try_for_each(|entry| store.download(entry, &outline.at(entry)))?;
            local.paths.push(outline.path);
            local._kept.push(outline._kept);
        }
        Ok(local)
    }
}
