//! Which time zones a statement can make PostgreSQL load.
//!
//! PostgreSQL caches each time zone until the connection ends, 28 KiB each, and accepts any letters
//! followed by a number as a POSIX zone. A zone that is known only at run time gets a bounded
//! wrapper (`migrations/0009_bounded_time.sql`); zones in literals count as retained bytes of the
//! connection ([`super::retained`]).

use pg_query::NodeEnum;
use pg_query::protobuf::{FuncCall, Node, TypeName};

use super::bound::Bound;
use super::{build_ast, inspect};
use crate::catalog::{self, Function};
use crate::name::{CheckOutcome, names};
use crate::refusal::Refusal;

/// Puts a value that is cast to a time type into a bounded wrapper, unless it is a literal. Returns
/// the number of wrappers.
pub(super) fn wrap_time_input(value: &mut Node, type_name: &str) -> u64 {
    if inspect::text_literal(value).is_some() || matches!(value.node, Some(NodeEnum::AConst(_))) {
        return 0;
    }
    if let Some(NodeEnum::AArrayExpr(array)) = &mut value.node {
        // Each element gets its own wrapper; literals get their type from the cast.
        let elements = array.elements.iter_mut();
        return elements
            .map(|element| wrap_time_input(element, type_name))
            .sum();
    }
    let inner = std::mem::take(value);
    *value = build_ast::wrapper_call("moment", vec![inner, build_ast::text(type_name)]);
    1
}

/// Checks whether values of this type may be read out of a JSON document: for a time type only if
/// the document is a literal, as no wrapper sees the values.
pub(super) fn check_json_time(target: Option<&TypeName>, document: Option<&Node>) -> CheckOutcome {
    let Some(target) = target.filter(|target| {
        names(&target.names).last().is_some_and(|name| {
            catalog::data_type(name).is_none_or(|listed| listed.may_name_time_zone)
        })
    }) else {
        return Ok(());
    };
    if document.is_some_and(|document| {
        inspect::text_literal_as(document, &["json", "jsonb", "text", "varchar"]).is_some()
    }) {
        return Ok(());
    }
    Err(Refusal::construct_with_hint(
        "a date or time that is read out of a JSON document",
        "read a text and cast it, as in JSON_VALUE(x, '$.day')::date",
    )
    .at(target.location))
}

/// Puts the time zone argument of a call into a bounded wrapper. Returns the number of wrappers.
pub(super) fn wrap_zone_argument(
    function: &Function,
    call: &mut FuncCall,
    arguments: &[Bound],
) -> u64 {
    let Some(zone) = function.zone.filter(|zone| zone.count == call.args.len()) else {
        return 0;
    };
    let position = zone.position.saturating_sub(1);
    let argument = arguments.get(position);
    let may_be_text = argument.is_some_and(|bound| bound.may_parse_as_number);
    let has_digit = |text: &str| text.contains(|character: char| character.is_ascii_digit());
    match call.args.get_mut(position) {
        Some(zone) if may_be_text && inspect::text_literal(zone).is_none_or(has_digit) => {
            let is_literal = inspect::text_literal(zone).is_some();
            let inner = std::mem::take(zone);
            // A literal has no type yet, and the wrapper accepts any type.
            let inner = if is_literal {
                build_ast::cast(inner, "text")
            } else {
                inner
            };
            *zone = build_ast::wrapper_call("zone", vec![inner, build_ast::text(function.name)]);
            1
        }
        _ => 0,
    }
}
