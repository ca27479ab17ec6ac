//! Limits and security headers: bounds on uploads by number, time and rate per address, and a
//! content security policy for everything the server sends to a browser. The size of an upload is
//! bounded where it is received (`routes.rs`).

use std::{net::IpAddr, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::Body,
    extract::ConnectInfo,
    http::{HeaderName, HeaderValue, Request, StatusCode, header},
    response::IntoResponse as _,
};
use serde_json::json;
use tower_governor::{
    GovernorError, GovernorLayer, governor::GovernorConfigBuilder, key_extractor::KeyExtractor,
};
use tower_http::set_header::SetResponseHeaderLayer;

/// Number of uploads that one address may make at once; after that, one per [`UPLOAD_PERIOD`].
pub const UPLOAD_BURST: u32 = 10;
/// Time between further uploads from one address; see [`UPLOAD_BURST`].
pub const UPLOAD_PERIOD: Duration = Duration::from_secs(60);
/// Maximum number of uploads at the same time, because uploads are held in memory while they are
/// checked.
pub const CONCURRENT_UPLOADS: usize = 16;
/// Maximum duration of an upload.
pub const UPLOAD_TIMEOUT: Duration = Duration::from_secs(300);

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
            last.trim().parse().ok()
        };
        let peer = || {
            request
                .extensions()
                .get::<ConnectInfo<std::net::SocketAddr>>()
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
            let message = json!({ "error": format!("too many uploads from this address; try again in {wait_time} seconds") });
            (
                StatusCode::TOO_MANY_REQUESTS,
                [(header::RETRY_AFTER, (wait_time + 1).to_string())],
                Json(message),
            )
                .into_response()
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
        assert_eq!(asked("nonsense", true), "10.0.0.9");
        assert_eq!(asked("2001:db8:1:2:3:4:5:6", true), "2001:db8:1:2::");
        assert_eq!(asked("::ffff:1.2.3.4", true), "1.2.3.4");
    }
}
