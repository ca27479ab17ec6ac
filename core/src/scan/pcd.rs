//! The PCD reader: ascii, binary and binary_compressed.
//!
//! Fields of any type and count become the columns of a table. The padding field `_` is dropped. A
//! field of several values becomes `name_0`, `name_1`, ...; packed `rgb` and `rgba` become `red`,
//! `green`, `blue` (and `alpha`); 64-bit integers, which PLY does not have, become doubles. Header
//! entries that the table has no place for (width, height, viewpoint) become comments.

use std::borrow::Cow;

use super::{
    Column, Element, MAX_DATA_BYTES, MAX_POINTS, ReadError, Scalar, Steps, Table, Warning,
    ascii::{self, Lines},
    lzf,
};

/// The maximum number of values per point.
const MAX_VALUES: usize = 4096;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Ascii,
    Binary,
    Compressed,
}

impl Encoding {
    fn from_name(name: &str) -> Result<Self, ReadError> {
        match name {
            "ascii" => Ok(Self::Ascii),
            "binary" => Ok(Self::Binary),
            "binary_compressed" => Ok(Self::Compressed),
            _ => Err(malformed(format!(
                "DATA `{}` is unknown",
                name.chars().take(40).collect::<String>()
            ))),
        }
    }
}

/// The storage type of one value of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value {
    Scalar(Scalar),
    I64,
    U64,
}

impl Value {
    fn new(kind: &str, size: usize) -> Option<Self> {
        Some(match (kind, size) {
            ("I", 1) => Self::Scalar(Scalar::I8),
            ("I", 2) => Self::Scalar(Scalar::I16),
            ("I", 4) => Self::Scalar(Scalar::I32),
            ("I", 8) => Self::I64,
            ("U", 1) => Self::Scalar(Scalar::U8),
            ("U", 2) => Self::Scalar(Scalar::U16),
            ("U", 4) => Self::Scalar(Scalar::U32),
            ("U", 8) => Self::U64,
            ("F", 4) => Self::Scalar(Scalar::F32),
            ("F", 8) => Self::Scalar(Scalar::F64),
            _ => return None,
        })
    }

    const fn size(self) -> usize {
        match self {
            Self::Scalar(scalar) => scalar.size(),
            Self::I64 | Self::U64 => 8,
        }
    }
}

#[derive(Clone, Debug)]
struct Field {
    name: String,
    value: Value,
    count: usize,
}

impl Field {
    fn size(&self) -> usize {
        self.value.size() * self.count
    }

    fn is_padding(&self) -> bool {
        self.name == "_"
    }

    /// `true` if the field is four bytes (blue, green, red, alpha), whatever type the file gives
    /// them.
    fn is_packed_color(&self) -> bool {
        ["rgb", "rgba"].contains(&self.name.as_str()) && self.size() == 4 && self.count == 1
    }
}

struct Header {
    fields: Vec<Field>,
    points: usize,
    encoding: Encoding,
    comments: Vec<String>,
    body_at: usize,
}

fn malformed(problem: impl Into<String>) -> ReadError {
    ReadError::Malformed {
        format: "PCD",
        problem: problem.into(),
    }
}

/// Reads a file that starts with a PCD header.
pub(super) fn read(
    bytes: &[u8],
    steps: &mut Steps,
    warnings: &mut Vec<Warning>,
) -> Result<Table, ReadError> {
    let mut header = header(bytes)?;
    let body = &bytes[header.body_at..];
    if header.encoding == Encoding::Ascii {
        // The text may have more digits than a 4-byte float holds; survey coordinates need them.
        let coordinates = |f: &&mut Field| {
            f.value == Value::Scalar(Scalar::F32) && ["x", "y", "z"].contains(&f.name.as_str())
        };
        header
            .fields
            .iter_mut()
            .filter(coordinates)
            .for_each(|f| f.value = Value::Scalar(Scalar::F64));
    }
    let stride: usize = header.fields.iter().map(Field::size).sum();
    let size = (stride as u64).saturating_mul(header.points as u64);
    let (raw, order) = match header.encoding {
        Encoding::Ascii => {
            let values: usize = header.fields.iter().map(|f| f.count).sum();
            let text = (2 * values as u64)
                .saturating_mul(header.points as u64)
                .saturating_sub(1);
            header.check_size(body, text, size)?;
            let rows = text_rows(body, &header, stride, steps, warnings)?;
            (Cow::Owned(rows), Order::PointByPoint)
        }
        Encoding::Binary => {
            header.check_size(body, size, size)?;
            (Cow::Borrowed(&body[..size as usize]), Order::PointByPoint)
        }
        Encoding::Compressed => (
            Cow::Owned(decompressed(body, &header, size)?),
            Order::FieldByField,
        ),
    };
    steps.at(bytes.len() / 2)?;
    let points = to_columns(&raw, &header, stride, order, warnings);
    Ok(Table {
        comments: header.comments,
        ..Table::of_points(points)
    })
}

