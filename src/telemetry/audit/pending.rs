use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;

use chrono::{DateTime, Utc};
use ipnet::IpNet;
use serde::{Serialize, Serializer};

use super::{Decision, Event, EventKind, Statement};
use crate::identity::{Principal, TenantId};
use crate::telemetry::TraceId;

/// How many different records may wait, of those whose sender is proved and of the others. Then those that differ in addresses or
/// statements only are one: a flood of somebody who proves nothing takes no room from what is known of callers.
const MOST_APART: usize = 256;

/// How much of a statement's text is kept, in bytes.
const MOST_SQL: usize = 8 << 10;

/// What makes two events one record.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) kind: EventKind,
    pub(super) decision: Decision,
    reason: Option<Cow<'static, str>>,
    pub(super) principal: Option<Principal>,
    tenant: Option<TenantId>,
    tool: Option<&'static str>,
    pub(super) address: Option<Address>,
    pub(super) fingerprint: Option<String>,
}

/// Where requests came from. In JSON as PostgreSQL's `inet` reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Address {
    /// One address, of IPv6 the first of 64 bits.
    One(IpAddr),
    /// Many of a network.
    Network(IpNet),
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::One(address) => serializer.collect_str(address),
            Self::Network(network) => serializer.collect_str(network),
        }
    }
}

/// How often, how much, and the first of them as an example.
#[derive(Clone, Debug)]
pub(super) struct Sum {
    count: u64,
    rows: u64,
    bytes: u64,
    first_at: DateTime<Utc>,
    last_at: DateTime<Utc>,
    trace_id: TraceId,
    sql: Option<String>,
}

/// A record of `guard.audit`.
#[derive(Serialize)]
struct Record<'a> {
    kind: EventKind,
    decision: Decision,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    principal: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<Address>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fingerprint: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sql: Option<&'a str>,
    count: u64,
    rows: u64,
    bytes: u64,
    first_at: DateTime<Utc>,
    last_at: DateTime<Utc>,
    trace_id: String,
}

/// What waits to be appended, equal things summed up.
#[derive(Debug, Default)]
pub(super) struct Pending {
    sums: HashMap<Key, Sum>,
    /// How many of them have no principal.
    unproved: usize,
}

impl Pending {
    pub(super) fn len(&self) -> usize {
        self.sums.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sums.is_empty()
    }

    pub(super) fn contains(&self, key: &Key) -> bool {
        self.sums.contains_key(key)
    }

    pub(super) fn add(&mut self, (key, sum): (Key, Sum)) {
        self.merge(key, sum);
    }

    /// At most `most` of them, which are not here any more.
    pub(super) fn split_off(&mut self, most: usize) -> Self {
        let mut taken = Self::default();
        let keys: Vec<Key> = self.sums.keys().take(most).cloned().collect();
        for key in keys {
            if let Some(sum) = self.sums.remove(&key) {
                self.unproved -= usize::from(key.principal.is_none());
                taken.merge(key, sum);
            }
        }
        taken
    }

    /// What could not be appended comes back.
    pub(super) fn add_all(&mut self, other: Self) {
        for (key, sum) in other.sums {
            self.merge(key, sum);
        }
    }

    fn merge(&mut self, mut key: Key, sum: Sum) {
        let apart = if key.principal.is_none() {
            self.unproved
        } else {
            self.sums.len() - self.unproved
        };
        if apart >= MOST_APART && !self.sums.contains_key(&key) {
            key.address = None;
            key.fingerprint = None;
        }
        let is_unproved = key.principal.is_none();
        match self.sums.entry(key) {
            Entry::Occupied(mut sums) => {
                let sums = sums.get_mut();
                sums.count += sum.count;
                sums.rows += sum.rows;
                sums.bytes += sum.bytes;
                sums.last_at = sums.last_at.max(sum.last_at);
                if sum.first_at < sums.first_at {
                    sums.first_at = sum.first_at;
                    sums.trace_id = sum.trace_id;
                    sums.sql = sum.sql;
                }
            }
            Entry::Vacant(place) => {
                place.insert(sum);
                self.unproved += usize::from(is_unproved);
            }
        }
    }

    /// The records as `guard.record` takes them: a JSON array, the earliest first.
    pub(super) fn to_json(&self) -> String {
        let mut sums: Vec<(&Key, &Sum)> = self.sums.iter().collect();
        sums.sort_by_key(|(_, sum)| sum.first_at);
        let records: Vec<Record<'_>> = sums.into_iter().map(record).collect();
        serde_json::to_string(&records).expect("records are texts, numbers and times")
    }
}

