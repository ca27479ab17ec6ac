//! Binary little-endian PLY (G. Turk, The PLY polygon file format): the whole input, with the labels
//! as more properties of the points.

use super::{PointLabels, labeled::Labeled};
use crate::scan::{Element, Property, Remark, Scalar, Scan, Table};

/// Writes a table unchanged.
pub fn ply(table: &Table) -> Vec<u8> {
    write(table, &table.comments, &[], &|_, _| ())
}

/// Writes the input with `int instance` (-1 is none), `int label` (-1 is none; `comment label 3
/// office chair` gives the name of label 3) and `float score` for every point, including those
/// without finite coordinates. If `painted`, the points also have `uchar red`, `green` and `blue`:
/// the colors of their instances.
///
/// Properties of the input that already have these names are kept under other names:
/// `instance_input` and so on.
pub fn labeled_ply(scan: &Scan, labels: &PointLabels, painted: bool) -> Vec<u8> {
    let labeled = Labeled::new(scan, labels, painted);
    write(
        &labeled.table,
        &labeled.comments,
        &labeled.extra,
        &|row, out| labeled.append(row, out),
    )
}

/// The header of a table. `extra` are additional properties of the points.
pub(super) fn header(table: &Table, comments: &[Remark], extra: &[(Scalar, &str)]) -> Vec<u8> {
    let mut remarks = Vec::new();
    for comment in comments {
        // a line end of another system within the line would be one for some readers
        let byte = |b: &u8| if matches!(b, b'\n' | b'\r') { b' ' } else { *b };
        remarks.extend(comment.bytes().iter().map(byte));
        remarks.push(b'\n');
    }
    let mut out = String::new();
    for (index, element) in table.elements.iter().enumerate() {
        out += &format!("element {} {}\n", element.name, element.count);
        for property in element.properties() {
            out += &match property {
                Property::Column(column) => {
                    let column = &element.columns[column];
                    format!("property {} {}\n", column.scalar.ply_name(), column.name)
                }
                Property::List(list) => {
                    let list = &element.lists[list];
                    format!(
                        "property list {} {} {}\n",
                        list.count.ply_name(),
                        list.item.ply_name(),
                        list.name
                    )
                }
            };
        }
        if index == table.points {
            out.extend(
                extra
                    .iter()
                    .map(|(scalar, name)| format!("property {} {name}\n", scalar.ply_name())),
            );
        }
    }
    out += "end_header\n";
    let start = b"ply\nformat binary_little_endian 1.0\n";
    [start, remarks.as_slice(), out.as_bytes()].concat()
}

/// Writes `table`. `extra` are additional properties of the points; `append` writes their values
/// after each row.
fn write(
    table: &Table,
    comments: &[Remark],
    extra: &[(Scalar, &str)],
    append: &dyn Fn(usize, &mut Vec<u8>),
) -> Vec<u8> {
    let mut out = header(table, comments, extra);
    let appended = table.elements.get(table.points).map_or(0, |points| {
        points.count * extra.iter().map(|(scalar, _)| scalar.size()).sum::<usize>()
    });
    out.reserve_exact(table.elements.iter().map(data_size).sum::<usize>() + appended);
    for (index, element) in table.elements.iter().enumerate() {
        let append: &dyn Fn(usize, &mut Vec<u8>) = if index == table.points {
            append
        } else {
            &|_, _| ()
        };
        write_rows(element, append, &mut out);
    }
    out
}

/// The size of an element's rows in bytes.
fn data_size(element: &Element) -> usize {
    element.rows.len()
        + element
            .lists
            .iter()
            .map(|list| list.counts.len() * list.count.size() + list.items.len())
            .sum::<usize>()
}

fn write_rows(element: &Element, append: &dyn Fn(usize, &mut Vec<u8>), out: &mut Vec<u8>) {
    let properties = element.properties();
    if properties.is_empty() {
        return;
    }
    let mut scalars = element.rows.as_slice();
    let mut items: Vec<&[u8]> = element
        .lists
        .iter()
        .map(|list| list.items.as_slice())
        .collect();
    let take = |from: &mut &[u8], size: usize, out: &mut Vec<u8>| {
        let (head, rest) = from.split_at(size);
        out.extend_from_slice(head);
        *from = rest;
    };
    for row in 0..element.count {
        if element.lists.is_empty() {
            take(&mut scalars, element.rows.len() / element.count, out);
        } else {
            for property in &properties {
                match *property {
                    Property::Column(column) => {
                        take(&mut scalars, element.columns[column].scalar.size(), out)
                    }
                    Property::List(index) => {
                        let list = &element.lists[index];
                        let count = list.counts[row];
                        out.extend(&u64::from(count).to_le_bytes()[..list.count.size()]);
                        take(&mut items[index], count as usize * list.item.size(), out);
                    }
                }
            }
        }
        append(row, out);
    }
}
