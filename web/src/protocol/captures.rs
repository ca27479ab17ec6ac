//! What messages tell about captures, their frames, and what becomes of them as they are followed.

use js_sys::Array;
use segscape::geometry::Aabb;
use serde::{Deserialize, Serialize};

use super::Bulk;

/// What became of a recording that is followed since the last message about it. It tells only what
/// changed, at most some times a second.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Followed {
    /// Number of frames that came.
    pub done: u32,
    /// Number of frames that there are.
    pub of: u32,
    /// Number of things so far.
    pub things: u32,
    /// The last of the new frames that cannot be used, with its reason.
    pub skipped: Option<String>,
    /// The new frames.
    pub frames: Frames,
    /// f32 positions of the new points, shape `(new points, 3)`.
    pub positions: Bulk,
    /// u8 sRGB colors with alpha 255, shape `(new points, 4)`.
    pub colors: Bulk,
    /// Distance between neighboring points, metres, if it was measured again.
    pub spacing: Option<f32>,
    /// u32 superpoints, shape `(new points)`; at first those of the points on screen, too.
    pub superpoint_of_point: Bulk,
    /// Number of superpoints, some of which may have no point yet.
    pub superpoints: u32,
    /// Numbers of instances that are gone.
    pub gone: Vec<u32>,
    /// The instances that are new, or other than before. A number is an index in the list.
    pub changed: Vec<ChangedInstance>,
    /// u32 superpoints of the changed instances, one after the other.
    pub superpoints_of_changed: Bulk,
}

/// An instance that is new, or other than before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChangedInstance {
    /// Its number.
    pub number: u32,
    /// Its name; empty without.
    pub name: String,
    /// Its score in `0..=1`.
    pub score: f32,
    /// Number of points.
    pub points: u32,
    /// Bounding box, metres.
    pub bounds: Aabb,
    /// Number of its superpoints.
    pub superpoints: u32,
}

/// The frames of a capture whose depth is in the scan.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Frames {
    /// The frames, in the order in which they were taken.
    pub frames: Vec<FrameInfo>,
    /// A blob for each frame: its encoded picture, which nobody has read so far. `null` if the
    /// picture cannot be shown.
    #[serde(with = "serde_wasm_bindgen::preserve")]
    pub pictures: Array,
}

/// One frame of a capture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FrameInfo {
    /// Name of the frame, unique in the capture.
    pub name: String,
    /// Position of the camera, world frame, metres.
    pub eye: [f32; 3],
    /// What the corners of the picture show at a depth of one metre: upper left, upper right, lower
    /// right, lower left; world frame.
    pub corners: [[f32; 3]; 4],
    /// Number of bytes of the picture, if its blob is deflated.
    pub inflated_bytes: Option<u32>,
}

/// What the images of a foundation bundle have for networks that read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenInfo {
    /// If `true`, points or images have features.
    pub features: bool,
    /// Number of objects seen in images.
    pub objects: u32,
}

/// What the network does with the images of a capture.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImagesInfo {
    /// If `true`, the network reads what the images have, and the user may leave it out.
    pub choice: bool,
    /// What is missing, or not read by the network.
    pub remarks: Vec<String>,
}

/// What was found out about a capture or a foundation bundle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CaptureInfo {
    /// The app or program that made it.
    pub kind: String,
    /// Number of frames in the scan.
    pub used: u32,
    /// Number of frames of the recording.
    pub recorded: u32,
    /// Interval between the frames that were looked at.
    pub every: u32,
    /// Number of frames that were left out although they were looked at.
    pub gaps: u32,
    /// The first of those, each with its reason.
    pub first_gaps: Vec<String>,
    /// What the images of a foundation bundle have; captures have pictures alone.
    pub seen: Option<SeenInfo>,
    /// Number of frames that were followed so far, if the things are found so; those included that
    /// were left out.
    pub followed: Option<u32>,
}
