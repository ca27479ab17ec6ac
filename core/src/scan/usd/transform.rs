//! Where a prim is in its parent: the operations of `xformOpOrder`, one after the other.

use glam::{DMat4, DQuat, DVec3};

use super::stage::{Prim, Stage};
use crate::scan::ReadError;

/// Where a prim is: in its parent, or in the scene if the parent does not move it (`is_reset`).
pub(super) struct Place {
    pub(super) matrix: DMat4,
    pub(super) is_reset: bool,
}

/// The place of a prim. Operations that are not there or not known leave it as it is.
pub(super) fn place(stage: &mut Stage, prim: &Prim) -> Result<Place, ReadError> {
    let mut place = Place {
        matrix: DMat4::IDENTITY,
        is_reset: false,
    };
    // the first operation is the outermost
    for name in stage.words(prim, "xformOpOrder")? {
        if *name == *"!resetXformStack!" {
            place = Place {
                matrix: DMat4::IDENTITY,
                is_reset: true,
            };
            continue;
        }
        let (name, is_inverse) = match name.strip_prefix("!invert!") {
            Some(name) => (name, true),
            None => (&*name, false),
        };
        let Some(matrix) = operation(stage, prim, name)? else {
            continue;
        };
        place.matrix *= if is_inverse { matrix.inverse() } else { matrix };
    }
    Ok(place)
}

/// The matrix of an operation, whose kind follows from its name: `xformOp:KIND` or
/// `xformOp:KIND:SUFFIX`.
fn operation(stage: &mut Stage, prim: &Prim, name: &str) -> Result<Option<DMat4>, ReadError> {
    let kind = name.split(':').nth(1).unwrap_or_default();
    if let Some(axes) = kind.strip_prefix("rotate") {
        return rotation(stage, prim, name, axes);
    }
    Ok(match kind {
        "translate" => stage
            .vector::<3>(prim, name)?
            .map(|v| DMat4::from_translation(DVec3::from(v))),
        "scale" => stage
            .vector::<3>(prim, name)?
            .map(|v| DMat4::from_scale(DVec3::from(v))),
        "orient" => stage.vector(prim, name)?.map(|v| {
            let rotation = DQuat::from_array(v);
            match rotation.is_finite() && rotation.length_squared() > 0.0 {
                true => DMat4::from_quat(rotation.normalize()),
                false => DMat4::IDENTITY,
            }
        }),
        // rows of row vectors are columns of column vectors
        "transform" => stage
            .vector(prim, name)?
            .map(|v| DMat4::from_cols_array(&v)),
        _ => match (kind.strip_prefix("translate"), kind.strip_prefix("scale")) {
            (Some(axis), _) => along(stage, prim, name, axis, 0.0)?.map(DMat4::from_translation),
            (_, Some(axis)) => along(stage, prim, name, axis, 1.0)?.map(DMat4::from_scale),
            _ => None,
        },
    })
}

/// A number along one axis, and another along the others.
fn along(
    stage: &mut Stage,
    prim: &Prim,
    name: &str,
    axis: &str,
    other: f64,
) -> Result<Option<DVec3>, ReadError> {
    let Some(axis) = ["X", "Y", "Z"].iter().position(|own| *own == axis) else {
        return Ok(None);
    };
    let value = stage.vector::<1>(prim, name)?;
    Ok(value.map(|[value]| {
        let mut vector = [other; 3];
        vector[axis] = value;
        vector.into()
    }))
}

/// A rotation about some axes in degrees, the first axis first.
fn rotation(
    stage: &mut Stage,
    prim: &Prim,
    name: &str,
    axes: &str,
) -> Result<Option<DMat4>, ReadError> {
    let angles = match axes.len() {
        1 => stage.vector::<1>(prim, name)?.map(|[angle]| [angle; 3]),
        _ => stage.vector::<3>(prim, name)?,
    };
    Ok(angles.map(|angles| {
        axes.chars().fold(DMat4::IDENTITY, |before, axis| {
            let turn = match axis {
                'X' => DMat4::from_rotation_x(angles[0].to_radians()),
                'Y' => DMat4::from_rotation_y(angles[1].to_radians()),
                'Z' => DMat4::from_rotation_z(angles[2].to_radians()),
                _ => DMat4::IDENTITY,
            };
            turn * before
        })
    }))
}
