#![allow(clippy::unwrap_used)]
//! A raw scene of ScanNet with its stream, with exported frames and without images, and streams
//! that break the format.

use std::fs;

use miniz_oxide::deflate::compress_to_vec_zlib;

use super::*;
use crate::{
    foundation::SceneTruth,
    readers::{
        Kind, scenes,
        tests::{
            CENTER, COLUMNS, FOCAL, LOST, ROWS, depth, options, picture, prepared, refusal,
            sens_reader,
        },
    },
};

/// A stream of the frames above: version, sensor, four matrices, compressions, sizes, shift,
/// frames.
fn sens() -> Vec<u8> {
    let mut bytes: Vec<u8> = vec![];
    bytes.extend(4u32.to_le_bytes());
    bytes.extend(3u64.to_le_bytes());
    bytes.extend(b"iPa");
    let [cx, cy] = CENTER;
    let matrix = |rows: [f32; 16]| {
        rows.into_iter()
            .flat_map(f32::to_le_bytes)
            .collect::<Vec<u8>>()
    };
    let identity = [
        1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0,
    ];
    let depth_camera = [
        FOCAL, 0.0, cx, 0.0, 0.0, FOCAL, cy, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0,
    ];
    [identity, identity, depth_camera, identity]
        .into_iter()
        .for_each(|m| bytes.extend(matrix(m)));
    [1i32, 1]
        .into_iter()
        .for_each(|compression| bytes.extend(compression.to_le_bytes()));
    [4 * COLUMNS, 4 * ROWS, COLUMNS, ROWS]
        .into_iter()
        .for_each(|size| bytes.extend(size.to_le_bytes()));
    bytes.extend(1000f32.to_le_bytes());
    bytes.extend(3u64.to_le_bytes());
    let depth: Vec<u8> = depth().into_iter().flat_map(u16::to_le_bytes).collect();
    for x in [Some(0.0), None, Some(0.1)] {
        let mut pose = identity;
        match x {
            Some(x) => pose[3] = x,
            None => pose = [f32::NEG_INFINITY; 16],
        }
        bytes.extend(matrix(pose));
        bytes.extend([0; 16]);
        let (picture, depth) = (picture(), compress_to_vec_zlib(&depth, 6));
        [picture.len(), depth.len()]
            .into_iter()
            .for_each(|size| bytes.extend((size as u64).to_le_bytes()));
        bytes.extend(picture);
        bytes.extend(depth);
    }
    bytes
}

/// Writes a scene with four vertices on the wall: two segments of a chair, an unknown label, and no
/// label.
fn scannet(folder: &Path) -> PathBuf {
    let scene = folder.join("scene0217_00");
    fs::create_dir_all(&scene).unwrap();
    let mesh = "ply\nformat ascii 1.0\nelement vertex 4\nproperty float x\nproperty float y\nproperty float z\nproperty uchar red\nproperty uchar green\n\
        property uchar blue\nelement face 1\nproperty list uchar int vertex_indices\nend_header\n\
        0 0 2 1 2 3\n0.25 0 2 1 2 3\n-0.25 0.25 2 1 2 3\n50 0 2 1 2 3\n3 0 1 2\n";
    fs::write(scene.join("scene0217_00_vh_clean_2.ply"), mesh).unwrap();
    fs::write(
        scene.join("scene0217_00_vh_clean_2.0.010000.segs.json"),
        r#"{"segIndices": [7, 9, 11, 3]}"#,
    )
    .unwrap();
    let group = |object: i32, segments: &str, label: &str| {
        format!(
            r#"{{"id": {object}, "objectId": {object}, "segments": {segments}, "label": "{label}"}}"#
        )
    };
    let groups = [
        group(0, "[7, 9]", "office chair"),
        group(1, "[11]", "thingamajig"),
    ];
    // all groups are listed twice, as in one published scene
    let twice = [
        group(2, "[7, 9]", "office chair"),
        group(3, "[11]", "thingamajig"),
    ];
    let text = format!(
        r#"{{"sceneId": "x", "segGroups": [{}, {}]}}"#,
        groups.join(","),
        twice.join(",")
    );
    fs::write(scene.join("scene0217_00.aggregation.json"), text).unwrap();
    fs::write(scene.join("scene0217_00.sens"), sens()).unwrap();
    fs::write(
        folder.join("labels.tsv"),
        "id\traw_category\tcategory\tnyu40id\n2\tchair\tchair\t5\n10\toffice chair\tchair\t5\n\
         1234\tthingamajig\tobject\t40\n",
    )
    .unwrap();
    scene
}

