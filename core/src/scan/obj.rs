//! The OBJ reader: meshes and points, as the Object Files chapter of Wavefront's Advanced Visualizer
//! manual (1995) has them, with the colors of vertices that MeshLab and others write behind the
//! coordinates: `v x y z r g b`.
//!
//! Points, polygons, texture coordinates of corners and, where every vertex has one, normals are
//! kept. Curves and surfaces are left out. Materials and textures are in other files: a remark keeps
//! the name, and a warning says so. The format names neither unit nor up axis.

use super::{
    List, ReadError, Scalar, Steps, Table, Warning, ascii,
    build::{self, Corners, XYZ},
    table::text,
};

fn malformed(problem: impl Into<String>) -> ReadError {
    ReadError::Malformed {
        format: "OBJ",
        problem: problem.into(),
    }
}

/// The maximum number of remarks that are kept.
const REMARKS: usize = 100;

/// The keywords that begin a line, for recognizing a file.
pub(super) const KEYWORDS: [&str; 14] = [
    "v", "vt", "vn", "vp", "f", "l", "p", "o", "g", "s", "mg", "usemtl", "mtllib", "usemap",
];

/// What was read so far.
#[derive(Default)]
struct Mesh {
    positions: Vec<[f64; 3]>,
    /// Colors of vertices, NaN where there is none; shorter than `positions` if the last have none.
    colors: Vec<[f32; 3]>,
    normals: Vec<[f32; 3]>,
    texture: Vec<[f32; 2]>,
    corners: Corners,
    texture_counts: Vec<u32>,
    texture_items: Vec<u8>,
    /// `false` once a corner has a normal of another number than its vertex.
    normals_follow: bool,
    remarks: Vec<super::Remark>,
    material: Option<String>,
    /// Number of lines and curves, and of faces of less than three corners.
    left_out: usize,
}

/// Reads a file whose lines begin with the keywords of OBJ.
pub(super) fn read(
    bytes: &[u8],
    steps: &mut Steps,
    warnings: &mut Vec<Warning>,
) -> Result<Table, ReadError> {
    let mut mesh = Mesh {
        normals_follow: true,
        ..Mesh::default()
    };
    let mut at = 0;
    let mut number = 0;
    let mut joined = Vec::new();
    let end = ascii::line_end(bytes);
    for line in bytes.split(|b| *b == end) {
        at += line.len() + 1;
        number += 1;
        steps.at(at.min(bytes.len()))?;
        let line = line.trim_ascii();
        // a backslash joins lines
        if let Some(part) = line.strip_suffix(b"\\") {
            joined.extend_from_slice(part);
            joined.push(b' ');
            continue;
        }
        let whole = if joined.is_empty() {
            line
        } else {
            joined.extend_from_slice(line);
            &joined
        };
        let read = mesh.line(whole);
        read.map_err(|error| match error {
            ReadError::Malformed { problem, .. } => malformed(format!("line {number}: {problem}")),
            other => other,
        })?;
        joined.clear();
    }
    if !joined.is_empty() {
        return Err(malformed(format!(
            "line {number}: the file ends within a line that goes on"
        )));
    }
    Ok(mesh.table(warnings))
}

