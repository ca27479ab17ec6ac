//! `trainer bench`: what each stage costs on this machine, and sparse convolutions beside dense products of as many multiplications.

use std::{
    fs,
    io::{self, Write as _},
    path::PathBuf,
};

use anyhow::Context;
use burn::tensor::{Device, Distribution, Tensor};
use clap::{Args, ValueEnum};
use segscape::{
    ops::{KernelMap, NO_NEIGHBOUR, matmul, sparse_conv, sparse_conv_grad_input, sparse_conv_grad_weight},
    pipeline,
    platform::Instant,
    preflight::{Choices, preflight},
    progress::{Cancel, Monitor, Progress, Stage},
    scan, spatial,
    superpoint::{EdgeSource, Hierarchy, PointGraph, SuperpointOptions},
};
use serde_json::json;

use super::segment::StageClock;
use crate::{device::DeviceChoice, models, synth::Room};

/// Measures the stages of one scan, and sparse convolutions beside dense products of equal size.
#[derive(Args, Debug)]
pub struct Bench {
    /// What is measured; everything by default.
    #[arg(value_enum)]
    what: Option<What>,
    /// A PLY or PCD file; a synthetic room by default.
    #[arg(long)]
    scan: Option<PathBuf>,
    /// Voxels of the room whose shell is convolved.
    #[arg(long, default_value_t = 100_000)]
    voxels: usize,
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

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum What {
    /// Every stage of a scan.
    Stages,
    /// The steps from points to superpoints and their merge tree.
    Superpoints,
    /// Sparse convolution and its gradients.
    SparseConv,
}

impl Bench {
    /// Measures and prints row by row.
    ///
    /// # Errors
    /// There is no model, or the scan is refused.
    pub fn run(self) -> anyhow::Result<()> {
        let device = self.device.open()?;
        let wanted = |what| self.what.is_none_or(|only| only == what);
        if wanted(What::Stages) || wanted(What::Superpoints) {
            let bytes = match &self.scan {
                Some(path) => fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?,
                None => Room::generate(0, 0).to_ply(),
            };
            if wanted(What::Stages) {
                self.stages(&bytes, &device)?;
            }
            if wanted(What::Superpoints) {
                self.superpoints(&bytes)?;
            }
        }
        if wanted(What::SparseConv) {
            let map = KernelMap::submanifold(&shell(self.voxels), 3)?;
            for channels in [32, 64, 128] {
                self.convolutions(&map, channels, &device)?;
            }
        }
        Ok(())
    }

    /// One row a stage: the fastest of all runs.
    fn stages(&self, bytes: &[u8], device: &Device) -> anyhow::Result<()> {
        let network = models::load_network(self.weights.as_deref(), device)?;
        let mut fastest = std::collections::BTreeMap::<Stage, f64>::new();
        let mut points = 0;
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
            points = scan.len();
        }
        for (stage, ms) in fastest {
            let row = json!({ "stage": stage, "points": points, "ms": ms });
            self.print(&row, &format!("{:12} {ms:9.1} ms", row["stage"].as_str().unwrap_or_default()))?;
        }
        Ok(())
    }

    /// One row a step, the fastest of all runs. The graph finds neighbours and normals once more; they are measured alone before.
    fn superpoints(&self, bytes: &[u8]) -> anyhow::Result<()> {
        let silent = Monitor::silent();
        let mut scan = scan::read(bytes, &silent)?;
        preflight(&scan, Choices::default()).apply(&mut scan);
        let options = SuperpointOptions::default();
        let EdgeSource::Neighbours { k, .. } = options.edges else { anyhow::bail!("superpoints are made of neighbours by default") };
        let mut fastest = [f64::INFINITY; 5];
        for _ in 0..self.runs.max(1) {
            let mut steps = fastest.iter_mut();
            let mut clock = Instant::now();
            let mut lap = || {
                let ms = clock.elapsed().as_secs_f64() * 1e3;
                clock = Instant::now();
                steps.next().into_iter().for_each(|best| *best = best.min(ms));
            };
            let neighbours = spatial::nearest_neighbours(&scan.positions, k, &|_| Ok(()))?;
            lap();
            spatial::normals(&scan.positions, &neighbours, &|_| Ok(()))?;
            lap();
            let graph = PointGraph::new(&scan.positions, scan.colors.as_deref(), &scan.triangles, None, options.edges, &silent)?;
            lap();
            let superpoints = graph.superpoints(options.threshold, options.minimum, &silent)?;
            lap();
            Hierarchy::new(&graph, &superpoints, &silent)?;
            lap();
        }
        for (step, ms) in ["neighbours", "normals", "graph", "forest", "merge_tree"].into_iter().zip(fastest) {
            self.print(&json!({ "step": step, "points": scan.len(), "ms": ms }), &format!("{step:12} {ms:9.1} ms"))?;
        }
        Ok(())
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
            let ratio = dense_ms / ms;
            let gflops = 2e-6 * (pairs * channels * channels) as f64 / ms;
            let row = json!({
                "channels": channels,
                "voxels": voxels,
                "pairs": pairs,
                "pass": pass,
                "ms": ms,
                "gflops": gflops,
                "dense_matmul_ms": dense_ms,
                "ratio_to_dense_matmul": ratio,
            });
            let text = format!("{pass:12} {channels:4} channels {voxels:8} voxels {ms:9.1} ms, {gflops:6.1} GFLOPS, {ratio:.2} of a dense product's");
            self.print(&row, &text)?;
        }
        Ok(())
    }

    fn print(&self, row: &serde_json::Value, text: &str) -> io::Result<()> {
        if self.json { writeln!(io::stdout(), "{row}") } else { writeln!(io::stdout(), "{text}") }
    }
}

/// About `voxels` of the walls, the floor and the ceiling of a room, with holes as scans have them: seven to eight neighbours each.
fn shell(voxels: usize) -> Vec<[i32; 3]> {
    /// Of the cells of the shell, how many in 256 are kept.
    const KEPT: u32 = 217;
    // edges of 15 : 13 : 11 have 2 (15 13 + 13 11 + 11 15) cells a unit squared
    let unit = (voxels as f64 * 256.0 / f64::from(KEPT) / 1006.0).sqrt();
    let [x, y, z] = [15.0, 13.0, 11.0].map(|edge| (edge * unit).round().max(1.0) as i32);
    let cells = (0..z).flat_map(|k| (0..y).flat_map(move |j| (0..x).map(move |i| [i, j, k])));
    let is_wall = |[i, j, k]: &[i32; 3]| [(*i, x), (*j, y), (*k, z)].iter().any(|&(at, edge)| at == 0 || at == edge - 1);
    let hash = |[i, j, k]: &[i32; 3]| {
        ((*i as u32).wrapping_mul(73_856_093) ^ (*j as u32).wrapping_mul(19_349_663) ^ (*k as u32).wrapping_mul(83_492_791)).wrapping_mul(0x9E37_79B9)
            >> 24
    };
    cells.filter(is_wall).filter(|cell| hash(cell) < KEPT).collect()
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
