#![allow(clippy::unwrap_used)]
//! A data set of one scene of three points, and what breaks its format.

use segscape::scan::UpAxis;

use super::*;
use crate::class_table::ClassTable;
use crate::readers::{
    self, Kind,
    tests::{options, prepared, refusal},
    torch::tests::{alone, tensors},
};

/// Three points: one of a chair, one of the floor, one without a label.
fn dataset(root: &Path) -> PathBuf {
    for folder in [
        "points",
        "instance_mask",
        "semantic_mask",
        "super_points",
        "meta_data",
        "features_2d/scannet200",
    ] {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    let points: [f32; 18] = [
        1.0, 2.0, 3.0, 255.0, 0.0, 9.6, 4.0, 5.0, 6.0, 1.0, 2.0, 3.0, 7.0, 8.0, 9.0, 0.0, 0.0, 0.0,
    ];
    let path = root.join("points/scene0000_00.bin");
    fs::write(&path, bytemuck::cast_slice::<f32, u8>(&points)).unwrap();
    let mask = |folder: &str, values: [i64; 3]| {
        fs::write(
            root.join(folder).join("scene0000_00.bin"),
            bytemuck::cast_slice::<i64, u8>(&values),
        )
        .unwrap()
    };
    mask("semantic_mask", [2, 3, 0]);
    mask("instance_mask", [4, 1, 0]);
    mask("super_points", [0, 1, 1]);
    fs::write(
        root.join("meta_data/scannetv2_train.txt"),
        "scene0000_00\n\n",
    )
    .unwrap();
    let set = root.join("features_2d/scannet200");
    fs::write(
        set.join("scene0000_00.pth"),
        tensors(&[vec![1.0; 6], vec![0.0, 2.0, 4.0, 0.0, 0.0, 0.0]], 2),
    )
    .unwrap();
    fs::write(
        set.join("scene0000_00_query_feats.pth"),
        alone(&[0.1, 0.2], 2),
    )
    .unwrap();
    fs::write(
        set.join("scene0000_00_query_3dctr.pth"),
        alone(&[1.0, 2.0, 3.0], 3),
    )
    .unwrap();
    path
}

/// The options of data with ScanNet200's ids.
fn scannet200() -> Options {
    Options {
        classes: Some(ClassTable::Scannet200),
        ..options()
    }
}

#[test]
fn a_scene_brings_features_objects_superpoints_and_labels() {
    let root = tempfile::tempdir().unwrap();
    let path = dataset(root.path());
    let expected = [("scene0000_00".to_owned(), path.canonicalize().unwrap())];
    assert_eq!(
        readers::scenes(Kind::Segdino3d, root.path()).unwrap(),
        expected
    );
    assert_eq!(
        readers::scenes(
            Kind::Segdino3d,
            &root.path().join("meta_data/scannetv2_train.txt")
        )
        .unwrap(),
        expected
    );
    let (scene, _) = prepared(Kind::Segdino3d, &path, &scannet200()).unwrap();
    assert_eq!(
        scene.positions,
        [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]
    );
    assert_eq!(scene.colors.unwrap()[0], [255, 0, 10]);
    assert!(scene.images.is_empty() && scene.origins.iter().all(Option::is_none));
    assert_eq!(scene.given.superpoints.unwrap(), [0, 1, 1]);
    assert_eq!(
        scene.given.features.unwrap(),
        [0.5, 1.5, 2.5, 0.5, 0.5, 0.5],
        "the mean over the list"
    );
    assert_eq!(
        scene.given.objects,
        ObjectQueries {
            features: vec![0.1, 0.2],
            positions: vec![[1.0, 2.0, 3.0]]
        }
    );
    // the ids that their loaders swap are not swapped on disk
    let truth = scene.truth.unwrap();
    let called = |point: usize| {
        truth
            .names
            .iter()
            .find(|(id, _)| *id == truth.semantic[point])
            .map(|(_, name)| name.as_str())
    };
    assert_eq!(
        [called(0), called(1), called(2)],
        [Some("chair"), Some("floor"), None]
    );
    assert_eq!(truth.instance, [4, 1, 0]);
    assert_eq!(
        truth.stuff,
        Some(vec![1, 3, 0]),
        "the floor is no thing, the chair is one"
    );
}

#[test]
fn names_and_axes_are_those_that_the_options_say() {
    let root = tempfile::tempdir().unwrap();
    let path = dataset(root.path());
    // without the user's word the floor would be a chair, or the other way round
    let error = refusal(Kind::Segdino3d, &path, &options());
    assert!(error.contains("--classes"), "{error}");
    let older = Options {
        classes: Some(ClassTable::Scannet20),
        ..options()
    };
    let truth = prepared(Kind::Segdino3d, &path, &older).unwrap().0.truth;
    let truth = truth.unwrap();
    assert_eq!(
        truth.names[1],
        (2, "floor".to_owned()),
        "ScanNet-20's ids are NYU40's"
    );
    assert_eq!(truth.stuff, Some(vec![1, 2, 0]));
    let semantic = root.path().join("semantic_mask/scene0000_00.bin");
    let write = |ids: [i64; 3]| {
        fs::write(&semantic, bytemuck::cast_slice::<i64, u8>(&ids)).unwrap();
    };
    write([5, 22, 40]);
    let truth = prepared(Kind::Segdino3d, &path, &older).unwrap().0.truth;
    assert_eq!(
        truth.unwrap().semantic,
        [5, 0, 0],
        "ids of no class of the benchmark are void"
    );
    write([5, 1191, 0]);
    let error = refusal(Kind::Segdino3d, &path, &older);
    assert!(
        error.contains("1191") && error.contains("--classes"),
        "{error}"
    );
    let turned = prepared(
        Kind::Segdino3d,
        &path,
        &Options {
            up: UpAxis::PlusY,
            ..scannet200()
        },
    )
    .unwrap()
    .0;
    assert_eq!(
        turned.given.objects.positions[0], turned.positions[0],
        "objects are turned with the points"
    );
}

#[test]
fn scenes_may_lack_labels_and_features() {
    let root = tempfile::tempdir().unwrap();
    let path = dataset(root.path());
    [
        "features_2d",
        "semantic_mask",
        "instance_mask",
        "super_points",
    ]
    .iter()
    .for_each(|folder| fs::remove_dir_all(root.path().join(folder)).unwrap());
    let (scene, _) = prepared(Kind::Segdino3d, &path, &options()).unwrap();
    assert!(scene.truth.is_none() && scene.given == Given::default() && scene.positions.len() == 3);
}

#[test]
fn broken_files_are_named() {
    type Damage = (&'static str, &'static str, fn(&Path));
    let set = "features_2d/scannet200";
    let damages: [Damage; 11] = [
        ("points/scene0000_00.bin", "71 bytes", |file| {
            fs::write(file, [0; 71]).unwrap()
        }),
        ("points/scene0000_00.bin", "not finite", |file| {
            fs::write(file, bytemuck::cast_slice::<f32, u8>(&[f32::NAN; 18])).unwrap()
        }),
        ("points/scene0000_00.bin", "colour 256", |file| {
            fs::write(file, bytemuck::cast_slice::<f32, u8>(&[256.0f32; 18])).unwrap()
        }),
        (
            "semantic_mask/scene0000_00.bin",
            "12 bytes instead of 24",
            |file| fs::write(file, [0; 12]).unwrap(),
        ),
        ("instance_mask/scene0000_00.bin", "label -1", |file| {
            fs::write(file, [255; 24]).unwrap()
        }),
        ("instance_mask", "must both be there", |folder| {
            fs::remove_dir_all(folder).unwrap()
        }),
        ("scene0000_00.pth", "instead of (3,", |file| {
            fs::write(file, tensors(&[vec![1.0; 4]], 2)).unwrap()
        }),
        ("scene0000_00.pth", "array 1 has the shape [2, 2]", |file| {
            fs::write(file, tensors(&[vec![1.0; 6], vec![1.0; 4]], 2)).unwrap()
        }),
        (
            "scene0000_00_query_feats.pth",
            "must both be there",
            |file| fs::remove_file(file).unwrap(),
        ),
        (
            "scene0000_00_query_feats.pth",
            "at most 2048 objects",
            |file| fs::write(file, alone(&[1.0; 2049], 1)).unwrap(),
        ),
        (
            "scene0000_00_query_3dctr.pth",
            "instead of (1, 3)",
            |file| fs::write(file, alone(&[1.0; 6], 3)).unwrap(),
        ),
    ];
    for (file, words, damage) in damages {
        let root = tempfile::tempdir().unwrap();
        let path = dataset(root.path());
        let beside = root.path().join(file);
        damage(&if beside.exists() {
            beside
        } else {
            root.path().join(set).join(file)
        });
        let error = refusal(Kind::Segdino3d, &path, &scannet200());
        assert!(
            error.contains(words) && error.contains(file),
            "{error} does not say {words} of {file}"
        );
    }
    let root = tempfile::tempdir().unwrap();
    let path = dataset(root.path());
    fs::create_dir(root.path().join("features_2d/scannet20")).unwrap();
    assert!(refusal(Kind::Segdino3d, &path, &scannet200()).contains("--features"));
    fs::write(
        root.path().join("meta_data/scannetv2_train.txt"),
        "../../etc",
    )
    .unwrap();
    let error = readers::scenes(
        Kind::Segdino3d,
        &root.path().join("meta_data/scannetv2_train.txt"),
    )
    .unwrap_err()
    .to_string();
    assert!(
        error.contains("\"../../etc\" is not the name of a scene"),
        "{error}"
    );
    assert!(readers::scenes(Kind::Segdino3d, &root.path().join("meta_data")).is_err());
}
