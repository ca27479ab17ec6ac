//! Captures: recordings with posed pictures and depth images, as apps on phones and programs for
//! depth cameras export them. Their depth becomes a scan.
//!
//! The files of a capture may lie in a folder, in a ZIP archive or in a browser: everything is read
//! through [`Files`]. [`detect`] finds the kind of a capture, [`Capture::open`] lists its frames
//! without decoding an image, and [`Capture::points`] makes the scan with the memory of one frame
//! beside the points.
//!
//! Frames of reference: `camera` is x right, y down, z forward; a capture has axes of its own, of
//! which only the unit, metres, is known; the points are in the world frame.

mod cells;
mod error;
mod exr;
mod files;
mod frame;
mod image_file;
mod intrinsics;
mod points;
mod poses;
mod readers;
mod up_direction;
mod zip;

use std::collections::HashSet;

pub use cells::{CellPoints, Cells, NEAREST};
pub use error::CaptureError;
pub use exr::depth as open_exr_depth;
pub use files::{CaptureFile, Files, InMemory, MAX_FILES, Names, sorted};
pub use frame::{CaptureFrame, DepthEncoding, DepthFile, Gap, GapReason, Shot};
pub use image_file::{DecodedImage, MILLIMETRES, PIXEL_LIMIT, gray16, metres};
pub use intrinsics::{Extent, Intrinsics};
pub use points::{FrameView, Fusion, PLAUSIBLE_DEPTH, Points, Taken, axis_up};
pub use poses::{listed, pose, quaternion_pose};
pub use readers::{Kind, inside};
pub use up_direction::UpVotes;
pub use zip::{Packed, Zip};

pub use crate::read_at::ReadAt;
use crate::scan::{UpAxis, Warning};
pub(crate) use files::Tree;
pub(crate) use frame::IMAGE_LIMIT;
pub(crate) use image_file::size as image_size;

/// Maximum number of frames that are used unless [`CaptureOptions::every`] says which; a longer recording
/// is thinned.
pub const FRAMES: usize = 500;
/// Maximum depth of the folder of a capture below the one that was opened.
const DEPTH: usize = 2;
/// Maximum number of folders that are searched for a capture.
const FOLDERS: usize = 10_000;
/// Maximum number of names in a message.
const NAMED: usize = 5;

/// How a capture is read, where that is not found out from its files.
#[derive(Clone, Debug, PartialEq)]
pub struct CaptureOptions {
    /// Interval between the frames that are used; without it, the smallest that leaves at most
    /// [`FRAMES`].
    pub every: Option<usize>,
    /// Approximate minimum distance between points, metres.
    pub spacing: f32,
    /// Depth beyond this distance is not trusted, metres.
    pub farthest: f32,
    /// Units per metre of depth images of 16 bits, in place of those of their kind.
    pub units_per_metre: Option<f32>,
    /// The camera, in place of the capture's own; only recordings of depth cameras use it.
    pub intrinsics: Option<Intrinsics>,
    /// The axis of the capture that points up, in place of that of its kind.
    pub up: Option<UpAxis>,
}

impl Default for CaptureOptions {
    fn default() -> Self {
        Self {
            every: None,
            spacing: 0.02,
            farthest: 4.5,
            units_per_metre: None,
            intrinsics: None,
            up: None,
        }
    }
}

/// A capture among files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its kind.
    pub kind: Kind,
    /// Path of its folder among the files with a slash at its end; empty for the files themselves.
    pub root: String,
}

/// Finds the capture among files: in their folder, or in a folder inside.
///
/// # Errors
/// [`CaptureError::Unknown`] with what was looked for, or [`CaptureError::Several`] with the captures.
pub fn detect(files: &dyn Files) -> Result<Found, CaptureError> {
    let kind_of = |names: &dyn Names| Kind::ALL.into_iter().find(|kind| kind.is_here(names));
    let (kind, root) = find(files, kind_of, &Kind::ALL.map(Kind::signs))?;
    Ok(Found { kind, root })
}

/// Finds the folder among files, or in a folder inside, of which `what_is_here` knows what it is,
/// and returns this with the folder's path, which is empty or ends with a slash. `signs` say what
/// is looked for.
///
/// # Errors
/// See [`detect`].
pub(crate) fn find<T>(
    files: &dyn Files,
    what_is_here: impl Fn(&dyn Names) -> Option<T>,
    signs: &[&str],
) -> Result<(T, String), CaptureError> {
    for depth in 0..=DEPTH {
        let found_in = |root: String| {
            let found = what_is_here(&Tree { files, root: &root });
            found.map(|found| (found, root))
        };
        let mut found: Vec<(T, String)> = folders(files, depth)
            .into_iter()
            .filter_map(found_in)
            .collect();
        if found.len() > 1 {
            let names = found.iter().map(|(_, root)| root.trim_end_matches('/'));
            return Err(CaptureError::Several(format!(
                "{} has {} captures: {}; open one of them",
                files.name(),
                found.len(),
                some(names)
            )));
        }
        if let Some(found) = found.pop() {
            return Ok(found);
        }
    }
    let names = files.list().iter().map(|file| file.path.as_str());
    Err(CaptureError::Unknown(format!(
        "{} is not a capture that Segscape reads: it has neither {}; it has {}",
        files.name(),
        signs.join(", nor "),
        match files.list().len() {
            0 => "no files".to_owned(),
            count => format!("{count} files: {}", some(names)),
        }
    )))
}

