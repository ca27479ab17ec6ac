//! Gets what the user opened from its source.

use js_sys::{ArrayBuffer, Uint8Array};
use segscape::{
    captures::{CaptureError, Files as _},
    job,
    progress::{Progress, Stage},
    scan::{JoinError, ReadError, Sliced},
};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, RequestInit, RequestMode, Response};

use super::{
    addresses,
    capture::{self, Opened},
    post,
    scans::{Among, Scans},
    scope,
    sliced::{self, InSlices},
};
use crate::{
    protocol::{Address, Reply, Source, UNNAMED},
    streamed::{StreamError, streamed},
};

/// Maximum number of bytes read into memory at once. A wasm memory ends at 4 GiB and has to hold
/// more than the file.
pub const MAX_BYTES: u64 = 1 << 30;

/// The part of a stage that a download covers.
#[derive(Clone, Copy)]
pub struct Part {
    /// The stage.
    pub stage: Stage,
    /// Fraction of the stage that is done before the download.
    pub from: f32,
    /// Fraction of the stage that is done after the download.
    pub to: f32,
    /// Number of bytes that the stage downloaded before.
    pub before: u64,
    /// Number of bytes that the stage downloads in all; `None` for those of this download.
    pub total: Option<u64>,
}

/// Parsing a file is fast compared with downloading it.
pub const READ: Part = Part {
    stage: Stage::Read,
    from: 0.0,
    to: 0.9,
    before: 0,
    total: None,
};

/// The reason why the bytes could not be read, in words that tell the user what to do.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The file is larger than [`MAX_BYTES`].
    #[error(
        "the file has {} MiB, and the limit of what is downloaded is {} MiB; download it yourself and drop it here: of LAS, LAZ and binary PLY, files of any size can be opened",
        .0 >> 20, MAX_BYTES >> 20
    )]
    TooLarge(u64),
    /// The file is larger than [`MAX_BYTES`] and cannot be read in slices.
    #[error("the file has {} MiB, and at most {} MiB are read at once: {error}", .bytes >> 20, MAX_BYTES >> 20)]
    NotSliced {
        /// Number of bytes.
        bytes: u64,
        /// Why it cannot be read in slices.
        error: ReadError,
    },
    /// The browser could not read the file.
    #[error(
        "the browser could not read the file; it may have been moved or changed since it was chosen"
    )]
    Unreadable,
    /// The URL is neither https nor on this machine.
    #[error("only https addresses can be opened, not {0}")]
    NotHttps(String),
    /// The server does not allow pages of other servers to read the file.
    #[error(
        "the server of {0} does not allow other pages to read it (CORS); download the file and drop it here"
    )]
    NotAllowed(String),
    /// No server answers at the URL.
    #[error("nothing answers at {0}; its name may be wrong, or its server down")]
    NoAnswer(String),
    /// The browser has no network.
    #[error("this browser is offline, so {0} cannot be read")]
    Offline(String),
    /// The answer broke off.
    #[error("the connection was lost while {0} was read; try again")]
    Broken(String),
    /// The share server refused, with this explanation.
    #[error("the shared scene cannot be opened: {0}")]
    NotShared(String),
    /// The files cannot be those of a capture.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// There are too many scans.
    #[error(transparent)]
    Scans(#[from] JoinError),
    /// The server answered, but not with the file.
    #[error("{url} answered with status {status}")]
    Status {
        /// The URL.
        url: String,
        /// The HTTP status.
        status: u16,
    },
}

/// What a source holds.
pub enum Input {
    /// A file with a scan or a bundle.
    File {
        /// Its name.
        name: String,
        /// Its bytes.
        bytes: Vec<u8>,
    },
    /// A file with a scan that memory does not hold, or with more points than the budget.
    Sliced {
        /// Its name.
        name: String,
        /// Where its points are.
        file: InSlices,
    },
    /// Several scans, or one among other files.
    Scans(Scans),
    /// Files that a capture is among.
    Capture(Opened),
}

/// What a source holds, distinguished by content: of labels with a file that the user was asked for,
/// the labels. The files of a capture and several scans are not read so far. Reports progress if the
/// download is a part of a stage. Of files that can be read in slices, at most `budget` points are
/// kept, if there is one.
///
/// # Errors
/// [`FetchError`].
pub async fn input(
    source: &Source,
    part: Option<Part>,
    budget: Option<usize>,
) -> Result<Input, FetchError> {
    let (name, bytes) = match source {
        Source::Folder { name, paths, files } => {
            return among(Opened::folder(name, paths, files)?);
        }
        Source::File { name, blob } if capture::is_archive_blob(blob) => {
            return among(Opened::archive(name, blob.clone())?);
        }
        Source::File { name, blob } => {
            if let Some(file) = in_slices(blob, budget)? {
                let name = name.clone();
                return Ok(Input::Sliced { name, file });
            }
            let buffer = JsFuture::from(blob.array_buffer())
                .await
                .map_err(|_| FetchError::Unreadable)?;
            let bytes = Uint8Array::new(&buffer.unchecked_into::<ArrayBuffer>()).to_vec();
            (name.clone(), bytes)
        }
        Source::Urls(addresses) => match &addresses[..] {
            [address] => (name_of(address), from_url(address, part).await?),
            several => return Ok(Input::Scans(Scans::at(several)?)),
        },
        Source::Shared(id) => (UNNAMED.to_owned(), shared(id, part).await?),
        Source::Overlay { labels, .. } => return Box::pin(input(labels, part, budget)).await,
    };
    if capture::is_archive(&bytes) {
        // The browser keeps it, outside the worker's memory.
        let blob = sliced::blob(&bytes).map_err(|_| FetchError::Unreadable)?;
        return among(Opened::archive(&name, blob)?);
    }
    if Sliced::open(&bytes).is_ok_and(|sliced| sliced.is_due(budget)) {
        let blob = sliced::blob(&bytes).map_err(|_| FetchError::Unreadable)?;
        drop(bytes);
        if let Some(file) = in_slices(&blob, budget)? {
            return Ok(Input::Sliced { name, file });
        }
        return Err(FetchError::Unreadable);
    }
    Ok(Input::File { name, bytes })
}

