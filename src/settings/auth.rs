//! How callers authenticate.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::IpNet;
use url::Url;
use uuid::Uuid;

use super::https_proxy::{self, HttpsProxy};
use super::public_url::PublicUrl;
use super::reader::Reader;
use super::variables as var;

/// How callers authenticate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthSettings {
    /// They do not authenticate: the tenant header of a trusted peer names the tenant.
    Header(TrustedPeers),
    /// They present one of these credentials.
    Credentials(CredentialSettings),
}

/// The peers whose tenant header is trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrustedPeers {
    /// Only this machine; nothing else can reach the server.
    Loopback,
    /// Only these gateways, which set the header for the clients behind them.
    Gateways(Vec<IpNet>),
}

impl TrustedPeers {
    /// Whether a peer is one of them.
    #[must_use]
    pub fn contains(&self, peer: IpAddr) -> bool {
        // A dual-stack socket reports IPv4 peers as IPv4-mapped IPv6 addresses.
        let peer = peer.to_canonical();
        match self {
            Self::Loopback => peer.is_loopback(),
            Self::Gateways(networks) => networks.iter().any(|network| network.contains(&peer)),
        }
    }
}

/// The kinds of credentials that are accepted; at least one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CredentialSettings {
    /// Access tokens of Entra ID; `None` if they are not accepted.
    pub entra: Option<EntraSettings>,
    /// Identities that App Service's authentication (Easy Auth) asserts, for users of these
    /// directories; `None` if they are not accepted.
    pub easyauth: Option<Vec<Uuid>>,
    /// Whether API keys made by `key create` are accepted.
    pub api_keys: bool,
}

/// Which access tokens of Entra ID are accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntraSettings {
    /// Base URL of the directories' metadata, without a trailing slash.
    pub authority: String,
    /// The Entra tenants ("directories") whose tokens are accepted.
    pub directories: Vec<Uuid>,
    /// The accepted values of a token's audience.
    pub audiences: Vec<String>,
    /// The proxy for fetching the directories' metadata; `None` for a direct connection.
    pub proxy: Option<HttpsProxy>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum AuthMethod {
    Header,
    Entra,
    EasyAuth,
    ApiKey,
}

impl AuthMethod {
    fn parse(name: &str) -> Option<Self> {
        match name {
            "header" => Some(Self::Header),
            "entra" => Some(Self::Entra),
            "easyauth" => Some(Self::EasyAuth),
            "apikey" => Some(Self::ApiKey),
            _ => None,
        }
    }
}

/// Variables that Azure's hosting platforms set. On those platforms every connection comes from
/// the platform's front end, on this machine or in the network, and carries anybody's request.
pub(super) const AZURE_HOST_VARIABLES: [&str; 3] = [
    "FUNCTIONS_CUSTOMHANDLER_PORT",
    "WEBSITE_SITE_NAME",
    "CONTAINER_APP_NAME",
];

