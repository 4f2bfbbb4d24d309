use std::num::NonZeroU32;

use rmcp::model::{JsonObject, Tool};
use serde_json::json;

use super::{
    Access, Answer, Arguments, Remarks, ToolError, ToolName, Tools, define, result, rows_schema,
};
use crate::identity::Caller;
use crate::query::rows::{Collector, RowLimits};

/// Asking for more gives this many.
const MOST_ROWS: i64 = 100;
const DEFAULT_ROWS: i64 = 20;
const DEFAULT_THRESHOLD: f64 = 30.0;

pub(super) fn definition() -> Tool {
    define(
        ToolName::SemanticSearchProducts,
        "Search products by meaning",
        "Finds products by what they are or are used for, in plain words; returns rows like execute_sales_query, nearest \
         first, with sp = similarity in percent. For stock or sales of what it finds, query by product_id or sku.",
        json!({
            "type": "object",
            "properties": {
                "query_description": {"type": "string", "description": "e.g. waterproof outdoor paint"},
                "max_rows": {"type": "integer", "minimum": 1, "description": format!("{DEFAULT_ROWS} by default, at most {MOST_ROWS}")},
                "similarity_threshold": {"type": "number", "minimum": 20, "maximum": 80, "description": format!("percent, {DEFAULT_THRESHOLD} by default; lower finds more")}
            },
            "required": ["query_description"],
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
        r#"{"query_description": "waterproof outdoor paint"}"#,
    );
    let query_description = arguments.text("query_description")?;
    let max_rows = arguments.integer("max_rows")?.unwrap_or(DEFAULT_ROWS);
    let similarity_threshold = arguments
        .number("similarity_threshold")?
        .unwrap_or(DEFAULT_THRESHOLD);
    if !(20.0..=80.0).contains(&similarity_threshold) {
        return Err(ToolError::Argument(format!(
            "similarity_threshold is {similarity_threshold}; it must be from 20 to 80 (percent), for example {DEFAULT_THRESHOLD:?}"
        )));
    }
    let most = u32::try_from(max_rows.min(MOST_ROWS)).ok().and_then(NonZeroU32::new).ok_or_else(|| {
        ToolError::Argument(format!(
            "max_rows is {max_rows}; it must be from 1 to {MOST_ROWS}, for example {DEFAULT_ROWS}"
        ))
    })?;
    let search = tools.search.as_ref().ok_or(ToolError::NoModel)?;
    let scope = tools.visible_stores(caller).await?;
    let mut rows = Collector::new(RowLimits {
        rows: most,
        ..tools.limits_of(caller)
    });
    let farthest = 1.0 - similarity_threshold / 100.0;
    search
        .nearest(caller, query_description, farthest, most, &mut rows)
        .await
        .map_err(ToolError::Search)?;
    let rows = rows.finish().map_err(ToolError::TooManyColumns)?;
    access.rows = rows.count.into();
    let capped = (max_rows > MOST_ROWS).then(|| {
        format!("max_rows is {max_rows}; the most is {MOST_ROWS}, so that is what was used")
    });
    let remarks = Remarks {
        scope: &scope,
        nothing_found: &format!("No products >= {similarity_threshold:?}%"),
        how_to_go_on: &format!(
            "Describe the product more closely, raise similarity_threshold, or raise max_rows (at most {MOST_ROWS})"
        ),
        notes: capped.as_slice(),
    };
    Ok(result::rows(rows, &remarks))
}
