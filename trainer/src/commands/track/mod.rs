//! `trainer track`: the instances of a recording after each of its frames, as they grow.

mod arriving;
mod frames;
mod naming;

use std::{
    ffi::OsStr,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};
use clap::Args;
use learning::{device::DeviceChoice, frame_masks::FrameNetwork, models};
use recordings::foundation::{Image, Models};
use segscape::{
    captures::Files,
    images::AutomaticMasks,
    job::{RecordedPictures, SceneImages},
    progress::{Cancel, Monitor, Progress},
    scan::Scan,
    superpoint::{SuperpointOptions, Superpoints, superpoints},
    track::{DepthMaskOptions, OnlineTracker, TrackOptions, point_labels, snapped},
};
use serde_json::json;

use super::{
    ask::{Ask, Question},
    by_views::PictureNames,
    capture::CaptureArgs,
    lift::scene::{Scene, files_at},
    orientation::Orientation,
    results::{self, Output, Results},
};
use frames::{Frames, Seen};

/// Follow the objects of a recording from frame to frame, without a network that was trained on
/// scans: masks of 2D models, or of depth alone, are lifted and joined as they come, and after every
/// frame the instances so far are there (after OpenTrack3D).
#[derive(Debug, Args)]
pub struct Track {
    /// A foundation bundle, or a folder or ZIP archive with a capture; or - for frames that standard
    /// input announces as they arrive, a line of JSON each, as `images` in foundation.json has them.
    recording: PathBuf,
    /// Folder with the files of the frames that standard input announces: NAME.depth.png, and if
    /// there are, NAME.masks.png and the picture.
    #[arg(long, default_value = ".")]
    folder: PathBuf,
    /// Manifest of a model for masks (SAM, SAM 2, MobileSAM) of frames that come without.
    #[arg(long)]
    masks: Option<PathBuf>,
    /// Manifest of a model for features (DINOv2) by which masks of one thing are known.
    #[arg(long, requires = "masks")]
    features: Option<PathBuf>,
    /// Manifest of a model for image embeddings (CLIP, SigLIP) of the crops, in place of these.
    #[arg(long, requires = "masks")]
    crops: Option<PathBuf>,
    /// Points on each side of the grid that the model for masks is asked for.
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=128))]
    points: u16,
    /// Folder of a model or of a training run, that of Segment3D's first stage for example, which
    /// finds the objects of each frame in the points of that frame alone; for frames that come
    /// without masks.
    #[arg(long, conflicts_with_all = ["masks", "by_depth"])]
    network: Option<PathBuf>,
    /// Device that runs the network.
    #[arg(long, value_enum, default_value_t, requires = "network")]
    device: DeviceChoice,
    /// Take frames apart by their depth, whatever masks they come with; what is done without asking
    /// where there are neither masks nor a model.
    #[arg(long, conflicts_with = "masks")]
    by_depth: bool,
    #[command(flatten)]
    tuning: Tuning,
    /// Give whole superpoints to the instances that have more than half of their points, in place of
    /// voxels.
    #[arg(long)]
    snap: bool,
    #[command(flatten)]
    picture_names: PictureNames,
    #[command(flatten)]
    ask: Ask,
    #[command(flatten)]
    orientation: Orientation,
    #[command(flatten)]
    captures: CaptureArgs,
    #[command(flatten)]
    output: Output,
    /// Print a JSON object for every frame with the instances so far, and one for the recording,
    /// each on one line.
    #[arg(long)]
    json: bool,
}

/// The constants of the method.
#[derive(Args, Clone, Copy, Debug)]
struct Tuning {
    /// Edge of a voxel, metres.
    #[arg(long, default_value_t = TrackOptions::default().voxel_size)]
    voxel: f32,
    /// Least score of a mask.
    #[arg(long, default_value_t = TrackOptions::default().min_score)]
    min_score: f32,
    /// Weight of the place beside the appearance, 0 to 1.
    #[arg(long, default_value_t = TrackOptions::default().place_weight)]
    place_weight: f32,
    /// Least affinity of a mask to the instance that it is a part of.
    #[arg(long, default_value_t = TrackOptions::default().min_affinity)]
    min_affinity: f32,
    /// Least share of the frames that see a voxel in which the masks of its instance contain it.
    #[arg(long, default_value_t = TrackOptions::default().min_inside)]
    min_inside: f32,
    /// Number of frames in which an instance has to have a mask.
    #[arg(long, default_value_t = TrackOptions::default().min_observations)]
    min_observations: u32,
}

