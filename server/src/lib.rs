//! Serves the app and keeps shared scenes behind unlisted links. It reads and writes nothing
//! outside the app's folder and the store.

use std::{path::PathBuf, sync::Arc, time::Duration};

use axum::{Router, extract::Request, middleware};
use tokio::{
    net::TcpListener,
    sync::{Semaphore, mpsc},
};
use tower_http::trace::TraceLayer;

mod body;
mod client;
mod connections;
mod error;
mod hosts;
mod limits;
mod links;
pub mod log;
mod metrics;
mod page;
mod picture;
mod pieces;
mod preview;
mod receiving;
mod requests;
mod routes;
mod security;
mod storage;
pub mod store;
mod stream;
pub mod uploads;

pub use client::Proxies;
pub use connections::Patience;
pub use hosts::{Host, Hosts, NotAHost};
pub use limits::{UPLOAD_BURST, UPLOAD_PERIOD};
pub use links::{Lifetime, NotALifetime};
pub use storage::Storage;

use connections::Connections;
use limits::{Budgets, Places};
use metrics::Metrics;
use store::{STORING_MAY_TAKE, StoreError};

/// Maximum number of bodies that come at the same time, in all and of one address.
const BODIES: (usize, usize) = (64, 4);
/// Maximum number of bundles that are checked at the same time.
const COMPLETIONS: usize = 4;

/// The settings of a server.
pub struct Config {
    /// Folder with the built app, which contains `index.html`.
    pub app: PathBuf,
    /// The store of the scenes.
    pub store: Storage,
    /// Limits on uploads.
    pub limits: uploads::Limits,
    /// Number of bytes that one address may announce in a day.
    pub max_bytes_per_day: u64,
    /// Number of connections, in all and of one address.
    pub max_connections: (usize, usize),
    /// Lifetime of a scene whose upload does not specify one.
    pub default_lifetime: Lifetime,
    /// The hosts that the server answers for.
    pub hosts: Hosts,
    /// The reverse proxies that are believed.
    pub proxies: Proxies,
    /// Whether everybody may see what the server counts.
    pub public_metrics: bool,
    /// How long the server waits.
    pub patience: Patience,
    /// Time between two searches for what has expired and for what other servers stored.
    pub sweep_period: Duration,
}

/// Serves until it is told to stop, then finishes the requests in progress, for a limited time or
/// until it is told a second time.
///
/// # Errors
/// Returns an error if the store cannot be read.
pub async fn serve(
    listener: TcpListener,
    config: Config,
    stops: mpsc::Receiver<()>,
) -> Result<(), StoreError> {
    let patience = config.patience;
    let store = config.store.within(patience.store);
    let scenes = store::Scenes::new(store.clone());
    scenes.count().await?;
    let uploads = uploads::Uploads::new(store.clone(), scenes.clone(), config.limits);
    let metrics = Arc::new(Metrics::default());
    let (total, of_address) = config.max_connections;
    let places = Places::new(total, of_address);
    let (bodies, bodies_of_address) = BODIES;
    // One scene of the largest size has to be possible.
    let bytes = config.max_bytes_per_day.max(config.limits.max_bytes);
    let shared = routes::Shared {
        scenes: scenes.clone(),
        uploads: uploads.clone(),
        default_lifetime: config.default_lifetime,
        connections: places.clone(),
        bodies: Places::new(bodies, bodies_of_address),
        completions: Arc::new(Semaphore::new(COMPLETIONS)),
        budgets: Arc::new(Budgets::new(bytes)),
        patience,
        metrics: Arc::clone(&metrics),
        public_metrics: config.public_metrics,
    };
    let sweeper = Sweeper {
        store,
        scenes: scenes.clone(),
        uploads,
        budgets: Arc::clone(&shared.budgets),
        metrics: Arc::clone(&metrics),
        period: config.sweep_period,
    };
    let sweeper = tokio::spawn(sweeper.run());
    let app = page::App {
        folder: config.app,
        scenes,
    };
    let routes = security::own_pages_only(routes::routes(shared)).merge(page::routes(app));
    let connections = Connections {
        app: around(routes, config.hosts, config.proxies.clone(), &metrics),
        proxies: config.proxies,
        places,
        patience,
        metrics,
    };
    connections.serve(listener, stops).await;
    sweeper.abort();
    Ok(())
}

/// Adds to the routes what all answers have in common.
fn around(routes: Router, hosts: Hosts, proxies: Proxies, metrics: &Arc<Metrics>) -> Router {
    let routes = hosts::own_hosts_only(routes, hosts);
    let routes = routes.layer(middleware::from_fn(error::refuse_in_json));
    let routes = client::tell(security::secure(routes), proxies);
    metrics::count(routes, Arc::clone(metrics))
        .layer(TraceLayer::new_for_http().make_span_with(span))
}

/// Creates the log span of a request, with the route, because the path is a secret.
fn span(request: &Request) -> tracing::Span {
    let route = metrics::route(request);
    tracing::info_span!("request", method = %request.method(), route)
}

/// What deletes what is over, from time to time.
struct Sweeper {
    store: Storage,
    scenes: store::Scenes,
    uploads: uploads::Uploads,
    budgets: Arc<Budgets>,
    metrics: Arc<Metrics>,
    period: Duration,
}

impl Sweeper {
    async fn run(self) {
        let mut ticks = tokio::time::interval(self.period);
        loop {
            ticks.tick().await;
            self.swept("expired scenes", self.scenes.sweep().await);
            self.swept("unfinished uploads", self.uploads.sweep().await);
            let halves = self
                .store
                .sweep(Duration::from_secs(STORING_MAY_TAKE))
                .await;
            self.swept::<StoreError>("half files", Ok(halves));
            self.budgets.forget();
        }
    }

    fn swept<E: std::fmt::Display>(&self, what: &str, result: Result<usize, E>) {
        match &result {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "{what} deleted"),
            Err(error) => tracing::error!("{what} cannot be found: {error}"),
        }
        self.metrics.swept(result.ok());
    }
}
