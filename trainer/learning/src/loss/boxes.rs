//! The box terms, which compare each query's box with its object's.

use burn::tensor::Tensor;

use segscape::model::Boxes;

use super::{
    matching::Pair,
    targets::{DeviceTargets, indices, rows},
};

impl DeviceTargets<'_> {
    /// The L1 losses of the box centres and of the box sizes, summed over xyz, mean over pairs;
    /// `(1)` each.
    pub(super) fn box_terms(&self, predicted: &Boxes, pairs: &[Pair]) -> [Tensor<1>; 2] {
        let query = indices(pairs.iter().map(|p| p.query as i32).collect(), &self.device);
        let object = indices(
            pairs.iter().map(|p| p.object as i32).collect(),
            &self.device,
        );
        let l1 = |predicted: &Tensor<2>, truth: &[[f32; 3]]| {
            let expected = rows(truth, &self.device).select(0, object.clone());
            (predicted.clone().select(0, query.clone()) - expected)
                .abs()
                .sum_dim(1)
                .mean()
        };
        [
            l1(&predicted.centers, &self.truth.centers),
            l1(&predicted.sizes, &self.truth.sizes),
        ]
    }
}