pub(super) fn read(
    reader: &mut Reader<'_>,
    listen: Option<SocketAddr>,
    trusted_proxies: &[IpNet],
) -> Option<AuthSettings> {
    // On a hosting platform anybody can reach the server. Tokens are the default there because
    // Container Apps' own authentication does not tell clients where to sign in.
    let default = if is_azure_hosted(reader) {
        AuthMethod::Entra
    } else {
        AuthMethod::Header
    };
    let methods = reader.parsed_or(&var::ZAVA_AUTH, vec![default], |text| {
        let methods: Option<Vec<AuthMethod>> = text
            .split(',')
            .map(|name| AuthMethod::parse(name.trim()))
            .collect();
        match methods {
            None => Err("must be a list of `header`, `entra`, `easyauth` and `apikey`"),
            Some(methods) if methods.contains(&AuthMethod::Header) && methods.len() > 1 => {
                Err("must not combine `header`, which authenticates nobody, with other methods")
            }
            Some(methods) => Ok(methods),
        }
    });
    let directories = reader.optional(&var::ZAVA_ENTRA_TENANT_ID, |text| {
        let ids = text.split(',').map(|id| Uuid::try_parse(id.trim()));
        ids.collect::<Result<Vec<_>, _>>()
            .map_err(|_| "must be UUIDs, separated by commas")
    });
    let audiences = reader.optional(&var::ZAVA_ENTRA_AUDIENCE, |text| {
        let audiences: Vec<String> = text.split(',').map(|one| one.trim().to_owned()).collect();
        if audiences.iter().any(String::is_empty) {
            Err("must not contain an empty audience")
        } else {
            Ok(audiences)
        }
    });
    let authority = reader.parsed(&var::ZAVA_ENTRA_AUTHORITY, |text| {
        base_url(text).map(|url| url.as_str().trim_end_matches('/').to_owned())
    });
    let proxy = https_proxy::read(reader);
    let is_easyauth_on = reader.optional(&var::WEBSITE_AUTH_ENABLED, |text| {
        Ok(text.eq_ignore_ascii_case("true"))
    });
    let methods = methods?;
    if methods.contains(&AuthMethod::Header) {
        let is_azure_hosted = is_azure_hosted(reader);
        let peers = match trusted_proxies {
            [] if is_azure_hosted || listen.is_some_and(|listen| !listen.ip().is_loopback()) => {
                reader.add_problem(&var::ZAVA_AUTH, "is `header`, which trusts the tenant header of every client, but other machines can reach the server; list the gateways that set the header in ZAVA_TRUSTED_PROXY, or use `entra`, `easyauth` or `apikey`");
                return None;
            }
            [] => TrustedPeers::Loopback,
            gateways if is_azure_hosted && gateways.iter().any(contains_loopback) => {
                reader.add_problem(&var::ZAVA_TRUSTED_PROXY, "must not contain a loopback address on Azure, where the hosting platform forwards every client's request from this machine");
                return None;
            }
            gateways => TrustedPeers::Gateways(gateways.to_vec()),
        };
        return Some(AuthSettings::Header(peers));
    }
    let mut credentials = CredentialSettings {
        api_keys: methods.contains(&AuthMethod::ApiKey),
        ..CredentialSettings::default()
    };
    if methods.contains(&AuthMethod::EasyAuth) {
        if is_easyauth_on != Some(true) {
            reader.add_problem(&var::ZAVA_AUTH, "contains `easyauth`, but App Service's authentication is off (WEBSITE_AUTH_ENABLED is not True); without it any client can forge its headers");
        }
        credentials.easyauth = reader.required(&var::ZAVA_ENTRA_TENANT_ID, directories.clone());
    }
    if methods.contains(&AuthMethod::Entra) {
        let directories = reader.required(&var::ZAVA_ENTRA_TENANT_ID, directories);
        let audiences = reader.required(&var::ZAVA_ENTRA_AUDIENCE, audiences);
        credentials.entra = Some(EntraSettings {
            authority: authority?,
            directories: directories?,
            audiences: audiences?,
            proxy: proxy?,
        });
    }
    Some(AuthSettings::Credentials(credentials))
}

/// Reads the origins whose pages may call the server.
pub(super) fn allowed_origins(reader: &mut Reader<'_>) -> Option<Vec<String>> {
    reader.parsed_or(&var::ZAVA_ALLOWED_ORIGINS, Vec::new(), |text| {
        let origins = text.split(',').map(|origin| {
            let origin = origin.trim();
            // Must be spelled as a browser does, because origins are compared as text.
            let url = base_url(origin).ok()?;
            (url.origin().ascii_serialization() == origin).then(|| origin.to_owned())
        });
        let origins: Option<Vec<String>> = origins.collect();
        origins.ok_or("must be https origins in lower case and without a path")
    })
}

/// Reads the URL by which clients reach the server; required if other machines can reach it.
pub(super) fn public_url(reader: &mut Reader<'_>, listen: Option<SocketAddr>) -> Option<PublicUrl> {
    let url = reader.optional(&var::ZAVA_PUBLIC_URL, PublicUrl::parse);
    let is_reachable_from_outside =
        is_azure_hosted(reader) || listen.is_some_and(|listen| !listen.ip().is_loopback());
    if is_reachable_from_outside {
        reader.required(&var::ZAVA_PUBLIC_URL, url)
    } else {
        url
    }
}

/// Whether Azure Functions, App Service or Container Apps host the server.
pub(super) fn is_azure_hosted(reader: &Reader<'_>) -> bool {
    AZURE_HOST_VARIABLES.iter().any(|name| reader.is_set(name))
}

fn contains_loopback(network: &IpNet) -> bool {
    [
        IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::LOCALHOST),
    ]
    .iter()
    .any(|address| network.contains(address))
}

/// Parses a URL of scheme, host and path; the scheme is HTTPS unless the host is this machine.
pub(super) fn base_url(text: &str) -> Result<Url, &'static str> {
    let url = Url::parse(text).map_err(|_| "must be a URL")?;
    if url.query().is_some()
        || url.fragment().is_some()
        || !url.username().is_empty()
        || url.password().is_some()
    {
        return Err("must have only a scheme, a host and a path");
    }
    let is_loopback = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback => Ok(url),
        _ => Err("must use https (http is allowed only for this machine)"),
    }
}
