use chrono::{DateTime, SecondsFormat, Utc};
use rmcp::model::{CallToolResult, JsonObject, Tool};
use serde::Deserialize;
use serde_json::json;

use super::{Failure, ToolName, Tools, define, parse, result, text_schema};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {}

pub(super) fn definition() -> Tool {
    define(
        ToolName::GetCurrentUtcDate,
        "Current date",
        "Returns the current UTC date and time; use it for questions such as last month.",
        json!({"type": "object", "properties": {}, "additionalProperties": false}),
        text_schema(),
    )
}

pub(super) fn call(tools: &Tools, arguments: JsonObject) -> Result<CallToolResult, Failure> {
    let Arguments {} = parse(arguments, "{}")?;
    let now = DateTime::<Utc>::from((tools.clock)());
    Ok(result::text(format!(
        "Current UTC Date/Time: {}",
        now.to_rfc3339_opts(SecondsFormat::Micros, false)
    )))
}
