//! `trainer lift`: instances from the masks of 2D models, tracked through posed depth images, without
//! a network that was trained on scans.

use std::{
    ffi::OsStr,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail, ensure};
use clap::{Args, ValueEnum};
use indicatif::ProgressBar;
use learning::{
    config::ClassOfObject,
    data::labeled_scan::LabeledScan,
    evaluation::{Answer, Found, Measurement},
};
use recordings::{
    folder::{Folder, is_zip, open_zip},
    foundation::{Foundation, Given, Models, SceneTruth},
    readers,
    store::{Cache, is_address, open_files},
};
use segscape::{
    captures::{Capture, CaptureError, Files, Points},
    images::{MaskModel, Picture, SegmentAnything},
    job::{self, Recording, RecordingError, RecordingKind, SceneImages},
    lift::{
        self, BundleMasks, BundleViews, CaptureViews, LeftReason, LiftError, LiftOptions, Lifted,
        ModelMasks, OpenPicture, Optimization, OracleTracker, PosedViews, PropagatingTracker,
        Propagation, TrackErrors, Tracker, Visibility, VisibilityOptions,
    },
    preflight::Preflight,
    progress::{Cancel, Monitor, Progress, Stage},
    scan::Scan,
    superpoint::{SuperpointOptions, Superpoints, superpoints},
};
use serde_json::json;

use super::{
    capture::CaptureArgs,
    orientation::Orientation,
    results::{self, StageClock},
    scene_cache::SceneCache,
};

/// Longest file of a picture, bytes.
const PICTURE_LIMIT: u64 = 64 << 20;

/// Find the objects of recordings by masks of 2D models alone (Any3DIS): each superpoint is
/// segmented in the view that shows it best and followed through the others. The masks are those in
/// foundation bundles, matched by overlap, or those that a model in ONNX files gives.
#[derive(Debug, Args)]
pub struct Lift {
    /// Foundation bundles, or folders or ZIP archives with captures; also at s3://bucket/folder.
    #[arg(required = true)]
    recordings: Vec<PathBuf>,
    /// Manifest of a model for masks (SAM, SAM 2, MobileSAM) that is asked in the pictures, in place
    /// of the masks in bundles; captures need one.
    #[arg(long)]
    masks: Option<PathBuf>,
    /// Least score of a mask that the model predicts.
    #[arg(long, default_value_t = 0.6, requires = "masks")]
    min_score: f32,
    #[command(flatten)]
    oracle: Oracle,
    #[command(flatten)]
    tuning: Tuning,
    #[command(flatten)]
    orientation: Orientation,
    #[command(flatten)]
    captures: CaptureArgs,
    #[command(flatten)]
    cache: SceneCache,
    /// Folder for SCAN.labelled.ply and SCAN.json; the second scan of one name becomes SCAN-2.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Print one JSON object per scan, each on one line.
    #[arg(long)]
    json: bool,
    /// Compare with the labels of the bundles, and print at the end what `trainer eval --protocol
    /// class-agnostic` prints.
    #[arg(long)]
    measure: bool,
}

/// A tracker that knows the labels of a bundle.
#[derive(Args, Clone, Copy, Debug)]
struct Oracle {
    /// Follow the objects by the labels of the bundle, with the errors below, in place of masks: it
    /// tells what errors of a tracker cost.
    #[arg(long, conflicts_with = "masks")]
    oracle: bool,
    /// Probability that the oracle misses an object in a view.
    #[arg(long, default_value_t = 0.0, requires = "oracle")]
    missed: f32,
    /// Pixels by which its outlines are off at most.
    #[arg(long, default_value_t = 0, requires = "oracle", value_parser = clap::value_parser!(u16).range(0..=64))]
    ragged: u16,
    /// Probability that its mask includes a neighbour.
    #[arg(long, default_value_t = 0.0, requires = "oracle")]
    merged: f32,
    /// Probability in each view that it follows a neighbour from there on.
    #[arg(long, default_value_t = 0.0, requires = "oracle")]
    switched: f32,
    /// Number that the errors depend on.
    #[arg(long, default_value_t = 0, requires = "oracle")]
    seed: u64,
}

