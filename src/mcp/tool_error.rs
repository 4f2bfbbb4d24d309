//! Why a tool call failed: what the client, the operator's log and the audit log say about it.

use std::borrow::Cow;
use std::error::Error;

use crate::catalog::{CatalogError, TABLES};
use crate::identity::{AuthError, RequiredCredential, StoreUnavailable, TENANT_HEADER};
use crate::query::guard::Refusal;
use crate::query::rows::{MAX_COLUMNS, TooManyColumns};
use crate::query::scope::ScopeError;
use crate::search::SearchError;
use crate::search::embedding::EmbeddingError;
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

/// Why a tool has no result. This is the only place that decides what a client reads about an error
/// inside a tool.
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
    /// The result has more than [`MAX_COLUMNS`] columns.
    #[error("the result has too many columns")]
    TooManyColumns(#[source] TooManyColumns),
    /// The tables cannot be described.
    #[error("the tables cannot be described")]
    Catalog(#[source] CatalogError),
    /// The search failed.
    #[error("the search failed")]
    Search(#[source] SearchError),
    /// The server was started without an embedding model.
    #[error("no embedding model is configured")]
    NoEmbeddingModel,
    /// The tenant has reached its in-flight limit.
    #[error("the tenant's in-flight limit is reached")]
    TenantBusy,
    /// A background task of this server ended without a result.
    #[error("a background task ended without a result")]
    Task(#[source] tokio::task::JoinError),
}

const DATABASE_UNAVAILABLE: &str =
    "the database is temporarily unavailable; try again in a few seconds";

/// The client's text for an internal error, whose log entry carries the same trace id.
pub(super) fn internal_error_text(trace_id: TraceId) -> String {
    format!("internal error (trace id {trace_id}); the operator finds the cause in the server log")
}

impl ToolError {
    /// The client's text: what is wrong and how to fix it, nothing about the server's internals.
    pub(super) fn client_text(&self, trace_id: TraceId) -> String {
        match self {
            Self::Argument(text) => text.clone(),
            Self::Refused(refusal) => refusal.to_string(),
            Self::Statement(error, explanation) => scope_error_text(error, explanation, trace_id),
            Self::Search(SearchError::Scope(error)) | Self::Catalog(CatalogError::Scope(error)) => {
                scope_error_text(error, &Explanation::default(), trace_id)
            }
            Self::TooManyColumns(TooManyColumns { columns }) => format!(
                "the result has {columns} columns; the maximum is {MAX_COLUMNS}; select the columns you need instead of *"
            ),
            Self::Catalog(CatalogError::NoTable) => {
                format!("table_names is empty; {}", valid_tables())
            }
            Self::Catalog(CatalogError::UnknownTables(names)) => {
                format!("unknown tables: {}; {}", names.join(", "), valid_tables())
            }
            Self::Search(SearchError::Embedding(EmbeddingError::NothingToEmbed)) => {
                "query_description has no words to search for; describe the product in a few words"
                    .to_owned()
            }
            Self::Search(SearchError::Embedding(_) | SearchError::Task(_)) | Self::Task(_) => {
                internal_error_text(trace_id)
            }
            Self::TenantBusy => {
                "too many requests of this tenant are in flight; wait for some to finish, then try again"
                    .to_owned()
            }
            Self::NoEmbeddingModel => {
                "semantic search is not configured on this server (ZAVA_EMBEDDING_MODEL_DIR); query retail.products instead"
                    .to_owned()
            }
        }
    }

    /// Logs an error that an operator has to act on, with its causes. Errors that the client can
    /// fix are only in the audit log.
    pub(super) fn log(&self, tool: &'static str, trace_id: TraceId) {
        let error = self as &dyn Error;
        match self {
            Self::Refused(_)
            | Self::Argument(_)
            | Self::NoEmbeddingModel
            | Self::TenantBusy
            | Self::TooManyColumns(_) => {}
            Self::Catalog(CatalogError::NoTable | CatalogError::UnknownTables(_))
            | Self::Search(SearchError::Embedding(EmbeddingError::NothingToEmbed)) => {}
            Self::Statement(cause, _)
            | Self::Search(SearchError::Scope(cause))
            | Self::Catalog(CatalogError::Scope(cause)) => match cause {
                ScopeError::Database(_)
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
            Self::Search(SearchError::Embedding(_) | SearchError::Task(_)) | Self::Task(_) => {
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
            | Self::Search(SearchError::Embedding(EmbeddingError::NothingToEmbed)) => {
                failed("argument")
            }
            Self::TooManyColumns(_) => failed("columns"),
            Self::TenantBusy => (
                Decision::Refused,
                "too many requests of a tenant in flight".into(),
            ),
            Self::NoEmbeddingModel => failed("no embedding model"),
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
                ScopeError::TimedOut(_) => failed("SQLSTATE 57014"),
                ScopeError::Busy => failed("busy"),
                ScopeError::Stopping => failed("server stopping"),
                ScopeError::Unavailable(_) => failed("database unavailable"),
                ScopeError::Misconfigured(_) | ScopeError::Posture(_) => {
                    failed("database misconfigured")
                }
            },
            Self::Search(SearchError::Embedding(_) | SearchError::Task(_)) | Self::Task(_) => {
                failed("internal")
            }
        }
    }
}

fn scope_error_text(error: &ScopeError, explanation: &Explanation, trace_id: TraceId) -> String {
    match error {
        ScopeError::Database(error) => {
            error.client_text(explanation.line_and_column, explanation.hint.as_deref())
        }
        ScopeError::TimedOut(after) => format!(
            "statement timeout: the statement was stopped after {} s (SQLSTATE 57014); aggregate or filter more",
            after.as_secs_f64()
        ),
        ScopeError::PlanRefused => {
            "EXPLAIN is for analysts of head office only: its estimates cover the rows of all stores; run the query itself"
                .to_owned()
        }
        ScopeError::UnknownTenant => {
            format!("unknown tenant: set {TENANT_HEADER} to a tenant id you have access to")
        }
        ScopeError::Busy => "the server is busy; try again in a few seconds".to_owned(),
        ScopeError::Unavailable(_) => DATABASE_UNAVAILABLE.to_owned(),
        ScopeError::Stopping => {
            "the server is shutting down and did not finish this call; try again in a few seconds"
                .to_owned()
        }
        ScopeError::Misconfigured(_) | ScopeError::Posture(_) => internal_error_text(trace_id),
    }
}

fn valid_tables() -> String {
    let names: Vec<&str> = TABLES.iter().map(|table| table.name).collect();
    format!("the tables are {}", names.join(", "))
}

/// The client's text for a request that has no caller.
///
/// # Security
/// A tenant that does not exist and one that the caller may not use have the same text.
#[must_use]
pub fn auth_error_text(error: &AuthError) -> String {
    match error {
        AuthError::Missing(RequiredCredential::Tenant) => {
            format!("tenant required: send `{TENANT_HEADER}: <tenant id of your store, a UUID>`")
        }
        AuthError::Missing(RequiredCredential::Bearer) => {
            "authentication required: send `Authorization: Bearer <access token or API key>`"
                .to_owned()
        }
        AuthError::Missing(RequiredCredential::Gateway) => {
            "this server accepts requests only through its gateway".to_owned()
        }
        AuthError::InvalidCredential(error) => format!("invalid credential: {error}"),
        AuthError::MalformedTenantId(_) => {
            format!(
                "malformed tenant id: send {TENANT_HEADER} once, as a UUID such as 00000000-0000-0000-0000-000000000000"
            )
        }
        AuthError::AmbiguousTenant => {
            format!("tenant required: you have access to several; select one by {TENANT_HEADER}")
        }
        AuthError::NotEntitled => {
            format!(
                "unknown tenant or no access to it: set {TENANT_HEADER} to a tenant id you have access to"
            )
        }
        AuthError::NotCached | AuthError::Unavailable(StoreUnavailable::Unreachable) => {
            DATABASE_UNAVAILABLE.to_owned()
        }
        // Without a trace id: the tenant store logs the cause, and knows no request.
        AuthError::Unavailable(StoreUnavailable::Misconfigured) => {
            "internal error; the operator finds the cause in the server log".to_owned()
        }
        AuthError::Issuer(_) => {
            "the token cannot be verified now: its issuer does not respond; try again in a few seconds"
                .to_owned()
        }
    }
}
