//! `trainer eval`: average precision on labelled scans, of the network or of a baseline without one.

use std::{collections::BTreeMap, io::Write, path::PathBuf, str::FromStr};

use anyhow::Context;
use clap::{Args, ValueEnum};
use segscape::{
    evaluate,
    model::Observation,
    pipeline::{self, Network},
    progress::Monitor,
    superpoint::{EdgeSource, PointGraph},
    text::Vocabulary,
};
use serde_json::json;

use crate::{dataset::Room, device::DeviceChoice, labelled::Labelled, models, nyu40, store::Local};

/// Measures on labelled PLY files and bundles; the rules are those of the released evaluators (spec/eval.md).
#[derive(Debug, Args)]
pub struct Eval {
    /// Labelled scans or bundles, or folders of them; also s3://bucket/folder or file:///folder.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// Whether classes count.
    #[arg(long, value_enum)]
    protocol: Protocol,
    /// A model's folder (with `manifest.json`) or a training run's (with a checkpoint); the shipped model by default.
    #[arg(long, conflicts_with = "baseline")]
    weights: Option<PathBuf>,
    /// What to measure instead of a network: `superpoints`, or `felzenszwalb:THRESHOLD`.
    #[arg(long)]
    baseline: Option<Baseline>,
    /// Class ids that are stuff, not things; by default NYU40's, for ScanNet200's 0,1,3.
    #[arg(long, value_delimiter = ',', default_values_t = nyu40::STUFF)]
    stuff: Vec<i32>,
    /// At most this many scans.
    #[arg(long)]
    limit: Option<usize>,
    /// What computes.
    #[arg(long, value_enum, default_value_t)]
    device: DeviceChoice,
    /// Prints one JSON object.
    #[arg(long)]
    json: bool,
}

/// `--protocol`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Protocol {
    /// By class, with the model's scores.
    Scannet,
    /// Things only, classes ignored, all confidences 1 (and once more with the model's scores).
    ClassAgnostic,
}

/// `--baseline`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Baseline {
    /// Every superpoint an instance.
    Superpoints,
    /// The regions of the geometric hierarchy at one coarse threshold, at least 100 points each.
    Felzenszwalb(f32),
}

impl FromStr for Baseline {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "superpoints" => Ok(Self::Superpoints),
            Some(("felzenszwalb", threshold)) => {
                let threshold: f32 = threshold.parse().map_err(|_| format!("\"{threshold}\" is no number"))?;
                if threshold > 0.0 { Ok(Self::Felzenszwalb(threshold)) } else { Err("the threshold must be positive".into()) }
            }
            _ => Err("expected `superpoints` or `felzenszwalb:THRESHOLD`".into()),
        }
    }
}

/// One predicted instance.
struct Found {
    /// Ascending.
    points: Vec<u32>,
    score: f32,
    /// In the text encoder's space; empty from a baseline.
    embedding: Vec<f32>,
}

impl Eval {
    /// Runs the command.
    ///
    /// # Errors
    /// A scan cannot be read or has no labels, or there is no model.
    pub fn run(self) -> anyhow::Result<()> {
        anyhow::ensure!(self.baseline.is_none() || self.protocol == Protocol::ClassAgnostic, "a baseline knows no classes");
        let local = Local::of(&self.paths)?;
        let mut files = Labelled::list(&local.paths)?;
        files.truncate(self.limit.unwrap_or(usize::MAX));
        let network = match self.baseline {
            None => Some(models::load_network(self.weights.as_deref(), &self.device.open()?)?),
            Some(_) => None,
        };
        let figures = figures(&files, self.protocol, &self.stuff, |scene @ Labelled { room, .. }| match (&network, self.baseline) {
            (Some(network), _) => ask(network, scene),
            (None, Some(Baseline::Felzenszwalb(threshold))) => hierarchy(room, threshold),
            (None, _) => Ok(regions(room.superpoints.superpoint_of_point(), room.superpoints.count())),
        })?;
        if self.json {
            // The released protocol's figures on top, as every protocol has them.
            let mut flat = figures;
            if let Some(one) = flat.get("confidence_one").and_then(|one| one.as_object().cloned()) {
                flat.as_object_mut().into_iter().for_each(|flat| flat.extend(one.clone()));
            }
            writeln!(std::io::stdout(), "{flat}")?;
        } else {
            writeln!(std::io::stdout(), "{figures:#}")?;
        }
        Ok(())
    }
}

/// What the network finds in labelled scans, measured.
///
/// # Errors
/// A scan cannot be read or has no labels.
pub fn of_network(network: &Network, files: &[PathBuf], protocol: Protocol) -> anyhow::Result<serde_json::Value> {
    figures(files, protocol, &nyu40::STUFF, |scene| ask(network, scene))
}

