//! Files with more points than memory holds.
//!
//! A [`Sliced`] file has records of one size, or compressed chunks, so that a slice of its points can
//! be read without the others. Reading it keeps one point of every cell of a grid, whose cells grow
//! until the points kept are few enough: the memory depends on their number and not on the file. The
//! scan that comes of it is like any other; its [`Excerpt`] remembers the file and the grid, so that
//! [`crate::write`] can go through the file again and give every point of it the label of the nearest
//! point that was kept.

use std::ops::Range;

use self::{
    grid::Grid,
    layout::{HEADER, Layout},
    thinning::Thinning,
};
use super::{Element, FileBox, MAX_POINTS, Opened, ReadError, Scan, Table, Warning, understood};
use crate::{
    progress::{Monitor, Stage},
    read_at::ReadAt,
};

mod grid;
mod layout;
#[cfg(test)]
mod tests;
mod thinning;

/// Number of bytes of a file, or of the points in it, from which it is read in slices.
const LARGE: u64 = 700 << 20;
/// Maximum number of points that are kept without a budget: finding their instances takes half a
/// kilobyte for each (BENCHMARKS.md), and a wasm memory ends at 4 GiB.
const BUDGET: usize = 5_000_000;
/// Maximum number of bytes of the points that are kept, as they are in the file and in memory.
const KEPT_BYTES: usize = 512 << 20;
/// Minimum of a budget: the grid always has eight cells around its origin, however large they are.
const LEAST: usize = 64;

/// A file whose points can be read some at a time: LAS, LAZ, or a binary PLY whose points have no
/// lists.
#[derive(Clone, Debug)]
pub struct Sliced {
    layout: Layout,
    /// Number of bytes of the file.
    size: u64,
}

/// What a scan is of a file that has more points.
#[derive(Clone, Debug)]
pub struct Excerpt {
    file: Sliced,
    /// Edge length of a cell, file units.
    cell: f64,
    /// A corner of a cell, file frame.
    origin: [f64; 3],
    /// The box around all points of the file that have finite coordinates.
    bounds: FileBox,
}

/// Some of the points of a file, in its order.
#[derive(Clone, Debug)]
pub struct Slice {
    /// The points, with the columns of the scan's own table.
    pub points: Element,
    /// `(points)`: the row, in that table, of the nearest point that the scan has; `None` if none is
    /// nearer than the edge of a cell, or if the point has no finite coordinates.
    pub kept_rows: Vec<Option<u32>>,
}

impl Sliced {
    /// Reads the header of a file.
    ///
    /// # Errors
    /// [`ReadError::NotSliced`] for other formats; a header that is malformed or promises more than
    /// the file has.
    pub fn open(source: &dyn ReadAt) -> Result<Self, ReadError> {
        Ok(Self {
            layout: Layout::open(source)?,
            size: source.size(),
        })
    }

    /// The number of points in the file.
    pub fn points(&self) -> u64 {
        self.layout.count()
    }

    /// `true` if the file should be read in slices: memory does not hold it, or it has more points
    /// than `budget`.
    pub fn is_due(&self, budget: Option<usize>) -> bool {
        let most = budget.unwrap_or(MAX_POINTS).min(MAX_POINTS) as u64;
        let bytes = self.points().saturating_mul(self.layout.stride() as u64);
        self.points() > most || bytes > LARGE || self.size > LARGE
    }

    /// Reads a scan of at most `budget` points, z up and in metres until [`Scan::set_frame`] says
    /// otherwise. Of every cell the first point in the order of the file is kept: it is a point that
    /// was measured, with all its properties, and it is the same one however often the cells grew.
    ///
    /// # Errors
    /// See [`ReadError`]. The memory is bounded by the budget, whatever the file says.
    pub fn read(
        &self,
        source: &dyn ReadAt,
        budget: Option<usize>,
        monitor: &Monitor,
    ) -> Result<Scan, ReadError> {
        let mut warnings = Vec::new();
        let read = self.read_with(source, budget, monitor, &mut warnings);
        let mut scan = read.map_err(|error| error.after(std::mem::take(&mut warnings)))?;
        scan.warnings = warnings;
        monitor.at(Stage::Read, 1.0)?;
        Ok(scan)
    }

    fn read_with(
        &self,
        source: &dyn ReadAt,
        budget: Option<usize>,
        monitor: &Monitor,
        warnings: &mut Vec<Warning>,
    ) -> Result<Scan, ReadError> {
        if self.points() == 0 {
            return Err(ReadError::NoPoints);
        }
        warnings.extend(self.layout.warnings(self.size));
        let row = self.layout.record().max(self.layout.stride());
        let most = (KEPT_BYTES / row).min(budget.unwrap_or(BUDGET).min(MAX_POINTS));
        let mut thinning = Thinning::new(&self.layout, most.max(LEAST));
        self.records(source, Stage::Read, monitor, warnings, &mut |records| {
            thinning.add(records);
            Ok::<(), ReadError>(())
        })?;
        let kept = thinning.finish(warnings)?;
        let mut layout = self.layout.clone();
        layout.settle_colors(kept.highest_color, warnings);
        let table = layout.table(kept.records);
        let opened = Opened {
            table,
            up: layout.up(),
            unit: None,
            format: layout.format(),
        };
        let mut scan = understood(opened, warnings)?;
        scan.excerpt = Some(Excerpt {
            file: Self { layout, ..*self },
            cell: kept.cell,
            origin: kept.origin,
            bounds: kept.bounds,
        });
        Ok(scan)
    }

