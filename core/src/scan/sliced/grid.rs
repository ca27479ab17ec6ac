//! A grid over the points of a file, with at most one point in a cell.

use std::collections::HashMap;

use super::super::{
    Scan,
    points::{Coordinates, Rows},
};

/// Cells, some of which have a point.
pub(super) struct Grid {
    pub(super) point_of_cell: HashMap<[i32; 3], u32>,
    /// Edge length of a cell, file units.
    pub(super) cell: f64,
    /// A corner of a cell, file frame. Cells of twice the size are eight cells each.
    pub(super) origin: [f64; 3],
    /// `(points)`: the positions of the points in cells, in cells from the origin.
    places: Vec<[f64; 3]>,
}

impl Grid {
    pub(super) fn new(cell: f64, origin: [f64; 3]) -> Self {
        Self {
            point_of_cell: HashMap::new(),
            cell,
            origin,
            places: Vec::new(),
        }
    }

    /// A position in cells from the origin.
    fn place(&self, position: [f64; 3]) -> [f64; 3] {
        std::array::from_fn(|axis| (position[axis] - self.origin[axis]) / self.cell)
    }

    /// The cell of a position. What is farther away than 2^31 cells is in the last one.
    pub(super) fn cell_of(&self, position: [f64; 3]) -> [i32; 3] {
        self.place(position).map(|v| v.floor() as i32)
    }

    /// The grid with the points of a scan, each by its row.
    pub(super) fn of(scan: &Scan, cell: f64, origin: [f64; 3]) -> Self {
        let mut grid = Self::new(cell, origin);
        let rows = Rows {
            count: scan.table.point_rows().count,
            kept: scan.row_of_point.as_deref(),
        };
        let Ok(coordinates) = Coordinates::of(scan.table.point_rows(), "") else {
            return grid;
        };
        grid.point_of_cell.reserve(rows.iter().len());
        grid.places = vec![[f64::INFINITY; 3]; rows.count];
        for row in rows.iter() {
            let position = coordinates.at(row);
            grid.point_of_cell
                .insert(grid.cell_of(position), row as u32);
            grid.places[row] = grid.place(position);
        }
        grid
    }

    /// The row of the point that is nearest to a position, among those in its cell and the 26 cells
    /// around it. All that are not farther away than the edge of a cell are among them.
    pub(super) fn nearest(&self, position: [f64; 3]) -> Option<u32> {
        if position.iter().any(|v| !v.is_finite()) {
            return None;
        }
        let place = self.place(position);
        let cell = self.cell_of(position);
        let mut nearest = (f64::INFINITY, None);
        let steps = [0, -1, 1];
        for step in steps.iter().flat_map(|&x| {
            let planes = steps.iter().map(move |&y| (x, y));
            planes.flat_map(move |(x, y)| steps.map(|z| [x, y, z]))
        }) {
            // how far the cell is away, in cells
            let gap = |axis: usize| {
                let inside = place[axis] - place[axis].floor();
                match step[axis] {
                    0 => 0.0,
                    1 => 1.0 - inside,
                    _ => inside,
                }
            };
            let [x, y, z] = [0, 1, 2].map(gap);
            if x * x + y * y + z * z >= nearest.0 {
                continue;
            }
            let cell = std::array::from_fn(|axis| cell[axis].saturating_add(step[axis]));
            let Some(&row) = self.point_of_cell.get(&cell) else {
                continue;
            };
            let of_row = self.places[row as usize];
            let distance = (0..3)
                .map(|axis| (of_row[axis] - place[axis]).powi(2))
                .sum();
            if distance < nearest.0 {
                nearest = (distance, Some(row));
            }
        }
        nearest.1
    }
}
