//! Superpoints, features and objects that other programs computed for a whole scene, for scenes
//! without images to compute them from.

use std::collections::BTreeSet;

use safetensors::SafeTensors;

use super::{
    check::ensure,
    tensors::{
        OBJECT_FEATURES, OBJECT_POSITIONS, POINT_FEATURES, SUPERPOINT, broken, rows, values,
    },
};
use crate::{captures::CaptureError, views::ObjectQueries};

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
    pub fn check(&self, points: usize) -> Result<(), CaptureError> {
        ensure(
            self.superpoints
                .as_ref()
                .is_none_or(|ids| ids.len() == points),
            || format!("`{SUPERPOINT}` must have {points} values"),
        )?;
        if let Some(features) = &self.features {
            let whole = points > 0 && !features.is_empty() && features.len().is_multiple_of(points);
            ensure(whole, || {
                format!("`{POINT_FEATURES}` must have {points} rows, as `positions` has")
            })?;
            ensure(features.iter().all(|x| x.is_finite()), || {
                format!("`{POINT_FEATURES}` has a value that is not a finite number")
            })?;
        }
        let ObjectQueries {
            features,
            positions,
        } = &self.objects;
        let whole = match positions.len() {
            0 => features.is_empty(),
            objects => !features.is_empty() && features.len().is_multiple_of(objects),
        };
        ensure(whole, || {
            format!(
                "`{OBJECT_FEATURES}` must have {} rows, as `{OBJECT_POSITIONS}` has",
                positions.len()
            )
        })?;
        ensure(
            features
                .iter()
                .chain(positions.iter().flatten())
                .all(|x| x.is_finite()),
            || "a feature or a position of an object is not a finite number".to_owned(),
        )?;
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

    /// Reads the data from the tensors of a bundle.
    ///
    /// # Errors
    /// A tensor has another type or shape.
    pub fn read(tensors: &SafeTensors, points: usize) -> Result<Self, CaptureError> {
        let table = |name: &str, rows: Option<usize>| -> Result<Option<Vec<f32>>, CaptureError> {
            let Ok(tensor) = tensors.tensor(name) else {
                return Ok(None);
            };
            let shape = tensor.shape();
            let fits = shape.len() == 2 && shape[1] > 0 && rows.is_none_or(|rows| shape[0] == rows);
            ensure(fits, || {
                format!(
                    "`{name}` has the shape {shape:?} instead of ({}, channels)",
                    rows.map_or("objects".to_owned(), |rows| rows.to_string())
                )
            })?;
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
                return Err(broken(format!(
                    "`{OBJECT_FEATURES}` and `{OBJECT_POSITIONS}` must both be there or both be absent"
                )));
            }
        };
        let features = table(POINT_FEATURES, Some(points))?;
        Ok(Self {
            superpoints,
            features,
            objects,
        })
    }
}
