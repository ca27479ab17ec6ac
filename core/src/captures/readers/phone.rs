//! The common parts of phone recordings: ARKit's camera axes, and depth with a lower resolution
//! than the picture and with a confidence.

use glam::{Affine3A, Mat3, Vec3};
use serde_json::Value;

use super::{
    super::{Extent, Intrinsics, poses::TEXT_LIMIT},
    CaptureError, CaptureFrame, DepthEncoding, DepthFile, GapReason, MILLIMETRES, Names as _, Tree,
    sort_by_number,
};

/// Converts the pose of ARKit's camera (x right, y up, z backward) to the transform from the camera
/// frame (x right, y down, z forward) to the world.
pub fn from_arkit(world_from_arkit: Affine3A) -> Affine3A {
    world_from_arkit * Affine3A::from_mat3(Mat3::from_diagonal(Vec3::new(1.0, -1.0, -1.0)))
}

/// Intrinsics of the picture.
pub fn of_picture(focal: [f32; 2], center: [f32; 2]) -> Intrinsics {
    Intrinsics {
        focal,
        center,
        of: Extent::Picture,
    }
}

/// Reads the JSON of a file.
///
/// # Errors
/// The file cannot be read or is not JSON.
pub fn json(tree: &Tree, path: &str) -> Result<Value, CaptureError> {
    serde_json::from_str(&tree.text(path, TEXT_LIMIT)?)
        .map_err(|error| tree.wrong(path, |file| format!("{file} is not JSON: {error}")))
}

/// A list of exactly `N` numbers. Values that JSON cannot express (not a number, infinite) become
/// NaN.
///
/// # Errors
/// The value is something else; the message calls it `what`.
pub fn list<const N: usize>(value: &Value, what: &str) -> Result<[f32; N], String> {
    let numbers = value
        .as_array()
        .ok_or_else(|| format!("{what} is not a list of {N} numbers"))?;
    if numbers.len() != N {
        return Err(format!(
            "{what} has {} numbers instead of {N}",
            numbers.len()
        ));
    }
    Ok(std::array::from_fn(|i| {
        numbers[i].as_f64().map_or(f32::NAN, |x| x as f32)
    }))
}

/// The parts between `prefix` and `suffix` of the names of the files in the folder, sorted by the
/// numbers in them.
pub fn stems(tree: &Tree, folder: &str, prefix: &str, suffix: &str) -> Vec<String> {
    let names = tree.files_in(folder);
    let stem = |name: &String| {
        let rest = name.strip_prefix(prefix)?.strip_suffix(suffix)?;
        Some(rest.to_owned())
    };
    let mut stems: Vec<String> = names.iter().filter_map(stem).collect();
    sort_by_number(&mut stems);
    stems
}

/// Path of the picture `path`.jpg or .png, if it exists.
pub fn picture(tree: &Tree, path: &str) -> Option<String> {
    ["jpg", "png"]
        .into_iter()
        .map(|extension| format!("{path}.{extension}"))
        .find(|path| tree.has_file(path))
}

/// The pose, the camera and the files of a frame; paths are relative to the capture's folder.
pub struct Phone {
    /// Name of the frame.
    pub name: String,
    /// `None` if tracking was lost.
    pub world_from_camera: Option<Affine3A>,
    /// Intrinsics of the picture.
    pub intrinsics: Intrinsics,
    /// Result of [`picture`].
    pub picture: Option<String>,
    /// Path of the depth image: 16-bit millimetres, or metres in `OpenEXR`.
    pub depth: String,
    /// Path of ARKit's confidence levels for the depth image; may be missing.
    pub confidence: Option<String>,
}

impl Phone {
    /// The frame, if it has a pose and its files. `unit` is the number of units of depth images per
    /// metre, if the user says it.
    ///
    /// # Errors
    /// The reason why it cannot be used.
    pub fn frame(self, tree: &Tree, unit: Option<f32>) -> Result<CaptureFrame, GapReason> {
        let world_from_camera = self.world_from_camera.ok_or(GapReason::Pose)?;
        let picture = self.picture.filter(|_| tree.has_file(&self.depth));
        let picture = picture.ok_or(GapReason::File)?;
        let encoding = match (self.depth.ends_with(".exr"), unit) {
            (true, None) => DepthEncoding::OpenExr,
            (true, Some(_)) => {
                let message = |file: &str| {
                    format!(
                        "{file} has depth in metres, as numbers with a point: a unit (--depth-unit) is for images of whole numbers"
                    )
                };
                return Err(tree.wrong(&self.depth, message).into());
            }
            (false, unit) => DepthEncoding::Gray16 {
                units_per_metre: unit.unwrap_or(MILLIMETRES),
            },
        };
        let confidence = self.confidence.filter(|path| tree.has_file(path));
        Ok(CaptureFrame {
            name: self.name,
            world_from_camera,
            intrinsics: self.intrinsics,
            picture: Some(tree.path(&picture)),
            depth: Some(DepthFile {
                path: tree.path(&self.depth),
                encoding,
                confidence: confidence.map(|path| tree.path(&path)),
            }),
        })
    }
}