/// What is there when all frames were added.
struct Ending<'a> {
    /// The points.
    scan: &'a Scan,
    /// Takes positions of the scan to the axes of the cameras' poses.
    place: &'a dyn Fn([f32; 3]) -> [f32; 3],
    /// Superpoints that came with the recording.
    given: Option<Superpoints>,
    /// The images of a bundle, whose masks may have names.
    images: &'a [Image],
    /// The photographs, with cameras in the frame of the points.
    recorded: RecordedPictures<'a>,
    /// What the results are called.
    name: &'a OsStr,
    /// What the recording is, in words.
    kind: &'a str,
}

impl Track {
    /// The options of the tracker.
    fn options(&self) -> TrackOptions {
        TrackOptions {
            voxel_size: self.tuning.voxel,
            min_score: self.tuning.min_score,
            place_weight: self.tuning.place_weight,
            min_affinity: self.tuning.min_affinity,
            min_inside: self.tuning.min_inside,
            min_observations: self.tuning.min_observations,
            farthest: self.captures.farthest(),
            ..TrackOptions::default()
        }
    }

    /// Tracks the recording.
    ///
    /// # Errors
    /// An option makes no sense, a model cannot be loaded, the recording cannot be read, none of its
    /// frames can be used, or a result cannot be written.
    pub fn run(self) -> anyhow::Result<()> {
        self.captures.check()?;
        // Before hours of frames rather than after them.
        let question = self.ask.question()?;
        let looking = self
            .picture_names
            .open(question.as_ref().map(Question::prompt))?;
        let paths = [&self.masks, &self.features, &self.crops];
        let [masks, features, crops] = paths.map(|path| path.as_deref());
        let models = match masks {
            Some(masks) => Models::load(Some(masks), features, crops)?,
            None => Models::default(),
        };
        for warning in models.warnings() {
            tracing::warn!("{warning}");
        }
        self.output.create()?;
        let frames = Frames {
            tracker: OnlineTracker::new(self.options())?,
            models,
            automatic: AutomaticMasks {
                points_per_side: self.points.into(),
                ..AutomaticMasks::default()
            },
            network: self.frame_network()?,
            by_depth: self.by_depth,
            depth_masks: DepthMaskOptions {
                farthest: self.captures.farthest(),
                ..DepthMaskOptions::default()
            },
            looking,
            json: self.json,
            count: 0,
            refused: 0,
        };
        if self.recording == Path::new("-") {
            return self.arriving(frames);
        }
        self.recorded(frames)
    }

    fn frame_network(&self) -> anyhow::Result<Option<FrameNetwork>> {
        let Some(folder) = &self.network else {
            return Ok(None);
        };
        let (network, _) = models::load_network(Some(folder), None, &self.device.open()?)?;
        Ok(Some(FrameNetwork::new(network, self.captures.farthest())))
    }

    /// Tracks a recording on a disk.
    fn recorded(&self, mut frames: Frames) -> anyhow::Result<()> {
        let path = &self.recording;
        let files = files_at(path).with_context(|| path.display().to_string())?;
        let (cancel, report) = (Cancel::default(), |_: Progress| ());
        let monitor = Monitor::new(&report, &cancel);
        let mut failed = None;
        let scene = Scene::open(
            &*files,
            path,
            &self.captures,
            self.orientation.choices(),
            &monitor,
            &mut |capture, taken| {
                let (Some(shot), None) = (taken.shot, &failed) else {
                    return;
                };
                let name = &capture.frames[taken.frame].name;
                let up = self.orientation.choices().up.or(capture.kind.up());
                let seen = Seen::of_shot(taken.frame as u32, name, shot, up);
                if let Err(error) = frames.add(&seen) {
                    failed = Some(error);
                    cancel.cancel();
                }
            },
        );
        if let Some(error) = failed {
            return Err(error);
        }
        let scene = scene.with_context(|| path.display().to_string())?;
        for line in scene.warnings() {
            eprintln!("{}: {line}", path.display());
        }
        if let Some(about) = scene.about() {
            self.images(about, &*files, &scene, &mut frames)?;
        }
        let scan = scene.scan();
        // Points of captures were turned, and perhaps moved to the origin; the tracker has the axes
        // of the cameras.
        let place: Box<dyn Fn([f32; 3]) -> [f32; 3]> = match &scene {
            Scene::Bundle { .. } => Box::new(|position| position),
            Scene::Capture { points, .. } => {
                let back = points.world_from_capture.inverse();
                let frame = scan.frame;
                Box::new(move |position| {
                    let given = frame.file_from_world(position.map(f64::from));
                    let given = given.map(|x| x as f32);
                    back.transform_point3(given.into()).into()
                })
            }
        };
        let recorded = scene.frames();
        let about = scene.about();
        let ending = Ending {
            scan,
            place: &*place,
            given: about.and_then(SceneImages::superpoints),
            images: about.map_or(&[], |about| about.scene().images.as_slice()),
            recorded: RecordedPictures {
                files: &*files,
                frames: &recorded,
            },
            name: path.file_stem().unwrap_or(path.as_os_str()),
            kind: &scene.kind(),
        };
        self.finish(&frames, ending)
    }

