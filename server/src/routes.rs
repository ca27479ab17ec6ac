//! The HTTP interface for scenes.
//!
//! | request | answer |
//! |---|---|
//! | `POST /api/scenes?days=1\|7\|90&title=TEXT`, body a bundle | 201, JSON `id`, `url`, `manage_url`, `secret`, `expires` (seconds since 1970); 400, 413, 422, 429, 503 |
//! | `GET /api/scenes/<id>` | the bundle; 404, 410 |
//! | `PUT /api/scenes/<id>/picture`, `authorization: Bearer <secret>`, body a PNG or JPEG of 1200 x 630 pixels | 204; 403, 404, 410, 413, 422 |
//! | `GET /api/scenes/<id>/picture` | the picture; 404, 410 |
//! | `DELETE /api/scenes/<id>`, `authorization: Bearer <secret>` | 204; 403, 404 |
//! | `GET /healthz` | 200 |
//!
//! Errors are JSON with `error`, a sentence for the user. URLs in answers are paths because the
//! server does not know its own host name.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, FromRequest as _, Path, Query, Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use segscape::bundle::{self, BundleError};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Semaphore;
use tower_http::timeout::TimeoutLayer;

use crate::{
    limits::{self, Asker, CONCURRENT_UPLOADS, UPLOAD_TIMEOUT},
    links::{Lifetime, NotALifetime, SceneId, Secret},
    picture::{self, NotAPicture},
    store::{Scenes, StoreError, Stored},
};

/// Longest title of a scene, characters; the rest of a longer one is left out.
const LONGEST_TITLE: usize = 200;

#[derive(Clone)]
struct Shared {
    scenes: Scenes,
    max_bytes: usize,
    default_lifetime: Lifetime,
    uploads: Arc<Semaphore>,
}

