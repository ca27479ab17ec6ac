//! A language model of the user's own, for questions that the grammar does not read: an endpoint with
//! OpenAI's interface. Nothing is sent unless the user sets one up, sees what would be sent, and
//! agrees. It gets the question and a list of the things on screen, no points and no pictures.

use js_sys::{Array, Reflect};
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{AbortController, Headers, RequestInit, Response, Url};

use super::{actions, state::State};
use crate::{
    browser,
    protocol::{Related, Request},
    streamed::{StreamError, streamed},
    text::said_with,
};

mod words;

pub use words::Inquiry;

/// Time limit of an answer, milliseconds.
const WAIT_MS: i32 = 60_000;
/// Maximum number of bytes of an answer.
const MAX_ANSWER: u64 = 1 << 20;

/// Where the model is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Address of the endpoint, such as `https://api.example.com/v1`.
    pub url: String,
    /// Name of the model.
    pub model: String,
    /// The key, which may be empty. It is in the memory of this page and nowhere else.
    pub key: String,
}

/// The state of the endpoint.
#[derive(Clone, Copy)]
pub struct Endpoint {
    /// If `true`, the settings are open.
    pub open: RwSignal<bool>,
    /// The settings; `None` if nothing is ever sent.
    pub settings: RwSignal<Option<Settings>>,
    /// If `true`, the user agreed to send questions there.
    pub agreed: RwSignal<bool>,
    /// The question that waits for consent.
    pub waiting: RwSignal<Option<Inquiry>>,
    /// The current error message.
    pub error: RwSignal<Option<String>>,
    /// Ends the wait for an answer; `None` if none is due.
    due: RwSignal<Option<AbortController>, LocalStorage>,
}

/// The reason why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// The address is not one that may be asked.
    #[error("{}", said_with(
        "the address {address} cannot be asked: it must begin with https://, or with http://localhost or http://127.0.0.1, and have no @ in its host",
        &[("address", .0)],
    ))]
    Address(String),
    /// Nobody answered.
    #[error("{}", said_with(
        "{address} did not answer, or does not allow pages of other origins to ask it; the browser's console says which",
        &[("address", .0)],
    ))]
    NoAnswer(String),
    /// It took too long, or the user did not want to wait.
    #[error("{}", said_with(
        "the waiting ended without an answer; it ends by itself after {seconds} s",
        &[("seconds", &(WAIT_MS / 1000))],
    ))]
    TooLate,
    /// The answer is too long.
    #[error("{}", said_with("the answer has more than {bytes} bytes", &[("bytes", &MAX_ANSWER)]))]
    TooLong,
    /// The endpoint refused.
    #[error("{}", said_with("the endpoint refused with status {status}: {words}", &[("status", .status), ("words", .words)]))]
    Refused {
        /// HTTP status.
        status: u16,
        /// The start of what it said.
        words: String,
    },
    /// The answer is not one of the interface.
    #[error("{}", said_with("the answer is not what the interface says: {problem}", &[("problem", .0)]))]
    Answer(String),
    /// The model wrote something else than it was told to.
    #[error("{}", said_with("the model did not answer with a list of numbers: {answer}", &[("answer", .0)]))]
    Model(String),
    /// The model names things that do not exist.
    #[error("{}", said_with("the model names thing {number}, which is not in the list that it got", &[("number", .0)]))]
    Unlisted(u64),
}

impl Settings {
    /// The address that questions go to.
    ///
    /// # Errors
    /// [`EndpointError::Address`].
    pub fn address(&self) -> Result<String, EndpointError> {
        const COMPLETIONS: &str = "/chat/completions";
        let refused = || EndpointError::Address(self.url.trim().to_owned());
        let url = Url::new(self.url.trim()).map_err(|_| refused())?;
        let is_near = ["localhost", "127.0.0.1"].contains(&url.hostname().as_str());
        let is_allowed = match url.protocol().as_str() {
            "https:" => true,
            "http:" => is_near,
            _ => false,
        };
        // What is before an @ looks like a host and is not: http://localhost:80@example.com.
        let has_user = !(url.username().is_empty() && url.password().is_empty());
        if !is_allowed || has_user {
            return Err(refused());
        }
        let path = url.pathname();
        let path = path.trim_end_matches('/');
        url.set_pathname(&match path.ends_with(COMPLETIONS) {
            true => path.to_owned(),
            false => format!("{path}{COMPLETIONS}"),
        });
        url.set_hash("");
        Ok(url.href())
    }
}

impl Endpoint {
    /// No endpoint.
    pub fn new() -> Self {
        Self {
            open: RwSignal::new(false),
            settings: RwSignal::new(None),
            agreed: RwSignal::new(false),
            waiting: RwSignal::new(None),
            error: RwSignal::new(None),
            due: RwSignal::new_local(None),
        }
    }

    /// `true` if an answer is due.
    pub fn is_due(self) -> bool {
        self.due.with(Option::is_some)
    }

    /// Uses these settings from now on. The user has to agree again.
    pub fn set(self, settings: Option<Settings>) {
        self.forget();
        self.agreed.set(false);
        self.settings.set(settings);
    }

    /// Asks the question of the prompt, after the user saw what is sent and agreed.
    pub fn ask(self, state: State) {
        if self.settings.with_untracked(Option::is_none) {
            return self.open.set(true);
        }
        self.forget();
        let (question, rows) = (state.prompt.read_untracked(), state.rows.read_untracked());
        let instances = state.instances.read_untracked();
        let inquiry = Inquiry::new(question.trim(), &rows, &instances);
        match self.agreed.get_untracked() {
            true => self.send(state, inquiry),
            false => self.waiting.set(Some(inquiry)),
        }
    }

