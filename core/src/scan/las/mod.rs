//! The reader of LAS 1.0 to 1.4, as the ASPRS's LAS Specification 1.4 R15 has it, and of LAZ, its
//! compressed form.
//!
//! Positions are scaled and shifted in double precision. Every field of the point formats 0 to 10
//! becomes a column, and so do extra bytes that the file describes. Colors have 16 bits; files whose
//! colors are all below 256 store bytes in them. The z axis is the elevation; the unit is that of the
//! coordinate system, which is not read.

use super::{
    Column, Element, MAX_DATA_BYTES, ReadError, Scalar, Steps, Table, Warning, build, table::text,
};

mod fields;
mod laz;

use fields::Field;

/// The least number of bytes of a header, of version 1.0.
const HEADER: usize = 227;

/// The bytes before the data of a variable length record.
const RECORD_HEADER: usize = 54;

fn malformed(problem: impl Into<String>) -> ReadError {
    ReadError::Malformed {
        format: "LAS",
        problem: problem.into(),
    }
}

fn truncated(expected: u64, found: usize) -> ReadError {
    ReadError::Truncated {
        format: "LAS",
        expected,
        found: found as u64,
    }
}

/// What the header says.
struct Header<'a> {
    /// The point format, 0 to 10.
    format: u8,
    is_compressed: bool,
    /// The bytes of a point.
    record: usize,
    count: usize,
    scale: [f64; 3],
    offset: [f64; 3],
    /// Where the points begin.
    data: usize,
    records: Vec<Record<'a>>,
}

/// A variable length record.
struct Record<'a> {
    user: &'a [u8],
    id: u16,
    data: &'a [u8],
}

impl Record<'_> {
    fn is(&self, user: &str, id: u16) -> bool {
        self.id == id && self.user.split(|b| *b == 0).next() == Some(user.as_bytes())
    }
}

fn header(bytes: &[u8]) -> Result<Header<'_>, ReadError> {
    if bytes.len() < HEADER {
        return Err(truncated(HEADER as u64, bytes.len()));
    }
    let number = |scalar: Scalar, at: usize| scalar.read(&bytes[at..]);
    let whole = |scalar: Scalar, at: usize| number(scalar, at) as usize;
    let [major, minor] = [bytes[24], bytes[25]];
    if major != 1 || minor > 4 {
        return Err(malformed(format!(
            "its version is {major}.{minor}; versions 1.0 to 1.4 are read"
        )));
    }
    let size = whole(Scalar::U16, 94);
    let data = whole(Scalar::U32, 96);
    if size < HEADER || data < size || data > bytes.len() {
        return Err(malformed(format!(
            "its header has {size} bytes and its points begin at byte {data} of {}",
            bytes.len()
        )));
    }
    let (format, is_compressed) = (bytes[104] & 0x3f, bytes[104] & 0xc0 != 0);
    let record = whole(Scalar::U16, 105);
    let least = fields::SIZES.get(usize::from(format)).ok_or_else(|| {
        malformed(format!(
            "its point format is {format}; formats 0 to 10 are read"
        ))
    })?;
    if record < *least {
        return Err(malformed(format!(
            "its points have {record} bytes, those of format {format} have {least}"
        )));
    }
    let mut count = whole(Scalar::U32, 107) as u64;
    if minor == 4 && size >= 375 {
        let long = Scalar::U64.read_integer(&bytes[247..]).unwrap_or(0) as u64;
        count = if long > 0 { long } else { count };
    }
    build::check_limits(count, record)?;
    let three = |at: usize| [0, 8, 16].map(|axis| number(Scalar::F64, at + axis));
    Ok(Header {
        format,
        is_compressed,
        record,
        count: count as usize,
        scale: three(131),
        offset: three(155),
        data,
        records: records(&bytes[size..data], whole(Scalar::U32, 100)),
    })
}

/// The variable length records, as far as they are there: points do not depend on those that are
/// damaged.
fn records(mut bytes: &[u8], count: usize) -> Vec<Record<'_>> {
    let mut records = Vec::new();
    for _ in 0..count {
        let Some((header, rest)) = bytes.split_at_checked(RECORD_HEADER) else {
            break;
        };
        let size = Scalar::U16.read(&header[20..]) as usize;
        let Some((data, rest)) = rest.split_at_checked(size) else {
            break;
        };
        records.push(Record {
            user: &header[2..18],
            id: Scalar::U16.read(&header[18..]) as u16,
            data,
        });
        bytes = rest;
    }
    records
}

/// Reads a file that starts with `LASF`.
pub(super) fn read(
    bytes: &[u8],
    steps: &mut Steps,
    warnings: &mut Vec<Warning>,
) -> Result<Table, ReadError> {
    let header = header(bytes)?;
    let fields = described(&header, warnings);
    let raw = raw(bytes, &header, steps, warnings)?;
    let points = points(&header, fields, &raw, steps, warnings)?;
    Ok(Table {
        comments: comments(bytes, &header),
        ..Table::of_points(points)
    })
}

