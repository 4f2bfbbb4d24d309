//! The tools: names, schemas, and what each calls. Names, parameters and defaults are a contract with the clients of the
//! original sample.
mod arguments; // lenient in form, strict in meaning
mod execute_sales_query;
mod explanation; // errors and empty results, explained
mod get_current_utc_date;
mod get_multiple_table_schemas;
mod semantic_search_products;
mod statement_text; // the statement within what a model sends

use std::borrow::Cow;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::time::SystemTime;

use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use serde_json::{Value, json};

use super::result::{self, Answer, Remarks};
use super::tool_error::ToolError;
use crate::catalog::{Catalog, CatalogError, VisibleStores};
use crate::compute::Compute;
use crate::identity::{Caller, Identity, OAuthScope};
use crate::query::guard::Guard;
use crate::query::rows::RowLimits;
use crate::query::scope::Scope;
use crate::search::ProductSearch;
use crate::telemetry::audit::{Decision, Statement};

use arguments::Arguments;

/// The tools' names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToolName {
    /// Finds products by meaning.
    SemanticSearchProducts,
    /// Describes tables.
    GetMultipleTableSchemas,
    /// Runs a SELECT.
    ExecuteSalesQuery,
    /// Tells the time.
    GetCurrentUtcDate,
}

impl ToolName {
    /// All of them, in the order of the list.
    pub const ALL: [Self; 4] = [
        Self::GetMultipleTableSchemas,
        Self::ExecuteSalesQuery,
        Self::SemanticSearchProducts,
        Self::GetCurrentUtcDate,
    ];

    /// The tool of a name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tool| tool.as_str() == name)
    }

    /// What a caller's token must be good for, to call it.
    #[must_use]
    pub fn needed_scope(self) -> Option<OAuthScope> {
        match self {
            Self::SemanticSearchProducts => Some(OAuthScope::Search),
            Self::GetMultipleTableSchemas | Self::ExecuteSalesQuery => Some(OAuthScope::Query),
            Self::GetCurrentUtcDate => None,
        }
    }

    /// The name a client calls it by.
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

/// Bounds on the result of a call that does not say how many rows it wants.
#[derive(Clone, Copy, Debug)]
pub struct DefaultLimits {
    /// The most rows.
    pub rows: NonZeroU32,
    /// The most bytes of JSON for the rows.
    pub bytes: NonZeroUsize,
}

/// What the tools work with.
#[derive(Debug)]
pub struct Tools {
    /// Told of tenants that the database does not know any more.
    pub identity: Arc<Identity>,
    /// Decides what SQL may run.
    pub guard: Arc<Guard>,
    /// Runs it.
    pub scope: Arc<Scope>,
    /// How much of a result is given.
    pub limits: RowLimits,
    /// The same for callers with the larger limits.
    pub larger_limits: RowLimits,
    /// How much of a statement's result is given to a call that does not say how many rows it
    /// wants.
    pub default_limits: DefaultLimits,
    /// Describes tables.
    pub catalog: Catalog,
    /// Searches products; `None` without an embedding model.
    pub search: Option<ProductSearch>,
    /// The clock that `get_current_utc_date` reads.
    pub clock: fn() -> SystemTime,
    /// Texts up to this many bytes are parsed at once; longer ones leave the reactor.
    pub parsed_at_once: NonZeroUsize,
    /// Where they do, few at a time.
    pub compute: Arc<Compute>,
}

impl Tools {
    /// What the tools are called and take, in a fixed order.
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

    /// Calls a tool. Every failure is a result that says what to do; its verdict is for the audit audit_log.
    pub(super) async fn call(
        &self,
        tool: ToolName,
        caller: &Caller,
        arguments: JsonObject,
        access: &mut Access,
    ) -> (Answer, Verdict) {
        let answer = match tool {
            ToolName::SemanticSearchProducts => {
                semantic_search_products::call(self, caller, arguments, access).await
            }
            ToolName::GetMultipleTableSchemas => {
                get_multiple_table_schemas::call(self, caller, arguments).await
            }
            ToolName::ExecuteSalesQuery => {
                execute_sales_query::call(self, caller, arguments, access).await
            }
            ToolName::GetCurrentUtcDate => Ok(get_current_utc_date::call(self)),
        };
        match answer {
            Ok(answer) => {
                access.bytes = answer.bytes();
                (answer, None)
            }
            Err(failure) => {
                failure.log(tool.as_str());
                if failure.is_of_unknown_tenant() {
                    self.identity.invalidate_tenant(caller.tenant());
                }
                (failed(tool, &failure), Some(failure.verdict()))
            }
        }
    }

    /// The answer to a call that is not made because its tenant has as many in flight as it may,
    /// and what the audit audit_log says of it.
    pub(super) fn busy(tool: ToolName) -> (Answer, Cow<'static, str>) {
        let failure = ToolError::TenantBusy;
        (failed(tool, &failure), failure.verdict().1)
    }

    /// Whose rows a caller sees.
    async fn visible_stores(&self, caller: &Caller) -> Result<Arc<VisibleStores>, ToolError> {
        let stores = self.catalog.visible_stores(caller).await;
        stores.map_err(|error| ToolError::Catalog(CatalogError::Scope(error)))
    }

    /// How much of a result a caller is given.
    fn limits_of(&self, caller: &Caller) -> RowLimits {
        if caller.has_larger_limits() {
            self.larger_limits
        } else {
            self.limits
        }
    }
}

/// A failure in the shape of the tool's answers.
fn failed(tool: ToolName, failure: &ToolError) -> Answer {
    match tool {
        ToolName::SemanticSearchProducts | ToolName::ExecuteSalesQuery => {
            result::failed_rows(failure)
        }
        ToolName::GetMultipleTableSchemas | ToolName::GetCurrentUtcDate => {
            result::failed_text(failure)
        }
    }
}

/// Why a call gave nothing; `None` if it gave something.
pub(super) type Verdict = Option<(Decision, Cow<'static, str>)>;

/// What a call asked of a tenant's rows, and was given, as far as it has come; for the audit audit_log.
#[derive(Debug, Default)]
pub(super) struct Access {
    /// The client's statement.
    pub(super) statement: Option<Statement>,
    /// The rows of the answer.
    pub(super) rows: u64,
    /// The bytes of the answer.
    pub(super) bytes: u64,
}

fn define(
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

/// The shape of an answer in rows.
fn rows_schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "c": {"type": "array", "items": {"type": "string"}, "description": "columns"},
            "r": {"type": "array", "items": {"type": "array"}, "description": "rows"},
            "n": {"type": "integer", "description": "row count"},
            "scope": {"type": "string", "description": "whose rows"},
            "truncated": {"type": "boolean"},
            "total": {"type": "integer", "description": "rows there are"},
            "cut": {"type": "array", "items": {"type": "array"}, "description": "values not given whole: [row, column]"},
            "msg": {"type": "string"},
            "err": {"type": "string"}
        },
        "required": ["c", "r", "n"]
    })
}

/// The shape of an answer in one text.
fn text_schema() -> Value {
    json!({"type": "object", "properties": {"result": {"type": "string"}}, "required": ["result"]})
}
