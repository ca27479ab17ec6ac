//! Values computed by the original code (`../shared/golden/setA`), for the tests of the network's parts.
#![allow(clippy::unwrap_used)]

use std::{collections::HashMap, path::PathBuf};

use burn::{
    module::Module,
    tensor::{Device, Tensor, TensorData},
};
use half::bf16;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};

use super::weights;

/// One file of reference values as f32.
pub struct Golden(HashMap<String, (Vec<usize>, Vec<f32>)>);

impl Golden {
    pub fn open(name: &str) -> Option<Self> {
        let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "../../shared/golden/setA", &format!("{name}.safetensors")].iter().collect();
        let Ok(bytes) = std::fs::read(&path) else {
            eprintln!("skipped: {} is absent", path.display());
            return None;
        };
        let read = |view: &TensorView| -> Vec<f32> {
            let data = view.data();
            match view.dtype() {
                Dtype::F64 => data.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b) as f32).collect(),
                Dtype::F32 => data.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
                Dtype::BF16 => data.as_chunks().0.iter().map(|b| bf16::from_le_bytes(*b).to_f32()).collect(),
                Dtype::I32 => data.as_chunks().0.iter().map(|b| i32::from_le_bytes(*b) as f32).collect(),
                Dtype::I64 => data.as_chunks().0.iter().map(|b| i64::from_le_bytes(*b) as f32).collect(),
                Dtype::BOOL => data.iter().map(|b| f32::from(*b)).collect(),
                other => panic!("{other:?}"),
            }
        };
        let file = SafeTensors::deserialize(&bytes).unwrap();
        Some(Self(file.iter().map(|(name, view)| (name.to_owned(), (view.shape().to_vec(), read(&view)))).collect()))
    }

    pub fn values(&self, name: &str) -> &[f32] {
        &self.0.get(name).unwrap_or_else(|| panic!("no {name}")).1
    }

    pub fn shape(&self, name: &str) -> &[usize] {
        &self.0[name].0
    }

    pub fn tensor<const D: usize>(&self, name: &str) -> Tensor<D> {
        let (shape, values) = self.0.get(name).unwrap_or_else(|| panic!("no {name}"));
        Tensor::from_data(TensorData::new(values.clone(), shape.clone()), &Device::flex())
    }

    pub fn check(&self, name: &str, found: &Tensor<2>, tolerance: f32) {
        let difference = (found.clone() - self.tensor::<2>(name)).abs().max().into_scalar::<f32>();
        assert!(difference <= tolerance, "{name} differs by {difference}");
    }

    pub fn voxels(&self, name: &str) -> Vec<[i32; 3]> {
        self.values(name).as_chunks().0.iter().map(|c: &[f32; 3]| c.map(|c| c as i32)).collect()
    }
}

/// `module` with every parameter that `source` knows under another name and layout.
pub fn with_weights<M: Module>(module: M, source: impl Fn(&str) -> Option<Vec<f32>>) -> M {
    let own = weights::save(&module).unwrap();
    let own = SafeTensors::deserialize(&own).unwrap();
    let tensors: Vec<(String, Vec<usize>, Vec<u8>)> = own
        .iter()
        .map(|(name, view)| {
            let values = source(name).unwrap_or_else(|| vec![0.0; view.shape().iter().product()]);
            (name.to_owned(), view.shape().to_vec(), values.iter().flat_map(|v| v.to_le_bytes()).collect())
        })
        .collect();
    let views = tensors.iter().map(|(name, shape, bytes)| (name, TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap()));
    weights::load(module, &safetensors::serialize(views, None).unwrap()).unwrap()
}

/// (rows, columns) to (columns, rows).
pub fn transposed(values: &[f32], rows: usize) -> Vec<f32> {
    let columns = values.len() / rows;
    (0..values.len()).map(|i| values[i % rows * columns + i / rows]).collect()
}
