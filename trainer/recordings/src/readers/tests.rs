#![allow(clippy::unwrap_used)]
//! Tests with small recordings that follow their formats exactly, and with real ones if they are
//! available.

use std::fs;

use image::{ImageBuffer, Luma, Rgb};
use miniz_oxide::deflate::compress_to_vec_zlib;

use super::*;
use crate::foundation::{Foundation, Truth};

pub const ROWS: u32 = 6;
pub const COLUMNS: u32 = 8;
/// Focal length and principal point of the depth images of the recordings.
const FOCAL: f32 = 8.0;
const CENTER: [f32; 2] = [3.5, 2.5];

pub fn options() -> Options {
    Options {
        every: 1,
        spacing: 0.02,
        farthest: 4.5,
        up: UpAxis::PlusZ,
        level: false,
        metres_per_unit: None,
        labels: None,
        intrinsics: None,
        features: None,
        nyu40: false,
    }
}

/// Depth of a wall two metres away, with one unknown pixel.
pub fn depth() -> Vec<u16> {
    (0..ROWS * COLUMNS)
        .map(|pixel| if pixel == 0 { 0 } else { 2000 })
        .collect()
}

/// Depth image of a wall, with the same raw value in all pixels.
pub fn depth_of(value: u16) -> ImageBuffer<Luma<u16>, Vec<u16>> {
    ImageBuffer::from_pixel(COLUMNS, ROWS, Luma([value]))
}

/// A picture four times as wide as the depth image, red on the left and blue on the right.
pub fn picture() -> Vec<u8> {
    let picture = ImageBuffer::from_fn(4 * COLUMNS, 4 * ROWS, |x, _| {
        if x < 2 * COLUMNS {
            Rgb([255u8, 0, 0])
        } else {
            Rgb([0, 0, 255])
        }
    });
    let mut bytes = std::io::Cursor::new(vec![]);
    picture
        .write_to(&mut bytes, image::ImageFormat::Png)
        .unwrap();
    bytes.into_inner()
}

/// Text of a pose `x` metres to the right of the world's origin, looking along its z axis.
pub fn pose_text(x: f32) -> String {
    format!("1 0 0 {x}\n0 1 0 0\n0 0 1 0\n0 0 0 1\n")
}

pub const LOST: &str =
    "-inf -inf -inf -inf\n-inf -inf -inf -inf\n-inf -inf -inf -inf\n-inf -inf -inf -inf\n";

/// Writes three frames in the layout of SensReader, the second without a pose.
pub fn sens_reader(folder: &Path) {
    for sub in ["color", "depth", "pose", "intrinsic"] {
        fs::create_dir_all(folder.join(sub)).unwrap();
    }
    for (frame, pose) in [
        (0, pose_text(0.0)),
        (2, LOST.to_owned()),
        (10, pose_text(0.1)),
    ] {
        fs::write(folder.join(format!("color/{frame}.png")), picture()).unwrap();
        ImageBuffer::<Luma<u16>, _>::from_raw(COLUMNS, ROWS, depth())
            .unwrap()
            .save(folder.join(format!("depth/{frame}.png")))
            .unwrap();
        fs::write(folder.join(format!("pose/{frame}.txt")), pose).unwrap();
    }
    let [cx, cy] = CENTER;
    let intrinsics = format!("{FOCAL} 0 {cx} 0\n0 {FOCAL} {cy} 0\n0 0 1 0\n0 0 0 1\n");
    fs::write(folder.join("intrinsic/intrinsic_depth.txt"), intrinsics).unwrap();
}

pub fn prepared(
    kind: Kind,
    scene: &Path,
    options: &Options,
) -> anyhow::Result<(Foundation, String)> {
    let out = tempfile::tempdir()?;
    let out = out.path().join("bundle");
    let summary = prepare(kind, scene, &out, options)?;
    Ok((Foundation::read(&out)?, summary))
}

pub fn refusal(kind: Kind, scene: &Path, options: &Options) -> String {
    format!("{:#}", prepared(kind, scene, options).unwrap_err())
}

