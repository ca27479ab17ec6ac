#![allow(clippy::unwrap_used)]
//! A room reconstructed by a tilted SLAM and by a network without scale, in exactly the files that
//! both programs write: a floor 1.5 m below the cameras and a wall ahead.

use std::{
    fs,
    io::{Cursor, Write},
    path::Path,
};

use image::{ImageBuffer, Rgb};
use segscape::views::Camera;
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use super::*;
use crate::readers::{
    Kind, npy, scenes,
    tests::{options, prepared, refusal},
};

const ROWS: usize = 24;
const COLUMNS: usize = 32;
const FOCAL: f32 = 30.0;
/// Number of images, of which the third has no pose.
const COUNT: usize = 5;
const LOST: usize = 2;
const EYE: f32 = 1.5;
const WALL: f32 = 4.0;

/// Rotation from the room (z up) to the frame of the reconstruction, without its scale.
fn tilt() -> Affine3A {
    Affine3A::from_quat(Quat::from_rotation_x(1.9) * Quat::from_rotation_z(0.4))
}

/// A camera in the room that looks along y and slightly down, `row` steps to the right.
fn camera(row: usize) -> Camera {
    let axes = glam::Mat3::from_cols(Vec3::X, -Vec3::Z, Vec3::Y);
    let place = Affine3A::from_translation(Vec3::new(0.2 * row as f32, 0.0, EYE));
    let world_from_camera = place * Affine3A::from_rotation_x(-0.5) * Affine3A::from_mat3(axes);
    let center = [0.5 * (COLUMNS - 1) as f32, 0.5 * (ROWS - 1) as f32];
    Camera {
        width: COLUMNS as f32,
        height: ROWS as f32,
        focal: [FOCAL; 2],
        center,
        world_from_camera,
    }
}

/// The point of the room that a pixel shows, and its depth.
fn seen(camera: &Camera, pixel: usize) -> (Vec3, f32) {
    let [x, y] = [
        (pixel % COLUMNS) as f32 - camera.center[0],
        (pixel / COLUMNS) as f32 - camera.center[1],
    ]
    .map(|offset| offset / FOCAL);
    let eye = Vec3::from(camera.world_from_camera.translation);
    let ray = camera
        .world_from_camera
        .transform_vector3(Vec3::new(x, y, 1.0));
    let to = |along: f32| if along > 0.0 { along } else { f32::INFINITY };
    let depth = to(-eye.z / ray.z).min(to((WALL - eye.y) / ray.y));
    (eye + depth * ray, depth)
}

fn color(pixel: usize) -> [u8; 3] {
    [
        (8 * (pixel % COLUMNS)) as u8,
        (10 * (pixel / COLUMNS)) as u8,
        200,
    ]
}

fn put_picture(path: &Path) {
    let picture = ImageBuffer::from_fn(COLUMNS as u32, ROWS as u32, |x, y| {
        Rgb(color(y as usize * COLUMNS + x as usize))
    });
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    picture.save(path).unwrap();
}

/// `false` for every fifth column, whose confidence is too low.
fn passed(pixel: usize) -> bool {
    !(pixel % COLUMNS).is_multiple_of(5)
}

fn mast3r_slam(folder: &Path) {
    let (mut trajectory, mut vertices, mut masks) = (String::new(), vec![], vec![]);
    for row in 0..COUNT {
        let camera = camera(row);
        let (_, rotation, place) =
            (tilt() * camera.world_from_camera).to_scale_rotation_translation();
        let mut pose = [
            place.x, place.y, place.z, rotation.x, rotation.y, rotation.z, rotation.w,
        ]
        .map(|x| x.to_string())
        .join(" ");
        if row == LOST {
            pose = ["nan"; 7].join(" ");
        }
        trajectory += &format!("{}.5 {pose}\n", row);
        put_picture(&folder.join(format!("keyframes/kitchen/{row}.5.png")));
        for pixel in 0..ROWS * COLUMNS {
            masks.push(u8::from(passed(pixel)));
            if passed(pixel) {
                let point = tilt().transform_point3(seen(&camera, pixel).0);
                vertices.extend(
                    point
                        .to_array()
                        .into_iter()
                        .flat_map(f32::to_le_bytes)
                        .chain(color(pixel)),
                );
            }
        }
    }
    let count = vertices.len() / 15;
    let header = format!(
        "ply\nformat binary_little_endian 1.0\nelement vertex {count}\nproperty float x\nproperty float y\nproperty float z\nproperty uchar red\n\
         property uchar green\nproperty uchar blue\nend_header\n"
    );
    fs::write(
        folder.join("kitchen.ply"),
        [header.into_bytes(), vertices].concat(),
    )
    .unwrap();
    fs::write(folder.join("kitchen.txt"), trajectory).unwrap();
    fs::write(
        folder.join("kitchen.masks.npy"),
        npy::tests::encode("|b1", &[COUNT, ROWS, COLUMNS], &masks),
    )
    .unwrap();
}

