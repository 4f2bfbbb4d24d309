//! How callers authenticate.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use uuid::Uuid;

use super::base_url::base_url;
use super::network::Network;
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
    pub entra: Option<Box<EntraSettings>>,
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

impl AuthSettings {
    /// Reads how callers authenticate. Which ways are safe depends on who can reach the server.
    pub(super) fn read(reader: &mut Reader<'_>, network: &Network) -> Option<Self> {
        let methods = read_methods(reader, network);
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
        let is_easyauth_on = reader.optional(&var::WEBSITE_AUTH_ENABLED, |text| {
            Ok(text.eq_ignore_ascii_case("true"))
        });
        let methods = methods?;
        if methods.contains(&AuthMethod::Header) {
            return TrustedPeers::read(reader, network).map(Self::Header);
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
            credentials.entra = Some(Box::new(EntraSettings {
                authority: authority?,
                directories: directories?,
                audiences: audiences?,
            }));
        }
        Some(Self::Credentials(credentials))
    }
}

impl TrustedPeers {
    /// The peers of the method `header`.
    fn read(reader: &mut Reader<'_>, network: &Network) -> Option<Self> {
        match network.trusted_proxies() {
            [] if network.is_reachable_from_outside() => {
                reader.add_problem(&var::ZAVA_AUTH, "is `header`, which trusts the tenant header of every client, but other machines can reach the server; list the gateways that set the header in ZAVA_TRUSTED_PROXY, or use `entra`, `easyauth` or `apikey`");
                None
            }
            [] => Some(Self::Loopback),
            gateways if network.is_azure_hosted && gateways.iter().any(contains_loopback) => {
                reader.add_problem(&var::ZAVA_TRUSTED_PROXY, "must not contain a loopback address on Azure, where the hosting platform forwards every client's request from this machine");
                None
            }
            gateways => Some(Self::Gateways(gateways.to_vec())),
        }
    }
}

fn read_methods(reader: &mut Reader<'_>, network: &Network) -> Option<Vec<AuthMethod>> {
    // On a hosting platform anybody can reach the server. Tokens are the default there because
    // Container Apps' own authentication does not tell clients where to sign in.
    let default = if network.is_azure_hosted {
        AuthMethod::Entra
    } else {
        AuthMethod::Header
    };
    reader.parsed_or(&var::ZAVA_AUTH, vec![default], |text| {
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
    })
}

fn contains_loopback(network: &IpNet) -> bool {
    [
        IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::LOCALHOST),
    ]
    .iter()
    .any(|address| network.contains(address))
}
