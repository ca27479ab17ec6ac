//! A file of the store, or a part of it, as the body of an answer. What the system has of it in memory
//! goes out at once; the rest is read on a thread that may block, because a change of threads for
//! every few kilobytes costs more than reading them.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom},
    ops::Range,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use axum::body::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::task::{JoinHandle, spawn_blocking};

/// Maximum size of a piece, bytes. A connection has one in memory besides what it sends.
const PIECE: usize = 64 << 10;

/// The body. It fails if the file is shorter than was said.
pub struct Pieces {
    file: Arc<File>,
    /// What is to come, bytes of the file.
    rest: Range<u64>,
    /// A piece that comes from the disk.
    reading: Option<JoinHandle<io::Result<Vec<u8>>>>,
}

impl Pieces {
    /// These bytes of a file.
    pub fn of(file: File, range: Range<u64>) -> Self {
        Self {
            file: Arc::new(file),
            rest: range,
            reading: None,
        }
    }

    /// Size of the next piece, bytes.
    fn next(&self) -> usize {
        // More than a piece is as much as a piece.
        usize::try_from(self.rest.end - self.rest.start).map_or(PIECE, |rest| rest.min(PIECE))
    }

    fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Vec<u8>>> {
        let (offset, size) = (self.rest.start, self.next());
        if self.reading.is_none()
            && let Some(piece) = in_memory(&self.file, offset, size)
        {
            return Poll::Ready(Ok(piece));
        }
        let reading = self.reading.get_or_insert_with(|| {
            let file = Arc::clone(&self.file);
            spawn_blocking(move || from_disk(&file, offset, size))
        });
        let piece = ready!(Pin::new(reading).poll(context));
        self.reading = None;
        Poll::Ready(piece.map_err(io::Error::other)?)
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.is_end_stream() {
            return Poll::Ready(None);
        }
        let piece = ready!(self.poll_piece(context));
        let piece = piece.and_then(|piece| match piece.len() {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(piece),
        });
        Poll::Ready(Some(piece.map(|piece| {
            self.rest.start += piece.len() as u64;
            Frame::data(piece.into())
        })))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.end.saturating_sub(self.rest.start))
    }
}

/// So many bytes of a file, or the first of them, if the system need not wait for the disk.
#[cfg(target_os = "linux")]
fn in_memory(file: &File, offset: u64, size: usize) -> Option<Vec<u8>> {
    use rustix::io::{ReadWriteFlags, preadv2};
    let mut piece = vec![0; size];
    let buffers = &mut [io::IoSliceMut::new(&mut piece)];
    // What cannot be read so, also because the file system does not know how, comes from the disk.
    let read = preadv2(file, buffers, offset, ReadWriteFlags::NOWAIT).ok()?;
    piece.truncate(read);
    (read > 0).then_some(piece)
}

#[cfg(not(target_os = "linux"))]
fn in_memory(_: &File, _: u64, _: usize) -> Option<Vec<u8>> {
    None
}

/// So many bytes of a file, or all that it has.
fn from_disk(mut file: &File, offset: u64, size: usize) -> io::Result<Vec<u8>> {
    let mut piece = Vec::with_capacity(size);
    // Nobody else reads this file through this handle.
    file.seek(SeekFrom::Start(offset))?;
    file.take(size as u64).read_to_end(&mut piece)?;
    Ok(piece)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn every_byte_comes_once_in_pieces() {
        let written: Vec<u8> = (0..200_000_u32).map(|at| (at % 251) as u8).collect();
        let path = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(path.path(), &written).unwrap();
        let open = || File::open(path.path()).unwrap();
        for range in [0..200_000, 1..199_999, 65_536..65_537, 5..5] {
            let body = Pieces::of(open(), range.start as u64..range.end as u64);
            assert_eq!(body.size_hint().exact(), Some(range.len() as u64));
            let read = body.collect().await.unwrap().to_bytes();
            assert_eq!(read, written[range.clone()], "{range:?}");
            let read = from_disk(&open(), range.start as u64, range.len()).unwrap();
            assert_eq!(read, written[range]);
        }
        let mut body = Pieces::of(open(), 199_990..200_010);
        assert_eq!(
            body.frame()
                .await
                .unwrap()
                .unwrap()
                .into_data()
                .unwrap()
                .len(),
            10
        );
        let error = body.frame().await.unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