impl Header {
    /// Checks that a part of the file has the `needed` number of bytes, and that the points, which
    /// have `size` bytes in memory, are within the limits.
    fn check_size(&self, part: &[u8], needed: u64, size: u64) -> Result<(), ReadError> {
        if needed > part.len() as u64 {
            return Err(truncated(part, needed));
        }
        if self.points > MAX_POINTS {
            return Err(ReadError::TooManyPoints {
                found: self.points as u64,
                limit: MAX_POINTS,
            });
        }
        if size > MAX_DATA_BYTES {
            return Err(ReadError::TooLarge {
                found: size,
                limit: MAX_DATA_BYTES,
            });
        }
        Ok(())
    }
}

fn truncated(part: &[u8], expected: u64) -> ReadError {
    ReadError::Truncated {
        format: "PCD",
        expected,
        found: part.len() as u64,
    }
}

/// Decompresses the points, which have `size` bytes.
fn decompressed(body: &[u8], header: &Header, size: u64) -> Result<Vec<u8>, ReadError> {
    let (sizes, data) = body.split_at_checked(8).ok_or_else(|| truncated(body, 8))?;
    let word = |at: usize| Scalar::U32.read(&sizes[at..]) as u64;
    let (compressed, unpacked) = (word(0), word(4));
    if unpacked != size {
        return Err(malformed(format!(
            "its compressed data holds {unpacked} bytes, its header promises {size}"
        )));
    }
    header.check_size(data, compressed, size)?;
    lzf::decode(&data[..compressed as usize], size as usize).map_err(|e| malformed(e.to_string()))
}

/// The entries of a header so far; empty or `None` without such a line.
#[derive(Default)]
struct Entries {
    names: Vec<String>,
    sizes: Vec<usize>,
    kinds: Vec<String>,
    counts: Vec<usize>,
    width: Option<usize>,
    height: Option<usize>,
    points: Option<usize>,
    comments: Vec<String>,
}

fn header(bytes: &[u8]) -> Result<Header, ReadError> {
    let mut entries = Entries::default();
    let mut at = 0;
    for line in bytes.split(|b| *b == b'\n') {
        at += line.len() + 1;
        let text = String::from_utf8_lossy(line);
        let text = text.trim();
        let Some((key, rest)) = text
            .split_once([' ', '\t'])
            .or((!text.is_empty()).then_some((text, "")))
        else {
            continue;
        };
        if key == "DATA" {
            let encoding = Encoding::from_name(rest.trim())?;
            return entries.into_header(encoding, at.min(bytes.len()));
        }
        entries.add(key, rest.trim(), text)?;
    }
    Err(malformed("its header has no DATA line"))
}

