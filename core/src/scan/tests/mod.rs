#![allow(clippy::unwrap_used, clippy::type_complexity)]

use super::*;
use crate::families::{self, Memory};

mod e57;
mod first_look;
mod gltf;
mod hostile;
mod join;
mod las;
mod meaning;
mod obj;
mod odd;
mod pcd;
mod ply;
pub(crate) mod real;
mod round_trip;
mod splat;
mod stl;
mod text;
mod usd;

fn read_silently(bytes: &[u8]) -> Result<Scan, ReadError> {
    read(bytes, &Monitor::silent())
}

/// Joins a header and a body.
fn file(header: &str, body: &[u8]) -> Vec<u8> {
    [header.as_bytes(), body].concat()
}

fn floats(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

/// The right answer to a file.
#[derive(Clone, Copy, Debug)]
enum Answer {
    /// So many points and triangles, and nothing to say.
    Silent(usize, usize),
    /// So many points and triangles, and words in a warning.
    Warned(usize, usize, &'static str),
    /// Words in the error.
    Refused(&'static str),
}

/// A file that is odd, under a name that says how, and the right answer to it.
type Case = (String, Vec<u8>, Answer);

/// Cases with names that are known beforehand.
fn cases<const N: usize>(named: [(&str, Vec<u8>, Answer); N]) -> Vec<Case> {
    named
        .map(|(name, bytes, answer)| (name.to_owned(), bytes, answer))
        .into()
}

/// Checks the table of a family of formats, see [`families::assert_right`].
fn assert_family(family: &str, allowed: Memory, cases: &[Case]) {
    families::assert_right(family, allowed, cases, check);
}

/// What is wrong with the answer to a file.
fn check(bytes: &[u8], wanted: &Answer) -> Result<(), String> {
    let found = read_silently(bytes);
    let is_right = match (&found, *wanted) {
        (Ok(scan), Answer::Silent(points, triangles)) => {
            (scan.len(), scan.triangles.len()) == (points, triangles) && scan.warnings.is_empty()
        }
        (Ok(scan), Answer::Warned(points, triangles, words)) => {
            (scan.len(), scan.triangles.len()) == (points, triangles)
                && scan.warnings.iter().any(|w| w.0.contains(words))
        }
        (Err(error), Answer::Refused(words)) => error.to_string().contains(words),
        _ => false,
    };
    if is_right {
        return Ok(());
    }
    Err(match found {
        Err(error) => format!("{error}"),
        Ok(scan) => format!(
            "{} points, {} triangles, {:?}",
            scan.len(),
            scan.triangles.len(),
            scan.warnings
        ),
    })
}

/// Reads files, and shows all whose answer is another than the right one.
fn assert_answers(cases: Vec<Case>) {
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|(name, bytes, wanted)| {
            let found = check(bytes, wanted).err()?;
            Some(format!("{name}: {wanted:?}, but {found}"))
        })
        .collect();
    assert!(
        wrong.is_empty(),
        "{} wrong\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// A copy with other bytes from a place on.
fn with(bytes: &[u8], at: usize, other: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at..at + other.len()].copy_from_slice(other);
    bytes
}

/// A copy with one word in place of another, which it must have.
fn replaced(text: &[u8], from: &str, to: &str) -> Vec<u8> {
    let at = text
        .windows(from.len())
        .position(|window| window == from.as_bytes())
        .unwrap_or_else(|| panic!("{from} is not there"));
    [&text[..at], to.as_bytes(), &text[at + from.len()..]].concat()
}

/// The values of a column.
fn values(scan: &Scan, name: &str) -> Vec<f64> {
    let column = scan.table.point_rows().column(name);
    column
        .unwrap_or_else(|| panic!("no column {name}"))
        .values()
        .collect()
}

/// The names of the columns of the points.
fn names(scan: &Scan) -> Vec<&str> {
    let columns = scan.table.point_rows().columns.iter();
    columns.map(|c| c.name.as_str()).collect()
}

/// What is written as PLY is read back the same, but for what only the format of the file says.
fn assert_written_back(scan: &Scan) {
    let again = read_silently(&crate::write::ply(&scan.table)).unwrap();
    assert_eq!(again.table.elements, scan.table.elements);
    assert_eq!(again.positions, scan.positions);
    assert_eq!(again.colors, scan.colors);
    assert_eq!(again.triangles, scan.triangles);
    assert_eq!(again.row_of_point, scan.row_of_point);
}

/// Reads copies of a file with a few bytes changed at random; none may panic, and what is read must
/// hold together.
fn assert_changed_bytes_do_no_harm(bytes: &[u8], rounds: u32) {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as usize
    };
    for _ in 0..rounds {
        let mut changed = bytes.to_vec();
        for _ in 0..next() % 4 + 1 {
            let at = next() % changed.len();
            changed[at] = match next() % 4 {
                0 => 0,
                1 => 0xff,
                2 => changed[at] ^ (1 << (next() % 8)),
                _ => next() as u8,
            };
        }
        if let Ok(scan) = read_silently(&changed) {
            assert!(scan.positions.as_flattened().iter().all(|v| v.is_finite()));
            let corners = scan.triangles.as_flattened();
            assert!(corners.iter().all(|corner| (*corner as usize) < scan.len()));
            assert!(
                scan.colors
                    .is_none_or(|colors| colors.len() == scan.positions.len())
            );
        }
    }
}
