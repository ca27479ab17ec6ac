//! The worker: owns the scan, the device and the pipeline, and answers one request at a time.

use crate::{
    dedicated::{self, Answers, scope},
    protocol::{Reply, Request},
};

mod addresses;
mod backend;
mod capture;
mod fetch;
mod file;
mod following;
mod images;
mod models;
mod opening;
mod overlay;
mod pointing;
mod prompt;
mod scans;
mod scene;
mod session;
mod sliced;

use self::session::Session;

/// Listens for requests until the page terminates the worker.
pub fn run() {
    dedicated::listen(Session::default());
}

impl Answers for Session {
    type Request = Request;

    fn heard(request: Request) -> Option<Request> {
        match request {
            Request::Stop => {
                following::stop();
                None
            }
            other => Some(other),
        }
    }

    async fn answer(&mut self, request: Request) {
        if let Err(message) = self.answered(request).await {
            post(&Reply::Failed { message });
        }
    }

    fn listening() {
        post(&Reply::Listening);
    }

    fn unreadable(message: String) {
        post(&Reply::Failed { message });
    }

    fn panicked(message: String) {
        post(&Reply::Panicked { message });
    }
}

/// Sends a reply to the page and transfers its buffers.
fn post(reply: &Reply) {
    dedicated::post(reply, &reply.transfers());
}
