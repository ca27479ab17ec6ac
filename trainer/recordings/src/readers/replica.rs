//! Replica in the layout of Open3DIS (docs/spec/data.md section 5): `replica_2d/SCENE` with color,
//! depth and pose, and `replica_3d/SCENE` with points and labels.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use segscape::scan::MAX_POINTS;

use super::{
    Options, Shots,
    annotation::Classes,
    frames,
    intrinsics::Intrinsics,
    mesh::{self, LabelledPoints},
    torch::TorchFile,
};
use crate::foundation::Truth;

/// Folders next to each other in the data set.
const FRAMES: &str = "replica_2d";
const POINTS: &str = "replica_3d";
/// Depth units per metre.
const UNIT: f32 = 6553.5;
/// Files in which a scene may specify its camera.
const INTRINSICS: [&str; 2] = ["intrinsic.txt", "intrinsics.txt"];
/// The camera that all scenes are rendered with.
const CAMERA: Intrinsics = Intrinsics {
    focal: [317.5, 317.6471],
    center: [319.5, 179.5],
    size: Some([640.0, 360.0]),
};

/// The folder of the scenes.
pub fn home(input: &Path) -> PathBuf {
    let frames = input.join(FRAMES);
    if frames.is_dir() {
        frames
    } else {
        input.to_owned()
    }
}

/// `true` if the folder has frames.
pub fn is_scene(folder: &Path) -> bool {
    ["color", "depth", "pose"]
        .iter()
        .all(|sub| folder.join(sub).is_dir())
}

/// Every `every`-th frame.
///
/// # Errors
/// A file breaks its format.
pub fn shots<'a>(folder: &'a Path, options: &Options) -> anyhow::Result<Shots<'a>> {
    let intrinsics = Intrinsics::find(options, folder, &INTRINSICS)?.unwrap_or(CAMERA);
    frames::sens_reader(folder, options.every, intrinsics, UNIT)
}

/// The points with their labels, if there are any: `SCENE.ply` or `SCENE.pth`, in `replica_3d` or
/// in the scene itself.
///
/// # Errors
/// The file exists but cannot be read.
pub fn points(folder: &Path, options: &Options) -> anyhow::Result<Option<LabelledPoints>> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let beside = folder
        .parent()
        .and_then(Path::parent)
        .map(|root| root.join(POINTS));
    let homes = beside.iter().map(PathBuf::as_path).chain([folder]);
    let Some(path) = homes
        .flat_map(|home| ["ply", "pth"].map(|extension| home.join(format!("{name}.{extension}"))))
        .find(|path| path.is_file())
    else {
        return Ok(None);
    };
    let mut labelled = match path.extension().is_some_and(|extension| extension == "ply") {
        true => mesh::read(&path, options)?.0,
        false => tuple(&path, options)?,
    };
    if let (Some(truth), Some(list)) = (&mut labelled.truth, &options.labels) {
        truth.names = Classes::read(list)?.names;
    }
    Ok(Some(labelled))
}

/// Reads the arrays xyz and rgb and, if there are labels, semantic and instance. In the file labels
/// count from 0 and are negative for none; here they count from 1.
fn tuple(path: &Path, options: &Options) -> anyhow::Result<LabelledPoints> {
    let mut file = TorchFile::open(path)?;
    let at = || path.display();
    ensure!(
        file.len() >= 2,
        "{} holds {} arrays instead of xyz, rgb, semantic and instance",
        at(),
        file.len()
    );
    let points = file.shape(0).first().copied().unwrap_or(0);
    ensure!(
        (1..=MAX_POINTS).contains(&points),
        "{} has {points} points, between 1 and {MAX_POINTS} can be used",
        at()
    );
    for array in 0..2 {
        ensure!(
            file.shape(array) == [points, 3],
            "array {array} of {} has the shape {:?} instead of ({points}, 3)",
            at(),
            file.shape(array)
        );
    }
    let positions = file
        .floats(0)?
        .as_chunks()
        .0
        .iter()
        .map(|p: &[f32; 3]| options.turned(p.map(f64::from)))
        .collect();
    let colors = Some(colors(&file.floats(1)?, path)?);
    let truth = truth(&mut file, points, path)?;
    Ok(LabelledPoints {
        positions,
        colors,
        truth,
    })
}

/// Colours as bytes, from those of any of three ranges.
fn colors(values: &[f32], path: &Path) -> anyhow::Result<Vec<[u8; 3]>> {
    let lowest = values.iter().copied().fold(f32::INFINITY, f32::min);
    let highest = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    ensure!(
        lowest >= -1.0 && highest <= 255.0,
        "{} has colours from {lowest} to {highest}: neither -1 to 1, 0 to 1 nor 0 to 255",
        path.display()
    );
    let byte = |x: f32| match () {
        () if lowest < 0.0 => (x + 1.0) * 127.5,
        () if highest <= 1.0 => x * 255.0,
        () => x,
    };
    Ok(values
        .as_chunks()
        .0
        .iter()
        .map(|c: &[f32; 3]| c.map(|x| byte(x).round() as u8))
        .collect())
}

/// The labels of the points, if there are any.
fn truth(file: &mut TorchFile, points: usize, path: &Path) -> anyhow::Result<Option<Truth>> {
    Ok(match file.len() {
        2 => None,
        3 => anyhow::bail!(
            "{} holds 3 arrays instead of xyz, rgb, semantic and instance",
            path.display()
        ),
        _ => {
            let mut labels = |array| -> anyhow::Result<Vec<i32>> {
                let labels = file.integers(array)?;
                ensure!(
                    labels.len() == points,
                    "array {array} of {} has {} labels for {points} points",
                    path.display(),
                    labels.len()
                );
                labels
                    .into_iter()
                    .map(|label| {
                        if label < 0 {
                            Some(0)
                        } else {
                            label.checked_add(1)
                        }
                    })
                    .collect::<Option<_>>()
                    .context("a label")
            };
            Some(Truth {
                semantic: labels(2)?,
                instance: labels(3)?,
                names: vec![],
            })
        }
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

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
            Truth {
                semantic: vec![1, 5, 0],
                instance: vec![8, 8, 0],
                names
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
            Truth {
                semantic: vec![3],
                instance: vec![1],
                names: vec![(3, "bench".into())]
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
            (with(b"old".to_vec()), "version 1.6"),
            (
                with(tuple_of(&[300.0; 9], &[0; 3], &[0; 3])),
                "colours from 300 to 300",
            ),
            (
                with(tuple_of(&WHITE, &[0; 2], &[0; 3])),
                "2 labels for 3 points",
            ),
            (
                with(tuple_of(&WHITE, &[far, 0, 0], &[0; 3])),
                "whole numbers",
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
}
