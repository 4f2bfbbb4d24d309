//! Checks column references with a qualifier, as in `name.column`.
//!
//! If there is no such column, PostgreSQL calls a *function* of that name with the whole row. The
//! row of a function in FROM is the function's value itself: with
//! `FROM lower('server_version') AS s`, the reference `s.current_setting` calls
//! `current_setting(text)`. Therefore the alias of a function in FROM may only be followed by the
//! name of a column that the function is known to have. The row of any other FROM item is
//! composite, and the few functions that take any row are listed in [`WHOLE_ROW_FUNCTIONS`].

use std::collections::HashSet;

use pg_query::NodeEnum;
use pg_query::protobuf::{Alias, ColumnRef, Node, RangeFunction};

use super::allow_list::{FIELDS, SYSTEM_COLUMNS, WHOLE_ROW_FUNCTIONS};
use super::catalog::{self, FromColumns};
use super::name::{Verdict, names};
use super::refusal::{Refusal, Rule};

/// The functions in FROM and the qualified column references of a whole statement, of all nesting
/// levels. If two functions have the same alias, a column must exist in both.
#[derive(Default)]
pub(super) struct QualifiedColumns {
    functions: Vec<RangeFunctionItem>,
    references: Vec<Reference>,
}

struct RangeFunctionItem {
    name: String,
    columns: HashSet<String>,
}

struct Reference {
    qualifier: String,
    column: String,
    location: i32,
}

impl QualifiedColumns {
    /// Adds a column reference. Refuses at once what does not depend on the functions in FROM.
    pub(super) fn add_column(&mut self, column: &ColumnRef) -> Verdict {
        let Some(NodeEnum::String(last)) =
            column.fields.last().and_then(|field| field.node.as_ref())
        else {
            return Ok(()); // `*` or `t.*`
        };
        let name = last.sval.as_str();
        let [.., qualifier, _] = column.fields.as_slice() else {
            return if SYSTEM_COLUMNS.contains(&name) {
                Err(unknown_column(name, column.location))
            } else {
                Ok(())
            };
        };
        if name.starts_with("pg_")
            || SYSTEM_COLUMNS.contains(&name)
            || WHOLE_ROW_FUNCTIONS.contains(&name)
        {
            return Err(unknown_column(name, column.location));
        }
        self.references.push(Reference {
            qualifier: names(std::slice::from_ref(qualifier)).concat(),
            column: name.to_owned(),
            location: column.location,
        });
        Ok(())
    }

    /// Adds a function in FROM.
    pub(super) fn add_function(&mut self, range: &RangeFunction) -> Verdict {
        // Without an alias the item takes the name of its first function.
        let first = range
            .functions
            .first()
            .and_then(|item| match item.node.as_ref() {
                Some(NodeEnum::List(item)) => item.items.first(),
                _ => None,
            });
        let called = match first.and_then(|node| node.node.as_ref()) {
            Some(NodeEnum::FuncCall(call)) => {
                names(&call.funcname).last().map(|name| (*name).to_owned())
            }
            _ => None,
        };
        let (name, given) = match (&range.alias, &called) {
            (
                Some(Alias {
                    aliasname,
                    colnames,
                }),
                _,
            ) => (aliasname.clone(), colnames.as_slice()),
            (None, Some(called)) => (called.clone(), [].as_slice()),
            (None, None) => {
                return Err(Refusal::new(
                    Rule::Construct,
                    "an expression in FROM without an alias is not allowed",
                    "add an alias, as in FROM coalesce(…) AS c(value)",
                ));
            }
        };
        self.functions.push(RangeFunctionItem {
            columns: known_columns(&name, given, called.as_deref()),
            name,
        });
        Ok(())
    }

    /// Checks the column references against the functions in FROM. Call this after the whole
    /// statement has been visited.
    pub(super) fn check(&self) -> Verdict {
        for Reference {
            qualifier,
            column,
            location,
        } in &self.references
        {
            let mut items = self.functions.iter().filter(|item| item.name == *qualifier);
            if items.any(|item| !item.columns.contains(column)) {
                return Err(Refusal::new(
                    Rule::Column,
                    format!("{qualifier}.{column} is not a column of the function {qualifier} in FROM"),
                    "name its columns, as in FROM generate_series(1, 3) AS g(n), and use each alias only once",
                )
                .at(*location));
            }
        }
        Ok(())
    }
}

/// The columns that a function in FROM is known to have.
fn known_columns(name: &str, given: &[Node], called: Option<&str>) -> HashSet<String> {
    let mut columns: HashSet<String> = FIELDS.iter().map(|field| (*field).to_owned()).collect();
    columns.extend(names(given).into_iter().map(str::to_owned));
    // The column of a single value takes the item's name, unless an alias or the function names it.
    let names_its_column = |called: &str| {
        catalog::function(called).is_some_and(|function| function.columns == FromColumns::Value)
    };
    let takes_item_name =
        given.is_empty() && called.is_some_and(|called| !names_its_column(called));
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
