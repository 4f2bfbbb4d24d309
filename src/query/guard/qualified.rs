//! What stands behind a dot, as in `name.column`.
//!
//! PostgreSQL calls a *function* of that name with the whole row when there is no such column. The row of a function in
//! FROM is the function's value itself, so `FROM lower('server_version') AS s` makes `s.current_setting` a call of
//! `current_setting(text)`. Hence a name given by a function in FROM may only be followed by what is known to be its column;
//! the row of anything else is composite, and the few functions that take any row are listed.

use std::collections::HashSet;

use pg_query::NodeEnum;
use pg_query::protobuf::{Alias, ColumnRef, Node, RangeFunction};

use super::allow_list::{FIELDS, SYSTEM_COLUMNS, VALUE_NAMED, WHOLE_ROW_FUNCTIONS};
use super::name::{Verdict, names};
use super::refusal::{Refusal, Rule};

/// The functions in FROM and the dotted names of a whole statement, wherever they stand: where two give the same name, a
/// column must be one of both.
#[derive(Default)]
pub(super) struct Qualified {
    functions: Vec<FunctionItem>,
    references: Vec<Reference>,
}

struct FunctionItem {
    name: String,
    columns: HashSet<String>,
}

struct Reference {
    qualifier: String,
    column: String,
    location: i32,
}

impl Qualified {
    /// Remembers a column that is named with what it belongs to; judges what can be judged at once.
    pub(super) fn column(&mut self, column: &ColumnRef) -> Verdict {
        let Some(NodeEnum::String(last)) =
            column.fields.last().and_then(|field| field.node.as_ref())
        else {
            return Ok(()); // a star
        };
        let name = last.sval.as_str();
        let [.., qualifier, _] = column.fields.as_slice() else {
            return if SYSTEM_COLUMNS.contains(&name) {
                Err(no_column(name, column.location))
            } else {
                Ok(())
            };
        };
        if name.starts_with("pg_")
            || SYSTEM_COLUMNS.contains(&name)
            || WHOLE_ROW_FUNCTIONS.contains(&name)
        {
            return Err(no_column(name, column.location));
        }
        self.references.push(Reference {
            qualifier: names(std::slice::from_ref(qualifier)).concat(),
            column: name.to_owned(),
            location: column.location,
        });
        Ok(())
    }

    /// Remembers a function in FROM.
    pub(super) fn function(&mut self, range: &RangeFunction) -> Verdict {
        // Without an alias the item is called after its first function.
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
                    "an expression in FROM without a name is not allowed",
                    "name it, as in FROM coalesce(…) AS c(value)",
                ));
            }
        };
        self.functions.push(FunctionItem {
            columns: columns(&name, given, called.as_deref()),
            name,
        });
        Ok(())
    }

    /// Judges the dotted names against the functions in FROM, once all of both are known.
    pub(super) fn verdict(&self) -> Verdict {
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
                    format!("{qualifier}.{column} is no column of the function {qualifier} in FROM"),
                    "name its columns, as in FROM generate_series(1, 3) AS g(n), and give no two things one name",
                )
                .at(*location));
            }
        }
        Ok(())
    }
}

/// The columns that a function in FROM surely has.
fn columns(name: &str, given: &[Node], called: Option<&str>) -> HashSet<String> {
    let mut columns: HashSet<String> = FIELDS.iter().map(|field| (*field).to_owned()).collect();
    columns.extend(names(given).into_iter().map(str::to_owned));
    // A single value's column bears the item's own name, unless it was given another or the function names it.
    let own_name = given.is_empty() && called.is_some_and(|called| !VALUE_NAMED.contains(&called));
    if own_name {
        columns.insert(name.to_owned());
    }
    columns
}

fn no_column(name: &str, location: i32) -> Refusal {
    Refusal::new(
        Rule::Column,
        format!("there is no column {name} here"),
        "name a column of the table",
    )
    .at(location)
}
