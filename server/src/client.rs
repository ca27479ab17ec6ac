//! Who sends a request: its peer or, if that is a reverse proxy that is trusted, whom it names.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, header},
    middleware::{self, Next},
    response::Response,
};
use ipnet::IpNet;

/// Headers in which proxies name the sender, besides `forwarded`: those that a request came through,
/// or the last one alone. And the one that says whether the connection to it is secure.
const ADDRESSES: HeaderName = HeaderName::from_static("x-forwarded-for");
const ADDRESS: HeaderName = HeaderName::from_static("x-real-ip");
const SCHEME: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The peer of the connection that a request came through.
#[derive(Clone, Copy)]
pub struct Peer(pub IpAddr);

/// The sender of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    /// Its address; IPv4 written as IPv6 is IPv4.
    pub address: IpAddr,
    /// Whether a trusted proxy says that its connection is secure.
    pub is_secure: bool,
    /// Whether it is this machine, or trusted.
    pub is_near: bool,
}

/// Prefix lengths of the networks that count as one address, and as one neighborhood, of IPv4 and of
/// IPv6: who has one IPv6 address has at least a /64, and who has many has a /48 or more.
const OF_ADDRESS: (u8, u8) = (32, 64);
const OF_NEIGHBORHOOD: (u8, u8) = (24, 48);

/// The networks that an address counts for: itself, with IPv6 its /64, and its neighborhood, the /24
/// or /48.
pub fn networks(address: IpAddr) -> [IpNet; 2] {
    [OF_ADDRESS, OF_NEIGHBORHOOD].map(|(v4, v6)| {
        let length = if address.is_ipv4() { v4 } else { v6 };
        // The lengths are within those of addresses.
        IpNet::new(address, length).map_or(address.into(), |network| network.trunc())
    })
}

/// The reverse proxies that are believed.
#[derive(Clone, Default)]
pub struct Proxies {
    trusted: Arc<[IpNet]>,
    /// Whether it was said that somebody else sends what proxies write.
    warned: Arc<AtomicBool>,
}

impl Proxies {
    /// Believes proxies with addresses in these networks.
    pub fn new(trusted: &[IpNet]) -> Self {
        Self {
            trusted: trusted.into(),
            warned: Arc::default(),
        }
    }

    /// Returns `true` if an address is that of a trusted proxy.
    pub fn trust(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.trusted.iter().any(|proxy| proxy.contains(&address))
    }

    /// The sender of a request with these headers that came from `peer`.
    pub fn client(&self, Peer(peer): Peer, headers: &HeaderMap) -> Client {
        let peer = peer.to_canonical();
        let is_forwarded = [ADDRESSES, header::FORWARDED, ADDRESS]
            .iter()
            .any(|name| headers.contains_key(name));
        if !self.trust(peer) {
            if is_forwarded && !self.warned.swap(true, Ordering::Relaxed) {
                tracing::warn!(
                    "{peer} sends `x-forwarded-for`, `forwarded` or `x-real-ip`, but is not trusted, so \
                     that all of its users count as one: if it is a reverse proxy of yours, add \
                     `--trust-proxy {peer}`"
                );
            }
            return Client {
                address: peer,
                is_secure: false,
                is_near: peer.is_loopback() && !is_forwarded,
            };
        }
        let lists: [Vec<_>; 2] = [
            items(headers, &ADDRESSES).map(address_of).collect(),
            items(headers, &header::FORWARDED)
                .map(|hop| address_of(parameter(hop, "for")?))
                .collect(),
        ];
        let mut named: Vec<_> = lists
            .iter()
            .filter_map(|hops| self.farthest(hops))
            .collect();
        // The last proxy names who spoke to it. Where that is another proxy, the lists know more.
        let nearest = items(headers, &ADDRESS).next_back().and_then(address_of);
        named.extend(nearest.filter(|nearest| named.is_empty() || !self.trust(*nearest)));
        // A proxy writes one of the three and passes on what strangers write into the others.
        let address = match named.split_first() {
            Some((one, others)) if others.iter().all(|other| other == one) => *one,
            _ => peer,
        };
        let scheme = items(headers, &SCHEME).next_back();
        let scheme = scheme.or_else(|| {
            let nearest = items(headers, &header::FORWARDED).next_back();
            parameter(nearest?, "proto")
        });
        Client {
            address,
            is_secure: scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("https")),
            is_near: address.is_loopback() || self.trust(address),
        }
    }

    /// The farthest of the addresses that proxies wrote one after the other: the last one that is not
    /// a trusted proxy's own. What is before it, anybody may have written. `None` if there are none.
    fn farthest(&self, hops: &[Option<IpAddr>]) -> Option<IpAddr> {
        let mut farthest = None;
        for hop in hops.iter().rev() {
            // Who hides its address counts as the proxy that it came through.
            let Some(hop) = *hop else { break };
            farthest = Some(hop);
            if !self.trust(hop) {
                break;
            }
        }
        farthest
    }
}

