//! The reader of points as text: XYZ, PTS, ASC, CSV and other tables of numbers, which no
//! specification describes.
//!
//! A line is a point. The values are separated by blanks, tabs, commas or semicolons; decimals follow
//! a point or, in most of Europe, a comma. The columns are named by a header or a remark or, without
//! one, by their values: see `layout`. The first line may be the number of points, as in PTS files.
//! The format names neither unit nor up axis.

use super::{
    Column, Element, ReadError, Scalar, Steps, Table, Warning, ascii,
    build::{self, check_limits},
    table::text,
};

mod layout;
mod names;

use layout::{Layout, lines, remark};
use names::Meaning;

/// The maximum number of remarks that are kept.
const REMARKS: usize = 100;

fn malformed(problem: impl Into<String>) -> ReadError {
    ReadError::Malformed {
        format: "text",
        problem: problem.into(),
    }
}

/// What a text is beside points, if it is a table of numbers at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Points,
    /// The pose or the intrinsics of a camera.
    Matrix,
    /// Leica's PTX, whose points are in the frame of each scanner.
    Ptx,
}

/// The kind of a table of numbers; `None` if the text is none.
pub(super) fn kind(bytes: &[u8]) -> Option<Kind> {
    let mut rows = lines(bytes)
        .filter(|line| !line.is_empty() && remark(line).is_none())
        .map(|line| {
            let words = line
                .split(u8::is_ascii_whitespace)
                .filter(|w| !w.is_empty());
            words
                .take(9)
                .map(ascii::float)
                .collect::<Option<Vec<f64>>>()
        });
    let first: Vec<Option<Vec<f64>>> = rows.by_ref().take(11).collect();
    let widths: Vec<usize> = first
        .iter()
        .map(|row| row.as_ref().map_or(0, Vec::len))
        .collect();
    if widths.starts_with(&[1, 1, 3, 3, 3, 3, 4, 4, 4, 4]) {
        return Some(Kind::Ptx);
    }
    let last = first.last().cloned().flatten();
    let is_matrix = match widths[..] {
        [4, 4, 4, 4] => last.is_some_and(|row| row == [0.0, 0.0, 0.0, 1.0]),
        [3, 3, 3] => last.is_some_and(|row| row == [0.0, 0.0, 1.0]),
        _ => false,
    };
    if is_matrix {
        return Some(Kind::Matrix);
    }
    layout::layout(bytes).map(|_| Kind::Points)
}

/// Reads a table of numbers.
pub(super) fn read(
    bytes: &[u8],
    steps: &mut Steps,
    warnings: &mut Vec<Warning>,
) -> Result<Table, ReadError> {
    let layout = layout::layout(bytes)
        .ok_or_else(|| malformed("no line of it has three numbers and a meaning"))?;
    if let Some(promised) = layout.promised {
        // a row has three digits and what separates them
        let needed = promised.saturating_mul(6).saturating_sub(1);
        if needed > bytes.len() as u64 {
            return Err(ReadError::Truncated {
                format: "text",
                expected: needed,
                found: bytes.len() as u64,
            });
        }
        check_limits(promised, 24)?;
    }
    let kept: Vec<usize> = (0..layout.columns.len())
        .filter(|column| layout.columns[*column].is_some())
        .collect();
    warnings.extend(words(&layout));
    let mut rows = Rows::new(&layout, &kept);
    let mut at = 0;
    let end = ascii::line_end(bytes);
    let mut cells = Vec::new();
    for line in bytes.split(|b| *b == end) {
        at += line.len() + 1;
        steps.at(at.min(bytes.len()))?;
        rows.line(line.trim_ascii(), &mut cells)?;
    }
    rows.table(warnings)
}

/// Warnings about what the columns were taken for.
fn words(layout: &Layout) -> Vec<Warning> {
    let mut words = Vec::new();
    if layout.spelling.decimal_comma {
        words.push(Warning("commas were read as decimal points".to_owned()));
    }
    let left_out: Vec<String> = (1..)
        .zip(&layout.columns)
        .filter(|(_, column)| column.is_none())
        .map(|(number, _): (usize, _)| number.to_string())
        .collect();
    if !left_out.is_empty() {
        words.push(Warning(format!(
            "columns without numbers were left out: {}",
            left_out.join(", ")
        )));
    }
    if !layout.guessed {
        return words;
    }
    let mut parts = Vec::new();
    let columns: Vec<_> = (1..)
        .zip(&layout.columns)
        .filter_map(|(number, column): (usize, _)| Some((number, column.as_ref()?)))
        .collect();
    for same in
        columns.chunk_by(|(_, a), (_, b)| a.meaning == b.meaning && a.meaning != Meaning::Other)
    {
        let (first, last) = (same[0].0, same[same.len() - 1].0);
        let what = match same[0].1.meaning {
            Meaning::Coordinate => "x, y and z",
            Meaning::Color => "colors",
            Meaning::Normal => "normals",
            Meaning::Other => &same[0].1.name,
        };
        parts.push(if first == last {
            format!("column {first} was read as `{what}`")
        } else {
            format!("columns {first} to {last} were read as {what}")
        });
    }
    words.push(Warning(format!(
        "no line names the columns: {}",
        parts.join(", ")
    )));
    words
}

/// The rows that were read so far, all in double precision.
struct Rows<'a> {
    layout: &'a Layout,
    kept: &'a [usize],
    values: Vec<f64>,
    count: usize,
    /// The number of the line, from 0 on.
    line: usize,
    comments: Vec<super::Remark>,
    long_rows: usize,
    /// Lines that are no rows, and the problem of the first.
    broken: usize,
    first_broken: Option<String>,
}