impl Entries {
    /// Adds the line `text`, which consists of a key and the rest.
    fn add(&mut self, key: &str, rest: &str, text: &str) -> Result<(), ReadError> {
        let words = || rest.split_ascii_whitespace();
        let numbers = || -> Result<Vec<usize>, ReadError> {
            let number = |word: &str| {
                word.parse().map_err(|_| {
                    malformed(format!(
                        "{key} has the value `{}`",
                        &word.chars().take(40).collect::<String>()
                    ))
                })
            };
            words().map(number).collect()
        };
        match key {
            _ if key.starts_with('#') => self
                .comments
                .push(format!("comment {}", text.trim_start_matches('#').trim())),
            "VERSION" => {}
            "FIELDS" | "COLUMNS" => self.names = words().map(str::to_owned).collect(),
            "SIZE" => self.sizes = numbers()?,
            "TYPE" => self.kinds = words().map(str::to_owned).collect(),
            "COUNT" => self.counts = numbers()?,
            "WIDTH" => self.width = numbers()?.first().copied(),
            "HEIGHT" => self.height = numbers()?.first().copied(),
            "POINTS" => self.points = numbers()?.first().copied(),
            "VIEWPOINT" => self.comments.push(format!("comment {text}")),
            _ => {
                return Err(malformed(format!(
                    "the header line `{}` is not understood",
                    text.chars().take(80).collect::<String>()
                )));
            }
        }
        Ok(())
    }

    fn into_header(mut self, encoding: Encoding, body_at: usize) -> Result<Header, ReadError> {
        if let (Some(width), Some(height)) = (self.width, self.height.filter(|h| *h > 1)) {
            self.comments.push(format!(
                "comment organised as WIDTH {width} HEIGHT {height}"
            ));
        }
        let area = self
            .width
            .map(|w| w.saturating_mul(self.height.unwrap_or(1)));
        if let (Some(points), Some(area)) =
            (self.points, area.filter(|area| Some(*area) != self.points))
        {
            return Err(malformed(format!(
                "POINTS is {points}, WIDTH x HEIGHT is {area}"
            )));
        }
        let points = self
            .points
            .or(area)
            .ok_or_else(|| malformed("its header has neither POINTS nor WIDTH"))?;
        Ok(Header {
            fields: fields(self.names, &self.sizes, &self.kinds, self.counts)?,
            points,
            encoding,
            comments: self.comments,
            body_at,
        })
    }
}

fn fields(
    names: Vec<String>,
    sizes: &[usize],
    kinds: &[String],
    mut counts: Vec<usize>,
) -> Result<Vec<Field>, ReadError> {
    if counts.is_empty() {
        counts = vec![1; names.len()];
    }
    if names.is_empty() || [sizes.len(), kinds.len(), counts.len()] != [names.len(); 3] {
        let found = format!(
            "FIELDS has {} entries, SIZE {}, TYPE {}, COUNT {}",
            names.len(),
            sizes.len(),
            kinds.len(),
            counts.len()
        );
        return Err(malformed(found));
    }
    if counts
        .iter()
        .fold(0, |sum: usize, count| sum.saturating_add(*count))
        > MAX_VALUES
    {
        return Err(malformed(format!(
            "a point has more than {MAX_VALUES} values"
        )));
    }
    let columns = names.into_iter().zip(sizes).zip(kinds).zip(counts);
    columns
        .map(|(((name, size), kind), count)| {
            let value = Value::new(kind, *size).ok_or_else(|| {
                malformed(format!(
                    "field `{name}` has the unknown type {kind} of {size} bytes"
                ))
            })?;
            Ok(Field { name, value, count })
        })
        .collect()
}

