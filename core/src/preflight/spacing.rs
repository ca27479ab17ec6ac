//! The distance between neighbouring points.

use std::collections::HashMap;

use glam::Vec3;

use super::Sample;
use crate::scan::Scan;

/// Number of cells that are examined.
const CELLS: usize = 64;

/// The maximum number of points of a cell that are compared with each other.
const CELL_POINTS: usize = 400;

/// The median distance to the nearest point at a different place, in file units.
///
/// Space is divided into cells, and all distances within some of the cells are compared. These are
/// the cells of every n-th point, so that dense regions are weighted by their number of points.
/// O(points).
pub(super) fn median_spacing(scan: &Scan, sample: &Sample) -> Option<f64> {
    let [a, b, c] = sample.extent;
    let surface = 2.0 * (a * b + b * c + c * a);
    // the spacing of points spread evenly on the box, or on a line
    let even = (surface / scan.len() as f64)
        .sqrt()
        .max(a.max(b).max(c) / scan.len() as f64);
    let mut edge = even * 8.0 * scan.frame.metres_per_unit;
    // If the points fill less than the surface of their box, the cells contain too many points:
    // halve them.
    for _ in 0..6 {
        if !(edge.is_finite() && edge > 0.0) {
            return None;
        }
        let cells = cells(&scan.positions, edge);
        if 2 * cells
            .iter()
            .filter(|points| points.len() == CELL_POINTS)
            .count()
            <= cells.len()
        {
            return median_within(&cells).map(|metres| metres / scan.frame.metres_per_unit);
        }
        edge /= 2.0;
    }
    median_within(&cells(&scan.positions, edge)).map(|metres| metres / scan.frame.metres_per_unit)
}

/// The points of a sample of the cells with this edge length, at most [`CELL_POINTS`] per cell.
fn cells(positions: &[[f32; 3]], edge: f64) -> Vec<Vec<Vec3>> {
    let cell = |position: &[f32; 3]| position.map(|v| (f64::from(v) / edge).floor() as i64);
    let step = positions.len().div_ceil(CELLS).max(1);
    let mut points_of_cell: HashMap<[i64; 3], Vec<Vec3>> = positions
        .iter()
        .step_by(step)
        .map(|position| (cell(position), Vec::new()))
        .collect();
    for position in positions {
        if let Some(points) = points_of_cell
            .get_mut(&cell(position))
            .filter(|points| points.len() < CELL_POINTS)
        {
            points.push(Vec3::from(*position));
        }
    }
    points_of_cell.into_values().collect()
}

fn median_within(cells: &[Vec<Vec3>]) -> Option<f64> {
    let nearest = |points: &[Vec3], point: Vec3| {
        let distances = points
            .iter()
            .map(|other| point.distance_squared(*other))
            .filter(|d| *d > 0.0);
        distances.min_by(f32::total_cmp)
    };
    let mut nearest: Vec<f32> = cells
        .iter()
        .flat_map(|points| points.iter().filter_map(|point| nearest(points, *point)))
        .collect();
    let middle = nearest.len() / 2;
    (!nearest.is_empty())
        .then(|| f64::from(*nearest.select_nth_unstable_by(middle, f32::total_cmp).1).sqrt())
}
