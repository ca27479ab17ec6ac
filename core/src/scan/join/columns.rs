//! The properties of the points of files that become one scan.

use super::{FILE, Part, some};
use crate::scan::{Column, Element, Scalar, Scan, Warning, build, colors};

/// The properties with the colors of points.
const COLORS: [&str; 3] = ["red", "green", "blue"];
/// Names of colors that are read, too.
const OTHER_COLORS: [&str; 6] = [
    "diffuse_red",
    "diffuse_green",
    "diffuse_blue",
    "r",
    "g",
    "b",
];

/// The properties of points that all files have.
pub(super) struct Plan {
    columns: Vec<Column>,
    /// If `true`, the colors are written anew as bytes: not all files have them so.
    paints: bool,
    /// If `true`, all files are meshes.
    pub(super) has_faces: bool,
}

impl Plan {
    pub(super) fn new(parts: &[Part], warnings: &mut Vec<Warning>) -> Self {
        let points = |part: &'_ Part| part.scan.table.point_rows().columns.clone();
        let has_bytes = |part: &Part| {
            let rows = part.scan.table.point_rows();
            COLORS.iter().all(|name| {
                rows.column(name)
                    .is_some_and(|column| column.scalar == Scalar::U8)
            })
        };
        let gray: Vec<&str> = (parts.iter())
            .filter(|part| part.scan.colors.is_none())
            .map(|part| part.name.as_str())
            .collect();
        let colored = gray.len() < parts.len();
        if colored && !gray.is_empty() {
            warnings.push(Warning(format!(
                "{}: without colours; these points are shown grey",
                some(&gray)
            )));
        }
        let paints = colored && !parts.iter().all(has_bytes);
        let is_color = |names: &[&str], name: &str| {
            paints && names.iter().any(|color| color.eq_ignore_ascii_case(name))
        };
        let mut columns: Vec<Column> = Vec::new();
        let first = parts.first().map(points).unwrap_or_default();
        for Column { name, .. } in first {
            let is_known = columns.iter().any(|c| c.name.eq_ignore_ascii_case(&name));
            let mut scalars = parts.iter().map(|part| {
                let (_, scalar) = place(part.scan.table.point_rows(), &name)?;
                Some(scalar)
            });
            let widest = scalars.try_fold(None, |widest: Option<Scalar>, scalar| {
                let scalar = scalar?;
                Some(Some(widest.map_or(scalar, |widest| wider(widest, scalar))))
            });
            if let (Some(Some(scalar)), false, false) = (widest, is_known, is_color(&COLORS, &name))
            {
                columns.push(Column { name, scalar });
            }
        }
        let meshes = parts.iter().filter(|part| !part.scan.triangles.is_empty());
        let meshes: Vec<&str> = meshes.map(|part| part.name.as_str()).collect();
        let has_faces = meshes.len() == parts.len();
        if !has_faces && !meshes.is_empty() {
            warnings.push(Warning(format!(
                "{}: the faces are left out, because other files have none",
                some(&meshes)
            )));
        }
        let plan = Self {
            columns,
            paints,
            has_faces,
        };
        let lost = plan.lost(parts, |name| {
            is_color(&COLORS, name) || is_color(&OTHER_COLORS, name)
        });
        if !lost.is_empty() {
            let lost: Vec<&str> = lost.iter().map(String::as_str).collect();
            warnings.push(Warning(format!(
                "not all files have the properties {}; they are left out",
                some(&lost)
            )));
        }
        plan
    }

    /// The properties that only some files have, apart from faces and what `is_kept`.
    fn lost(&self, parts: &[Part], is_kept: impl Fn(&str) -> bool) -> Vec<String> {
        let mut lost: Vec<String> = Vec::new();
        let mut note = |name: String| {
            if !lost.iter().any(|other| other.eq_ignore_ascii_case(&name)) {
                lost.push(name);
            }
        };
        let short = |name: &str| name.chars().take(80).collect::<String>();
        for Part { scan, .. } in parts {
            let points = scan.table.point_rows();
            for Column { name, .. } in &points.columns {
                let here = |c: &Column| c.name.eq_ignore_ascii_case(name);
                if !self.columns.iter().any(here) && !is_kept(name) {
                    note(short(name));
                }
            }
            points.lists.iter().for_each(|list| note(short(&list.name)));
            for (number, element) in scan.table.elements.iter().enumerate() {
                let is_face = element.name.eq_ignore_ascii_case("face");
                let lists = element.lists.iter().map(|list| &list.name);
                let is_corners = |name: &str| name.to_ascii_lowercase().starts_with("vertex_ind");
                let columns = element.columns.iter().map(|column| &column.name);
                let of_faces = columns.chain(lists.filter(|name| !is_corners(name)));
                match number == scan.table.points || element.count == 0 {
                    true => {}
                    false if is_face => {
                        of_faces.for_each(|name| note(format!("{} of faces", short(name))));
                    }
                    false => note(short(&element.name)),
                }
            }
        }
        lost
    }

