//! Checks `Host` and `Origin` against DNS rebinding and cross-origin requests.
//!
//! Knows the settings' URLs and RFC 3986; must not know routes or callers.
//! Invariant: a request passes only if every name that it uses for the server (the `Host` header
//! and, in absolute form, the request target) is one of the server's own, in the syntax of RFC
//! 3986. A host that a lenient parser could read as a different one is malformed here.

use std::net::{Ipv4Addr, Ipv6Addr};

use axum::http::uri::Uri;
use axum::http::{HeaderMap, HeaderValue, header};

use crate::settings::PublicUrl;

/// The names that clients and proxies on this machine use, with any port.
const LOOPBACK_HOSTS: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// The hosts under which the server may be called, and the origins whose pages may call it.
pub(super) struct AllowedAuthorities {
    hosts: Vec<Authority>,
    origins: Vec<String>,
}

/// Why a request is rejected for its `Host` or `Origin`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AuthorityError {
    /// No `Host`, several, one that is not a host with an optional port, or a different one in the
    /// request target.
    MalformedHost,
    /// A host that is not this server's.
    ForeignHost,
    /// `Origin` is sent more than once, or names a page of another site.
    ForeignOrigin,
}

impl AuthorityError {
    /// The reason in the audit log.
    pub(super) fn audit_reason(self) -> &'static str {
        match self {
            Self::MalformedHost => "malformed Host",
            Self::ForeignHost => "foreign Host",
            Self::ForeignOrigin => "foreign Origin",
        }
    }
}

/// A host in lower case, and an optional port.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Authority {
    host: String,
    port: Option<u16>,
}

impl AllowedAuthorities {
    /// Allows the loopback hosts, the host of the public URL, and the given origins.
    pub(super) fn new(public_url: &PublicUrl, allowed_origins: &[String]) -> Self {
        let loopback = LOOPBACK_HOSTS.map(|host| Authority {
            host: host.to_owned(),
            port: None,
        });
        // A proxy may send any port if the URL has none.
        let public = Authority {
            host: public_url.host().to_owned(),
            port: public_url.port(),
        };
        Self {
            hosts: loopback.into_iter().chain([public]).collect(),
            origins: allowed_origins.to_vec(),
        }
    }

    /// Checks the request target, `Host` and `Origin`.
    ///
    /// # Errors
    /// [`AuthorityError`] says which one is wrong.
    pub(super) fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), AuthorityError> {
        let mut hosts = headers.get_all(header::HOST).iter();
        // RFC 9112, section 3.2: 400 for a request without exactly one valid Host.
        let (Some(host), None) = (hosts.next(), hosts.next()) else {
            return Err(AuthorityError::MalformedHost);
        };
        let host = host
            .to_str()
            .ok()
            .and_then(Authority::parse)
            .ok_or(AuthorityError::MalformedHost)?;
        // In absolute form RFC 9112 ignores Host, but clients must send the same host in it.
        // Requiring equality leaves no room for disagreement with a proxy.
        if let Some(target) = uri.authority() {
            let target = Authority::parse(target.as_str()).ok_or(AuthorityError::MalformedHost)?;
            if target != host {
                return Err(AuthorityError::MalformedHost);
            }
        }
        if !self.hosts.iter().any(|allowed| allowed.matches(&host)) {
            return Err(AuthorityError::ForeignHost);
        }
        let mut origins = headers.get_all(header::ORIGIN).iter();
        match (origins.next(), origins.next()) {
            (None, _) => Ok(()),
            (Some(origin), None) if self.allows_origin(origin) => Ok(()),
            _ => Err(AuthorityError::ForeignOrigin),
        }
    }

    /// Whether an origin is configured, in the form that browsers send, or is a page of this
    /// machine.
    fn allows_origin(&self, origin: &HeaderValue) -> bool {
        let Ok(origin) = origin.to_str() else {
            return false;
        };
        if self.origins.iter().any(|allowed| allowed == origin) {
            return true;
        }
        let page = origin.strip_prefix("http://").and_then(Authority::parse);
        page.is_some_and(|page| LOOPBACK_HOSTS.contains(&page.host.as_str()))
    }
}

impl Authority {
    /// Parses `host [":" port]` (RFC 3986, section 3.2.2). User information and percent-encoding
    /// are malformed, because no allowed host has them.
    fn parse(text: &str) -> Option<Self> {
        let (host, rest) = if text.starts_with('[') {
            let end = text.find(']')?;
            let address: Ipv6Addr = text[1..end].parse().ok()?;
            (format!("[{address}]"), &text[end + 1..])
        } else {
            let (host, rest) = text.split_at(text.find(':').unwrap_or(text.len()));
            (parse_name(host)?, rest)
        };
        let port = match rest.strip_prefix(':') {
            None if rest.is_empty() => None,
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                Some(digits.parse().ok()?)
            }
            _ => return None,
        };
        Some(Self { host, port })
    }

    /// Whether `other` is this host; without a port, `self` matches every port.
    fn matches(&self, other: &Self) -> bool {
        self.host == other.host && (self.port.is_none() || self.port == other.port)
    }
}