/// Units of VGGT's file per metre of the room.
const UNIT: f32 = 0.4;

/// The arrays of the predictions, which tests may change before they are written.
fn predictions() -> Vec<(&'static str, Vec<usize>, Vec<f32>)> {
    let all = |channels: usize, value: &dyn Fn(usize, usize) -> Vec<f32>| -> Vec<f32> {
        let values: Vec<f32> = (0..COUNT)
            .flat_map(|row| (0..ROWS * COLUMNS).flat_map(move |pixel| value(row, pixel)))
            .collect();
        assert_eq!(values.len(), COUNT * ROWS * COLUMNS * channels);
        values
    };
    let first = camera(0).world_from_camera;
    // relative to the first camera
    let world_from_camera = |row: usize| {
        let mut pose = first.inverse() * camera(row).world_from_camera;
        pose.translation *= UNIT;
        pose
    };
    let extrinsic = (0..COUNT).flat_map(|row| {
        let m = world_from_camera(row).inverse();
        let rows = (0..3)
            .flat_map(|i| [m.x_axis[i], m.y_axis[i], m.z_axis[i], m.translation[i]])
            .collect::<Vec<f32>>();
        if row == LOST { vec![0.0; 12] } else { rows }
    });
    let [cx, cy] = camera(0).center;
    let intrinsic = [FOCAL, 0.0, cx, 0.0, FOCAL, cy, 0.0, 0.0, 1.0].repeat(COUNT);
    let images = (0..COUNT).flat_map(|_| {
        (0..3).flat_map(|channel| {
            (0..ROWS * COLUMNS).map(move |pixel| f32::from(color(pixel)[channel]) / 255.0)
        })
    });
    vec![
        (
            "depth",
            vec![COUNT, ROWS, COLUMNS, 1],
            all(1, &|row, pixel| vec![UNIT * seen(&camera(row), pixel).1]),
        ),
        (
            "depth_conf",
            vec![COUNT, ROWS, COLUMNS],
            all(1, &|_, pixel| vec![if passed(pixel) { 5.0 } else { 1e-6 }]),
        ),
        ("extrinsic", vec![COUNT, 3, 4], extrinsic.collect()),
        ("intrinsic", vec![COUNT, 3, 3], intrinsic),
        ("images", vec![COUNT, 3, ROWS, COLUMNS], images.collect()),
        (
            "world_points",
            vec![COUNT, ROWS, COLUMNS, 3],
            all(3, &|row, pixel| {
                (UNIT
                    * first
                        .inverse()
                        .transform_point3(seen(&camera(row), pixel).0))
                .to_array()
                .to_vec()
            }),
        ),
    ]
}

