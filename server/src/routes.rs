//! The HTTP interface for scenes.
//!
//! A bundle arrives in parts, and a link leads to it once all of them are there:
//!
//! | request | answer |
//! |---|---|
//! | `POST /api/uploads`, JSON `bytes`, and perhaps `days` (1, 7 or 90) and `title` | 201, JSON `upload`, `part_bytes`, `parts`, and the link: `id`, `url`, `manage_url`, `secret`; 400, 413, 415, 422, 429, 503, 507 |
//! | the same with `replaces`, the id of a scene, and `authorization: Bearer <secret>` | the same without a new secret; 403, 404, 410 |
//! | `GET /api/uploads/<upload>` | JSON `bytes`, `part_bytes`, `parts`, `arrived` (numbers of parts), `expires`; 404 |
//! | `PUT /api/uploads/<upload>/parts/<number>`, `content-type: application/octet-stream`, `content-digest: sha-256=:<base64>:`, body `part_bytes` bytes, or what is left for the last part; numbers count from 0 | 204; 400, 404, 408, 413, 415, 422, 503, 507 |
//! | `PUT /api/uploads/<upload>/picture`, `content-type: image/jpeg` or `image/png`, body such a picture of 1200 x 630 pixels | 204; 404, 408, 413, 415, 422, 503, 507 |
//! | `POST /api/uploads/<upload>/complete` | JSON `id`, `url`, `expires` (seconds since 1970), also if it is asked again; 403, 404, 409, 410, 422, 503, 507 |
//! | `DELETE /api/uploads/<upload>` | 204; 404 |
//!
//! | request | answer |
//! |---|---|
//! | `GET /api/scenes/<id>`, perhaps a `range` | the bundle or that part of it, with an `etag`; 206, 304, 404, 410, 416 |
//! | `GET /api/scenes/<id>/picture` | the picture, with an `etag`; 304, 404, 410 |
//! | `DELETE /api/scenes/<id>`, `authorization: Bearer <secret>` | 204; 403, 404 |
//! | `GET /healthz` | 200 |
//! | `GET /metrics`, from the server's own machine or a trusted address | what the server counts (`metrics.rs`); 403 |
//!
//! Errors are JSON with `error`, a sentence for the user; 429 and 503 say in `retry-after` when to try
//! again. Pages of other sites get 403 for whatever changes something. URLs in answers are paths because the server does not know its own host name.

use std::sync::Arc;

use axum::{
    Extension, Router,
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{any, get, post, put},
};
use object_store::{GetOptions, GetRange, GetResultPayload, ObjectMeta};
use tokio::sync::Semaphore;
use tower_http::timeout::TimeoutBody;

use crate::{
    client::Client,
    connections::Patience,
    error::ApiError,
    limits::{Budgets, Places},
    links::{Id, Lifetime, Secret},
    metrics::{Gauge, MEDIA_TYPE, Metrics},
    picture,
    pieces::Pieces,
    receiving,
    store::{Scenes, StoreError},
    uploads::Uploads,
};

/// What all requests share.
#[derive(Clone)]
pub struct Shared {
    pub scenes: Scenes,
    pub uploads: Uploads,
    pub default_lifetime: Lifetime,
    /// The connections.
    pub connections: Places,
    /// The bodies that are coming, which are in memory until they are stored.
    pub bodies: Places,
    /// Bundles are in memory while they are checked.
    pub completions: Arc<Semaphore>,
    /// What one sender may do in a while.
    pub budgets: Arc<Budgets>,
    /// How long the server waits.
    pub patience: Patience,
    /// Where everything is counted.
    pub metrics: Arc<Metrics>,
    /// Whether everybody may see what is counted.
    pub public_metrics: bool,
}

/// The routes of the interface.
pub fn routes(shared: Shared) -> Router {
    Router::new()
        .route("/api/uploads", post(receiving::begin))
        .route("/api/uploads/{id}/parts/{number}", put(receiving::part))
        .route("/api/uploads/{id}/picture", put(receiving::picture))
        .route("/api/uploads/{id}/complete", post(receiving::complete))
        .route(
            "/api/uploads/{id}",
            get(receiving::arrived).delete(receiving::cancel),
        )
        .route("/api/scenes/{id}", get(fetch).delete(remove))
        .route("/api/scenes/{id}/picture", get(picture))
        .route("/api/{*other}", any(async || ApiError::NoSuchAddress))
        .route("/healthz", get(async || "ok"))
        .route("/metrics", get(metrics))
        .with_state(shared)
}

async fn metrics(
    State(shared): State<Shared>,
    Extension(client): Extension<Client>,
) -> Result<Response, ApiError> {
    if !client.is_near && !shared.public_metrics {
        return Err(ApiError::NotNear);
    }
    let (unfinished, unfinished_bytes) = shared.uploads.unfinished_ones();
    let gauge = |name, help, value| Gauge { name, help, value };
    let gauges = [
        gauge(
            "connections",
            "Connections now.",
            shared.connections.count() as u64,
        ),
        gauge(
            "bodies",
            "Bodies of uploads that are coming now.",
            shared.bodies.count() as u64,
        ),
        gauge(
            "unfinished_uploads",
            "Unfinished uploads.",
            unfinished as u64,
        ),
        gauge(
            "unfinished_bytes",
            "Announced bytes of unfinished uploads.",
            unfinished_bytes,
        ),
        gauge(
            "store_bytes",
            "Bytes of bundles and pictures.",
            shared.scenes.bytes(),
        ),
    ];
    let text = shared.metrics.text(&gauges);
    Ok((
        [("content-type", MEDIA_TYPE), ("cache-control", "no-store")],
        text,
    )
        .into_response())
}

