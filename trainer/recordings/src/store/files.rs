//! The files of a capture in an object store, read where they lie: a part of a file is one request,
//! and nothing is kept on the disk.

use std::{io, ops::Range, path::Path};

use anyhow::Context;
use object_store::{ObjectStoreExt as _, path::Path as Key};
use segscape::captures::{CaptureError, CaptureFile, Files, ReadAt, Zip, sorted};

use super::{Entry, Store, cache::split};

/// A folder of an object store.
struct StoreFolder {
    store: Store,
    name: String,
    list: Vec<CaptureFile>,
}

/// A file of an object store.
struct StoreFile {
    store: Store,
    entry: Entry,
}

/// Opens the files of a capture at an address: those of a ZIP archive if a file is there, otherwise
/// those below the folder.
///
/// # Errors
/// The store cannot be opened or listed, there is nothing, or the archive cannot be read.
pub fn open_files(address: &Path) -> anyhow::Result<Box<dyn Files>> {
    let shown = address.display().to_string();
    let (parent, name) = split(&shown);
    let store = Store::open(Path::new(parent), false)?;
    files(store, name, &shown).with_context(|| format!("cannot open {shown}"))
}

/// The files of the archive or folder `name` of a store.
pub(super) fn files(store: Store, name: &str, shown: &str) -> anyhow::Result<Box<dyn Files>> {
    if !name.is_empty()
        && let Some(entry) = store.file(&store.key(name)?)?
    {
        return Ok(Box::new(Zip::open(shown, StoreFile { store, entry })?));
    }
    let folder = match name {
        "" => store.folder.clone(),
        name => store.key(name)?,
    };
    let store = Store { folder, ..store };
    let file = |entry: Entry| {
        // Keys are text, so nothing is lost.
        let parts: Vec<_> = entry
            .name
            .iter()
            .map(|part| part.to_string_lossy())
            .collect();
        CaptureFile {
            path: parts.join("/"),
            size: entry.size,
        }
    };
    let list = store.below(&store.folder)?.into_iter().map(file).collect();
    let list = sorted(shown, list)?;
    anyhow::ensure!(!list.is_empty(), "there is nothing");
    Ok(Box::new(StoreFolder {
        store,
        name: shown.to_owned(),
        list,
    }))
}

impl Files for StoreFolder {
    fn name(&self) -> &str {
        &self.name
    }

    fn list(&self) -> &[CaptureFile] {
        &self.list
    }

    fn read_range(&self, path: &str, range: Range<u64>) -> Result<Vec<u8>, CaptureError> {
        let read = || self.store.part(&self.store.key(path)?, range);
        read().map_err(|error| {
            CaptureError::file(path, format!("cannot read {}/{path}: {error:#}", self.name))
        })
    }
}

impl ReadAt for StoreFile {
    fn size(&self) -> u64 {
        self.entry.size
    }

    fn read_at(&self, range: Range<u64>) -> io::Result<Vec<u8>> {
        let range = range.start..range.end.min(self.entry.size);
        let part = self.store.part(&self.entry.key, range);
        part.map_err(|error| io::Error::other(format!("{error:#}")))
    }
}

impl Store {
    /// The bytes of a part of a file, which must not begin after its end.
    fn part(&self, key: &Key, range: Range<u64>) -> anyhow::Result<Vec<u8>> {
        if range.is_empty() {
            return Ok(Vec::new());
        }
        let bytes = self.runtime.block_on(self.objects.get_range(key, range))?;
        Ok(bytes.into())
    }
}
