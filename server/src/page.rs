//! Serves the app's files: the page with a nonce for its own scripts, all other files as built, also
//! compressed if they were when the app was built, and cached indefinitely if the name contains a
//! hash.

use std::path::PathBuf;

use axum::{
    Extension, Router,
    extract::{Path, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{Html, IntoResponse, Response},
    routing::get,
};
use tower_http::services::ServeDir;

use crate::{
    client::Client,
    links::{Id, hex, random},
    preview::{self, Preview},
    security::page_policy,
    store::Scenes,
};

/// Minimum number of digits of a hash in a file name.
const HASH_DIGITS: usize = 10;

/// The app and the scenes that its pages are about.
#[derive(Clone)]
pub struct App {
    /// The app's folder.
    pub folder: PathBuf,
    /// The scenes.
    pub scenes: Scenes,
}

/// The routes `/`, `/s/<id>`, `/embed/<id>` and the files of the app's folder.
pub fn routes(app: App) -> Router {
    let files = ServeDir::new(&app.folder)
        .append_index_html_on_directories(false)
        .precompressed_br()
        .precompressed_gzip();
    Router::new()
        .route("/", get(home))
        .route("/index.html", get(home))
        .route("/s/{id}", get(scene))
        .route("/embed/{id}", get(embedded))
        .with_state(app)
        .fallback_service(files)
        .layer(middleware::from_fn(cache))
}

async fn home(State(app): State<App>) -> Response {
    page(&app, "", false).await
}

/// The page of a shared scene. The page itself fetches the scene and reports if there is none.
async fn scene(
    State(app): State<App>,
    Extension(client): Extension<Client>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let Ok(id) = id.parse::<Id>() else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let tags = match app.scenes.described(id).await {
        Ok((title, picture)) => {
            let preview = Preview {
                origin: preview::origin(&headers, client.is_secure),
                id,
                title: &title,
                picture,
            };
            preview.tags()
        }
        Err(_) => String::new(),
    };
    let mut response = page(&app, &tags, false).await;
    response
        .headers_mut()
        .insert("x-robots-tag", HeaderValue::from_static("noindex"));
    response
}

/// The page of a shared scene that other pages may frame.
async fn embedded(State(app): State<App>, Path(id): Path<String>) -> Response {
    if id.parse::<Id>().is_err() {
        return StatusCode::NOT_FOUND.into_response();
    }
    let mut response = page(&app, "", true).await;
    let headers = response.headers_mut();
    for (name, value) in [
        ("x-robots-tag", "noindex"),
        ("cross-origin-resource-policy", "cross-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// The page, with these tags in its head.
async fn page(app: &App, tags: &str, framed: bool) -> Response {
    let (Ok(html), Ok(nonce)) = (
        tokio::fs::read_to_string(app.folder.join("index.html")).await,
        random::<16>(),
    ) else {
        tracing::error!("index.html cannot be read");
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let nonce = hex(&nonce);
    let html = html.replace("<script", &format!("<script nonce=\"{nonce}\""));
    let html = html.replacen("</title>", &format!("</title>{tags}"), 1);
    (
        [(header::CONTENT_SECURITY_POLICY, page_policy(&nonce, framed))],
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
    let is_page = ["/s/", "/embed/"].iter().any(|page| path.starts_with(page));
    !is_page && path.split(['/', '-', '_', '.']).any(is_hash)
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
            "/service-worker.js",
            "/manifest.webmanifest",
            "/models/manifest.json",
            "/icons/face-feed.png",
            "/s/0123456789abcdef0123456789abcdef",
            "/embed/0123456789abcdef0123456789abcdef",
        ] {
            assert!(!is_hashed(plain), "{plain}");
        }
    }
}
