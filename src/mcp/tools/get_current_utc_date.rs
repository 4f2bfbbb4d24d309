use chrono::{DateTime, SecondsFormat, Utc};
use rmcp::model::{CallToolResult, Tool};
use serde_json::json;

use super::{ToolName, Tools, define, result, text_schema};

pub(super) fn definition() -> Tool {
    define(
        ToolName::GetCurrentUtcDate,
        "Current date",
        "Returns the current UTC date and time; use it for questions such as last month.",
        json!({"type": "object", "properties": {}, "additionalProperties": false}),
        text_schema(),
    )
}

pub(super) fn call(tools: &Tools) -> CallToolResult {
    let now = DateTime::<Utc>::from((tools.clock)());
    result::text(format!(
        "Current UTC Date/Time: {}",
        now.to_rfc3339_opts(SecondsFormat::Micros, false)
    ))
}
