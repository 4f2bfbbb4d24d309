use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;
use tokio::time::Instant;

use super::pending::{Address, Key};
use super::{Decision, EventKind};
use crate::identity::Principal;

/// How long a refusal counts as a repetition of an equal one.
const WINDOW: Duration = Duration::from_secs(60);

/// How many refusals of unauthenticated requests are recorded in that time each with its address,
/// and then how many each with its network.
const MAX_ADDRESSES: usize = 32;
const MAX_NETWORKS: usize = 32;

/// Prefix lengths of these networks: roughly what a provider has.
const NETWORK_BITS_V4: u8 = 16;
const NETWORK_BITS_V6: u8 = 32;

/// How many refused calls of one caller are recorded each with its statement in that time; further
/// ones are summed up.
const MAX_CALLS: u32 = 60;

/// How many refusals of known callers are remembered; beyond it they are recorded as if they were
/// new.
const MAX_KNOWN: usize = 4096;

/// What was refused in this minute, so that a flood makes few records: equal refusals are summed
/// up, and once many addresses take part, by coarser networks.
#[derive(Debug, Default)]
pub(super) struct Recent {
    began: Option<Instant>,
    addresses: HashSet<Key>,
    networks: HashSet<Key>,
    /// Without an address. There are as many as reasons.
    others: HashSet<Key>,
    known: HashSet<Key>,
    calls: HashMap<Option<Principal>, u32>,
}

impl Recent {
    /// Makes the key of a refusal coarser where too many were recorded in this minute, and tells
    /// whether it is a repetition, which can wait until the minute is over.
    pub(super) fn is_repetition(&mut self, key: &mut Key, now: Instant) -> bool {
        let began = *self.began.get_or_insert(now);
        if now.duration_since(began) >= WINDOW {
            *self = Self {
                began: Some(now),
                ..Self::default()
            };
        }
        if key.kind == EventKind::Call {
            return key.decision == Decision::Refused && self.is_call_too_many(key);
        }
        if key.principal.is_some() {
            return contains_or_insert(&mut self.known, key, MAX_KNOWN) == Some(true);
        }
        if let Some(Address::One(address)) = key.address {
            if let Some(repeated) = contains_or_insert(&mut self.addresses, key, MAX_ADDRESSES) {
                return repeated;
            }
            key.address = Some(Address::Network(network_of(address)));
            if let Some(repeated) = contains_or_insert(&mut self.networks, key, MAX_NETWORKS) {
                return repeated;
            }
            key.address = None;
        }
        contains_or_insert(&mut self.others, key, usize::MAX) == Some(true)
    }

    fn is_call_too_many(&mut self, key: &mut Key) -> bool {
        let calls = self.calls.entry(key.principal.clone()).or_default();
        *calls += 1;
        let is_too_many = *calls > MAX_CALLS;
        if is_too_many {
            key.fingerprint = None;
        }
        is_too_many
    }
}

/// Whether a key was there before; if not, it is inserted, or `None` tells that there is no room
/// for it.
fn contains_or_insert(keys: &mut HashSet<Key>, key: &Key, max: usize) -> Option<bool> {
    if keys.contains(key) {
        return Some(true);
    }
    (keys.len() < max).then(|| !keys.insert(key.clone()))
}

fn network_of(address: IpAddr) -> IpNet {
    let bits = match address {
        IpAddr::V4(_) => NETWORK_BITS_V4,
        IpAddr::V6(_) => NETWORK_BITS_V6,
    };
    IpNet::new_assert(address, bits).trunc()
}