#[test]
fn exported_frames_become_points_that_know_their_pixels() {
    let folder = tempfile::tempdir().unwrap();
    sens_reader(folder.path());
    let (scene, summary) = prepared(Kind::Frames, folder.path(), &options()).unwrap();
    assert_eq!(
        scene
            .images
            .iter()
            .map(|image| image.name.as_str())
            .collect::<Vec<_>>(),
        ["0", "10"],
        "in the order of their numbers"
    );
    assert!(summary.contains("1 without a pose"), "{summary}");
    // pixels are 25 cm apart at two metres, so no two share a cell; the second camera is 10 cm
    // farther to the right
    assert_eq!(scene.positions.len(), 2 * (ROWS * COLUMNS - 1) as usize);
    for ((position, origin), color) in scene
        .positions
        .iter()
        .zip(&scene.origins)
        .zip(scene.colors.as_ref().unwrap())
    {
        let origin = origin.unwrap();
        let pixel = scene.images[origin.view as usize]
            .camera
            .project(*position)
            .unwrap();
        assert!(
            (pixel.x - origin.x).abs() < 1e-5
                && (pixel.y - origin.y).abs() < 1e-5
                && (pixel.depth - 2.0).abs() < 1e-5
        );
        assert_eq!(
            *color,
            if origin.x < 0.5 {
                [255, 0, 0]
            } else {
                [0, 0, 255]
            }
        );
    }
    let corner = scene.positions.iter().find(|p| p[0] > 0.9).unwrap();
    assert!(
        (corner[0] - (2.0 * (7.0 - CENTER[0]) / FOCAL + 0.1)).abs() < 0.2 && corner[2] == 2.0,
        "{corner:?}"
    );

    let turned = prepared(
        Kind::Frames,
        folder.path(),
        &Options {
            up: UpAxis::MinusY,
            ..options()
        },
    )
    .unwrap()
    .0;
    assert!(
        turned.positions.iter().all(|p| (p[1] - 2.0).abs() < 1e-5),
        "what was ahead along z is ahead along y, and up is up"
    );
    assert_eq!(
        prepared(
            Kind::Frames,
            folder.path(),
            &Options {
                every: 2,
                ..options()
            }
        )
        .unwrap()
        .0
        .images
        .len(),
        2
    );
    assert_eq!(scenes(Kind::Frames, folder.path()).unwrap().len(), 1);
}

#[test]
fn what_is_wrong_with_a_recording_is_named() {
    type Damage = (&'static str, fn(&Path));
    let damages: [Damage; 7] = [
        ("intrinsic_depth.txt", |scene| {
            fs::remove_file(scene.join("intrinsic/intrinsic_depth.txt")).unwrap()
        }),
        ("3 numbers instead of 16", |scene| {
            fs::write(scene.join("pose/0.txt"), "1 2 3").unwrap()
        }),
        ("\"x\" is not a number", |scene| {
            fs::write(scene.join("pose/0.txt"), "1 x").unwrap()
        }),
        ("none of 3 frames", |scene| {
            [0, 10]
                .iter()
                .for_each(|i| fs::remove_file(scene.join(format!("color/{i}.png"))).unwrap())
        }),
        ("the picture of frame 10", |scene| {
            fs::write(scene.join("color/10.png"), "x").unwrap()
        }),
        ("depth/10.png", |scene| {
            fs::write(scene.join("depth/10.png"), "x").unwrap()
        }),
        ("none of 3 frames has a pose", |scene| {
            [0, 10]
                .iter()
                .for_each(|i| fs::write(scene.join(format!("pose/{i}.txt")), LOST).unwrap())
        }),
    ];
    for (words, damage) in damages {
        let folder = tempfile::tempdir().unwrap();
        sens_reader(folder.path());
        damage(folder.path());
        let error = refusal(Kind::Frames, folder.path(), &options());
        assert!(error.contains(words), "{error} does not say {words}");
    }
    let folder = tempfile::tempdir().unwrap();
    sens_reader(folder.path());
    assert!(
        refusal(
            Kind::Frames,
            folder.path(),
            &Options {
                farthest: 1.0,
                ..options()
            }
        )
        .contains("no frame has a depth")
    );
    assert!(
        scenes(Kind::Scannet, folder.path())
            .unwrap_err()
            .to_string()
            .contains("not a scene of this kind")
    );
}

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
        "id\traw_category\tcategory\n5\tchair\tchair\n5\toffice chair\tchair\n",
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
    let names = vec![(5, "chair".to_owned())];
    assert_eq!(
        scene.truth.unwrap(),
        Truth {
            semantic: vec![5, 5, 0, 0],
            instance: vec![1, 1, 2, 0],
            names
        }
    );
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
        (compressions + 8, "pixels"),
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

#[test]
#[ignore = "needs the real recordings, whose terms keep them out of the project"]
fn a_real_kitchen_becomes_a_room_with_its_floor_below() {
    let folder = Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../shared/data/seq-7scenes"
    ));
    let (scene, summary) = prepared(
        Kind::Frames,
        folder,
        &Options {
            every: 10,
            up: UpAxis::MinusY,
            spacing: 0.04,
            ..options()
        },
    )
    .unwrap();
    assert_eq!(scene.images.len(), 5, "{summary}");
    assert!(scene.positions.len() > 10_000, "{summary}");
    let height = |share: f64| {
        let mut heights: Vec<f32> = scene.positions.iter().map(|p| p[2]).collect();
        heights.sort_by(f32::total_cmp);
        heights[(share * heights.len() as f64) as usize]
    };
    assert!(
        (1.0..4.0).contains(&(height(0.99) - height(0.01))),
        "{} m high",
        height(0.99) - height(0.01)
    );
    let eyes = scene.images.iter().map(|image| image.camera.position()[2]);
    assert!(
        eyes.into_iter().all(|eye| eye > height(0.05)),
        "cameras are held above the floor"
    );
}
