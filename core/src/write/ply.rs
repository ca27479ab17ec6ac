//! Binary little-endian PLY: the whole input, with the labels as three more properties of the
//! points.

use super::PointLabels;
use crate::scan::{Element, Property, Remark, Scan, Table};

/// The properties that a labelled file has in addition to those of its input.
const INSTANCE: &str = "instance";
const LABEL: &str = "label";
const SCORE: &str = "score";
/// The value of `instance` and `label` for points without an instance or a label.
const NONE: i32 = -1;

/// Writes a table unchanged.
pub fn ply(table: &Table) -> Vec<u8> {
    write(table, &table.comments, &[], &|_, _| ())
}

/// Writes the input with `int instance` (-1 is none), `int label` (-1 is none; `comment label 3
/// office chair` gives the name of label 3) and `float score` for every point, including those
/// without finite coordinates.
///
/// Properties of the input that already have these names are kept under other names:
/// `instance_input` and so on.
pub fn labeled_ply(scan: &Scan, labels: &PointLabels) -> Vec<u8> {
    let mut table = std::borrow::Cow::Borrowed(&scan.table);
    let mut comments = scan.table.comments.clone();
    for name in [INSTANCE, LABEL, SCORE] {
        rename(&mut table, &mut comments, name);
    }
    for (index, label) in labels.labels.iter().enumerate() {
        comments.push(format!("comment {LABEL} {index} {}", one_line(label)).into());
    }
    let point_of_row = scan.row_of_point.as_ref().map(|rows| {
        let mut point_of_row = vec![usize::MAX; scan.table.point_rows().count];
        rows.iter()
            .enumerate()
            .for_each(|(point, row)| point_of_row[*row as usize] = point);
        point_of_row
    });
    let append = |row: usize, out: &mut Vec<u8>| {
        let owner = labels.owner(point_of_row.as_ref().map_or(row, |points| points[row]));
        let [id, label] = owner.map_or([NONE; 2], |owner| {
            [
                owner.id as i32,
                owner.label.map_or(NONE, |label| label as i32),
            ]
        });
        out.extend(id.to_le_bytes());
        out.extend(label.to_le_bytes());
        out.extend(owner.map_or(0.0, |owner| owner.score).to_le_bytes());
    };
    write(
        &table,
        &comments,
        &[("int", INSTANCE), ("int", LABEL), ("float", SCORE)],
        &append,
    )
}

/// Frees the property name `name` of the points: an existing property gets another name, and the
/// comments about it are renamed too.
fn rename(table: &mut std::borrow::Cow<Table>, comments: &mut [Remark], name: &str) {
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

/// Replaces control characters: a line end in a name would end the header line.
fn one_line(text: &str) -> String {
    text.split(char::is_control).collect::<Vec<_>>().join(" ")
}

/// Writes `table`. `extra` are additional properties of the points; `append` writes their values
/// after each row.
fn write(
    table: &Table,
    comments: &[Remark],
    extra: &[(&str, &str)],
    append: &dyn Fn(usize, &mut Vec<u8>),
) -> Vec<u8> {
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
                    .map(|(scalar, name)| format!("property {scalar} {name}\n")),
            );
        }
    }
    out += "end_header\n";
    let start = b"ply\nformat binary_little_endian 1.0\n";
    let mut out = [start, remarks.as_slice(), out.as_bytes()].concat();
    let appended = table
        .elements
        .get(table.points)
        .map_or(0, |points| points.count * 4 * extra.len());
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
