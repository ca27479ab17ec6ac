//! `trainer lift`: instances from the masks of 2D models, tracked through posed depth images, without
//! a network that was trained on scans.

mod labels;
mod options;
pub mod scene;

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};
use clap::Args;
use indicatif::ProgressBar;
use learning::evaluation::{Found, Measurement};
use recordings::{
    foundation::{Foundation, Image, InFolder as _, Models, SceneTruth, VotedName, names_by_views},
    store::{Cache, is_address, open_files},
};
use segscape::{
    captures::{CaptureError, Files},
    images::{MaskModel, Picture, SegmentAnything, Things},
    job::{RecordedPictures, SceneImages},
    lift::{
        self, BundleMasks, BundleViews, CaptureViews, LeftReason, LiftError, Lifted, ModelMasks,
        OpenPicture, OracleTracker, PosedViews, PropagatingTracker, Propagation, SurfaceMasks,
        Tracker, Visibility,
    },
    progress::{Cancel, Monitor, Progress, Stage},
    scan::Scan,
    superpoint::{SuperpointOptions, Superpoints, superpoints},
    track::DepthMaskOptions,
    views::BestViewOptions,
    write::{InstanceRecord, PointLabels},
};
use serde_json::{Value, json};

use super::{
    ask::{Ask, Question},
    by_views::{self, Looking, PictureNames},
    capture::CaptureArgs,
    orientation::Orientation,
    results::{self, Output, Results, Sources, StageClock},
    scene_cache::SceneCache,
};
use options::{Oracle, Tuning};
use scene::{Scene, files_at};

/// Longest file of a picture, bytes.
const PICTURE_LIMIT: u64 = 64 << 20;

