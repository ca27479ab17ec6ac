//! The worker: owns the scan, the device and the pipeline, and answers one request at a time. Its
//! assistant is the same program.

use crate::{
    dedicated::{self, Answers, scope},
    protocol::{Reply, Request},
};

mod addresses;
mod assistant;
mod backend;
mod capture;
mod fetch;
mod file;
mod finding;
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

use self::{
    assistant::assisting::{self, Assisting},
    session::Session,
};

/// Listens for requests until the page terminates the worker, or, as its assistant, until the worker
/// ends.
pub fn run() {
    if assisting::is_here() {
        dedicated::listen(Assisting::default());
    } else {
        dedicated::listen(Session::default());
    }
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

/// Sends a reply to the page and transfers its buffers. The assistant knows only the worker, which
/// passes on what the page should know.
fn post(reply: &Reply) {
    if assisting::is_here() {
        assisting::pass_on(reply);
    } else {
        dedicated::post(reply, &reply.transfers());
    }
}
