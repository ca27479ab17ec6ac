//! Readers for scan files: bytes to points, with the format recognized by content, never by name.
//!
//! A reader turns a file into a [`Table`], which keeps every property as it came, so that
//! [`crate::write`] can write the whole file back. Positions, colours, labels and triangles are
//! then derived from the table, the same way for every format. Coordinates are f64 until the offset
//! of [`Frame`] is subtracted; the rest is small enough for f32. The offset is zero for scans
//! within a kilometre of their origin, so that ordinary files keep their numbers.

use serde::{Deserialize, Serialize};

use crate::progress::{Cancelled, Monitor, Stage};

mod ascii;
mod build;
mod colors;
mod e57;
mod faces;
mod frame;
mod gltf;
mod join;
mod las;
mod lzf;
mod obj;
mod pcd;
mod plausible;
mod ply;
mod points;
mod sliced;
mod sniff;
mod splat;
mod spz;
mod stl;
pub(crate) mod surface;
mod table;
mod text;
mod texture;
mod truth;
mod usd;

#[cfg(feature = "exports")]
pub(crate) use colors::ColorRange;
pub use frame::{FileBox, Frame, UpAxis};
pub use join::{Join, JoinError, MAX_JOINED};
pub use sliced::{Excerpt, Slice, Sliced};
pub use sniff::{HEAD, is_scan};
pub use table::{Column, ColumnView, Element, List, Property, Remark, Scalar, Table};
pub use truth::Truth;
pub use usd::is_usdz;

pub(crate) use plausible::{MAX_COORDINATE, is_somewhere};

/// The maximum number of points of a scan: as many as a 4 GiB wasm memory can hold through every
/// stage.
pub const MAX_POINTS: usize = 12_000_000;

/// The maximum number of bytes that a compressed file may unpack to.
pub const MAX_DATA_BYTES: u64 = 1 << 30;

/// A scan as points in the world frame (see [`Frame`]): a structure of arrays with one entry per
/// point unless the field says otherwise.
#[derive(Clone, Debug)]
pub struct Scan {
    /// `(points, 3)`, world frame: metres and z up once the right [`Frame`] is set, see
    /// [`crate::preflight`].
    pub positions: Vec<[f32; 3]>,
    /// `(points, 3)`, sRGB; `None` if the file has no colour.
    pub colors: Option<Vec<[u8; 3]>>,
    /// `(triangles, 3)` indices of points; empty for a point cloud. Polygons are split into
    /// triangle fans.
    pub triangles: Vec<[u32; 3]>,
    /// The labels that came with the file, for evaluation only.
    pub truth: Option<Truth>,
    /// The transform from the file's coordinates to `positions`.
    pub frame: Frame,
    /// Every property of the file, row by row.
    pub table: Table,
    /// The row of each point in the point element of `table`; `None` if no row was dropped. Points
    /// that [`Scan::sample_surface`] added come after those with a row.
    pub row_of_point: Option<Vec<u32>>,
    /// The axis that points up, if the file itself or its format says so.
    pub up: Option<UpAxis>,
    /// The length of one file unit in metres, if the format says so.
    pub unit: Option<f64>,
    /// What the scan is of its file, if that has more points.
    pub excerpt: Option<Excerpt>,
    /// The points that [`Scan::sample_surface`] added.
    samples: Vec<surface::Sample>,
    /// Oddities in the file that are not fatal, in words for the user.
    pub warnings: Vec<Warning>,
}

/// A problem in the file that did not stop the reading.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning(pub String);

impl Warning {
    fn long_rows(rows: usize) -> Option<Self> {
        (rows > 0).then(|| {
            Self(format!(
                "{rows} rows have more values than the header names; the extra values were ignored"
            ))
        })
    }

    fn bytes_after(bytes: u64) -> Option<Self> {
        (bytes > 0).then(|| Self(format!("{bytes} bytes after the last row were ignored")))
    }

