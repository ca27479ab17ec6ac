//! Scenes in object stores: `s3://bucket/folder` (credentials, region and endpoint from the usual
//! `AWS_*` variables) and `file:///folder`.
//!
//! Captures are read where they lie ([`open_files`]). All other code works on files, so a scene is
//! downloaded to a temporary folder or to a cache of bounded size before it is read, and a bundle is
//! written to a temporary folder before it is uploaded. The index of a bundle is deleted first and uploaded last: if there is an index, the
//! bundle is complete.

mod cache;
mod files;
mod input;
mod outline;
mod output;

use std::{
    fs::{self, File},
    io::{Read, Write},
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, bail, ensure};
use object_store::{
    ObjectMeta, ObjectStore, ObjectStoreExt as _, PutPayload, aws::AmazonS3Builder,
    local::LocalFileSystem, path::Path as Key,
};
use rayon::prelude::*;
use tokio::runtime::Runtime;

use crate::foundation::INDEX;

pub use cache::{Cache, Held};
pub use files::open_files;
pub use input::{Candidate, Input};
pub use output::Output;

/// Largest number of bytes of one file in memory at a time.
const PIECE: u64 = 64 << 20;

/// A folder of an object store.
#[derive(Clone)]
pub struct Store {
    objects: Arc<dyn ObjectStore>,
    folder: Key,
    runtime: Arc<Runtime>,
}

/// A file below a store's folder.
struct Entry {
    /// Its path relative to the store's folder.
    name: PathBuf,
    key: Key,
    size: u64,
    /// What the store says of its version: another one for other content.
    version: String,
}

/// `true` if `path` is the address of an object store, not a path of a file.
pub fn is_address(path: &Path) -> bool {
    path.to_str().is_some_and(|path| path.contains("://"))
}

impl Store {
    /// Opens the folder at the address. A folder of files must exist, unless `is_made`, which
    /// creates it.
    ///
    /// # Errors
    /// Returns an error if the scheme of the address is not supported, the bucket's settings are
    /// incomplete, or the folder does not exist or cannot be created.
    fn open(address: &Path, is_made: bool) -> anyhow::Result<Self> {
        let text = address.to_str().unwrap_or_default();
        let (scheme, rest) = text
            .split_once("://")
            .with_context(|| format!("{text} is not an address"))?;
        let (objects, folder): (Arc<dyn ObjectStore>, &str) = match scheme {
            "file" => {
                ensure!(
                    rest.starts_with('/'),
                    "{text}: the address of a folder has three slashes, file:///folder"
                );
                if is_made {
                    fs::create_dir_all(rest).with_context(|| format!("cannot create {rest}"))?;
                }
                ensure!(Path::new(rest).is_dir(), "there is no folder {rest}");
                (Arc::new(LocalFileSystem::new_with_prefix(rest)?), "")
            }
            "s3" => {
                let (bucket, folder) = rest.split_once('/').unwrap_or((rest, ""));
                (
                    Arc::new(
                        AmazonS3Builder::from_env()
                            .with_bucket_name(bucket)
                            .build()?,
                    ),
                    folder,
                )
            }
            other => {
                bail!("{text}: {other} addresses are not supported, s3 and file addresses are")
            }
        };
        Self::new(objects, folder).with_context(|| text.to_owned())
    }

