//! The assistant: a second worker, which the worker starts and shares the work on a scan with. It
//! runs the same program; this is what the worker knows of it, and [`assisting`] what it does itself.
//!
//! Workers share no memory, so that the work is split by messages. A network that the browser keeps is
//! loaded by the assistant as soon as it starts; another one it fetches, and hands its files over,
//! while the worker computes the superpoints of the first scan. From then on it runs the backbone of a
//! scan, which needs no superpoints, while the worker computes these; then each decodes a part of the
//! queries. Of phrases that are asked for
//! together, each encodes half. An assistant that fails costs time alone: the worker does all of the
//! work then.

pub mod assisting;
mod inbox;
mod messages;

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use segscape::{
    peer::{Message, Peer, PeerError, Received},
    progress::{Progress, Stage},
    text::TextSpace,
};
use serde::Serialize as _;
use wasm_bindgen::prelude::*;
use web_sys::{ErrorEvent, MessageEvent, Worker, WorkerOptions, WorkerType};

use self::{
    inbox::Inbox,
    messages::{FromAssistant, ToAssistant},
};
use super::{models::Offered, post};
use crate::protocol::Reply;

/// The name by which the program knows that it is the assistant.
const NAME: &str = "assistant";

/// Who helps with scans.
#[derive(Default)]
pub enum Help {
    /// Nobody: the page wants no assistant, or it failed.
    #[default]
    Nobody,
    /// An assistant, once it is started with the file at this address.
    At(String),
    /// The assistant.
    There(Assistant),
}

impl Help {
    /// Starts the assistant, unless it is there. The browser may refuse.
    pub fn call(&mut self) {
        if let Self::At(address) = self {
            *self = match Assistant::start(address) {
                Ok(assistant) => Self::There(assistant),
                Err(error) => {
                    complain(&format!("it could not be started: {error:?}"));
                    Self::Nobody
                }
            };
        }
    }

    /// Ends an assistant that works on what nobody needs any more; the next scan gets another one.
    pub fn dismiss(&mut self) {
        if let Self::There(assistant) = self {
            *self = Self::At(std::mem::take(&mut assistant.address));
        }
    }

    /// Ends an assistant that failed. There will not be another one.
    pub fn give_up(&mut self, error: &PeerError) {
        complain(&error.to_string());
        *self = Self::Nobody;
    }
}

fn complain(reason: &str) {
    let complaint = format!("the worker goes on without its assistant: {reason}");
    web_sys::console::warn_1(&complaint.into());
}

/// The second worker. It ends when this is dropped.
pub struct Assistant {
    address: String,
    worker: Worker,
    inbox: Rc<Inbox<FromAssistant>>,
    /// If `true`, it has loaded the network.
    is_loaded: Rc<Cell<bool>>,
    /// If `true`, it was asked to load the network of a scan.
    loads: Cell<bool>,
    /// If `true`, it will hand over the files of the network.
    hands_over: Cell<bool>,
    /// The space of the text encoder that it was asked to load.
    encoder: RefCell<Option<TextSpace>>,
    /// The space of the text encoder that it has loaded.
    reads: Rc<RefCell<Option<TextSpace>>>,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut(ErrorEvent)>,
}

impl Drop for Assistant {
    fn drop(&mut self) {
        self.worker.set_onmessage(None);
        self.worker.set_onerror(None);
        self.worker.terminate();
    }
}

impl Assistant {
    fn start(address: &str) -> Result<Self, JsValue> {
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        options.set_name(NAME);
        let worker = Worker::new_with_options(address, &options)?;
        let inbox = Rc::new(Inbox::default());
        let arrived = Rc::clone(&inbox);
        let reads = Rc::new(RefCell::new(None));
        let is_loaded = Rc::new(Cell::new(false));
        let (reader, loaded) = (Rc::clone(&reads), Rc::clone(&is_loaded));
        let on_message = Closure::new(move |event: MessageEvent| {
            match serde_wasm_bindgen::from_value(event.data()) {
                Ok(FromAssistant::Failed { reason }) => arrived.end(reason),
                Ok(FromAssistant::Reads(space)) => *reader.borrow_mut() = Some(space),
                Ok(FromAssistant::Loaded) => loaded.set(true),
                Ok(message) => arrived.put(message),
                Err(error) => arrived.end(format!("a message could not be read: {error}")),
            }
        });
        let lost = Rc::clone(&inbox);
        let on_error = Closure::new(move |event: ErrorEvent| {
            event.prevent_default();
            // An error of fetching the file has no message.
            let reason = js_sys::Reflect::get(&event, &"message".into());
            let reason = reason.ok().and_then(|reason| reason.as_string());
            lost.end(reason.unwrap_or_else(|| "its program could not be loaded".to_owned()));
        });
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        let assistant = Self {
            address: address.to_owned(),
            worker,
            inbox,
            is_loaded,
            loads: Cell::new(false),
            hands_over: Cell::new(false),
            encoder: RefCell::new(None),
            reads,
            _on_message: on_message,
            _on_error: on_error,
        };
        assistant.worker.post_message(&wasm_bindgen::module())?;
        assistant.post(ToAssistant::LoadKept);
        Ok(assistant)
    }

