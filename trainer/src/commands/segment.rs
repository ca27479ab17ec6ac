//! `trainer segment`: segments scans into named instances, the whole job outside a browser.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, HashSet},
    ffi::{OsStr, OsString},
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::{Args, ValueEnum};
use segscape::{
    instances::query::{Labels, NotFound, PromptTerm},
    job::{self, Decoding, Grouping, Map, Network, Segmented},
    platform::Instant,
    progress::{Cancel, Monitor, Progress, Stage},
    scan::Scan,
    text::{Vocabulary, meaning::Meaning},
    write::{self, InstanceRecord, PointLabels},
};
use serde_json::json;

use super::{
    capture::{CaptureArgs, Opened, Opening},
    orientation::Orientation,
    scene_cache::SceneCache,
};
use learning::{device::DeviceChoice, evaluation::DecodingKind, models};
use recordings::store::{Cache, is_address, open_files};

/// Find and name the objects in scans and captures.
#[derive(Debug, Args)]
pub struct Segment {
    /// PLY or PCD files; folders or ZIP archives with captures (Polycam, Record3D, Stray Scanner, 3D
    /// Scanner App, frames as of SensReader, 7-Scenes, TUM RGB-D or Open3D); foundation bundles; also
    /// folders at s3://bucket/folder.
    #[arg(required = true)]
    scans: Vec<PathBuf>,
    /// English names of the objects to find, as in "chair . table, sofa"; by default all objects are
    /// named from the built-in vocabulary.
    #[arg(long, default_value = "")]
    prompt: String,
    /// Lowest score of the instances to keep, 0 to 1.
    #[arg(long, default_value_t = 0.1)]
    threshold: f32,
    /// Folder for SCAN.labelled.ply and SCAN.json; the second scan of one name becomes SCAN-2.
    #[arg(long)]
    out: Option<PathBuf>,
    #[command(flatten)]
    orientation: Orientation,
    #[command(flatten)]
    captures: CaptureArgs,
    #[command(flatten)]
    cache: SceneCache,
    /// Leave out the image features and the objects of bundles.
    #[arg(long)]
    no_images: bool,
    /// Device to run on.
    #[arg(long, value_enum, default_value_t)]
    device: DeviceChoice,
    /// Folder of a model (with manifest.json); the default model if not given.
    #[arg(long)]
    weights: Option<PathBuf>,
    /// Folder of the text encoder in whose space the network was trained; by default the one that
    /// the run was trained with, or that of its name beside the model or in static/models.
    #[arg(long)]
    text_encoder: Option<PathBuf>,
    /// How the network's outputs become instances: networks with fixed classes are decoded as
    /// released, others are ranked unless `released` is chosen.
    #[arg(long, value_enum)]
    decoding: Option<DecodingKind>,
    /// Give every point a class instead, with a network that has fixed classes: that of its
    /// superpoint, or that of its instance and wall or floor elsewhere.
    #[arg(long, value_enum, conflicts_with_all = ["prompt", "threshold", "decoding"])]
    map: Option<MapKind>,
    /// Print one JSON object per scan, each on one line.
    #[arg(long)]
    json: bool,
}

/// The values of `--map`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum MapKind {
    /// The class of every point.
    Semantic,
    /// The instance of every point; walls and floors have none.
    Panoptic,
}

impl From<MapKind> for Map {
    fn from(kind: MapKind) -> Self {
        match kind {
            MapKind::Semantic => Self::Semantic,
            MapKind::Panoptic => Self::Panoptic,
        }
    }
}

impl Segment {
    /// Segments every scan and continues after one that is refused.
    ///
    /// # Errors
    /// Returns an error if there is no model, or if a scan was refused.
    pub fn run(self) -> anyhow::Result<()> {
        self.captures.check()?;
        let device = self.device.open()?;
        let (weights, encoder) = (self.weights.as_deref(), self.text_encoder.as_deref());
        let (network, words) = models::load_network(weights, encoder, &device)?;
        let decoding = DecodingKind::of(self.decoding, &network)?;
        let terms = words.terms(&self.prompt)?;
        if let Some(classes) = network.fixed_classes()
            && !terms.is_empty()
        {
            eprintln!(
                "{} knows {} fixed classes: the prompt is compared with their names, not with the scan",
                network.name,
                classes.names.len()
            );
        }
        for term in &terms {
            if let Meaning::Unknown(reason) = &term.meaning {
                eprintln!("\"{}\": {reason}", term.name);
            }
        }
        if let Some(out) = &self.out {
            fs::create_dir_all(out).with_context(|| format!("cannot create {}", out.display()))?;
        }
        let cache = self.cache.open()?;
        let scans = self.scans_of_stores(&cache)?;
        let mut refused = 0;
        for (path, name) in scans.iter().zip(result_names(&scans)) {
            match self.segment(path, &name, &network, &decoding, &terms, &cache) {
                Ok(line) => writeln!(io::stdout(), "{line}")?,
                Err(error) => {
                    eprintln!("{}: {error:#}", path.display());
                    refused += 1;
                }
            }
        }
        anyhow::ensure!(
            refused == 0,
            "{refused} of {} scans could not be segmented",
            scans.len()
        );
        Ok(())
    }

