//! Times: which time zones PostgreSQL is asked for.
//!
//! It keeps each for as long as the connection lives, 28 KiB each, and takes any letters followed
//! by a number for one. What only the running statement knows goes through bounded wrappers
//! (`migrations/0009_bounded_time.sql`); what the text spells counts for the connection
//! ([`super::retained`]).

use pg_query::NodeEnum;
use pg_query::protobuf::{FuncCall, Node, TypeName};

use super::{build_ast, inspect};
use crate::query::guard::name::{Verdict, names};
use crate::query::guard::refusal::Refusal;

/// Types whose values are read from a text that may name a time zone.
const ZONED_TYPES: [&str; 11] = [
    "date",
    "datemultirange",
    "daterange",
    "time",
    "timestamp",
    "timestamptz",
    "timetz",
    "tsmultirange",
    "tsrange",
    "tstzmultirange",
    "tstzrange",
];

/// Functions of the list that take a time zone, with its place among so many arguments.
const ZONE_ARGUMENTS: [(&str, usize, usize); 6] = [
    ("date_add", 3, 2),
    ("date_subtract", 3, 2),
    ("date_trunc", 3, 2),
    ("generate_series", 4, 3),
    ("make_timestamptz", 7, 6),
    ("timezone", 2, 0),
];

/// All that is said here of functions by name.
#[cfg(test)]
pub(super) fn listed_functions() -> impl Iterator<Item = &'static str> {
    ZONE_ARGUMENTS.iter().map(|(name, ..)| *name)
}

/// Whether a text is read as a value of this type, or of an array of it, by what may name a time
/// zone.
pub(super) fn may_name_time_zone(type_name: &str) -> bool {
    ZONED_TYPES.contains(&type_name)
}

/// Whether an argument of this function is a time zone, so that all must stand in their places.
pub(super) fn takes_time_zone(function: &str) -> bool {
    ZONE_ARGUMENTS.iter().any(|(name, ..)| *name == function)
}

/// Puts what is read as a value of a type through a wrapper, unless it is written down. In how many
/// places.
pub(super) fn wrap_time_input(value: &mut Node, type_name: &str) -> u64 {
    if inspect::text_literal(value).is_some() || matches!(value.node, Some(NodeEnum::AConst(_))) {
        return 0;
    }
    if let Some(NodeEnum::AArrayExpr(array)) = &mut value.node {
        // Each by itself: what is written down gets its type from the cast.
        let elements = array.elements.iter_mut();
        return elements
            .map(|element| wrap_time_input(element, type_name))
            .sum();
    }
    let inner = std::mem::take(value);
    *value = build_ast::wrapper_call("moment", vec![inner, build_ast::text(type_name)]);
    1
}

/// Whether values of this type may be read out of a JSON document: of one that is written down, but
/// no time of another, for which there is no wrapper.
pub(super) fn check_json_time(target: Option<&TypeName>, document: Option<&Node>) -> Verdict {
    let Some(target) = target.filter(|target| {
        names(&target.names)
            .last()
            .is_some_and(|name| may_name_time_zone(name))
    }) else {
        return Ok(());
    };
    if document.is_some_and(|document| {
        inspect::text_literal_as(document, &["json", "jsonb", "text", "varchar"]).is_some()
    }) {
        return Ok(());
    }
    Err(Refusal::construct_but(
        "a date or time as what is read out of a JSON document",
        "read a text and cast it, as in JSON_VALUE(x, '$.day')::date",
    )
    .at(target.location))
}

/// Puts the argument of a call that names a time zone through a wrapper. In how many places.
pub(super) fn wrap_zone_argument(
    name: &str,
    call: &mut FuncCall,
    may_be_text: impl Fn(usize) -> bool,
) -> u64 {
    let count = call.args.len();
    let rule = ZONE_ARGUMENTS
        .iter()
        .find(|(function, args, _)| *function == name && *args == count);
    let Some(&(_, _, position)) = rule else {
        return 0;
    };
    let has_digit = |text: &str| text.contains(|character: char| character.is_ascii_digit());
    match call.args.get_mut(position) {
        Some(zone)
            if may_be_text(position) && inspect::text_literal(zone).is_none_or(has_digit) =>
        {
            let is_literal = inspect::text_literal(zone).is_some();
            let inner = std::mem::take(zone);
            // A literal has no type yet, and the wrapper takes any.
            let inner = if is_literal {
                build_ast::cast(inner, "text")
            } else {
                inner
            };
            *zone = build_ast::wrapper_call("zone", vec![inner, build_ast::text(name)]);
            1
        }
        _ => 0,
    }
}
