//! Labelled scans from disk: points, superpoints, and which object each point belongs to.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use segscape::{
    progress::Monitor,
    scan,
    superpoint::{SuperpointOptions, Superpoints, superpoints},
};
use sha2::{Digest, Sha256};

use crate::{config::ClassOfObject, foundation, nyu40};

/// A scan with its truth.
#[derive(Clone, Debug)]
pub struct Room {
    /// (points, 3), world frame, metres.
    pub positions: Vec<[f32; 3]>,
    /// (points, 3), sRGB.
    pub colors: Option<Vec<[u8; 3]>>,
    /// Of the points.
    pub superpoints: Superpoints,
    /// (points): row of `objects`.
    pub object_of_point: Vec<Option<u32>>,
    /// The objects, by rising instance id.
    pub objects: Vec<Object>,
    /// The labels as they came.
    pub truth: scan::Truth,
}

/// One thing in a [`Room`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Its class id in the data set.
    pub class: i32,
    /// What its class is called, where the file or the data set says so.
    pub name: Option<String>,
}

impl Room {
    /// Reads a labelled scan; points whose class is in `stuff` or whose instance is 0 belong to no object.
    ///
    /// The superpoints are computed once and kept in the folder `.superpoints` beside the file, under a name that covers the file's bytes and
    /// the options; where that folder cannot be written they are computed every time.
    ///
    /// # Errors
    /// The file cannot be read or has no labels.
    pub fn read(path: &Path, stuff: &[i32], class_of: ClassOfObject, options: &SuperpointOptions) -> anyhow::Result<Self> {
        let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let scan = scan::read(&bytes, &Monitor::silent()).with_context(|| format!("cannot read {}", path.display()))?;
        let truth = scan.truth.with_context(|| format!("{} has no `semantic` and `instance` labels", path.display()))?;
        let superpoints = cached(path, &bytes, scan.positions.len(), options, || {
            superpoints(&scan.positions, scan.colors.as_deref(), &scan.triangles, options, &Monitor::silent())
        })
        .with_context(|| format!("cannot group the points of {}", path.display()))?;
        let names = class_names(&scan.table.comments);
        let (object_of_point, objects) = objects(&truth, stuff, class_of, &names);
        Ok(Self { positions: scan.positions, colors: scan.colors, superpoints, object_of_point, objects, truth })
    }

    /// The room as if there were no object of these names: their points go, and superpoints that lose all of theirs.
    #[must_use]
    pub fn without(self, names: &[String]) -> Self {
        fn rows<T: Copy>(values: &[T], kept: &[usize]) -> Vec<T> {
            kept.iter().map(|&point| values[point]).collect()
        }
        let stays = |object: &Object| !object.name.as_ref().is_some_and(|name| names.contains(name));
        if self.objects.iter().all(stays) {
            return self;
        }
        let mut next = 0..;
        let new_of_old: Vec<Option<u32>> = self.objects.iter().map(|object| if stays(object) { next.next() } else { None }).collect();
        let new = |point: usize| self.object_of_point[point].map(|old| new_of_old[old as usize]);
        let kept: Vec<usize> = (0..self.positions.len()).filter(|&point| new(point) != Some(None)).collect();
        Self {
            positions: rows(&self.positions, &kept),
            colors: self.colors.as_ref().map(|colors| rows(colors, &kept)),
            superpoints: Superpoints::from_ids(&rows(self.superpoints.superpoint_of_point(), &kept)),
            object_of_point: kept.iter().map(|&point| new(point).flatten()).collect(),
            objects: self.objects.iter().filter(|object| stays(object)).cloned().collect(),
            truth: scan::Truth { semantic: rows(&self.truth.semantic, &kept), instance: rows(&self.truth.instance, &kept) },
        }
    }

    /// A labelled scene whose classes are called as `truth` says, and nothing else.
    pub fn of_scene(
        positions: Vec<[f32; 3]>,
        colors: Option<Vec<[u8; 3]>>,
        superpoints: Superpoints,
        truth: foundation::Truth,
        stuff: &[i32],
        class_of: ClassOfObject,
    ) -> Self {
        let foundation::Truth { semantic, instance, names } = truth;
        let (truth, names) = (scan::Truth { semantic, instance }, names.into_iter().collect::<HashMap<_, _>>());
        let (object_of_point, mut objects) = objects(&truth, stuff, class_of, &names);
        objects.iter_mut().for_each(|object| object.name = names.get(&object.class).cloned());
        Self { positions, colors, superpoints, object_of_point, objects, truth }
    }