impl<'a> Rows<'a> {
    fn new(layout: &'a Layout, kept: &'a [usize]) -> Self {
        Self {
            layout,
            kept,
            values: Vec::new(),
            count: 0,
            line: 0,
            comments: Vec::new(),
            long_rows: 0,
            broken: 0,
            first_broken: None,
        }
    }

    /// `cells` is space for the values of the line.
    fn line<'b>(&mut self, line: &'b [u8], cells: &mut Vec<&'b [u8]>) -> Result<(), ReadError> {
        let number = self.line;
        self.line += 1;
        if line.is_empty() || self.layout.header == Some(number) {
            return Ok(());
        }
        if let Some(remark) = remark(line) {
            if self.comments.len() < REMARKS && !remark.is_empty() {
                self.comments.push(build::remark(&text(remark)));
            }
            return Ok(());
        }
        // the number of points of a part, as in PTS files
        if self.layout.promised.is_some() && line.iter().all(u8::is_ascii_digit) {
            return Ok(());
        }
        self.layout.spelling.split(line, cells);
        let before = self.values.len();
        if let Err(problem) = self.row(cells) {
            self.values.truncate(before);
            self.broken += 1;
            self.first_broken
                .get_or_insert_with(|| format!("line {}: {problem}", number + 1));
            return Ok(());
        }
        self.count += 1;
        self.long_rows += usize::from(cells.len() > self.layout.columns.len());
        check_limits(self.count as u64, 8 * self.kept.len())
    }

    fn row(&mut self, cells: &[&[u8]]) -> Result<(), String> {
        let width = self.layout.columns.len();
        if cells.len() < width {
            return Err(format!("{} values in place of {width}", cells.len()));
        }
        for column in self.kept {
            let cell = cells[*column];
            let number = self.layout.spelling.number(cell);
            let number = number.ok_or_else(|| ascii::not_a_value(cell, Scalar::F64))?;
            self.values.push(number);
        }
        Ok(())
    }

    fn table(self, warnings: &mut Vec<Warning>) -> Result<Table, ReadError> {
        if let Some(problem) = self.first_broken {
            // A few lines are damage, many are another format.
            if self.broken > self.count {
                return Err(malformed(problem));
            }
            warnings.push(Warning(format!(
                "{} lines are no points and were left out; {problem}",
                self.broken
            )));
        }
        warnings.extend(Warning::long_rows(self.long_rows));
        if let Some(promised) = self.layout.promised {
            if promised > self.count as u64 && self.broken == 0 {
                return Err(malformed(format!(
                    "it ends after {} of the {promised} points that its first line promises",
                    self.count
                )));
            }
            if promised != self.count as u64 {
                warnings.push(Warning(format!(
                    "the first line promises {promised} points, the file has {}",
                    self.count
                )));
            }
        }
        let named: Vec<_> = self.layout.columns.iter().flatten().collect();
        let scalars = scalars(&named, &self.values);
        let mut columns: Vec<Column> =
            build::columns((named.iter().map(|n| n.name.as_str())).zip(scalars));
        build::make_unique(&mut columns);
        let mut points = build::points(columns);
        points.count = self.count;
        fill(&mut points, &self.values);
        Ok(Table {
            comments: self.comments,
            ..Table::of_points(points)
        })
    }
}

/// The smallest type for each column that holds all its values.
fn scalars(named: &[&names::Named], values: &[f64]) -> Vec<Scalar> {
    let width = named.len().max(1);
    let column = |column: usize| values.iter().skip(column).step_by(width);
    let fits = |c: usize, [low, high]: [f64; 2]| {
        column(c).all(|v| v.fract() == 0.0 && (low..=high).contains(v))
    };
    let colors: Vec<usize> = (0..named.len())
        .filter(|c| named[*c].meaning == Meaning::Color)
        .collect();
    let all = |high: f64| colors.iter().all(|c| fits(*c, [0.0, high]));
    let of_colors = if all(255.0) && !all(1.0) {
        Scalar::U8
    } else if all(65_535.0) && !all(1.0) {
        Scalar::U16
    } else {
        Scalar::F32
    };
    (0..named.len())
        .map(|c| match named[c].meaning {
            Meaning::Coordinate => Scalar::F64,
            Meaning::Color => of_colors,
            Meaning::Normal => Scalar::F32,
            Meaning::Other if fits(c, [i32::MIN.into(), i32::MAX.into()]) => Scalar::I32,
            Meaning::Other => Scalar::F64,
        })
        .collect()
}

fn fill(points: &mut Element, values: &[f64]) {
    let Element { columns, rows, .. } = points;
    let scalars: Vec<Scalar> = columns.iter().map(|c| c.scalar).collect();
    let stride: usize = scalars.iter().map(|scalar| scalar.size()).sum();
    rows.reserve_exact(values.len() / scalars.len().max(1) * stride);
    for row in values.chunks_exact(scalars.len().max(1)) {
        for (scalar, value) in scalars.iter().zip(row) {
            match scalar {
                Scalar::U8 => rows.push(*value as u8),
                Scalar::U16 => rows.extend((*value as u16).to_le_bytes()),
                Scalar::I32 => rows.extend((*value as i32).to_le_bytes()),
                Scalar::F32 => rows.extend((*value as f32).to_le_bytes()),
                _ => rows.extend(value.to_le_bytes()),
            }
        }
    }
}
