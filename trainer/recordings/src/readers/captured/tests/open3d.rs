#![allow(clippy::unwrap_used)]
//! Recordings in the layout of Open3D, and what breaks it.

use crate::readers::{
    Kind, Options, scenes,
    tests::{depth_of, options, picture, pose_text, prepared},
};
use std::{
    fs,
    path::{Path, PathBuf},
};

const CAMERA: &str =
    r#"{"width": 16, "height": 12, "intrinsic_matrix": [16, 0, 0, 0, 16, 0, 7.5, 5.5, 1]}"#;

/// A recording of the frames `first`, `first + 2` and `first + 4`, with blocks for the numbers
/// in `poses`.
fn recording(folder: &Path, first: u64, poses: &[u64]) -> PathBuf {
    let scene = folder.join("room");
    ["color", "depth"]
        .iter()
        .for_each(|sub| fs::create_dir_all(scene.join(sub)).unwrap());
    for number in [first, first + 2, first + 4] {
        fs::write(scene.join(format!("color/{number:05}.png")), picture()).unwrap();
        depth_of(2000)
            .save(scene.join(format!("depth/{number:05}.png")))
            .unwrap();
    }
    let block = |number: &u64| {
        format!(
            "{number} {number} {}\n{}",
            number + 1,
            pose_text(*number as f32)
        )
    };
    fs::write(
        scene.join("trajectory.log"),
        poses.iter().map(block).collect::<String>(),
    )
    .unwrap();
    fs::write(scene.join("camera_intrinsic.json"), CAMERA).unwrap();
    scene
}

#[test]
fn poses_find_their_frames_by_number_or_order() {
    let places = |first, poses: &[u64]| {
        let folder = tempfile::tempdir().unwrap();
        let path = recording(folder.path(), first, poses);
        assert_eq!(
            scenes(Kind::Frames, folder.path()).unwrap(),
            [("room".to_owned(), path.clone())]
        );
        let (scene, summary) = prepared(Kind::Frames, &path, &options()).unwrap();
        assert!(
            scene
                .images
                .iter()
                .all(|image| image.camera.focal == [16.0; 2] && image.camera.width == 16.0)
        );
        assert!(scene.positions.iter().all(|p| p[2] == 2.0));
        (
            scene
                .images
                .iter()
                .map(|image| (image.name.clone(), image.camera.position()[0]))
                .collect::<Vec<_>>(),
            summary,
        )
    };
    let named = |rows: &[(&str, f32)]| {
        rows.iter()
            .map(|(name, x)| ((*name).to_owned(), *x))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        places(2, &[0, 1, 2, 3, 4, 5, 6]).0,
        named(&[("00002", 2.0), ("00004", 4.0), ("00006", 6.0)])
    );
    let (lost, summary) = places(2, &[0, 1, 2, 3, 4, 5]);
    assert_eq!(
        lost,
        named(&[("00002", 2.0), ("00004", 4.0)]),
        "the trajectory ends before the last frame"
    );
    assert!(summary.contains("1 without a pose"), "{summary}");
    assert_eq!(
        places(1, &[0, 2, 4]).0,
        named(&[("00001", 0.0), ("00003", 2.0), ("00005", 4.0)]),
        "numbered from one"
    );
}

