//! Recordings and data sets. The title of the archive is the format, the path of the scene in the
//! archive, and options: `level`, `scannet20`, `scannet200`. The files `labels.txt`,
//! `intrinsics.txt` and the folder `features` of the archive are what a user names besides.

use std::{fs, path::Path};

use clap::ValueEnum as _;
use recordings::{
    class_table::ClassTable,
    foundation::{Foundation, InFolder as _},
    readers::{self, Kind, Options},
};

use crate::archive::{Archive, is_inside};

/// Prepares a recording of one of these formats and reads the bundle that it becomes.
///
/// # Panics
/// If a reader panics, if an unreadable scene leaves anything behind, or if a bundle cannot be read.
pub fn prepare(kinds: &[Kind], input: &[u8]) {
    let Some(archive) = Archive::split(input) else {
        return;
    };
    let [kind, scene, ref words @ ..] = archive.title[..] else {
        return;
    };
    let Some(kind) = kinds
        .iter()
        .copied()
        .find(|known| Kind::from_str(kind, true).as_ref() == Ok(known))
        .filter(|_| is_inside(scene) || scene == ".")
    else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder for the files");
    let [source, made] = ["source", "made"].map(|name| folder.path().join(name));
    for folder in [&source, &made] {
        fs::create_dir(folder).expect("an empty folder");
    }
    if archive.unpack(&source).is_none() {
        return;
    }
    let place = source.join(scene);
    let _ = readers::scenes(kind, &source);
    let out = made.join("bundle");
    let made_of = readers::prepare(kind, &place, &out, &options(kind, &source, words));
    let left = fs::read_dir(&made)
        .expect("the folder of the bundle")
        .count();
    assert_eq!(left, usize::from(made_of.is_ok()), "a bundle or nothing");
    if let Ok(outcome) = made_of {
        let read = Foundation::read(&out).expect("what was written can be read");
        let points = format!("{} points", read.positions.len());
        assert!(outcome.summary.starts_with(&points), "{}", outcome.summary);
    }
}

fn options(kind: Kind, source: &Path, words: &[&str]) -> Options {
    let file = |name: &str| Some(source.join(name)).filter(|path| path.exists());
    let classes = |word: &&str| ClassTable::from_str(word, true).ok();
    Options {
        every: 1,
        spacing: 0.02,
        farthest: 4.5,
        up: kind.up(),
        level: words.contains(&"level"),
        metres_per_unit: None,
        depth_unit: None,
        labels: file("labels.txt"),
        classes: words.iter().find_map(classes),
        intrinsics: file("intrinsics.txt"),
        features: file("features"),
    }
}
