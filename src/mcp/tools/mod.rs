//! The tools: their names and schemas, and what each calls.
//!
//! Names, parameters and defaults are a contract with the clients of the original sample.
mod arguments; // lenient in form, strict in meaning
mod execute_sales_query;
mod explanation; // the position and the fix of an error; whether a result is empty
mod get_current_utc_date;
mod get_multiple_table_schemas;
mod semantic_search_products;
mod statement_text; // extracts the statement from the text that a model sends

use std::borrow::Cow;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::time::SystemTime;

use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use serde_json::Value;

use super::result::{self, RowsContext, ToolResult};
use super::tool_error::ToolError;
use crate::catalog::{Catalog, CatalogError, VisibleStores};
use crate::compute::Compute;
use crate::identity::{Caller, Identity, OAuthScope};
use crate::query::guard::Guard;
use crate::query::rows::RowLimits;
use crate::query::scope::Scope;
use crate::search::ProductSearch;
use crate::telemetry::TraceId;
use crate::telemetry::audit::{Decision, Statement};

use arguments::Arguments;

/// The name of a tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToolName {
    /// Finds products by meaning.
    SemanticSearchProducts,
    /// Describes tables.
    GetMultipleTableSchemas,
    /// Runs a SELECT.
    ExecuteSalesQuery,
    /// Returns the current date and time.
    GetCurrentUtcDate,
}

impl ToolName {
    /// All tools, in the order of `tools/list`.
    pub const ALL: [Self; 4] = [
        Self::GetMultipleTableSchemas,
        Self::ExecuteSalesQuery,
        Self::SemanticSearchProducts,
        Self::GetCurrentUtcDate,
    ];

    /// The tool that clients call by `name`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tool| tool.as_str() == name)
    }

    /// The OAuth scope that a caller's token needs for a call.
    #[must_use]
    pub fn required_scope(self) -> Option<OAuthScope> {
        match self {
            Self::SemanticSearchProducts => Some(OAuthScope::Search),
            Self::GetMultipleTableSchemas | Self::ExecuteSalesQuery => Some(OAuthScope::Query),
            Self::GetCurrentUtcDate => None,
        }
    }

    /// The name by which clients call the tool.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SemanticSearchProducts => "semantic_search_products",
            Self::GetMultipleTableSchemas => "get_multiple_table_schemas",
            Self::ExecuteSalesQuery => "execute_sales_query",
            Self::GetCurrentUtcDate => "get_current_utc_date",
        }
    }
}

/// Limits on the result of a call without `max_rows`.
#[derive(Clone, Copy, Debug)]
pub struct DefaultLimits {
    /// The maximum number of rows.
    pub rows: NonZeroU32,
    /// The maximum length of the rows as JSON, in bytes.
    pub bytes: NonZeroUsize,
}

/// The modules and limits that the tools use.
#[derive(Debug)]
pub struct Tools {
    /// Notified when the database no longer knows a tenant.
    pub identity: Arc<Identity>,
    /// Decides which SQL may run.
    pub guard: Arc<Guard>,
    /// Runs statements as a tenant.
    pub scope: Arc<Scope>,
    /// The maximum size of a result.
    pub limits: RowLimits,
    /// The maximum size of a result for callers with larger limits.
    pub larger_limits: RowLimits,
    /// The maximum size of a result of `execute_sales_query` without `max_rows`.
    pub default_limits: DefaultLimits,
    /// Describes tables.
    pub catalog: Catalog,
    /// Searches products; `None` without an embedding model.
    pub search: Option<ProductSearch>,
    /// The clock that `get_current_utc_date` reads.
    pub clock: fn() -> SystemTime,
    /// Texts up to this many bytes are parsed on the reactor; longer ones go to `compute`.
    pub max_inline_parse_bytes: NonZeroUsize,
    /// Runs CPU-bound work off the reactor, a few jobs at a time.
    pub compute: Arc<Compute>,
}

