//! What `trainer lift` and `trainer track` open: recordings, with the depth images that scans in
//! files lack.

use std::path::Path;

use anyhow::{Context, ensure};
use learning::{
    config::ClassOfObject,
    data::labeled_scan::LabeledScan,
    evaluation::{Answer, Found},
};
use recordings::{
    folder::{Folder, is_zip, open_zip},
    foundation::{Foundation, Given, Image},
    readers,
};
use segscape::{
    captures::{Capture, CaptureError, Files, Points, Taken},
    job::{self, RecordedFrame, Recording, RecordingError, RecordingKind, SceneImages},
    preflight::{Choices, Preflight},
    progress::Monitor,
    scan::Scan,
};

use crate::commands::capture::CaptureArgs;

/// What was opened.
#[allow(clippy::large_enum_variant, reason = "there is one at a time")]
pub enum Scene {
    /// A foundation bundle.
    Bundle {
        /// Its points, and what its images say of them.
        recording: Recording,
        /// Path of its folder among the files.
        root: String,
    },
    /// A capture.
    Capture {
        /// Its frames.
        capture: Capture,
        /// The points made of them.
        points: Points,
        /// What was found out about the points.
        preflight: Preflight,
    },
}

impl Scene {
    /// Opens a bundle, or makes the points of a capture and calls `on_frame` after each of its
    /// frames. `path` is what messages call the files.
    ///
    /// # Errors
    /// There is no recording, it cannot be read, or an option does not fit it.
    pub fn open(
        files: &dyn Files,
        path: &Path,
        captures: &CaptureArgs,
        choices: Choices,
        monitor: &Monitor,
        on_frame: &mut dyn FnMut(&Capture, Taken),
    ) -> anyhow::Result<Self> {
        let detected = captures.detect(files, path, choices)?;
        let options = captures.options(path, choices.up)?;
        let RecordingKind::Capture(kind) = detected.kind else {
            let recording = job::open(files, &detected, &options, monitor, &mut |_, _| ());
            let recording = recording.map_err(|error| match error {
                RecordingError::Capture(error) => readers::in_words(error),
                other => other.into(),
            })?;
            return Ok(Self::Bundle {
                recording,
                root: detected.root,
            });
        };
        let mut read = || -> Result<(Capture, Points), CaptureError> {
            let capture = Capture::list(files, kind, &detected.root, &options)?;
            capture.check()?;
            let points = capture.points(files, &options, monitor, &mut |taken| {
                on_frame(&capture, taken);
            })?;
            Ok((capture, points))
        };
        let (capture, points) = read().map_err(readers::in_words)?;
        job::check(&points.scan)?;
        let preflight = points.preflight();
        Ok(Self::Capture {
            capture,
            points,
            preflight,
        })
    }

    /// The points.
    pub fn scan(&self) -> &Scan {
        match self {
            Self::Bundle { recording, .. } => &recording.scan,
            Self::Capture { points, .. } => &points.scan,
        }
    }

    /// What a bundle says besides its points.
    pub fn about(&self) -> Option<&SceneImages> {
        match self {
            Self::Bundle { recording, .. } => recording.about.as_ref(),
            Self::Capture { .. } => None,
        }
    }

    /// The images of a bundle and the labels of its scene.
    ///
    /// # Errors
    /// It is a capture.
    pub fn images(&self) -> anyhow::Result<&Foundation> {
        let about = self.about().map(SceneImages::scene);
        about.context("a capture has no labels, and is no bundle that could get some")
    }

    /// The instances beside the labels of a bundle; `path` is what they are called.
    ///
    /// # Errors
    /// It is a capture, or the bundle has no labels.
    pub fn answer(&self, path: &Path, found: Vec<Found>) -> anyhow::Result<Answer> {
        let about = self.images()?;
        let scan = self.scan();
        // The images, which are most of a bundle, are not copied, and superpoints play no part.
        let labeled = Foundation {
            positions: scan.positions.clone(),
            colors: scan.colors.clone(),
            truth: about.truth.clone(),
            given: Given {
                superpoints: Some(vec![0; scan.len()]),
                ..Given::default()
            },
            ..Foundation::default()
        };
        Ok(Answer {
            path: path.to_owned(),
            scan: LabeledScan::of_bundle(labeled, path, None, ClassOfObject::default())?,
            found,
        })
    }

    /// Path of the picture of an image among the files of a bundle.
    pub fn picture(&self, image: &Image) -> Option<String> {
        match self {
            Self::Bundle { root, .. } => Some(format!("{root}{}", image.picture.as_ref()?)),
            Self::Capture { .. } => None,
        }
    }

    /// The frames that are in the scan, without their images.
    pub fn frames(&self) -> Vec<RecordedFrame> {
        match self {
            Self::Bundle { recording, .. } => recording.frames.clone(),
            Self::Capture {
                capture, points, ..
            } => job::recorded_frames(capture, &points.views),
        }
    }

    /// What it is, in words.
    pub fn kind(&self) -> String {
        match self {
            Self::Bundle { recording, .. } => recording.kind.to_string(),
            Self::Capture { capture, .. } => capture.kind.to_string(),
        }
    }

    /// What was found out about the points.
    pub fn preflight(&self) -> &Preflight {
        match self {
            Self::Bundle { recording, .. } => &recording.preflight,
            Self::Capture { preflight, .. } => preflight,
        }
    }

    /// What the user should know.
    pub fn warnings(&self) -> Vec<String> {
        let (warnings, gaps) = match self {
            Self::Bundle { recording, .. } => (&recording.warnings, recording.left_out()),
            Self::Capture { points, .. } => {
                let gap = points.gaps.first();
                let gap = gap.map(|gap| {
                    let count = points.gaps.len();
                    format!("{count} frames are left out; {}: {}", gap.frame, gap.reason)
                });
                (&points.warnings, gap.into_iter().collect())
            }
        };
        let all = warnings.iter().chain(&self.scan().warnings);
        let words = all.map(|warning| warning.0.clone());
        words
            .chain(gaps)
            .chain(self.preflight().assumptions())
            .collect()
    }
}

/// The files of a folder or an archive on a disk.
///
/// # Errors
/// It is neither, or it cannot be read.
pub fn files_at(path: &Path) -> anyhow::Result<Box<dyn Files>> {
    if path.is_dir() {
        return Ok(Box::new(Folder::open(path)?));
    }
    ensure!(
        is_zip(path)?,
        "it is neither a folder nor a ZIP archive: what is asked for is a recording with depth images"
    );
    Ok(Box::new(open_zip(path)?))
}
