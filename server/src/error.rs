//! Refusals as the HTTP interface answers them: JSON with `error`, a sentence for the user.

use axum::{
    Json,
    extract::rejection::JsonRejection,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

use crate::{
    limits::BODY_TIMEOUT, links::NotALifetime, picture::NotAPicture, store::StoreError,
    uploads::UploadError,
};

/// Time after which a busy server may be asked again, seconds.
const BUSY_FOR: u64 = 5;

/// The reason why a request was refused.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    #[error("there is no such address; `server/src/routes.rs` lists those that there are")]
    NoSuchAddress,
    #[error("this address does not know the method {0}")]
    Method(axum::http::Method),
    #[error("what was sent is larger than {limit} bytes, the limit here")]
    TooLarge { limit: u64 },
    #[error("the request is not understood: {0}")]
    Request(#[from] JsonRejection),
    #[error("the header `content-digest` must be `sha-256=:BASE64:`, of the bytes that are sent")]
    NoDigest,
    #[error("{0}")]
    Lifetime(#[from] NotALifetime),
    #[error("{0}")]
    Picture(#[from] NotAPicture),
    #[error("the connection was lost while the request was read; try again")]
    BrokenOff,
    #[error("the request did not arrive within {} seconds; try again", BODY_TIMEOUT.as_secs())]
    Slow,
    #[error("the server is busy with other uploads; try again in {BUSY_FOR} seconds")]
    Busy,
    #[error("too many uploads from this address; try again in {wait} seconds")]
    TooOften { wait: u64 },
    #[error(transparent)]
    Upload(#[from] UploadError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ApiError {
    fn status(&self) -> StatusCode {
        match self {
            Self::NoSuchAddress => StatusCode::NOT_FOUND,
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Request(rejection) => rejection.status(),
            Self::Picture(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Lifetime(_) | Self::BrokenOff | Self::NoDigest => StatusCode::BAD_REQUEST,
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::TooOften { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Upload(UploadError::Store(error)) | Self::Store(error) => of_store(error),
            Self::Upload(error) => of_upload(error),
        }
    }

    /// Time after which the same request may be answered otherwise, seconds, if it is known.
    fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Busy | Self::Upload(UploadError::Completing) => Some(BUSY_FOR),
            Self::TooOften { wait } | Self::Upload(UploadError::TooMany { wait }) => Some(wait + 1),
            Self::Upload(UploadError::Full { .. }) => Some(600),
            _ => None,
        }
    }
}

fn of_store(error: &StoreError) -> StatusCode {
    match error {
        StoreError::Missing => StatusCode::NOT_FOUND,
        StoreError::Expired => StatusCode::GONE,
        StoreError::WrongSecret => StatusCode::FORBIDDEN,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn of_upload(error: &UploadError) -> StatusCode {
    match error {
        UploadError::Missing => StatusCode::NOT_FOUND,
        UploadError::Size { bytes: 0, .. }
        | UploadError::NoSuchPart { .. }
        | UploadError::Length { .. } => StatusCode::BAD_REQUEST,
        UploadError::Size { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        UploadError::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
        UploadError::Full { .. } | UploadError::Completing => StatusCode::SERVICE_UNAVAILABLE,
        UploadError::Incomplete { .. } => StatusCode::CONFLICT,
        UploadError::Damaged { .. } | UploadError::Malformed(_) => StatusCode::UNPROCESSABLE_ENTITY,
        UploadError::Store(error) => of_store(error),
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = self.status();
        // Details of internal failures go to the log, not to the client.
        let message = if status == StatusCode::INTERNAL_SERVER_ERROR {
            tracing::error!("{}", without_ids(&self.to_string()));
            "an internal error occurred in the server; try again later".to_owned()
        } else {
            self.to_string()
        };
        let mut response = (status, Json(json!({ "error": message }))).into_response();
        if let Some(seconds) = self.retry_after() {
            let headers = response.headers_mut();
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// A text with `…` in place of ids, because they are the links themselves.
fn without_ids(text: &str) -> String {
    /// Digits of an id.
    const DIGITS: usize = 32;
    let is_digit = |c: char| c.is_ascii_hexdigit();
    let words = text.split_inclusive(|c| !is_digit(c));
    let clean = words.map(|word| match word.trim_end_matches(|c| !is_digit(c)) {
        id if id.len() >= DIGITS => word.replacen(id, "…", 1),
        _ => word.to_owned(),
    });
    clean.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_hold_no_links() {
        let id = "0123456789abcdef0123456789abcdef";
        let path =
            format!("Object at location scenes/{id}.{id}.segscape not found, at uploads/{id}");
        let logged = "Object at location scenes/….….segscape not found, at uploads/…";
        assert_eq!(without_ids(&path), logged);
    }
}
