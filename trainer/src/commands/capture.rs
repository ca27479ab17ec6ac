//! What `trainer segment` opens: a file with a scan, or a capture, whose depth becomes one.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail, ensure};
use clap::Args;
use segscape::{
    captures::{self, Capture, Files, Gap, GapReason, Points},
    job,
    model::{Config, Observation},
    preflight::{Certainty, Choices, Finding, Preflight, Unit, preflight},
    progress::Monitor,
    scan::{Scan, UpAxis},
    superpoint::Superpoints,
};
use serde_json::{Value, json};

use learning::data::image_evidence::ImageEvidence;
use recordings::{
    folder::{Folder, is_zip, open_zip},
    foundation::{Foundation, INDEX},
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

    fn options(
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
    /// What the user should know.
    pub warnings: Vec<String>,
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
}

impl Opening<'_> {
    /// Opens a file with a scan, a folder or archive with a capture, or a foundation bundle.
    ///
    /// # Errors
    /// It cannot be read, or an option does not fit it.
    pub fn open(&self, path: &Path, monitor: &Monitor) -> anyhow::Result<Opened> {
        if path.is_dir() {
            self.check_metres(path)?;
            return if path.join(INDEX).is_file() {
                self.bundle(path)
            } else {
                self.capture(&Folder::open(path)?, path, monitor)
            };
        }
        if is_zip(path)? {
            self.check_metres(path)?;
            return self.capture(&open_zip(path)?, path, monitor);
        }
        if let Some(option) = self.options.given() {
            bail!("{option} is not used by files, only by captures");
        }
        let bytes = fs::read(path).context("the file cannot be read")?;
        let mut scan = job::read(&bytes, monitor)?;
        drop(bytes);
        let preflight = job::place(&mut scan, self.choices);
        Ok(Opened {
            warnings: scan
                .warnings
                .iter()
                .map(|warning| warning.0.clone())
                .collect(),
            scan,
            preflight,
            seen: ImageEvidence::default(),
            superpoints: None,
            capture: None,
        })
    }

    fn check_metres(&self, path: &Path) -> anyhow::Result<()> {
        ensure!(
            self.choices.unit.is_none(),
            "{} is in metres: --unit and --scale are for files",
            path.display()
        );
        Ok(())
    }

    fn capture(&self, files: &dyn Files, path: &Path, monitor: &Monitor) -> anyhow::Result<Opened> {
        let options = self.options.options(path, self.choices.up)?;
        let capture = Capture::open(files, &options).map_err(readers::in_words)?;
        let points = capture.points(files, &options, monitor, &mut |_| ())?;
        job::check(&points.scan)?;
        let preflight = points.preflight();
        let Points {
            scan,
            views,
            gaps,
            warnings,
            ..
        } = points;
        let mut warnings: Vec<String> = warnings.into_iter().map(|warning| warning.0).collect();
        warnings.extend(left_out(&gaps, views.len() + gaps.len()));
        warnings.extend(scan.warnings.iter().map(|warning| warning.0.clone()));
        warnings.extend(self.unseen(&ImageEvidence::default()));
        let gaps: Vec<Value> = gaps.iter().map(gap).collect();
        let told = json!({
            "kind": capture.kind.to_string(),
            "frames": views.len(),
            "recorded": capture.recorded,
            "every": capture.every,
            "gaps": gaps,
            "image_features": false,
            "objects_seen": 0,
        });
        Ok(Opened {
            scan,
            preflight,
            seen: ImageEvidence::default(),
            superpoints: None,
            capture: Some(told),
            warnings,
        })
    }

    fn bundle(&self, path: &Path) -> anyhow::Result<Opened> {
        if let Some(option) = self.options.given() {
            bail!("{option} is not used by bundles, whose points are made already");
        }
        ensure!(
            self.choices.up.is_none(),
            "--up is not used by bundles, in which +z is up"
        );
        let mut bundle = Foundation::read(path)?;
        let mut seen = match self.no_images {
            true => ImageEvidence::default(),
            false => ImageEvidence::all(&mut bundle, self.config),
        };
        let scan = Scan::from_points(&bundle.positions, bundle.colors.as_deref())?;
        job::check(&scan)?;
        // The scan is moved to the origin if it is far from it.
        for position in &mut seen.objects.positions {
            let moved = scan.frame.world_from_file(position.map(f64::from));
            *position = moved.map(|x| x as f32);
        }
        let mut warnings: Vec<String> = scan
            .warnings
            .iter()
            .map(|warning| warning.0.clone())
            .collect();
        warnings.extend(self.unseen(&seen));
        let told = json!({
            "kind": "foundation bundle",
            "frames": bundle.images.len(),
            "recorded": bundle.images.len(),
            "every": 1,
            "gaps": [],
            "image_features": seen.image.is_some(),
            "objects_seen": seen.objects.positions.len(),
        });
        Ok(Opened {
            preflight: of_bundle(&scan),
            seen,
            superpoints: bundle
                .given
                .superpoints
                .as_deref()
                .map(Superpoints::from_ids),
            capture: Some(told),
            warnings,
            scan,
        })
    }

    /// What is said of a network that reads more of the images than there is.
    fn unseen(&self, seen: &ImageEvidence) -> Vec<String> {
        let why = match self.no_images {
            true => "they are left out",
            false => "there are none",
        };
        let features = (self.config.inputs.image > 0 && seen.image.is_none()).then(|| {
            format!(
                "the network reads features of images; {why}, so every point has the feature that it learned for this case"
            )
        });
        let objects = self.config.objects.is_some() && seen.objects.positions.is_empty();
        let objects = objects.then(|| format!("the network reads objects seen in images; {why}"));
        features.into_iter().chain(objects).collect()
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

/// What there is to know about the points of a bundle, whose axes and unit are those of the world.
fn of_bundle(scan: &Scan) -> Preflight {
    let choices = Choices {
        up: Some(UpAxis::PlusZ),
        unit: Some(Unit::Metres),
    };
    let found = preflight(scan, choices);
    Preflight {
        up: Finding {
            certainty: Certainty::Found,
            words: "Up is +z in bundles.".to_owned(),
            ..found.up
        },
        unit: Finding {
            certainty: Certainty::Found,
            words: "Bundles are in metres.".to_owned(),
            ..found.unit
        },
        ..found
    }
}

fn gap(gap: &Gap) -> Value {
    json!({"frame": gap.frame, "reason": gap.reason.to_string()})
}

/// A sentence for each reason why frames were left out, with their number and the first of them.
fn left_out(gaps: &[Gap], looked_at: usize) -> Vec<String> {
    let is_kind = |gap: &&Gap, kind: usize| match gap.reason {
        GapReason::Pose => kind == 0,
        GapReason::File => kind == 1,
        GapReason::Broken(_) => kind == 2,
    };
    let of_kind = |kind: usize| {
        gaps.iter()
            .filter(|gap| is_kind(gap, kind))
            .collect::<Vec<_>>()
    };
    let sentence = |gaps: &Vec<&Gap>| {
        format!(
            "{} of {looked_at} frames are left out; {}: {}",
            gaps.len(),
            gaps[0].frame,
            gaps[0].reason
        )
    };
    let kinds = (0..3).map(of_kind);
    kinds
        .filter(|gaps| !gaps.is_empty())
        .map(|gaps| sentence(&gaps))
        .collect()
}
