//! Warm start: takes initial weights from a trained network, as far as the new network has the same
//! parts.

use std::{collections::BTreeMap, path::Path};

use anyhow::Context;
use burn::{
    module::{Module, ModuleMapper, Param},
    tensor::{Device, Tensor, TensorData},
};
use segscape::model::{self, Parameter, SegDino3dVl, config::Inputs, parameters};

use crate::models;

/// Initial state of a run that has no checkpoint yet.
#[derive(Clone, Copy, Debug)]
pub struct WarmStart<'a> {
    /// Folder of an exported model or of a run.
    pub folder: &'a Path,
    /// Number of steps that count as already made: the learning rate and the samples are those of
    /// the steps after them.
    pub steps: u64,
}

/// Creates a network of `config` on `device` with the weights of the network in `folder`, an
/// exported model or a run.
///
/// The new network may have additional inputs. The weights of additional image features are zero,
/// so that these have no effect until the network learns them. Attention to objects is initialized
/// as in any new network if only the new network has it, and is left out if only the old one has
/// it.
///
/// # Errors
/// Returns an error if there is no network in `folder`, or if it differs in anything else.
pub fn network(
    folder: &Path,
    config: &model::Config,
    device: &Device,
) -> anyhow::Result<SegDino3dVl> {
    let (found, trained) = models::load_weights(folder, &device.clone().inner())?;
    let configured = "the configured network";
    config
        .text
        .check(configured, &found.text, "the network to start from")
        .with_context(|| folder.display().to_string())?;
    let fewer = |of: &model::Config| model::Config {
        inputs: Inputs {
            image: 0,
            views: config.inputs.views,
            ..of.inputs.clone()
        },
        objects: None,
        modulation: config.modulation,
        max_queries: config.max_queries,
        own_statistics: config.own_statistics,
        ..of.clone()
    };
    let complaint = || {
        format!(
            "{} has a network whose weights the configured network cannot start from",
            folder.display()
        )
    };
    anyhow::ensure!(
        fewer(&found) == fewer(config),
        "{}: they differ in more than the inputs from images",
        complaint()
    );
    let weights = parameters(&trained)
        .into_iter()
        .map(|p| (p.name.clone(), p))
        .collect();
    let mut begin = Begin {
        weights,
        path: Vec::new(),
        error: None,
    };
    let network = SegDino3dVl::new(config, device).map(&mut begin);
    begin.error.map_or(Ok(network), Err).with_context(complaint)
}

struct Begin {
    weights: BTreeMap<String, Parameter>,
    path: Vec<String>,
    error: Option<anyhow::Error>,
}

impl ModuleMapper for Begin {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(Parameter {
            name,
            shape,
            values,
        }) = self.weights.remove(&self.path.join("."))
        else {
            return param;
        };
        let wanted = param.lazy_shape().to_vec();
        match widened(values, &shape, &wanted) {
            Some(values) => {
                let tensor =
                    Tensor::from_data(TensorData::new(values, wanted), &param.lazy_device());
                let id = param.id;
                param.transform_for_load(tensor, id)
            }
            None => {
                self.error.get_or_insert_with(|| {
                    anyhow::anyhow!("{name} has shape {shape:?}, not {wanted:?}")
                });
                param
            }
        }
    }
}