    fn new(objects: Arc<dyn ObjectStore>, folder: &str) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        Ok(Self {
            objects,
            folder: Key::parse(folder)?,
            runtime: Arc::new(runtime),
        })
    }

    fn key(&self, name: &str) -> anyhow::Result<Key> {
        Ok(Key::parse(format!("{}/{name}", self.folder))?)
    }

    /// Lists the folders and files directly in a folder.
    fn level(&self, folder: &Key) -> anyhow::Result<(Vec<Key>, Vec<Entry>)> {
        let listed = self
            .runtime
            .block_on(self.objects.list_with_delimiter(Some(folder)))
            .with_context(|| format!("cannot list {folder}"))?;
        let mut folders = listed.common_prefixes;
        folders.sort();
        let mut entries = listed
            .objects
            .into_iter()
            .map(|meta| self.entry(meta))
            .collect::<anyhow::Result<Vec<_>>>()?;
        entries.sort_by(|a, b| a.key.cmp(&b.key));
        Ok((folders, entries))
    }

    fn entry(&self, meta: ObjectMeta) -> anyhow::Result<Entry> {
        let parts = meta
            .location
            .prefix_match(&self.folder)
            .with_context(|| format!("{} is not in {}", meta.location, self.folder))?;
        let name: PathBuf = parts.map(|part| part.as_ref().to_owned()).collect();
        let is_plain = name
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        ensure!(is_plain, "{} is not the name of a file", meta.location);
        Ok(Entry {
            name,
            size: meta.size,
            version: meta
                .e_tag
                .unwrap_or_else(|| meta.last_modified.to_rfc3339()),
            key: meta.location,
        })
    }

    /// The file at `key`; `None` if there is none.
    fn file(&self, key: &Key) -> anyhow::Result<Option<Entry>> {
        match self.runtime.block_on(self.objects.head(key)) {
            Ok(meta) => self.entry(meta).map(Some),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot see whether there is {key}")),
        }
    }

    /// Lists all files below a folder.
    fn below(&self, folder: &Key) -> anyhow::Result<Vec<Entry>> {
        let (folders, mut entries) = self.level(folder)?;
        for folder in folders {
            entries.extend(self.below(&folder)?);
        }
        Ok(entries)
    }

    fn download(&self, entry: &Entry, to: &Path) -> anyhow::Result<()> {
        let load = || -> anyhow::Result<()> {
            let mut file = File::create(to)?;
            let mut at = 0;
            while at < entry.size {
                let end = entry.size.min(at + PIECE);
                file.write_all(
                    &self
                        .runtime
                        .block_on(self.objects.get_range(&entry.key, at..end))?,
                )?;
                at = end;
            }
            Ok(())
        };
        load().with_context(|| format!("cannot load {}", entry.key))
    }

    fn upload(&self, from: &Path, key: &Key) -> anyhow::Result<()> {
        let store = || -> anyhow::Result<()> {
            let mut file = File::open(from)?;
            let mut piece = || -> anyhow::Result<Vec<u8>> {
                let mut piece = vec![];
                (&mut file).take(PIECE).read_to_end(&mut piece)?;
                Ok(piece)
            };
            let first = piece()?;
            if (first.len() as u64) < PIECE {
                self.runtime
                    .block_on(self.objects.put(key, PutPayload::from(first)))?;
                return Ok(());
            }
            let mut parts = self.runtime.block_on(self.objects.put_multipart(key))?;
            let mut next = Ok(first);
            while let Ok(bytes) = &next
                && !bytes.is_empty()
            {
                next = next
                    .and_then(|bytes| {
                        Ok(self
                            .runtime
                            .block_on(parts.put_part(PutPayload::from(bytes)))?)
                    })
                    .and_then(|()| piece());
            }
            match next {
                Ok(_) => drop(self.runtime.block_on(parts.complete())?),
                Err(error) => {
                    // the parts that were stored are of no use, and the first error is the one to
                    // report
                    drop(self.runtime.block_on(parts.abort()));
                    return Err(error);
                }
            }
            Ok(())
        };
        store().with_context(|| format!("cannot store {key}"))
    }

    /// `true` if the complete bundle `name` exists.
    fn has_bundle(&self, name: &str) -> anyhow::Result<bool> {
        let key = self.key(&format!("{name}/{INDEX}"))?;
        Ok(self.file(&key)?.is_some())
    }

    /// Uploads the files of `folder` as the bundle `name`, in place of an older one.
    fn put_bundle(&self, name: &str, folder: &Path) -> anyhow::Result<()> {
        let index = self.key(&format!("{name}/{INDEX}"))?;
        match self.runtime.block_on(self.objects.delete(&index)) {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
            Err(error) => return Err(error).with_context(|| format!("cannot delete {index}")),
        }
        let mut keys = vec![];
        for entry in fs::read_dir(folder)? {
            let file = entry?.file_name();
            let file = file.to_str().with_context(|| {
                format!(
                    "{} has a file without a name that can be stored",
                    folder.display()
                )
            })?;
            keys.push((folder.join(file), self.key(&format!("{name}/{file}"))?));
        }
        keys.retain(|(_, key)| *key != index);
        keys.par_iter()
            .try_for_each(|(file, key)| self.upload(file, key))?;
        for old in self
            .below(&self.key(name)?)?
            .into_iter()
            .filter(|old| keys.iter().all(|(_, key)| *key != old.key))
        {
            self.runtime
                .block_on(self.objects.delete(&old.key))
                .with_context(|| format!("cannot delete {}", old.key))?;
        }
        self.upload(&folder.join(INDEX), &index)
    }
}

#[cfg(test)]
mod tests;
