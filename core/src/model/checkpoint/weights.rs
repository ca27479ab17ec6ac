//! Saving and loading weights: one safetensors file, stored as f16, computed as f32.
//!
//! Tensor names are the paths of fields and variants, such as
//! `backbone.SparseUnet.down.0.1.conv1.weight`. A file must hold exactly the tensors of the network
//! it is loaded into, with the same shapes. Files keep the names that they were written with;
//! [`current_name`] knows the former ones.

use std::{borrow::Cow, collections::HashMap};

use burn::{
    module::{Module, ModuleMapper, ModuleVisitor, Param},
    tensor::{Shape, Tensor, TensorData},
};
use half::f16;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};

/// Former names of parts of the network, and their names now.
const RENAMED: [(&str, &str); 2] = [
    ("decoder.point.", "decoder.query_position."),
    ("decoder.anchor.", "decoder.box_modulation."),
];

/// The path in the network of the parameter that a file stores as `stored`.
pub fn current_name(stored: &str) -> Cow<'_, str> {
    RENAMED
        .iter()
        .find_map(|(former, now)| Some(format!("{now}{}", stored.strip_prefix(former)?)))
        .map_or(Cow::Borrowed(stored), Cow::Owned)
}

/// An error of loading or saving weights.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeightsError {
    /// The file is not a safetensors file, or it is truncated.
    #[error("the weights are not a safetensors file: {0}")]
    Malformed(String),
    /// The network has a parameter that the file lacks.
    #[error("the weights lack the tensor {0}")]
    Missing(String),
    /// The file has a tensor that the network lacks.
    #[error("the weights have a tensor {0} that the network does not have")]
    Unknown(String),
    /// A tensor has a different shape than the parameter.
    #[error("the tensor {name} has shape {found:?}, the network needs {expected:?}")]
    Shape {
        /// Path of the parameter.
        name: String,
        /// Shape in the file.
        found: Vec<usize>,
        /// Shape in the network.
        expected: Vec<usize>,
    },
    /// A tensor is stored neither as f16 nor as f32.
    #[error("the tensor {name} is stored as {found}, only F16 and F32 are read")]
    Dtype {
        /// Path of the parameter.
        name: String,
        /// Type in the file.
        found: String,
    },
    /// A value is NaN or infinite, or, when saving, outside the range of f16.
    #[error("the tensor {name} holds {value}, which is not a finite f16 number")]
    NotFinite {
        /// Path of the parameter.
        name: String,
        /// The first such value.
        value: String,
    },
}

/// Saves the parameters of `module`, including running statistics, as a safetensors file in f16.
/// The same weights give the same bytes.
///
/// Reads from the device synchronously, so it cannot be used in the browser.
///
/// # Errors
/// [`WeightsError::NotFinite`] if a value does not fit into f16.
pub fn save<M: Module>(module: &M) -> Result<Vec<u8>, WeightsError> {
    let stored = parameters(module).into_iter().map(
        |Parameter {
             name,
             shape,
             values,
         }| match values.iter().find(|v| !f16::from_f32(**v).is_finite()) {
            Some(value) => Err(WeightsError::NotFinite {
                name,
                value: value.to_string(),
            }),
            None => Ok((
                name,
                shape,
                values
                    .iter()
                    .flat_map(|v| f16::from_f32(*v).to_le_bytes())
                    .collect(),
            )),
        },
    );
    let stored = stored.collect::<Result<Vec<(String, Vec<usize>, Vec<u8>)>, WeightsError>>()?;
    let malformed =
        |error: safetensors::SafeTensorError| WeightsError::Malformed(error.to_string());
    let views = stored.iter().map(|(name, shape, bytes)| {
        Ok((
            name,
            TensorView::new(Dtype::F16, shape.clone(), bytes).map_err(malformed)?,
        ))
    });
    let views = views.collect::<Result<Vec<_>, WeightsError>>()?;
    safetensors::serialize(views, None).map_err(malformed)
}

