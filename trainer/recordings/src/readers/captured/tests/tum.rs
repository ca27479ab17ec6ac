#![allow(clippy::unwrap_used)]
//! Recordings in the layout of TUM RGB-D, and what breaks it.

use crate::readers::{
    Kind, Options,
    tests::{depth_of, options, picture, prepared, refusal},
};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// A recording of four pictures: the second has no depth, the third no pose near it, and the
/// file of the fourth is missing; the depth of the first is 10 ms late.
fn recording(folder: &Path) -> PathBuf {
    let scene = folder.join("rgbd_dataset_fr1_desk");
    ["rgb", "depth"]
        .iter()
        .for_each(|sub| fs::create_dir_all(scene.join(sub)).unwrap());
    for stamp in ["10.000000", "10.500000", "11.000000"] {
        fs::write(scene.join(format!("rgb/{stamp}.png")), picture()).unwrap();
    }
    for stamp in ["10.010000", "11.000000", "12.000000"] {
        depth_of(10_000)
            .save(scene.join(format!("depth/{stamp}.png")))
            .unwrap();
    }
    fs::write(
        scene.join("rgb.txt"),
        "# color images\n# timestamp filename\n10.000000 rgb/10.000000.png\n10.500000 rgb/10.500000.png\n11.0 rgb/11.000000.png\n12.0 rgb/12.000000.png\n",
    )
    .unwrap();
    fs::write(
        scene.join("depth.txt"),
        "10.010000 depth/10.010000.png\n11.000000 depth/11.000000.png\n12.0 depth/12.000000.png\n",
    )
    .unwrap();
    // a quarter turn about z: the right of the camera is the y axis of the world
    let half = 0.5f32.sqrt();
    fs::write(
        scene.join("groundtruth.txt"),
        format!(
            "# t t q\n10.0150 1 2 3 0 0 {half} {half}\n11.5 0 0 0 0 0 0 1\n12.0 0 0 0 0 0 0 1\n"
        ),
    )
    .unwrap();
    fs::write(scene.join("intrinsics.txt"), "8 8 3.5 2.5").unwrap();
    scene
}

#[test]
fn pictures_depths_and_poses_meet_by_their_stamps() {
    let folder = tempfile::tempdir().unwrap();
    let path = recording(folder.path());
    let (scene, summary) = prepared(Kind::Frames, &path, &options()).unwrap();
    assert_eq!(
        scene
            .images
            .iter()
            .map(|image| image.name.as_str())
            .collect::<Vec<_>>(),
        ["10.000000"]
    );
    assert!(
        summary.contains("1 without a pose") && summary.contains("1 without its files"),
        "{summary}"
    );
    assert!(
        scene.positions.iter().all(|p| (p[2] - 5.0).abs() < 1e-4),
        "10 000 fifths of a millimetre beyond 3 m"
    );
    let ahead = scene.images[0]
        .camera
        .world_from_camera
        .transform_vector3(glam::Vec3::X);
    assert!((ahead - glam::Vec3::Y).length() < 1e-5, "{ahead}");

    // the name of the folder identifies a camera of the data set
    fs::remove_file(path.join("intrinsics.txt")).unwrap();
    let camera = prepared(Kind::Frames, &path, &options()).unwrap().0.images[0].camera;
    assert_eq!(
        (camera.focal, camera.center, camera.width),
        ([517.3, 516.5], [318.6, 255.3], 640.0)
    );
    let given = folder.path().join("camera.txt");
    fs::write(&given, "9 9 3.5 2.5").unwrap();
    let camera = prepared(
        Kind::Frames,
        &path,
        &Options {
            intrinsics: Some(given),
            ..options()
        },
    )
    .unwrap()
    .0
    .images[0]
        .camera;
    assert_eq!((camera.focal, camera.width), ([9.0; 2], 8.0));
    let unnamed = folder.path().join("desk");
    fs::rename(&path, &unnamed).unwrap();
    assert!(refusal(Kind::Frames, &unnamed, &options()).contains("--intrinsics"));
}

#[test]
fn what_is_wrong_with_a_list_is_named() {
    type Damage = (&'static str, &'static str, &'static str);
    let damages: [Damage; 7] = [
        (
            "rgb.txt",
            "soon rgb/10.000000.png",
            "\"soon\" is not a time",
        ),
        ("rgb.txt", "10.0 ../../secret.png", "does not lie in"),
        ("depth.txt", "10.01 /etc/passwd", "does not lie in"),
        ("depth.txt", "10.01", "the line names no file"),
        ("depth.txt", "20.0 depth/10.010000.png", "within 0.02 s"),
        ("groundtruth.txt", "# nothing", "has no entries"),
        ("groundtruth.txt", "10.0 1 2 3 0 0 1", "6 numbers"),
    ];
    for (file, text, words) in damages {
        let folder = tempfile::tempdir().unwrap();
        let path = recording(folder.path());
        fs::write(path.join(file), text).unwrap();
        let error = refusal(Kind::Frames, &path, &options());
        assert!(
            error.contains(words) && (error.contains(file) || words.contains("within")),
            "{error} does not say {words} of {file}"
        );
    }
    let folder = tempfile::tempdir().unwrap();
    let path = recording(folder.path());
    fs::write(
        path.join("groundtruth.txt"),
        "10.0 nan nan nan 0 0 0 1\n11.0 0 0 0 0 0 0 0\n12.0 0 0 0 0 0 0 1",
    )
    .unwrap();
    assert!(
        refusal(Kind::Frames, &path, &options()).contains("none of 3 frames"),
        "two poses are lost, one file is missing"
    );
}
