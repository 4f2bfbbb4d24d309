//! The read replicas of the database.

use std::net::Ipv6Addr;
use std::time::Duration;

use super::database::{DatabaseAddress, LoginAuth, Tls, parse_host, parse_port};
use super::reader::Reader;
use super::variables as var;

/// The maximum number of replicas: each has connections and a probe of its own.
const MAX_REPLICAS: usize = 16;

/// The streaming replicas that run tenants' queries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicaSettings {
    /// Where they listen; no address occurs twice, and none is the primary's. Empty without
    /// replicas.
    pub addresses: Vec<DatabaseAddress>,
    /// How old the state of a replica may be for it to be used.
    pub max_lag: Duration,
}

impl ReplicaSettings {
    /// No replicas: the primary runs every statement.
    #[must_use]
    pub fn none() -> Self {
        Self {
            addresses: Vec::new(),
            max_lag: Duration::ZERO,
        }
    }

    /// Reads the replicas of `primary`; database, pool mode and TLS settings apply to all hosts.
    pub(super) fn read(
        reader: &mut Reader<'_>,
        primary: Option<&DatabaseAddress>,
        auth: Option<&LoginAuth>,
    ) -> Option<Self> {
        let max_lag = reader.number(&var::POSTGRES_MAX_REPLICA_LAG, 1, 3_600);
        let hosts = reader.parsed_or(&var::POSTGRES_READ_HOSTS, Vec::new(), parse_hosts);
        let (max_lag, hosts, primary) = (max_lag?, hosts?, primary?);
        let mut addresses: Vec<DatabaseAddress> = Vec::new();
        for (host, port) in hosts {
            let address = DatabaseAddress {
                tls: Tls::read_for_replica(reader, &host, primary),
                host,
                port: port.unwrap_or(primary.port),
                ..primary.clone()
            };
            if is_same_server(&address, primary) {
                reader.add_problem(
                    &var::POSTGRES_READ_HOSTS,
                    "contains the primary, which POSTGRES_DB_HOST and POSTGRES_DB_PORT name; list replicas only",
                );
            }
            if addresses
                .iter()
                .any(|other| is_same_server(other, &address))
            {
                reader.add_problem(&var::POSTGRES_READ_HOSTS, "contains a host twice");
            }
            addresses.push(address);
        }
        let has_clear_text = addresses.iter().any(|address| address.tls == Tls::Disable);
        if has_clear_text && matches!(auth, Some(LoginAuth::Entra { .. })) {
            reader.add_problem(
                &var::POSTGRES_READ_HOSTS,
                "contains a host without TLS, and POSTGRES_AUTH=entra sends each host the token itself; set POSTGRES_SSLMODE=verify-full",
            );
        }
        Some(Self {
            addresses,
            max_lag: Duration::from_secs(u64::from(max_lag.get())),
        })
    }
}

fn is_same_server(one: &DatabaseAddress, other: &DatabaseAddress) -> bool {
    one.port == other.port && one.host.eq_ignore_ascii_case(&other.host)
}

/// Parses `host[:port],…`, where an IPv6 address stands in brackets. The port is `None` where the
/// text has none.
fn parse_hosts(text: &str) -> Result<Vec<(String, Option<u16>)>, &'static str> {
    if text.contains("://") {
        return Err(
            "must be host names, not URLs (database name and login have their own variables)",
        );
    }
    let hosts = text.split(',').map(|entry| parse_entry(entry.trim()));
    let hosts: Vec<_> = hosts.collect::<Result<_, _>>()?;
    if hosts.len() > MAX_REPLICAS {
        return Err("contains more than 16 hosts");
    }
    Ok(hosts)
}

fn parse_entry(entry: &str) -> Result<(String, Option<u16>), &'static str> {
    if entry.is_empty() {
        return Err("contains an empty host between commas");
    }
    if let Some(entry) = entry.strip_prefix('[') {
        let problem = "must contain IPv6 addresses as `[address]` or `[address]:port`";
        let (address, rest) = entry.split_once(']').ok_or(problem)?;
        if address.parse::<Ipv6Addr>().is_err() {
            return Err(problem);
        }
        let port = match rest.strip_prefix(':') {
            Some(port) => Some(parse_port(port)?),
            None if rest.is_empty() => None,
            None => return Err(problem),
        };
        return Ok((address.to_owned(), port));
    }
    if entry.parse::<Ipv6Addr>().is_ok() {
        return Err("must contain IPv6 addresses in brackets, such as `[2001:db8::1]:5432`");
    }
    match entry.split_once(':') {
        None => Ok((parse_host(entry)?, None)),
        Some((host, port)) => Ok((parse_host(host)?, Some(parse_port(port)?))),
    }
}
