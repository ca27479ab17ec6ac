//! Rooms to training samples, prepared on a thread of their own while the device computes.

use std::{
    path::PathBuf,
    sync::mpsc::{Receiver, sync_channel},
    thread,
};

use anyhow::Context;
use rand::{RngExt, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use segscape::{
    model::{Observation, SceneInput},
    superpoint::SuperpointOptions,
    text::{self, Vocabulary},
};

use crate::{augment, config::Config, dataset, dataset::Room, loss::Truth, matching};

/// One scene as one training step sees it; S superpoints, Q queries, T names.
pub struct Sample {
    /// What the network reads.
    pub input: SceneInput,
    /// (Q): superpoints that are queries, ascending.
    pub queries: Vec<u32>,
    /// (T, [`text::DIM`]): embeddings of the names it is asked about.
    pub text: Vec<f32>,
    /// What it should answer.
    pub truth: Truth,
}

/// How many samples wait at most; each is a few megabytes.
const READY: usize = 2;

/// Starts preparing samples `first`, `first + 1`, ... of the run `config` describes. The thread ends with the receiver.
///
/// Sample number `i` depends on the seed, on `i` and on the files that are there, on nothing else. A room that cannot be used is
/// reported and left out; when none can, the receiver gets the error.
pub fn samples(config: Config, first: u64) -> Receiver<anyhow::Result<Sample>> {
    let (sender, receiver) = sync_channel(READY);
    thread::spawn(move || {
        let mut stream = Stream { config, files: Vec::new(), order: None };
        for number in first.. {
            if sender.send(stream.sample(number)).is_err() {
                break;
            }
        }
    });
    receiver
}

struct Stream {
    config: Config,
    files: Vec<PathBuf>,
    /// The epoch and its order of the files.
    order: Option<(u64, Vec<usize>)>,
}

impl Stream {
    fn sample(&mut self, number: u64) -> anyhow::Result<Sample> {
        let position = |files: usize| (number % files.max(1) as u64) as usize;
        if position(self.files.len()) == 0 || self.files.is_empty() {
            self.files = dataset::files(&self.config.data.rooms)?;
        }
        let epoch = number / self.files.len() as u64;
        if self.order.as_ref().is_none_or(|(e, order)| *e != epoch || order.len() != self.files.len()) {
            let mut order: Vec<usize> = (0..self.files.len()).collect();
            order.shuffle(&mut rng(self.config.run.seed, Draw::Order, epoch));
            self.order = Some((epoch, order));
        }
        let order = self.order.as_ref().map_or(&[][..], |(_, order)| order);
        let mut rng = rng(self.config.run.seed, Draw::Sample, number);
        let mut last = None;
        for attempt in 0..order.len() {
            let path = &self.files[order[(position(order.len()) + attempt) % order.len()]];
            let room = Room::read(path, &self.config.data.stuff, self.config.data.class_of_object, &SuperpointOptions::default());
            match room.and_then(|room| sample(room, &self.config, Vocabulary::shipped(), &mut rng)) {
                Ok(sample) => return Ok(sample),
                Err(error) => {
                    tracing::warn!("left out {}: {error:#}", path.display());
                    last = Some(error);
                }
            }
        }
        Err(last.context("no room")?.context("no room can be learnt from"))
    }
}

/// What a stream of random numbers is for.
enum Draw {
    Order,
    Sample,
}

/// The random numbers for one purpose and number.
fn rng(seed: u64, draw: Draw, number: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(number * 2 + draw as u64);
    rng
}

/// Augments the room and asks the network about it.
fn sample(mut room: Room, config: &Config, vocabulary: &Vocabulary, rng: &mut ChaCha8Rng) -> anyhow::Result<Sample> {
    augment::positions(&mut room.positions, &config.augment, rng);
    augment::colours(&mut room.colors, &config.augment, rng);
    let observation = Observation { positions: &room.positions, colors: room.colors.as_deref(), ..Observation::default() };
    let input = SceneInput::new(&observation, &room.superpoints, &config.model)?;

    let object_of_superpoint = room.object_of_superpoint();
    let mut queries: Vec<u32> = (0..room.superpoints.count() as u32).collect();
    queries.shuffle(rng);
    let [few, many] = config.loss.queries;
    let share = rng.random_range(few..=many) * queries.len() as f64;
    queries.truncate((share as usize).clamp(1, config.loss.max_queries));
    queries.sort_unstable();
    let object_of_query: Vec<_> = queries.iter().map(|&s| object_of_superpoint[s as usize]).collect();

    let (text, class_of_object) = names(&room, config, vocabulary, rng)?;
    let (centres, sizes) = boxes(&room);
    let truth = Truth {
        dense_pairs: matching::dense(&object_of_query, room.objects.len(), config.loss.pairs, rng),
        superpoint_sizes: room.superpoints.sizes(),
        object_of_superpoint,
        object_of_query,
        class_of_object,
        centres,
        sizes,
        surface_of_query: vec![],
    };
    Ok(Sample { input, queries, text, truth })
}

/// (T, DIM) embeddings: the scene's own names first, then random others (half of them among the vocabulary's common labels, which are
/// the harder ones), none of them a near synonym of the scene's own; and for each object, which of them is its.
fn names(room: &Room, config: &Config, vocabulary: &Vocabulary, rng: &mut ChaCha8Rng) -> anyhow::Result<(Vec<f32>, Vec<u32>)> {
    let mut own: Vec<&str> = Vec::new();
    let mut text = Vec::with_capacity(config.loss.classes * text::DIM);
    let mut class_of_object = Vec::with_capacity(room.objects.len());
    for object in &room.objects {
        let name = object.name.as_deref().with_context(|| format!("class {} has no name", object.class))?;
        let class = match own.iter().position(|n| *n == name) {
            Some(class) => class,
            None => {
                let embedding = vocabulary.lookup(name).with_context(|| format!("\"{name}\" is not in the vocabulary"))?;
                text.extend_from_slice(embedding);
                own.push(name);
                own.len() - 1
            }
        };
        class_of_object.push(class as u32);
    }
    anyhow::ensure!(own.len() <= config.loss.classes, "{} kinds of objects, loss.classes is {}", own.len(), config.loss.classes);
    let cosine = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    let own_text = text.clone();
    let (all, common) = (vocabulary.names().len(), vocabulary.default_labels().len());
    let mut chosen = std::collections::HashSet::new();
    // A vocabulary of near synonyms only would never fill up: give up politely.
    for attempt in 0..20 * config.loss.classes {
        if text.len() == config.loss.classes * text::DIM {
            break;
        }
        let index = rng.random_range(0..if attempt % 2 == 0 { common } else { all });
        let embedding = vocabulary.embedding(index);
        let synonym = own_text.chunks_exact(text::DIM).any(|own| cosine(own, embedding) > config.loss.synonym);
        if !synonym && chosen.insert(index) {
            text.extend_from_slice(embedding);
        }
    }
    Ok((text, class_of_object))
}

/// (objects, 3) centre and size of each object's points.
fn boxes(room: &Room) -> (Vec<[f32; 3]>, Vec<[f32; 3]>) {
    let mut bounds = vec![([f32::INFINITY; 3], [f32::NEG_INFINITY; 3]); room.objects.len()];
    for (position, object) in room.positions.iter().zip(&room.object_of_point) {
        if let Some(object) = object {
            let (low, high) = &mut bounds[*object as usize];
            for axis in 0..3 {
                low[axis] = low[axis].min(position[axis]);
                high[axis] = high[axis].max(position[axis]);
            }
        }
    }
    let axes = |f: fn(f32, f32) -> f32| bounds.iter().map(|(low, high)| [0, 1, 2].map(|i| f(low[i], high[i]))).collect();
    (axes(|low, high| (low + high) / 2.0), axes(|low, high| high - low))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use segscape::{scan, superpoint::Superpoints};

    use super::*;
    use crate::dataset::Object;

    fn room() -> Room {
        let positions: Vec<[f32; 3]> = (0..600).map(|i| [(i % 20) as f32 * 0.05, (i / 20 % 6) as f32 * 0.05, (i / 120) as f32 * 0.3]).collect();
        let object = |name: &str| Object { class: 5, name: Some(name.into()) };
        Room {
            superpoints: Superpoints::from_ids(&(0..600).map(|i| i / 40).collect::<Vec<_>>()),
            object_of_point: (0..600).map(|i| [Some(0), Some(1), None][i / 200]).collect(),
            objects: vec![object("chair"), object("table")],
            truth: scan::Truth::default(),
            colors: Some(vec![[10, 200, 30]; 600]),
            positions,
        }
    }

    fn config() -> Config {
        toml::from_str("[data]\nrooms = ['x']").unwrap()
    }

    #[test]
    fn a_sample_depends_on_its_number_only() {
        let draw = |number| sample(room(), &config(), Vocabulary::shipped(), &mut rng(1, Draw::Sample, number)).unwrap();
        let [a, b, other] = [3, 3, 4].map(draw);
        assert_eq!((a.queries.clone(), a.text.clone(), a.truth.centres.clone()), (b.queries, b.text, b.truth.centres));
        assert_ne!(a.text, other.text);
        assert_eq!(a.text.len(), 64 * text::DIM);
        assert_eq!(a.truth.class_of_object, [0, 1]);
        assert_eq!(&a.text[..text::DIM], Vocabulary::shipped().lookup("chair").unwrap());
    }

    #[test]
    fn an_unknown_name_is_named() {
        let mut room = room();
        room.objects[1].name = Some("gronkulator".into());
        let error = sample(room, &config(), Vocabulary::shipped(), &mut rng(1, Draw::Sample, 0)).err().unwrap();
        assert!(error.to_string().contains("gronkulator"), "{error}");
    }

    #[test]
    fn boxes_are_tight() {
        let (centres, sizes) = boxes(&room());
        let near = |a: [f32; 3], b: [f32; 3]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5);
        assert!(near(sizes[0], [0.95, 0.25, 0.3]) && near(centres[0], [0.475, 0.125, 0.15]), "{:?} {:?}", centres[0], sizes[0]);
    }
}
