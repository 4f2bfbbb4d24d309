//! Where the HTTP server listens, and what stands between it and its clients.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU16;

use ipnet::IpNet;

use super::environment::Environment;
use super::reader::{Reader, SettingsError};
use super::trusted_proxies;
use super::variables::{self as var, AZURE_HOST_VARIABLES};

/// Where the HTTP server listens, and what stands between it and its clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkSettings {
    /// The address on which the HTTP server listens.
    pub listen: SocketAddr,
    /// The reverse proxies in front of the server; the client's address is read from their
    /// `X-Forwarded-For`.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether Azure hosts the server and no proxy is configured: every peer is then the hosting
    /// platform's front end.
    pub is_behind_platform: bool,
    /// Whether the Azure Functions host has started this server as its custom handler. It then
    /// forwards every request, and nothing else can reach the server.
    pub is_functions_handler: bool,
}

/// What is known of the network once its variables are read, valid or not. Checks of other settings
/// depend on it.
pub(super) struct Network {
    listen: Option<SocketAddr>,
    trusted_proxies: Option<Vec<IpNet>>,
    /// Whether Azure Functions, App Service or Container Apps host the server.
    pub(super) is_azure_hosted: bool,
    is_functions_handler: bool,
}

impl Network {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let functions_port = read_functions_port(reader);
        let listen = read_listen_address(reader, functions_port);
        Self {
            listen,
            is_functions_handler: functions_port.is_some(),
            trusted_proxies: trusted_proxies::read(reader),
            is_azure_hosted: AZURE_HOST_VARIABLES.iter().any(|name| reader.is_set(name)),
        }
    }

    /// The reverse proxies; none if their list is invalid, which has been reported already.
    pub(super) fn trusted_proxies(&self) -> &[IpNet] {
        self.trusted_proxies.as_deref().unwrap_or_default()
    }

    /// Whether other machines can reach the server.
    pub(super) fn is_reachable_from_outside(&self) -> bool {
        self.is_azure_hosted || self.listen.is_some_and(|listen| !listen.ip().is_loopback())
    }

    /// The settings, if all variables are valid.
    pub(super) fn into_settings(self) -> Option<NetworkSettings> {
        Some(NetworkSettings {
            is_behind_platform: self.is_azure_hosted && self.trusted_proxies().is_empty(),
            listen: self.listen?,
            trusted_proxies: self.trusted_proxies?,
            is_functions_handler: self.is_functions_handler,
        })
    }
}

/// Reads the address on which the HTTP server listens, and nothing else.
///
/// # Errors
/// If it is invalid, or a `ZAVA_` variable is not a setting.
pub fn listen_address(environment: &Environment) -> Result<SocketAddr, SettingsError> {
    let mut reader = Reader::new(environment);
    let functions_port = read_functions_port(&mut reader);
    let listen = read_listen_address(&mut reader, functions_port);
    reader.finish(listen)
}

fn read_listen_address(
    reader: &mut Reader<'_>,
    functions_port: Option<NonZeroU16>,
) -> Option<SocketAddr> {
    match functions_port {
        Some(port) => read_functions_address(reader, port),
        None => reader.parsed(&var::ZAVA_LISTEN, parse_address),
    }
}

fn read_functions_port(reader: &mut Reader<'_>) -> Option<NonZeroU16> {
    reader.optional(&var::FUNCTIONS_CUSTOMHANDLER_PORT, |text| {
        text.parse::<NonZeroU16>()
            .map_err(|_| "must be a port number from 1 to 65535")
    })
}

fn parse_address(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse()
        .map_err(|_| "must be an IP address and a port, joined by a colon")
}

/// The address on which the Functions host calls this server. A different ZAVA_LISTEN is an error:
/// to ignore it would surprise its author, and to obey it would leave the host waiting for half a
/// minute, without a message that names the cause.
fn read_functions_address(reader: &mut Reader<'_>, port: NonZeroU16) -> Option<SocketAddr> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port.get()));
    reader.parsed_or(&var::ZAVA_LISTEN, address, |text| {
        if parse_address(text)? == address {
            Ok(address)
        } else {
            Err("is not the address on which the Functions host calls this server (127.0.0.1 and the port in FUNCTIONS_CUSTOMHANDLER_PORT); unset it in the app settings")
        }
    })
}
