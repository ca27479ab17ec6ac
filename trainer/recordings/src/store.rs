//! Scenes in object stores: `s3://bucket/folder` (credentials, region and endpoint from the usual
//! `AWS_*` variables) and `file:///folder`.
//!
//! All other code works on files, so a scene is downloaded to a temporary folder before it is read,
//! and a bundle is written to a temporary folder before it is uploaded. The index of a bundle is
//! deleted first and uploaded last: if there is an index, the bundle is complete.

use std::{
    fs::{self, File},
    io::{Read, Write},
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, bail, ensure};
use object_store::{
    ObjectStore, ObjectStoreExt as _, PutPayload, aws::AmazonS3Builder, local::LocalFileSystem,
    path::Path as Key,
};
use rayon::prelude::*;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::{
    foundation::INDEX,
    readers::{self, Kind},
};

/// Largest number of bytes of one file in memory at a time.
const PIECE: u64 = 64 << 20;
/// Extensions of files that no reader of recordings reads; such files are replaced by empty ones.
const UNREAD: [&str; 9] = [
    "mp4", "mov", "mkv", "glb", "usdz", "obj", "fbx", "zip", "r3d",
];
/// Largest number of subfolders that may be parts of one scene; if a folder has more, each of them
/// is a scene.
const PARTS: usize = 32;

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
        let entry = |meta: object_store::ObjectMeta| {
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
                key: meta.location,
            })
        };
        let mut folders = listed.common_prefixes;
        folders.sort();
        let mut entries = listed
            .objects
            .into_iter()
            .map(entry)
            .collect::<anyhow::Result<Vec<_>>>()?;
        entries.sort_by(|a, b| a.key.cmp(&b.key));
        Ok((folders, entries))
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
        match self.runtime.block_on(self.objects.head(&key)) {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(error).with_context(|| format!("cannot see whether there is {key}")),
        }
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

/// A source of scenes.
pub enum Input {
    /// A path of the file system.
    Files(PathBuf),
    /// An object store.
    Objects(Store),
}

/// A possible scene.
pub enum Candidate {
    /// The path of a scene.
    Files(PathBuf),
    /// A folder of an object store, which may or may not be a scene.
    Objects(Key),
}

impl Input {
    /// Opens a path or an address.
    ///
    /// # Errors
    /// Returns an error if the store cannot be opened.
    pub fn open(place: &Path) -> anyhow::Result<Self> {
        Ok(if is_address(place) {
            Self::Objects(Store::open(place, false)?)
        } else {
            Self::Files(place.to_owned())
        })
    }

    /// Lists scenes by name: the input itself, or the folders in it. For an object store, only
    /// reading a folder shows whether it is a scene.
    ///
    /// # Errors
    /// Returns an error if the input cannot be listed or is empty.
    pub fn candidates(&self, kind: Kind) -> anyhow::Result<Vec<(String, Candidate)>> {
        let store = match self {
            Self::Objects(_)
                if matches!(kind, Kind::Replica | Kind::Scannetpp | Kind::Segdino3d) =>
            {
                bail!(
                    "scenes of this kind have files outside their folder, so they can be read from disks only"
                )
            }
            Self::Files(path) => {
                return Ok(readers::scenes(kind, path)?
                    .into_iter()
                    .map(|(name, path)| (name, Candidate::Files(path)))
                    .collect());
            }
            Self::Objects(store) => store,
        };
        let (folders, mut entries) = store.level(&store.folder)?;
        let name = |key: &Key| key.filename().unwrap_or("scene").to_owned();
        if folders.len() <= PARTS {
            for folder in &folders {
                let (inner, files) = store.level(folder)?;
                entries.extend(files);
                for folder in inner.iter().take(PARTS) {
                    entries.extend(store.level(folder)?.1);
                }
            }
            let outline = Outline::new(&name(&store.folder), &entries, 0)?;
            if readers::is_scene(kind, &outline.path) {
                return Ok(vec![(
                    name(&store.folder),
                    Candidate::Objects(store.folder.clone()),
                )]);
            }
        }
        ensure!(
            !folders.is_empty(),
            "there is no scene of this kind in the folder \"{}\" of the store",
            store.folder
        );
        Ok(folders
            .into_iter()
            .map(|folder| (name(&folder), Candidate::Objects(folder)))
            .collect())
    }

