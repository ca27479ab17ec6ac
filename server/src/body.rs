//! The bodies of requests: of the type that is asked for, bounded, and not slower than a sender who
//! means it.

use std::time::Duration;

use axum::{
    body::Bytes,
    extract::Request,
    http::{HeaderMap, header},
};
use http_body_util::BodyExt as _;
use tokio::time::{Instant, timeout_at};

use crate::error::ApiError;

/// Maximum duration of a request's body.
pub const LONGEST: Duration = Duration::from_secs(180);
/// Least mean rate of a body after the first moments, bytes a second.
const LEAST_RATE: u64 = 4 << 10;

/// The whole body of a request of one of these media types, which may have `limit` bytes. `grace` is
/// the time in which nothing need come.
///
/// # Errors
/// [`ApiError::MediaType`], [`ApiError::TooLarge`], [`ApiError::Slow`], [`ApiError::BrokenOff`].
pub async fn receive(
    request: Request,
    types: &'static [&'static str],
    limit: u64,
    grace: Duration,
) -> Result<Bytes, ApiError> {
    let headers = request.headers();
    if !media_type(headers).is_some_and(|found| types.contains(&found.as_str())) {
        return Err(ApiError::MediaType(types));
    }
    let announced = headers.get(header::CONTENT_LENGTH);
    let announced = announced.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limit) {
        return Err(ApiError::TooLarge { limit });
    }
    let mut body = request.into_body();
    let mut bytes = Vec::new();
    let begun = Instant::now();
    loop {
        let earned = Duration::from_secs(bytes.len() as u64 / LEAST_RATE);
        let due = begun + (grace + earned).min(LONGEST);
        let frame = timeout_at(due, body.frame()).await;
        let Some(frame) = frame.map_err(|_| ApiError::Slow)? else {
            return Ok(bytes.into());
        };
        let Ok(data) = frame.map_err(|_| ApiError::BrokenOff)?.into_data() else {
            continue;
        };
        if (bytes.len() + data.len()) as u64 > limit {
            return Err(ApiError::TooLarge { limit });
        }
        bytes.extend_from_slice(&data);
    }
}

/// The media type that a request says, without its parameters, in lower case.
fn media_type(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let (kind, _) = text.split_once(';').unwrap_or((text, ""));
    Some(kind.trim().to_ascii_lowercase())
}
