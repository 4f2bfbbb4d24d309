//! The tools: their names and schemas, and what each calls.
//!
//! [`TOOLS`] is the only list of them. Whatever else depends on the tool is decided by its row.
//! Names, parameters and defaults are a contract with the clients of the original sample.
mod arguments; // lenient in form, strict in meaning
mod execute_sales_query;
mod explanation; // the position and the fix of an error; whether a result is empty
mod find_related_products;
mod get_current_utc_date;
mod get_multiple_table_schemas;
mod semantic_search_products;
mod statement_text; // extracts the statement from the text that a model sends

use std::borrow::Cow;
use std::num::{NonZeroU32, NonZeroUsize};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::time::SystemTime;

use futures_util::FutureExt as _;
use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use serde_json::Value;

use super::result::{self, ResultShape, RowsContext, ToolResult};
use super::tool_error::ToolError;
use crate::catalog::{Catalog, CatalogError, VisibleStores};
use crate::compute::Compute;
use crate::identity::{Caller, Identity, OAuthScope};
use crate::query::rows::RowLimits;
use crate::query::scope::Scope;
use crate::query::{CachingGuard, LimitsByRole};
use crate::search::{ProductSearch, RelatedProducts};
use crate::telemetry::TraceId;
use crate::telemetry::audit::{Decision, Statement};

use arguments::Arguments;

/// A tool: everything that this server knows about it.
#[derive(Debug)]
pub struct RegisteredTool {
    /// The name by which clients call the tool.
    pub name: &'static str,
    /// The OAuth scope that a caller's token needs for a call. `None` only for a tool that reads no
    /// rows.
    pub required_scope: Option<OAuthScope>,
    /// The shape of its results and of its errors.
    result_shape: ResultShape,
    definition: fn(&Tools) -> Definition,
    /// Returns a box, because the tools' futures differ in type. They are also large, and rmcp
    /// moves the handler's future several times: with the box that future is small.
    call: fn(ToolCall<'_>) -> ToolFuture<'_>,
}

/// All tools, in the order of `tools/list`.
pub(super) static TOOLS: &[RegisteredTool] = &[
    RegisteredTool {
        name: "get_multiple_table_schemas",
        required_scope: Some(OAuthScope::Query),
        result_shape: ResultShape::Text,
        definition: get_multiple_table_schemas::definition,
        call: |call| Box::pin(get_multiple_table_schemas::call(call)),
    },
    RegisteredTool {
        name: "execute_sales_query",
        required_scope: Some(OAuthScope::Query),
        result_shape: ResultShape::Rows,
        definition: execute_sales_query::definition,
        call: |call| Box::pin(execute_sales_query::call(call)),
    },
    RegisteredTool {
        name: "semantic_search_products",
        required_scope: Some(OAuthScope::Search),
        result_shape: ResultShape::Rows,
        definition: semantic_search_products::definition,
        call: |call| Box::pin(semantic_search_products::call(call)),
    },
    RegisteredTool {
        name: "find_related_products",
        required_scope: Some(OAuthScope::Query),
        result_shape: ResultShape::Rows,
        definition: find_related_products::definition,
        call: |call| Box::pin(find_related_products::call(call)),
    },
    RegisteredTool {
        name: "get_current_utc_date",
        required_scope: None,
        result_shape: ResultShape::Text,
        definition: get_current_utc_date::definition,
        call: |call| Box::pin(get_current_utc_date::call(call)),
    },
];

/// What a client reads about a tool before calling it.
struct Definition {
    title: &'static str,
    description: &'static str,
    /// The JSON schema of the arguments: an object.
    input_schema: Value,
}

/// One call of a tool.
struct ToolCall<'a> {
    tools: &'a Tools,
    caller: &'a Caller,
    arguments: JsonObject,
    details: &'a mut CallDetails,
}

type ToolFuture<'a> = Pin<Box<dyn Future<Output = Result<ToolResult, ToolError>> + Send + 'a>>;

impl RegisteredTool {
    /// The tool that clients call by `name`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<&'static Self> {
        TOOLS.iter().find(|tool| tool.name == name)
    }

    /// The tool as `tools/list` shows it.
    fn to_rmcp(&self, tools: &Tools) -> Tool {
        let Definition {
            title,
            description,
            input_schema,
        } = (self.definition)(tools);
        let object = |value| match value {
            Value::Object(object) => object,
            _ => JsonObject::new(),
        };
        Tool::new(self.name, description, object(input_schema))
            .with_title(title)
            .with_raw_output_schema(Arc::new(object(self.result_shape.schema())))
            .with_annotations(ToolAnnotations::new().read_only(true).open_world(false))
    }

    /// The result of a call that has failed.
    pub(super) fn error_result(
        &self,
        error: &ToolError,
        trace_id: TraceId,
    ) -> (ToolResult, AuditOutcome) {
        let (decision, reason) = error.audit_outcome();
        let result = self.result_shape.error(error, trace_id);
        (result, (decision, Some(reason)))
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
    pub guard: Arc<CachingGuard>,
    /// Runs statements as a tenant.
    pub scope: Arc<Scope>,
    /// The maximum size of a result.
    pub limits: LimitsByRole,
    /// The maximum length of one value in a result, in bytes.
    pub max_cell_bytes: NonZeroUsize,
    /// The maximum size of a result of `execute_sales_query` without `max_rows`.
    pub default_limits: DefaultLimits,
    /// Describes tables.
    pub catalog: Catalog,
    /// Searches products.
    pub search: ProductSearch,
    /// Finds products that are related to one.
    pub related: RelatedProducts,
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
        TOOLS.iter().map(|tool| tool.to_rmcp(self)).collect()
    }

    /// Calls a tool. Every error becomes a result that tells the client what to do.
    pub(super) async fn call(
        &self,
        tool: &RegisteredTool,
        caller: &Caller,
        arguments: JsonObject,
        details: &mut CallDetails,
        trace_id: TraceId,
    ) -> (ToolResult, AuditOutcome) {
        let call = ToolCall {
            tools: self,
            caller,
            arguments,
            details,
        };
        // A panic would end rmcp's task, and the client would wait for an answer that never comes.
        // Unwinding has dropped all that the call held; `details` are plain values.
        let called = AssertUnwindSafe((tool.call)(call)).catch_unwind().await;
        match called.unwrap_or(Err(ToolError::Panicked)) {
            Ok(result) => {
                details.bytes = result.bytes();
                (result, (Decision::Allowed, None))
            }
            Err(error) => {
                error.log(tool.name, trace_id);
                if error.is_unknown_tenant() {
                    self.identity.invalidate_tenant(caller.tenant());
                }
                tool.error_result(&error, trace_id)
            }
        }
    }

    /// The stores whose rows a caller sees.
    async fn visible_stores(&self, caller: &Caller) -> Result<Arc<VisibleStores>, ToolError> {
        let stores = self.catalog.visible_stores(caller).await;
        stores.map_err(|error| ToolError::Catalog(CatalogError::Scope(error)))
    }

    /// The maximum size of a result for a caller.
    fn row_limits(&self, caller: &Caller) -> RowLimits {
        let limits = self.limits.for_caller(caller);
        RowLimits {
            rows: limits.rows,
            bytes: limits.result_bytes,
            cell_bytes: self.max_cell_bytes,
            counted_rows: 0,
        }
    }
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
