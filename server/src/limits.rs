//! Limits and security headers: bounds on requests by number, time and rate per address, and a
//! content security policy for everything the server sends to a browser. What an upload may take is
//! bounded where it is kept (`uploads.rs`).

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    http::{HeaderName, HeaderValue, Method, Request, StatusCode, header},
    middleware::{self, Next},
    response::IntoResponse as _,
};
use tower_governor::{
    GovernorError, GovernorLayer, governor::GovernorConfigBuilder, key_extractor::KeyExtractor,
};
use tower_http::set_header::SetResponseHeaderLayer;

use crate::error::ApiError;

/// Number of uploads that one address may begin at once; after that, one per [`UPLOAD_PERIOD`].
pub const UPLOAD_BURST: u32 = 10;
/// Time between further uploads from one address; see [`UPLOAD_BURST`].
pub const UPLOAD_PERIOD: Duration = Duration::from_secs(60);
/// Maximum duration of a request's body.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(180);
/// Maximum number of bodies that come at the same time, which are in memory until they are stored:
/// of all senders, and of one address, so that few addresses cannot take all places.
const BODIES: usize = 64;
const BODIES_PER_ADDRESS: usize = 4;
/// Maximum number of bundles that are checked at the same time, which are in memory meanwhile.
pub const COMPLETIONS: usize = 4;

/// The bodies that are coming, by address.
#[derive(Clone, Default)]
pub struct Bodies(Arc<Mutex<HashMap<IpAddr, usize>>>);

impl Bodies {
    /// Lets another body come from an address; `None` if too many are coming.
    pub fn admit(&self, address: IpAddr) -> Option<Admitted> {
        let mut coming = self.coming();
        if coming.values().sum::<usize>() >= BODIES {
            return None;
        }
        let own = coming.entry(address).or_default();
        if *own >= BODIES_PER_ADDRESS {
            return None;
        }
        *own += 1;
        Some(Admitted(self.clone(), address))
    }

    fn coming(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of a body that is coming, until it is dropped.
pub struct Admitted(Bodies, IpAddr);

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut coming = self.0.coming();
        if let Some(own) = coming.get_mut(&self.1) {
            *own -= 1;
        }
        coming.retain(|_, own| *own > 0);
    }
}

/// The address that a request counts for.
#[derive(Clone, Copy)]
pub struct Sender(pub IpAddr);

/// Tells the routes who sends a request, as an extension.
pub fn tell_sender<S: Clone + Send + Sync + 'static>(routes: Router<S>, asker: Asker) -> Router<S> {
    routes.layer(middleware::from_fn(
        move |mut request: Request<Body>, next: Next| async move {
            match asker.extract(&request) {
                Ok(address) => {
                    request.extensions_mut().insert(Sender(address));
                    next.run(request).await
                }
                Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
            }
        },
    ))
}

/// Identifies the sender of a request: the peer, or behind a proxy the last address that the proxy
/// wrote. All addresses of an IPv6 network count as one.
#[derive(Clone, Copy)]
pub struct Asker {
    /// If `true`, the server is behind a reverse proxy.
    pub behind_proxy: bool,
}

impl KeyExtractor for Asker {
    type Key = IpAddr;

    fn extract<T>(&self, request: &Request<T>) -> Result<IpAddr, GovernorError> {
        let forwarded = || {
            let last = request
                .headers()
                .get_all("x-forwarded-for")
                .iter()
                .next_back()?
                .to_str()
                .ok()?
                .rsplit(',')
                .next()?;
            let last = last.trim();
            // Some proxies write the port, too.
            let with_port = || last.parse::<SocketAddr>().map(|address| address.ip());
            last.parse().or_else(|_| with_port()).ok()
        };
        let peer = || {
            request
                .extensions()
                .get::<ConnectInfo<SocketAddr>>()
                .map(|info| info.0.ip())
        };
        let address = if self.behind_proxy {
            forwarded().or_else(peer)
        } else {
            peer()
        };
        address
            .map(network)
            .ok_or(GovernorError::UnableToExtractKey)
    }
}

