//! Recordings in the layout of Open3D and Redwood: a folder of pictures, one of depth images, and a
//! trajectory (.log) with three numbers and a matrix per frame.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};
use glam::Affine3A;

use super::{
    Options, Shots,
    intrinsics::Intrinsics,
    pose,
    recorded::{MILLIMETRES, Recorded},
};

const TRAJECTORIES: [&str; 2] = ["trajectory.log", "scene/trajectory.log"];
const PICTURES: [&str; 3] = ["color", "image", "rgb"];
const DEPTH: &str = "depth";
/// Files in which a folder may specify its camera.
const INTRINSICS: [&str; 3] = ["camera_intrinsic.json", "intrinsic.json", "intrinsics.json"];
/// The default camera of Open3D, which is also that of the recordings of Redwood and of the
/// augmented ICL-NUIM.
const PRIME_SENSE: Intrinsics = Intrinsics {
    focal: [525.0; 2],
    center: [319.5, 239.5],
    size: Some([640.0, 480.0]),
};
/// Length of a block of the trajectory: three numbers and a matrix.
const BLOCK: usize = 19;

/// `true` if the folder has a trajectory, pictures and depth images.
pub fn is_scene(folder: &Path) -> bool {
    folder.join(DEPTH).is_dir() && pictures(folder).is_some() && log(folder).is_some()
}

fn pictures(folder: &Path) -> Option<PathBuf> {
    PICTURES
        .iter()
        .map(|name| folder.join(name))
        .find(|path| path.is_dir())
}

/// Path of the trajectory: the file with a known name, or the only .log file in the folder.
fn log(folder: &Path) -> Option<PathBuf> {
    let named = TRAJECTORIES
        .iter()
        .map(|name| folder.join(name))
        .find(|path| path.is_file());
    named.or_else(|| {
        let paths = fs::read_dir(folder)
            .ok()?
            .filter_map(|entry| Some(entry.ok()?.path()));
        let mut logs =
            paths.filter(|path| path.extension().is_some_and(|extension| extension == "log"));
        logs.next().filter(|_| logs.next().is_none())
    })
}

/// Every `every`-th depth image with its picture and pose.
///
/// A pose belongs to the frame whose number is the first in its block. If a depth image has no pose
/// by this rule and there are as many poses as depth images, they are matched in order, because
/// some recordings number images from 1.
///
/// # Errors
/// A file breaks its format, or two images have the same number.
pub fn frames<'a>(folder: &'a Path, options: &'a Options) -> anyhow::Result<Shots<'a>> {
    let path = log(folder).with_context(|| format!("{} has no trajectory", folder.display()))?;
    let of_number = poses(&path)?;
    let depths = numbered(&folder.join(DEPTH))?;
    let pictures = numbered(
        &pictures(folder)
            .with_context(|| format!("{} has none of {PICTURES:?}", folder.display()))?,
    )?;
    ensure!(
        !depths.is_empty(),
        "there is no depth image in {}",
        folder.join(DEPTH).display()
    );
    let in_order = depths.len() == of_number.len()
        && depths.keys().any(|number| !of_number.contains_key(number));
    let poses: BTreeMap<u64, Option<Affine3A>> = match in_order {
        true => depths
            .keys()
            .copied()
            .zip(of_number.into_values())
            .collect(),
        false => of_number,
    };
    let intrinsics = Intrinsics::find(options, folder, &INTRINSICS)?.unwrap_or(PRIME_SENSE);
    let frame = move |(number, depth): (u64, PathBuf)| {
        let recorded = Recorded {
            name: depth
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            picture: pictures.get(&number).cloned().unwrap_or_default(),
            depth,
            world_from_camera: poses.get(&number).copied().flatten(),
        };
        recorded.shot(&intrinsics, MILLIMETRES)
    };
    Ok(Box::new(
        depths.into_iter().step_by(options.every).map(frame),
    ))
}

/// The images of a folder by the first number in their names.
fn numbered(folder: &Path) -> anyhow::Result<BTreeMap<u64, PathBuf>> {
    let mut images = BTreeMap::new();
    for entry in
        fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?
    {
        let path = entry?.path();
        if !path.extension().is_some_and(|extension| {
            ["jpg", "jpeg", "png"]
                .iter()
                .any(|e| extension.eq_ignore_ascii_case(e))
        }) {
            continue;
        }
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let digits: String = name
            .chars()
            .skip_while(|c| !c.is_ascii_digit())
            .take_while(char::is_ascii_digit)
            .collect();
        let number = digits
            .parse()
            .with_context(|| format!("{} has no number in its name", path.display()))?;
        if let Some(other) = images.insert(number, path) {
            anyhow::bail!(
                "{} and {name} both have the number {number}",
                other.display()
            );
        }
    }
    Ok(images)
}

/// Poses by the first number of their blocks.
fn poses(path: &Path) -> anyhow::Result<BTreeMap<u64, Option<Affine3A>>> {
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut poses = BTreeMap::new();
    for (row, block) in words.chunks(BLOCK).enumerate() {
        let mut read = || -> anyhow::Result<()> {
            ensure!(
                block.len() == BLOCK,
                "it has {} numbers instead of 3 and a matrix of 4 x 4",
                block.len()
            );
            let number: u64 = block[0]
                .parse()
                .with_context(|| format!("\"{}\" is not a frame number", block[0]))?;
            let mut matrix = [0.0f32; 16];
            for (value, word) in matrix.iter_mut().zip(&block[3..]) {
                *value = word
                    .parse()
                    .with_context(|| format!("\"{word}\" is not a number"))?;
            }
            let pose = pose(&matrix);
            ensure!(
                pose.is_none() || matrix[12..] == [0.0, 0.0, 0.0, 1.0],
                "the last row is {:?} instead of 0 0 0 1",
                &matrix[12..]
            );
            ensure!(
                poses.insert(number, pose).is_none(),
                "it is a second pose of frame {number}"
            );
            Ok(())
        };
        read().with_context(|| format!("pose {row} of {}", path.display()))?;
    }
    ensure!(!poses.is_empty(), "{} has no pose", path.display());
    Ok(poses)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::readers::{
        Kind, scenes,
        tests::{depth_of, options, picture, pose_text, prepared},
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
        let missing =
            broken(&|path| fs::remove_file(path.join("color/00002.png")).unwrap()).unwrap();
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
        let data = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data"));
        let options = Options {
            every: 10,
            spacing: 0.04,
            up: segscape::scan::UpAxis::MinusY,
            ..options()
        };
        let (scene, summary) =
            prepared(Kind::Frames, &data.join("seq-livingroom1"), &options).unwrap();
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
}
