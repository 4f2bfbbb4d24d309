use std::borrow::Cow;
use std::error::Error;

use crate::catalog::{CatalogError, TABLES};
use crate::identity::{AuthError, RequiredCredential, StoreUnavailable, TENANT_HEADER};
use crate::query::guard::Refusal;
use crate::query::rows::{MOST_COLUMNS, TooManyColumns};
use crate::query::scope::ScopeError;
use crate::search::SearchError;
use crate::search::embedding::EmbeddingError;
use crate::telemetry::audit::Decision;

/// What is known of a statement's error beside PostgreSQL's message.
#[derive(Debug, Default)]
pub(super) struct Explanation {
    /// Where in the client's text it stands: line and column, from 1.
    pub(super) place: Option<(usize, usize)>,
    /// What to write instead.
    pub(super) hint: Option<String>,
}

/// Why a tool has no result. The one place that decides what a client reads of an error inside a tool.
#[derive(Debug, thiserror::Error)]
pub(super) enum ToolError {
    /// An argument is missing, of the wrong type or out of range; the text says which and what is allowed.
    #[error("an argument cannot be used")]
    Argument(String),
    /// The guard refuses the SQL.
    #[error("the SQL was refused")]
    Refused(Refusal),
    /// The client's statement gave no rows.
    #[error("the statement failed")]
    Statement(#[source] ScopeError, Box<Explanation>),
    /// The result is wider than an answer may be.
    #[error("the result has too many columns")]
    TooManyColumns(#[source] TooManyColumns),
    /// The schemas cannot be told.
    #[error("the schemas cannot be told")]
    Catalog(#[source] CatalogError),
    /// The search failed.
    #[error("the search failed")]
    Search(#[source] SearchError),
    /// The server was started without an embedding model.
    #[error("there is no embedding model")]
    NoModel,
    /// The tenant has as many requests in flight as it may.
    #[error("the tenant is busy")]
    TenantBusy,
    /// A task of ours ended without a result.
    #[error("a task gave no result")]
    Task(#[source] tokio::task::JoinError),
}

const AWAY: &str = "the database is not available now; try again in a few seconds";
const OURS: &str = "the server cannot answer this now; the operator finds the reason in its log";

impl ToolError {
    /// What the client reads: what is wrong and how to mend it; nothing of the server's inside.
    pub(super) fn client_text(&self) -> String {
        match self {
            Self::Argument(text) => text.clone(),
            Self::Refused(refusal) => refusal.to_string(),
            Self::Statement(error, explanation) => scope_text(error, explanation),
            Self::Search(SearchError::Scope(error)) | Self::Catalog(CatalogError::Scope(error)) => scope_text(error, &Explanation::default()),
            Self::TooManyColumns(TooManyColumns { columns }) => {
                format!("the result has {columns} columns and the most is {MOST_COLUMNS}; name the columns you need instead of *")
            }
            Self::Catalog(CatalogError::NoTable) => format!("table_names is empty; {}", valid_tables()),
            Self::Catalog(CatalogError::UnknownTables(names)) => format!("unknown tables: {}; {}", names.join(", "), valid_tables()),
            Self::Search(SearchError::Embedding(EmbeddingError::NothingToEmbed)) => {
                "query_description holds nothing to search for; describe the product in a few words".to_owned()
            }
            Self::Search(SearchError::Embedding(_) | SearchError::Stopped(_)) | Self::Task(_) => OURS.to_owned(),
            Self::TenantBusy => {
                "too many requests of this tenant are in flight; wait for some of their answers, then try again".to_owned()
            }
            Self::NoModel => "search by meaning is not set up on this server (ZAVA_EMBEDDING_MODEL_DIR); query retail.products instead".to_owned(),
        }
    }

    /// Logs what is an operator's matter, with its causes; a client's own is in the audit audit_log.
    pub(super) fn log(&self, tool: &'static str) {
        let error = self as &dyn Error;
        match self {
            Self::Refused(_)
            | Self::Argument(_)
            | Self::NoModel
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
                    tracing::warn!(tool, error, "database not available")
                }
                ScopeError::Misconfigured(_) => {
                    tracing::error!(tool, error, "database does not accept this server")
                }
                // The findings are logged when they change, not with every call.
                ScopeError::Posture(_) => tracing::warn!(tool, error, "database not fit"),
            },
            Self::Search(SearchError::Embedding(_) | SearchError::Stopped(_)) | Self::Task(_) => {
                tracing::error!(tool, error, "tool call failed")
            }
        }
    }

    /// Whether the database does not know the caller's tenant any more.
    pub(super) fn is_of_unknown_tenant(&self) -> bool {
        matches!(
            self,
            Self::Statement(ScopeError::UnknownTenant, _)
                | Self::Search(SearchError::Scope(ScopeError::UnknownTenant))
                | Self::Catalog(CatalogError::Scope(ScopeError::UnknownTenant))
        )
    }

    /// What the audit audit_log says of it: nothing that a client has written.
    pub(super) fn verdict(&self) -> (Decision, Cow<'static, str>) {
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
            Self::NoModel => failed("no embedding model"),
            Self::Statement(cause, _)
            | Self::Search(SearchError::Scope(cause))
            | Self::Catalog(CatalogError::Scope(cause)) => match cause {
                ScopeError::PlanRefused => (Decision::Refused, "plan".into()),
                ScopeError::UnknownTenant => (Decision::Refused, "unknown tenant".into()),
                ScopeError::Database(error) => {
                    // No right, or a read-only transaction: the database has refused what the guard has not.
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
                ScopeError::Misconfigured(_) | ScopeError::Posture(_) => failed("database unfit"),
            },
            Self::Search(SearchError::Embedding(_) | SearchError::Stopped(_)) | Self::Task(_) => {
                failed("internal")
            }
        }
    }
}

fn scope_text(error: &ScopeError, explanation: &Explanation) -> String {
    match error {
        ScopeError::Database(error) => {
            error.client_text(explanation.place, explanation.hint.as_deref())
        }
        ScopeError::TimedOut(after) => format!(
            "the statement was stopped after {} s, the longest that one may run (SQLSTATE 57014); aggregate or filter more",
            after.as_secs_f64()
        ),
        ScopeError::PlanRefused => "EXPLAIN is for analysts of head office only: estimates speak of the rows of all stores; run the query itself".to_owned(),
        ScopeError::UnknownTenant => {
            format!("the tenant is unknown; set {TENANT_HEADER} to a tenant you may use")
        }
        ScopeError::Busy => "the server is busy; try again in a few seconds".to_owned(),
        ScopeError::Unavailable(_) => AWAY.to_owned(),
        ScopeError::Stopping => "the server is stopping and did not finish this call; try again in a few seconds".to_owned(),
        ScopeError::Misconfigured(_) | ScopeError::Posture(_) => OURS.to_owned(),
    }
}

fn valid_tables() -> String {
    let names: Vec<&str> = TABLES.iter().map(|table| table.name).collect();
    format!("the tables are {}", names.join(", "))
}

/// What a caller who was refused is told; an unknown tenant and a foreign one read the same.
#[must_use]
pub fn refusal_text(refusal: &AuthError) -> String {
    match refusal {
        AuthError::Missing(RequiredCredential::Tenant) => {
            format!(
                "no tenant; send the header {TENANT_HEADER} with your store's tenant id, a UUID"
            )
        }
        AuthError::Missing(RequiredCredential::Bearer) => {
            "nobody is signed in; send Authorization: Bearer with an access token or an API key".to_owned()
        }
        AuthError::Missing(RequiredCredential::Gateway) => {
            "this server is reached through its gateway only".to_owned()
        }
        AuthError::InvalidCredential(error) => format!("not accepted: {error}"),
        AuthError::MalformedTenantId(_) => {
            format!(
                "malformed tenant; send {TENANT_HEADER} once, as a UUID such as 00000000-0000-0000-0000-000000000000"
            )
        }
        AuthError::AmbiguousTenant => {
            format!("you may ask for several stores; choose one by {TENANT_HEADER}, its tenant id")
        }
        AuthError::NotEntitled => {
            format!("unknown tenant, or not yours; set {TENANT_HEADER} to a tenant id you may use")
        }
        AuthError::NotCached | AuthError::Unavailable(StoreUnavailable::Unreachable) => {
            AWAY.to_owned()
        }
        AuthError::Unavailable(StoreUnavailable::Misconfigured) => OURS.to_owned(),
        AuthError::Issuer(_) => {
            "tokens cannot be checked now, because their issuer does not answer; try again in a few seconds".to_owned()
        }
    }
}
