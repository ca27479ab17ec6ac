//! `trainer segment`: segments scans into named instances, the whole job outside a browser.

mod notes;
mod summary;

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use segscape::{
    captures::Files,
    images::{PosedPictures, SeenThings, Things},
    instances::{
        Contact,
        query::{Labels, NotFound, PromptTerm, touching},
    },
    job::{
        self, ClassMap, Decoding, Grouping, Network, RecordedFrame, RecordedPictures, Segmented,
    },
    progress::{Cancel, Monitor, Progress, Stage},
    scan::Scan,
    text::{Vocabulary, meaning::Meaning},
    write::PointLabels,
};
use serde_json::json;

use super::{
    ask::{Ask, Question},
    by_views::{self, ByViews, Namer},
    capture::{CaptureArgs, Opened, Opening},
    lift::scene::files_at,
    orientation::Orientation,
    proposals::Proposals,
    results::{self, Output, Results, Sources, StageClock},
    scene_cache::SceneCache,
    shard::{self, Parts},
};
use learning::{device::DeviceChoice, evaluation::DecodingKind, models};
use notes::Notes;
use recordings::store::{Cache, is_address, open_files};
use summary::Summary;

/// Find and name the objects in scans and captures.
#[derive(Debug, Args)]
pub struct Segment {
    /// PLY, PCD, LAS/LAZ, E57, GLB/glTF, USDZ/USD, OBJ, STL, SPZ or text files (XYZ, PTS, CSV), known
    /// by their content; folders or ZIP archives with captures (Polycam, Record3D, Stray Scanner, 3D
    /// Scanner App, frames as of SensReader, 7-Scenes, TUM RGB-D or Open3D); foundation bundles; also
    /// folders at s3://bucket/folder.
    #[arg(required = true)]
    scans: Vec<PathBuf>,
    /// English names of the objects to find, as in "chair . table, sofa"; a minus or "not" leaves out
    /// what a name fits better, as in "chair, -stool"; by default all objects are named from the
    /// built-in vocabulary.
    #[arg(long, default_value = "", allow_hyphen_values = true)]
    prompt: String,
    #[command(flatten)]
    ask: Ask,
    #[command(flatten)]
    by_views: ByViews,
    /// Lowest score of the instances to keep, 0 to 1.
    #[arg(long, default_value_t = 0.1)]
    threshold: f32,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    orientation: Orientation,
    #[command(flatten)]
    captures: CaptureArgs,
    #[command(flatten)]
    parts: Parts,
    /// Leave alone scans of the part whose results are there, as after a run that was stopped; results
    /// of other options are replaced.
    #[arg(long, requires_all = ["shard", "out"])]
    skip_done: bool,
    /// Print what all parts said, from their folder, in place of segmenting: the lines are those of
    /// one run, and no file is written. Scans and options must be the same.
    #[arg(long, value_name = "FOLDER", conflicts_with = "shard")]
    join: Option<PathBuf>,
    #[command(flatten)]
    cache: SceneCache,
    /// Keep at most so many points of a file, one per cell of a grid: files that have more are read in
    /// slices, as those that memory does not hold always are, and labelled PLY, LAS and LAZ have all
    /// their points. For LAS, LAZ and binary PLY without lists of points.
    #[arg(long, value_name = "POINTS", value_parser = clap::value_parser!(u32).range(1000..))]
    budget: Option<u32>,
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
    #[command(flatten)]
    proposals: Proposals,
    /// Give every point a class instead, with a network that has fixed classes: that of its
    /// superpoint, or that of its instance and wall or floor elsewhere.
    #[arg(long, value_enum, conflicts_with_all = ["prompt", "ask", "threshold", "decoding", "folders", "image_text"])]
    map: Option<MapKind>,
    /// Print one JSON object per scan, each on one line.
    #[arg(long)]
    json: bool,
}

/// The files that match a pattern such as `rooms/*.ply`, which not every shell expands; a path that
/// exists, or has no `*`, `?` or `[`, is itself.
fn matching(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let pattern = path.to_string_lossy();
    if path.exists() || !pattern.contains(['*', '?', '[']) {
        return Ok(vec![path.to_owned()]);
    }
    let files = glob::glob(&pattern).with_context(|| format!("{pattern} is no pattern"))?;
    let files = files.collect::<Result<Vec<_>, _>>()?;
    anyhow::ensure!(!files.is_empty(), "no file matches {pattern}");
    Ok(files)
}

