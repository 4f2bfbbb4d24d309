use std::sync::Arc;
use std::time::Duration;

use deadpool::managed::{PoolError, TimeoutType};

use super::pg_error::PgError;
use super::posture::Finding;
use super::transport::TransportError;
use super::wire::WireError;

/// Why a call of [`Scope`](super::Scope) failed, by what the caller can do about it.
#[derive(Debug, thiserror::Error)]
pub enum ScopeError {
    /// PostgreSQL rejected the statement: correct it.
    #[error("the database rejected the statement")]
    Database(#[source] PgError),
    /// The statement failed with a message that is longer than a result may be: correct it. The
    /// message was not read.
    #[error("the statement failed with an error message that is too long")]
    ErrorTooLong,
    /// The statement needs a newer PostgreSQL: write it differently.
    #[error("the statement needs PostgreSQL {needed}, and the database is PostgreSQL {version}")]
    VersionTooOld {
        /// The major version of the database.
        version: u32,
        /// The major version that the statement needs.
        needed: u32,
    },
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
            Self::ErrorTooLong
            | Self::VersionTooOld { .. }
            | Self::UnknownTenant
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
            WireError::ErrorTooLong => Self::ErrorTooLong,
            WireError::VersionTooOld { version, needed } => Self::VersionTooOld { version, needed },
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
            | WireError::UnprotectedToken
            | WireError::TokenNotAccepted
            | WireError::Transport(TransportError::NoTls | TransportError::Tls(_))
            | WireError::Protocol(_)) => Self::Misconfigured(unsupported.into()),
            error @ (WireError::Transport(TransportError::Io(_))
            | WireError::Password(_)
            | WireError::PasswordTimeout(_)
            // The next token may be accepted.
            | WireError::TokenRejected(_)
            | WireError::Closed
            | WireError::NoReply) => Self::Unavailable(error.into()),
        }
    }
}
