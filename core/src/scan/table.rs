//! The complete content of a scan file, kept as it came, so that the whole file can be written
//! back.
//!
//! The data model is that of PLY, which PCD fits into: elements (points, faces, ...) consist of
//! rows, and rows of scalars and lists. All numbers are packed in little-endian order, whatever the
//! file used.

use std::{borrow::Cow, collections::HashMap};

/// A scalar type of PLY files. The types of 64-bit integers and truth values are not in the
/// format's text, but are written.
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
    /// 64-bit signed.
    I64,
    /// 64-bit unsigned.
    U64,
    /// A truth value in a byte; 0 is false.
    Bool,
    /// 32-bit float.
    F32,
    /// 64-bit float.
    F64,
}

impl Scalar {
    /// All scalar types.
    pub const ALL: [Self; 11] = [
        Self::I8,
        Self::U8,
        Self::I16,
        Self::U16,
        Self::I32,
        Self::U32,
        Self::I64,
        Self::U64,
        Self::Bool,
        Self::F32,
        Self::F64,
    ];

    /// The size of a value in bytes.
    pub const fn size(self) -> usize {
        match self {
            Self::I8 | Self::U8 | Self::Bool => 1,
            Self::I16 | Self::U16 => 2,
            Self::I32 | Self::U32 | Self::F32 => 4,
            Self::I64 | Self::U64 | Self::F64 => 8,
        }
    }

    /// `true` if the values are integers; truth values are.
    pub const fn is_integer(self) -> bool {
        !matches!(self, Self::F32 | Self::F64)
    }

    /// The largest value of an unsigned type, all of whose bits are ones; `None` for other types.
    pub const fn all_ones(self) -> Option<u64> {
        match self {
            Self::U8 => Some(u8::MAX as u64),
            Self::U16 => Some(u16::MAX as u64),
            Self::U32 => Some(u32::MAX as u64),
            Self::U64 => Some(u64::MAX),
            _ => None,
        }
    }

    /// The type's name in a PLY header.
    pub const fn ply_name(self) -> &'static str {
        match self {
            Self::I8 => "char",
            Self::U8 => "uchar",
            Self::I16 => "short",
            Self::U16 => "ushort",
            Self::I32 => "int",
            Self::U32 => "uint",
            Self::I64 => "int64",
            Self::U64 => "uint64",
            Self::Bool => "bool",
            Self::F32 => "float",
            Self::F64 => "double",
        }
    }

    /// The type that a PLY header calls `name`, in its old (`uchar`) or new (`uint8`) spelling and
    /// in any case.
    pub fn from_ply_name(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "char" | "int8" => Self::I8,
            "uchar" | "uint8" => Self::U8,
            "short" | "int16" => Self::I16,
            "ushort" | "uint16" => Self::U16,
            "int" | "int32" => Self::I32,
            "uint" | "uint32" => Self::U32,
            "int64" => Self::I64,
            "uint64" => Self::U64,
            "bool" => Self::Bool,
            "float" | "float32" => Self::F32,
            "double" | "float64" => Self::F64,
            _ => return None,
        })
    }

    /// Reads the little-endian value at the start of `bytes`; exact for every type but for 64-bit
    /// integers beyond 2^53, see [`Self::read_integer`]. `bytes` must have at least
    /// [`Self::size`] bytes.
    pub fn read(self, bytes: &[u8]) -> f64 {
        match self {
            Self::I8 => f64::from(i8::from_le_bytes(first(bytes))),
            Self::U8 | Self::Bool => f64::from(bytes[0]),
            Self::I16 => f64::from(i16::from_le_bytes(first(bytes))),
            Self::U16 => f64::from(u16::from_le_bytes(first(bytes))),
            Self::I32 => f64::from(i32::from_le_bytes(first(bytes))),
            Self::U32 => f64::from(u32::from_le_bytes(first(bytes))),
            Self::I64 => i64::from_le_bytes(first(bytes)) as f64,
            Self::U64 => u64::from_le_bytes(first(bytes)) as f64,
            Self::F32 => f64::from(f32::from_le_bytes(first(bytes))),
            Self::F64 => f64::from_le_bytes(first(bytes)),
        }
    }

    /// Reads the little-endian value at the start of `bytes` exactly; `None` if it is not a whole
    /// number.
    pub fn read_integer(self, bytes: &[u8]) -> Option<i128> {
        match self {
            Self::I64 => Some(i64::from_le_bytes(first(bytes)).into()),
            Self::U64 => Some(u64::from_le_bytes(first(bytes)).into()),
            // `as` does not overflow: the largest f32 is below 2^128, and larger f64 clamp
            _ => Some(self.read(bytes))
                .filter(|value| value.fract() == 0.0)
                .map(|value| value as i128),
        }
    }
}

