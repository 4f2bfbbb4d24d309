use serde_json::json;

use super::{Arguments, Definition, ToolCall, ToolError, ToolResult, Tools, result};
use crate::catalog::TABLES;

pub(super) fn definition(_: &Tools) -> Definition {
    let names: Vec<&str> = TABLES.iter().map(|table| table.name).collect();
    Definition {
        title: "Table schemas",
        description: "Describes tables: columns, relationships, valid values, hints. Call it once, with all tables you need, before \
         the first query; do not fetch a schema twice.",
        input_schema: json!({
            "type": "object",
            "properties": {"table_names": {"type": "array", "items": {"type": "string", "enum": names}, "minItems": 1}},
            "required": ["table_names"],
            "additionalProperties": false
        }),
    }
}

pub(super) async fn call(call: ToolCall<'_>) -> Result<ToolResult, ToolError> {
    let arguments = Arguments::new(
        call.arguments,
        r#"{"table_names": ["retail.orders", "retail.order_items"]}"#,
    );
    let table_names = arguments.strings("table_names")?;
    call.tools
        .catalog
        .describe(call.caller, &table_names)
        .await
        .map(result::text)
        .map_err(ToolError::Catalog)
}
