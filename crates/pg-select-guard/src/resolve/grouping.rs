//! GROUP BY the primary key of a table with withheld columns.
//!
//! PostgreSQL recognizes that a table's other columns depend functionally on its primary key, but
//! not if a subquery replaces the table. Then the dependent columns are added to GROUP BY: they
//! have one value for each value of the key, so the groups stay the same.

use pg_query::NodeEnum;
use pg_query::protobuf::{CoercionForm, ColumnRef, Node, SelectStmt};

use super::columns::ColumnData;
use super::item::Item;
use super::resolver::Resolver;
use super::star;
use super::syntax::{column_star_qualifier, integer_literal, is_row_expansion, star_qualifier};
use crate::name::names;
use crate::schema::Relation;

/// A column in GROUP BY.
#[derive(Clone, Debug, PartialEq, Eq)]
struct GroupingColumn {
    /// The FROM item in its qualifier.
    item: Option<String>,
    name: String,
}

/// An expression to add to GROUP BY.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DependentColumn {
    /// The FROM item in its qualifier.
    pub(crate) item: String,
    /// The column; `None` stands for the whole row.
    pub(crate) column: Option<String>,
}

impl<C: ColumnData, I> Resolver<C, I> {
    /// The expressions to add to GROUP BY of the innermost query, after the whole query has been
    /// resolved. Grouping sets have no functional dependencies.
    pub(crate) fn dependent_columns(&self, select: &SelectStmt) -> Vec<DependentColumn> {
        let replaced = self.current().iter().filter_map(|item| {
            let table = item.table_to_hide()?;
            Some((item, table))
        });
        let replaced: Vec<_> = replaced.collect();
        if replaced.is_empty() {
            return Vec::new();
        }
        let Some(keys) = grouping_columns(&select.group_clause, select, self) else {
            return Vec::new();
        };
        replaced
            .into_iter()
            .flat_map(|(item, table)| item_dependents(item, table, &keys))
            .collect()
    }
}

fn item_dependents<C: ColumnData, I>(
    item: &Item<C, I>,
    table: &Relation,
    keys: &[GroupingColumn],
) -> Vec<DependentColumn> {
    let is_key = |name: &str| {
        let mut named = keys.iter().filter(|key| key.name == name);
        named.any(|key| key.item.as_ref().is_none_or(|other| *other == item.name))
    };
    // An alias may rename the columns.
    let columns = || item.columns.iter().zip(&table.columns);
    let mut key_columns = columns().filter(|(_, stored)| table.key.contains(&stored.name));
    if table.key.is_empty() || !key_columns.all(|(column, _)| is_key(&column.name)) {
        return Vec::new();
    }
    let dependent = |column| DependentColumn {
        item: item.name.clone(),
        column,
    };
    let others = columns().filter(|(column, _)| !is_key(&column.name));
    let row = item.is_row_read().then(|| dependent(None));
    others
        .map(|(column, _)| dependent(Some(column.name.clone())))
        .chain(row)
        .collect()
}

/// The columns in a GROUP BY clause; `None` if it has grouping sets.
fn grouping_columns<C: ColumnData, I>(
    clause: &[Node],
    select: &SelectStmt,
    resolver: &Resolver<C, I>,
) -> Option<Vec<GroupingColumn>> {
    let mut all = Vec::new();
    for expr in clause {
        match &expr.node {
            Some(NodeEnum::GroupingSet(_)) => return None,
            // `(a, b)` denotes its parts, unlike `ROW(a, b)`.
            Some(NodeEnum::RowExpr(row))
                if row.row_format() == CoercionForm::CoerceImplicitCast =>
            {
                all.extend(grouping_columns(&row.args, select, resolver)?);
            }
            Some(NodeEnum::ColumnRef(column)) => {
                all.extend(resolve_grouping_column(column, select, resolver))
            }
            _ => {
                let position =
                    integer_literal(expr).and_then(|position| usize::try_from(position).ok());
                let position = position.and_then(|position| position.checked_sub(1));
                all.extend(
                    position.and_then(|position| output_column_at(position, select, resolver)),
                );
            }
        }
    }
    Some(all)
}

/// Resolves a name in GROUP BY: an input column takes precedence over an output column.
fn resolve_grouping_column<C: ColumnData, I>(
    column: &ColumnRef,
    select: &SelectStmt,
    resolver: &Resolver<C, I>,
) -> Option<GroupingColumn> {
    let items = resolver.current();
    let key = parse_grouping_column(column, resolver)?;
    let is_input_column = || {
        let mut all = items.iter();
        all.any(|item| item.columns.find(&key.name).is_some())
    };
    if key.item.is_some() || is_input_column() {
        return Some(key);
    }
    // If not all columns are known, one of the unknown ones may have this name.
    if items
        .iter()
        .any(|item| item.columns.exact_count().is_none())
    {
        return None;
    }
    let mut targets = select.target_list.iter().filter_map(target);
    let (_, value) = targets.find(|(name, _)| **name == *key.name)?;
    grouping_column(value, resolver)
}

/// The column at a position of the select list, counted from 0, if the text determines it.
fn output_column_at<C: ColumnData, I>(
    position: usize,
    select: &SelectStmt,
    resolver: &Resolver<C, I>,
) -> Option<GroupingColumn> {
    let items = resolver.current();
    let mut before = 0;
    for (_, value) in select.target_list.iter().filter_map(target) {
        if is_row_expansion(value) {
            return None;
        }
        let Some(qualifier) = star_qualifier(value) else {
            if before == position {
                return grouping_column(value, resolver);
            }
            before += 1;
            continue;
        };
        let (columns, is_known) = match qualifier {
            None => (
                star::expand(&select.from_clause, items),
                items
                    .iter()
                    .all(|item| item.columns.exact_count().is_some()),
            ),
            Some(name) => {
                let item = items.iter().find(|item| item.name == name)?;
                let columns = item.columns.iter().cloned().collect();
                (columns, item.columns.exact_count().is_some())
            }
        };
        if !is_known {
            return None;
        }
        if let Some(column) = columns.get(position - before) {
            let item = qualifier.or_else(|| only_owner(&column.name, items))?;
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
fn only_owner<'a, C: ColumnData, I>(column: &str, items: &'a [Item<C, I>]) -> Option<&'a str> {
    let mut owners = items
        .iter()
        .filter(|item| item.columns.find(column).is_some());
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

fn grouping_column<C: ColumnData, I>(
    value: &Node,
    resolver: &Resolver<C, I>,
) -> Option<GroupingColumn> {
    match &value.node {
        Some(NodeEnum::ColumnRef(column)) => parse_grouping_column(column, resolver),
        _ => None,
    }
}

fn parse_grouping_column<C: ColumnData, I>(
    column: &ColumnRef,
    resolver: &Resolver<C, I>,
) -> Option<GroupingColumn> {
    if column_star_qualifier(column).is_some() {
        return None;
    }
    let (item, name) = match resolver.without_schema(&names(&column.fields)) {
        [name] => (None, (*name).to_owned()),
        [item, name] => (Some((*item).to_owned()), (*name).to_owned()),
        _ => return None,
    };
    Some(GroupingColumn { item, name })
}
