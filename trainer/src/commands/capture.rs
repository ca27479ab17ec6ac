//! What `trainer segment` opens: a file with a scan, or a capture, whose depth becomes one.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail, ensure};
use clap::Args;
use segscape::{
    captures::{self, Files, Gap},
    job::{
        self, Detected, ImageEvidence, RecordedFrame, RecordingError, RecordingKind, SceneImages,
    },
    model::{Config, Observation},
    preflight::{Choices, Preflight},
    progress::Monitor,
    scan::{Scan, Sliced, UpAxis, Warning},
    superpoint::Superpoints,
};
use serde_json::{Value, json};

use recordings::{
    folder::{Disk, Folder, is_zip, open_zip},
    readers,
};

/// Distance between points made from depth, metres, and largest depth that is used.
const SPACING: f32 = 0.02;
const FARTHEST: f32 = 4.5;

/// How captures become points.
#[derive(Args, Clone, Debug, Default)]
pub struct CaptureArgs {
    /// Take every Nth frame; by default `prepare` takes every 10th of videos and all keyframes, and
    /// `segment` as many as 500 of either.
    #[arg(long)]
    pub every: Option<usize>,
    /// Distance between points made from depth, metres; 0.02 by default.
    #[arg(long)]
    spacing: Option<f32>,
    /// Largest depth that is used, metres; 4.5 by default.
    #[arg(long)]
    farthest: Option<f32>,
    /// Metres per unit of depth images of 16 bits, in place of what their kind has: 0.001 for
    /// millimetres, 0.00025 for quarters of one.
    #[arg(long)]
    pub depth_unit: Option<f32>,
    /// Intrinsics of depth images, in place of those in the recording: Open3D's JSON, or a text
    /// file with fx fy cx cy or with the matrix.
    #[arg(long)]
    pub intrinsics: Option<PathBuf>,
}

impl CaptureArgs {
    /// Distance between points, metres.
    pub fn spacing(&self) -> f32 {
        self.spacing.unwrap_or(SPACING)
    }

    /// Largest depth that is used, metres.
    pub fn farthest(&self) -> f32 {
        self.farthest.unwrap_or(FARTHEST)
    }

    /// Checks the values.
    ///
    /// # Errors
    /// The option whose value makes no sense.
    pub fn check(&self) -> anyhow::Result<()> {
        ensure!(self.every != Some(0), "--every must be at least 1");
        ensure!(
            self.spacing() >= 0.001 && self.farthest() > 0.0,
            "--spacing must be at least 0.001 and --farthest positive"
        );
        ensure!(
            self.depth_unit
                .is_none_or(|metres| metres.is_finite() && metres > 0.0 && metres < 1.0),
            "--depth-unit must be between 0 and 1 m: depth images hold whole numbers of it"
        );
        Ok(())
    }

    /// The name of an option that was given.
    fn given(&self) -> Option<&'static str> {
        let options = [
            (self.every.is_some(), "--every"),
            (self.spacing.is_some(), "--spacing"),
            (self.farthest.is_some(), "--farthest"),
            (self.depth_unit.is_some(), "--depth-unit"),
            (self.intrinsics.is_some(), "--intrinsics"),
        ];
        let given = options.into_iter().find(|(is_given, _)| *is_given);
        given.map(|(_, option)| option)
    }

    /// Finds the recording among files and checks that these options and what the user says of the
    /// axes and the unit fit it. `path` is what messages call the files.
    ///
    /// # Errors
    /// There is no recording, or something does not fit it.
    pub fn detect(
        &self,
        files: &dyn Files,
        path: &Path,
        choices: Choices,
    ) -> anyhow::Result<Detected> {
        ensure!(
            choices.unit.is_none(),
            "{} is in metres: --unit and --scale are for files",
            path.display()
        );
        let detected = job::detect(files)?;
        if detected.kind == RecordingKind::Bundle {
            // Masks are lifted from the depth of bundles, too.
            let of_points = Self {
                farthest: None,
                ..self.clone()
            };
            if let Some(option) = of_points.given() {
                bail!("{option} is not used by bundles, whose points are made already");
            }
            ensure!(
                choices.up.is_none(),
                "--up is not used by bundles, in which +z is up"
            );
        }
        Ok(detected)
    }

    /// How the frames of the capture in `folder` are read.
    ///
    /// # Errors
    /// The file with the intrinsics cannot be read.
    pub fn options(
        &self,
        folder: &Path,
        up: Option<UpAxis>,
    ) -> anyhow::Result<captures::CaptureOptions> {
        Ok(captures::CaptureOptions {
            every: self.every,
            spacing: self.spacing(),
            farthest: self.farthest(),
            units_per_metre: self.depth_unit.map(f32::recip),
            intrinsics: readers::camera(self.intrinsics.as_deref(), folder)?,
            up,
        })
    }
}

