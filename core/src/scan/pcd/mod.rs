//! The PCD reader: ascii, binary and binary_compressed.
//!
//! Fields of any type and count become the columns of a table. The padding field `_` is dropped. A
//! field of several values becomes `name_0`, `name_1`, ...; packed `rgb` and `rgba` become `red`,
//! `green`, `blue` (and `alpha`); 64-bit integers, which few readers of PLY know, become doubles.
//! Header entries that the table has no place for (width, height, viewpoint) become comments.
//!
//! VIEWPOINT is where the sensor stood and how it was turned. The positions stay as they are
//! stored: the format does not say whether they are in the sensor's frame or in the world's,
//! programs differ, and results go back to the frame of the file. The rotation does say which way
//! is up in the file, because sensors are seldom turned over.

use std::borrow::Cow;

use super::{
    Column, Element, MAX_DATA_BYTES, ReadError, Scalar, Steps, Table, UpAxis, Warning,
    ascii::{self, in_either_layout, not_a_value},
    build, check_line_ends,
    colors::UNKNOWN,
    lzf,
};

mod header;

use header::{Encoding, Field, Header, PADDING, Value, header};

fn malformed(problem: impl Into<String>) -> ReadError {
    ReadError::Malformed {
        format: "PCD",
        problem: problem.into(),
    }
}

/// Reads a file that starts with a PCD header; also returns which way is up, if the header says so.
pub(super) fn read(
    bytes: &[u8],
    steps: &mut Steps,
    warnings: &mut Vec<Warning>,
) -> Result<(Table, Option<UpAxis>), ReadError> {
    let mut header = header(bytes)?;
    let body = &bytes[header.body_at..];
    if header.encoding == Encoding::Ascii {
        // The text may have more digits than a 4-byte float holds; survey coordinates need them.
        let is_axis = |name: &str| ["x", "y", "z"].iter().any(|a| name.eq_ignore_ascii_case(a));
        let coordinates =
            |f: &&mut Field| f.value == Value::Scalar(Scalar::F32) && is_axis(&f.name);
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
            let rows = text_rows(body, &mut header, stride, steps, warnings)?;
            (Cow::Owned(rows), Order::PointByPoint)
        }
        Encoding::Binary => {
            header.check_size(body, size, size)?;
            check_rest(body, size, warnings)?;
            (Cow::Borrowed(&body[..size as usize]), Order::PointByPoint)
        }
        Encoding::Compressed => (
            Cow::Owned(decompressed(body, &header, size, warnings)?),
            Order::FieldByField,
        ),
    };
    steps.at(bytes.len() / 2)?;
    let points = to_columns(&raw, &header, stride, order, warnings);
    let table = Table {
        comments: header.comments,
        ..Table::of_points(points)
    };
    Ok((table, header.up))
}

/// Every n-th point of a binary file that is not compressed, at most `most`; also which way is up.
pub(super) fn thinned(bytes: &[u8], most: usize) -> Option<(Table, Option<UpAxis>)> {
    let mut header = header(bytes).ok()?;
    if header.encoding != Encoding::Binary {
        return None;
    }
    let sizes = header.fields.iter().map(Field::size);
    let stride = sizes.sum();
    let raw = build::thinned(bytes.get(header.body_at..)?, stride, header.points, most)?;
    header.points = raw.len() / stride;
    let points = to_columns(&raw, &header, stride, Order::PointByPoint, &mut Vec::new());
    Some((Table::of_points(points), header.up))
}

impl Header {
    /// Checks that a part of the file has the `needed` number of bytes, and that the points, which
    /// have `size` bytes in memory, are within the limits.
    fn check_size(&self, part: &[u8], needed: u64, size: u64) -> Result<(), ReadError> {
        if needed > part.len() as u64 {
            return Err(truncated(part, needed));
        }
        build::check_limits(self.points as u64, 0)?;
        if size > MAX_DATA_BYTES {
            return Err(ReadError::TooLarge {
                found: size,
                limit: MAX_DATA_BYTES,
            });
        }
        Ok(())
    }
}

