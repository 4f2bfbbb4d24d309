//! Checks of single names: operators, names that the deparser writes without quotes, and value
//! functions such as CURRENT_DATE.

use pg_query::NodeEnum;
use pg_query::protobuf::{Node, SqlValueFunctionOp};

use super::allowed::Allowed;
use super::catalog;
use super::hints;
use super::refusal::{Refusal, Rule};

/// The result of a check: a part of the statement is accepted, or the statement is refused.
pub(super) type CheckOutcome = Result<(), Refusal>;

/// Accepts a name that means the same without quotes. The deparser writes some names without the
/// quotes that they need.
pub(super) fn check_unquoted(name: &str, what: &str) -> CheckOutcome {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if name.bytes().all(is_plain) && !name.starts_with(|first: char| first.is_ascii_digit()) {
        return Ok(());
    }
    Err(Refusal::new(
        Rule::Construct,
        format!("the name of {what} must not need quotes"),
        "use only lower-case letters, digits and underscores",
    ))
}

/// Accepts an operator of the allow-list. An empty name stands for no operator.
pub(super) fn check_operator(allowed: Allowed<'_>, name: &[Node], location: i32) -> CheckOutcome {
    match names(name).as_slice() {
        [] => Ok(()),
        [name] | ["pg_catalog" | "public", name] if catalog::operator(name).is_some() => Ok(()),
        name => Err(Refusal::new(
            Rule::Operator,
            format!("the operator {} is not allowed", name.join(".")),
            name.last()
                .and_then(|name| hints::foreign_name(allowed, hints::ForeignKind::Operator, name))
                .unwrap_or_else(|| {
                    "use a comparison, arithmetic, text, array or JSON operator".to_owned()
                }),
        )
        .at(location)),
    }
}

/// Accepts the functions without parentheses that return a date or a time, such as CURRENT_DATE.
pub(super) fn check_sql_value_function(op: SqlValueFunctionOp, location: i32) -> CheckOutcome {
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
            "names of users, databases and schemas are not available",
            "remove CURRENT_USER and similar functions",
        )
        .at(location)),
    }
}

/// The parts of a dotted name. A part that is not a name becomes `?`, which is on no allow-list of
/// names.
pub(super) fn names(parts: &[Node]) -> Vec<&str> {
    parts
        .iter()
        .map(|part| match part.node.as_ref() {
            Some(NodeEnum::String(name)) => name.sval.as_str(),
            _ => "?",
        })
        .collect()
}
