//! Training samples made of rooms, prepared on separate threads while the device computes.

use std::{
    panic::{self, AssertUnwindSafe},
    path::Path,
    sync::{
        Mutex,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

use anyhow::Context;
use rand::{RngExt, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use segscape::{
    model::SceneInput,
    progress::Monitor,
    superpoint::{PointGraph, Reading, SuperpointOptions, Superpoints},
    text::{self, Vocabulary},
};

use crate::{
    config::{Boundaries, Config, Generated},
    data::augment,
    data::image_evidence::ImageEvidence,
    data::labelled_scan::LabelledScan,
    data::scans::Labelled,
    data::sources::{Draw, Sources, Turn, rng},
    data::view_partition::Part,
    loss::Targets,
    loss::matching,
};
use recordings::{
    foundation::{self, Foundation},
    store::Local,
};
use rooms::World;

/// One scene as input of one training step, with S superpoints, Q queries and T names.
pub struct Sample {
    /// The input of the network.
    pub input: SceneInput,
    /// Superpoints that are queries, ascending, `(Q)`.
    pub queries: Vec<u32>,
    /// Embeddings of the class names, `(T, DIM)`, where `DIM` is [`text::DIM`].
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
    /// Sample number `i` depends only on the seed, on `i` and on the files that exist. A scene that
    /// cannot be used is reported and left out.
    pub fn start(config: Config, first: u64) -> Self {
        let (pending, in_order) = sync_channel(READY * config.run.makers);
        thread::spawn(move || {
            if let Err(error) = make(config, first, &pending) {
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
        let gone = "the threads that prepare scenes are gone";
        self.0.recv().context(gone)?.recv().context(gone)?
    }
}

/// Hands out turns in their order until the receiver of the samples is dropped.
fn make(mut config: Config, first: u64, in_order: &SyncSender<Pending>) -> anyhow::Result<()> {
    // loaded once, and kept until the run ends
    let (rooms, foundations) = (
        Local::of(&config.data.rooms)?,
        Local::of(&config.data.foundations)?,
    );
    (config.data.rooms, config.data.foundations) = (rooms.paths.clone(), foundations.paths.clone());
    let mut sources = Sources::new(&config.data, config.run.seed);
    let maker = Maker {
        world: config
            .data
            .generated
            .as_ref()
            .map(Generated::world)
            .transpose()?,
        config: &config,
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

/// Makes samples of turns.
struct Maker<'a> {
    config: &'a Config,
    /// Source of generated rooms.
    world: Option<World>,
}

impl Maker<'_> {
    fn sample(&self, number: u64, turn: Turn) -> anyhow::Result<Sample> {
        let mut rng = rng(self.config.run.seed, Draw::Sample, number);
        match turn {
            Turn::Made(before) => self.of_nothing(before, &mut rng),
            Turn::Labelled(scenes) => first_of(scenes, |path| self.of_room(path, &mut rng)),
            Turn::ViewWise(scenes) => first_of(scenes, |path| {
                view_wise(
                    Foundation::read(path)?,
                    self.config,
                    Vocabulary::shipped(),
                    &mut rng,
                )
            }),
        }
    }

    /// Makes a sample of a newly generated room. A room that is too small or empty to train on is
    /// replaced by another one.
    fn of_nothing(&self, before: u64, rng: &mut ChaCha8Rng) -> anyhow::Result<Sample> {
        let (Some(world), Some(generated)) = (&self.world, &self.config.data.generated) else {
            anyhow::bail!("the run makes no rooms")
        };
        // the replacements are of another series, which shares no room with this one
        let series = (0..OTHERS).map(|other| Series(generated.seed.wrapping_add(other << 32)));
        first_of(series, |&Series(series)| {
            let scan = LabelledScan::of_synthetic(
                world.room(series, before),
                self.config.data.class_of_object,
            );
            let sample = scan.and_then(|scan| {
                sample(
                    Labelled::from(scan).without(&self.config.data.held_out),
                    self.config,
                    Vocabulary::shipped(),
                    rng,
                )
            });
            sample.with_context(|| format!("room {before} of it cannot be used"))
        })
    }

    fn of_room(&self, path: &Path, rng: &mut ChaCha8Rng) -> anyhow::Result<Sample> {
        let Config {
            data,
            model,
            augment,
            ..
        } = self.config;
        let scan = Labelled::read(path, data.stuff.as_deref(), data.class_of_object, |scene| {
            ImageEvidence::drawn(scene, model, augment, rng)
        })?;
        sample(
            scan.without(&data.held_out),
            self.config,
            Vocabulary::shipped(),
            rng,
        )
    }
}

/// The seed of generated rooms, as messages show it.
#[derive(Debug)]
struct Series(u64);

/// Number of rooms that are tried for one sample.
const OTHERS: u64 = 5;

/// The sample of the first of `scenes` that can be used; the scenes before it are reported.
fn first_of<T: std::fmt::Debug, S>(
    scenes: impl IntoIterator<Item = T>,
    mut sample: impl FnMut(&T) -> anyhow::Result<S>,
) -> anyhow::Result<S> {
    let mut last = None;
    for scene in scenes {
        // a run goes on for days and comes to the same scene again whenever it is restarted, so a
        // panic at one scene must not end it
        let made = panic::catch_unwind(AssertUnwindSafe(|| sample(&scene)))
            .unwrap_or_else(|_| Err(anyhow::anyhow!("a mistake in this program")));
        match made {
            Ok(sample) => return Ok(sample),
            Err(error) => {
                tracing::warn!("left out {scene:?}: {error:#}");
                last = Some(error);
            }
        }
    }
    Err(last
        .context("no scene")?
        .context("no scene can be learnt from"))
}

/// Augments the scan and makes a sample with the ground truth of the whole scene.
fn sample(
    mut labelled: Labelled,
    config: &Config,
    vocabulary: &Vocabulary,
    rng: &mut ChaCha8Rng,
) -> anyhow::Result<Sample> {
    let input = augmented(
        &mut labelled.scan.positions,
        &mut labelled.scan.colors,
        &mut labelled.seen,
        &labelled.scan.superpoints,
        config,
        rng,
    )?;
    let scan = labelled.scan;

    let object_of_superpoint = scan.object_of_superpoint();
    let queries = queries(&scan.superpoints, config, rng);
    let object_of_query: Vec<_> = queries
        .iter()
        .map(|&s| object_of_superpoint[s as usize])
        .collect();

    let named: Vec<&str> = scan
        .objects
        .iter()
        .map(|object| object.name.as_deref().unwrap_or_default())
        .collect();
    let (text, class_of_object) = names(&named, config, vocabulary, rng);
    let (centers, sizes) = boxes(&scan);
    let truth = Targets {
        dense_pairs: matching::dense(&object_of_query, scan.objects.len(), config.loss.pairs, rng),
        superpoint_sizes: scan.superpoints.sizes(),
        object_of_superpoint,
        object_of_query,
        class_of_object,
        centers,
        sizes,
        surface_of_query: vec![],
    };
    Ok(Sample {
        input,
        queries,
        text,
        parts: vec![Part { seen: None, truth }],
    })
}

/// Augments a scene that only its images annotate, and makes a sample with the annotation of what
/// each view sees. The scene's own ground truth is not used, even if it has one.
fn view_wise(
    mut scene: Foundation,
    config: &Config,
    vocabulary: &Vocabulary,
    rng: &mut ChaCha8Rng,
) -> anyhow::Result<Sample> {
    let superpoints = superpoints(&scene, config.data.boundaries)?;
    let mut annotations = foundation::annotations(&scene, &superpoints);
    let mut seen = ImageEvidence::drawn(&mut scene, &config.model, &config.augment, rng);
    let input = augmented(
        &mut scene.positions,
        &mut scene.colors,
        &mut seen,
        &superpoints,
        config,
        rng,
    )?;
    let queries = queries(&superpoints, config, rng);
    // an image without a mask was not annotated and says nothing; an empty mask says that nothing
    // is there
    let mut views: Vec<usize> = (0..annotations.len())
        .filter(|&v| scene.images[v].mask.is_some() && !annotations[v].superpoints.is_empty())
        .collect();
    views.shuffle(rng);
    views.truncate(config.loss.views);
    views.sort_unstable();
    let chosen: Vec<_> = views
        .into_iter()
        .map(|view| std::mem::take(&mut annotations[view]))
        .collect();
    let named: Vec<&str> = chosen
        .iter()
        .flat_map(|annotation| annotation.names.iter().map(String::as_str))
        .collect();
    let (text, classes) = names(&named, config, vocabulary, rng);
    let (sizes, mut classes) = (superpoints.sizes(), classes.into_iter());
    let mut parts = Vec::with_capacity(chosen.len());
    for annotation in &chosen {
        let class_of_object: Vec<_> = classes.by_ref().take(annotation.names.len()).collect();
        let part = match config.data.partition {
            true => Part::of_view(annotation, &queries, class_of_object),
            false => Some(Part::unpartitioned(
                annotation,
                &queries,
                class_of_object,
                &sizes,
            )),
        };
        let Some(mut part) = part else { continue };
        part.truth.dense_pairs = matching::dense(
            &part.truth.object_of_query,
            annotation.names.len(),
            config.loss.pairs,
            rng,
        );
        parts.push(part);
    }
    anyhow::ensure!(
        !parts.is_empty(),
        "no image with masks made any of the points"
    );
    Ok(Sample {
        input,
        queries,
        text,
        parts,
    })
}

/// Augments positions and colours and returns the network's input. The positions of objects seen in
/// images move with the points around them.
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
    augment::positions(positions, &config.augment, rng);
    seen.objects.positions = positions.split_off(points);
    augment::colors(colors, &config.augment, rng);
    let observation = seen.observation(positions, colors.as_deref());
    Ok(SceneInput::new(&observation, superpoints, &config.model)?)
}

/// The superpoints that came with the scene, otherwise new ones that respect the instances in its
/// images.
fn superpoints(scene: &Foundation, boundaries: Boundaries) -> anyhow::Result<Superpoints> {
    if let Some(ids) = &scene.given.superpoints {
        return Ok(Superpoints::from_ids(ids));
    }
    let boundaries = match boundaries {
        Boundaries::None => None,
        Boundaries::SameView => Some(foundation::boundaries(scene, Reading::SameView)),
        Boundaries::Outlines => Some(foundation::boundaries(scene, Reading::Outlines)),
        Boundaries::Strict => Some(foundation::boundaries(scene, Reading::Strict)),
    };
    let (options, silent) = (SuperpointOptions::default(), Monitor::silent());
    let graph = PointGraph::new(
        &scene.positions,
        scene.colors.as_deref(),
        &[],
        boundaries.as_ref(),
        options.edges,
        &silent,
    )?;
    Ok(graph.superpoints(options.threshold, graph.points_on(options.minimum), &silent)?)
}

/// The superpoints that become queries, ascending: a random share of all.
fn queries(superpoints: &Superpoints, config: &Config, rng: &mut ChaCha8Rng) -> Vec<u32> {
    let mut queries: Vec<u32> = (0..superpoints.count() as u32).collect();
    queries.shuffle(rng);
    let [few, many] = config.loss.queries;
    let share = rng.random_range(few..=many) * queries.len() as f64;
    queries.truncate((share as usize).clamp(1, config.loss.max_queries));
    queries.sort_unstable();
    queries
}

/// Draws the class names of a scene. Returns their embeddings, `(T, DIM)`, and the index of each of
/// `named` among them, if the vocabulary has it.
///
/// The scene's own names come first, then random others, none of them a near synonym of the scene's
/// own; half of the others are among the vocabulary's common labels, which are harder negatives. If
/// the scene has more than T names, the objects of the last ones only learn their masks.
fn names(
    named: &[&str],
    config: &Config,
    vocabulary: &Vocabulary,
    rng: &mut ChaCha8Rng,
) -> (Vec<f32>, Vec<Option<u32>>) {
    let mut own: Vec<&str> = Vec::new();
    let mut text = Vec::with_capacity(config.loss.classes * text::DIM);
    let mut class_of_object = Vec::with_capacity(named.len());
    for name in named {
        let class = own.iter().position(|n| n == name).or_else(|| {
            text.extend_from_slice(
                vocabulary
                    .lookup(name)
                    .filter(|_| own.len() < config.loss.classes)?,
            );
            own.push(name);
            Some(own.len() - 1)
        });
        class_of_object.push(class.map(|class| class as u32));
    }
    let cosine = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    let own_text = text.clone();
    let (all, common) = (vocabulary.names().len(), vocabulary.default_labels().len());
    let mut chosen = std::collections::HashSet::new();
    // A vocabulary of nothing but near synonyms would never fill the list, so the attempts are
    // limited.
    for attempt in 0..20 * config.loss.classes {
        if text.len() == config.loss.classes * text::DIM {
            break;
        }
        let index = rng.random_range(0..if attempt % 2 == 0 { common } else { all });
        let embedding = vocabulary.embedding(index);
        let synonym = own_text
            .chunks_exact(text::DIM)
            .any(|own| cosine(own, embedding) > config.loss.synonym);
        if !synonym && chosen.insert(index) {
            text.extend_from_slice(embedding);
        }
    }
    (text, class_of_object)
}

/// The centre and the size of the bounding box of each object's points, `(objects, 3)` each.
fn boxes(scan: &LabelledScan) -> (Vec<[f32; 3]>, Vec<[f32; 3]>) {
    let mut bounds = vec![([f32::INFINITY; 3], [f32::NEG_INFINITY; 3]); scan.objects.len()];
    for (position, object) in scan.positions.iter().zip(&scan.object_of_point) {
        if let Some(object) = object {
            let (low, high) = &mut bounds[*object as usize];
            for axis in 0..3 {
                low[axis] = low[axis].min(position[axis]);
                high[axis] = high[axis].max(position[axis]);
            }
        }
    }
    let axes = |f: fn(f32, f32) -> f32| {
        bounds
            .iter()
            .map(|(low, high)| [0, 1, 2].map(|i| f(low[i], high[i])))
            .collect()
    };
    (
        axes(|low, high| (low + high) / 2.0),
        axes(|low, high| high - low),
    )
}

#[cfg(test)]
pub(crate) mod tests;
