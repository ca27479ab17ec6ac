//! The ground truth that a scene's outputs are compared with, on the host and on the device.

use burn::tensor::{Device, Int, Tensor, TensorData};

use super::matching::Pair;

/// The ground truth of one scene, with S superpoints, Q queries, G objects and T class names.
#[derive(Clone, Debug, Default)]
pub struct Targets {
    /// Object that more than half of each superpoint's points belong to, `(S)`.
    pub object_of_superpoint: Vec<Option<u32>>,
    /// Number of points in each superpoint, `(S)`.
    pub superpoint_sizes: Vec<u32>,
    /// Object of each query's own superpoint, `(Q)`.
    pub object_of_query: Vec<Option<u32>>,
    /// Index of each object's class among the T names, `(G)`. An object without one does not
    /// contribute to the class term.
    pub class_of_object: Vec<Option<u32>>,
    /// Box centres, `(G, 3)`, metres, in the frame of the network's input.
    pub centers: Vec<[f32; 3]>,
    /// Box sizes, `(G, 3)`, metres.
    pub sizes: Vec<[f32; 3]>,
    /// Pairs that dense supervision drew for the mask and box terms.
    pub dense_pairs: Vec<Pair>,
    /// Superpoint class of each query's own superpoint, `(Q)`; `None` for background. It is used
    /// only if the network predicts superpoint classes.
    pub surface_of_query: Vec<Option<u32>>,
}

/// [`Targets`] on the device. One additional object with an empty mask stands for "none", so that no
/// tensor is ever empty.
pub(super) struct DeviceTargets<'a> {
    pub(super) truth: &'a Targets,
    pub(super) device: Device,
    /// 1 where the superpoint belongs to the object, `(G + 1, S)`.
    pub(super) masks: Tensor<2>,
    /// Share of the points that each superpoint has, `(1, S)`.
    pub(super) weights: Tensor<2>,
    /// Object of each query, G for none, `(Q)`.
    pub(super) object_of_query: Tensor<1, Int>,
}

impl<'a> DeviceTargets<'a> {
    pub(super) fn new(truth: &'a Targets, device: &Device) -> Self {
        let objects = truth.class_of_object.len();
        let superpoints = truth.object_of_superpoint.len();
        let mut masks = vec![0.0_f32; (objects + 1) * superpoints];
        for (superpoint, object) in truth.object_of_superpoint.iter().enumerate() {
            if let Some(object) = object {
                masks[*object as usize * superpoints + superpoint] = 1.0;
            }
        }
        let points: f32 = truth.superpoint_sizes.iter().map(|&n| n as f32).sum();
        let weights: Vec<f32> = truth
            .superpoint_sizes
            .iter()
            .map(|&n| n as f32 / points)
            .collect();
        let object_of_query: Vec<i32> = truth
            .object_of_query
            .iter()
            .map(|o| o.map_or(objects as i32, |o| o as i32))
            .collect();
        Self {
            truth,
            masks: Tensor::from_data(TensorData::new(masks, [objects + 1, superpoints]), device),
            weights: Tensor::from_data(TensorData::new(weights, [1, superpoints]), device),
            object_of_query: indices(object_of_query, device),
            device: device.clone(),
        }
    }

    pub(super) fn objects(&self) -> usize {
        self.truth.class_of_object.len()
    }
}

/// Row indices on the device.
pub fn indices(values: Vec<i32>, device: &Device) -> Tensor<1, Int> {
    let length = values.len();
    Tensor::from_data(TensorData::new(values, [length]), device)
}

/// Rows of three numbers on the device, `(rows, 3)`.
pub(super) fn rows(values: &[[f32; 3]], device: &Device) -> Tensor<2> {
    Tensor::from_data(
        TensorData::new(values.as_flattened().to_vec(), [values.len(), 3]),
        device,
    )
}
