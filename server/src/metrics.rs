//! What the server counts of its work, in the text format of Prometheus. Nothing in it says who asked
//! for what.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use axum::{
    Router,
    extract::{MatchedPath, Request, State},
    middleware::{self, Next},
    response::Response,
};

/// The media type of the format.
pub const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The counters of one server.
#[derive(Default)]
pub struct Metrics {
    requests: Mutex<BTreeMap<(String, u16), u64>>,
    refusals: Mutex<BTreeMap<&'static str, u64>>,
    received: AtomicU64,
    sent: AtomicU64,
    sweeps: AtomicU64,
    failed_sweeps: AtomicU64,
    swept: AtomicU64,
}

/// Why a request was refused, as an extension of its answer.
#[derive(Clone, Copy)]
pub struct Reason(pub &'static str);

/// A number that goes up and down.
pub struct Gauge {
    /// Its name.
    pub name: &'static str,
    /// What it means.
    pub help: &'static str,
    /// What it is now.
    pub value: u64,
}

impl Metrics {
    /// Counts bytes that came from peers.
    pub fn received(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Relaxed);
    }

    /// Counts bytes that went to peers.
    pub fn sent(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Relaxed);
    }

    /// Counts a refusal.
    pub fn refused(&self, reason: &'static str) {
        *lock(&self.refusals).entry(reason).or_default() += 1;
    }

    /// Counts a search for what has expired, which removed so much; `None` if it failed.
    pub fn swept(&self, removed: Option<usize>) {
        self.sweeps.fetch_add(1, Relaxed);
        match removed {
            Some(removed) => self.swept.fetch_add(removed as u64, Relaxed),
            None => self.failed_sweeps.fetch_add(1, Relaxed),
        };
    }

    /// All of it, as text.
    pub fn text(&self, gauges: &[Gauge]) -> String {
        let mut text = String::new();
        family(
            &mut text,
            "requests_total",
            "counter",
            "Requests, by route and class of status.",
        );
        for ((route, class), count) in &*lock(&self.requests) {
            let labels = format!("route=\"{route}\",status=\"{class}xx\"");
            line(&mut text, &format!("requests_total{{{labels}}}"), *count);
        }
        family(
            &mut text,
            "refusals_total",
            "counter",
            "Requests and connections refused, by reason.",
        );
        for (reason, count) in &*lock(&self.refusals) {
            line(
                &mut text,
                &format!("refusals_total{{reason=\"{reason}\"}}"),
                *count,
            );
        }
        for (name, help, count) in [
            ("received_bytes_total", "Bytes received.", &self.received),
            ("sent_bytes_total", "Bytes sent.", &self.sent),
            (
                "sweeps_total",
                "Searches for what has expired.",
                &self.sweeps,
            ),
            (
                "sweeps_failed_total",
                "Searches that failed.",
                &self.failed_sweeps,
            ),
            (
                "swept_total",
                "Objects and uploads that were over and deleted.",
                &self.swept,
            ),
        ] {
            family(&mut text, name, "counter", help);
            line(&mut text, name, count.load(Relaxed));
        }
        for Gauge { name, help, value } in gauges {
            family(&mut text, name, "gauge", help);
            line(&mut text, name, *value);
        }
        text
    }
}

fn family(text: &mut String, name: &str, kind: &str, help: &str) {
    // Text takes everything.
    let _ = writeln!(
        text,
        "# HELP segscape_{name} {help}\n# TYPE segscape_{name} {kind}"
    );
}

fn line(text: &mut String, name: &str, value: u64) {
    let _ = writeln!(text, "segscape_{name} {value}");
}

fn lock<T>(counts: &Mutex<T>) -> MutexGuard<'_, T> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Counts the answers of all routes.
pub fn count(routes: Router, metrics: Arc<Metrics>) -> Router {
    let count =
        async |State(metrics): State<Arc<Metrics>>, request: Request, next: Next| -> Response {
            let route = route(&request).to_owned();
            let answer = next.run(request).await;
            let class = answer.status().as_u16() / 100;
            *lock(&metrics.requests).entry((route, class)).or_default() += 1;
            if let Some(Reason(reason)) = answer.extensions().get() {
                metrics.refused(reason);
            }
            answer
        };
    routes.layer(middleware::from_fn_with_state(metrics, count))
}

/// The route of a request, which says of its address what is no secret.
pub fn route(request: &Request) -> &str {
    let path = request.extensions().get::<MatchedPath>();
    path.map_or("file", MatchedPath::as_str)
}
