//! How callers prove who they are.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::IpNet;
use url::Url;
use uuid::Uuid;

use super::https_proxy::{self, HttpsProxy};
use super::public_url::PublicUrl;
use super::reader::Reader;
use super::variables as var;

/// How callers prove who they are, and where they find out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthSettings {
    /// They do not: a header names the tenant.
    Header(TrustedPeers),
    /// In any of these ways.
    Proof(ProofSettings),
}

/// From whom the tenant header is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrustedPeers {
    /// From this machine, which is all that can reach the server.
    ThisMachine,
    /// From these gateways, which set it for those behind them.
    Gateways(Vec<IpNet>),
}

impl TrustedPeers {
    /// Whether they include a peer.
    #[must_use]
    pub fn include(&self, peer: IpAddr) -> bool {
        // A dual-stack socket shows IPv4 peers as mapped addresses.
        let peer = peer.to_canonical();
        match self {
            Self::ThisMachine => peer.is_loopback(),
            Self::Gateways(networks) => networks.iter().any(|network| network.contains(&peer)),
        }
    }
}

/// What is accepted as a proof; at least one of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProofSettings {
    /// Access tokens of Entra ID.
    pub entra: Option<EntraSettings>,
    /// What App Service's authentication says, of callers of these directories.
    pub easyauth: Option<Vec<Uuid>>,
    /// Keys that `key create` has made.
    pub api_keys: bool,
}

/// Whose access tokens are accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntraSettings {
    /// Where the directories' documents are, without a slash at the end.
    pub authority: String,
    /// The Entra tenants.
    pub directories: Vec<Uuid>,
    /// What tokens may name as their audience.
    pub audiences: Vec<String>,
    /// How the directories' documents are reached; `None` without a proxy.
    pub proxy: Option<HttpsProxy>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Header,
    Entra,
    EasyAuth,
    ApiKey,
}

impl Mode {
    fn of_name(name: &str) -> Option<Self> {
        match name {
            "header" => Some(Self::Header),
            "entra" => Some(Self::Entra),
            "easyauth" => Some(Self::EasyAuth),
            "apikey" => Some(Self::ApiKey),
            _ => None,
        }
    }
}

/// What platforms of Azure set: behind them everything comes from this machine or from a proxy, and from anybody.
pub(super) const HOSTED: [&str; 3] = [
    "FUNCTIONS_CUSTOMHANDLER_PORT",
    "WEBSITE_SITE_NAME",
    "CONTAINER_APP_NAME",
];

