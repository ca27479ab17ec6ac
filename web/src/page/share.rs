//! Uploads a scene to the share server and deletes it again.

use js_sys::{Array, Uint8Array};
use serde::Deserialize;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Headers, RequestInit, Response};

use crate::{browser, protocol::Bulk};

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

/// A scene on the server.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Shared {
    /// The unlisted id.
    pub id: String,
    /// The secret that allows deletion of the scene.
    pub secret: String,
}

impl Shared {
    /// The link to send.
    pub fn link(&self) -> String {
        format!("{}/s/{}", origin(), self.id)
    }

    /// The link to keep: whoever has it can delete the scene.
    pub fn manage_link(&self) -> String {
        format!("{}#manage={}", self.link(), self.secret)
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

/// Uploads a bundle.
///
/// # Errors
/// [`ShareError`].
pub async fn upload(bundle: &Bulk, expiry: Expiry) -> Result<Shared, ShareError> {
    let init = RequestInit::new();
    init.set_method("POST");
    init.set_body(&Uint8Array::new(&bundle.0));
    init.set_headers(&headers("content-type", "application/octet-stream"));
    let answer = fetch(&format!("/api/scenes?days={}", expiry.days()), &init).await?;
    Ok(serde_json::from_str(&answer)?)
}

/// Deletes a scene.
///
/// # Errors
/// [`ShareError`].
pub async fn delete(shared: &Shared) -> Result<(), ShareError> {
    let init = RequestInit::new();
    init.set_method("DELETE");
    init.set_headers(&headers(
        "authorization",
        &format!("Bearer {}", shared.secret),
    ));
    fetch(&format!("/api/scenes/{}", shared.id), &init)
        .await
        .map(drop)
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

fn origin() -> String {
    browser::window().location().origin().unwrap_or_default()
}
