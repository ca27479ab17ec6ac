//! The running statistics of a network that several devices train.

use std::collections::BTreeMap;

use burn::{
    module::{Module, ModuleMapper, ModuleVisitor, Param},
    tensor::{Tensor, TensorData},
};
use segscape::model::SegDino3dVl;

/// Prefix of the names of running statistics in burn's normalization modules.
const STATISTIC: &str = "running_";

/// The running statistics of `model`, including pending updates.
pub(super) fn statistics(model: &SegDino3dVl) -> BTreeMap<String, TensorData> {
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
pub(super) fn statistics_are_finite(model: &SegDino3dVl) -> bool {
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
pub(super) struct MeanStatistics {
    pub(super) statistics: Vec<BTreeMap<String, TensorData>>,
    pub(super) path: Vec<String>,
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