    /// The columns of the joined points.
    pub(super) fn all_columns(&self) -> Vec<Column> {
        let mut columns = self.columns.clone();
        if self.paints {
            columns.extend(build::columns(COLORS.map(|name| (name, Scalar::U8))));
        }
        let taken = |columns: &[Column], name: &str| {
            let mut columns = columns.iter();
            columns.any(|column| column.name.eq_ignore_ascii_case(name))
        };
        let mut free = FILE.to_owned();
        while taken(&columns, &free) {
            free.push_str("_input");
        }
        for column in &mut columns {
            if column.name.eq_ignore_ascii_case(FILE) {
                column.name.clone_from(&free);
            }
        }
        columns.extend(build::columns([(FILE, Scalar::U8)]));
        columns
    }

    /// Appends the rows of a file.
    pub(super) fn append(&self, number: u8, scan: &Scan, out: &mut Element) {
        let rows = scan.table.point_rows();
        let sources: Vec<(usize, Scalar, Scalar)> = (self.columns.iter())
            .filter_map(|column| {
                let (at, scalar) = place(rows, &column.name)?;
                Some((at, scalar, column.scalar))
            })
            .collect();
        let colors = self.paints.then(|| {
            let mut colors = vec![colors::UNKNOWN; rows.count];
            for (point, color) in scan
                .colors
                .iter()
                .flatten()
                .enumerate()
                .take(scan.measured())
            {
                let kept = scan.row_of_point.as_ref();
                colors[kept.map_or(point, |kept| kept[point] as usize)] = *color;
            }
            colors
        });
        let stride = rows.stride().max(1);
        for (row, bytes) in rows.rows.chunks_exact(stride).enumerate() {
            for &(at, from, to) in &sources {
                let value = &bytes[at..at + from.size()];
                if from == to {
                    out.rows.extend_from_slice(value);
                } else {
                    push(from.read(value), to, &mut out.rows);
                }
            }
            out.rows
                .extend(colors.iter().flat_map(|colors| colors[row]));
            out.rows.push(number);
        }
        out.count += rows.count;
    }
}

/// Where a row has the value of the first column with this name, and its type.
fn place(element: &Element, name: &str) -> Option<(usize, Scalar)> {
    let mut at = 0;
    for column in &element.columns {
        if column.name.eq_ignore_ascii_case(name) {
            return Some((at, column.scalar));
        }
        at += column.scalar.size();
    }
    None
}

/// The smallest type that holds the values of both; f64 where none holds all of them.
fn wider(a: Scalar, b: Scalar) -> Scalar {
    /// The whole numbers that a type holds exactly.
    fn exact(scalar: Scalar) -> (i128, i128) {
        let half = |bits: usize| (-(1 << bits), (1 << bits) - 1);
        match (scalar, scalar.all_ones()) {
            (_, Some(largest)) => (0, largest.into()),
            (Scalar::Bool, _) => (0, 1),
            (Scalar::F32, _) => half(24),
            (Scalar::F64, _) => half(53),
            (integer, _) => half(8 * integer.size() - 1),
        }
    }
    let holds = |outer: Scalar, inner: Scalar| {
        let ((low, high), (least, most)) = (exact(outer), exact(inner));
        let is_wide = low <= least && most <= high;
        outer == inner || is_wide && (inner.is_integer() || outer == Scalar::F64)
    };
    let mut all = Scalar::ALL.into_iter();
    all.find(|outer| holds(*outer, a) && holds(*outer, b))
        .unwrap_or(Scalar::F64)
}

/// Appends a value in little-endian order.
fn push(value: f64, scalar: Scalar, out: &mut Vec<u8>) {
    match scalar {
        Scalar::I8 => out.extend((value as i8).to_le_bytes()),
        Scalar::U8 | Scalar::Bool => out.push(value as u8),
        Scalar::I16 => out.extend((value as i16).to_le_bytes()),
        Scalar::U16 => out.extend((value as u16).to_le_bytes()),
        Scalar::I32 => out.extend((value as i32).to_le_bytes()),
        Scalar::U32 => out.extend((value as u32).to_le_bytes()),
        Scalar::I64 => out.extend((value as i64).to_le_bytes()),
        Scalar::U64 => out.extend((value as u64).to_le_bytes()),
        Scalar::F32 => out.extend((value as f32).to_le_bytes()),
        Scalar::F64 => out.extend(value.to_le_bytes()),
    }
}
