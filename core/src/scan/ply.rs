//! The PLY reader: ascii, binary little-endian and big-endian; points and meshes.
//!
//! Every element and property is kept, known or not. The sizes promised by the header are compared
//! with the bytes that are there before anything is allocated, so memory stays a small multiple of
//! the file.

use super::{
    Column, Element, List, Property, ReadError, Remark, Scalar, Steps, Table, Warning,
    ascii::{self, Rows, in_either_layout, line_end, not_a_value},
    build, check_line_ends,
    table::text,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Ascii,
    LittleEndian,
    BigEndian,
}

impl Encoding {
    fn from_name(name: &str) -> Result<Self, Problem> {
        match name.to_ascii_lowercase().as_str() {
            "ascii" => Ok(Self::Ascii),
            "binary_little_endian" => Ok(Self::LittleEndian),
            "binary_big_endian" => Ok(Self::BigEndian),
            _ => Err("names an unknown format"),
        }
    }
}

fn malformed(problem: impl Into<String>) -> ReadError {
    ReadError::Malformed {
        format: "PLY",
        problem: problem.into(),
    }
}

/// Reads a file that starts with `ply`.
pub(super) fn read(
    bytes: &[u8],
    steps: &mut Steps,
    warnings: &mut Vec<Warning>,
) -> Result<Table, ReadError> {
    let (encoding, mut table, body_at) = header(bytes)?;
    let body = &bytes[body_at..];
    let needed = table
        .elements
        .iter()
        .map(|e| min_row_size(e, encoding).saturating_mul(e.count as u64))
        .fold(0, u64::saturating_add);
    // The last line of an ascii file may lack its line end.
    if needed.saturating_sub(u64::from(encoding == Encoding::Ascii)) > body.len() as u64 {
        return Err(ReadError::Truncated {
            format: "PLY",
            expected: needed,
            found: body.len() as u64,
        });
    }
    let points = &mut table.elements[table.points];
    build::check_limits(points.count as u64, 0)?;
    if encoding == Encoding::Ascii {
        // The text may have more digits than the `float` of the header holds; survey coordinates
        // need them.
        let is_coordinate = |c: &&mut Column| {
            c.scalar == Scalar::F32
                && ["x", "y", "z"]
                    .iter()
                    .any(|axis| c.name.eq_ignore_ascii_case(axis))
        };
        points
            .columns
            .iter_mut()
            .filter(is_coordinate)
            .for_each(|c| c.scalar = Scalar::F64);
        let (elements, rest) = in_either_layout(body, |rows| {
            let mut elements = table.elements.clone();
            for element in &mut elements {
                read_text(element, rows, body_at, steps)?;
            }
            Ok(elements)
        })?;
        table.elements = elements;
        let last = table.elements.iter().rfind(|e| !e.properties().is_empty());
        let values = last.filter(|e| e.lists.is_empty()).map(|e| e.columns.len());
        warnings.extend(rest.warnings(values));
    } else {
        let mut rows = BinaryRows {
            body,
            at: 0,
            swap: encoding == Encoding::BigEndian,
            body_at,
        };
        for element in &mut table.elements {
            rows.read(element, steps)?;
        }
        let more = body.len() - rows.at;
        check_line_ends("PLY", body, more as u64)?;
        warnings.extend(Warning::bytes_after(more as u64));
    }
    Ok(table)
}

/// The points of a binary file whose rows have one size.
#[derive(Clone, Debug)]
pub(super) struct FixedRows {
    /// The points, without rows.
    pub(super) points: Element,
    pub(super) comments: Vec<Remark>,
    /// Where the first row begins.
    pub(super) start: u64,
    /// `true` if numbers are big-endian.
    swap: bool,
    /// The elements after the points that have rows.
    pub(super) after: Vec<String>,
}

impl FixedRows {
    /// Reads the header of a file, of which `bytes` are the start.
    ///
    /// # Errors
    /// The header is malformed, or the file is ASCII or has lists where the place of a row would
    /// depend on them.
    pub(super) fn open(bytes: &[u8]) -> Result<Self, ReadError> {
        let (encoding, mut table, body_at) = header(bytes)?;
        let refused = |reason: &str| Err(ReadError::NotSliced(reason.to_owned()));
        if encoding == Encoding::Ascii {
            return refused("it is an ASCII PLY");
        }
        let (before, rest) = table.elements.split_at_mut(table.points);
        let [points, after @ ..] = rest else {
            return refused("it has no points");
        };
        if !points.lists.is_empty() || before.iter().any(|element| !element.lists.is_empty()) {
            return refused("its points have lists, or lists come before them");
        }
        let size =
            |element: &Element| (element.stride() as u64).saturating_mul(element.count as u64);
        let start = before
            .iter()
            .map(size)
            .fold(body_at as u64, u64::saturating_add);
        let names = after.iter().filter(|element| element.count > 0);
        Ok(Self {
            after: names.map(|element| element.name.clone()).collect(),
            points: std::mem::take(points),
            comments: table.comments,
            start,
            swap: encoding == Encoding::BigEndian,
        })
    }

