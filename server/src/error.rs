//! Refusals as the HTTP interface answers them: JSON with `error`, a sentence for the user.

use axum::{
    Json,
    extract::{Request, rejection::JsonRejection},
    http::{HeaderValue, StatusCode, header, uri::PathAndQuery},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde_json::json;

use crate::{
    body, links::NotALifetime, metrics::Reason, picture::NotAPicture, security, store::StoreError,
    uploads::UploadError,
};

/// Maximum length of the head of a request, bytes.
pub const LONGEST_HEAD: usize = 64 << 10;
/// Maximum length of the address in a request, which may contain that of a scan elsewhere, bytes.
const LONGEST_ADDRESS: usize = 8192;
/// Maximum length of its path, bytes. No file has a longer name.
const LONGEST_PATH: usize = 255;

/// Time after which a busy server may be asked again, seconds.
const BUSY_FOR: u64 = 5;

/// The reason why a request was refused.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    #[error("there is no such address")]
    NoSuchAddress,
    #[error("the request is not understood: its head is not that of HTTP/1.1")]
    Head,
    #[error("the head of the request has more than {LONGEST_HEAD} bytes or too many headers")]
    LongHead,
    #[error("the server has too many connections; try again in {BUSY_FOR} seconds")]
    Crowded,
    #[error("the address has {bytes} bytes; the limit is {limit}")]
    LongAddress { bytes: usize, limit: usize },
    #[error("this address does not know the method of the request")]
    Method,
    #[error(
        "this server does not answer for the host that the request names; whoever runs it can add the name with `--host`"
    )]
    Host,
    #[error("another site's page asks for this; only the server's own pages may")]
    CrossSite,
    #[error("what is sent must say that it is {}, in its `content-type`", _0.join(" or "))]
    MediaType(&'static [&'static str]),
    #[error("what was sent is larger than {limit} bytes, the limit here")]
    TooLarge { limit: u64 },
    #[error("the request is not understood: {0}")]
    Request(#[from] JsonRejection),
    #[error(
        "the request is not understood: its address or its headers are not what is expected here"
    )]
    Malformed,
    #[error("the header `content-digest` must be `sha-256=:BASE64:`, of the bytes that are sent")]
    NoDigest,
    #[error("the range is outside of the scene, which has {size} bytes")]
    Range { size: u64 },
    #[error("{0}")]
    Lifetime(#[from] NotALifetime),
    #[error("{0}")]
    Picture(#[from] NotAPicture),
    #[error("the connection was lost while the request was read; try again")]
    BrokenOff,
    #[error("the request did not arrive within {} seconds, or came too slowly; try again", body::LONGEST.as_secs())]
    Slow,
    #[error("the server is busy with other uploads; try again in {BUSY_FOR} seconds")]
    Busy,
    #[error("too many uploads from this address; try again in {wait} seconds")]
    TooOften { wait: u64 },
    #[error(
        "uploads from this address may have {limit} bytes in a day; try again in {wait} seconds"
    )]
    TooMuch { limit: u64, wait: u64 },
    #[error("this is for the server's own machine and for trusted addresses")]
    NotNear,
    #[error("an error occurred in the server; try again later")]
    Failed,
    #[error(transparent)]
    Upload(#[from] UploadError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ApiError {
    fn status(&self) -> StatusCode {
        match self {
            Self::NoSuchAddress => StatusCode::NOT_FOUND,
            Self::LongAddress { .. } => StatusCode::URI_TOO_LONG,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Host => StatusCode::MISDIRECTED_REQUEST,
            Self::CrossSite | Self::NotNear => StatusCode::FORBIDDEN,
            Self::MediaType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Request(rejection) => rejection.status(),
            Self::Picture(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::LongHead => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Lifetime(_) | Self::BrokenOff | Self::NoDigest | Self::Malformed | Self::Head => {
                StatusCode::BAD_REQUEST
            }
            Self::Range { .. } => StatusCode::RANGE_NOT_SATISFIABLE,
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            Self::Busy | Self::Crowded => StatusCode::SERVICE_UNAVAILABLE,
            Self::TooOften { .. } | Self::TooMuch { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Failed => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Upload(UploadError::Store(error)) | Self::Store(error) => of_store(error),
            Self::Upload(error) => of_upload(error),
        }
    }

    /// What hyper, which answers by itself and with nothing but a status, refuses with this answer.
    pub fn of_hyper(answer: &[u8]) -> Option<Self> {
        let status = answer.strip_prefix(b"HTTP/1.1 ")?.get(..3)?;
        match StatusCode::from_bytes(status).ok()? {
            StatusCode::BAD_REQUEST => Some(Self::Head),
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => Some(Self::LongHead),
            _ => None,
        }
    }

    /// The refusal as it goes over a connection that ends with it, where no route answers.
    pub fn written(&self) -> Vec<u8> {
        let body = json!({ "error": self.to_string() }).to_string();
        let mut head = format!(
            "HTTP/1.1 {}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n",
            self.status(),
            body.len()
        );
        let wait = self.retry_after().map(|wait| wait.to_string());
        let wait = wait
            .as_deref()
            .map(|wait| (header::RETRY_AFTER.as_str(), wait));
        for (name, value) in security::HEADERS.into_iter().chain(wait) {
            head.extend([name, ": ", value, "\r\n"]);
        }
        [head, body].join("\r\n").into_bytes()
    }

    /// The error of the store, if it is one.
    fn of_store(&self) -> Option<&StoreError> {
        match self {
            Self::Upload(UploadError::Store(error)) | Self::Store(error) => Some(error),
            _ => None,
        }
    }

    /// Time after which the same request may be answered otherwise, seconds, if it is known.
    fn retry_after(&self) -> Option<u64> {
        let of_store = self.of_store().map(of_store);
        if of_store == Some(StatusCode::SERVICE_UNAVAILABLE) {
            return Some(BUSY_FOR);
        }
        match self {
            Self::Busy | Self::Crowded | Self::Upload(UploadError::Completing) => Some(BUSY_FOR),
            Self::TooOften { wait } | Self::TooMuch { wait, .. } => Some(*wait),
            Self::Upload(UploadError::TooMany { wait }) => Some(wait + 1),
            Self::Upload(UploadError::Full { .. }) => Some(600),
            _ => None,
        }
    }

    /// The name under which the refusal is counted, if it is about a limit.
    pub fn reason(&self) -> Option<&'static str> {
        match self.of_store() {
            Some(StoreError::DiskFull) => return Some("disk_full"),
            Some(StoreError::TooSlow { .. }) => return Some("store_slow"),
            Some(StoreError::Unavailable(_)) => return Some("store_unavailable"),
            Some(StoreError::WrongSecret) => return Some("wrong_secret"),
            _ => {}
        }
        Some(match self {
            Self::Head => "head",
            Self::LongHead => "long_head",
            Self::LongAddress { .. } => "long_address",
            Self::Host => "other_host",
            Self::CrossSite => "cross_site",
            Self::MediaType(_) => "media_type",
            Self::TooLarge { .. } | Self::Upload(UploadError::Size { .. }) => "size",
            Self::Slow => "slow",
            Self::Busy => "busy",
            Self::TooOften { .. } => "uploads_of_address",
            Self::TooMuch { .. } => "bytes_of_address",
            Self::Upload(UploadError::TooMany { .. }) => "unfinished_of_address",
            Self::Upload(UploadError::Full { .. }) => "unfinished",
            Self::Upload(UploadError::StoreFull { .. }) => "store_full",
            Self::Upload(UploadError::Malformed(_)) => "no_bundle",
            _ => return None,
        })
    }
}

fn of_store(error: &StoreError) -> StatusCode {
    match error {
        StoreError::Missing => StatusCode::NOT_FOUND,
        StoreError::Expired => StatusCode::GONE,
        StoreError::WrongSecret => StatusCode::FORBIDDEN,
        StoreError::DiskFull => StatusCode::INSUFFICIENT_STORAGE,
        StoreError::TooSlow { .. } | StoreError::Unavailable(_) | StoreError::Changed => {
            StatusCode::SERVICE_UNAVAILABLE
        }
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
        UploadError::StoreFull { .. } => StatusCode::INSUFFICIENT_STORAGE,
        UploadError::Incomplete { .. } => StatusCode::CONFLICT,
        UploadError::Damaged { .. } | UploadError::Malformed(_) => StatusCode::UNPROCESSABLE_ENTITY,
        UploadError::Store(error) => of_store(error),
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, message) = (self.status(), self.to_string());
        // Details of internal failures go to the log, not to the client.
        let message = match &self {
            Self::Failed => message,
            _ if matches!(self.of_store(), Some(StoreError::Unavailable(_))) => {
                tracing::error!("{message}");
                format!("the server's store is not available; try again in {BUSY_FOR} seconds")
            }
            _ if status == StatusCode::INTERNAL_SERVER_ERROR => {
                tracing::error!("{message}");
                Self::Failed.to_string()
            }
            _ => message,
        };
        let mut response = (status, Json(json!({ "error": message }))).into_response();
        if let Some(seconds) = self.retry_after() {
            let headers = response.headers_mut();
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Self::Range { size } = self
            && let Ok(range) = HeaderValue::try_from(format!("bytes */{size}"))
        {
            response.headers_mut().insert(header::CONTENT_RANGE, range);
        }
        if let Some(reason) = self.reason() {
            response.extensions_mut().insert(Reason(reason));
        }
        response
    }
}

/// Refuses addresses that are too long, and answers in JSON where the routes or the files answer a
/// refusal in another way.
pub async fn refuse_in_json(request: Request, next: Next) -> Response {
    let uri = request.uri();
    let address = uri.path_and_query().map_or("", PathAndQuery::as_str);
    for (part, limit) in [(address, LONGEST_ADDRESS), (uri.path(), LONGEST_PATH)] {
        let bytes = part.len();
        if bytes > limit {
            return ApiError::LongAddress { bytes, limit }.into_response();
        }
    }
    let answer = next.run(request).await;
    let status = answer.status();
    let is_refusal = status.is_client_error() || status.is_server_error();
    let kind = answer.headers().get(header::CONTENT_TYPE);
    if !is_refusal || kind.is_some_and(|kind| kind == "application/json") {
        return answer;
    }
    let error = match status {
        StatusCode::NOT_FOUND => ApiError::NoSuchAddress,
        StatusCode::METHOD_NOT_ALLOWED => ApiError::Method,
        _ if status.is_server_error() => ApiError::Failed,
        _ => ApiError::Malformed,
    };
    let mut refusal = error.into_response();
    *refusal.status_mut() = status;
    for (name, value) in answer.headers() {
        if ![header::CONTENT_TYPE, header::CONTENT_LENGTH].contains(name) {
            refusal.headers_mut().insert(name, value.clone());
        }
    }
    refusal
}
