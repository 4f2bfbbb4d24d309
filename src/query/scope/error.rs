use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use deadpool::managed::{PoolError, TimeoutType};

use super::posture::Finding;
use super::wire::WireError;
use crate::query::guard::visible;

/// Why a call of [`Scope`](super::Scope) failed, by what the caller can do about it.
#[derive(Debug, thiserror::Error)]
pub enum ScopeError {
    /// PostgreSQL rejected the statement: correct it.
    #[error("the database rejected the statement")]
    Database(#[source] PgError),
    /// The tenant does not exist, or no longer: use another.
    #[error("the tenant does not exist")]
    UnknownTenant,
    /// The statement reached the statement timeout: request less.
    #[error("the statement was cancelled at its timeout of {} s", .0.as_secs_f32())]
    TimedOut(Duration),
    /// No permit was free in time: try again.
    #[error("all database connections are in use")]
    Busy,
    /// The statement is an EXPLAIN. Plans contain estimates over all tenants' rows, so only callers
    /// that see all rows may run it.
    #[error("the caller may not see plans")]
    PlanRefused,
    /// The database cannot be reached, or the connection was lost: try again later.
    #[error("the database is not available")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The server is shutting down and has cancelled the call.
    #[error("the server is stopping")]
    Stopping,
    /// The database does not accept this server, is not migrated, or sent an unexpected reply: an
    /// operator must act.
    #[error("the database does not accept this server")]
    Misconfigured(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The login or the database violates a posture rule, so no data is served: an operator must
    /// fix it. Each finding has been logged.
    #[error("posture check failed with {} findings; `zava-mcp-server check` lists them", .0.len())]
    Posture(Arc<[Finding]>),
}

/// `migrate` has not run yet.
#[derive(Debug, thiserror::Error)]
#[error("{0} is missing; run `zava-mcp-server migrate`")]
struct NotMigrated(String);

/// An error that PostgreSQL reports.
#[derive(Clone, PartialEq, Eq)]
pub struct PgError {
    /// The five characters of
    /// [Appendix A](https://www.postgresql.org/docs/18/errcodes-appendix.html).
    pub sqlstate: String,
    /// The primary message. It may repeat a value that the tenant may see.
    pub message: String,
    /// The server's hint, if any.
    pub hint: Option<String>,
    /// The position in the text that ran, in characters from 1, if PostgreSQL gives one.
    pub position: Option<usize>,
}

impl PgError {
    /// Stands for an error message that is longer than a result may be and was not read.
    pub(super) fn oversized() -> Self {
        let message = "the statement failed with an error message too long to show".to_owned();
        Self {
            sqlstate: "54000".to_owned(),
            message,
            hint: None,
            position: None,
        }
    }

    /// For a statement that needs a newer PostgreSQL; it was not sent.
    pub(super) fn unsupported_version(version: u32, needed: u32) -> Self {
        Self {
            sqlstate: "0A000".to_owned(),
            message: format!(
                "JSON(…), JSON_VALUE, JSON_QUERY, JSON_EXISTS, JSON_TABLE and JSON_SCALAR need PostgreSQL {needed}, and this database is PostgreSQL {version}"
            ),
            hint: Some("use ->, ->>, jsonb_path_query or jsonb_array_elements".to_owned()),
            position: None,
        }
    }

    /// For a statement that runs on after its timeout, because PostgreSQL cannot interrupt a part
    /// of it. Equals the error that PostgreSQL reports at a timeout.
    pub(super) fn statement_timeout() -> Self {
        let message = "canceling statement due to statement timeout".to_owned();
        Self {
            sqlstate: "57014".to_owned(),
            message,
            hint: None,
            position: None,
        }
    }

    /// The text for a client: enough to correct a statement, nothing about the server. `location`
    /// is the line and column of [`position`](Self::position) in the text that the client sent,
    /// `hint` what to write instead.
    #[must_use]
    pub fn client_text(&self, location: Option<(usize, usize)>, hint: Option<&str>) -> String {
        let state = &self.sqlstate;
        let location = location.map_or_else(String::new, |(line, column)| {
            format!("line {line}, column {column}; ")
        });
        let at = format!("({location}SQLSTATE {state})");
        let message = visible(&without_wrapper(&self.message));
        if let Some(hint) = hint {
            return format!("{message} {at}; {hint}");
        }
        match state.as_str() {
            "57014" => format!("the statement was cancelled; retry {at}"),
            "53400" => format!(
                "the statement needed too much temporary space; aggregate or filter more, or sort shorter rows {at}"
            ),
            "42501" => format!(
                "permission denied for a column or table; name the columns you need instead of *; \
                 retail.stores has store_id, store_name and is_online {at}"
            ),
            // The limit of a bounded wrapper: its message is written for the client.
            "ZV101" => {
                let hint = self.hint.as_deref();
                let hint = hint.unwrap_or(match self.message.split_once(" (") {
                    Some(("an exponent is too large", _)) => {
                        "compute with double precision, as in power(0.999::float8, n) or exp(-0.001 * n)"
                    }
                    _ => "make it shorter, or filter first",
                });
                format!("{}; {} {at}", visible(&self.message), visible(hint))
            }
            // A collecting aggregate is limited by a sum that overflows by design
            // (migrations/0004_bounded.sql).
            "22003" if self.message == "bigint out of range" => format!(
                "bigint out of range: a number is too large, or an aggregate would collect more than 3 MiB, or 800 KiB of JSON; filter or group first {at}"
            ),
            // Errors in data, cardinality, features, syntax, names and limits concern the statement
            // and the tenant's own rows.
            _ if ["22", "21", "0A", "42", "54", "2F"]
                .iter()
                .any(|class| state.starts_with(class)) =>
            {
                // A hint on names may contain a name that the caller must not see; a hint on types
                // contains only the statement's own.
                let hint = self
                    .hint
                    .as_ref()
                    .filter(|_| !state.starts_with("42") || state == "42883");
                let hint = hint.map_or_else(String::new, |hint| format!("; {}", visible(hint)));
                format!("{message} {at}{hint}")
            }
            _ => format!("the database could not run the statement {at}"),
        }
    }
}

/// Rewrites a message so that it names the function that the client called, not its bounded
/// wrapper: `function bounded.repeat(date, integer, integer) does not exist` becomes `function
/// repeat(date, integer) does not exist`. The last argument of a wrapper is its limit.
fn without_wrapper(message: &str) -> Cow<'_, str> {
    let Some((before, call)) = message.split_once("bounded.") else {
        return message.into();
    };
    match call.split_once(')') {
        Some((call, after)) if call.contains('(') => {
            let call = call.rsplit_once(", ").map_or(call, |(call, _)| call);
            format!("{before}{call}){after}").into()
        }
        _ => format!("{before}{call}").into(),
    }
}

impl fmt::Display for PgError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the message: this text is logged, and the message may repeat data.
        write!(f, "SQLSTATE {}", self.sqlstate)
    }
}

