//! `trainer bench`: measures the cost of each stage on this machine, its growth with the scan, and
//! the cost of the parts of the stages.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    fs,
    io::{self, Write as _},
    path::PathBuf,
};

use anyhow::Context;
use burn::tensor::{
    Device,
    wgpu::{WgpuSetup, wgpu::Features},
};
use clap::{Args, ValueEnum};
use segscape::{
    job::{self, Network, Options},
    ops::{Tiles, Tuning},
    progress::{Cancel, Monitor, Progress, Stage},
    spatial::Voxels,
};
use serde::Serialize;
use serde_json::{Value, json};

use super::results::StageClock;
use crate::allocator;
use learning::{device::DeviceChoice, models};
use rooms::World;

mod adapter;
mod attention;
mod backbone;
mod curve;
mod kernel_maps;
mod memory;
mod operations;
mod peaks;
mod sparse_conv;
mod step;
mod superpoints;
mod timing;

/// Measure the segmentation of scans, and its parts.
#[derive(Args, Debug)]
pub struct Bench {
    /// Benchmark to run; the stages, superpoints, convolutions and attention by default.
    #[arg(value_enum)]
    what: Option<What>,
    #[command(flatten)]
    step: step::StepOptions,
    /// A file with a scan; a synthetic room by default.
    #[arg(long)]
    scan: Option<PathBuf>,
    /// Number of voxels on which the convolutions are measured: the shell of a room.
    #[arg(long, default_value_t = 100_000)]
    voxels: usize,
    /// Measure only the backbone of this network.
    #[arg(long, value_parser = ["nano", "scannet20", "scannet200"])]
    backbone: Option<String>,
    /// Smallest number of points of each scan of the curve, separated by commas.
    #[arg(long, value_delimiter = ',', default_values_t = [50_000, 100_000, 200_000, 500_000, 1_000_000, 2_000_000])]
    points: Vec<usize>,
    /// SVG file into which the curve is drawn.
    #[arg(long)]
    plot: Option<PathBuf>,
    /// Device to run on.
    #[arg(long, value_enum, default_value_t)]
    device: DeviceChoice,
    /// Place where GPU kernels keep their tiles; the faster one on the device if not given.
    #[arg(long, value_enum)]
    tiles: Option<TilesChoice>,
    /// Folder of a model (with manifest.json); the default model if not given.
    #[arg(long)]
    weights: Option<PathBuf>,
    /// Number of runs of every measurement; the fastest counts.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// `bench peaks`: measure smaller products and tensors, for devices that run on a processor.
    #[arg(long)]
    quick: bool,
    /// Print one JSON object per row.
    #[arg(long)]
    json: bool,
}

/// The value of `--tiles`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TilesChoice {
    /// In registers of single threads; matrix products use this project's kernels.
    Registers,
    /// In memory that a workgroup shares; matrix products are burn's.
    Shared,
}

/// A benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum What {
    /// Every stage of a scan.
    Stages,
    /// Time and memory of every stage, for scans of one room or several.
    Curve,
    /// The steps from points to superpoints and their merge tree.
    Superpoints,
    /// Attention with a mask.
    Attention,
    /// The published backbones, at any number of voxels.
    Backbone,
    /// The kernel maps of a scene, built on the device.
    KernelMaps,
    /// Sparse convolution and its gradients, compared with dense products of equal size.
    SparseConv,
    /// The parts of training steps, compared with dense products.
    Step,
    /// The graphics adapter: its driver, limits and features, and the shaders chosen for it.
    Adapter,
    /// The most that the device reaches: dense products, and passes over large tensors.
    Peaks,
    /// Every operation with a shader of its own, in each variant.
    Operations,
}

impl Bench {
    /// Runs the benchmarks and prints their rows.
    ///
    /// # Errors
    /// Returns an error if there is no model, the scan is refused, or the plot cannot be written.
    pub fn run(self) -> anyhow::Result<()> {
        self.step.start_threads()?;
        let (device, setup) = self.device.open_with_setup()?;
        if let Some(tiles) = self.tiles {
            let tiles = if tiles == TilesChoice::Registers {
                Tiles::Registers
            } else {
                Tiles::Shared
            };
            Tuning {
                product: tiles,
                convolution: tiles,
                ..Tuning::default()
            }
            .apply(&device);
        }
        let wanted = self.what.map_or(
            vec![
                What::Stages,
                What::Superpoints,
                What::SparseConv,
                What::Attention,
            ],
            |what| vec![what],
        );
        wanted.into_iter().try_for_each(|what| match what {
            What::Stages => self.stages(&device),
            What::Curve => curve::run(&self, &self.network(&device)?),
            What::Superpoints => superpoints::run(&self, &self.scan()?),
            What::KernelMaps => kernel_maps::run(&self, &device),
            What::SparseConv => sparse_conv::run(&self, &device),
            What::Backbone => backbone::run(&self, &device),
            What::Attention => attention::run(&self, &device),
            What::Step => step::run(&self, &device),
            What::Adapter => adapter::run(&self, &device, setup.as_ref()),
            What::Peaks => peaks::run(&self, &device),
            What::Operations => {
                let has_subgroups =
                    |setup: &WgpuSetup| setup.device.features().contains(Features::SUBGROUP);
                operations::run(&self, &device, setup.as_ref().is_some_and(has_subgroups))
            }
        })
    }