    /// (superpoints): the object that more than half of its points belong to (spec/model.md section 11.1).
    pub fn object_of_superpoint(&self) -> Vec<Option<u32>> {
        let sizes = self.superpoints.sizes();
        let mut counts: HashMap<(u32, u32), u32> = HashMap::new();
        for (&superpoint, object) in self.superpoints.superpoint_of_point().iter().zip(&self.object_of_point) {
            if let Some(object) = object {
                *counts.entry((superpoint, *object)).or_default() += 1;
            }
        }
        let mut owner = vec![None; sizes.len()];
        for ((superpoint, object), count) in counts {
            if 2 * count > sizes[superpoint as usize] {
                owner[superpoint as usize] = Some(object);
            }
        }
        owner
    }
}

/// (points) rows of the objects, and the objects.
fn objects(truth: &scan::Truth, stuff: &[i32], class_of: ClassOfObject, names: &HashMap<i32, String>) -> (Vec<Option<u32>>, Vec<Object>) {
    let labels = || truth.instance.iter().zip(&truth.semantic);
    let is_object = |instance: i32, class: i32| instance > 0 && !stuff.contains(&class);
    // the classes of each instance with their points, by their first
    let mut classes_of_instance: BTreeMap<i32, Vec<(i32, usize)>> = BTreeMap::new();
    for (&instance, &class) in labels().filter(|(i, c)| is_object(**i, **c)) {
        let classes = classes_of_instance.entry(instance).or_default();
        match classes.iter_mut().find(|(known, _)| *known == class) {
            Some((_, points)) => *points += 1,
            None => classes.push((class, 1)),
        }
    }
    let class = |classes: Vec<(i32, usize)>| match class_of {
        ClassOfObject::FirstPoint => classes[0].0,
        ClassOfObject::MostPoints => classes.iter().max_by_key(|(class, points)| (*points, -class)).map_or(0, |(class, _)| *class),
    };
    let class_of_instance: BTreeMap<i32, i32> = classes_of_instance.into_iter().map(|(instance, classes)| (instance, class(classes))).collect();
    let row_of_instance: HashMap<i32, u32> = class_of_instance.keys().copied().zip(0..).collect();
    let object_of_point = labels().map(|(i, c)| if is_object(*i, *c) { row_of_instance.get(i).copied() } else { None }).collect();
    let objects = class_of_instance
        .into_values()
        .map(|class| Object { class, name: names.get(&class).cloned().or_else(|| nyu40::name(class).map(str::to_owned)) })
        .collect();
    (object_of_point, objects)
}

/// What `comment class 101 office chair` lines say.
pub fn class_names(comments: &[String]) -> HashMap<i32, String> {
    let parse = |line: &String| {
        let (id, name) = line.trim().strip_prefix("comment class ")?.split_once(' ')?;
        Some((id.parse().ok()?, name.trim().to_owned()))
    };
    comments.iter().filter_map(parse).collect()
}

/// The partition from the cache, or made and put there.
fn cached<E: std::error::Error + Send + Sync + 'static>(
    path: &Path,
    bytes: &[u8],
    points: usize,
    options: &SuperpointOptions,
    make: impl FnOnce() -> Result<Superpoints, E>,
) -> anyhow::Result<Superpoints> {
    let mut hash = Sha256::new();
    hash.update(format!("{options:?}"));
    hash.update(bytes);
    let key: String = hash.finalize().iter().take(8).map(|b| format!("{b:02x}")).collect();
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let folder = path.with_file_name(".superpoints");
    let file = folder.join(format!("{stem}-{key}.u32"));
    if let Some(found) = fs::read(&file).ok().filter(|found| found.len() == 4 * points) {
        let ids: Vec<u32> = found.chunks_exact(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        return Ok(Superpoints::from_ids(&ids));
    }
    let made = make()?;
    let ids: Vec<u8> = made.superpoint_of_point().iter().flat_map(|s| s.to_le_bytes()).collect();
    if fs::create_dir_all(&folder).and_then(|()| write_atomically(&file, &ids)).is_err() {
        tracing::debug!("no cache in {}", folder.display());
    }
    Ok(made)
}

/// Writes a file so that nobody ever sees half of it.
///
/// # Errors
/// The folder is missing or the disk is full.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let part = path.with_extension(format!("part{}", std::process::id()));
    fs::write(&part, bytes)?;
    fs::rename(&part, path)
}

