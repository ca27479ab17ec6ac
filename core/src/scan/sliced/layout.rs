//! How the points of a file lie in it, whatever its format.

use super::{
    super::{
        Column, Element, ReadError, Scalar, Table, UpAxis, Warning, build, las,
        ply::FixedRows,
        points::Coordinates,
        sniff::{self, Format},
    },
    bytes_of, start,
};
use crate::read_at::ReadAt;

/// The bytes in which the header of a usual file ends, and those in which every header must.
pub(super) const HEADER: u64 = 1 << 20;
const LONGEST_HEADER: u64 = 64 << 20;
/// The most points that a byte of a compressed file can hold; usual files have less than one.
const POINTS_PER_BYTE: u64 = 64;
/// Number of bytes of points that are read at once.
pub(super) const SLICE: usize = 1 << 20;

/// How the points of a file lie in it, and what they mean.
#[derive(Clone, Debug)]
pub(super) enum Layout {
    /// The rows are those of the table.
    Ply(Ply),
    /// A row of the table is made of a record. What was noticed in the header is kept.
    Las(las::Records, Vec<Warning>),
}

/// The points of a PLY file.
#[derive(Clone, Debug)]
pub(super) struct Ply {
    rows: FixedRows,
    stride: usize,
    /// The place of each coordinate in a row, and its type.
    coordinates: [(usize, Scalar); 3],
}

impl Layout {
    pub(super) fn open(source: &dyn ReadAt) -> Result<Self, ReadError> {
        let bytes = start(source)?;
        if bytes.is_empty() {
            return Err(ReadError::Empty);
        }
        let layout = match sniff::format(&bytes) {
            Ok(Format::Ply) => Self::ply(source, &bytes)?,
            Ok(Format::Las) => Self::las(source, &bytes)?,
            Ok(_) => return Err(ReadError::NotSliced("of its format".to_owned())),
            Err(found) => return Err(ReadError::UnknownFormat { found }),
        };
        if layout.is_packed() {
            let (points, bytes) = (layout.count(), source.size());
            if points / POINTS_PER_BYTE > bytes {
                return Err(ReadError::Damaged {
                    format: "LAZ",
                    problem: format!(
                        "its header promises {points} points in {bytes} bytes, at most {POINTS_PER_BYTE} a byte are read"
                    ),
                });
            }
        } else {
            let found = source.size().saturating_sub(layout.start());
            let expected = layout.count().saturating_mul(layout.record() as u64);
            if expected > found {
                return Err(ReadError::Truncated {
                    format: layout.format(),
                    expected,
                    found,
                });
            }
        }
        if usize::try_from(layout.count()).is_err() {
            return Err(ReadError::TooManyPoints {
                found: layout.count(),
                limit: usize::MAX,
            });
        }
        Ok(layout)
    }

    fn ply(source: &dyn ReadAt, start: &[u8]) -> Result<Self, ReadError> {
        let rows = match FixedRows::open(start) {
            Err(ReadError::Malformed { .. }) if source.size() > start.len() as u64 => {
                let longer = bytes_of(source, 0..source.size().min(LONGEST_HEADER))?;
                FixedRows::open(&longer)?
            }
            opened => opened?,
        };
        Coordinates::of(&rows.points, "PLY")?;
        let coordinates = ["x", "y", "z"].map(|name| place(&rows.points.columns, name));
        Ok(Self::Ply(Ply {
            stride: rows.points.stride(),
            rows,
            coordinates,
        }))
    }

    fn las(source: &dyn ReadAt, start: &[u8]) -> Result<Self, ReadError> {
        let size = las::header_size(start).unwrap_or(0).min(source.size());
        let longer = match size > start.len() as u64 {
            true if size > LONGEST_HEADER => {
                return Err(ReadError::Malformed {
                    format: "LAS",
                    problem: format!(
                        "its points begin at byte {size}, the limit is {LONGEST_HEADER}"
                    ),
                });
            }
            true => Some(bytes_of(source, 0..size)?),
            false => None,
        };
        let bytes = longer.as_deref().unwrap_or(start);
        let mut noticed = Vec::new();
        let records = las::Records::open(bytes, &mut noticed)?;
        Ok(Self::Las(records, noticed))
    }

