use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;
use tokio::time::Instant;

use super::pending::{Address, Key};
use super::{Decision, EventKind};
use crate::identity::Principal;

/// The interval in which a refusal counts as a repetition of an equal one.
const WINDOW: Duration = Duration::from_secs(60);

/// Maximum number of anonymous refusals per window that are recorded with their address.
const MAX_ADDRESSES: usize = 32;

/// Maximum number of further ones that are recorded with their network.
const MAX_NETWORKS: usize = 32;

/// Prefix length of such an IPv4 network: roughly what one provider has.
const IPV4_PREFIX_BITS: u8 = 16;

/// The same for IPv6.
const IPV6_PREFIX_BITS: u8 = 32;

/// Maximum number of one caller's refused calls per window that are recorded with their statement;
/// further ones are summed up.
const MAX_CALLS: u32 = 60;

/// Maximum number of remembered refusals of authenticated callers. Further ones are recorded as if
/// they were new.
const MAX_AUTHENTICATED: usize = 4096;

/// The refusals of the current minute, so that a flood makes few records: equal refusals are summed
/// up, and if they come from many addresses, they are summed up by network.
#[derive(Debug, Default)]
pub(super) struct Recent {
    began: Option<Instant>,
    addresses: HashSet<Key>,
    networks: HashSet<Key>,
    /// Refusals without an address; there are at most as many as reasons.
    without_address: HashSet<Key>,
    authenticated: HashSet<Key>,
    calls: HashMap<Option<Principal>, u32>,
}

impl Recent {
    /// Whether a refusal repeats one of the current minute, so that it need not be appended before
    /// the minute is over. Makes its key coarser if too many have been recorded.
    pub(super) fn is_repetition(&mut self, key: &mut Key, now: Instant) -> bool {
        let began = *self.began.get_or_insert(now);
        if now.duration_since(began) >= WINDOW {
            *self = Self {
                began: Some(now),
                ..Self::default()
            };
        }
        if key.kind == EventKind::Call {
            return key.decision == Decision::Refused && self.is_over_call_limit(key);
        }
        if key.principal.is_some() {
            return contains_or_insert(&mut self.authenticated, key, MAX_AUTHENTICATED)
                == Some(true);
        }
        if let Some(Address::One(address)) = key.address {
            if let Some(is_repeat) = contains_or_insert(&mut self.addresses, key, MAX_ADDRESSES) {
                return is_repeat;
            }
            key.address = Some(Address::Network(network_of(address)));
            if let Some(is_repeat) = contains_or_insert(&mut self.networks, key, MAX_NETWORKS) {
                return is_repeat;
            }
            key.address = None;
        }
        contains_or_insert(&mut self.without_address, key, usize::MAX) == Some(true)
    }

    fn is_over_call_limit(&mut self, key: &mut Key) -> bool {
        let calls = self.calls.entry(key.principal.clone()).or_default();
        *calls += 1;
        let is_over_limit = *calls > MAX_CALLS;
        if is_over_limit {
            key.fingerprint = None;
        }
        is_over_limit
    }
}

/// Whether a set contains a key already. If not, the key is inserted; `None` if the set is full.
fn contains_or_insert(keys: &mut HashSet<Key>, key: &Key, max: usize) -> Option<bool> {
    if keys.contains(key) {
        return Some(true);
    }
    (keys.len() < max).then(|| !keys.insert(key.clone()))
}

fn network_of(address: IpAddr) -> IpNet {
    let bits = match address {
        IpAddr::V4(_) => IPV4_PREFIX_BITS,
        IpAddr::V6(_) => IPV6_PREFIX_BITS,
    };
    IpNet::new_assert(address, bits).trunc()
}
