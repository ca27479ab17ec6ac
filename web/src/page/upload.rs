//! A scene on its way to the share server, in parts: what the server has stays there while the
//! connection is lost or the server is busy, and the upload goes on at the first part that is missing.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use js_sys::{ArrayBuffer, Promise, Uint8Array};
use leptos::prelude::*;
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::Blob;

use super::{
    editing,
    exchange::{Body, Exchange, Message, ShareError, ask},
    share::{self, Expiry, Shared},
    state::State,
};
use crate::{
    browser,
    edits::Edits,
    protocol::{Contents, UNNAMED},
    text::{said, said_with},
};

/// Number of tries in a row that get nowhere, after which the user is asked.
const TRIES: u32 = 6;
/// Longest time until the next try, seconds; who would have to wait longer is asked.
const LONGEST_WAIT: u32 = 120;

/// What is to be sent, and to which link.
pub struct UploadOrder {
    /// The bundle.
    pub bundle: ArrayBuffer,
    /// The user's changes that are in it.
    pub edits: Edits,
    /// The preview picture, if the browser gives it away.
    pub picture: Option<Blob>,
    /// The link that shall lead to it; `None` for a new one.
    pub replaces: Option<Shared>,
    /// For how long the link works from now on; `None` if it expires when it would have anyway.
    pub expiry: Option<Expiry>,
    /// What the scan is called on this machine.
    pub name: String,
    /// What the bundle has beside the things; the link has the name as its title if the bundle has it.
    pub contents: Contents,
}

/// How far an upload is, for the page.
#[derive(Clone, Debug, PartialEq)]
pub struct Sending {
    /// Number of bytes that were sent.
    pub sent: u64,
    /// Number of all bytes.
    pub of: u64,
    /// What it waits for, if it waits.
    pub pause: Option<Pause>,
}

impl Sending {
    /// The part that was sent, whole percent.
    pub fn percent(&self) -> u64 {
        self.sent * 100 / self.of.max(1)
    }
}

/// Why an upload stands still.
#[derive(Clone, Debug, PartialEq)]
pub struct Pause {
    /// What went wrong, in words.
    pub problem: String,
    /// Time until it goes on by itself, seconds; `None` if the user has to ask for it.
    pub seconds: Option<u32>,
}

/// The scene on its way to the server, if there is one. It goes on while its dialog is closed and other
/// scenes are opened.
#[derive(Clone, Copy)]
pub struct Uploading {
    /// How far it is.
    pub sending: RwSignal<Option<Sending>>,
    upload: StoredValue<Option<Rc<Upload>>, LocalStorage>,
}

impl Default for Uploading {
    fn default() -> Self {
        Self {
            sending: RwSignal::new(None),
            upload: StoredValue::new_local(None),
        }
    }
}

impl Uploading {
    /// `true` if leaving the page would lose it.
    pub fn is_under_way(self) -> bool {
        self.sending.with_untracked(Option::is_some)
    }
}

/// The upload that is under way.
struct Upload {
    order: UploadOrder,
    /// Number of the request to open the scene, by which it is known again.
    scene: u32,
    /// What the server said at the beginning.
    begun: RefCell<Option<Begun>>,
    /// The part that is being sent.
    exchange: RefCell<Option<Exchange>>,
    /// Number of bytes that the server has for sure.
    stored: Cell<u64>,
    /// If `true`, it does not wait any longer.
    hurries: Cell<bool>,
    cancelled: Cell<bool>,
}

/// The server's answer to an announcement.
#[derive(Clone, Deserialize)]
struct Begun {
    upload: String,
    part_bytes: u32,
    parts: u32,
    id: String,
    /// The secret of a new link.
    secret: Option<String>,
}

/// What the server says of an upload that was begun before.
#[derive(Deserialize)]
struct Arrived {
    arrived: Vec<u32>,
}

/// The server's answer to a complete upload.
#[derive(Deserialize)]
struct Published {
    expires: u64,
}

