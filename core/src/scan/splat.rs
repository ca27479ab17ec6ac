//! Gaussian splats in PLY files, as the reference implementation of Kerbl et al., 3D Gaussian
//! Splatting for Real-Time Radiance Field Rendering (2023, arXiv:2308.04079), writes them: centers,
//! colors as harmonics (`f_dc_0` to `f_dc_2`), logarithms of sizes, rotations, and opacities before
//! their sigmoid.
//!
//! The centers are the points. Splats that are nearly transparent are haze between the surfaces, not
//! points on them.

use super::{Element, ReadError, Table, Warning, points::Rows};
use crate::geometry::sigmoid;

/// Splats of a smaller opacity, of 1, are left out.
const LEAST_OPACITY: f32 = 0.1;

/// The columns that only splats have.
const COLUMNS: [&str; 6] = ["f_dc_0", "f_dc_1", "f_dc_2", "opacity", "scale_0", "rot_0"];

fn are_splats(points: &Element) -> bool {
    COLUMNS.iter().all(|name| points.column(name).is_some())
}

/// # Errors
/// [`ReadError::Malformed`] for splats in the packed form of PlayCanvas, which has no coordinates.
pub(super) fn check_packing(table: &Table, format: &'static str) -> Result<(), ReadError> {
    if table.point_rows().column("packed_position").is_none() {
        return Ok(());
    }
    Err(ReadError::Malformed {
        format,
        problem: "its splats are packed (`packed_position`), which Segscape does not read; export them as PLY without compression".to_owned(),
    })
}

/// The rows of `kept` that are not nearly transparent splats.
pub(super) fn opaque_rows(
    table: &Table,
    kept: Option<Vec<u32>>,
    warnings: &mut Vec<Warning>,
) -> Option<Vec<u32>> {
    let points = table.point_rows();
    let Some(opacity) = points.column("opacity").filter(|_| are_splats(points)) else {
        return kept;
    };
    let rows = Rows {
        count: points.count,
        kept: kept.as_deref(),
    };
    let is_opaque = |row: &usize| sigmoid(opacity.at(*row) as f32) >= LEAST_OPACITY;
    let opaque: Vec<u32> = rows
        .iter()
        .filter(is_opaque)
        .map(|row| row as u32)
        .collect();
    let all = rows.iter().len();
    let found = "these are Gaussian splats, whose centers were read as points";
    if opaque.is_empty() || opaque.len() == all {
        warnings.push(Warning(found.to_owned()));
        return kept;
    }
    warnings.push(Warning(format!(
        "{found}; {} of {all} have an opacity below {LEAST_OPACITY} and were left out",
        all - opaque.len()
    )));
    Some(opaque)
}
