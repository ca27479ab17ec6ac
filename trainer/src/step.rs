//! The gradients of one training step: the forward and backward pass of each of its scenes, on one
//! device or distributed over several.
//!
//! Burn's own collective operations exist only on CUDA, so the gradients are summed here. Each
//! further device has a thread for the whole run, which receives a copy of the weights and the
//! scenes of every step and returns the sum of their gradients.

use std::{
    collections::BTreeMap,
    sync::mpsc::{Receiver, Sender, channel},
    thread,
    time::{Duration, Instant},
};

use anyhow::Context;
use burn::{
    module::{Module, ModuleMapper, ModuleVisitor, Param},
    optim::{GradientsAccumulator, GradientsParams},
    tensor::{Device, Tensor, TensorData},
};
use segscape::{
    model::{Prediction, SegDino3dVl},
    text,
};

use crate::{
    config::Config,
    flops::Flops,
    loss::{Output, Terms},
    optimiser::Finite,
    samples::Sample,
    view_partition,
};

/// The result of one step over all its scenes.
pub struct Step {
    /// Mean gradients over the scenes, on the first device. `None` if anything of the step is not
    /// finite: the loss, a gradient or a running statistic.
    pub gradients: Option<Finite>,
    /// Means over the scenes of the loss and of its terms, `(1 + terms)`, in the order of
    /// [`Terms::NAMES`]; NaN if no scene had any.
    pub figures: Vec<f32>,
    /// Floating-point operations, as [`Flops`] counts them.
    pub flops: f64,
    /// Durations of the parts of the step on the first device. On a GPU, each ends when the work
    /// was submitted.
    pub phases: Phases,
}

/// Durations of the parts of a step.
#[derive(Clone, Copy, Debug, Default)]
pub struct Phases {
    /// Copy of the scenes to the device.
    pub copy: Duration,
    /// Forward pass from voxels to superpoint features.
    pub backbone: Duration,
    /// Forward pass from superpoint features to predictions.
    pub decoder: Duration,
    /// Loss of the predictions.
    pub loss: Duration,
    /// Backward pass from the loss to the gradients.
    pub backward: Duration,
}

/// The devices of a run.
pub struct Devices {
    first: Computer,
    others: Vec<Worker>,
}

/// A device and everything that it needs besides the weights.
struct Computer {
    config: Config,
    device: Device,
    flops: Flops,
}

/// A thread with a device of its own.
struct Worker {
    jobs: Sender<Job>,
    results: Receiver<Part>,
}

struct Job {
    model: SegDino3dVl,
    samples: Vec<Sample>,
}

/// The result of the scenes of one device.
struct Part {
    gradients: GradientsParams,
    /// Loss and terms, one row per scene.
    figures: Vec<Vec<f32>>,
    flops: f64,
    phases: Phases,
    /// Running statistics by path in the module.
    statistics: BTreeMap<String, TensorData>,
}

impl Devices {
    /// Prepares training on `devices`, which must all support differentiation. The weights are on
    /// the first.
    ///
    /// # Errors
    /// Returns an error if `devices` is empty.
    pub fn new(devices: &[Device], config: &Config) -> anyhow::Result<Self> {
        let computer = |device: &Device| Computer {
            config: config.clone(),
            device: device.clone(),
            flops: Flops::new(&config.model),
        };
        let (first, others) = devices.split_first().context("no device to train on")?;
        let home = first.clone().inner();
        Ok(Self {
            first: computer(first),
            others: others
                .iter()
                .map(|device| Worker::start(computer(device), home.clone()))
                .collect(),
        })
    }

