//! Files of the app that the page fetches when it needs them.

use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::Response;

use crate::{
    browser,
    streamed::{StreamError, streamed},
    text::{said, said_with},
};

/// Maximum number of bytes of such a file.
const LIMIT: u64 = 1 << 20;

/// The bytes of the file at a path on the server of the page, or what is wrong, in words.
pub async fn fetched(path: &str) -> Result<Vec<u8>, String> {
    let no_answer = || said("the server did not answer").to_owned();
    let answer = JsFuture::from(browser::window().fetch_with_str(path)).await;
    let response: Response = answer.map_err(|_| no_answer())?.unchecked_into();
    if !response.ok() {
        let status = response.status();
        return Err(said_with(
            "the server refused {path} with status {status}",
            &[("path", &path), ("status", &status)],
        ));
    }
    let file = streamed(&response, LIMIT, |_, _| ()).await;
    file.map_err(|error| match error {
        StreamError::Broken => no_answer(),
        StreamError::TooLarge(bytes) => said_with(
            "{path} has at least {bytes} bytes, the limit is {limit}",
            &[("path", &path), ("bytes", &bytes), ("limit", &LIMIT)],
        ),
    })
}