    fn uncolored(uncolored: usize, points: usize) -> Option<Self> {
        (uncolored > 0).then(|| {
            Self(format!(
                "{uncolored} of {points} points have no known colour and are shown grey"
            ))
        })
    }
}

/// The reason why a file could not become a scan; the message names the problem, the value and the
/// limit.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ReadError {
    /// The file has no bytes.
    #[error("the file is empty")]
    Empty,
    /// The format is not supported; `found` says what the file looks like.
    #[error(
        "this looks like {found}, which Segscape does not read; it reads point clouds and meshes as PLY, PCD, LAS/LAZ, E57, GLB/glTF, USDZ/USD, OBJ, STL and text (XYZ, PTS, CSV), and splats as PLY and SPZ"
    )]
    UnknownFormat {
        /// A description of the format that the first bytes suggest.
        found: String,
    },
    /// The header or a row breaks the format's rules.
    #[error("the {format} file is malformed: {problem}")]
    Malformed {
        /// Name of the format, such as "PLY".
        format: &'static str,
        /// The problem, its place and the value.
        problem: String,
    },
    /// The file has fewer bytes than the header promises.
    #[error(
        "the {format} file is cut short: its header promises at least {expected} bytes of data, {found} are there"
    )]
    Truncated {
        /// Name of the format, such as "PLY".
        format: &'static str,
        /// Number of bytes promised.
        expected: u64,
        /// Number of bytes present.
        found: u64,
    },
    /// The scan has more points than memory can hold.
    #[error("the scan has {found} points, the limit is {limit}; thin it out first")]
    TooManyPoints {
        /// Number of points in the header.
        found: u64,
        /// [`MAX_POINTS`].
        limit: usize,
    },
    /// The compressed data would unpack to more than memory can hold.
    #[error("the scan unpacks to {found} bytes, the limit is {limit}; thin it out first")]
    TooLarge {
        /// Number of bytes after unpacking.
        found: u64,
        /// [`MAX_DATA_BYTES`].
        limit: u64,
    },
    /// The file is too large for memory, and the place of a point in it cannot be computed.
    #[error(
        "the file is too large to be read at once, and it cannot be read in slices, because {0}; LAS, LAZ and binary PLY whose points have no lists can, so convert it or thin it out first"
    )]
    NotSliced(String),
    /// The bytes of the file cannot be read.
    #[error("the file cannot be read: {0}")]
    Unreadable(String),
    /// The file is well-formed but has zero points.
    #[error("the scan has no points")]
    NoPoints,
    /// A point is at no place, or too far away.
    #[error(
        "point {point} lies at {position:?}; its coordinates must be numbers from -{MAX_COORDINATE:e} to {MAX_COORDINATE:e}"
    )]
    Nowhere {
        /// Its index.
        point: usize,
        /// Its coordinates, metres or units of the file.
        position: [f32; 3],
    },
    /// No point has three finite coordinates.
    #[error("none of the {rows} points has finite coordinates")]
    NoFinitePoint {
        /// Number of rows in the file.
        rows: usize,
    },
    /// The file was changed on its way, so that its numbers are not those that were written.
    #[error("the {format} file is damaged: {problem}")]
    Damaged {
        /// Name of the format, such as "PLY".
        format: &'static str,
        /// What shows it.
        problem: String,
    },
    /// The horizontal coordinates are angles.
    #[error(
        "x and y look like degrees ({x:.4}, {y:.4}) and z like a length; project the scan first, for example to UTM, so that all three are lengths"
    )]
    Degrees {
        /// The first coordinate of a point.
        x: f64,
        /// Its second coordinate.
        y: f64,
    },
    /// The file was refused after something in it had been noticed that may explain why.
    #[error("{error}; noticed before: {}", .warnings.iter().map(|w| w.0.as_str()).collect::<Vec<_>>().join("; "))]
    Warned {
        /// The reason.
        error: Box<ReadError>,
        /// What was noticed, at least one warning.
        warnings: Vec<Warning>,
    },
    /// The caller cancelled.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl ReadError {
    /// The reason alone, without what was noticed before.
    pub fn reason(&self) -> &Self {
        match self {
            Self::Warned { error, .. } => error.reason(),
            other => other,
        }
    }

    /// What was noticed in the file before it was refused.
    pub fn warnings(&self) -> &[Warning] {
        match self {
            Self::Warned { warnings, .. } => warnings,
            _ => &[],
        }
    }

    /// Adds what was noticed to the reason.
    fn after(self, warnings: Vec<Warning>) -> Self {
        match self {
            Self::Cancelled(_) => self,
            _ if warnings.is_empty() => self,
            error => Self::Warned {
                error: Box::new(error),
                warnings,
            },
        }
    }
}

