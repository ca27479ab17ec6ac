//! A frame of a capture: its files, its pose and, when asked for, its images.

use glam::Affine3A;

use super::{
    CaptureError, DecodedImage, Extent, Files, Intrinsics, exr,
    image_file::{self, gray16, metres},
};
use crate::views::{Camera, Map};

/// Maximum size in bytes of one encoded image; a larger file is something else.
pub(crate) const IMAGE_LIMIT: u64 = 64 << 20;
/// The lowest of ARKit's three levels of confidence, which apps write as 0, 1, 2 or as 0, 127, 255:
/// a guess between surfaces.
const LOW: u8 = 0;
/// Maximum relative difference between the aspect ratios of a picture and its depth image; a
/// picture with a larger difference was rotated or cropped.
const PICTURE_SHAPE: f32 = 0.03;
/// Maximum relative difference between the aspect ratios of a depth image and of the camera's
/// images; sensors round the sizes, they do not crop.
const DEPTH_SHAPE: f32 = 0.02;

/// A frame of a capture.
#[derive(Clone, Debug, PartialEq)]
pub struct CaptureFrame {
    /// Unique in the capture.
    pub name: String,
    /// Transform from the camera frame (x right, y down, z forward) to the capture's own axes,
    /// metres.
    pub world_from_camera: Affine3A,
    /// The camera's focal lengths and principal point.
    pub intrinsics: Intrinsics,
    /// Path of the JPEG or PNG picture; only bundles have images without pictures.
    pub picture: Option<String>,
    /// The depth image; only bundles have images without depth.
    pub depth: Option<DepthFile>,
}

/// The files of a frame's depth.
#[derive(Clone, Debug, PartialEq)]
pub struct DepthFile {
    /// Path of the depth image, which spans the picture.
    pub path: String,
    /// How it encodes depth.
    pub encoding: DepthEncoding,
    /// Path of ARKit's levels of confidence for the depth image.
    pub confidence: Option<String>,
}

/// How a depth image encodes depth along the optical axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum DepthEncoding {
    /// A grey PNG of 16 bits, in which 0 and 65535 stand for unknown depth.
    Gray16 {
        /// The number of units of the image in a metre.
        units_per_metre: f32,
    },
    /// `OpenEXR`, metres.
    OpenExr,
}

/// A frame left out of a capture.
#[derive(Clone, Debug, PartialEq)]
pub struct Gap {
    /// Name of the frame.
    pub frame: String,
    /// The reason.
    pub reason: GapReason,
}

/// The reason why a frame is left out.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum GapReason {
    /// Tracking was lost.
    #[error("it has no pose")]
    Pose,
    /// Its picture or its depth image is missing.
    #[error("its picture or its depth image is missing")]
    File,
    /// A file of it cannot be used.
    #[error(transparent)]
    Broken(#[from] CaptureError),
}

/// The images of a frame.
#[derive(Clone, Debug)]
pub struct Shot {
    /// Camera of the depth image, which the picture spans as well; in the capture's own axes.
    pub camera: Camera,
    /// `(height, width, 1)`: metres, 0 where unknown.
    pub depth: Map,
    /// The encoded picture.
    pub picture: Vec<u8>,
}

impl CaptureFrame {
    /// Reads the picture and the depth image of the frame.
    ///
    /// # Errors
    /// A file is missing or cannot be read, or the images and the camera do not fit each other.
    pub fn shot(&self, files: &dyn Files) -> Result<Shot, CaptureError> {
        let (Some(picture), Some(depth)) = (&self.picture, &self.depth) else {
            let message = format!("the frame {} has no picture or no depth image", self.name);
            return Err(CaptureError::Unusable(message));
        };
        let map = depth.read(files)?;
        let bytes = files.read(picture, IMAGE_LIMIT)?;
        let camera = match self.intrinsics.of {
            Extent::Picture => self.camera_of_phone(files, picture, &bytes, &map)?,
            Extent::Depth | Extent::Size(_) => {
                let camera = self.camera(map.size());
                check_depth(&camera, files, &depth.path, &map)?;
                camera
            }
        };
        Ok(Shot {
            camera,
            depth: map,
            picture: bytes,
        })
    }

