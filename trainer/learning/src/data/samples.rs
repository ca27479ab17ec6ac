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
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]

    use segscape::{
        scan,
        views::{Camera, Correspondence, Map, ObjectQueries},
    };

    use super::*;
    use crate::data::labelled_scan::Object;
    use recordings::foundation::{Instance, Mask};

    fn scan() -> LabelledScan {
        let positions: Vec<[f32; 3]> = (0..600)
            .map(|i| {
                [
                    (i % 20) as f32 * 0.05,
                    (i / 20 % 6) as f32 * 0.05,
                    (i / 120) as f32 * 0.3,
                ]
            })
            .collect();
        let object = |name: &str| Object {
            class: 5,
            name: Some(name.into()),
        };
        LabelledScan {
            superpoints: Superpoints::from_ids(&(0..600).map(|i| i / 40).collect::<Vec<_>>()),
            object_of_point: (0..600)
                .map(|i| [Some(0), Some(1), None][i / 200])
                .collect(),
            objects: vec![object("chair"), object("table")],
            stuff: vec![],
            truth: scan::Truth::default(),
            structure: vec![None; 600],
            colors: Some(vec![[10, 200, 30]; 600]),
            positions,
        }
    }

    fn config() -> Config {
        toml::from_str("[data]\nrooms = ['x']").unwrap()
    }

    #[test]
    fn a_scene_that_the_program_fails_at_gives_its_place_to_the_next() {
        let made = first_of([0, 1, 2, 3], |&scene| match scene {
            0 => anyhow::bail!("has no points"),
            1 => panic!("a mistake"),
            scene => Ok(scene),
        });
        assert_eq!(made.unwrap(), 2);
        let none = format!(
            "{:#}",
            first_of([1], |_| -> anyhow::Result<u8> { panic!("a mistake") }).unwrap_err()
        );
        assert!(none.contains("mistake in this program"), "{none}");
    }

    #[test]
    fn a_sample_depends_on_its_number_only() {
        let draw = |number| {
            sample(
                scan().into(),
                &config(),
                Vocabulary::shipped(),
                &mut rng(1, Draw::Sample, number),
            )
            .unwrap()
        };
        let [a, b, other] = [3, 3, 4].map(draw);
        let [truth, again] = [&a, &b].map(|sample| sample.parts[0].truth.clone());
        assert_eq!(
            (&a.queries, &a.text, truth.centers),
            (&b.queries, &b.text, again.centers)
        );
        assert_ne!(a.text, other.text);
        assert_eq!(a.text.len(), 64 * text::DIM);
        assert_eq!(truth.class_of_object, [Some(0), Some(1)]);
        assert_eq!(
            &a.text[..text::DIM],
            Vocabulary::shipped().lookup("chair").unwrap()
        );
    }

    /// A wall of which two images show one half each; a picture hangs in the first.
    fn bundle() -> Foundation {
        let positions: Vec<[f32; 3]> = (0..1600)
            .map(|i| [(i % 40) as f32 * 0.05, 0.0, (i / 40) as f32 * 0.05])
            .collect();
        let origin = |p: &[f32; 3]| {
            Some(Correspondence {
                view: u32::from(p[0] >= 1.0),
                x: p[0] % 1.0,
                y: p[2] / 2.0,
            })
        };
        let image = |name: &str, hung: Option<&str>| foundation::Image {
            name: name.into(),
            camera: Camera {
                width: 4.0,
                height: 4.0,
                focal: [4.0; 2],
                center: [1.5; 2],
                world_from_camera: glam::Affine3A::IDENTITY,
            },
            picture: None,
            depth: Some(Map::new(vec![1.0; 16], [4, 4, 1]).unwrap()),
            mask: Mask::new(
                vec![0, 0, 0, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0]
                    .into_iter()
                    .map(|v| v * u16::from(hung.is_some()))
                    .collect(),
                [4, 4],
            ),
            instances: hung
                .map(|name| Instance {
                    name: name.into(),
                    score: 0.9,
                    features: vec![1.0; 8],
                })
                .into_iter()
                .collect(),
            features: Some(Map::new(vec![0.5; 16 * 4], [4, 4, 4]).unwrap()),
        };
        Foundation {
            origins: positions.iter().map(origin).collect(),
            images: vec![image("left", Some("picture")), image("right", None)],
            positions,
            ..Foundation::default()
        }
    }

    #[test]
    fn views_supervise_their_parts_alone() {
        let mut config = config();
        config.loss.queries = [1.0; 2];
        config.data.boundaries = Boundaries::Outlines;
        let draw = |config: &Config, scene| {
            view_wise(
                scene,
                config,
                Vocabulary::shipped(),
                &mut rng(1, Draw::Sample, 3),
            )
            .unwrap()
        };
        let sample = draw(&config, bundle());
        let [left, right] = &sample.parts[..] else {
            panic!("{} parts", sample.parts.len())
        };
        let (left_sees, right_sees) = (left.seen.as_ref().unwrap(), right.seen.as_ref().unwrap());
        assert_eq!(left.truth.class_of_object, [Some(0)]);
        assert_eq!(
            &sample.text[..text::DIM],
            Vocabulary::shipped().lookup("picture").unwrap()
        );
        assert!(
            left.truth.object_of_superpoint.contains(&Some(0))
                && left.truth.object_of_superpoint.contains(&None)
        );
        assert_eq!(
            left.truth.superpoint_sizes.iter().sum::<u32>()
                + right.truth.superpoint_sizes.iter().sum::<u32>(),
            1600
        );
        assert!(
            right.truth.class_of_object.is_empty()
                && right.truth.object_of_query.iter().all(Option::is_none)
        );
        assert_eq!(
            left_sees.queries.len(),
            left_sees.superpoints.len(),
            "every superpoint is a query here"
        );
        assert!(
            !right_sees
                .superpoints
                .iter()
                .any(|s| left.truth.object_of_superpoint[..].get(*s as usize) == Some(&Some(0)))
        );

        let config = Config {
            data: crate::config::Data {
                partition: false,
                ..config.data.clone()
            },
            ..config
        };
        let whole = draw(&config, bundle());
        assert!(
            whole.parts.iter().all(|part| part.seen.is_none()
                && part.truth.superpoint_sizes.iter().sum::<u32>() == 1600)
        );

        let mut unseen = bundle();
        unseen.images.iter_mut().for_each(|image| image.mask = None);
        let error = view_wise(
            unseen,
            &config,
            Vocabulary::shipped(),
            &mut rng(1, Draw::Sample, 3),
        )
        .err()
        .unwrap();
        assert!(error.to_string().contains("no image with masks"), "{error}");
    }

    /// Two thirds of a room are objects, the second of which has a name that is not in the
    /// vocabulary; features, objects and superpoints came with it.
    pub fn processed() -> Foundation {
        let scan = scan();
        let semantic = (0..600).map(|i| [2, 4, 1][i / 200]).collect();
        let instance = (0..600).map(|i| [1, 2, 3][i / 200]).collect();
        Foundation {
            origins: vec![None; 600],
            colors: scan.colors,
            truth: Some(foundation::Truth {
                semantic,
                instance,
                names: vec![
                    (1, "wall".into()),
                    (2, "chair".into()),
                    (4, "gronkulator".into()),
                ],
            }),
            given: foundation::Given {
                superpoints: Some((0..600).map(|i| 9 + i / 100).collect()),
                features: Some((0..1200).map(|i| i as f32).collect()),
                objects: ObjectQueries {
                    features: vec![1.0, 2.0, 3.0, 4.0],
                    positions: vec![[1.0; 3], [2.0; 3]],
                },
            },
            positions: scan.positions,
            ..Foundation::default()
        }
    }

    #[test]
    fn an_unknown_name_teaches_its_mask_alone() {
        let mut scan = scan();
        scan.objects[1].name = Some("gronkulator".into());
        let sample = sample(
            scan.into(),
            &config(),
            Vocabulary::shipped(),
            &mut rng(1, Draw::Sample, 0),
        )
        .unwrap();
        assert_eq!(sample.parts[0].truth.class_of_object, [Some(0), None]);
    }

    #[test]
    fn more_kinds_than_places_teach_their_masks() {
        let mut config = config();
        config.loss.classes = 1;
        let sample = sample(
            scan().into(),
            &config,
            Vocabulary::shipped(),
            &mut rng(1, Draw::Sample, 0),
        )
        .unwrap();
        assert_eq!(
            (
                &sample.parts[0].truth.class_of_object[..],
                sample.text.len()
            ),
            (&[Some(0), None][..], text::DIM)
        );
    }

    #[test]
    fn samples_come_in_order_however_many_make_them() {
        let config = |makers| {
            let mut config: Config = toml::from_str("[data]\ngenerated = { seed = 5 }").unwrap();
            config.run.makers = makers;
            config
        };
        let drawn = |makers| {
            let samples = Samples::start(config(makers), 7);
            [0, 1, 2]
                .map(|_| samples.next().unwrap())
                .map(|sample| (sample.queries, sample.text))
        };
        let [one, three] = [1, 3].map(drawn);
        assert_eq!(one, three);
        assert_ne!(one[0], one[1]);
        let error = Samples::start(toml::from_str("[data]\nrooms = ['/nowhere']").unwrap(), 0)
            .next()
            .err()
            .unwrap();
        assert!(format!("{error:#}").contains("/nowhere"), "{error:#}");
    }

    #[test]
    fn labelled_bundles_supervise_the_whole_scene() {
        let (mut config, folder) = (config(), tempfile::tempdir().unwrap());
        config.loss.queries = [1.0; 2];
        config.model.inputs.image = 2;
        config.augment.image_drop = 0.0;
        let path = folder.path().join("scene");
        processed().write(&path, |_| unreachable!()).unwrap();
        let read = |rng: &mut ChaCha8Rng| {
            Labelled::read(&path, None, config.data.class_of_object, |scene| {
                ImageEvidence::drawn(scene, &config.model, &config.augment, rng)
            })
        };
        let mut rng = rng(1, Draw::Sample, 3);
        let scan = read(&mut rng).unwrap();
        assert_eq!(scan.seen.image.as_ref().map(Vec::len), Some(1200));
        let sample = sample(scan, &config, Vocabulary::shipped(), &mut rng).unwrap();
        let [Part { seen: None, truth }] = &sample.parts[..] else {
            panic!("one part, the whole scene")
        };
        assert_eq!(truth.superpoint_sizes, [100; 6], "its own superpoints");
        assert_eq!(
            truth.object_of_superpoint,
            [Some(0), Some(0), Some(1), Some(1), None, None],
            "walls are no objects"
        );
        assert_eq!(truth.class_of_object, [Some(0), None]);
        assert_eq!(
            &sample.text[..text::DIM],
            Vocabulary::shipped().lookup("chair").unwrap()
        );
    }

    #[test]
    fn boxes_are_tight() {
        let (centers, sizes) = boxes(&scan());
        let near = |a: [f32; 3], b: [f32; 3]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5);
        assert!(
            near(sizes[0], [0.95, 0.25, 0.3]) && near(centers[0], [0.475, 0.125, 0.15]),
            "{:?} {:?}",
            centers[0],
            sizes[0]
        );
    }
}
