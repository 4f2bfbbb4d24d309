use std::num::NonZeroU32;
use std::sync::Arc;

use serde_json::json;

use super::{
    Arguments, DefaultLimits, Definition, RowsContext, ToolCall, ToolError, ToolResult, Tools,
    explanation, result, statement_text,
};
use crate::identity::Caller;
use crate::mcp::name_hint::unknown_name_hint;
use crate::query::CachingGuard;
use crate::query::guard::hints::compared_names;
use crate::query::guard::{CheckedQuery, Fingerprint, Refusal, Rule};
use crate::query::rows::{Collector, CutReason, JsonRows, RowLimits};
use crate::telemetry::audit::Statement;

/// The rows of a truncated result are counted up to this number.
const MAX_COUNTED_ROWS: u32 = 1_000;

pub(super) fn definition(tools: &Tools) -> Definition {
    let default_rows = tools.default_limits.rows;
    Definition {
        title: "Query sales data",
        description: "Runs one read-only PostgreSQL SELECT over the retail tables and returns JSON {c: columns, r: rows, n: count, scope: whose rows}. \
         First fetch the schemas with get_multiple_table_schemas, once. Join on keys, aggregate by default, and \
         LIMIT to 20 rows unless asked for more. Never show ids or UUIDs to the user. \
         retail.stores.is_online separates online from physical stores. If err is set, fix the query and retry.",
        input_schema: json!({
            "type": "object",
            "properties": {
                "postgresql_query": {"type": "string", "description": "one SELECT, tables written as retail.orders"},
                "max_rows": {"type": "integer", "minimum": 1, "description": format!("default {default_rows}")}
            },
            "required": ["postgresql_query"],
            "additionalProperties": false
        }),
    }
}

pub(super) async fn call(call: ToolCall<'_>) -> Result<ToolResult, ToolError> {
    let ToolCall {
        tools,
        caller,
        arguments,
        details,
    } = call;
    let arguments = Arguments::new(
        arguments,
        r#"{"postgresql_query": "SELECT count(*) FROM retail.orders"}"#,
    );
    let sent = arguments.string("postgresql_query")?;
    let text = Arc::<str>::from(statement_text::extract(&sent));
    let max_rows = arguments.integer("max_rows")?;
    let max_limits = tools.row_limits(caller);
    let limits = result_limits(max_rows, tools.default_limits, max_limits)?;
    let guard = Arc::clone(&tools.guard);
    let check = move |text: &str| check_statement(&guard, text);
    let (checked, fingerprint) = parse_with(tools, caller, &text, check).await?;
    details.statement = Some(Statement {
        fingerprint: fingerprint.map(|fingerprint| fingerprint.to_string()),
        text: Arc::clone(&text),
    });
    let query = checked.map_err(ToolError::Refused)?;
    let scope = tools.visible_stores(caller).await?;
    let mut rows = Collector::new(limits);
    let outcome = tools
        .scope
        .run(caller, &query, &[], limits.fetch_limit(), &mut rows)
        .await;
    if let Err(error) = outcome {
        let explain = move |text: &str| explanation::explain(text, &query, error);
        return Err(parse_with(tools, caller, &text, explain).await?);
    }
    let rows = rows.finish().map_err(ToolError::TooManyColumns)?;
    details.rows = rows.count.into();
    let max = i64::from(max_limits.rows.get());
    let reduced = max_rows
        .filter(|requested| *requested > max && rows.cut == Some(CutReason::RowLimit))
        .map(|requested| format!("max_rows is {requested}; the maximum of {max} was used"));
    let mut notes: Vec<String> = reduced.into_iter().collect();
    if explanation::is_empty_or_zero(&rows) {
        let compared = parse_with(tools, caller, &text, compared_names).await?;
        let unknown = tools.catalog.unknown_names(caller, &compared).await;
        notes.extend(unknown.iter().map(unknown_name_hint));
    }
    let context = RowsContext {
        scope: &scope,
        no_rows_message: "No rows",
        next_step: &next_step(&rows, max_limits),
        notes: &notes,
    };
    Ok(result::rows(rows, &context))
}

/// The limits of a result. `max_rows` raises the limit on bytes too, from the default to the
/// maximum.
fn result_limits(
    max_rows: Option<i64>,
    default: DefaultLimits,
    max_limits: RowLimits,
) -> Result<RowLimits, ToolError> {
    let counted_rows = MAX_COUNTED_ROWS;
    let Some(requested) = max_rows else {
        return Ok(RowLimits {
            rows: max_limits.rows.min(default.rows),
            bytes: max_limits.bytes.min(default.bytes),
            counted_rows,
            ..max_limits
        });
    };
    let max = i64::from(max_limits.rows.get());
    let rows = u32::try_from(requested.min(max))
        .ok()
        .and_then(NonZeroU32::new);
    let rows = rows.ok_or_else(|| {
        ToolError::Argument(format!(
            "max_rows is {requested}; it must be from 1 to {max}, for example {}",
            default.rows
        ))
    })?;
    Ok(RowLimits {
        rows,
        counted_rows,
        ..max_limits
    })
}

/// How the caller gets missing rows.
fn next_step(rows: &JsonRows, max_limits: RowLimits) -> String {
    let can_request_more = match rows.cut {
        Some(CutReason::RowLimit) => rows.limits.rows < max_limits.rows,
        Some(CutReason::ByteLimit) => rows.limits.bytes < max_limits.bytes,
        None => false,
    };
    let more = format!("set max_rows (at most {}) for more", max_limits.rows);
    match (rows.count, can_request_more) {
        (0, true) => format!("Or {more}"),
        (0, false) => String::new(),
        (count, true) => {
            format!("Aggregate or filter; {more}; or continue with ORDER BY and OFFSET {count}")
        }
        (count, false) => {
            format!("Aggregate or filter; or continue with ORDER BY and OFFSET {count}")
        }
    }
}

/// Runs `parse` on a statement's text. A long text is parsed in a compute job, because its syntax
/// tree takes CPU time, and a hundred times the memory of the text.
async fn parse_with<T: Send + 'static>(
    tools: &Tools,
    caller: &Caller,
    text: &Arc<str>,
    parse: impl FnOnce(&str) -> T + Send + 'static,
) -> Result<T, ToolError> {
    if text.len() <= tools.max_inline_parse_bytes.get() {
        return Ok(parse(text));
    }
    let text = Arc::clone(text);
    let job = tools.compute.run(caller.principal(), move || parse(&text));
    job.await.map_err(ToolError::Task)
}

/// Checks a statement and computes its fingerprint. The guard caches both for a statement that it
/// has accepted before.
fn check_statement(
    guard: &CachingGuard,
    text: &str,
) -> (Result<Arc<CheckedQuery>, Refusal>, Option<Fingerprint>) {
    let checked = guard.check(text);
    let fingerprint = match &checked {
        Ok(query) => query.fingerprint(),
        // The parser has not read the whole text.
        Err(refusal) if refusal.rule() == Rule::Size => None,
        Err(_) => Fingerprint::from_sql(text),
    };
    (checked, fingerprint)
}
