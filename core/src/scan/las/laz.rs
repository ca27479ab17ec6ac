//! The points of LAZ files, unpacked by the crate `laz`.
//!
//! The crate trusts the sizes that a file states. Every chunk is therefore found and measured here,
//! and the crate sees one chunk at a time, as a slice that ends where the chunk does. Its arithmetic
//! overflows on damaged data, which panics in builds that check for that; such a panic is damage too.

use std::{
    io::{Cursor, Read, Seek, SeekFrom},
    panic::{AssertUnwindSafe, catch_unwind},
};

use laz::{
    LazItem, LazItemRecordBuilder, LazItemType, LazVlr,
    laszip::ChunkTable,
    record::{
        LayeredPointRecordDecompressor, RecordDecompressor, SequentialPointRecordDecompressor,
    },
};

use super::{Header, truncated};
use crate::scan::{ReadError, Scalar, Steps, Warning};

/// The bytes before the first chunk: the place of the table of chunks.
const TABLE_PLACE: usize = 8;

/// The first number of the record that describes the compression.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Compressor {
    /// All points in one chunk, without a table.
    One,
    Chunks,
    /// Chunks whose properties are apart.
    Layers,
}

fn damaged(problem: impl std::fmt::Display) -> ReadError {
    ReadError::Damaged {
        format: "LAZ",
        problem: format!("its compressed points cannot be unpacked: {problem}"),
    }
}

