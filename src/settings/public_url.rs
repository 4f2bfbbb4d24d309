//! The URL by which clients reach this server.

use std::net::SocketAddr;

use url::Url;

use super::base_url::base_url;

/// The server's base URL, to which `/mcp` is appended: scheme, host, and the path under which a
/// reverse proxy publishes the server, if any.
///
/// It has no trailing slash; the path's segments consist of letters, digits and `-._~`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl(Url);

impl PublicUrl {
    /// Parses the text of a setting.
    ///
    /// # Errors
    /// What is wrong with the text, as a predicate after the variable's name.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let mut url = base_url(text)?;
        let path = url.path().trim_end_matches('/').to_owned();
        // The path becomes part of the routes and of another URL (RFC 9728, section 3.1), so it
        // must not need escaping.
        let is_plain = |segment: &str| {
            !segment.is_empty()
                && segment
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
        };
        if !path.split('/').skip(1).all(is_plain) {
            return Err("must have a path of letters, digits and -._~ only");
        }
        if path.ends_with("/mcp") {
            return Err("must not end in /mcp; remove that part");
        }
        url.set_path(&path);
        Ok(Self(url))
    }

    /// The URL of a server that only this machine can reach.
    ///
    /// # Errors
    /// None for the address of a listener: `http://` and a socket address always make a URL.
    pub fn from_listener(address: SocketAddr) -> Result<Self, url::ParseError> {
        Url::parse(&format!("http://{address}")).map(Self)
    }

    /// Scheme and host, and the port unless it is the scheme's default.
    #[must_use]
    pub fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }

    /// The path with a leading and without a trailing slash; empty if there is none.
    #[must_use]
    pub fn path(&self) -> &str {
        self.0.path().trim_end_matches('/')
    }

    /// The host in lower case; an IPv6 address is in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// The port, unless it is the scheme's default.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.0.port()
    }

    /// Whether clients connect over TLS.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.0.scheme() == "https"
    }
}
