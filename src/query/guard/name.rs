//! Names by themselves: columns, operators, the server's own values.

use pg_query::NodeEnum;
use pg_query::protobuf::{ColumnRef, Node, SqlValueFunctionOp};

use super::allow_list::{OPERATORS, SYSTEM_COLUMNS};
use super::refusal::{Refusal, Rule};

/// Whether something may stay in the statement.
pub(super) type Verdict = Result<(), Refusal>;

/// A column, or what PostgreSQL would take for one.
pub(super) fn column_ref(column: &ColumnRef) -> Verdict {
    if let Some(NodeEnum::String(last)) = column.fields.last().and_then(|field| field.node.as_ref())
    {
        let name = last.sval.as_str();
        // Behind a table's alias a name that is no column is a function called with the whole row, so what the
        // allow-list keeps out must not come back in through a dot.
        let a_function = column.fields.len() > 1 && name.starts_with("pg_");
        if a_function || SYSTEM_COLUMNS.contains(&name) {
            return Err(Refusal::new(
                Rule::Column,
                format!("there is no column {name} here"),
                "name a column of the table",
            )
            .at(column.location));
        }
    }
    Ok(())
}

/// An operator, where there is one.
pub(super) fn operator(name: &[Node], location: i32) -> Verdict {
    match names(name).as_slice() {
        [] => Ok(()),
        [name] | ["pg_catalog" | "public", name] if OPERATORS.contains(name) => Ok(()),
        name => Err(Refusal::new(
            Rule::Operator,
            format!("the operator {} is not allowed", name.join(".")),
            "use a comparison, arithmetic, text, array or JSON operator",
        )
        .at(location)),
    }
}

/// CURRENT_DATE and its kin.
pub(super) fn sql_value(op: SqlValueFunctionOp, location: i32) -> Verdict {
    use SqlValueFunctionOp as Op;
    match op {
        Op::SvfopCurrentDate
        | Op::SvfopCurrentTime
        | Op::SvfopCurrentTimeN
        | Op::SvfopCurrentTimestamp
        | Op::SvfopCurrentTimestampN
        | Op::SvfopLocaltime
        | Op::SvfopLocaltimeN
        | Op::SvfopLocaltimestamp
        | Op::SvfopLocaltimestampN => Ok(()),
        Op::SqlvalueFunctionOpUndefined
        | Op::SvfopCurrentRole
        | Op::SvfopCurrentUser
        | Op::SvfopUser
        | Op::SvfopSessionUser
        | Op::SvfopCurrentCatalog
        | Op::SvfopCurrentSchema => Err(Refusal::new(
            Rule::Construct,
            "the server's own names are not shown",
            "leave out CURRENT_USER and its kin",
        )
        .at(location)),
    }
}

/// The parts of a dotted name, or nothing that any list holds when a part is no name.
pub(super) fn names(parts: &[Node]) -> Vec<&str> {
    parts
        .iter()
        .map(|part| match part.node.as_ref() {
            Some(NodeEnum::String(name)) => name.sval.as_str(),
            _ => "?",
        })
        .collect()
}
