//! The texts of errors, as clients read them: this and `host::rejection` are the only places that
//! word one. The guard words its own refusals and hints, and `identity` what is wrong with a
//! credential, which the audit log records too.
//!
//! Knows every error of the modules that the tools call; must not know how a text is sent.
//! Invariant: a text says what is wrong and how to fix it, and nothing about the server's
//! internals.

use std::borrow::Cow;

use super::tool_error::{Explanation, ToolError};
use crate::catalog::{CatalogError, TABLES};
use crate::identity::{AuthError, RequiredCredential, StoreUnavailable, TENANT_HEADER};
use crate::query::guard::visible;
use crate::query::rows::{MAX_COLUMNS, TooManyColumns};
use crate::query::scope::{PgError, ScopeError};
use crate::search::{EmbedderError, ProductName, SearchError, SemanticError};
use crate::telemetry::TraceId;

const DATABASE_UNAVAILABLE: &str =
    "the database is temporarily unavailable; try again in a few seconds";

/// How many characters of a product's name an error shows.
const MAX_CHARS_SHOWN: usize = 80;

/// How a client finds out what a product is called.
const FIND_PRODUCT: &str = "find it with execute_sales_query, for example \
     SELECT sku, product_name FROM retail.products WHERE product_name ILIKE '%paint%', \
     or with semantic_search_products";

/// The text for an internal error, whose log entry carries the same trace id.
#[must_use]
pub fn internal_error_text(trace_id: TraceId) -> String {
    format!("internal error (trace id {trace_id}); the operator finds the cause in the server log")
}

/// The text for a tool call that has failed.
pub(super) fn tool_error_text(error: &ToolError, trace_id: TraceId) -> String {
    match error {
        ToolError::Argument(text) => text.clone(),
        ToolError::Refused(refusal) => refusal.to_string(),
        ToolError::Statement(error, explanation) => scope_error_text(error, explanation, trace_id),
        ToolError::Search(SearchError::Scope(error)) | ToolError::Catalog(CatalogError::Scope(error)) => {
            scope_error_text(error, &Explanation::default(), trace_id)
        }
        ToolError::TooManyColumns(TooManyColumns { columns }) => format!(
            "the result has {columns} columns; the maximum is {MAX_COLUMNS}; select the columns you need instead of *"
        ),
        ToolError::Catalog(CatalogError::NoTable) => {
            format!("table_names is empty; {}", valid_tables())
        }
        ToolError::Catalog(CatalogError::UnknownTables(names)) => {
            format!("unknown tables: {}; {}", names.join(", "), valid_tables())
        }
        ToolError::Search(SearchError::NoWords) => {
            "query_description has no words to search for; describe the product in a few words"
                .to_owned()
        }
        ToolError::Search(SearchError::Semantic(error)) => {
            format!("search by meaning is unavailable: {}; use mode \"hybrid\" or \"keyword\"", semantic_error_text(error))
        }
        ToolError::Search(SearchError::UnknownProduct {
            product,
            suggestions,
        }) => unknown_product_text(product, suggestions),
        ToolError::Search(SearchError::AmbiguousProduct { product, matches }) => {
            let shown: Vec<String> = matches.iter().map(product_text).collect();
            format!(
                "{} means several products: {}; send a SKU, product_id or name that only one of them \
                 has",
                quoted(product),
                shown.join(", ")
            )
        }
        ToolError::Task(_) | ToolError::Panicked => internal_error_text(trace_id),
        ToolError::TenantBusy => {
            "too many requests of this tenant are in flight; wait for some to finish, then try again"
                .to_owned()
        }
    }
}

/// Why products are not searched by their meaning, as a part of a sentence.
pub(super) fn semantic_error_text(error: &SemanticError) -> String {
    match error {
        SemanticError::NoEmbedder => "this server has no embedding model".to_owned(),
        SemanticError::NoComparableVector(_) => {
            "the products have no vectors of this server's embedding model".to_owned()
        }
        SemanticError::RateExceeded(per_minute) => {
            format!("the limit of {per_minute} such searches per minute of one tenant is exceeded")
        }
        SemanticError::Embedding(EmbedderError::NothingToEmbed) => {
            "the text has no words".to_owned()
        }
        SemanticError::Embedding(EmbedderError::TextRejected) => {
            "the embedding service does not accept the text".to_owned()
        }
        SemanticError::Embedding(
            EmbedderError::Unavailable(_) | EmbedderError::RequestRejected(_),
        ) => "the embedding service gives no answer at the moment".to_owned(),
        SemanticError::Embedding(EmbedderError::Unusable(_)) => {
            "the embedding model of this server cannot be used".to_owned()
        }
    }
}

