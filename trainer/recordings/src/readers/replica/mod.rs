//! Replica in the layout of Open3DIS (docs/spec/data.md section 5): `replica_2d/SCENE` with color,
//! depth and pose, and `replica_3d/SCENE` with points and labels.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use segscape::{
    captures::{self, Extent, Intrinsics},
    scan::MAX_POINTS,
};

use super::{
    Options, Prepared, Reader, Shots,
    annotation::Classes,
    captured, intrinsics,
    mesh::{self, LabeledPoints},
    shots,
    torch::TorchFile,
};
use crate::foundation::{SceneTruth, Writer};

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
    of: Extent::Size([640.0, 360.0]),
};

/// The scenes of Replica.
pub struct Replica;

impl Reader for Replica {
    fn is_scene(&self, folder: &Path) -> bool {
        ["color", "depth", "pose"]
            .iter()
            .all(|sub| folder.join(sub).is_dir())
    }

    fn scenes_folder(&self) -> Option<&'static str> {
        Some(FRAMES)
    }

    fn read(&self, scene: &Path, options: &Options, bundle: &Writer) -> anyhow::Result<Prepared> {
        let labeled = points(scene, options)?;
        shots::prepared(images(scene, options)?, labeled, options, bundle)
    }
}

/// Every `every`-th frame.
///
/// # Errors
/// A file breaks its format.
fn images(folder: &Path, options: &Options) -> anyhow::Result<Shots<'static>> {
    let intrinsics = intrinsics::find(options, folder, &INTRINSICS)?.unwrap_or(CAMERA);
    let options = captures::CaptureOptions {
        every: Some(options.every),
        units_per_metre: Some(options.units_per_metre(UNIT)),
        intrinsics: Some(intrinsics),
        ..captures::CaptureOptions::default()
    };
    captured::frames(folder, captures::Kind::SensReader, &options)
}

/// The points with their labels, if there are any: `SCENE.ply` or `SCENE.pth`, in `replica_3d` or
/// in the scene itself.
///
/// # Errors
/// The file exists but cannot be read.
fn points(folder: &Path, options: &Options) -> anyhow::Result<Option<LabeledPoints>> {
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
    let mut labeled = match path.extension().is_some_and(|extension| extension == "ply") {
        true => mesh::read(&path, options)?.0,
        false => tuple(&path, options)?,
    };
    if let (Some(truth), Some(list)) = (&mut labeled.truth, &options.labels) {
        truth.names = Classes::list(list)?.names;
    }
    Ok(Some(labeled))
}

/// Reads the arrays xyz and rgb and, if there are labels, semantic and instance. In the file labels
/// count from 0 and are negative for none; here they count from 1.
fn tuple(path: &Path, options: &Options) -> anyhow::Result<LabeledPoints> {
    let mut file = TorchFile::open(path)?;
    let at = || path.display();
    ensure!(
        file.len() >= 2,
        "{} has {} arrays instead of xyz, rgb, semantic and instance",
        at(),
        file.len()
    );
    let points = file.shape(0).first().copied().unwrap_or(0);
    ensure!(
        (1..=MAX_POINTS).contains(&points),
        "{} has {points} points, it must have 1 to {MAX_POINTS}",
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
    Ok(LabeledPoints {
        positions,
        colors,
        truth,
        superpoints: None,
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
fn truth(file: &mut TorchFile, points: usize, path: &Path) -> anyhow::Result<Option<SceneTruth>> {
    Ok(match file.len() {
        2 => None,
        3 => anyhow::bail!(
            "{} has 3 arrays instead of xyz, rgb, semantic and instance",
            path.display()
        ),
        _ => {
            let mut labels = |array| -> anyhow::Result<Vec<i32>> {
                let labels = file
                    .shape(array)
                    .iter()
                    .try_fold(1, |n: usize, extent| n.checked_mul(*extent));
                ensure!(
                    labels == Some(points),
                    "array {array} of {} has labels of the shape {:?} for {points} points",
                    path.display(),
                    file.shape(array)
                );
                file.integers(array)?
                    .into_iter()
                    .map(|label| {
                        if label < 0 {
                            Some(0)
                        } else {
                            label.checked_add(1)
                        }
                    })
                    .collect::<Option<_>>()
                    .context("a label is too large")
            };
            Some(SceneTruth {
                semantic: labels(2)?,
                instance: labels(3)?,
                names: vec![],
                stuff: None,
            })
        }
    })
}

#[cfg(test)]
mod tests;
