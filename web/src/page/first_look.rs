//! The first look at a scan: a part of its points, on screen until all of them are there. Nothing is
//! known of it but what is seen, so that nothing can be done with it but to look around.
//!
//! It comes from the worker, which reads the file anyway, or from the reader ([`crate::reader`]), which
//! is fetched before the worker and listens while that one is still on the way.

use std::{cell::RefCell, rc::Rc};

use js_sys::Array;
use leptos::prelude::*;
use segscape::{
    preflight::{Choices, Color},
    scan::Frame,
};
use serde::Serialize;
use wasm_bindgen::prelude::*;
use web_sys::{ErrorEvent, MessageEvent, Worker, WorkerOptions, WorkerType};

use super::{
    address, offline,
    replies::cloud,
    state::{State, Work},
};
use crate::{
    protocol::{Points, ScanInfo, Source},
    reader::{LookReply, LookRequest},
    view::cloud::Cloud,
};

/// Name of the file with which the reader starts.
const READER: &str = "reader_loader.js";

/// The part of a scan that is on screen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FirstLook {
    /// If `true`, its points have colors of their own.
    pub colored: bool,
    /// Where its world lies in the file.
    frame: Frame,
}

impl FirstLook {
    /// How far points move when all of the scan takes the place of its part, metres; `None` if they are
    /// turned or scaled.
    pub fn moved(&self, scan: &ScanInfo) -> Option<[f32; 3]> {
        let (before, now) = (&self.frame, scan.frame());
        let is_as_before = before.up == now.up && before.metres_per_unit == now.metres_per_unit;
        is_as_before.then(|| now.world_from_file(before.offset).map(|v| v as f32))
    }
}

/// The reader, from the start of the page until the worker listens.
pub struct Reader {
    worker: Worker,
    /// What it is asked once it listens, or if `listens` what it is doing.
    asked: Option<LookRequest>,
    listens: bool,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut(ErrorEvent)>,
}

/// Where the page keeps its reader.
pub type Slot = StoredValue<Rc<RefCell<Option<Reader>>>, LocalStorage>;

/// Starts the reader. The worker may start once it listens, or is of no use.
pub fn start_reader(state: State) {
    let started = started(state);
    let is_started = started.is_ok();
    *state.reader.get_value().borrow_mut() = started.ok();
    if !is_started {
        release(state);
    }
}

fn started(state: State) -> Result<Reader, JsValue> {
    let options = WorkerOptions::new();
    options.set_type(WorkerType::Module);
    let worker = Worker::new_with_options(&offline::of_this_version(READER), &options)?;
    let on_message =
        Closure::new(move |event: MessageEvent| {
            match serde_wasm_bindgen::from_value(event.data()) {
                Ok(LookReply::Listening) => listening(state),
                Ok(LookReply::Part { serial, points }) => part(state, serial, points),
                Ok(LookReply::Failed(message)) => failed(state, &message),
                Err(error) => failed(state, &error.to_string()),
            }
        });
    let on_error = Closure::new(move |event: ErrorEvent| {
        event.prevent_default();
        failed(state, &event.message());
    });
    worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
    Ok(Reader {
        worker,
        asked: None,
        listens: false,
        _on_message: on_message,
        _on_error: on_error,
    })
}

/// Asks the reader for a first look at what is opened, if there is a reader, and it is one file. Returns
/// `true` if the reader was asked.
pub fn ask_reader(state: State, source: &Source, choices: Choices) -> bool {
    let Source::File { name, blob } = source else {
        return false;
    };
    let reader = state.reader.get_value();
    let mut reader = reader.borrow_mut();
    let Some(reader) = reader.as_mut() else {
        return false;
    };
    let look = LookRequest {
        serial: state.requests.get_value(),
        name: name.clone(),
        blob: blob.clone(),
        choices,
    };
    let is_sent = !reader.listens || reader.send(&look).is_ok();
    reader.asked = is_sent.then_some(look);
    is_sent
}

/// Ends the reader, because the worker listens, unless it is at work.
pub fn leave_reader(state: State) {
    let link = state.link.get_value().borrow().clone();
    let reader = state.reader.get_value();
    let mut reader = reader.borrow_mut();
    let is_idle = reader.as_ref().is_some_and(|it| it.asked.is_none());
    if is_idle && link.is_some_and(|link| link.listens()) {
        *reader = None;
    }
}

impl Reader {
    fn send(&self, look: &LookRequest) -> Result<(), JsValue> {
        let message = look.serialize(&serde_wasm_bindgen::Serializer::new())?;
        (self.worker).post_message_with_transfer(&message, &Array::new())
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.worker.set_onmessage(None);
        self.worker.set_onerror(None);
        self.worker.terminate();
    }
}

fn listening(state: State) {
    if let Some(reader) = state.reader.get_value().borrow_mut().as_mut() {
        reader.listens = true;
        let sent = reader.asked.as_ref().map(|look| reader.send(look));
        if let Some(Err(_)) = sent {
            reader.asked = None;
        }
    }
    release(state);
}

fn part(state: State, serial: u32, points: Option<Points>) {
    if let Some(reader) = state.reader.get_value().borrow_mut().as_mut() {
        reader.asked.take_if(|asked| asked.serial == serial);
    }
    if let Some(points) = points.filter(|_| serial == state.requests.get_value()) {
        show(state, points);
    }
    leave_reader(state);
}

/// Without the reader, the page is as it is later: the worker has the first look.
fn failed(state: State, message: &str) {
    web_sys::console::warn_2(&"no first look:".into(), &message.into());
    *state.reader.get_value().borrow_mut() = None;
    release(state);
}

fn release(state: State) {
    let link = state.link.get_value().borrow().clone();
    if let Some(link) = link {
        link.release();
    }
}

/// Shows a part of the points, unless a scan is on screen, which stays until all are there.
pub fn show(state: State, points: Points) {
    if state.scan.with_untracked(Option::is_some) || state.work.get_untracked() != Work::Running {
        return;
    }
    let colored = points.scan.preflight.color.value == Color::Present;
    state.viewer().show(cloud(
        &points.scan,
        &points.positions,
        points.colors.as_ref(),
    ));
    if let Some(camera) = address::arriving_camera(state) {
        state.viewer().steer(|current| *current = camera);
    }
    state.first_look.set(Some(FirstLook {
        colored,
        frame: points.scan.frame(),
    }));
}

/// Takes the part off the screen, because the rest does not come.
pub fn end(state: State) {
    if state.first_look.get_untracked().is_some() {
        state.first_look.set(None);
        state.viewer().show(Cloud::default());
    }
}
