//! The heights of level surfaces: floors, seats, tables.

use super::{Sample, up::SQUARE};
use crate::scan::UpAxis;

/// Number of slices from the bottom to the top.
const SLICES: usize = 100;

/// Cells along each side of the floor plan.
const CELLS: usize = 16;

/// A slice is a floor or a ceiling if its level points are in this share of the cells that have
/// points at all.
const FLOOR: f64 = 0.5;

/// Floors have at least this distance, as a share of the height: what is closer belongs to the
/// ceiling below.
const APART: f64 = 0.12;

/// The least share of the points in level surfaces between floors that counts.
const FEW: f64 = 0.01;

/// The level surfaces of a scan by height, in file units.
pub(super) struct Levels {
    /// `(slices)`: heights above the floor below, and shares of the points; floors and ceilings are
    /// left out.
    between: Vec<(f64, f64)>,
    /// The smallest distance between two floors one above the other.
    pub(super) storey: Option<f64>,
}

impl Levels {
    /// Finds the level surfaces of a sample. Without a floor nothing is known.
    pub(super) fn new(sample: &Sample, up: UpAxis) -> Self {
        let none = Self {
            between: Vec::new(),
            storey: None,
        };
        let axis = up.index();
        let height = sample.extent[axis];
        let plan = [(axis + 1) % 3, (axis + 2) % 3];
        if height <= 0.0
            || sample.normals.is_empty()
            || plan.iter().any(|axis| sample.extent[*axis] <= 0.0)
        {
            return none;
        }
        let cell = |point: &[f64; 3], axis: usize, cells: usize| {
            let place = (point[axis] - sample.low[axis]) / sample.extent[axis];
            (place * cells as f64).clamp(0.0, cells as f64 - 1.0) as usize
        };
        let mut occupied = [false; CELLS * CELLS];
        let mut slices = vec![([false; CELLS * CELLS], 0.0); SLICES];
        for (point, normal) in sample.points.iter().zip(&sample.normals) {
            let place = cell(point, plan[0], CELLS) * CELLS + cell(point, plan[1], CELLS);
            occupied[place] = true;
            if normal[axis].abs() > SQUARE {
                let slice = cell(point, axis, SLICES);
                let slice = if up.sign() > 0.0 {
                    slice
                } else {
                    SLICES - 1 - slice
                };
                slices[slice].0[place] = true;
                slices[slice].1 += 1.0 / sample.normals.len() as f64;
            }
        }
        let area = occupied.iter().filter(|cell| **cell).count() as f64;
        // a surface may lie on the border of two slices
        let covers = |slices: &[([bool; CELLS * CELLS], f64)]| {
            let cells = (0..CELLS * CELLS).filter(|cell| slices.iter().any(|(has, _)| has[*cell]));
            cells.count() as f64 >= FLOOR * area
        };
        let is_floor: Vec<bool> = (0..SLICES)
            .map(|slice| covers(&slices[slice.saturating_sub(1)..(slice + 2).min(SLICES)]))
            .collect();
        let Some(lowest) = is_floor.iter().position(|is_floor| *is_floor) else {
            return none;
        };
        let at = |slice: usize| slice as f64 / SLICES as f64 * height;
        let mut floors = vec![at(lowest)];
        let mut between = Vec::new();
        for slice in lowest..SLICES {
            let last = floors.last().copied().unwrap_or_default();
            if !is_floor[slice] {
                between.push((at(slice) - last, slices[slice].1));
            } else if at(slice) - last > APART * height {
                floors.push(at(slice));
            }
        }
        let gaps = floors.windows(2).map(|pair| pair[1] - pair[0]);
        Self {
            between,
            storey: gaps.reduce(f64::min),
        }
    }

    /// The share of the level surfaces between floors at heights within `range`; `None` if there
    /// are hardly any.
    pub(super) fn share_between(&self, range: [f64; 2]) -> Option<f64> {
        let share = |range: [f64; 2]| -> f64 {
            let inside = |height: f64| (range[0]..range[1]).contains(&height);
            let slices = self.between.iter().filter(|(height, _)| inside(*height));
            slices.map(|(_, share)| share).sum()
        };
        let all = share([0.0, f64::INFINITY]);
        (all > FEW).then(|| share(range) / all)
    }
}
