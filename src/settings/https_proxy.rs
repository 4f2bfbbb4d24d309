//! The proxy that outgoing HTTPS requests may have to take.

use std::fmt;

use url::Url;

use super::reader::Reader;
use super::variables as var;

/// An HTTP proxy, as `HTTPS_PROXY` and `NO_PROXY` name it for every program of a host.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpsProxy {
    url: Url,
    no_proxy: Option<String>,
}

impl HttpsProxy {
    /// Where it is. Secret: it may hold a password.
    #[must_use]
    pub fn url_with_password(&self) -> &str {
        self.url.as_str()
    }

    /// The hosts that are reached without it, with commas between.
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

/// The proxy for the documents of token issuers: that of the environment if the settings say so,
/// and `Some(None)` otherwise.
pub(super) fn read(reader: &mut Reader<'_>) -> Option<Option<HttpsProxy>> {
    let is_used = reader.parsed(&var::ZAVA_ENTRA_PROXY, |text| match text {
        "none" => Ok(false),
        "environment" => Ok(true),
        _ => Err("is neither none nor environment"),
    })?;
    if !is_used {
        return Some(None);
    }
    let either = |upper, lower| reader.foreign(upper).or_else(|| reader.foreign(lower));
    let no_proxy = either("NO_PROXY", "no_proxy").map(str::to_owned);
    let proxy = match either("HTTPS_PROXY", "https_proxy") {
        None => Err("is environment, but HTTPS_PROXY is not set"),
        Some(text) => parse(text)
            .ok_or("is environment, but HTTPS_PROXY is no URL of a proxy over http or https"),
    };
    match proxy {
        Ok(url) => Some(Some(HttpsProxy { url, no_proxy })),
        Err(what) => {
            reader.problem(&var::ZAVA_ENTRA_PROXY, what);
            None
        }
    }
}

/// A URL, or a host and a port, as other programs read it too.
fn parse(text: &str) -> Option<Url> {
    let url = if text.contains("://") {
        Url::parse(text)
    } else {
        Url::parse(&format!("http://{text}"))
    };
    url.ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}
