#![allow(clippy::unwrap_used)]
//! Caches of a store in memory and of one on disk.

use std::sync::Arc;

use object_store::{ObjectStoreExt as _, memory::InMemory};

use super::*;

/// Bytes of the scenes of these tests.
const SCENE: usize = 100;

/// A store in memory with bundles 0 to 5 and a scene that is a single file.
fn memory() -> Store {
    let store = Store::new(Arc::new(InMemory::new()), "a/b").unwrap();
    for number in 0..6u8 {
        put(&store, &format!("{number}/{INDEX}"), vec![b'{'; SCENE / 2]);
        put(
            &store,
            &format!("{number}/tensors"),
            vec![number; SCENE / 2],
        );
    }
    put(&store, "room.PLY", vec![7; SCENE]);
    put(&store, "notes/readme.txt", vec![1]);
    store
}

fn put(store: &Store, name: &str, bytes: Vec<u8>) {
    let key = store.key(name).unwrap();
    store
        .runtime
        .block_on(store.objects.put(&key, bytes.into()))
        .unwrap();
}

/// A cache for `scenes` scenes that knows the store as `s3://bucket/a/b`.
fn cache(store: &Store, scenes: usize) -> Cache {
    let cache = Cache::temporary((scenes * SCENE) as u64).unwrap();
    let mut stores = cache.stores.lock().unwrap();
    stores.insert(PLACE.to_owned(), store.clone());
    drop(stores);
    cache
}

const PLACE: &str = "s3://bucket/a/b";

fn address(name: &str) -> PathBuf {
    Path::new(PLACE).join(name)
}

/// The content of the tensors of a bundle.
fn tensors(held: &Held) -> Vec<u8> {
    fs::read(held.path.join("tensors")).unwrap()
}

/// Number of scenes in the folder of the cache, complete or not.
fn on_disk(cache: &Cache) -> usize {
    fs::read_dir(&cache.folder).unwrap().count() - 1
}

#[test]
fn scenes_are_listed_and_come_whole() {
    let store = memory();
    let cache = cache(&store, 2);
    let scenes = cache.scenes(Path::new(PLACE)).unwrap();
    let names = ["0", "1", "2", "3", "4", "5", "room.PLY"];
    assert_eq!(scenes, names.map(address));
    let bundle = Store {
        folder: store.key("3").unwrap(),
        ..store.clone()
    };
    let itself = address("3");
    let mut stores = cache.stores.lock().unwrap();
    stores.insert(itself.to_str().unwrap().to_owned(), bundle);
    drop(stores);
    assert_eq!(cache.scenes(&itself).unwrap(), [itself]);

    let held = cache.local(&scenes[3]).unwrap();
    assert!(held.path.join(INDEX).is_file() && tensors(&held) == [3; SCENE / 2]);
    let single = cache.local(&scenes[6]).unwrap();
    assert_eq!(fs::read(&single.path).unwrap(), [7; SCENE]);
    assert_eq!(single.path.extension().unwrap(), "PLY");
    let plain = cache.local(Path::new("/plain/path")).unwrap();
    assert_eq!(plain.path, Path::new("/plain/path"));
    let error = format!("{:#}", cache.local(&address("9")).err().unwrap());
    assert!(
        error.contains("there is nothing") && error.contains("b/9"),
        "{error}"
    );
}

#[test]
fn what_was_not_used_for_longest_makes_room() {
    let store = memory();
    let cache = cache(&store, 2);
    let load = |name: &str| cache.local(&address(name)).unwrap().path.clone();
    let [zero, one] = [load("0"), load("1")];
    // a mark shows that a scene was not loaded again
    fs::write(zero.join("mark"), "").unwrap();
    assert_eq!(load("0"), zero);
    load("2");
    assert!(zero.join("mark").is_file() && !one.exists());
    // a scene that somebody holds stays, whatever its turn
    let held = cache.local(&address("0")).unwrap();
    load("3");
    load("4");
    load("5");
    assert!(held.path.join("mark").is_file());
    assert_eq!(on_disk(&cache), 2);
    // what readers leave beside a scene counts, too
    fs::write(held.path.join("superpoints"), [0; SCENE / 2]).unwrap();
    drop(held);
    assert_eq!(on_disk(&cache), 1, "together they are too large");
    // another version of a scene is another scene
    put(&store, "0/tensors", vec![9; SCENE / 2]);
    let held = cache.local(&address("0")).unwrap();
    assert_eq!(tensors(&held), [9; SCENE / 2]);
}

