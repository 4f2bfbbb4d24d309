//! What clients call this server.

use std::net::SocketAddr;

use url::Url;

use super::auth::base_url;

/// The URL that `/mcp` is appended to: scheme, host, and the path that a reverse proxy serves this
/// server under, if any.
///
/// No slash at the end; the path's segments are letters, digits, and `-._~`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl(Url);

impl PublicUrl {
    /// Reads it as the settings have it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let mut url = base_url(text)?;
        let path = url.path().trim_end_matches('/').to_owned();
        // The path becomes routes, and part of another URL (RFC 9728, section 3.1), so it must read
        // the same everywhere.
        let is_plain = |segment: &str| {
            !segment.is_empty()
                && segment
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
        };
        if !path.split('/').skip(1).all(is_plain) {
            return Err("holds a path of other characters than letters, digits and -._~");
        }
        if path.ends_with("/mcp") {
            return Err("ends in /mcp; leave that out");
        }
        url.set_path(&path);
        Ok(Self(url))
    }

    /// That of a server that only this machine can reach.
    ///
    /// # Errors
    /// For no address that a listener has.
    pub fn of_listener(address: SocketAddr) -> Result<Self, url::ParseError> {
        Url::parse(&format!("http://{address}")).map(Self)
    }

    /// Scheme and host, and the port unless it is the scheme's own.
    #[must_use]
    pub fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }

    /// Empty, or a slash and the path without a slash at the end.
    #[must_use]
    pub fn path(&self) -> &str {
        self.0.path().trim_end_matches('/')
    }

    /// The host in lower case, an IPv6 address in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// The port, unless it is the scheme's own.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.0.port()
    }

    /// Whether clients come by TLS.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.0.scheme() == "https"
    }
}
