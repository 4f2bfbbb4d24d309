//! Expansion of `*`, in PostgreSQL's column order.

use std::collections::HashSet;

use pg_query::NodeEnum;
use pg_query::protobuf::{JoinExpr, Node};

use super::columns::{Column, ColumnData};
use super::item::Item;
use crate::name::names;

/// All columns of the items of a FROM clause. `items` has the same order.
pub(super) fn expand<C: ColumnData, I>(from: &[Node], items: &[Item<C, I>]) -> Vec<Column<C>> {
    let mut items = items.iter();
    from.iter()
        .flat_map(|node| expand_item(node, &mut items))
        .collect()
}

/// The columns of a join: those merged by USING and NATURAL come first, and once
/// (<https://www.postgresql.org/docs/18/queries-table-expressions.html#QUERIES-JOIN>).
pub(super) fn expand_join<'a, C: ColumnData + 'a, I: 'a>(
    join: &JoinExpr,
    items: &mut impl Iterator<Item = &'a Item<C, I>>,
) -> Vec<Column<C>> {
    let mut side = |side: &Option<Box<Node>>| match side {
        Some(node) => expand_item(node, items),
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
            column.data = column.data.merged(other.data);
        }
        merged.push(column);
    }
    // USING determines the order of the merged columns, NATURAL takes the order of the left side.
    merged.sort_by_key(|column| using.iter().position(|name| *name == column.name));
    let others = right.iter().filter(|column| !merges(&column.name));
    rest.extend(others.cloned());
    merged.into_iter().chain(rest).collect()
}

fn expand_item<'a, C: ColumnData + 'a, I: 'a>(
    node: &Node,
    items: &mut impl Iterator<Item = &'a Item<C, I>>,
) -> Vec<Column<C>> {
    match &node.node {
        // A join with an alias is a single item.
        Some(NodeEnum::JoinExpr(join)) if join.alias.is_none() => expand_join(join, items),
        _ => {
            let item = items.next();
            item.map_or_else(Vec::new, |item| item.columns.iter().cloned().collect())
        }
    }
}
