use std::fmt::Write as _;

use super::row_counts::RowCounts;
use super::text_rows::TextRows;
use super::{Table, VisibleStores};

/// One block per table, in the layout that clients of the original sample read, and then whose rows
/// the caller sees.
pub(super) fn describe(
    tables: &[Table],
    rows: &TextRows,
    stores: &VisibleStores,
    counts: &RowCounts,
) -> String {
    let mut text = String::new();
    for table in tables {
        block(table, rows, stores, counts, &mut text);
        text.push_str("\n\n");
    }
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        "# Scope: {stores}\n\n{}\n\n# Values\n\nnumeric (amounts, averages) comes as text such as \"12.50\".",
        explanation(stores)
    );
    text
}

/// What a scope means for the reader of a result.
fn explanation(stores: &VisibleStores) -> &'static str {
    match stores {
        VisibleStores::One { .. } => {
            "Customers, orders, order items and stock are this store's; nothing about other stores or the whole company can be \
             computed from them. Categories, types, products and the list of stores are the same for everybody."
        }
        VisibleStores::All { .. } => "Group by store_id to tell stores apart.",
        VisibleStores::Some { .. } | VisibleStores::Unknown => {
            "Customers, orders, order items and stock may be those of a part of the company."
        }
    }
}

fn block(
    table: &Table,
    rows: &TextRows,
    stores: &VisibleStores,
    counts: &RowCounts,
    text: &mut String,
) {
    let Table {
        name,
        use_for,
        values,
        notes,
    } = table;
    let purpose = rows.of("table", name).next().map_or("", |row| &row[0]);
    let columns: Vec<String> = rows
        .of("column", name)
        .map(|row| format!("{}:{}", row[0], row[1]))
        .collect();
    let keys: Vec<&[String]> = rows.of("key", name).collect();

    // Writing to a string cannot fail.
    let _ = writeln!(text, "# Table: {name}\n\n**Purpose:** {purpose}");
    if let Some(count) = counts.magnitude(name) {
        let _ = writeln!(text, "**Rows you see:** {count}");
    }
    let _ = writeln!(
        text,
        "\n## Schema\n{}\n\n## Relationships",
        columns.join(", ")
    );
    for key in &keys {
        let _ = writeln!(
            text,
            "- `{}` → `{}.{}` (MANY_TO_ONE)",
            key[0], key[1], key[2]
        );
    }
    if keys.is_empty() {
        text.push_str("- none\n");
    }
    if let Some(what) = values {
        let valid: Vec<&str> = rows.of("value", name).map(|row| row[0].as_str()).collect();
        let _ = writeln!(text, "\n## Valid Values\n**{what}:** {}", valid.join(", "));
    }
    for range in rows.of("range", name) {
        let _ = writeln!(text, "**{}:** {} to {}", range[0], range[1], range[2]);
    }
    if let (&"retail.stores", VisibleStores::One { id, name }) = (name, stores) {
        let _ = writeln!(text, "**Your store:** {name} (store_id {id})");
    }
    let _ = write!(text, "\n## Query Hints\n- Use for: {use_for}");
    for note in *notes {
        let _ = write!(text, "\n- {note}");
    }
    for key in &keys {
        let _ = write!(text, "\n- Join with {} using {}", key[1], key[0]);
    }
}