    /// Computes the step of `samples`, starting from `model`. With several devices, scene i goes to
    /// device i modulo their number, and the network's running statistics become the mean over the
    /// devices. If anything of the step is not finite, the network is returned unchanged.
    ///
    /// # Errors
    /// Returns an error if the thread of a device has ended.
    pub fn step(
        &mut self,
        model: SegDino3dVl,
        samples: Vec<Sample>,
    ) -> anyhow::Result<(SegDino3dVl, Step)> {
        // clones share their running statistics; a snapshot has its own
        let snapshot = || model.valid().train();
        let before = snapshot();
        let devices = 1 + self.others.len();
        let mut shares: Vec<Vec<Sample>> = (0..devices).map(|_| Vec::new()).collect();
        samples
            .into_iter()
            .enumerate()
            .for_each(|(i, sample)| shares[i % devices].push(sample));
        let mut shares = shares.into_iter();
        let own = shares.next().unwrap_or_default();
        let gone = |index: usize| format!("the thread of device {} ended", index + 1);
        for (index, (worker, samples)) in self.others.iter().zip(shares).enumerate() {
            worker
                .jobs
                .send(Job {
                    model: snapshot(),
                    samples,
                })
                .ok()
                .with_context(|| gone(index))?;
        }
        let mut total = self.first.compute(&model, own);
        if self.others.is_empty() {
            return Ok(total.step(before, model));
        }
        let mut sums = GradientsAccumulator::new();
        sums.accumulate(&model, total.gradients);
        let mut statistics = vec![statistics(&model)];
        for (index, worker) in self.others.iter().enumerate() {
            let part = worker.results.recv().ok().with_context(|| gone(index))?;
            sums.accumulate(&model, part.gradients);
            total.figures.extend(part.figures);
            total.flops += part.flops;
            statistics.push(part.statistics);
        }
        total.gradients = sums.grads();
        let model = model.map(&mut MeanStatistics {
            statistics,
            path: Vec::new(),
        });
        Ok(total.step(before, model))
    }
}

impl Worker {
    fn start(mut computer: Computer, home: Device) -> Self {
        let (jobs, todo) = channel::<Job>();
        let (done, results) = channel();
        thread::spawn(move || {
            for Job { model, samples } in todo {
                let model = model.fork(&computer.device);
                let mut part = computer.compute(&model, samples);
                part.gradients = part.gradients.to_device(&home, &model);
                part.statistics = statistics(&model);
                if done.send(part).is_err() {
                    break;
                }
            }
        });
        Self { jobs, results }
    }
}

impl Computer {
    fn compute(&mut self, model: &SegDino3dVl, samples: Vec<Sample>) -> Part {
        let mut gradients = GradientsAccumulator::new();
        let (mut figures, mut flops, mut phases) = (Vec::new(), 0.0, Phases::default());
        for sample in samples {
            let mut clock = Instant::now();
            let mut lap = |phase: &mut Duration| {
                *phase += clock.elapsed();
                clock = Instant::now();
            };
            let scene = sample.input.to_device(&self.device);
            flops +=
                self.flops
                    .of_scene(&scene, sample.queries.len(), sample.text.len() / text::DIM);
            let shape = [sample.text.len() / text::DIM, text::DIM];
            let text = Tensor::<2>::from_data(TensorData::new(sample.text, shape), &self.device);
            lap(&mut phases.copy);
            let features = model.encode(&scene);
            lap(&mut phases.backbone);
            let outputs: Vec<Output> = model
                .decode(features, &scene, &sample.queries)
                .into_iter()
                .map(
                    |Prediction {
                         class,
                         masks,
                         boxes,
                     }| Output {
                        classes: class.logits(text.clone()),
                        masks,
                        scores: class.score(),
                        boxes,
                        semantics: None,
                    },
                )
                .collect();
            lap(&mut phases.decoder);
            let scenes = self.config.optimiser.scenes_per_step;
            let Some((loss, terms)) =
                view_partition::loss(&outputs, &sample.parts, &self.config.loss, scenes)
            else {
                continue;
            };
            figures.push(Tensor::cat(vec![loss.clone().detach(), terms], 0));
            lap(&mut phases.loss);
            gradients.accumulate(
                model,
                GradientsParams::from_grads((loss / scenes as f32).backward(), model),
            );
            lap(&mut phases.backward);
        }
        // one read-back for all scenes
        let figures = match figures.is_empty() {
            true => vec![],
            false => {
                let values: Vec<f32> = Tensor::stack::<2>(figures, 0)
                    .into_data()
                    .iter::<f32>()
                    .collect();
                values
                    .chunks(1 + Terms::NAMES.len())
                    .map(<[f32]>::to_vec)
                    .collect()
            }
        };
        Part {
            gradients: gradients.grads(),
            figures,
            flops,
            phases,
            statistics: BTreeMap::new(),
        }
    }
}

