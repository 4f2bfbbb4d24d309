//! Names by themselves: operators, the server's own values, what is printed without quotes.

use pg_query::NodeEnum;
use pg_query::protobuf::{Node, SqlValueFunctionOp};

use super::allow_list::OPERATORS;
use super::hints;
use super::refusal::{Refusal, Rule};

/// Whether something may stay in the statement.
pub(super) type Verdict = Result<(), Refusal>;

/// A name that the printer writes as it stands: whatever would need quotes is refused.
pub(super) fn plain(name: &str, what: &str) -> Verdict {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if name.bytes().all(plain) && !name.starts_with(|first: char| first.is_ascii_digit()) {
        return Ok(());
    }
    Err(Refusal::new(
        Rule::Construct,
        format!("the name of {what} may not need quotes"),
        "use lower-case letters, digits and underscores",
    ))
}

/// An operator, where there is one.
pub(super) fn operator(name: &[Node], location: i32) -> Verdict {
    match names(name).as_slice() {
        [] => Ok(()),
        [name] | ["pg_catalog" | "public", name] if OPERATORS.contains(name) => Ok(()),
        name => Err(Refusal::new(
            Rule::Operator,
            format!("the operator {} is not allowed", name.join(".")),
            name.last()
                .and_then(|name| hints::foreign(hints::ForeignKind::Operator, name))
                .unwrap_or_else(|| {
                    "use a comparison, arithmetic, text, array or JSON operator".to_owned()
                }),
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
