#![allow(clippy::unwrap_used)]
//! Lists of scans, how they are read one after the other, and a bundle and a mesh read as scans.

use std::cell::{Cell, RefCell};

use burn::tensor::Device;

use segscape::{
    model::SegDino3dVl,
    views::{Camera, Correspondence, Map},
};

use super::*;
use recordings::foundation::{self, Image, ImageInstance, Mask};

#[test]
fn lists_name_scans_folders_and_bundles() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for name in ["rooms", "bundles/b", "lists"] {
        fs::create_dir_all(at(name)).unwrap();
    }
    for name in [
        "rooms/2.ply",
        "rooms/1.PLY",
        "rooms/notes.md",
        "bundles/b/foundation.json",
        "alone.ply",
    ] {
        fs::write(at(name), "").unwrap();
    }
    fs::write(
        at("lists/val.txt"),
        "# held out\n../rooms\r\n\n ../alone.ply\n../bundles/b\n../rooms/2.ply\n",
    )
    .unwrap();
    let cache = Cache::temporary(1).unwrap();
    let list = |places: &[PathBuf]| list(places, &cache);
    let expected = ["rooms/1.PLY", "rooms/2.ply", "alone.ply", "bundles/b"];
    let names = |scans: Vec<PathBuf>| -> Vec<PathBuf> {
        scans
            .iter()
            .map(|scan| scan.canonicalize().unwrap())
            .collect()
    };
    let expected: Vec<PathBuf> = expected
        .iter()
        .map(|name| at(name).canonicalize().unwrap())
        .collect();
    assert_eq!(
        names(list(&[at("lists/val.txt")]).unwrap())[..4],
        expected[..]
    );
    assert_eq!(
        names(list(&[at("rooms"), at("alone.ply"), at("bundles"), at("rooms")]).unwrap()),
        expected
    );

    // addresses stand among paths, in arguments and in lists
    let address = PathBuf::from(format!("file://{}", at("rooms").display()));
    let stored = ["1.PLY", "2.ply"].map(|name| address.join(name));
    assert_eq!(list(std::slice::from_ref(&address)).unwrap(), stored);
    fs::write(
        at("lists/mixed.txt"),
        format!("../alone.ply\n{}\n", address.display()),
    )
    .unwrap();
    assert_eq!(list(&[at("lists/mixed.txt")]).unwrap()[1..], stored);

    fs::write(at("lists/bad.txt"), "../alone.ply\n../missing\n").unwrap();
    let error = format!("{:#}", list(&[at("lists/bad.txt")]).unwrap_err());
    assert!(
        error.contains("bad.txt, line 2") && error.contains("missing"),
        "{error}"
    );
    fs::write(at("lists/loop.txt"), "loop.txt\n").unwrap();
    assert!(
        format!("{:#}", list(&[at("lists/loop.txt")]).unwrap_err()).contains("is a list itself")
    );
    assert!(
        list(&[at("lists")])
            .unwrap_err()
            .to_string()
            .contains("no .ply")
    );
}

/// A camera at the origin that looks along the x axis of the world.
fn camera() -> Camera {
    let axes = glam::Mat3::from_cols(-glam::Vec3::Y, -glam::Vec3::Z, glam::Vec3::X);
    Camera {
        width: 64.0,
        height: 48.0,
        focal: [50.0, 50.0],
        center: [31.5, 23.5],
        world_from_camera: glam::Affine3A::from_mat3(axes),
    }
}

/// A wall of 40 x 40 points that one image shows, with a picture on it that a 2D model found.
pub fn bundle() -> Foundation {
    let places: Vec<[f32; 2]> = (0..1600)
        .map(|i| [(i % 40) as f32 / 40.0, (i / 40) as f32 / 40.0])
        .collect();
    let is_picture = |[x, y]: [f32; 2]| x < 0.5 && y < 0.5;
    let image = Image {
        name: "wall".into(),
        camera: camera(),
        picture: None,
        depth: Some(Map::new(vec![2.0; 16], [4, 4, 1]).unwrap()),
        mask: Mask::new(vec![1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], [4, 4]),
        instances: vec![ImageInstance {
            name: "picture".into(),
            score: 0.9,
            features: vec![0.5; 6],
        }],
        features: Some(
            Map::new((0..16 * 5).map(|i| i as f32 / 80.0).collect(), [4, 4, 5]).unwrap(),
        ),
    };
    Foundation {
        positions: places
            .iter()
            .map(|[x, y]| [2.0, 2.0 * x, 2.0 * y])
            .collect(),
        origins: places
            .iter()
            .map(|&[x, y]| Some(Correspondence { view: 0, x, y }))
            .collect(),
        truth: Some(foundation::SceneTruth {
            semantic: places
                .iter()
                .map(|&place| if is_picture(place) { 11 } else { 1 })
                .collect(),
            instance: places
                .iter()
                .map(|&place| if is_picture(place) { 4 } else { 1 })
                .collect(),
            names: vec![(11, "picture".into())],
            stuff: None,
        }),
        images: vec![image],
        ..Foundation::default()
    }
}

