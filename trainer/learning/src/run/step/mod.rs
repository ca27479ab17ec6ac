//! The gradients of one training step: the forward and backward pass of each of its scenes, on one
//! device or distributed over several.
//!
//! Burn's own collective operations exist only on CUDA, so the gradients are summed here. Each
//! further device has a thread for the whole run, which receives a copy of the weights and the
//! scenes of every step and returns the sum of their gradients.

mod statistics;

use std::{
    collections::BTreeMap,
    sync::mpsc::{Receiver, Sender, channel},
    thread,
    time::{Duration, Instant},
};

use anyhow::Context;
use burn::{
    module::Module,
    optim::{GradientsAccumulator, GradientsParams},
    tensor::{Device, Tensor, TensorData},
};
use segscape::model::{Prediction, SegDino3dVl};

use crate::{
    config::Config,
    data::samples::Sample,
    data::view_partition,
    loss::{Output, Terms},
    run::flops::Flops,
    run::optimizer::Finite,
};

use statistics::{MeanStatistics, statistics, statistics_are_finite};

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
        let (first, others) = devices
            .split_first()
            .context("there is no device to train on")?;
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
            let width = self.config.model.text.width;
            let shape = [sample.text.len() / width, width];
            flops += self.flops.of_scene(&scene, sample.queries.len(), shape[0]);
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
            let scenes = self.config.optimizer.scenes_per_step;
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

#[cfg(test)]
mod tests;
