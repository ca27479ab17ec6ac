//! Scenes of object stores on disk, as many as fit a limit in bytes: a scene is loaded when it is
//! asked for, stays while somebody holds it, and makes room for others when it was not used for
//! longest.
//!
//! A scene lies in a folder named after its address and the versions of its files, so that a scene
//! that changed is loaded anew. The folder appears under that name only when it is complete. One
//! process uses a cache at a time; it may do so from any number of threads.

use std::{
    collections::HashMap,
    fs::{self, File},
    path::{Path, PathBuf},
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, ensure};
use object_store::path::Path as Key;
use rayon::prelude::*;
use tempfile::TempDir;

use super::{Entry, Store, is_address};
use crate::foundation::INDEX;

/// File that the process that uses a cache has locked.
const LOCK: &str = "lock";
/// Ending of the names of folders that are not complete.
const PART: &str = ".part";
/// Extension of scenes that are single files.
const SINGLE: &str = "ply";
/// Extension of archives.
const ARCHIVE: &str = "zip";

/// A cache of scenes.
pub struct Cache {
    folder: PathBuf,
    /// Largest number of bytes of all scenes together.
    limit: u64,
    state: Mutex<State>,
    /// Signaled when a scene is complete, is no longer held or could not be loaded.
    changed: Condvar,
    /// The stores that were opened, by address.
    stores: Mutex<HashMap<String, Store>>,
    _lock: File,
    _kept: Option<TempDir>,
}

#[derive(Default)]
struct State {
    scenes: HashMap<String, Scene>,
    /// Number of uses so far, by which scenes are ordered.
    uses: u64,
}

/// A scene in the cache.
struct Scene {
    bytes: u64,
    /// Number of its last use.
    used: u64,
    /// Number of those who read it or load it.
    holders: usize,
    is_complete: bool,
}

/// A scene on disk, which stays there until this is dropped.
pub struct Held<'a> {
    /// Path of the bundle or of the file.
    pub path: PathBuf,
    /// `None` for a path that was no address.
    scene: Option<(&'a Cache, String)>,
}

impl Cache {
    /// A cache of this many GiB in `folder`, by default in a temporary one.
    ///
    /// # Errors
    /// The folder cannot be used, or the size is not positive.
    pub fn of_gib(folder: Option<&Path>, gib: f64) -> anyhow::Result<Self> {
        ensure!(
            gib.is_finite() && gib > 0.0,
            "the size of a cache is {gib} GiB, it must be positive"
        );
        let limit = (gib * f64::from(1 << 30)) as u64;
        match folder {
            Some(folder) => Self::open(folder, limit),
            None => Self::temporary(limit),
        }
    }

    /// A cache in a temporary folder, which is deleted with it.
    ///
    /// # Errors
    /// The folder cannot be created.
    pub fn temporary(limit: u64) -> anyhow::Result<Self> {
        let kept = tempfile::tempdir().context("cannot create a temporary folder")?;
        let mut cache = Self::open(kept.path(), limit)?;
        cache._kept = Some(kept);
        Ok(cache)
    }

    /// A cache in `folder`, with what an earlier process left there.
    ///
    /// # Errors
    /// The folder cannot be created or read, or another process uses it.
    pub fn open(folder: &Path, limit: u64) -> anyhow::Result<Self> {
        let open = || -> anyhow::Result<(File, State)> {
            fs::create_dir_all(folder)?;
            let lock = File::create(folder.join(LOCK))?;
            lock.try_lock()
                .context("another process uses it, or it cannot be locked")?;
            Ok((lock, State::found(folder)?))
        };
        let (lock, state) =
            open().with_context(|| format!("cannot use the cache {}", folder.display()))?;
        let cache = Self {
            folder: folder.to_owned(),
            limit,
            state: Mutex::new(state),
            changed: Condvar::new(),
            stores: Mutex::default(),
            _lock: lock,
            _kept: None,
        };
        cache.shrink(&mut cache.state(), 0);
        Ok(cache)
    }

