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

/// Maximum number of distinct pending records of authenticated callers, and separately of anonymous
/// ones. Beyond it, records that differ only in address or statement are merged. The limits are
/// separate so that a flood of anonymous requests takes no room from authenticated callers.
const MAX_DISTINCT_RECORDS: usize = 256;

/// Maximum length of a statement's text in a record, in bytes; a longer text is truncated.
const MAX_SQL_BYTES: usize = 8 << 10;

/// Events with equal keys are summed up in one record.
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

/// The source of requests. Its JSON form is one that PostgreSQL's `inet` accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Address {
    /// One address; of IPv6 the first one of a /64 network.
    One(IpAddr),
    /// Several addresses of a network.
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

/// The sum of equal events: their number, the amount of data, and the trace id and statement of
/// the first one as an example.
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

/// A record in the form that `guard.record` accepts.
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

/// Records that wait to be appended, with equal events summed up.
#[derive(Debug, Default)]
pub(super) struct Pending {
    sums: HashMap<Key, Sum>,
    /// How many of the sums have no principal.
    anonymous: usize,
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

    /// Removes at most `max_records` of the records and returns them.
    pub(super) fn split_off(&mut self, max_records: usize) -> Self {
        let mut removed = Self::default();
        let keys: Vec<Key> = self.sums.keys().take(max_records).cloned().collect();
        for key in keys {
            if let Some(sum) = self.sums.remove(&key) {
                self.anonymous -= usize::from(key.principal.is_none());
                removed.merge(key, sum);
            }
        }
        removed
    }

    /// Adds all records of another queue, for example those that could not be appended.
    pub(super) fn add_all(&mut self, other: Self) {
        for (key, sum) in other.sums {
            self.merge(key, sum);
        }
    }

    fn merge(&mut self, mut key: Key, sum: Sum) {
        let is_anonymous = key.principal.is_none();
        let distinct = if is_anonymous {
            self.anonymous
        } else {
            self.sums.len() - self.anonymous
        };
        if distinct >= MAX_DISTINCT_RECORDS && !self.sums.contains_key(&key) {
            key.address = None;
            key.fingerprint = None;
        }
        match self.sums.entry(key) {
            Entry::Occupied(mut entry) => {
                let total = entry.get_mut();
                total.count += sum.count;
                total.rows += sum.rows;
                total.bytes += sum.bytes;
                total.last_at = total.last_at.max(sum.last_at);
                if sum.first_at < total.first_at {
                    total.first_at = sum.first_at;
                    total.trace_id = sum.trace_id;
                    total.sql = sum.sql;
                }
            }
            Entry::Vacant(entry) => {
                entry.insert(sum);
                self.anonymous += usize::from(is_anonymous);
            }
        }
    }

    /// The records in the form that `guard.record` accepts: a JSON array, the earliest first.
    pub(super) fn to_json(&self) -> String {
        let mut sums: Vec<(&Key, &Sum)> = self.sums.iter().collect();
        sums.sort_by_key(|(_, sum)| sum.first_at);
        let records: Vec<Record<'_>> = sums.into_iter().map(to_record).collect();
        serde_json::to_string(&records).expect("records consist of texts, numbers and times")
    }
}

impl Sum {
    /// The sum of a single event, and its key.
    pub(super) fn from_event(event: Event, now: DateTime<Utc>, records_sql: bool) -> (Key, Self) {
        let (fingerprint, sql) = match event.statement {
            // Statements that ran are summed up by tool; the log has each of them.
            Some(Statement { fingerprint, text }) if event.decision == Decision::Refused => {
                (fingerprint, records_sql.then(|| truncate_sql(&text)))
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

/// The beginning of a statement; NUL, which PostgreSQL's `text` cannot contain, becomes U+FFFD.
fn truncate_sql(text: &str) -> String {
    text[..text.floor_char_boundary(MAX_SQL_BYTES)].replace('\0', "\u{fffd}")
}

fn to_record<'a>((key, sum): (&'a Key, &'a Sum)) -> Record<'a> {
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
            TraceId::from_traceparent(None),
        )
    }

    /// A flood makes few records, and each of its events is counted.
    #[test]
    fn equal_events_are_one_record_and_a_flood_makes_few_records() {
        let mut pending = Pending::default();
        let now = DateTime::UNIX_EPOCH;
        for address in 0..10_000_u32 {
            let address = IpAddr::from(std::net::Ipv4Addr::from_bits(address));
            pending.add(Sum::from_event(
                refused("exp is past", Some(address)),
                now,
                false,
            ));
            pending.add(Sum::from_event(
                refused("aud is not this server", None),
                now,
                false,
            ));
        }
        assert!(
            pending.len() <= MAX_DISTINCT_RECORDS + 2,
            "{}",
            pending.len()
        );
        // An authenticated caller's event still gets a record of its own.
        let authenticated = Event {
            principal: Some("apikey:abcdefghijk0".parse().expect("a principal")),
            ..refused("unknown or foreign tenant", Some([192, 0, 2, 1].into()))
        };
        pending.add(Sum::from_event(authenticated, now, false));
        let json = pending.to_json();
        assert!(json.contains("192.0.2.1"), "{json}");
        let counted: u64 = pending.sums.values().map(|sum| sum.count).sum();
        assert_eq!(counted, 20_001);
        let removed = pending.split_off(usize::MAX);
        assert_eq!(
            (pending.anonymous, removed.anonymous + 1),
            (0, removed.len())
        );
    }

    #[test]
    fn split_off_removes_the_records_it_returns() {
        let mut pending = Pending::default();
        for reason in ["a", "b", "c"] {
            pending.add(Sum::from_event(
                refused(reason, None),
                DateTime::UNIX_EPOCH,
                false,
            ));
        }
        let (first, second) = (pending.split_off(2), pending.split_off(2));
        assert_eq!((first.len(), second.len(), pending.len()), (2, 1, 0));
    }

    #[test]
    fn a_statements_text_is_truncated_and_contains_no_nul() {
        let mut pending = Pending::default();
        let event = Event {
            statement: Some(Statement {
                fingerprint: None,
                text: format!("SELECT '\0{}'", "ü".repeat(MAX_SQL_BYTES)).into(),
            }),
            ..refused("size", None)
        };
        pending.add(Sum::from_event(event, DateTime::UNIX_EPOCH, true));
        let json = pending.to_json();
        assert!(
            !json.contains("u0000") && json.len() < 2 * MAX_SQL_BYTES,
            "{json}"
        );
    }

    #[test]
    fn a_record_contains_the_text_of_a_statement_only_if_enabled() {
        let statement = Statement {
            fingerprint: Some("0123456789abcdef".to_owned()),
            text: "SELECT 'Ann'".into(),
        };
        for records_sql in [false, true] {
            let mut pending = Pending::default();
            let event = Event {
                statement: Some(statement.clone()),
                ..refused("function", None)
            };
            pending.add(Sum::from_event(event, DateTime::UNIX_EPOCH, records_sql));
            let json = pending.to_json();
            assert_eq!(json.contains("Ann"), records_sql, "{json}");
            assert!(json.contains("0123456789abcdef"), "{json}");
        }
    }
}
