//! What `*` stands for, in the order in which PostgreSQL gives it.

use std::collections::HashSet;

use pg_query::NodeEnum;
use pg_query::protobuf::{JoinExpr, Node};

use super::columns::Column;
use super::sources::Source;
use crate::query::guard::name::names;

/// All columns of the items of a FROM clause, whose `sources` stand in the same order.
pub(super) fn all(from: &[Node], sources: &[Source]) -> Vec<Column> {
    let mut sources = sources.iter();
    let items = from.iter();
    items.flat_map(|item| of_item(item, &mut sources)).collect()
}

/// Those of a join: what USING and NATURAL merge comes first, and once
/// (<https://www.postgresql.org/docs/18/queries-table-expressions.html#QUERIES-JOIN>).
pub(super) fn of_join<'a>(
    join: &JoinExpr,
    sources: &mut impl Iterator<Item = &'a Source>,
) -> Vec<Column> {
    let mut side = |side: &Option<Box<Node>>| match side {
        Some(item) => of_item(item, sources),
        None => Vec::new(),
    };
    let (left, right) = (side(&join.larg), side(&join.rarg));
    let using = names(&join.using_clause);
    let of_right: HashSet<&str> = right.iter().map(|column| column.name.as_str()).collect();
    let of_left: HashSet<&str> = left.iter().map(|column| column.name.as_str()).collect();
    let in_both = |name: &str| of_left.contains(name) && of_right.contains(name);
    let merges = |name: &str| using.contains(&name) || join.is_natural && in_both(name);
    let (mut merged, mut rest) = (Vec::new(), Vec::new());
    for column in &left {
        if !merges(&column.name) {
            rest.push(column.clone());
            continue;
        }
        let mut column = column.clone();
        for other in right.iter().filter(|other| other.name == column.name) {
            column.size = column.size.beside(other.size);
        }
        merged.push(column);
    }
    // In the order of USING; NATURAL takes that of the left side.
    merged.sort_by_key(|column| using.iter().position(|name| *name == column.name));
    let others = right.iter().filter(|column| !merges(&column.name));
    rest.extend(others.cloned());
    merged.into_iter().chain(rest).collect()
}

fn of_item<'a>(item: &Node, sources: &mut impl Iterator<Item = &'a Source>) -> Vec<Column> {
    match &item.node {
        // With a name of its own, a join is one source.
        Some(NodeEnum::JoinExpr(join)) if join.alias.is_none() => of_join(join, sources),
        _ => {
            let source = sources.next();
            source.map_or_else(Vec::new, |source| source.columns.iter().cloned().collect())
        }
    }
}
