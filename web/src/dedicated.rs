//! What all workers need: their scope, messages to whoever started them, which is the page unless it is
//! said otherwise, and requests that are answered one at a time.

use std::{cell::RefCell, collections::VecDeque, rc::Rc};

use js_sys::Array;
use segscape::platform;
use serde::{Serialize, de::DeserializeOwned};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent};

/// The state of a worker, which answers requests.
pub(crate) trait Answers: 'static {
    /// The messages from the page.
    type Request: DeserializeOwned + 'static;

    /// Acts at once on a request that the one being answered waits for; returns all others.
    fn heard(request: Self::Request) -> Option<Self::Request> {
        Some(request)
    }

    /// Answers a request.
    async fn answer(&mut self, request: Self::Request);

    /// Tells the page that the worker listens.
    fn listening();

    /// Tells the page that a request could not be read.
    fn unreadable(message: String);

    /// Tells the page that the worker is about to die.
    fn panicked(message: String);
}

/// Requests in order of arrival. `session` is `None` while a request is being answered.
struct Queue<S: Answers> {
    session: Option<S>,
    waiting: VecDeque<S::Request>,
}

/// Listens for requests until the page terminates the worker.
pub(crate) fn listen<S: Answers>(session: S) {
    platform::start();
    std::panic::set_hook(Box::new(|panic| {
        console_error_panic_hook::hook(panic);
        S::panicked(panic.to_string());
    }));
    let queue = Rc::new(RefCell::new(Queue {
        session: Some(session),
        waiting: VecDeque::new(),
    }));
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
        match serde_wasm_bindgen::from_value(event.data()) {
            Ok(request) => {
                if let Some(request) = S::heard(request) {
                    queue.borrow_mut().waiting.push_back(request);
                    spawn_local(answer(Rc::clone(&queue)));
                }
            }
            Err(error) => {
                S::unreadable(format!("a message could not be read: {error}"));
            }
        }
    });
    scope().set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    on_message.forget(); // listens as long as the worker lives
    S::listening();
}

/// Answers all waiting requests, unless another call is already doing so.
async fn answer<S: Answers>(queue: Rc<RefCell<Queue<S>>>) {
    let Some(mut session) = queue.borrow_mut().session.take() else {
        return;
    };
    loop {
        let Some(request) = queue.borrow_mut().waiting.pop_front() else {
            break;
        };
        session.answer(request).await;
    }
    queue.borrow_mut().session = Some(session);
}

/// Sends a message to the page and transfers its buffers.
pub(crate) fn post(message: &impl Serialize, transfers: &Array) {
    let posted = message
        .serialize(&serde_wasm_bindgen::Serializer::new())
        .map_err(JsValue::from)
        .and_then(|message| scope().post_message_with_transfer(&message, transfers));
    if let Err(error) = posted {
        web_sys::console::error_2(&"a reply could not be sent to the page:".into(), &error);
    }
}

/// The scope of the worker.
pub(crate) fn scope() -> DedicatedWorkerGlobalScope {
    js_sys::global().unchecked_into()
}
