//! Focal lengths and principal points, read from Open3D's JSON and from plain numbers.

use serde::Deserialize;

use super::{
    CaptureError,
    files::{Names as _, Tree},
    poses::{TEXT_LIMIT, listed},
};

/// Intrinsics of a camera without distortion, with pixel centers at integer coordinates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Intrinsics {
    /// Focal lengths, pixels.
    pub focal: [f32; 2],
    /// Principal point, pixels.
    pub center: [f32; 2],
    /// The images whose pixels these are.
    pub of: Extent,
}

/// The images that intrinsics refer to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Extent {
    /// Depth images of whatever size they have.
    Depth,
    /// Pictures of whatever size they have.
    Picture,
    /// Images of this width and height in pixels.
    Size([f32; 2]),
}

/// A camera as Open3D writes it.
#[derive(Deserialize)]
struct Pinhole {
    width: u32,
    height: u32,
    /// 3 x 3, column by column.
    intrinsic_matrix: [f32; 9],
}

impl Intrinsics {
    /// Reads Open3D's JSON, if the file's `name` ends so, or plain numbers: fx fy cx cy, or a matrix
    /// of 3 x 3 or 4 x 4, row by row.
    ///
    /// # Errors
    /// The text is something else; the message begins with `name`.
    pub fn parse(name: &str, text: &str) -> Result<Self, String> {
        let is_json = name
            .rsplit('.')
            .next()
            .is_some_and(|end| end.eq_ignore_ascii_case("json"));
        let intrinsics = if is_json {
            let pinhole = serde_json::from_str(text).map_err(|error| {
                format!("{name} is not a camera with width, height and intrinsic_matrix, as Open3D writes it: {error}")
            })?;
            let Pinhole {
                width,
                height,
                intrinsic_matrix: [fx, _, _, _, fy, _, cx, cy, _],
            } = pinhole;
            Self {
                focal: [fx, fy],
                center: [cx, cy],
                of: Extent::Size([width as f32, height as f32]),
            }
        } else {
            let numbers =
                listed(text).map_err(|word| format!("{name}: \"{word}\" is not a number"))?;
            let (focal, center) = match numbers[..] {
                [fx, fy, cx, cy]
                | [fx, _, cx, _, fy, cy, _, _, _]
                | [fx, _, cx, _, _, fy, cy, _, _, _, _, _, _, _, _, _] => ([fx, fy], [cx, cy]),
                ref other => {
                    return Err(format!(
                        "{name} has {} numbers; fx fy cx cy, or a matrix of 3 x 3 or 4 x 4, is read",
                        other.len()
                    ));
                }
            };
            Self {
                focal,
                center,
                of: Extent::Depth,
            }
        };
        intrinsics
            .checked()
            .map_err(|rule| format!("{name}: {rule}"))
    }

    /// The intrinsics, if they are those of a camera.
    ///
    /// # Errors
    /// The rule that they break.
    pub fn checked(self) -> Result<Self, String> {
        let Self { focal, center, of } = self;
        if !focal.iter().all(|f| f.is_finite() && *f > 0.0) || !center.iter().all(|c| c.is_finite())
        {
            return Err(format!(
                "the focal lengths {focal:?} must be positive, and the principal point {center:?} must be finite"
            ));
        }
        match of {
            Extent::Size(size) if !size.iter().all(|n| *n >= 1.0 && n.is_finite()) => Err(format!(
                "the size of the images is {size:?} pixels, at least 1 x 1 is needed"
            )),
            _ => Ok(self),
        }
    }

    /// Reads the first of `names` that exists in the folder.
    ///
    /// # Errors
    /// That file cannot be read.
    pub(super) fn find(tree: &Tree, names: &[&str]) -> Result<Option<Self>, CaptureError> {
        let Some(name) = names.iter().find(|name| tree.has_file(name)) else {
            return Ok(None);
        };
        let text = tree.text(name, TEXT_LIMIT)?;
        Self::parse(&tree.shown(name), &text)
            .map(Some)
            .map_err(|message| CaptureError::file(tree.path(name), message))
    }
}
