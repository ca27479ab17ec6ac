//! The maker of samples: the scene of a turn, read or generated, as a sample.

use std::{
    panic::{self, AssertUnwindSafe},
    path::Path,
};

use anyhow::Context;
use rand_chacha::ChaCha8Rng;
use segscape::{
    progress::Monitor,
    superpoint::{SuperpointOptions, superpoints},
};

use crate::{
    config::{Config, Frames},
    data::image_evidence,
    data::labeled_scan::LabeledScan,
    data::scans::Labeled,
    data::sources::{Draw, Turn, rng},
    data::superpoint_cache::Points,
    words::Words,
};
use recordings::{
    foundation::{Foundation, InFolder as _},
    pseudo_label_file::PseudoLabels,
    store::Cache,
};
use rooms::World;

use super::{
    Sample,
    frame::{Walks, frame_of_bundle},
    nameless::Nameless,
    view_wise::view_wise,
    whole_scene::sample,
};

/// Makes samples of turns.
pub(super) struct Maker<'a> {
    pub(super) config: &'a Config,
    /// What the names of classes mean.
    pub(super) words: &'a Words,
    /// Source of generated rooms.
    pub(super) world: Option<World>,
    /// The generated rooms that frames are taken of.
    pub(super) walks: Walks,
    /// Scenes of object stores on disk.
    pub(super) cache: &'a Cache,
}

impl Maker<'_> {
    pub(super) fn sample(&self, number: u64, turn: Turn) -> anyhow::Result<Sample> {
        let mut rng = rng(self.config.run.seed, Draw::Sample, number);
        match turn {
            Turn::Made(before) => match &self.config.data.frames {
                Some(frames) => self.frame_of_nothing(before, frames, &mut rng),
                None => self.of_nothing(before, &mut rng),
            },
            Turn::Labeled(scenes) => first_of(scenes, |path| self.of_room(path, &mut rng)),
            Turn::ViewWise(scenes) => first_of(scenes, |path| {
                let held = self.cache.local(path)?;
                let scene = Foundation::read(&held.path)?;
                match &self.config.data.frames {
                    Some(frames) => {
                        let make =
                            |frame, rng: &mut ChaCha8Rng| self.of_frame(Nameless::from(frame), rng);
                        frame_of_bundle(&scene, &held.path, frames, &mut rng, make)
                    }
                    None => view_wise(scene, &held.path, self.config, self.words, &mut rng),
                }
            }),
            Turn::Pseudo(files) => first_of(files, |path| self.of_pseudo_labels(path, &mut rng)),
        }
    }

    /// Makes a sample of a frame of a generated room.
    fn frame_of_nothing(
        &self,
        before: u64,
        frames: &Frames,
        rng: &mut ChaCha8Rng,
    ) -> anyhow::Result<Sample> {
        let (Some(world), Some(generated)) = (&self.world, &self.config.data.generated) else {
            anyhow::bail!("the configuration generates no rooms")
        };
        // a room without a usable frame is replaced by a later one, which comes again in its turn
        let rooms = (0..OTHERS).map(|other| before + other * frames.per_room);
        first_of(rooms, |&before| {
            let make = |frame, rng: &mut ChaCha8Rng| self.of_frame(Nameless::from(frame), rng);
            self.walks
                .frame(world, generated, frames, before, rng, make)
        })
    }

    fn of_frame(&self, frame: Nameless, rng: &mut ChaCha8Rng) -> anyhow::Result<Sample> {
        let superpoints = superpoints(
            &frame.positions,
            frame.colors.as_deref(),
            &[],
            &SuperpointOptions::default(),
            &Monitor::silent(),
        )?;
        frame.sample(&superpoints, self.config, self.words, rng)
    }

    fn of_pseudo_labels(&self, path: &Path, rng: &mut ChaCha8Rng) -> anyhow::Result<Sample> {
        let Some(options) = &self.config.data.pseudo else {
            anyhow::bail!("the configuration has no pseudo-labels")
        };
        let labels = PseudoLabels::read(path)?;
        let scene = Nameless::confident(labels, options);
        let scene = scene.with_context(|| path.display().to_string())?;
        let points = Points {
            positions: &scene.positions,
            colors: scene.colors.as_deref(),
            triangles: &[],
            boundaries: None,
            options: SuperpointOptions::default(),
        };
        let superpoints = points.superpoints(path)?;
        let sample = scene.sample(&superpoints, self.config, self.words, rng);
        sample.with_context(|| path.display().to_string())
    }

    /// Makes a sample of a newly generated room. A room that is too small or empty to train on is
    /// replaced by another one.
    fn of_nothing(&self, before: u64, rng: &mut ChaCha8Rng) -> anyhow::Result<Sample> {
        let (Some(world), Some(generated)) = (&self.world, &self.config.data.generated) else {
            anyhow::bail!("the configuration generates no rooms")
        };
        // the replacements are of another series, which shares no room with this one
        let series = (0..OTHERS).map(|other| Series(generated.seed.wrapping_add(other << 32)));
        first_of(series, |&Series(series)| {
            let scan = LabeledScan::of_synthetic(world.room(series, before));
            let sample = scan.and_then(|scan| {
                sample(
                    Labeled::from(scan).without(&self.config.data.held_out),
                    self.config,
                    self.words,
                    rng,
                )
            });
            sample.with_context(|| format!("generated room {before} cannot be used"))
        })
    }

    fn of_room(&self, path: &Path, rng: &mut ChaCha8Rng) -> anyhow::Result<Sample> {
        let Config {
            data,
            model,
            augment,
            ..
        } = self.config;
        let held = self.cache.local(path)?;
        let stuff = data.stuff.as_deref();
        let scan = Labeled::read(
            &held.path,
            stuff,
            data.class_of_object,
            model.mesh_superpoints,
            |scene| image_evidence::drawn(scene, model, augment, rng),
        )?;
        drop(held);
        sample(scan.without(&data.held_out), self.config, self.words, rng)
    }
}

/// The seed of generated rooms, as messages show it.
#[derive(Debug)]
struct Series(u64);

/// Number of rooms that are tried for one sample.
const OTHERS: u64 = 5;

/// The sample of the first of `scenes` that can be used; the scenes before it are reported.
pub(super) fn first_of<T: std::fmt::Debug, S>(
    scenes: impl IntoIterator<Item = T>,
    mut sample: impl FnMut(&T) -> anyhow::Result<S>,
) -> anyhow::Result<S> {
    let mut last = None;
    for scene in scenes {
        // a run goes on for days and comes to the same scene again whenever it is restarted, so a
        // panic at one scene must not end it
        let made = panic::catch_unwind(AssertUnwindSafe(|| sample(&scene)))
            .unwrap_or_else(|_| Err(anyhow::anyhow!("an internal error; its report is above")));
        match made {
            Ok(sample) => return Ok(sample),
            Err(error) => {
                tracing::warn!("scene {scene:?} was left out: {error:#}");
                last = Some(error);
            }
        }
    }
    Err(last
        .context("there is no scene")?
        .context("no scene can be used for training"))
}