/// The values of `--map`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum MapKind {
    /// The class of every point.
    Semantic,
    /// The instance of every point; walls and floors have none.
    Panoptic,
}

impl From<MapKind> for ClassMap {
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
        let cache = self.cache.open()?;
        let (scans, in_store): (Vec<PathBuf>, Vec<bool>) =
            self.scans_of_stores(&cache)?.into_iter().unzip();
        let names = results::names(&scans);
        if self.parts.lists() {
            return Ok(shard::print(scans.iter().zip(&names))?);
        }
        let device = self.device.open()?;
        let (weights, encoder) = (self.weights.as_deref(), self.text_encoder.as_deref());
        let (network, words) = models::load_network(weights, encoder, &device)?;
        let decoding = DecodingKind::of(self.decoding, &network)?;
        anyhow::ensure!(
            self.proposals.is_empty() || matches!(decoding, Decoding::Ranked(_)),
            "masks that are decoded as released stand alone: leave out --proposals"
        );
        let question = self.ask.question()?;
        anyhow::ensure!(
            question.is_none() || self.prompt.is_empty(),
            "--ask names what it looks for itself: leave out --prompt"
        );
        let namer = self.by_views.open()?;
        let prompt = match &question {
            Some(question) => question.prompt(),
            None => self.prompt.clone(),
        };
        let terms = match &namer {
            Some(namer) => namer.terms(&prompt)?,
            None => words.terms(&prompt)?,
        };
        if let Some(classes) = network.fixed_classes()
            && !terms.is_empty()
            && namer.is_none()
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
        self.output.create()?;
        let made_by = self.made_by(&network, &decoding);
        let (mut taken, mut refused) = (0, 0);
        let places = scans.iter().zip(&names).zip(in_store).enumerate();
        for (_, ((path, name), in_store)) in places.filter(|(index, _)| self.parts.has(*index)) {
            let place = Place {
                path,
                name,
                in_store,
            };
            let asked = Wanted {
                terms: &terms,
                question: question.as_ref(),
                namer: namer.as_ref(),
            };
            let segment = || self.segment(&place, &network, &decoding, &asked, &cache);
            match self.summary(name, &made_by, segment) {
                Ok(summary) => summary.print(self.json)?,
                Err(error) => {
                    eprintln!("{}: {error:#}", path.display());
                    refused += 1;
                }
            }
            taken += 1;
        }
        anyhow::ensure!(
            refused == 0,
            "{refused} of {taken} scans could not be segmented"
        );
        Ok(())
    }

    /// The summary of a scan: that of the part that it is in, if it is there and wanted, or that of
    /// what `segment` finds now, [json and words](Summary).
    fn summary(
        &self,
        name: &OsStr,
        made_by: &str,
        segment: impl FnOnce() -> anyhow::Result<[String; 2]>,
    ) -> anyhow::Result<Summary> {
        let name = name.to_string_lossy();
        if let Some(folder) = &self.join {
            return Summary::read(folder, &name, made_by);
        }
        let kept_in = self.output.folder().filter(|_| self.parts.is_shard());
        if let Some(folder) = kept_in.filter(|_| self.skip_done)
            && let Ok(summary) = Summary::read(folder, &name, made_by)
            && summary.files == self.output.options()
        {
            return Ok(summary);
        }
        let [json, words] = segment()?;
        let summary = Summary {
            made_by: made_by.to_owned(),
            files: self.output.options(),
            json,
            words,
        };
        if let Some(folder) = kept_in {
            summary.write(folder, &name)?;
        }
        Ok(summary)
    }

    /// The network, and all options that change what is said of a scan, for comparison.
    fn made_by(&self, network: &Network, decoding: &Decoding) -> String {
        let asked = (&self.prompt, &self.ask, &self.by_views, self.threshold);
        let read = (&self.orientation, &self.captures, self.budget);
        format!(
            "{} {decoding:?} {asked:?} {read:?} no_images: {} {:?} {:?}",
            network.name, self.no_images, self.proposals, self.map
        )
    }

    /// The scans, with those of a folder of an object store in place of the folder; `true` for
    /// captures that are read where they lie in a store.
    fn scans_of_stores(&self, cache: &Cache) -> anyhow::Result<Vec<(PathBuf, bool)>> {
        let mut scans = Vec::new();
        for path in &self.scans {
            if !is_address(path) {
                let files = matching(path)?.into_iter();
                scans.extend(files.map(|file| (file, false)));
                continue;
            }
            let found = cache.scenes(path)?;
            // A folder without bundles may be a capture.
            match found.is_empty() {
                true => scans.push((path.clone(), true)),
                false => scans.extend(found.into_iter().map(|scan| (scan, false))),
            }
        }
        Ok(scans)
    }

    fn segment(
        &self,
        place: &Place,
        network: &Network,
        decoding: &Decoding,
        wanted: &Wanted,
        cache: &Cache,
    ) -> anyhow::Result<[String; 2]> {
        let &Place {
            path,
            name,
            in_store,
        } = place;
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
            budget: self.budget.map(|points| points as usize),
        };
        let held = match in_store {
            true => None,
            false => Some(cache.local(path)?),
        };
        let mut opened = match &held {
            Some(local) => opening.open(&local.path, &monitor)?,
            None => opening.recording(&*open_files(path)?, path, &monitor)?,
        };
        // Told before anything else can fail, because it may be the cause.
        let notes = Notes::of(&mut opened);
        notes.print(path);
        let given = opened.superpoints.take();
        let mut grouping = {
            let observation = opened.observation();
            let options = network.superpoint_options(&observation);
            job::group(&observation, given, &options, &monitor)?
        };
        let whole = opened.whole.take();
        let proposals = self.proposals.of(name)?;
        proposals
            .iter()
            .try_for_each(|masks| grouping.propose(masks))?;
        let labeling = match self.map {
            Some(kind) => Labeling::of_map(opened, grouping, network, kind.into(), &monitor)?,
            None => {
                let observation = opened.observation();
                let found = job::segment(&observation, &grouping, network, decoding, &monitor);
                let segmentation = pollster::block_on(found)?;
                let contacts = grouping.contacts().to_vec();
                let segmented = Segmented {
                    segmentation,
                    superpoints: grouping.superpoints,
                    scan: opened.scan,
                };
                let naming = Naming {
                    wanted,
                    threshold: self.threshold,
                    vocabulary: network.vocabulary(),
                    place,
                    frames: &opened.frames,
                    files: &|| match &held {
                        Some(local) => files_at(&local.path),
                        None => open_files(path),
                    },
                };
                let named = naming.labels(&segmented, &monitor)?;
                Labeling::of_instances(segmented, &contacts, named, self.threshold)
            }
        };
        let ms = clock.finish();

        let records = results::records(&labeling.scan, &labeling.labels);
        let prompt = wanted.question.map(Question::prompt);
        self.output.save(&Results {
            name,
            scan: &labeling.scan,
            labels: &labeling.labels,
            sources: &labeling.sources,
            prompt: prompt.as_deref().unwrap_or(&self.prompt),
            model: &network.name,
            whole: whole.as_ref(),
        })?;
        for (name, reason) in &labeling.missing {
            eprintln!("{}: no {name}: {reason}", path.display());
        }
        let answer = wanted.question.map(|question| {
            let answer = question.answer(&labeling.scan, &records, &labeling.touching);
            (question, answer)
        });
        let mut json = notes.json(path, &labeling, &records, &ms);
        let mut words = notes.words(path, &labeling, &records, &ms);
        json["answer"] = json!(
            answer
                .as_ref()
                .map(|(question, answer)| question.json(answer))
        );
        json["model"] = json!(network.name);
        if let Some((question, answer)) = &answer {
            words += &format!("\n{}", question.words(answer));
        }
        Ok([json.to_string(), words])
    }
}

