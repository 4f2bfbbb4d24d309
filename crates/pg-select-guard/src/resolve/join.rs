//! The columns that a join merges or compares.

use std::collections::HashMap;
use std::ops::Range;

use pg_query::NodeEnum;
use pg_query::protobuf::{JoinExpr, Node};

use super::columns::{Column, ColumnData};
use super::item::Item;
use super::resolver::Resolver;
use super::withheld;
use crate::name::names;
use crate::refusal::Refusal;

/// The columns that USING or NATURAL merges.
#[derive(Debug)]
pub(crate) struct MergedColumns<C> {
    /// What is known of them, on both sides.
    pub(crate) data: Vec<C>,
    /// Number of pairs of columns.
    pub(crate) pairs: usize,
}

/// A column of an item in a FROM clause.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ItemColumn {
    /// The item's position.
    pub(crate) item: usize,
    /// The column's position in the primary key of a table.
    pub(crate) in_key: Option<usize>,
}

impl ItemColumn {
    fn new<C: ColumnData, I>(items: &[Item<C, I>], item: usize, name: &str) -> Self {
        let in_key = items[item].key().iter().position(|key| *key == name);
        Self { item, in_key }
    }
}

impl<C: ColumnData, I> Resolver<C, I> {
    /// The columns that a join merges; its two sides are the items in scope.
    ///
    /// # Errors
    /// Refuses to merge by a withheld column.
    pub(crate) fn merge_columns(&self, join: &JoinExpr) -> Result<MergedColumns<C>, Refusal> {
        let named = names(&join.using_clause);
        let items = self.current();
        if join.is_natural {
            items.iter().for_each(Item::mark_read_whole);
        }
        for name in &named {
            if let Some(table) = self.range_table.any_withholding(name) {
                return Err(withheld::unknown_column(&self.schema, table, name));
            }
        }
        let columns: Vec<&Column<C>> = items.iter().flat_map(|item| item.columns.iter()).collect();
        let mut occurrences: HashMap<&str, usize> = HashMap::new();
        for column in &columns {
            *occurrences.entry(&column.name).or_default() += 1;
        }
        let is_common = |name: &str| {
            occurrences
                .get(name)
                .is_some_and(|occurrences| *occurrences > 1)
        };
        let merged = columns.iter().filter(|column| {
            named.contains(&column.name.as_str()) || join.is_natural && is_common(&column.name)
        });
        let pairs = if join.is_natural {
            occurrences
                .values()
                .filter(|occurrences| **occurrences > 1)
                .count()
        } else {
            named.len()
        };
        Ok(MergedColumns {
            data: merged.map(|column| column.data).collect(),
            pairs,
        })
    }
}

/// The pairs of columns that USING compares, of items at these positions.
pub(crate) fn using_pairs<C: ColumnData, I>(
    join: &JoinExpr,
    items: &[Item<C, I>],
    left: Range<usize>,
    right: Range<usize>,
) -> Vec<(ItemColumn, ItemColumn)> {
    let has_column = |item: usize, name: &str| items[item].columns.find(name).is_some();
    let mut pairs = Vec::new();
    for name in names(&join.using_clause) {
        for one in left.clone().filter(|one| has_column(*one, name)) {
            for other in right.clone().filter(|other| has_column(*other, name)) {
                let column = |item| ItemColumn::new(items, item, name);
                pairs.push((column(one), column(other)));
            }
        }
    }
    pairs
}

/// The column of these items that an expression refers to, if it is nothing but a reference.
pub(crate) fn referred_column<C: ColumnData, I>(
    node: &Node,
    items: &[Item<C, I>],
) -> Option<ItemColumn> {
    let Some(NodeEnum::ColumnRef(column)) = &node.node else {
        return None;
    };
    let names = names(&column.fields);
    let (name, qualifiers) = names.split_last()?;
    let item = match qualifiers.last() {
        Some(qualifier) => items.iter().position(|item| item.name == *qualifier)?,
        None => items
            .iter()
            .position(|item| item.columns.find(name).is_some())?,
    };
    Some(ItemColumn::new(items, item, name))
}
