#![allow(clippy::unwrap_used)]
//! A scene in the layout of Open3DIS, with its points in each form, and what breaks it.

use std::fs;

use super::*;
use crate::readers::{
    Kind, scenes,
    tests::{LOST, depth_of, options, picture, pose_text, prepared, refusal},
    torch::tests::{arrays, numpy},
};

/// Three frames, the second without a pose; a metre is 6553.5 depth units.
fn dataset(root: &Path) -> PathBuf {
    let scene = root.join("replica_2d/office0");
    ["color", "depth", "pose"]
        .iter()
        .for_each(|sub| fs::create_dir_all(scene.join(sub)).unwrap());
    for (frame, pose) in [
        (0, pose_text(0.0)),
        (5, LOST.to_owned()),
        (10, pose_text(0.5)),
    ] {
        fs::write(scene.join(format!("color/{frame}.png")), picture()).unwrap();
        depth_of(13_107)
            .save(scene.join(format!("depth/{frame}.png")))
            .unwrap();
        fs::write(scene.join(format!("pose/{frame}.txt")), pose).unwrap();
    }
    fs::write(scene.join("intrinsic.txt"), "8 0 3.5\n0 8 2.5\n0 0 1").unwrap();
    scene
}

fn floats(values: &[f64]) -> Vec<u8> {
    values.iter().flat_map(|x| x.to_le_bytes()).collect()
}

fn labels(values: &[i64]) -> Vec<u8> {
    values.iter().flat_map(|x| x.to_le_bytes()).collect()
}

/// Three points; the last one has no label.
fn tuple_of(colors: &[f64], semantic: &[i64], instance: &[i64]) -> Vec<u8> {
    arrays(&[
        numpy(
            "f8",
            &[3, 3],
            &floats(&[0.0, 0.0, 2.0, 0.25, 0.0, 2.0, 90.0, 0.0, 0.0]),
        ),
        numpy("f8", &[3, 3], &floats(colors)),
        numpy("i8", &[semantic.len()], &labels(semantic)),
        numpy("i8", &[instance.len()], &labels(instance)),
    ])
}

const WHITE: [f64; 9] = [1.0; 9];

#[test]
fn a_scene_has_its_points_or_those_of_its_depth() {
    let root = tempfile::tempdir().unwrap();
    let path = dataset(root.path());
    let found = scenes(Kind::Replica, root.path()).unwrap();
    assert_eq!((found.len(), found[0].0.as_str()), (1, "office0"));
    let (scene, summary) = prepared(Kind::Replica, &path, &options()).unwrap();
    assert!(
        scene.images.len() == 2 && summary.contains("1 without a pose"),
        "{summary}"
    );
    assert!(
        scene.truth.is_none() && scene.positions.iter().all(|p| (p[2] - 2.0).abs() < 1e-4),
        "13 107 / 6553.5 m"
    );

    let points = root.path().join("replica_3d");
    fs::create_dir(&points).unwrap();
    let half = [-1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0];
    fs::write(
        points.join("office0.pth"),
        tuple_of(&half, &[0, 4, -100], &[7, 7, -100]),
    )
    .unwrap();
    fs::write(root.path().join("classes.txt"), "basket\nbed\n").unwrap();
    let with_names = Options {
        labels: Some(root.path().join("classes.txt")),
        ..options()
    };
    let scene = prepared(Kind::Replica, &path, &with_names).unwrap().0;
    assert_eq!(
        scene.positions,
        [[0.0, 0.0, 2.0], [0.25, 0.0, 2.0], [90.0, 0.0, 0.0]]
    );
    assert_eq!(
        scene.colors.unwrap()[..2],
        [[0, 128, 255], [255; 3]],
        "from -1 to 1"
    );
    assert!(scene.origins[0].is_some() && scene.origins[2].is_none());
    let names = vec![(1, "basket".to_owned()), (2, "bed".to_owned())];
    assert_eq!(
        scene.truth.unwrap(),
        SceneTruth {
            semantic: vec![1, 5, 0],
            instance: vec![8, 8, 0],
            names,
            stuff: None
        }
    );

    let ply = "ply\nformat ascii 1.0\ncomment class 3 bench\nelement vertex 1\nproperty float x\nproperty float y\nproperty float z\n\
        property int semantic\nproperty int instance\nend_header\n0 0 2 3 1\n";
    fs::write(points.join("office0.ply"), ply).unwrap();
    let truth = prepared(Kind::Replica, &path, &options())
        .unwrap()
        .0
        .truth
        .unwrap();
    assert_eq!(
        truth,
        SceneTruth {
            semantic: vec![3],
            instance: vec![1],
            names: vec![(3, "bench".into())],
            stuff: None
        }
    );
}

#[test]
fn broken_scenes_are_named() {
    let root = tempfile::tempdir().unwrap();
    let path = dataset(root.path());
    fs::create_dir(root.path().join("replica_3d")).unwrap();
    let with = |bytes: Vec<u8>| {
        fs::write(root.path().join("replica_3d/office0.pth"), bytes).unwrap();
        refusal(Kind::Replica, &path, &options())
    };
    let far = i64::from(i32::MAX) + 1;
    for (error, words) in [
        (with(b"old".to_vec()), "PyTorch 1.6"),
        (
            with(tuple_of(&[300.0; 9], &[0; 3], &[0; 3])),
            "colours from 300 to 300",
        ),
        (
            with(tuple_of(&WHITE, &[0; 2], &[0; 3])),
            "labels of the shape [2] for 3 points",
        ),
        (
            with(tuple_of(&WHITE, &[far, 0, 0], &[0; 3])),
            "32-bit whole number",
        ),
        (
            with(arrays(&[numpy("f8", &[3, 3], &floats(&WHITE))])),
            "1 arrays instead of",
        ),
        (
            with(arrays(&[
                numpy("f8", &[1, 2], &[0; 16]),
                numpy("f8", &[1, 3], &[0; 24]),
            ])),
            "instead of (1, 3)",
        ),
    ] {
        assert!(
            error.contains(words) && error.contains("office0.pth"),
            "{error} does not say {words}"
        );
    }
    fs::remove_file(root.path().join("replica_3d/office0.pth")).unwrap();
    fs::remove_file(path.join("depth/0.png")).unwrap();
    fs::write(path.join("depth/3.png"), "x").unwrap();
    assert!(refusal(Kind::Replica, &path, &options()).contains("pose/3.txt"));
}