    /// Tracks the images of a bundle.
    fn images(
        &self,
        about: &SceneImages,
        files: &dyn Files,
        scene: &Scene,
        frames: &mut Frames,
    ) -> anyhow::Result<()> {
        let Scene::Bundle { root, .. } = scene else {
            return Ok(());
        };
        let mut without_depth = 0;
        for (number, image) in (0..).zip(&about.scene().images) {
            match Seen::of_image(number, image, files, root) {
                Some(seen) => frames.add(&seen)?,
                None => without_depth += 1,
            }
        }
        if without_depth > 0 {
            eprintln!(
                "{}: {without_depth} images are left out because they have no depth",
                self.recording.display()
            );
        }
        Ok(())
    }

    /// Writes and prints what was found.
    fn finish(&self, frames: &Frames, ending: Ending) -> anyhow::Result<()> {
        let Ending {
            scan, name, kind, ..
        } = ending;
        let tracked = frames.tracker.frames();
        ensure!(
            tracked > 0,
            "{}: none of {} frames has masks with depth",
            self.recording.display(),
            frames.count
        );
        let instances = frames.tracker.instances();
        let owners = frames.tracker.owners(&instances);
        let positions = scan.positions.iter();
        let place = ending.place;
        let mut owner_of_point: Vec<u32> = positions.map(|p| owners.at(place(*p))).collect();
        if self.snap {
            let grouped = match ending.given {
                Some(given) => given,
                None => superpoints(
                    &scan.positions,
                    scan.colors.as_deref(),
                    &scan.triangles,
                    &SuperpointOptions::default(),
                    &Monitor::silent(),
                )?,
            };
            owner_of_point = snapped(&owner_of_point, &grouped);
        }
        let mut labels = point_labels(&instances, owner_of_point);
        let photographs = naming::Photographs {
            path: &self.recording,
            name,
            images: ending.images,
            recorded: ending.recorded,
        };
        let sources = photographs.name(&mut labels, scan, frames.looking.as_ref())?;
        let records = results::records(scan, &labels);
        let question = self.ask.question()?;
        let asked = question.as_ref().map(Question::prompt);
        self.output.save(&Results {
            name,
            scan,
            labels: &labels,
            sources: &sources,
            prompt: asked.as_deref().unwrap_or_default(),
            model: "",
            whole: None,
        })?;
        let answer = question.as_ref();
        let answer = answer.map(|question| (question, question.answer(scan, &records, &[])));
        let shown = self.recording.to_string_lossy();
        let line = match self.json {
            true => json!({
                "scan": shown,
                "kind": kind,
                "frames": frames.count,
                "used": tracked,
                "refused": frames.refused,
                "points": scan.len(),
                "instances": results::told(&records, &sources),
                "answer": answer.map(|(question, answer)| question.json(&answer)),
            })
            .to_string(),
            false => format!(
                "{shown}: {kind}, {tracked} of {} frames, {} points, {}{}",
                frames.count,
                scan.len(),
                results::counts(&records),
                answer.map_or(String::new(), |(question, answer)| {
                    format!("\n{}", question.words(&answer))
                })
            ),
        };
        writeln!(io::stdout(), "{line}")?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Cli {
        #[command(flatten)]
        track: Track,
    }

    #[test]
    fn constants_are_those_of_the_tracker_unless_they_are_given() {
        let parse = |words: &[&str]| {
            let words = ["track", "room"].iter().chain(words);
            Cli::try_parse_from(words).map(|cli| cli.track)
        };
        assert_eq!(parse(&[]).unwrap().options(), TrackOptions::default());
        let given = parse(&["--voxel", "0.02", "--farthest", "3"]).unwrap();
        let options = given.options();
        assert_eq!((options.voxel_size, options.farthest), (0.02, 3.0));
        assert!(
            parse(&["--features", "dino.json"]).is_err(),
            "depth has no features"
        );
        assert!(parse(&["--by-depth", "--masks", "sam.json"]).is_err());
        assert!(parse(&["-"]).is_err(), "one recording");
    }
}
