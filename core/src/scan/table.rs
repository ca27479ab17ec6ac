//! Every property of a scan file, kept as it came, so that the file can be written back whole.

/// A scalar type of PLY and PCD files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scalar {
    /// 8-bit signed.
    I8,
    /// 8-bit unsigned.
    U8,
    /// 16-bit signed.
    I16,
    /// 16-bit unsigned.
    U16,
    /// 32-bit signed.
    I32,
    /// 32-bit unsigned.
    U32,
    /// 32-bit float.
    F32,
    /// 64-bit float.
    F64,
}

/// One scalar property of the points.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name in the file.
    pub name: String,
    /// Its type.
    pub scalar: Scalar,
}

/// The points' rows: `rows.len() == count * (sum of column sizes)`, packed little endian in column order.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// The columns in file order.
    pub columns: Vec<Column>,
    /// Number of rows, dropped points included.
    pub count: usize,
    /// The packed rows, little endian.
    pub rows: Vec<u8>,
    /// Header comments (PLY `comment` and `obj_info` lines, without the keyword's line end).
    pub comments: Vec<String>,
    /// Elements other than the points (faces, edges, cameras), re-encoded as binary little endian PLY.
    pub others: Vec<Element>,
}

/// An element beside the points: its PLY header lines and its rows as binary little endian PLY.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// `element face 12` and its `property` lines.
    pub header: Vec<String>,
    /// Its data, binary little endian.
    pub data: Vec<u8>,
    /// Whether it stands before the points in the file.
    pub before_points: bool,
}
