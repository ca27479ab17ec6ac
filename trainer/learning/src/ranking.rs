//! Training of the ranker, which learns to tell whole objects from fragments and from mergers.
//!
//! The target of a candidate is its IoU with the object that it fits best. The features are only
//! simple ones that mean the same on synthetic and on real rooms.

use std::path::{Path, PathBuf};

use anyhow::Context;
use burn::{
    module::Module,
    nn::{Linear, LinearConfig},
    optim::GradientsParams,
    tensor::{Device, Tensor, TensorData, activation},
};
use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use segscape::{
    instances::{self, Evidence, FEATURES, Ranker, SelectOptions, SuperpointGeometry},
    job::{self, Network},
    model::manifest::Manifest,
    progress::Monitor,
};

use crate::{
    atomic_write::write_atomically,
    config,
    data::labeled_scan::LabeledScan,
    data::scans::Labeled,
    models,
    run::optimizer::{AdamW, Finite},
};

const FILE: &str = "ranker.json";
const HIDDEN: usize = 48;
const BATCH: usize = 1024;
const LEARNING_RATE: f64 = 3e-3;

/// The features of a candidate, and its target: the IoU with the best-fitting object, 0..=1.
pub type Example = ([f32; FEATURES], f32);

/// Reads the ranker in the folder of a run, or beside one of its checkpoints; `None` if there is
/// none.
///
/// # Errors
/// Returns an error if it is of another version or malformed.
pub fn read(run: &Path) -> anyhow::Result<Option<Ranker>> {
    let path = path_of(run);
    match std::fs::read(&path) {
        Ok(json) => Ok(Some(
            serde_json::from_slice(&json).with_context(|| path.display().to_string())?,
        )),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

/// Writes the ranker into the manifest of an exported model, or into the folder of a run, or beside
/// one of its checkpoints.
///
/// # Errors
/// Returns an error if the folder cannot be written or the manifest is not valid.
pub fn write(run: &Path, ranker: &Ranker) -> anyhow::Result<()> {
    let manifest = run.join("manifest.json");
    let (path, json) = if manifest.exists() {
        let mut of_model = Manifest::parse(&models::read(&manifest)?)
            .with_context(|| manifest.display().to_string())?;
        of_model.ranker = Some(ranker.clone());
        (manifest, serde_json::to_vec(&of_model)?)
    } else {
        (path_of(run), serde_json::to_vec(ranker)?)
    };
    write_atomically(&path, &json).with_context(|| format!("cannot write {}", path.display()))
}

fn path_of(run: &Path) -> PathBuf {
    if run.is_file() {
        run.with_file_name(FILE)
    } else {
        run.join(FILE)
    }
}

/// The training examples of all candidates of a scan.
///
/// # Errors
/// Returns an error if the scan does not fit the network.
pub fn examples(network: &Network, labeled: &Labeled) -> anyhow::Result<Vec<Example>> {
    let (scan, observation, monitor) = (&labeled.scan, labeled.observation(), Monitor::silent());
    let colors = observation.colors;
    let grouping = labeled.grouping(network, &monitor)?;
    let proposals = pollster::block_on(job::propose(&observation, &grouping, network, &monitor))?;
    let geometry = SuperpointGeometry::new(
        &scan.positions,
        colors,
        &grouping.superpoints,
        grouping.areas(),
    );
    let evidence = Evidence::new(&proposals, &geometry, grouping.contacts())?;
    let candidates = instances::candidates(
        &proposals,
        &grouping.regions(),
        &[],
        &geometry,
        &SelectOptions::default(),
    );
    let overlaps = Overlaps::new(
        scan,
        grouping.superpoints.superpoint_of_point(),
        grouping.superpoints.count(),
    );
    Ok(candidates
        .par_iter()
        .map(|candidate| {
            (
                evidence.features(candidate),
                overlaps.best(&candidate.superpoints),
            )
        })
        .collect())
}

/// Numbers of points that superpoints share with objects.
struct Overlaps {
    /// Points that each superpoint shares with each object, `(superpoints, objects)`.
    shared: Vec<u32>,
    /// Points of each superpoint, `(superpoints)`.
    superpoints: Vec<u32>,
    /// Points of each object, `(objects)`.
    objects: Vec<u32>,
}

impl Overlaps {
    fn new(scan: &LabeledScan, superpoint_of_point: &[u32], superpoints: usize) -> Self {
        let width = scan.objects.len();
        let mut overlaps = Self {
            shared: vec![0; superpoints * width],
            superpoints: vec![0; superpoints],
            objects: vec![0; width],
        };
        for (&superpoint, object) in superpoint_of_point.iter().zip(&scan.object_of_point) {
            overlaps.superpoints[superpoint as usize] += 1;
            if let Some(object) = object {
                overlaps.shared[superpoint as usize * width + *object as usize] += 1;
                overlaps.objects[*object as usize] += 1;
            }
        }
        overlaps
    }

    /// The largest IoU of the mask with an object, in points.
    fn best(&self, mask: &[u32]) -> f32 {
        let points: u32 = mask.iter().map(|&s| self.superpoints[s as usize]).sum();
        let width = self.objects.len();
        let iou = |(object, size): (usize, &u32)| {
            let shared: u32 = mask
                .iter()
                .map(|&s| self.shared[s as usize * width + object])
                .sum();
            shared as f32 / (points + size - shared).max(1) as f32
        };
        self.objects.iter().enumerate().map(iou).fold(0.0, f32::max)
    }
}

/// The multi-layer perceptron in training; its inputs are normalized.
#[derive(Module, Debug)]
struct Perceptron {
    layers: Vec<Linear>,
}

impl Perceptron {
    /// `x` is (batch, [`FEATURES`]); returns the logits, (batch).
    fn forward(&self, mut x: Tensor<2>) -> Tensor<1> {
        for (index, layer) in self.layers.iter().enumerate() {
            x = layer.forward(if index > 0 { activation::relu(x) } else { x });
        }
        x.flatten(0, 1)
    }

    /// The layers in the ranker's layout.
    fn layers(&self) -> anyhow::Result<Vec<instances::Linear>> {
        let values = |tensor: Tensor<1>| {
            tensor
                .into_data()
                .try_into_vec::<f32>()
                .map_err(|error| anyhow::anyhow!("{error:?}"))
        };
        let layer = |layer: &Linear| {
            let bias = layer.bias.as_ref().context("a layer without bias")?;
            // burn stores the weights as (inputs, outputs)
            Ok(instances::Linear {
                weights: values(layer.weight.val().transpose().flatten(0, 1))?,
                bias: values(bias.val())?,
            })
        };
        self.layers.iter().map(layer).collect()
    }
}

/// Trains a ranker with `members` perceptrons by cross-entropy with the IoU. The members differ in
/// their initial weights and in the order of the examples.
///
/// # Errors
/// Returns an error if the training diverged.
pub fn learn(
    examples: &[Example],
    epochs: usize,
    members: u64,
    seed: u64,
) -> anyhow::Result<Ranker> {
    let (mean, deviation) = normalization(examples);
    let normal = |(features, target): &Example| {
        (
            std::array::from_fn(|f| (features[f] - mean[f]) / deviation[f]),
            *target,
        )
    };
    let normal: Vec<Example> = examples.iter().map(normal).collect();
    let members = (0..members)
        .map(|member| learn_member(&normal, epochs, seed.wrapping_add(member)))
        .collect::<anyhow::Result<_>>()?;
    Ok(Ranker::new(mean, deviation, members)?)
}

/// Trains one member and returns its layers; `examples` are normalized.
fn learn_member(
    examples: &[Example],
    epochs: usize,
    seed: u64,
) -> anyhow::Result<Vec<instances::Linear>> {
    let device = Device::flex().autodiff();
    device.seed(seed);
    let widths = [FEATURES, HIDDEN, HIDDEN, 1];
    let mut perceptron = Perceptron {
        layers: widths
            .windows(2)
            .map(|w| LinearConfig::new(w[0], w[1]).init(&device))
            .collect(),
    };
    let mut optimizer = AdamW::new(&config::Optimizer {
        weight_decay: 1e-3,
        clip: 1.0,
        ..Default::default()
    });
    let mut order: Vec<usize> = (0..examples.len()).collect();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let steps = epochs * order.len().div_ceil(BATCH);
    for epoch in 0..epochs {
        order.shuffle(&mut rng);
        for (step, batch) in order.chunks(BATCH).enumerate() {
            let progress = (epoch * order.len().div_ceil(BATCH) + step) as f64 / steps as f64;
            let x = TensorData::new(
                batch
                    .iter()
                    .flat_map(|&i| examples[i].0)
                    .collect::<Vec<f32>>(),
                [batch.len(), FEATURES],
            );
            let target = TensorData::new(
                batch.iter().map(|&i| examples[i].1).collect::<Vec<f32>>(),
                [batch.len()],
            );
            let logits = perceptron.forward(Tensor::from_data(x, &device));
            let target = Tensor::<1>::from_data(target, &device);
            // binary cross-entropy of a logit: softplus(logit) - target * logit
            let loss = (activation::softplus(logits.clone(), 1.0) - target * logits).mean();
            let gradients = GradientsParams::from_grads(loss.backward(), &perceptron);
            if let Some(gradients) = Finite::new(&perceptron, gradients) {
                perceptron =
                    optimizer.step(perceptron, gradients, LEARNING_RATE * (1.0 - progress));
            }
        }
    }
    perceptron.layers()
}

/// The mean absolute difference between score and target.
pub fn error(ranker: &Ranker, examples: &[Example]) -> f32 {
    examples
        .iter()
        .map(|(features, target)| (ranker.score(features) - target).abs())
        .sum::<f32>()
        / examples.len().max(1) as f32
}

fn normalization(examples: &[Example]) -> ([f32; FEATURES], [f32; FEATURES]) {
    let count = examples.len().max(1) as f64;
    let mean = |value: &dyn Fn(&Example) -> f64| examples.iter().map(value).sum::<f64>() / count;
    let means: [f64; FEATURES] =
        std::array::from_fn(|f| mean(&|(features, _)| f64::from(features[f])));
    let deviation = |f: usize| {
        mean(&|(features, _)| (f64::from(features[f]) - means[f]).powi(2))
            .sqrt()
            .max(1e-3) as f32
    };
    (
        means.map(|mean| mean as f32),
        std::array::from_fn(deviation),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn learns_which_feature_counts() {
        let examples: Vec<Example> = (0..4000)
            .map(|i| {
                let features =
                    std::array::from_fn(|f| ((i * 31 + f * 17 + i * f) % 101) as f32 / 100.0);
                (features, if features[3] > features[7] { 0.9 } else { 0.1 })
            })
            .collect();
        let ranker = learn(&examples, 20, 2, 1).unwrap();
        assert!(
            error(&ranker, &examples) < 0.1,
            "{}",
            error(&ranker, &examples)
        );
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read(folder.path()).unwrap(), None);
        write(folder.path(), &ranker).unwrap();
        assert_eq!(read(folder.path()).unwrap().as_ref(), Some(&ranker));
        let checkpoint = folder.path().join("best.safetensors");
        std::fs::write(&checkpoint, b"").unwrap();
        assert_eq!(read(&checkpoint).unwrap().as_ref(), Some(&ranker));
        let other = learn(&examples, 1, 1, 2).unwrap();
        write(&checkpoint, &other).unwrap();
        assert_eq!(read(folder.path()).unwrap(), Some(other), "beside it");
    }
}
