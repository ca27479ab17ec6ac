//! Foundation bundles, and that what is read is written and read again the same.

#![no_main]

use std::fs;

use fuzz::archive::Archive;
use libfuzzer_sys::fuzz_target;
use recordings::foundation::{Foundation, InFolder as _, annotations, boundaries};
use segscape::superpoint::{Reading, Superpoints};

fuzz_target!(|input: &[u8]| {
    let Some(archive) = Archive::split(input) else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder for the files");
    let [source, out] = ["source", "out"].map(|name| folder.path().join(name));
    fs::create_dir(&source).expect("an empty folder");
    if archive.unpack(&source).is_none() {
        return;
    }
    let Ok(read) = Foundation::read(&source) else {
        return;
    };
    used(&read);
    // The picture of one image may have the name of another file of the bundle.
    if read.write(&out, |_| Ok(b"a picture".to_vec())).is_err() {
        return;
    }
    let again = Foundation::read(&out).expect("what was written can be read");
    assert_eq!(again.positions, read.positions);
    assert_eq!(again.colors, read.colors);
    assert_eq!(again.truth, read.truth);
    assert_eq!(again.images.len(), read.images.len());
    for (again, read) in again.images.iter().zip(&read.images) {
        assert_eq!((&again.name, &again.picture), (&read.name, &read.picture));
        assert_eq!(again.camera, read.camera);
        assert_eq!(again.mask, read.mask);
        assert_eq!(again.instances, read.instances);
    }
});

/// What training makes of a scene.
fn used(scene: &Foundation) {
    for reading in [Reading::SameView, Reading::Outlines, Reading::Strict] {
        assert_eq!(boundaries(scene, reading).points(), scene.positions.len());
    }
    let ids: Vec<u32> = (0..scene.positions.len() as u32)
        .map(|point| point / 4)
        .collect();
    annotations(scene, &Superpoints::from_ids(&ids));
}
