//! Recordings in the layout of Open3D and Redwood: a folder of pictures, one of depth images, and a
//! trajectory (.log) with three numbers and a matrix per frame.

use std::collections::BTreeMap;

use glam::Affine3A;

use super::{
    super::{
        Extent, Intrinsics,
        poses::{TEXT_LIMIT, pose},
    },
    CaptureError, CaptureOptions, MILLIMETRES, Names, Reader, Sequence, Tree, UpAxis, gray16,
    is_picture, recorded, stem,
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
    of: Extent::Size([640.0, 480.0]),
};
/// Length of a block of the trajectory: three numbers and a matrix.
const BLOCK: usize = 19;

/// Recordings with a trajectory.
pub struct Open3d;

impl Reader for Open3d {
    fn signs(&self) -> &'static str {
        "depth, one of color, image and rgb, and a .log (Open3D, Redwood)"
    }

    fn up(&self) -> Option<UpAxis> {
        None
    }

    fn is_here(&self, names: &dyn Names) -> bool {
        names.has_folder(DEPTH) && pictures(names).is_some() && log(names).is_some()
    }

    /// A pose belongs to the frame whose number is the first in its block. If a depth image has no
    /// pose by this rule and there are as many poses as depth images, they are matched in order,
    /// because some recordings number images from 1.
    fn sequence<'a>(
        &self,
        tree: Tree<'a>,
        options: &CaptureOptions,
    ) -> Result<Sequence<'a>, CaptureError> {
        let lacks =
            |what: String| CaptureError::Unusable(format!("{} has {what}", tree.shown_root()));
        let path = log(&tree).ok_or_else(|| lacks("no trajectory".to_owned()))?;
        let of_number = poses(&tree, &path)?;
        let depths = numbered(&tree, DEPTH)?;
        let folder = pictures(&tree).ok_or_else(|| lacks(format!("none of {PICTURES:?}")))?;
        let pictures = numbered(&tree, folder)?;
        if depths.is_empty() {
            return Err(CaptureError::Unusable(format!(
                "there is no depth image in {}",
                tree.shown(DEPTH)
            )));
        }
        let in_order = depths.len() == of_number.len()
            && depths.keys().any(|number| !of_number.contains_key(number));
        let poses: BTreeMap<u64, Option<Affine3A>> = if in_order {
            depths
                .keys()
                .copied()
                .zip(of_number.into_values())
                .collect()
        } else {
            of_number
        };
        let given = match options.intrinsics {
            Some(given) => Some(given),
            None => Intrinsics::find(&tree, &INTRINSICS)?,
        };
        let intrinsics = given.unwrap_or(PRIME_SENSE);
        let depths: Vec<(u64, String)> = depths.into_iter().collect();
        let names = depths
            .iter()
            .map(|(_, path)| stem(path).to_owned())
            .collect();
        let options = options.clone();
        let frame = move |place: usize| {
            let (number, depth) = &depths[place];
            let pose = poses.get(number).copied().flatten();
            let picture = pictures.get(number).map(String::as_str);
            let file = gray16(depth.clone(), &options, MILLIMETRES);
            recorded::frame(&tree, stem(depth), pose, intrinsics, picture, file)
        };
        Ok(Sequence {
            names,
            frame: Box::new(frame),
        })
    }
}

fn pictures(names: &dyn Names) -> Option<&'static str> {
    PICTURES.into_iter().find(|name| names.has_folder(name))
}

/// Path of the trajectory: the file with a known name, or the only .log file in the folder.
fn log(names: &dyn Names) -> Option<String> {
    let named = TRAJECTORIES.into_iter().find(|name| names.has_file(name));
    named.map(str::to_owned).or_else(|| {
        let files = names.files_in("");
        let mut logs = files.into_iter().filter(|name| name.ends_with(".log"));
        logs.next().filter(|_| logs.next().is_none())
    })
}

/// The paths of the images of a folder by the first number in their names.
fn numbered(tree: &Tree, folder: &str) -> Result<BTreeMap<u64, String>, CaptureError> {
    let mut images = BTreeMap::new();
    for name in tree
        .files_in(folder)
        .into_iter()
        .filter(|name| is_picture(name))
    {
        let path = format!("{folder}/{name}");
        let digits: String = name
            .chars()
            .skip_while(|c| !c.is_ascii_digit())
            .take_while(char::is_ascii_digit)
            .collect();
        let number = digits
            .parse()
            .map_err(|_| tree.wrong(&path, |file| format!("{file} has no number in its name")))?;
        if let Some(other) = images.insert(number, path.clone()) {
            return Err(tree.wrong(&other, |file| {
                format!("{file} and {name} both have the number {number}")
            }));
        }
    }
    Ok(images)
}

/// Poses by the first number of their blocks.
fn poses(tree: &Tree, path: &str) -> Result<BTreeMap<u64, Option<Affine3A>>, CaptureError> {
    let text = tree.text(path, TEXT_LIMIT)?;
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut poses = BTreeMap::new();
    for (row, block) in words.chunks(BLOCK).enumerate() {
        let read =
            numbered_pose(block).and_then(|(number, pose)| match poses.insert(number, pose) {
                None => Ok(()),
                Some(_) => Err(format!("it is a second pose of frame {number}")),
            });
        read.map_err(|problem| {
            tree.wrong(path, |file| format!("pose {row} of {file}: {problem}"))
        })?;
    }
    if poses.is_empty() {
        return Err(tree.wrong(path, |file| format!("{file} has no pose")));
    }
    Ok(poses)
}

/// Reads a block of the trajectory.
///
/// # Errors
/// What is wrong with it.
fn numbered_pose(block: &[&str]) -> Result<(u64, Option<Affine3A>), String> {
    if block.len() != BLOCK {
        return Err(format!(
            "it has {} numbers instead of 3 and a matrix of 4 x 4",
            block.len()
        ));
    }
    let number = block[0]
        .parse()
        .map_err(|_| format!("\"{}\" is not a frame number", block[0]))?;
    let mut matrix = [0.0f32; 16];
    for (value, word) in matrix.iter_mut().zip(&block[3..]) {
        *value = word
            .parse()
            .map_err(|_| format!("\"{word}\" is not a number"))?;
    }
    let pose = pose(&matrix);
    if pose.is_some() && matrix[12..] != [0.0, 0.0, 0.0, 1.0] {
        return Err(format!(
            "the last row is {:?} instead of 0 0 0 1",
            &matrix[12..]
        ));
    }
    Ok((number, pose))
}
