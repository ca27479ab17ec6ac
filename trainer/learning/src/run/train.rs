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
    config::Config,
    data::samples::Samples,
    loss::Terms,
    run::checkpoint::{self, CHECKPOINT, State},
    run::ema::Ema,
    run::flops,
    run::metrics::Metrics,
    run::optimiser::{AdamW, Finite, learning_rate},
    run::step::Devices,
    run::validation,
    run::warm_start::{self, WarmStart},
};

/// Number of non-finite steps that leave a checkpoint; more would add no information.
const BROKEN: usize = 3;
/// Number of consecutive non-finite steps that end a run: it will not recover.
const HOPELESS: usize = 100;

/// Name of the log in a run's folder, with one JSON object per step.
pub const LOG: &str = "metrics.jsonl";

/// Trains into the folder `out` until the budget is used up or `stop` is set. Continues from the
/// newest undamaged checkpoint there if there is one; otherwise begins with `start`, if it is
/// given. The scenes of a step are distributed over `devices`.
///
/// Writes a checkpoint every `config.run.checkpoint_minutes` and at the end, and keeps the previous
/// one and, if the configuration names scans for validation, the one with the best result on them.
/// Appends one line per step to `metrics.jsonl`: the loss and its terms, the learning rate, the
/// norm of the gradient, and the speed. A step with any non-finite value changes nothing; the first
/// of these steps write `broken-STEP.safetensors`, from which the same step can be repeated,
/// because samples follow from their numbers.
///
/// # Errors
/// Returns an error if the network has fixed classes (training needs text embeddings as classes), a
/// scan for validation is missing, no room can be used, the disk is full, the checkpoint is of
/// another network, or too many consecutive steps are not finite.
pub fn train(
    config: &Config,
    start: Option<WarmStart>,
    out: &Path,
    devices: &[Device],
    stop: &Arc<AtomicBool>,
) -> anyhow::Result<()> {
    anyhow::ensure!(
        config.model.classes == Classes::Text,
        "the network has fixed classes; only a network whose classes are text embeddings can be trained"
    );
    let devices: Vec<Device> = devices
        .iter()
        .map(|device| device.clone().autodiff())
        .collect();
    let device = devices.first().context("there is no device to train on")?;
    validation::check(&config.validation)?;
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
    let clock = Clock::new(config, &run.state);
    let samples = Samples::start(config.clone(), run.state.scenes);
    let mut saved_at = Instant::now();
    let mut measured_at = validation::last(out).map_or(0.0, |last| last.seconds);
    let mut hopeless = 0;

    while clock.progress(&run.state) < 1.0 && !stop.load(Ordering::Relaxed) {
        let record;
        (run, record) = run.step(&mut computers, &samples, &clock, peak)?;
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
            run.measure(&device.clone().inner());
            (saved_at, measured_at) = (Instant::now(), run.state.seconds);
        }
    }
    run.save()?;
    if clock.progress(&run.state) >= 1.0 {
        run.measure(&device.clone().inner());
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
    optimiser: AdamW,
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
            optimiser: AdamW::new(&config.optimiser),
            ema: config.optimiser.ema.map(Ema::new),
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
            saved.optimiser(&mut run.optimiser, &device.clone().inner())?;
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
                scenes: steps * config.optimiser.scenes_per_step as u64,
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
        clock: &Clock,
        peak: f64,
    ) -> anyhow::Result<(Self, serde_json::Value)> {
        let options = &self.config.optimiser;
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
            Some(gradients) => self.optimiser.step(model, gradients, rate),
            None => model,
        };
        self.state.steps += 1;
        self.state.updates = self.optimiser.updates;
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
        clock.show(&self.state, &step.figures);
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
                &self.optimiser,
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
            &self.optimiser,
            self.ema.as_ref(),
            self.config,
            &self.state,
        )
    }

    /// Evaluates the checkpoint that was just saved, unless it was evaluated before. An error in
    /// the evaluation does not end the run.
    fn measure(&self, device: &Device) {
        if self.config.validation.sets.is_empty()
            || validation::last(self.out).is_some_and(|last| last.step == self.state.steps)
        {
            return;
        }
        if let Err(error) = validation::measure(self.out, &self.config.validation, device) {
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
    for part in ["data", "augment", "loss", "optimiser"] {
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

/// Measures the progress of the run, by wall time or by steps.
struct Clock {
    began: Instant,
    before: f64,
    budget: f64,
    steps: Option<u64>,
    bar: ProgressBar,
}

impl Clock {
    /// Number of units of the progress bar.
    const PARTS: u64 = 1000;

    fn new(config: &Config, state: &State) -> Self {
        let bar = ProgressBar::new(Self::PARTS);
        if let Ok(style) =
            ProgressStyle::with_template("{elapsed_precise} {wide_bar} {percent}% {msg}")
        {
            bar.set_style(style);
        }
        Self {
            began: Instant::now(),
            before: state.seconds,
            budget: config.run.minutes * 60.0,
            steps: config.run.steps,
            bar,
        }
    }

    /// Seconds of the whole run, including the parts before a resume.
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
        let message = format!(
            "step {} loss {:.3} IoU {:.3}, {left:.0} min left",
            state.steps,
            figures[0],
            figures[figures.len() - 1]
        );
        self.bar
            .set_position((progress * Self::PARTS as f64) as u64);
        if self.bar.is_hidden()
            && (state.steps.is_power_of_two() || state.steps.is_multiple_of(100))
        {
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
        config.model.classes = Classes::Fixed {
            instances: 18,
            semantics: 20,
        };
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("run");
        let refusal = train(&config, None, &out, &[Device::flex()], &Arc::default())
            .unwrap_err()
            .to_string();
        assert!(refusal.contains("fixed classes"), "{refusal}");
        assert!(!out.exists());
    }

    #[test]
    fn a_run_without_its_scans_to_measure_on_does_not_begin() {
        let folder = tempfile::tempdir().unwrap();
        let config = tiny(
            folder.path(),
            "[validation]\nsets = [{ name = 'homes', scans = ['nowhere'] }]",
        );
        let out = folder.path().join("run");
        let refusal = format!(
            "{:#}",
            train(&config, None, &out, &[Device::flex()], &Arc::default()).unwrap_err()
        );
        assert!(
            refusal.contains("homes") && refusal.contains("nowhere"),
            "{refusal}"
        );
        assert!(!out.exists());
    }

    /// Writes a room of two boxes on a floor, a chair and a table, with a point every 4 cm.
    fn write_room(path: &Path) {
        let mut points = Vec::new();
        let mut patch =
            |corner: [f32; 3], axes: [usize; 2], size: f32, class: i32, instance: i32| {
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
        let header = format!(
            "ply\nformat ascii 1.0\nelement vertex {}\n{properties}end_header\n",
            points.len()
        );
        std::fs::write(path, header + &points.concat()).unwrap();
    }

    /// The configuration of a tiny network on such a room, with a learning rate that does not
    /// depend on where the run ends.
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

    /// Trains up to `steps` and returns every tensor of the checkpoint, by name.
    fn run(
        config: &Config,
        steps: u64,
        out: &Path,
    ) -> std::collections::BTreeMap<String, Vec<f32>> {
        let mut config = config.clone();
        config.run.steps = Some(steps);
        train(
            &config,
            None,
            out,
            &vec![Device::flex(); config.run.devices],
            &Arc::default(),
        )
        .unwrap();
        let bytes = std::fs::read(out.join(CHECKPOINT)).unwrap();
        let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        file.iter()
            .map(|(name, view)| (name.to_owned(), bytemuck::pod_collect_to_vec(view.data())))
            .collect()
    }

    /// Folders of runs that continue from the same first step, because all tests draw random
    /// weights from one generator.
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
        assert_ne!(
            halfway["average.decoder.content.weight"],
            unbroken["average.decoder.content.weight"]
        );
        assert_ne!(
            unbroken["model.decoder.content.weight"],
            unbroken["average.decoder.content.weight"]
        );
        let differ = resumed
            .iter()
            .find(|(name, values)| unbroken[*name] != **values)
            .map(|(name, _)| name);
        assert_eq!((differ, resumed.len()), (None, unbroken.len()));

        let log = std::fs::read_to_string(broken.join(LOG)).unwrap();
        let steps: Vec<serde_json::Value> = log
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(
            steps
                .iter()
                .map(|step| step["step"].as_u64().unwrap())
                .collect::<Vec<_>>(),
            [2, 3, 4]
        );
        for key in [
            "loss",
            "class",
            "bce",
            "dice",
            "learning_rate",
            "gradient_norm",
            "seconds",
            "scenes_per_second",
            "gflops",
            "percent_of_peak",
        ] {
            assert!(
                steps[2][key].as_f64().is_some_and(|value| value > 0.0),
                "{key}: {}",
                steps[2]
            );
        }
    }

    #[test]
    fn a_run_measures_itself_and_keeps_what_did_best() {
        let folder = tempfile::tempdir().unwrap();
        let rooms = folder.path().join("rooms");
        let sets = format!(
            "sets = [{{ name = 'seen', scans = [{rooms:?}] }}, {{ name = 'record', scans = [{rooms:?}], chooses = false }}]"
        );
        let config = tiny(
            folder.path(),
            &format!("ema = 0.9\n[validation]\nminutes = 1e-9\n{sets}"),
        );
        let out = folder.path().join("run");
        run(&config, 2, &out);
        let log = std::fs::read_to_string(out.join(validation::FILE)).unwrap();
        let log: Vec<serde_json::Value> = log
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let of_set = |record: &serde_json::Value| {
            (
                record["step"].as_u64().unwrap(),
                record["set"].as_str().map(str::to_owned),
            )
        };
        let expected = [1, 2].map(|step| {
            [
                (step, Some("seen".to_owned())),
                (step, Some("record".to_owned())),
                (step, None),
            ]
        });
        assert_eq!(
            log.iter().map(of_set).collect::<Vec<_>>(),
            expected.concat()
        );
        assert_eq!(
            log[2]["choice"], log[0]["ap50"],
            "what is for the record chooses nothing"
        );
        let best = checkpoint::Checkpoint::of(&out.join("best.safetensors"))
            .unwrap()
            .state
            .steps;
        assert_eq!(
            best,
            if log[5]["choice"].as_f64() > log[2]["choice"].as_f64() {
                2
            } else {
                1
            }
        );
    }

    #[test]
    fn steps_before_the_start_count() {
        let folder = tempfile::tempdir().unwrap();
        let config = tiny(folder.path(), "");
        let [first, out] = ["first", "second"].map(|name| folder.path().join(name));
        run(&config, 1, &first);
        let mut longer = config.clone();
        longer.run.steps = Some(12);
        train(
            &longer,
            Some(WarmStart {
                folder: &first,
                steps: 10,
            }),
            &out,
            &[Device::flex()],
            &Arc::default(),
        )
        .unwrap();
        let log = std::fs::read_to_string(out.join(LOG)).unwrap();
        let steps: Vec<serde_json::Value> = log
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(
            steps
                .iter()
                .map(|step| (step["step"].as_u64(), step["scenes"].as_u64()))
                .collect::<Vec<_>>(),
            [(Some(11), Some(11)), (Some(12), Some(12))]
        );
    }

    #[test]
    fn scenes_spread_over_devices_make_the_same_gradient() {
        let folder = tempfile::tempdir().unwrap();
        let one = tiny(folder.path(), "scenes_per_step = 3\n");
        let mut two = one.clone();
        two.run.devices = 2;
        let [alone, both] = begun(&one, folder.path(), ["alone", "both"]);
        let (one, two) = (run(&one, 2, &alone), run(&two, 2, &both));
        assert_eq!(
            one.keys().collect::<Vec<_>>(),
            two.keys().collect::<Vec<_>>()
        );
        let mut compared = 0;
        for (name, values) in one.iter().filter(|(name, _)| name.starts_with("moment1.")) {
            let largest = values
                .iter()
                .fold(0.0f32, |largest, value| largest.max(value.abs()));
            for (a, b) in values.iter().zip(&two[name]) {
                assert!(
                    (a - b).abs() <= 1e-4 * largest + 1e-7,
                    "{name}: {a} and {b}"
                );
            }
            compared += usize::from(largest > 1e-4);
        }
        assert!(compared > 20, "{compared} gradients are not zero");
        // statistics are means over the devices: of one scene there, of two here
        let statistic = |tensors: &std::collections::BTreeMap<String, Vec<f32>>| {
            tensors["model.backbone.SparseUnet.output.running_mean"].clone()
        };
        assert!(statistic(&two).iter().any(|mean| *mean != 0.0));
        assert!(
            statistic(&one)
                .iter()
                .zip(statistic(&two))
                .all(|(a, b)| (a - b).abs() < 0.3),
            "{:?} {:?}",
            statistic(&one),
            statistic(&two)
        );
    }
}
