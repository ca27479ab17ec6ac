//! Captures, as the core reads them.

use std::path::Path;

use anyhow::{anyhow, bail};
use segscape::{
    captures::{self, Capture, CaptureError, GapReason},
    scan::UpAxis,
};

use super::{Gap, Options, Prepared, Reader, Shot, Shots, intrinsics, shots};
use crate::{
    folder::{Folder, FolderNames},
    foundation::Writer,
};

/// Captures of one of several kinds.
pub struct Captured {
    /// The first that fits is the kind of a scene.
    kinds: &'static [captures::Kind],
    /// The default frame interval.
    every: usize,
}

/// Recordings of depth cameras in the layout of one of several programs.
pub const FRAMES: Captured = Captured {
    kinds: &[
        captures::Kind::SensReader,
        captures::Kind::SevenScenes,
        captures::Kind::Tum,
        captures::Kind::Open3d,
    ],
    every: 10,
};
/// Polycam's raw export, which has only keyframes.
pub const POLYCAM: Captured = Captured {
    kinds: &[captures::Kind::Polycam],
    every: 1,
};
/// Record3D's export, and its own format, which must be exported again.
pub const RECORD3D: Captured = Captured {
    kinds: &[captures::Kind::Record3d],
    every: 10,
};
/// Stray Scanner's recordings.
pub const STRAY: Captured = Captured {
    kinds: &[captures::Kind::Stray],
    every: 10,
};
/// 3D Scanner App's export of all data.
pub const SCANNER3D: Captured = Captured {
    kinds: &[captures::Kind::Scanner3d],
    every: 10,
};

impl Captured {
    fn kind(&self, folder: &Path) -> Option<captures::Kind> {
        let mut kinds = self.kinds.iter().copied();
        kinds.find(|kind| kind.is_here(&FolderNames(folder)))
    }

    /// `true` for the file in which Record3D keeps a recording.
    fn is_r3d(&self, path: &Path) -> bool {
        self.kinds == [captures::Kind::Record3d] && path.is_file() && has_extension(path, "r3d")
    }

    /// Every `options.every`-th frame.
    ///
    /// # Errors
    /// The folder has no known layout, no intrinsics, or a frame breaks its format.
    pub fn frames(&self, folder: &Path, options: &Options) -> anyhow::Result<Shots<'static>> {
        // what is missing is said by the last of the layouts, which asks for the least
        let last = self.kinds.last().copied();
        let Some(kind) = self.kind(folder).or(last) else {
            bail!("{} has no known layout", folder.display());
        };
        let given = match &options.intrinsics {
            Some(path) => Some(intrinsics::read(path)?),
            None => intrinsics::above(folder, kind)?,
        };
        let options = captures::CaptureOptions {
            every: Some(options.every),
            units_per_metre: options.depth_unit.map(f32::recip),
            intrinsics: given,
            ..captures::CaptureOptions::default()
        };
        frames(folder, kind, &options)
    }
}

fn has_extension(path: &Path, wanted: &str) -> bool {
    path.extension()
        .is_some_and(|extension| extension == wanted)
}

impl Reader for Captured {
    fn up(&self) -> UpAxis {
        let up = self.kinds.first().and_then(|kind| kind.up());
        up.unwrap_or_default()
    }

    fn every(&self) -> usize {
        self.every
    }

    fn is_scene(&self, path: &Path) -> bool {
        self.kind(path).is_some() || self.is_r3d(path)
    }

    fn read(&self, scene: &Path, options: &Options, bundle: &Writer) -> anyhow::Result<Prepared> {
        if self.is_r3d(scene) {
            bail!(
                "{} is a .r3d recording, whose depth is compressed with LZFSE, which is not read here: in Record3D's library choose Export, \"EXR + JPG sequence\"",
                scene.display()
            );
        }
        shots::prepared(self.frames(scene, options)?, None, options, bundle)
    }
}

/// The frames of the capture in a folder. A frame that cannot be read is an error here: bundles are
/// made once and read often.
///
/// # Errors
/// The folder cannot be listed, or lacks what all frames need.
pub fn frames(
    folder: &Path,
    kind: captures::Kind,
    options: &captures::CaptureOptions,
) -> anyhow::Result<Shots<'static>> {
    let files = Folder::open(folder)?;
    let capture = Capture::list(&files, kind, "", options).map_err(in_words)?;
    let gaps = capture.gaps.into_iter().map(|gap| match gap.reason {
        GapReason::Pose => Ok(Err(Gap::Pose)),
        GapReason::File => Ok(Err(Gap::File)),
        GapReason::Broken(error) => Err(error.into()),
    });
    let shots = capture
        .frames
        .into_iter()
        .map(move |frame| Shot::of(frame, &files).map(Ok));
    Ok(Box::new(gaps.chain(shots)))
}

/// The error with the option that helps.
pub fn in_words(error: CaptureError) -> anyhow::Error {
    match error {
        CaptureError::NoCamera(message) => {
            anyhow!("{message}: name a file with --intrinsics, fx fy cx cy or the matrix")
        }
        other => other.into(),
    }
}

#[cfg(test)]
mod tests;
