#![allow(clippy::unwrap_used)]
//! A step whose values are not finite leaves the network as it was.

use segscape::{
    model::{Observation, SceneInput, load_weights, parameters, save_weights},
    superpoint::Superpoints,
};

use proofs::weights::drawn;

use super::*;
use crate::{
    data::view_partition::Part as Supervised, loss::ObjectMasks, loss::Targets,
    loss::matching::Pair, run::ema::Ema, run::optimizer::AdamW,
};

/// A tiny network that reads one image feature, and the state that changes as it learns.
struct Run {
    config: Config,
    devices: Devices,
    model: SegDino3dVl,
    optimizer: AdamW,
    ema: Ema,
}

fn config() -> Config {
    let config = "[data]\nrooms = ['x']\n[model]\nvoxel_size = 0.1\nbackbone = { kind = \"sparse_unet\", planes = [8, 8] }\nd_model = 12\nheads = 2\n\
                  ffn = 8\nlayers = 1\nmax_queries = 50\ninputs = { position = true, height = false, image = 1 }\n[optimizer]\nscenes_per_step = 2\n";
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
    let input = SceneInput::new(&observation, &Superpoints::from_ids(&ids), &config.model).unwrap();
    let truth = Targets {
        masks: ObjectMasks::apart(&[Some(0), Some(0), None, None]),
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
    let text = (0..config.model.text.width)
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
        let weights = drawn(SegDino3dVl::new(&config.model, &cpu), 5);
        let weights = save_weights(&weights).unwrap();
        let model = SegDino3dVl::new(&config.model, &device);
        Self {
            devices: Devices::new(&vec![device; devices], &config).unwrap(),
            model: load_weights(model, &weights).unwrap(),
            optimizer: AdamW::new(&config.optimizer),
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
        self.model = self.optimizer.step(model, gradients, 0.01);
        self.ema.update(&self.model, self.optimizer.updates);
        (self, Some(step.figures))
    }

    /// The bits of every parameter, running statistic, moment and running mean, by name.
    fn state(&self) -> BTreeMap<String, Vec<u32>> {
        let bits = |values: Vec<f32>| values.into_iter().map(f32::to_bits).collect();
        let flat = |tensor: &Tensor<1>| bits(tensor.clone().into_data().iter::<f32>().collect());
        let weights = parameters(&self.model)
            .into_iter()
            .map(|parameter| (parameter.name, bits(parameter.values)));
        let moments = self.optimizer.moments.iter().flat_map(|(name, moments)| {
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
                (differ, after.len(), run.optimizer.updates),
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
/// optimizer's step has the sign of a gradient, however small it is; the losses of the second
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
            // A square has twice the relative error.
            let tolerance = match name.starts_with("moment 1") {
                true => 2.0 * TOLERANCE,
                false => TOLERANCE,
            };
            assert_eq!(got.len(), want.len(), "{name}");
            for (got, want) in got.iter().zip(&want) {
                assert!(
                    (got - want).abs() <= tolerance * largest,
                    "{name} has {got} instead of {want}; its largest value is {largest}"
                );
            }
        }
        runs = steps.map(|(run, _)| run);
    }
}