    /// The addresses of the scenes at an address: itself if it is a bundle or a `.ply` file,
    /// otherwise the bundles and the `.ply` files directly in it, sorted. An archive has none; it is
    /// read where it lies.
    ///
    /// # Errors
    /// The store cannot be opened or listed.
    pub fn scenes(&self, address: &Path) -> anyhow::Result<Vec<PathBuf>> {
        if is_single(address) {
            return Ok(vec![address.to_owned()]);
        }
        if has_extension(address, ARCHIVE) {
            return Ok(Vec::new());
        }
        let store = self.store(&address.to_string_lossy())?;
        let (folders, files) = store.level(&store.folder)?;
        let name = |key: &Key| key.filename().unwrap_or_default().to_owned();
        if files.iter().any(|file| file.name == Path::new(INDEX)) {
            return Ok(vec![address.to_owned()]);
        }
        let bundles = folders.par_iter().map(|folder| {
            let name = name(folder);
            Ok(store.has_bundle(&name)?.then_some(name))
        });
        let mut names: Vec<String> = bundles
            .collect::<anyhow::Result<Vec<_>>>()?
            .into_iter()
            .flatten()
            .collect();
        let singles = files.iter().filter(|file| is_single(&file.name));
        names.extend(singles.map(|file| name(&file.key)));
        names.sort();
        Ok(names.into_iter().map(|name| address.join(name)).collect())
    }

    /// The scene at an address on disk, loaded if it is not there yet; a path that is no address
    /// stands for itself.
    ///
    /// If the scenes that are held leave no room, this waits until one is let go, so a thread must
    /// not ask for a second scene while it holds one.
    ///
    /// # Errors
    /// The scene cannot be loaded, is larger than the whole cache, or there is nothing at the
    /// address.
    pub fn local(&self, place: &Path) -> anyhow::Result<Held<'_>> {
        if !is_address(place) {
            return Ok(Held {
                path: place.to_owned(),
                scene: None,
            });
        }
        self.load(place)
            .with_context(|| format!("cannot load {}", place.display()))
    }

    fn load(&self, address: &Path) -> anyhow::Result<Held<'_>> {
        let text = address.to_string_lossy();
        let (parent, name) = split(&text);
        let store = self.store(parent)?;
        let entries = entries(&store, name)?;
        let bytes = entries.iter().map(|entry| entry.size).sum();
        let id = id(&text, &entries);
        let is_complete = self.claim(&id, bytes)?;
        let held = Held {
            path: self.folder.join(&id).join(name),
            scene: Some((self, id.clone())),
        };
        if is_complete {
            return Ok(held);
        }
        // if loading fails or panics, letting go of `held` frees the place of the scene
        let part = self.folder.join(format!("{id}{PART}"));
        entries.par_iter().try_for_each(|entry| {
            let path = part.join(&entry.name);
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            store.download(entry, &path)
        })?;
        fs::rename(&part, self.folder.join(&id))?;
        let mut state = self.state();
        if let Some(scene) = state.scenes.get_mut(&id) {
            scene.is_complete = true;
        }
        drop(state);
        self.changed.notify_all();
        Ok(held)
    }

    /// Takes hold of a scene: `true` if it is complete, `false` if the caller must load it, for
    /// which its bytes are reserved. Waits while another thread loads it, or for room.
    fn claim(&self, id: &str, bytes: u64) -> anyhow::Result<bool> {
        ensure!(
            bytes <= self.limit,
            "it has {bytes} bytes, the limit of the cache is {}",
            self.limit
        );
        let mut state = self.state();
        loop {
            state.uses += 1;
            let used = state.uses;
            match state.scenes.get_mut(id) {
                Some(scene) if scene.is_complete => {
                    scene.used = used;
                    scene.holders += 1;
                    drop(state);
                    touch(&self.folder.join(id));
                    return Ok(true);
                }
                Some(_) => {}
                None => {
                    if self.shrink(&mut state, bytes) {
                        let scene = Scene {
                            bytes,
                            used,
                            holders: 1,
                            is_complete: false,
                        };
                        state.scenes.insert(id.to_owned(), scene);
                        return Ok(false);
                    }
                }
            }
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Deletes the scenes that were not used for longest until `room` more bytes fit; `false` if
    /// that many cannot be freed.
    fn shrink(&self, state: &mut State, room: u64) -> bool {
        while state.bytes().saturating_add(room) > self.limit {
            let free = state.scenes.iter().filter(|(_, scene)| scene.holders == 0);
            let Some(oldest) = free
                .min_by_key(|(_, scene)| scene.used)
                .map(|(id, _)| id.clone())
            else {
                return false;
            };
            state.scenes.remove(&oldest);
            self.delete(&oldest);
        }
        true
    }

    /// Deletes a scene. It is renamed first, so that no half of it is taken for a whole one.
    fn delete(&self, id: &str) {
        let part = self.folder.join(format!("{id}{PART}"));
        drop(fs::rename(self.folder.join(id), &part));
        drop(fs::remove_dir_all(part));
    }

    fn release(&self, id: &str) {
        let mut state = self.state();
        if let Some(scene) = state.scenes.get_mut(id) {
            scene.holders -= 1;
            if scene.is_complete {
                // readers keep what they computed beside a scene
                scene.bytes = size(&self.folder.join(id)).unwrap_or(scene.bytes);
            } else {
                state.scenes.remove(id);
                self.delete(id);
            }
        }
        self.shrink(&mut state, 0);
        drop(state);
        self.changed.notify_all();
    }

    fn store(&self, address: &str) -> anyhow::Result<Store> {
        let mut stores = self.stores.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(store) = stores.get(address) {
            return Ok(store.clone());
        }
        let store = Store::open(Path::new(address), false)?;
        stores.insert(address.to_owned(), store.clone());
        Ok(store)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The scenes in the folder, by the time of their last use, after half scenes were deleted.
    fn found(folder: &Path) -> anyhow::Result<Self> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if !entry.file_type()?.is_dir() {
                continue;
            }
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.ends_with(PART) {
                fs::remove_dir_all(entry.path())?;
            } else {
                let used = entry.metadata()?.modified().unwrap_or(UNIX_EPOCH);
                found.push((used, name, size(&entry.path())?));
            }
        }
        found.sort();
        let mut state = Self::default();
        for (_, name, bytes) in found {
            state.uses += 1;
            let scene = Scene {
                bytes,
                used: state.uses,
                holders: 0,
                is_complete: true,
            };
            state.scenes.insert(name, scene);
        }
        Ok(state)
    }

    fn bytes(&self) -> u64 {
        self.scenes.values().map(|scene| scene.bytes).sum()
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if let Some((cache, id)) = &self.scene {
            cache.release(id);
        }
    }
}