    /// `true` if the assistant has the network, so that it can do its share.
    pub fn is_loaded(&self) -> bool {
        self.is_loaded.get()
    }

    /// Asks for a network to be loaded, once; it is the only one of a worker. If it `hands_over`, its
    /// [`files`](Self::files) can be waited for.
    pub fn load(&self, offered: &Offered, hands_over: bool) {
        if self.loads.replace(true) {
            return;
        }
        match serde_json::to_string(&offered.manifest) {
            Ok(manifest) => {
                self.hands_over.set(hands_over);
                self.post(ToAssistant::Load {
                    folder: offered.folder.clone(),
                    manifest,
                    hands_over,
                });
            }
            Err(error) => self.inbox.end(error.to_string()),
        }
    }

    /// Waits for the files of the network, in order, and passes on how many of their bytes have come.
    /// `None` if the assistant has handed them over before, or was not asked to.
    ///
    /// # Errors
    /// It is lost.
    pub async fn files(&self) -> Result<Option<Vec<Vec<u8>>>, PeerError> {
        while self.hands_over.get() {
            match self.next().await? {
                FromAssistant::Fetched(files) => {
                    self.hands_over.set(false);
                    return Ok(Some(files.iter().map(|file| file.to_vec()).collect()));
                }
                FromAssistant::Reply(reply) => pass_on(&reply, Stage::Model),
                _ => {}
            }
        }
        Ok(None)
    }

    /// `true` if the assistant can encode phrases in a space.
    pub fn reads(&self, space: &TextSpace) -> bool {
        self.reads.borrow().as_ref() == Some(space)
    }

    /// Asks for the text encoder of a space, whose files the browser keeps, to be loaded.
    pub fn load_encoder(&self, space: &TextSpace) {
        if self.encoder.borrow().as_ref() != Some(space) {
            *self.encoder.borrow_mut() = Some(space.clone());
            self.post(ToAssistant::LoadEncoder(space.clone()));
        }
    }

    /// Asks for the vectors of phrases, which [`embedded`](Self::embedded) waits for.
    pub fn embed(&self, phrases: &[&str]) {
        let phrases = phrases.iter().map(|&phrase| phrase.to_owned()).collect();
        self.post(ToAssistant::Embed(phrases));
    }

    /// Waits for vectors, `(phrases, width)`.
    ///
    /// # Errors
    /// It is lost, or sent something else.
    pub async fn embedded(&self, [phrases, width]: [usize; 2]) -> Result<Vec<Vec<f32>>, PeerError> {
        loop {
            if let FromAssistant::Embedded(vectors) = self.next().await? {
                let vectors: Vec<f32> = vectors.to_vec();
                if vectors.len() != phrases * width {
                    return Err(PeerError::Unexpected {
                        found: format!("{} numbers", vectors.len()),
                        expected: "a vector of each phrase",
                    });
                }
                return Ok(vectors
                    .chunks_exact(width.max(1))
                    .map(<[f32]>::to_vec)
                    .collect());
            }
        }
    }

    async fn next(&self) -> Result<FromAssistant, PeerError> {
        self.inbox.next().await.map_err(PeerError::Lost)
    }

    fn post(&self, message: ToAssistant) {
        let posted = message
            .serialize(&serde_wasm_bindgen::Serializer::new())
            .map_err(JsValue::from)
            .and_then(|value| {
                self.worker
                    .post_message_with_transfer(&value, &message.transfers())
            });
        if let Err(error) = posted {
            self.inbox
                .end(format!("a message could not be sent: {error:?}"));
        }
    }
}

impl Peer for Assistant {
    fn send(&self, message: Message) {
        self.post(ToAssistant::Peer(message.into()));
    }

    fn receive(&self) -> Received<'_> {
        Box::pin(async {
            loop {
                match self.next().await? {
                    FromAssistant::Peer(sent) => return Ok(sent.into()),
                    FromAssistant::Reply(reply) => pass_on(&reply, Stage::Backbone),
                    // The worker has loaded the network before there was an assistant.
                    FromAssistant::Fetched(_) => self.hands_over.set(false),
                    FromAssistant::Loaded
                    | FromAssistant::Reads(_)
                    | FromAssistant::Embedded(_)
                    | FromAssistant::Failed { .. } => {}
                }
            }
        })
    }
}

/// Tells the page how far the assistant is in the stage that the worker waits for. It may have
/// been ahead of the worker.
fn pass_on(reply: &Reply, waited_for: Stage) {
    if let Reply::Progress(Progress { stage, .. }) | Reply::Downloaded { stage, .. } = reply
        && *stage == waited_for
    {
        post(reply);
    }
}