/// Begins to send. At the end the scene has its link, if it is still the one on screen.
pub fn start(state: State, order: UploadOrder) {
    let of = u64::from(order.bundle.byte_length());
    state.uploading.sending.set(Some(Sending {
        sent: 0,
        of,
        pause: None,
    }));
    let upload = Rc::new(Upload {
        order,
        scene: state.requests.get_value(),
        begun: RefCell::default(),
        exchange: RefCell::default(),
        stored: Cell::default(),
        hurries: Cell::default(),
        cancelled: Cell::default(),
    });
    state.uploading.upload.set_value(Some(Rc::clone(&upload)));
    spawn_local(upload.run(state));
}

/// Goes on at once, whether the upload waits or has given up.
pub fn go_on(state: State) {
    let Some(upload) = state.uploading.upload.get_value() else {
        return;
    };
    let pause = state
        .uploading
        .sending
        .with_untracked(|sending| sending.as_ref()?.pause.clone());
    match pause {
        Some(Pause {
            seconds: Some(_), ..
        }) => {
            upload.hurries.set(true);
            upload.pause(state, None);
        }
        Some(_) => spawn_local(upload.run(state)),
        None => {}
    }
}

/// Gives the upload up and deletes on the server what is there of it.
pub fn cancel(state: State) {
    state.uploading.sending.set(None);
    let upload = state
        .uploading
        .upload
        .try_update_value(Option::take)
        .flatten();
    let Some(upload) = upload else {
        return;
    };
    upload.cancelled.set(true);
    if let Some(exchange) = upload.exchange.take() {
        exchange.end();
    }
    upload.discard();
}

impl Upload {
    /// Tries to send everything, as often as it helps.
    async fn run(self: Rc<Self>, state: State) {
        let mut failures = 0;
        loop {
            let before = self.stored.get();
            self.pause(state, None);
            let error = match self.send(state).await {
                Ok(shared) => return self.finish(state, shared),
                Err(_) if self.cancelled.get() => return self.discard(),
                Err(error) => error,
            };
            if self.stored.get() > before {
                failures = 0;
            }
            let Some(seconds) = wait(failures, &error) else {
                self.give_up(state, &error);
                return;
            };
            failures += 1;
            self.hold(state, &error, seconds).await;
            if self.cancelled.get() {
                return;
            }
        }
    }

    /// Sends what the server does not have.
    async fn send(self: &Rc<Self>, state: State) -> Result<Shared, ShareError> {
        let known = self.begun.borrow().clone();
        let (begun, arrived) = match known {
            Some(begun) => self.resume(begun).await?,
            None => (self.begin().await?, Vec::new()),
        };
        let path = format!("/api/uploads/{}", begun.upload);
        let total = self.order.bundle.byte_length();
        let bounds = |number: u32| {
            let from = number.saturating_mul(begun.part_bytes).min(total);
            (from, from.saturating_add(begun.part_bytes).min(total))
        };
        let sizes = arrived.iter().map(|number| bounds(*number));
        let mut sent: u64 = sizes.map(|(from, to)| u64::from(to - from)).sum();
        for number in (0..begun.parts).filter(|number| !arrived.contains(number)) {
            self.store(state, sent);
            let (from, to) = bounds(number);
            let part = Uint8Array::new(&self.order.bundle).subarray(from, to);
            let path = format!("{path}/parts/{number}");
            self.put_part(state, &path, part, sent).await?;
            sent += u64::from(to - from);
        }
        self.store(state, sent);
        if let Some(picture) = &self.order.picture {
            let message = Message {
                body: Body::File(picture),
                ..Message::default()
            };
            // The link works without a picture, too.
            match ask("PUT", &format!("{path}/picture"), message).await {
                Err(error) if error.is_passing() => return Err(error),
                Err(error) => {
                    let words = format!("the link has no picture: {error}");
                    web_sys::console::warn_1(&words.into());
                }
                Ok(_) => {}
            }
        }
        if self.cancelled.get() {
            return Err(ShareError::Cancelled);
        }
        let answer = ask("POST", &format!("{path}/complete"), Message::default()).await?;
        let Published { expires } = read(&answer)?;
        Ok(self.shared(begun, expires))
    }

