use rmcp::model::{JsonObject, Tool};
use serde_json::json;

use super::{Arguments, ToolError, ToolName, ToolResult, Tools, define_tool, result};
use crate::catalog::TABLES;
use crate::identity::Caller;

pub(super) fn definition() -> Tool {
    let names: Vec<&str> = TABLES.iter().map(|table| table.name).collect();
    define_tool(
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
        result::text_schema(),
    )
}

pub(super) async fn call(
    tools: &Tools,
    caller: &Caller,
    arguments: JsonObject,
) -> Result<ToolResult, ToolError> {
    let arguments = Arguments::new(
        arguments,
        r#"{"table_names": ["retail.orders", "retail.order_items"]}"#,
    );
    let table_names = arguments.strings("table_names")?;
    tools
        .catalog
        .describe(caller, &table_names)
        .await
        .map(result::text)
        .map_err(ToolError::Catalog)
}