fn pack(folder: &Path, arrays: &[(&'static str, Vec<usize>, Vec<f32>)]) {
    let mut file = ZipWriter::new(Cursor::new(vec![]));
    for (name, shape, values) in arrays {
        let method = if *name == "depth" {
            CompressionMethod::Deflated
        } else {
            CompressionMethod::Stored
        };
        file.start_file(
            format!("{name}.npy"),
            SimpleFileOptions::default().compression_method(method),
        )
        .unwrap();
        file.write_all(&npy::tests::floats(shape, values)).unwrap();
    }
    fs::write(
        folder.join("predictions.npz"),
        file.finish().unwrap().into_inner(),
    )
    .unwrap();
}

fn level() -> Options {
    Options {
        level: true,
        farthest: 9.0,
        spacing: 0.01,
        ..options()
    }
}

/// Checks floor and wall, the up direction and the scale, and that each point projects to its
/// pixel.
fn check(scene: &Foundation, scale: f32) {
    assert_eq!(scene.images.len(), COUNT - 1);
    let eye = scene.images[0].camera.position();
    for ((position, origin), color) in scene
        .positions
        .iter()
        .zip(&scene.origins)
        .zip(scene.colors.as_ref().unwrap())
    {
        let origin = origin.unwrap();
        let image = &scene.images[origin.view as usize];
        let pixel = image.camera.project(*position).unwrap();
        assert!(
            (pixel.x - origin.x).abs() < 2e-3 && (pixel.y - origin.y).abs() < 2e-3,
            "{pixel:?} {origin:?}"
        );
        let place =
            (origin.y * ROWS as f32) as usize * COLUMNS + (origin.x * COLUMNS as f32) as usize;
        assert!(passed(place), "a pixel that did not pass has a point");
        assert_eq!(*color, self::color(place));
        let source = image
            .name
            .trim_end_matches(".5")
            .trim_start_matches('0')
            .parse()
            .unwrap_or(0);
        let [down, distance] = [(eye[2] - position[2]) / scale, pixel.depth / scale];
        let (room, depth) = seen(&camera(source), place);
        assert!(
            (down - (EYE - room.z)).abs() < 0.03 && (distance - depth).abs() < 0.03,
            "{down} {} {distance} {depth}",
            EYE - room.z
        );
    }
}

#[test]
fn a_sequence_of_mast3r_slam_becomes_a_level_room() {
    let folder = tempfile::tempdir().unwrap();
    mast3r_slam(folder.path());
    let found = scenes(Kind::Mast3rSlam, &folder.path().join("kitchen.ply")).unwrap();
    assert_eq!(found[0].0, "kitchen");
    for path in [folder.path(), &found[0].1] {
        let (scene, summary) = prepared(Kind::Mast3rSlam, path, &level()).unwrap();
        assert!(
            summary.contains("4 images, 1 without a camera"),
            "{summary}"
        );
        check(&scene, 1.0);
        let focal = scene.images[0].camera.focal[0];
        assert!((focal - FOCAL).abs() < 0.01, "{focal}");
    }
    // every fourth keyframe alone gives too few images
    let half = prepared(
        Kind::Mast3rSlam,
        folder.path(),
        &Options {
            every: 4,
            ..level()
        },
    )
    .unwrap_err();
    assert!(
        format!("{half:#}").contains("2 images with a camera"),
        "{half:#}"
    );
}

#[test]
fn predictions_of_vggt_become_a_level_room_in_metres() {
    let folder = tempfile::tempdir().unwrap();
    pack(folder.path(), &predictions());
    let (scene, summary) = prepared(
        Kind::Vggt,
        folder.path(),
        &Options {
            metres_per_unit: Some(1.0 / UNIT),
            ..level()
        },
    )
    .unwrap();
    assert!(summary.contains("1 without a camera"), "{summary}");
    check(&scene, 1.0);
    let (scene, summary) = prepared(Kind::Vggt, folder.path(), &level()).unwrap();
    let depths = scene.images.iter().flat_map(|image| {
        (0..ROWS * COLUMNS).map(|i| image.depth.as_ref().unwrap().at(i / COLUMNS, i % COLUMNS)[0])
    });
    let middle = median(depths.filter(|depth| *depth > 0.0).collect()).unwrap();
    assert!(
        (middle - TYPICAL_DEPTH).abs() < 0.1 && summary.contains("the unit is assumed to be"),
        "{middle} {summary}"
    );
    // images with the channels last, as the demos store them, and an up axis from the user: -y of
    // the first camera
    let mut arrays = predictions();
    let planar = std::mem::take(&mut arrays[4].2);
    let pixels = ROWS * COLUMNS;
    arrays[4].1 = vec![COUNT, ROWS, COLUMNS, 3];
    arrays[4].2 = (0..COUNT * pixels * 3)
        .map(|i| planar[(i / (3 * pixels) * 3 + i % 3) * pixels + i / 3 % pixels])
        .collect();
    arrays.remove(5);
    pack(folder.path(), &arrays);
    let named = Options {
        level: false,
        up: segscape::scan::UpAxis::MinusY,
        metres_per_unit: Some(1.0 / UNIT),
        ..level()
    };
    let tilted = prepared(Kind::Vggt, folder.path(), &named).unwrap().0;
    let [_, ahead, up] = tilted.images[0]
        .camera
        .world_from_camera
        .matrix3
        .z_axis
        .to_array();
    assert!(
        ahead > 0.99 && up.abs() < 0.01,
        "the camera looks along y though it was held downwards"
    );
}

#[test]
fn failed_predictions_say_by_which_rule() {
    type Change = (
        &'static str,
        fn(&mut Vec<(&'static str, Vec<usize>, Vec<f32>)>),
    );
    let changes: [Change; 10] = [
        ("disagree by", |arrays| {
            arrays[5].2.iter_mut().for_each(|x| *x *= 1.5)
        }),
        ("% of the pixels", |arrays| {
            arrays[1].2.iter_mut().for_each(|x| *x = 1e-6)
        }),
        ("the cameras moved", |arrays| {
            let first = arrays[2].2[..12].to_vec();
            arrays[2].2 = first.repeat(COUNT);
            arrays.remove(5);
        }),
        ("a camera is", |arrays| {
            arrays[2].2[12 * 4 + 3] = 100.0;
            arrays.remove(5);
        }),
        ("2 images", |arrays| arrays[2].2[..24].fill(f32::NAN)),
        ("held in all directions", |arrays| {
            // the second and the fourth camera are upside down
            for row in [1, 3] {
                arrays[2].2[12 * row..][..8]
                    .iter_mut()
                    .for_each(|x| *x = -*x);
            }
            arrays.remove(5);
        }),
        ("there is no array `depth`", |arrays| drop(arrays.remove(0))),
        ("does not fit", |arrays| {
            arrays[0].1 = vec![COUNT, COLUMNS, ROWS, 1]
        }),
        ("too early", |arrays| arrays[4].2.truncate(10)),
        ("at most", |arrays| {
            arrays[1].1 = vec![1 << 20, 1 << 20, 1 << 30]
        }),
    ];
    for (words, change) in changes {
        let folder = tempfile::tempdir().unwrap();
        let mut arrays = predictions();
        change(&mut arrays);
        pack(folder.path(), &arrays);
        let error = refusal(Kind::Vggt, folder.path(), &level());
        assert!(error.contains(words), "{error} does not say {words}");
    }
}

#[test]
fn failed_slam_says_by_which_rule() {
    type Damage = (&'static str, fn(&Path));
    let damages: [Damage; 6] = [
        ("masks.npy: only masks", |scene| {
            fs::remove_file(scene.join("kitchen.masks.npy")).unwrap()
        }),
        ("masks of 4 keyframes", |scene| {
            fs::write(
                scene.join("kitchen.masks.npy"),
                npy::tests::encode("|b1", &[4, 2, 2], &[1; 16]),
            )
            .unwrap()
        }),
        ("need at least", |scene| {
            let all = vec![1; COUNT * ROWS * COLUMNS];
            fs::write(
                scene.join("kitchen.masks.npy"),
                npy::tests::encode("|b1", &[COUNT, ROWS, COLUMNS], &all),
            )
            .unwrap();
        }),
        ("disagree by", |scene| {
            // the masks of another run
            let others: Vec<u8> = (0..COUNT * ROWS * COLUMNS)
                .map(|i| u8::from(i % (ROWS * COLUMNS) < 25 * ROWS))
                .collect();
            fs::write(
                scene.join("kitchen.masks.npy"),
                npy::tests::encode("|b1", &[COUNT, ROWS, COLUMNS], &others),
            )
            .unwrap();
        }),
        ("instead of 8", |scene| {
            fs::write(scene.join("kitchen.txt"), "0.5 1 2 3\n").unwrap()
        }),
        ("is not a time", |scene| {
            fs::write(scene.join("kitchen.txt"), "../x 0 0 0 0 0 0 1\n").unwrap()
        }),
    ];
    for (words, damage) in damages {
        let folder = tempfile::tempdir().unwrap();
        mast3r_slam(folder.path());
        damage(folder.path());
        let error = refusal(Kind::Mast3rSlam, folder.path(), &level());
        assert!(error.contains(words), "{error} does not say {words}");
    }
}
