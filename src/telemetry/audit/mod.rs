//! Records access decisions: who was allowed or refused and why, and how much data of which tenant
//! was returned to whom.
//!
//! Each decision is logged as one event with the target `zava::audit`, and queued in an
//! [`AuditLog`] to be appended to `guard.audit` (`migrations/0008_audit.sql`). Refusals are
//! appended within seconds, answered calls are summed up per minute. Repeated refusals are summed
//! up in both places. Must not know HTTP, MCP or SQL.
//!
//! Invariants:
//! - an event contains no secret, no row and no argument, and the text of a statement only if the
//!   settings enable that;
//! - a client's address is written to the database only, never to the log;
//! - no recorded event is lost while the process lives; events are only summed up.
mod audit_log; // the front door: records events now, appends them later
mod counts; //    the number of decisions since the start
mod pending; //   records that wait to be appended
mod recent; //    which refusals are repetitions, and how coarsely they are summed up
mod repeats; //   which refusals have been logged already

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::Serialize;
use tracing::Span;

use super::log::log_later;
use super::spans::{self, ActiveSpan};
use super::{AUDIT_TARGET, TraceId, names};
use crate::identity::{Principal, TenantId};

pub use audit_log::{AuditLog, AuditStore, AuditUnavailable};
pub use counts::Counts;

/// The subject of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EventKind {
    /// Authentication of a request, and authorization for its tenant.
    Authentication,
    /// Admission of a request: its rate, its form, and the scope of its token.
    Request,
    /// A tool call.
    Call,
}

/// A decision and its outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// Allowed, and answered.
    Allowed,
    /// Refused.
    Refused,
    /// Allowed and failed without a result, or could not be decided.
    Failed,
    /// The client did not wait for the answer.
    Cancelled,
}

impl Decision {
    /// The name, as records have it.
    fn name(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// The statement of a tool call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The same for statements that differ only in constants and white space; `None` for a text
    /// that is not SQL.
    pub fingerprint: Option<String>,
    /// The text, which is recorded only if the settings enable that.
    pub text: Arc<str>,
}

/// One decision.
#[derive(Clone, Debug)]
pub struct Event {
    /// The subject of the decision.
    pub kind: EventKind,
    /// The decision and its outcome.
    pub decision: Decision,
    /// Why it was not allowed: the name of a rule, a SQLSTATE, or what is wrong with a credential.
    pub reason: Option<Cow<'static, str>>,
    /// The caller; `None` if not authenticated.
    pub principal: Option<Principal>,
    /// The tenant; `None` if the caller is not authorized for it.
    pub tenant: Option<TenantId>,
    /// The tool's name.
    pub tool: Option<&'static str>,
    /// The client's address.
    pub address: Option<IpAddr>,
    /// The statement of a tool call, if it has one.
    pub statement: Option<Statement>,
    /// Rows returned.
    pub rows: u64,
    /// Bytes returned.
    pub bytes: u64,
    /// How long the call took.
    pub duration: Duration,
    /// The trace id of the request.
    pub trace_id: TraceId,
}

impl Event {
    /// The refusal of a request from an address.
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

    /// Marks the event `Failed` instead of `Refused` if the check itself failed.
    #[must_use]
    pub fn failed_if(mut self, has_check_failed: bool) -> Self {
        if has_check_failed {
            self.decision = Decision::Failed;
        }
        self
    }

    /// Adds the decision to the span of the request. The statement's text and the caller are left
    /// out.
    fn annotate_span(&self) {
        let Some(span) = ActiveSpan::current() else {
            return;
        };
        span.sync_scope(|| {
            spans::set_attribute(names::DECISION, self.decision.name());
            if let Some(reason) = &self.reason {
                spans::set_attribute(names::DECISION_REASON, reason.clone());
            }
            if let Some(tenant) = self.tenant {
                spans::set_attribute(names::TENANT, tenant.to_string());
            }
            if self.kind == EventKind::Call {
                let count = |count| i64::try_from(count).unwrap_or(i64::MAX);
                spans::set_attribute(names::RESULT_ROWS, count(self.rows));
                spans::set_attribute(names::RESULT_BYTES, count(self.bytes));
            }
        });
    }

    /// Calls [`Self::log`] on the log's own thread.
    fn log_later(&self, happened_at: SystemTime, records_sql: bool, times: Option<u64>) {
        if !tracing::enabled!(target: AUDIT_TARGET, tracing::Level::INFO) {
            return;
        }
        let event = self.clone();
        let text_bytes = event
            .statement
            .as_ref()
            .map_or(0, |statement| statement.text.len());
        // The event belongs to the request's span, also on another thread.
        let (span, active_span) = (Span::current(), ActiveSpan::current());
        log_later(happened_at, size_of::<Self>() + text_bytes, move || {
            let log = || span.in_scope(|| event.log(records_sql, times));
            match active_span {
                Some(active_span) => active_span.sync_scope(log),
                None => log(),
            }
        });
    }

    /// Logs the event as one line: a constant message, with the data in fields. The address is left
    /// out because it is personal data. `times` counts the events that repeat one logged before.
    fn log(&self, records_sql: bool, times: Option<u64>) {
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
            sql = statement.filter(|_| records_sql).map(|statement| &*statement.text),
            rows = is_call.then_some(self.rows),
            bytes = is_call.then_some(self.bytes),
            duration_us = is_call.then_some(duration_us),
            times,
            trace_id = %self.trace_id,
            "audit"
        );
    }
}

/// The last record of the hash chain. A copy of it proves later that no record before it was
/// removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainHead {
    /// The record's id.
    pub audit_id: i64,
    /// The record's hash, in hexadecimal.
    pub hash: String,
}

/// A text is not a chain head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a number, a colon and 64 lower-case hexadecimal digits")]
pub struct ChainHeadError;

impl FromStr for ChainHead {
    type Err = ChainHeadError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (id, hash) = text.split_once(':').ok_or(ChainHeadError)?;
        let is_digit = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let audit_id = id.parse().ok().filter(|id| *id > 0);
        let hash = Some(hash).filter(|hash| hash.len() == 64 && hash.bytes().all(is_digit));
        audit_id
            .zip(hash)
            .map(|(audit_id, hash)| Self {
                audit_id,
                hash: hash.to_owned(),
            })
            .ok_or(ChainHeadError)
    }
}

impl fmt::Display for ChainHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.audit_id, self.hash)
    }
}

#[cfg(test)]
mod tests;
