//! The kinds of captures. Each is a file that implements [`Reader`].

mod exported;
mod open3d;
mod phone;
mod polycam;
mod record3d;
mod recorded;
mod scanner3d;
mod seven_scenes;
mod stray;
mod tum;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use recorded::inside;

use super::{
    CaptureError, CaptureFrame, CaptureOptions, DepthEncoding, DepthFile, GapReason,
    files::{Names, Tree},
    image_file::MILLIMETRES,
};
use crate::scan::UpAxis;

/// The kinds of captures that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Polycam's raw export: `keyframes/` with cameras, images, depth and confidence.
    Polycam,
    /// Record3D's export "EXR + JPG sequence": `metadata.json`, `rgb` and `depth`.
    Record3d,
    /// Stray Scanner: `odometry.csv`, `camera_matrix.csv`, `depth`, `confidence`, and `rgb` with
    /// the frames of the video.
    Stray,
    /// 3D Scanner App, "All data": `frame_00000.json`, `frame_00000.jpg`, `depth_00000.png`,
    /// `conf_00000.png`.
    Scanner3d,
    /// The frames that `ScanNet`'s `SensReader` exports: `color`, `depth`, `pose`, `intrinsic`.
    SensReader,
    /// Frames named as in 7-Scenes and 3DMatch: `frame-000000.color.png`, `.depth.png`,
    /// `.pose.txt`, and `camera-intrinsics.txt` there or one folder up.
    SevenScenes,
    /// TUM RGB-D: `rgb.txt`, `depth.txt`, `groundtruth.txt`.
    Tum,
    /// Open3D and Redwood: `color` or `image`, `depth`, `trajectory.log`.
    Open3d,
}

/// The frames of a capture, each read when it is asked for.
pub(super) struct Sequence<'a> {
    /// The names of the frames, in order.
    pub names: Vec<String>,
    /// Reads what is known of a frame without its images, given its place among the names.
    pub frame: FrameReader<'a>,
}

pub(super) type FrameReader<'a> = Box<dyn Fn(usize) -> Result<CaptureFrame, GapReason> + 'a>;

/// A kind of captures.
trait Reader: Sync {
    /// What makes a folder a capture of this kind, for the user.
    fn signs(&self) -> &'static str;

    /// `true` if the folder is a capture of this kind; only names are looked at.
    fn is_here(&self, names: &dyn Names) -> bool;

    /// The axis of the recording that points up; `None` if recordings differ in it.
    fn up(&self) -> Option<UpAxis>;

    /// The frames.
    ///
    /// # Errors
    /// The capture lacks what all frames need, or a file with all poses breaks its format.
    fn sequence<'a>(
        &self,
        tree: Tree<'a>,
        options: &CaptureOptions,
    ) -> Result<Sequence<'a>, CaptureError>;
}

impl Kind {
    /// All kinds. The first that fits a folder is its kind.
    pub const ALL: [Self; 8] = [
        Self::Polycam,
        Self::Record3d,
        Self::Stray,
        Self::Scanner3d,
        Self::SensReader,
        Self::SevenScenes,
        Self::Tum,
        Self::Open3d,
    ];

    fn reader(self) -> &'static dyn Reader {
        match self {
            Self::Polycam => &polycam::Polycam,
            Self::Record3d => &record3d::Record3d,
            Self::Stray => &stray::Stray,
            Self::Scanner3d => &scanner3d::Scanner3d,
            Self::SensReader => &exported::SensReader,
            Self::SevenScenes => &seven_scenes::SevenScenes,
            Self::Tum => &tum::Tum,
            Self::Open3d => &open3d::Open3d,
        }
    }

    /// `true` if the folder with these names is a capture of this kind.
    pub fn is_here(self, names: &dyn Names) -> bool {
        self.reader().is_here(names)
    }

    /// What makes a folder a capture of this kind, for the user.
    pub fn signs(self) -> &'static str {
        self.reader().signs()
    }

    /// The axis of the recordings that points up; `None` if they differ in it.
    pub fn up(self) -> Option<UpAxis> {
        self.reader().up()
    }

    /// Name of the file with the camera that recordings of this kind may have one folder up, where
    /// it is not among the files of the recording.
    pub fn camera_above(self) -> Option<&'static str> {
        (self == Self::SevenScenes).then_some(seven_scenes::CAMERA)
    }

    pub(super) fn sequence<'a>(
        self,
        tree: Tree<'a>,
        options: &CaptureOptions,
    ) -> Result<Sequence<'a>, CaptureError> {
        self.reader().sequence(tree, options)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Polycam => "Polycam",
            Self::Record3d => "Record3D",
            Self::Stray => "Stray Scanner",
            Self::Scanner3d => "3D Scanner App",
            Self::SensReader => "SensReader",
            Self::SevenScenes => "7-Scenes",
            Self::Tum => "TUM RGB-D",
            Self::Open3d => "Open3D",
        })
    }
}

/// Sorts names by the number that their digits make.
fn sort_by_number(names: &mut [String]) {
    let number = |name: &str| {
        let digits: String = name.chars().filter(char::is_ascii_digit).collect();
        digits.parse::<u64>().unwrap_or(u64::MAX)
    };
    names.sort_by_cached_key(|name| (number(name), name.clone()));
}

/// The depth image at the path, which counts `of_kind` units a metre unless the user says something
/// else.
fn gray16(path: String, options: &CaptureOptions, of_kind: f32) -> DepthFile {
    DepthFile {
        path,
        encoding: DepthEncoding::Gray16 {
            units_per_metre: options.units_per_metre.unwrap_or(of_kind),
        },
        confidence: None,
    }
}

/// `true` if the name is that of a picture.
fn is_picture(name: &str) -> bool {
    let end = name.rsplit_once('.').map_or("", |(_, end)| end);
    ["jpg", "jpeg", "png"]
        .iter()
        .any(|known| end.eq_ignore_ascii_case(known))
}

/// The name of a file without its folders and its extension.
fn stem(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}
