//! Counts the floating-point operations (FLOPs) of a training step, and measures the peak speed of
//! a device.
//!
//! The count includes the sparse convolutions, by the pairs of voxels that meet under their
//! kernels, and the matrix products of the decoder; it excludes element-wise operations and the
//! loss. A step with gradients counts three times its forward pass, because each product has two
//! more in the backward pass. The share of the peak is therefore a lower bound of the device's
//! utilization.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use burn::tensor::{Device, Tensor};
use segscape::{
    model::{
        Config, Scene,
        config::{BackboneConfig, Classes},
    },
    ops::KernelMap,
};

/// FLOPs of a step with gradients, relative to its forward pass.
const WITH_GRADIENTS: f64 = 3.0;
/// Number of scenes whose voxel neighbours are counted. Later scenes are assumed to have the same
/// number per voxel, because counting costs a GPU's run time on the CPU.
const COUNTED: usize = 8;
/// Duration of the measurement of the peak.
const MEASURED: Duration = Duration::from_millis(300);
/// Edges of the square matrices with which the peak is measured.
const EDGES: [usize; 4] = [256, 512, 1024, 4096];

/// Counts the FLOPs of scenes.
pub struct Flops {
    config: Config,
    /// (pairs, output rows) of each kernel map over the counted scenes, in the order of [`maps`].
    totals: Vec<(f64, f64)>,
    counted: usize,
}

/// The kernel maps of a scene, in this order: the first convolution, the convolutions on each
/// level, and the convolutions from each level to the next coarser one.
fn maps(scene: &Scene) -> impl Iterator<Item = &KernelMap> {
    let pyramid = &scene.pyramid;
    std::iter::once(&pyramid.first)
        .chain(pyramid.neighbors.iter().map(|n| &n.around))
        .chain(&pyramid.children)
}

fn pairs(map: &KernelMap) -> f64 {
    let met = |offset| map.inputs().pairs(offset).len() as f64;
    (0..map.offsets()).map(met).sum()
}

impl Flops {
    /// Creates a counter for a network of `config`.
    pub fn new(config: &Config) -> Self {
        Self {
            config: config.clone(),
            totals: Vec::new(),
            counted: 0,
        }
    }

    /// FLOPs of the forward and backward pass of one scene with `queries` queries and `names` class
    /// names; each multiply-add counts as two.
    pub fn of_scene(&mut self, scene: &Scene, queries: usize, names: usize) -> f64 {
        if self.counted < COUNTED {
            self.totals.resize(maps(scene).count(), (0.0, 0.0));
            for (total, map) in self.totals.iter_mut().zip(maps(scene)) {
                *total = (total.0 + pairs(map), total.1 + map.out_rows() as f64);
            }
            self.counted += 1;
        }
        let mut pairs = maps(scene)
            .zip(&self.totals)
            .map(|(map, (pairs, rows))| map.out_rows() as f64 * pairs / rows.max(1.0));
        let levels = scene.pyramid.neighbors.len();
        let first = pairs.next().unwrap_or(0.0);
        let around: Vec<f64> = pairs.by_ref().take(levels).collect();
        let children: Vec<f64> = pairs.collect();
        let rows: Vec<f64> = scene
            .pyramid
            .neighbors
            .iter()
            .map(|n| n.around.out_rows() as f64)
            .collect();
        let objects = scene
            .layout
            .objects
            .as_ref()
            .map_or(0, |(features, _)| features.dims()[0]);
        let backbone = backbone(&self.config, first, &around, &children, &rows);
        let decoder = decoder(
            &self.config,
            scene.superpoints() as f64,
            queries as f64,
            names as f64,
            objects as f64,
        );
        2.0 * WITH_GRADIENTS * (backbone + decoder)
    }
}

