//! Who was let in, who was refused and why, and who was given how much of whose rows.
//!
//! Each decision becomes one log event of the target `zava::audit`, and waits in a [`AuditLog`] to be
//! appended to `guard.audit` (`migrations/0008_audit.sql`): refusals soon, and what was answered
//! summed up by the minute. Refusals that repeat others are summed up too, in both places. Must not
//! know HTTP, MCP or SQL.
//! Invariants: no secret, no row and no argument is part of an event, the text of a statement only if the settings say so, and an
//! address is for the database alone; nothing that is noted is lost while the process lives, only summed up.
mod audit_log;
mod counts; // how much of what
mod pending; // what waits to be appended
mod recent; // which refusals are repetitions, and how coarsely they are summed up
mod repeats; // which refusals were logged already // note now, append later

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::log::log_later;
use super::{AUDIT_TARGET, TraceId};
use crate::identity::{Principal, TenantId};

pub use audit_log::{AuditLog, AuditStore, AuditUnavailable};
pub use counts::Counts;

/// What was decided about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EventKind {
    /// Who sent a request, and for which tenant.
    Authentication,
    /// Whether a request may come: now, in this form, with this token.
    Request,
    /// A call of a tool.
    Call,
}

/// What was decided, and what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// It was answered.
    Allowed,
    /// It may not be.
    Refused,
    /// It may be, and gave nothing.
    Failed,
    /// Nobody waited for the answer.
    Cancelled,
}

/// A statement, as the audit_log knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The same for statements that differ in constants and spaces only; `None` for what is no SQL.
    pub fingerprint: Option<String>,
    /// The text, which is kept only if the settings say so.
    pub text: Arc<str>,
}

/// One decision.
#[derive(Clone, Debug)]
pub struct Event {
    /// What was decided about.
    pub kind: EventKind,
    /// What was decided.
    pub decision: Decision,
    /// Why, if not allowed: the name of a rule, an SQLSTATE, or what is wrong with a proof.
    pub reason: Option<Cow<'static, str>>,
    /// Who, if that is proved.
    pub principal: Option<Principal>,
    /// For which tenant, if they may ask for it.
    pub tenant: Option<TenantId>,
    /// The tool's name.
    pub tool: Option<&'static str>,
    /// Where the request came from.
    pub address: Option<IpAddr>,
    /// What was asked of the database.
    pub statement: Option<Statement>,
    /// The rows given.
    pub rows: u64,
    /// The bytes given.
    pub bytes: u64,
    /// How long it took.
    pub duration: Duration,
    /// Which request it was.
    pub trace_id: TraceId,
}

impl Event {
    /// A refusal of a request from an address.
    #[must_use]
    pub fn refused(
        kind: EventKind,
        reason: impl Into<Cow<'static, str>>,
        address: Option<IpAddr>,
        trace_id: TraceId,
    ) -> Self {
        Self {
            kind,
            decision: Decision::Refused,
            reason: Some(reason.into()),
            principal: None,
            tenant: None,
            tool: None,
            address,
            statement: None,
            rows: 0,
            bytes: 0,
            duration: Duration::ZERO,
            trace_id,
        }
    }

    /// A refusal that is none: it could not be told.
    #[must_use]
    pub fn failed_if(mut self, could_not_be_told: bool) -> Self {
        if could_not_be_told {
            self.decision = Decision::Failed;
        }
        self
    }

    /// The same as [`Self::log`], on the log's own thread.
    fn log_later(&self, happened_at: SystemTime, keep_sql: bool, times: Option<u64>) {
        if !tracing::enabled!(target: AUDIT_TARGET, tracing::Level::INFO) {
            return;
        }
        let event = self.clone();
        let text = event
            .statement
            .as_ref()
            .map_or(0, |statement| statement.text.len());
        log_later(happened_at, size_of::<Self>() + text, move || {
            event.log(keep_sql, times);
        });
    }

    /// One line of the log: constant text, the rest as fields. No address: it is somebody's.
    /// `times` sums up events that repeat one which has been logged.
    fn log(&self, keep_sql: bool, times: Option<u64>) {
        let statement = self.statement.as_ref();
        let is_call = self.kind == EventKind::Call;
        let duration_us = u64::try_from(self.duration.as_micros()).unwrap_or(u64::MAX);
        tracing::info!(
            target: AUDIT_TARGET,
            kind = ?self.kind,
            decision = ?self.decision,
            reason = self.reason.as_deref(),
            principal = self.principal.as_ref().map(Principal::as_str),
            tenant = self.tenant.map(tracing::field::display),
            tool = self.tool,
            fingerprint = statement.and_then(|statement| statement.fingerprint.as_deref()),
            sql = statement.filter(|_| keep_sql).map(|statement| &*statement.text),
            rows = is_call.then_some(self.rows),
            bytes = is_call.then_some(self.bytes),
            duration_us = is_call.then_some(duration_us),
            times,
            trace_id = %self.trace_id,
            "audit"
        );
    }
}

/// The end of the chain of records, which proves later that none before it is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainHead {
    /// The last record's number.
    pub audit_id: i64,
    /// Its hash, in hexadecimal.
    pub hash: String,
}

/// A text that is no end of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a number, a colon and 64 hexadecimal digits in lower case")]
pub struct MalformedChainHead;

impl FromStr for ChainHead {
    type Err = MalformedChainHead;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (id, hash) = text.split_once(':').ok_or(MalformedChainHead)?;
        let is_digit = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let audit_id = id.parse().ok().filter(|id| *id > 0);
        let hash = Some(hash).filter(|hash| hash.len() == 64 && hash.bytes().all(is_digit));
        audit_id
            .zip(hash)
            .map(|(audit_id, hash)| Self {
                audit_id,
                hash: hash.to_owned(),
            })
            .ok_or(MalformedChainHead)
    }
}

impl fmt::Display for ChainHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.audit_id, self.hash)
    }
}

#[cfg(test)]
mod tests;
