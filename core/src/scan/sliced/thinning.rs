//! Keeps one point of every cell while the points of a file pass by.

use super::{
    super::{FileBox, ReadError, Warning, plausible::MAX_COORDINATE},
    grid::Grid,
    layout::Layout,
};

/// Number of cells along the first slice, at first. They double, and the least that are needed for
/// millions of points is some thousands, so that they begin small enough for any scan.
const CELLS: f64 = 65_536.0;
/// Maximum number of cells between the origin and a point that is no stray: as many as whole numbers
/// of 32 bits have, with room to spare.
const FARTHEST: f64 = 1e9;
/// The share of points of a slice that may be strays, and do not count for its size.
const STRAY: f64 = 0.005;

/// The points that are kept so far.
pub(super) struct Thinning<'a> {
    layout: &'a Layout,
    /// Maximum number of points.
    budget: usize,
    grid: Option<Grid>,
    /// The records of the points that are kept, in the order of the file.
    records: Vec<u8>,
    kept: usize,
    /// Number of points so far, and of those with finite coordinates.
    seen: u64,
    finite: u64,
    bounds: FileBox,
    highest_color: f64,
}

/// The points that are kept.
pub(super) struct Kept {
    pub(super) records: Vec<u8>,
    pub(super) cell: f64,
    pub(super) origin: [f64; 3],
    /// The box around all points, also those that are not kept.
    pub(super) bounds: FileBox,
    pub(super) highest_color: f64,
}

impl<'a> Thinning<'a> {
    pub(super) fn new(layout: &'a Layout, budget: usize) -> Self {
        Self {
            layout,
            budget,
            grid: None,
            records: Vec::new(),
            kept: 0,
            seen: 0,
            finite: 0,
            bounds: FileBox {
                min: [f64::INFINITY; 3],
                max: [f64::NEG_INFINITY; 3],
            },
            highest_color: 0.0,
        }
    }

    /// Adds the next points of the file.
    pub(super) fn add(&mut self, records: &[u8]) {
        self.highest_color = self.highest_color.max(self.layout.highest_color(records));
        let size = self.layout.record();
        self.make_room(records);
        for record in records.chunks_exact(size) {
            self.seen += 1;
            let position = self.layout.position(record);
            if !is_finite(&position) {
                continue;
            }
            self.finite += 1;
            let FileBox { min, max } = &mut self.bounds;
            for ((low, high), at) in min.iter_mut().zip(max).zip(position) {
                (*low, *high) = (low.min(at), high.max(at));
            }
            self.keep(record, position);
        }
    }

    /// Makes the grid if there is none, and its cells so large that it has all points but strays.
    fn make_room(&mut self, records: &[u8]) {
        let positions = records.chunks_exact(self.layout.record());
        let positions = positions.map(|record| self.layout.position(record));
        let positions: Vec<[f64; 3]> = positions.filter(is_finite).collect();
        if positions.is_empty() {
            return;
        }
        let grid = self.grid.as_ref();
        let origin = grid.map_or_else(|| middle(&positions), |grid| grid.origin);
        let reach = reach(&positions, origin);
        if self.grid.is_none() {
            // points that are all in one place need a cell as well
            let least = 1e-9 * origin.iter().fold(1.0f64, |most, v| most.max(v.abs()));
            self.grid = Some(Grid::new((reach / CELLS).max(least), origin));
        }
        while (self.grid.as_ref()).is_some_and(|grid| reach > FARTHEST * grid.cell) {
            self.grow();
        }
    }

    /// Keeps a point if it is the first of its cell.
    fn keep(&mut self, record: &[u8], position: [f64; 3]) {
        loop {
            let Some(grid) = &mut self.grid else {
                return;
            };
            let cell = grid.cell_of(position);
            if grid.point_of_cell.contains_key(&cell) {
                return;
            }
            if self.kept < self.budget {
                grid.point_of_cell.insert(cell, self.kept as u32);
                self.records.extend_from_slice(record);
                self.kept += 1;
                return;
            }
            self.grow();
        }
    }

    /// Doubles the cells. Of the points in a new cell the first stays, which was the first of one of
    /// the eight cells that it is made of.
    fn grow(&mut self) {
        let Some(grid) = &mut self.grid else {
            return;
        };
        grid.cell *= 2.0;
        grid.point_of_cell.clear();
        let size = self.layout.record();
        let mut kept = 0;
        for index in 0..self.kept {
            let range = index * size..(index + 1) * size;
            let cell = grid.cell_of(self.layout.position(&self.records[range.clone()]));
            if grid.point_of_cell.contains_key(&cell) {
                continue;
            }
            grid.point_of_cell.insert(cell, kept as u32);
            self.records.copy_within(range, kept * size);
            kept += 1;
        }
        self.kept = kept;
        self.records.truncate(kept * size);
    }

    /// # Errors
    /// No point has finite coordinates.
    pub(super) fn finish(self, warnings: &mut Vec<Warning>) -> Result<Kept, ReadError> {
        let Some(grid) = self.grid else {
            return Err(ReadError::NoFinitePoint {
                rows: self.seen as usize,
            });
        };
        if self.finite < self.seen {
            warnings.push(Warning(format!(
                "{} of {} points have no finite coordinates and were left out",
                self.seen - self.finite,
                self.seen
            )));
        }
        Ok(Kept {
            records: self.records,
            cell: grid.cell,
            origin: grid.origin,
            bounds: self.bounds,
            highest_color: self.highest_color,
        })
    }
}

/// `true` if a point was measured there; other readers leave out the same points.
fn is_finite(position: &[f64; 3]) -> bool {
    position.iter().all(|v| v.abs() <= MAX_COORDINATE)
}

/// The median of points along each axis, which no stray moves.
fn middle(positions: &[[f64; 3]]) -> [f64; 3] {
    std::array::from_fn(|axis| {
        let mut values: Vec<f64> = positions.iter().map(|p| p[axis]).collect();
        let middle = values.len() / 2;
        *values.select_nth_unstable_by(middle, f64::total_cmp).1
    })
}

/// How far points are from a place along an axis, all but the strays.
fn reach(positions: &[[f64; 3]], from: [f64; 3]) -> f64 {
    let along = |position: &[f64; 3]| {
        let axes = (0..3).map(|axis| (position[axis] - from[axis]).abs());
        axes.fold(0.0, f64::max)
    };
    let mut reaches: Vec<f64> = positions.iter().map(along).collect();
    let strays = (STRAY * reaches.len() as f64) as usize;
    let last = reaches.len().saturating_sub(1 + strays);
    match reaches.is_empty() {
        true => 0.0,
        false => *reaches.select_nth_unstable_by(last, f64::total_cmp).1,
    }
}