/// Find the objects of recordings by masks of 2D models alone (Any3DIS): each superpoint is
/// segmented in the view that shows it best and followed through the others. The masks are those in
/// foundation bundles, matched by overlap, those that a model in ONNX files gives, or surfaces that
/// depth alone tells apart.
#[derive(Debug, Args)]
pub struct Lift {
    /// Foundation bundles, or folders or ZIP archives with captures; also at s3://bucket/folder.
    #[arg(required = true)]
    recordings: Vec<PathBuf>,
    /// Manifest of a model for masks (SAM, SAM 2, MobileSAM) that is asked in the pictures, in place
    /// of the masks in bundles.
    #[arg(long)]
    masks: Option<PathBuf>,
    /// Follow the surfaces of depth images, whatever masks there are; what is done without asking
    /// where there are neither masks nor a model.
    #[arg(long, conflicts_with_all = ["masks", "oracle"])]
    by_depth: bool,
    /// Least score of a mask that the model predicts.
    #[arg(long, default_value_t = 0.6, requires = "masks")]
    min_score: f32,
    #[command(flatten)]
    oracle: Oracle,
    #[command(flatten)]
    tuning: Tuning,
    #[command(flatten)]
    picture_names: PictureNames,
    #[command(flatten)]
    ask: Ask,
    #[command(flatten)]
    orientation: Orientation,
    #[command(flatten)]
    captures: CaptureArgs,
    #[command(flatten)]
    cache: SceneCache,
    #[command(flatten)]
    output: Output,
    /// Folder for the bundles with the instances as labels of their scenes, in place of those that
    /// they have, to train on.
    #[arg(long)]
    bundles: Option<PathBuf>,
    /// Print one JSON object per scan, each on one line.
    #[arg(long)]
    json: bool,
    /// Compare with the labels of the bundles, and print at the end what `trainer eval --protocol
    /// class-agnostic` prints.
    #[arg(long)]
    measure: bool,
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
        self.output.create()?;
        results::create(self.bundles.as_deref())?;
        let question = self.ask.question()?;
        let asked = question.as_ref().map(Question::prompt);
        let with = With {
            model: models.mask_model(),
            looking: self.picture_names.open(asked)?,
            question,
            cache: self.cache.open()?,
        };
        let mut measurement = Measurement::class_agnostic();
        let mut refused = 0;
        for (path, name) in self.recordings.iter().zip(results::names(&self.recordings)) {
            match self.one(path, &name, &with, &mut measurement) {
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
        with: &With,
        measurement: &mut Measurement,
    ) -> anyhow::Result<String> {
        let cache = &with.cache;
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
        let scene = Scene::open(
            &*files,
            path,
            &self.captures,
            self.orientation.choices(),
            &monitor,
            &mut |_, _| (),
        )?;
        for line in scene.warnings() {
            eprintln!("{}: {line}", path.display());
        }
        self.check(&scene)?;
        let scan = scene.scan();
        let grouped = match scene.about().and_then(SceneImages::superpoints) {
            Some(given) => given,
            None => {
                let (colors, options) = (scan.colors.as_deref(), SuperpointOptions::default());
                superpoints(&scan.positions, colors, &scan.triangles, &options, &monitor)?
            }
        };
        let found = self.lift(&scene, &*files, &grouped, with.model, &monitor);
        bar.finish_and_clear();
        let found = found?;
        let things = found.lifted.points(&grouped);
        let (labels, sources) = match &with.looking {
            Some(looking) => {
                let frames = scene.frames();
                let recorded = RecordedPictures {
                    files: &*files,
                    frames: &frames,
                };
                let things = Things {
                    positions: &scan.positions,
                    colors: scan.colors.as_deref(),
                    points: &things,
                };
                let mut labels = found.lifted.point_labels(&grouped, &found.unnamed());
                let about = (path, name);
                let sources =
                    looking.name(&mut labels, &things, Some(&recorded), about, &monitor)?;
                (labels, sources)
            }
            None => named_by_masks(&scene, &grouped, &found.lifted, &things),
        };
        let ms = clock.finish();
        let records = results::records(scan, &labels);
        let asked = with.question.as_ref().map(Question::prompt);
        self.output.save(&Results {
            name,
            scan,
            labels: &labels,
            sources: &sources,
            prompt: asked.as_deref().unwrap_or_default(),
            model: "",
            whole: None,
        })?;
        if let Some(bundles) = &self.bundles {
            let labeled = labels::labeled(scene.images()?, &labels);
            let picture = |image: &Image| {
                let path = scene.picture(image).context("the image has no picture")?;
                Ok(files.read(&path, PICTURE_LIMIT)?)
            };
            labeled.write(&bundles.join(name), picture)?;
        }
        if self.measure {
            measurement.add(&scene.answer(path, measured(&found.lifted, &things))?)?;
        }
        let question = with.question.as_ref();
        let answered = question.map(|question| (question, question.answer(scan, &records, &[])));
        Ok(match self.json {
            true => {
                let told = results::told(&records, &sources);
                let mut line = found.json(path, &scene, &grouped, told, &ms);
                if let Some((question, answer)) = answered {
                    line["answer"] = question.json(&answer);
                }
                line.to_string()
            }
            false => {
                let words = found.words(path, &scene, &grouped, &records, &ms);
                answered.map_or(words.clone(), |(question, answer)| {
                    format!("{words}\n{}", question.words(&answer))
                })
            }
        })
    }

    /// Refuses a scene without what the options need, before hours of masks rather than after them.
    fn check(&self, scene: &Scene) -> anyhow::Result<()> {
        if self.bundles.is_some() {
            scene.images()?;
        }
        if self.measure {
            let labels = scene.images()?.truth.as_ref();
            labels.context("the bundle has no labels that --measure could compare with")?;
        }
        Ok(())
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
            Scene::Bundle { .. } => {
                let about = scene.images()?;
                let views = BundleViews::new(&about.images);
                let mut images = views.images().iter();
                ensure!(
                    model.is_none() || images.any(|image| image.picture.is_some()),
                    "no image of the bundle with depth has a picture that the model could be asked in"
                );
                let picture = |view: u32| {
                    let image = views.images()[view as usize];
                    let Some(path) = scene.picture(image) else {
                        return Ok(None);
                    };
                    decoded(&image.name, files.read(&path, PICTURE_LIMIT)).map(Some)
                };
                let lifting = Lifting {
                    command: self,
                    scan: scene.scan(),
                    grouped,
                    views: &views,
                    monitor,
                };
                let lifted = match (model, self.oracle.oracle) {
                    (Some(model), _) => lifting.by_model(model, &picture)?,
                    (None, true) => lifting.by_truth(about.truth.as_ref())?,
                    (None, false) if self.by_depth || !has_masks(about) => lifting.by_depth()?,
                    (None, false) => lifting.by_masks(&mut BundleMasks::new(&views)?)?,
                };
                Ok(FoundInstances {
                    views: views.count(),
                    lifted,
                })
            }
            Scene::Capture {
                capture, points, ..
            } => {
                ensure!(
                    !self.oracle.oracle,
                    "a capture has no labels that --oracle could follow"
                );
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
                let lifted = match model {
                    Some(model) => lifting.by_model(model, &picture)?,
                    None => lifting.by_depth()?,
                };
                Ok(FoundInstances {
                    lifted,
                    views: views.count(),
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
    fn by(&self, tracker: &mut dyn Tracker) -> anyhow::Result<Lifted> {
        let tuning = &self.command.tuning;
        let visibility = Visibility::new(
            &self.scan.positions,
            self.grouped,
            self.views,
            &tuning.visibility(),
            self.monitor,
        )?;
        Ok(lift::lift(
            &visibility,
            tracker,
            &tuning.options(),
            self.monitor,
        )?)
    }

    fn by_masks(&self, masks: &mut dyn lift::PromptedMasks) -> anyhow::Result<Lifted> {
        let options = Propagation {
            tolerance: self.command.tuning.tolerance,
            ..Propagation::default()
        };
        self.by(&mut PropagatingTracker::new(self.views, masks, options)?)
    }

    fn by_depth(&self) -> anyhow::Result<Lifted> {
        let options = DepthMaskOptions {
            farthest: self.command.captures.farthest(),
            ..DepthMaskOptions::default()
        };
        self.by_masks(&mut SurfaceMasks::new(self.views, options))
    }

    fn by_model(&self, model: &dyn MaskModel, picture: OpenPicture<'_>) -> anyhow::Result<Lifted> {
        self.by_masks(&mut ModelMasks::new(model, picture, self.command.min_score))
    }

    fn by_truth(&self, truth: Option<&SceneTruth>) -> anyhow::Result<Lifted> {
        let truth = truth.context("the bundle has no labels that --oracle could follow")?;
        let ids = truth.instance.iter();
        let ids: Vec<u32> = ids.map(|id| u32::try_from(*id).unwrap_or(0)).collect();
        let errors = self.command.oracle.errors();
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

/// What all recordings are lifted with.
struct With<'a> {
    /// Gives masks.
    model: Option<&'a SegmentAnything>,
    /// Names instances by pictures.
    looking: Option<Looking>,
    question: Option<Question>,
    cache: Cache,
}

/// The instances of a scene.
struct FoundInstances {
    lifted: Lifted,
    /// Number of views.
    views: usize,
}

/// The labels of instances, `things` as points, with the names that masks in the images of a bundle
/// give them.
fn named_by_masks(
    scene: &Scene,
    grouped: &Superpoints,
    lifted: &Lifted,
    things: &[Vec<u32>],
) -> (PointLabels, Sources) {
    let images = scene.about().map(|about| about.scene().images.as_slice());
    let images = images.unwrap_or_default();
    let options = BestViewOptions::default();
    let voted = names_by_views(&scene.scan().positions, things, images, &options);
    let name = |voted: &Option<VotedName>| Some(voted.as_ref()?.name.clone());
    let names: Vec<Option<String>> = voted.iter().map(name).collect();
    let ids: Vec<u32> = (0..things.len() as u32).collect();
    let sources = by_views::voted_sources(&voted, &ids);
    (lifted.point_labels(grouped, &names), sources)
}

impl FoundInstances {
    /// A name for none of them.
    fn unnamed(&self) -> Vec<Option<String>> {
        vec![None; self.lifted.instances.len()]
    }

    /// One JSON object.
    fn json(
        &self,
        path: &Path,
        scene: &Scene,
        grouped: &Superpoints,
        records: Value,
        ms: &BTreeMap<Stage, f64>,
    ) -> Value {
        let left = REASONS.map(|(reason, key, _)| (key, self.lifted.left(reason)));
        json!({
            "scan": path.to_string_lossy(),
            "kind": scene.kind(),
            "views": self.views,
            "points": scene.scan().len(),
            "superpoints": grouped.count(),
            "up": scene.preflight().up.value.to_string(),
            "warnings": scene.warnings(),
            "instances": records,
            "tracks": self.lifted.tracks,
            "rounds": self.lifted.rounds,
            "left": left.into_iter().collect::<BTreeMap<_, _>>(),
            "ms": ms,
        })
    }

    /// A line for people; what is left out is on the error output.
    fn words(
        &self,
        path: &Path,
        scene: &Scene,
        grouped: &Superpoints,
        records: &[InstanceRecord],
        ms: &BTreeMap<Stage, f64>,
    ) -> String {
        let (path, of) = (path.display(), grouped.count());
        for (reason, _, words) in REASONS {
            let left = self.lifted.left(reason);
            if left > 0 {
                eprintln!("{path}: {left} of {of} superpoints are left out: {words}");
            }
        }
        format!(
            "{path}: {}, {} views, {} points, {of} superpoints, {} ({:.1} s)",
            scene.kind(),
            self.views,
            scene.scan().len(),
            results::counts(records),
            ms.values().sum::<f64>() / 1000.0
        )
    }
}

/// `true` if a 2D model found something in an image.
fn has_masks(about: &Foundation) -> bool {
    about.images.iter().any(|image| image.mask.is_some())
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

/// What is measured: the points of each instance, ascending.
fn measured(lifted: &Lifted, things: &[Vec<u32>]) -> Vec<Found> {
    let instances = lifted.instances.iter().zip(things);
    instances
        .map(|(instance, points)| Found::nameless(points.clone(), instance.score))
        .collect()
}
