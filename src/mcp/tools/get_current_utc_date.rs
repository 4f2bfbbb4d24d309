use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::json;

use super::{Definition, ToolCall, ToolError, ToolResult, Tools, result};

pub(super) fn definition(_: &Tools) -> Definition {
    Definition {
        title: "Current date",
        description: "Returns the current UTC date and time; use it for questions such as last month.",
        input_schema: json!({"type": "object", "properties": {}, "additionalProperties": false}),
    }
}

pub(super) async fn call(call: ToolCall<'_>) -> Result<ToolResult, ToolError> {
    let now = DateTime::<Utc>::from((call.tools.clock)());
    Ok(result::text(format!(
        "Current UTC Date/Time: {}",
        now.to_rfc3339_opts(SecondsFormat::Micros, false)
    )))
}