/// Checks binary data that has more bytes than the header says.
///
/// # Errors
/// [`ReadError::Damaged`] if every line feed has a carriage return before it, which does not happen
/// by chance: the file was transferred as if it were text.
fn check_line_ends(format: &'static str, data: &[u8], more: u64) -> Result<(), ReadError> {
    /// Fewer may be chance.
    const FEWEST: usize = 8;
    if more == 0 {
        return Ok(());
    }
    let feeds = data.iter().filter(|b| **b == b'\n').count();
    let converted = data.windows(2).filter(|pair| *pair == b"\r\n").count();
    if feeds < FEWEST || converted < feeds {
        return Ok(());
    }
    Err(ReadError::Damaged {
        format,
        problem: format!(
            "its line ends were converted, so that {feeds} bytes of its binary data were changed; transfer it in binary mode"
        ),
    })
}

/// A unit length outside the range that a scan can have.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("one unit of the file cannot be {0} m; it must be between a micrometre and 1000 km")]
pub struct UnitError(pub f64);

impl UnitError {
    /// # Errors
    /// [`UnitError`] if a scan cannot have a unit of this many metres.
    pub fn check(metres_per_unit: f64) -> Result<(), Self> {
        if (1e-6..=1e6).contains(&metres_per_unit) {
            Ok(())
        } else {
            Err(Self(metres_per_unit))
        }
    }
}

/// Reads a scan of any supported format, z up and in metres until [`Scan::set_frame`] says
/// otherwise.
///
/// ```
/// use segscape::{progress::Monitor, scan};
///
/// let file = "ply
/// format ascii 1.0
/// element vertex 2
/// property float x
/// property float y
/// property float z
/// end_header
/// 0 0 0
/// 1.5 0 2
/// ";
/// let scan = scan::read(file.as_bytes(), &Monitor::silent())?;
/// assert_eq!(scan.positions, [[0.0; 3], [1.5, 0.0, 2.0]]);
/// # Ok::<(), scan::ReadError>(())
/// ```
///
/// # Errors
/// See [`ReadError`]. Never panics, never allocates more than a small multiple of `bytes`.
pub fn read(bytes: &[u8], monitor: &Monitor) -> Result<Scan, ReadError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.is_empty() {
        return Err(ReadError::Empty);
    }
    let mut warnings = Vec::new();
    let scan = read_with(bytes, monitor, &mut warnings);
    let mut scan = scan.map_err(|error| error.after(std::mem::take(&mut warnings)))?;
    scan.warnings = warnings;
    monitor.at(Stage::Read, 1.0)?;
    Ok(scan)
}

/// A part of a scan, to show while [`read`] is at work: every n-th point, at most `most`, in the same
/// frame and with the same properties, without faces. `None` for files that have to be unpacked or
/// parsed (only binary PLY, PCD and LAS do not), and for those that are damaged as far as the part
/// tells.
///
/// ```
/// use segscape::{scan::{self, Scan}, write};
///
/// let positions: Vec<_> = (0..9000).map(|i| [i as f32, (i % 7) as f32, 0.0]).collect();
/// let file = write::ply(&Scan::from_points(&positions, None)?.table);
/// let part = scan::first_look(&file, 3000).ok_or("no look")?;
/// assert_eq!(part.len(), 3000);
/// assert_eq!(part.table.point_rows().column("x").map(|x| x.at(1)), Some(3.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn first_look(bytes: &[u8], most: usize) -> Option<Scan> {
    use sniff::Format;
    let opened = |format, table, up| Opened {
        table,
        up,
        unit: None,
        format,
    };
    let opened = match sniff::format(bytes).ok()? {
        Format::Ply => opened("PLY", ply::thinned(bytes, most)?, None),
        Format::Pcd => {
            let (table, up) = pcd::thinned(bytes, most)?;
            opened("PCD", table, up)
        }
        Format::Las => opened("LAS", las::thinned(bytes, most)?, Some(UpAxis::PlusZ)),
        _ => return None,
    };
    understood(opened, &mut Vec::new()).ok()
}

