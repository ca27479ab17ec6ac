//! The worker: owns the scan, the device and the pipeline, and answers one request at a time.

use std::{cell::RefCell, collections::VecDeque, rc::Rc};

use segscape::platform;
use serde::Serialize;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent};

use self::session::Session;
use crate::protocol::{Reply, Request};

mod backend;
mod capture;
mod fetch;
mod file;
mod models;
mod scene;
mod session;

/// Requests in order of arrival. `session` is `None` while a request is being answered.
struct Queue {
    session: Option<Session>,
    waiting: VecDeque<Request>,
}

/// Listens for requests until the page terminates the worker.
pub fn run() {
    platform::start();
    std::panic::set_hook(Box::new(|panic| {
        console_error_panic_hook::hook(panic);
        post(&Reply::Panicked {
            message: panic.to_string(),
        });
    }));
    let queue = Rc::new(RefCell::new(Queue {
        session: Some(Session::default()),
        waiting: VecDeque::new(),
    }));
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
        match serde_wasm_bindgen::from_value(event.data()) {
            Ok(request) => {
                queue.borrow_mut().waiting.push_back(request);
                spawn_local(answer(Rc::clone(&queue)));
            }
            Err(error) => post(&Reply::Failed {
                message: format!("a message from the page could not be read: {error}"),
            }),
        }
    });
    scope().set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    on_message.forget(); // listens as long as the worker lives
    post(&Reply::Listening);
}

/// Answers all waiting requests, unless another call is already doing so.
async fn answer(queue: Rc<RefCell<Queue>>) {
    let Some(mut session) = queue.borrow_mut().session.take() else {
        return;
    };
    loop {
        let Some(request) = queue.borrow_mut().waiting.pop_front() else {
            break;
        };
        if let Err(message) = session.answer(request).await {
            post(&Reply::Failed { message });
        }
    }
    queue.borrow_mut().session = Some(session);
}

/// Sends a reply to the page and transfers its buffers.
fn post(reply: &Reply) {
    let posted = reply
        .serialize(&serde_wasm_bindgen::Serializer::new())
        .map_err(JsValue::from)
        .and_then(|message| scope().post_message_with_transfer(&message, &reply.transfers()));
    if let Err(error) = posted {
        web_sys::console::error_2(&"a reply could not be sent to the page:".into(), &error);
    }
}

fn scope() -> DedicatedWorkerGlobalScope {
    js_sys::global().unchecked_into()
}
