//! Pieces of tables for formats whose rows are not kept byte by byte as they came.

use super::{Column, Element, List, MAX_DATA_BYTES, MAX_POINTS, ReadError, Scalar, Table};

/// The columns of coordinates, in double precision.
pub(super) const XYZ: [(&str, Scalar); 3] =
    [("x", Scalar::F64), ("y", Scalar::F64), ("z", Scalar::F64)];

/// Checks what a table of points will need, before anything is allocated for it.
///
/// # Errors
/// [`ReadError::TooManyPoints`], [`ReadError::TooLarge`].
pub(super) fn check_limits(points: u64, stride: usize) -> Result<(), ReadError> {
    if points > MAX_POINTS as u64 {
        return Err(ReadError::TooManyPoints {
            found: points,
            limit: MAX_POINTS,
        });
    }
    let found = points.saturating_mul(stride as u64);
    if found > MAX_DATA_BYTES {
        return Err(ReadError::TooLarge {
            found,
            limit: MAX_DATA_BYTES,
        });
    }
    Ok(())
}

/// Every n-th of `count` records of `size` bytes each, at most `most`; `None` if there are none, or not
/// all are there.
pub(super) fn thinned(data: &[u8], size: usize, count: usize, most: usize) -> Option<Vec<u8>> {
    let data = data.get(..count.checked_mul(size)?)?;
    let step = count.div_ceil(most.max(1));
    if size == 0 || step == 0 {
        return None;
    }
    let records: Vec<&[u8]> = data.chunks_exact(size).step_by(step).collect();
    Some(records.concat())
}

/// Columns from their names and types.
pub(super) fn columns<'a>(named: impl IntoIterator<Item = (&'a str, Scalar)>) -> Vec<Column> {
    let column = |(name, scalar): (&str, Scalar)| Column {
        name: name.to_owned(),
        scalar,
    };
    named.into_iter().map(column).collect()
}

/// The element of points, without rows.
pub(super) fn points(columns: Vec<Column>) -> Element {
    Element {
        name: "vertex".to_owned(),
        columns,
        ..Element::default()
    }
}

/// Points, and faces if there are any.
pub(super) fn table(points: Element, faces: Element) -> Table {
    let mut table = Table::of_points(points);
    if faces.count > 0 {
        table.elements.push(faces);
    }
    table
}

/// Collects the corners of faces, as rows of points from 0 on; -1 stands for a corner that the file
/// names and does not have.
#[derive(Default)]
pub(super) struct Corners {
    counts: Vec<u32>,
    items: Vec<u8>,
}

impl Corners {
    pub(super) fn push(&mut self, face: impl IntoIterator<Item = i32>) {
        let before = self.items.len();
        self.items
            .extend(face.into_iter().flat_map(i32::to_le_bytes));
        self.counts.push(((self.items.len() - before) / 4) as u32);
    }

    pub(super) fn len(&self) -> usize {
        self.counts.len()
    }

    /// The element of faces with these corners and no other property.
    pub(super) fn faces(self) -> Element {
        Element {
            name: "face".to_owned(),
            count: self.counts.len(),
            lists: vec![List {
                name: "vertex_indices".to_owned(),
                count: count_type(&self.counts),
                item: Scalar::I32,
                after_columns: 0,
                counts: self.counts,
                items: self.items,
            }],
            ..Element::default()
        }
    }
}

/// The type that holds the number of items of every list.
pub(super) fn count_type(counts: &[u32]) -> Scalar {
    match counts.iter().max() {
        Some(256..) => Scalar::U32,
        _ => Scalar::U8,
    }
}

/// A name that a header of a PLY file can have: without blanks, control characters and emptiness.
pub(super) fn column_name(name: &str) -> String {
    let is_letter = |c: char| !c.is_ascii_whitespace() && !c.is_control();
    let name: String = (name.trim().chars().take(80))
        .map(|c| if is_letter(c) { c } else { '_' })
        .collect();
    if name.is_empty() {
        "unnamed".to_owned()
    } else {
        name
    }
}

/// A text as a remark of one line.
pub(super) fn remark(text: &str) -> super::Remark {
    let line: String = (text.chars().take(500))
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    super::Remark::new("comment ", line.trim().as_bytes())
}

/// Gives names that occur more than once a number.
pub(super) fn make_unique(columns: &mut [Column]) {
    let mut seen = std::collections::HashSet::new();
    for column in columns {
        let name = column.name.clone();
        let mut number = 1;
        while !seen.insert(column.name.to_ascii_lowercase()) {
            number += 1;
            column.name = format!("{name}_{number}");
        }
    }
}