/// The items of a list in the headers of this name.
fn items<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> impl DoubleEndedIterator<Item = &'a str> {
    let lists = headers.get_all(name).into_iter();
    lists.flat_map(|list| list.to_str().unwrap_or_default().split(',').map(str::trim))
}

/// An address as proxies write them: `1.2.3.4`, `1.2.3.4:4711`, `2001:db8::1`, `[2001:db8::1]` or
/// `[2001:db8::1]:4711`, perhaps in quotes.
fn address_of(text: &str) -> Option<IpAddr> {
    let text = text.trim_matches('"');
    let bare = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let with_port = || Some(text.parse::<SocketAddr>().ok()?.ip());
    let address: Option<IpAddr> = text.parse().ok().or_else(bare).or_else(with_port);
    address.map(|address| address.to_canonical())
}

/// A parameter in an item of `forwarded` (RFC 7239): `for=1.2.3.4;proto=https`.
fn parameter<'a>(item: &'a str, name: &str) -> Option<&'a str> {
    item.split(';').find_map(|pair| {
        let (found, value) = pair.split_once('=')?;
        found
            .trim()
            .eq_ignore_ascii_case(name)
            .then(|| value.trim().trim_matches('"'))
    })
}

/// Tells the routes who sends a request, as the extension [`Client`].
pub fn tell(routes: Router, proxies: Proxies) -> Router {
    let tell =
        async |State(proxies): State<Proxies>, mut request: Request, next: Next| -> Response {
            let peer = request.extensions().get::<Peer>().copied();
            // Requests come through connections only, which have a peer.
            let peer = peer.unwrap_or(Peer(IpAddr::from([0, 0, 0, 0])));
            let client = proxies.client(peer, request.headers());
            request.extensions_mut().insert(client);
            next.run(request).await
        };
    routes.layer(middleware::from_fn_with_state(proxies, tell))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn client(peer: &str, headers: &[(&str, &str)]) -> Client {
        let proxies = ["10.0.0.9/32", "10.1.0.0/16", "2001:db8:ffff::/48"];
        let proxies = Proxies::new(&proxies.map(|proxy| proxy.parse().unwrap()));
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name: HeaderName = name.parse().unwrap();
            map.append(name, value.parse().unwrap());
        }
        proxies.client(Peer(peer.parse().unwrap()), &map)
    }

    #[test]
    fn a_forged_address_counts_only_where_a_proxy_wrote_it() {
        let address = |peer, value| {
            let client = client(peer, &[("x-forwarded-for", value)]);
            client.address.to_string()
        };
        let proxy = "10.0.0.9";
        assert_eq!(address("10.0.0.8", "1.2.3.4"), "10.0.0.8");
        assert_eq!(address("::ffff:10.0.0.9", "1.2.3.4"), "1.2.3.4");
        for (written, found) in [
            ("1.2.3.4", "1.2.3.4"),
            ("6.6.6.6, 1.2.3.4", "1.2.3.4"),
            ("6.6.6.6, 1.2.3.4:4711", "1.2.3.4"),
            ("6.6.6.6,1.2.3.4, 10.1.7.7, 10.0.0.9", "1.2.3.4"),
            ("10.1.7.7, 10.0.0.9", "10.1.7.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2:3:4:5:6"),
            ("[2001:db8::1]:4711", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("::ffff:1.2.3.4", "1.2.3.4"),
            ("[::ffff:1.2.3.4]:80", "1.2.3.4"),
            ("nonsense", "10.0.0.9"),
            ("6.6.6.6, unknown, 10.1.7.7", "10.1.7.7"),
            ("6.6.6.6, \u{e9}", "10.0.0.9"),
            ("", "10.0.0.9"),
        ] {
            assert_eq!(address(proxy, written), found, "{written}");
        }
    }

    #[test]
    fn forwarded_is_read_as_well() {
        for (written, found, is_secure) in [
            ("for=1.2.3.4", "1.2.3.4", false),
            (
                "For=\"[2001:db8::1]:4711\";proto=https",
                "2001:db8::1",
                true,
            ),
            (
                "for=6.6.6.6, proto=HTTPS ; by=x; for=1.2.3.4:4711",
                "1.2.3.4",
                true,
            ),
            ("for=\", for=1.2.3.4", "1.2.3.4", false),
            ("for=6.6.6.6, by=10.0.0.9", "10.0.0.9", false),
            ("for=_hidden;proto=http", "10.0.0.9", false),
        ] {
            let client = client("10.0.0.9", &[("forwarded", written)]);
            let told = (client.address.to_string(), client.is_secure);
            assert_eq!(told, (found.to_owned(), is_secure), "{written}");
        }
        let both = |forwarded| {
            let headers = [("x-forwarded-for", "1.2.3.4"), ("forwarded", forwarded)];
            client("10.0.0.9", &headers).address.to_string()
        };
        assert_eq!(both("for=\"1.2.3.4:80\""), "1.2.3.4");
        assert_eq!(both("for=6.6.6.6"), "10.0.0.9", "one of them is forged");
    }

    #[test]
    fn the_nearest_address_is_read_as_well() {
        let proxy = "10.0.0.9";
        let address = |peer, headers: &[(&str, &str)]| client(peer, headers).address.to_string();
        for (headers, found) in [
            (&[("x-real-ip", "1.2.3.4")][..], "1.2.3.4"),
            (&[("X-Real-IP", "[2001:db8::1]:80")], "2001:db8::1"),
            (&[("x-real-ip", "10.1.7.7")], "10.1.7.7"),
            (&[("x-real-ip", "nonsense")], proxy),
            (
                &[("x-real-ip", "6.6.6.6"), ("x-real-ip", "1.2.3.4")],
                "1.2.3.4",
            ),
            (
                &[
                    ("x-real-ip", "1.2.3.4"),
                    ("x-forwarded-for", "6.6.6.6, 1.2.3.4"),
                ],
                "1.2.3.4",
            ),
            (
                &[
                    ("x-real-ip", "10.1.7.7"),
                    ("x-forwarded-for", "1.2.3.4, 10.1.7.7"),
                ],
                "1.2.3.4",
            ),
            // Strangers wrote one of them.
            (
                &[("x-real-ip", "6.6.6.6"), ("x-forwarded-for", "1.2.3.4")],
                proxy,
            ),
            (
                &[("x-real-ip", "1.2.3.4"), ("forwarded", "for=6.6.6.6")],
                proxy,
            ),
            (
                &[
                    ("x-real-ip", "6.6.6.6"),
                    ("x-forwarded-for", "1.2.3.4"),
                    ("forwarded", "for=1.2.3.4"),
                ],
                proxy,
            ),
        ] {
            assert_eq!(address(proxy, headers), found, "{headers:?}");
            assert_eq!(address("10.0.0.8", headers), "10.0.0.8", "{headers:?}");
        }
    }

    #[test]
    fn only_a_proxy_says_the_scheme() {
        let is_secure = |peer| client(peer, &[("x-forwarded-proto", "https")]).is_secure;
        assert!(is_secure("10.0.0.9"));
        assert!(!is_secure("10.0.0.8"));
    }

    #[test]
    fn near_is_who_did_not_come_through_a_proxy() {
        let forwarded = [("x-forwarded-for", "1.2.3.4")];
        for (peer, headers, is_near) in [
            ("127.0.0.1", &[][..], true),
            ("127.0.0.1", &forwarded, false),
            ("10.0.0.9", &[], true),
            ("10.0.0.9", &forwarded, false),
            ("10.0.0.9", &[("x-forwarded-for", "10.1.2.3")], true),
            ("10.0.0.8", &[], false),
            ("8.8.8.8", &[("x-forwarded-for", "127.0.0.1")], false),
            ("127.0.0.1", &[("x-real-ip", "127.0.0.1")], false),
        ] {
            assert_eq!(client(peer, headers).is_near, is_near, "{peer} {headers:?}");
        }
    }

    #[test]
    fn networks_of_customers_count_as_one() {
        let texts =
            |address: &str| networks(address.parse().unwrap()).map(|network| network.to_string());
        assert_eq!(texts("1.2.3.4"), ["1.2.3.4/32", "1.2.3.0/24"]);
        let v6 = ["2001:db8:1:2::/64", "2001:db8:1::/48"];
        assert_eq!(texts("2001:db8:1:2:3:4:5:6"), v6);
    }
}
