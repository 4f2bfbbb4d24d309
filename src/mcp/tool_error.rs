//! Why a tool call failed, and what the operator's log and the audit log say about it.

use std::borrow::Cow;
use std::error::Error;

use crate::catalog::CatalogError;
use crate::query::guard::Refusal;
use crate::query::rows::TooManyColumns;
use crate::query::scope::ScopeError;
use crate::search::{EmbedderError, SearchError, SemanticError};
use crate::telemetry::TraceId;
use crate::telemetry::audit::Decision;

/// What is known about a statement's error beside PostgreSQL's message.
#[derive(Debug, Default)]
pub(super) struct Explanation {
    /// The error's line and column in the client's text, from 1.
    pub(super) line_and_column: Option<(usize, usize)>,
    /// What to write instead.
    pub(super) hint: Option<String>,
}

/// Why a tool has no result. `error_text` decides what a client reads about it.
#[derive(Debug, thiserror::Error)]
pub(super) enum ToolError {
    /// An argument is missing, of the wrong type or out of range. The text is the client's: it says
    /// which argument, what is allowed, and shows an example.
    #[error("an argument is invalid")]
    Argument(String),
    /// The guard refuses the SQL.
    #[error("the SQL was refused")]
    Refused(Refusal),
    /// The client's statement failed.
    #[error("the statement failed")]
    Statement(#[source] ScopeError, Box<Explanation>),
    /// The result has more columns than a result may have.
    #[error("the result has too many columns")]
    TooManyColumns(#[source] TooManyColumns),
    /// The tables cannot be described.
    #[error("the tables cannot be described")]
    Catalog(#[source] CatalogError),
    /// The search failed.
    #[error("the search failed")]
    Search(#[source] SearchError),
    /// The tenant has reached its in-flight limit.
    #[error("the tenant's in-flight limit is reached")]
    TenantBusy,
    /// A background task of this server ended without a result.
    #[error("a background task ended without a result")]
    Task(#[source] tokio::task::JoinError),
    /// The tool panicked; the process log holds the message.
    #[error("the tool panicked")]
    Panicked,
}

impl ToolError {
    /// Logs an error that an operator has to act on, with its causes. Errors that the client can
    /// fix are only in the audit log.
    pub(super) fn log(&self, tool: &'static str, trace_id: TraceId) {
        let error = self as &dyn Error;
        match self {
            Self::Refused(_) | Self::Argument(_) | Self::TenantBusy | Self::TooManyColumns(_) => {}
            Self::Catalog(CatalogError::NoTable | CatalogError::UnknownTables(_))
            | Self::Search(
                SearchError::NoWords
                | SearchError::UnknownProduct { .. }
                | SearchError::AmbiguousProduct { .. },
            ) => {}
            Self::Search(SearchError::Semantic(error)) => log_semantic_error(error),
            Self::Statement(cause, _)
            | Self::Search(SearchError::Scope(cause))
            | Self::Catalog(CatalogError::Scope(cause)) => match cause {
                ScopeError::Database(_)
                | ScopeError::ErrorTooLong
                | ScopeError::VersionTooOld { .. }
                | ScopeError::TimedOut(_)
                | ScopeError::UnknownTenant
                | ScopeError::PlanRefused
                | ScopeError::Stopping => {}
                ScopeError::Busy | ScopeError::Unavailable(_) => {
                    tracing::warn!(tool, %trace_id, error, "database unavailable")
                }
                ScopeError::Misconfigured(_) => {
                    tracing::error!(tool, %trace_id, error, "database rejected this server")
                }
                // The findings are logged when they change, not with every call.
                ScopeError::Posture(_) => {
                    tracing::warn!(tool, %trace_id, error, "posture check failed")
                }
            },
            Self::Task(_) | Self::Panicked => {
                tracing::error!(tool, %trace_id, error, "tool call failed")
            }
        }
    }

    /// Whether the database no longer knows the caller's tenant.
    pub(super) fn is_unknown_tenant(&self) -> bool {
        matches!(
            self,
            Self::Statement(ScopeError::UnknownTenant, _)
                | Self::Search(SearchError::Scope(ScopeError::UnknownTenant))
                | Self::Catalog(CatalogError::Scope(ScopeError::UnknownTenant))
        )
    }

    /// The decision and the reason for the audit log. They hold nothing that a client has written.
    pub(super) fn audit_outcome(&self) -> (Decision, Cow<'static, str>) {
        let failed = |reason: &'static str| (Decision::Failed, reason.into());
        match self {
            Self::Refused(refusal) => (Decision::Refused, refusal.rule().name().into()),
            Self::Argument(_)
            | Self::Catalog(CatalogError::NoTable | CatalogError::UnknownTables(_))
            | Self::Search(
                SearchError::NoWords
                | SearchError::UnknownProduct { .. }
                | SearchError::AmbiguousProduct { .. },
            ) => failed("argument"),
            Self::Search(SearchError::Semantic(error)) => match error {
                SemanticError::NoEmbedder => failed("no embedding model"),
                SemanticError::NoComparableVector(_) => failed("no vectors"),
                SemanticError::RateExceeded(_) => (
                    Decision::Refused,
                    "rate limit of a tenant's searches exceeded".into(),
                ),
                SemanticError::Embedding(
                    EmbedderError::NothingToEmbed | EmbedderError::TextRejected,
                ) => failed("argument"),
                SemanticError::Embedding(
                    EmbedderError::Unavailable(_) | EmbedderError::RequestRejected(_),
                ) => failed("embedding service unavailable"),
                SemanticError::Embedding(EmbedderError::Unusable(_)) => failed("internal"),
            },
            Self::TooManyColumns(_) => failed("columns"),
            Self::TenantBusy => (
                Decision::Refused,
                "too many requests of a tenant in flight".into(),
            ),
            Self::Statement(cause, _)
            | Self::Search(SearchError::Scope(cause))
            | Self::Catalog(CatalogError::Scope(cause)) => match cause {
                ScopeError::PlanRefused => (Decision::Refused, "plan".into()),
                ScopeError::UnknownTenant => (Decision::Refused, "unknown tenant".into()),
                ScopeError::Database(error) => {
                    // insufficient_privilege or read_only_sql_transaction: the database refused
                    // what the guard had accepted.
                    let is_refused = matches!(error.sqlstate.as_str(), "42501" | "25006");
                    let reason = format!("SQLSTATE {}", error.sqlstate).into();
                    if is_refused {
                        (Decision::Refused, reason)
                    } else {
                        (Decision::Failed, reason)
                    }
                }
                ScopeError::ErrorTooLong => failed("SQLSTATE 54000"),
                ScopeError::VersionTooOld { .. } => failed("SQLSTATE 0A000"),
                ScopeError::TimedOut(_) => failed("SQLSTATE 57014"),
                ScopeError::Busy => failed("busy"),
                ScopeError::Stopping => failed("server stopping"),
                ScopeError::Unavailable(_) => failed("database unavailable"),
                ScopeError::Misconfigured(_) | ScopeError::Posture(_) => {
                    failed("database misconfigured")
                }
            },
            Self::Task(_) | Self::Panicked => failed("internal"),
        }
    }
}

/// Logs why products are not searched by their meaning, if the operator has to act on it and nobody
/// else has logged it.
pub(super) fn log_semantic_error(error: &SemanticError) {
    match error {
        SemanticError::Embedding(cause @ EmbedderError::Unusable(_)) => {
            let error = cause as &dyn Error;
            tracing::error!(
                error,
                "embedding model unusable; products are searched by words"
            );
        }
        // The first is in the output of `check`; the others are logged when they begin and end, or
        // are the client's.
        SemanticError::NoEmbedder
        | SemanticError::NoComparableVector(_)
        | SemanticError::RateExceeded(_)
        | SemanticError::Embedding(
            EmbedderError::NothingToEmbed
            | EmbedderError::TextRejected
            | EmbedderError::RequestRejected(_)
            | EmbedderError::Unavailable(_),
        ) => {}
    }
}
