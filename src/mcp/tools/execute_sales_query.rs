use std::sync::Arc;

use rmcp::model::{CallToolResult, JsonObject, Tool};
use serde::Deserialize;
use serde_json::json;

use super::{Failure, Remarks, ToolName, Tools, define, parse, result, rows_schema};
use crate::identity::Caller;
use crate::query::rows::Collector;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    postgresql_query: String,
}

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
) -> Result<CallToolResult, Failure> {
    let Arguments {
        postgresql_query: text,
    } = parse(
        arguments,
        r#"{"postgresql_query": "SELECT count(*) FROM retail.orders"}"#,
    )?;
    let text = Arc::<str>::from(text);
    let query = if text.len() <= tools.parsed_at_once.get() {
        tools.guard.check(&text)
    } else {
        let (guard, text) = (Arc::clone(&tools.guard), Arc::clone(&text));
        tokio::task::spawn_blocking(move || guard.check(&text))
            .await
            .map_err(Failure::Task)?
    }
    .map_err(Failure::Refused)?;
    let mut rows = Collector::new(tools.limits);
    tools
        .scope
        .run(caller, &query, &[], tools.limits.to_ask(), &mut rows)
        .await
        .map_err(|error| {
            let place = error
                .position()
                .and_then(|position| query.place_in(&text, position));
            Failure::Statement(error, place)
        })?;
    let rows = rows.finish().map_err(Failure::TooManyColumns)?;
    let how_to_go_on = format!(
        "Aggregate or filter; or go on with ORDER BY and OFFSET {}",
        rows.count
    );
    let remarks = Remarks {
        nothing_found: "No rows",
        how_to_go_on: &how_to_go_on,
    };
    Ok(result::rows(rows, &remarks))
}
