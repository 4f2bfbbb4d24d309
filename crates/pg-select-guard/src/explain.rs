//! EXPLAIN: which options are allowed, and which query it plans.

use pg_query::NodeEnum;
use pg_query::protobuf::{DefElem, ExplainStmt, SelectStmt};

use super::name::CheckOutcome;
use super::refusal::{Refusal, Rule};

/// The query that an EXPLAIN plans. PostgreSQL does not execute it: ANALYZE is refused, whatever
/// its value, and so are the options that show settings or measure work.
pub(super) fn explained_query(explain: &mut ExplainStmt) -> Result<&mut SelectStmt, Refusal> {
    for option in &explain.options {
        match &option.node {
            Some(NodeEnum::DefElem(option)) => check_option(option)?,
            _ => return Err(Refusal::construct("this option of EXPLAIN")),
        }
    }
    match explain.query.as_mut().and_then(|query| query.node.as_mut()) {
        Some(NodeEnum::SelectStmt(select)) => Ok(select),
        _ => Err(Refusal::not_a_query()),
    }
}

fn check_option(option: &DefElem) -> CheckOutcome {
    let value = match option.arg.as_deref().map(|arg| &arg.node) {
        Some(Some(NodeEnum::String(value))) => Some(value.sval.as_str()),
        _ => None,
    };
    match (option.defname.as_str(), value) {
        ("costs", _) | ("format", Some("text" | "json")) => Ok(()),
        (name, _) => Err(Refusal::new(
            Rule::Construct,
            format!("EXPLAIN ({name}) is not allowed"),
            "use EXPLAIN without options, or with COSTS and FORMAT TEXT or JSON; the query is never executed",
        )
        .at(option.location)),
    }
}
