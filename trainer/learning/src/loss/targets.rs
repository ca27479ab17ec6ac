//! The ground truth that a scene's outputs are compared with, on the host and on the device.

use burn::tensor::{Device, Int, Tensor, TensorData};
use segscape::superpoint::Superpoints;

use super::matching::Pair;

/// The ground truth of one scene, with S superpoints, Q queries, G objects and T class names.
#[derive(Clone, Debug, Default)]
pub struct Targets {
    /// The superpoints of each object.
    pub masks: ObjectMasks,
    /// Number of points in each superpoint, `(S)`.
    pub superpoint_sizes: Vec<u32>,
    /// Object of each query's own superpoint, `(Q)`; of several the first.
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

/// The superpoints of each object. Superpoints belong to an object if more than half of their points
/// do; objects that a network found may share superpoints.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectMasks {
    superpoints: usize,
    /// `(G)`: the superpoints of each object, ascending.
    of_object: Vec<Vec<u32>>,
}

impl ObjectMasks {
    /// Objects that share nothing, by the object of each superpoint, `(S)`.
    pub fn apart(object_of_superpoint: &[Option<u32>]) -> Self {
        let objects = object_of_superpoint.iter().flatten().max();
        let mut of_object = vec![Vec::new(); objects.map_or(0, |last| *last as usize + 1)];
        for (superpoint, object) in (0..).zip(object_of_superpoint) {
            if let Some(object) = object {
                of_object[*object as usize].push(superpoint);
            }
        }
        Self {
            superpoints: object_of_superpoint.len(),
            of_object,
        }
    }

    /// Objects that may share superpoints, by the points of each object, and the objects that are
    /// left: those with a superpoint of which they have more than half of the points.
    pub fn overlapping(superpoints: &Superpoints, points_of_object: &[Vec<u32>]) -> Self {
        let sizes = superpoints.sizes();
        let superpoint_of_point = superpoints.superpoint_of_point();
        let mut inside = vec![0u32; sizes.len()];
        let mut covered = |points: &Vec<u32>| {
            inside.fill(0);
            for &point in points {
                inside[superpoint_of_point[point as usize] as usize] += 1;
            }
            let all = (0..).zip(inside.iter().zip(&sizes));
            let most = all.filter(|(_, (inside, size))| 2 * **inside > **size);
            most.map(|(superpoint, _)| superpoint).collect::<Vec<u32>>()
        };
        let of_object = points_of_object.iter().map(&mut covered);
        Self {
            of_object: of_object.filter(|covered| !covered.is_empty()).collect(),
            superpoints: sizes.len(),
        }
    }

    /// Number of superpoints, S.
    pub fn superpoints(&self) -> usize {
        self.superpoints
    }

    /// Number of objects up to the last one with a superpoint.
    pub fn objects(&self) -> usize {
        self.of_object.len()
    }

    /// The first of the objects of each superpoint, `(S)`.
    pub fn first_objects(&self) -> Vec<Option<u32>> {
        let mut first = vec![None; self.superpoints];
        for (object, superpoints) in (0..).zip(&self.of_object) {
            for &superpoint in superpoints {
                first[superpoint as usize].get_or_insert(object);
            }
        }
        first
    }

    /// 1 where the superpoint belongs to the object, `(rows, S)`, of the first `rows` objects.
    fn rows(&self, rows: usize) -> Vec<f32> {
        let mut values = vec![0.0; rows * self.superpoints];
        for (object, superpoints) in self.of_object.iter().take(rows).enumerate() {
            for &superpoint in superpoints {
                values[object * self.superpoints + superpoint as usize] = 1.0;
            }
        }
        values
    }
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
        let superpoints = truth.masks.superpoints();
        let masks = truth.masks.rows(objects + 1);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_may_share_superpoints() {
        let superpoints = Superpoints::from_ids(&[0, 0, 1, 1, 1, 2]);
        // The first has half of superpoint 0, which is not most of it, and the third has nothing.
        let points = [vec![1, 2, 3, 5], vec![2, 3, 4], vec![0]];
        let masks = ObjectMasks::overlapping(&superpoints, &points);
        assert_eq!((masks.superpoints(), masks.objects()), (3, 2));
        assert_eq!(masks.first_objects(), [None, Some(0), Some(0)]);
        let rows = [[0.0, 1.0, 1.0], [0.0, 1.0, 0.0], [0.0; 3]];
        assert_eq!(masks.rows(3), rows.concat());
    }

    #[test]
    fn objects_apart_are_those_of_the_superpoints() {
        let object_of_superpoint = [Some(2), None, Some(0), Some(2)];
        let masks = ObjectMasks::apart(&object_of_superpoint);
        assert_eq!(masks.objects(), 3);
        assert_eq!(masks.first_objects(), object_of_superpoint);
        assert_eq!(masks.rows(1), [0.0, 0.0, 1.0, 0.0]);
        assert_eq!(ObjectMasks::apart(&[None; 2]).rows(1), [0.0; 2]);
    }
}
