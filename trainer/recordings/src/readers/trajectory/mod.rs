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
    let unit = options.units_per_metre(MILLIMETRES);
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
        recorded.shot(&intrinsics, unit)
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
mod tests;
