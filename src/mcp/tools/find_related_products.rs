use std::num::NonZeroU32;

use serde_json::json;

use super::{Arguments, Definition, RowsContext, ToolCall, ToolError, ToolResult, Tools, result};
use crate::query::rows::{Collector, RowLimits};
use crate::search::{MAX_ORDERS, OwnVector, RelatedRows, Relation};

/// A larger `max_rows` is reduced to this.
const MAX_ROWS: i64 = 50;
const DEFAULT_ROWS: i64 = 10;

/// Longer than any SKU or name should be.
const MAX_PRODUCT_CHARS: usize = 256;

const RELATIONS: [(&str, Relation); 3] = [
    ("similar", Relation::Similar),
    ("bought_together", Relation::BoughtTogether),
    ("both", Relation::Both),
];

pub(super) fn definition(_: &Tools) -> Definition {
    let relations = RELATIONS.map(|(name, _)| name);
    let max_rows = format!("per relation; {DEFAULT_ROWS} by default, at most {MAX_ROWS}");
    Definition {
        title: "Find related products",
        description: "Finds products that are similar to one product, and products bought together \
            with it in the orders you see; returns rows like execute_sales_query, with similarity in \
            percent and lift = times as often as by chance.",
        input_schema: json!({
            "type": "object",
            "properties": {
                "product": {"type": "string", "description": "SKU, product_id or exact name"},
                "relation": {"type": "string", "enum": relations, "description": "default both"},
                "max_rows": {"type": "integer", "minimum": 1, "description": max_rows}
            },
            "required": ["product"],
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
    let arguments = Arguments::new(arguments, r#"{"product": "HTHM000100"}"#);
    let product = product(&arguments)?;
    let relation = arguments.choice("relation", &RELATIONS)?;
    let relation = relation.unwrap_or(Relation::Both);
    let max_rows = arguments.integer("max_rows")?.unwrap_or(DEFAULT_ROWS);
    let row_limit = u32::try_from(max_rows.min(MAX_ROWS))
        .ok()
        .and_then(NonZeroU32::new);
    let row_limit = row_limit.ok_or_else(|| {
        ToolError::Argument(format!(
            "max_rows is {max_rows}; it must be from 1 to {MAX_ROWS}, for example {DEFAULT_ROWS}"
        ))
    })?;
    let scope = tools.visible_stores(caller).await?;
    let mut rows = Collector::new(RowLimits {
        rows: row_limit.saturating_add(row_limit.get()),
        ..tools.row_limits(caller)
    });
    let related = tools
        .related
        .find(caller, &product, relation, row_limit, &mut rows)
        .await
        .map_err(ToolError::Search)?;
    let rows = rows.finish().map_err(ToolError::TooManyColumns)?;
    details.rows = rows.count.into();
    let reduced = (max_rows > MAX_ROWS)
        .then(|| format!("max_rows is {max_rows}; the maximum of {MAX_ROWS} was used"));
    let notes: Vec<String> = [
        reduced,
        similar_note(relation, related),
        bought_together_note(relation, related),
    ]
    .into_iter()
    .flatten()
    .collect();
    let context = RowsContext {
        scope: &scope,
        no_rows_message: "No related products",
        next_step: "Lower max_rows, or set relation to one of similar and bought_together",
        notes: &notes,
    };
    Ok(result::rows(rows, &context))
}

/// The argument `product`, without white space around it.
fn product(arguments: &Arguments) -> Result<String, ToolError> {
    let product = arguments.string_or_integer("product")?;
    let product = product.trim();
    if product.is_empty() {
        return Err(arguments.error("product is empty; it must be a SKU, a product_id or a name"));
    }
    let chars = product.chars().count();
    if chars > MAX_PRODUCT_CHARS {
        return Err(arguments.error(&format!(
            "product is {chars} characters long; it must be a SKU, a product_id or a name of at \
             most {MAX_PRODUCT_CHARS}"
        )));
    }
    // A text in PostgreSQL cannot contain NUL.
    if product.contains('\0') {
        return Err(arguments.error("product contains a NUL byte; remove it"));
    }
    Ok(product.to_owned())
}

/// Why no similar product is listed, if similar ones were requested.
fn similar_note(relation: Relation, related: RelatedRows) -> Option<String> {
    if !relation.includes_similar() || related.similar > 0 {
        return None;
    }
    let reason = match related.vector {
        OwnVector::NoEmbedder => "semantic search is not configured on this server",
        OwnVector::Missing => "the product has no vector of this server's embedding model",
        OwnVector::Stored => "no other product has a vector of this server's embedding model",
    };
    Some(format!("nothing similar is listed: {reason}"))
}

/// Why no product that is bought together is listed, or that not all orders were looked at, if such
/// products were requested.
fn bought_together_note(relation: Relation, related: RelatedRows) -> Option<String> {
    if !relation.includes_bought_together() {
        return None;
    }
    let orders = related.orders;
    let is_bounded = orders >= MAX_ORDERS.get();
    match (related.bought_together, orders) {
        (0, 0) => Some(
            "nothing bought together is listed: no order that you see contains the product"
                .to_owned(),
        ),
        (0, _) => Some(format!(
            "nothing bought together is listed: no other product shares two or more orders with it, \
             more often than by chance; orders looked at: {}{orders}",
            if is_bounded { "the most recent " } else { "" }
        )),
        _ if is_bounded => Some(format!(
            "bought together counts only the most recent {orders} orders with the product"
        )),
        _ => None,
    }
}
