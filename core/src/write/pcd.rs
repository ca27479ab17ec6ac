//! Binary PCD (Point Cloud Library, The PCD file format, version 0.7): the points of the input with
//! the labels. The format has neither faces nor lists: those of the input are left out.

use super::{PointLabels, labeled::Labeled};
use crate::scan::{Column, Remark, Scalar, Scan};

/// A field of the file: bytes of a row of the table, and how they are written.
struct Field {
    name: String,
    scalar: Scalar,
    /// Where the value's bytes come from in a row with the labels.
    bytes: Vec<usize>,
}

/// Writes all scalar properties of the points, then `I instance` and `I label` (-1 is none; `#
/// label 3 office chair` gives the name of label 3) and `F score`. Colors of three bytes become
/// `rgb`, or `rgba` with an alpha, as the format has them. Lines with VIEWPOINT, WIDTH and HEIGHT are
/// those of the input, if it was a PCD file.
pub(super) fn write(scan: &Scan, labels: &PointLabels, painted: bool) -> Vec<u8> {
    let labeled = Labeled::new(scan, labels, painted);
    let points = labeled.table.point_rows();
    let extra = labeled.extra.iter().map(|(scalar, name)| Column {
        name: (*name).to_owned(),
        scalar: *scalar,
    });
    let columns: Vec<Column> = points.columns.iter().cloned().chain(extra).collect();
    let fields = fields(&columns);
    let mut out = header(&fields, &labeled.comments, points.count).into_bytes();
    let stride = points.stride();
    out.reserve_exact(points.count * fields.iter().map(|f| f.bytes.len()).sum::<usize>());
    let mut row_bytes = Vec::new();
    for row in 0..points.count {
        row_bytes.clear();
        row_bytes.extend_from_slice(&points.rows[row * stride..(row + 1) * stride]);
        labeled.append(row, &mut row_bytes);
        let bytes = fields.iter().flat_map(|field| &field.bytes);
        // no byte is the alpha of a color without one: opaque
        out.extend(bytes.map(|at| row_bytes.get(*at).copied().unwrap_or(u8::MAX)));
    }
    out
}

/// The fields of the columns. The bytes of colors become one field where the first of them is.
fn fields(columns: &[Column]) -> Vec<Field> {
    let mut at = 0;
    let starts: Vec<usize> = columns
        .iter()
        .map(|column| {
            at += column.scalar.size();
            at - column.scalar.size()
        })
        .collect();
    let channel = |name: &str| {
        let index = columns
            .iter()
            .position(|column| column.name.eq_ignore_ascii_case(name))?;
        (columns[index].scalar == Scalar::U8).then_some(index)
    };
    let rgb = ["blue", "green", "red"].map(channel);
    let packed = match rgb {
        [Some(blue), Some(green), Some(red)] => vec![blue, green, red],
        _ => Vec::new(),
    };
    let alpha = channel("alpha").filter(|_| !packed.is_empty());
    let first = packed.iter().min().copied();
    let mut fields = Vec::new();
    for (index, column) in columns.iter().enumerate() {
        if Some(index) == first {
            let alpha = alpha.map_or(usize::MAX, |alpha| starts[alpha]);
            let colors = packed.iter().map(|channel| starts[*channel]);
            fields.push(Field {
                name: if alpha == usize::MAX { "rgb" } else { "rgba" }.to_owned(),
                scalar: Scalar::U32,
                bytes: colors.chain([alpha]).collect(),
            });
        }
        if !packed.contains(&index) && alpha != Some(index) {
            let start = starts[index];
            fields.push(Field {
                name: column.name.clone(),
                scalar: column.scalar,
                bytes: (start..start + column.scalar.size()).collect(),
            });
        }
    }
    fields
}

fn header(fields: &[Field], comments: &[Remark], points: usize) -> String {
    let line = |of: &dyn Fn(&Field) -> String| fields.iter().map(of).collect::<Vec<_>>().join(" ");
    let kind = |field: &Field| match field.scalar {
        Scalar::F32 | Scalar::F64 => "F",
        Scalar::I8 | Scalar::I16 | Scalar::I32 | Scalar::I64 => "I",
        Scalar::U8 | Scalar::U16 | Scalar::U32 | Scalar::U64 | Scalar::Bool => "U",
    };
    let mut out = String::from("# .PCD v0.7 - Point Cloud Data file format\n");
    let (mut viewpoint, mut size) = ("VIEWPOINT 0 0 0 1 0 0 0".to_owned(), (points, 1));
    for comment in comments {
        let text = super::rows::one_line(&comment.text());
        let text = text.strip_prefix("comment ").unwrap_or(&text);
        if text.starts_with(".PCD") {
            continue;
        }
        match text.strip_prefix("organised as WIDTH ") {
            _ if text.starts_with("VIEWPOINT ") => viewpoint = text.to_owned(),
            Some(rest) => size = organized(rest, points).unwrap_or(size),
            None => out += &format!("# {text}\n"),
        }
    }
    out += "VERSION 0.7\n";
    out += &format!("FIELDS {}\n", line(&|field| field.name.clone()));
    out += &format!("SIZE {}\n", line(&|field| field.scalar.size().to_string()));
    out += &format!("TYPE {}\n", line(&|field| kind(field).to_owned()));
    out += &format!("COUNT {}\n", line(&|_| "1".to_owned()));
    out += &format!("WIDTH {}\nHEIGHT {}\n", size.0, size.1);
    out + &format!("{viewpoint}\nPOINTS {points}\nDATA binary\n")
}

/// The width and height of an organized cloud with this many points.
fn organized(text: &str, points: usize) -> Option<(usize, usize)> {
    let (width, height) = text.split_once(" HEIGHT ")?;
    let size: (usize, usize) = (width.parse().ok()?, height.parse().ok()?);
    (size.0.checked_mul(size.1) == Some(points)).then_some(size)
}
