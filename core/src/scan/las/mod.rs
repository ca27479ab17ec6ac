//! The reader of LAS 1.0 to 1.4, as the ASPRS's LAS Specification 1.4 R15 has it, and of LAZ, its
//! compressed form.
//!
//! Positions are scaled and shifted in double precision. Every field of the point formats 0 to 10
//! becomes a column, and so do extra bytes that the file describes. Colors have 16 bits; files whose
//! colors are all below 256 store bytes in them. The z axis is the elevation; the unit is that of the
//! coordinate system, which is not read.

use super::{
    Column, MAX_DATA_BYTES, ReadError, Remark, Scalar, Steps, Table, Warning, build, table::text,
};
use crate::read_at::ReadAt;

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

fn truncated(expected: u64, found: u64) -> ReadError {
    ReadError::Truncated {
        format: "LAS",
        expected,
        found,
    }
}

/// What the header says.
struct Header<'a> {
    /// The point format, 0 to 10.
    format: u8,
    is_compressed: bool,
    /// The bytes of a point.
    record: usize,
    count: u64,
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
        return Err(truncated(HEADER as u64, bytes.len() as u64));
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
    let three = |at: usize| [0, 8, 16].map(|axis| number(Scalar::F64, at + axis));
    Ok(Header {
        format,
        is_compressed,
        record,
        count,
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

/// The number of bytes from the start of a file that its header and what describes its points have;
/// `None` if there are fewer bytes than say so.
pub(super) fn header_size(start: &[u8]) -> Option<u64> {
    Some(Scalar::U32.read(start.get(96..100)?) as u64)
}

/// The points of a file: where they lie, and what their bytes mean.
#[derive(Clone, Debug)]
pub(super) struct Records {
    /// Where they begin.
    pub(super) start: u64,
    /// The bytes of a point.
    pub(super) size: usize,
    pub(super) count: u64,
    /// What wrote the file, and its coordinate system.
    pub(super) comments: Vec<Remark>,
    scale: [f64; 3],
    offset: [f64; 3],
    fields: Vec<Field>,
    packing: Option<laz::Packing>,
}

impl Records {
    /// Reads the header of a file, of which `bytes` are at least as many as [`header_size`] says.
    pub(super) fn open(bytes: &[u8], warnings: &mut Vec<Warning>) -> Result<Self, ReadError> {
        let header = header(bytes)?;
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
        let packing = header.is_compressed.then(|| {
            let mut records = header.records.iter();
            let record = records
                .find(|r| r.is(::laz::LazVlr::USER_ID, ::laz::LazVlr::RECORD_ID))
                .ok_or_else(|| malformed("its points are compressed, and no record says how"))?;
            laz::Packing::new(&header, record.data)
        });
        Ok(Self {
            start: header.data as u64,
            size: header.record,
            count: header.count,
            comments: comments(bytes, &header),
            scale: header.scale,
            offset: header.offset,
            fields,
            packing: packing.transpose()?,
        })
    }

    /// `true` if the points are compressed.
    pub(super) fn is_packed(&self) -> bool {
        self.packing.is_some()
    }

    /// The columns of the rows that [`Self::push`] makes.
    pub(super) fn columns(&self) -> Vec<Column> {
        let mut columns = build::columns(build::XYZ);
        columns.extend(self.fields.iter().map(|field| Column {
            name: field.name.clone(),
            scalar: field.scalar,
        }));
        build::make_unique(&mut columns);
        columns
    }

    /// The position of a point.
    pub(super) fn position(&self, record: &[u8]) -> [f64; 3] {
        std::array::from_fn(|axis| {
            let whole = Scalar::I32.read(&record[4 * axis..]);
            whole * self.scale[axis] + self.offset[axis]
        })
    }

    /// Appends a point as a row of a table.
    pub(super) fn push(&self, record: &[u8], rows: &mut Vec<u8>) {
        let position = self.position(record);
        rows.extend(position.iter().flat_map(|value| value.to_le_bytes()));
        self.fields
            .iter()
            .for_each(|field| field.push(record, rows));
    }

    /// The largest channel of the colors of points; 0 without colors.
    pub(super) fn highest_color(&self, records: &[u8]) -> f64 {
        let colors: Vec<&Field> = self.fields.iter().filter(|f| f.is_color()).collect();
        if colors.is_empty() {
            return 0.0;
        }
        let records = records.chunks_exact(self.size);
        let values = records.flat_map(|record| colors.iter().map(|field| field.value(record)));
        values.fold(0.0, f64::max)
    }

    /// Colors below 256 are bytes; colors that are all zero are no colors.
    pub(super) fn settle_colors(&mut self, highest: f64, warnings: &mut Vec<Warning>) {
        if !self.fields.iter().any(Field::is_color) {
            return;
        }
        if highest == 0.0 {
            self.fields.retain(|field| !field.is_color());
            warnings.push(Warning(
                "all points are black, which is how \"no color\" is written; the scan is read without colors"
                    .to_owned(),
            ));
        } else if highest < 256.0 {
            let colors = self.fields.iter_mut().filter(|field| field.is_color());
            colors.for_each(|field| field.scalar = Scalar::U8);
        }
    }

    /// Calls `each` with the unpacked points of a compressed file, some at a time.
    ///
    /// # Errors
    /// The points are damaged or not compressed, or `each` fails.
    pub(super) fn unpack<E: From<ReadError>>(
        &self,
        source: &dyn ReadAt,
        warnings: &mut Vec<Warning>,
        each: &mut dyn FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let packing = self.packing.as_ref();
        let packing = packing.ok_or_else(|| malformed("its points are not compressed"))?;
        packing.unpack(source, self, warnings, each)
    }
}

/// Reads a file that starts with `LASF`.
pub(super) fn read(
    bytes: &[u8],
    steps: &mut Steps,
    warnings: &mut Vec<Warning>,
) -> Result<Table, ReadError> {
    let mut records = Records::open(bytes, warnings)?;
    build::check_limits(records.count, records.size)?;
    let raw = raw(bytes, &records, steps, warnings)?;
    let raw = raw.as_ref();
    records.settle_colors(records.highest_color(raw), warnings);
    let mut points = build::points(records.columns());
    let size = points.stride() as u64 * records.count;
    if size > MAX_DATA_BYTES {
        return Err(ReadError::TooLarge {
            found: size,
            limit: MAX_DATA_BYTES,
        });
    }
    points.count = records.count as usize;
    points.rows.reserve_exact(size as usize);
    for (i, record) in raw.chunks_exact(records.size).enumerate() {
        steps.at(records.start as usize + i * records.size)?;
        records.push(record, &mut points.rows);
    }
    Ok(Table {
        comments: records.comments,
        ..Table::of_points(points)
    })
}

/// Every n-th point of a file that is not compressed, at most `most`.
pub(super) fn thinned(bytes: &[u8], most: usize) -> Option<Table> {
    let mut unsaid = Vec::new();
    let mut records = Records::open(bytes, &mut unsaid).ok()?;
    if records.packing.is_some() {
        return None;
    }
    let data = bytes.get(usize::try_from(records.start).ok()?..)?;
    let count = usize::try_from(records.count).ok()?;
    let raw = build::thinned(data, records.size, count, most)?;
    records.settle_colors(records.highest_color(&raw), &mut unsaid);
    let mut points = build::points(records.columns());
    points.count = raw.len() / records.size;
    for record in raw.chunks_exact(records.size) {
        records.push(record, &mut points.rows);
    }
    Some(Table::of_points(points))
}

/// The points as an uncompressed file has them.
fn raw<'a>(
    bytes: &'a [u8],
    records: &Records,
    steps: &mut Steps,
    warnings: &mut Vec<Warning>,
) -> Result<std::borrow::Cow<'a, [u8]>, ReadError> {
    let (start, count) = (records.start as usize, records.count as usize);
    let needed = count * records.size;
    if records.is_packed() {
        let (mut points, packed) = (Vec::new(), bytes.len() - start);
        records.unpack(
            &bytes,
            warnings,
            &mut |some: &[u8]| -> Result<(), ReadError> {
                points.extend_from_slice(some);
                let done = points.len() as f64 / needed as f64;
                Ok(steps.at(start + (done * packed as f64) as usize)?)
            },
        )?;
        return Ok(points.into());
    }
    let data = &bytes[start..];
    let points = data
        .get(..needed)
        .ok_or_else(|| truncated(needed as u64, data.len() as u64))?;
    super::check_line_ends("LAS", data, (data.len() - needed) as u64)?;
    Ok(points.into())
}

/// What wrote the file, and its coordinate system, as remarks.
fn comments(bytes: &[u8], header: &Header) -> Vec<Remark> {
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
