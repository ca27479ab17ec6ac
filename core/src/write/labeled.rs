//! The points of a file with the labels as more properties, which PLY and PCD have in common.

use std::borrow::Cow;

use super::{
    PointLabels,
    rows::{Rows, one_line},
};
use crate::scan::{Remark, Scalar, Scan, Table};

/// The properties that a labelled file has in addition to those of its input.
const LABELS: [(Scalar, &str); 3] = [
    (Scalar::I32, "instance"),
    (Scalar::I32, "label"),
    (Scalar::F32, "score"),
];
/// Those of a painted file.
const COLORS: [(Scalar, &str); 3] = [
    (Scalar::U8, "red"),
    (Scalar::U8, "green"),
    (Scalar::U8, "blue"),
];

/// A table, and the properties that come after those of its points.
pub(super) struct Labeled<'a> {
    pub(super) table: Cow<'a, Table>,
    /// The remarks of the table, and the names of the labels.
    pub(super) comments: Vec<Remark>,
    /// The additional properties.
    pub(super) extra: Vec<(Scalar, &'static str)>,
    rows: Rows<'a>,
    painted: bool,
}

impl<'a> Labeled<'a> {
    /// Properties of the input that already have the names of additional ones get other names:
    /// `instance_input` and so on.
    pub(super) fn new(scan: &'a Scan, labels: &'a PointLabels, painted: bool) -> Self {
        let rows = Rows::new(scan, labels);
        Self::of_table(Cow::Borrowed(&scan.table), rows, labels, painted)
    }

    /// The same for a table whose points are labelled as `rows` says.
    pub(super) fn of_table(
        mut table: Cow<'a, Table>,
        rows: Rows<'a>,
        labels: &PointLabels,
        painted: bool,
    ) -> Self {
        let mut comments = table.comments.clone();
        let colors = COLORS.iter().filter(|_| painted);
        let extra: Vec<_> = LABELS.iter().chain(colors).copied().collect();
        for (_, name) in &extra {
            rename(&mut table, &mut comments, name);
        }
        for (index, label) in labels.labels.iter().enumerate() {
            comments.push(format!("comment label {index} {}", one_line(label)).into());
        }
        Self {
            table,
            comments,
            extra,
            rows,
            painted,
        }
    }

    /// Writes the additional values of a row.
    pub(super) fn append(&self, row: usize, out: &mut Vec<u8>) {
        out.extend(self.rows.instance(row).to_le_bytes());
        out.extend(self.rows.label(row).to_le_bytes());
        out.extend(self.rows.score(row).to_le_bytes());
        if self.painted {
            out.extend(self.rows.painted(row));
        }
    }
}

/// Frees the property name `name` of the points: an existing property gets another name, and the
/// comments about it are renamed too.
fn rename(table: &mut Cow<Table>, comments: &mut [Remark], name: &str) {
    let points = table.point_rows();
    let taken = |name: &str| {
        points
            .columns
            .iter()
            .map(|c| &c.name)
            .chain(points.lists.iter().map(|l| &l.name))
            .any(|other| other.eq_ignore_ascii_case(name))
    };
    if !taken(name) {
        return;
    }
    let mut free = format!("{name}_input");
    while taken(&free) {
        free.push_str("_input");
    }
    let table = table.to_mut();
    let points = &mut table.elements[table.points];
    let names = points
        .columns
        .iter_mut()
        .map(|c| &mut c.name)
        .chain(points.lists.iter_mut().map(|l| &mut l.name));
    names
        .filter(|other| other.eq_ignore_ascii_case(name))
        .for_each(|other| other.clone_from(&free));
    let old = format!("comment {name} ");
    for comment in comments {
        if let Some(rest) = comment.bytes().strip_prefix(old.as_bytes()) {
            *comment = Remark::new(&format!("comment {free} "), rest);
        }
    }
}