    /// Calls `read` with the path of the scene's files and returns its result; `None` if the folder
    /// is not a scene of this kind.
    ///
    /// # Errors
    /// Returns an error if the files cannot be downloaded or `read` fails.
    pub fn with<T>(
        &self,
        kind: Kind,
        name: &str,
        candidate: &Candidate,
        read: impl FnOnce(&Path) -> anyhow::Result<T>,
    ) -> anyhow::Result<Option<T>> {
        let (store, folder) = match (self, candidate) {
            (_, Candidate::Files(path)) => return read(path).map(Some),
            (Self::Objects(store), Candidate::Objects(folder)) => (store, folder),
            (Self::Files(path), Candidate::Objects(folder)) => {
                bail!("{folder} is not in {}", path.display())
            }
        };
        let entries = store.below(folder)?;
        let depth = folder
            .prefix_match(&store.folder)
            .map_or(0, Iterator::count);
        let outline = Outline::new(name, &entries, depth)?;
        if !readers::is_scene(kind, &outline.path) {
            return Ok(None);
        }
        entries
            .par_iter()
            .filter(|entry| !is_unread(&entry.name))
            .try_for_each(|entry| store.download(entry, &outline.at(entry)))?;
        read(&outline.path).map(Some)
    }
}

fn is_unread(name: &Path) -> bool {
    name.extension().is_some_and(|extension| {
        UNREAD
            .iter()
            .any(|unread| extension.eq_ignore_ascii_case(unread))
    })
}

/// A temporary folder with an empty file for each file of a scene, which is enough to recognize the
/// scene.
struct Outline {
    _kept: TempDir,
    path: PathBuf,
    /// Number of leading components of the entries' names that are the path of the scene.
    depth: usize,
}

impl Outline {
    fn new(name: &str, entries: &[Entry], depth: usize) -> anyhow::Result<Self> {
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

    fn at(&self, entry: &Entry) -> PathBuf {
        self.path.join(
            entry
                .name
                .components()
                .skip(self.depth)
                .collect::<PathBuf>(),
        )
    }
}

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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use object_store::memory::InMemory;

    use super::*;

    fn memory() -> Store {
        Store::new(Arc::new(InMemory::new()), "a/b").unwrap()
    }

    fn names(store: &Store) -> Vec<String> {
        store
            .below(&store.folder)
            .unwrap()
            .into_iter()
            .map(|entry| entry.name.to_str().unwrap().to_owned())
            .collect()
    }

    fn store_text(store: &Store, name: &str, text: &'static str) {
        store
            .runtime
            .block_on(store.objects.put(&store.key(name).unwrap(), text.into()))
            .unwrap();
    }