/// Checks what follows the first `size` bytes of binary data. Zeros mean nothing: PCL fills the
/// last page of memory when it writes.
fn check_rest(data: &[u8], size: u64, warnings: &mut Vec<Warning>) -> Result<(), ReadError> {
    let rest = &data[size as usize..];
    check_line_ends("PCD", data, rest.len() as u64)?;
    if rest.iter().any(|b| *b != 0) {
        warnings.extend(Warning::bytes_after(rest.len() as u64));
    }
    Ok(())
}

fn truncated(part: &[u8], expected: u64) -> ReadError {
    ReadError::Truncated {
        format: "PCD",
        expected,
        found: part.len() as u64,
    }
}

/// Decompresses the points, which have `size` bytes.
fn decompressed(
    body: &[u8],
    header: &Header,
    size: u64,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<u8>, ReadError> {
    let (sizes, data) = body.split_at_checked(8).ok_or_else(|| truncated(body, 8))?;
    let word = |at: usize| Scalar::U32.read(&sizes[at..]) as u64;
    let (compressed, unpacked) = (word(0), word(4));
    if unpacked != size {
        return Err(malformed(format!(
            "its compressed data holds {unpacked} bytes, its header promises {size}"
        )));
    }
    header.check_size(data, compressed, size)?;
    check_rest(data, compressed, warnings)?;
    lzf::decode(&data[..compressed as usize], size as usize).map_err(|e| malformed(e.to_string()))
}

/// Reads ascii rows into the layout of binary rows. A packed colour that is no number becomes
/// [`UNKNOWN`]; if no point has a colour, the field becomes padding.
fn text_rows(
    body: &[u8],
    header: &mut Header,
    stride: usize,
    steps: &mut Steps,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<u8>, ReadError> {
    let values = header.fields.iter().map(|field| field.count).sum();
    let ((raw, uncolored), rest) = in_either_layout(body, |text| {
        let mut raw = Vec::with_capacity(header.points * stride);
        let mut uncolored = vec![0; header.fields.len()];
        for row in 0..header.points {
            steps.at(header.body_at + text.at)?;
            if !text.start(row) {
                return Err(malformed(format!(
                    "it ends after {row} of its {} points",
                    header.points
                )));
            }
            for (field, uncolored) in header.fields.iter().zip(&mut uncolored) {
                for _ in 0..field.count {
                    let place = || format!("point {row}, field `{}`", field.name);
                    let word = text
                        .next()
                        .ok_or_else(|| malformed(format!("{}: the value is missing", place())))?;
                    let wrong = || {
                        malformed(format!(
                            "{}: {}",
                            place(),
                            not_a_value(word, field.scalar())
                        ))
                    };
                    *uncolored += usize::from(push(word, field, &mut raw).ok_or_else(wrong)?);
                }
            }
            text.finish();
        }
        Ok((raw, uncolored))
    })?;
    warnings.extend(rest.warnings(Some(values)));
    for (field, uncolored) in header.fields.iter_mut().zip(uncolored) {
        if uncolored == header.points && uncolored > 0 {
            warnings.push(Warning(format!(
                "`{}` has no value for any point; the scan is read without colours",
                field.name
            )));
            field.name = PADDING.to_owned();
        } else {
            warnings.extend(Warning::uncolored(uncolored, header.points));
        }
    }
    Ok(raw)
}

/// Appends a value; `None` if the word is not one, `Some(true)` if it is a colour that is not
/// known.
fn push(word: &[u8], field: &Field, raw: &mut Vec<u8>) -> Option<bool> {
    match field.value {
        // A packed colour is written as the tiny float that has its bits, but some writers give the
        // integer value of the bits. With an alpha of 255, the float is NaN from a red of 128 on:
        // such a text has lost the colour.
        Value::Scalar(Scalar::F32) if field.is_packed_color() => {
            let [red, green, blue] = UNKNOWN;
            match ascii::integer(word).filter(|bits| *bits >= 1) {
                Some(bits) => raw.extend(u32::try_from(bits).ok()?.to_le_bytes()),
                None if ascii::float(word)?.is_nan() => {
                    raw.extend([blue, green, red, u8::MAX]);
                    return Some(true);
                }
                None => ascii::push(word, Scalar::F32, raw)?,
            }
        }
        Value::Scalar(scalar) => ascii::push(word, scalar, raw)?,
        Value::I64 => ascii::push(word, Scalar::I64, raw)?,
        Value::U64 => ascii::push(word, Scalar::U64, raw)?,
    }
    Some(false)
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
