//! Columns after a dot, as in `name.column`.
//!
//! If there is no such column, PostgreSQL calls a *function* of that name with the whole row. The
//! row of a function in FROM is the function's value itself: with
//! `FROM lower('server_version') AS s`, the reference `s.current_setting` calls
//! `current_setting(text)`. Therefore the alias of a function in FROM may only be followed by the
//! name of a column that the function is known to have. The row of any other item is composite:
//! the few functions that take any row are listed in [`WHOLE_ROW_FUNCTIONS`], and a function of the
//! allow-list may follow only if a column of that name certainly exists.
//!
//! The rule for functions in FROM does not depend on scopes, which PostgreSQL decides after all: if
//! two functions of a statement have the same alias, a column must exist in both.

use std::collections::HashSet;

use pg_query::NodeEnum;
use pg_query::protobuf::{Alias, Node, RangeFunction};

use super::columns::ColumnData;
use super::range_table::RangeTable;
use crate::allow_list::{FIELDS, SYSTEM_COLUMNS, WHOLE_ROW_FUNCTIONS};
use crate::catalog::{self, FromColumns};
use crate::name::{CheckOutcome, names};
use crate::refusal::{Refusal, Rule};

/// The functions in FROM and the references with a qualifier that have been seen in a statement, at
/// all nesting levels.
#[derive(Debug, Default)]
pub(super) struct DotNotation {
    functions: Vec<RangeFunctionItem>,
    references: Vec<Reference>,
}

/// An item of functions in FROM, and the columns that it is known to have.
#[derive(Debug)]
pub(super) struct RangeFunctionItem {
    name: String,
    columns: HashSet<String>,
}

#[derive(Debug)]
struct Reference {
    qualifier: String,
    column: String,
    location: i32,
}

/// Accepts a name that cannot denote a system column.
pub(super) fn check_unqualified(name: &str, location: i32) -> CheckOutcome {
    if SYSTEM_COLUMNS.contains(&name) {
        return Err(unknown_column(name, location));
    }
    Ok(())
}

/// Accepts `qualifier.name` unless PostgreSQL could call a function of the allow-list by it.
pub(super) fn check_call<C: ColumnData, I>(
    qualifier: &str,
    name: &str,
    range_table: &RangeTable<C, I>,
    location: i32,
) -> CheckOutcome {
    if catalog::function(name).is_some() && !range_table.is_column(qualifier, name) {
        return Err(Refusal::construct_with_hint(
            &format!("a call of {name} in dot notation"),
            format!("write {name}(…), or name a column of {qualifier}"),
        )
        .at(location));
    }
    Ok(())
}

impl DotNotation {
    /// Accepts `qualifier.name` unless it denotes a system column, or PostgreSQL could call a
    /// function outside the allow-list by it. Compares it with the functions in FROM that have been
    /// seen; [`add_function`](Self::add_function) compares later ones with it.
    pub(super) fn add_column(
        &mut self,
        qualifier: &str,
        name: &str,
        location: i32,
    ) -> CheckOutcome {
        if name.starts_with("pg_")
            || SYSTEM_COLUMNS.contains(&name)
            || WHOLE_ROW_FUNCTIONS.contains(&name)
        {
            return Err(unknown_column(name, location));
        }
        let reference = Reference {
            qualifier: qualifier.to_owned(),
            column: name.to_owned(),
            location,
        };
        for function in &self.functions {
            function.check(&reference)?;
        }
        self.references.push(reference);
        Ok(())
    }

    /// Adds a function in FROM, and compares the references with it that have been seen.
    pub(super) fn add_function(&mut self, function: RangeFunctionItem) -> CheckOutcome {
        for reference in &self.references {
            function.check(reference)?;
        }
        self.functions.push(function);
        Ok(())
    }
}

impl RangeFunctionItem {
    /// The item of functions as the client wrote them.
    ///
    /// # Errors
    /// Refuses an expression without an alias.
    pub(super) fn new(range: &RangeFunction) -> Result<Self, Refusal> {
        // Without an alias the item takes the name of its first function.
        let first = range
            .functions
            .first()
            .and_then(|item| match item.node.as_ref() {
                Some(NodeEnum::List(item)) => item.items.first(),
                _ => None,
            });
        let function_name = match first.and_then(|node| node.node.as_ref()) {
            Some(NodeEnum::FuncCall(call)) => {
                names(&call.funcname).last().map(|name| (*name).to_owned())
            }
            _ => None,
        };
        let (name, column_aliases) = match (&range.alias, &function_name) {
            (
                Some(Alias {
                    aliasname,
                    colnames,
                }),
                _,
            ) => (aliasname.clone(), colnames.as_slice()),
            (None, Some(function_name)) => (function_name.clone(), [].as_slice()),
            (None, None) => {
                return Err(Refusal::new(
                    Rule::Construct,
                    "an expression in FROM without an alias is not allowed",
                    "add an alias, as in FROM coalesce(…) AS c(value)",
                ));
            }
        };
        Ok(Self {
            columns: known_columns(&name, column_aliases, function_name.as_deref()),
            name,
        })
    }

    fn check(&self, reference: &Reference) -> CheckOutcome {
        let Reference {
            qualifier,
            column,
            location,
        } = reference;
        if self.name != *qualifier || self.columns.contains(column) {
            return Ok(());
        }
        Err(Refusal::new(
            Rule::Column,
            format!("{qualifier}.{column} is not a column of the function {qualifier} in FROM"),
            "name its columns, as in FROM generate_series(1, 3) AS g(n), and use each alias only once",
        )
        .at(*location))
    }
}

/// The columns that a function in FROM is known to have.
fn known_columns(
    name: &str,
    column_aliases: &[Node],
    function_name: Option<&str>,
) -> HashSet<String> {
    let mut columns: HashSet<String> = FIELDS.iter().map(|field| (*field).to_owned()).collect();
    columns.extend(names(column_aliases).into_iter().map(str::to_owned));
    // The column of a single value takes the item's name, unless an alias or the function names it.
    let names_its_column = |function_name: &str| {
        catalog::function(function_name)
            .is_some_and(|function| function.columns == FromColumns::Value)
    };
    let takes_item_name = column_aliases.is_empty()
        && function_name.is_some_and(|function_name| !names_its_column(function_name));
    if takes_item_name {
        columns.insert(name.to_owned());
    }
    columns
}

fn unknown_column(name: &str, location: i32) -> Refusal {
    Refusal::new(
        Rule::Column,
        format!("column {name} does not exist"),
        "use a column of the table",
    )
    .at(location)
}