/// The constants of the method.
#[derive(Args, Clone, Copy, Debug)]
struct Tuning {
    /// Share of a superpoint's seen points that must be in a mask.
    #[arg(long, default_value_t = LiftOptions::default().tau)]
    tau: f32,
    /// Number of neighbours that a view should show beside a superpoint.
    #[arg(long, default_value_t = LiftOptions::default().kappa)]
    kappa: usize,
    /// Number of superpoints that are asked for in a round.
    #[arg(long, default_value_t = LiftOptions::default().seeds)]
    seeds: usize,
    /// How superpoints are chosen from what the masks contain.
    #[arg(long, value_enum, default_value_t)]
    optimization: OptimizationKind,
    /// Follow an object in at most so many views on each side of its best one, those that show it
    /// best; all views if not given.
    #[arg(long)]
    views_per_side: Option<usize>,
    /// Largest IoU of two instances; beyond it they are one.
    #[arg(long, default_value_t = LiftOptions::default().max_iou)]
    max_iou: f32,
    /// Follow at most so many objects in a scan; all if not given.
    #[arg(long)]
    tracks: Option<usize>,
    /// Largest distance of a point from the depth of a view that sees it, metres.
    #[arg(long, default_value_t = VisibilityOptions::default().tolerance)]
    tolerance: f32,
}

/// The values of `--optimization`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum OptimizationKind {
    /// View after view, as in the paper.
    #[default]
    OnePass,
    /// The same, and begin anew with a view that is better alone.
    Restart,
    /// The view with the best masks first.
    BestFirst,
    /// The best choice there is.
    Best,
}

impl From<OptimizationKind> for Optimization {
    fn from(kind: OptimizationKind) -> Self {
        match kind {
            OptimizationKind::OnePass => Self::OnePass { restart: false },
            OptimizationKind::Restart => Self::OnePass { restart: true },
            OptimizationKind::BestFirst => Self::BestFirst,
            OptimizationKind::Best => Self::Best,
        }
    }
}

impl Tuning {
    fn options(&self) -> LiftOptions {
        LiftOptions {
            kappa: self.kappa,
            seeds: self.seeds,
            tau: self.tau,
            optimization: self.optimization.into(),
            views_per_side: self.views_per_side,
            max_iou: self.max_iou,
            tracks: self.tracks,
            ..LiftOptions::default()
        }
    }

    fn visibility(&self) -> VisibilityOptions {
        VisibilityOptions {
            tolerance: self.tolerance,
            ..VisibilityOptions::default()
        }
    }
}

impl Lift {
    /// Lifts every recording and continues after one that is refused.
    ///
    /// # Errors
    /// Returns an error if the model cannot be loaded, or if a recording was refused.
    pub fn run(self) -> anyhow::Result<()> {
        self.captures.check()?;
        ensure!(!self.min_score.is_nan(), "--min-score is not a number");
        let models = match &self.masks {
            Some(manifest) => Models::load(Some(manifest), None, None)?,
            None => Models::default(),
        };
        for warning in models.warnings() {
            tracing::warn!("{warning}");
        }
        results::create(self.out.as_deref())?;
        let cache = self.cache.open()?;
        let mut measurement = Measurement::class_agnostic();
        let mut refused = 0;
        for (path, name) in self.recordings.iter().zip(results::names(&self.recordings)) {
            match self.one(path, &name, models.mask_model(), &cache, &mut measurement) {
                Ok(line) => writeln!(io::stdout(), "{line}")?,
                Err(error) => {
                    eprintln!("{}: {error:#}", path.display());
                    refused += 1;
                }
            }
        }
        if self.measure && refused < self.recordings.len() {
            let figures = measurement.figures()?;
            match self.json {
                true => writeln!(io::stdout(), "{}", figures.json())?,
                false => write!(io::stdout(), "{figures}")?,
            }
        }
        ensure!(
            refused == 0,
            "{refused} of {} recordings could not be lifted",
            self.recordings.len()
        );
        Ok(())
    }