impl Mesh {
    fn line(&mut self, line: &[u8]) -> Result<(), ReadError> {
        if let Some(remark) = line.strip_prefix(b"#") {
            if self.remarks.len() < REMARKS && !remark.trim_ascii().is_empty() {
                self.remarks.push(build::remark(&text(remark)));
            }
            return Ok(());
        }
        let mut words = line
            .split(u8::is_ascii_whitespace)
            .filter(|word| !word.is_empty())
            .take_while(|word| !word.starts_with(b"#"));
        let keyword = words.next().unwrap_or_default();
        match keyword {
            b"v" => self.vertex(words),
            b"vn" => {
                let normal = numbers::<3>(words)?.0;
                self.normals.push(normal.map(|v| v as f32));
                Ok(())
            }
            b"vt" => {
                let [u, v] = numbers::<2>(words.chain([b"0".as_slice()]))?.0;
                self.texture.push([u as f32, v as f32]);
                Ok(())
            }
            b"f" | b"fo" => self.face(words),
            b"l" | b"curv" | b"curv2" | b"surf" => {
                self.left_out += 1;
                Ok(())
            }
            b"mtllib" => {
                let name = text(line[keyword.len()..].trim_ascii()).into_owned();
                let name: String = name.chars().take(200).collect();
                self.material.get_or_insert(name);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn vertex<'a>(&mut self, words: impl Iterator<Item = &'a [u8]>) -> Result<(), ReadError> {
        build::check_limits(self.positions.len() as u64 + 1, 48)?;
        let (position, rest) = numbers::<3>(words)?;
        // one number more is a weight, four are a color and its opacity
        if let [r, g, b] | [r, g, b, _] = rest[..] {
            let row = self.positions.len();
            self.colors.resize(row, [f32::NAN; 3]);
            self.colors.push([r, g, b].map(|v| v as f32));
        }
        self.positions.push(position);
        Ok(())
    }

    fn face<'a>(&mut self, words: impl Iterator<Item = &'a [u8]> + Clone) -> Result<(), ReadError> {
        if words.clone().nth(2).is_none() {
            self.left_out += 1;
            return Ok(());
        }
        let vertices = self.positions.len();
        let mut face = Vec::new();
        let items_before = self.texture_items.len();
        for word in words {
            let mut parts = word.split(|b| *b == b'/');
            let vertex = index(parts.next().unwrap_or_default(), word)?;
            // Vertices may follow the faces that use them; `table` checks the rest.
            let row = row(vertex, vertices);
            face.push(row);
            let texture = parts.next().filter(|part| !part.is_empty());
            if let Some(part) = texture {
                let at = self::row(index(part, word)?, self.texture.len());
                let found = usize::try_from(at).ok().and_then(|at| self.texture.get(at));
                let place = found.copied().unwrap_or([f32::NAN; 2]);
                self.texture_items
                    .extend(place.iter().flat_map(|v| v.to_le_bytes()));
            }
            if let Some(part) = parts.next().filter(|part| !part.is_empty()) {
                let normal = self::row(index(part, word)?, self.normals.len());
                self.normals_follow &= normal == row;
            }
        }
        let items = (self.texture_items.len() - items_before) / 4;
        self.texture_counts.push(items as u32);
        self.corners.push(face);
        Ok(())
    }

    fn table(self, warnings: &mut Vec<Warning>) -> Table {
        let count = self.positions.len();
        let colored = !self.colors.is_empty();
        let has_normals = self.normals.len() == count && self.normals_follow;
        let mut columns = build::columns(XYZ);
        if colored {
            columns.extend(build::columns(
                ["red", "green", "blue"].map(|name| (name, Scalar::F32)),
            ));
        }
        if has_normals {
            columns.extend(build::columns(
                ["nx", "ny", "nz"].map(|name| (name, Scalar::F32)),
            ));
        }
        let mut points = build::points(columns);
        points.count = count;
        points.rows.reserve_exact(count * points.stride());
        for (row, position) in self.positions.iter().enumerate() {
            let rows = &mut points.rows;
            rows.extend(position.iter().flat_map(|v| v.to_le_bytes()));
            if colored {
                let color = self.colors.get(row).copied().unwrap_or([f32::NAN; 3]);
                rows.extend(color.iter().flat_map(|v| v.to_le_bytes()));
            }
            if has_normals {
                rows.extend(self.normals[row].iter().flat_map(|v| v.to_le_bytes()));
            }
        }
        let mut faces = self.corners.faces();
        if !self.texture_items.is_empty() {
            faces.lists.push(List {
                name: "texcoord".to_owned(),
                count: build::count_type(&self.texture_counts),
                item: Scalar::F32,
                after_columns: 0,
                counts: self.texture_counts,
                items: self.texture_items,
            });
        }
        if self.left_out > 0 {
            warnings.push(Warning(format!(
                "{} lines, curves and faces of less than three corners were left out",
                self.left_out
            )));
        }
        if !self.normals.is_empty() && !has_normals {
            warnings.push(Warning(
                "the normals belong to corners of faces, not to points, and were left out"
                    .to_owned(),
            ));
        }
        let mut table = build::table(points, faces);
        table.comments = self.remarks;
        if let Some(name) = self.material {
            table
                .comments
                .push(build::remark(&format!("mtllib {name}")));
        }
        table
    }
}

/// The first numbers of a line, and those that follow, four at most.
fn numbers<'a, const N: usize>(
    words: impl Iterator<Item = &'a [u8]>,
) -> Result<([f64; N], Vec<f64>), ReadError> {
    let mut first = [0.0; N];
    let mut found = 0;
    let mut rest = Vec::new();
    for word in words.take(N + 4) {
        let wrong = || malformed(ascii::not_a_value(word, Scalar::F64));
        let number = ascii::float(word).ok_or_else(wrong)?;
        match first.get_mut(found) {
            Some(first) => *first = number,
            None => rest.push(number),
        }
        found += 1;
    }
    if found < N {
        return Err(malformed(format!("{found} numbers in place of {N}")));
    }
    Ok((first, rest))
}

fn index(part: &[u8], word: &[u8]) -> Result<i64, ReadError> {
    let number = str::from_utf8(part).ok().and_then(|part| part.parse().ok());
    number.ok_or_else(|| {
        let word = String::from_utf8_lossy(&word[..word.len().min(40)]).into_owned();
        malformed(format!("`{}` is not a corner", word.escape_debug()))
    })
}

/// The row of an index: from 1 on, or from the last one back if it is negative; -1 if there can be
/// no such row.
fn row(index: i64, count: usize) -> i32 {
    let row = if index > 0 {
        index - 1
    } else if index < 0 {
        index.saturating_add(count as i64)
    } else {
        -1
    };
    i32::try_from(row).unwrap_or(-1).max(-1)
}
