//! Variables that Kubernetes sets in every pod for each service of the namespace ("service links").
//!
//! A service called `zava` causes `ZAVA_PORT=tcp://10.0.0.1:8000`, and one called `postgres-db` a
//! `POSTGRES_DB_PORT` of the same form. Nobody wrote them, so they are neither settings nor
//! misspelled settings, and are ignored. Both name and value must have Kubernetes' form, so that
//! `ZAVA_PORT=8000` is still reported as a mistake.

use std::net::{IpAddr, SocketAddr};

const PROTOCOLS: [&str; 3] = ["TCP", "UDP", "SCTP"];

/// Whether a variable is a service link.
pub(super) fn is_service_link(name: &str, value: &str) -> bool {
    let is_port = |text: &str| text.parse::<u16>().is_ok();
    if name.ends_with("_SERVICE_HOST") {
        return value.parse::<IpAddr>().is_ok();
    }
    // `…_SERVICE_PORT`, and `…_SERVICE_PORT_HTTP` for a named port.
    if name.ends_with("_SERVICE_PORT") || name.contains("_SERVICE_PORT_") {
        return is_port(value);
    }
    let parts = name.rsplit_once("_PORT_").map(|(_, parts)| parts);
    let Some(parts) = parts.filter(|parts| parts.starts_with(|first: char| first.is_ascii_digit()))
    else {
        return name.ends_with("_PORT") && is_port_url(value);
    };
    let mut parts = parts.splitn(3, '_');
    let number = parts.next().is_some_and(is_port);
    let protocol = parts.next().is_some_and(|name| PROTOCOLS.contains(&name));
    number
        && protocol
        && match parts.next() {
            None => is_port_url(value),
            Some("ADDR") => value.parse::<IpAddr>().is_ok(),
            Some("PORT") => is_port(value),
            Some("PROTO") => PROTOCOLS.contains(&value.to_ascii_uppercase().as_str()),
            Some(_) => false,
        }
}

/// Whether a text has the form `tcp://10.0.0.1:8000`.
fn is_port_url(value: &str) -> bool {
    value.split_once("://").is_some_and(|(protocol, address)| {
        PROTOCOLS.contains(&protocol.to_ascii_uppercase().as_str())
            && address.parse::<SocketAddr>().is_ok()
    })
}
