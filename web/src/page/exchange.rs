//! Requests to the share server: with a limit on their time, the progress of what is sent, and a way
//! to end them. Only the browser's older interface for requests tells how much of a body was sent.

use js_sys::{Promise, Uint8Array};
use serde::Deserialize;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, ProgressEvent, XmlHttpRequest};

use crate::text::{said, said_with};

/// Time limit of a request, milliseconds; the server has the same.
const LIMIT_MS: u32 = 180_000;

/// The reason why the server did not fulfil a request, in words that tell the user what to do.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ShareError {
    /// The server did not answer.
    #[error(
        "{}",
        said("the share server did not answer; check the internet connection and try again")
    )]
    NoAnswer,
    /// The page is served without a share server.
    #[error(
        "{}",
        said("this page is served without a share server; download the files instead")
    )]
    NoServer,
    /// The server refused the request.
    #[error("{}", said_with("the share server refused the request with status {status}: {words}", &[("status", .status), ("words", .words)]))]
    Refused {
        /// HTTP status.
        status: u16,
        /// The server's explanation.
        words: String,
        /// Time after which the server may answer otherwise, seconds, if it says one.
        retry_after: Option<u32>,
    },
    /// The answer is not from a share server.
    #[error("{}", said_with("the share server's answer could not be read: {problem}", &[("problem", .0)]))]
    Answer(String),
    /// The user ended the request.
    #[error("{}", said("the request was cancelled"))]
    Cancelled,
}

impl ShareError {
    /// `true` if the same request may be answered otherwise a little later.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::NoAnswer => true,
            Self::Refused { status, .. } => {
                matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504)
            }
            Self::NoServer | Self::Answer(_) | Self::Cancelled => false,
        }
    }
}

/// What a request carries.
#[derive(Default)]
pub struct Message<'a> {
    /// Names and values of headers.
    pub headers: &'a [(&'static str, String)],
    /// The body.
    pub body: Body<'a>,
}

/// The body of a request.
#[derive(Default)]
pub enum Body<'a> {
    /// Nothing.
    #[default]
    Empty,
    /// A text.
    Text(&'a str),
    /// Bytes.
    Bytes(&'a Uint8Array),
    /// A file.
    File(&'a Blob),
}

/// A request that can be ended.
#[derive(Clone)]
pub struct Exchange(XmlHttpRequest);

impl Exchange {
    /// Prepares a request.
    ///
    /// # Errors
    /// [`ShareError::NoAnswer`] if the browser makes no requests.
    pub fn new(method: &str, path: &str) -> Result<Self, ShareError> {
        let refused = |_| ShareError::NoAnswer;
        let request = XmlHttpRequest::new().map_err(refused)?;
        request.open(method, path).map_err(refused)?;
        request.set_timeout(LIMIT_MS);
        Ok(Self(request))
    }

    /// Ends the request; [`Self::send`] returns then.
    pub fn end(&self) {
        // A request that is over already cannot be ended.
        drop(self.0.abort());
    }

    /// Sends the request and returns the text of the answer. `progress` is told how many bytes of the
    /// body were sent.
    ///
    /// # Errors
    /// [`ShareError`].
    pub async fn send(
        &self,
        Message { headers, body }: Message<'_>,
        progress: impl Fn(f64) + 'static,
    ) -> Result<String, ShareError> {
        let request = &self.0;
        for (name, value) in headers {
            let set = request.set_request_header(name, value);
            set.map_err(|_| ShareError::NoAnswer)?;
        }
        let progress = Closure::<dyn Fn(ProgressEvent)>::new(move |event: ProgressEvent| {
            progress(event.loaded())
        });
        if let Ok(upload) = request.upload() {
            upload.set_onprogress(Some(progress.as_ref().unchecked_ref()));
        }
        // Answers, errors, time-outs and ends alike.
        let over = Promise::new(&mut |over, _| request.set_onloadend(Some(&over)));
        let sent = match body {
            Body::Empty => request.send(),
            Body::Text(text) => request.send_with_opt_str(Some(text)),
            Body::Bytes(bytes) => request.send_with_opt_js_u8_array(Some(bytes)),
            Body::File(file) => request.send_with_opt_blob(Some(file)),
        };
        sent.map_err(|_| ShareError::NoAnswer)?;
        // It is never rejected.
        drop(JsFuture::from(over).await);
        self.answer()
    }

    fn answer(&self) -> Result<String, ShareError> {
        let request = &self.0;
        let text = request.response_text().ok().flatten().unwrap_or_default();
        let retry_after = request.get_response_header("retry-after").ok().flatten();
        match request.status() {
            Ok(200..300) => Ok(text),
            Ok(0) | Err(_) => Err(ShareError::NoAnswer),
            Ok(status) => Err(refused(status, &text, retry_after.as_deref())),
        }
    }
}

/// Sends a request that has little to carry.
///
/// # Errors
/// [`ShareError`].
pub async fn ask(method: &str, path: &str, message: Message<'_>) -> Result<String, ShareError> {
    Exchange::new(method, path)?.send(message, |_| ()).await
}

/// What a refusal says.
fn refused(status: u16, text: &str, retry_after: Option<&str>) -> ShareError {
    /// The share server's explanation.
    #[derive(Deserialize)]
    struct Refusal {
        error: String,
    }
    let words = match serde_json::from_str(text) {
        Ok(Refusal { error }) => error,
        Err(_) if matches!(status, 404 | 405 | 501) => return ShareError::NoServer,
        // A proxy answers in a page of its own.
        Err(_) => text.chars().take(200).collect(),
    };
    ShareError::Refused {
        status,
        words,
        retry_after: retry_after.and_then(|seconds| seconds.trim().parse().ok()),
    }
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    #[wasm_bindgen_test]
    fn refusals_say_why_and_whether_to_ask_again() {
        let busy = refused(503, r#"{"error":"busy"}"#, Some("7"));
        let expected = ShareError::Refused {
            status: 503,
            words: "busy".into(),
            retry_after: Some(7),
        };
        assert_eq!(busy, expected);
        assert!(busy.is_passing());
        let gone = refused(404, r#"{"error":"gone"}"#, None);
        assert!(!gone.is_passing() && gone != ShareError::NoServer);
        assert_eq!(refused(404, "<html>", None), ShareError::NoServer);
        let proxy = refused(502, "<h1>Bad gateway", Some("Wed, 21 Oct 2026"));
        assert!(matches!(
            proxy,
            ShareError::Refused {
                retry_after: None,
                ..
            }
        ));
    }
}
