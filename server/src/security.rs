//! What browsers are told and asked: security headers for everything that is sent to them, and no
//! changes for the pages of other sites.

use axum::{
    Router,
    http::{HeaderName, HeaderValue},
    response::IntoResponse as _,
};
use tower_http::{csrf::CsrfLayer, set_header::SetResponseHeaderLayer};

use crate::error::ApiError;

/// The content security policy of all answers except the page itself. The worker needs WebAssembly
/// and, for `?scene=`, access to any https address and to servers on the user's own machine.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; \
    connect-src 'self' blob: https: http://127.0.0.1:* http://localhost:*; \
    img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; font-src 'self'; manifest-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'";

/// The security headers, in lower case.
pub const HEADERS: [(&str, &str); 6] = [
    ("content-security-policy", POLICY),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    (
        "permissions-policy",
        "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    ),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
];

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
pub fn secure(mut routes: Router) -> Router {
    for (name, value) in HEADERS {
        routes = routes.layer(SetResponseHeaderLayer::if_not_present(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        ));
    }
    routes
}

/// Refuses what pages of other sites ask for, unless they only read: a page elsewhere must not fill
/// the store with the addresses of its visitors, nor that of a server on their own machine.
pub fn own_pages_only(routes: Router) -> Router {
    routes.layer(CsrfLayer::new().with_rejection_response(|_| ApiError::CrossSite.into_response()))
}
