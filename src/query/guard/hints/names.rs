//! Which tables a text reads, under which names, and where a column is.

use super::tokens::{TokenKind, Tokens};
use crate::query::guard::relations::{RELATIONS, Relation, SCHEMA, nearest, relation};

/// A table of the list, and the name by which a text calls it.
pub(super) struct FromItem {
    pub(super) name: String,
    pub(super) relation: &'static Relation,
}

/// The tables that a text reads, in the order they are first named; each name once.
pub(super) fn from_items(tokens: &Tokens<'_>) -> Vec<FromItem> {
    let mut items: Vec<FromItem> = Vec::new();
    for at in 0..tokens.len() {
        let Some(item) = from_item(tokens, at) else {
            continue;
        };
        if !items.iter().any(|other| other.name == item.name) {
            items.push(item);
        }
    }
    items
}

fn from_item(tokens: &Tokens<'_>, at: usize) -> Option<FromItem> {
    let table = tokens.name(at)?;
    let relation = relation(&table)?;
    // With schema, and with database and schema.
    let mut first = at;
    while tokens.is_before(first, ".") {
        first = first.checked_sub(2)?;
    }
    let begins = ["from", "join", ",", "("];
    if tokens.get(at + 1) == "." || !begins.iter().any(|word| tokens.is_before(first, word)) {
        return None;
    }
    let alias = at + if tokens.is(at + 1, "as") { 2 } else { 1 };
    let is_alias = alias == at + 2 || tokens.kind(alias) == Some(TokenKind::Word);
    let name = if is_alias { tokens.name(alias) } else { None };
    Some(FromItem {
        name: name.unwrap_or(table),
        relation,
    })
}

/// `retail.stores has store_id, store_name, is_online`.
pub(super) fn columns_of(relation: &Relation) -> String {
    let columns: Vec<&str> = relation.columns.iter().map(|column| column.name).collect();
    format!("{SCHEMA}.{} has {}", relation.name, columns.join(", "))
}

pub(super) fn has_column(relation: &Relation, name: &str) -> bool {
    relation.columns.iter().any(|column| column.name == name)
}

/// The tables that have a column, as `retail.orders, retail.order_items`; empty when none has.
pub(super) fn tables_with(name: &str) -> String {
    let tables: Vec<String> = RELATIONS
        .iter()
        .filter(|relation| has_column(relation, name))
        .map(|relation| format!("{SCHEMA}.{}", relation.name))
        .collect();
    tables.join(", ")
}

/// The column of these tables whose name is nearly the same.
pub(super) fn nearest_of<'a>(
    relations: impl Iterator<Item = &'a Relation>,
    name: &str,
) -> Option<&'static str> {
    let columns = relations.flat_map(|relation| relation.columns.iter().map(|column| column.name));
    nearest(&name.to_lowercase(), columns)
}
