//! Uploads a scene to the share server and deletes it again, and keeps the links in this browser.

use js_sys::{Array, Uint8Array};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, Headers, RequestInit, Response};

use crate::{
    browser,
    page::state::State,
    protocol::{Bulk, Source},
};

/// Key of the links in the browser's storage.
const KEY: &str = "segscape.links";
/// Maximum number of links that are kept; the oldest are forgotten.
const MOST: usize = 100;

/// The lifetime of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Expiry {
    /// 1 day.
    Day,
    /// 7 days.
    Week,
    /// 90 days.
    #[default]
    Quarter,
}

impl Expiry {
    /// All expiry times, with their names.
    pub const ALL: [(Self, &str); 3] = [
        (Self::Day, "1 day"),
        (Self::Week, "7 days"),
        (Self::Quarter, "90 days"),
    ];

    /// Number of days, as the server expects it.
    fn days(self) -> u32 {
        match self {
            Self::Day => 1,
            Self::Week => 7,
            Self::Quarter => 90,
        }
    }
}

/// A scene on the server that this browser may delete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shared {
    /// The unlisted id.
    pub id: String,
    /// The secret that allows deletion of the scene.
    pub secret: String,
    /// Time of expiry, seconds since 1970; `None` if this browser did not share the scene.
    pub expires: Option<u64>,
    /// What the scan is called on this machine.
    #[serde(default)]
    pub name: String,
}

impl Shared {
    /// The link to send.
    pub fn link(&self) -> String {
        format!("{}/s/{}", browser::origin(), self.id)
    }

    /// The link to keep: whoever has it can delete the scene.
    pub fn manage_link(&self) -> String {
        format!("{}#manage={}", self.link(), self.secret)
    }

    /// HTML that shows the scene in a frame of another page.
    pub fn frame(&self) -> String {
        format!(
            "<iframe src=\"{}/embed/{}\" title=\"A scan in Segscape\" width=\"960\" height=\"600\" style=\"border: 0\" loading=\"lazy\" allowfullscreen></iframe>",
            browser::origin(),
            self.id
        )
    }

    /// The header with which the server knows the owner.
    fn authorization(&self) -> JsValue {
        headers("authorization", &format!("Bearer {}", self.secret))
    }
}

/// The reason why the server did not fulfil a request, in words that tell the user what to do.
#[derive(Debug, thiserror::Error)]
pub enum ShareError {
    /// The server did not answer.
    #[error("the share server did not answer; check the internet connection and try again")]
    NoAnswer,
    /// The page is served without a share server.
    #[error("this page is served without a share server; download the files instead")]
    NoServer,
    /// The server refused the request.
    #[error("the share server refused the request with status {status}: {words}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// The server's explanation.
        words: String,
    },
    /// The answer is not from a share server.
    #[error("the share server's answer could not be read: {0}")]
    Answer(#[from] serde_json::Error),
}

/// Uploads a bundle of the scan called `name`. The name is the title of the link if it is `named`, and
/// else is not sent.
///
/// # Errors
/// [`ShareError`].
pub async fn upload(
    bundle: &Bulk,
    expiry: Expiry,
    name: String,
    named: bool,
) -> Result<Shared, ShareError> {
    let init = RequestInit::new();
    init.set_method("POST");
    init.set_body(&Uint8Array::new(&bundle.0));
    init.set_headers(&headers("content-type", "application/octet-stream"));
    let title = js_sys::encode_uri_component(if named { &name } else { "" });
    let path = format!("/api/scenes?days={}&title={title}", expiry.days());
    let answer = fetch(&path, &init).await?;
    let shared: Shared = serde_json::from_str(&answer)?;
    Ok(Shared { name, ..shared })
}

/// Uploads the preview picture of a scene.
///
/// # Errors
/// [`ShareError`].
pub async fn illustrate(shared: &Shared, picture: &Blob) -> Result<(), ShareError> {
    let init = RequestInit::new();
    init.set_method("PUT");
    init.set_body(picture);
    init.set_headers(&shared.authorization());
    fetch(&format!("/api/scenes/{}/picture", shared.id), &init)
        .await
        .map(drop)
}

