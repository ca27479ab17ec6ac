//! The STL reader: binary and ASCII, as the StereoLithography Interface Specification of 3D Systems
//! (1989) has them.
//!
//! The format has no points, only triangles with corners of their own. Corners at exactly the same
//! place become one point, so that faces share points. The format names neither unit nor up axis.

use std::collections::HashMap;

use super::{
    Column, Element, ReadError, Scalar, Steps, Table, Warning, ascii,
    build::{self, Corners},
    check_line_ends,
    table::text,
};

/// The bytes before the first triangle of a binary file: a remark, and the number of triangles.
pub(super) const HEADER: usize = 84;

/// The bytes of a triangle: a normal, three corners, and two bytes of no fixed meaning.
pub(super) const TRIANGLE: usize = 50;

fn malformed(problem: impl Into<String>) -> ReadError {
    ReadError::Malformed {
        format: "STL",
        problem: problem.into(),
    }
}

/// Points that are met by their places, and the triangles between them.
struct Mesh {
    scalar: Scalar,
    row_of_place: HashMap<[u64; 3], i32>,
    rows: Vec<u8>,
    corners: Corners,
    /// The columns of the faces: normals and, in binary files, attributes.
    of_faces: Vec<u8>,
}

impl Mesh {
    fn new(scalar: Scalar) -> Self {
        Self {
            scalar,
            row_of_place: HashMap::new(),
            rows: Vec::new(),
            corners: Corners::default(),
            of_faces: Vec::new(),
        }
    }

    fn row(&mut self, place: [f64; 3]) -> Result<i32, ReadError> {
        // adding zero turns -0 into 0
        let key = place.map(|v| (v + 0.0).to_bits());
        let next = self.row_of_place.len();
        if let Some(row) = self.row_of_place.get(&key) {
            return Ok(*row);
        }
        build::check_limits(next as u64 + 1, 3 * self.scalar.size())?;
        self.row_of_place.insert(key, next as i32);
        for v in place {
            match self.scalar {
                Scalar::F32 => self.rows.extend((v as f32).to_le_bytes()),
                _ => self.rows.extend(v.to_le_bytes()),
            }
        }
        Ok(next as i32)
    }

    fn triangle(&mut self, places: [[f64; 3]; 3]) -> Result<(), ReadError> {
        let [a, b, c] = places;
        let face = [self.row(a)?, self.row(b)?, self.row(c)?];
        self.corners.push(face);
        Ok(())
    }

    fn table(self, of_faces: Vec<Column>) -> Table {
        let points = Element {
            count: self.row_of_place.len(),
            rows: self.rows,
            ..build::points(build::columns(
                ["x", "y", "z"].map(|name| (name, self.scalar)),
            ))
        };
        let mut faces = self.corners.faces();
        if !of_faces.is_empty() {
            faces.columns = of_faces;
            faces.rows = self.of_faces;
        }
        build::table(points, faces)
    }
}

fn normal_columns() -> Vec<Column> {
    build::columns(["nx", "ny", "nz"].map(|name| (name, Scalar::F32)))
}

/// Reads a binary file.
pub(super) fn read_binary(
    bytes: &[u8],
    steps: &mut Steps,
    warnings: &mut Vec<Warning>,
) -> Result<Table, ReadError> {
    let (header, data) = bytes.split_at_checked(HEADER).ok_or(ReadError::Truncated {
        format: "STL",
        expected: HEADER as u64,
        found: bytes.len() as u64,
    })?;
    let count = Scalar::U32.read(&header[80..]) as u64;
    let needed = count * TRIANGLE as u64;
    let Some(more) = (data.len() as u64).checked_sub(needed) else {
        return Err(ReadError::Truncated {
            format: "STL",
            expected: needed,
            found: data.len() as u64,
        });
    };
    check_line_ends("STL", data, more)?;
    let triangles = data[..needed as usize].chunks_exact(TRIANGLE);
    let has_attributes = triangles.clone().any(|t| t[48..] != [0; 2]);
    let mut mesh = Mesh::new(Scalar::F32);
    for (i, triangle) in triangles.enumerate() {
        steps.at(HEADER + i * TRIANGLE)?;
        let value = |k: usize| Scalar::F32.read(&triangle[4 * k..]);
        mesh.triangle([3, 6, 9].map(|k| [value(k), value(k + 1), value(k + 2)]))?;
        mesh.of_faces.extend(&triangle[..12]);
        if has_attributes {
            mesh.of_faces.extend(&triangle[48..]);
        }
    }
    warnings.extend(Warning::bytes_after(more));
    let mut columns = normal_columns();
    if has_attributes {
        columns.extend(build::columns([("attribute", Scalar::U16)]));
    }
    let mut table = mesh.table(columns);
    let name = text(&header[..80]);
    let name = name.trim_matches(|c: char| c == '\0' || c.is_whitespace());
    if !name.is_empty() {
        table.comments.push(build::remark(name));
    }
    Ok(table)
}

