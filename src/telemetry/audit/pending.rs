use std::borrow::Cow;
use std::collections::HashMap;
use std::net::IpAddr;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{Decision, Event, Kind, Statement};
use crate::identity::{Principal, TenantId};
use crate::telemetry::TraceId;

/// How many different records may wait. Then those that differ in what anybody can make up (addresses, statements) are one.
const MOST_APART: usize = 256;

/// What makes two events one record.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    kind: Kind,
    decision: Decision,
    reason: Option<Cow<'static, str>>,
    principal: Option<Principal>,
    tenant: Option<TenantId>,
    tool: Option<&'static str>,
    address: Option<IpAddr>,
    fingerprint: Option<String>,
}

/// How often, how much, and the first of them as an example.
#[derive(Clone, Debug)]
struct Sum {
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
    kind: Kind,
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
    address: Option<IpAddr>,
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
pub(super) struct Pending(HashMap<Key, Sum>);

impl Pending {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn add(&mut self, event: Event, now: DateTime<Utc>, keep_sql: bool) {
        let (fingerprint, sql) = match event.statement {
            // What was run is summed up by tool; each statement of it is in the log.
            Some(Statement { fingerprint, text }) if event.decision == Decision::Refused => {
                (fingerprint, keep_sql.then(|| text.to_string()))
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
            address: event.address,
            fingerprint,
        };
        let sum = Sum {
            count: 1,
            rows: event.rows,
            bytes: event.bytes,
            first_at: now,
            last_at: now,
            trace_id: event.trace_id,
            sql,
        };
        self.merge(key, sum);
    }

    /// At most `most` of them, which are not here any more.
    pub(super) fn split_off(&mut self, most: usize) -> Self {
        let keys: Vec<Key> = self.0.keys().take(most).cloned().collect();
        let taken = keys.into_iter().filter_map(|key| self.0.remove_entry(&key));
        Self(taken.collect())
    }

    /// What could not be appended comes back.
    pub(super) fn add_all(&mut self, other: Self) {
        for (key, sum) in other.0 {
            self.merge(key, sum);
        }
    }

    fn merge(&mut self, mut key: Key, sum: Sum) {
        if self.0.len() >= MOST_APART && !self.0.contains_key(&key) {
            key.address = None;
            key.fingerprint = None;
        }
        self.0
            .entry(key)
            .and_modify(|sums| {
                sums.count += sum.count;
                sums.rows += sum.rows;
                sums.bytes += sum.bytes;
                sums.first_at = sums.first_at.min(sum.first_at);
                sums.last_at = sums.last_at.max(sum.last_at);
            })
            .or_insert(sum);
    }

    /// The records as `guard.record` takes them: a JSON array, the earliest first.
    pub(super) fn to_json(&self) -> String {
        let mut sums: Vec<(&Key, &Sum)> = self.0.iter().collect();
        sums.sort_by_key(|(_, sum)| sum.first_at);
        let records: Vec<Record<'_>> = sums.into_iter().map(record).collect();
        serde_json::to_string(&records).expect("records are texts, numbers and times")
    }
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
            Kind::Authentication,
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
            pending.add(refused("exp is past", Some(address)), now, false);
            pending.add(refused("aud is not this server", None), now, false);
        }
        assert!(pending.0.len() <= MOST_APART + 2, "{}", pending.0.len());
        let counted: u64 = pending.0.values().map(|sum| sum.count).sum();
        assert_eq!(counted, 20_000);
    }

    #[test]
    fn what_is_taken_is_here_no_more() {
        let mut pending = Pending::default();
        for reason in ["a", "b", "c"] {
            pending.add(refused(reason, None), DateTime::UNIX_EPOCH, false);
        }
        let (first, second) = (pending.split_off(2), pending.split_off(2));
        assert_eq!((first.len(), second.len(), pending.len()), (2, 1, 0));
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
            pending.add(event, DateTime::UNIX_EPOCH, keep);
            let json = pending.to_json();
            assert_eq!(json.contains("Ann"), holds, "{json}");
            assert!(json.contains("0123456789abcdef"), "{json}");
        }
    }
}