/// Pads the weights of a kernel, `(offsets, input channels, output channels)`, with zeros for
/// additional input channels; other weights are returned as they are. Returns `None` if the shapes
/// do not fit.
fn widened(values: Vec<f32>, shape: &[usize], wanted: &[usize]) -> Option<Vec<f32>> {
    if shape == wanted {
        return Some(values);
    }
    let ([offsets, input, output], [more_offsets, more_input, more_output]) = (shape, wanted)
    else {
        return None;
    };
    if (offsets, output) != (more_offsets, more_output) || input > more_input {
        return None;
    }
    let new = vec![0.0; (more_input - input) * output];
    Some(
        values
            .chunks_exact(input * output)
            .flat_map(|old| old.iter().chain(&new))
            .copied()
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use segscape::{
        model::{Config as ModelConfig, Observation, SceneInput},
        superpoint::Superpoints,
    };

    use super::*;
    use crate::{
        config::Config,
        run::checkpoint::{self, CHECKPOINT, State},
        run::optimizer::AdamW,
    };

    fn tiny(more: &str) -> Config {
        let size = "voxel_size = 0.1\nbackbone = { kind = \"sparse_unet\", planes = [8, 8] }\nd_model = 12\nheads = 2\nffn = 8\nlayers = 1\nmax_queries = 50\n";
        toml::from_str(&format!("[data]\nrooms = ['x']\n[model]\n{size}{more}")).unwrap()
    }

    /// Writes the run of a network that takes points alone, and returns the network.
    fn run(folder: &Path) -> SegDino3dVl {
        let config = tiny("");
        let network = SegDino3dVl::new(&config.model, &Device::flex().autodiff());
        checkpoint::save(
            &folder.join(CHECKPOINT),
            &network,
            &AdamW::new(&config.optimizer),
            None,
            &config,
            &State::default(),
        )
        .unwrap();
        network
    }

    /// The mask logits for a cube of points without any image.
    fn masks(network: &SegDino3dVl, config: &ModelConfig) -> Vec<f32> {
        let positions: Vec<[f32; 3]> = (0..512)
            .map(|i| [i % 8, i / 8 % 8, i / 64].map(|x| x as f32 * 0.1))
            .collect();
        let superpoints = Superpoints::from_ids(&(0..512).map(|i| i / 64).collect::<Vec<_>>());
        let observation = Observation {
            positions: &positions,
            ..Observation::default()
        };
        let scene = SceneInput::new(&observation, &superpoints, config)
            .unwrap()
            .to_device(&Device::flex());
        network
            .valid()
            .forward(&scene, &[0, 3])
            .pop()
            .unwrap()
            .masks
            .into_data()
            .iter::<f32>()
            .collect()
    }

    #[test]
    fn image_features_change_nothing_at_first() {
        let folder = tempfile::tempdir().unwrap();
        let trained = run(folder.path());
        let more =
            tiny("inputs = { position = true, height = true, image = 5, views = \"nearest\" }\n")
                .model;
        let network = network(folder.path(), &more, &Device::flex().autodiff()).unwrap();
        let expected = masks(&trained, &tiny("").model);
        assert_eq!(masks(&network, &more), expected);
        assert_ne!(
            masks(&SegDino3dVl::new(&more, &Device::flex()), &more),
            expected
        );
        let objects = tiny("objects = { channels = 4, reach = 0.3 }\n").model;
        let weight = |network: &SegDino3dVl| {
            parameters(network)
                .into_iter()
                .find(|p| p.name == "decoder.content.weight")
        };
        assert_eq!(
            weight(&super::network(folder.path(), &objects, &Device::flex()).unwrap()),
            weight(&trained)
        );
    }

    #[test]
    fn networks_of_other_sizes_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        run(folder.path());
        let refusal = |config: ModelConfig| {
            network(folder.path(), &config, &Device::flex())
                .unwrap_err()
                .to_string()
        };
        let refused = refusal(ModelConfig {
            ffn: 16,
            ..tiny("").model
        });
        assert!(
            refused.contains("differ in more than the inputs from images"),
            "{refused}"
        );
        assert!(
            network(
                &folder.path().join("none"),
                &tiny("").model,
                &Device::flex()
            )
            .is_err()
        );
    }

    #[test]
    fn a_kernel_reads_new_channels_with_zeros() {
        let kernel = vec![1.0, 2.0, 3.0, 4.0];
        assert_eq!(
            widened(kernel.clone(), &[2, 1, 2], &[2, 2, 2]),
            Some(vec![1.0, 2.0, 0.0, 0.0, 3.0, 4.0, 0.0, 0.0])
        );
        assert_eq!(widened(kernel.clone(), &[2, 2, 1], &[2, 1, 1]), None);
        assert_eq!(widened(kernel, &[4], &[5]), None);
    }
}
