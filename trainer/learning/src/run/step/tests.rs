#![allow(clippy::unwrap_used)]
//! A step whose values are not finite leaves the network as it was.

use segscape::{
    model::{Observation, SceneInput, parameters},
    superpoint::Superpoints,
};

use super::*;
use crate::{
    data::view_partition::Part as Supervised, loss::Targets, loss::matching::Pair, run::ema::Ema,
    run::optimizer::AdamW,
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
    fn new(devices: usize) -> Self {
        let (config, device) = (config(), Device::flex().autodiff());
        device.seed(5);
        Self {
            devices: Devices::new(&vec![device.clone(); devices], &config).unwrap(),
            model: SegDino3dVl::new(&config.model, &device),
            optimizer: AdamW::new(&config.optimizer),
            ema: Ema::new(0.9),
            config,
        }
    }

    /// Makes a step of a valid scene and of one with the image feature `image`; also returns
    /// `true` if the step was finite.
    fn step(mut self, image: f32) -> (Self, bool) {
        let samples = [0.3, image].map(|image| sample(&self.config, image));
        let (model, step) = self.devices.step(self.model, samples.into()).unwrap();
        let is_finite = step.gradients.is_some();
        self.model = match step.gradients {
            Some(gradients) => self.optimizer.step(model, gradients, 0.01),
            None => model,
        };
        if is_finite {
            self.ema.update(&self.model, self.optimizer.updates);
        }
        (self, is_finite)
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
        let (mut run, _) = Run::new(devices).step(0.1);
        let before = run.state();
        assert!(
            before.keys().any(|name| name.contains("running_mean"))
                && before.keys().any(|name| name.starts_with("moment 1"))
        );
        for poison in [f32::NAN, f32::INFINITY, f32::MAX] {
            let was_finite;
            (run, was_finite) = run.step(poison);
            assert!(!was_finite, "{poison} on {devices} devices");
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
        let (run, was_finite) = run.step(0.2);
        assert!(was_finite);
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
