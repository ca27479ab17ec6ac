#![allow(clippy::unwrap_used)]
//! The cache of a wall that an image shows, and of made-up ids.

use std::cell::Cell;

use segscape::views::Map;

use super::*;
use crate::data::scans::tests::bundle;
use recordings::foundation::Mask;

/// The paths of the entries of a scene.
pub fn entries(scene: &Path) -> Vec<PathBuf> {
    let Ok(folder) = fs::read_dir(home(scene)) else {
        return vec![];
    };
    let mut entries: Vec<PathBuf> = folder.map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    entries
}

/// Replaces an entry by a whole one in which all points are one superpoint: whoever finds that has
/// not computed anything.
pub fn mark(entry: &Path) {
    let points = (fs::metadata(entry).unwrap().len() as usize - blake3::OUT_LEN) / 4;
    let key = entry.file_stem().unwrap().to_str().unwrap();
    fs::write(
        entry,
        encoded(&Superpoints::from_ids(&vec![0; points]), key),
    )
    .unwrap();
}

fn points(scene: &Foundation, reading: Option<Reading>) -> Points<'_> {
    Points {
        positions: &scene.positions,
        colors: scene.colors.as_deref(),
        triangles: &[],
        boundaries: reading.map(|reading| (scene, reading)),
        options: SuperpointOptions::default(),
    }
}

#[test]
fn what_is_found_is_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let made = Cell::new(0);
    let get = |key: &str, ids: &[u32]| {
        let make = || -> Result<_, SuperpointError> {
            made.set(made.get() + 1);
            Ok(Superpoints::from_ids(ids))
        };
        let found = found_or_made(folder.path(), key, ids.len(), make).unwrap();
        (found.count(), made.get())
    };
    assert_eq!(get("a", &[0, 1, 2]), (3, 1));
    assert_eq!(get("a", &[0, 0, 0]), (3, 1), "it was made again");
    assert_eq!(get("b", &[0, 0, 0]), (1, 2), "other points");
    assert_eq!(get("a", &[0, 0]), (1, 3), "another number of points");
}

#[test]
fn damaged_entries_are_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let scene = folder.path().join("scene");
    let bundle = bundle();
    let get = || {
        points(&bundle, Some(Reading::Outlines))
            .superpoints(&scene)
            .unwrap()
    };
    let whole = get();
    assert!(whole.count() > 1);
    let [entry] = &entries(&scene)[..] else {
        panic!("one entry, and nothing half written")
    };
    let bytes = fs::read(entry).unwrap();
    let flipped = |at: usize| {
        let mut bytes = bytes.clone();
        bytes[at] ^= 1;
        bytes
    };
    for damaged in [
        vec![],
        bytes[..bytes.len() - 1].to_vec(),
        [&bytes[..], &[0]].concat(),
        flipped(0),
        flipped(bytes.len() - 1),
    ] {
        fs::write(entry, damaged).unwrap();
        assert_eq!(get(), whole);
        assert!(
            fs::read(entry).unwrap() == bytes,
            "the entry is whole again"
        );
    }
    mark(entry);
    assert_eq!(get().count(), 1, "a whole entry is believed");
}

#[test]
fn whatever_superpoints_follow_from_is_in_the_name() {
    let key = |change: &dyn Fn(&mut Foundation), reading| {
        let mut scene = bundle();
        change(&mut scene);
        points(&scene, reading).key()
    };
    let views = Some(Reading::Outlines);
    let changes: [&dyn Fn(&mut Foundation); 7] = [
        &|_| {},
        &|scene| scene.positions[7][2] += 1e-6,
        &|scene| scene.colors = Some(vec![[0; 3]; scene.positions.len()]),
        &|scene| scene.origins[3] = None,
        &|scene| scene.images[0].camera.focal[0] += 0.5,
        &|scene| scene.images[0].mask = Mask::new(vec![1; 16], [4, 4]),
        &|scene| scene.images[0].depth = Map::new(vec![2.5; 16], [4, 4, 1]).ok(),
    ];
    let mut keys: Vec<String> = changes.iter().map(|change| key(change, views)).collect();
    let readings = [None, Some(Reading::SameView), Some(Reading::Strict)];
    keys.extend(readings.map(|reading| key(&|_| {}, reading)));
    let scene = bundle();
    let mesh = Points {
        options: SuperpointOptions::segmentator(),
        ..points(&scene, None)
    };
    keys.push(mesh.key());
    let with_triangle = Points {
        triangles: &[[0, 1, 2]],
        ..points(&scene, None)
    };
    keys.push(with_triangle.key());
    let count = keys.len();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), count);
    // without images their masks play no part
    assert_eq!(key(changes[5], None), key(&|_| {}, None));
}

#[test]
fn a_scene_has_a_few_entries_at_most() {
    let folder = tempfile::tempdir().unwrap();
    let scene = folder.path().join("scene");
    let mut last = bundle();
    for _ in 0..KEPT + 2 {
        last.positions[0][0] += 0.001;
        points(&last, None).superpoints(&scene).unwrap();
    }
    let entries = entries(&scene);
    assert_eq!(entries.len(), KEPT);
    let newest = home(&scene).join(points(&last, None).key());
    assert!(entries.contains(&newest.with_extension(ENTRY)));
}
