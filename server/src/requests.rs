//! How far the requests of a connection are, so that its stream knows what goes out and does not come
//! from the routes: hyper answers by itself what it does not understand.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll},
};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};

/// The requests of one connection, which come one after the other.
#[derive(Clone, Default)]
pub struct Requests(Arc<Counts>);

#[derive(Default)]
struct Counts {
    asked: AtomicUsize,
    answered: AtomicUsize,
    refused: AtomicBool,
}

impl Requests {
    /// Counts a request, which lasts until the value is dropped.
    pub fn ask(&self) -> Asked {
        self.0.asked.fetch_add(1, Relaxed);
        Asked(self.clone())
    }

    /// Number of requests.
    pub fn asked(&self) -> usize {
        self.0.asked.load(Relaxed)
    }

    /// Whether hyper has taken the answers to all of them.
    pub fn are_answered(&self) -> bool {
        self.0.answered.load(Relaxed) == self.asked()
    }

    /// Whether one of them was refused, perhaps before all of it was there.
    pub fn were_refused(&self) -> bool {
        self.0.refused.load(Relaxed)
    }
}

/// A request that is being answered.
pub struct Asked(Requests);

impl Asked {
    /// Notes that the request is refused.
    pub fn refuse(&self) {
        self.0.0.refused.store(true, Relaxed);
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.0.0.answered.fetch_add(1, Relaxed);
    }
}

/// The body of an answer, with the request that it belongs to.
pub struct Answer {
    body: Body,
    _asked: Asked,
}

impl Answer {
    /// This body answers this request.
    pub fn new(body: Body, asked: Asked) -> Self {
        Self {
            body,
            _asked: asked,
        }
    }
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
