//! A language model of the user's own, for questions that the grammar does not read: an endpoint with
//! OpenAI's interface. Nothing is sent unless the user sets one up, sees what would be sent, and
//! agrees. It gets the question and a list of the things on screen, no points and no pictures.

use std::{cell::RefCell, rc::Rc};

use js_sys::{Array, Reflect};
use leptos::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{AbortController, Headers, RequestInit, Response};

use super::{actions, listing::Row, state::State};
use crate::{
    browser,
    protocol::{InstanceInfo, Related, Request},
    streamed::{StreamError, streamed},
};

/// Time limit of an answer, milliseconds.
const WAIT_MS: i32 = 60_000;
/// Maximum number of bytes of an answer.
const MAX_ANSWER: u64 = 1 << 20;
/// Maximum number of things that are listed; of more, the largest.
const MAX_THINGS: usize = 400;
/// Number of characters of an answer that an error shows.
const SHOWN: usize = 200;
/// What the model is told.
const TASK: &str = "You answer questions about the things in a room from a list of them. \
    Each line is: number; name; size in metres along x, y, z; middle in metres x, y, z; z is up. \
    Answer with JSON alone: {\"numbers\": [numbers of the things that answer the question], \
    \"why\": \"one sentence\"}. If no thing does, the list is empty.";

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

/// A question that waits for the user's consent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// What would be sent.
    pub body: String,
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
    pub waiting: RwSignal<Option<Waiting>>,
    /// If `true`, an answer is due.
    pub busy: RwSignal<bool>,
    /// The current error message.
    pub error: RwSignal<Option<String>>,
    abort: StoredValue<Rc<RefCell<Option<AbortController>>>, LocalStorage>,
}

/// The reason why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// The address is not one that may be asked.
    #[error(
        "the address {0} cannot be asked: it must begin with https://, or with http://localhost or http://127.0.0.1, and have no @ in its host"
    )]
    Address(String),
    /// Nobody answered.
    #[error(
        "{0} did not answer, or does not allow pages of other origins to ask it; the browser's console says which"
    )]
    NoAnswer(String),
    /// It took too long, or the user did not want to wait.
    #[error("the waiting ended without an answer; it ends by itself after {} s", WAIT_MS / 1000)]
    TooLate,
    /// The answer is too long.
    #[error("the answer has more than {MAX_ANSWER} bytes")]
    TooLong,
    /// The endpoint refused.
    #[error("the endpoint refused with status {status}: {words}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// The start of what it said.
        words: String,
    },
    /// The answer is not one of the interface.
    #[error("the answer is not what the interface says: {0}")]
    Answer(String),
    /// The model wrote something else than it was told to.
    #[error("the model did not answer with a list of numbers: {0}")]
    Model(String),
    /// The model names things that do not exist.
    #[error("the model names thing {0}, which is not in the list that it got")]
    Unlisted(u64),
}

/// The choices of an answer.
#[derive(Deserialize)]
struct Completion {
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    message: Message,
}

#[derive(Deserialize)]
struct Message {
    content: String,
}

/// What the model is told to write.
#[derive(Deserialize)]
struct Chosen {
    numbers: Vec<u64>,
    #[serde(default)]
    why: String,
}

impl Settings {
    /// The address that questions go to.
    ///
    /// # Errors
    /// [`EndpointError::Address`].
    pub fn address(&self) -> Result<String, EndpointError> {
        const COMPLETIONS: &str = "/chat/completions";
        let url = self.url.trim().trim_end_matches('/');
        let is_near = |host: &str| {
            let rest = url.strip_prefix(host);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']))
        };
        let is_allowed = url
            .strip_prefix("https://")
            .is_some_and(|rest| !rest.is_empty())
            || is_near("http://localhost")
            || is_near("http://127.0.0.1");
        // What is before an @ looks like a host and is not: http://localhost:80@example.com.
        let host = url.split("://").nth(1).unwrap_or_default();
        let host = host.split(['/', '\\', '?', '#']).next();
        let has_user = host.is_some_and(|host| host.contains('@'));
        if !is_allowed || has_user {
            return Err(EndpointError::Address(url.to_owned()));
        }
        Ok(match url.ends_with(COMPLETIONS) {
            true => url.to_owned(),
            false => format!("{url}{COMPLETIONS}"),
        })
    }
}