#[test]
fn a_scannet_scene_has_vertices_labels_and_frames() {
    let folder = tempfile::tempdir().unwrap();
    let path = scannet(folder.path());
    let options = Options {
        labels: Some(folder.path().join("labels.tsv")),
        ..options()
    };
    assert_eq!(
        scenes(Kind::Scannet, folder.path()).unwrap()[0].0,
        "scene0217_00"
    );
    let (scene, summary) = prepared(Kind::Scannet, &path, &options).unwrap();
    assert_eq!(
        scene.positions,
        [
            [0.0, 0.0, 2.0],
            [0.25, 0.0, 2.0],
            [-0.25, 0.25, 2.0],
            [50.0, 0.0, 2.0]
        ]
    );
    assert!(
        scene.origins[..3].iter().all(Option::is_some) && scene.origins[3].is_none(),
        "nobody sees the last one"
    );
    assert_eq!(
        scene.truth.unwrap(),
        SceneTruth {
            semantic: vec![10, 10, 0, 0],
            instance: vec![1, 1, 2, 0],
            names: ClassTable::Scannet200.names(),
            stuff: Some(vec![1, 3, 0])
        }
    );
    assert_eq!(
        scene.given.superpoints,
        Some(vec![1, 2, 3, 0]),
        "those that were published"
    );
    assert!(summary.contains("4 published superpoints"), "{summary}");
    let older = Options {
        classes: Some(ClassTable::Scannet20),
        ..options.clone()
    };
    let truth = prepared(Kind::Scannet, &path, &older).unwrap().0.truth;
    assert_eq!(truth.unwrap().semantic, [5, 5, 0, 0]);
    let given = Options {
        depth_unit: Some(0.001),
        ..options.clone()
    };
    assert!(refusal(Kind::Scannet, &path, &given).contains("--depth-unit"));
    assert!(
        scene.images.len() == 2 && summary.contains("1 without a pose"),
        "{summary}"
    );

    assert!(
        refusal(
            Kind::Scannet,
            &path,
            &Options {
                labels: None,
                ..options.clone()
            }
        )
        .contains("--labels")
    );
    fs::write(
        path.join("scene0217_00_vh_clean_2.0.010000.segs.json"),
        r#"{"segIndices": [7, 9]}"#,
    )
    .unwrap();
    assert!(refusal(Kind::Scannet, &path, &options).contains("2 vertices"));
    fs::remove_file(path.join("scene0217_00.aggregation.json")).unwrap();
    assert!(
        refusal(Kind::Scannet, &path, &options).contains("2 vertices"),
        "superpoints are checked without labels, too"
    );
    fs::remove_file(path.join("scene0217_00_vh_clean_2.0.010000.segs.json")).unwrap();
    assert!(
        prepared(Kind::Scannet, &path, &options)
            .unwrap()
            .0
            .truth
            .is_none(),
        "scenes of the test split have no annotation"
    );
    let cut = sens().len() - 10;
    fs::write(path.join("scene0217_00.sens"), &sens()[..cut]).unwrap();
    let error = refusal(Kind::Scannet, &path, &options);
    assert!(
        error.contains("ends too early") && error.contains("frame 2"),
        "{error}"
    );
}

#[test]
fn a_scannet_scene_needs_no_images() {
    let folder = tempfile::tempdir().unwrap();
    let path = scannet(folder.path());
    fs::remove_file(path.join("scene0217_00.sens")).unwrap();
    let options = Options {
        labels: Some(folder.path().join("labels.tsv")),
        ..options()
    };
    let (scene, summary) = prepared(Kind::Scannet, &path, &options).unwrap();
    assert!(
        scene.images.is_empty() && summary == "4 points, no images, 4 published superpoints",
        "{summary}"
    );
    assert_eq!(scene.truth.unwrap().instance, [1, 1, 2, 0]);
    // half of a recording is not none
    fs::create_dir(path.join("color")).unwrap();
    let error = refusal(Kind::Scannet, &path, &options);
    assert!(error.contains("has no trajectory"), "{error}");
    sens_reader(&path);
    let (scene, summary) = prepared(Kind::Scannet, &path, &options).unwrap();
    assert!(
        scene.images.len() == 2 && summary.contains("2 frames, 1 without a pose"),
        "{summary}"
    );
    // images that nobody can use are told, and the labels stay
    for frame in [0, 10] {
        fs::write(path.join(format!("pose/{frame}.txt")), LOST).unwrap();
    }
    let (scene, summary) = prepared(Kind::Scannet, &path, &options).unwrap();
    assert!(
        scene.images.is_empty() && summary.contains("no images, 3 without a pose left out"),
        "{summary}"
    );
    fs::remove_file(path.join("scene0217_00.aggregation.json")).unwrap();
    let error = refusal(Kind::Scannet, &path, &options);
    assert!(error.contains("none of 3 frames"), "{error}");
}

#[test]
fn hostile_streams_are_refused_before_memory_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let path = scannet(folder.path()).join("scene0217_00.sens");
    let first = |bytes: Vec<u8>| {
        fs::write(&path, bytes).unwrap();
        sens::frames(&path, 1)
            .and_then(|mut frames| frames.try_for_each(|frame| frame.map(drop)))
            .map_err(|error| format!("{error:#}"))
    };
    assert_eq!(first(sens()), Ok(()));
    let name = 15;
    let compressions = name + 4 * 64;
    let frame = compressions + 8 + 16 + 4 + 8;
    let cases = [
        (0, "version"),
        (4, "sensor's name"),
        (compressions, "colour compression"),
        (compressions + 9, "pixels"),
        (compressions + 24, "unit"),
    ];
    for (at, words) in cases.into_iter().chain([
        (frame + 64 + 16 + 6, "a picture has"),
        (frame + 64 + 24 + 6, "a depth image has"),
    ]) {
        let mut bytes = sens();
        bytes[at] = 0xee;
        bytes[at + 1] = 0xee;
        let error = first(bytes).unwrap_err();
        assert!(error.contains(words), "{error} does not say {words}");
    }
}