/// A parameter or a running statistic in main memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Path of the parameter from the root of the module.
    pub name: String,
    /// Row-major shape.
    pub shape: Vec<usize>,
    /// Values converted to f32.
    pub values: Vec<f32>,
}

/// Returns the parameters of `module`, including running statistics. Reads from the device
/// synchronously, so it cannot be used in the browser.
pub fn parameters<M: Module>(module: &M) -> Vec<Parameter> {
    let mut reader = Reader::default();
    // `valid` also applies pending updates to the running statistics.
    module.valid().visit(&mut reader);
    reader.parameters
}

/// Returns `module` with the values in `bytes`, on the device of the module.
///
/// # Errors
/// The first mismatch between file and network; see [`WeightsError`].
pub fn load<M: Module>(module: M, bytes: &[u8]) -> Result<M, WeightsError> {
    let file = SafeTensors::deserialize(bytes)
        .map_err(|error| WeightsError::Malformed(error.to_string()))?;
    let mut tensors = HashMap::new();
    for (stored, view) in file.iter() {
        if tensors
            .insert(current_name(stored).into_owned(), view)
            .is_some()
        {
            return Err(WeightsError::Unknown(stored.to_owned()));
        }
    }
    let mut loader = Loader {
        tensors,
        path: Path::default(),
        error: None,
    };
    let module = module.map(&mut loader);
    loader.error.map_or(Ok(()), Err)?;
    match loader.tensors.into_keys().min() {
        Some(name) => Err(WeightsError::Unknown(name)),
        None => Ok(module),
    }
}

/// Names of the fields from the root to the current one.
#[derive(Default)]
struct Path(Vec<String>);

impl Path {
    fn name(&self) -> String {
        self.0.join(".")
    }
}

#[derive(Default)]
struct Reader {
    path: Path,
    parameters: Vec<Parameter>,
}

impl ModuleVisitor for Reader {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.0.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.0.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let data = param.val().into_data();
        let values = data.iter::<f32>().collect();
        self.parameters.push(Parameter {
            name: self.path.name(),
            shape: data.shape().to_vec(),
            values,
        });
    }
}

struct Loader<'a> {
    /// The tensors that have not been loaded, by their paths.
    tensors: HashMap<String, TensorView<'a>>,
    path: Path,
    error: Option<WeightsError>,
}

impl Loader<'_> {
    /// Reads and checks the values of the current tensor.
    fn read(&mut self, name: String, shape: &Shape) -> Result<Vec<f32>, WeightsError> {
        let Some(view) = self.tensors.remove(&name) else {
            return Err(WeightsError::Missing(name));
        };
        if *view.shape() != *shape.to_vec() {
            return Err(WeightsError::Shape {
                name,
                found: view.shape().to_vec(),
                expected: shape.to_vec(),
            });
        }
        let bytes = view.data();
        let values: Vec<f32> = match view.dtype() {
            Dtype::F16 => bytes
                .as_chunks()
                .0
                .iter()
                .map(|b| f16::from_le_bytes(*b).to_f32())
                .collect(),
            Dtype::F32 => bytes
                .as_chunks()
                .0
                .iter()
                .map(|b| f32::from_le_bytes(*b))
                .collect(),
            other => {
                return Err(WeightsError::Dtype {
                    name,
                    found: format!("{other:?}"),
                });
            }
        };
        match values.iter().find(|v| !v.is_finite()) {
            Some(value) => Err(WeightsError::NotFinite {
                name,
                value: value.to_string(),
            }),
            None => Ok(values),
        }
    }
}