impl Part {
    /// Combines the result: returns the network after the forward passes, or the one from `before`
    /// them if anything is not finite, and the step.
    fn step(self, before: SegDino3dVl, after: SegDino3dVl) -> (SegDino3dVl, Step) {
        let is_finite = self
            .figures
            .iter()
            .flatten()
            .all(|figure| figure.is_finite())
            && statistics_are_finite(&after);
        let gradients = Finite::new(&after, self.gradients).filter(|_| is_finite);
        let mean = |term: usize| {
            self.figures
                .iter()
                .map(|figures| figures[term])
                .sum::<f32>()
                / self.figures.len() as f32
        };
        let figures = (0..=Terms::NAMES.len()).map(mean).collect();
        let model = if gradients.is_some() { after } else { before };
        (
            model,
            Step {
                figures,
                gradients,
                flops: self.flops,
                phases: self.phases,
            },
        )
    }
}

/// Prefix of the names of running statistics in burn's normalization modules.
const STATISTIC: &str = "running_";

/// The running statistics of `model`, including pending updates.
fn statistics(model: &SegDino3dVl) -> BTreeMap<String, TensorData> {
    struct Read {
        path: Vec<String>,
        found: BTreeMap<String, TensorData>,
    }
    impl ModuleVisitor for Read {
        fn enter_module(&mut self, name: &str, _: &str) {
            self.path.push(name.to_owned());
        }
        fn exit_module(&mut self, _: &str, _: &str) {
            self.path.pop();
        }
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if self
                .path
                .last()
                .is_some_and(|name| name.starts_with(STATISTIC))
            {
                self.found
                    .insert(self.path.join("."), param.val().into_data());
            }
        }
    }
    let mut read = Read {
        path: Vec::new(),
        found: BTreeMap::new(),
    };
    model.valid().visit(&mut read);
    read.found
}

/// `true` if all running statistics of `model` are finite, including pending updates. Reads back
/// once.
fn statistics_are_finite(model: &SegDino3dVl) -> bool {
    struct Sums(Vec<Tensor<1>>, bool);
    impl ModuleVisitor for Sums {
        fn enter_module(&mut self, name: &str, _: &str) {
            self.1 = name.starts_with(STATISTIC);
        }
        fn exit_module(&mut self, _: &str, _: &str) {
            self.1 = false;
        }
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.0.extend(self.1.then(|| param.val().sum()));
        }
    }
    let mut sums = Sums(vec![], false);
    model.valid().visit(&mut sums);
    sums.0.is_empty()
        || Tensor::cat(sums.0, 0)
            .sum()
            .into_scalar::<f32>()
            .is_finite()
}

/// Sets the running statistics to their means over the devices.
struct MeanStatistics {
    statistics: Vec<BTreeMap<String, TensorData>>,
    path: Vec<String>,
}