/// The file, if it is to be read in slices.
fn in_slices(blob: &Blob, budget: Option<usize>) -> Result<Option<InSlices>, FetchError> {
    InSlices::of(blob, budget, MAX_BYTES).map_err(|error| FetchError::NotSliced {
        bytes: blob.size() as u64,
        error,
    })
}

/// What files are: a capture, or else scans. What is neither is refused as no capture.
fn among(opened: Opened) -> Result<Input, FetchError> {
    let Err(error @ CaptureError::Unknown(_)) = job::detect(&opened) else {
        return Ok(Input::Capture(opened));
    };
    Ok(match Scans::among(opened)? {
        Among::Scans(scans) => Input::Scans(scans),
        Among::Bundle(opened, path) => Input::File {
            bytes: opened.read(&path, MAX_BYTES)?,
            name: path.rsplit('/').next().unwrap_or(&path).to_owned(),
        },
        Among::Nothing => return Err(error.into()),
    })
}

/// What the file at an address is called.
pub fn name_of(address: &Address) -> String {
    let url = addresses::of_file(&address.url);
    let path = url.split(['?', '#']).next().unwrap_or(&url);
    let own = address.name.as_deref().or(path.rsplit('/').next());
    let own = own.filter(|name| !name.is_empty());
    own.unwrap_or("scan").to_owned()
}

/// Downloads the file at an address that a user gave.
///
/// # Errors
/// [`FetchError`].
pub async fn from_url(address: &Address, part: Option<Part>) -> Result<Vec<u8>, FetchError> {
    let url = addresses::of_file(&address.url);
    if !addresses::may_be_read(&url, &scope().location().origin()) {
        return Err(FetchError::NotHttps(url));
    }
    download(&url, part).await
}

/// Downloads a scene from the share server; an error carries the server's explanation.
async fn shared(id: &str, part: Option<Part>) -> Result<Vec<u8>, FetchError> {
    #[derive(serde::Deserialize)]
    struct Refusal {
        error: String,
    }
    let url = format!("/api/scenes/{id}");
    let response = answer(&url).await?;
    if response.ok() {
        return body(&url, &response, part).await;
    }
    let text = match response.text() {
        Ok(text) => JsFuture::from(text)
            .await
            .ok()
            .and_then(|text| text.as_string()),
        Err(_) => None,
    };
    let refusal = text.and_then(|text| serde_json::from_str(&text).ok());
    Err(refusal.map_or(
        FetchError::Status {
            url,
            status: response.status(),
        },
        |Refusal { error }| FetchError::NotShared(error),
    ))
}

/// Downloads a file. Reports progress if the download is a part of a stage.
///
/// # Errors
/// [`FetchError`].
pub async fn download(url: &str, part: Option<Part>) -> Result<Vec<u8>, FetchError> {
    let response = answer(url).await?;
    if !response.ok() {
        return Err(FetchError::Status {
            url: url.to_owned(),
            status: response.status(),
        });
    }
    body(url, &response, part).await
}

async fn answer(url: &str) -> Result<Response, FetchError> {
    match JsFuture::from(scope().fetch_with_str(url)).await {
        Ok(response) => Ok(response.unchecked_into()),
        Err(_) => Err(why_unanswered(url).await),
    }
}

/// The reason why a request failed: browsers do not tell. What may be requested without being read
/// is there, so that only reading is forbidden.
async fn why_unanswered(url: &str) -> FetchError {
    let url = url.to_owned();
    if !scope().navigator().on_line() {
        return FetchError::Offline(url);
    }
    let unread = RequestInit::new();
    unread.set_method("HEAD");
    unread.set_mode(RequestMode::NoCors);
    match JsFuture::from(scope().fetch_with_str_and_init(&url, &unread)).await {
        Ok(_) => FetchError::NotAllowed(url),
        Err(_) => FetchError::NoAnswer(url),
    }
}

/// Reads the body of an answer as it arrives. The server need not state the length.
async fn body(url: &str, response: &Response, part: Option<Part>) -> Result<Vec<u8>, FetchError> {
    let mut reported = 0.0;
    let arrived = |found: u64, length: Option<u64>| {
        let done = length.map_or(0.0, |length| (found as f32 / length.max(1) as f32).min(1.0));
        if let Some(part) = part
            && done - reported > 0.05
        {
            reported = done;
            let Part {
                stage, from, to, ..
            } = part;
            post(&Reply::Progress(Progress {
                stage,
                done: from + (to - from) * done,
            }));
            post(&Reply::Downloaded {
                stage,
                bytes: part.before + found,
                // A compressed answer has more bytes than come over the wire.
                of: part.total.or(length.filter(|length| *length >= found)),
            });
        }
    };
    streamed(response, MAX_BYTES, arrived)
        .await
        .map_err(|error| match error {
            StreamError::TooLarge(bytes) => FetchError::TooLarge(bytes),
            StreamError::Broken => FetchError::Broken(url.to_owned()),
        })
}
