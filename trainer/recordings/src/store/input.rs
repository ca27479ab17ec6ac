//! Scenes to read, from files or from an object store.

use std::path::{Path, PathBuf};

use anyhow::{bail, ensure};
use object_store::path::Path as Key;
use rayon::prelude::*;

use crate::readers::{self, Kind};

use super::{Store, is_address, outline::Outline};

/// Extensions of files that no reader of recordings reads; such files are replaced by empty ones.
const UNREAD: [&str; 9] = [
    "mp4", "mov", "mkv", "glb", "usdz", "obj", "fbx", "zip", "r3d",
];
/// Largest number of subfolders that may be parts of one scene; if a folder has more, each of them
/// is a scene.
const PARTS: usize = 32;

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

impl Candidate {
    /// Its path, or that of its folder in the object store.
    pub fn place(&self) -> &Path {
        match self {
            Self::Files(path) => path,
            Self::Objects(folder) => Path::new(folder.as_ref()),
        }
    }
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
