//! The costs by which queries are matched with objects.

use burn::tensor::{Tensor, activation};

use segscape::model::Boxes;

use crate::config::{Loss, Supervision};

use super::{
    Output,
    masks::softplus,
    matching::{self, Pair},
    targets::{DeviceTargets, indices, rows},
};

/// The pairs of every output of every truth, `(truths, outputs)`. The costs of all of them are read
/// back at once: a scene has up to a thousand views, and each read waits for the device.
pub(super) fn matched(
    targets: &[(DeviceTargets, &[Output])],
    options: &Loss,
) -> Vec<Vec<Vec<Pair>>> {
    let costs = targets.iter().flat_map(|(target, outputs)| {
        let of = move |output| target.cost(output, options).flatten::<1>(0, 1);
        outputs.iter().map(of)
    });
    let mut costs = read(costs.collect()).into_iter();
    let of_truth = |(target, outputs): &(DeviceTargets, &[Output])| {
        let objects = target.objects();
        let queries = target.truth.object_of_query.len();
        let of_output = |_: &Output| {
            let cost: Vec<f32> = costs.by_ref().take(queries * (objects + 1)).collect();
            let own = &target.truth.object_of_query;
            let pairs = match options.supervision {
                Supervision::Hungarian => matching::hungarian(&cost, objects + 1),
                Supervision::Sparse | Supervision::Dense => {
                    matching::sparse(&cost, own, objects + 1, options.matching)
                }
            };
            pairs
                .into_iter()
                .filter(|pair| (pair.object as usize) < objects)
                .collect()
        };
        outputs.iter().map(of_output).collect()
    };
    targets.iter().map(of_truth).collect()
}

/// The values of all tensors, one after the other, which the device is waited for once.
fn read(tensors: Vec<Tensor<1>>) -> Vec<f32> {
    if tensors.is_empty() {
        return vec![];
    }
    tracing::trace!(tensors = tensors.len(), "costs are read back");
    Tensor::cat(tensors, 0).into_data().iter::<f32>().collect()
}

impl DeviceTargets<'_> {
    /// The matching cost of each query and object, `(Q, G + 1)` (docs/spec/model.md section 11.2).
    pub(super) fn cost(&self, output: &Output, options: &Loss) -> Tensor<2> {
        let logits = output.masks.clone().detach();
        let [_, superpoints] = logits.dims();
        let classes = || self.truth.class_of_object.iter().copied().chain([None]);
        let named = Tensor::<1>::from_floats(
            classes()
                .map(|c| f32::from(u8::from(c.is_some())))
                .collect::<Vec<_>>()
                .as_slice(),
            &self.device,
        );
        let class = indices(
            classes().map(|c| c.unwrap_or_default() as i32).collect(),
            &self.device,
        );
        let p = activation::softmax(output.classes.clone().detach(), 1).select(1, class)
            * named.unsqueeze::<2>();
        let masks = self.masks.clone().transpose();
        let bce = (softplus(logits.clone()).sum_dim(1) - logits.clone().matmul(masks.clone()))
            / superpoints as f32;
        let sigma = activation::sigmoid(logits);
        let area = sigma.clone().sum_dim(1) + masks.clone().sum_dim(0);
        let dice = (sigma.matmul(masks) * 2.0 + 1.0) / (area + 1.0) * -1.0 + 1.0;
        let mut cost = p * -options.class + bce * options.bce + dice * options.dice;
        if let Some(Boxes { centers, sizes }) = &output.boxes {
            for (predicted, truth, weight) in [
                (centers, &self.truth.centers, options.center),
                (sizes, &self.truth.sizes, options.size),
            ] {
                let mut truth = truth.clone();
                truth.push([0.0; 3]);
                let difference = predicted.clone().detach().unsqueeze_dim::<3>(1)
                    - rows(&truth, &self.device).unsqueeze_dim::<3>(0);
                cost = cost + difference.abs().sum_dim(2).squeeze_dim::<2>(2) * weight;
            }
        }
        cost
    }
}
