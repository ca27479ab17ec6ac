//! `trainer bench`: what each stage costs on this machine, and sparse convolutions beside dense products of as many multiplications.

use std::{
    fs,
    io::{self, Write as _},
    path::PathBuf,
};

use anyhow::Context;
use burn::tensor::{Device, Distribution, Tensor};
use clap::Args;
use segscape::{
    model::Config,
    ops::{KernelMap, NO_NEIGHBOUR, matmul, sparse_conv, sparse_conv_grad_input, sparse_conv_grad_weight},
    pipeline,
    platform::Instant,
    preflight::{Choices, preflight},
    progress::{Cancel, Monitor, Progress, Stage},
    scan::{self, Scan},
    spatial::Voxels,
};
use serde_json::json;

use super::segment::StageClock;
use crate::{device::DeviceChoice, models, synth::Room};

/// Measures the stages of one scan, and sparse convolutions beside dense products of equal size.
#[derive(Args, Debug)]
pub struct Bench {
    /// A PLY or PCD file; a synthetic room by default.
    scan: Option<PathBuf>,
    /// What computes.
    #[arg(long, value_enum, default_value_t)]
    device: DeviceChoice,
    /// Folder of a model (with manifest.json); the shipped one by default.
    #[arg(long)]
    weights: Option<PathBuf>,
    /// How often everything is measured; the fastest counts.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Prints one JSON object a row.
    #[arg(long)]
    json: bool,
}

impl Bench {
    /// Measures and prints row by row.
    ///
    /// # Errors
    /// There is no model, or the scan is refused.
    pub fn run(self) -> anyhow::Result<()> {
        let device = self.device.open()?;
        let bytes = match &self.scan {
            Some(path) => fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?,
            None => Room::generate(0, 0).to_ply(),
        };
        let scan = self.stages(&bytes, &device)?;
        let voxels = Voxels::new(&scan.positions, Config::nano().voxel_size).coords;
        let map = KernelMap::submanifold(&voxels, 3)?;
        for channels in [32, 64, 128] {
            self.convolutions(&map, channels, &device)?;
        }
        Ok(())
    }

    /// One row a stage: the fastest of all runs.
    fn stages(&self, bytes: &[u8], device: &Device) -> anyhow::Result<Scan> {
        let network = models::load_network(self.weights.as_deref(), device)?;
        let mut fastest = std::collections::BTreeMap::<Stage, f64>::new();
        let mut measured = None;
        for _ in 0..self.runs.max(1) {
            let clock = StageClock::default();
            let cancel = Cancel::default();
            let report = |progress: Progress| clock.at(progress.stage);
            let monitor = Monitor::new(&report, &cancel);
            clock.at(Stage::Read);
            let mut scan = scan::read(bytes, &monitor)?;
            preflight(&scan, Choices::default()).apply(&mut scan);
            clock.at(Stage::Superpoints);
            let grouping = pipeline::group(&scan.positions, scan.colors.as_deref(), &scan.triangles, &monitor)?;
            pollster::block_on(pipeline::segment(&scan.positions, scan.colors.as_deref(), &grouping, &network, &monitor))?;
            for (stage, ms) in clock.finish() {
                let best = fastest.entry(stage).or_insert(ms);
                *best = best.min(ms);
            }
            measured = Some(scan);
        }
        let scan = measured.context("nothing was measured")?;
        for (stage, ms) in fastest {
            let row = json!({ "stage": stage, "points": scan.len(), "ms": ms });
            self.print(&row, &format!("{:12} {ms:9.1} ms", row["stage"].as_str().unwrap_or_default()))?;
        }
        Ok(scan)
    }

    /// One row a pass: forward and both gradients.
    fn convolutions(&self, map: &KernelMap, channels: usize, device: &Device) -> anyhow::Result<()> {
        let voxels = map.out_rows();
        let pairs: usize = (0..map.offsets()).map(|k| map.inputs().at(k).iter().filter(|&&q| q != NO_NEIGHBOUR).count()).sum();
        let random = |rows: usize| Tensor::<2>::random([rows, channels], Distribution::Default, device);
        let (x, grad, weight) = (random(voxels), random(voxels), random(map.offsets() * channels).reshape([map.offsets(), channels, channels]));
        let (rows, other_rows, matrix) = (random(pairs), random(pairs), random(channels));
        let passes: [(&str, Work, Work); 3] = [
            ("forward", &|| sparse_conv(x.clone(), weight.clone(), map).flatten(0, 1), &|| matmul(rows.clone(), matrix.clone()).flatten(0, 1)),
            ("grad_input", &|| sparse_conv_grad_input(grad.clone(), weight.clone(), map).flatten(0, 1), &|| {
                matmul(rows.clone(), matrix.clone().transpose()).flatten(0, 1)
            }),
            ("grad_weight", &|| sparse_conv_grad_weight(x.clone(), grad.clone(), map).flatten(0, 2), &|| {
                matmul(rows.clone().transpose(), other_rows.clone()).flatten(0, 1)
            }),
        ];
        for (pass, sparse, dense) in passes {
            let (mut ms, mut dense_ms) = (f64::INFINITY, f64::INFINITY);
            // In turns, so that whatever else the machine does slows both.
            for _ in 0..=self.runs.max(1) {
                ms = ms.min(milliseconds(sparse, device)?);
                dense_ms = dense_ms.min(milliseconds(dense, device)?);
            }
            let ratio = ms / dense_ms;
            let row = json!({
                "channels": channels,
                "voxels": voxels,
                "pairs": pairs,
                "pass": pass,
                "ms": ms,
                "dense_matmul_ms": dense_ms,
                "ratio_to_dense_matmul": ratio,
            });
            let text = format!("{pass:12} {channels:4} channels {voxels:8} voxels {ms:9.1} ms, dense product {dense_ms:9.1} ms, ratio {ratio:.2}");
            self.print(&row, &text)?;
        }
        Ok(())
    }

    fn print(&self, row: &serde_json::Value, text: &str) -> io::Result<()> {
        if self.json { writeln!(io::stdout(), "{row}") } else { writeln!(io::stdout(), "{text}") }
    }
}

/// Something that is measured.
type Work<'a> = &'a dyn Fn() -> Tensor<1>;

/// How long `work` takes until the device is through with it.
fn milliseconds(work: Work, device: &Device) -> anyhow::Result<f64> {
    device.sync()?;
    let start = Instant::now();
    let result = work();
    device.sync()?;
    drop(result);
    Ok(start.elapsed().as_secs_f64() * 1000.0)
}
