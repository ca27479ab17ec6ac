//! The common parts of phone recordings: ARKit's camera axes, and depth with a lower resolution
//! than the picture and with a confidence.

use std::{
    fs,
    io::Cursor,
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};
use glam::{Affine3A, Mat3, Vec3};
use segscape::views::{Camera, Map};
use serde_json::Value;

use super::{Gap, Options, Picture, Shot, exr, frames::metres, recorded::MILLIMETRES};
use crate::{foundation::load_gray16, pictures};

/// The lowest of ARKit's three levels of confidence, which apps write as 0, 1, 2 or as 0, 127, 255:
/// a guess between surfaces.
const LOW: u8 = 0;
/// Maximum size of one JSON or CSV file in bytes; the longest recordings have a few megabytes.
const TEXT_LIMIT: u64 = 256 << 20;
/// Maximum relative difference between the aspect ratios of picture and depth image; a picture with
/// a larger difference was rotated or cropped.
const SHAPE: f32 = 0.03;

/// A pinhole camera as apps describe it, for the picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PictureIntrinsics {
    /// Focal lengths, pixels.
    pub focal: [f32; 2],
    /// Principal point, pixels.
    pub center: [f32; 2],
}

/// Converts the pose of ARKit's camera (x right, y up, z backward) to the transform from the camera
/// frame (x right, y down, z forward) to the world.
pub fn from_arkit(world_from_arkit: Affine3A) -> Affine3A {
    world_from_arkit * Affine3A::from_mat3(Mat3::from_diagonal(Vec3::new(1.0, -1.0, -1.0)))
}