fn figures(
    files: &[PathBuf],
    protocol: Protocol,
    stuff: &[i32],
    find: impl Fn(&Labelled) -> anyhow::Result<Vec<Found>>,
) -> anyhow::Result<serde_json::Value> {
    let mut rooms = Vec::new();
    for file in files {
        let scene = Labelled::read(file, stuff)?;
        let found = find(&scene)?;
        let room = scene.room;
        tracing::info!("{}: {} objects, {} found", file.display(), room.objects.len(), found.len());
        rooms.push((room, found));
    }
    match protocol {
        Protocol::ClassAgnostic => Ok(json!({
            "scans": rooms.len(),
            "confidence_one": summary(&class_agnostic(&rooms, stuff, |_| 1.0)?),
            "model_scores": summary(&class_agnostic(&rooms, stuff, |score| score)?),
        })),
        Protocol::Scannet => by_class(&rooms),
    }
}

fn ask(network: &Network, Labelled { room, given }: &Labelled) -> anyhow::Result<Vec<Found>> {
    let (positions, colors, silent) = (&room.positions[..], room.colors.as_deref(), Monitor::silent());
    let grouping = match given.superpoints {
        Some(_) => pipeline::group_as(room.superpoints.clone(), positions, colors, &silent)?,
        None => pipeline::group(positions, colors, &[], &silent)?,
    };
    let objects = &given.objects;
    let observation = Observation {
        positions,
        colors,
        image: given.features.as_deref(),
        objects: (!objects.positions.is_empty()).then_some((&objects.features, &objects.positions)),
        ..Observation::default()
    };
    let segmentation = pollster::block_on(pipeline::segment_seen(&observation, &grouping, network, &silent))?;
    let found = segmentation.instances.iter().enumerate().map(|(index, instance)| Found {
        points: segmentation.points_of_instance(index, &room.positions, &grouping.superpoints),
        score: instance.score,
        embedding: instance.embedding.clone(),
    });
    Ok(found.collect())
}

/// The Felzenszwalb baseline: small regions are merged into a neighbour, as everywhere.
fn hierarchy(room: &Room, threshold: f32) -> anyhow::Result<Vec<Found>> {
    let monitor = Monitor::silent();
    let edges = EdgeSource::Neighbours { k: 16, color_weight: 0.0 };
    let graph = PointGraph::new(&room.positions, room.colors.as_deref(), &[], None, edges, &monitor)?;
    let partition = graph.superpoints(threshold, evaluate::MIN_POINTS, &monitor)?;
    Ok(regions(partition.superpoint_of_point(), partition.count()))
}

/// Every group an instance with confidence 1.
fn regions(group_of_point: &[u32], groups: usize) -> Vec<Found> {
    let mut found: Vec<Found> = (0..groups).map(|_| Found { points: Vec::new(), score: 1.0, embedding: Vec::new() }).collect();
    for (point, &group) in (0..).zip(group_of_point) {
        found[group as usize].points.push(point);
    }
    found
}

fn class_agnostic(rooms: &[(Room, Vec<Found>)], stuff: &[i32], confidence: impl Fn(f64) -> f64) -> anyhow::Result<evaluate::Scores> {
    let mut evaluation = evaluate::Evaluation::new(1);
    for (room, found) in rooms {
        let truth = evaluate::Truth::things(&room.truth.semantic, &room.truth.instance, 0, |class| !stuff.contains(&class));
        let predictions: Vec<_> =
            found.iter().map(|f| evaluate::Prediction { class: 0, confidence: confidence(f64::from(f.score)), points: &f.points }).collect();
        evaluation.add(&truth, &predictions)?;
    }
    Ok(evaluation.scores())
}

/// The classes are those of the objects in the scans; each instance has the one whose name its embedding is nearest to.
fn by_class(rooms: &[(Room, Vec<Found>)]) -> anyhow::Result<serde_json::Value> {
    let mut names = BTreeMap::new();
    for object in rooms.iter().flat_map(|(room, _)| &room.objects) {
        let name = object.name.as_deref().with_context(|| format!("class {} has no name", object.class))?;
        names.insert(object.class, name);
    }
    let classes: Vec<u32> = names.keys().map(|&class| class as u32).collect();
    let embedding = |name: &&str| Vocabulary::shipped().lookup(name).with_context(|| format!("\"{name}\" is not in the vocabulary"));
    let embeddings = names.values().map(embedding).collect::<anyhow::Result<Vec<_>>>()?;
    let nearest = |found: &Found| {
        let cosine = |name: &[f32]| name.iter().zip(&found.embedding).map(|(a, b)| a * b).sum::<f32>();
        let cosines = embeddings.iter().map(|name| cosine(name)).enumerate();
        cosines.max_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(class, _)| class)
    };
    let mut evaluation = evaluate::Evaluation::new(classes.len());
    for (room, found) in rooms {
        anyhow::ensure!(room.objects.len() < 1000, "{} objects in one scan, the protocol numbers at most 999", room.objects.len());
        let id = |object: u32| room.objects[object as usize].class as u32 * 1000 + object + 1;
        let ids: Vec<u32> = room.object_of_point.iter().map(|object| object.map_or(0, id)).collect();
        let predictions: Vec<_> =
            found.iter().map(|f| evaluate::Prediction { class: nearest(f), confidence: f64::from(f.score), points: &f.points }).collect();
        evaluation.add(&evaluate::Truth::scannet(&ids, &classes), &predictions)?;
    }
    let scores = evaluation.scores();
    let mut figures = summary(&scores);
    let per_class = names.values().zip(scores.ap_per_class());
    figures["ap50_of_class"] = per_class.map(|(name, ap)| ((*name).to_owned(), json!(ap[0]))).collect::<serde_json::Map<_, _>>().into();
    figures["scans"] = json!(rooms.len());
    Ok(figures)
}