/// A scan among those that were asked for.
struct Place<'a> {
    path: &'a Path,
    /// Name of its results.
    name: &'a OsStr,
    /// `true` if it is a capture that is read where it lies in an object store.
    in_store: bool,
}

/// What is looked for in the scans.
struct Wanted<'a> {
    terms: &'a [PromptTerm],
    question: Option<&'a Question>,
    /// Names things by pictures; then the terms are in its space, and else in the network's.
    namer: Option<&'a Namer>,
}

/// How instances get their names.
struct Naming<'a> {
    wanted: &'a Wanted<'a>,
    threshold: f32,
    /// The words of the network.
    vocabulary: &'a Vocabulary,
    place: &'a Place<'a>,
    /// The frames of a recording.
    frames: &'a [RecordedFrame],
    /// Opens the files of the recording.
    files: &'a dyn Fn() -> anyhow::Result<Box<dyn Files>>,
}

impl Naming<'_> {
    /// Labels the instances by what the network says, or by their pictures. Those that no picture
    /// shows have the network's names if nothing is asked for, and else match nothing.
    fn labels(
        &self,
        segmented: &Segmented,
        monitor: &Monitor,
    ) -> anyhow::Result<(Labels, Sources)> {
        let terms = self.wanted.terms;
        let Some(namer) = self.wanted.namer else {
            let labels = Labels::new(&segmented.segmentation, terms, self.vocabulary)?;
            return Ok((labels, Sources::new()));
        };
        let seen = self.seen(namer, segmented, monitor)?;
        by_views::tell_left_out(self.place.path, &seen);
        let instances = segmented.segmentation.instances.iter();
        let scores: Vec<f32> = instances.map(|instance| instance.score).collect();
        let mut labels = namer.labels(&seen, &scores, terms)?;
        let seeks = labels.seeks();
        let own = Labels::new(&segmented.segmentation, &[], self.vocabulary)?;
        for (label, own) in labels.of_instance.iter_mut().zip(own.of_instance) {
            if label.name.is_empty() {
                label.name = own.name;
                label.confidence = if seeks { 0.0 } else { own.confidence };
            }
        }
        let ids: Vec<u32> = (0..scores.len() as u32).collect();
        Ok((labels, by_views::sources(&seen, &ids)))
    }

    /// What the pictures say of the instances that the threshold shows.
    fn seen(
        &self,
        namer: &Namer,
        segmented: &Segmented,
        monitor: &Monitor,
    ) -> anyhow::Result<SeenThings> {
        let instances = segmented.segmentation.instances.iter();
        let sets = instances.map(|instance| match instance.score >= self.threshold {
            true => instance.superpoints.as_slice(),
            // No label lifts an instance above its score.
            false => &[],
        });
        let points = segmented.superpoints.points(sets);
        let things = Things {
            positions: &segmented.scan.positions,
            colors: segmented.scan.colors.as_deref(),
            points: &points,
        };
        let ids: Vec<u32> = (0..points.len() as u32).collect();
        let files = match self.frames.is_empty() {
            true => None,
            false => Some((self.files)()?),
        };
        let recorded = files.as_deref().map(|files| RecordedPictures {
            files,
            frames: self.frames,
        });
        let photographs = recorded
            .as_ref()
            .map(|recorded| recorded as &dyn PosedPictures);
        namer.look(&things, &ids, photographs, self.place.name, monitor)
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
    /// The pairs of instances that touch, by their ids.
    touching: Vec<[u32; 2]>,
    /// From which views the names are, where they are from pictures.
    sources: Sources,
}

