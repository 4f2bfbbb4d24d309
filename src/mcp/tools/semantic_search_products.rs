use std::num::NonZeroU32;

use serde_json::json;

use super::{Arguments, Definition, RowsContext, ToolCall, ToolError, ToolResult, Tools, result};
use crate::query::rows::{Collector, RowLimits};

/// A larger `max_rows` is reduced to this.
const MAX_ROWS: i64 = 100;
const DEFAULT_ROWS: i64 = 20;
const DEFAULT_THRESHOLD: f64 = 30.0;

pub(super) fn definition(_: &Tools) -> Definition {
    Definition {
        title: "Search products by meaning",
        description: "Finds products by a plain-language description of what they are or are used for; returns rows like execute_sales_query, \
         nearest first, with sp = similarity in percent. For their stock or sales, query by product_id or sku.",
        input_schema: json!({
            "type": "object",
            "properties": {
                "query_description": {"type": "string", "description": "e.g. waterproof outdoor paint"},
                "max_rows": {"type": "integer", "minimum": 1, "description": format!("{DEFAULT_ROWS} by default, at most {MAX_ROWS}")},
                "similarity_threshold": {"type": "number", "minimum": 20, "maximum": 80, "description": format!("percent, {DEFAULT_THRESHOLD} by default; lower finds more")}
            },
            "required": ["query_description"],
            "additionalProperties": false
        }),
    }
}

pub(super) async fn call(call: ToolCall<'_>) -> Result<ToolResult, ToolError> {
    let ToolCall {
        tools,
        caller,
        arguments,
        details,
    } = call;
    let arguments = Arguments::new(
        arguments,
        r#"{"query_description": "waterproof outdoor paint"}"#,
    );
    let query_description = arguments.string("query_description")?;
    let max_rows = arguments.integer("max_rows")?.unwrap_or(DEFAULT_ROWS);
    let similarity_threshold = arguments
        .number("similarity_threshold")?
        .unwrap_or(DEFAULT_THRESHOLD);
    if !(20.0..=80.0).contains(&similarity_threshold) {
        return Err(ToolError::Argument(format!(
            "similarity_threshold is {similarity_threshold}; it must be from 20 to 80 (percent), for example {DEFAULT_THRESHOLD:?}"
        )));
    }
    let row_limit = u32::try_from(max_rows.min(MAX_ROWS)).ok().and_then(NonZeroU32::new).ok_or_else(|| {
        ToolError::Argument(format!(
            "max_rows is {max_rows}; it must be from 1 to {MAX_ROWS}, for example {DEFAULT_ROWS}"
        ))
    })?;
    let search = tools.search.as_ref().ok_or(ToolError::NoEmbeddingModel)?;
    let scope = tools.visible_stores(caller).await?;
    let mut rows = Collector::new(RowLimits {
        rows: row_limit,
        ..tools.row_limits(caller)
    });
    let max_distance = 1.0 - similarity_threshold / 100.0;
    search
        .find_nearest(
            caller,
            query_description,
            max_distance,
            row_limit,
            &mut rows,
        )
        .await
        .map_err(ToolError::Search)?;
    let rows = rows.finish().map_err(ToolError::TooManyColumns)?;
    details.rows = rows.count.into();
    let reduced = (max_rows > MAX_ROWS)
        .then(|| format!("max_rows is {max_rows}; the maximum of {MAX_ROWS} was used"));
    let context = RowsContext {
        scope: &scope,
        no_rows_message: &format!("No products >= {similarity_threshold:?}%"),
        next_step: &format!(
            "Describe the product more precisely, raise similarity_threshold, or raise max_rows (at most {MAX_ROWS})"
        ),
        notes: reduced.as_slice(),
    };
    Ok(result::rows(rows, &context))
}
