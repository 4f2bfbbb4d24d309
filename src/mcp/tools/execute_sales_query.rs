use std::sync::Arc;

use rmcp::model::{CallToolResult, JsonObject, Tool};
use serde_json::json;

use super::{Access, Arguments, Failure, Remarks, ToolName, Tools, define, result, rows_schema};
use crate::identity::Caller;
use crate::query::guard::{CheckedQuery, Fingerprint, Guard, Refusal, Rule};
use crate::query::rows::Collector;
use crate::telemetry::audit::Statement;

pub(super) fn definition() -> Tool {
    define(
        ToolName::ExecuteSalesQuery,
        "Query sales data",
        "Runs one read-only PostgreSQL SELECT over the retail tables and returns JSON {c: columns, r: rows, n: count}. \
         First fetch the schemas with get_multiple_table_schemas, once. Join on keys, aggregate by default, and \
         LIMIT to 20 rows unless asked for more. Never show ids or UUIDs to the user. \
         retail.stores.is_online separates online from physical stores. On err, mend the query and try again.",
        json!({
            "type": "object",
            "properties": {"postgresql_query": {"type": "string", "description": "one SELECT, tables written as retail.orders"}},
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
) -> Result<CallToolResult, Failure> {
    let arguments = Arguments::new(
        arguments,
        r#"{"postgresql_query": "SELECT count(*) FROM retail.orders"}"#,
    );
    let text = Arc::<str>::from(arguments.text("postgresql_query")?);
    let (checked, fingerprint) = if text.len() <= tools.parsed_at_once.get() {
        check(&tools.guard, &text)
    } else {
        let (guard, text) = (Arc::clone(&tools.guard), Arc::clone(&text));
        tokio::task::spawn_blocking(move || check(&guard, &text))
            .await
            .map_err(Failure::Task)?
    };
    access.statement = Some(Statement {
        fingerprint: fingerprint.map(|fingerprint| fingerprint.to_string()),
        text: Arc::clone(&text),
    });
    let query = checked.map_err(Failure::Refused)?;
    let limits = tools.limits_of(caller);
    let mut rows = Collector::new(limits);
    tools
        .scope
        .run(caller, &query, &[], limits.to_ask(), &mut rows)
        .await
        .map_err(|error| {
            let place = error
                .position()
                .and_then(|position| query.place_in(&text, position));
            Failure::Statement(error, place)
        })?;
    let rows = rows.finish().map_err(Failure::TooManyColumns)?;
    access.rows = rows.count.into();
    let how_to_go_on = format!(
        "Aggregate or filter; or go on with ORDER BY and OFFSET {}",
        rows.count
    );
    let remarks = Remarks {
        nothing_found: "No rows",
        how_to_go_on: &how_to_go_on,
        notes: &[],
    };
    Ok(result::rows(rows, &remarks))
}

/// The guard's verdict, and what the statement looks like without its constants: of one that was accepted before both are known.
fn check(guard: &Guard, text: &str) -> (Result<Arc<CheckedQuery>, Refusal>, Option<Fingerprint>) {
    let checked = guard.check(text);
    let fingerprint = match &checked {
        Ok(query) => query.fingerprint(),
        // The parser has not come to its end.
        Err(refusal) if refusal.rule() == Rule::Size => None,
        Err(_) => Fingerprint::of(text),
    };
    (checked, fingerprint)
}
