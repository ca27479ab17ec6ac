//! The mask terms, which compare each query's mask with its object's.

use burn::tensor::{Device, Tensor, activation};

use segscape::ops;

use super::{
    matching::Pair,
    targets::{DeviceTargets, indices},
};

impl DeviceTargets<'_> {
    /// The binary cross-entropy of the masks, mean over pairs and superpoints, and their dice loss,
    /// mean over pairs; `(1)` each.
    pub(super) fn mask_terms(&self, logits: &Tensor<2>, pairs: &[Pair]) -> [Tensor<1>; 2] {
        if self.is_on_cpu() {
            let pairs: Vec<(u32, u32)> =
                pairs.iter().map(|pair| (pair.query, pair.object)).collect();
            let terms = ops::mask_terms(logits.clone(), self.masks.clone(), &pairs);
            return [0, 1].map(|term| terms.clone().narrow(0, term, 1));
        }
        let rows = |row: fn(&Pair) -> u32| {
            indices(
                pairs.iter().map(|pair| row(pair) as i32).collect(),
                &self.device,
            )
        };
        let logits = logits.clone().select(0, rows(|pair| pair.query));
        let mask = self.masks.clone().select(0, rows(|pair| pair.object));
        [
            cross_entropy(logits.clone(), mask.clone()).mean(),
            dice(activation::sigmoid(logits), mask).mean(),
        ]
    }

    /// `true` on the CPU, where the mask terms have operations of their own.
    fn is_on_cpu(&self) -> bool {
        self.device.clone().without_autodiff() == Device::flex()
    }

    /// The point-weighted IoU of each query's binary mask with its own object, `(Q, 1)`; 0 for a
    /// query without an object. It has no gradient.
    pub(super) fn iou(&self, logits: &Tensor<2>) -> Tensor<2> {
        if self.is_on_cpu() {
            let own: Vec<u32> = self
                .truth
                .object_of_query
                .iter()
                .map(|object| object.unwrap_or(self.objects() as u32))
                .collect();
            return ops::mask_ious(
                logits.clone(),
                self.masks.clone(),
                self.weights.clone(),
                &own,
            );
        }
        let mask = logits.clone().detach().greater_scalar(0.0).float() * self.weights.clone();
        let own = self.masks.clone().select(0, self.object_of_query.clone());
        let inter = (mask.clone() * own.clone()).sum_dim(1);
        let union = mask.sum_dim(1) + (own * self.weights.clone()).sum_dim(1) - inter.clone();
        inter / union.clamp_min(1e-9)
    }
}

/// The element-wise binary cross-entropy of a logit with a target in 0..=1.
pub(super) fn cross_entropy<const D: usize>(logits: Tensor<D>, target: Tensor<D>) -> Tensor<D> {
    softplus(logits.clone()) - logits * target
}

/// ln(1 + e^x) without overflow.
pub(super) fn softplus<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    x.clone().clamp_min(0.0) + x.abs().neg().exp().log1p()
}

/// The dice loss of each row, 1 - (2 |a b| + 1) / (|a| + |b| + 1), `(P, 1)`.
fn dice(a: Tensor<2>, b: Tensor<2>) -> Tensor<2> {
    let inter = (a.clone() * b.clone()).sum_dim(1);
    let area = a.sum_dim(1) + b.sum_dim(1);
    (inter * 2.0 + 1.0) / (area + 1.0) * -1.0 + 1.0
}
