use std::time::Duration;

use crate::query::guard::PlannerSettings;

/// Whether a transaction may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::query::scope) enum TransactionMode {
    /// Read-only, and rolled back.
    Read,
    /// Read-write, and committed: a function of schema `guard` appends records for a signed call.
    /// Never used for a client's statement.
    Append,
}

/// One transaction, from BEGIN to its end.
pub(in crate::query::scope) struct Transaction<'a> {
    pub(in crate::query::scope) mode: TransactionMode,
    /// Whether [`Connection::begin`](super::Connection::begin) has opened it already.
    pub(in crate::query::scope) is_open: bool,
    /// Whether the transaction fails, before its query runs, on a server that is not a replica.
    /// Checked where the context is set, so only together with a context.
    pub(in crate::query::scope) requires_replica: bool,
    /// The value of `zava.context`. Without a context no tenant's rows are visible.
    pub(in crate::query::scope) context: Option<&'a str>,
    /// Set together with a context; without one, the role's own timeout applies.
    pub(in crate::query::scope) statement_timeout: Duration,
    pub(in crate::query::scope) query: Query<'a>,
}

/// A statement with its parameters in text form.
#[derive(Clone, Copy)]
pub(in crate::query::scope) struct Query<'a> {
    pub(in crate::query::scope) sql: &'a str,
    pub(in crate::query::scope) settings: PlannerSettings,
    /// The first major version of PostgreSQL that can run it; 0 for any.
    pub(in crate::query::scope) min_version: u32,
    pub(in crate::query::scope) parameters: &'a [&'a str],
    /// How many rows are fetched; 0 for all.
    pub(in crate::query::scope) max_rows: i32,
    /// An estimate of the bytes that the backend's caches keep after the statement.
    pub(in crate::query::scope) retained_bytes: u64,
}

impl<'a> Query<'a> {
    /// A statement that is part of this program, not a client's.
    pub(in crate::query::scope) fn internal(sql: &'a str, parameters: &'a [&'a str]) -> Self {
        Self {
            sql,
            settings: PlannerSettings::DEFAULT,
            min_version: 0,
            parameters,
            max_rows: 0,
            retained_bytes: 0,
        }
    }
}
