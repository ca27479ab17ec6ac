//! The training loop.

mod clock;

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
use segscape::model::{SegDino3dVl, config::Classes};
use serde_json::json;

use crate::{
    config::Config,
    data::samples::Samples,
    loss::Terms,
    run::checkpoint::{self, CHECKPOINT, State},
    run::ema::Ema,
    run::flops,
    run::metrics::Metrics,
    run::optimizer::{AdamW, Finite, learning_rate},
    run::step::Devices,
    run::validation,
    run::warm_start::{self, WarmStart},
};

use clock::Clock;
use recordings::store::Cache;

/// Number of non-finite steps that leave a checkpoint; more would add no information.
const BROKEN: usize = 3;
/// Number of consecutive non-finite steps that end a run: it will not recover.
const HOPELESS: usize = 100;

/// Name of the log in a run's folder, with one JSON object per step.
pub const LOG: &str = "metrics.jsonl";

/// Trains into the folder `out` until the budget is used up or `stop` is set. Continues from the
/// newest undamaged checkpoint there if there is one; otherwise begins with `start`, if it is
/// given. The scenes of a step are distributed over `devices`; those of object stores pass through
/// `cache`.
///
/// Writes a checkpoint every `config.run.checkpoint_minutes` and at the end, and keeps the previous
/// one and, if the configuration names scans for validation, the one with the best result on them.
/// Appends one line per step to `metrics.jsonl`: the loss and its terms, the learning rate, the
/// norm of the gradient, and the speed. A step with any non-finite value changes nothing; the first
/// of these steps write `broken-STEP.safetensors`, from which the same step can be repeated,
/// because samples follow from their numbers.
///
/// # Errors
/// Returns an error if the network has several fixed classes, for which training needs text
/// embeddings, a scan for validation is missing, no room can be used, the disk is full, the checkpoint is of
/// another network, or too many consecutive steps are not finite.
pub fn train(
    config: &Config,
    start: Option<WarmStart>,
    out: &Path,
    devices: &[Device],
    cache: &Arc<Cache>,
    stop: &AtomicBool,
) -> anyhow::Result<()> {
    anyhow::ensure!(
        matches!(config.model.classes, Classes::Text | Classes::OBJECT_OR_NOT),
        "the network has fixed classes; only a network whose classes are text embeddings, or that has one class for all objects, can be trained"
    );
    let devices: Vec<Device> = devices
        .iter()
        .map(|device| device.clone().autodiff())
        .collect();
    let device = devices.first().context("there is no device to train on")?;
    validation::check(&config.validation, cache)?;
    std::fs::create_dir_all(out).with_context(|| format!("cannot create {}", out.display()))?;
    let mut run = Run::begin(config, start, out, device)?;
    let peak = flops::peak(&device.clone().inner())? * devices.len() as f64;
    tracing::info!(
        "dense products reach {:.1} GFLOPS on {} device(s)",
        peak / 1e9,
        devices.len()
    );
    let mut metrics = Metrics::open(&out.join(LOG))?;
    let mut computers = Devices::new(&devices, config)?;
    let mut clock = Clock::new(config, &run.state);
    let samples = Samples::start(config.clone(), run.state.scenes, cache.clone());
    let mut saved_at = Instant::now();
    let mut measured_at = validation::last(out).map_or(0.0, |last| last.seconds);
    let mut hopeless = 0;

    while clock.progress(&run.state) < 1.0 && !stop.load(Ordering::Relaxed) {
        let record;
        (run, record) = run.step(&mut computers, &samples, &mut clock, peak)?;
        metrics.write(&record)?;
        hopeless = if run.was_finite { 0 } else { hopeless + 1 };
        anyhow::ensure!(
            hopeless < HOPELESS,
            "{HOPELESS} steps in a row were not finite; {} has the state before them",
            out.join(CHECKPOINT).display()
        );
        if saved_at.elapsed().as_secs_f64() > 60.0 * config.run.checkpoint_minutes {
            run.save()?;
            saved_at = Instant::now();
        }
        if run.state.seconds - measured_at > 60.0 * config.validation.minutes {
            run.save()?;
            run.measure(&device.clone().inner(), cache);
            (saved_at, measured_at) = (Instant::now(), run.state.seconds);
        }
    }
    run.save()?;
    if clock.progress(&run.state) >= 1.0 {
        run.measure(&device.clone().inner(), cache);
    }
    clock.bar.finish();
    tracing::info!(
        "{} steps over {} scenes in {:.1} minutes",
        run.state.steps,
        run.state.scenes,
        run.state.seconds / 60.0
    );
    Ok(())
}

/// The state that changes from step to step.
struct Run<'a> {
    config: &'a Config,
    out: &'a Path,
    model: SegDino3dVl,
    optimizer: AdamW,
    ema: Option<Ema>,
    state: State,
    /// `true` if the last step was finite.
    was_finite: bool,
    /// Number of non-finite steps that left a checkpoint.
    broken: usize,
}

