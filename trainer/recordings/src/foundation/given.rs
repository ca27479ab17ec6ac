//! Superpoints, features and objects that other programs computed for a whole scene, for scenes
//! without images to compute them from.

use std::collections::BTreeSet;

use anyhow::{Context, ensure};
use safetensors::{Dtype, SafeTensors};
use segscape::views::ObjectQueries;

use super::tensors::{Tensor, rows, values};

const SUPERPOINT: &str = "superpoint";
const POINT_FEATURES: &str = "point_features";
const OBJECT_FEATURES: &str = "object_features";
const OBJECT_POSITIONS: &str = "object_positions";

/// Superpoints, image features of points, and objects seen in images; each may be missing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Given {
    /// Shape `(points)`: arbitrary ids of the superpoints.
    pub superpoints: Option<Vec<u32>>,
    /// Shape `(points, channels)`.
    pub features: Option<Vec<f32>>,
    /// Features `(objects, channels)` and positions `(objects, 3)`, metres, world frame; in
    /// addition to the instances of the scene's images.
    pub objects: ObjectQueries,
}

impl Given {
    /// Checks that the data fit a scene with this number of points.
    ///
    /// # Errors
    /// The error names the tensor and the rule that it breaks.
    pub fn check(&self, points: usize) -> anyhow::Result<()> {
        ensure!(
            self.superpoints
                .as_ref()
                .is_none_or(|ids| ids.len() == points),
            "`{SUPERPOINT}` must have {points} values"
        );
        if let Some(features) = &self.features {
            let whole = points > 0 && !features.is_empty() && features.len().is_multiple_of(points);
            ensure!(
                whole,
                "`{POINT_FEATURES}` must have {points} rows, as `positions` has"
            );
            ensure!(
                features.iter().all(|x| x.is_finite()),
                "`{POINT_FEATURES}` has a value that is not a finite number"
            );
        }
        let ObjectQueries {
            features,
            positions,
        } = &self.objects;
        let whole = match positions.len() {
            0 => features.is_empty(),
            objects => !features.is_empty() && features.len().is_multiple_of(objects),
        };
        ensure!(
            whole,
            "`{OBJECT_FEATURES}` must have {} rows, as `{OBJECT_POSITIONS}` has",
            positions.len()
        );
        ensure!(
            features
                .iter()
                .chain(positions.iter().flatten())
                .all(|x| x.is_finite()),
            "a feature or a position of an object is not a finite number"
        );
        Ok(())
    }

    /// Numbers of channels of the image features and of the object features; a set is empty if
    /// there are no such features.
    pub fn channels(&self, points: usize) -> [BTreeSet<usize>; 2] {
        let features = self
            .features
            .iter()
            .map(|features| features.len() / points.max(1))
            .collect();
        let objects = self.objects.positions.len();
        [
            features,
            (objects > 0)
                .then(|| self.objects.features.len() / objects)
                .into_iter()
                .collect(),
        ]
    }

    /// Converts the data to the tensors of a bundle.
    pub(super) fn tensors(&self, points: usize) -> Vec<Tensor> {
        let mut tensors = Vec::new();
        let [features, objects] = self
            .channels(points)
            .map(|channels| channels.into_iter().next().unwrap_or(0));
        let mut add = |name: &str, dtype, shape, bytes: &[u8]| {
            tensors.push((name.to_owned(), dtype, shape, bytes.to_vec()))
        };
        if let Some(ids) = &self.superpoints {
            add(
                SUPERPOINT,
                Dtype::U32,
                vec![points],
                bytemuck::cast_slice(ids),
            );
        }
        if let Some(values) = &self.features {
            add(
                POINT_FEATURES,
                Dtype::F32,
                vec![points, features],
                bytemuck::cast_slice(values),
            );
        }
        let count = self.objects.positions.len();
        if count > 0 {
            add(
                OBJECT_FEATURES,
                Dtype::F32,
                vec![count, objects],
                bytemuck::cast_slice(&self.objects.features),
            );
            add(
                OBJECT_POSITIONS,
                Dtype::F32,
                vec![count, 3],
                bytemuck::cast_slice(&self.objects.positions),
            );
        }
        tensors
    }

