use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use deadpool::managed::{PoolError, TimeoutType};

use super::posture::Finding;
use super::wire::WireError;
use crate::query::guard::visible;

/// Why a statement gave no rows, by what the caller can do about it.
#[derive(Debug, thiserror::Error)]
pub enum ScopeError {
    /// PostgreSQL refused the statement: mend it.
    #[error("the database refused the statement")]
    Database(#[source] PgError),
    /// There is no such tenant any more: ask for another.
    #[error("the tenant is unknown to the database")]
    UnknownTenant,
    /// The statement ran as long as one may: ask for less.
    #[error("the statement was stopped after {} s", .0.as_secs_f32())]
    TimedOut(Duration),
    /// Every connection is in use: try again.
    #[error("all database connections are in use")]
    Busy,
    /// The statement asks how rows would be found; that speaks of all tenants' rows, so only who sees all may ask.
    #[error("the caller may not see estimates")]
    PlanRefused,
    /// The database cannot be reached, or went away: try again later.
    #[error("the database is not available")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The server is told to stop, and has ended the call.
    #[error("the server is stopping")]
    Stopping,
    /// The database does not accept this server, is not prepared for it, or did what it was not asked: an operator must
    /// act.
    #[error("the database does not accept this server")]
    Misconfigured(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The login or the database is not as `migrate` made it, so nothing is served: an operator must mend it. Each finding has
    /// been logged.
    #[error("the database is not fit to serve from, {} findings; `zava-mcp-server check` shows them", .0.len())]
    Posture(Arc<[Finding]>),
}

/// `migrate` has not run yet.
#[derive(Debug, thiserror::Error)]
#[error("{0} is missing; run `zava-mcp-server migrate`")]
struct NotPrepared(String);

/// What PostgreSQL said about a statement.
#[derive(Clone, PartialEq, Eq)]
pub struct PgError {
    /// The five characters of
    /// [Appendix A](https://www.postgresql.org/docs/18/errcodes-appendix.html).
    pub sqlstate: String,
    /// The primary message. May repeat a value that the tenant may see.
    pub message: String,
    /// The server's hint, if any.
    pub hint: Option<String>,
    /// Where in the text that ran, in characters from 1, if the server says so.
    pub position: Option<usize>,
}

impl PgError {
    /// For an error that is longer than any answer may be. It stays with the place of the real one unread.
    pub(super) fn too_long() -> Self {
        let message = "the statement failed, with an error too long to show".to_owned();
        Self {
            sqlstate: "54000".to_owned(),
            message,
            hint: None,
            position: None,
        }
    }

    /// For a statement that the server is too old for; it was not sent.
    pub(super) fn too_old(version: u32, needed: u32) -> Self {
        Self {
            sqlstate: "0A000".to_owned(),
            message: format!(
                "JSON(…), JSON_VALUE, JSON_QUERY, JSON_EXISTS, JSON_TABLE and JSON_SCALAR need PostgreSQL {needed}, and this database is PostgreSQL {version}"
            ),
            hint: Some("use ->, ->>, jsonb_path_query or jsonb_array_elements".to_owned()),
            position: None,
        }
    }

    /// For a statement that the database has not ended at its timeout: something in it takes long
    /// and is not interrupted.
    pub(super) fn overdue() -> Self {
        let message = "canceling statement due to statement timeout".to_owned();
        Self {
            sqlstate: "57014".to_owned(),
            message,
            hint: None,
            position: None,
        }
    }

    /// What a client is told: enough to correct a statement, nothing about the server. `place` is
    /// the line and column of [`position`](Self::position) in the text that the client sent, `hint`
    /// what to write instead.
    #[must_use]
    pub fn client_text(&self, place: Option<(usize, usize)>, hint: Option<&str>) -> String {
        let state = &self.sqlstate;
        let place = place.map_or_else(String::new, |(line, column)| {
            format!("line {line}, column {column}; ")
        });
        let at = format!("({place}SQLSTATE {state})");
        let message = visible(&without_wrapper(&self.message));
        if let Some(hint) = hint {
            return format!("{message} {at}; {hint}");
        }
        match state.as_str() {
            "57014" => format!("the statement was cancelled; send it again {at}"),
            "53400" => format!(
                "the statement needed too much temporary space; aggregate or filter more, or sort shorter rows {at}"
            ),
            "42501" => format!(
                "this column or table may not be read; name the columns you need instead of *, \
                 retail.stores has store_id, store_name and is_online {at}"
            ),
            // A bounded wrapper's own refusal: its text is written for the client.
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
            // The sum beside an aggregate that collects overflows by design (migrations/0004_bounded.sql).
            "22003" if self.message == "bigint out of range" => format!(
                "bigint out of range: a number is too large, or an aggregate would collect more than 3 MiB, or 800 KiB of JSON; filter or group first {at}"
            ),
            // Data, cardinality, features, syntax and names, limits: about the statement and the tenant's own rows.
            _ if ["22", "21", "0A", "42", "54", "2F"]
                .iter()
                .any(|class| state.starts_with(class)) =>
            {
                // A hint on names may name what the caller cannot see; one on types speaks of the statement.
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

/// A message as it would be without the guard's wrappers: `function bounded.repeat(date, integer,
/// integer) does not exist` speaks of `repeat(date, integer)`; a wrapper takes its limit as one
/// argument more.
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
        // Without the message: it may repeat data, and this is what logs show.
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
    /// Of a statement that could run for this long at most.
    pub(super) fn or_timed_out(self, statement_timeout: Duration) -> Self {
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

    /// Where in the text that ran PostgreSQL found an error, in characters from 1.
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

    pub(super) fn of_pool(error: PoolError<WireError>) -> Self {
        match error {
            PoolError::Timeout(TimeoutType::Wait) => Self::Busy,
            PoolError::Timeout(TimeoutType::Create | TimeoutType::Recycle) => {
                Self::Unavailable(WireError::Silent.into())
            }
            PoolError::Backend(error) => Self::of_wire(error),
            closed @ (PoolError::Closed
            | PoolError::NoRuntimeSpecified
            | PoolError::PostCreateHook(_)) => Self::Unavailable(closed.into()),
        }
    }

    /// Something is found, so `findings` is not empty.
    pub(super) fn of_posture(findings: Arc<[Finding]>) -> Self {
        match findings.iter().find(|finding| finding.is_of_unprepared()) {
            Some(finding) => Self::Misconfigured(NotPrepared(finding.object.clone()).into()),
            None => Self::Posture(findings),
        }
    }

    pub(super) fn of_wire(error: WireError) -> Self {
        match error {
            WireError::Statement(error) => Self::Database(error),
            WireError::Overdue => Self::Database(PgError::overdue()),
            WireError::Server(error) => match error.sqlstate.as_str() {
                "ZV003" => Self::UnknownTenant,
                // Wrong key, password or database; functions or rights that `migrate` has not made.
                "ZV001" | "ZV002" | "ZV004" | "28000" | "28P01" | "3D000" | "3F000" | "42501"
                | "42883" | "42704" => Self::Misconfigured(error.into()),
                _ => Self::Unavailable(error.into()),
            },
            unsupported @ (WireError::Authentication(_)
            | WireError::NoTls
            | WireError::Tls(_)
            | WireError::Protocol(_)) => Self::Misconfigured(unsupported.into()),
            error @ (WireError::Io(_) | WireError::Closed | WireError::Silent) => {
                Self::Unavailable(error.into())
            }
        }
    }
}