#[test]
fn what_is_wrong_with_a_trajectory_is_named() {
    let broken = |damage: &dyn Fn(&Path)| {
        let folder = tempfile::tempdir().unwrap();
        let path = recording(folder.path(), 0, &[0, 2, 4]);
        damage(&path);
        prepared(Kind::Frames, &path, &options())
            .map(|(_, summary)| summary)
            .map_err(|error| format!("{error:#}"))
    };
    let log = |text: String| {
        broken(&|path| fs::write(path.join("trajectory.log"), &text).unwrap()).unwrap_err()
    };
    let block = |pose: &str| format!("0 0 1\n{pose}");
    for (error, words) in [
        (log(String::new()), "has no pose"),
        (log("0 0 1\n1 0 0".into()), "6 numbers"),
        (
            log(block(&pose_text(0.0)).replace("0 0 1\n1", "x 0 1\n1")),
            "\"x\" is not a frame number",
        ),
        (
            log(block("1 0 0 x\n0 1 0 0\n0 0 1 0\n0 0 0 1\n")),
            "\"x\" is not a number",
        ),
        (
            log(block("1 0 0 0\n0 1 0 0\n0 0 1 0\n5 5 5 1\n")),
            "[5.0, 5.0, 5.0, 1.0]",
        ),
        (
            log(block(&pose_text(0.0)).repeat(2)),
            "a second pose of frame 0",
        ),
    ] {
        assert!(
            error.contains(words) && error.contains("trajectory.log"),
            "{error} does not say {words}"
        );
    }
    let twice =
        broken(&|path| fs::write(path.join("color/0.png"), picture()).unwrap()).unwrap_err();
    assert!(twice.contains("both have the number 0"), "{twice}");
    let wide = broken(&|path| {
        fs::write(
            path.join("camera_intrinsic.json"),
            CAMERA.replace("12", "9"),
        )
        .unwrap()
    })
    .unwrap_err();
    assert!(
        wide.contains("another shape") && wide.contains("depth/00000.png"),
        "{wide}"
    );
    let missing = broken(&|path| fs::remove_file(path.join("color/00002.png")).unwrap()).unwrap();
    assert!(
        missing.contains("2 frames") && missing.contains("1 without its files"),
        "{missing}"
    );
    let lost = block(
        "-inf -inf -inf -inf\n-inf -inf -inf -inf\n-inf -inf -inf -inf\n-inf -inf -inf -inf\n",
    );
    assert!(log(lost).contains("none of 3 frames"));
}

#[test]
#[ignore = "needs the real recordings, whose terms keep them out of the project"]
fn a_synthetic_living_room_has_its_floor_below_and_walls_where_both_recordings_see_them() {
    let data = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data"));
    let options = Options {
        every: 10,
        spacing: 0.04,
        up: segscape::scan::UpAxis::MinusY,
        ..options()
    };
    let (scene, summary) = prepared(Kind::Frames, &data.join("seq-livingroom1"), &options).unwrap();
    assert_eq!(scene.images.len(), 5, "{summary}");
    let mut heights: Vec<f32> = scene.positions.iter().map(|p| p[2]).collect();
    heights.sort_by(f32::total_cmp);
    let height = |share: f32| heights[(share * heights.len() as f32) as usize];
    assert!(
        (1.0..4.0).contains(&(height(0.99) - height(0.01))),
        "{} m high",
        height(0.99) - height(0.01)
    );
    assert!(
        scene
            .images
            .iter()
            .all(|image| image.camera.position()[2] > height(0.05)),
        "cameras are held above the floor"
    );
    let (scene, _) = prepared(
        Kind::Frames,
        &data.join("seq-redwood5"),
        &Options {
            every: 1,
            ..options
        },
    )
    .unwrap();
    assert_eq!(scene.images.len(), 5);
    // points seen in one frame have the same depth in the next, so the poses are not inverted
    let (next, depth) = (&scene.images[1], scene.images[1].depth.as_ref().unwrap());
    let seen = scene
        .positions
        .iter()
        .zip(&scene.origins)
        .filter(|(_, origin)| origin.unwrap().view == 0);
    let gaps: Vec<f32> = seen
        .filter_map(|(p, _)| {
            let pixel = next.camera.project(*p)?;
            Some((depth.positive_sample(pixel.x, pixel.y)? - pixel.depth).abs())
        })
        .collect();
    let near = gaps.iter().filter(|gap| **gap < 0.05).count();
    assert!(
        gaps.len() > 1000 && near * 10 > gaps.len() * 9,
        "{near} of {} agree",
        gaps.len()
    );
}