impl Tools {
    /// The definitions of all tools, in a fixed order.
    #[must_use]
    pub fn definitions(&self) -> Vec<Tool> {
        let definition = |tool| match tool {
            ToolName::SemanticSearchProducts => semantic_search_products::definition(),
            ToolName::GetMultipleTableSchemas => get_multiple_table_schemas::definition(),
            ToolName::ExecuteSalesQuery => execute_sales_query::definition(self.default_limits),
            ToolName::GetCurrentUtcDate => get_current_utc_date::definition(),
        };
        ToolName::ALL.into_iter().map(definition).collect()
    }

    /// Calls a tool. Every error becomes a result that tells the client what to do.
    pub(super) async fn call(
        &self,
        tool: ToolName,
        caller: &Caller,
        arguments: JsonObject,
        details: &mut CallDetails,
        trace_id: TraceId,
    ) -> (ToolResult, AuditOutcome) {
        let called = match tool {
            ToolName::SemanticSearchProducts => {
                semantic_search_products::call(self, caller, arguments, details).await
            }
            ToolName::GetMultipleTableSchemas => {
                get_multiple_table_schemas::call(self, caller, arguments).await
            }
            ToolName::ExecuteSalesQuery => {
                execute_sales_query::call(self, caller, arguments, details).await
            }
            ToolName::GetCurrentUtcDate => Ok(get_current_utc_date::call(self)),
        };
        match called {
            Ok(result) => {
                details.bytes = result.bytes();
                (result, (Decision::Allowed, None))
            }
            Err(error) => {
                error.log(tool.as_str(), trace_id);
                if error.is_unknown_tenant() {
                    self.identity.invalidate_tenant(caller.tenant());
                }
                error_result(tool, &error, trace_id)
            }
        }
    }

    /// Rejects a call because its tenant has reached the in-flight limit.
    pub(super) fn reject_busy_tenant(
        tool: ToolName,
        trace_id: TraceId,
    ) -> (ToolResult, AuditOutcome) {
        error_result(tool, &ToolError::TenantBusy, trace_id)
    }

    /// The stores whose rows a caller sees.
    async fn visible_stores(&self, caller: &Caller) -> Result<Arc<VisibleStores>, ToolError> {
        let stores = self.catalog.visible_stores(caller).await;
        stores.map_err(|error| ToolError::Catalog(CatalogError::Scope(error)))
    }

    /// The maximum size of a result for a caller.
    fn limits_for(&self, caller: &Caller) -> RowLimits {
        if caller.has_larger_limits() {
            self.larger_limits
        } else {
            self.limits
        }
    }
}

/// An error in the shape of the tool's results.
fn error_result(
    tool: ToolName,
    error: &ToolError,
    trace_id: TraceId,
) -> (ToolResult, AuditOutcome) {
    let result = match tool {
        ToolName::SemanticSearchProducts | ToolName::ExecuteSalesQuery => {
            result::rows_error(error, trace_id)
        }
        ToolName::GetMultipleTableSchemas | ToolName::GetCurrentUtcDate => {
            result::text_error(error, trace_id)
        }
    };
    let (decision, reason) = error.audit_outcome();
    (result, (decision, Some(reason)))
}

/// The outcome of a call for the audit log: the decision, and the reason unless it was allowed.
pub(super) type AuditOutcome = (Decision, Option<Cow<'static, str>>);

/// What a call has requested and received so far, for the audit log.
#[derive(Debug, Default)]
pub(super) struct CallDetails {
    /// The client's statement.
    pub(super) statement: Option<Statement>,
    /// The number of rows in the result.
    pub(super) rows: u64,
    /// The length of the result, in bytes.
    pub(super) bytes: u64,
}

fn define_tool(
    name: ToolName,
    title: &str,
    description: &'static str,
    input: Value,
    output: Value,
) -> Tool {
    let object = |value| match value {
        Value::Object(object) => object,
        _ => JsonObject::new(),
    };
    Tool::new(name.as_str(), description, object(input))
        .with_title(title)
        .with_raw_output_schema(Arc::new(object(output)))
        .with_annotations(ToolAnnotations::new().read_only(true).open_world(false))
}
