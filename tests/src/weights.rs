//! Weights of untrained networks that depend on a seed alone. Burn has one sequence of random numbers
//! for the whole process, and tests run side by side: what one draws is missing to the others.

use burn::{
    module::{Module, ModuleMapper, Param},
    tensor::{Tensor, TensorData},
};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// Returns `module` with other weights and biases, drawn in the order of its fields. Vectors of
/// zeros and ones stay: scales, shifts and running statistics of normalizations.
pub fn drawn<M: Module>(module: M, seed: u64) -> M {
    module.map(&mut Draw(ChaCha8Rng::seed_from_u64(seed)))
}

struct Draw(ChaCha8Rng);

impl ModuleMapper for Draw {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let shape = param.lazy_shape().to_vec();
        let count: usize = shape.iter().product();
        let is_constant = |value: f32| value == 0.0 || value == 1.0;
        if D == 1 && param.val().into_data().iter::<f32>().all(is_constant) {
            return param;
        }
        // The last dimension is that of the outputs. A sum over the inputs has unit variance.
        let bound = match D {
            1 => 0.1,
            _ => (3.0 * shape[D - 1] as f32 / count as f32).sqrt(),
        };
        let values = (0..count)
            .map(|_| self.0.random_range(-bound..=bound))
            .collect();
        let tensor = Tensor::from_data(
            TensorData::new::<f32, _>(values, shape),
            &param.lazy_device(),
        );
        let id = param.id;
        param.transform_for_load(tensor, id)
    }
}
