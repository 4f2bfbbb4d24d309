//! Tables with columns that no client may read.
//!
//! A star, a whole row, a natural join or an unresolved name could denote such a column. Then
//! `table` becomes `(SELECT other columns FROM table) AS table`, where the column does not exist
//! ([`Item::table_to_hide`](super::Item::table_to_hide)). PostgreSQL pulls up this subquery at no
//! cost.

use pg_query::protobuf::ColumnRef;

use super::columns::ColumnData;
use super::range_table::RangeTable;
use crate::name::names;
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

/// Shortens `schema.table.name` to `table.name` where both mean the same: a subquery has no schema.
pub(super) fn shorten<C: ColumnData, I>(
    column: &mut ColumnRef,
    range_table: &RangeTable<C, I>,
    schema: &Schema,
) {
    let names = names(&column.fields);
    let [qualifier, table, _] = names.as_slice() else {
        return;
    };
    let is_same = range_table.find_item(table).is_some_and(|(_, item)| {
        let table = item.table.as_ref().filter(|_| item.is_unaliased);
        table.is_some_and(|table| !table.withheld.is_empty())
    });
    if *qualifier == schema.name() && is_same {
        column.fields.remove(0);
    }
}