    /// Sends what waits for consent.
    pub fn agree(self, state: State) {
        if let Some(inquiry) = self.waiting.get_untracked() {
            self.waiting.set(None);
            self.agreed.set(true);
            self.send(state, inquiry);
        }
    }

    /// Waits no longer, and says so.
    pub fn stop(self) {
        self.due.with_untracked(|due| {
            if let Some(due) = due {
                due.abort();
            }
        });
    }

    /// Forgets the last question with its answer, which may be due, because there is another prompt
    /// or another scene.
    pub fn forget(self) {
        self.stop();
        self.due.set(None);
        self.waiting.set(None);
        self.error.set(None);
    }

    fn send(self, state: State, inquiry: Inquiry) {
        let (Some(settings), Ok(abort)) = (self.settings.get_untracked(), AbortController::new())
        else {
            return;
        };
        self.due.set(Some(abort.clone()));
        let late = abort.clone();
        browser::after(WAIT_MS, move || late.abort());
        spawn_local(async move {
            let answer = fetched(&settings, &inquiry.body(&settings.model), &abort).await;
            // The question may be forgotten by now.
            if self.due.with_untracked(|due| due.as_ref() != Some(&abort)) {
                return;
            }
            self.due.set(None);
            match answer.and_then(|answer| inquiry.chosen(&answer)) {
                Ok((found, why)) => apply(state, settings.model, found, why),
                Err(error) => self.error.set(Some(error.to_string())),
            }
        });
    }
}

impl Default for Endpoint {
    fn default() -> Self {
        Self::new()
    }
}

/// Shows what the model found.
fn apply(state: State, model: String, found: Vec<u32>, why: String) {
    state.answer.update(|answer| {
        if let Some(answer) = answer {
            answer.related = Some(Related {
                found: found.clone(),
                steps: (!why.is_empty()).then_some(why).into_iter().collect(),
                emptied_by: None,
                refused: None,
                by: Some(model),
            });
        }
    });
    state.looks_at_answer.set_value(true);
    actions::highlight(state, &found);
    actions::send(state, Request::Show { found });
}

/// The body of the endpoint's answer.
async fn fetched(
    settings: &Settings,
    body: &str,
    abort: &AbortController,
) -> Result<Vec<u8>, EndpointError> {
    let address = settings.address()?;
    let init = RequestInit::new();
    init.set_method("POST");
    init.set_body(&body.into());
    init.set_signal(Some(&abort.signal()));
    let pair = |name: &str, value: &str| Array::of2(&name.into(), &value.into());
    let headers = Array::of1(&pair("content-type", "application/json"));
    if !settings.key.is_empty() {
        headers.push(&pair("authorization", &format!("Bearer {}", settings.key)));
    }
    let no_answer = || EndpointError::NoAnswer(address.clone());
    let headers = Headers::new_with_str_sequence_sequence(&headers).map_err(|_| no_answer())?;
    init.set_headers(&headers);
    // The key goes to this address alone, and nothing else goes along.
    for (name, value) in [
        ("redirect", "error"),
        ("credentials", "omit"),
        ("referrerPolicy", "no-referrer"),
    ] {
        let set = Reflect::set(&init, &name.into(), &value.into());
        set.map_err(|_| no_answer())?;
    }
    let ended = || match abort.signal().aborted() {
        true => EndpointError::TooLate,
        false => no_answer(),
    };
    let answer = browser::window().fetch_with_str_and_init(&address, &init);
    let answer = JsFuture::from(answer).await.map_err(|_| ended())?;
    let response: Response = answer.unchecked_into();
    let bytes = streamed(&response, MAX_ANSWER, |_, _| ()).await;
    let bytes = bytes.map_err(|error| match error {
        StreamError::TooLarge(_) => EndpointError::TooLong,
        StreamError::Broken => ended(),
    })?;
    match response.ok() {
        true => Ok(bytes),
        false => Err(EndpointError::Refused {
            status: response.status(),
            words: words::refusal(&bytes),
        }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    #[wasm_bindgen_test]
    fn questions_go_to_safe_addresses_alone() {
        let address = |url: &str| {
            let settings = Settings {
                url: url.to_owned(),
                ..Settings::default()
            };
            settings.address()
        };
        for (url, expected) in [
            (
                "https://api.example.com/v1/",
                "https://api.example.com/v1/chat/completions",
            ),
            (
                "https://example.com?version=2#top",
                "https://example.com/chat/completions?version=2",
            ),
            (
                "http://localhost:8080/v1",
                "http://localhost:8080/v1/chat/completions",
            ),
            (
                " http://127.0.0.1/chat/completions ",
                "http://127.0.0.1/chat/completions",
            ),
        ] {
            assert_eq!(address(url).unwrap(), expected);
        }
        for url in [
            "",
            "https://",
            "http://example.com/v1",
            "http://localhost.example.com",
            "http://127.0.0.10@example.com",
            "http://localhost:80@example.com/v1",
            "https://user:secret@example.com/v1",
            "javascript:alert(1)",
            "ftp://localhost/v1",
            "localhost:11434/v1",
        ] {
            let refused = address(url).unwrap_err();
            assert_eq!(refused, EndpointError::Address(url.to_owned()));
        }
    }
}
