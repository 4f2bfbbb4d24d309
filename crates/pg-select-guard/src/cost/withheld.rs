//! Tables with columns that no client may read.
//!
//! A star, a whole row, a natural join or an unresolved name could denote such a column. In these
//! cases `table` becomes `(SELECT other columns FROM table) AS table`, where the column does not
//! exist. PostgreSQL pulls up this subquery at no cost.

use pg_query::NodeEnum;
use pg_query::protobuf::{Alias, ColumnRef, JoinExpr, Node};

use super::build_ast;
use super::range_table::{RangeTable, RangeTableEntry};
use crate::name::names;
use crate::refusal::{Refusal, Rule};
use crate::relations::{Relation, SCHEMA};

/// The refusal of a withheld column, worded like that of a column that does not exist.
pub(super) fn unknown_column(table: &Relation, name: &str) -> Refusal {
    let columns: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
    Refusal::new(
        Rule::Column,
        format!("there is no column {name} in {SCHEMA}.{}", table.name),
        format!("its columns are {}", columns.join(", ")),
    )
}

/// Shortens `schema.table.name` to `table.name` where both mean the same: a subquery has no schema.
pub(super) fn shorten(column: &mut ColumnRef, range_table: &RangeTable) {
    let names = names(&column.fields);
    let [schema, table, _] = names.as_slice() else {
        return;
    };
    let is_same = range_table.find_entry(table).is_some_and(|(_, entry)| {
        entry.is_unaliased && entry.table.is_some_and(|table| !table.withheld.is_empty())
    });
    if *schema == SCHEMA && is_same {
        column.fields.remove(0);
    }
}

/// Hides withheld columns of the items of FROM that something could denote. `entries` has the same
/// order as the items.
pub(super) fn hide(from: &mut [Node], entries: &[RangeTableEntry]) {
    let mut entries = entries.iter();
    for item in from {
        hide_in(item, &mut entries);
    }
}

/// Hides withheld columns of a join's items.
pub(super) fn hide_in_join<'a>(
    join: &mut JoinExpr,
    entries: &mut impl Iterator<Item = &'a RangeTableEntry>,
) {
    for side in [&mut join.larg, &mut join.rarg].into_iter().flatten() {
        hide_in(side, entries);
    }
}

fn hide_in<'a>(item: &mut Node, entries: &mut impl Iterator<Item = &'a RangeTableEntry>) {
    match &mut item.node {
        // A join with an alias is a single range table entry, and has been handled itself.
        Some(NodeEnum::JoinExpr(join)) if join.alias.is_none() => hide_in_join(join, entries),
        _ => {
            let entry = entries.next().filter(|entry| entry.is_read_whole.get());
            let table = entry.and_then(|entry| entry.table);
            if let Some(table) = table.filter(|table| !table.withheld.is_empty())
                && let Some(alias) = take_alias(item)
            {
                let columns: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
                *item = build_ast::select_columns_from(std::mem::take(item), &columns, alias);
            }
        }
    }
}

/// Takes the alias of a table, or creates one from its name.
fn take_alias(item: &mut Node) -> Option<Alias> {
    let table = match &mut item.node {
        Some(NodeEnum::RangeVar(table)) => table,
        Some(NodeEnum::RangeTableSample(sample)) => {
            return take_alias(sample.relation.as_mut()?);
        }
        _ => return None,
    };
    let named = || Alias {
        aliasname: table.relname.clone(),
        colnames: Vec::new(),
    };
    Some(table.alias.take().unwrap_or_else(named))
}