/// The address of the folder in which a scene lies, and the scene's name; the name of a whole
/// bucket is empty.
pub(super) fn split(address: &str) -> (&str, &str) {
    let address = address.trim_end_matches('/');
    let start = address.find("://").map_or(0, |at| at + 3);
    match address[start..].rfind('/') {
        // file:///scene lies in file:///
        Some(0) => (&address[..=start], &address[start + 1..]),
        Some(at) => (&address[..start + at], &address[start + at + 1..]),
        None => (address, ""),
    }
}

/// The files of a scene.
fn entries(store: &Store, name: &str) -> anyhow::Result<Vec<Entry>> {
    let key = match name {
        "" => store.folder.clone(),
        name => store.key(name)?,
    };
    let single = if is_single(Path::new(name)) {
        store.file(&key)?
    } else {
        None
    };
    let entries = match single {
        Some(file) => vec![file],
        None => store.below(&key)?,
    };
    ensure!(!entries.is_empty(), "there is nothing");
    Ok(entries)
}

/// A name for these versions of the files of a scene.
fn id(address: &str, entries: &[Entry]) -> String {
    let mut hash = blake3::Hasher::new();
    let mut add = |bytes: &[u8]| {
        hash.update(&(bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    add(address.as_bytes());
    for entry in entries {
        add(entry.key.as_ref().as_bytes());
        add(&entry.size.to_le_bytes());
        add(entry.version.as_bytes());
    }
    hash.finalize().to_hex()[..32].to_owned()
}

fn is_single(name: &Path) -> bool {
    has_extension(name, SINGLE)
}

fn has_extension(name: &Path, wanted: &str) -> bool {
    name.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case(wanted))
}

/// Notes the time of use for the next process; without it the order of deletion is another one.
fn touch(folder: &Path) {
    drop(File::open(folder).and_then(|folder| folder.set_modified(SystemTime::now())));
}

/// Bytes of the files in a folder.
fn size(folder: &Path) -> std::io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += if metadata.is_dir() {
            size(&entry.path())?
        } else {
            metadata.len()
        };
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