fn summary(scores: &evaluate::Scores) -> serde_json::Value {
    json!({ "ap": scores.ap(), "ap50": scores.ap50(), "ap25": scores.ap25(), "recall50": scores.recall50() })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use segscape::{model::SegDino3dVl, scan, superpoint::Superpoints};

    use super::*;
    use crate::{dataset::Object, samples};

    /// Two objects of 150 points beside 200 points of wall.
    fn room() -> Room {
        let object = |name: &str, class| Object { class, name: Some(name.into()) };
        Room {
            positions: vec![[0.0; 3]; 500],
            colors: None,
            superpoints: Superpoints::from_ids(&(0..500).map(|i| i / 50).collect::<Vec<_>>()),
            object_of_point: (0..500).map(|i| [Some(0), Some(1), None, None][i / 150]).collect(),
            objects: vec![object("chair", 5), object("table", 7)],
            truth: scan::Truth {
                semantic: (0..500).map(|i| [5, 7, 1, 1][i / 150]).collect(),
                instance: (0..500).map(|i| [1, 2, 3, 3][i / 150]).collect(),
            },
        }
    }

    fn found(points: std::ops::Range<u32>, name: &str) -> Found {
        let embedding = Vocabulary::shipped().lookup(name).unwrap().to_vec();
        Found { points: points.collect(), score: 0.7, embedding }
    }

    #[test]
    fn baselines_are_parsed() {
        assert_eq!("superpoints".parse(), Ok(Baseline::Superpoints));
        assert_eq!("felzenszwalb:0.5".parse(), Ok(Baseline::Felzenszwalb(0.5)));
        for bad in ["", "felzenszwalb", "felzenszwalb:x", "felzenszwalb:-1", "oracle"] {
            assert!(bad.parse::<Baseline>().is_err(), "{bad}");
        }
    }

    #[test]
    fn walls_cost_nothing_and_classes_count_by_class_only() {
        let right = vec![found(0..150, "chair"), found(150..300, "table"), found(300..500, "lamp")];
        let swapped = vec![found(0..150, "table"), found(150..300, "chair")];
        assert_eq!(class_agnostic(&[(room(), right)], &nyu40::STUFF, |_| 1.0).unwrap().ap(), 1.0);
        let swapped = [(room(), swapped)];
        assert_eq!(class_agnostic(&swapped, &nyu40::STUFF, |_| 1.0).unwrap().ap50(), 1.0);
        assert_eq!(by_class(&swapped).unwrap()["ap50"], 0.0);
        let right = [(room(), vec![found(0..150, "chair"), found(150..300, "table")])];
        assert_eq!(by_class(&right).unwrap()["ap"], 1.0);
    }

    #[test]
    fn what_came_with_a_bundle_is_asked_about() {
        let folder = tempfile::tempdir().unwrap();
        samples::tests::processed().write(&folder.path().join("scene"), |_| unreachable!()).unwrap();
        let scene = Labelled::read(&folder.path().join("scene"), &[0, 1, 3]).unwrap();
        let device = DeviceChoice::Cpu.open().unwrap();
        let network = |channels| {
            let mut config = samples::tests::config().model;
            config.inputs.image = channels;
            Network::new("random".into(), SegDino3dVl::new(&config, &device), config, &device, None)
        };
        ask(&network(2), &scene).unwrap();
        let error = format!("{:#}", ask(&network(3), &scene).err().unwrap());
        assert!(error.contains("image features"), "{error}");
    }

    #[test]
    fn every_region_is_an_instance() {
        let room = room();
        let found = regions(room.superpoints.superpoint_of_point(), room.superpoints.count());
        assert_eq!(found.len(), 10);
        assert_eq!(found[9].points, (450..500).collect::<Vec<_>>());
    }
}