fn unknown_product_text(product: &str, suggestions: &[ProductName]) -> String {
    let suggested: Vec<String> = suggestions.iter().map(product_text).collect();
    let suggested = match suggested.as_slice() {
        [] => String::new(),
        suggested => format!("did you mean {}? Otherwise ", suggested.join(" or ")),
    };
    let product = quoted(product);
    format!("no product has the SKU, product_id or name {product}; {suggested}{FIND_PRODUCT}")
}

/// For example `'Coping Saw with 5 Blades' (SKU HTHS000400, product_id 32)`.
fn product_text(product: &ProductName) -> String {
    let ProductName { id, sku, name } = product;
    let (name, sku) = (quoted(name), shortened(sku, MAX_CHARS_SHOWN));
    format!("{name} (SKU {sku}, product_id {id})")
}

fn quoted(text: &str) -> String {
    format!("'{}'", shortened(text, MAX_CHARS_SHOWN))
}

/// The first `max_chars` characters of a text, with invisible ones escaped.
pub(super) fn shortened(text: &str, max_chars: usize) -> String {
    let more = if text.chars().count() > max_chars {
        "…"
    } else {
        ""
    };
    let start: String = text.chars().take(max_chars).collect();
    format!("{}{more}", visible(&start))
}

/// The text for a request that has no caller.
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

fn scope_error_text(error: &ScopeError, explanation: &Explanation, trace_id: TraceId) -> String {
    match error {
        ScopeError::Database(error) => pg_error_text(error, explanation),
        ScopeError::ErrorTooLong => {
            "the statement failed with an error message too long to show (SQLSTATE 54000)".to_owned()
        }
        ScopeError::VersionTooOld { version, needed } => format!(
            "JSON(…), JSON_VALUE, JSON_QUERY, JSON_EXISTS, JSON_TABLE and JSON_SCALAR need PostgreSQL {needed}, and this \
             database is PostgreSQL {version} (SQLSTATE 0A000); use ->, ->>, jsonb_path_query or jsonb_array_elements"
        ),
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

/// The text for an error that PostgreSQL reports: enough to correct a statement, nothing about the
/// server.
fn pg_error_text(error: &PgError, explanation: &Explanation) -> String {
    let state = &error.sqlstate;
    let location = explanation.line_and_column;
    let location = location.map_or_else(String::new, |(line, column)| {
        format!("line {line}, column {column}; ")
    });
    let at = format!("({location}SQLSTATE {state})");
    let message = visible(&without_wrapper(&error.message));
    if let Some(hint) = &explanation.hint {
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
            let hint = error.hint.as_deref();
            let hint = hint.unwrap_or(match error.message.split_once(" (") {
                Some(("an exponent is too large", _)) => {
                    "compute with double precision, as in power(0.999::float8, n) or exp(-0.001 * n)"
                }
                _ => "make it shorter, or filter first",
            });
            format!("{}; {} {at}", visible(&error.message), visible(hint))
        }
        // An accumulating aggregate is limited by a sum that overflows by design
        // (migrations/0004_bounded.sql).
        "22003" if error.message == "bigint out of range" => format!(
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
            let hint = error
                .hint
                .as_ref()
                .filter(|_| !state.starts_with("42") || state == "42883");
            let hint = hint.map_or_else(String::new, |hint| format!("; {}", visible(hint)));
            format!("{message} {at}{hint}")
        }
        _ => format!("the database could not run the statement {at}"),
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

fn valid_tables() -> String {
    let names: Vec<&str> = TABLES.iter().map(|table| table.name).collect();
    format!("the tables are {}", names.join(", "))
}
