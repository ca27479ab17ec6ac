//! Recordings in the layout of TUM RGB-D: lists of time stamps with pictures (rgb.txt), depth
//! images (depth.txt) and poses (groundtruth.txt).

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};
use glam::Affine3A;

use super::{
    Options, Shots,
    intrinsics::Intrinsics,
    quaternion_pose,
    recorded::{Recorded, inside},
};

const LISTS: [&str; 3] = ["rgb.txt", "depth.txt", "groundtruth.txt"];
/// Files in which a folder may specify its camera.
const INTRINSICS: [&str; 3] = ["camera_intrinsic.json", "intrinsics.txt", "calibration.txt"];
/// Depth units per metre: fifths of a millimetre.
const UNIT: f32 = 5000.0;
/// Time stamps that are farther apart belong to different moments, seconds.
const APART: f64 = 0.02;
/// Names of the three cameras of the data set, and their fx, fy, cx and cy.
const CAMERAS: [([&str; 2], [f32; 4]); 3] = [
    (["freiburg1", "fr1"], [517.3, 516.5, 318.6, 255.3]),
    (["freiburg2", "fr2"], [520.9, 521.0, 325.1, 249.7]),
    (["freiburg3", "fr3"], [535.4, 539.2, 320.1, 247.6]),
];
const SIZE: [f32; 2] = [640.0, 480.0];

/// `true` if the folder has the three lists.
pub fn is_scene(folder: &Path) -> bool {
    LISTS.iter().all(|list| folder.join(list).is_file())
}

/// Every `every`-th pair of a picture and a depth image that are each other's nearest in time, with
/// the nearest pose.
///
/// # Errors
/// A list breaks its format or names files outside the folder, the camera is unknown, or no picture
/// has a depth image.
pub fn frames<'a>(folder: &'a Path, options: &'a Options) -> anyhow::Result<Shots<'a>> {
    let [rgb, depth, poses] = LISTS.map(|list| folder.join(list));
    let (pictures, depths) = (
        list(&rgb, |words| file(folder, words))?,
        list(&depth, |words| file(folder, words))?,
    );
    let poses = list(&poses, pose)?;
    let intrinsics = match Intrinsics::find(options, folder, &INTRINSICS)? {
        Some(intrinsics) => intrinsics,
        None => known(folder).with_context(|| {
            format!(
                "the camera of {} is not known: the name contains none of fr1, fr2 and fr3, and the folder has none of {INTRINSICS:?}; give --intrinsics",
                folder.display()
            )
        })?,
    };
    let mutual = |picture: usize| {
        let depth = nearest(&depths, pictures[picture].0)?;
        (nearest(&pictures, depths[depth].0) == Some(picture)).then_some((picture, depth))
    };
    let pairs: Vec<_> = (0..pictures.len()).filter_map(mutual).collect();
    ensure!(
        !pairs.is_empty(),
        "no picture in {} has a depth image within {APART} s",
        rgb.display()
    );
    let unit = options.units_per_metre(UNIT);
    let frame = move |(picture, depth): (usize, usize)| {
        let (time, depth) = &depths[depth];
        let picture = &pictures[picture].1;
        let recorded = Recorded {
            name: picture
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            picture: picture.clone(),
            depth: depth.clone(),
            world_from_camera: nearest(&poses, *time).and_then(|row| poses[row].1),
        };
        recorded.shot(&intrinsics, unit)
    };
    Ok(Box::new(
        pairs.into_iter().step_by(options.every).map(frame),
    ))
}

/// The camera of the data set, by the name of the folder.
fn known(folder: &Path) -> Option<Intrinsics> {
    let name = folder.file_name()?.to_string_lossy().to_lowercase();
    let mut words = name.split(|c: char| !c.is_ascii_alphanumeric());
    let (_, [fx, fy, cx, cy]) =
        words.find_map(|word| CAMERAS.iter().find(|(names, _)| names.contains(&word)))?;
    Some(Intrinsics {
        focal: [*fx, *fy],
        center: [*cx, *cy],
        size: Some(SIZE),
    })
}

/// The entries of a list with their times in seconds, by ascending time.
fn list<T>(
    path: &Path,
    what: impl Fn(&[&str]) -> anyhow::Result<T>,
) -> anyhow::Result<Vec<(f64, T)>> {
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut rows = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let words: Vec<&str> = line
            .split(|c: char| c.is_whitespace() || c == ',')
            .filter(|word| !word.is_empty())
            .collect();
        let [time, rest @ ..] = &words[..] else {
            continue;
        };
        if time.starts_with('#') {
            continue;
        }
        let row = || -> anyhow::Result<(f64, T)> {
            let time = time
                .parse()
                .ok()
                .filter(|time: &f64| time.is_finite())
                .with_context(|| format!("\"{time}\" is not a time"))?;
            Ok((time, what(rest)?))
        };
        rows.push(row().with_context(|| format!("line {number} of {}", path.display()))?);
    }
    ensure!(!rows.is_empty(), "{} has no entries", path.display());
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    Ok(rows)
}

fn file(folder: &Path, words: &[&str]) -> anyhow::Result<PathBuf> {
    inside(folder, words.first().context("the line names no file")?)
}

fn pose(words: &[&str]) -> anyhow::Result<Option<Affine3A>> {
    let numbers = words
        .iter()
        .map(|word| {
            word.parse()
                .with_context(|| format!("\"{word}\" is not a number"))
        })
        .collect::<anyhow::Result<Vec<f32>>>()?;
    let [tx, ty, tz, qx, qy, qz, qw] = numbers[..] else {
        anyhow::bail!(
            "there are {} numbers after the time instead of 7: tx ty tz qx qy qz qw",
            numbers.len()
        );
    };
    Ok(quaternion_pose([qx, qy, qz, qw], [tx, ty, tz]))
}

/// The row whose time is nearest, if it is near enough.
fn nearest<T>(rows: &[(f64, T)], time: f64) -> Option<usize> {
    let after = rows.partition_point(|row| row.0 < time);
    let away = |row: &usize| (rows[*row].0 - time).abs();
    let row = [after.checked_sub(1), (after < rows.len()).then_some(after)]
        .into_iter()
        .flatten()
        .min_by(|a, b| away(a).total_cmp(&away(b)))?;
    (away(&row) <= APART).then_some(row)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::readers::{
        Kind,
        tests::{depth_of, options, picture, prepared, refusal},
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
        fs::write(scene.join("depth.txt"), "10.010000 depth/10.010000.png\n11.000000 depth/11.000000.png\n12.0 depth/12.000000.png\n").unwrap();
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
}