/// The first `N` bytes, of which there are at least that many.
fn first<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut value = [0; N];
    value.copy_from_slice(&bytes[..N]);
    value
}

/// One scalar property of an element's rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Name in the file.
    pub name: String,
    /// Type of the values.
    pub scalar: Scalar,
}

/// A list property of an element: a variable number of items in each row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    /// Name in the file.
    pub name: String,
    /// The integer type of the item count in the file.
    pub count: Scalar,
    /// Type of an item.
    pub item: Scalar,
    /// Number of the element's columns before this list in a row.
    pub after_columns: usize,
    /// `(rows)`: number of items in each row.
    pub counts: Vec<u32>,
    /// The items of all rows, packed in little-endian order.
    pub items: Vec<u8>,
}

/// One kind of row: the points, the faces, the cameras and so on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Element {
    /// Name in the file.
    pub name: String,
    /// Number of rows.
    pub count: usize,
    /// The scalar properties in file order.
    pub columns: Vec<Column>,
    /// `(count, stride)` bytes, see [`Self::stride`]: the scalars row by row and, within a row, in
    /// the order of the columns; each scalar is little-endian.
    pub rows: Vec<u8>,
    /// The list properties in file order.
    pub lists: Vec<List>,
}

/// A property of an [`Element`] as an index into its columns or its lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Property {
    /// Index into [`Element::columns`].
    Column(usize),
    /// Index into [`Element::lists`].
    List(usize),
}

impl Element {
    /// The size of the scalars of one row in bytes.
    pub fn stride(&self) -> usize {
        self.columns.iter().map(|c| c.scalar.size()).sum()
    }

    /// The properties in file order.
    pub fn properties(&self) -> Vec<Property> {
        let mut properties = Vec::with_capacity(self.columns.len() + self.lists.len());
        let mut lists = self.lists.iter().enumerate().peekable();
        for column in 0..=self.columns.len() {
            while let Some((list, _)) = lists.next_if(|(_, list)| list.after_columns <= column) {
                properties.push(Property::List(list));
            }
            if column < self.columns.len() {
                properties.push(Property::Column(column));
            }
        }
        properties
    }

    /// Returns the first column with this name, ignoring ASCII case.
    pub fn column(&self, name: &str) -> Option<ColumnView<'_>> {
        let index = self
            .columns
            .iter()
            .position(|c| c.name.eq_ignore_ascii_case(name))?;
        let offset = self.columns[..index].iter().map(|c| c.scalar.size()).sum();
        Some(ColumnView {
            rows: &self.rows,
            stride: self.stride(),
            offset,
            scalar: self.columns[index].scalar,
        })
    }

    /// Returns the first list with one of these names, ignoring ASCII case.
    pub fn list(&self, names: &[&str]) -> Option<&List> {
        self.lists.iter().find(|list| {
            names
                .iter()
                .any(|name| list.name.eq_ignore_ascii_case(name))
        })
    }
}

/// The values of one column.
#[derive(Clone, Copy, Debug)]
pub struct ColumnView<'a> {
    rows: &'a [u8],
    stride: usize,
    offset: usize,
    /// Type of the values.
    pub scalar: Scalar,
}

impl<'a> ColumnView<'a> {
    /// The value in row `row`, which must be below the element's count.
    pub fn at(&self, row: usize) -> f64 {
        self.scalar
            .read(&self.rows[row * self.stride + self.offset..])
    }

