//! The exponential moving average of a network's weights. It is steadier than the latest weights,
//! so it is evaluated and exported in their place.

use std::collections::BTreeMap;

use burn::{
    module::{Module, ModuleVisitor, Param},
    tensor::Tensor,
};

use crate::run::elementwise::approach;

/// The running mean of one parameter or running statistic: a flat tensor and its shape.
pub struct Mean {
    /// Shape of the parameter or statistic.
    pub shape: Vec<usize>,
    /// Flat values, `(elements)`.
    pub values: Tensor<1>,
}

/// Running means of the parameters and of the running statistics, by path in the module. All of it
/// is kept in checkpoints.
pub struct Ema {
    /// Means by path in the module; empty before the first update.
    pub means: BTreeMap<String, Mean>,
    decay: f64,
}

impl Ema {
    /// Creates an average that holds no means yet.
    pub fn new(decay: f64) -> Self {
        Self {
            means: BTreeMap::new(),
            decay,
        }
    }

    /// Takes in the weights after `updates` updates. The decay is at most (1 + updates) / (10 +
    /// updates), so that early means are forgotten faster: otherwise the random initial weights
    /// would influence short runs to their end.
    pub fn update<M: Module>(&mut self, module: &M, updates: u64) {
        let decay = self
            .decay
            .min((1.0 + updates as f64) / (10.0 + updates as f64)) as f32;
        // `valid` also brings pending updates into the running statistics.
        module.valid().visit(&mut Update {
            means: &mut self.means,
            decay,
            path: Vec::new(),
        });
    }
}

struct Update<'a> {
    means: &'a mut BTreeMap<String, Mean>,
    decay: f32,
    path: Vec<String>,
}

impl ModuleVisitor for Update<'_> {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let value = param.val();
        let shape = value.dims().to_vec();
        let value = value.flatten::<1>(0, D - 1);
        let name = self.path.join(".");
        let values = match self.means.remove(&name) {
            Some(mean) => approach(mean.values, value, self.decay),
            None => value,
        };
        self.means.insert(name, Mean { shape, values });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use burn::{
        nn::{Initializer, Linear, LinearConfig},
        tensor::Device,
    };

    use super::*;

    fn constant(value: f64) -> Linear {
        LinearConfig::new(2, 1)
            .with_bias(false)
            .with_initializer(Initializer::Constant { value })
            .init(&Device::flex().autodiff())
    }

    #[test]
    fn means_follow_the_weights() {
        let mut ema = Ema::new(0.5);
        let mean = |ema: &Ema| {
            ema.means["weight"]
                .values
                .clone()
                .into_data()
                .iter::<f32>()
                .next()
                .unwrap()
        };
        ema.update(&constant(1.0), 1);
        assert_eq!(
            (mean(&ema), ema.means["weight"].shape.as_slice()),
            (1.0, &[2, 1][..])
        );
        ema.update(&constant(3.0), 2);
        let early = 3.0 / 12.0;
        assert!(
            (mean(&ema) - (early + (1.0 - early) * 3.0)).abs() < 1e-6,
            "{}",
            mean(&ema)
        );
        let before = mean(&ema);
        ema.update(&constant(1.0), 1000);
        assert!((mean(&ema) - (before + 1.0) / 2.0).abs() < 1e-6);
    }
}
