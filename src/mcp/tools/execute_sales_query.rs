use std::num::NonZeroU32;
use std::sync::Arc;

use rmcp::model::{JsonObject, Tool};
use serde_json::json;

use super::{
    Access, Answer, Arguments, DefaultLimits, Remarks, ToolError, ToolName, Tools, define,
    explanation, result, rows_schema, statement_text,
};
use crate::identity::Caller;
use crate::query::guard::hints::compared_names;
use crate::query::guard::{CheckedQuery, Fingerprint, Guard, Refusal, Rule};
use crate::query::rows::{Collector, Cut, JsonRows, RowLimits};
use crate::telemetry::audit::Statement;

/// A result that is cut is counted up to so many rows.
const MAX_COUNTED_ROWS: u32 = 1_000;

pub(super) fn definition(default: DefaultLimits) -> Tool {
    define(
        ToolName::ExecuteSalesQuery,
        "Query sales data",
        "Runs one read-only PostgreSQL SELECT over the retail tables and returns JSON {c: columns, r: rows, n: count, scope: whose rows}. \
         First fetch the schemas with get_multiple_table_schemas, once. Join on keys, aggregate by default, and \
         LIMIT to 20 rows unless asked for more. Never show ids or UUIDs to the user. \
         retail.stores.is_online separates online from physical stores. On err, mend the query and try again.",
        json!({
            "type": "object",
            "properties": {
                "postgresql_query": {"type": "string", "description": "one SELECT, tables written as retail.orders"},
                "max_rows": {"type": "integer", "minimum": 1, "description": format!("default {}", default.rows)}
            },
            "required": ["postgresql_query"],
            "additionalProperties": false
        }),
        rows_schema(),
    )
}

pub(super) async fn call(
    tools: &Tools,
    caller: &Caller,
    arguments: JsonObject,
    access: &mut Access,
) -> Result<Answer, ToolError> {
    let arguments = Arguments::new(
        arguments,
        r#"{"postgresql_query": "SELECT count(*) FROM retail.orders"}"#,
    );
    let sent = arguments.text("postgresql_query")?;
    let text = Arc::<str>::from(statement_text::statement(&sent));
    let max_rows = arguments.integer("max_rows")?;
    let ceiling = tools.limits_of(caller);
    let limits = limits_for(max_rows, tools.default_limits, ceiling)?;
    let guard = Arc::clone(&tools.guard);
    let checking = move |text: &str| check(&guard, text);
    let (checked, fingerprint) = with_text(tools, caller, &text, checking).await?;
    access.statement = Some(Statement {
        fingerprint: fingerprint.map(|fingerprint| fingerprint.to_string()),
        text: Arc::clone(&text),
    });
    let query = checked.map_err(ToolError::Refused)?;
    let scope = tools.visible_stores(caller).await?;
    let mut rows = Collector::new(limits);
    let ran = tools
        .scope
        .run(caller, &query, &[], limits.to_ask(), &mut rows)
        .await;
    if let Err(error) = ran {
        let explaining = move |text: &str| explanation::explain(text, &query, error);
        return Err(with_text(tools, caller, &text, explaining).await?);
    }
    let rows = rows.finish().map_err(ToolError::TooManyColumns)?;
    access.rows = rows.count.into();
    let most = i64::from(ceiling.rows.get());
    let capped = max_rows
        .filter(|asked| *asked > most && rows.cut == Some(Cut::Rows))
        .map(|asked| format!("max_rows is {asked}; the most is {most}, so that is what was used"));
    let mut notes: Vec<String> = capped.into_iter().collect();
    if explanation::is_empty_or_zero(&rows) {
        let compared = with_text(tools, caller, &text, compared_names).await?;
        notes.extend(tools.catalog.unknown_names(caller, &compared).await);
    }
    let remarks = Remarks {
        scope: &scope,
        nothing_found: "No rows",
        how_to_go_on: &how_to_go_on(&rows, ceiling),
        notes: &notes,
    };
    Ok(result::rows(rows, &remarks))
}

/// The limits of a call with this `max_rows`. A call with it may also have an answer of more bytes.
fn limits_for(
    max_rows: Option<i64>,
    default: DefaultLimits,
    ceiling: RowLimits,
) -> Result<RowLimits, ToolError> {
    let counted_rows = MAX_COUNTED_ROWS;
    let Some(asked) = max_rows else {
        return Ok(RowLimits {
            rows: ceiling.rows.min(default.rows),
            bytes: ceiling.bytes.min(default.bytes),
            counted_rows,
            ..ceiling
        });
    };
    let most = i64::from(ceiling.rows.get());
    let rows = u32::try_from(asked.min(most))
        .ok()
        .and_then(NonZeroU32::new);
    let rows = rows.ok_or_else(|| {
        ToolError::Argument(format!(
            "max_rows is {asked}; it must be from 1 to {most}, for example {}",
            default.rows
        ))
    })?;
    Ok(RowLimits {
        rows,
        counted_rows,
        ..ceiling
    })
}

/// What is left to do when rows are missing.
fn how_to_go_on(rows: &JsonRows, ceiling: RowLimits) -> String {
    let may_ask_for_more = match rows.cut {
        Some(Cut::Rows) => rows.limits.rows < ceiling.rows,
        Some(Cut::Bytes) => rows.limits.bytes < ceiling.bytes,
        None => false,
    };
    let more = format!("set max_rows (at most {}) for more", ceiling.rows);
    match (rows.count, may_ask_for_more) {
        (0, true) => format!("Or {more}"),
        (0, false) => String::new(),
        (count, true) => {
            format!("Aggregate or filter; {more}; or go on with ORDER BY and OFFSET {count}")
        }
        (count, false) => {
            format!("Aggregate or filter; or go on with ORDER BY and OFFSET {count}")
        }
    }
}

/// Reads a text; a long one in a job, because its syntax tree takes time and a hundred times its
/// length.
async fn with_text<T: Send + 'static>(
    tools: &Tools,
    caller: &Caller,
    text: &Arc<str>,
    read: impl FnOnce(&str) -> T + Send + 'static,
) -> Result<T, ToolError> {
    if text.len() <= tools.parsed_at_once.get() {
        return Ok(read(text));
    }
    let text = Arc::clone(text);
    let reading = tools.compute.run(caller.principal(), move || read(&text));
    reading.await.map_err(ToolError::Task)
}

/// The guard's verdict, and what the statement looks like without its constants: of one that was accepted before both are known.
fn check(guard: &Guard, text: &str) -> (Result<Arc<CheckedQuery>, Refusal>, Option<Fingerprint>) {
    let checked = guard.check(text);
    let fingerprint = match &checked {
        Ok(query) => query.fingerprint(),
        // The parser has not come to its end.
        Err(refusal) if refusal.rule() == Rule::Size => None,
        Err(_) => Fingerprint::from_sql(text),
    };
    (checked, fingerprint)
}