#[test]
fn bundles_are_scans_with_images() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scene");
    bundle().write(&path, |_| unreachable!()).unwrap();
    let seen = |_: &mut Foundation| {
        Ok(ImageEvidence {
            image: Some((0..1600 * 2).map(|i| (i / 2) as f32).collect()),
            ..ImageEvidence::default()
        })
    };
    let read = |path| {
        let (class_of, meshes) = (ClassOfObject::default(), MeshSuperpoints::default());
        Labeled::read(path, None, class_of, meshes, seen)
    };
    let labeled = read(&path).unwrap();
    assert_eq!(
        (
            labeled.scan.objects.len(),
            labeled.scan.objects[0].name.as_deref()
        ),
        (1, Some("picture"))
    );
    assert_eq!(labeled.scan.object_of_point.iter().flatten().count(), 400);
    assert_eq!(
        labeled.observation().image.map(<[f32]>::len),
        Some(1600 * 2)
    );

    let (thinned, kept) = labeled.thinned(0.12);
    let rows: Vec<usize> = kept
        .point_of_kept()
        .iter()
        .map(|&point| point as usize)
        .collect();
    assert!(rows.len() > 100 && rows.len() < 600, "{}", rows.len());
    assert!(
        rows.iter()
            .enumerate()
            .all(|(row, &point)| thinned.scan.object_of_point[row]
                == labeled.scan.object_of_point[point])
    );
    assert!(rows.iter().enumerate().all(|(row, &point)| {
        thinned
            .observation()
            .image
            .is_some_and(|image| image[2 * row] == point as f32)
    }));

    let labeled = labeled.without(&["picture".into()]);
    assert!(labeled.scan.objects.is_empty() && labeled.scan.positions.len() == 1200);
    let image = labeled.observation().image.unwrap();
    assert_eq!(
        (image.len(), image[0]),
        (1200 * 2, 20.0),
        "the first row that is wall"
    );

    let mut unlabeled = bundle();
    unlabeled.truth = None;
    unlabeled.write(&path, |_| unreachable!()).unwrap();
    let error = format!("{:#}", read(&path).err().unwrap());
    assert!(
        error.contains("scene") && error.contains("no `semantic`"),
        "{error}"
    );
}

/// A scan in memory, which is counted.
struct Alive<'a>(&'a Cell<usize>);

impl Drop for Alive<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// Bytes of the scenes in a cache's folder.
fn bytes(folder: &Path) -> u64 {
    let files = fs::read_dir(folder).unwrap().map(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            bytes(&path)
        } else {
            fs::metadata(path).unwrap().len()
        }
    });
    files.sum()
}

/// Ten scans of a thousand bytes, a cache for two of them, and one scan in memory at a time.
#[test]
fn scans_of_a_store_are_never_all_there() {
    let folder = tempfile::tempdir().unwrap();
    let rooms = folder.path().join("rooms");
    fs::create_dir(&rooms).unwrap();
    for number in 0..10 {
        fs::write(rooms.join(format!("{number}.ply")), [number; 1000]).unwrap();
    }
    let address = PathBuf::from(format!("file://{}", rooms.display()));
    let home = folder.path().join("cache");
    let cache = Cache::open(&home, 2000).unwrap();
    let asked = Asked::of(std::slice::from_ref(&address), None, &cache).unwrap();
    assert_eq!(
        (asked.count(), bytes(&home)),
        (10, 0),
        "nothing is loaded yet"
    );
    let (alive, most, read) = (Cell::new(0), Cell::new(0), RefCell::new(Vec::new()));
    // twice, as an evaluation by class does, which collects names first
    for _ in 0..2 {
        asked
            .each(
                |path| {
                    alive.set(alive.get() + 1);
                    most.set(most.get().max(alive.get()));
                    assert!(bytes(&home) <= 2000, "{} bytes on disk", bytes(&home));
                    Ok((fs::read(path)?[0], Alive(&alive)))
                },
                |place, (first, _alive)| {
                    read.borrow_mut().push((place.to_owned(), first));
                    Ok(())
                },
            )
            .unwrap();
    }
    assert_eq!(most.get(), 1);
    let expected = (0..10).map(|number| (address.join(format!("{number}.ply")), number));
    let read = read.into_inner();
    assert!(expected.clone().chain(expected).eq(read));
    let limited = Asked::of(&[address], NonZeroUsize::new(3), &cache).unwrap();
    assert_eq!(limited.count(), 3);
    let error = limited.each(|_| anyhow::bail!("no labels"), |_, ()| Ok(()));
    let error = format!("{:#}", error.unwrap_err());
    assert!(error.contains("rooms/0.ply: no labels"), "{error}");
}