    /// The encoded picture.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub fn picture_bytes(&self, files: &dyn Files) -> Result<Vec<u8>, CaptureError> {
        match &self.picture {
            Some(path) => files.read(path, IMAGE_LIMIT),
            None => Err(CaptureError::Unusable(format!(
                "the frame {} has no picture",
                self.name
            ))),
        }
    }

    /// The picture, made smaller if its longest edge has more than `longest_edge` pixels.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub fn decoded_picture(
        &self,
        files: &dyn Files,
        longest_edge: Option<u32>,
    ) -> Result<DecodedImage, CaptureError> {
        let bytes = self.picture_bytes(files)?;
        self.decode(&bytes, longest_edge)
    }

    /// Decodes the picture of this frame.
    pub(super) fn decode(
        &self,
        bytes: &[u8],
        longest_edge: Option<u32>,
    ) -> Result<DecodedImage, CaptureError> {
        DecodedImage::decode(bytes, longest_edge).map_err(|problem| {
            let message = format!(
                "the picture of frame {} cannot be read: {problem}",
                self.name
            );
            CaptureError::file(self.picture.clone().unwrap_or_default(), message)
        })
    }

    /// The camera, whose images have the size (rows, columns) unless the intrinsics say which they
    /// have.
    fn camera(&self, [rows, columns]: [usize; 2]) -> Camera {
        let Intrinsics { focal, center, of } = self.intrinsics;
        let [width, height] = match of {
            Extent::Size(size) => size,
            Extent::Depth | Extent::Picture => [columns as f32, rows as f32],
        };
        Camera {
            width,
            height,
            focal,
            center,
            world_from_camera: self.world_from_camera,
        }
    }

    /// The camera of the depth image, given the intrinsics of the picture.
    fn camera_of_phone(
        &self,
        files: &dyn Files,
        path: &str,
        picture: &[u8],
        depth: &Map,
    ) -> Result<Camera, CaptureError> {
        let Intrinsics { focal, center, .. } = self.intrinsics;
        let shown = || format!("{}/{path}", files.name());
        let wrong = |message: String| CaptureError::file(path, message);
        let size = image_file::size(picture)
            .map_err(|problem| wrong(format!("cannot read {}: {problem}", shown())))?;
        let [width, height] = size.map(|n| n as f32);
        let [rows, columns] = depth.size().map(|n| n as f32);
        let stretch = (width / height) / (columns / rows);
        if (stretch - 1.0).abs() >= PICTURE_SHAPE {
            return Err(wrong(format!(
                "{} has {width} x {height} pixels, its depth image {columns} x {rows}: the picture was turned or cropped",
                shown()
            )));
        }
        let is_inner = |center: f32, extent: f32| (0.25 * extent..0.75 * extent).contains(&center);
        let fits = focal.iter().all(|f| f.is_finite() && *f > 0.0)
            && is_inner(center[0], width)
            && is_inner(center[1], height);
        if !fits {
            return Err(wrong(format!(
                "the focal lengths {focal:?} and the center {center:?} do not fit {} with its {width} x {height} pixels",
                shown()
            )));
        }
        let scale = [columns / width, rows / height];
        Ok(Camera {
            width: columns,
            height: rows,
            focal: [focal[0] * scale[0], focal[1] * scale[1]],
            // pixel centers are at integer coordinates in both
            center: [
                (center[0] + 0.5) * scale[0] - 0.5,
                (center[1] + 0.5) * scale[1] - 0.5,
            ],
            world_from_camera: self.world_from_camera,
        })
    }
}

/// Checks that the depth image has the shape of the camera's images.
fn check_depth(
    camera: &Camera,
    files: &dyn Files,
    path: &str,
    depth: &Map,
) -> Result<(), CaptureError> {
    let [rows, columns] = depth.size().map(|n| n as f32);
    let Camera { width, height, .. } = camera;
    if (width * rows - height * columns).abs() <= DEPTH_SHAPE * width * rows {
        return Ok(());
    }
    let message = format!(
        "{}/{path} has {columns} x {rows} pixels, which is another shape than the camera's {width} x {height}",
        files.name()
    );
    Err(CaptureError::file(path, message))
}

impl DepthFile {
    /// Reads the depth in metres, `(height, width, 1)`: 0 where it is unknown or of low confidence.
    ///
    /// # Errors
    /// A file is missing or cannot be read, or the confidence has another size.
    pub fn read(&self, files: &dyn Files) -> Result<Map, CaptureError> {
        let shown = |path: &str| format!("{}/{path}", files.name());
        let wrong = |message: String| CaptureError::file(&self.path, message);
        let bytes = files.read(&self.path, IMAGE_LIMIT)?;
        let units_per_metre = match self.encoding {
            DepthEncoding::OpenExr => {
                let in_file = |problem| wrong(format!("in {}: {problem}", shown(&self.path)));
                return exr::depth(&bytes).map_err(in_file);
            }
            DepthEncoding::Gray16 { units_per_metre } => units_per_metre,
        };
        let (size, mut values) = gray16(&shown(&self.path), &bytes).map_err(wrong)?;
        if let Some(confidence) = &self.confidence {
            let wrong = |message: String| CaptureError::file(confidence, message);
            let levels = image_file::decoded(&files.read(confidence, IMAGE_LIMIT)?)
                .map_err(|problem| wrong(format!("cannot read {}: {problem}", shown(confidence))))?
                .into_luma8();
            let of_levels = [levels.height() as usize, levels.width() as usize];
            if of_levels != size {
                return Err(wrong(format!(
                    "{} has {of_levels:?} rows and columns, the depth image {size:?}",
                    shown(confidence)
                )));
            }
            let both = values.iter_mut().zip(levels.as_raw());
            both.filter(|(_, level)| **level == LOW)
                .for_each(|(value, _)| *value = 0);
        }
        metres(size, values, units_per_metre).map_err(|error| wrong(error.to_string()))
    }
}
