//! The tables that a text reads, their aliases and their columns.

use super::tokens::{TokenKind, Tokens};
use crate::relations::{RELATIONS, Relation, SCHEMA, nearest, relation};

/// A table in FROM, with its alias if it has one, else with its own name.
pub(super) struct FromItem {
    pub(super) name: String,
    pub(super) relation: &'static Relation,
}

/// The tables that a text reads, in the order of their first appearance; each name once.
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
    // Skips a schema, or a database and a schema.
    let mut first = at;
    while tokens.follows(first, ".") {
        first = first.checked_sub(2)?;
    }
    let begins = ["from", "join", ",", "("];
    if tokens.get(at + 1) == "." || !begins.iter().any(|word| tokens.follows(first, word)) {
        return None;
    }
    let alias = at + if tokens.is(at + 1, "as") { 2 } else { 1 };
    let is_alias = alias == at + 2 || tokens.kind(alias) == Some(TokenKind::Name);
    let name = if is_alias { tokens.name(alias) } else { None };
    Some(FromItem {
        name: name.unwrap_or(table),
        relation,
    })
}

/// Lists the columns of a table, as in `retail.stores has store_id, store_name, is_online`.
pub(super) fn columns_of(relation: &Relation) -> String {
    let columns: Vec<&str> = relation.columns.iter().map(|column| column.name).collect();
    format!("{SCHEMA}.{} has {}", relation.name, columns.join(", "))
}

pub(super) fn has_column(relation: &Relation, name: &str) -> bool {
    relation.columns.iter().any(|column| column.name == name)
}

/// The tables that have a column, as in `retail.orders, retail.order_items`; empty if none has it.
pub(super) fn tables_with(name: &str) -> String {
    let tables: Vec<String> = RELATIONS
        .iter()
        .filter(|relation| has_column(relation, name))
        .map(|relation| format!("{SCHEMA}.{}", relation.name))
        .collect();
    tables.join(", ")
}

/// The column of these tables whose name is most similar to `name`, if any is similar enough.
pub(super) fn nearest_column<'a>(
    relations: impl Iterator<Item = &'a Relation>,
    name: &str,
) -> Option<&'static str> {
    let columns = relations.flat_map(|relation| relation.columns.iter().map(|column| column.name));
    nearest(&name.to_lowercase(), columns)
}
