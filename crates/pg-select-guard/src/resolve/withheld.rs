//! Tables with columns that no client may read.
//!
//! A star, a whole row, a natural join or an unresolved name could denote such a column. Then
//! `table` becomes `(SELECT other columns FROM table) AS table`, where the column does not exist
//! ([`Item::table_to_hide`](super::Item::table_to_hide)). PostgreSQL pulls up this subquery at no
//! cost.

use super::columns::ColumnData;
use super::range_table::RangeTable;
use crate::refusal::{Refusal, Rule};
use crate::schema::{Relation, Schema};

/// The refusal of a withheld column, worded like that of a column that does not exist.
pub(super) fn unknown_column(schema: &Schema, table: &Relation, name: &str) -> Refusal {
    Refusal::new(
        Rule::Column,
        format!(
            "there is no column {name} in {}",
            schema.qualified(&table.name)
        ),
        format!("its columns are {}", table.column_list()),
    )
}

/// The names of `schema.table.name` without the schema where both mean the same: a subquery has no
/// schema.
pub(super) fn without_schema<'a, C: ColumnData, I>(
    names: &'a [&'a str],
    range_table: &RangeTable<C, I>,
    schema: &Schema,
) -> &'a [&'a str] {
    let [qualifier, table, _] = names else {
        return names;
    };
    let is_same = range_table.find_item(table).is_some_and(|(_, item)| {
        let table = item.table.as_ref().filter(|_| item.is_unaliased);
        table.is_some_and(|table| !table.withheld.is_empty())
    });
    if *qualifier == schema.name() && is_same {
        &names[1..]
    } else {
        names
    }
}