    /// Calls `each` with the records of the file, some at a time in their order, and reports the
    /// progress as that of a stage.
    fn records<E: From<ReadError>>(
        &self,
        source: &dyn ReadAt,
        stage: Stage,
        monitor: &Monitor,
        warnings: &mut Vec<Warning>,
        each: &mut dyn FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        if source.size() != self.size {
            let words = format!(
                "it had {} bytes when it was opened and has {} now",
                self.size,
                source.size()
            );
            return Err(ReadError::Unreadable(words).into());
        }
        let (mut done, mut reported) = (0, -1.0);
        self.layout.slices(source, warnings, &mut |records| {
            let share = 0.95 * (done as f64 / self.points() as f64) as f32;
            let told = match share - reported > 0.05 {
                true => {
                    reported = share;
                    monitor.at(stage, share)
                }
                false => monitor.check(),
            };
            told.map_err(ReadError::from)?;
            done += (records.len() / self.layout.record()) as u64;
            each(records)
        })
    }
}

impl Excerpt {
    /// The number of points in the file.
    pub fn points(&self) -> u64 {
        self.file.points()
    }

    /// The box around all points of the file, file frame.
    pub fn bounds(&self) -> &FileBox {
        &self.bounds
    }

    /// A table of all points of the file with the columns of the scan's own table, but without their
    /// rows.
    pub fn table(&self) -> Table {
        let mut table = self.file.layout.table(Vec::new());
        // a header with more points than fit was refused
        table.elements[table.points].count = self.points() as usize;
        table
    }

    /// Calls `each` with the points of the file, some at a time in their order. `scan` is the scan
    /// that this is the excerpt of, and `source` its file. The memory is that of a slice and of a
    /// grid with the points of the scan.
    ///
    /// # Errors
    /// The file cannot be read or has changed, `monitor` stops the work, or `each` fails.
    pub fn slices<E: From<ReadError>>(
        &self,
        scan: &Scan,
        source: &dyn ReadAt,
        monitor: &Monitor,
        each: &mut dyn FnMut(&Slice) -> Result<(), E>,
    ) -> Result<(), E> {
        let layout = &self.file.layout;
        let grid = Grid::of(scan, self.cell, self.origin);
        let Element { name, columns, .. } = scan.table.point_rows();
        let mut slice = Slice {
            points: Element {
                name: name.clone(),
                columns: columns.clone(),
                ..Element::default()
            },
            kept_rows: Vec::new(),
        };
        let mut warnings = Vec::new(); // they were told when the file was opened
        let file = &self.file;
        file.records(
            source,
            Stage::Write,
            monitor,
            &mut warnings,
            &mut |records| {
                let records_of_points = records.chunks_exact(layout.record());
                let nearest = |record| grid.nearest(layout.position(record));
                slice.points.count = records_of_points.len();
                slice.points.rows = layout.rows(records);
                slice.kept_rows.clear();
                slice.kept_rows.extend(records_of_points.map(nearest));
                each(&slice)
            },
        )
    }

    /// A sentence for the user about what is kept; see [`Scan::excerpt_in_words`].
    fn in_words(&self, kept: usize, metres_per_unit: f64) -> String {
        let cell = self.cell * metres_per_unit;
        let cell = match cell {
            0.01.. => format!("{:.1} cm", 100.0 * cell),
            _ => format!("{:.2} mm", 1000.0 * cell),
        };
        format!(
            "The file has {} points; {} of them, one per {cell}, are shown and segmented. Labelled PLY, LAS and LAZ have all.",
            grouped(self.points()),
            grouped(kept as u64)
        )
    }
}

impl Scan {
    /// A sentence that says how many points of the file are in the scan, if they are not all. The
    /// distance in it is in the unit that is set.
    pub fn excerpt_in_words(&self) -> Option<String> {
        let kept = self.table.point_rows().count;
        let excerpt = self.excerpt.as_ref()?;
        Some(excerpt.in_words(kept, self.frame.metres_per_unit))
    }
}

/// A number like `1 234 567`, with narrow spaces.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// The bytes of a range.
///
/// # Errors
/// [`ReadError::Unreadable`], also if there are fewer.
fn bytes_of(source: &dyn ReadAt, range: Range<u64>) -> Result<Vec<u8>, ReadError> {
    let wanted = range.end - range.start;
    let bytes = source
        .read_at(range)
        .map_err(|error| ReadError::Unreadable(error.to_string()))?;
    if bytes.len() as u64 != wanted {
        let words = format!("{} of {wanted} bytes came", bytes.len());
        return Err(ReadError::Unreadable(words));
    }
    Ok(bytes)
}

/// The start of a file, with the header of a usual one.
fn start(source: &dyn ReadAt) -> Result<Vec<u8>, ReadError> {
    bytes_of(source, 0..source.size().min(HEADER))
}