fn read_with(
    bytes: &[u8],
    monitor: &Monitor,
    warnings: &mut Vec<Warning>,
) -> Result<Scan, ReadError> {
    let mut steps = Steps {
        monitor,
        total: bytes.len(),
        next: 0,
    };
    let format = sniff::format(bytes).map_err(|found| ReadError::UnknownFormat { found })?;
    let opened = open(format, bytes, &mut steps, warnings)?;
    monitor.check()?;
    understood(opened, warnings)
}

/// The scan that a table is.
fn understood(opened: Opened, warnings: &mut Vec<Warning>) -> Result<Scan, ReadError> {
    let Opened {
        table,
        up,
        unit,
        format,
    } = opened;
    splat::check_packing(&table, format)?;
    let kept = plausible::rows(&table, format, warnings)?;
    let kept = splat::opaque_rows(&table, kept, warnings);
    let scan = Scan {
        up,
        unit,
        ..points::scan(table, kept, warnings)
    };
    warnings.extend(plausible::strays(&scan));
    Ok(scan)
}

/// What a reader found.
struct Opened {
    table: Table,
    up: Option<UpAxis>,
    /// Metres in one unit.
    unit: Option<f64>,
    /// The name of the format in messages.
    format: &'static str,
}

fn open(
    format: sniff::Format,
    bytes: &[u8],
    steps: &mut Steps,
    warnings: &mut Vec<Warning>,
) -> Result<Opened, ReadError> {
    use sniff::Format;
    let silent = |format, table| Opened {
        table,
        up: None,
        unit: None,
        format,
    };
    Ok(match format {
        Format::Ply => silent("PLY", ply::read(bytes, steps, warnings)?),
        Format::Pcd => {
            let (table, up) = pcd::read(bytes, steps, warnings)?;
            Opened {
                up,
                ..silent("PCD", table)
            }
        }
        Format::Las => Opened {
            // the z axis of LAS is the elevation
            up: Some(UpAxis::PlusZ),
            ..silent("LAS", las::read(bytes, steps, warnings)?)
        },
        Format::E57 => Opened {
            unit: Some(1.0),
            ..silent("E57", e57::read(bytes, steps, warnings)?)
        },
        Format::Glb | Format::Gltf => Opened {
            up: Some(UpAxis::PlusY),
            unit: Some(1.0),
            ..silent("glTF", gltf::read(bytes, steps, warnings)?)
        },
        Format::Obj => silent("OBJ", obj::read(bytes, steps, warnings)?),
        Format::BinaryStl => silent("STL", stl::read_binary(bytes, steps, warnings)?),
        Format::AsciiStl => silent("STL", stl::read_ascii(bytes, steps)?),
        Format::Spz => Opened {
            up: Some(UpAxis::PlusY),
            ..silent("SPZ", spz::read(bytes, steps, warnings)?)
        },
        Format::Usd => {
            let usd::Contents { table, up, unit } = usd::read(bytes, steps, warnings)?;
            Opened {
                up: Some(up),
                unit,
                ..silent("USD", table)
            }
        }
        Format::Text => silent("text", text::read(bytes, steps, warnings)?),
    })
}

