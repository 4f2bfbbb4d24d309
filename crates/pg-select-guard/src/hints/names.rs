//! The tables that a text reads, their aliases and their columns.

use super::tokens::{TokenKind, Tokens};
use crate::schema::{Relation, Schema, nearest};

/// A table in FROM, with its alias if it has one, else with its own name.
pub(super) struct FromItem<'a> {
    pub(super) name: String,
    pub(super) relation: &'a Relation,
}

/// The tables that a text reads, in the order of their first appearance; each name once.
pub(super) fn from_items<'a>(schema: &'a Schema, tokens: &Tokens<'_>) -> Vec<FromItem<'a>> {
    let mut items: Vec<FromItem<'a>> = Vec::new();
    for at in 0..tokens.len() {
        let Some(item) = from_item(schema, tokens, at) else {
            continue;
        };
        if !items.iter().any(|other| other.name == item.name) {
            items.push(item);
        }
    }
    items
}

fn from_item<'a>(schema: &'a Schema, tokens: &Tokens<'_>, at: usize) -> Option<FromItem<'a>> {
    let table = tokens.name(at)?;
    let relation = schema.relation(&table)?;
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

/// Lists the columns of a table, as in `shop.customers has customer_id, name`.
pub(super) fn columns_of(schema: &Schema, relation: &Relation) -> String {
    let table = schema.qualified(&relation.name);
    format!("{table} has {}", relation.column_list())
}

pub(super) fn has_column(relation: &Relation, name: &str) -> bool {
    relation.columns.iter().any(|column| column.name == name)
}

/// The tables that have a column, as in `shop.customers, shop.orders`; empty if none has it.
pub(super) fn tables_with(schema: &Schema, name: &str) -> String {
    let tables: Vec<String> = schema
        .relations()
        .iter()
        .filter(|relation| has_column(relation, name))
        .map(|relation| schema.qualified(&relation.name))
        .collect();
    tables.join(", ")
}

/// The column of these tables whose name is most similar to `name`, if any is similar enough.
pub(super) fn nearest_column<'a>(
    relations: impl Iterator<Item = &'a Relation>,
    name: &str,
) -> Option<&'a str> {
    let columns = relations.flat_map(|relation| &relation.columns);
    let names = columns.map(|column| column.name.as_str());
    nearest(&name.to_lowercase(), names)
}