impl<'a> Run<'a> {
    fn begin(
        config: &'a Config,
        start: Option<WarmStart>,
        out: &'a Path,
        device: &Device,
    ) -> anyhow::Result<Self> {
        device.seed(config.run.seed);
        let mut run = Self {
            config,
            out,
            model: SegDino3dVl::new(&config.model, device),
            optimizer: AdamW::new(&config.optimizer),
            ema: config.optimizer.ema.map(Ema::new),
            state: State::default(),
            was_finite: true,
            broken: 0,
        };
        if let Some(saved) = checkpoint::latest(out)? {
            anyhow::ensure!(
                saved.config.model == config.model,
                "{} has another network than the configuration: choose another folder with --out",
                out.display()
            );
            run.model = saved.module(run.model)?;
            saved.optimizer(&mut run.optimizer, &device.clone().inner())?;
            if let Some(ema) = &mut run.ema {
                saved.ema(ema, &device.clone().inner())?;
            }
            run.state = saved.state;
            warn_of_changes(&saved.config, config)?;
            tracing::info!(
                "the run is resumed after {} steps and {:.0} minutes",
                run.state.steps,
                run.state.seconds / 60.0
            );
        } else if let Some(WarmStart { folder, steps }) = start {
            run.model = warm_start::network(folder, &config.model, device)?;
            run.state = State {
                steps,
                scenes: steps * config.optimizer.scenes_per_step as u64,
                ..State::default()
            };
        }
        Ok(run)
    }

    /// Makes one step; also returns its record for the log. If anything of the step is not finite,
    /// only the counters advance.
    fn step(
        mut self,
        computers: &mut Devices,
        samples: &Samples,
        clock: &mut Clock,
        peak: f64,
    ) -> anyhow::Result<(Self, serde_json::Value)> {
        let options = &self.config.optimizer;
        let began = Instant::now();
        let before = self.state.clone();
        let rate = learning_rate(options, self.state.updates, clock.progress(&self.state));
        let mut waited = Duration::ZERO;
        let mut scenes = Vec::with_capacity(options.scenes_per_step);
        for _ in 0..options.scenes_per_step {
            let asked = Instant::now();
            scenes.push(samples.next()?);
            waited += asked.elapsed();
            self.state.scenes += 1;
        }
        let (model, step) = computers.step(self.model, scenes)?;
        let norm = step.gradients.as_ref().map_or(f32::NAN, Finite::norm);
        self.was_finite = step.gradients.is_some();
        self.model = match step.gradients {
            Some(gradients) => self.optimizer.step(model, gradients, rate),
            None => model,
        };
        self.state.steps += 1;
        self.state.updates = self.optimizer.updates;
        if let Some(ema) = self
            .ema
            .as_mut()
            .filter(|_| self.state.updates > before.updates)
        {
            ema.update(&self.model, self.state.updates);
        }
        self.state.seconds = clock.seconds();
        if !self.was_finite {
            self.report(&before)?;
        }

        let took = began.elapsed();
        let mut record = json!({ "step": self.state.steps, "seconds": self.state.seconds, "learning_rate": rate, "loss": step.figures[0] });
        for (name, value) in Terms::NAMES.iter().zip(&step.figures[1..]) {
            record[name] = json!(value);
        }
        record["gradient_norm"] = json!(norm);
        record["scenes"] = json!(self.state.scenes);
        record["milliseconds"] = json!(took.as_millis() as u64);
        record["waited"] = json!(waited.as_millis() as u64);
        record["scenes_per_second"] = json!(options.scenes_per_step as f64 / took.as_secs_f64());
        record["gflops"] = json!(step.flops / took.as_secs_f64() / 1e9);
        record["percent_of_peak"] = json!(100.0 * step.flops / took.as_secs_f64() / peak);
        clock.show(&self.state, &step.figures, waited, took);
        Ok((self, record))
    }

    /// Reports the samples of a non-finite step, and saves the state before it.
    fn report(&mut self, before: &State) -> anyhow::Result<()> {
        let State { steps, scenes, .. } = self.state;
        tracing::warn!(
            "step {steps} was left out: samples {}..{scenes} gave values that are not finite",
            before.scenes
        );
        self.broken += 1;
        if self.broken <= BROKEN {
            let path = self.out.join(format!("broken-{steps}.safetensors"));
            checkpoint::save(
                &path,
                &self.model,
                &self.optimizer,
                self.ema.as_ref(),
                self.config,
                before,
            )?;
        }
        Ok(())
    }

    fn save(&self) -> anyhow::Result<()> {
        checkpoint::save_newest(
            self.out,
            &self.model,
            &self.optimizer,
            self.ema.as_ref(),
            self.config,
            &self.state,
        )
    }

    /// Evaluates the checkpoint that was just saved, unless it was evaluated before. An error in
    /// the evaluation does not end the run.
    fn measure(&self, device: &Device, cache: &Cache) {
        if self.config.validation.sets.is_empty()
            || validation::last(self.out).is_some_and(|last| last.step == self.state.steps)
        {
            return;
        }
        if let Err(error) = validation::measure(self.out, &self.config.validation, device, cache) {
            tracing::warn!(
                "the network could not be evaluated after step {}: {error:#}",
                self.state.steps
            );
        }
    }
}

/// Warns if a resumed run has other data or another loss: it is then a different run, which may be
/// intended.
fn warn_of_changes(saved: &Config, now: &Config) -> anyhow::Result<()> {
    let (saved, now) = (serde_json::to_value(saved)?, serde_json::to_value(now)?);
    for part in ["data", "augment", "loss", "optimizer"] {
        if saved[part] != now[part] {
            tracing::warn!(
                "the configuration's {part} has changed since the run began: it is {}, it was {}",
                now[part],
                saved[part]
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
