use rmcp::model::{CallToolResult, JsonObject, Tool};
use serde::Deserialize;
use serde_json::json;

use super::{Failure, ToolName, Tools, define, parse, result, text_schema};
use crate::catalog::TABLES;
use crate::identity::Caller;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    table_names: Vec<String>,
}

pub(super) fn definition() -> Tool {
    let names: Vec<&str> = TABLES.iter().map(|table| table.name).collect();
    define(
        ToolName::GetMultipleTableSchemas,
        "Table schemas",
        "Describes tables: columns, relationships, valid values, hints. Call it once, with all tables you need, before \
         the first query; do not fetch a schema twice.",
        json!({
            "type": "object",
            "properties": {"table_names": {"type": "array", "items": {"type": "string", "enum": names}, "minItems": 1}},
            "required": ["table_names"],
            "additionalProperties": false
        }),
        text_schema(),
    )
}

pub(super) async fn call(
    tools: &Tools,
    caller: &Caller,
    arguments: JsonObject,
) -> Result<CallToolResult, Failure> {
    let Arguments { table_names } = parse(
        arguments,
        r#"{"table_names": ["retail.orders", "retail.order_items"]}"#,
    )?;
    tools
        .catalog
        .describe(caller, &table_names)
        .await
        .map(result::text)
        .map_err(Failure::Catalog)
}
