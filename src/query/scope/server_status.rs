use std::time::Duration;

use super::replication::{ReplicaProblem, ReplicaState};

/// A database server as this process sees it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerStatus {
    /// Host and port.
    pub name: String,
    /// Whether it is `POSTGRES_DB_HOST`; otherwise it is one of `POSTGRES_READ_HOSTS`.
    pub is_primary: bool,
    /// Whether it is used.
    pub state: ServerState,
    /// How old a replica's data is at most; `None` if that is unknown, and for the primary.
    pub lag: Option<Duration>,
    /// A lower bound of the difference of its clock and this server's; `None` if it is unknown.
    pub clock_skew: Option<Duration>,
    /// Open connections.
    pub open: usize,
    /// How many of them are idle.
    pub idle: usize,
}

/// Whether a database server is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerState {
    /// It is used.
    Ok,
    /// It was not compared with the primary.
    Unknown,
    /// It does not answer.
    Unreachable,
    /// It does not accept this server.
    Misconfigured,
    /// Its data is older than `POSTGRES_MAX_REPLICA_LAG`.
    Lagging,
    /// It is a primary, and in `POSTGRES_READ_HOSTS`.
    IsPrimary,
    /// It is a replica, and `POSTGRES_DB_HOST`.
    IsReplica,
    /// It is a replica of another database than `POSTGRES_DB_HOST`.
    OtherDatabase,
    /// It has not followed the primary to its timeline.
    OtherTimeline,
    /// Its clock differs by so much that it accepts no signed context.
    ClockSkew,
    /// It violates a posture rule.
    Posture,
}

impl ServerState {
    /// The state as a predicate after the server's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Unknown => "not compared with the primary yet",
            Self::Unreachable => "does not answer",
            Self::Misconfigured => "does not accept this server",
            Self::Lagging => "lags more than POSTGRES_MAX_REPLICA_LAG behind the primary",
            Self::IsPrimary => "is a primary, not a replica; remove it from POSTGRES_READ_HOSTS",
            Self::IsReplica => "is a replica, and POSTGRES_DB_HOST must name the primary",
            Self::OtherDatabase => {
                "is not a replica of POSTGRES_DB_HOST; remove it from POSTGRES_READ_HOSTS"
            }
            Self::OtherTimeline => "has not followed the primary to its timeline yet",
            Self::ClockSkew => "has a clock that differs by 30 s or more; synchronize it",
            Self::Posture => "violates a posture rule; `zava-mcp-server check` lists the findings",
        }
    }
}

impl From<ReplicaState> for ServerState {
    fn from(state: ReplicaState) -> Self {
        match state {
            ReplicaState::Unknown => Self::Unknown,
            ReplicaState::Usable => Self::Ok,
            ReplicaState::Lagging => Self::Lagging,
            ReplicaState::Problem(problem) => match problem {
                ReplicaProblem::Unreachable => Self::Unreachable,
                ReplicaProblem::Misconfigured => Self::Misconfigured,
                ReplicaProblem::IsPrimary => Self::IsPrimary,
                ReplicaProblem::OtherDatabase => Self::OtherDatabase,
                ReplicaProblem::OtherTimeline => Self::OtherTimeline,
                ReplicaProblem::ClockSkew => Self::ClockSkew,
                ReplicaProblem::Posture => Self::Posture,
            },
        }
    }
}
