//! Bytes of a scan to points: format by content, never by name.
//!
//! Readers parse coordinates as f64, take the first finite point's rounded position as the offset, and keep local f32
//! positions; [`Frame`] remembers how to get back. Every property of the file is kept in [`Table`] so that
//! [`crate::write`] can give the file back whole.

use serde::{Deserialize, Serialize};

use crate::progress::{Cancelled, Monitor};

mod frame;
mod pcd;
mod ply;
mod table;

pub use frame::{Frame, UpAxis};
pub use table::{Column, Element, Scalar, Table};

/// The most points a scan may have: what a 4 GiB wasm memory can hold through every stage.
pub const MAX_POINTS: usize = 12_000_000;

/// A scan as points in the world frame (see [`Frame`]); structure of arrays, all of length `points`.
#[derive(Clone, Debug)]
pub struct Scan {
    /// (points, 3), world frame: metres, z up once [`crate::preflight`] was applied.
    pub positions: Vec<[f32; 3]>,
    /// (points, 3), sRGB, when the file has colour.
    pub colors: Option<Vec<[u8; 3]>>,
    /// (triangles, 3) indices into points; empty for a cloud. Polygons are fanned.
    pub triangles: Vec<[u32; 3]>,
    /// Labels that came with the file, for evaluation only.
    pub truth: Option<Truth>,
    /// How the file's coordinates became `positions`.
    pub frame: Frame,
    /// Every property of the file, row by row.
    pub table: Table,
    /// (points): the row of `table` a point came from; `None` when no row was dropped.
    pub row_of_point: Option<Vec<u32>>,
    /// What was odd but not fatal, in words for the user.
    pub warnings: Vec<Warning>,
}

/// Labels of a labelled scan, one per point: `semantic` is the data set's class id, `instance` 0 is unlabelled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Truth {
    /// (points) class ids.
    pub semantic: Vec<i32>,
    /// (points) instance ids, unique in the scan; 0 = unlabelled.
    pub instance: Vec<i32>,
}

/// Something about the file that did not stop the reading.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning(pub String);

/// Why a file could not become a scan; the message names the problem, the value and the limit.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ReadError {
    /// Nothing in it.
    #[error("the file is empty")]
    Empty,
    /// Not a format we read; `found` says what it looks like.
    #[error("this looks like {found}, which Segscape does not read; it reads point clouds and meshes as PLY and PCD")]
    UnknownFormat {
        /// What the first bytes suggest.
        found: String,
    },
    /// The header or a row breaks the format's rules.
    #[error("the {format} file is malformed: {problem}")]
    Malformed {
        /// PLY or PCD.
        format: &'static str,
        /// What, where, which value.
        problem: String,
    },
    /// Fewer bytes than the header promises.
    #[error("the {format} file is cut short: its header promises {expected} bytes of data, {found} are there")]
    Truncated {
        /// PLY or PCD.
        format: &'static str,
        /// Promised bytes.
        expected: u64,
        /// Present bytes.
        found: u64,
    },
    /// More points than memory can hold.
    #[error("the scan has {found} points, the limit is {limit}; thin it out first")]
    TooManyPoints {
        /// Points in the header.
        found: u64,
        /// [`MAX_POINTS`].
        limit: usize,
    },
    /// No point has three finite coordinates.
    #[error("none of the {rows} points has finite coordinates")]
    NoFinitePoint {
        /// Rows in the file.
        rows: usize,
    },
    /// The caller cancelled.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

/// Reads a scan of any known format.
///
/// # Errors
/// See [`ReadError`]. Never panics, never allocates more than a small multiple of `bytes`.
pub fn read(bytes: &[u8], monitor: &Monitor) -> Result<Scan, ReadError> {
    let _ = (bytes, monitor);
    Err(ReadError::Empty)
}