    fn one(
        &self,
        path: &Path,
        name: &OsStr,
        model: Option<&SegmentAnything>,
        cache: &Cache,
        measurement: &mut Measurement,
    ) -> anyhow::Result<String> {
        let (clock, cancel, bar) = (
            StageClock::default(),
            Cancel::default(),
            ProgressBar::new(100),
        );
        let report = |progress: Progress| {
            clock.at(progress.stage);
            if progress.stage == Stage::Instances {
                bar.set_position((100.0 * progress.done) as u64);
            }
        };
        let monitor = Monitor::new(&report, &cancel);
        clock.at(Stage::Read);
        let held = match is_address(path) && cache.scenes(path)?.is_empty() {
            true => None,
            false => Some(cache.local(path)?),
        };
        let files = match &held {
            Some(held) => files_at(&held.path)?,
            None => open_files(path)?,
        };
        let scene = self.open(&*files, path, &monitor)?;
        for line in scene.warnings() {
            eprintln!("{}: {line}", path.display());
        }
        let scan = scene.scan();
        let grouped = match scene.about().and_then(SceneImages::superpoints) {
            Some(given) => given,
            None => superpoints(
                &scan.positions,
                scan.colors.as_deref(),
                &scan.triangles,
                &SuperpointOptions::default(),
                &monitor,
            )?,
        };
        let found = self.lift(&scene, &*files, &grouped, model, &monitor)?;
        bar.finish_and_clear();
        let ms = clock.finish();
        let labels = found.lifted.point_labels(&grouped, &found.names);
        let records = results::records(scan, &labels);
        if let Some(out) = &self.out {
            results::save(out, name, scan, &labels)?;
        }
        if self.measure {
            measurement.add(&answer(path, &scene, &grouped, &found.lifted)?)?;
        }
        let lifted = &found.lifted;
        let left = REASONS.map(|(reason, key, _)| (key, lifted.left(reason)));
        if self.json {
            let line = json!({
                "scan": path.to_string_lossy(),
                "kind": scene.kind(),
                "views": found.views,
                "points": scan.len(),
                "superpoints": grouped.count(),
                "up": scene.preflight().up.value.to_string(),
                "warnings": scene.warnings(),
                "instances": records,
                "tracks": lifted.tracks,
                "rounds": lifted.rounds,
                "left": left.into_iter().collect::<std::collections::BTreeMap<_, _>>(),
                "ms": ms,
            });
            return Ok(line.to_string());
        }
        for (reason, _, words) in REASONS
            .iter()
            .filter(|(reason, ..)| lifted.left(*reason) > 0)
        {
            eprintln!(
                "{}: {} of {} superpoints are left out: {words}",
                path.display(),
                lifted.left(*reason),
                grouped.count()
            );
        }
        Ok(format!(
            "{}: {}, {} views, {} points, {} superpoints, {} ({:.1} s)",
            path.display(),
            scene.kind(),
            found.views,
            scan.len(),
            grouped.count(),
            results::counts(&records),
            ms.values().sum::<f64>() / 1000.0
        ))
    }

    fn open(&self, files: &dyn Files, path: &Path, monitor: &Monitor) -> anyhow::Result<Scene> {
        let choices = self.orientation.choices();
        let detected = self.captures.detect(files, path, choices)?;
        let options = self.captures.options(path, choices.up)?;
        let RecordingKind::Capture(kind) = detected.kind else {
            let recording = job::open(files, &detected, &options, monitor, &mut |_, _| ());
            let recording = recording.map_err(|error| match error {
                RecordingError::Capture(error) => readers::in_words(error),
                other => other.into(),
            })?;
            return Ok(Scene::Bundle {
                recording,
                root: detected.root,
            });
        };
        let read = || -> Result<(Capture, Points), CaptureError> {
            let capture = Capture::list(files, kind, &detected.root, &options)?;
            capture.check()?;
            let points = capture.points(files, &options, monitor, &mut |_| ())?;
            Ok((capture, points))
        };
        let (capture, points) = read().map_err(readers::in_words)?;
        job::check(&points.scan)?;
        let preflight = points.preflight();
        Ok(Scene::Capture {
            capture,
            points,
            preflight,
        })
    }