    /// Announces the bundle.
    async fn begin(&self) -> Result<Begun, ShareError> {
        let UploadOrder {
            bundle,
            replaces,
            expiry,
            name,
            contents,
            ..
        } = &self.order;
        let mut announcement = json!({ "bytes": bundle.byte_length() });
        if contents.named {
            announcement["title"] = name.as_str().into();
        }
        if let Some(expiry) = expiry {
            announcement["days"] = expiry.days().into();
        }
        let mut headers = vec![("content-type", "application/json".to_owned())];
        if let Some(shared) = replaces {
            announcement["replaces"] = shared.id.as_str().into();
            headers.push(shared.authorization());
        }
        let text = announcement.to_string();
        let message = Message {
            headers: &headers,
            body: Body::Text(&text),
        };
        let begun: Begun = read(&ask("POST", "/api/uploads", message).await?)?;
        self.begun.replace(Some(begun.clone()));
        Ok(begun)
    }

    /// Asks which parts the server has. An upload that it gave up begins anew.
    async fn resume(&self, begun: Begun) -> Result<(Begun, Vec<u32>), ShareError> {
        let path = format!("/api/uploads/{}", begun.upload);
        match ask("GET", &path, Message::default()).await {
            Ok(answer) => {
                let Arrived { arrived } = read(&answer)?;
                Ok((begun, arrived))
            }
            Err(ShareError::Refused { status: 404, .. }) => Ok((self.begin().await?, Vec::new())),
            Err(error) => Err(error),
        }
    }

    /// Sends one part, after `before` bytes.
    async fn put_part(
        self: &Rc<Self>,
        state: State,
        path: &str,
        part: Uint8Array,
        before: u64,
    ) -> Result<(), ShareError> {
        let headers = [
            ("content-type", "application/octet-stream".to_owned()),
            ("content-digest", digest(&part)),
        ];
        let message = Message {
            headers: &headers,
            body: Body::Bytes(&part),
        };
        let exchange = Exchange::new("PUT", path)?;
        self.exchange.replace(Some(exchange.clone()));
        if self.cancelled.get() {
            return Err(ShareError::Cancelled);
        }
        let upload = Rc::clone(self);
        let progress = move |bytes: f64| upload.tell(state, before + bytes as u64);
        exchange.send(message, progress).await.map(drop)
    }

    /// The link, once it leads to the scene.
    fn shared(&self, begun: Begun, expires: u64) -> Shared {
        let UploadOrder {
            replaces,
            name,
            contents,
            ..
        } = &self.order;
        let known = || replaces.as_ref().map(|shared| shared.secret.clone());
        // A scene that came from a link may not know what it is called here.
        let before = replaces.as_ref().map(|shared| &shared.name);
        let before = before.filter(|before| name == UNNAMED && !before.is_empty());
        Shared {
            id: begun.id,
            secret: begun.secret.or_else(known).unwrap_or_default(),
            expires: Some(expires),
            name: before.unwrap_or(name).clone(),
            named: contents.named,
            located: contents.located,
            labels_only: contents.labels_only,
        }
    }

    fn finish(&self, state: State, shared: Shared) {
        share::keep(state, shared.clone());
        state.uploading.sending.set(None);
        state.uploading.upload.set_value(None);
        if state.requests.get_value() == self.scene {
            state.saved.set(Some(self.order.edits.clone()));
            state.sent.set(self.order.edits.clone());
            state.shared.set(Some(shared));
        }
        if !state.sharing.get_untracked() {
            let words = match self.order.replaces {
                Some(_) => said("The link is updated"),
                None => said("Shared: the link is in Share"),
            };
            editing::tell(state, words.to_owned(), None);
        }
    }

    /// Waits for a while, or until the user or the network asks to go on.
    async fn hold(&self, state: State, error: &ShareError, seconds: u32) {
        self.hurries.set(false);
        let was_online = browser::window().navigator().on_line();
        for left in (1..=seconds).rev() {
            let problem = error.to_string();
            let seconds = Some(left);
            self.pause(state, Some(Pause { problem, seconds }));
            for _ in 0..10 {
                let is_back = !was_online && browser::window().navigator().on_line();
                if self.cancelled.get() || self.hurries.get() || is_back {
                    return;
                }
                sleep(100).await;
            }
        }
    }

