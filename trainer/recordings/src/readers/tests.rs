#![allow(clippy::unwrap_used)]
//! Tests with small recordings that follow their formats exactly, and with real ones if they are
//! available.

use std::fs;

use image::{ImageBuffer, Luma, Rgb};

use super::*;
use crate::foundation::{Foundation, InFolder as _};

pub const ROWS: u32 = 6;
pub const COLUMNS: u32 = 8;
/// Focal length and principal point of the depth images of the recordings.
pub const FOCAL: f32 = 8.0;
pub const CENTER: [f32; 2] = [3.5, 2.5];

pub fn options() -> Options {
    Options {
        every: 1,
        spacing: 0.02,
        farthest: 4.5,
        up: UpAxis::PlusZ,
        level: false,
        metres_per_unit: None,
        depth_unit: None,
        labels: None,
        classes: None,
        intrinsics: None,
        features: None,
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
    let (scene, Outcome { summary, .. }) = outcome(kind, scene, options)?;
    Ok((scene, summary))
}

/// The same with the warnings.
pub fn outcome(
    kind: Kind,
    scene: &Path,
    options: &Options,
) -> anyhow::Result<(Foundation, Outcome)> {
    let folder = tempfile::tempdir()?;
    let out = folder.path().join("bundle");
    let outcome = prepare(kind, scene, &out, options);
    let left = fs::read_dir(folder.path())?.count();
    assert_eq!(left, usize::from(outcome.is_ok()), "a bundle or nothing");
    let outcome = outcome?;
    Ok((Foundation::read(&out)?, outcome))
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

#[test]
fn the_unit_of_depth_images_can_be_given() {
    let folder = tempfile::tempdir().unwrap();
    sens_reader(folder.path());
    let write = |value: u16| {
        for frame in [0, 2, 10] {
            let path = folder.path().join(format!("depth/{frame}.png"));
            depth_of(value).save(path).unwrap();
        }
    };
    // quarters of a millimetre: 1 m looks like 4 m, and 2.5 m like 10 m
    write(4000);
    let quarters = Options {
        depth_unit: Some(0.00025),
        ..options()
    };
    let (scene, told) = outcome(Kind::Frames, folder.path(), &quarters).unwrap();
    assert!(scene.positions.iter().all(|p| (p[2] - 1.0).abs() < 1e-4));
    assert_eq!(
        scene.images[0].depth.as_ref().unwrap().at(0, 0),
        [1.0],
        "bundles are in millimetres"
    );
    assert!(told.warnings.is_empty(), "{told:?}");
    write(10_000);
    let error = refusal(Kind::Frames, folder.path(), &options());
    assert!(
        error.contains("median depth is 10 m") && error.contains("--depth-unit"),
        "{error}"
    );
    let far = Options {
        farthest: 20.0,
        ..options()
    };
    let (_, told) = outcome(Kind::Frames, folder.path(), &far).unwrap();
    assert!(
        told.warnings[0].contains("median depth is 10 m")
            && told.warnings[0].contains("--depth-unit"),
        "{told:?}"
    );
    write(250);
    let (_, told) = outcome(Kind::Frames, folder.path(), &options()).unwrap();
    assert!(
        told.warnings[0].contains("median depth is 0.25 m"),
        "{told:?}"
    );
}

/// Renames the frames of SensReader as in 7-Scenes, without a camera.
fn seven_scenes(folder: &Path) {
    sens_reader(folder);
    for frame in [0, 2, 10] {
        for (from, to) in [
            (format!("color/{frame}.png"), "color.png"),
            (format!("depth/{frame}.png"), "depth.png"),
            (format!("pose/{frame}.txt"), "pose.txt"),
        ] {
            let to = folder.join(format!("frame-{frame:06}.{to}"));
            fs::rename(folder.join(from), to).unwrap();
        }
    }
    for sub in ["color", "depth", "pose", "intrinsic"] {
        fs::remove_dir_all(folder.join(sub)).unwrap();
    }
}

#[test]
fn frames_of_7_scenes_find_their_camera() {
    let root = tempfile::tempdir().unwrap();
    let scene = root.path().join("chess/seq-01");
    seven_scenes(&scene);
    assert!(is_scene(Kind::Frames, &scene) && !is_scene(Kind::Frames, root.path()));
    // as 7-Scenes was released, there is no camera
    let error = refusal(Kind::Frames, &scene, &options());
    assert!(
        error.contains("seq-01/camera-intrinsics.txt") && error.contains("--intrinsics"),
        "{error}"
    );
    let [cx, cy] = CENTER;
    let camera = format!("{FOCAL} 0 {cx}\n0 {FOCAL} {cy}\n0 0 1\n");
    let given = root.path().join("kinect.txt");
    fs::write(&given, &camera).unwrap();
    let with_camera = Options {
        intrinsics: Some(given),
        ..options()
    };
    // 3DMatch has one for all sequences of a scene
    let beside = |options: &Options| {
        let (scene, summary) = prepared(Kind::Frames, &scene, options).unwrap();
        assert!(summary.contains("2 frames, 1 without a pose"), "{summary}");
        scene.images[0].camera.focal[0]
    };
    assert_eq!(beside(&with_camera), FOCAL);
    fs::write(root.path().join("chess/camera-intrinsics.txt"), &camera).unwrap();
    assert_eq!(beside(&options()), FOCAL);
    let nearer = camera.replace(&FOCAL.to_string(), "9");
    fs::write(scene.join("camera-intrinsics.txt"), nearer).unwrap();
    assert_eq!(beside(&options()), 9.0, "the recording's own comes first");
    assert_eq!(beside(&with_camera), FOCAL, "and the user's before it");
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
