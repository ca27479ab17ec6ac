//! Measures the parts of training steps, and compares their FLOPS with those of burn's dense
//! products.

use std::{
    fs,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context;
use burn::tensor::Device;
use clap::Args;
use segscape::model::SegDino3dVl;
use serde_json::json;

use super::{Bench, print};
use learning::{
    config::{Config, Generated},
    data::samples::{Sample, Samples},
    run::ema::Ema,
    run::flops,
    run::optimizer::{AdamW, learning_rate},
    run::step::{Devices, Phases},
};

/// Options of `bench step`, and the number of threads of all benchmarks.
#[derive(Args, Debug)]
pub struct StepOptions {
    /// `bench step`: configuration of the run.
    #[arg(default_value = "configs/nano.toml")]
    config: PathBuf,
    /// `bench step`: folder of labelled rooms; by default those of the configuration, or generated
    /// ones if these do not exist.
    #[arg(long)]
    rooms: Option<PathBuf>,
    /// `bench step`: number of steps.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..))]
    steps: u64,
    /// `bench step`: scenes per step; those of the configuration by default.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    scenes: Option<u32>,
    /// Number of compute threads; all cores by default.
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// `bench step`: prepare all samples before the first step, so that no thread prepares them
    /// meanwhile.
    #[arg(long)]
    prepared: bool,
    /// `bench step`: file for the loss and the gradient norm of each step, one line per step.
    #[arg(long)]
    losses: Option<PathBuf>,
}

impl StepOptions {
    /// Starts the compute threads.
    pub fn start_threads(&self) -> anyhow::Result<()> {
        rayon::ThreadPoolBuilder::new()
            .num_threads(self.threads)
            .build_global()
            .context("cannot start the worker threads")
    }
}

/// Parts of a step, in their order.
const PARTS: [&str; 9] = [
    "waiting",
    "to_device",
    "backbone",
    "decoder",
    "loss",
    "backward",
    "optimiser",
    "average",
    "step",
];

/// What was measured of all steps.
struct Measured {
    /// Milliseconds of each step, for each of [`PARTS`].
    parts: Vec<Vec<f64>>,
    /// Floating-point operations of each step.
    flops: Vec<f64>,
    /// Loss and gradient norm of each step, one line per step.
    losses: String,
    /// FLOPS of dense products.
    peak: f64,
}

/// Prints one row per part with the median of all steps, and the step's share of the speed of the
/// dense product.
pub fn run(bench: &Bench, device: &Device) -> anyhow::Result<()> {
    let options = &bench.step;
    let config = configuration(options)?;
    let Measured {
        parts,
        flops,
        losses,
        peak,
    } = measure(options, &config, device)?;
    let speeds: Vec<f64> = flops
        .iter()
        .zip(&parts[PARTS.len() - 1])
        .map(|(flops, ms)| flops / ms / 1e6)
        .collect();
    for (part, times) in PARTS.iter().zip(parts) {
        let ms = median(times);
        print(
            bench,
            &json!({ "part": part, "ms": ms }),
            &format!("{part:10} {ms:8.1} ms"),
        )?;
    }
    let (gigaflop, gflops, peak) = (median(flops) / 1e9, median(speeds), peak / 1e9);
    let row = json!({ "gigaflop": gigaflop, "gflops": gflops, "peak_gflops": peak, "share_of_peak": gflops / peak });
    let text = format!(
        "{gigaflop:.2} GFLOP per step, {gflops:.1} GFLOPS: {:.1} % of the {peak:.1} GFLOPS of dense products",
        100.0 * gflops / peak
    );
    print(bench, &row, &text)?;
    match &options.losses {
        Some(path) => {
            fs::write(path, losses).with_context(|| format!("cannot write {}", path.display()))
        }
        None => Ok(()),
    }
}

/// The configuration of the run, with the rooms that the options name.
fn configuration(options: &StepOptions) -> anyhow::Result<Config> {
    let mut config = Config::read(&options.config)?;
    if let Some(scenes) = options.scenes {
        config.optimizer.scenes_per_step = scenes as usize;
    }
    let data = &mut config.data;
    if let Some(rooms) = &options.rooms {
        (data.rooms, data.weights, data.generated) = (vec![rooms.clone()], vec![], None);
        data.foundations.clear();
    } else if data
        .rooms
        .iter()
        .chain(&data.foundations)
        .any(|folder| !folder.exists())
    {
        (data.rooms, data.weights) = (vec![], vec![]);
        data.generated = Some(Generated::default());
        data.foundations.clear();
    }
    Ok(config)
}

/// Makes the steps.
fn measure(options: &StepOptions, config: &Config, device: &Device) -> anyhow::Result<Measured> {
    let inner = device.clone();
    let device = device.clone().autodiff();
    device.seed(config.run.seed);
    let mut model = SegDino3dVl::new(&config.model, &device);
    let mut optimizer = AdamW::new(&config.optimizer);
    let mut ema = config.optimizer.ema.map(Ema::new);
    let mut computers = Devices::new(std::slice::from_ref(&device), config)?;
    let scenes = config.optimizer.scenes_per_step;
    let cache = Arc::new(config.data.cache()?);
    let samples = Samples::start(config.clone(), 0, cache);
    let next = || samples.next();
    let count = if options.prepared {
        options.steps as usize * scenes
    } else {
        0
    };
    let mut prepared = (0..count)
        .map(|_| next())
        .collect::<anyhow::Result<Vec<Sample>>>()?
        .into_iter();
    let mut measured = Measured {
        parts: vec![Vec::new(); PARTS.len()],
        flops: Vec::new(),
        losses: String::new(),
        peak: flops::peak(&inner)?,
    };
    for step in 0..options.steps {
        let began = Instant::now();
        let batch = (0..scenes)
            .map(|_| prepared.next().map_or_else(next, Ok))
            .collect::<anyhow::Result<Vec<Sample>>>()?;
        let waited = began.elapsed();
        let rate = learning_rate(&config.optimizer, step, step as f64 / options.steps as f64);
        let (same, done) = computers.step(model, batch)?;
        let mut clock = Instant::now();
        let gradients = done
            .gradients
            .context("the loss or a gradient of a step is not finite")?;
        let norm = gradients.norm();
        model = optimizer.step(same, gradients, rate);
        inner.sync()?;
        let optimized = clock.elapsed();
        clock = Instant::now();
        if let Some(ema) = &mut ema {
            ema.update(&model, optimizer.updates);
        }
        inner.sync()?;
        let Phases {
            copy,
            backbone,
            decoder,
            loss,
            backward,
        } = done.phases;
        let times = [
            waited,
            copy,
            backbone,
            decoder,
            loss,
            backward,
            optimized,
            clock.elapsed(),
            began.elapsed(),
        ];
        measured
            .parts
            .iter_mut()
            .zip(times)
            .for_each(|(part, time)| part.push(milliseconds(time)));
        measured.flops.push(done.flops);
        measured.losses += &format!("{} {norm}\n", done.figures[0]);
    }
    measured.peak = measured.peak.max(flops::peak(&inner)?);
    Ok(measured)
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
