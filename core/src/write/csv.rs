//! A table of the instances with their boxes as CSV (RFC 4180), in UTF-8.

use super::{InstanceRecord, PointLabels, instance_records, json::unit};
use crate::scan::Scan;

/// The columns. Boxes are in the file's frame and unit; `box` is axis-aligned, `oriented` is turned
/// about up, see [`OrientedBoxRecord`](super::OrientedBoxRecord).
const COLUMNS: [&str; 18] = [
    "id",
    "label",
    "score",
    "points",
    "box_center_x",
    "box_center_y",
    "box_center_z",
    "box_size_x",
    "box_size_y",
    "box_size_z",
    "oriented_center_x",
    "oriented_center_y",
    "oriented_center_z",
    "oriented_length",
    "oriented_width",
    "oriented_height",
    "oriented_yaw_degrees",
    "unit",
];

/// Writes one line for each instance, after one with the names of the columns. Instances without
/// points have empty cells for their boxes.
pub(super) fn write(scan: &Scan, labels: &PointLabels) -> Vec<u8> {
    let mut out = String::new();
    let mut line = |cells: &[String]| {
        out += &cells.join(",");
        out += "\r\n";
    };
    line(&COLUMNS.map(str::to_owned));
    let unit = unit(&scan.frame);
    for record in instance_records(scan, labels) {
        line(&cells(&record, &unit));
    }
    out.into_bytes()
}

fn cells(record: &InstanceRecord, unit: &str) -> [String; COLUMNS.len()] {
    let file = record.file_box.map(|found| (found.center, found.size));
    let oriented = record.oriented_box;
    let numbers = [
        file.map(|(center, _)| center),
        file.map(|(_, size)| size),
        oriented.map(|found| found.center),
        oriented.map(|found| found.size),
    ];
    let number = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
    let mut cells = vec![
        record.id.to_string(),
        text(record.label.as_deref().unwrap_or_default()),
        record.score.to_string(),
        record.points.to_string(),
    ];
    for triple in numbers {
        cells.extend((0..3).map(|axis| number(triple.map(|triple| triple[axis]))));
    }
    cells.push(number(oriented.map(|found| found.yaw_degrees)));
    cells.push(text(unit));
    cells.try_into().expect("a cell for every column")
}

/// A cell with text. Spreadsheets take what begins with one of `= + - @`, a tab or a carriage return
/// for a formula: such a text gets an apostrophe before it, which says that it is text. RFC 4180 has
/// no control characters but line ends.
fn text(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let mut cell: String = if is_formula { "'" } else { "" }.to_owned();
    cell.extend(text.chars().map(|c| match c {
        '\n' | '\r' | '\t' => c,
        c if c.is_control() => char::REPLACEMENT_CHARACTER,
        c => c,
    }));
    match cell.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell,
    }
}
