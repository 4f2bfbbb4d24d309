//! The address of a request's client, behind zero or more proxies.
//!
//! Knows connections and `X-Forwarded-For`; must not know rate limits or callers.
//! Invariant: an address is read from `X-Forwarded-For` only if a trusted proxy appended it,
//! because a client may send the header itself.
use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;
use ipnet::IpNet;

/// The trusted proxies in front of this server.
#[derive(Clone, Debug)]
pub(super) enum Proxies {
    /// The configured networks (`ZAVA_TRUSTED_PROXY`); every other peer is a client.
    Networks(Vec<IpNet>),
    /// The front end of the hosting platform (Azure): every connection comes from it.
    Platform,
}

impl Proxies {
    /// The client's address: that of the peer, or if the peer is a trusted proxy, the address that
    /// it appended to `X-Forwarded-For`. The header is read from its end up to the first address
    /// that is not a trusted proxy's; anything before that may be forged. Azure's proxies append
    /// the port too.
    ///
    /// `None` if the platform hides the client: the appended address is not public, but belongs to
    /// the platform or the virtual network.
    pub(super) fn client_address(&self, peer: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
        let mut forwarded = forwarded_addresses(headers);
        if matches!(self, Self::Platform) {
            return forwarded.next()?.filter(|client| is_public(*client));
        }
        let mut address = peer.to_canonical();
        while self.is_trusted_proxy(address) {
            match forwarded.next() {
                Some(Some(previous)) => address = previous,
                Some(None) | None => break,
            }
        }
        Some(address)
    }

    /// Whether a peer is a trusted proxy, whose connections carry the requests of many clients.
    pub(super) fn is_trusted_proxy(&self, peer: IpAddr) -> bool {
        match self {
            Self::Networks(networks) => {
                let peer = peer.to_canonical();
                networks.iter().any(|network| network.contains(&peer))
            }
            Self::Platform => true,
        }
    }

    /// Whether a request seems to come through a proxy that is missing from the settings: the peer
    /// has a private address and sends `X-Forwarded-For`. A client on the internet may forge the
    /// header, so a public address is no sign of a proxy.
    pub(super) fn has_unconfigured_proxy(&self, peer: IpAddr, headers: &HeaderMap) -> bool {
        let peer = peer.to_canonical();
        headers.contains_key(X_FORWARDED_FOR) && !is_public(peer) && !self.is_trusted_proxy(peer)
    }
}

const X_FORWARDED_FOR: &str = "x-forwarded-for";

/// The addresses in `X-Forwarded-For`, last first; `None` for an element that is not an address.
/// Each element is parsed on its own, because one line may hold elements from the client and
/// elements that proxies appended. Empty elements are ignored (RFC 9110, section 5.6.1).
fn forwarded_addresses(headers: &HeaderMap) -> impl Iterator<Item = Option<IpAddr>> {
    let lines = headers.get_all(X_FORWARDED_FOR).iter().rev();
    lines
        .flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|element| !element.is_empty())
        .map(|element| {
            let address = parse_address(std::str::from_utf8(element).ok()?)?;
            Some(address.to_canonical())
        })
}

/// Whether an address is public, so that it identifies one client.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            // RFC 6598: shared address space between a provider and its customers, as in Azure
            // Container Apps.
            let is_shared = first == 100 && second & 0xc0 == 64;
            !(address.is_private()
                || address.is_loopback()
                || address.is_link_local()
                || address.is_broadcast()
                || first == 0
                || is_shared)
        }
        IpAddr::V6(address) => {
            !(address.is_loopback()
                || address.is_unspecified()
                || address.is_unique_local()
                || address.is_unicast_link_local())
        }
    }
}

