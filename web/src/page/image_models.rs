//! The state of the list of 2D models, and the connection to the worker that runs them. The worker
//! starts when the list is opened for the first time.

use std::{cell::RefCell, rc::Rc};

use js_sys::Array;
use leptos::prelude::*;
use serde::Serialize;
use wasm_bindgen::prelude::*;
use web_sys::{Blob, ErrorEvent, FileList, MessageEvent, Url, Worker, WorkerOptions, WorkerType};

use super::connection::{not_sent, not_started, unreadable};
use crate::{
    images::protocol::{ChosenFile, ImageAnswer, ImageReply, ImageRequest, ModelInfo, ModelSource},
    page::offline,
    text::{said, said_with},
};

/// Name of the file with which the worker starts.
const WORKER: &str = "images_loader.js";

/// A picture on which a model is tried.
#[derive(Clone)]
pub struct Sample {
    file: ChosenFile,
    /// Address of the picture in the page.
    pub url: String,
}

/// A worker, and what it is told once it listens.
struct Running {
    worker: Worker,
    waiting: Option<Vec<ImageRequest>>,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut(ErrorEvent)>,
}

/// The state of the list of 2D models.
#[derive(Clone, Copy)]
pub struct ImageModels {
    /// If `true`, the list is open.
    pub open: RwSignal<bool>,
    /// The models that the browser keeps.
    pub models: RwSignal<Vec<ModelInfo>>,
    /// The model that may be added.
    pub offer: RwSignal<Option<ModelInfo>>,
    /// What the worker is doing.
    pub busy: RwSignal<Option<String>>,
    /// The current error message.
    pub error: RwSignal<Option<String>>,
    /// Id of the loaded model.
    pub loaded: RwSignal<Option<String>>,
    /// What the runtime computes otherwise than the files of the loaded model say.
    pub remarks: RwSignal<Vec<String>>,
    /// The picture on which the loaded model is tried.
    pub sample: RwSignal<Option<Sample>, LocalStorage>,
    /// What the loaded model says about the picture, and after how many milliseconds.
    pub seen: RwSignal<Option<(ImageAnswer, f64)>, LocalStorage>,
    /// If `true`, the worker has the picture.
    sent: StoredValue<bool>,
    running: StoredValue<Rc<RefCell<Option<Running>>>, LocalStorage>,
}

impl ImageModels {
    /// The state of a new page.
    pub fn new() -> Self {
        Self {
            open: RwSignal::new(false),
            models: RwSignal::new(vec![]),
            offer: RwSignal::new(None),
            busy: RwSignal::new(None),
            error: RwSignal::new(None),
            loaded: RwSignal::new(None),
            remarks: RwSignal::new(vec![]),
            sample: RwSignal::new_local(None),
            seen: RwSignal::new_local(None),
            sent: StoredValue::new(false),
            running: StoredValue::new_local(Rc::default()),
        }
    }

    /// The state that [`crate::page::App`] provides.
    pub fn expect() -> Self {
        expect_context()
    }

    /// Opens the list.
    pub fn show(self) {
        self.open.set(true);
        if self.running.get_value().borrow().is_none() {
            self.ask(said("Reading the list …").to_owned(), ImageRequest::List);
        }
    }

    /// Reads the manifest among files that the user chose.
    pub fn inspect_files(self, files: Option<FileList>) {
        let files = chosen(files);
        if !files.is_empty() {
            let request = ImageRequest::Inspect(ModelSource::Files(files));
            self.ask(said("Reading the manifest …").to_owned(), request);
        }
    }

    /// Reads the manifest at an address.
    pub fn inspect_url(self, url: String) {
        let request = ImageRequest::Inspect(ModelSource::Url(url));
        self.ask(said("Fetching the manifest …").to_owned(), request);
    }

    /// Adds the model that is offered.
    pub fn add(self) {
        if let Some(offer) = self.offer.get_untracked() {
            self.forget_answers();
            let what = said_with("Adding {name} …", &[("name", &offer.name)]);
            self.ask(what, ImageRequest::Add);
        }
    }

    /// Deletes a model.
    pub fn delete(self, model: &ModelInfo) {
        let id = model.id.clone();
        let what = said_with("Deleting {name} …", &[("name", &model.name)]);
        self.ask(what, ImageRequest::Delete { id });
    }

    /// Loads a model.
    pub fn load(self, model: &ModelInfo) {
        self.forget_answers();
        let id = model.id.clone();
        let what = said_with("Loading {name} …", &[("name", &model.name)]);
        self.ask(what, ImageRequest::Load { id });
    }

    /// Chooses the picture on which models are tried.
    pub fn choose_sample(self, files: Option<FileList>) {
        let Some(file) = chosen(files).into_iter().next() else {
            return;
        };
        if let Some(old) = self.sample.get_untracked() {
            drop(Url::revoke_object_url(&old.url));
        }
        match Url::create_object_url_with_blob(&file.blob) {
            Ok(url) => {
                self.seen.set(None);
                self.sent.set_value(false);
                self.sample.set(Some(Sample { file, url }));
            }
            Err(_) => self.error.set(Some(said_with(
                "the browser could not read {name}",
                &[("name", &file.name)],
            ))),
        }
    }