/// Multiply-adds of the convolutions.
fn backbone(config: &Config, first: f64, around: &[f64], children: &[f64], rows: &[f64]) -> f64 {
    let inputs = config.inputs.channels() as f64;
    // The residual blocks on a level have two convolutions each, and a linear shortcut where the
    // first block changes the width.
    let blocks = |level: usize, count: usize, input: usize, output: usize| {
        let (input, output) = (input as f64, output as f64);
        let shortcut = if input == output {
            0.0
        } else {
            rows[level] * input * output
        };
        around[level] * (input * output + (2 * count - 1) as f64 * output * output) + shortcut
    };
    let change =
        |level: usize, input: usize, output: usize| children[level] * (input * output) as f64;
    match &config.backbone {
        BackboneConfig::SparseUnet { planes, .. } => {
            let down: f64 = planes
                .iter()
                .enumerate()
                .map(|(level, &p)| blocks(level, 2, p, p))
                .sum();
            let up: f64 = planes[1..]
                .iter()
                .zip(planes)
                .enumerate()
                .map(|(level, (_, &p))| blocks(level, 2, 2 * p, p))
                .sum();
            let exchange: f64 = planes
                .windows(2)
                .enumerate()
                .map(|(level, p)| 2.0 * change(level, p[0], p[1]))
                .sum();
            first * inputs * planes[0] as f64 + down + up + exchange
        }
        BackboneConfig::ResUnet {
            stem,
            planes,
            blocks: counts,
            ..
        } => {
            let depth = planes.len() / 2;
            let before = |stage: usize| if stage == 0 { *stem } else { planes[stage - 1] };
            let down = (0..depth).map(|s| {
                change(s, before(s), before(s)) + blocks(s + 1, counts[s], before(s), planes[s])
            });
            let up = (depth..2 * depth).map(|s| {
                let level = 2 * depth - 1 - s;
                change(level, before(s), planes[s])
                    + blocks(level, counts[s], planes[s] + before(level), planes[s])
            });
            first * inputs * *stem as f64 + down.chain(up).sum::<f64>()
        }
    }
}

/// Multiply-adds of the decoder's products for S superpoints, Q queries, T names and O objects seen
/// in images.
fn decoder(config: &Config, s: f64, q: f64, t: f64, o: f64) -> f64 {
    let (d, channels, ffn) = (
        config.d_model as f64,
        config.backbone.output() as f64,
        config.ffn as f64,
    );
    let class = match config.classes {
        Classes::Text => {
            let width = config.text.width as f64;
            q * (2.0 * d * d + d * width + 2.0 * d + t * width)
        }
        Classes::Fixed {
            instances,
            semantics,
        } => q * d * (d + (instances + semantics + 2) as f64),
    };
    let start = s * channels * d + (s + q) * (channels * d + d * d);
    let predict = q * s * d + class;
    let place = q
        * (2.0 * d * d
            + if config.modulation {
                d * d + 3.0 * d
            } else {
                0.0
            });
    let cross = 3.0 * q * d * d + 3.0 * s * d * d + 3.0 * q * s * d;
    let own = 6.0 * q * d * d + 2.0 * q * q * d;
    let seen = config.objects.as_ref().map_or(0.0, |objects| {
        2.0 * q * d * d
            + 2.0 * (o + 1.0) * objects.channels as f64 * d
            + 2.0 * q * o * d
            + q * s * o
    });
    let think = 2.0 * q * d * ffn + 2.0 * q * (2.0 * d * d + 3.0 * d);
    let layers = config.layers as f64;
    start + predict + layers * (place + cross + own + seen + think + predict)
}