    /// Makes the numbers of rows little-endian.
    pub(super) fn settle(&self, rows: &mut [u8]) {
        if !self.swap {
            return;
        }
        for row in rows.chunks_exact_mut(self.points.stride()) {
            let mut rest = row;
            for column in &self.points.columns {
                let (value, after) = rest.split_at_mut(column.scalar.size());
                value.reverse();
                rest = after;
            }
        }
    }
}

/// Every n-th point of a binary file whose rows have one size, at most `most`.
pub(super) fn thinned(bytes: &[u8], most: usize) -> Option<Table> {
    let rows = FixedRows::open(bytes).ok()?;
    let mut points = rows.points.clone();
    let stride = points.stride();
    let data = bytes.get(usize::try_from(rows.start).ok()?..)?;
    points.rows = build::thinned(data, stride, points.count, most)?;
    rows.settle(&mut points.rows);
    points.count = points.rows.len() / stride;
    Some(Table::of_points(points))
}

/// The minimum size of a row in bytes: empty lists, one digit per number.
fn min_row_size(element: &Element, encoding: Encoding) -> u64 {
    match encoding {
        Encoding::Ascii => 2 * (element.columns.len() + element.lists.len()) as u64,
        _ => {
            element.stride() as u64
                + element
                    .lists
                    .iter()
                    .map(|list| list.count.size() as u64)
                    .sum::<u64>()
        }
    }
}

/// Parses the header; returns the encoding, the elements without rows, and the position of the
/// first row.
fn header(bytes: &[u8]) -> Result<(Encoding, Table, usize), ReadError> {
    let line_end = line_end(bytes);
    let mut encoding = None;
    let mut table = Table::default();
    let mut at = 0;
    for (number, line) in bytes.split(|b| *b == line_end).enumerate() {
        at += line.len() + 1;
        let text = text(line);
        let text = text.trim_ascii();
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        let keyword = words.first().map(|word| word.to_ascii_lowercase());
        let list = words.get(1).is_some_and(|w| w.eq_ignore_ascii_case("list"));
        let done = match (keyword.as_deref().unwrap_or_default(), &words[..]) {
            (_, []) => Ok(()),
            ("ply", [_]) if number == 0 => Ok(()),
            ("format", [_, name, _]) => set_encoding(&mut encoding, name),
            (keyword @ ("comment" | "obj_info"), _) => {
                let line = line.trim_ascii_start();
                let line = line.strip_suffix(b"\r").unwrap_or(line);
                table
                    .comments
                    .push(Remark::new(keyword, &line[keyword.len()..]));
                Ok(())
            }
            ("element", [_, name, count]) => add_element(&mut table, name, count),
            ("property", [_, _, count, item, name]) if list => {
                add_list(&mut table, count, item, name)
            }
            ("property", [_, scalar, name]) => add_column(&mut table, scalar, name),
            ("end_header", [_]) => {
                let encoding =
                    encoding.ok_or_else(|| malformed("its header has no `format` line"))?;
                let is_points = |e: &Element| e.name.eq_ignore_ascii_case("vertex");
                table.points = table
                    .elements
                    .iter()
                    .position(is_points)
                    .ok_or_else(|| malformed("it has no element `vertex`, so no points"))?;
                return Ok((encoding, table, at.min(bytes.len())));
            }
            _ => Err("is not understood"),
        };
        done.map_err(|problem| {
            malformed(format!(
                "line {} of the header, `{}`, {problem}",
                number + 1,
                text.chars().take(80).collect::<String>()
            ))
        })?;
    }
    Err(malformed("its header has no `end_header` line"))
}

/// The problem with a line of the header, as the end of a sentence.
type Problem = &'static str;

fn set_encoding(encoding: &mut Option<Encoding>, name: &str) -> Result<(), Problem> {
    let named = Encoding::from_name(name)?;
    match encoding.replace(named) {
        Some(before) if before != named => Err("names another format a second time"),
        _ => Ok(()),
    }
}

fn add_element(table: &mut Table, name: &str, count: &str) -> Result<(), Problem> {
    let count = count
        .parse()
        .map_err(|_| "has a count that is not a whole number from zero up")?;
    table.elements.push(Element {
        name: name.to_owned(),
        count,
        ..Element::default()
    });
    Ok(())
}

fn add_list(table: &mut Table, count: &str, item: &str, name: &str) -> Result<(), Problem> {
    let element = last_element(table)?;
    let (count, item) = (scalar(count)?, scalar(item)?);
    if !count.is_integer() {
        return Err("counts its items with a type that is not an integer");
    }
    let after_columns = element.columns.len();
    element.lists.push(List {
        name: name.to_owned(),
        count,
        item,
        after_columns,
        counts: Vec::new(),
        items: Vec::new(),
    });
    Ok(())
}

