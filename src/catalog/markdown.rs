//! Table descriptions as Markdown, in the layout that clients of the original sample read.

use std::fmt::Write as _;

use super::row_counts::RowCounts;
use super::text_rows::TextRows;
use super::{Table, VisibleStores};

/// Writes one block per table, and then whose rows the caller sees.
pub(super) fn describe(
    tables: &[Table],
    rows: &TextRows,
    stores: &VisibleStores,
    counts: &RowCounts,
) -> String {
    let mut text = String::new();
    for table in tables {
        write_table(table, rows, stores, counts, &mut text);
        text.push_str("\n\n");
    }
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        "# Scope: {stores}\n\n{}\n\n# Values\n\nnumeric values (amounts, averages) are strings such as \"12.50\".",
        scope_note(stores)
    );
    text
}

/// What the visible stores mean for the conclusions that a reader draws from a result.
fn scope_note(stores: &VisibleStores) -> &'static str {
    match stores {
        VisibleStores::One { .. } => {
            "Customers, orders, order items and stock are this store's; nothing about other stores or the whole company can be \
             computed from them. Categories, types, products and the list of stores are the same for every caller."
        }
        VisibleStores::All { .. } => "Group by store_id to tell stores apart.",
        VisibleStores::Some { .. } | VisibleStores::Unknown => {
            "Customers, orders, order items and stock may cover only a part of the company."
        }
    }
}

fn write_table(
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
    let purpose = rows
        .matching("table", name)
        .next()
        .map_or("", |row| &row[0]);
    let columns: Vec<String> = rows
        .matching("column", name)
        .map(|row| format!("{}:{}", row[0], row[1]))
        .collect();
    let keys: Vec<&[String]> = rows.matching("key", name).collect();

    // Writing to a string cannot fail.
    let _ = writeln!(text, "# Table: {name}\n\n**Purpose:** {purpose}");
    if let Some(count) = counts.rounded(name) {
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
    if let Some(label) = values {
        let valid_values: Vec<&str> = rows
            .matching("value", name)
            .map(|row| row[0].as_str())
            .collect();
        let _ = writeln!(
            text,
            "\n## Valid Values\n**{label}:** {}",
            valid_values.join(", ")
        );
    }
    for range in rows.matching("range", name) {
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
