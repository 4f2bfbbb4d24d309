//! Outgoing HTTPS requests.

use std::fmt;
use std::path::PathBuf;

use url::Url;

use super::reader::Reader;
use super::variables as var;

/// How the server sends HTTPS requests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpsSettings {
    /// File with root certificates that are trusted beside Mozilla's list.
    pub root_cert: Option<PathBuf>,
    /// The proxy; `None` for direct connections.
    pub proxy: Option<HttpsProxy>,
}

/// An HTTP proxy, as `HTTPS_PROXY` and `NO_PROXY` configure it for all programs of a host.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpsProxy {
    url: Url,
    no_proxy: Option<String>,
}

impl HttpsProxy {
    /// The proxy's URL.
    ///
    /// # Security
    /// A secret: it may contain a password.
    #[must_use]
    pub fn url_with_password(&self) -> &str {
        self.url.as_str()
    }

    /// The hosts that are reached without the proxy, separated by commas.
    #[must_use]
    pub fn no_proxy(&self) -> Option<&str> {
        self.no_proxy.as_deref()
    }
}

impl fmt::Debug for HttpsProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpsProxy").finish_non_exhaustive()
    }
}

impl HttpsSettings {
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let root_cert = reader.optional(&var::ZAVA_HTTPS_ROOTCERT, |text| Ok(PathBuf::from(text)));
        Some(Self {
            root_cert,
            proxy: read_proxy(reader)?,
        })
    }
}

/// Reads the proxy. `Some(None)` unless `ZAVA_HTTPS_PROXY` selects that of the environment.
fn read_proxy(reader: &mut Reader<'_>) -> Option<Option<HttpsProxy>> {
    let uses_proxy = reader.parsed(&var::ZAVA_HTTPS_PROXY, |text| match text {
        "none" => Ok(false),
        "environment" => Ok(true),
        _ => Err("must be `none` or `environment`"),
    })?;
    if !uses_proxy {
        return Some(None);
    }
    let either = |upper, lower| reader.foreign(upper).or_else(|| reader.foreign(lower));
    let no_proxy = either("NO_PROXY", "no_proxy").map(str::to_owned);
    let proxy = match either("HTTPS_PROXY", "https_proxy") {
        None => Err("is `environment`, but HTTPS_PROXY is not set"),
        Some(text) => parse(text)
            .ok_or("is `environment`, but HTTPS_PROXY is not the URL of an http or https proxy"),
    };
    match proxy {
        Ok(url) => Some(Some(HttpsProxy { url, no_proxy })),
        Err(message) => {
            reader.add_problem(&var::ZAVA_HTTPS_PROXY, message);
            None
        }
    }
}

/// Parses a URL, or a host and a port without a scheme, which other programs accept too.
fn parse(text: &str) -> Option<Url> {
    let url = if text.contains("://") {
        Url::parse(text)
    } else {
        Url::parse(&format!("http://{text}"))
    };
    url.ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}
