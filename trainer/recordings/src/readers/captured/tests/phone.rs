#![allow(clippy::unwrap_used)]
//! Four frames as each app writes them, two of them complete: the wall of the other recordings,
//! seen by ARKit's camera in its world with y up.

use image::{GrayImage, ImageBuffer, Luma};
use serde_json::json;

use crate::readers::{
    Kind, Options, scenes,
    tests::{COLUMNS, ROWS, options, prepared, refusal},
};
use std::{fs, path::Path};

/// Positions of the camera along x; the second frame has no pose, the fourth no depth image.
const PLACES: [Option<f32>; 4] = [Some(0.0), None, Some(0.1), Some(0.2)];
/// Focal length of the picture, which is four times as wide as the depth image.
const FOCAL: f32 = 32.0;
const CENTER: [f32; 2] = [15.5, 11.5];

fn put(path: &Path, bytes: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// Writes depth with one unknown pixel, and confidence with one other pixel of low confidence;
/// writes nothing for the fourth frame.
fn put_depth(frame: usize, depth: &Path, confidence: &Path, levels: [u8; 2]) {
    if frame == 3 {
        return;
    }
    put(depth, "");
    ImageBuffer::<Luma<u16>, _>::from_raw(COLUMNS, ROWS, crate::readers::tests::depth())
        .unwrap()
        .save(depth)
        .unwrap();
    put(confidence, "");
    GrayImage::from_fn(COLUMNS, ROWS, |x, y| {
        Luma([levels[usize::from([x, y] != [3, 3])]])
    })
    .save(confidence)
    .unwrap();
}

fn put_picture(path: &Path) {
    put(path, crate::readers::tests::picture());
}

/// The rows of ARKit's pose; zeros if tracking was lost.
fn rows(place: Option<f32>) -> [f32; 16] {
    match place {
        Some(x) => [
            1.0, 0.0, 0.0, x, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0,
        ],
        None => [0.0; 16],
    }
}

fn polycam(folder: &Path) {
    for (frame, place) in PLACES.into_iter().enumerate() {
        let at = |what: &str, extension: &str| {
            folder.join(format!(
                "keyframes/{what}/{}.{extension}",
                98_000 + 2500 * frame
            ))
        };
        let mut camera = json!({"fx": FOCAL, "fy": FOCAL, "cx": CENTER[0], "cy": CENTER[1], "width": 32, "height": 24, "blur_score": 71.5});
        for (i, value) in rows(place).into_iter().take(12).enumerate() {
            camera[format!("t_{}{}", i / 4, i % 4)] = json!(value);
        }
        put(&at("cameras", "json"), camera.to_string());
        put_picture(&at("images", "jpg"));
        put_depth(
            frame,
            &at("depth", "png"),
            &at("confidence", "png"),
            [0, 127],
        );
    }
}

fn scanner3d(folder: &Path) {
    for (frame, place) in PLACES.into_iter().enumerate() {
        let at =
            |what: &str, extension: &str| folder.join(format!("{what}_{frame:05}.{extension}"));
        let k = [FOCAL, 0.0, CENTER[0], 0.0, FOCAL, CENTER[1], 0.0, 0.0, 1.0];
        put(
            &at("frame", "json"),
            json!({"cameraPoseARFrame": rows(place), "intrinsics": k, "motionQuality": 1})
                .to_string(),
        );
        put_picture(&at("frame", "jpg"));
        put_depth(frame, &at("depth", "png"), &at("conf", "png"), [0, 2]);
    }
    // depth is recorded more often than pictures
    put(&folder.join("frame_00004.json"), "{}");
    put(&folder.join("info.json"), "{}");
}

fn stray(folder: &Path) {
    let mut odometry = "timestamp, frame, x, y, z, qx, qy, qz, qw\n".to_owned();
    for (frame, place) in PLACES.into_iter().enumerate() {
        let at =
            |what: &str, extension: &str| folder.join(format!("{what}/{frame:06}.{extension}"));
        // half a turn about x converts ARKit's axes to those of this program
        let pose = place.map_or("nan, nan, nan, nan, nan, nan, nan".to_owned(), |x| {
            format!("{x}, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0")
        });
        odometry += &format!("{}, {frame:06}, {pose}\n", 7.5 + frame as f32 / 60.0);
        put_picture(&at("rgb", "jpg"));
        put_depth(frame, &at("depth", "png"), &at("confidence", "png"), [0, 2]);
    }
    put(&folder.join("odometry.csv"), odometry);
    put(
        &folder.join("camera_matrix.csv"),
        format!(
            "{FOCAL}, 0.0, {}\n0.0, {FOCAL}, {}\n0.0, 0.0, 1.0\n",
            CENTER[0], CENTER[1]
        ),
    );
    put(&folder.join("rgb.mp4"), "");
}

/// An OpenEXR image with this depth in the channel R.
fn exr(depth: &[f32]) -> Vec<u8> {
    use ::exr::prelude::{
        AnyChannel, AnyChannels, Encoding, FlatSamples, Image, Layer, LayerAttributes, SmallVec,
        WritableImage as _,
    };
    let channel = AnyChannel::new("R", FlatSamples::F32(depth.to_vec()));
    let size = (COLUMNS as usize, ROWS as usize);
    let layer = Layer::new(
        size,
        LayerAttributes::named("depth"),
        Encoding::SMALL_LOSSLESS,
        AnyChannels::sort(SmallVec::from_iter([channel])),
    );
    let mut file = std::io::Cursor::new(Vec::new());
    Image::from_layer(layer)
        .write()
        .non_parallel()
        .to_buffered(&mut file)
        .unwrap();
    file.into_inner()
}

fn record3d(folder: &Path) {
    let folder = folder.join("EXR_RGBD");
    let poses: Vec<[f32; 7]> = PLACES
        .into_iter()
        .map(|place| place.map_or([0.0; 7], |x| [0.0, 0.0, 0.0, 1.0, x, 0.0, 0.0]))
        .collect();
    let k = [FOCAL, 0.0, 0.0, 0.0, FOCAL, 0.0, CENTER[0], CENTER[1], 1.0];
    put(
        &folder.join("metadata.json"),
        json!({"w": 32, "h": 24, "K": k, "fps": 60, "poses": poses}).to_string(),
    );
    for frame in 0..4 {
        put_picture(&folder.join(format!("rgb/{frame}.jpg")));
        let depth: Vec<f32> = (0..ROWS * COLUMNS)
            .map(|i| if i < 2 { f32::NAN } else { 2.0 })
            .collect();
        if frame != 3 {
            put(&folder.join(format!("depth/{frame}.exr")), exr(&depth));
        }
    }
}

type App = (Kind, fn(&Path));
const APPS: [App; 4] = [
    (Kind::Polycam, polycam),
    (Kind::Scanner3d, scanner3d),
    (Kind::Stray, stray),
    (Kind::Record3d, record3d),
];

fn of(kind: Kind) -> Options {
    Options {
        up: kind.up(),
        ..options()
    }
}

#[test]
fn every_app_gives_the_same_room() {
    for (kind, write) in APPS {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("capture");
        write(&path);
        assert_eq!(
            scenes(kind, folder.path()).unwrap()[0].0,
            "capture",
            "{kind:?}"
        );
        let (scene, summary) = prepared(kind, &path, &of(kind)).unwrap();
        assert_eq!(scene.images.len(), 2, "{kind:?}: {summary}");
        assert!(
            summary.contains("1 without a pose") && summary.contains("1 without its files"),
            "{kind:?}: {summary}"
        );
        // one pixel is unknown and one has low confidence
        assert_eq!(
            scene.positions.len(),
            2 * (ROWS * COLUMNS - 2) as usize,
            "{kind:?}"
        );
        for ((position, origin), color) in scene
            .positions
            .iter()
            .zip(&scene.origins)
            .zip(scene.colors.as_ref().unwrap())
        {
            let origin = origin.unwrap();
            let camera = scene.images[origin.view as usize].camera;
            let pixel = camera.project(*position).unwrap();
            assert!(
                (pixel.x - origin.x).abs() < 1e-5 && (pixel.y - origin.y).abs() < 1e-5,
                "{kind:?}"
            );
            // y is ahead and z is up: points higher in the picture are higher in the room, and
            // points on the left are on the left
            let [right, ahead, up] = std::array::from_fn(|i| position[i] - camera.position()[i]);
            assert!(
                (ahead - 2.0).abs() < 1e-5
                    && (up > 0.0) == (origin.y < 0.5)
                    && (right > 0.0) == (origin.x > 0.5),
                "{kind:?}: {position:?}"
            );
            assert!(
                (right - (origin.x - 0.5) * 2.0).abs() < 1e-5
                    && (up - (0.5 - origin.y) * 1.5).abs() < 1e-5,
                "{kind:?}: {position:?}"
            );
            assert_eq!(
                *color,
                if origin.x < 0.5 {
                    [255, 0, 0]
                } else {
                    [0, 0, 255]
                },
                "{kind:?}"
            );
        }
    }
}

#[test]
fn the_unit_of_whole_numbers_can_be_given() {
    for (kind, write) in APPS {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path());
        let halves = Options {
            depth_unit: Some(0.0005),
            ..of(kind)
        };
        if kind == Kind::Record3d {
            // OpenEXR is in metres
            let error = refusal(kind, folder.path(), &halves);
            assert!(
                error.contains(".exr") && error.contains("--depth-unit"),
                "{error}"
            );
            let depth = folder.path().join("EXR_RGBD/depth");
            for frame in 0..3 {
                fs::remove_file(depth.join(format!("{frame}.exr"))).unwrap();
                let image = crate::readers::tests::depth_of(2000);
                image.save(depth.join(format!("{frame}.png"))).unwrap();
            }
        }
        let (scene, _) = prepared(kind, folder.path(), &halves).unwrap();
        assert!(!scene.positions.is_empty());
        for (position, origin) in scene.positions.iter().zip(&scene.origins) {
            let view = origin.unwrap().view as usize;
            let ahead = position[1] - scene.images[view].camera.position()[1];
            assert!((ahead - 1.0).abs() < 1e-4, "{kind:?}: {ahead} m");
        }
    }
}

