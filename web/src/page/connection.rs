//! The page's connection to the worker: starts it, exchanges messages with it, and replaces it when
//! it is cancelled or dies.
//!
//! To cancel, the page terminates the worker. The alternative, a flag that every stage checks,
//! cannot be set while wasm runs on the worker's only thread (there is no shared memory), and
//! yielding often enough would slow every loop. A new worker takes about a tenth of a second to
//! start because the browser has its code cached.

use std::{cell::RefCell, collections::VecDeque, rc::Rc};

use js_sys::Array;
use serde::Serialize;
use wasm_bindgen::prelude::*;
use web_sys::{ErrorEvent, MessageEvent, Worker, WorkerOptions, WorkerType};

use crate::{
    page::offline,
    protocol::{Reply, Request},
    text::said_with,
};

/// Name of the file with which the worker starts.
const WORKER: &str = "worker_loader.js";
/// Name of the file with which the worker's assistant starts.
pub const ASSISTANT: &str = "worker_assistant.js";

type OnReply = Rc<dyn Fn(Reply)>;

/// A handle to the current worker, which [`Link::restart`] may replace.
#[derive(Clone)]
pub struct Link(Rc<RefCell<Inner>>);

struct Inner {
    worker: Option<Running>,
    /// Requests that wait until the worker listens; `None` once it does, and if there is none.
    waiting: Option<VecDeque<Request>>,
    /// If `true`, the worker is not started so far: what comes first needs the line.
    held: bool,
    on_reply: OnReply,
}

struct Running {
    worker: Worker,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut(ErrorEvent)>,
}

impl Link {
    /// Creates a link without a worker; replies will go to `on_reply`. If it is `held`, workers wait
    /// for [`Link::release`].
    pub fn new(held: bool, on_reply: impl Fn(Reply) + 'static) -> Self {
        Self(Rc::new(RefCell::new(Inner {
            worker: None,
            waiting: None,
            held,
            on_reply: Rc::new(on_reply),
        })))
    }

    /// Terminates the worker, whatever it is doing, and starts a new one.
    pub fn restart(&self) {
        self.stop();
        self.0.borrow_mut().waiting = Some(VecDeque::new());
        if !self.0.borrow().held {
            self.run();
        }
    }

    /// Lets workers start, and the one that waits for that, if one does.
    pub fn release(&self) {
        let mut inner = self.0.borrow_mut();
        let waits = inner.held && inner.waiting.is_some();
        inner.held = false;
        drop(inner);
        if waits {
            self.run();
        }
    }

    /// `true` if the worker listens.
    pub fn listens(&self) -> bool {
        let inner = self.0.borrow();
        inner.worker.is_some() && inner.waiting.is_none()
    }

    fn run(&self) {
        match self.start() {
            Ok(running) => self.0.borrow_mut().worker = Some(running),
            Err(error) => self.reply(Reply::Panicked {
                message: not_started(&error),
            }),
        }
    }

    /// Terminates the worker, whatever it is doing.
    pub fn stop(&self) {
        let mut inner = self.0.borrow_mut();
        inner.waiting = None;
        if let Some(old) = inner.worker.take() {
            old.worker.set_onmessage(None);
            old.worker.set_onerror(None);
            old.worker.terminate();
        }
    }

    /// Sends a request, now or as soon as the worker listens.
    pub fn send(&self, request: Request) {
        let mut inner = self.0.borrow_mut();
        if let Some(waiting) = &mut inner.waiting {
            return waiting.push_back(request);
        }
        let Some(running) = &inner.worker else {
            return;
        };
        let posted = post(&running.worker, &request);
        drop(inner);
        if let Err(error) = posted {
            self.reply(Reply::Failed {
                message: not_sent(&error),
            });
        }
    }

    fn start(&self) -> Result<Running, JsValue> {
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        let worker = Worker::new_with_options(&offline::of_this_version(WORKER), &options)?;
        let link = self.clone();
        let on_message = Closure::new(move |event: MessageEvent| {
            match serde_wasm_bindgen::from_value(event.data()) {
                Ok(Reply::Listening) => {
                    link.listening();
                    link.reply(Reply::Listening);
                }
                Ok(reply) => link.reply(reply),
                Err(error) => link.reply(Reply::Failed {
                    message: unreadable(&error),
                }),
            }
        });
        let link = self.clone();
        let on_error = Closure::new(move |event: ErrorEvent| {
            event.prevent_default();
            link.reply(Reply::Panicked {
                message: event.message(),
            });
        });
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        Ok(Running {
            worker,
            _on_message: on_message,
            _on_error: on_error,
        })
    }

    fn listening(&self) {
        let waiting = self.0.borrow_mut().waiting.take();
        waiting
            .into_iter()
            .flatten()
            .for_each(|request| self.send(request));
    }

    fn reply(&self, reply: Reply) {
        // Release the borrow first: the page may answer with a request or a restart.
        let on_reply = Rc::clone(&self.0.borrow().on_reply);
        on_reply(reply);
    }
}

/// Says that a worker could not be started.
pub fn not_started(error: &JsValue) -> String {
    said_with(
        "the worker could not be started: {problem}",
        &[("problem", &format!("{error:?}"))],
    )
}

/// Says that a request could not be sent to a worker.
pub fn not_sent(error: &JsValue) -> String {
    said_with(
        "the request could not be sent to the worker: {problem}",
        &[("problem", &format!("{error:?}"))],
    )
}

/// Says that a message from a worker could not be read.
pub fn unreadable(error: &serde_wasm_bindgen::Error) -> String {
    said_with(
        "a message from the worker could not be read: {problem}",
        &[("problem", error)],
    )
}

fn post(worker: &Worker, request: &Request) -> Result<(), JsValue> {
    let message = request.serialize(&serde_wasm_bindgen::Serializer::new())?;
    worker.post_message_with_transfer(&message, &Array::new())
}
