//! Bytes at any place of a file that need not be in memory.

use std::{
    io::{self, Read, Seek, SeekFrom},
    ops::Range,
};

/// Largest number of bytes that [`Blocks`] reads at once.
const BLOCK: u64 = 256 << 10;

/// Bytes at any place of a file: a file of a disk, or one in a browser.
pub trait ReadAt {
    /// Number of bytes.
    fn size(&self) -> u64;

    /// The bytes of a range, which lies in the file; as many as the range has.
    ///
    /// # Errors
    /// They cannot be read.
    fn read_at(&self, range: Range<u64>) -> io::Result<Vec<u8>>;
}

impl<S: ReadAt + ?Sized> ReadAt for &S {
    fn size(&self) -> u64 {
        (**self).size()
    }

    fn read_at(&self, range: Range<u64>) -> io::Result<Vec<u8>> {
        (**self).read_at(range)
    }
}

impl ReadAt for Vec<u8> {
    fn size(&self) -> u64 {
        self.as_slice().size()
    }

    fn read_at(&self, range: Range<u64>) -> io::Result<Vec<u8>> {
        self.as_slice().read_at(range)
    }
}

impl ReadAt for [u8] {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn read_at(&self, range: Range<u64>) -> io::Result<Vec<u8>> {
        let range = usize::try_from(range.start)
            .ok()
            .zip(usize::try_from(range.end).ok());
        range
            .and_then(|(start, end)| self.get(start..end))
            .map(<[u8]>::to_vec)
            .ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

/// A reader of a source, a block at a time.
pub(crate) struct Blocks<S> {
    source: S,
    place: u64,
    block: Vec<u8>,
    /// Place of the block in the source.
    start: u64,
}

impl<S: ReadAt> Blocks<S> {
    /// A reader that stands at the beginning of a source.
    pub(crate) fn new(source: S) -> Self {
        Self {
            source,
            place: 0,
            block: Vec::new(),
            start: 0,
        }
    }
}

impl<S: ReadAt> Read for Blocks<S> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let size = self.source.size();
        if self.place >= size || out.is_empty() {
            return Ok(0);
        }
        let end = self.start + self.block.len() as u64;
        if !(self.start..end).contains(&self.place) {
            let end = size.min(self.place + BLOCK);
            self.block = self.source.read_at(self.place..end)?;
            self.start = self.place;
            if self.block.len() as u64 != end - self.place {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let rest = &self.block[(self.place - self.start) as usize..];
        let count = rest.len().min(out.len());
        out[..count].copy_from_slice(&rest[..count]);
        self.place += count as u64;
        Ok(count)
    }
}

impl<S: ReadAt> Seek for Blocks<S> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let place = match to {
            SeekFrom::Start(place) => Some(place),
            SeekFrom::End(by) => self.source.size().checked_add_signed(by),
            SeekFrom::Current(by) => self.place.checked_add_signed(by),
        };
        self.place = place.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.place)
    }
}