fn add_column(table: &mut Table, kind: &str, name: &str) -> Result<(), Problem> {
    let element = last_element(table)?;
    element.columns.push(Column {
        name: name.to_owned(),
        scalar: scalar(kind)?,
    });
    Ok(())
}

fn last_element(table: &mut Table) -> Result<&mut Element, Problem> {
    table.elements.last_mut().ok_or("stands before any element")
}

fn scalar(name: &str) -> Result<Scalar, Problem> {
    Scalar::from_ply_name(name).ok_or("has an unknown type")
}

/// A reader for the rows of a binary file.
struct BinaryRows<'a> {
    body: &'a [u8],
    at: usize,
    swap: bool,
    body_at: usize,
}

impl<'a> BinaryRows<'a> {
    fn take(&mut self, size: usize) -> Result<&'a [u8], ReadError> {
        let rest = &self.body[self.at..];
        let taken = rest.get(..size).ok_or(ReadError::Truncated {
            format: "PLY",
            expected: self.at as u64 + size as u64,
            found: self.body.len() as u64,
        })?;
        self.at += size;
        Ok(taken)
    }

    /// Takes `count` values and appends them in little-endian order.
    fn copy(&mut self, scalar: Scalar, count: usize, out: &mut Vec<u8>) -> Result<(), ReadError> {
        let values = self.take(count.saturating_mul(scalar.size()))?;
        if self.swap && scalar.size() > 1 {
            values
                .chunks_exact(scalar.size())
                .for_each(|value| out.extend(value.iter().rev()));
        } else {
            out.extend_from_slice(values);
        }
        Ok(())
    }

    fn read(&mut self, element: &mut Element, steps: &mut Steps) -> Result<(), ReadError> {
        let stride = element.stride();
        if element.lists.is_empty() && !self.swap {
            element.rows = self.take(element.count.saturating_mul(stride))?.to_vec();
            return Ok(steps.at(self.body_at + self.at)?);
        }
        let properties = element.properties();
        if properties.is_empty() {
            return Ok(());
        }
        element.rows.reserve_exact(element.count * stride);
        element
            .lists
            .iter_mut()
            .for_each(|list| list.counts.reserve_exact(element.count));
        let mut scratch = Vec::new();
        for row in 0..element.count {
            steps.at(self.body_at + self.at)?;
            for property in &properties {
                match *property {
                    Property::Column(column) => {
                        self.copy(element.columns[column].scalar, 1, &mut element.rows)?
                    }
                    Property::List(list) => {
                        let list = &mut element.lists[list];
                        scratch.clear();
                        self.copy(list.count, 1, &mut scratch)?;
                        let count =
                            item_count(list.count.read(&scratch), &list.name, &element.name, row)?;
                        list.counts.push(count);
                        self.copy(list.item, count as usize, &mut list.items)?;
                    }
                }
            }
        }
        Ok(())
    }
}

fn item_count(count: f64, list: &str, element: &str, row: usize) -> Result<u32, ReadError> {
    if count < 0.0 {
        return Err(malformed(format!(
            "row {row} of element `{element}` says that list `{list}` has {count} items"
        )));
    }
    Ok(count as u32)
}

/// Reads the rows of an element of an ascii file.
fn read_text(
    element: &mut Element,
    text: &mut Rows,
    body_at: usize,
    steps: &mut Steps,
) -> Result<(), ReadError> {
    let properties = element.properties();
    if properties.is_empty() {
        return Ok(());
    }
    element.rows.reserve_exact(element.count * element.stride());
    element
        .lists
        .iter_mut()
        .for_each(|list| list.counts.reserve_exact(element.count));
    let Element {
        name,
        count,
        columns,
        rows,
        lists,
    } = element;
    for row in 0..*count {
        steps.at(body_at + text.at)?;
        if !text.start(row) {
            return Err(malformed(format!(
                "it ends after {row} of the {count} rows of element `{name}`"
            )));
        }
        let mut push = |property: &str, scalar: Scalar, out: &mut Vec<u8>| {
            let place = || format!("row {row} of element `{name}`, property `{property}`");
            let word = text
                .next()
                .ok_or_else(|| malformed(format!("{}: the value is missing", place())))?;
            let wrong = || malformed(format!("{}: {}", place(), not_a_value(word, scalar)));
            ascii::push(word, scalar, out).ok_or_else(wrong)
        };
        for property in &properties {
            match *property {
                Property::Column(column) => {
                    push(&columns[column].name, columns[column].scalar, rows)?
                }
                Property::List(list) => {
                    let list = &mut lists[list];
                    let mut count = Vec::new();
                    push(&list.name, list.count, &mut count)?;
                    let count = item_count(list.count.read(&count), &list.name, name, row)?;
                    list.counts.push(count);
                    for _ in 0..count {
                        push(&list.name, list.item, &mut list.items)?;
                    }
                }
            }
        }
        text.finish();
    }
    Ok(())
}