impl Labeling {
    fn of_instances(
        segmented: Segmented,
        contacts: &[Contact],
        (answer, sources): (Labels, Sources),
        threshold: f32,
    ) -> Self {
        let visible = answer.visible(threshold);
        let reason = |missing: NotFound| (missing.term.name.clone(), missing.to_string());
        let labels = job::label(&segmented, &answer.of_instance, &visible);
        Self {
            touching: touching(contacts, &segmented.superpoints, &labels),
            labels,
            missing: answer.missing(threshold).map(reason).collect(),
            superpoints: segmented.superpoints.count(),
            scan: segmented.scan,
            sources,
        }
    }

    fn of_map(
        opened: Opened,
        grouping: Grouping,
        network: &Network,
        map: ClassMap,
        monitor: &Monitor,
    ) -> anyhow::Result<Self> {
        let observation = opened.observation();
        let labels = job::map_points(&observation, &grouping, network, map, monitor);
        Ok(Self {
            labels: pollster::block_on(labels)?,
            missing: BTreeMap::new(),
            touching: Vec::new(),
            sources: Sources::new(),
            superpoints: grouping.superpoints.count(),
            scan: opened.scan,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn patterns_are_the_files_that_match_and_other_paths_are_themselves() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.ply", "a.ply", "c.pcd", "d[1].ply"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let found = |pattern: &str| matching(&folder.path().join(pattern));
        let names = |pattern: &str| -> Vec<String> {
            let files = found(pattern).unwrap().into_iter();
            files
                .map(|file| file.file_name().unwrap().to_string_lossy().into_owned())
                .collect()
        };
        assert_eq!(names("[ab].ply"), ["a.ply", "b.ply"]);
        assert_eq!(names("d[1].ply"), ["d[1].ply"], "there is such a file");
        assert_eq!(names("missing.ply"), ["missing.ply"]);
        let refused = found("*.las").unwrap_err().to_string();
        assert!(refused.contains("no file matches") && refused.contains("*.las"));
    }
}
