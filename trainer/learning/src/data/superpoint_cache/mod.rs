//! Superpoints of scenes on disk, beside the scenes, so that a run does not compute them anew for
//! every sample.
//!
//! An entry is named after a hash of everything that its superpoints follow from: the points
//! themselves, what cuts edges between them, and the options. A scene that has changed or that was
//! augmented has another name, and so has one that is asked for with other options.

use std::{
    fs,
    path::{Path, PathBuf},
};

use segscape::{
    progress::Monitor,
    superpoint::{PointGraph, Reading, SuperpointError, SuperpointOptions, Superpoints},
};

use crate::atomic_write::write_atomically;
use recordings::foundation::{self, Foundation};

/// Version of the computation. It must be raised whenever the same points get other superpoints.
const VERSION: u32 = 1;
/// Folder beside the scenes, with one folder a scene.
const FOLDER: &str = ".superpoints";
/// Largest number of entries of a scene; the oldest make room for new ones.
const KEPT: usize = 4;
/// Extension of entries.
const ENTRY: &str = "ids";

/// Everything that the superpoints of a scene follow from.
pub(super) struct Points<'a> {
    /// Positions of the points, `(points, 3)`, world frame, metres.
    pub(super) positions: &'a [[f32; 3]],
    /// Colors of the points, `(points, 3)`, sRGB.
    pub(super) colors: Option<&'a [[u8; 3]]>,
    /// Corners of the triangles of a mesh, `(triangles, 3)`.
    pub(super) triangles: &'a [[u32; 3]],
    /// The scene whose images cut edges, and how they do.
    pub(super) boundaries: Option<(&'a Foundation, Reading)>,
    /// The options.
    pub(super) options: SuperpointOptions,
}

impl Points<'_> {
    /// The superpoints from the cache of the scene at `scene`, or computed and stored there. If
    /// that folder cannot be written, they are computed every time.
    ///
    /// # Errors
    /// See [`SuperpointError`].
    pub(super) fn superpoints(&self, scene: &Path) -> Result<Superpoints, SuperpointError> {
        let (home, key) = (home(scene), self.key());
        found_or_made(&home, &key, self.positions.len(), || self.made())
    }

    fn made(&self) -> Result<Superpoints, SuperpointError> {
        let silent = Monitor::silent();
        let boundaries = self
            .boundaries
            .map(|(scene, reading)| foundation::boundaries(scene, reading));
        let graph = PointGraph::new(
            self.positions,
            self.colors,
            self.triangles,
            boundaries.as_ref(),
            self.options.edges,
            &silent,
        )?;
        Ok(graph.cut(&self.options, &silent)?)
    }

    fn key(&self) -> String {
        let mut hash = blake3::Hasher::new();
        let mut add = |bytes: &[u8]| {
            hash.update(&(bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        };
        add(format!("{VERSION} {:?}", self.options).as_bytes());
        add(bytemuck::cast_slice(self.positions));
        add(self.colors.map_or(&[][..], bytemuck::cast_slice));
        add(bytemuck::cast_slice(self.triangles));
        if let Some((scene, reading)) = self.boundaries {
            foundation::boundary_inputs(scene, reading, &mut add);
        }
        hash.finalize().to_hex()[..32].to_owned()
    }
}

/// The folder of the entries of the scene at a path.
fn home(scene: &Path) -> PathBuf {
    let name = scene.file_name().unwrap_or("scene".as_ref());
    scene.with_file_name(FOLDER).join(name)
}

fn found_or_made<E>(
    home: &Path,
    key: &str,
    points: usize,
    make: impl FnOnce() -> Result<Superpoints, E>,
) -> Result<Superpoints, E> {
    let entry = home.join(key).with_extension(ENTRY);
    if let Some(found) = fs::read(&entry)
        .ok()
        .and_then(|bytes| decoded(&bytes, key, points))
    {
        return Ok(found);
    }
    let made = make()?;
    let written = fs::create_dir_all(home)
        .and_then(|()| write_atomically(&entry, &encoded(&made, key)))
        .and_then(|()| forget_oldest(home, &entry));
    if let Err(error) = written {
        tracing::debug!(
            "superpoints cannot be cached in {}: {error}",
            home.display()
        );
    }
    Ok(made)
}

/// The ids of the points and a hash of them, by which a damaged entry is recognised.
fn encoded(superpoints: &Superpoints, key: &str) -> Vec<u8> {
    let ids = superpoints.superpoint_of_point().iter();
    let mut bytes: Vec<u8> = ids.flat_map(|id| id.to_le_bytes()).collect();
    let check = check(&bytes, key);
    bytes.extend_from_slice(check.as_bytes());
    bytes
}

/// `None` if the entry is damaged.
fn decoded(bytes: &[u8], key: &str, points: usize) -> Option<Superpoints> {
    let (ids, found) = bytes.split_at_checked(points.checked_mul(4)?)?;
    (found == check(ids, key).as_bytes()).then(|| {
        let ids: Vec<u32> = bytemuck::pod_collect_to_vec(ids);
        let ids: Vec<u32> = ids.into_iter().map(u32::from_le).collect();
        Superpoints::from_ids(&ids)
    })
}

fn check(ids: &[u8], key: &str) -> blake3::Hash {
    let mut hash = blake3::Hasher::new();
    hash.update(key.as_bytes());
    hash.update(ids);
    hash.finalize()
}

/// Deletes the oldest entries until only as many as may stay are left, with `newest` among them.
fn forget_oldest(home: &Path, newest: &Path) -> std::io::Result<()> {
    let mut others = Vec::new();
    for entry in fs::read_dir(home)? {
        let path = entry?.path();
        let is_other = path.extension().is_some_and(|extension| extension == ENTRY);
        if is_other
            && path != newest
            && let Ok(written) = fs::metadata(&path).and_then(|metadata| metadata.modified())
        {
            others.push((written, path));
        }
    }
    others.sort_unstable();
    let too_many = (others.len() + 1).saturating_sub(KEPT);
    for (_, path) in &others[..too_many] {
        // another thread may have deleted it
        drop(fs::remove_file(path));
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests;
