//! GROUP BY the primary key of a table that withholds columns. Beside a table's key PostgreSQL lets
//! the other columns stand, but not beside that of the sub-query in its place. There they are
//! added: they have one value for each value of the key, so the groups stay what they are.

use pg_query::NodeEnum;
use pg_query::protobuf::{CoercionForm, ColumnRef, Node, SelectStmt};

use super::sources::Source;
use super::{made, star, tree};
use crate::query::guard::name::names;

/// A column by which a query groups.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Key {
    /// The item of FROM that it was said to be of.
    item: Option<String>,
    name: String,
}

/// What to add to GROUP BY, where the `sources` of FROM have been read by all of the query. In
/// grouping sets nothing depends on a key.
pub(super) fn dependents(select: &SelectStmt, sources: &[Source]) -> Vec<Node> {
    let hidden = |source: &&Source| {
        let table = source.table.filter(|_| source.is_read_whole.get());
        table.is_some_and(|table| !table.withheld.is_empty())
    };
    let hidden: Vec<&Source> = sources.iter().filter(hidden).collect();
    if hidden.is_empty() {
        return Vec::new();
    }
    let Some(keys) = keys(&select.group_clause, select, sources) else {
        return Vec::new();
    };
    let of_source = |source: &&Source| of_source(source, &keys);
    hidden.iter().flat_map(of_source).collect()
}

fn of_source(source: &Source, keys: &[Key]) -> Vec<Node> {
    let is_key = |name: &str| {
        let mut named = keys.iter().filter(|key| key.name == name);
        named.any(|key| key.item.as_ref().is_none_or(|item| *item == source.name))
    };
    let Some(table) = source.table else {
        return Vec::new();
    };
    // Names for columns may be given by an alias.
    let columns = || source.columns.iter().zip(&table.columns);
    let of_key = columns().filter(|(_, stored)| table.key.contains(&stored.name));
    if table.key.is_empty() || !of_key.into_iter().all(|(column, _)| is_key(&column.name)) {
        return Vec::new();
    }
    let others = columns().filter(|(column, _)| !is_key(&column.name));
    let mut added: Vec<Node> = others
        .map(|(column, _)| made::column(&[&source.name, &column.name]))
        .collect();
    if source.is_row_read.get() {
        added.push(made::row_of(&source.name));
    }
    added
}

/// The columns that stand in a GROUP BY of no grouping sets.
fn keys(clause: &[Node], select: &SelectStmt, sources: &[Source]) -> Option<Vec<Key>> {
    let mut all = Vec::new();
    for expr in clause {
        match &expr.node {
            Some(NodeEnum::GroupingSet(_)) => return None,
            // `(a, b)` stands for its parts, unlike `ROW(a, b)`.
            Some(NodeEnum::RowExpr(row))
                if row.row_format() == CoercionForm::CoerceImplicitCast =>
            {
                all.extend(keys(&row.args, select, sources)?);
            }
            Some(NodeEnum::ColumnRef(column)) => all.extend(key(column, select, sources)),
            _ => {
                let place = tree::integer(expr).and_then(|place| usize::try_from(place).ok());
                let place = place.and_then(|place| place.checked_sub(1));
                all.extend(place.and_then(|place| at(place, select, sources)));
            }
        }
    }
    Some(all)
}

/// What a name in GROUP BY means: a column of FROM before one of the result.
fn key(column: &ColumnRef, select: &SelectStmt, sources: &[Source]) -> Option<Key> {
    let key = of_from(column)?;
    let is_of_from = || {
        let mut all = sources.iter();
        all.any(|source| source.columns.named(&key.name).is_some())
    };
    if key.item.is_some() || is_of_from() {
        return Some(key);
    }
    // Where not all columns are known, one of them may be called so.
    if sources
        .iter()
        .any(|source| source.columns.count().is_none())
    {
        return None;
    }
    let mut targets = select.target_list.iter().filter_map(target);
    let (_, value) = targets.find(|(name, _)| **name == *key.name)?;
    column_of(value)
}

/// What stands at a place of the result, counted from 0, where the text tells.
fn at(place: usize, select: &SelectStmt, sources: &[Source]) -> Option<Key> {
    let mut before = 0;
    for (_, value) in select.target_list.iter().filter_map(target) {
        if tree::is_row_of_columns(value) {
            return None;
        }
        let Some(of) = tree::star(value) else {
            if before == place {
                return column_of(value);
            }
            before += 1;
            continue;
        };
        let (columns, is_known) = match of {
            None => (
                star::all(&select.from_clause, sources),
                sources
                    .iter()
                    .all(|source| source.columns.count().is_some()),
            ),
            Some(item) => {
                let source = sources.iter().find(|source| source.name == item)?;
                let columns = source.columns.iter().cloned().collect();
                (columns, source.columns.count().is_some())
            }
        };
        if !is_known {
            return None;
        }
        if let Some(column) = columns.get(place - before) {
            let item = of.or_else(|| only_bearer(&column.name, sources))?;
            return Some(Key {
                item: Some(item.to_owned()),
                name: column.name.clone(),
            });
        }
        before += columns.len();
    }
    None
}

/// The item that alone has a column of this name.
fn only_bearer<'a>(column: &str, sources: &'a [Source]) -> Option<&'a str> {
    let mut bearing = sources
        .iter()
        .filter(|source| source.columns.named(column).is_some());
    let bearer = bearing.next()?;
    bearing.next().is_none().then_some(&bearer.name)
}

/// A target's name, empty where it was given none, and its value.
fn target(target: &Node) -> Option<(&String, &Node)> {
    match &target.node {
        Some(NodeEnum::ResTarget(target)) => Some((&target.name, target.val.as_deref()?)),
        _ => None,
    }
}

fn column_of(value: &Node) -> Option<Key> {
    match &value.node {
        Some(NodeEnum::ColumnRef(column)) => of_from(column),
        _ => None,
    }
}

fn of_from(column: &ColumnRef) -> Option<Key> {
    if tree::star_of(column).is_some() {
        return None;
    }
    let (item, name) = match names(&column.fields).as_slice() {
        [name] => (None, (*name).to_owned()),
        [item, name] => (Some((*item).to_owned()), (*name).to_owned()),
        _ => return None,
    };
    Some(Key { item, name })
}