impl fmt::Debug for PgError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgError")
            .field("sqlstate", &self.sqlstate)
            .finish_non_exhaustive()
    }
}

impl std::error::Error for PgError {}

impl ScopeError {
    /// Turns PostgreSQL's timeout error into [`Self::TimedOut`].
    pub(super) fn with_statement_timeout(self, statement_timeout: Duration) -> Self {
        match self {
            // An operator's pg_cancel_backend has the same SQLSTATE.
            Self::Database(error)
                if error.sqlstate == "57014" && !error.message.contains("user request") =>
            {
                Self::TimedOut(statement_timeout)
            }
            other => other,
        }
    }

    /// The position of the error in the text that ran, in characters from 1.
    #[must_use]
    pub fn position(&self) -> Option<usize> {
        match self {
            Self::Database(error) => error.position,
            Self::UnknownTenant
            | Self::TimedOut(_)
            | Self::Busy
            | Self::PlanRefused
            | Self::Stopping
            | Self::Posture(_)
            | Self::Unavailable(_)
            | Self::Misconfigured(_) => None,
        }
    }

    pub(super) fn from_pool(error: PoolError<WireError>) -> Self {
        match error {
            PoolError::Timeout(TimeoutType::Wait) => Self::Busy,
            PoolError::Timeout(TimeoutType::Create | TimeoutType::Recycle) => {
                Self::Unavailable(WireError::NoReply.into())
            }
            PoolError::Backend(error) => Self::from_wire(error),
            closed @ (PoolError::Closed
            | PoolError::NoRuntimeSpecified
            | PoolError::PostCreateHook(_)) => Self::Unavailable(closed.into()),
        }
    }

    /// The error for findings, of which there is at least one.
    pub(super) fn from_findings(findings: Arc<[Finding]>) -> Self {
        match findings
            .iter()
            .find(|finding| finding.is_migration_missing())
        {
            Some(finding) => Self::Misconfigured(NotMigrated(finding.object.clone()).into()),
            None => Self::Posture(findings),
        }
    }

    pub(super) fn from_wire(error: WireError) -> Self {
        match error {
            WireError::Statement(error) => Self::Database(error),
            WireError::StatementOverdue => Self::Database(PgError::statement_timeout()),
            WireError::Server(error) => match error.sqlstate.as_str() {
                "ZV003" => Self::UnknownTenant,
                // A wrong key, password or database; functions or privileges that `migrate`
                // creates.
                "ZV001" | "ZV002" | "ZV004" | "28000" | "28P01" | "3D000" | "3F000" | "42501"
                | "42883" | "42704" => Self::Misconfigured(error.into()),
                _ => Self::Unavailable(error.into()),
            },
            unsupported @ (WireError::Authentication(_)
            | WireError::NoTls
            | WireError::Tls(_)
            | WireError::Protocol(_)) => Self::Misconfigured(unsupported.into()),
            error @ (WireError::Io(_) | WireError::Closed | WireError::NoReply) => {
                Self::Unavailable(error.into())
            }
        }
    }
}