/// The `.ply` files in `folders` (and single files as they are), sorted by path.
///
/// # Errors
/// A folder cannot be listed, or there is no such file at all.
pub fn files(folders: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for folder in folders {
        if folder.is_file() {
            files.push(folder.clone());
            continue;
        }
        files.extend(ply_files(folder)?);
    }
    files.sort();
    anyhow::ensure!(!files.is_empty(), "no .ply file in {folders:?}");
    Ok(files)
}

/// The `.ply` files in one folder, in no order.
///
/// # Errors
/// The folder cannot be listed.
pub fn ply_files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("ply")) {
            files.push(path);
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn room() -> Room {
        let superpoints = Superpoints::from_ids(&[0, 0, 1, 1, 1, 2, 2]);
        let truth = scan::Truth { semantic: vec![105, 105, 105, 105, 1, 7, 105], instance: vec![9, 9, 9, 0, 3, 4, 9] };
        let names = class_names(&["comment class 105 office chair".into(), "comment made by hand".into(), "obj_info class 7 x".into()]);
        let (object_of_point, objects) = objects(&truth, &[1], ClassOfObject::FirstPoint, &names);
        Room { positions: vec![[0.0; 3]; 7], colors: None, superpoints, object_of_point, objects, truth }
    }

    #[test]
    fn objects_leave_out_stuff_and_unlabelled_points() {
        let room = room();
        let chair = Object { class: 105, name: Some("office chair".into()) };
        assert_eq!(room.objects, [Object { class: 7, name: Some("table".into()) }, chair]);
        assert_eq!(room.object_of_point, [Some(1), Some(1), Some(1), None, None, Some(0), Some(1)]);
    }

    #[test]
    fn things_that_are_held_out_leave_no_point() {
        let room = room().without(&["table".into(), "lamp".into()]);
        assert_eq!(room.objects, [Object { class: 105, name: Some("office chair".into()) }]);
        assert_eq!(room.object_of_point, [Some(0), Some(0), Some(0), None, None, Some(0)]);
        assert_eq!(room.superpoints.superpoint_of_point(), [0, 0, 1, 1, 1, 2]);
        assert_eq!((room.positions.len(), room.truth.instance), (6, vec![9, 9, 9, 0, 3, 9]));
    }

    #[test]
    fn a_scene_names_its_classes_itself() {
        let truth = foundation::Truth { semantic: vec![2, 4, 3], instance: vec![1, 2, 3], names: vec![(2, "chair".into())] };
        let room = Room::of_scene(vec![[0.0; 3]; 3], None, Superpoints::from_ids(&[0, 1, 2]), truth, &[3], ClassOfObject::FirstPoint);
        assert_eq!(room.objects, [Object { class: 2, name: Some("chair".into()) }, Object { class: 4, name: None }]);
        assert_eq!(room.object_of_point, [Some(0), Some(1), None]);
    }

    #[test]
    fn points_that_disagree_about_a_class_are_heard_in_order_or_counted() {
        let truth = scan::Truth { semantic: vec![7, 5, 5, 9, 6], instance: vec![2, 2, 2, 3, 3] };
        let classes = |class_of| objects(&truth, &[], class_of, &HashMap::new()).1.iter().map(|object| object.class).collect::<Vec<_>>();
        assert_eq!(classes(ClassOfObject::FirstPoint), [7, 9]);
        assert_eq!(classes(ClassOfObject::MostPoints), [5, 6]);
    }

    #[test]
    fn a_superpoint_needs_more_than_half() {
        assert_eq!(room().object_of_superpoint(), [Some(1), None, None]);
    }

    #[test]
    fn the_cache_answers_for_the_same_bytes_and_options_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("room.ply");
        let make = |ids: &'static [u32]| move || Ok::<_, std::fmt::Error>(Superpoints::from_ids(ids));
        let fine = SuperpointOptions::default();
        let coarse = SuperpointOptions { threshold: 0.5, ..fine };
        let get = |bytes: &[u8], options, ids| cached(&path, bytes, 3, options, make(ids)).unwrap().count();
        assert_eq!(get(b"a", &fine, &[0, 1, 2]), 3);
        assert_eq!(get(b"a", &fine, &[0, 0, 0]), 3, "made again");
        assert_eq!(get(b"b", &fine, &[0, 0, 0]), 1, "other bytes");
        assert_eq!(get(b"a", &coarse, &[0, 0, 1]), 2, "other options");
    }
}
