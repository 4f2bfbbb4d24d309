//! Functions in FROM: the name of the item, and the names of its columns.

use pg_query::NodeEnum;
use pg_query::protobuf::{Alias, Node, RangeFunction};

use super::columns::{Column, ColumnData, Columns};
use super::dot_notation::RangeFunctionItem;
use super::item::Item;
use super::output_name::figure_column_name;
use crate::allow_list::FIELDS;
use crate::catalog::{self, FromColumns};
use crate::name::names;
use crate::refusal::Refusal;

/// An item of FROM that consists of functions, while its columns are collected.
#[derive(Debug)]
pub(crate) struct FunctionItem<C> {
    /// The name of the first function.
    name: String,
    alias: Option<Alias>,
    is_single: bool,
    columns: Columns<C>,
    dot_notation: RangeFunctionItem,
}

impl<C: ColumnData> FunctionItem<C> {
    /// Begins an item, before its functions are rewritten.
    ///
    /// # Errors
    /// Refuses an expression without an alias.
    pub(crate) fn new(range: &RangeFunction) -> Result<Self, Refusal> {
        Ok(Self {
            name: String::new(),
            alias: range.alias.clone(),
            is_single: range.functions.len() == 1,
            columns: Columns::default(),
            dot_notation: RangeFunctionItem::new(range)?,
        })
    }

    /// Adds the columns of a function. `name` is that of a column with its value, as
    /// [`value_name`] returned it before the function was rewritten.
    pub(crate) fn add(&mut self, name: String, function: &Node, data: C) {
        // The column of a single function that returns a scalar has the name of the item.
        let alias = self.alias.as_ref().filter(|_| self.is_single);
        let value_name = alias.map_or(&name, |alias| &alias.aliasname);
        self.columns
            .extend(function_columns(function, value_name, data));
        if self.name.is_empty() {
            self.name = name;
        }
    }

    /// Adds the column of WITH ORDINALITY.
    pub(crate) fn add_ordinality(&mut self, data: C) {
        self.columns.push(Column::new("ordinality", data));
    }

    pub(super) fn into_item<I>(self, data: I) -> (Item<C, I>, RangeFunctionItem) {
        let item = Item::new(&self.name, self.alias.as_ref(), self.columns, data);
        (item, self.dot_notation)
    }
}

/// The name that PostgreSQL gives to the column of a function in FROM, unless an alias or the
/// function names it.
pub(crate) fn value_name(function: &Node) -> String {
    figure_column_name(function).to_owned()
}

/// Number of functions that PostgreSQL makes of one: it splits `unnest(a, b)` into one function per
/// argument.
pub(crate) fn function_count(function: &Node) -> usize {
    match &function.node {
        Some(NodeEnum::FuncCall(call)) if has_unknown_row_type(function) => call.args.len().max(1),
        _ => 1,
    }
}

fn has_unknown_row_type(function: &Node) -> bool {
    matches!(from_columns(function), Some(FromColumns::Unknown))
}

/// What is known of the columns of a function in FROM; `None` for another expression.
fn from_columns(function: &Node) -> Option<FromColumns> {
    match &function.node {
        Some(NodeEnum::FuncCall(call)) => {
            let name = names(&call.funcname).last().copied();
            name.and_then(catalog::function)
                .map(|function| function.columns)
        }
        _ => None,
    }
}

/// The columns of a function in FROM; a scalar result would be named `value_name`.
fn function_columns<C: ColumnData>(function: &Node, value_name: &str, data: C) -> Vec<Column<C>> {
    match from_columns(function) {
        Some(FromColumns::KeyValue) => ["key", "value"].map(|name| Column::new(name, data)).into(),
        Some(FromColumns::Value) => vec![Column::new("value", data)],
        Some(FromColumns::Item) => vec![Column::new(value_name, data)],
        Some(FromColumns::Unknown) | None => unknown_columns(value_name, data),
    }
}

fn unknown_columns<C: ColumnData>(value_name: &str, data: C) -> Vec<Column<C>> {
    let names = FIELDS.iter().chain([&value_name]);
    names.map(|name| Column::may_exist(*name, data)).collect()
}