/// Parses an address with or without a port, or an IPv6 address in brackets.
fn parse_address(text: &str) -> Option<IpAddr> {
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    let in_brackets = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    text.parse().ok().or_else(with_port).or_else(in_brackets)
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn x_forwarded_for_counts_only_from_trusted_proxies() {
        let networks = ["10.0.0.0/8", "::1/128"].map(|network| network.parse().unwrap());
        let trusted = Proxies::Networks(networks.into());
        let table: [(&str, &[&[u8]], &str); 17] = [
            ("192.0.2.7", &[], "192.0.2.7"),
            ("192.0.2.7", &[b"198.51.100.1"], "192.0.2.7"),
            ("10.0.0.1", &[b"198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &[b"198.51.100.1:1234"], "198.51.100.1"),
            ("::1", &[b"[2001:db8::1]:1234"], "2001:db8::1"),
            ("::1", &[b"[2001:db8::1]"], "2001:db8::1"),
            ("::ffff:10.0.0.1", &[b"198.51.100.1"], "198.51.100.1"),
            // The client's own element comes before the one that the proxy appended.
            (
                "10.0.0.1",
                &[b"203.0.113.9, 198.51.100.1, 10.0.0.2"],
                "198.51.100.1",
            ),
            (
                "10.0.0.1",
                &[b"203.0.113.9", b"198.51.100.1"],
                "198.51.100.1",
            ),
            ("10.0.0.1", &[b"198.51.100.1, unknown"], "10.0.0.1"),
            ("10.0.0.1", &[b""], "10.0.0.1"),
            // Invalid bytes from the client do not hide the proxy's element.
            (
                "10.0.0.1",
                &[b"203.0.113.9\xff, 198.51.100.1"],
                "198.51.100.1",
            ),
            (
                "10.0.0.1",
                &["é".as_bytes(), b"198.51.100.1"],
                "198.51.100.1",
            ),
            (
                "10.0.0.1",
                &[b"x,,198.51.100.1,\t10.0.0.2 ,"],
                "198.51.100.1",
            ),
            ("10.0.0.1", &[b"198.51.100.1, \xff"], "10.0.0.1"),
            ("10.0.0.1", &[b"::ffff:198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &[b"198.51.100.1", b""], "198.51.100.1"),
        ];
        for (peer, forwarded, client) in table {
            let mut headers = HeaderMap::new();
            for value in forwarded {
                headers.append(X_FORWARDED_FOR, HeaderValue::from_bytes(value).unwrap());
            }
            let found = trusted.client_address(peer.parse().unwrap(), &headers);
            let client = client.parse().unwrap();
            assert_eq!(found, Some(client), "{peer} {forwarded:?}");
        }
    }

    #[test]
    fn a_platform_identifies_clients_by_public_addresses_only() {
        let table: [(&str, Option<&str>); 14] = [
            ("198.51.100.1", Some("198.51.100.1")),
            ("198.51.100.1:1234", Some("198.51.100.1")),
            ("[2001:db8::1]:1234", Some("2001:db8::1")),
            // Only the last element is the platform's.
            ("203.0.113.9, 198.51.100.1", Some("198.51.100.1")),
            ("203.0.113.9, 10.0.0.4", None),
            ("203.0.113.9, unknown", None),
            ("127.0.0.1", None),
            ("::1", None),
            ("169.254.130.1:5000", None),
            ("100.100.0.7", None),
            ("172.16.4.1", None),
            ("fd00::4", None),
            ("::ffff:10.0.0.4", None),
            ("", None),
        ];
        for (forwarded, client) in table {
            let headers = HeaderMap::from_iter([(
                HeaderName::from_static(X_FORWARDED_FOR),
                HeaderValue::from_static(forwarded),
            )]);
            let client = client.map(|client| client.parse().unwrap());
            for peer in ["127.0.0.1", "169.254.1.1", "100.100.0.1", "203.0.113.1"] {
                let found = Proxies::Platform.client_address(peer.parse().unwrap(), &headers);
                assert_eq!(found, client, "{peer} {forwarded:?}");
            }
        }
        let none = HeaderMap::new();
        let found = Proxies::Platform.client_address("127.0.0.1".parse().unwrap(), &none);
        assert_eq!(found, None);
    }

    #[test]
    fn an_unconfigured_proxy_is_detected() {
        let forwarded = HeaderMap::from_iter([(
            HeaderName::from_static(X_FORWARDED_FOR),
            HeaderValue::from_static("198.51.100.1"),
        )]);
        let networks = Proxies::Networks(vec!["10.0.0.0/8".parse().unwrap()]);
        for (proxies, peer, headers, expected) in [
            (&networks, "127.0.0.1", &forwarded, true),
            (&networks, "::ffff:192.168.0.1", &forwarded, true),
            (&networks, "10.0.0.1", &forwarded, false),
            // Forged by a client.
            (&networks, "203.0.113.1", &forwarded, false),
            (&networks, "127.0.0.1", &HeaderMap::new(), false),
            (&Proxies::Platform, "127.0.0.1", &forwarded, false),
        ] {
            let peer = peer.parse().unwrap();
            assert_eq!(
                proxies.has_unconfigured_proxy(peer, headers),
                expected,
                "{peer} {proxies:?}"
            );
        }
    }
}
