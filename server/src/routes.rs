//! The HTTP interface for scenes.
//!
//! A bundle arrives in parts, and a link leads to it once all of them are there:
//!
//! | request | answer |
//! |---|---|
//! | `POST /api/uploads`, JSON `bytes`, and perhaps `days` (1, 7 or 90) and `title` | 201, JSON `upload`, `part_bytes`, `parts`, and the link: `id`, `url`, `manage_url`, `secret`; 400, 413, 415, 422, 429, 503 |
//! | the same with `replaces`, the id of a scene, and `authorization: Bearer <secret>` | the same without a new secret; 403, 404, 410 |
//! | `GET /api/uploads/<upload>` | JSON `bytes`, `part_bytes`, `parts`, `arrived` (numbers of parts), `expires`; 404 |
//! | `PUT /api/uploads/<upload>/parts/<number>`, `content-digest: sha-256=:<base64>:`, body `part_bytes` bytes, or what is left for the last part; numbers count from 0 | 204; 400, 404, 408, 413, 422, 503 |
//! | `PUT /api/uploads/<upload>/picture`, body a PNG or JPEG of 1200 x 630 pixels | 204; 404, 408, 413, 422, 503 |
//! | `POST /api/uploads/<upload>/complete` | JSON `id`, `url`, `expires` (seconds since 1970), also if it is asked again; 403, 404, 409, 410, 422, 503 |
//! | `DELETE /api/uploads/<upload>` | 204; 404 |
//!
//! | request | answer |
//! |---|---|
//! | `GET /api/scenes/<id>` | the bundle, with an `etag`; 304, 404, 410 |
//! | `GET /api/scenes/<id>/picture` | the picture, with an `etag`; 304, 404, 410 |
//! | `DELETE /api/scenes/<id>`, `authorization: Bearer <secret>` | 204; 403, 404 |
//! | `GET /healthz` | 200 |
//!
//! Errors are JSON with `error`, a sentence for the user; 429 and 503 say in `retry-after` when to try
//! again. URLs in answers are paths because the server does not know its own host name.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{DefaultBodyLimit, Path, State},
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{any, get, post, put},
};
use object_store::ObjectMeta;
use tokio::sync::Semaphore;

use crate::{
    error::ApiError,
    limits::{self, Asker, Bodies, COMPLETIONS},
    links::{Id, Lifetime, Secret},
    picture, receiving,
    store::{Scenes, StoreError},
    uploads::Uploads,
};

/// Maximum size of a request in JSON, bytes.
const MAX_JSON_BYTES: usize = 16 << 10;

/// What all requests share.
#[derive(Clone)]
pub struct Shared {
    pub scenes: Scenes,
    pub uploads: Uploads,
    pub default_lifetime: Lifetime,
    /// The bodies that are coming.
    pub bodies: Bodies,
    /// Bundles are in memory while they are checked.
    pub completions: Arc<Semaphore>,
}

/// The routes that serve `scenes`, to which `uploads` are added.
pub fn routes(
    scenes: Scenes,
    uploads: Uploads,
    default_lifetime: Lifetime,
    asker: Asker,
) -> Router {
    let part_bytes = uploads.limits().part_bytes as usize;
    let shared = Shared {
        scenes,
        uploads,
        default_lifetime,
        bodies: Bodies::default(),
        completions: Arc::new(Semaphore::new(COMPLETIONS)),
    };
    let limited = |bytes: usize| DefaultBodyLimit::max(bytes);
    let begin = Router::new()
        .route("/api/uploads", post(receiving::begin))
        .layer(limited(MAX_JSON_BYTES));
    let parts = put(receiving::part).layer(limited(part_bytes));
    let pictures = put(receiving::picture).layer(limited(picture::MAX_BYTES as usize));
    let uploads = limits::limit_uploads(begin, asker)
        .route("/api/uploads/{id}/parts/{number}", parts)
        .route("/api/uploads/{id}/picture", pictures)
        .route("/api/uploads/{id}/complete", post(receiving::complete))
        .route(
            "/api/uploads/{id}",
            get(receiving::arrived).delete(receiving::cancel),
        );
    limits::tell_sender(uploads, asker)
        .route("/api/scenes/{id}", get(fetch).delete(remove))
        .route("/api/scenes/{id}/picture", get(picture))
        .route("/api/{*other}", any(async || ApiError::NoSuchAddress))
        .route("/healthz", get(async || "ok"))
        .method_not_allowed_fallback(async |method: Method| ApiError::Method(method))
        .with_state(shared)
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
    let bytes = picture.bytes().await.map_err(StoreError::from)?;
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
    let bundle = shared.scenes.get(known(&id)?).await?;
    if let Some(unchanged) = unchanged(&headers, &bundle.meta) {
        return Ok(unchanged);
    }
    let more = [
        ("content-type", "application/octet-stream"),
        (
            "content-disposition",
            "attachment; filename=\"scene.segscape\"",
        ),
    ];
    let headers = headers_of(&bundle.meta);
    Ok((more, headers, Body::from_stream(bundle.into_stream())).into_response())
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