/// The first few of the names, and how many more there are.
fn some<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    let first = names[..names.len().min(NAMED)].join(", ");
    match names.len().checked_sub(NAMED).filter(|more| *more > 0) {
        Some(more) => format!("{first} and {more} more"),
        None => first,
    }
}

/// Paths of the folders at a depth, each with a slash at its end, without those that systems hide.
fn folders(files: &dyn Files, depth: usize) -> Vec<String> {
    if depth == 0 {
        return vec![String::new()];
    }
    let mut folders: Vec<String> = Vec::new();
    for file in files.list() {
        let mut slashes = file.path.match_indices('/').map(|(place, _)| place);
        let Some(end) = slashes.nth(depth - 1) else {
            continue;
        };
        let folder = &file.path[..=end];
        let is_hidden = |part: &str| part.starts_with('.') || part == "__MACOSX";
        if folders.last().is_some_and(|last| last == folder) || folder.split('/').any(is_hidden) {
            continue;
        }
        folders.push(folder.to_owned());
        if folders.len() == FOLDERS {
            break;
        }
    }
    folders
}

/// A capture whose frames are listed; none of their images is decoded.
#[derive(Clone, Debug, PartialEq)]
pub struct Capture {
    /// Its kind.
    pub kind: Kind,
    /// Name of its folder or archive.
    pub name: String,
    /// The frames that have a pose and their files, in order.
    pub frames: Vec<CaptureFrame>,
    /// The frames that were left out.
    pub gaps: Vec<Gap>,
    /// Number of frames in the recording, of which every [`Self::every`]th was looked at.
    pub recorded: usize,
    /// Interval between the frames that were looked at.
    pub every: usize,
    /// What the user should know.
    pub warnings: Vec<Warning>,
}

impl Capture {
    /// Finds the capture among files and lists its frames.
    ///
    /// # Errors
    /// There is no capture, it lacks what all frames need, or none of its frames can be used.
    pub fn open(files: &dyn Files, options: &CaptureOptions) -> Result<Self, CaptureError> {
        let Found { kind, root } = detect(files)?;
        let capture = Self::list(files, kind, &root, options)?;
        capture.check()?;
        Ok(capture)
    }

    /// Lists the frames of the capture in the folder `root`, which ends with a slash or is empty.
    /// All of them may be gaps.
    ///
    /// # Errors
    /// The capture lacks what all frames need.
    pub fn list(
        files: &dyn Files,
        kind: Kind,
        root: &str,
        options: &CaptureOptions,
    ) -> Result<Self, CaptureError> {
        let tree = Tree { files, root };
        let sequence = kind.sequence(tree, options)?;
        let recorded = sequence.names.len();
        let every = options
            .every
            .unwrap_or_else(|| recorded.div_ceil(FRAMES))
            .max(1);
        let mut capture = Self {
            kind,
            name: tree.name().to_owned(),
            frames: Vec::new(),
            gaps: Vec::new(),
            recorded,
            every,
            warnings: Vec::new(),
        };
        if options.every.is_none() && every > 1 {
            capture.warnings.push(Warning(format!(
                "the recording has {recorded} frames, of which every {every}th is used: the limit is {FRAMES}"
            )));
        }
        let mut names = HashSet::new();
        for place in (0..recorded).step_by(every) {
            let name = &sequence.names[place];
            let frame = match names.insert(name.clone()) {
                true => (sequence.frame)(place),
                false => Err(GapReason::Broken(CaptureError::Unusable(format!(
                    "another frame is called {name}, too"
                )))),
            };
            match frame {
                Ok(frame) => capture.frames.push(frame),
                Err(reason) => capture.gaps.push(Gap {
                    frame: name.clone(),
                    reason,
                }),
            }
        }
        Ok(capture)
    }

    /// Checks that a frame can be used.
    ///
    /// # Errors
    /// [`CaptureError::Unusable`] with what is wrong with the first one.
    pub fn check(&self) -> Result<(), CaptureError> {
        if self.frames.is_empty() {
            return Err(none_left(&self.name, &self.gaps));
        }
        Ok(())
    }
}

/// The error of a capture that has only gaps.
fn none_left(name: &str, gaps: &[Gap]) -> CaptureError {
    CaptureError::Unusable(match gaps {
        [] => format!("{name} has no frame"),
        [Gap { frame, reason }, ..] => format!(
            "none of {} frames of {name} has a pose, a picture and a depth image that can be used; the first, {frame}: {reason}",
            gaps.len()
        ),
    })
}

#[cfg(test)]
pub(crate) mod tests;