    pub(super) fn format(&self) -> &'static str {
        match self {
            Self::Ply(_) => "PLY",
            Self::Las(..) => "LAS",
        }
    }

    /// The axis that points up, if the format says so.
    pub(super) fn up(&self) -> Option<UpAxis> {
        match self {
            Self::Ply(_) => None,
            // the z axis of LAS is the elevation
            Self::Las(..) => Some(UpAxis::PlusZ),
        }
    }

    /// The number of points.
    pub(super) fn count(&self) -> u64 {
        match self {
            Self::Ply(ply) => ply.rows.points.count as u64,
            Self::Las(las, _) => las.count,
        }
    }

    /// The bytes of a point in the file, unpacked; at least one.
    pub(super) fn record(&self) -> usize {
        match self {
            Self::Ply(ply) => ply.stride,
            Self::Las(las, _) => las.size,
        }
    }

    /// The bytes of a row of the table.
    pub(super) fn stride(&self) -> usize {
        match self {
            Self::Ply(ply) => ply.stride,
            Self::Las(las, _) => las.columns().iter().map(|c| c.scalar.size()).sum(),
        }
    }

    fn start(&self) -> u64 {
        match self {
            Self::Ply(ply) => ply.rows.start,
            Self::Las(las, _) => las.start,
        }
    }

    fn is_packed(&self) -> bool {
        match self {
            Self::Ply(_) => false,
            Self::Las(las, _) => las.is_packed(),
        }
    }

    /// What the user should know about a file of this size, beside what its points show.
    pub(super) fn warnings(&self, size: u64) -> Vec<Warning> {
        let ply = match self {
            Self::Ply(ply) => ply,
            Self::Las(_, noticed) => return noticed.clone(),
        };
        let after = &ply.rows.after;
        if !after.is_empty() {
            return vec![Warning(format!(
                "the file is read in slices, of which only the points are kept: its {} were left out",
                after.join(", ")
            ))];
        }
        let data = self.start() + self.count() * self.record() as u64;
        Warning::bytes_after(size.saturating_sub(data))
            .into_iter()
            .collect()
    }

    /// Calls `each` with the records, some at a time.
    pub(super) fn slices<E: From<ReadError>>(
        &self,
        source: &dyn ReadAt,
        warnings: &mut Vec<Warning>,
        each: &mut dyn FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        if let Self::Las(las, _) = self
            && las.is_packed()
        {
            return las.unpack(source, warnings, each);
        }
        let record = self.record() as u64;
        let at_once = (SLICE as u64 / record).max(1);
        let mut first = 0;
        while first < self.count() {
            let count = at_once.min(self.count() - first);
            let at = self.start() + first * record;
            let mut records = bytes_of(source, at..at + count * record)?;
            if let Self::Ply(ply) = self {
                ply.rows.settle(&mut records);
            }
            each(&records)?;
            first += count;
        }
        Ok(())
    }

    /// The position of a point.
    pub(super) fn position(&self, record: &[u8]) -> [f64; 3] {
        match self {
            Self::Ply(ply) => ply
                .coordinates
                .map(|(at, scalar)| scalar.read(&record[at..])),
            Self::Las(las, _) => las.position(record),
        }
    }

    /// The largest channel of colors that may be bytes.
    pub(super) fn highest_color(&self, records: &[u8]) -> f64 {
        match self {
            Self::Ply(_) => 0.0,
            Self::Las(las, _) => las.highest_color(records),
        }
    }

    /// Decides the type of colors that may be bytes.
    pub(super) fn settle_colors(&mut self, highest: f64, warnings: &mut Vec<Warning>) {
        if let Self::Las(las, _) = self {
            las.settle_colors(highest, warnings);
        }
    }

    /// Records as rows of the table.
    pub(super) fn rows(&self, records: &[u8]) -> Vec<u8> {
        let Self::Las(las, _) = self else {
            return records.to_vec();
        };
        let mut rows = Vec::with_capacity(records.len() / las.size * self.stride());
        let records = records.chunks_exact(las.size);
        records.for_each(|record| las.push(record, &mut rows));
        rows
    }

    /// The table with these records.
    pub(super) fn table(&self, records: Vec<u8>) -> Table {
        let count = records.len() / self.record();
        let (points, comments) = match self {
            Self::Ply(ply) => {
                let points = Element {
                    name: ply.rows.points.name.clone(),
                    columns: ply.rows.points.columns.clone(),
                    rows: records,
                    ..Element::default()
                };
                (points, &ply.rows.comments)
            }
            Self::Las(las, _) => {
                let points = Element {
                    rows: self.rows(&records),
                    ..build::points(las.columns())
                };
                (points, &las.comments)
            }
        };
        Table {
            comments: comments.clone(),
            ..Table::of_points(Element { count, ..points })
        }
    }
}

/// The place of a column in a row, and its type.
fn place(columns: &[Column], name: &str) -> (usize, Scalar) {
    let before = columns
        .iter()
        .take_while(|column| !column.name.eq_ignore_ascii_case(name));
    let at = before.clone().map(|column| column.scalar.size()).sum();
    let column = columns.get(before.count());
    (at, column.map_or(Scalar::F32, |column| column.scalar))
}
