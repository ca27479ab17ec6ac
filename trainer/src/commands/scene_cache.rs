//! The options for scans that lie in object stores, which several commands have.

use std::path::PathBuf;

use clap::Args;
use recordings::store::Cache;

/// Where scans of object stores are while they are read.
#[derive(Debug, Args)]
pub struct SceneCache {
    /// Folder for scans that lie in object stores, which the next command finds there; by default a
    /// temporary one.
    #[arg(long)]
    cache: Option<PathBuf>,
    /// Largest size of that folder in GiB.
    #[arg(long, default_value_t = 32.0)]
    cache_gib: f64,
}

impl SceneCache {
    /// Opens the folder.
    ///
    /// # Errors
    /// It cannot be used, or the size is not positive.
    pub fn open(&self) -> anyhow::Result<Cache> {
        Cache::of_gib(self.cache.as_deref(), self.cache_gib)
    }
}
