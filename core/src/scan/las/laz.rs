//! The points of LAZ files, unpacked by the crate `laz`.
//!
//! The crate trusts the sizes that a file states. Every chunk is therefore found and measured here,
//! and the crate sees one chunk at a time, as a slice that ends where the chunk does. Its arithmetic
//! overflows on damaged data, which panics in builds that check for that; such a panic is damage too.
//!
//! The file need not be in memory, and neither need its points: one chunk is read at a time, and
//! points are passed on as they are unpacked.

use std::{
    io::{Cursor, Read, Seek, SeekFrom},
    panic::{AssertUnwindSafe, catch_unwind},
};

use laz::{
    LazItem, LazItemRecordBuilder, LazItemType, LazVlr,
    laszip::{ChunkTable, ChunkTableEntry},
    record::{
        LayeredPointRecordDecompressor, RecordDecompressor, SequentialPointRecordDecompressor,
    },
};

use super::{Header, Records, truncated};
use crate::{
    read_at::{Blocks, ReadAt},
    scan::{MAX_DATA_BYTES, ReadError, Scalar, Warning},
};

/// The bytes before the first chunk: the place of the table of chunks.
const TABLE_PLACE: u64 = 8;

/// Number of bytes of points that are passed on at once, about.
const PASSED: usize = 1 << 20;

/// The first number of the record that describes the compression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// How the points of a file are compressed.
#[derive(Clone, Debug)]
pub(super) struct Packing {
    compressor: Compressor,
    /// The parts of a point.
    items: Vec<LazItem>,
    /// Number of points in a chunk; `None` if it varies.
    chunk_size: Option<u32>,
}

/// The points that were unpacked, on their way to who wants them.
struct Out<'a, E> {
    record: usize,
    /// Number of points that are to come.
    left: u64,
    each: &'a mut dyn FnMut(&[u8]) -> Result<(), E>,
}

impl Packing {
    /// Reads the record of LASzip.
    pub(super) fn new(header: &Header, description: &[u8]) -> Result<Self, ReadError> {
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
        if parts(vlr.items()) != parts(&wanted) || is_layered != (compressor == Compressor::Layers)
        {
            return Err(damaged(format!(
                "its parts are not those of points of format {}",
                header.format
            )));
        }
        Ok(Self {
            compressor,
            items: vlr.items().clone(),
            chunk_size: (!vlr.uses_variable_size_chunks()).then(|| vlr.chunk_size()),
        })
    }

    /// Calls `each` with the points of a file, as an uncompressed file has them, some at a time.
    pub(super) fn unpack<E: From<ReadError>>(
        &self,
        source: &dyn ReadAt,
        records: &Records,
        warnings: &mut Vec<Warning>,
        each: &mut dyn FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut out = Out {
            record: records.size,
            left: records.count,
            each,
        };
        if self.compressor == Compressor::One {
            let mut data = Blocks::new(source);
            data.seek(SeekFrom::Start(records.start)).map_err(damaged)?;
            return self.sequential(&mut data, records.count, &mut out);
        }
        let table_at = chunks_end(source, records.start);
        let table = table_at.and_then(|at| table(source, records, at, self.chunk_size.is_none()));
        if table.is_none() {
            if self.compressor == Compressor::Chunks && self.chunk_size.is_none() {
                return Err(damaged("its table of chunks is missing or damaged").into());
            }
            warnings.push(Warning(
                "the table of chunks is missing or damaged; the chunks were read one after the other"
                    .to_owned(),
            ));
        }
        let end = table_at.unwrap_or(source.size());
        let mut at = records.start + TABLE_PLACE;
        if at > end {
            let found = source.size().saturating_sub(records.start);
            return Err(truncated(TABLE_PLACE, found).into());
        }
        let mut chunk = 0;
        while out.left > 0 {
            let entry = match &table {
                Some(table) => Some(table.as_ref().get(chunk).copied().ok_or_else(|| {
                    damaged(format!(
                        "{} points are missing after its {chunk} chunks",
                        out.left
                    ))
                })?),
                None => None,
            };
            at += self.chunk(source, chunk, at..end, entry, &mut out)?;
            chunk += 1;
        }
        Ok(())
    }

