//! Training samples made of rooms, prepared on separate threads while the device computes.

mod class_names;
mod frame;
mod maker;
mod nameless;
mod view_wise;
mod whole_scene;

use std::{
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

use anyhow::Context;
use rand::{RngExt, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use segscape::{
    job::ImageEvidence,
    model::{Observation, SceneInput, config::QueryStart},
    superpoint::Superpoints,
};

use crate::{
    config::{Config, Distort, Generated},
    data::augment,
    data::sources::{Sources, Turn},
    data::view_partition::Part,
    words::Words,
};
use frame::Walks;
use maker::Maker;
use recordings::store::Cache;

/// One scene as input of one training step, with S superpoints, Q queries and T names.
pub struct Sample {
    /// The input of the network.
    pub input: SceneInput,
    /// Superpoints that are queries, ascending, `(Q)`.
    pub queries: Vec<u32>,
    /// Embeddings of the class names, `(T, width)` with the width of the model's text space.
    pub text: Vec<f32>,
    /// The ground truth: of the whole scene, or of what each view sees of it.
    pub parts: Vec<Part>,
}

/// Largest number of finished samples that wait for each of the threads that make them; each is a
/// few megabytes.
const READY: usize = 2;

/// A sample that is being made.
type Pending = Receiver<anyhow::Result<Sample>>;

/// Samples in the order of their numbers, made ahead of time.
pub struct Samples(Receiver<Pending>);

impl Samples {
    /// Starts making samples `first`, `first + 1`, ... of the run that `config` describes, on
    /// `config.run.makers` threads. The threads end when this is dropped.
    ///
    /// Sample number `i` depends only on the seed, on `i` and on the files that exist; those of
    /// object stores pass through `cache`. A scene that cannot be used is reported and left out.
    pub fn start(config: Config, first: u64, cache: Arc<Cache>) -> Self {
        let (pending, in_order) = sync_channel(READY * config.run.makers);
        thread::spawn(move || {
            if let Err(error) = make(&config, first, &cache, &pending) {
                let (sender, receiver) = sync_channel(1);
                let _ = (sender.send(Err(error)), pending.send(receiver));
            }
        });
        Self(in_order)
    }

    /// Waits for the next sample and returns it.
    ///
    /// # Errors
    /// Returns an error if no scene can be used, or if the threads have ended.
    pub fn next(&self) -> anyhow::Result<Sample> {
        let gone = "the threads that prepare scenes have ended";
        self.0.recv().context(gone)?.recv().context(gone)?
    }
}

/// Hands out turns in their order until the receiver of the samples is dropped.
fn make(
    config: &Config,
    first: u64,
    cache: &Cache,
    in_order: &SyncSender<Pending>,
) -> anyhow::Result<()> {
    let mut sources = Sources::new(&config.data, config.run.seed, cache);
    let words = Words::of(&config.model.text, config.data.text_encoder.as_deref())?;
    let maker = Maker {
        words: &words,
        walks: Walks::default(),
        world: config
            .data
            .generated
            .as_ref()
            .map(Generated::world)
            .transpose()?,
        config,
        cache,
    };
    let (jobs, todo) = sync_channel::<(u64, Turn, SyncSender<anyhow::Result<Sample>>)>(0);
    let todo = Mutex::new(todo);
    thread::scope(|scope| {
        for _ in 0..config.run.makers {
            scope.spawn(|| {
                while let Ok(Ok((number, turn, done))) = todo.lock().map(|todo| todo.recv()) {
                    // the receiver may have been dropped
                    let _ = done.send(maker.sample(number, turn));
                }
            });
        }
        for number in first.. {
            let (done, pending) = sync_channel(1);
            let turn = sources.turn(number)?;
            if in_order.send(pending).is_err() || jobs.send((number, turn, done)).is_err() {
                break;
            }
        }
        drop(jobs);
        Ok(())
    })
}

/// Augments positions and colours and returns the network's input; the positions are then those of
/// its voxels. The positions of objects seen in images move with the points around them, except in
/// a distortion of the voxels alone.
fn augmented(
    positions: &mut Vec<[f32; 3]>,
    colors: &mut Option<Vec<[u8; 3]>>,
    seen: &mut ImageEvidence,
    superpoints: &Superpoints,
    config: &Config,
    rng: &mut ChaCha8Rng,
) -> anyhow::Result<SceneInput> {
    let points = positions.len();
    positions.append(&mut seen.objects.positions);
    let options = &config.augment;
    augment::move_rigidly(positions, options, rng);
    if options.distort == Distort::Everything {
        augment::distort(positions, options, rng);
    }
    seen.objects.positions = positions.split_off(points);
    let distorted = (options.distort == Distort::Voxels)
        .then(|| {
            let mut distorted = positions.clone();
            augment::distort(&mut distorted, options, rng).then_some(distorted)
        })
        .flatten();
    augment::colors(colors, options, rng);
    let observation = Observation {
        distorted: distorted.as_deref(),
        ..seen.observation(positions, colors.as_deref(), &[])
    };
    let input = SceneInput::new(&observation, superpoints, &config.model)?;
    if let Some(distorted) = distorted {
        *positions = distorted;
    }
    Ok(input)
}

/// The superpoints that become queries, ascending: a random share of all, drawn at random, or spread
/// over the scene if queries are places.
fn queries(
    input: &SceneInput,
    superpoints: &Superpoints,
    config: &Config,
    rng: &mut ChaCha8Rng,
) -> Vec<u32> {
    let mut queries: Vec<u32> = (0..superpoints.count() as u32).collect();
    queries.shuffle(rng);
    let [few, many] = config.loss.queries;
    let share = rng.random_range(few..=many) * queries.len() as f64;
    let count = (share as usize).clamp(1, config.loss.max_queries);
    if config.model.queries == QueryStart::Place {
        return input.farthest(count);
    }
    queries.truncate(count);
    queries.sort_unstable();
    queries
}

#[cfg(test)]
pub(crate) mod tests;
