//! Wavefront OBJ (Wavefront Technologies, Object Files, appendix B1 of the Advanced Visualizer
//! manual): an object for every instance. Colors after the coordinates are an addition that most
//! programs read.

use std::fmt::Write as _;

use super::{
    PointLabels, UNNAMED,
    json::unit,
    parts::parts,
    rows::{self, Rows, coordinates},
};
use crate::scan::{ColumnView, Scalar, Scan};

/// Writes a vertex (`v x y z red green blue`) for every point of the scan, in the order of the file
/// and in its frame and unit, and then an object `o label_id` for every instance with its triangles
/// (`f`) and the points that are on none (`p`); the rest is `o unassigned`. Colors, 0 to 1 in sRGB,
/// are those of the scan or, if it has none or is `painted`, those of the instances.
pub(super) fn write(scan: &Scan, labels: &PointLabels, painted: bool) -> Vec<u8> {
    let mut out = String::from("# written by Segscape\n");
    let frame = &scan.frame;
    // writing to a string cannot fail
    let _ = writeln!(out, "# unit: {}, up: {}", unit(frame), frame.up);
    let rows = Rows::new(scan, labels);
    let own = scan.colors.as_deref().filter(|_| !painted);
    let columns = coordinates(scan.table.point_rows());
    for row in 0..rows.count {
        let (Some(point), Some(columns)) = (rows.point(row), &columns) else {
            continue;
        };
        out.push('v');
        columns
            .iter()
            .for_each(|column| coordinate(column, row, &mut out));
        let color = own.map_or_else(|| rows.painted(row), |colors| colors[point]);
        for channel in color {
            let _ = write!(out, " {:.4}", f32::from(channel) / 255.0);
        }
        out.push('\n');
    }
    for part in parts(scan, labels) {
        let owner = part.owner.map(|owner| &labels.instances[owner]);
        let name = owner.map_or("unassigned".to_owned(), |owner| {
            object_name(labels.name(owner).unwrap_or(UNNAMED), owner.id)
        });
        let _ = writeln!(out, "o {name}");
        // vertices are counted from 1
        for [a, b, c] in part.triangles.iter().map(|corners| corners.map(|c| c + 1)) {
            let _ = writeln!(out, "f {a} {b} {c}");
        }
        for points in part.points.chunks(16) {
            out.push('p');
            points.iter().for_each(|point| {
                let _ = write!(out, " {}", point + 1);
            });
            out.push('\n');
        }
    }
    out.into_bytes()
}

/// Appends a coordinate with as many digits as its type has.
fn coordinate(column: &ColumnView, row: usize, out: &mut String) {
    let value = column.at(row);
    let _ = match column.scalar {
        Scalar::F32 => write!(out, " {}", value as f32),
        _ => write!(out, " {value}"),
    };
}

/// A name without spaces, at which readers split lines, and without `\`, which joins lines.
fn object_name(label: &str, id: u32) -> String {
    let label = rows::one_line(label);
    let keep = |c: char| {
        if c.is_whitespace() || c == '\\' || c == '#' {
            '_'
        } else {
            c
        }
    };
    format!("{}_{id}", label.chars().map(keep).collect::<String>())
}