    /// Reads the data from the tensors of a bundle.
    ///
    /// # Errors
    /// A tensor has another type or shape.
    pub fn read(tensors: &SafeTensors, points: usize) -> anyhow::Result<Self> {
        let table = |name: &str, rows: Option<usize>| -> anyhow::Result<Option<Vec<f32>>> {
            let Ok(tensor) = tensors.tensor(name) else {
                return Ok(None);
            };
            let shape = tensor.shape();
            let fits = shape.len() == 2 && shape[1] > 0 && rows.is_none_or(|rows| shape[0] == rows);
            ensure!(
                fits,
                "`{name}` has the shape {shape:?} instead of ({}, channels)",
                rows.map_or("objects".to_owned(), |rows| rows.to_string())
            );
            values(&tensor, name).map(Some)
        };
        let superpoints =
            rows::<u32, 1>(tensors, SUPERPOINT)?.map(|ids| ids.into_iter().flatten().collect());
        let objects = match (
            table(OBJECT_FEATURES, None)?,
            rows::<f32, 3>(tensors, OBJECT_POSITIONS)?,
        ) {
            (Some(features), Some(positions)) => ObjectQueries {
                features,
                positions,
            },
            (None, None) => ObjectQueries::default(),
            _ => {
                return Err(anyhow::anyhow!(
                    "`{OBJECT_FEATURES}` and `{OBJECT_POSITIONS}` must both be there or both be absent"
                ));
            }
        };
        let features = table(POINT_FEATURES, Some(points)).context("features of the points")?;
        Ok(Self {
            superpoints,
            features,
            objects,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::foundation::Foundation;

    fn scene() -> Foundation {
        Foundation {
            positions: vec![[0.0; 3]; 3],
            origins: vec![None; 3],
            given: Given {
                superpoints: Some(vec![7, 7, 4_000_000_000]),
                features: Some(vec![0.5, 1.0, 1.5, 2.0, 2.5, 3.0]),
                objects: ObjectQueries {
                    features: vec![1.0; 8],
                    positions: vec![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]],
                },
            },
            ..Foundation::default()
        }
    }

    #[test]
    fn what_was_given_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("scene");
        scene().write(&out, |_| unreachable!()).unwrap();
        assert_eq!(Foundation::read(&out).unwrap().given, scene().given);
    }

    #[test]
    fn what_breaks_a_rule_is_named() {
        type Spoil = (&'static str, fn(&mut Given));
        let refusals: [Spoil; 6] = [
            ("`superpoint` must have 3", |given| {
                given.superpoints = Some(vec![1])
            }),
            ("`point_features` must have 3 rows", |given| {
                given.features = Some(vec![1.0; 4])
            }),
            ("not a finite number", |given| {
                given.features = Some(vec![f32::NAN; 3])
            }),
            ("`object_features` must have 2 rows", |given| {
                given.objects.features = vec![1.0; 3]
            }),
            ("`object_features` must have 0 rows", |given| {
                given.objects.positions.clear()
            }),
            ("position of an object is not a finite", |given| {
                given.objects.positions[1][0] = f32::INFINITY
            }),
        ];
        let folder = tempfile::tempdir().unwrap();
        for (words, spoil) in refusals {
            let mut scene = scene();
            spoil(&mut scene.given);
            let error = format!(
                "{:#}",
                scene
                    .write(&folder.path().join("scene"), |_| Ok(vec![]))
                    .unwrap_err()
            );
            assert!(error.contains(words), "{error} does not say {words}");
        }
    }

    #[test]
    fn tensors_of_another_shape_are_named() {
        let refused = |name: &str, shape: &[usize]| {
            let bytes = vec![0u8; 4 * shape.iter().product::<usize>()];
            let view =
                safetensors::tensor::TensorView::new(Dtype::F32, shape.to_vec(), &bytes).unwrap();
            let file = safetensors::serialize([(name, view)], None).unwrap();
            format!(
                "{:#}",
                Given::read(&SafeTensors::deserialize(&file).unwrap(), 3).unwrap_err()
            )
        };
        assert!(refused(POINT_FEATURES, &[2, 4]).contains("instead of (3, channels)"));
        assert!(refused(POINT_FEATURES, &[3, 0]).contains("instead of (3, channels)"));
        assert!(refused(SUPERPOINT, &[3]).contains("instead of U32"));
        assert!(refused(OBJECT_FEATURES, &[2, 4]).contains("must both be there"));
        assert!(refused(OBJECT_POSITIONS, &[2, 4]).contains("instead of"));
    }
}
