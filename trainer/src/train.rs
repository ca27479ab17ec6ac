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
use burn::{
    optim::{GradientsAccumulator, GradientsParams},
    tensor::{Device, Tensor, TensorData},
};
use indicatif::{ProgressBar, ProgressStyle};
use segscape::{
    model::{Prediction, SegDino3dVl, config::Classes},
    text,
};
use serde_json::json;

use crate::{
    checkpoint::{self, Checkpoint, State},
    config::Config,
    loss::{Output, Terms},
    metrics::Metrics,
    models,
    optimiser::{AdamW, learning_rate},
    partition,
    samples::{Sample, samples},
};

/// Name of the checkpoint in a run's folder.
pub const CHECKPOINT: &str = "checkpoint.safetensors";

/// Checkpoints kept of steps whose gradient was not finite; more of them tell nothing new.
const BROKEN: usize = 3;

/// Trains into the folder `out` until the budget is used up or `stop` is set; goes on from the checkpoint there, if there is one, or begins with the
/// weights of the exported model in `start`.
///
/// Writes `checkpoint.safetensors` every `config.run.checkpoint_minutes` and at the end, and one line a step to `metrics.jsonl`. A step whose gradient is
/// not finite changes nothing; the first of them leave `broken-STEP.safetensors`, from which the same step can be made again: samples follow from
/// their numbers.
///
/// # Errors
/// The network answers in fixed classes (what is learnt are places of names), no room can be learnt from, the disk is full, or the checkpoint is of
/// another network.
pub fn train(config: &Config, start: Option<&Path>, out: &Path, device: &Device, stop: &Arc<AtomicBool>) -> anyhow::Result<()> {
    anyhow::ensure!(config.model.classes == Classes::Text, "the network answers in fixed classes; training wants one that answers in words");
    std::fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
    let checkpoint = out.join(CHECKPOINT);
    let device = device.clone().autodiff();
    device.seed(config.run.seed);
    let mut model = SegDino3dVl::new(&config.model, &device);
    let mut optimiser = AdamW::new(&config.optimiser);
    let mut state = State::default();
    if checkpoint.exists() {
        let saved = Checkpoint::read(&checkpoint)?;
        anyhow::ensure!(saved.config.model == config.model, "{} holds another network than the configuration", checkpoint.display());
        model = saved.module(model)?;
        saved.optimiser(&mut optimiser, &device.clone().inner())?;
        state = saved.state;
        tracing::info!("going on after {} steps and {:.0} minutes", state.steps, state.seconds / 60.0);
    } else if let Some(start) = start {
        model = models::load_weights(start, &config.model, &device)?;
    }
    let mut metrics = Metrics::open(&out.join("metrics.jsonl"))?;
    let clock = Clock::new(config, &state);
    let samples = samples(config.clone(), state.scenes);
    let mut saved_at = Instant::now();
    let mut broken = 0;

    while clock.progress(&state) < 1.0 && !stop.load(Ordering::Relaxed) {
        let began = Instant::now();
        let before = state.clone();
        let rate = learning_rate(&config.optimiser, state.updates, clock.progress(&state));
        let mut gradients = GradientsAccumulator::new();
        let mut figures = Vec::new();
        let mut waited = Duration::ZERO;
        for _ in 0..config.optimiser.scenes_per_step {
            let asked = Instant::now();
            let sample = samples.recv().context("the thread that prepares scenes is gone")??;
            waited += asked.elapsed();
            if let Some((loss, terms)) = scene_loss(&model, &sample, config, &device) {
                figures.push(Tensor::cat(vec![loss.clone().detach(), terms], 0));
                let share = loss / config.optimiser.scenes_per_step as f32;
                gradients.accumulate(&model, GradientsParams::from_grads(share.backward(), &model));
            }
            state.scenes += 1;
        }
        let (updated, norm) = optimiser.step(model, gradients.grads(), rate);
        model = updated;
        state.steps += 1;
        state.updates = optimiser.updates;
        state.seconds = clock.seconds();

        let figures = mean(figures);
        let mut record = json!({ "step": state.steps, "seconds": state.seconds, "learning_rate": rate, "loss": figures[0] });
        for (name, value) in Terms::NAMES.iter().zip(&figures[1..]) {
            record[name] = json!(value);
        }
        record["gradient_norm"] = json!(norm);
        record["scenes"] = json!(state.scenes);
        record["milliseconds"] = json!(began.elapsed().as_millis() as u64);
        record["waited"] = json!(waited.as_millis() as u64);
        metrics.write(&record)?;
        clock.show(&state, &figures);
        if !norm.is_finite() {
            tracing::warn!("step {}: the gradient of samples {}..{} is not finite, left out", state.steps, before.scenes, state.scenes);
            broken += 1;
            if broken <= BROKEN {
                checkpoint::save(&out.join(format!("broken-{}.safetensors", state.steps)), &model, &optimiser, config, &before)?;
            }
        }
        if saved_at.elapsed().as_secs_f64() > 60.0 * config.run.checkpoint_minutes {
            checkpoint::save(&checkpoint, &model, &optimiser, config, &state)?;
            saved_at = Instant::now();
        }
    }
    checkpoint::save(&checkpoint, &model, &optimiser, config, &state)?;
    clock.bar.finish();
    tracing::info!("{} steps over {} scenes in {:.1} minutes", state.steps, state.scenes, state.seconds / 60.0);
    Ok(())
}

fn scene_loss(model: &SegDino3dVl, sample: &Sample, config: &Config, device: &Device) -> Option<(Tensor<1>, Tensor<1>)> {
    let scene = sample.input.to_device(device);
    let shape = [sample.text.len() / text::DIM, text::DIM];
    let text = Tensor::<2>::from_data(TensorData::new(sample.text.clone(), shape), device);
    let outputs: Vec<Output> = model
        .forward(&scene, &sample.queries)
        .into_iter()
        .map(|Prediction { class, masks, boxes }| Output {
            classes: class.logits(text.clone()),
            masks,
            scores: class.score(),
            boxes,
            semantics: None,
        })
        .collect();
    partition::loss(&outputs, &sample.parts, &config.loss, config.optimiser.scenes_per_step)
}

/// (1 + [`Terms::NAMES`]): means over the scenes of a step, read back once.
fn mean(figures: Vec<Tensor<1>>) -> Vec<f32> {
    if figures.is_empty() {
        return vec![f32::NAN; 1 + Terms::NAMES.len()];
    }
    Tensor::stack::<2>(figures, 0).mean_dim(0).into_data().iter::<f32>().collect()
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
        let refusal = train(&config, None, &out, &Device::flex(), &Arc::default()).unwrap_err().to_string();
        assert!(refusal.contains("fixed classes"), "{refusal}");
        assert!(!out.exists());
    }
}
