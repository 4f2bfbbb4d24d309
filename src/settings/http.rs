//! The URL of the HTTP server, and the pages that may call it.

use super::base_url::base_url;
use super::network::Network;
use super::public_url::PublicUrl;
use super::reader::Reader;
use super::variables as var;

/// The URL of the HTTP server, and the pages that may call it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpSettings {
    /// The URL by which clients reach this server; `None` if only this machine can reach it.
    pub public_url: Option<PublicUrl>,
    /// Origins (scheme, host and port) whose pages may call this server from a browser, in
    /// addition to those of this machine.
    pub allowed_origins: Vec<String>,
}

impl HttpSettings {
    /// Reads the settings. The URL is required if other machines can reach the server.
    pub(super) fn read(reader: &mut Reader<'_>, network: &Network) -> Option<Self> {
        let mut public_url = reader.optional(&var::ZAVA_PUBLIC_URL, PublicUrl::parse);
        if network.is_reachable_from_outside() {
            public_url = reader.required(&var::ZAVA_PUBLIC_URL, public_url);
        }
        let allowed_origins = reader.parsed_or(&var::ZAVA_ALLOWED_ORIGINS, Vec::new(), |text| {
            let origins: Option<Vec<String>> = text.split(',').map(parse_origin).collect();
            origins.ok_or("must be https origins in lower case and without a path")
        });
        Some(Self {
            public_url,
            allowed_origins: allowed_origins?,
        })
    }
}

/// Parses an origin, which must be spelled as a browser does: origins are compared as text.
fn parse_origin(text: &str) -> Option<String> {
    let text = text.trim();
    let origin = base_url(text).ok()?.origin().ascii_serialization();
    (origin == text).then_some(origin)
}