/// FLOPs per second of the device's own dense matrix product, at the best of a few sizes. It is the
/// reference for the speed of a step.
///
/// # Errors
/// Returns an error if the device fails.
pub fn peak(device: &Device) -> anyhow::Result<f64> {
    let mut best: f64 = 0.0;
    for edge in EDGES {
        // The matrices are not random: weights may still be drawn from the same generator, and the
        // number of sizes tried here depends on how long they take.
        let [a, b] = [0.5, 0.25].map(|value| Tensor::<2>::full([edge, edge], value, device));
        let product = || {
            a.clone()
                .matmul(b.clone())
                .slice([0..1, 0..1])
                .into_scalar::<f32>()
        };
        // The first product includes compilation.
        anyhow::ensure!(
            product().is_finite(),
            "the device's product of {edge} x {edge} is not finite"
        );
        let (began, mut count) = (Instant::now(), 0u32);
        while began.elapsed() < MEASURED / EDGES.len() as u32 {
            product();
            count += 1;
        }
        let seconds = began.elapsed().as_secs_f64() / f64::from(count);
        best = best.max(2.0 * (edge as f64).powi(3) / seconds);
        // a larger product would take eight times as long
        if seconds * 8.0 > MEASURED.as_secs_f64() {
            break;
        }
    }
    (best > 0.0)
        .then_some(best)
        .context("the device returned no result of a dense product")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use segscape::{
        model::{Observation, SceneInput},
        superpoint::Superpoints,
    };

    use super::*;

    /// Two adjacent voxels and one far away, each a superpoint.
    fn scene(config: &Config) -> Scene {
        let edge = config.voxel_size;
        let positions = [
            [0.5 * edge, 0.0, 0.0],
            [1.5 * edge, 0.0, 0.0],
            [90.5 * edge, 0.0, 0.0],
        ];
        let observation = Observation {
            positions: &positions,
            ..Observation::default()
        };
        SceneInput::new(&observation, &Superpoints::from_ids(&[0, 1, 2]), config)
            .unwrap()
            .to_device(&Device::flex())
    }

    #[test]
    fn products_are_counted_by_who_meets_whom() {
        let one_level = Config {
            backbone: BackboneConfig::SparseUnet {
                planes: vec![8],
                grid: None,
            },
            ..Config::nano()
        };
        let scene = scene(&one_level);
        assert_eq!(
            maps(&scene).map(pairs).collect::<Vec<_>>(),
            [5.0, 5.0],
            "each meets itself, and two each other"
        );
        // the first convolution, and two blocks of two convolutions
        let expected = 5.0 * (7.0 * 8.0 + 4.0 * 64.0);
        assert_eq!(backbone(&one_level, 5.0, &[5.0], &[], &[3.0]), expected);
        let mut work = Flops::new(&one_level);
        let flops = work.of_scene(&scene, 2, 4);
        assert_eq!(
            flops,
            6.0 * (expected + decoder(&one_level, 3.0, 2.0, 4.0, 0.0))
        );
        assert!(
            work.of_scene(&scene, 3, 4) > flops,
            "more queries are more work"
        );
    }

    #[test]
    fn levels_and_skips_are_counted() {
        let config = |backbone| Config {
            backbone,
            ..Config::nano()
        };
        let sparse = config(BackboneConfig::SparseUnet {
            planes: vec![2, 3],
            grid: None,
        });
        let (first, around, children, rows) = (10.0, [10.0, 4.0], [6.0], [6.0, 2.0]);
        let down = 10.0 * 4.0 * 4.0 + 4.0 * 4.0 * 9.0;
        let up = 10.0 * (4.0 * 2.0 + 3.0 * 4.0) + 6.0 * 4.0 * 2.0;
        assert_eq!(
            backbone(&sparse, first, &around, &children, &rows),
            10.0 * 7.0 * 2.0 + down + up + 2.0 * 6.0 * 6.0
        );
        let residual = config(BackboneConfig::ResUnet {
            first_kernel: 3,
            stem: 2,
            planes: vec![3, 5],
            blocks: vec![1, 2],
        });
        let down = 6.0 * 4.0 + 4.0 * (2.0 * 3.0 + 9.0) + 2.0 * 6.0;
        let up = 6.0 * 15.0 + 10.0 * (7.0 * 5.0 + 3.0 * 25.0) + 6.0 * 35.0;
        assert_eq!(
            backbone(&residual, first, &around, &children, &rows),
            10.0 * 7.0 * 2.0 + down + up
        );
    }

    #[test]
    fn a_device_has_a_peak() {
        let flops = peak(&Device::flex()).unwrap();
        assert!((1e6..1e15).contains(&flops), "{flops}");
    }
}
