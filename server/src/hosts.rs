//! The hosts that the server answers for. A page elsewhere can give its own name the address of a
//! server in its visitor's network (DNS rebinding) and is then, for the browser, a page of that
//! server; what it cannot do is ask for another name.

use std::{net::IpAddr, str::FromStr, sync::Arc};

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderValue, header},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
};

use crate::error::ApiError;

/// The name of a host, or its address, without a port, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host(String);

/// A text is not the name of a host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not the name of a host, such as scenes.example or 192.168.1.7, without a scheme and without a port"
)]
pub struct NotAHost(String);

impl FromStr for Host {
    type Err = NotAHost;

    fn from_str(text: &str) -> Result<Self, NotAHost> {
        let bare = text.trim_end_matches('.').to_ascii_lowercase();
        let unbracketed = bare.strip_prefix('[').and_then(|v6| v6.strip_suffix(']'));
        let address = unbracketed.unwrap_or(&bare).parse::<IpAddr>();
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        match address {
            Ok(address) => Ok(Self(address.to_string())),
            Err(_) if !bare.is_empty() && bare.bytes().all(is_letter) => Ok(Self(bare)),
            Err(_) => Err(NotAHost(text.to_owned())),
        }
    }
}

impl Host {
    /// The host that a `host` header or the authority of an address names, whatever the port.
    fn of(authority: &str) -> Option<Self> {
        let name = match authority.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => authority,
        };
        name.parse().ok()
    }

    /// Whether it is the machine itself, as everybody calls it.
    fn is_loopback(&self) -> bool {
        let is_address = self
            .0
            .parse()
            .is_ok_and(|address: IpAddr| address.to_canonical().is_loopback());
        is_address || self.0 == "localhost" || self.0.ends_with(".localhost")
    }
}

/// The hosts that a server answers for.
#[derive(Clone)]
pub struct Hosts {
    /// `None` if it answers for all.
    names: Option<Arc<[Host]>>,
}

impl Hosts {
    /// All hosts, whoever their names belong to.
    pub fn all() -> Self {
        Self { names: None }
    }

    /// These hosts, and this machine under the names that it has for itself.
    pub fn only(names: Vec<Host>) -> Self {
        Self {
            names: Some(names.into()),
        }
    }

    /// Checks that a request is for one of the hosts.
    ///
    /// # Errors
    /// [`ApiError::Host`]; [`ApiError::Malformed`] if it names several.
    fn check(&self, request: &Request) -> Result<(), ApiError> {
        let mut named = request.headers().get_all(header::HOST).iter();
        let (first, second) = (named.next(), named.next());
        if second.is_some() {
            return Err(ApiError::Malformed);
        }
        let Some(names) = &self.names else {
            return Ok(());
        };
        // A whole address in the first line of a request counts instead of the header.
        let whole = request
            .uri()
            .authority()
            .map(|authority| authority.as_str());
        let asked = whole.or_else(|| first.map(HeaderValue::to_str)?.ok());
        let host = asked.and_then(Host::of);
        let is_one = |host: &Host| host.is_loopback() || names.contains(host);
        match host.as_ref().is_some_and(is_one) {
            true => Ok(()),
            false => Err(ApiError::Host),
        }
    }
}

/// Refuses requests for other hosts.
pub fn own_hosts_only(routes: Router, hosts: Hosts) -> Router {
    let check = async |State(hosts): State<Hosts>, request: Request, next: Next| -> Response {
        match hosts.check(&request) {
            Ok(()) => next.run(request).await,
            Err(error) => error.into_response(),
        }
    };
    routes.layer(middleware::from_fn_with_state(hosts, check))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_host_is_a_name_or_an_address() {
        for (text, name) in [
            ("Scenes.Example", "scenes.example"),
            ("scenes.example.", "scenes.example"),
            ("192.168.1.7", "192.168.1.7"),
            ("[2001:DB8::1]", "2001:db8::1"),
            ("2001:db8:0::1", "2001:db8::1"),
            ("my_nas", "my_nas"),
        ] {
            assert_eq!(text.parse(), Ok(Host(name.to_owned())), "{text}");
        }
        for odd in [
            "",
            ".",
            "https://a.example",
            "a.example:80",
            "a b",
            "*",
            "[::1",
            "\u{e9}.example",
        ] {
            let wrong = odd.parse::<Host>().unwrap_err().to_string();
            assert!(wrong.contains(odd), "{wrong}");
        }
    }

    #[test]
    fn ports_do_not_matter_and_this_machine_is_always_one() {
        let names = ["scenes.example", "2001:db8::1"].map(|name| name.parse().unwrap());
        let (own, this) = (Hosts::only(names.to_vec()), Hosts::only(Vec::new()));
        for (host, is_own, is_this) in [
            ("scenes.example", true, false),
            ("SCENES.example.:8443", true, false),
            ("[2001:db8::1]:80", true, false),
            ("localhost", true, true),
            ("localhost:8080", true, true),
            ("app.localhost:8080", true, true),
            ("127.0.0.1:8080", true, true),
            ("127.1.2.3", true, true),
            ("[::1]:8080", true, true),
            ("[::ffff:127.0.0.1]", true, true),
            ("evil.example", false, false),
            ("scenes.example.evil.example", false, false),
            ("evil.scenes.example", false, false),
            ("localhost.evil.example", false, false),
            ("127.0.0.1.evil.example", false, false),
            ("scenes.example@evil.example", false, false),
            ("evil.example:scenes.example", false, false),
            ("192.168.1.7", false, false),
            ("0.0.0.0", false, false),
            ("[::]", false, false),
            ("", false, false),
            (":80", false, false),
        ] {
            let request = Request::builder().header("host", host);
            let request = request.body(axum::body::Body::empty()).unwrap();
            assert_eq!(own.check(&request).is_ok(), is_own, "{host}");
            assert_eq!(this.check(&request).is_ok(), is_this, "{host}");
            assert!(Hosts::all().check(&request).is_ok(), "{host}");
        }
    }

    #[test]
    fn the_first_line_of_a_request_counts_more_than_its_headers() {
        let hosts = Hosts::only(Vec::new());
        let check = |address: &str, named: &[&str]| {
            let request = Request::builder().uri(address);
            let request = named
                .iter()
                .fold(request, |request, host| request.header("host", *host));
            hosts.check(&request.body(axum::body::Body::empty()).unwrap())
        };
        assert!(check("http://localhost/", &["evil.example"]).is_ok());
        for (address, named) in [
            ("http://evil.example/", &["localhost"][..]),
            ("/", &[]),
            ("/", &["localhost", "localhost"]),
            ("/", &["localhost", "evil.example"]),
        ] {
            assert!(check(address, named).is_err(), "{address} {named:?}");
        }
    }
}
