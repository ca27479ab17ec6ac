//! The training loop.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Context;
use burn::tensor::Device;
use indicatif::{ProgressBar, ProgressStyle};
use segscape::model::{SegDino3dVl, config::Classes};
use serde_json::json;

use crate::{
    average::Average,
    checkpoint::{self, Checkpoint, State},
    config::Config,
    loss::Terms,
    metrics::Metrics,
    optimiser::{AdamW, Finite, learning_rate},
    samples::samples,
    start,
    step::Devices,
    work,
};

/// Name of the checkpoint in a run's folder.
pub const CHECKPOINT: &str = "checkpoint.safetensors";

/// Checkpoints kept of steps whose gradient was not finite; more of them tell nothing new.
const BROKEN: usize = 3;

/// Name of the log in a run's folder: one JSON object a step.
pub const LOG: &str = "metrics.jsonl";

/// Trains into the folder `out` until the budget is used up or `stop` is set; goes on from the checkpoint there, if there is one, or begins where
/// the [network](start::network) in the folder `start` stopped. The scenes of a step are spread over `devices`.
///
/// Writes `checkpoint.safetensors` every `config.run.checkpoint_minutes` and at the end, and one line a step to `metrics.jsonl`: the loss and its terms,
/// the learning rate, the gradient's norm, and how fast it went. A step whose gradient is not finite changes nothing; the first of them leave
/// `broken-STEP.safetensors`, from which the same step can be made again: samples follow from their numbers.
///
/// # Errors
/// The network answers in fixed classes (what is learnt are places of names), no room can be learnt from, the disk is full, or the checkpoint is of
/// another network.
pub fn train(config: &Config, start: Option<&Path>, out: &Path, devices: &[Device], stop: &Arc<AtomicBool>) -> anyhow::Result<()> {
    anyhow::ensure!(config.model.classes == Classes::Text, "the network answers in fixed classes; training wants one that answers in words");
    let devices: Vec<Device> = devices.iter().map(|device| device.clone().autodiff()).collect();
    let device = devices.first().context("no device to train on")?;
    std::fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
    let checkpoint = out.join(CHECKPOINT);
    device.seed(config.run.seed);
    let mut model = SegDino3dVl::new(&config.model, device);
    let mut optimiser = AdamW::new(&config.optimiser);
    let mut average = config.optimiser.ema.map(Average::new);
    let mut state = State::default();
    if checkpoint.exists() {
        let saved = Checkpoint::read(&checkpoint)?;
        anyhow::ensure!(saved.config.model == config.model, "{} holds another network than the configuration", checkpoint.display());
        model = saved.module(model)?;
        saved.optimiser(&mut optimiser, &device.clone().inner())?;
        if let Some(average) = &mut average {
            saved.average(average, &device.clone().inner())?;
        }
        state = saved.state;
        tracing::info!("going on after {} steps and {:.0} minutes", state.steps, state.seconds / 60.0);
    } else if let Some(start) = start {
        model = start::network(start, &config.model, device)?;
    }
    let peak = work::peak(&device.clone().inner())? * devices.len() as f64;
    tracing::info!("dense products reach {:.1} GFLOPS on {} device(s)", peak / 1e9, devices.len());
    let mut metrics = Metrics::open(&out.join(LOG))?;
    let mut computers = Devices::new(&devices, config)?;
    let clock = Clock::new(config, &state);
    let samples = samples(config.clone(), state.scenes);
    let mut saved_at = Instant::now();
    let mut broken = 0;

    while clock.progress(&state) < 1.0 && !stop.load(Ordering::Relaxed) {
        let began = Instant::now();
        let before = state.clone();
        let rate = learning_rate(&config.optimiser, state.updates, clock.progress(&state));
        let mut waited = Duration::ZERO;
        let mut scenes = Vec::with_capacity(config.optimiser.scenes_per_step);
        for _ in 0..config.optimiser.scenes_per_step {
            let asked = Instant::now();
            scenes.push(samples.recv().context("the thread that prepares scenes is gone")??);
            waited += asked.elapsed();
            state.scenes += 1;
        }
        let (same, step) = computers.step(model, scenes)?;
        let norm = step.gradients.as_ref().map_or(f32::NAN, Finite::norm);
        model = match step.gradients {
            Some(gradients) => optimiser.step(same, gradients, rate),
            None => same,
        };
        state.steps += 1;
        state.updates = optimiser.updates;
        if let Some(average) = average.as_mut().filter(|_| state.updates > before.updates) {
            average.update(&model, state.updates);
        }
        state.seconds = clock.seconds();

        let took = began.elapsed();
        let mut record = json!({ "step": state.steps, "seconds": state.seconds, "learning_rate": rate, "loss": step.figures[0] });
        for (name, value) in Terms::NAMES.iter().zip(&step.figures[1..]) {
            record[name] = json!(value);
        }
        record["gradient_norm"] = json!(norm);
        record["scenes"] = json!(state.scenes);
        record["milliseconds"] = json!(took.as_millis() as u64);
        record["waited"] = json!(waited.as_millis() as u64);
        record["scenes_per_second"] = json!(config.optimiser.scenes_per_step as f64 / took.as_secs_f64());
        record["gflops"] = json!(step.flops / took.as_secs_f64() / 1e9);
        record["percent_of_peak"] = json!(100.0 * step.flops / took.as_secs_f64() / peak);
        metrics.write(&record)?;
        clock.show(&state, &step.figures);
        if !norm.is_finite() {
            tracing::warn!("step {}: samples {}..{} gave values that are not finite, left out", state.steps, before.scenes, state.scenes);
            broken += 1;
            if broken <= BROKEN {
                let path = out.join(format!("broken-{}.safetensors", state.steps));
                checkpoint::save(&path, &model, &optimiser, average.as_ref(), config, &before)?;
            }
        }
        if saved_at.elapsed().as_secs_f64() > 60.0 * config.run.checkpoint_minutes {
            checkpoint::save(&checkpoint, &model, &optimiser, average.as_ref(), config, &state)?;
            saved_at = Instant::now();
        }
    }
    checkpoint::save(&checkpoint, &model, &optimiser, average.as_ref(), config, &state)?;
    clock.bar.finish();
    tracing::info!("{} steps over {} scenes in {:.1} minutes", state.steps, state.scenes, state.seconds / 60.0);
    Ok(())
}