/// The words of a text, and the lines that they are on.
struct Words<'a> {
    bytes: &'a [u8],
    at: usize,
    line: usize,
}

impl<'a> Words<'a> {
    fn next(&mut self) -> Option<&'a [u8]> {
        while let Some(b) = self.bytes.get(self.at).filter(|b| b.is_ascii_whitespace()) {
            self.line += usize::from(*b == b'\n');
            self.at += 1;
        }
        let rest = &self.bytes[self.at..];
        let length = rest
            .iter()
            .position(u8::is_ascii_whitespace)
            .unwrap_or(rest.len());
        self.at += length;
        (length > 0).then_some(&rest[..length])
    }

    /// The rest of the line.
    fn rest_of_line(&mut self) -> &'a [u8] {
        let rest = &self.bytes[self.at..];
        let is_end = |b: &u8| matches!(b, b'\n' | b'\r');
        let length = rest.iter().position(is_end).unwrap_or(rest.len());
        self.at += length;
        rest[..length].trim_ascii()
    }

    fn numbers(&mut self) -> Result<[f64; 3], ReadError> {
        let mut numbers = [0.0; 3];
        for number in &mut numbers {
            let word = self
                .next()
                .ok_or_else(|| malformed("it ends within a facet"))?;
            *number = ascii::float(word).ok_or_else(|| self.not(word, Scalar::F32))?;
        }
        Ok(numbers)
    }

    fn not(&self, word: &[u8], scalar: Scalar) -> ReadError {
        let problem = ascii::not_a_value(word, scalar);
        malformed(format!("line {}: {problem}", self.line))
    }
}

/// Reads an ASCII file.
pub(super) fn read_ascii(bytes: &[u8], steps: &mut Steps) -> Result<Table, ReadError> {
    let mut words = Words {
        bytes,
        at: 0,
        line: 1,
    };
    let mut mesh = Mesh::new(Scalar::F64);
    let mut comments = Vec::new();
    let mut corners: Vec<[f64; 3]> = Vec::new();
    let (mut in_solid, mut in_facet) = (false, false);
    let mut normals_before = 0;
    while let Some(word) = words.next() {
        steps.at(words.at)?;
        match word.to_ascii_lowercase().as_slice() {
            b"solid" if !in_solid => {
                in_solid = true;
                let name = words.rest_of_line();
                if !name.is_empty() && comments.len() < 1000 {
                    comments.push(build::remark(&text(name)));
                }
            }
            b"endsolid" if in_solid && !in_facet => {
                in_solid = false;
                words.rest_of_line();
            }
            b"facet" if in_solid && !in_facet => {
                in_facet = true;
                normals_before = mesh.of_faces.len();
            }
            b"normal" if in_facet && mesh.of_faces.len() == normals_before => {
                let normal = words.numbers()?;
                mesh.of_faces
                    .extend(normal.iter().flat_map(|v| (*v as f32).to_le_bytes()));
            }
            b"vertex" if in_facet => corners.push(words.numbers()?),
            b"outer" | b"loop" | b"endloop" if in_facet => {}
            b"endfacet" if in_facet => {
                let [a, b, c] = corners[..] else {
                    return Err(malformed(format!(
                        "line {}: a facet has {} corners in place of 3",
                        words.line,
                        corners.len()
                    )));
                };
                mesh.triangle([a, b, c])?;
                corners.clear();
                in_facet = false;
            }
            _ => {
                let word = String::from_utf8_lossy(&word[..word.len().min(40)]);
                return Err(malformed(format!(
                    "line {}: `{}` is not expected here",
                    words.line,
                    word.escape_debug()
                )));
            }
        }
        if corners.len() > 3 {
            return Err(malformed(format!(
                "line {}: a facet has more than 3 corners",
                words.line
            )));
        }
    }
    if in_solid {
        return Err(malformed("it ends before its `endsolid`"));
    }
    let has_normals = mesh.of_faces.len() == 12 * mesh.corners.len();
    let columns = if has_normals {
        normal_columns()
    } else {
        Vec::new()
    };
    let mut table = mesh.table(columns);
    table.comments = comments;
    Ok(table)
}
