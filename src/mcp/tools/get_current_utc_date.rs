use chrono::{DateTime, SecondsFormat, Utc};
use rmcp::model::Tool;
use serde_json::json;

use super::{ToolName, ToolResult, Tools, define_tool, result};

pub(super) fn definition() -> Tool {
    define_tool(
        ToolName::GetCurrentUtcDate,
        "Current date",
        "Returns the current UTC date and time; use it for questions such as last month.",
        json!({"type": "object", "properties": {}, "additionalProperties": false}),
        result::text_schema(),
    )
}

pub(super) fn call(tools: &Tools) -> ToolResult {
    let now = DateTime::<Utc>::from((tools.clock)());
    result::text(format!(
        "Current UTC Date/Time: {}",
        now.to_rfc3339_opts(SecondsFormat::Micros, false)
    ))
}