/// Headers of a scene and its picture. Its visitors keep them and ask each time whether they are still
/// there and still the same, so that nothing else is shown of a scene that was replaced or deleted.
fn headers_of(meta: &ObjectMeta) -> [(&'static str, String); 4] {
    [
        ("content-length", meta.size.to_string()),
        ("cache-control", "private, no-cache".to_owned()),
        ("etag", meta.e_tag.clone().unwrap_or_default()),
        ("x-robots-tag", "noindex".to_owned()),
    ]
}

/// The answer to a visitor who has this very object.
fn unchanged(headers: &HeaderMap, meta: &ObjectMeta) -> Option<Response> {
    let etag = meta.e_tag.as_deref()?;
    let known = headers.get(header::IF_NONE_MATCH)?.to_str().ok()?;
    let is_it = |known: &str| known.trim().trim_start_matches("W/") == etag;
    let [_, cached @ ..] = headers_of(meta);
    known
        .split(',')
        .any(is_it)
        .then(|| (StatusCode::NOT_MODIFIED, cached).into_response())
}

async fn picture(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let picture = shared.scenes.picture(known(&id)?).await?;
    if let Some(unchanged) = unchanged(&headers, &picture.meta) {
        return Ok(unchanged);
    }
    let meta = picture.meta.clone();
    let bytes = shared.scenes.collect(picture).await?;
    let more = [
        ("content-type", picture::media_type(&bytes)?),
        // Pages that show a link show its picture, too.
        ("cross-origin-resource-policy", "cross-origin"),
    ];
    Ok((more, headers_of(&meta), bytes).into_response())
}

async fn fetch(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let id = known(&id)?;
    let mut options = GetOptions::new();
    if let Some(asked) = range(&headers) {
        let meta = shared
            .scenes
            .get(id, options.clone().with_head(true))
            .await?
            .meta;
        if let Some(unchanged) = unchanged(&headers, &meta) {
            return Ok(unchanged);
        }
        // Who has a part of another version gets this one whole.
        let known = headers.get(header::IF_RANGE);
        if known.is_none_or(|known| meta.e_tag.as_ref().is_some_and(|etag| known == etag)) {
            let size = meta.size;
            let found = asked.as_range(size).map_err(|_| ApiError::Range { size })?;
            // It is a part of this version, or of none.
            options = options
                .with_range(Some(GetRange::Bounded(found)))
                .with_if_match(meta.e_tag);
        }
    }
    let is_part = options.range.is_some();
    let bundle = shared.scenes.get(id, options).await?;
    if let Some(unchanged) = unchanged(&headers, &bundle.meta) {
        return Ok(unchanged);
    }
    let (size, part) = (bundle.meta.size, bundle.range.clone());
    let more = [
        ("content-type", "application/octet-stream"),
        (
            "content-disposition",
            "attachment; filename=\"scene.segscape\"",
        ),
        ("accept-ranges", "bytes"),
    ];
    let mut headers = headers_of(&bundle.meta);
    let said = format!("bytes {}-{}/{size}", part.start, part.end.saturating_sub(1));
    headers[0].1 = (part.end - part.start).to_string();
    let body = match bundle.payload {
        GetResultPayload::File(file, _) => Body::new(Pieces::of(file, part)),
        GetResultPayload::Stream(stream) => Body::from_stream(stream),
    };
    // A store that stops in the middle ends the connection.
    let body = Body::new(TimeoutBody::new(shared.patience.store, body));
    let whole = (more, headers, body);
    if !is_part {
        return Ok(whole.into_response());
    }
    let said = [("content-range", said)];
    Ok((StatusCode::PARTIAL_CONTENT, said, whole).into_response())
}

/// The one range of bytes that a request asks for. Others are answered with everything.
fn range(headers: &HeaderMap) -> Option<GetRange> {
    let text = headers.get(header::RANGE)?.to_str().ok()?;
    let (from, to) = text.strip_prefix("bytes=")?.split_once('-')?;
    let number = |text: &str| text.parse::<u64>().ok();
    match (from, to) {
        ("", last) => number(last).filter(|last| *last > 0).map(GetRange::Suffix),
        (from, "") => number(from).map(GetRange::Offset),
        (from, to) => {
            let (from, end) = (number(from)?, number(to)?.saturating_add(1));
            (from < end).then_some(GetRange::Bounded(from..end))
        }
    }
}

async fn remove(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    shared
        .scenes
        .delete(known(&id)?, &secret(&headers)?)
        .await?;
    tracing::info!("scene deleted");
    Ok(StatusCode::NO_CONTENT)
}

/// The secret of a request.
pub fn secret(headers: &HeaderMap) -> Result<Secret, StoreError> {
    let secret = headers.get(header::AUTHORIZATION).and_then(|value| {
        value
            .to_str()
            .ok()?
            .strip_prefix("Bearer ")?
            .parse::<Secret>()
            .ok()
    });
    secret.ok_or(StoreError::WrongSecret)
}

/// Parses an id. Text that is not exactly an id never reaches the store.
fn known(id: &str) -> Result<Id, StoreError> {
    id.parse().map_err(|_| StoreError::Missing)
}