impl ModuleMapper for Loader<'_> {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.0.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.0.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let shape = param.lazy_shape();
        match self.read(self.path.name(), &shape) {
            Ok(values) => {
                let id = param.id;
                let tensor =
                    Tensor::from_data(TensorData::new(values, shape), &param.lazy_device());
                param.transform_for_load(tensor, id)
            }
            Err(error) => {
                self.error.get_or_insert(error);
                param
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use burn::tensor::Device;

    use super::*;
    use crate::model::{
        Config, SegDino3dVl,
        fixture::{cube, shaken, tiny},
    };

    fn network(config: &Config) -> SegDino3dVl {
        shaken(SegDino3dVl::new(config, &Device::flex()))
    }

    #[test]
    fn loaded_weights_give_the_saved_answers() {
        let (config, device) = (tiny(), Device::flex());
        let saved = network(&config);
        let file = save(&saved).unwrap();
        let loaded = load(network(&config), &file).unwrap();
        assert_eq!(save(&loaded).unwrap(), file);
        let scene = cube(&device, &config);
        let masks = |n: &SegDino3dVl| n.forward(&scene, &[0, 4]).pop().unwrap().masks.into_data();
        masks(&saved).assert_approx_eq::<f32>(
            &masks(&loaded),
            burn::tensor::Tolerance::rel_abs(0.02, 0.02),
        );
    }

    #[test]
    fn statistics_gathered_in_training_are_saved() {
        let (config, device) = (tiny(), Device::flex().autodiff());
        let network = SegDino3dVl::new(&config, &device);
        let before = save(&network).unwrap();
        network.forward(&cube(&device, &config), &[0]);
        let after = save(&network).unwrap();
        let mean = |file: &[u8]| {
            SafeTensors::deserialize(file)
                .unwrap()
                .tensor("backbone.SparseUnet.output.running_mean")
                .unwrap()
                .data()
                .to_vec()
        };
        assert_ne!(mean(&before), mean(&after));
    }

    #[test]
    fn files_with_former_names_are_read() {
        let file = save(&network(&tiny())).unwrap();
        let tensors = SafeTensors::deserialize(&file).unwrap();
        let former = |name: &str| {
            RENAMED.iter().fold(name.to_owned(), |name, (former, now)| {
                name.replacen(now, former, 1)
            })
        };
        let renamed = tensors.iter().filter(|(name, _)| former(name) != **name);
        assert_eq!(renamed.count(), 8, "two layers of weights and biases each");
        let views = tensors.iter().map(|(name, view)| (former(name), view));
        let old = safetensors::serialize(views, None).unwrap();
        assert_eq!(save(&load(network(&tiny()), &old).unwrap()).unwrap(), file);

        let name = "decoder.point.layers.0.bias";
        let twice = tensors.iter().map(|(name, view)| (name.to_owned(), view));
        let view = tensors.tensor(&current_name(name)).unwrap();
        let twice = safetensors::serialize(twice.chain([(name.to_owned(), view)]), None).unwrap();
        assert!(matches!(
            load(network(&tiny()), &twice),
            Err(WeightsError::Unknown(_))
        ));
    }

    #[test]
    fn other_networks_are_refused_by_name() {
        let file = save(&network(&tiny())).unwrap();
        let reject = |config: Config| load(network(&config), &file).unwrap_err();
        assert!(
            matches!(reject(Config { ffn: 8, ..tiny() }), WeightsError::Shape { name, .. } if name == "decoder.layers.0.expand.weight")
        );
        assert!(
            matches!(reject(Config { layers: 3, ..tiny() }), WeightsError::Missing(name) if name.starts_with("decoder.layers.2"))
        );
        assert!(
            matches!(reject(Config { layers: 1, ..tiny() }), WeightsError::Unknown(name) if name.starts_with("decoder.layers.1"))
        );
    }

    #[test]
    fn damaged_files_are_refused() {
        let mut file = save(&network(&tiny())).unwrap();
        assert!(matches!(
            load(network(&tiny()), &file[..file.len() - 1]),
            Err(WeightsError::Malformed(_))
        ));
        assert!(matches!(
            load(network(&tiny()), b"<!doctype html>"),
            Err(WeightsError::Malformed(_))
        ));
        file.splice(file.len() - 2.., f16::NAN.to_le_bytes());
        assert!(matches!(
            load(network(&tiny()), &file),
            Err(WeightsError::NotFinite { .. })
        ));
    }
}
