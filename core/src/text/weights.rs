//! The tensors of an encoder's published weights, and the layers made of them.

use burn::{
    module::Param,
    nn::{LayerNorm, LayerNormConfig, Linear, LinearConfig},
    tensor::{Device, Tensor, TensorData},
};
use safetensors::SafeTensors;

use super::{LoadTextError, manifest::numbers};
use crate::ops::{FixedPointLinear, RowNorm};

/// A safetensors file with the tensors of an encoder.
pub(super) struct Weights<'a> {
    file: SafeTensors<'a>,
    device: &'a Device,
}

impl<'a> Weights<'a> {
    /// Opens the file; layers are made on `device`.
    pub(super) fn open(file: &'a [u8], device: &'a Device) -> Result<Self, LoadTextError> {
        let file = SafeTensors::deserialize(file);
        let file = file.map_err(|error| LoadTextError::Weights(error.to_string()))?;
        Ok(Self { file, device })
    }

    /// The numbers of a tensor of exactly this shape.
    pub(super) fn numbers(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, LoadTextError> {
        let wrong = |found: String| LoadTextError::Tensor {
            name: name.to_owned(),
            expected: shape.to_vec(),
            found,
        };
        let tensor = self.file.tensor(name).map_err(|e| wrong(e.to_string()))?;
        if tensor.shape() != shape {
            return Err(wrong(format!("it has shape {:?}", tensor.shape())));
        }
        let values = numbers(tensor.dtype(), tensor.data())
            .ok_or_else(|| wrong(format!("it is {:?}", tensor.dtype())))?;
        match values.iter().position(|value| !value.is_finite()) {
            Some(at) => Err(wrong(format!("number {at} is {}", values[at]))),
            None => Ok(values),
        }
    }

    /// A tensor on the device.
    pub(super) fn tensor<const D: usize>(
        &self,
        name: &str,
        shape: [usize; D],
    ) -> Result<Tensor<D>, LoadTextError> {
        let values = self.numbers(name, &shape)?;
        Ok(Tensor::from_data(
            TensorData::new(values, shape),
            self.device,
        ))
    }

    /// A matrix `(outputs, inputs)` of the file as `(inputs, outputs)`, transposed once here: a
    /// product would copy a transposed view each time. Further dimensions count as inputs.
    pub(super) fn transposed(
        &self,
        name: &str,
        shape: &[usize],
    ) -> Result<Tensor<2>, LoadTextError> {
        let stored = self.numbers(name, shape)?;
        let outputs = shape[0];
        let inputs = stored.len() / outputs;
        let columns = (0..inputs).flat_map(|i| stored.iter().skip(i).step_by(inputs));
        let data = TensorData::new(columns.copied().collect::<Vec<_>>(), [inputs, outputs]);
        Ok(Tensor::from_data(data, self.device))
    }

    /// A layer with a weight and a bias.
    pub(super) fn linear(
        &self,
        name: &str,
        inputs: usize,
        outputs: usize,
    ) -> Result<Linear, LoadTextError> {
        let weight = self.transposed(&format!("{name}.weight"), &[outputs, inputs])?;
        let bias = self.tensor(&format!("{name}.bias"), [outputs])?;
        let mut linear = LinearConfig::new(inputs, outputs).init(self.device);
        linear.weight = Param::from_tensor(weight);
        linear.bias = Some(Param::from_tensor(bias));
        Ok(linear)
    }

    /// Layers of the same input, side by side, in fixed point on the CPU.
    pub(super) fn fixed_point_linear(
        &self,
        names: impl Iterator<Item = String>,
        inputs: usize,
        outputs: usize,
    ) -> Result<FixedPointLinear, LoadTextError> {
        let (mut weight, mut bias) = (vec![], vec![]);
        for name in names {
            weight.extend(self.numbers(&format!("{name}.weight"), &[outputs, inputs])?);
            bias.extend(self.numbers(&format!("{name}.bias"), &[outputs])?);
        }
        Ok(FixedPointLinear::new(&weight, bias))
    }

    /// A layer normalization on the CPU.
    pub(super) fn row_norm(
        &self,
        name: &str,
        width: usize,
        epsilon: f64,
    ) -> Result<RowNorm, LoadTextError> {
        Ok(RowNorm {
            gamma: self.numbers(&format!("{name}.weight"), &[width])?,
            beta: self.numbers(&format!("{name}.bias"), &[width])?,
            epsilon: epsilon as f32,
        })
    }

    /// A layer normalization.
    pub(super) fn norm(
        &self,
        name: &str,
        width: usize,
        epsilon: f64,
    ) -> Result<LayerNorm, LoadTextError> {
        let mut norm = LayerNormConfig::new(width)
            .with_epsilon(epsilon)
            .init(self.device);
        norm.gamma = Param::from_tensor(self.tensor(&format!("{name}.weight"), [width])?);
        norm.beta = Some(Param::from_tensor(
            self.tensor(&format!("{name}.bias"), [width])?,
        ));
        Ok(norm)
    }
}