impl ModuleMapper for MeanStatistics {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let name = self.path.join(".");
        let values: Vec<Tensor<D>> = self
            .statistics
            .iter_mut()
            .filter_map(|of_device| of_device.remove(&name))
            .map(|data| Tensor::from_data(data, &param.lazy_device()))
            .collect();
        let count = values.len() as f32;
        match values.into_iter().reduce(|sum, value| sum + value) {
            Some(sum) => param.map(|_| sum / count),
            None => param,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use segscape::{
        model::{Observation, SceneInput, load_weights, parameters, save_weights},
        superpoint::Superpoints,
    };

    use super::*;
    use crate::{
        ema::Ema, loss::Targets, matching::Pair, optimiser::AdamW,
        view_partition::Part as Supervised,
    };

    /// A tiny network that reads one image feature, and the state that changes as it learns.
    struct Run {
        config: Config,
        devices: Devices,
        model: SegDino3dVl,
        optimiser: AdamW,
        ema: Ema,
    }

    fn config() -> Config {
        let config = "[data]\nrooms = ['x']\n[model]\nvoxel_size = 0.1\nbackbone = { kind = \"sparse_unet\", planes = [8, 8] }\nd_model = 12\nheads = 2\n\
                      ffn = 8\nlayers = 1\nmax_queries = 50\ninputs = { position = true, height = false, image = 1 }\n[optimiser]\nscenes_per_step = 2\n";
        toml::from_str(config).unwrap()
    }

    /// Voxels in a row with four superpoints, the first two of which are an object. One point has
    /// the image feature `image`.
    fn sample(config: &Config, image: f32) -> Sample {
        let positions: Vec<[f32; 3]> = (0..40)
            .map(|i| [i as f32 * 0.1, (i % 3) as f32 * 0.1, 0.0])
            .collect();
        let ids: Vec<u32> = (0..40).map(|i| i / 10).collect();
        let mut features = vec![0.5; 40];
        features[7] = image;
        let observation = Observation {
            positions: &positions,
            image: Some(&features),
            ..Observation::default()
        };
        let input =
            SceneInput::new(&observation, &Superpoints::from_ids(&ids), &config.model).unwrap();
        let truth = Targets {
            object_of_superpoint: vec![Some(0), Some(0), None, None],
            superpoint_sizes: vec![10; 4],
            object_of_query: vec![Some(0), None],
            class_of_object: vec![Some(0)],
            centers: vec![[1.0, 0.1, 0.0]],
            sizes: vec![[2.0, 0.2, 0.1]],
            dense_pairs: vec![Pair {
                query: 0,
                object: 0,
            }],
            surface_of_query: vec![],
        };
        let text = (0..text::DIM)
            .map(|i| if i == 0 { 1.0 } else { 0.0 })
            .collect();
        Sample {
            input,
            queries: vec![0, 3],
            text,
            parts: vec![Supervised { seen: None, truth }],
        }
    }

    impl Run {
        /// Starts a run on `device`, as if there were several of it. The weights are the same on
        /// every device.
        fn new(device: &Device, devices: usize) -> Self {
            let (config, device, cpu) = (config(), device.clone().autodiff(), Device::flex());
            cpu.seed(5);
            let weights = save_weights(&SegDino3dVl::new(&config.model, &cpu)).unwrap();
            let model = SegDino3dVl::new(&config.model, &device);
            Self {
                devices: Devices::new(&vec![device; devices], &config).unwrap(),
                model: load_weights(model, &weights).unwrap(),
                optimiser: AdamW::new(&config.optimiser),
                ema: Ema::new(0.9),
                config,
            }
        }

        /// Makes a step of a valid scene and of one with the image feature `image`; also returns
        /// the loss and its terms if the step was finite.
        fn step(mut self, image: f32) -> (Self, Option<Vec<f32>>) {
            let samples = [0.3, image].map(|image| sample(&self.config, image));
            let (model, step) = self.devices.step(self.model, samples.into()).unwrap();
            let Some(gradients) = step.gradients else {
                self.model = model;
                return (self, None);
            };
            self.model = self.optimiser.step(model, gradients, 0.01);
            self.ema.update(&self.model, self.optimiser.updates);
            (self, Some(step.figures))
        }

        /// The bits of every parameter, running statistic, moment and running mean, by name.
        fn state(&self) -> BTreeMap<String, Vec<u32>> {
            let bits = |values: Vec<f32>| values.into_iter().map(f32::to_bits).collect();
            let flat =
                |tensor: &Tensor<1>| bits(tensor.clone().into_data().iter::<f32>().collect());
            let weights = parameters(&self.model)
                .into_iter()
                .map(|parameter| (parameter.name, bits(parameter.values)));
            let moments = self.optimiser.moments.iter().flat_map(|(name, moments)| {
                moments
                    .iter()
                    .enumerate()
                    .map(move |(which, moment)| (format!("moment {which} {name}"), flat(moment)))
            });
            let means = self
                .ema
                .means
                .iter()
                .map(|(name, mean)| (format!("mean {name}"), flat(&mean.values)));
            weights.chain(moments).chain(means).collect()
        }
    }

    #[test]
    fn a_step_that_is_not_finite_changes_nothing_bit_for_bit() {
        for devices in [1, 2] {
            let (mut run, _) = Run::new(&Device::flex(), devices).step(0.1);
            let before = run.state();
            assert!(
                before.keys().any(|name| name.contains("running_mean"))
                    && before.keys().any(|name| name.starts_with("moment 1"))
            );
            for poison in [f32::NAN, f32::INFINITY, f32::MAX] {
                let figures;
                (run, figures) = run.step(poison);
                assert_eq!(figures, None, "{poison} on {devices} devices");
                let after = run.state();
                let differ = before
                    .iter()
                    .find(|(name, bits)| after[*name] != **bits)
                    .map(|(name, _)| name);
                assert_eq!(
                    (differ, after.len(), run.optimiser.updates),
                    (None, before.len(), 1),
                    "{poison} on {devices} devices"
                );
            }
            // the run continues from there
            let (run, figures) = run.step(0.2);
            assert!(figures.is_some());
            let after = run.state();
            for part in ["running_mean", "conv1.weight", "moment 0", "mean "] {
                assert!(
                    before
                        .iter()
                        .any(|(name, bits)| name.contains(part) && after[name] != *bits),
                    "{part}"
                );
            }
        }
    }

    /// Two steps on a GPU have the losses, the gradients (of which the moments are made) and the
    /// running statistics of the same steps on the CPU. Weights are not compared, because the
    /// optimiser's step has the sign of a gradient, however small it is; the losses of the second
    /// step are those of the weights after the first.
    #[test]
    fn steps_on_a_gpu_are_those_on_the_cpu() {
        const TOLERANCE: f32 = 1e-4;
        let gpu = pollster::block_on(proofs::device::gpu()).device;
        let mut runs = [Device::flex(), gpu].map(|device| Run::new(&device, 1));
        let is_compared = |name: &str| {
            // A bias added to all keys cancels in the softmax: its gradient is rounding alone.
            let is_key_bias = name.contains("attention.key_") && name.ends_with("bias");
            name.contains("running_") || (name.starts_with("moment") && !is_key_bias)
        };
        for image in [0.1, 0.2] {
            let steps = runs.map(|run| run.step(image));
            let [want, got] = steps.each_ref().map(|(run, figures)| {
                let mut values = run.state();
                values.retain(|name, _| is_compared(name));
                let figures = figures.as_ref().unwrap().iter();
                values.insert("figures".into(), figures.map(|x| x.to_bits()).collect());
                values
            });
            assert!(want.keys().eq(got.keys()) && want.len() > 100);
            for (name, want) in &want {
                let floats = |bits: &[u32]| -> Vec<f32> {
                    bits.iter().map(|bits| f32::from_bits(*bits)).collect()
                };
                let (want, got) = (floats(want), floats(&got[name]));
                let largest = want.iter().fold(0.0, |max: f32, x| max.max(x.abs()));
                assert_eq!(got.len(), want.len(), "{name}");
                for (got, want) in got.iter().zip(&want) {
                    assert!(
                        (got - want).abs() <= TOLERANCE * largest,
                        "{name} has {got} instead of {want}; its largest value is {largest}"
                    );
                }
            }
            runs = steps.map(|(run, _)| run);
        }
    }
}
