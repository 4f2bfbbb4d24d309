//! GROUP BY the primary key of a table with withheld columns.
//!
//! PostgreSQL recognizes that a table's other columns depend functionally on its primary key, but
//! not if a subquery replaces the table. Then the dependent columns are added to GROUP BY: they
//! have one value for each value of the key, so the groups stay the same.

use pg_query::NodeEnum;
use pg_query::protobuf::{CoercionForm, ColumnRef, Node, SelectStmt};

use super::range_table::RangeTableEntry;
use super::{build_ast, inspect, star};
use crate::name::names;

/// A column in GROUP BY.
#[derive(Clone, Debug, PartialEq, Eq)]
struct GroupingColumn {
    /// The FROM item in its qualifier.
    item: Option<String>,
    name: String,
}

/// The expressions to add to GROUP BY. `entries` are those of FROM, after the whole query has been
/// resolved against them. Grouping sets have no functional dependencies.
pub(super) fn dependent_columns(select: &SelectStmt, entries: &[RangeTableEntry]) -> Vec<Node> {
    let withholding = |entry: &&RangeTableEntry| {
        let table = entry.table.filter(|_| entry.is_read_whole.get());
        table.is_some_and(|table| !table.withheld.is_empty())
    };
    let withholding: Vec<&RangeTableEntry> = entries.iter().filter(withholding).collect();
    if withholding.is_empty() {
        return Vec::new();
    }
    let Some(keys) = grouping_columns(&select.group_clause, select, entries) else {
        return Vec::new();
    };
    withholding
        .iter()
        .flat_map(|entry| entry_dependents(entry, &keys))
        .collect()
}

fn entry_dependents(entry: &RangeTableEntry, keys: &[GroupingColumn]) -> Vec<Node> {
    let is_key = |name: &str| {
        let mut named = keys.iter().filter(|key| key.name == name);
        named.any(|key| key.item.as_ref().is_none_or(|item| *item == entry.name))
    };
    let Some(table) = entry.table else {
        return Vec::new();
    };
    // An alias may rename the columns.
    let columns = || entry.columns.iter().zip(&table.columns);
    let key_columns = columns().filter(|(_, stored)| table.key.contains(&stored.name));
    if table.key.is_empty()
        || !key_columns
            .into_iter()
            .all(|(column, _)| is_key(&column.name))
    {
        return Vec::new();
    }
    let others = columns().filter(|(column, _)| !is_key(&column.name));
    let mut added: Vec<Node> = others
        .map(|(column, _)| build_ast::column(&[&entry.name, &column.name]))
        .collect();
    if entry.is_row_read.get() {
        added.push(build_ast::whole_row(&entry.name));
    }
    added
}

/// The columns in a GROUP BY clause; `None` if it has grouping sets.
fn grouping_columns(
    clause: &[Node],
    select: &SelectStmt,
    entries: &[RangeTableEntry],
) -> Option<Vec<GroupingColumn>> {
    let mut all = Vec::new();
    for expr in clause {
        match &expr.node {
            Some(NodeEnum::GroupingSet(_)) => return None,
            // `(a, b)` denotes its parts, unlike `ROW(a, b)`.
            Some(NodeEnum::RowExpr(row))
                if row.row_format() == CoercionForm::CoerceImplicitCast =>
            {
                all.extend(grouping_columns(&row.args, select, entries)?);
            }
            Some(NodeEnum::ColumnRef(column)) => {
                all.extend(resolve_grouping_column(column, select, entries))
            }
            _ => {
                let position = inspect::integer_literal(expr)
                    .and_then(|position| usize::try_from(position).ok());
                let position = position.and_then(|position| position.checked_sub(1));
                all.extend(
                    position.and_then(|position| output_column_at(position, select, entries)),
                );
            }
        }
    }
    Some(all)
}

/// Resolves a name in GROUP BY: an input column takes precedence over an output column.
fn resolve_grouping_column(
    column: &ColumnRef,
    select: &SelectStmt,
    entries: &[RangeTableEntry],
) -> Option<GroupingColumn> {
    let key = parse_grouping_column(column)?;
    let is_input_column = || {
        let mut all = entries.iter();
        all.any(|entry| entry.columns.find(&key.name).is_some())
    };
    if key.item.is_some() || is_input_column() {
        return Some(key);
    }
    // If not all columns are known, one of the unknown ones may have this name.
    if entries
        .iter()
        .any(|entry| entry.columns.exact_count().is_none())
    {
        return None;
    }
    let mut targets = select.target_list.iter().filter_map(target);
    let (_, value) = targets.find(|(name, _)| **name == *key.name)?;
    grouping_column(value)
}

/// The column at a position of the select list, counted from 0, if the text determines it.
fn output_column_at(
    position: usize,
    select: &SelectStmt,
    entries: &[RangeTableEntry],
) -> Option<GroupingColumn> {
    let mut before = 0;
    for (_, value) in select.target_list.iter().filter_map(target) {
        if inspect::is_row_expansion(value) {
            return None;
        }
        let Some(qualifier) = inspect::star_qualifier(value) else {
            if before == position {
                return grouping_column(value);
            }
            before += 1;
            continue;
        };
        let (columns, is_known) = match qualifier {
            None => (
                star::expand(&select.from_clause, entries),
                entries
                    .iter()
                    .all(|entry| entry.columns.exact_count().is_some()),
            ),
            Some(item) => {
                let entry = entries.iter().find(|entry| entry.name == item)?;
                let columns = entry.columns.iter().cloned().collect();
                (columns, entry.columns.exact_count().is_some())
            }
        };
        if !is_known {
            return None;
        }
        if let Some(column) = columns.get(position - before) {
            let item = qualifier.or_else(|| only_owner(&column.name, entries))?;
            return Some(GroupingColumn {
                item: Some(item.to_owned()),
                name: column.name.clone(),
            });
        }
        before += columns.len();
    }
    None
}

/// The only item with a column of this name.
fn only_owner<'a>(column: &str, entries: &'a [RangeTableEntry]) -> Option<&'a str> {
    let mut owners = entries
        .iter()
        .filter(|entry| entry.columns.find(column).is_some());
    let owner = owners.next()?;
    owners.next().is_none().then_some(&owner.name)
}

/// The alias of a select list item, empty if it has none, and its value.
fn target(target: &Node) -> Option<(&String, &Node)> {
    match &target.node {
        Some(NodeEnum::ResTarget(target)) => Some((&target.name, target.val.as_deref()?)),
        _ => None,
    }
}

fn grouping_column(value: &Node) -> Option<GroupingColumn> {
    match &value.node {
        Some(NodeEnum::ColumnRef(column)) => parse_grouping_column(column),
        _ => None,
    }
}

fn parse_grouping_column(column: &ColumnRef) -> Option<GroupingColumn> {
    if inspect::column_star_qualifier(column).is_some() {
        return None;
    }
    let (item, name) = match names(&column.fields).as_slice() {
        [name] => (None, (*name).to_owned()),
        [item, name] => (Some((*item).to_owned()), (*name).to_owned()),
        _ => return None,
    };
    Some(GroupingColumn { item, name })
}
