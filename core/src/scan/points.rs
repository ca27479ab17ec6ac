//! Interprets the columns of a table as positions, colours, labels and triangles.

use super::{
    ColumnView, Element, Frame, ReadError, Scan, Table, UpAxis, Warning, colors, faces, surface,
    truth,
};

/// The distance from the origin, in metres, within which f32 resolves a tenth of a millimetre.
const LOCAL: f64 = 1000.0;

/// The three coordinate columns.
#[derive(Clone, Copy)]
pub(super) struct Coordinates<'a>([ColumnView<'a>; 3]);

impl<'a> Coordinates<'a> {
    /// # Errors
    /// Names the first of x, y and z that is missing.
    pub(super) fn of(points: &'a Element, format: &'static str) -> Result<Self, ReadError> {
        let column = |name: &'static str| {
            points.column(name).ok_or_else(|| {
                let found = points.columns.iter().map(|c| c.name.as_str()).take(20);
                ReadError::Malformed {
                    format,
                    problem: format!(
                        "its points have no property `{name}`; they have: {}",
                        found.collect::<Vec<_>>().join(" ")
                    ),
                }
            })
        };
        Ok(Self([column("x")?, column("y")?, column("z")?]))
    }

    pub(super) fn at(&self, row: usize) -> [f64; 3] {
        self.0.map(|column| column.at(row))
    }

    /// A warning if the file has a coordinate twice, so that which of them is meant is not known.
    pub(super) fn repeated(points: &Element) -> Option<Warning> {
        let count = |name: &&str| {
            let columns = points.columns.iter();
            columns
                .filter(|c| c.name.eq_ignore_ascii_case(name))
                .count()
        };
        let name = ["x", "y", "z"].into_iter().find(|name| count(name) > 1)?;
        Some(Warning(format!(
            "the points have a property `{name}` twice; the first was read"
        )))
    }
}

/// Creates a scan whose points are the rows `kept`, or all rows. The table must have coordinates;
/// without them the scan has no points.
pub(super) fn scan(table: Table, kept: Option<Vec<u32>>, warnings: &mut Vec<Warning>) -> Scan {
    let points = table.point_rows();
    let rows = Rows {
        count: points.count,
        kept: kept.as_deref(),
    };
    let colors = colors::colors(&table, rows, warnings);
    let truth = truth::truth(points, rows, warnings);
    let triangles = faces::triangles(&table, kept.as_deref(), warnings);
    let mut scan = Scan {
        positions: Vec::new(),
        colors,
        triangles,
        truth,
        frame: Frame::default(),
        table,
        row_of_point: kept,
        up: None,
        unit: None,
        excerpt: None,
        samples: Vec::new(),
        warnings: Vec::new(),
    };
    place(&mut scan, UpAxis::default(), 1.0);
    scan
}

/// Sets the frame and derives the positions from the file's own numbers, so that nothing is rounded
/// twice.
///
/// The offset is zero if every coordinate is within a kilometre of the origin. Otherwise it is the
/// median point, rounded to whole units. It is the median rather than the mean because a single
/// outlier must not cost the other points their precision. Positions that have this up axis and unit
/// already stay as they are.
pub(super) fn place(scan: &mut Scan, up: UpAxis, metres_per_unit: f64) {
    let frame = scan.frame;
    let is_placed = frame.up == up && frame.metres_per_unit == metres_per_unit;
    if is_placed && !scan.positions.is_empty() {
        return;
    }
    let Ok(coordinates) = Coordinates::of(scan.table.point_rows(), "") else {
        return;
    };
    let rows = Rows {
        count: scan.table.point_rows().count,
        kept: scan.row_of_point.as_deref(),
    };
    let far = |row: usize| {
        coordinates
            .at(row)
            .iter()
            .any(|v| v.abs() * metres_per_unit > LOCAL)
    };
    let offset = if rows.iter().any(far) {
        median(&coordinates, rows)
    } else {
        [0.0; 3]
    };
    let frame = Frame {
        offset,
        metres_per_unit,
        up,
    };
    scan.positions = rows
        .iter()
        .map(|row| frame.world_from_file(coordinates.at(row)).map(|v| v as f32))
        .collect();
    scan.frame = frame;
    surface::place(scan);
}

/// The rounded median per axis of an evenly spaced sample.
fn median(coordinates: &Coordinates, rows: Rows) -> [f64; 3] {
    const SAMPLE: usize = 4096;
    let step = (rows.iter().len() / SAMPLE).max(1);
    let sample: Vec<[f64; 3]> = rows
        .iter()
        .step_by(step)
        .map(|row| coordinates.at(row))
        .collect();
    std::array::from_fn(|axis| {
        let mut values: Vec<f64> = sample.iter().map(|point| point[axis]).collect();
        let middle = values.len() / 2;
        values
            .select_nth_unstable_by(middle, f64::total_cmp)
            .1
            .round()
    })
}

/// Rows of an element, in order: those that became points, or all.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    pub(super) count: usize,
    pub(super) kept: Option<&'a [u32]>,
}

impl<'a> Rows<'a> {
    pub(super) fn iter(self) -> impl ExactSizeIterator<Item = usize> + 'a {
        let count = self.kept.map_or(self.count, <[u32]>::len);
        (0..count).map(move |point| self.kept.map_or(point, |kept| kept[point] as usize))
    }
}