/// The /64 network of an IPv6 address, because an IPv6 customer has at least a /64. IPv4 addresses
/// written as IPv6 are treated as IPv4.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & !u128::from(u64::MAX)).into()),
        v4 => v4,
    }
}

/// Adds the upload rate limit to the routes. A background task removes addresses without recent
/// uploads.
pub fn limit_uploads<S: Clone + Send + Sync + 'static>(
    routes: Router<S>,
    asker: Asker,
) -> Router<S> {
    let config = GovernorConfigBuilder::default()
        .key_extractor(asker)
        .period(UPLOAD_PERIOD)
        .burst_size(UPLOAD_BURST)
        .methods(vec![Method::POST])
        .finish();
    let config = Arc::new(config.expect("the period and the burst are not zero"));
    let limiter = config.limiter().clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(UPLOAD_PERIOD).await;
            limiter.retain_recent();
        }
    });
    let refuse = |error: GovernorError| match error {
        GovernorError::TooManyRequests { wait_time, .. } => {
            ApiError::TooOften { wait: wait_time }.into_response()
        }
        _ => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    };
    routes.layer(GovernorLayer::<_, _, Body>::new(config).error_handler(refuse))
}

/// The content security policy of all answers except the page itself. The worker needs WebAssembly
/// and, for `?scene=`, access to any https address and to servers on the user's own machine.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; \
    connect-src 'self' blob: https: http://127.0.0.1:* http://localhost:*; \
    img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; font-src 'self'; manifest-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'";

/// The policy of the page, whose own inline scripts carry `nonce`. Other pages may frame it only
/// where it is made for that: elsewhere they could lay their own buttons under its visitors' clicks.
pub fn page_policy(nonce: &str, framed: bool) -> String {
    let policy = POLICY.replace(
        "script-src 'self'",
        &format!("script-src 'self' 'nonce-{nonce}'"),
    );
    match framed {
        true => policy.replace("frame-ancestors 'none'", "frame-ancestors *"),
        false => policy,
    }
}

/// Adds the security headers to every answer that does not set them itself.
pub fn secure<S: Clone + Send + Sync + 'static>(mut routes: Router<S>) -> Router<S> {
    let headers = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            HeaderName::from_static("permissions-policy"),
            "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
        ),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ];
    for (name, value) in headers {
        routes = routes.layer(SetResponseHeaderLayer::if_not_present(
            name,
            HeaderValue::from_static(value),
        ));
    }
    routes
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn asked(forwarded: &str, behind_proxy: bool) -> String {
        let mut request = Request::builder()
            .header("x-forwarded-for", forwarded)
            .body(())
            .unwrap();
        request.extensions_mut().insert(ConnectInfo(
            "10.0.0.9:1234".parse::<std::net::SocketAddr>().unwrap(),
        ));
        Asker { behind_proxy }
            .extract(&request)
            .unwrap()
            .to_string()
    }

    #[test]
    fn a_forged_address_counts_only_where_a_proxy_wrote_it() {
        assert_eq!(asked("1.2.3.4", false), "10.0.0.9");
        assert_eq!(asked("6.6.6.6, 1.2.3.4", true), "1.2.3.4");
        assert_eq!(asked("6.6.6.6, 1.2.3.4:4711", true), "1.2.3.4");
        assert_eq!(asked("nonsense", true), "10.0.0.9");
        assert_eq!(asked("2001:db8:1:2:3:4:5:6", true), "2001:db8:1:2::");
        assert_eq!(asked("::ffff:1.2.3.4", true), "1.2.3.4");
    }
    #[test]
    fn no_address_takes_all_places() {
        let bodies = Bodies::default();
        let address = |last: u8| IpAddr::from([10, 0, 0, last]);
        let held: Vec<_> = (0..).map_while(|_| bodies.admit(address(1))).collect();
        assert_eq!(held.len(), BODIES_PER_ADDRESS);
        let mut others: Vec<_> = (2..100)
            .filter_map(|last| bodies.admit(address(last)))
            .collect();
        assert_eq!(held.len() + others.len(), BODIES);
        assert!(bodies.admit(address(200)).is_none());
        others.pop();
        assert!(bodies.admit(address(200)).is_some());
        drop((held, others));
        assert!(bodies.coming().is_empty());
    }
}