    /// The scans, with those of a folder of an object store in place of the folder.
    fn scans_of_stores(&self, cache: &Cache) -> anyhow::Result<Vec<PathBuf>> {
        let mut scans = Vec::new();
        for path in &self.scans {
            let found = match is_address(path) {
                true => cache.scenes(path)?,
                false => Vec::new(),
            };
            // A folder without bundles may be a capture.
            match found.is_empty() {
                true => scans.push(path.clone()),
                false => scans.extend(found),
            }
        }
        Ok(scans)
    }

    fn segment(
        &self,
        path: &Path,
        name: &OsStr,
        network: &Network,
        decoding: &Decoding,
        terms: &[PromptTerm],
        cache: &Cache,
    ) -> anyhow::Result<String> {
        let clock = StageClock::default();
        let cancel = Cancel::default();
        let report = |progress: Progress| clock.at(progress.stage);
        let monitor = Monitor::new(&report, &cancel);

        clock.at(Stage::Read);
        let opening = Opening {
            options: &self.captures,
            choices: self.orientation.choices(),
            config: network.config(),
            no_images: self.no_images,
        };
        let mut opened = if is_address(path) && cache.scenes(path)?.is_empty() {
            opening.recording(&*open_files(path)?, path, &monitor)?
        } else {
            let local = cache.local(path)?;
            opening.open(&local.path, &monitor)?
        };
        // Told before anything else can fail, because it may be the cause.
        let warnings = std::mem::take(&mut opened.warnings);
        let preflight = opened.preflight.clone();
        let (capture, assumptions) = (opened.capture.take(), preflight.assumptions());
        for line in warnings.iter().chain(&assumptions) {
            eprintln!("{}: {line}", path.display());
        }
        let given = opened.superpoints.take();
        let grouping = {
            let observation = opened.observation();
            let options = network.superpoint_options(&observation);
            job::group(&observation, given, &options, &monitor)?
        };
        let Labeling {
            scan,
            superpoints,
            labels,
            missing,
        } = match self.map {
            Some(kind) => Labeling::of_map(opened, grouping, network, kind.into(), &monitor)?,
            None => {
                let observation = opened.observation();
                let found = job::segment(&observation, &grouping, network, decoding, &monitor);
                let segmentation = pollster::block_on(found)?;
                let segmented = Segmented {
                    segmentation,
                    superpoints: grouping.superpoints,
                    scan: opened.scan,
                };
                Labeling::of_instances(segmented, terms, network.vocabulary(), self.threshold)?
            }
        };
        let ms = clock.finish();

        let mut records = write::instance_records(&scan, &labels);
        records.retain(|record| record.points > 0);
        if let Some(out) = &self.out {
            let save = |extension: &str, bytes: &[u8]| {
                let mut file = name.to_owned();
                file.push(extension);
                let file = out.join(file);
                fs::write(&file, bytes).with_context(|| format!("cannot write {}", file.display()))
            };
            save(".labelled.ply", &write::labeled_ply(&scan, &labels))?;
            save(".json", write::instances_json(&scan, &labels).as_bytes())?;
        }
        for (name, reason) in &missing {
            eprintln!("{}: no {name}: {reason}", path.display());
        }
        if self.json {
            let line = json!({
                "scan": path.to_string_lossy(),
                "capture": capture,
                "points": scan.len(),
                "superpoints": superpoints,
                "up": preflight.up.value.to_string(),
                "unit": preflight.unit.value.to_string(),
                "metres_per_unit": preflight.unit.value.metres(),
                "assumptions": assumptions,
                "warnings": warnings,
                "instances": records,
                "not_found": missing,
                "ms": ms,
                "model": network.name,
            });
            return Ok(line.to_string());
        }
        let total: f64 = ms.values().sum();
        let found = counts(&records);
        let of_frames = capture.map_or(String::new(), |capture| {
            let kind = capture["kind"].as_str().unwrap_or_default();
            format!("{kind}, {} frames, ", capture["frames"])
        });
        Ok(format!(
            "{}: {of_frames}{} points, {} superpoints, {found} ({:.1} s)",
            path.display(),
            scan.len(),
            superpoints,
            total / 1000.0
        ))
    }
}

