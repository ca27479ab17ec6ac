//! Serves the app's files: the page with a nonce for its own scripts, all other files as built,
//! compressed, and cached indefinitely if the name contains a hash.

use std::path::PathBuf;

use axum::{
    Router,
    extract::{Path, Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{Html, IntoResponse, Response},
    routing::get,
};
use tower_http::{
    CompressionLevel,
    compression::{
        CompressionLayer, DefaultPredicate, Predicate as _, predicate::NotForContentType,
    },
    services::ServeDir,
};

use crate::{
    limits::page_policy,
    links::{SceneId, hex, random},
};

/// Minimum number of digits of a hash in a file name.
const HASH_DIGITS: usize = 10;

/// The routes `/`, `/s/<id>` and the files of the app's folder.
pub fn routes(app: PathBuf) -> Router {
    let files = ServeDir::new(&app)
        .append_index_html_on_directories(false)
        .precompressed_br()
        .precompressed_gzip();
    // Weights and bundles cannot be compressed further.
    let worthwhile =
        DefaultPredicate::new().and(NotForContentType::const_new("application/octet-stream"));
    Router::new()
        .route("/", get(page))
        .route("/index.html", get(page))
        .route("/s/{id}", get(scene))
        .with_state(app)
        .fallback_service(files)
        .layer(middleware::from_fn(cache))
        // A file without a precompressed version is compressed on every request. Quality 5 gives
        // most of the gain at little cost.
        .layer(
            CompressionLayer::new()
                .quality(CompressionLevel::Precise(5))
                .compress_when(worthwhile),
        )
}

/// The page of a shared scene. The page itself fetches the scene and reports if there is none.
async fn scene(State(app): State<PathBuf>, Path(id): Path<String>) -> Response {
    if id.parse::<SceneId>().is_err() {
        return StatusCode::NOT_FOUND.into_response();
    }
    let mut response = page(State(app)).await;
    response
        .headers_mut()
        .insert("x-robots-tag", HeaderValue::from_static("noindex"));
    response
}

async fn page(State(app): State<PathBuf>) -> Response {
    let (Ok(html), Ok(nonce)) = (
        tokio::fs::read_to_string(app.join("index.html")).await,
        random::<16>(),
    ) else {
        tracing::error!("index.html cannot be read");
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let nonce = hex(&nonce);
    let html = html.replace("<script", &format!("<script nonce=\"{nonce}\""));
    (
        [(header::CONTENT_SECURITY_POLICY, page_policy(&nonce))],
        Html(html),
    )
        .into_response()
}

/// Sets the cache header: files with a hash in the name never change, all others must be
/// revalidated.
async fn cache(request: Request, next: Next) -> Response {
    let hashed = is_hashed(request.uri().path());
    let mut response = next.run(request).await;
    let value = if hashed && response.status().is_success() {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static(value));
    response
}

/// Returns `true` if some part of the path is a hash: `/app-0123456789abcdef_bg.wasm`,
/// `/models/nano-0123456789ab/shard-0`.
fn is_hashed(path: &str) -> bool {
    let is_hash = |part: &str| {
        part.len() >= HASH_DIGITS
            && part
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    !path.starts_with("/s/") && path.split(['/', '-', '_', '.']).any(is_hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_with_a_hash_are_kept_for_good() {
        for hashed in [
            "/app-1f00aa55bb66cc77_bg.wasm",
            "/models/nano-0123456789ab/shard-0.bin",
            "/style-00112233445566.css",
        ] {
            assert!(is_hashed(hashed), "{hashed}");
        }
        for plain in [
            "/",
            "/index.html",
            "/worker.js",
            "/models/manifest.json",
            "/icons/face-feed.png",
            "/s/0123456789abcdef0123456789abcdef",
        ] {
            assert!(!is_hashed(plain), "{plain}");
        }
    }
}