pub(super) fn read(
    reader: &mut Reader<'_>,
    listen: Option<SocketAddr>,
    trusted_proxies: &[IpNet],
) -> Option<AuthSettings> {
    // Where anybody may come, and Container Apps' own authentication does not tell clients where to sign in.
    let default = if is_hosted(reader) {
        Mode::Entra
    } else {
        Mode::Header
    };
    let modes = reader.absent_or(&var::ZAVA_AUTH, vec![default], |text| {
        let modes: Option<Vec<Mode>> = text
            .split(',')
            .map(|name| Mode::of_name(name.trim()))
            .collect();
        match modes {
            None => Err("holds something else than header, entra, easyauth and apikey"),
            Some(modes) if modes.contains(&Mode::Header) && modes.len() > 1 => {
                Err("lists header beside others; it believes whoever sends it, so it stands alone")
            }
            Some(modes) => Ok(modes),
        }
    });
    let directories = reader.optional(&var::ZAVA_ENTRA_TENANT_ID, |text| {
        let ids = text.split(',').map(|id| Uuid::try_parse(id.trim()));
        ids.collect::<Result<Vec<_>, _>>()
            .map_err(|_| "holds something else than UUIDs")
    });
    let audiences = reader.optional(&var::ZAVA_ENTRA_AUDIENCE, |text| {
        let audiences: Vec<String> = text.split(',').map(|one| one.trim().to_owned()).collect();
        if audiences.iter().any(String::is_empty) {
            Err("holds an empty audience")
        } else {
            Ok(audiences)
        }
    });
    let authority = reader.parsed(&var::ZAVA_ENTRA_AUTHORITY, |text| {
        base_url(text).map(|url| url.as_str().trim_end_matches('/').to_owned())
    });
    let proxy = https_proxy::read(reader);
    let module_is_on = reader.optional(&var::WEBSITE_AUTH_ENABLED, |text| {
        Ok(text.eq_ignore_ascii_case("true"))
    });
    let modes = modes?;
    if modes.contains(&Mode::Header) {
        let is_hosted = is_hosted(reader);
        let peers = match trusted_proxies {
            [] if is_hosted || listen.is_some_and(|listen| !listen.ip().is_loopback()) => {
                reader.problem(&var::ZAVA_AUTH, "believes the tenant header of whoever reaches the server, which is not this machine alone; name the gateways that set it in ZAVA_TRUSTED_PROXY, or use entra, easyauth or apikey");
                return None;
            }
            [] => TrustedPeers::ThisMachine,
            gateways if is_hosted && gateways.iter().any(holds_this_machine) => {
                reader.problem(&var::ZAVA_TRUSTED_PROXY, "trusts this machine, but here the platform hands on from it what anybody sends");
                return None;
            }
            gateways => TrustedPeers::Gateways(gateways.to_vec()),
        };
        return Some(AuthSettings::Header(peers));
    }
    let mut proof = ProofSettings {
        api_keys: modes.contains(&Mode::ApiKey),
        ..ProofSettings::default()
    };
    if modes.contains(&Mode::EasyAuth) {
        if module_is_on != Some(true) {
            reader.problem(&var::ZAVA_AUTH, "lists easyauth, but WEBSITE_AUTH_ENABLED does not say that App Service's authentication is on, and without it anybody can send its headers");
        }
        proof.easyauth = reader.required(&var::ZAVA_ENTRA_TENANT_ID, directories.clone());
    }
    if modes.contains(&Mode::Entra) {
        let directories = reader.required(&var::ZAVA_ENTRA_TENANT_ID, directories);
        let audiences = reader.required(&var::ZAVA_ENTRA_AUDIENCE, audiences);
        proof.entra = Some(EntraSettings {
            authority: authority?,
            directories: directories?,
            audiences: audiences?,
            proxy: proxy?,
        });
    }
    Some(AuthSettings::Proof(proof))
}

/// Whose pages may call the server.
pub(super) fn allowed_origins(reader: &mut Reader<'_>) -> Option<Vec<String>> {
    reader.absent_or(&var::ZAVA_ALLOWED_ORIGINS, Vec::new(), |text| {
        let origins = text.split(',').map(|origin| {
            let origin = origin.trim();
            // As a browser writes it, because it is compared as text.
            let url = base_url(origin).ok()?;
            (url.origin().ascii_serialization() == origin).then(|| origin.to_owned())
        });
        let origins: Option<Vec<String>> = origins.collect();
        origins
            .ok_or("holds something else than origins over https, in lower case and without a path")
    })
}

/// What clients call the server.
pub(super) fn public_url(reader: &mut Reader<'_>, listen: Option<SocketAddr>) -> Option<PublicUrl> {
    let url = reader.optional(&var::ZAVA_PUBLIC_URL, PublicUrl::parse);
    let is_reached_from_outside =
        is_hosted(reader) || listen.is_some_and(|listen| !listen.ip().is_loopback());
    if is_reached_from_outside {
        reader.required(&var::ZAVA_PUBLIC_URL, url)
    } else {
        url
    }
}

/// Whether Functions, App Service or Container Apps host the server.
pub(super) fn is_hosted(reader: &Reader<'_>) -> bool {
    HOSTED.iter().any(|name| reader.is_set(name))
}

fn holds_this_machine(network: &IpNet) -> bool {
    [
        IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::LOCALHOST),
    ]
    .iter()
    .any(|address| network.contains(address))
}

/// A URL without query, over HTTPS unless it is on this machine.
pub(super) fn base_url(text: &str) -> Result<Url, &'static str> {
    let url = Url::parse(text).map_err(|_| "is not a URL")?;
    if url.query().is_some()
        || url.fragment().is_some()
        || !url.username().is_empty()
        || url.password().is_some()
    {
        return Err("holds more than a scheme, a host and a path");
    }
    let is_here = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_here => Ok(url),
        _ => Err("is not https; plain http is for this machine alone"),
    }
}