    fn give_up(&self, state: State, error: &ShareError) {
        let problem = error.to_string();
        if !state.sharing.get_untracked() {
            let words = said_with(
                "The scene is not shared: {problem}. Share goes on with it.",
                &[("problem", &problem)],
            );
            state.error.set(Some(words));
        }
        let seconds = None;
        self.pause(state, Some(Pause { problem, seconds }));
    }

    /// Deletes on the server what is there of it.
    fn discard(&self) {
        if let Some(begun) = self.begun.take() {
            spawn_local(async move {
                let path = format!("/api/uploads/{}", begun.upload);
                // What stays is given up by the server after some hours.
                drop(ask("DELETE", &path, Message::default()).await);
            });
        }
    }

    /// Notes that the server has so many bytes.
    fn store(&self, state: State, bytes: u64) {
        self.stored.set(bytes);
        self.tell(state, bytes);
    }

    fn tell(&self, state: State, sent: u64) {
        self.update(state, |sending| sending.sent = sent.min(sending.of));
    }

    fn pause(&self, state: State, pause: Option<Pause>) {
        self.update(state, |sending| sending.pause = pause);
    }

    /// Changes what the page shows, unless the user gave it up.
    fn update(&self, state: State, change: impl FnOnce(&mut Sending)) {
        if !self.cancelled.get() {
            state.uploading.sending.update(|sending| {
                if let Some(sending) = sending {
                    change(sending);
                }
            });
        }
    }
}

/// Time until the next try after so many failures in a row, seconds; `None` if there is none.
fn wait(failures: u32, error: &ShareError) -> Option<u32> {
    if !error.is_passing() || failures + 1 >= TRIES {
        return None;
    }
    let growing = 1 << failures;
    let asked = match error {
        ShareError::Refused { retry_after, .. } => retry_after.unwrap_or(0),
        _ => 0,
    };
    let seconds = asked.max(growing);
    (seconds <= LONGEST_WAIT).then_some(seconds)
}

/// The header that says the SHA-256 of a part (RFC 9530).
fn digest(part: &Uint8Array) -> String {
    let base64 = STANDARD.encode(Sha256::digest(part.to_vec()));
    format!("sha-256=:{base64}:")
}

fn read<'a, T: Deserialize<'a>>(answer: &'a str) -> Result<T, ShareError> {
    serde_json::from_str(answer).map_err(|error| ShareError::Answer(error.to_string()))
}

async fn sleep(ms: i32) {
    let over = Promise::new(&mut |over, _| {
        browser::after(ms, move || drop(over.call0(&JsValue::NULL)));
    });
    // It is never rejected.
    drop(JsFuture::from(over).await);
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    fn busy(retry_after: Option<u32>) -> ShareError {
        ShareError::Refused {
            status: 503,
            words: String::new(),
            retry_after,
        }
    }

    #[wasm_bindgen_test]
    fn waits_grow_and_end() {
        let waits: Vec<_> = (0..9)
            .map_while(|n| wait(n, &ShareError::NoAnswer))
            .collect();
        assert_eq!(waits, [1, 2, 4, 8, 16]);
    }

    #[wasm_bindgen_test]
    fn a_busy_server_is_asked_when_it_says_and_a_refusal_is_final() {
        assert_eq!(wait(0, &busy(Some(7))), Some(7));
        assert_eq!(wait(4, &busy(Some(7))), Some(16), "it was wrong before");
        assert_eq!(wait(0, &busy(None)), Some(1));
        assert_eq!(wait(0, &busy(Some(600))), None);
        assert_eq!(wait(0, &ShareError::NoServer), None);
    }

    #[wasm_bindgen_test]
    fn digests_are_those_of_the_standard() {
        let part = Uint8Array::from(&b"abc"[..]);
        let known = "sha-256=:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=:";
        assert_eq!(digest(&part), known);
    }
}