    /// Unpacks a chunk that begins where a range does, and returns the number of its bytes.
    fn chunk<E: From<ReadError>>(
        &self,
        source: &dyn ReadAt,
        chunk: usize,
        range: std::ops::Range<u64>,
        entry: Option<ChunkTableEntry>,
        out: &mut Out<E>,
    ) -> Result<u64, E> {
        let rest = range.end - range.start;
        let size = entry.map(|entry| entry.byte_count);
        if size.is_some_and(|size| size > rest) {
            return Err(damaged(format!("chunk {chunk} goes beyond the points")).into());
        }
        let (stated, layers) = match self.compressor {
            Compressor::Layers => self
                .layers(source, range.start, size.unwrap_or(rest), out.record)
                .map(|(points, size)| (Some(points), Some(size)))
                .ok_or_else(|| damaged(format!("the layers of chunk {chunk} go beyond it")))?,
            _ => (None, None),
        };
        let by_table = entry.map(|entry| entry.point_count);
        let of_chunk = self.chunk_size.map(u64::from).or(by_table).or(stated);
        let count = of_chunk.map_or(out.left, |count| out.left.min(count));
        if count == 0 {
            return Err(damaged(format!("chunk {chunk} has no points")).into());
        }
        let Some(known) = size.or(layers) else {
            let mut data = Blocks::new(source);
            data.seek(SeekFrom::Start(range.start)).map_err(damaged)?;
            self.sequential(&mut data, count, out)?;
            return Ok(data.stream_position().map_err(damaged)? - range.start);
        };
        if known > MAX_DATA_BYTES {
            return Err(damaged(format!(
                "chunk {chunk} has {known} bytes, the limit is {MAX_DATA_BYTES}"
            ))
            .into());
        }
        let bytes = source.read_at(range.start..range.start + known);
        let bytes = bytes.map_err(damaged)?;
        match self.compressor {
            Compressor::Layers => self.layered(&bytes, count, out)?,
            _ => self.sequential(&mut Cursor::new(&bytes[..]), count, out)?,
        }
        Ok(known)
    }

    /// The number of points that a chunk of layers states, and its size; `None` if that is more than
    /// `most` bytes.
    fn layers(&self, source: &dyn ReadAt, at: u64, most: u64, record: usize) -> Option<(u64, u64)> {
        let of_item = |item: &LazItem| match item.item_type() {
            LazItemType::Point14 => 9,
            LazItemType::RGBNIR14 => 2,
            LazItemType::Byte14(bytes) => usize::from(bytes),
            _ => 1,
        };
        let layers: usize = self.items.iter().map(of_item).sum();
        let head = record + 4 + 4 * layers;
        if head as u64 > most {
            return None;
        }
        let head_bytes = source.read_at(at..at + head as u64).ok()?;
        let sizes = head_bytes.get(record + 4..head)?;
        let points = Scalar::U32.read(&head_bytes[record..]) as u64;
        let sizes = sizes.chunks_exact(4);
        let size = sizes.map(|size| Scalar::U32.read(size) as u64).sum::<u64>() + head as u64;
        (size <= most).then_some((points, size))
    }

    fn sequential<R: Read, E: From<ReadError>>(
        &self,
        chunk: &mut R,
        count: u64,
        out: &mut Out<E>,
    ) -> Result<(), E> {
        let mut decompressor = SequentialPointRecordDecompressor::new(chunk);
        decompressor.set_fields_from(&self.items).map_err(damaged)?;
        out.take(decompressor, count)
    }

    fn layered<E: From<ReadError>>(
        &self,
        chunk: &[u8],
        count: u64,
        out: &mut Out<E>,
    ) -> Result<(), E> {
        let mut decompressor = LayeredPointRecordDecompressor::new(Cursor::new(chunk));
        decompressor.set_fields_from(&self.items).map_err(damaged)?;
        out.take(decompressor, count)
    }
}

impl<E: From<ReadError>> Out<'_, E> {
    /// Unpacks so many points, and passes them on some at a time.
    fn take<R: Read>(
        &mut self,
        mut decompressor: impl RecordDecompressor<R>,
        count: u64,
    ) -> Result<(), E> {
        let mut points = Vec::new();
        let mut left = count;
        while left > 0 {
            points.clear();
            let mut some = || -> std::io::Result<()> {
                while left > 0 && points.len() < PASSED {
                    let at = points.len();
                    points.resize(at + self.record, 0);
                    decompressor.decompress_next(&mut points[at..])?;
                    left -= 1;
                }
                Ok(())
            };
            match catch_unwind(AssertUnwindSafe(&mut some)) {
                Ok(unpacked) => unpacked.map_err(damaged)?,
                Err(_) => return Err(damaged("a number overflows").into()),
            }
            (self.each)(&points)?;
        }
        self.left -= count;
        Ok(())
    }
}

/// Where the chunks end and their table begins; `None` if the file does not say.
fn chunks_end(source: &dyn ReadAt, data: u64) -> Option<u64> {
    let size = source.size();
    let place = |at: u64| {
        let end = at.checked_add(8).filter(|end| *end <= size)?;
        let place = Scalar::I64.read_integer(source.read_at(at..end).ok()?.get(..8)?)?;
        let place = u64::try_from(place).ok()?;
        (place >= data + TABLE_PLACE && place.checked_add(8)? <= size).then_some(place)
    };
    // A writer that could not go back wrote it at the end.
    place(data).or_else(|| place(size.checked_sub(8)?))
}

/// The table of chunks at a place; `None` if there is none, or if it lies.
fn table(source: &dyn ReadAt, records: &Records, at: u64, varies: bool) -> Option<ChunkTable> {
    let chunks = source.read_at(at + 4..at + 8).ok()?;
    let chunks = Scalar::U32.read(chunks.get(..4)?) as u64;
    // a chunk begins with a point that is not compressed
    let most = (at - records.start) / records.size as u64;
    if chunks > most.min(records.count) {
        return None;
    }
    let mut source = Blocks::new(source);
    source.seek(SeekFrom::Start(at)).ok()?;
    ChunkTable::read(&mut source, varies).ok()
}