/// Every n-th point of a file that is not compressed, at most `most`.
pub(super) fn thinned(bytes: &[u8], most: usize, steps: &mut Steps) -> Option<Table> {
    let mut header = header(bytes).ok()?;
    if header.is_compressed {
        return None;
    }
    let raw = build::thinned(bytes.get(header.data..)?, header.record, header.count, most)?;
    header.count = raw.len() / header.record;
    let mut unsaid = Vec::new();
    let fields = described(&header, &mut unsaid);
    let points = points(&header, fields, &raw, steps, &mut unsaid).ok()?;
    Some(Table::of_points(points))
}

/// The fields of points beside their positions.
fn described(header: &Header, warnings: &mut Vec<Warning>) -> Vec<Field> {
    let described = header.records.iter().find(|r| r.is("LASF_Spec", 4));
    let extra = header.record - fields::SIZES[usize::from(header.format)];
    let (fields, left_out) = fields::of(
        header.format,
        extra,
        described.map_or(&[], |record| record.data),
    );
    if left_out > 0 {
        warnings.push(Warning(format!(
            "{left_out} extra bytes of every point, which nothing describes, were left out"
        )));
    }
    fields
}

/// The points, from those of an uncompressed file.
fn points(
    header: &Header,
    mut fields: Vec<Field>,
    raw: &[u8],
    steps: &mut Steps,
    warnings: &mut Vec<Warning>,
) -> Result<Element, ReadError> {
    settle_colors(&mut fields, raw, header.record, warnings);
    let mut columns = build::columns(build::XYZ);
    columns.extend(fields.iter().map(|field| Column {
        name: field.name.clone(),
        scalar: field.scalar,
    }));
    build::make_unique(&mut columns);
    let mut points = build::points(columns);
    let size = points.stride() as u64 * header.count as u64;
    if size > MAX_DATA_BYTES {
        return Err(ReadError::TooLarge {
            found: size,
            limit: MAX_DATA_BYTES,
        });
    }
    points.count = header.count;
    fill(&mut points, header, &fields, raw, steps)?;
    Ok(points)
}

/// The points as an uncompressed file has them.
fn raw<'a>(
    bytes: &'a [u8],
    header: &Header,
    steps: &mut Steps,
    warnings: &mut Vec<Warning>,
) -> Result<std::borrow::Cow<'a, [u8]>, ReadError> {
    if header.is_compressed {
        let record = header.records.iter();
        let record = record
            .clone()
            .find(|r| r.is(::laz::LazVlr::USER_ID, ::laz::LazVlr::RECORD_ID))
            .ok_or_else(|| malformed("its points are compressed, and no record says how"))?;
        return Ok(laz::unpack(bytes, header, record.data, steps, warnings)?.into());
    }
    let data = &bytes[header.data..];
    let needed = header.count * header.record;
    let points = data
        .get(..needed)
        .ok_or_else(|| truncated(needed as u64, data.len()))?;
    super::check_line_ends("LAS", data, (data.len() - needed) as u64)?;
    Ok(points.into())
}

/// Colors below 256 are bytes; colors that are all zero are no colors.
fn settle_colors(fields: &mut Vec<Field>, raw: &[u8], record: usize, warnings: &mut Vec<Warning>) {
    let colors: Vec<&Field> = fields.iter().filter(|field| field.is_color()).collect();
    if colors.is_empty() {
        return;
    }
    let of_record = |record: &[u8]| {
        let values = colors.iter().map(|field| field.value(record));
        values.fold(0.0, f64::max)
    };
    let highest = raw.chunks_exact(record).map(of_record).fold(0.0, f64::max);
    if highest == 0.0 {
        fields.retain(|field| !field.is_color());
        warnings.push(Warning(
            "all points are black, which is how \"no color\" is written; the scan is read without colors"
                .to_owned(),
        ));
    } else if highest < 256.0 {
        let colors = fields.iter_mut().filter(|field| field.is_color());
        colors.for_each(|field| field.scalar = Scalar::U8);
    }
}

fn fill(
    points: &mut Element,
    header: &Header,
    fields: &[Field],
    raw: &[u8],
    steps: &mut Steps,
) -> Result<(), ReadError> {
    points.rows.reserve_exact(points.stride() * header.count);
    let rows = &mut points.rows;
    for (i, record) in raw.chunks_exact(header.record).enumerate() {
        steps.at(header.data + i * header.record)?;
        for axis in 0..3 {
            let whole = Scalar::I32.read(&record[4 * axis..]);
            let value = whole * header.scale[axis] + header.offset[axis];
            rows.extend(value.to_le_bytes());
        }
        fields.iter().for_each(|field| field.push(record, rows));
    }
    Ok(())
}

/// What wrote the file, and its coordinate system, as remarks.
fn comments(bytes: &[u8], header: &Header) -> Vec<super::Remark> {
    let word = |data: &[u8]| {
        let data = data.split(|b| *b == 0).next().unwrap_or_default();
        text(data).trim().to_owned()
    };
    let software = word(&bytes[58..90]);
    let system = header
        .records
        .iter()
        .find(|r| r.is("LASF_Projection", 2112));
    let system = system.map_or(String::new(), |record| word(record.data));
    [("software", software), ("coordinate system", system)]
        .into_iter()
        .filter(|(_, text)| !text.is_empty())
        .map(|(what, text)| build::remark(&format!("{what} {text}")))
        .collect()
}
