//! Writes all points of a file that was read in slices, in parts: neither the file nor what is
//! written is in memory.

use std::{
    borrow::Cow,
    io::{self, Seek, SeekFrom, Write},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{
    Context, Export, PointLabels, WriteError,
    labeled::Labeled,
    las, ply,
    rows::{NO_ROW, Rows},
};
use crate::{
    progress::{Monitor, Stage},
    read_at::ReadAt,
    scan::{Excerpt, Scan, Slice},
};

/// Number of bytes at the start of a file to which its writer may go back.
const HEAD: usize = 1 << 20;

impl Export {
    /// `true` if a file of this format has all points of a file that was read in slices, and not only
    /// those that were kept.
    pub const fn has_all_points(self) -> bool {
        matches!(self, Self::Ply | Self::Las | Self::Laz)
    }

    /// Writes a scan of which `source` is the file, as [`Self::write`] does, but in parts: `out` gets
    /// each with its place in the result. They are in order, except for the first one, which may come
    /// last. If the scan is an excerpt of its file and [`Self::has_all_points`], every point of the
    /// file is written, with the label of the nearest point of the scan.
    ///
    /// # Errors
    /// [`WriteError`]; also if the file cannot be read or has changed, if `out` fails, and if
    /// `monitor` stops the work.
    pub fn write_all(
        self,
        scan: &Scan,
        labels: &PointLabels,
        context: &Context,
        source: &dyn ReadAt,
        monitor: &Monitor,
        out: &mut dyn FnMut(u64, &[u8]) -> io::Result<()>,
    ) -> Result<(), WriteError> {
        let excerpt = scan.excerpt.as_ref().filter(|_| self.has_all_points());
        let Some(excerpt) = excerpt else {
            return Ok(out(0, &self.write(scan, labels, context)?)?);
        };
        let whole = Whole {
            scan,
            excerpt,
            source,
            monitor,
        };
        match self {
            Self::Las => las::write_slices(&whole, labels, context.painted, false, out)?,
            Self::Laz => las::write_slices(&whole, labels, context.painted, true, out)?,
            _ => labeled_ply(&whole, labels, context.painted, out)?,
        }
        Ok(monitor.at(Stage::Write, 1.0)?)
    }
}

/// A file and the scan that is an excerpt of it.
#[derive(Clone, Copy)]
pub(super) struct Whole<'a> {
    pub(super) scan: &'a Scan,
    pub(super) excerpt: &'a Excerpt,
    source: &'a dyn ReadAt,
    monitor: &'a Monitor<'a>,
}

impl Whole<'_> {
    /// Calls `each` with all points of the file, some at a time.
    pub(super) fn slices(
        &self,
        each: &mut dyn FnMut(&Slice) -> Result<(), WriteError>,
    ) -> Result<(), WriteError> {
        self.excerpt
            .slices(self.scan, self.source, self.monitor, each)
    }
}

/// Writes every property of all points with their labels, see [`labeled_ply`](super::labeled_ply).
fn labeled_ply(
    whole: &Whole,
    labels: &PointLabels,
    painted: bool,
    out: &mut dyn FnMut(u64, &[u8]) -> io::Result<()>,
) -> Result<(), WriteError> {
    let rows = Rows::new(whole.scan, labels);
    let table = Cow::Owned(whole.excerpt.table());
    let labeled = Labeled::of_table(table, rows, labels, painted);
    let mut part = ply::header(&labeled.table, &labeled.comments, &labeled.extra);
    let mut place = 0;
    whole.slices(&mut |slice| {
        let stride = slice.points.stride().max(1);
        let rows = slice.points.rows.chunks_exact(stride);
        for (row, kept) in rows.zip(&slice.kept_rows) {
            part.extend_from_slice(row);
            labeled.append(kept.map_or(NO_ROW, |row| row as usize), &mut part);
        }
        out(place, &part)?;
        place += part.len() as u64;
        part.clear();
        Ok(())
    })
}

/// What a writer wrote that goes back to the start of its file at the end: the start, and what follows
/// it and is not passed on yet. Clones are the same file.
#[derive(Clone, Default)]
pub(super) struct Parts(Arc<Mutex<Written>>);

#[derive(Default)]
struct Written {
    /// The first [`HEAD`] bytes.
    head: Vec<u8>,
    /// Number of bytes after them that were passed on.
    passed: u64,
    /// The bytes after those.
    rest: Vec<u8>,
    /// Where the writer stands.
    place: u64,
}

impl Written {
    fn size(&self) -> u64 {
        self.head.len() as u64 + self.passed + self.rest.len() as u64
    }
}

impl Parts {
    fn written(&self) -> MutexGuard<'_, Written> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Passes on what will not change any more.
    pub(super) fn pass_on(
        &self,
        out: &mut dyn FnMut(u64, &[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut written = self.written();
        if !written.rest.is_empty() {
            out(written.head.len() as u64 + written.passed, &written.rest)?;
            written.passed += written.rest.len() as u64;
            written.rest.clear();
        }
        Ok(())
    }

    /// Passes on all that is left, the start last.
    pub(super) fn end(&self, out: &mut dyn FnMut(u64, &[u8]) -> io::Result<()>) -> io::Result<()> {
        self.pass_on(out)?;
        out(0, &self.written().head)
    }
}

impl Write for Parts {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut written = self.written();
        let (place, end) = (written.place, written.size());
        if place == end {
            let into_head = bytes.len().min(HEAD - written.head.len());
            let (head, rest) = bytes.split_at(into_head);
            written.head.extend_from_slice(head);
            written.rest.extend_from_slice(rest);
        } else {
            let range = usize::try_from(place).ok().and_then(|start| {
                let end = start.checked_add(bytes.len())?;
                written.head.get_mut(start..end)
            });
            let range = range.ok_or_else(|| {
                io::Error::other(format!(
                    "{} bytes at {place} were passed on already",
                    bytes.len()
                ))
            })?;
            range.copy_from_slice(bytes);
        }
        written.place += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Parts {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let mut written = self.written();
        let place = match to {
            SeekFrom::Start(place) => Some(place),
            SeekFrom::End(by) => written.size().checked_add_signed(by),
            SeekFrom::Current(by) => written.place.checked_add_signed(by),
        };
        written.place = place.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(written.place)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_writer_goes_back_to_the_start_and_nowhere_else() {
        let mut parts = Parts::default();
        let mut file = Vec::new();
        let mut out = |place: u64, bytes: &[u8]| {
            let end = place as usize + bytes.len();
            file.resize(file.len().max(end), 0);
            file[place as usize..end].copy_from_slice(bytes);
            Ok(())
        };
        parts.write_all(&[1; HEAD - 1]).unwrap();
        parts.pass_on(&mut out).unwrap();
        parts.write_all(&[2; 5]).unwrap();
        parts.pass_on(&mut out).unwrap();
        parts.write_all(&[3; 5]).unwrap();
        assert_eq!(parts.stream_position().unwrap(), HEAD as u64 + 9);
        parts.seek(SeekFrom::Start(1)).unwrap();
        parts.write_all(&[4; 2]).unwrap();
        parts.seek(SeekFrom::Start(HEAD as u64)).unwrap();
        assert!(parts.write_all(&[5]).is_err());
        parts.seek(SeekFrom::End(0)).unwrap();
        parts.write_all(&[6]).unwrap();
        parts.end(&mut out).unwrap();
        assert_eq!(file.len(), HEAD + 10);
        assert_eq!(file[..4], [1, 4, 4, 1]);
        assert_eq!(file[HEAD - 2..], [1, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 6]);
    }
}
