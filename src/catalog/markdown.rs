use std::fmt::Write as _;

use super::Table;
use super::text_rows::TextRows;

/// One block per table, in the layout that clients of the original sample read.
pub(super) fn describe(tables: &[Table], rows: &TextRows) -> String {
    let blocks: Vec<String> = tables.iter().map(|table| block(table, rows)).collect();
    blocks.join("\n\n")
}

fn block(table: &Table, rows: &TextRows) -> String {
    let Table {
        name,
        use_for,
        values,
    } = table;
    let purpose = rows.of("table", name).next().map_or("", |row| &row[0]);
    let columns: Vec<String> = rows
        .of("column", name)
        .map(|row| format!("{}:{}", row[0], row[1]))
        .collect();
    let keys: Vec<&[String]> = rows.of("key", name).collect();

    let mut text = format!(
        "# Table: {name}\n\n**Purpose:** {purpose}\n\n## Schema\n{}\n\n## Relationships\n",
        columns.join(", ")
    );
    for key in &keys {
        // Writing to a string cannot fail.
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
    let _ = write!(text, "\n## Query Hints\n- Use for: {use_for}");
    for key in &keys {
        let _ = write!(text, "\n- Join with {} using {}", key[1], key[0]);
    }
    text
}