/// The line of the list for each thing.
fn lines(rows: &[Row], instances: &[InstanceInfo]) -> Vec<String> {
    let mut rows: Vec<&Row> = rows.iter().collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.points));
    rows.truncate(MAX_THINGS);
    rows.sort_by_key(|row| row.id);
    let line = |row: &&Row| {
        let bounds = instances.get(row.id as usize)?.bounds;
        let middle = |axis: usize| (bounds.min[axis] + bounds.max[axis]) / 2.0;
        let metres = |values: [f32; 3]| values.map(|value| format!("{value:.2}")).join(" ");
        Some(format!(
            "{}; {}; {}; {}",
            row.id + 1,
            row.name.replace([';', '\n', '\r'], " "),
            metres(row.size),
            metres([0, 1, 2].map(middle))
        ))
    };
    rows.iter().filter_map(line).collect()
}

/// What is sent.
pub fn body(model: &str, question: &str, rows: &[Row], instances: &[InstanceInfo]) -> String {
    let lines = lines(rows, instances);
    let listed = match lines.len() < rows.len() {
        true => format!("the {} largest of {}", lines.len(), rows.len()),
        false => lines.len().to_string(),
    };
    let words = format!(
        "Question: {question}\nThings ({listed}):\n{}",
        lines.join("\n")
    );
    let body = json!({
        "model": model,
        "temperature": 0,
        "messages": [
            { "role": "system", "content": TASK },
            { "role": "user", "content": words },
        ],
    });
    format!("{body:#}")
}

/// The instances that an answer names, and why.
///
/// # Errors
/// It is not an answer, or names what is not among `listed`.
pub fn chosen(answer: &[u8], listed: &[u32]) -> Result<(Vec<u32>, String), EndpointError> {
    let completion: Completion =
        serde_json::from_slice(answer).map_err(|error| EndpointError::Answer(error.to_string()))?;
    let choice = completion.choices.into_iter().next();
    let choice = choice.ok_or_else(|| EndpointError::Answer("it has no choices".to_owned()))?;
    let words = choice.message.content;
    // Some models put it between marks of code.
    let inner = words.find('{').zip(words.rfind('}'));
    let inner = inner.and_then(|(start, end)| words.get(start..=end));
    let unreadable = || EndpointError::Model(start_of(&words));
    let chosen: Chosen =
        serde_json::from_str(inner.ok_or_else(unreadable)?).map_err(|_| unreadable())?;
    let mut found = Vec::new();
    for number in chosen.numbers {
        let id = number.checked_sub(1).and_then(|id| u32::try_from(id).ok());
        let id = id.filter(|id| listed.contains(id));
        let id = id.ok_or(EndpointError::Unlisted(number))?;
        if !found.contains(&id) {
            found.push(id);
        }
    }
    Ok((found, start_of(&chosen.why)))
}

fn start_of(words: &str) -> String {
    let start: String = words.chars().take(SHOWN).collect();
    match words.chars().nth(SHOWN) {
        Some(_) => format!("{start} …"),
        None => start,
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
            busy: RwSignal::new(false),
            error: RwSignal::new(None),
            abort: StoredValue::new_local(Rc::default()),
        }
    }

    /// The state that [`crate::page::app::App`] provides.
    pub fn expect() -> Self {
        expect_context()
    }

    /// Uses these settings from now on. The user has to agree again.
    pub fn set(self, settings: Option<Settings>) {
        self.stop();
        self.agreed.set(false);
        self.error.set(None);
        self.settings.set(settings);
    }

    /// Asks the question of the prompt, after the user saw what is sent and agreed.
    pub fn ask(self, state: State) {
        let Some(settings) = self.settings.get_untracked() else {
            return self.open.set(true);
        };
        self.error.set(None);
        let question = state.prompt.get_untracked();
        let rows = state.rows.get_untracked();
        let body = state
            .instances
            .with_untracked(|instances| body(&settings.model, question.trim(), &rows, instances));
        match self.agreed.get_untracked() {
            true => self.send(state, body),
            false => self.waiting.set(Some(Waiting { body })),
        }
    }

    /// Sends what waits for consent.
    pub fn agree(self, state: State) {
        if let Some(Waiting { body }) = self.waiting.get_untracked() {
            self.waiting.set(None);
            self.agreed.set(true);
            self.send(state, body);
        }
    }

    /// Waits no longer.
    pub fn stop(self) {
        if let Some(abort) = self.abort.get_value().borrow_mut().take() {
            abort.abort();
        }
    }

    fn send(self, state: State, body: String) {
        let Some(settings) = self.settings.get_untracked() else {
            return;
        };
        let Ok(abort) = AbortController::new() else {
            return;
        };
        self.stop();
        *self.abort.get_value().borrow_mut() = Some(abort.clone());
        self.busy.set(true);
        let serial = state.asked.get_value();
        let listed: Vec<u32> = state
            .rows
            .with_untracked(|rows| rows.iter().map(|row| row.id).collect());
        let late = abort.clone();
        browser::after(WAIT_MS, move || late.abort());
        spawn_local(async move {
            let answer = fetched(&settings, &body, &abort).await;
            self.busy.set(false);
            let chosen = answer.and_then(|answer| chosen(&answer, &listed));
            // Another prompt was asked meanwhile.
            if state.asked.get_value() != serial {
                return;
            }
            match chosen {
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
            words: refusal(&bytes),
        }),
    }
}