/// Parses a DNS name or an IPv4 address, and returns it in lower case.
fn parse_name(text: &str) -> Option<String> {
    let is_name = !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'));
    // URL parsers read a host whose last label is a number as an IPv4 address (WHATWG URL, "ends in
    // a number"), for example 127.1. Only the form with four decimal numbers is accepted here.
    let ends_in_number = text
        .rsplit('.')
        .next()
        .is_some_and(|label| !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_digit()));
    (is_name && (!ends_in_number || text.parse::<Ipv4Addr>().is_ok()))
        .then(|| text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(public_url: &str) -> AllowedAuthorities {
        let origins = ["https://chat.example.com".to_owned()];
        AllowedAuthorities::new(&PublicUrl::parse(public_url).unwrap(), &origins)
    }

    fn check(uri: &str, hosts: &[&str], origins: &[&str]) -> Result<(), AuthorityError> {
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(
                header::HOST,
                HeaderValue::from_bytes(host.as_bytes()).unwrap(),
            );
        }
        for origin in origins {
            headers.append(
                header::ORIGIN,
                HeaderValue::from_bytes(origin.as_bytes()).unwrap(),
            );
        }
        allowed("https://zava.example.com/zava").check(&uri.parse().unwrap(), &headers)
    }

    #[test]
    fn only_this_servers_hosts_are_allowed() {
        use AuthorityError::{ForeignHost, MalformedHost};
        let table: [(&str, Result<(), AuthorityError>); 30] = [
            ("localhost", Ok(())),
            ("LocalHost:8000", Ok(())),
            ("127.0.0.1:1", Ok(())),
            ("[::1]", Ok(())),
            ("[::1]:8000", Ok(())),
            ("[0:0:0:0:0:0:0:1]:8000", Ok(())),
            ("zava.example.com", Ok(())),
            ("ZAVA.example.com:8443", Ok(())),
            ("evil.example.com", Err(ForeignHost)),
            ("zava.example.com.evil.com", Err(ForeignHost)),
            ("localhost.evil.com", Err(ForeignHost)),
            ("127.0.0.2", Err(ForeignHost)),
            ("[::2]", Err(ForeignHost)),
            ("[::ffff:127.0.0.1]", Err(ForeignHost)),
            ("localhost.", Err(ForeignHost)),
            ("::1", Err(MalformedHost)),
            ("[::1].evil.com", Err(MalformedHost)),
            ("[::1]evil.com", Err(MalformedHost)),
            ("[::1", Err(MalformedHost)),
            ("[localhost]", Err(MalformedHost)),
            ("[[::1]]", Err(MalformedHost)),
            ("evil.com@localhost", Err(MalformedHost)),
            ("localhost@evil.com", Err(MalformedHost)),
            ("localhost:80:80", Err(MalformedHost)),
            ("localhost:+80", Err(MalformedHost)),
            ("localhost:99999", Err(MalformedHost)),
            ("localhost, evil.com", Err(MalformedHost)),
            ("local%68ost", Err(MalformedHost)),
            ("127.1", Err(MalformedHost)),
            ("", Err(MalformedHost)),
        ];
        for (host, expected) in table {
            assert_eq!(check("/mcp", &[host], &[]), expected, "{host:?}");
        }
        assert_eq!(check("/mcp", &[], &[]), Err(MalformedHost));
        for two in [
            ["localhost", "localhost"],
            ["localhost", "evil.example.com"],
        ] {
            assert_eq!(check("/mcp", &two, &[]), Err(MalformedHost), "{two:?}");
        }
        for (target, expected) in [
            ("http://localhost:8000/mcp", Ok(())),
            ("http://evil.example.com/mcp", Err(MalformedHost)),
            ("http://localhost:8001/mcp", Err(MalformedHost)),
        ] {
            assert_eq!(
                check(target, &["localhost:8000"], &[]),
                expected,
                "{target}"
            );
        }
    }

    #[test]
    fn a_port_in_the_public_url_is_the_only_allowed_port() {
        let allowed = allowed("https://zava.example.com:8443");
        for (host, passes) in [
            ("zava.example.com:8443", true),
            ("zava.example.com:443", false),
            ("zava.example.com", false),
        ] {
            let headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_static(host))]);
            let checked = allowed.check(&Uri::from_static("/mcp"), &headers);
            assert_eq!(checked.is_ok(), passes, "{host}");
        }
    }

    #[test]
    fn only_loopback_and_configured_origins_are_allowed() {
        let table: [(&[&str], bool); 19] = [
            (&[], true),
            (&["https://chat.example.com"], true),
            (&["http://localhost:6274"], true),
            (&["http://localhost"], true),
            (&["http://127.0.0.1:3000"], true),
            (&["http://[::1]:3000"], true),
            (&["null"], false),
            (&[""], false),
            (&["https://localhost:3000"], false),
            (&["http://[::1].evil.com"], false),
            (&["http://localhost.evil.com"], false),
            (&["http://evil.com@localhost"], false),
            (&["http://localhost@evil.com"], false),
            (&["http://localhost/evil"], false),
            (&["https://chat.example.com:443"], false),
            (&["https://chat.example.com.evil.com"], false),
            (&["https://CHAT.example.com"], false),
            (&["http://localhost", "https://evil.com"], false),
            (&["http://localhost https://evil.com"], false),
        ];
        for (origins, passes) in table {
            let checked = check("/mcp", &["localhost"], origins);
            let expected = if passes {
                Ok(())
            } else {
                Err(AuthorityError::ForeignOrigin)
            };
            assert_eq!(checked, expected, "{origins:?}");
        }
    }
}
