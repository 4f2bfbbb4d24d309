use pg_query::NodeEnum;
use pg_query::protobuf::{DefElem, ExplainStmt, SelectStmt};

use super::name::Verdict;
use super::refusal::{Refusal, Rule};

/// The query that an EXPLAIN would plan. It is never run: ANALYZE is refused, whatever its value, and so is what shows settings
/// or counts work.
pub(super) fn query(explain: &mut ExplainStmt) -> Result<&mut SelectStmt, Refusal> {
    for option in &explain.options {
        match &option.node {
            Some(NodeEnum::DefElem(option)) => allowed(option)?,
            _ => return Err(Refusal::construct("this option of EXPLAIN")),
        }
    }
    match explain.query.as_mut().and_then(|query| query.node.as_mut()) {
        Some(NodeEnum::SelectStmt(select)) => Ok(select),
        _ => Err(Refusal::not_a_query()),
    }
}

fn allowed(option: &DefElem) -> Verdict {
    let value = match option.arg.as_deref().map(|arg| &arg.node) {
        Some(Some(NodeEnum::String(value))) => Some(value.sval.as_str()),
        _ => None,
    };
    match (option.defname.as_str(), value) {
        ("costs", _) | ("format", Some("text" | "json")) => Ok(()),
        (name, _) => Err(Refusal::new(
            Rule::Construct,
            format!("EXPLAIN ({name}) is not allowed"),
            "use EXPLAIN alone, or with COSTS and FORMAT TEXT or JSON; nothing is run",
        )
        .at(option.location)),
    }
}