/// Deletes a scene.
///
/// # Errors
/// [`ShareError`].
pub async fn delete(shared: &Shared) -> Result<(), ShareError> {
    let init = RequestInit::new();
    init.set_method("DELETE");
    init.set_headers(&shared.authorization());
    fetch(&format!("/api/scenes/{}", shared.id), &init)
        .await
        .map(drop)
}

/// The links that this browser keeps, the oldest first, without those that have expired.
pub fn kept() -> Vec<Shared> {
    let text = browser::storage().and_then(|storage| storage.get_item(KEY).ok().flatten());
    let now = (js_sys::Date::now() / 1000.0) as u64;
    text.map_or_else(Vec::new, |text| read(&text, now))
}

/// Reads links at a time in seconds since 1970. Text that is something else has none.
fn read(text: &str, now: u64) -> Vec<Shared> {
    let mut links: Vec<Shared> = serde_json::from_str(text).unwrap_or_default();
    links.retain(|link| link.expires.is_none_or(|expires| expires > now));
    links
}

/// Keeps a link in this browser, if it has room for it.
pub fn keep(state: State, shared: Shared) {
    change(state, |links| {
        links.push(shared);
        let excess = links.len().saturating_sub(MOST);
        links.drain(..excess);
    });
}

/// Forgets the link to a scene that is deleted.
pub fn forget(state: State, id: &str) {
    change(state, |links| links.retain(|link| link.id != id));
}

/// Changes the links as they are now: another tab may have changed them, too.
fn change(state: State, change: impl FnOnce(&mut Vec<Shared>)) {
    let mut links = kept();
    change(&mut links);
    if let (Some(storage), Ok(text)) = (browser::storage(), serde_json::to_string(&links)) {
        // Where there is no room, the user has the links on screen alone.
        let _ = storage.set_item(KEY, &text);
    }
    state.links.set(links);
}

/// The scene of this source as this browser may delete it: by the address of the page, or by a link
/// that it keeps.
pub fn own(state: State, source: &Source) -> Option<Shared> {
    let Source::Shared(id) = source else {
        return None;
    };
    let by_address = state.wishes.with_value(|wishes| {
        let secret = wishes.secret.clone()?;
        (wishes.shared.as_ref() == Some(id)).then(|| Shared {
            id: id.clone(),
            secret,
            expires: None,
            name: String::new(),
        })
    });
    let kept = || {
        let links = state.links.read_untracked();
        links.iter().find(|link| link.id == *id).cloned()
    };
    by_address.or_else(kept)
}

async fn fetch(path: &str, init: &RequestInit) -> Result<String, ShareError> {
    let response: Response = JsFuture::from(browser::window().fetch_with_str_and_init(path, init))
        .await
        .map_err(|_| ShareError::NoAnswer)?
        .unchecked_into();
    let text = match response.text() {
        Ok(text) => JsFuture::from(text)
            .await
            .ok()
            .and_then(|text| text.as_string())
            .unwrap_or_default(),
        Err(_) => String::new(),
    };
    let status = response.status();
    if response.ok() {
        return Ok(text);
    }
    match serde_json::from_str(&text) {
        Ok(Refusal { error }) => Err(ShareError::Refused {
            status,
            words: error,
        }),
        Err(_) if matches!(status, 404 | 405 | 501) => Err(ShareError::NoServer),
        Err(_) => Err(ShareError::Refused {
            status,
            words: text.chars().take(200).collect(),
        }),
    }
}

/// The share server's explanation of a refusal.
#[derive(Deserialize)]
struct Refusal {
    error: String,
}

fn headers(name: &str, value: &str) -> JsValue {
    let pair = Array::of2(&name.into(), &value.into());
    Headers::new_with_str_sequence_sequence(&Array::of1(&pair))
        .map_or(JsValue::UNDEFINED, JsValue::from)
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    #[wasm_bindgen_test]
    fn kept_links_expire_and_damage_has_none() {
        let link = |expires| Shared {
            id: "0".into(),
            secret: "1".into(),
            expires,
            name: "room.ply".into(),
        };
        let links = [link(Some(99)), link(Some(101)), link(None)];
        let text = serde_json::to_string(&links).expect("plain values");
        assert_eq!(read(&text, 100), links[1..]);
        for damaged in ["", "null", "[1]", r#"[{"id":"0"}]"#] {
            assert_eq!(read(damaged, 100), []);
        }
    }
}