impl Scan {
    /// Creates a scan that does not come from a file; its file frame is the world frame. It has all of
    /// the points, because other things are about them by their numbers.
    ///
    /// # Errors
    /// [`ReadError::NoPoints`], [`ReadError::Nowhere`].
    ///
    /// # Panics
    /// If `colors` is given and differs in length from `positions`.
    pub fn from_points(
        positions: &[[f32; 3]],
        colors: Option<&[[u8; 3]]>,
    ) -> Result<Self, ReadError> {
        Self::from_world(positions, colors, &Frame::default())
    }

    /// Creates a scan as [`Self::from_points`] does of points in the world frame, with the coordinates
    /// that they had in a file of this frame. As after reading, up axis and unit are to be set.
    ///
    /// # Errors
    /// [`ReadError::NoPoints`], [`ReadError::Nowhere`], in the world or in the file.
    ///
    /// # Panics
    /// If `colors` is given and differs in length from `positions`.
    pub fn from_world(
        positions: &[[f32; 3]],
        colors: Option<&[[u8; 3]]>,
        frame: &Frame,
    ) -> Result<Self, ReadError> {
        assert!(
            colors.is_none_or(|colors| colors.len() == positions.len()),
            "one colour a point"
        );
        if positions.is_empty() {
            return Err(ReadError::NoPoints);
        }
        let in_file = |position: [f32; 3]| frame.file_from_world(position.map(f64::from));
        for (point, position) in positions.iter().copied().enumerate() {
            let there = in_file(position).map(|v| v as f32);
            for position in [position, there] {
                if !is_somewhere(position) {
                    return Err(ReadError::Nowhere { point, position });
                }
            }
        }
        let is_far = frame.offset != [0.0; 3];
        let scalar = if is_far { Scalar::F64 } else { Scalar::F32 };
        let mut columns = build::columns(["x", "y", "z"].map(|name| (name, scalar)));
        if colors.is_some() {
            columns.extend(build::columns(
                ["red", "green", "blue"].map(|name| (name, Scalar::U8)),
            ));
        }
        let mut points = Element {
            count: positions.len(),
            ..build::points(columns)
        };
        points.rows.reserve_exact(points.count * points.stride());
        for (i, position) in positions.iter().enumerate() {
            for v in in_file(*position) {
                match is_far {
                    true => points.rows.extend(v.to_le_bytes()),
                    false => points.rows.extend((v as f32).to_le_bytes()),
                }
            }
            points
                .rows
                .extend(colors.iter().flat_map(|colors| colors[i]));
        }
        let mut warnings = Vec::new();
        let scan = points::scan(Table::of_points(points), None, &mut warnings);
        Ok(Self { warnings, ..scan })
    }

    /// The number of points, including those that [`Self::sample_surface`] added.
    pub fn len(&self) -> usize {
        self.positions.len()
    }

    /// `true` if there are no points; no reader returns such a scan.
    pub fn is_empty(&self) -> bool {
        self.positions.is_empty()
    }

    /// Sets the up axis and the unit of the file, and derives the positions again from the file's
    /// numbers, and those of sampled points from these. The offset is chosen again as well, as on
    /// reading: see the module documentation.
    ///
    /// # Errors
    /// [`UnitError`] if `metres_per_unit` is not between 1e-6 and 1e6; the scan is then unchanged.
    pub fn set_frame(&mut self, up: UpAxis, metres_per_unit: f64) -> Result<(), UnitError> {
        UnitError::check(metres_per_unit)?;
        points::place(self, up, metres_per_unit);
        Ok(())
    }
}

/// Reports the progress of reading by position in the file, at most sixteen times, however many
/// rows call it.
struct Steps<'a> {
    monitor: &'a Monitor<'a>,
    total: usize,
    next: usize,
}

impl Steps<'_> {
    fn at(&mut self, position: usize) -> Result<(), Cancelled> {
        if position < self.next {
            return Ok(());
        }
        self.next = position + self.total / 16 + 1;
        self.monitor
            .at(Stage::Read, 0.9 * position as f32 / self.total as f32)
    }
}

#[cfg(test)]
pub(crate) mod tests;
