//! The owners of the rows of a file, which include rows that are not points.

use super::{LabeledInstance, PointLabels, UNNAMED};
#[cfg(feature = "exports")]
use crate::scan::{ColumnView, Element};
use crate::{palette, scan::Scan};

/// The value of `instance` and `label` for rows without an instance or a label.
pub(super) const NONE: i32 = -1;

/// The row of points of which the scan has none nearby.
#[cfg(feature = "exports")]
pub(super) const NO_ROW: usize = usize::MAX;

/// The rows of the points in the file, each with its owner.
pub(super) struct Rows<'a> {
    labels: &'a PointLabels,
    /// The point of each row, or `u32::MAX`; `None` if every row is a point.
    point_of_row: Option<Vec<u32>>,
    /// The colors of `labels.instances`.
    colors: Vec<[u8; 3]>,
    /// Number of rows.
    #[cfg(feature = "exports")]
    pub(super) count: usize,
}

impl<'a> Rows<'a> {
    pub(super) fn new(scan: &Scan, labels: &'a PointLabels) -> Self {
        let count = scan.table.point_rows().count;
        let point_of_row = scan.row_of_point.as_ref().map(|rows| {
            let mut point_of_row = vec![u32::MAX; count];
            (0..)
                .zip(rows)
                .for_each(|(point, row)| point_of_row[*row as usize] = point);
            point_of_row
        });
        Self {
            labels,
            point_of_row,
            colors: colors(labels),
            #[cfg(feature = "exports")]
            count,
        }
    }

    /// The point of a row, if it is one; a row that does not exist has no owner.
    pub(super) fn point(&self, row: usize) -> Option<usize> {
        match &self.point_of_row {
            None => Some(row),
            Some(points) => {
                let point = *points.get(row)? as usize;
                (point != u32::MAX as usize).then_some(point)
            }
        }
    }

    /// The index of the instance that owns a row.
    pub(super) fn owner_index(&self, row: usize) -> Option<usize> {
        let owner = *self.labels.instance_of_point.get(self.point(row)?)? as usize;
        (owner < self.labels.instances.len()).then_some(owner)
    }

    fn owner(&self, row: usize) -> Option<&'a LabeledInstance> {
        Some(&self.labels.instances[self.owner_index(row)?])
    }

    /// The id of the instance that owns a row, or [`NONE`].
    pub(super) fn instance(&self, row: usize) -> i32 {
        self.owner(row).map_or(NONE, |owner| owner.id as i32)
    }

    /// The index of the label of a row, or [`NONE`].
    pub(super) fn label(&self, row: usize) -> i32 {
        let label = self.owner(row).and_then(|owner| owner.label);
        label.map_or(NONE, |label| label as i32)
    }

    /// The score of the instance that owns a row, or 0.
    pub(super) fn score(&self, row: usize) -> f32 {
        self.owner(row).map_or(0.0, |owner| owner.score)
    }

    /// The color of the instance that owns a row.
    pub(super) fn painted(&self, row: usize) -> [u8; 3] {
        let owner = self.owner_index(row);
        owner.map_or(palette::UNOWNED, |owner| self.colors[owner])
    }
}

/// The color of an instance on the page and in files.
pub(super) fn color(labels: &PointLabels, instance: &LabeledInstance) -> [u8; 3] {
    palette::instance_color(labels.name(instance).unwrap_or(UNNAMED), instance.id)
}

/// The colors of all instances.
pub(super) fn colors(labels: &PointLabels) -> Vec<[u8; 3]> {
    let instances = labels.instances.iter();
    instances.map(|instance| color(labels, instance)).collect()
}

/// The coordinates of the rows as the file has them; `None` for scans without coordinates, which
/// have no points.
#[cfg(feature = "exports")]
pub(super) fn coordinates(points: &Element) -> Option<[ColumnView<'_>; 3]> {
    Some([
        points.column("x")?,
        points.column("y")?,
        points.column("z")?,
    ])
}

/// The row of a point that has one: the inverse of [`Rows::point`].
pub(super) fn row_of_point(scan: &Scan, point: usize) -> usize {
    let rows = scan.row_of_point.as_ref();
    rows.map_or(point, |rows| rows[point] as usize)
}

/// Replaces control characters: a line end in a name would end a line of a header.
pub(super) fn one_line(text: &str) -> String {
    text.split(char::is_control).collect::<Vec<_>>().join(" ")
}