    #[test]
    fn a_bundle_is_there_wholly_or_not_at_all() {
        let store = memory();
        let out = Output::Objects(store.clone());
        let write = |files: &'static [&'static str]| {
            move |folder: &Path| -> anyhow::Result<usize> {
                fs::create_dir(folder)?;
                files
                    .iter()
                    .try_for_each(|file| fs::write(folder.join(file), file))?;
                Ok(files.len())
            }
        };
        assert!(!out.has("room.1").unwrap());
        assert_eq!(
            out.put("room.1", write(&["a.png", INDEX, "tensors"]))
                .unwrap(),
            3
        );
        assert!(out.has("room.1").unwrap() && !out.has("room").unwrap());
        assert_eq!(
            names(&store),
            ["room.1/a.png", "room.1/foundation.json", "room.1/tensors"]
        );
        // an older bundle leaves nothing behind
        out.put("room.1", write(&["b.png", INDEX])).unwrap();
        assert_eq!(names(&store), ["room.1/b.png", "room.1/foundation.json"]);
        // a file cannot be stored: there is no index, neither the old nor the new one
        let broken = |folder: &Path| -> anyhow::Result<()> {
            write(&["b.png", INDEX])(folder)?;
            Ok(fs::create_dir(folder.join("no file"))?)
        };
        assert!(
            format!("{:#}", out.put("room.1", broken).unwrap_err())
                .contains("cannot store a/b/room.1/no file")
        );
        assert!(!out.has("room.1").unwrap());
        assert!(
            out.put("other", |_: &Path| -> anyhow::Result<()> {
                bail!("broken scene")
            })
            .is_err()
        );
        assert!(!names(&store).iter().any(|name| name.starts_with("other")));
    }

    #[test]
    fn only_scenes_of_the_kind_are_loaded() {
        let store = memory();
        for name in [
            "one/odometry.csv",
            "one/camera_matrix.csv",
            "one/rgb/0.jpg",
            "one/rgb.mp4",
            "two/else.txt",
        ] {
            store_text(&store, name, "text");
        }
        let input = Input::Objects(store.clone());
        let candidates = input.candidates(Kind::Stray).unwrap();
        assert_eq!(
            candidates
                .iter()
                .map(|(name, _)| name.as_str())
                .collect::<Vec<_>>(),
            ["one", "two"]
        );
        let sizes = |scene: &Path| {
            Ok(["odometry.csv", "rgb/0.jpg", "rgb.mp4"]
                .map(|file| fs::metadata(scene.join(file)).unwrap().len()))
        };
        let read = |row: usize| {
            input
                .with(Kind::Stray, &candidates[row].0, &candidates[row].1, sizes)
                .unwrap()
        };
        assert_eq!(
            (read(0), read(1)),
            (Some([4, 4, 0]), None),
            "nobody reads videos"
        );
        // the folder itself is the scene
        let input = Input::Objects(Store {
            folder: store.key("one").unwrap(),
            ..store
        });
        let candidates = input.candidates(Kind::Stray).unwrap();
        assert_eq!(candidates.len(), 1);
        assert_eq!(
            input
                .with(Kind::Stray, "one", &candidates[0].1, sizes)
                .unwrap(),
            Some([4, 4, 0])
        );
        assert!(Input::Objects(memory()).candidates(Kind::Stray).is_err());
    }

    #[test]
    fn files_of_any_size_come_back() {
        let store = memory();
        let folder = tempfile::tempdir().unwrap();
        // two pieces and five bytes
        let bytes: Vec<u8> = (0..2 * PIECE as usize + 5)
            .map(|i| (i / 1000) as u8)
            .collect();
        fs::write(folder.path().join("big"), &bytes).unwrap();
        store
            .upload(&folder.path().join("big"), &store.key("big").unwrap())
            .unwrap();
        let entries = store.below(&store.folder).unwrap();
        assert_eq!(entries[0].size, bytes.len() as u64);
        store
            .download(&entries[0], &folder.path().join("again"))
            .unwrap();
        assert!(fs::read(folder.path().join("again")).unwrap() == bytes);
    }

    #[test]
    fn addresses_of_files_work_as_stores() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("rooms/a")).unwrap();
        fs::write(folder.path().join("rooms/a/x.ply"), "ply").unwrap();
        let address = PathBuf::from(format!("file://{}/rooms", folder.path().display()));
        let plain = folder.path().to_owned();
        let local = Local::of(&[plain.clone(), address]).unwrap();
        assert_eq!(local.paths[0], plain);
        assert_eq!(
            fs::read_to_string(local.paths[1].join("a/x.ply")).unwrap(),
            "ply"
        );
        for (address, words) in [
            ("gs://bucket", "gs addresses are not supported"),
            ("file://here", "three slashes"),
            ("file:///not/there", "no folder"),
        ] {
            let error = format!("{:#}", Local::of(&[address.into()]).err().unwrap());
            assert!(error.contains(words), "{error} does not say {words}");
        }
        assert!(!is_address(Path::new("/plain/path")) && !is_address(Path::new("C:/rooms")));
    }
}