/// A labelled mesh of a wavy floor of 3 x 3 metres with a wall.
fn mesh() -> String {
    const SIDE: usize = 40;
    let mut vertices = String::new();
    for (row, column) in (0..2 * SIDE).flat_map(|row| (0..SIDE).map(move |column| (row, column))) {
        let (u, v) = (column as f32 * 0.075, row as f32 * 0.075);
        let wave = 0.04 * (3.0 * u).sin() * (2.0 * v).cos();
        let [y, z] = if row < SIDE {
            [v, wave]
        } else {
            [2.925 + wave, v - 2.925]
        };
        let label = if row < SIDE { "2 1" } else { "5 2" };
        vertices += &format!("{u} {y} {z} {label}\n");
    }
    let corner = |row: usize, column: usize| row * SIDE + column;
    let cells = (0..2 * SIDE - 1).flat_map(|row| (0..SIDE - 1).map(move |column| (row, column)));
    let faces: String = cells
        .map(|(row, column)| {
            let [a, b] = [corner(row, column), corner(row, column + 1)];
            let [c, d] = [corner(row + 1, column), corner(row + 1, column + 1)];
            format!("3 {a} {b} {c}\n3 {b} {d} {c}\n")
        })
        .collect();
    format!(
        "ply\nformat ascii 1.0\nelement vertex {}\nproperty float x\nproperty float y\nproperty float z\nproperty int semantic\nproperty int instance\n\
         element face {}\nproperty list uchar int vertex_indices\nend_header\n{vertices}{faces}",
        2 * SIDE * SIDE,
        2 * (2 * SIDE - 1) * (SIDE - 1)
    )
}

#[test]
fn meshes_have_the_superpoints_in_training_that_they_have_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mesh.ply");
    fs::write(&path, mesh()).unwrap();
    let read = |path: &Path, meshes| {
        Labeled::read(path, None, ClassOfObject::default(), meshes, |_| {
            Ok(ImageEvidence::default())
        })
        .unwrap()
    };
    let kinds = [MeshSuperpoints::Points, MeshSuperpoints::Segmentator];
    let [points, segmentator] = kinds.map(|kind| {
        let config = Config {
            mesh_superpoints: kind,
            ..Config::nano()
        };
        let device = Device::flex();
        let model = SegDino3dVl::new(&config, &device);
        let network = Network::new(
            "untrained".into(),
            model,
            config,
            segscape::text::Vocabulary::shipped(),
            &device,
            None,
        )
        .unwrap();
        let labeled = read(&path, kind);
        assert!(!labeled.scan.triangles.is_empty());
        let used = labeled.grouping(&network, &Monitor::silent()).unwrap();
        assert_eq!(labeled.scan.superpoints, used.superpoints, "{kind:?}");
        // the same with the superpoints on disk
        assert_eq!(read(&path, kind).scan.superpoints, used.superpoints);
        used.superpoints
    });
    assert_ne!(points, segmentator);

    // superpoints that were published with a scan are used whatever the network says
    let bundle = folder.path().join("scene");
    let mut published = self::bundle();
    published.given.superpoints = Some((0..1600).map(|point| point / 100).collect());
    published.write(&bundle, |_| unreachable!()).unwrap();
    for kind in kinds {
        assert_eq!(read(&bundle, kind).scan.superpoints.count(), 16, "{kind:?}");
    }
}