    fn lift(
        &self,
        scene: &Scene,
        files: &dyn Files,
        grouped: &Superpoints,
        model: Option<&SegmentAnything>,
        monitor: &Monitor,
    ) -> anyhow::Result<FoundInstances> {
        match scene {
            Scene::Bundle { root, .. } => {
                let about = scene.about().context("the bundle has no images")?.scene();
                let views = BundleViews::new(&about.images);
                let picture = |view: u32| {
                    let image = views.images()[view as usize];
                    let Some(picture) = &image.picture else {
                        return Ok(None);
                    };
                    let path = format!("{root}{picture}");
                    decoded(&image.name, files.read(&path, PICTURE_LIMIT)).map(Some)
                };
                let lifting = Lifting {
                    command: self,
                    scan: scene.scan(),
                    grouped,
                    views: &views,
                    monitor,
                };
                let (visibility, lifted) = match (model, self.oracle.oracle) {
                    (Some(model), _) => lifting.by_model(model, &picture)?,
                    (None, true) => lifting.by_truth(about.truth.as_ref())?,
                    (None, false) => lifting.by_masks(&mut BundleMasks::new(&views)?)?,
                };
                Ok(FoundInstances {
                    names: lift::names(&visibility, &views, &lifted.instances),
                    views: views.count(),
                    lifted,
                })
            }
            Scene::Capture {
                capture, points, ..
            } => {
                let Some(model) = model else {
                    bail!(
                        "a capture has no masks{}: give the manifest of a model with --masks",
                        if self.oracle.oracle {
                            " and no labels"
                        } else {
                            ""
                        }
                    );
                };
                let views = CaptureViews {
                    files,
                    capture,
                    frames: &points.views,
                };
                let picture = |view: u32| {
                    let frame = &capture.frames[points.views[view as usize].frame];
                    decoded(&frame.name, frame.picture_bytes(files)).map(Some)
                };
                let lifting = Lifting {
                    command: self,
                    scan: &points.scan,
                    grouped,
                    views: &views,
                    monitor,
                };
                let (_, lifted) = lifting.by_model(model, &picture)?;
                Ok(FoundInstances {
                    names: vec![None; lifted.instances.len()],
                    views: views.count(),
                    lifted,
                })
            }
        }
    }
}

/// What is lifted from, whatever the masks come from.
struct Lifting<'a> {
    command: &'a Lift,
    scan: &'a Scan,
    grouped: &'a Superpoints,
    views: &'a dyn PosedViews,
    monitor: &'a Monitor<'a>,
}

impl Lifting<'_> {
    fn by(&self, tracker: &mut dyn Tracker) -> anyhow::Result<(Visibility, Lifted)> {
        let tuning = &self.command.tuning;
        let visibility = Visibility::new(
            &self.scan.positions,
            self.grouped,
            self.views,
            &tuning.visibility(),
            self.monitor,
        )?;
        let lifted = lift::lift(&visibility, tracker, &tuning.options(), self.monitor)?;
        Ok((visibility, lifted))
    }

    fn by_masks(
        &self,
        masks: &mut dyn lift::PromptedMasks,
    ) -> anyhow::Result<(Visibility, Lifted)> {
        let options = Propagation {
            tolerance: self.command.tuning.tolerance,
            ..Propagation::default()
        };
        self.by(&mut PropagatingTracker::new(self.views, masks, options)?)
    }

    fn by_model(
        &self,
        model: &dyn MaskModel,
        picture: OpenPicture,
    ) -> anyhow::Result<(Visibility, Lifted)> {
        self.by_masks(&mut ModelMasks::new(model, picture, self.command.min_score))
    }

    fn by_truth(&self, truth: Option<&SceneTruth>) -> anyhow::Result<(Visibility, Lifted)> {
        let truth = truth.context("the bundle has no labels that --oracle could follow")?;
        let ids = truth.instance.iter();
        let ids: Vec<u32> = ids.map(|id| u32::try_from(*id).unwrap_or(0)).collect();
        let Oracle {
            missed,
            ragged,
            merged,
            switched,
            seed,
            ..
        } = self.command.oracle;
        let errors = TrackErrors {
            missed,
            ragged: ragged.into(),
            merged,
            switched,
            seed,
        };
        let positions = &self.scan.positions;
        self.by(&mut OracleTracker::new(
            self.views, positions, &ids, errors,
        )?)
    }
}

/// Why superpoints are left, as keys of the JSON and in words.
const REASONS: [(LeftReason, &str, &str); 4] = [
    (LeftReason::Unseen, "unseen", "no view sees them"),
    (
        LeftReason::NoMask,
        "no_mask",
        "there is no mask of them where they are seen best",
    ),
    (
        LeftReason::Refused,
        "refused",
        "the masks of different views contradict each other",
    ),
    (
        LeftReason::Limit,
        "limit",
        "the limit of objects was reached",
    ),
];

/// The instances of a scene, with their names.
struct FoundInstances {
    lifted: Lifted,
    names: Vec<Option<String>>,
    /// Number of views.
    views: usize,
}

/// What was opened.
#[allow(clippy::large_enum_variant, reason = "there is one at a time")]
enum Scene {
    Bundle {
        recording: Recording,
        /// Path of its folder among the files.
        root: String,
    },
    Capture {
        capture: Capture,
        points: Points,
        preflight: Preflight,
    },
}

