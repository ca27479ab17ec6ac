//! A connection that ends when its peer does not read what it asked for, whose bytes are counted, and
//! on which every refusal says why, also where hyper refuses by itself.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::body::Bytes;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Sleep, sleep},
};

use crate::{error::ApiError, metrics::Metrics, requests::Requests};

/// Number of bytes that a peer has to take within the time that [`Stream`] is given.
const LEAST: usize = 16 << 10;
/// Time in which a peer who is refused may read why, and what it may still send meanwhile, bytes: a
/// connection that is closed with something unread is cut off at once, and the answer with it.
const LINGER: (Duration, usize) = (Duration::from_secs(2), 16 << 20);

/// The stream of a connection.
pub struct Stream {
    stream: TcpStream,
    /// Time in which a peer who lets us wait has to take [`LEAST`] bytes.
    patience: Duration,
    /// How long we wait already, if we do.
    waiting: Option<Waiting>,
    metrics: Arc<Metrics>,
    requests: Requests,
    /// Number of the requests whose answers are all sent: what goes out before the next request is
    /// hyper's own.
    settled: usize,
    /// What is left of the answer that goes out in place of hyper's own.
    refusal: Option<Bytes>,
    lingering: Option<Lingering>,
}

struct Lingering {
    over: Pin<Box<Sleep>>,
    left: usize,
}

struct Waiting {
    over: Pin<Box<Sleep>>,
    taken: usize,
}

impl Stream {
    /// A stream whose peer has to take something within `patience`.
    pub fn new(
        stream: TcpStream,
        patience: Duration,
        metrics: Arc<Metrics>,
        requests: Requests,
    ) -> Self {
        Self {
            stream,
            patience,
            waiting: None,
            metrics,
            requests,
            settled: 0,
            refusal: None,
            lingering: None,
        }
    }

    /// The answer that is to go out in place of these bytes, if they are hyper's own.
    fn refusal(&mut self, bytes: &[u8]) -> Option<&mut Bytes> {
        if self.refusal.is_none()
            && self.settled == self.requests.asked()
            && let Some(error) = ApiError::of_hyper(bytes)
        {
            if let Some(reason) = error.reason() {
                self.metrics.refused(reason);
            }
            self.refusal = Some(error.written().into());
        }
        self.refusal.as_mut()
    }

    /// Sends the answer in place of these bytes, if they are hyper's own; `None` if they are not.
    fn poll_refusal(
        &mut self,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Option<Poll<io::Result<()>>> {
        while !self.refusal(bytes)?.is_empty() {
            let refusal = self.refusal.clone()?;
            let result = Pin::new(&mut self.stream).poll_write(context, &refusal);
            match self.written(context, refusal.len(), result) {
                Poll::Ready(Ok(0)) => {
                    return Some(Poll::Ready(Err(io::ErrorKind::WriteZero.into())));
                }
                Poll::Ready(Ok(written)) => self.refusal = Some(refusal.slice(written..)),
                Poll::Ready(Err(error)) => return Some(Poll::Ready(Err(error))),
                Poll::Pending => return Some(Poll::Pending),
            }
        }
        Some(Poll::Ready(Ok(())))
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
        if let Some(refused) = self.poll_refusal(context, bytes) {
            return refused.map_ok(|()| bytes.len());
        }
        let result = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(context, bytes.len(), result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let offered = slices.iter().map(|slice| slice.len()).sum();
        let first = slices.first().map_or(&[][..], |slice| slice);
        if let Some(refused) = self.poll_refusal(context, first) {
            return refused.map_ok(|()| offered);
        }
        let result = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.written(context, offered, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // hyper flushes when it has nothing more to write.
        if self.requests.are_answered() {
            self.settled = self.requests.asked();
        }
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.lingering.is_none() {
            ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
        }
        if self.refusal.is_none() && !self.requests.were_refused() {
            return Poll::Ready(Ok(()));
        }
        let this = &mut *self;
        let lingering = this.lingering.get_or_insert_with(|| Lingering {
            over: Box::pin(sleep(LINGER.0)),
            left: LINGER.1,
        });
        let mut piece = [0; 4 << 10];
        while lingering.left > 0 && lingering.over.as_mut().poll(context).is_pending() {
            let mut buffer = ReadBuf::new(&mut piece);
            match ready!(Pin::new(&mut this.stream).poll_read(context, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {
                    lingering.left = lingering.left.saturating_sub(buffer.filled().len());
                }
                _ => break,
            }
        }
        Poll::Ready(Ok(()))
    }
}
