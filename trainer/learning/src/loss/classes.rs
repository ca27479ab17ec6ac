//! The class terms, of objects and of superpoints.

use burn::tensor::{Tensor, TensorData, activation};

use super::{
    matching::Pair,
    targets::{DeviceTargets, indices},
};

impl DeviceTargets<'_> {
    /// The weighted mean of the cross-entropy over T + 1 classes, `(1)`. Queries without a pair are
    /// "no object" and have the weight `no_object`.
    pub(super) fn class(&self, logits: &Tensor<2>, pairs: &[Pair], no_object: f32) -> Tensor<1> {
        let [queries, classes] = logits.dims();
        let mut class = vec![classes as i32 - 1; queries];
        let mut weight = vec![no_object; queries];
        for pair in pairs {
            let name = self.truth.class_of_object[pair.object as usize];
            class[pair.query as usize] = name.unwrap_or_default() as i32;
            weight[pair.query as usize] = f32::from(u8::from(name.is_some()));
        }
        let sum = weight.iter().sum::<f32>().max(f32::MIN_POSITIVE);
        let class = indices(class, &self.device).unsqueeze_dim::<2>(1);
        let weight = Tensor::<2>::from_data(TensorData::new(weight, [queries, 1]), &self.device);
        let log_p = activation::log_softmax(logits.clone(), 1).gather(1, class);
        (log_p * weight).sum() / -sum
    }

    /// The cross-entropy over the superpoint classes, `(1)`: of all queries with `background`,
    /// otherwise without that class and without the queries whose superpoint is background.
    pub(super) fn semantic(&self, logits: &Tensor<2>, background: bool) -> Tensor<1> {
        let [queries, columns] = logits.dims();
        let classes = if background { columns } else { columns - 1 };
        let surface = &self.truth.surface_of_query;
        let known: Vec<f32> = surface
            .iter()
            .map(|s| f32::from(u8::from(background || s.is_some())))
            .collect();
        let count = known.iter().sum::<f32>();
        if known.len() != queries || count == 0.0 {
            return Tensor::zeros([1], &self.device);
        }
        let class = indices(
            surface
                .iter()
                .map(|s| s.map_or(classes as i32 - 1, |s| s as i32))
                .collect(),
            &self.device,
        )
        .unsqueeze_dim::<2>(1);
        let known = Tensor::<2>::from_data(TensorData::new(known, [queries, 1]), &self.device);
        let log_p =
            activation::log_softmax(logits.clone().narrow(1, 0, classes), 1).gather(1, class);
        (log_p * known).sum() / -count
    }
}