/// What is written of a scan.
struct Labeling {
    scan: Scan,
    /// Number of superpoints.
    superpoints: usize,
    labels: PointLabels,
    /// Why a term of the prompt is not found, by its name.
    missing: BTreeMap<String, String>,
}

impl Labeling {
    fn of_instances(
        segmented: Segmented,
        terms: &[PromptTerm],
        vocabulary: &Vocabulary,
        threshold: f32,
    ) -> anyhow::Result<Self> {
        let answer = Labels::new(&segmented.segmentation, terms, vocabulary)?;
        let visible = answer.visible(threshold);
        let reason = |missing: NotFound| (missing.term.name.clone(), missing.to_string());
        Ok(Self {
            labels: job::label(&segmented, &answer.of_instance, &visible),
            missing: answer.missing(threshold).map(reason).collect(),
            superpoints: segmented.superpoints.count(),
            scan: segmented.scan,
        })
    }

    fn of_map(
        opened: Opened,
        grouping: Grouping,
        network: &Network,
        map: Map,
        monitor: &Monitor,
    ) -> anyhow::Result<Self> {
        let observation = opened.observation();
        let labels = job::map_points(&observation, &grouping, network, map, monitor);
        Ok(Self {
            labels: pollster::block_on(labels)?,
            missing: BTreeMap::new(),
            superpoints: grouping.superpoints.count(),
            scan: opened.scan,
        })
    }
}

/// The names of the results of scans, each one once: the file name without its extension, and a
/// number where an earlier scan has the same name. Names of files are bytes, not text.
fn result_names(scans: &[PathBuf]) -> Vec<OsString> {
    let mut taken = HashSet::new();
    let name = |path: &PathBuf| {
        let stem = path.file_stem().unwrap_or_default();
        let numbered = |number: usize| {
            let mut name = stem.to_owned();
            if number > 1 {
                name.push(format!("-{number}"));
            }
            name
        };
        let free = (1..).map(numbered).find(|name| taken.insert(name.clone()));
        free.unwrap_or_default()
    };
    scans.iter().map(name).collect()
}

/// The number of instances of each name.
fn counts(records: &[InstanceRecord]) -> String {
    let mut counts = BTreeMap::<&str, usize>::new();
    for record in records {
        *counts
            .entry(record.label.as_deref().unwrap_or("unnamed"))
            .or_default() += 1;
    }
    let counts: Vec<_> = counts
        .iter()
        .map(|(name, count)| format!("{count} {name}"))
        .collect();
    if counts.is_empty() {
        "no instances".to_owned()
    } else {
        counts.join(", ")
    }
}

/// Milliseconds spent in each stage. A stage lasts until another one reports progress.
#[derive(Default)]
pub(super) struct StageClock {
    running: Cell<Option<(Stage, Instant)>>,
    spent: RefCell<BTreeMap<Stage, f64>>,
}

impl StageClock {
    /// Starts `stage`, unless it is the running stage.
    pub(super) fn at(&self, stage: Stage) {
        if self
            .running
            .get()
            .is_none_or(|(running, _)| running != stage)
        {
            self.stop();
            self.running.set(Some((stage, Instant::now())));
        }
    }

    fn stop(&self) {
        if let Some((stage, since)) = self.running.take() {
            *self.spent.borrow_mut().entry(stage).or_default() +=
                since.elapsed().as_secs_f64() * 1000.0;
        }
    }

    /// Ends the running stage and returns the times of all stages.
    pub(super) fn finish(self) -> BTreeMap<Stage, f64> {
        self.stop();
        self.spent.into_inner()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_result_overwrites_another() {
        let scans = ["a/scan.ply", "b/scan.ply", "scan-2.ply", "c/scan.pcd"];
        let names = result_names(&scans.map(PathBuf::from));
        assert_eq!(names, ["scan", "scan-2", "scan-2-2", "scan-3"]);
    }
}