    /// Asks the loaded model about a place in the picture, fractions of width and height.
    pub fn run(self, at: [f32; 2]) {
        let Some(sample) = self.sample.get_untracked() else {
            return;
        };
        if self.busy.get_untracked().is_some() {
            return;
        }
        let picture = (!self.sent.get_value()).then_some(sample.file);
        self.sent.set_value(true);
        self.ask(
            said("Looking …").to_owned(),
            ImageRequest::Run { picture, at },
        );
    }

    fn forget_answers(self) {
        self.loaded.set(None);
        self.seen.set(None);
        // a worker that was ended does not have it any more
        self.sent.set_value(false);
    }

    /// Sends a request; the worker is started if there is none.
    fn ask(self, what: String, request: ImageRequest) {
        self.error.set(None);
        self.busy.set(Some(what));
        let slot = self.running.get_value();
        let mut running = slot.borrow_mut();
        if running.is_none() {
            match self.start() {
                Ok(started) => *running = Some(started),
                Err(error) => return self.fail(not_started(&error)),
            }
        }
        let Some(running) = running.as_mut() else {
            return;
        };
        if let Some(waiting) = &mut running.waiting {
            waiting.push(request);
        } else if let Err(error) = post(&running.worker, &request) {
            self.fail(not_sent(&error));
        }
    }

    fn start(self) -> Result<Running, JsValue> {
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        let worker = Worker::new_with_options(&offline::of_this_version(WORKER), &options)?;
        let on_message = Closure::new(move |event: MessageEvent| {
            match serde_wasm_bindgen::from_value(event.data()) {
                Ok(reply) => self.hear(reply),
                Err(error) => self.fail(unreadable(&error)),
            }
        });
        let on_error = Closure::new(move |event: ErrorEvent| {
            event.prevent_default();
            self.died(&event.message());
        });
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        Ok(Running {
            worker,
            waiting: Some(vec![]),
            _on_message: on_message,
            _on_error: on_error,
        })
    }

    fn hear(self, reply: ImageReply) {
        match reply {
            ImageReply::Listening => self.listening(),
            ImageReply::Models(models) => {
                let gone = |id: &String| models.iter().all(|model| model.id != *id);
                if self.loaded.get_untracked().as_ref().is_some_and(gone) {
                    self.forget_answers();
                }
                self.models.set(models);
                self.busy.set(None);
            }
            ImageReply::Offer(offer) => {
                self.offer.set(Some(offer));
                self.busy.set(None);
            }
            ImageReply::Progress { file, bytes } => {
                let size = format!("{:.1}", bytes / 1e6);
                self.busy.set(Some(said_with(
                    "Fetching {file}: {size} MB …",
                    &[("file", &file), ("size", &size)],
                )));
            }
            ImageReply::Loaded { id, remarks } => {
                self.offer.set(None);
                self.remarks.set(remarks);
                self.loaded.set(Some(id));
                self.busy.set(None);
            }
            ImageReply::Answer { answer, ms } => {
                self.seen.set(Some((answer, ms)));
                self.busy.set(None);
            }
            ImageReply::Failed { message } => self.fail(message),
            ImageReply::Panicked { message } => self.died(&message),
        }
    }

    fn listening(self) {
        let slot = self.running.get_value();
        let mut running = slot.borrow_mut();
        let Some(running) = running.as_mut() else {
            return;
        };
        for request in running.waiting.take().into_iter().flatten() {
            if let Err(error) = post(&running.worker, &request) {
                self.fail(not_sent(&error));
            }
        }
    }

    fn fail(self, message: String) {
        self.busy.set(None);
        self.offer.set(None);
        self.sent.set_value(false);
        self.error.set(Some(message));
    }

    /// Ends a worker that a model broke. The next request starts another one.
    fn died(self, message: &str) {
        if let Some(running) = self.running.get_value().borrow_mut().take() {
            running.worker.set_onmessage(None);
            running.worker.set_onerror(None);
            running.worker.terminate();
            // the closure that runs now must not be dropped before it returns
            crate::browser::after(0, move || drop(running));
        }
        self.forget_answers();
        self.fail(said_with(
            "the model broke its runtime, which was ended: {problem}",
            &[("problem", &message)],
        ));
    }
}

impl Default for ImageModels {
    fn default() -> Self {
        Self::new()
    }
}

/// The files of a file input.
fn chosen(files: Option<FileList>) -> Vec<ChosenFile> {
    let files = files.into_iter();
    let files = files.flat_map(|files| (0..files.length()).filter_map(move |i| files.get(i)));
    files
        .map(|file| ChosenFile {
            name: file.name(),
            blob: Blob::from(file),
        })
        .collect()
}

fn post(worker: &Worker, request: &ImageRequest) -> Result<(), JsValue> {
    let message = request.serialize(&serde_wasm_bindgen::Serializer::new())?;
    worker.post_message_with_transfer(&message, &Array::new())
}
