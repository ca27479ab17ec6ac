//! A connection that ends when its peer does not read what it asked for, and whose bytes are counted.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Sleep, sleep},
};

use crate::metrics::Metrics;

/// Number of bytes that a peer has to take within the time that [`Stream`] is given.
const LEAST: usize = 16 << 10;

/// The stream of a connection.
pub struct Stream {
    stream: TcpStream,
    /// Time in which a peer who lets us wait has to take [`LEAST`] bytes.
    patience: Duration,
    /// How long we wait already, if we do.
    waiting: Option<Waiting>,
    metrics: Arc<Metrics>,
}

struct Waiting {
    over: Pin<Box<Sleep>>,
    taken: usize,
}

impl Stream {
    /// A stream whose peer has to take something within `patience`.
    pub fn new(stream: TcpStream, patience: Duration, metrics: Arc<Metrics>) -> Self {
        Self {
            stream,
            patience,
            waiting: None,
            metrics,
        }
    }

    /// Notes what came of the attempt to write so many bytes.
    fn written(
        &mut self,
        context: &mut Context<'_>,
        offered: usize,
        result: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match &result {
            Poll::Ready(Ok(written)) => {
                self.metrics.sent(*written);
                let waiting = self.waiting.as_mut().filter(|_| *written < offered);
                let is_enough = waiting.is_none_or(|waiting| {
                    waiting.taken += written;
                    waiting.taken >= LEAST
                });
                if is_enough {
                    self.waiting = None;
                }
            }
            Poll::Ready(Err(_)) => {}
            Poll::Pending => {
                let patience = self.patience;
                let waiting = self.waiting.get_or_insert_with(|| Waiting {
                    over: Box::pin(sleep(patience)),
                    taken: 0,
                });
                if waiting.over.as_mut().poll(context).is_ready() {
                    return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                }
            }
        }
        result
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.metrics.received(buffer.filled().len() - before);
        result
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(context, bytes.len(), result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        let offered = slices.iter().map(|slice| slice.len()).sum();
        self.written(context, offered, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
