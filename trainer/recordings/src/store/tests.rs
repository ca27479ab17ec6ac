#![allow(clippy::unwrap_used)]
//! Stores in memory and on disk.

use std::io;

use object_store::memory::InMemory;

use super::*;
use crate::readers::Kind;

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
    fs::create_dir_all(folder.path().join("rooms")).unwrap();
    fs::write(folder.path().join("rooms/x.ply"), "ply").unwrap();
    let address = PathBuf::from(format!("file://{}/rooms", folder.path().display()));
    let cache = Cache::temporary(3).unwrap();
    let scenes = cache.scenes(&address).unwrap();
    assert_eq!(scenes, [address.join("x.ply")]);
    // a file is a scene itself
    assert_eq!(cache.scenes(&scenes[0]).unwrap(), scenes);
    let held = cache.local(&scenes[0]).unwrap();
    assert_eq!(fs::read_to_string(&held.path).unwrap(), "ply");
    for (address, words) in [
        ("gs://bucket", "gs addresses are not supported"),
        ("file://here", "three slashes"),
        ("file:///not/there", "no folder"),
    ] {
        let error = format!("{:#}", cache.scenes(Path::new(address)).unwrap_err());
        assert!(error.contains(words), "{error} does not say {words}");
    }
    assert!(!is_address(Path::new("/plain/path")) && !is_address(Path::new("C:/rooms")));
}

#[test]
fn captures_are_read_where_they_lie() {
    let store = memory();
    store_text(&store, "desk/rgb/1.jpg", "picture");
    store_text(&store, "desk/rgb.txt", "list");
    let mut archive = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    archive.start_file("rgb/1.jpg", options).unwrap();
    archive.write_all(b"picture").unwrap();
    let archive = archive.finish().unwrap().into_inner();
    let key = store.key("desk.zip").unwrap();
    let put = store.objects.put(&key, archive.into());
    store.runtime.block_on(put).unwrap();
    let open = |name: &str| files::files(store.clone(), name, &format!("s3://a/b/{name}"));
    for (name, listed) in [
        ("desk", &["rgb.txt", "rgb/1.jpg"][..]),
        ("desk.zip", &["rgb/1.jpg"]),
    ] {
        let files = open(name).unwrap();
        let paths: Vec<&str> = files.list().iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, listed);
        assert_eq!(files.read("rgb/1.jpg", 10).unwrap(), b"picture");
        assert_eq!(files.read_range("rgb/1.jpg", 3..9).unwrap(), b"ture");
        let error = files.read("rgb/2.jpg", 10).unwrap_err().to_string();
        assert_eq!(error, format!("there is no s3://a/b/{name}/rgb/2.jpg"));
    }
    // The folder of the store itself has both.
    assert_eq!(open("").unwrap().list().len(), 3);
    let error = open("lamp").err().unwrap().to_string();
    assert!(error.contains("there is nothing"), "{error}");
    // What vanishes after it was listed is named.
    let files = open("desk").unwrap();
    let gone = store.key("desk/rgb.txt").unwrap();
    store.runtime.block_on(store.objects.delete(&gone)).unwrap();
    let error = files.read("rgb.txt", 10).unwrap_err().to_string();
    assert!(
        error.contains("cannot read s3://a/b/desk/rgb.txt"),
        "{error}"
    );
}
