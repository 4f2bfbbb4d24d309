//! Expansion of `*`, in PostgreSQL's column order.

use std::collections::HashSet;

use pg_query::NodeEnum;
use pg_query::protobuf::{JoinExpr, Node};

use super::columns::Column;
use super::range_table::RangeTableEntry;
use crate::name::names;

/// All columns of the items of a FROM clause. `entries` has the same order.
pub(super) fn expand(from: &[Node], entries: &[RangeTableEntry]) -> Vec<Column> {
    let mut entries = entries.iter();
    let items = from.iter();
    items
        .flat_map(|item| expand_item(item, &mut entries))
        .collect()
}

/// The columns of a join: those merged by USING and NATURAL come first, and once
/// (<https://www.postgresql.org/docs/18/queries-table-expressions.html#QUERIES-JOIN>).
pub(super) fn expand_join<'a>(
    join: &JoinExpr,
    entries: &mut impl Iterator<Item = &'a RangeTableEntry>,
) -> Vec<Column> {
    let mut side = |side: &Option<Box<Node>>| match side {
        Some(item) => expand_item(item, entries),
        None => Vec::new(),
    };
    let (left, right) = (side(&join.larg), side(&join.rarg));
    let using = names(&join.using_clause);
    let right_names: HashSet<&str> = right.iter().map(|column| column.name.as_str()).collect();
    let left_names: HashSet<&str> = left.iter().map(|column| column.name.as_str()).collect();
    let in_both = |name: &str| left_names.contains(name) && right_names.contains(name);
    let merges = |name: &str| using.contains(&name) || join.is_natural && in_both(name);
    let (mut merged, mut rest) = (Vec::new(), Vec::new());
    for column in &left {
        if !merges(&column.name) {
            rest.push(column.clone());
            continue;
        }
        let mut column = column.clone();
        for other in right.iter().filter(|other| other.name == column.name) {
            column.bound = column.bound.with_sibling(other.bound);
        }
        merged.push(column);
    }
    // USING determines the order of the merged columns, NATURAL takes the order of the left side.
    merged.sort_by_key(|column| using.iter().position(|name| *name == column.name));
    let others = right.iter().filter(|column| !merges(&column.name));
    rest.extend(others.cloned());
    merged.into_iter().chain(rest).collect()
}

fn expand_item<'a>(
    item: &Node,
    entries: &mut impl Iterator<Item = &'a RangeTableEntry>,
) -> Vec<Column> {
    match &item.node {
        // A join with an alias is a single range table entry.
        Some(NodeEnum::JoinExpr(join)) if join.alias.is_none() => expand_join(join, entries),
        _ => {
            let entry = entries.next();
            entry.map_or_else(Vec::new, |entry| entry.columns.iter().cloned().collect())
        }
    }
}
