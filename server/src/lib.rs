//! Serves the app and keeps shared scenes behind unlisted links. It reads and writes nothing
//! outside the app's folder and the store.

use std::{future::Future, io, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use axum::extract::{MatchedPath, Request};
use object_store::ObjectStore;
use tokio::net::TcpListener;
use tower_http::trace::TraceLayer;

mod error;
mod limits;
mod links;
mod page;
mod picture;
mod preview;
mod receiving;
mod routes;
pub mod store;
pub mod uploads;

pub use limits::{UPLOAD_BURST, UPLOAD_PERIOD};
pub use links::{Lifetime, NotALifetime};

/// Time between two searches for expired scenes and unfinished uploads.
const SWEEP_PERIOD: Duration = Duration::from_secs(600);

/// The settings of a server.
pub struct Config {
    /// Folder with the built app, which contains `index.html`.
    pub app: PathBuf,
    /// The store of the scenes.
    pub store: Arc<dyn ObjectStore>,
    /// Limits on uploads.
    pub limits: uploads::Limits,
    /// Lifetime of a scene whose upload does not specify one.
    pub default_lifetime: Lifetime,
    /// If `true`, the server is behind a reverse proxy that writes `x-forwarded-for`.
    pub behind_proxy: bool,
}

/// Serves until `shutdown` completes, then finishes the requests in progress.
///
/// # Errors
/// Returns an error if the listener fails.
pub async fn serve(
    listener: TcpListener,
    config: Config,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let scenes = store::Scenes::new(Arc::clone(&config.store));
    let uploads = uploads::Uploads::new(config.store, scenes.clone(), config.limits);
    let asker = limits::Asker {
        behind_proxy: config.behind_proxy,
    };
    let routes = routes::routes(
        scenes.clone(),
        uploads.clone(),
        config.default_lifetime,
        asker,
    )
    .merge(page::routes(page::App {
        folder: config.app,
        scenes: scenes.clone(),
        behind_proxy: config.behind_proxy,
    }));
    let sweeper = tokio::spawn(sweep(scenes, uploads));
    let service = limits::secure(routes).layer(TraceLayer::new_for_http().make_span_with(span));
    let service = service.into_make_service_with_connect_info::<SocketAddr>();
    let result = axum::serve(listener, service)
        .with_graceful_shutdown(shutdown)
        .await;
    sweeper.abort();
    result
}

/// Creates the log span of a request. Links are secret, so the log contains the route, not the
/// path.
fn span(request: &Request) -> tracing::Span {
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("file", MatchedPath::as_str);
    tracing::info_span!("request", method = %request.method(), route)
}

async fn sweep(scenes: store::Scenes, uploads: uploads::Uploads) {
    let mut ticks = tokio::time::interval(SWEEP_PERIOD);
    loop {
        ticks.tick().await;
        match scenes.sweep().await {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "expired scenes deleted"),
            Err(error) => tracing::error!("expired scenes cannot be found: {error}"),
        }
        match uploads.sweep().await {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "unfinished uploads deleted"),
            Err(error) => tracing::error!("unfinished uploads cannot be found: {error}"),
        }
    }
}