    /// The exact value in row `row`, if it is a whole number; see [`Scalar::read_integer`].
    pub fn integer_at(&self, row: usize) -> Option<i128> {
        self.scalar
            .read_integer(&self.rows[row * self.stride + self.offset..])
    }

    /// All values in row order.
    pub fn values(self) -> impl Iterator<Item = f64> + 'a {
        self.rows
            .chunks_exact(self.stride)
            .map(move |row| self.scalar.read(&row[self.offset..]))
    }
}

/// A scan file as a sequence of elements, one of which holds the points.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// The elements in file order; never empty after reading.
    pub elements: Vec<Element>,
    /// Index of the element that holds the points.
    pub points: usize,
    /// The header lines that are remarks, including the keyword: `comment ...` and `obj_info ...`.
    pub comments: Vec<Remark>,
}

/// A line of a header that is a remark, byte for byte, because files name no encoding.
#[derive(Clone, PartialEq, Eq)]
pub struct Remark(Vec<u8>);

impl Remark {
    /// Creates a remark from a keyword and the rest of the line.
    pub fn new(keyword: &str, rest: &[u8]) -> Self {
        Self([keyword.as_bytes(), rest].concat())
    }

    /// The line without its end.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The line as text.
    pub fn text(&self) -> Cow<'_, str> {
        text(&self.0)
    }
}

impl From<String> for Remark {
    fn from(line: String) -> Self {
        Self(line.into_bytes())
    }
}

impl From<&str> for Remark {
    fn from(line: &str) -> Self {
        line.to_owned().into()
    }
}

impl PartialEq<&str> for Remark {
    fn eq(&self, other: &&str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl std::fmt::Debug for Remark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.text().fmt(f)
    }
}

/// Bytes as text: UTF-8, or Latin-1 if they are not UTF-8.
pub(super) fn text(bytes: &[u8]) -> Cow<'_, str> {
    str::from_utf8(bytes).map_or_else(
        |_| bytes.iter().copied().map(char::from).collect(),
        Cow::Borrowed,
    )
}

impl Table {
    /// Creates a table that has only points.
    pub fn of_points(points: Element) -> Self {
        Self {
            elements: vec![points],
            points: 0,
            comments: Vec::new(),
        }
    }

    /// The element that holds the points, including the rows that were dropped.
    pub fn point_rows(&self) -> &Element {
        &self.elements[self.points]
    }

    /// The names of semantic classes, by id, that comments like `comment class 101 office chair`
    /// give.
    pub fn class_names(&self) -> HashMap<i32, String> {
        let parse = |line: &Remark| {
            let line = line.text();
            let (id, name) = line
                .trim()
                .strip_prefix("comment class ")?
                .trim_start()
                .split_once([' ', '\t'])?;
            Some((id.parse().ok()?, name.trim().to_owned()))
        };
        self.comments.iter().filter_map(parse).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn integers_of_64_bits_are_read_exactly() {
        let cases: [(Scalar, [u8; 8], Option<i128>); 5] = [
            (Scalar::U64, [0xff; 8], Some(u64::MAX.into())),
            (Scalar::I64, [0xff; 8], Some(-1)),
            (
                Scalar::F64,
                4294967295f64.to_le_bytes(),
                Some(4_294_967_295),
            ),
            (Scalar::F64, 0.5f64.to_le_bytes(), None),
            (Scalar::F64, f64::NAN.to_le_bytes(), None),
        ];
        for (scalar, bytes, wanted) in cases {
            assert_eq!(scalar.read_integer(&bytes), wanted, "{scalar:?}");
        }
    }

    #[test]
    fn comments_name_classes() {
        let mut table = Table::of_points(Element {
            name: "vertex".into(),
            ..Element::default()
        });
        table.comments = [
            "comment class 105 office chair",
            "comment class chair 105",
            "comment made by hand",
            "obj_info class 7 x",
        ]
        .map(Remark::from)
        .into();
        assert_eq!(
            table.class_names(),
            [(105, "office chair".to_owned())].into()
        );
    }
}
