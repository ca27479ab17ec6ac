#![allow(clippy::unwrap_used)]
//! Lists of scans, and a bundle read as a scan.

use segscape::views::{Camera, Correspondence, Map};

use super::*;
use recordings::foundation::{self, Image, Instance, Mask};

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
        instances: vec![Instance {
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
        truth: Some(foundation::Truth {
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
    let seen = |_: &mut Foundation| ImageEvidence {
        image: Some((0..1600 * 2).map(|i| (i / 2) as f32).collect()),
        ..ImageEvidence::default()
    };
    let read = |path| Labeled::read(path, None, ClassOfObject::default(), seen);
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