/// What an endpoint says of its refusal.
fn refusal(bytes: &[u8]) -> String {
    let words = String::from_utf8_lossy(bytes);
    let parsed: Option<Value> = serde_json::from_slice(bytes).ok();
    let message = parsed
        .as_ref()
        .and_then(|value| value["error"]["message"].as_str());
    start_of(message.unwrap_or(&words))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use segscape::geometry::Aabb;
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    fn answer(content: &str) -> Vec<u8> {
        json!({ "choices": [{ "message": { "role": "assistant", "content": content } }] })
            .to_string()
            .into_bytes()
    }

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
        ] {
            assert!(address(url).is_err(), "{url}");
        }
    }

    #[wasm_bindgen_test]
    fn an_answer_names_things_of_the_list() {
        let found = |content: &str| chosen(&answer(content), &[0, 4, 7]);
        let plain = found(r#"{"numbers": [5, 1, 5], "why": "both"}"#).unwrap();
        assert_eq!(plain, (vec![4, 0], "both".to_owned()));
        let fenced = found("```json\n{\"numbers\": []}\n```").unwrap();
        assert_eq!(fenced, (vec![], String::new()));
        for unlisted in [0, 2, u64::MAX] {
            let content = format!("{{\"numbers\": [{unlisted}]}}");
            assert_eq!(found(&content), Err(EndpointError::Unlisted(unlisted)));
        }
        for other in [
            "no idea",
            "{}",
            "}{",
            "{\"numbers\": \"5\"}",
            "{\"numbers\": [-1]}",
        ] {
            assert!(
                matches!(found(other), Err(EndpointError::Model(_))),
                "{other}"
            );
        }
        for other in ["", "[]", "{\"choices\": []}", "{\"choices\": [{}]}"] {
            let refused = chosen(other.as_bytes(), &[0]);
            assert!(matches!(refused, Err(EndpointError::Answer(_))), "{other}");
        }
    }

    #[wasm_bindgen_test]
    fn what_is_sent_is_a_list_of_things() {
        let row = |id: u32, points| Row {
            id,
            name: format!("thing;\n{id}"),
            term: None,
            confidence: 1.0,
            points,
            size: [1.0, 2.0, 0.5],
            color: [0; 3],
            shown: true,
        };
        let rows: Vec<Row> = (0..MAX_THINGS as u32 + 2).map(|id| row(id, id)).collect();
        let instance = InstanceInfo {
            score: 1.0,
            points: 1,
            bounds: Aabb {
                min: [0.0; 3],
                max: [1.0, 2.0, 0.5],
            },
            superpoints: Vec::new(),
        };
        let instances = vec![instance; rows.len()];
        let sent: Value =
            serde_json::from_str(&body("m", "What is high?", &rows, &instances)).unwrap();
        let words = sent["messages"][1]["content"].as_str().unwrap();
        let mut lines = words.lines();
        assert_eq!(lines.next(), Some("Question: What is high?"));
        assert_eq!(lines.next(), Some("Things (the 400 largest of 402):"));
        assert_eq!(
            lines.next(),
            Some("3; thing  2; 1.00 2.00 0.50; 0.50 1.00 0.25")
        );
        assert_eq!(lines.count(), MAX_THINGS - 1);
    }
}