/// Reads the text of a file, if it is not longer than any app writes.
///
/// # Errors
/// The file is longer, or cannot be read.
pub fn text(path: &Path) -> anyhow::Result<String> {
    let size = fs::metadata(path)
        .with_context(|| format!("cannot read {}", path.display()))?
        .len();
    ensure!(
        size <= TEXT_LIMIT,
        "{} has {size} bytes, the limit is {TEXT_LIMIT}",
        path.display()
    );
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Reads the JSON of a file.
///
/// # Errors
/// The file cannot be read or is not JSON.
pub fn json(path: &Path) -> anyhow::Result<Value> {
    serde_json::from_str(&text(path)?).with_context(|| format!("{} is not JSON", path.display()))
}

/// A list of exactly `N` numbers. Values that JSON cannot express (not a number, infinite) become
/// NaN.
///
/// # Errors
/// The value is something else; the error calls it `what`.
pub fn list<const N: usize>(value: &Value, what: &str) -> anyhow::Result<[f32; N]> {
    let numbers = value
        .as_array()
        .with_context(|| format!("{what} is not a list of {N} numbers"))?;
    ensure!(
        numbers.len() == N,
        "{what} has {} numbers instead of {N}",
        numbers.len()
    );
    Ok(std::array::from_fn(|i| {
        numbers[i].as_f64().map_or(f32::NAN, |x| x as f32)
    }))
}

/// The parts between `prefix` and `suffix` of the names of the files in the folder, sorted by the
/// numbers in them.
///
/// # Errors
/// The folder cannot be listed.
pub fn stems(folder: &Path, prefix: &str, suffix: &str) -> anyhow::Result<Vec<String>> {
    let mut stems = Vec::new();
    for entry in
        fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?
    {
        let name = entry?.file_name().to_string_lossy().into_owned();
        stems.extend(
            name.strip_prefix(prefix)
                .and_then(|rest| rest.strip_suffix(suffix))
                .map(str::to_owned),
        );
    }
    let number = |stem: &String| {
        stem.chars()
            .filter(char::is_ascii_digit)
            .collect::<String>()
            .parse::<u64>()
            .unwrap_or(u64::MAX)
    };
    stems.sort_by(|a, b| number(a).cmp(&number(b)).then(a.cmp(b)));
    Ok(stems)
}

/// Path of the picture `stem`.jpg or .png, if it exists.
pub fn picture(folder: &Path, stem: &str) -> Option<PathBuf> {
    ["jpg", "png"]
        .into_iter()
        .map(|extension| folder.join(format!("{stem}.{extension}")))
        .find(|path| path.is_file())
}

/// The pose, the camera and the files of a frame.
pub struct Frame {
    /// Name of the image in the bundle.
    pub name: String,
    /// `None` if tracking was lost.
    pub world_from_camera: Option<Affine3A>,
    /// Intrinsics of the picture.
    pub intrinsics: PictureIntrinsics,
    /// Result of [`picture`].
    pub picture: Option<PathBuf>,
    /// Path of the depth image: 16-bit millimetres, unless the options say otherwise, or metres in
    /// OpenEXR.
    pub depth: PathBuf,
    /// Path of ARKit's confidence levels for the depth image; may be missing.
    pub confidence: Option<PathBuf>,
}

impl Frame {
    /// Reads the files, and scales the intrinsics of the picture to the depth image.
    ///
    /// # Errors
    /// A file exists but cannot be read, the picture has another aspect ratio than the depth image
    /// or another size than the intrinsics, or the options give a unit for depth that is in metres.
    pub fn shot(self, options: &Options) -> anyhow::Result<Result<Shot, Gap>> {
        let Self {
            name,
            world_from_camera,
            intrinsics: PictureIntrinsics { focal, center },
            picture,
            depth,
            confidence,
        } = self;
        let Some(world_from_camera) = world_from_camera else {
            return Ok(Err(Gap::Pose));
        };
        let (true, Some(path)) = (depth.is_file(), picture) else {
            return Ok(Err(Gap::File));
        };
        let depth = self::depth(&depth, confidence.as_deref(), options)?;
        let picture = Picture::read(&path)?;
        let size = image::ImageReader::new(Cursor::new(&picture.bytes))
            .with_guessed_format()?
            .into_dimensions();
        let (width, height) = size.with_context(|| format!("cannot read {}", path.display()))?;
        let [width, height] = [width as f32, height as f32];
        let [rows, columns] = depth.size().map(|n| n as f32);
        let stretch = (width / height) / (columns / rows);
        ensure!(
            (stretch - 1.0).abs() < SHAPE,
            "{} has {width} x {height} pixels, its depth image {columns} x {rows}: the picture was turned or cropped",
            path.display()
        );
        let is_inner = |center: f32, extent: f32| (0.25 * extent..0.75 * extent).contains(&center);
        ensure!(
            focal.iter().all(|f| f.is_finite() && *f > 0.0)
                && is_inner(center[0], width)
                && is_inner(center[1], height),
            "the focal lengths {focal:?} and the center {center:?} do not fit {} with its {width} x {height} pixels",
            path.display()
        );
        let scale = [columns / width, rows / height];
        let camera = Camera {
            width: columns,
            height: rows,
            focal: [focal[0] * scale[0], focal[1] * scale[1]],
            // pixel centers are at integer coordinates in both
            center: [
                (center[0] + 0.5) * scale[0] - 0.5,
                (center[1] + 0.5) * scale[1] - 0.5,
            ],
            world_from_camera,
        };
        Ok(Ok(Shot {
            name,
            camera,
            depth,
            picture,
        }))
    }
}

/// Depth in metres, 0 where the depth is unknown or the confidence is low.
fn depth(path: &Path, confidence: Option<&Path>, options: &Options) -> anyhow::Result<Map> {
    if path.extension().is_some_and(|extension| extension == "exr") {
        ensure!(
            options.depth_unit.is_none(),
            "{} has depth in metres, as numbers with a point: --depth-unit is for images of whole numbers",
            path.display()
        );
        return exr::depth(path);
    }
    let ([rows, columns], values) =
        load_gray16(path)?.with_context(|| format!("there is no {}", path.display()))?;
    let mut depth = metres(values, options.units_per_metre(MILLIMETRES));
    if let Some(confidence) = confidence.filter(|path| path.is_file()) {
        let levels = fs::read(confidence)
            .map_err(anyhow::Error::from)
            .and_then(|file| pictures::decode(&file))
            .with_context(|| format!("cannot read {}", confidence.display()))?
            .into_luma8();
        let size = [levels.height() as usize, levels.width() as usize];
        ensure!(
            size == [rows, columns],
            "{} has {size:?} rows and columns, the depth image {:?}",
            confidence.display(),
            [rows, columns]
        );
        depth
            .iter_mut()
            .zip(levels.as_raw())
            .filter(|(_, level)| **level == LOW)
            .for_each(|(depth, _)| *depth = 0.0);
    }
    Ok(Map::new(depth, [rows, columns, 1])?)
}

#[cfg(test)]
mod tests;