/// How far the run has come, by wall time or by steps.
struct Clock {
    began: Instant,
    before: f64,
    budget: f64,
    steps: Option<u64>,
    bar: ProgressBar,
}

impl Clock {
    /// Parts of the progress bar.
    const PARTS: u64 = 1000;

    fn new(config: &Config, state: &State) -> Self {
        let bar = ProgressBar::new(Self::PARTS);
        if let Ok(style) = ProgressStyle::with_template("{elapsed_precise} {wide_bar} {percent}% {msg}") {
            bar.set_style(style);
        }
        Self { began: Instant::now(), before: state.seconds, budget: config.run.minutes * 60.0, steps: config.run.steps, bar }
    }

    /// Of the whole run, earlier parts included.
    fn seconds(&self) -> f64 {
        self.before + self.began.elapsed().as_secs_f64()
    }

    fn progress(&self, state: &State) -> f64 {
        match self.steps {
            Some(steps) => state.steps as f64 / steps.max(1) as f64,
            None => self.seconds() / self.budget,
        }
    }

    fn show(&self, state: &State, figures: &[f32]) {
        let progress = self.progress(state);
        let left = self.seconds() * (1.0 / progress.max(1e-9) - 1.0) / 60.0;
        let message = format!("step {} loss {:.3} IoU {:.3}, {left:.0} min left", state.steps, figures[0], figures[figures.len() - 1]);
        self.bar.set_position((progress * Self::PARTS as f64) as u64);
        if self.bar.is_hidden() && (state.steps.is_power_of_two() || state.steps.is_multiple_of(100)) {
            tracing::info!("{message}");
        }
        self.bar.set_message(message);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_network_with_fixed_classes_is_refused() {
        let mut config: Config = toml::from_str("[data]\nrooms = ['x']").unwrap();
        config.model.classes = Classes::Fixed { instances: 18, semantics: 20 };
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("run");
        let refusal = train(&config, None, &out, &[Device::flex()], &Arc::default()).unwrap_err().to_string();
        assert!(refusal.contains("fixed classes"), "{refusal}");
        assert!(!out.exists());
    }

    /// Two boxes on a floor, a chair and a table, a point every 4 cm.
    fn write_room(path: &Path) {
        let mut points = Vec::new();
        let mut patch = |corner: [f32; 3], axes: [usize; 2], size: f32, class: i32, instance: i32| {
            let steps = (size / 0.04) as usize;
            for i in 0..steps * steps {
                let mut p = corner;
                p[axes[0]] += (i % steps) as f32 * 0.04;
                p[axes[1]] += (i / steps) as f32 * 0.04;
                points.push(format!("{} {} {} {class} {instance}\n", p[0], p[1], p[2]));
            }
        };
        patch([0.0; 3], [0, 1], 2.0, 2, 1);
        for (corner, class, instance) in [([0.3, 0.3, 0.04], 5, 2), ([1.2, 1.0, 0.04], 7, 3)] {
            for axes in [[0, 1], [0, 2], [1, 2]] {
                let mut far = corner;
                far[3 - axes[0] - axes[1]] += 0.5;
                patch(far, axes, 0.5, class, instance);
            }
        }
        let properties = "property float x\nproperty float y\nproperty float z\nproperty int semantic\nproperty int instance\n";
        let header = format!("ply\nformat ascii 1.0\nelement vertex {}\n{properties}end_header\n", points.len());
        std::fs::write(path, header + &points.concat()).unwrap();
    }

    /// A tiny network on such a room, with a learning rate that does not depend on where the run ends.
    fn tiny(folder: &Path, change: &str) -> Config {
        let rooms = folder.join("rooms");
        std::fs::create_dir_all(&rooms).unwrap();
        write_room(&rooms.join("a.ply"));
        let text = format!(
            "[data]\nrooms = [{rooms:?}]\n[model]\nvoxel_size = 0.08\nbackbone = {{ kind = \"sparse_unet\", planes = [8, 8] }}\nd_model = 12\nheads = 2\nffn = 8\n\
             layers = 1\nmax_queries = 50\n[optimiser]\npower = 0.0\nwarmup = 1\n{change}"
        );
        let config: Config = toml::from_str(&text).unwrap();
        config.check().unwrap();
        config
    }

    /// Trains up to `steps`; every tensor of the checkpoint, by name.
    fn run(config: &Config, steps: u64, out: &Path) -> std::collections::BTreeMap<String, Vec<f32>> {
        let mut config = config.clone();
        config.run.steps = Some(steps);
        train(&config, None, out, &vec![Device::flex(); config.run.devices], &Arc::default()).unwrap();
        let bytes = std::fs::read(out.join(CHECKPOINT)).unwrap();
        let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        file.iter().map(|(name, view)| (name.to_owned(), bytemuck::pod_collect_to_vec(view.data()))).collect()
    }

    /// Folders of runs that go on from the same first step: random weights come from one source for all tests.
    fn begun(config: &Config, folder: &Path, names: [&str; 2]) -> [std::path::PathBuf; 2] {
        let first = folder.join("first");
        run(config, 1, &first);
        names.map(|name| {
            let begun = folder.join(name);
            std::fs::create_dir_all(&begun).unwrap();
            std::fs::copy(first.join(CHECKPOINT), begun.join(CHECKPOINT)).unwrap();
            begun
        })
    }

    #[test]
    fn a_resumed_run_equals_an_unbroken_one_with_averaged_weights() {
        let folder = tempfile::tempdir().unwrap();
        let config = tiny(folder.path(), "ema = 0.9\n");
        let [broken, whole] = begun(&config, folder.path(), ["broken", "whole"]);
        let halfway = run(&config, 2, &broken);
        let (resumed, unbroken) = (run(&config, 4, &broken), run(&config, 4, &whole));
        assert!(resumed.keys().any(|name| name.starts_with("average.")));
        assert_ne!(halfway["average.decoder.content.weight"], unbroken["average.decoder.content.weight"]);
        assert_ne!(unbroken["model.decoder.content.weight"], unbroken["average.decoder.content.weight"]);
        let differ = resumed.iter().find(|(name, values)| unbroken[*name] != **values).map(|(name, _)| name);
        assert_eq!((differ, resumed.len()), (None, unbroken.len()));

        let log = std::fs::read_to_string(broken.join(LOG)).unwrap();
        let steps: Vec<serde_json::Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(steps.iter().map(|step| step["step"].as_u64().unwrap()).collect::<Vec<_>>(), [2, 3, 4]);
        for key in ["loss", "class", "bce", "dice", "learning_rate", "gradient_norm", "seconds", "scenes_per_second", "gflops", "percent_of_peak"] {
            assert!(steps[2][key].as_f64().is_some_and(|value| value > 0.0), "{key}: {}", steps[2]);
        }
    }

    #[test]
    fn scenes_spread_over_devices_make_the_same_gradient() {
        let folder = tempfile::tempdir().unwrap();
        let one = tiny(folder.path(), "scenes_per_step = 3\n");
        let mut two = one.clone();
        two.run.devices = 2;
        let [alone, both] = begun(&one, folder.path(), ["alone", "both"]);
        let (one, two) = (run(&one, 2, &alone), run(&two, 2, &both));
        assert_eq!(one.keys().collect::<Vec<_>>(), two.keys().collect::<Vec<_>>());
        let mut compared = 0;
        for (name, values) in one.iter().filter(|(name, _)| name.starts_with("moment1.")) {
            let largest = values.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
            for (a, b) in values.iter().zip(&two[name]) {
                assert!((a - b).abs() <= 1e-4 * largest + 1e-7, "{name}: {a} and {b}");
            }
            compared += usize::from(largest > 1e-4);
        }
        assert!(compared > 20, "{compared} gradients are not zero");
        // statistics are means over the devices: of one scene there, of two here
        let statistic = |tensors: &std::collections::BTreeMap<String, Vec<f32>>| tensors["model.backbone.SparseUnet.output.running_mean"].clone();
        assert!(statistic(&two).iter().any(|mean| *mean != 0.0));
        assert!(statistic(&one).iter().zip(statistic(&two)).all(|(a, b)| (a - b).abs() < 0.3), "{:?} {:?}", statistic(&one), statistic(&two));
    }
}