/// The reason why a request was refused.
#[derive(Debug, thiserror::Error)]
enum ApiError {
    #[error("what was sent is larger than {limit} bytes, the limit of this server")]
    TooLarge { limit: usize },
    #[error("{0}")]
    Malformed(#[from] BundleError),
    #[error("{0}")]
    Lifetime(#[from] NotALifetime),
    #[error("{0}")]
    Picture(#[from] NotAPicture),
    #[error("the upload was interrupted; try again")]
    BrokenOff,
    #[error("the server is busy with other uploads; try again in a minute")]
    Busy,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = match &self {
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Malformed(_) | Self::Picture(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Lifetime(_) | Self::BrokenOff => StatusCode::BAD_REQUEST,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Store(StoreError::Missing) => StatusCode::NOT_FOUND,
            Self::Store(StoreError::Expired) => StatusCode::GONE,
            Self::Store(StoreError::WrongSecret) => StatusCode::FORBIDDEN,
            Self::Store(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        // Details of internal failures go to the log, not to the client.
        let message = if status == StatusCode::INTERNAL_SERVER_ERROR {
            tracing::error!("{self}");
            "an internal error occurred in the server, which changed nothing; try again later"
                .to_owned()
        } else {
            self.to_string()
        };
        (status, Json(json!({ "error": message }))).into_response()
    }
}

/// The routes that serve `scenes`. Bundles may have at most `max_bytes` bytes.
pub fn routes(
    scenes: Scenes,
    max_bytes: usize,
    default_lifetime: Lifetime,
    asker: Asker,
) -> Router {
    let shared = Shared {
        scenes,
        max_bytes,
        default_lifetime,
        uploads: Arc::new(Semaphore::new(CONCURRENT_UPLOADS)),
    };
    let uploads = Router::new()
        .route("/api/scenes", post(upload))
        .layer(DefaultBodyLimit::max(max_bytes))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::REQUEST_TIMEOUT,
            UPLOAD_TIMEOUT,
        ));
    let pictures = Router::new()
        .route("/api/scenes/{id}/picture", get(picture).put(set_picture))
        .layer(DefaultBodyLimit::max(picture::MAX_BYTES))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::REQUEST_TIMEOUT,
            UPLOAD_TIMEOUT,
        ));
    limits::limit_uploads(uploads, asker)
        .merge(pictures)
        .route("/api/scenes/{id}", get(fetch).delete(remove))
        .route("/healthz", get(|| async { "ok" }))
        .with_state(shared)
}

#[derive(Deserialize)]
struct UploadQuery {
    days: Option<String>,
    #[serde(default)]
    title: String,
}

async fn upload(
    State(shared): State<Shared>,
    Query(query): Query<UploadQuery>,
    request: Request,
) -> Result<Response, ApiError> {
    let limit = shared.max_bytes;
    let lifetime = query
        .days
        .map_or(Ok(shared.default_lifetime), |days| days.parse())?;
    let _permit = shared.uploads.try_acquire().map_err(|_| ApiError::Busy)?;
    let body = received(request, limit).await?;
    let title = query.title.chars().filter(|c| !c.is_control());
    let title = title.take(LONGEST_TITLE).collect();
    let checked = body.clone();
    let inspection = tokio::task::spawn_blocking(move || bundle::inspect(&checked))
        .await
        .map_err(|_| ApiError::BrokenOff)??;
    let Stored {
        id,
        secret,
        expires,
    } = shared
        .scenes
        .add(body, inspection.points, title, lifetime)
        .await?;
    tracing::info!(
        bytes = inspection.bytes,
        points = inspection.points,
        "scene stored"
    );
    let secret = secret.reveal();
    let answer = json!({ "id": id.to_string(), "url": format!("/s/{id}"), "manage_url": format!("/s/{id}#manage={secret}"), "secret": secret, "expires": expires });
    Ok((
        StatusCode::CREATED,
        [(header::CACHE_CONTROL, "no-store")],
        Json(answer),
    )
        .into_response())
}

/// The whole body of a request whose body is limited to `limit` bytes.
async fn received(request: Request, limit: usize) -> Result<Bytes, ApiError> {
    let announced = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limit as u64) {
        return Err(ApiError::TooLarge { limit });
    }
    let body = Bytes::from_request(request, &()).await;
    body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::TooLarge { limit },
        _ => ApiError::BrokenOff,
    })
}

async fn set_picture(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    headers: HeaderMap,
    request: Request,
) -> Result<StatusCode, ApiError> {
    let (id, secret) = (known(&id)?, secret(&headers)?);
    let _permit = shared.uploads.try_acquire().map_err(|_| ApiError::Busy)?;
    let body = received(request, picture::MAX_BYTES).await?;
    picture::media_type(&body)?;
    shared.scenes.set_picture(id, &secret, body).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn picture(
    State(shared): State<Shared>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let bytes = shared.scenes.picture(known(&id)?).await?;
    let headers = [
        (header::CONTENT_TYPE.as_str(), picture::media_type(&bytes)?),
        // A deleted scene must not survive in caches.
        (header::CACHE_CONTROL.as_str(), "no-store"),
        ("x-robots-tag", "noindex"),
        // Pages that show a link show its picture, too.
        ("cross-origin-resource-policy", "cross-origin"),
    ];
    Ok((headers, bytes).into_response())
}

async fn fetch(State(shared): State<Shared>, Path(id): Path<String>) -> Result<Response, ApiError> {
    let bundle = shared.scenes.get(known(&id)?).await?;
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_LENGTH, bundle.meta.size.to_string()),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"scene.segscape\"".to_owned(),
        ),
        // A deleted scene must not survive in caches.
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((
        headers,
        [("x-robots-tag", "noindex")],
        Body::from_stream(bundle.into_stream()),
    )
        .into_response())
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
fn secret(headers: &HeaderMap) -> Result<Secret, StoreError> {
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
fn known(id: &str) -> Result<SceneId, StoreError> {
    id.parse().map_err(|_| StoreError::Missing)
}