/// The points of a file, as an uncompressed file has them. `description` is the record of LASzip.
pub(super) fn unpack(
    bytes: &[u8],
    header: &Header,
    description: &[u8],
    steps: &mut Steps,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<u8>, ReadError> {
    let (compressor, items, chunk_size) = describe(header, description)?;
    let mut points = Vec::new();
    if compressor == Compressor::One {
        let mut data = Cursor::new(&bytes[header.data..]);
        sequential(&mut data, &items, header.record, header.count, &mut points)?;
        return Ok(points);
    }
    let end = chunks_end(bytes, header.data);
    let table = table(bytes, header, end, chunk_size.is_none());
    let start = header.data + TABLE_PLACE;
    let data = bytes
        .get(start..end.unwrap_or(bytes.len()))
        .ok_or_else(|| truncated(TABLE_PLACE as u64, bytes.len() - header.data))?;
    if table.is_none() {
        if compressor == Compressor::Chunks && chunk_size.is_none() {
            return Err(damaged("its table of chunks is missing or damaged"));
        }
        warnings.push(Warning(
            "the table of chunks is missing or damaged; the chunks were read one after the other"
                .to_owned(),
        ));
    }
    let mut at = 0;
    let mut chunk = 0;
    let needed = header.count * header.record;
    while points.len() < needed {
        steps.at(start + at)?;
        let left = header.count - points.len() / header.record;
        let entry = match &table {
            Some(table) => Some(table.as_ref().get(chunk).copied().ok_or_else(|| {
                damaged(format!(
                    "{left} points are missing after its {chunk} chunks"
                ))
            })?),
            None => None,
        };
        let rest = &data[at..];
        let size = match entry {
            Some(entry) => usize::try_from(entry.byte_count).ok(),
            None => Some(rest.len()),
        };
        let slice = size
            .and_then(|size| rest.get(..size))
            .ok_or_else(|| damaged(format!("chunk {chunk} goes beyond the points")))?;
        let (stated, layers) = match compressor {
            Compressor::Layers => layers(slice, header.record, &items)
                .map(|(points, size)| (Some(points), size))
                .ok_or_else(|| damaged(format!("the layers of chunk {chunk} go beyond it")))?,
            _ => (None, 0),
        };
        let by_table = entry.map(|entry| entry.point_count);
        let of_chunk = chunk_size.map(u64::from).or(by_table).or(stated);
        let count = of_chunk.map_or(left, |count| (left as u64).min(count) as usize);
        if count == 0 {
            return Err(damaged(format!("chunk {chunk} has no points")));
        }
        let mut slice_reader = Cursor::new(slice);
        let used = if compressor == Compressor::Layers {
            layered(slice, &items, header.record, count, &mut points)?;
            layers
        } else {
            sequential(&mut slice_reader, &items, header.record, count, &mut points)?;
            slice_reader.position() as usize
        };
        at += if entry.is_some() { slice.len() } else { used };
        chunk += 1;
    }
    Ok(points)
}

/// The compressor, the parts of a point, and the number of points in a chunk, `None` if it varies.
fn describe(
    header: &Header,
    description: &[u8],
) -> Result<(Compressor, Vec<LazItem>, Option<u32>), ReadError> {
    let kind = description
        .get(..2)
        .map(|word| Scalar::U16.read(word) as u16);
    let compressor = match kind {
        Some(1) => Compressor::One,
        Some(2) => Compressor::Chunks,
        Some(3) => Compressor::Layers,
        _ => {
            return Err(damaged(format!(
                "its compressor is {kind:?}; 1 to 3 are read"
            )));
        }
    };
    let vlr = LazVlr::read_from(description).map_err(damaged)?;
    let extra = header.record - super::fields::SIZES[usize::from(header.format)];
    let wanted = LazItemRecordBuilder::default_for_point_format_id(header.format, extra as u16)
        .map_err(damaged)?;
    let parts = |items: &[LazItem]| -> Vec<(LazItemType, u16)> {
        items.iter().map(|i| (i.item_type(), i.size())).collect()
    };
    let is_layered = vlr.items().iter().all(|item| item.version() >= 3);
    if parts(vlr.items()) != parts(&wanted) || is_layered != (compressor == Compressor::Layers) {
        return Err(damaged(format!(
            "its parts are not those of points of format {}",
            header.format
        )));
    }
    let chunk_size = (!vlr.uses_variable_size_chunks()).then(|| vlr.chunk_size());
    Ok((compressor, vlr.items().clone(), chunk_size))
}

/// Where the chunks end and their table begins; `None` if the file does not say.
fn chunks_end(bytes: &[u8], data: usize) -> Option<usize> {
    let place = |at: usize| {
        let place = Scalar::I64.read_integer(bytes.get(at..at + 8)?)?;
        let place = usize::try_from(place).ok()?;
        (place >= data + TABLE_PLACE && place + 8 <= bytes.len()).then_some(place)
    };
    // A writer that could not go back wrote it at the end.
    place(data).or_else(|| place(bytes.len().checked_sub(8)?))
}

/// The table of chunks; `None` if there is none, or if it lies.
fn table(bytes: &[u8], header: &Header, end: Option<usize>, varies: bool) -> Option<ChunkTable> {
    let end = end?;
    let chunks = Scalar::U32.read(&bytes[end + 4..]) as usize;
    // a chunk begins with a point that is not compressed
    let most = (end - header.data) / header.record;
    if chunks > most.min(header.count) {
        return None;
    }
    let mut source = Cursor::new(bytes);
    source.seek(SeekFrom::Start(end as u64)).ok()?;
    ChunkTable::read(&mut source, varies).ok()
}

/// The number of points that a chunk of layers states, and its size; `None` if it has more bytes
/// than there are.
fn layers(chunk: &[u8], record: usize, items: &[LazItem]) -> Option<(u64, usize)> {
    let of_item = |item: &LazItem| match item.item_type() {
        LazItemType::Point14 => 9,
        LazItemType::RGBNIR14 => 2,
        LazItemType::Byte14(bytes) => usize::from(bytes),
        _ => 1,
    };
    let layers: usize = items.iter().map(of_item).sum();
    let sizes = chunk.get(record + 4..record + 4 + 4 * layers)?;
    let points = Scalar::U32.read(&chunk[record..]) as u64;
    let size = sizes
        .chunks_exact(4)
        .map(|size| Scalar::U32.read(size))
        .sum::<f64>();
    let size = (record + 4 + 4 * layers) as f64 + size;
    (size <= chunk.len() as f64).then_some((points, size as usize))
}

fn sequential(
    chunk: &mut Cursor<&[u8]>,
    items: &[LazItem],
    record: usize,
    count: usize,
    points: &mut Vec<u8>,
) -> Result<(), ReadError> {
    let mut decompressor = SequentialPointRecordDecompressor::new(chunk);
    decompressor
        .set_fields_from(&items.to_vec())
        .map_err(damaged)?;
    run(decompressor, record, count, points)
}

fn layered(
    chunk: &[u8],
    items: &[LazItem],
    record: usize,
    count: usize,
    points: &mut Vec<u8>,
) -> Result<(), ReadError> {
    let mut decompressor = LayeredPointRecordDecompressor::new(Cursor::new(chunk));
    decompressor
        .set_fields_from(&items.to_vec())
        .map_err(damaged)?;
    run(decompressor, record, count, points)
}

fn run<R: Read>(
    mut decompressor: impl RecordDecompressor<R>,
    record: usize,
    count: usize,
    points: &mut Vec<u8>,
) -> Result<(), ReadError> {
    let mut all = || -> std::io::Result<()> {
        for _ in 0..count {
            let at = points.len();
            points.resize(at + record, 0);
            decompressor.decompress_next(&mut points[at..])?;
        }
        Ok(())
    };
    match catch_unwind(AssertUnwindSafe(&mut all)) {
        Ok(unpacked) => unpacked.map_err(damaged),
        Err(_) => Err(damaged("a number overflows")),
    }
}
