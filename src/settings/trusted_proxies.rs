//! The gateways and reverse proxies whose headers are trusted.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::reader::Reader;
use super::variables as var;

/// Prefix length of `::ffff:0:0/96`, the IPv4-mapped IPv6 addresses.
const MAPPED_PREFIX: u8 = 96;
/// The largest share of the address space that a list may cover, as a prefix length. Gateways are
/// in a private network (10.0.0.0/8 is the largest one) or in a provider's published ranges, which
/// are far smaller.
const MAX_COVERAGE_PREFIX: u8 = 5;

/// Reads the list of networks; an absent variable is an empty list.
pub(super) fn read(reader: &mut Reader<'_>) -> Option<Vec<IpNet>> {
    reader.parsed_or(&var::ZAVA_TRUSTED_PROXY, Vec::new(), |text| {
        let networks = text.split(',').map(|network| parse_network(network.trim()));
        let networks: Option<Vec<IpNet>> = networks.collect();
        let networks = networks
            .ok_or("must be IP addresses and networks in CIDR notation, separated by commas")?;
        if covers_the_internet(&networks) {
            Err("covers most of the Internet, so that almost any client would be trusted")
        } else {
            Ok(networks)
        }
    })
}

/// Parses a network or a single address. IPv4-mapped IPv6 becomes IPv4, the form in which peers
/// are compared.
fn parse_network(text: &str) -> Option<IpNet> {
    let address = || text.parse::<IpAddr>().ok().map(IpNet::from);
    match text.parse().ok().or_else(address)? {
        IpNet::V6(network) if network.prefix_len() >= MAPPED_PREFIX => {
            let prefix = network.prefix_len() - MAPPED_PREFIX;
            let mapped = network.addr().to_ipv4_mapped();
            let mapped = mapped.and_then(|address| Ipv4Net::new(address, prefix).ok());
            Some(mapped.map_or(IpNet::V6(network), IpNet::V4))
        }
        network => Some(network),
    }
}

/// Whether the networks together cover more of IPv4, or of the public IPv6 addresses, than
/// gateways plausibly use.
fn covers_the_internet(networks: &[IpNet]) -> bool {
    let public = Ipv6Net::new_assert(Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);
    let mapped = Ipv6Net::new_assert(Ipv4Addr::UNSPECIFIED.to_ipv6_mapped(), MAPPED_PREFIX);
    let (mut ipv4, mut ipv6) = (0_u64, 0_u128);
    for network in IpNet::aggregate(&networks.to_vec()) {
        match network {
            IpNet::V4(network) => ipv4 += 1 << (32 - network.prefix_len()),
            // Covers all of IPv4 (as mapped addresses) or all public addresses of IPv6.
            IpNet::V6(network) if network.contains(&mapped) || network.contains(&public) => {
                return true;
            }
            IpNet::V6(network) if public.contains(&network) => {
                ipv6 += 1 << (128 - network.prefix_len());
            }
            IpNet::V6(_) => {}
        }
    }
    ipv4 > 1 << (32 - MAX_COVERAGE_PREFIX) || ipv6 > 1 << (125 - MAX_COVERAGE_PREFIX)
}