#[test]
fn what_polycam_corrected_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    polycam(folder.path());
    let keyframes = folder.path().join("keyframes");
    for (from, to) in [
        ("cameras", "corrected_cameras"),
        ("images", "corrected_images"),
    ] {
        fs::create_dir(keyframes.join(to)).unwrap();
        for entry in fs::read_dir(keyframes.join(from)).unwrap() {
            let path = entry.unwrap().path();
            let moved = fs::read_to_string(&path)
                .map(|text| text.replace("\"t_23\":0.0", "\"t_23\":7.0").into_bytes());
            put(
                &keyframes.join(to).join(path.file_name().unwrap()),
                moved.unwrap_or_else(|_| fs::read(&path).unwrap()),
            );
        }
    }
    let scene = prepared(Kind::Polycam, folder.path(), &of(Kind::Polycam))
        .unwrap()
        .0;
    assert!(
        scene
            .images
            .iter()
            .all(|image| image.camera.position()[1] == -7.0),
        "behind is -y"
    );
}

#[test]
fn what_is_wrong_with_a_recording_is_named() {
    type Damage = (Kind, &'static str, fn(&Path));
    let damages: [Damage; 16] = [
        (Kind::Polycam, "LiDAR", |scene| {
            fs::remove_dir_all(scene.join("keyframes/depth")).unwrap()
        }),
        (Kind::Polycam, "no \"t_00\"", |scene| {
            put(
                &scene.join("keyframes/cameras/98000.json"),
                r#"{"fx": 1, "fy": 1, "cx": 1, "cy": 1}"#,
            )
        }),
        (Kind::Polycam, "98000.json is not JSON", |scene| {
            put(&scene.join("keyframes/cameras/98000.json"), "{")
        }),
        (Kind::Polycam, "none of 4 frames", |scene| {
            fs::remove_dir_all(scene.join("keyframes/images")).unwrap()
        }),
        (Kind::Polycam, "turned or cropped", |scene| {
            image::RgbImage::new(24, 32)
                .save_with_format(
                    scene.join("keyframes/images/98000.jpg"),
                    image::ImageFormat::Png,
                )
                .unwrap();
        }),
        (Kind::Polycam, "confidence/98000.png has", |scene| {
            GrayImage::new(4, 3)
                .save(scene.join("keyframes/confidence/98000.png"))
                .unwrap()
        }),
        (Kind::Scanner3d, "3 numbers instead of 16", |scene| {
            put(
                &scene.join("frame_00000.json"),
                r#"{"cameraPoseARFrame": [1, 2, 3], "intrinsics": []}"#,
            );
        }),
        (Kind::Scanner3d, "no \"intrinsics\"", |scene| {
            put(
                &scene.join("frame_00000.json"),
                r#"{"cameraPoseARFrame": [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]}"#,
            )
        }),
        (Kind::Scanner3d, "no frame of", |scene| {
            (0..4).for_each(|i| fs::remove_file(scene.join(format!("frame_0000{i}.jpg"))).unwrap())
        }),
        (Kind::Stray, "ffmpeg", |scene| {
            fs::remove_dir_all(scene.join("rgb")).unwrap()
        }),
        (Kind::Stray, "no column \"qw\"", |scene| {
            put(
                &scene.join("odometry.csv"),
                "timestamp, frame, x, y, z, qx, qy, qz\n",
            )
        }),
        (Kind::Stray, "line 2 of", |scene| {
            put(
                &scene.join("odometry.csv"),
                "timestamp, frame, x, y, z, qx, qy, qz, qw\n0, 0, 1, 2\n",
            )
        }),
        (Kind::Stray, "do not fit", |scene| {
            put(
                &scene.join("camera_matrix.csv"),
                "1400, 0, 960, 0, 1400, 720, 0, 0, 1",
            )
        }),
        (Kind::Record3d, "no list \"poses\"", |scene| {
            put(&scene.join("EXR_RGBD/metadata.json"), "{}")
        }),
        (Kind::Record3d, "\"perFrameIntrinsicCoeffs\"", |scene| {
            put(&scene.join("EXR_RGBD/metadata.json"), r#"{"poses": []}"#)
        }),
        (Kind::Record3d, "depth/0.exr", |scene| {
            put(&scene.join("EXR_RGBD/depth/0.exr"), "x")
        }),
    ];
    for (kind, words, damage) in damages {
        let folder = tempfile::tempdir().unwrap();
        let write = APPS.iter().find(|(of, _)| *of == kind).unwrap().1;
        write(folder.path());
        damage(folder.path());
        let error = refusal(kind, folder.path(), &of(kind));
        assert!(
            error.contains(words),
            "{kind:?}: {error} does not say {words}"
        );
    }
}

#[test]
fn what_has_to_be_exported_again_says_how() {
    let folder = tempfile::tempdir().unwrap();
    put(&folder.path().join("room.r3d"), "PK");
    let listed = scenes(Kind::Record3d, folder.path()).unwrap();
    assert_eq!(listed[0].0, "room");
    let error = refusal(Kind::Record3d, &listed[0].1, &of(Kind::Record3d));
    assert!(
        error.contains("room.r3d") && error.contains("EXR + JPG sequence"),
        "{error}"
    );
}