/// What is segmented.
pub struct Opened {
    /// The points in the world frame.
    pub scan: Scan,
    /// What was found out about them.
    pub preflight: Preflight,
    /// What its images say of it; empty unless it is a bundle.
    pub seen: ImageEvidence,
    /// Superpoints that came with it.
    pub superpoints: Option<Superpoints>,
    /// What there is to say of a capture; `None` for a file with a scan.
    pub capture: Option<Value>,
    /// The frames of a recording, without their images.
    pub frames: Vec<RecordedFrame>,
    /// What the user should know.
    pub warnings: Vec<String>,
    /// The file that the scan is an excerpt of, if it is one.
    pub whole: Option<Disk>,
}

/// How something is opened.
pub struct Opening<'a> {
    /// The options of captures.
    pub options: &'a CaptureArgs,
    /// What the user says of the axes and the unit.
    pub choices: Choices,
    /// The network, which may read images.
    pub config: &'a Config,
    /// `true` if features and objects of images are left out.
    pub no_images: bool,
    /// Maximum number of points of a file that are kept, if the user says one.
    pub budget: Option<usize>,
}

impl Opening<'_> {
    /// Opens a file with a scan, or a folder or archive with a capture or a foundation bundle.
    ///
    /// # Errors
    /// It cannot be read, or an option does not fit it.
    pub fn open(&self, path: &Path, monitor: &Monitor) -> anyhow::Result<Opened> {
        if path.is_dir() {
            return self.recording(&Folder::open(path)?, path, monitor);
        }
        if is_zip(path)? {
            return self.recording(&open_zip(path)?, path, monitor);
        }
        if let Some(option) = self.options.given() {
            bail!("{option} is not used by files, only by captures");
        }
        let (mut scan, whole) = self.file(path, monitor)?;
        let preflight = job::place(&mut scan, self.choices);
        let words = |warning: &Warning| warning.0.clone();
        let mut warnings: Vec<String> = scan.excerpt_in_words().into_iter().collect();
        warnings.extend(scan.warnings.iter().map(words));
        Ok(Opened {
            warnings,
            scan,
            preflight,
            seen: ImageEvidence::default(),
            superpoints: None,
            capture: None,
            frames: Vec::new(),
            whole,
        })
    }

    /// Reads a file with a scan, in slices if that is due; then it comes with the scan.
    fn file(&self, path: &Path, monitor: &Monitor) -> anyhow::Result<(Scan, Option<Disk>)> {
        let disk = Disk::open(path)?;
        // A file of another format, or one that is damaged, is refused by its own reader.
        if let Ok(sliced) = Sliced::open(&disk)
            && sliced.is_due(self.budget)
        {
            let scan = job::read_sliced(&sliced, &disk, self.budget, monitor)?;
            return Ok((scan, Some(disk)));
        }
        let bytes = fs::read(path).context("the file cannot be read")?;
        Ok((job::read(&bytes, monitor)?, None))
    }

    /// Opens the files of a capture or of a foundation bundle. `path` is what messages call them.
    ///
    /// # Errors
    /// See [`Self::open`].
    pub fn recording(
        &self,
        files: &dyn Files,
        path: &Path,
        monitor: &Monitor,
    ) -> anyhow::Result<Opened> {
        let detected = self.options.detect(files, path, self.choices)?;
        ensure!(
            detected.kind != RecordingKind::Bundle || self.options.farthest.is_none(),
            "--farthest is not used by bundles, whose points are made already"
        );
        let options = self.options.options(path, self.choices.up)?;
        let recording = job::open(files, &detected, &options, monitor, &mut |_, _| ());
        let recording = recording.map_err(|error| match error {
            RecordingError::Capture(error) => readers::in_words(error),
            other => other.into(),
        })?;
        let content = recording.content();
        let words = |warning: &Warning| warning.0.clone();
        let mut warnings: Vec<String> = recording.warnings.iter().map(words).collect();
        warnings.extend(recording.left_out());
        warnings.extend(recording.scan.warnings.iter().map(words));
        let superpoints = recording.about.as_ref().and_then(SceneImages::superpoints);
        let seen = match recording.about {
            Some(about) if !self.no_images => {
                let (seen, partly) = about.evidence(self.config)?;
                warnings.extend(partly);
                seen
            }
            _ => ImageEvidence::default(),
        };
        warnings.extend(seen.remarks(self.config, content, self.no_images));
        let gaps: Vec<Value> = recording.gaps.iter().map(gap).collect();
        let told = json!({
            "kind": recording.kind.to_string(),
            "frames": recording.frames.len(),
            "recorded": recording.recorded,
            "every": recording.every,
            "gaps": gaps,
            "image_features": seen.image.is_some(),
            "objects_seen": seen.objects.positions.len(),
        });
        Ok(Opened {
            preflight: recording.preflight,
            scan: recording.scan,
            capture: Some(told),
            frames: recording.frames,
            seen,
            superpoints,
            warnings,
            whole: None,
        })
    }
}

impl Opened {
    /// The network's input.
    pub fn observation(&self) -> Observation<'_> {
        let Scan {
            positions,
            colors,
            triangles,
            ..
        } = &self.scan;
        self.seen
            .observation(positions, colors.as_deref(), triangles)
    }
}

fn gap(gap: &Gap) -> Value {
    json!({"frame": gap.frame, "reason": gap.reason.to_string()})
}