/// Reads ascii rows into the layout of binary rows.
fn text_rows(
    body: &[u8],
    header: &Header,
    stride: usize,
    steps: &mut Steps,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<u8>, ReadError> {
    let mut raw = Vec::with_capacity(header.points * stride);
    let mut lines = Lines::new(body);
    let mut long_rows = 0;
    for row in 0..header.points {
        steps.at(header.body_at + lines.at)?;
        let line = lines.next().ok_or_else(|| {
            malformed(format!(
                "it ends after {row} of its {} points",
                header.points
            ))
        })?;
        let mut words = ascii::words(line);
        for field in &header.fields {
            for _ in 0..field.count {
                let word = words.next().ok_or_else(|| {
                    malformed(format!(
                        "point {row}: the value of `{}` is missing",
                        field.name
                    ))
                })?;
                push(word, field, &mut raw).ok_or_else(|| {
                    let word = String::from_utf8_lossy(&word[..word.len().min(40)]);
                    malformed(format!(
                        "point {row}: `{word}` is not a value of `{}`",
                        field.name
                    ))
                })?;
            }
        }
        long_rows += usize::from(words.next().is_some());
    }
    warnings.extend(Warning::long_rows(long_rows));
    Ok(raw)
}

fn push(word: &[u8], field: &Field, raw: &mut Vec<u8>) -> Option<()> {
    match field.value {
        // A packed colour is written as the tiny float that has its bits, but some writers give the
        // integer value of the bits.
        Value::Scalar(Scalar::F32) if field.is_packed_color() => {
            match ascii::integer(word).filter(|bits| *bits >= 1) {
                Some(bits) => raw.extend(u32::try_from(bits).ok()?.to_le_bytes()),
                None => return ascii::push(word, Scalar::F32, raw),
            }
        }
        Value::Scalar(scalar) => return ascii::push(word, scalar, raw),
        Value::I64 => raw.extend(i64::try_from(ascii::integer(word)?).ok()?.to_le_bytes()),
        Value::U64 => raw.extend(u64::try_from(ascii::integer(word)?).ok()?.to_le_bytes()),
    }
    Some(())
}

/// The order of the raw values.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    /// All fields of a point, then the next point.
    PointByPoint,
    /// One field of all points, then the next field.
    FieldByField,
}

/// One column of the table within the raw values: its value for point `i` is at `start + i * step`.
struct Source {
    name: String,
    value: Value,
    start: usize,
    step: usize,
}

fn sources(header: &Header, stride: usize, order: Order) -> Vec<Source> {
    let mut sources = Vec::new();
    let mut offset = 0;
    for field in &header.fields {
        let (start, step) = match order {
            Order::PointByPoint => (offset, stride),
            Order::FieldByField => (offset * header.points, field.size()),
        };
        offset += field.size();
        if field.is_padding() {
            continue;
        }
        if field.is_packed_color() {
            let channels = [("red", 2), ("green", 1), ("blue", 0), ("alpha", 3)];
            for (name, byte) in channels.into_iter().take(field.name.len()) {
                sources.push(Source {
                    name: name.to_owned(),
                    value: Value::Scalar(Scalar::U8),
                    start: start + byte,
                    step,
                });
            }
            continue;
        }
        for k in 0..field.count {
            let name = if field.count == 1 {
                field.name.clone()
            } else {
                format!("{}_{k}", field.name)
            };
            sources.push(Source {
                name,
                value: field.value,
                start: start + k * field.value.size(),
                step,
            });
        }
    }
    sources
}

fn to_columns(
    raw: &[u8],
    header: &Header,
    stride: usize,
    order: Order,
    warnings: &mut Vec<Warning>,
) -> Element {
    let sources = sources(header, stride, order);
    let column = |source: &Source| {
        let scalar = if let Value::Scalar(scalar) = source.value {
            scalar
        } else {
            Scalar::F64
        };
        Column {
            name: source.name.clone(),
            scalar,
        }
    };
    let mut points = Element {
        name: "vertex".to_owned(),
        count: header.points,
        columns: sources.iter().map(column).collect(),
        ..Element::default()
    };
    let stride = points.stride();
    points.rows = vec![0; header.points * stride];
    let mut at = 0;
    for source in &sources {
        let size = source.value.size();
        let mut rounded = false;
        for (point, row) in points.rows.chunks_exact_mut(stride.max(1)).enumerate() {
            let from = source.start + point * source.step;
            let target = &mut row[at..at + size];
            target.copy_from_slice(&raw[from..from + size]);
            if !matches!(source.value, Value::Scalar(_)) {
                let mut bits = [0; 8];
                bits.copy_from_slice(target);
                let exact = if source.value == Value::I64 {
                    i128::from(i64::from_le_bytes(bits))
                } else {
                    i128::from(u64::from_le_bytes(bits))
                };
                rounded |= (exact as f64) as i128 != exact;
                target.copy_from_slice(&(exact as f64).to_le_bytes());
            }
        }
        if rounded {
            warnings.push(Warning(format!(
                "the 64-bit numbers of `{}` were rounded to double precision",
                source.name
            )));
        }
        at += size;
    }
    points
}