impl Scene {
    fn scan(&self) -> &Scan {
        match self {
            Self::Bundle { recording, .. } => &recording.scan,
            Self::Capture { points, .. } => &points.scan,
        }
    }

    fn about(&self) -> Option<&SceneImages> {
        match self {
            Self::Bundle { recording, .. } => recording.about.as_ref(),
            Self::Capture { .. } => None,
        }
    }

    fn kind(&self) -> String {
        match self {
            Self::Bundle { recording, .. } => recording.kind.to_string(),
            Self::Capture { capture, .. } => capture.kind.to_string(),
        }
    }

    fn preflight(&self) -> &Preflight {
        match self {
            Self::Bundle { recording, .. } => &recording.preflight,
            Self::Capture { preflight, .. } => preflight,
        }
    }

    /// What the user should know.
    fn warnings(&self) -> Vec<String> {
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
fn files_at(path: &Path) -> anyhow::Result<Box<dyn Files>> {
    if path.is_dir() {
        return Ok(Box::new(Folder::open(path)?));
    }
    ensure!(
        is_zip(path)?,
        "it is neither a folder nor a ZIP archive: instances are lifted from recordings with depth images"
    );
    Ok(Box::new(open_zip(path)?))
}

/// Decodes the picture of a view.
fn decoded(view: &str, bytes: Result<Vec<u8>, CaptureError>) -> Result<Picture, LiftError> {
    let failed = |error: &dyn std::error::Error| LiftError::View {
        view: view.to_owned(),
        reason: error.to_string(),
    };
    let bytes = bytes.map_err(|error| failed(&error))?;
    Picture::decode(&bytes).map_err(|error| failed(&error))
}

/// The instances beside the labels of a bundle.
fn answer(
    path: &Path,
    scene: &Scene,
    grouped: &Superpoints,
    lifted: &Lifted,
) -> anyhow::Result<Answer> {
    let about = scene
        .about()
        .context("--measure needs a bundle with labels")?;
    let ids = grouped.superpoint_of_point().to_vec();
    // The images, which are most of a bundle, are not copied.
    let labeled = Foundation {
        positions: scene.scan().positions.clone(),
        colors: scene.scan().colors.clone(),
        truth: about.scene().truth.clone(),
        given: Given {
            superpoints: Some(ids),
            ..Given::default()
        },
        ..Foundation::default()
    };
    let mut points_of: Vec<Vec<u32>> = vec![Vec::new(); grouped.count()];
    for (point, &superpoint) in (0..).zip(grouped.superpoint_of_point()) {
        points_of[superpoint as usize].push(point);
    }
    let found = lifted.instances.iter().map(|instance| {
        let superpoints = instance.superpoints.iter();
        let mut points: Vec<u32> = superpoints
            .flat_map(|s| points_of[*s as usize].iter().copied())
            .collect();
        points.sort_unstable();
        Found {
            points,
            score: instance.score,
            class: None,
            embedding: Vec::new(),
            logit_scale: 1.0,
        }
    });
    Ok(Answer {
        path: path.to_owned(),
        scan: LabeledScan::of_bundle(labeled, path, None, ClassOfObject::default())?,
        found: found.collect(),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Cli {
        #[command(flatten)]
        lift: Lift,
    }

    #[test]
    fn constants_are_those_of_the_paper_unless_they_are_given() {
        let parse = |words: &[&str]| {
            let words = ["lift", "bundle"].iter().chain(words);
            Cli::try_parse_from(words).map(|cli| cli.lift)
        };
        let plain = parse(&[]).unwrap();
        assert_eq!(plain.tuning.options(), LiftOptions::default());
        assert_eq!(plain.tuning.visibility(), VisibilityOptions::default());
        let given = parse(&["--optimization", "best-first", "--views-per-side", "10"]).unwrap();
        let options = given.tuning.options();
        assert_eq!(options.optimization, Optimization::BestFirst);
        assert_eq!(options.views_per_side, Some(10));
        assert!(
            parse(&["--missed", "0.1"]).is_err(),
            "only the oracle has errors"
        );
        assert!(parse(&["--oracle", "--missed", "0.1"]).is_ok());
        assert!(parse(&["--oracle", "--masks", "sam.json"]).is_err());
        assert!(
            parse(&["--min-score", "0.7"]).is_err(),
            "only a model has scores"
        );
    }
}