    /// The contents of the scan file, or of a generated room.
    fn scan(&self) -> anyhow::Result<Vec<u8>> {
        match &self.scan {
            Some(path) => {
                fs::read(path).with_context(|| format!("{} cannot be read", path.display()))
            }
            None => Ok(World::grammars().room(0, 0).to_ply()),
        }
    }

    fn network(&self, device: &Device) -> anyhow::Result<Network> {
        Ok(models::load_network(self.weights.as_deref(), None, device)?.0)
    }

    /// Prints one row per stage.
    fn stages(&self, device: &Device) -> anyhow::Result<()> {
        let cost = Cost::of(|| self.scan(), &self.network(device)?, self.runs)?;
        for (stage, StageCost { ms, peak_mib }) in cost.stages {
            let row =
                json!({ "stage": stage, "points": cost.points, "ms": ms, "peak_mib": peak_mib });
            print(
                self,
                &row,
                &format!("{:12} {ms:9.1} ms {:>9}", name(stage), shown(peak_mib)),
            )?;
        }
        Ok(())
    }
}

/// The cost of a scan.
struct Cost {
    points: usize,
    superpoints: usize,
    /// Number of voxels at the network's finest level.
    voxels: usize,
    stages: BTreeMap<Stage, StageCost>,
}

#[derive(Clone, Copy, Serialize)]
struct StageCost {
    /// Milliseconds, the lowest of all runs.
    ms: f64,
    /// Peak memory of this program while the stage ran, MiB, the highest of all runs; `None` if the
    /// system does not report it.
    peak_mib: Option<u64>,
}

impl Cost {
    /// Milliseconds of all stages.
    fn ms(&self) -> f64 {
        self.stages.values().map(|stage| stage.ms).sum()
    }

    /// Reads and segments the bytes of `file` `runs` times. Nothing keeps them while the network runs,
    /// as nothing does when users segment files.
    fn of(
        file: impl Fn() -> anyhow::Result<Vec<u8>>,
        network: &Network,
        runs: usize,
    ) -> anyhow::Result<Self> {
        let mut cost = Self {
            points: 0,
            superpoints: 0,
            voxels: 0,
            stages: BTreeMap::new(),
        };
        allocator::return_freed_memory();
        let peaks = RefCell::new(BTreeMap::<Stage, Option<u64>>::new());
        for _ in 0..runs.max(1) {
            let (clock, running) = (StageClock::default(), Cell::new(Stage::Read));
            let note = || {
                let mut peaks = peaks.borrow_mut();
                let peak = peaks.entry(running.get()).or_default();
                *peak = memory::peak_mib().max(*peak);
                memory::forget_peak();
            };
            let cancel = Cancel::default();
            let report = |progress: Progress| {
                clock.at(progress.stage);
                if running.get() != progress.stage {
                    note();
                    running.set(progress.stage);
                }
            };
            let monitor = Monitor::new(&report, &cancel);
            let bytes = file()?;
            memory::forget_peak();
            clock.at(Stage::Read);
            let segmented =
                pollster::block_on(job::run(bytes, network, &Options::default(), &monitor))?;
            note();
            for (stage, ms) in clock.finish() {
                let best = cost
                    .stages
                    .entry(stage)
                    .or_insert(StageCost { ms, peak_mib: None });
                best.ms = best.ms.min(ms);
            }
            let scan = &segmented.scan;
            (cost.points, cost.superpoints) = (scan.len(), segmented.superpoints.count());
            cost.voxels = Voxels::new(&scan.positions, network.voxel_size())
                .coords
                .len();
        }
        for (stage, of_stage) in &mut cost.stages {
            of_stage.peak_mib = peaks.borrow().get(stage).copied().flatten();
        }
        Ok(cost)
    }
}

/// The name of a stage in JSON.
fn name(stage: Stage) -> String {
    json!(stage).as_str().unwrap_or_default().to_owned()
}

fn shown(mib: Option<u64>) -> String {
    mib.map_or_else(|| "-".into(), |mib| format!("{mib} MiB"))
}

fn print(bench: &Bench, row: &Value, text: &str) -> io::Result<()> {
    if bench.json {
        writeln!(io::stdout(), "{row}")
    } else {
        writeln!(io::stdout(), "{text}")
    }
}
