use std::num::NonZeroU32;

use serde_json::json;

use super::{Arguments, Definition, RowsContext, ToolCall, ToolError, ToolResult, Tools, result};
use crate::identity::Caller;
use crate::mcp::error_text::semantic_error_text;
use crate::mcp::name_hint::unknown_name_hint;
use crate::mcp::tool_error::log_semantic_error;
use crate::query::guard::hints::{ComparedName, Folding, NamedEntity};
use crate::query::rows::{Collector, RowLimits};
use crate::search::{Omitted, ProductFilter, SearchMode, SearchRequest};

/// A larger `max_rows` is reduced to this.
const MAX_ROWS: i64 = 100;
const DEFAULT_ROWS: i64 = 20;
const DEFAULT_THRESHOLD: f64 = 30.0;

pub(super) fn definition(_: &Tools) -> Definition {
    Definition {
        title: "Search products",
        description: "Finds products by what they are or are used for, a name, SKU or size; returns rows like execute_sales_query, best first, \
         with matched = why, sp = similarity in percent. Check the names before you sum over hits; for a whole group, filter by type_name in SQL.",
        input_schema: json!({
            "type": "object",
            "properties": {
                "query_description": {"type": "string", "description": "e.g. waterproof outdoor paint"},
                "max_rows": {"type": "integer", "minimum": 1, "description": format!("{DEFAULT_ROWS} by default, at most {MAX_ROWS}")},
                "similarity_threshold": {"type": "number", "minimum": 20, "maximum": 80, "description": format!("percent, {DEFAULT_THRESHOLD} by default; lower finds more")},
                "mode": {"type": "string", "enum": SearchMode::ALL.map(|(name, _)| name), "description": "default hybrid"},
                "category": {"type": "string", "description": "category or product type"},
                "min_price": {"type": "number"},
                "max_price": {"type": "number"},
                "in_stock_only": {"type": "boolean"},
                "include_stock": {"type": "boolean"}
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
    let text = arguments.string("query_description")?;
    let max_rows = arguments.integer("max_rows")?.unwrap_or(DEFAULT_ROWS);
    let threshold = arguments
        .number("similarity_threshold")?
        .unwrap_or(DEFAULT_THRESHOLD);
    if !(20.0..=80.0).contains(&threshold) {
        return Err(ToolError::Argument(format!(
            "similarity_threshold is {threshold}; it must be from 20 to 80 (percent), for example {DEFAULT_THRESHOLD:?}"
        )));
    }
    let row_limit = u32::try_from(max_rows.min(MAX_ROWS)).ok().and_then(NonZeroU32::new).ok_or_else(|| {
        ToolError::Argument(format!(
            "max_rows is {max_rows}; it must be from 1 to {MAX_ROWS}, for example {DEFAULT_ROWS}"
        ))
    })?;
    let request = SearchRequest {
        text,
        mode: arguments
            .choice("mode", &SearchMode::ALL)?
            .unwrap_or_default(),
        max_distance: 1.0 - threshold / 100.0,
        filter: product_filter(&arguments)?,
        include_stock: arguments.boolean("include_stock")?,
        max_rows: row_limit,
    };
    if let Some(group) = &request.filter.group {
        check_group(tools, caller, group).await?;
    }
    let scope = tools.visible_stores(caller).await?;
    let no_rows_message = match request.mode {
        SearchMode::Hybrid | SearchMode::Semantic => format!("No products >= {threshold:?}%"),
        SearchMode::Keyword => "No products with these words".to_owned(),
    };
    let mut rows = Collector::new(RowLimits {
        rows: row_limit,
        ..tools.row_limits(caller)
    });
    let omitted = tools
        .search
        .find(caller, request, &mut rows)
        .await
        .map_err(ToolError::Search)?;
    let rows = rows.finish().map_err(ToolError::TooManyColumns)?;
    details.rows = rows.count.into();
    let mut notes = omitted_notes(&omitted);
    if max_rows > MAX_ROWS {
        notes.push(format!(
            "max_rows is {max_rows}; the maximum of {MAX_ROWS} was used"
        ));
    }
    let context = RowsContext {
        scope: &scope,
        no_rows_message: &no_rows_message,
        next_step: &format!(
            "Describe the product more precisely, raise similarity_threshold, or raise max_rows (at most {MAX_ROWS})"
        ),
        notes: &notes,
    };
    Ok(result::rows(rows, &context))
}

fn product_filter(arguments: &Arguments) -> Result<ProductFilter, ToolError> {
    let price = |name: &str| match arguments.number(name)? {
        Some(price) if price < 0.0 => Err(ToolError::Argument(format!(
            "{name} is {price}; it must be 0 or more"
        ))),
        price => Ok(price),
    };
    let (min_price, max_price) = (price("min_price")?, price("max_price")?);
    if let (Some(min), Some(max)) = (min_price, max_price)
        && min > max
    {
        return Err(ToolError::Argument(format!(
            "min_price is {min} and max_price is {max}; min_price must not be greater than max_price"
        )));
    }
    Ok(ProductFilter {
        group: arguments.optional_string("category")?,
        min_price,
        max_price,
        in_stock_only: arguments.boolean("in_stock_only")?,
    })
}

/// Rejects the name of a category or product type that does not exist.
async fn check_group(tools: &Tools, caller: &Caller, name: &str) -> Result<(), ToolError> {
    let compared = |entity, folding, value| ComparedName {
        entity,
        folding,
        value,
    };
    let lower = name.to_lowercase();
    for entity in [NamedEntity::Category, NamedEntity::ProductType] {
        let compared = [compared(entity, Folding::Lower, lower.clone())];
        if tools
            .catalog
            .unknown_names(caller, &compared)
            .await
            .is_empty()
        {
            return Ok(());
        }
    }
    let compared = [compared(
        NamedEntity::Category,
        Folding::None,
        name.to_owned(),
    )];
    let unknown = tools.catalog.unknown_names(caller, &compared).await;
    let hints: Vec<_> = unknown.iter().map(unknown_name_hint).collect();
    Err(ToolError::Argument(format!(
        "category: {}",
        hints.join("; ")
    )))
}

/// What the client has to know about a part of the search that was left out.
fn omitted_notes(omitted: &Omitted) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(error) = &omitted.semantic {
        log_semantic_error(error);
        notes.push(format!(
            "found by words only, because {}",
            semantic_error_text(error)
        ));
    }
    if omitted.keyword {
        notes.push(
            "found by meaning only, because the products' words are not indexed yet".to_owned(),
        );
    }
    notes
}
