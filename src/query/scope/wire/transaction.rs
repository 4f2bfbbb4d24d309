use std::time::Duration;

use crate::query::guard::PlannerSettings;

/// What a transaction may leave behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::query::scope) enum TransactionMode {
    /// Nothing: it is read-only, and rolled back.
    Read,
    /// What a function of the guard appends for the server, when it is signed. Never together with a client's statement.
    Append,
}

/// One transaction, from BEGIN to its end.
pub(in crate::query::scope) struct Transaction<'a> {
    pub(in crate::query::scope) mode: TransactionMode,
    /// Whether [`Connection::begin`](super::Connection::begin) has opened it already.
    pub(in crate::query::scope) is_open: bool,
    /// The value of `zava.context`. Without one no tenant's rows are visible.
    pub(in crate::query::scope) context: Option<&'a str>,
    /// With a context; without one the role's own holds.
    pub(in crate::query::scope) statement_timeout: Duration,
    pub(in crate::query::scope) query: Query<'a>,
}

/// A statement with the values of its parameters in text form.
#[derive(Clone, Copy)]
pub(in crate::query::scope) struct Query<'a> {
    pub(in crate::query::scope) sql: &'a str,
    pub(in crate::query::scope) settings: PlannerSettings,
    /// The first major version of PostgreSQL that can run it; 0 for any.
    pub(in crate::query::scope) version: u32,
    pub(in crate::query::scope) parameters: &'a [&'a str],
    /// 0 for all.
    pub(in crate::query::scope) most_rows: i32,
    /// The bytes that the backend may cache for it after it has ended.
    pub(in crate::query::scope) retained_bytes: u64,
}

impl<'a> Query<'a> {
    /// A statement of the server's own.
    pub(in crate::query::scope) fn own(sql: &'a str, parameters: &'a [&'a str]) -> Self {
        Self {
            sql,
            settings: PlannerSettings::USUAL,
            version: 0,
            parameters,
            most_rows: 0,
            retained_bytes: 0,
        }
    }
}