impl Sum {
    /// An event alone, under the key of those that are equal to it.
    pub(super) fn of(event: Event, now: DateTime<Utc>, keep_sql: bool) -> (Key, Self) {
        let (fingerprint, sql) = match event.statement {
            // What was run is summed up by tool; each statement of it is in the log.
            Some(Statement { fingerprint, text }) if event.decision == Decision::Refused => {
                (fingerprint, keep_sql.then(|| shown(&text)))
            }
            _ => (None, None),
        };
        let key = Key {
            kind: event.kind,
            decision: event.decision,
            reason: event.reason,
            principal: event.principal,
            tenant: event.tenant,
            tool: event.tool,
            address: event.address.map(Address::One),
            fingerprint,
        };
        let sum = Self {
            count: 1,
            rows: event.rows,
            bytes: event.bytes,
            first_at: now,
            last_at: now,
            trace_id: event.trace_id,
            sql,
        };
        (key, sum)
    }
}

/// The beginning of a text, without what PostgreSQL's texts cannot hold.
fn shown(text: &str) -> String {
    text[..text.floor_char_boundary(MOST_SQL)].replace('\0', "\u{fffd}")
}

fn record<'a>((key, sum): (&'a Key, &'a Sum)) -> Record<'a> {
    Record {
        kind: key.kind,
        decision: key.decision,
        reason: key.reason.as_deref(),
        principal: key.principal.as_ref().map(Principal::as_str),
        tenant: key.tenant.map(|tenant| tenant.to_string()),
        tool: key.tool,
        address: key.address,
        fingerprint: key.fingerprint.as_deref(),
        sql: sum.sql.as_deref(),
        count: sum.count,
        rows: sum.rows,
        bytes: sum.bytes,
        first_at: sum.first_at,
        last_at: sum.last_at,
        trace_id: sum.trace_id.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(reason: &'static str, address: Option<IpAddr>) -> Event {
        Event::refused(
            EventKind::Authentication,
            reason,
            address,
            TraceId::of_request(None),
        )
    }

    /// A flood makes few records, and none of it is left uncounted.
    #[test]
    fn equal_events_are_one_record_and_a_flood_is_few() {
        let mut pending = Pending::default();
        let now = DateTime::UNIX_EPOCH;
        for address in 0..10_000_u32 {
            let address = IpAddr::from(std::net::Ipv4Addr::from_bits(address));
            pending.add(Sum::of(refused("exp is past", Some(address)), now, false));
            pending.add(Sum::of(refused("aud is not this server", None), now, false));
        }
        assert!(pending.len() <= MOST_APART + 2, "{}", pending.len());
        // What is known of a caller keeps its own.
        let known = Event {
            principal: Some("apikey:abcdefghijk0".parse().expect("a principal")),
            ..refused("unknown or foreign tenant", Some([192, 0, 2, 1].into()))
        };
        pending.add(Sum::of(known, now, false));
        let json = pending.to_json();
        assert!(json.contains("192.0.2.1"), "{json}");
        let counted: u64 = pending.sums.values().map(|sum| sum.count).sum();
        assert_eq!(counted, 20_001);
        let taken = pending.split_off(usize::MAX);
        assert_eq!((pending.unproved, taken.unproved + 1), (0, taken.len()));
    }

    #[test]
    fn what_is_taken_is_here_no_more() {
        let mut pending = Pending::default();
        for reason in ["a", "b", "c"] {
            pending.add(Sum::of(refused(reason, None), DateTime::UNIX_EPOCH, false));
        }
        let (first, second) = (pending.split_off(2), pending.split_off(2));
        assert_eq!((first.len(), second.len(), pending.len()), (2, 1, 0));
    }

    #[test]
    fn of_a_statement_the_beginning_is_kept_as_postgresql_can_hold_it() {
        let mut pending = Pending::default();
        let event = Event {
            statement: Some(Statement {
                fingerprint: None,
                text: format!("SELECT '\0{}'", "ü".repeat(MOST_SQL)).into(),
            }),
            ..refused("size", None)
        };
        pending.add(Sum::of(event, DateTime::UNIX_EPOCH, true));
        let json = pending.to_json();
        assert!(
            !json.contains("u0000") && json.len() < 2 * MOST_SQL,
            "{json}"
        );
    }

    #[test]
    fn a_record_holds_the_text_of_a_statement_only_if_it_is_kept() {
        let statement = Statement {
            fingerprint: Some("0123456789abcdef".to_owned()),
            text: "SELECT 'Ann'".into(),
        };
        for (keep, holds) in [(false, false), (true, true)] {
            let mut pending = Pending::default();
            let event = Event {
                statement: Some(statement.clone()),
                ..refused("function", None)
            };
            pending.add(Sum::of(event, DateTime::UNIX_EPOCH, keep));
            let json = pending.to_json();
            assert_eq!(json.contains("Ann"), holds, "{json}");
            assert!(json.contains("0123456789abcdef"), "{json}");
        }
    }
}