#[test]
fn a_scene_that_cannot_be_loaded_leaves_its_place() {
    let store = memory();
    put(&store, &format!("big/{INDEX}"), vec![0; 2 * SCENE + 1]);
    let cache = cache(&store, 2);
    let error = format!("{:#}", cache.local(&address("big")).err().unwrap());
    assert!(
        error.contains("201 bytes") && error.contains("200"),
        "{error}"
    );
    assert_eq!(on_disk(&cache), 0);
    // a file where the folder of the scene is made
    let (parent, name) = split("s3://bucket/a/b/1");
    let entries = entries(&cache.store(parent).unwrap(), name).unwrap();
    let part = format!("{}{PART}", id("s3://bucket/a/b/1", &entries));
    fs::write(cache.folder.join(&part), "").unwrap();
    assert!(cache.local(&address("1")).is_err());
    assert!(cache.state().scenes.is_empty(), "nothing is reserved");
    fs::remove_file(cache.folder.join(&part)).unwrap();
    assert_eq!(
        tensors(&cache.local(&address("1")).unwrap()),
        [1; SCENE / 2]
    );
}

#[test]
fn many_threads_share_a_small_cache() {
    let store = memory();
    let cache = cache(&store, 3);
    std::thread::scope(|scope| {
        for thread in 0..8usize {
            let cache = &cache;
            scope.spawn(move || {
                for turn in 0..30 {
                    let number = (7 * thread + 5 * turn + turn * turn) % 6;
                    let held = cache.local(&address(&number.to_string())).unwrap();
                    assert_eq!(tensors(&held), [number as u8; SCENE / 2]);
                    assert!(cache.state().bytes() <= cache.limit);
                }
            });
        }
    });
    assert!(on_disk(&cache) <= 3);
    assert!(
        cache
            .state()
            .scenes
            .values()
            .all(|scene| scene.holders == 0)
    );
}

#[test]
fn the_next_process_finds_the_scenes() {
    let rooms = tempfile::tempdir().unwrap();
    for name in ["old", "new"] {
        fs::create_dir(rooms.path().join(name)).unwrap();
        fs::write(rooms.path().join(name).join(INDEX), [1; SCENE]).unwrap();
    }
    let place = PathBuf::from(format!("file://{}", rooms.path().display()));
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("cache");
    let open = |scenes: usize| Cache::open(&folder, (scenes * SCENE) as u64);
    let cache = open(2).unwrap();
    assert_eq!(
        cache.scenes(&place).unwrap(),
        ["new", "old"].map(|name| place.join(name))
    );
    let path = |cache: &Cache, name: &str| cache.local(&place.join(name)).unwrap().path.clone();
    let [old, new] = ["old", "new"].map(|name| path(&cache, name));
    fs::write(new.join("mark"), "").unwrap();
    let error = format!("{:#}", open(2).err().unwrap());
    assert!(error.contains("another process"), "{error}");
    drop(cache);
    // half a scene, and a scene whose last use was long ago
    fs::create_dir(folder.join("half.part")).unwrap();
    let long_ago = UNIX_EPOCH + std::time::Duration::from_secs(1_000_000);
    let scene = File::open(old.parent().unwrap()).unwrap();
    scene.set_modified(long_ago).unwrap();
    let cache = open(1).unwrap();
    assert!(!old.exists() && !folder.join("half.part").exists());
    assert_eq!(path(&cache, "new"), new);
    assert!(new.join("mark").is_file(), "it was not loaded again");
}

#[test]
fn addresses_are_split_into_folder_and_name() {
    for (address, parts) in [
        ("s3://bucket/a/b", ("s3://bucket/a", "b")),
        ("s3://bucket/a/", ("s3://bucket", "a")),
        ("s3://bucket", ("s3://bucket", "")),
        ("file:///a/b.ply", ("file:///a", "b.ply")),
        ("file:///a", ("file:///", "a")),
    ] {
        assert_eq!(split(address), parts);
    }
}
