//! Times: which time zones PostgreSQL is asked for.
//!
//! It keeps each for as long as the connection lives, 28 KiB each, and takes any letters followed
//! by a number for one. What only the running statement knows goes through bounded wrappers
//! (`migrations/0009_bounded_time.sql`); what the text spells counts for the connection
//! ([`super::retained`]).

use pg_query::NodeEnum;
use pg_query::protobuf::{FuncCall, Node, TypeName};

use super::{made, tree};
use crate::query::guard::name::{Verdict, names};
use crate::query::guard::refusal::Refusal;

/// Types whose values are read from a text that may name a time zone.
const WITH_ZONE: [&str; 11] = [
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
const TAKING_ZONE: [(&str, usize, usize); 6] = [
    ("date_add", 3, 2),
    ("date_subtract", 3, 2),
    ("date_trunc", 3, 2),
    ("generate_series", 4, 3),
    ("make_timestamptz", 7, 6),
    ("timezone", 2, 0),
];

/// All that is said here of functions by name.
#[cfg(test)]
pub(super) fn named() -> impl Iterator<Item = &'static str> {
    TAKING_ZONE.iter().map(|(name, ..)| *name)
}

/// Whether a text is read as a value of this type, or of an array of it, by what may name a time
/// zone.
pub(super) fn may_name_zone(type_name: &str) -> bool {
    WITH_ZONE.contains(&type_name)
}

/// Whether an argument of this function is a time zone, so that all must stand in their places.
pub(super) fn takes_zone(function: &str) -> bool {
    TAKING_ZONE.iter().any(|(name, ..)| *name == function)
}

/// Puts what is read as a value of a type through a wrapper, unless it is written down. In how many
/// places.
pub(super) fn bound_moment(value: &mut Node, type_name: &str) -> u64 {
    if tree::text(value).is_some() || matches!(value.node, Some(NodeEnum::AConst(_))) {
        return 0;
    }
    if let Some(NodeEnum::AArrayExpr(array)) = &mut value.node {
        // Each by itself: what is written down gets its type from the cast.
        let elements = array.elements.iter_mut();
        return elements
            .map(|element| bound_moment(element, type_name))
            .sum();
    }
    let inner = std::mem::take(value);
    *value = made::twin("moment", vec![inner, made::text(type_name)]);
    1
}

/// Whether values of this type may be read out of a JSON document: of one that is written down, but
/// no time of another, for which there is no wrapper.
pub(super) fn may_be_read(target: Option<&TypeName>, document: Option<&Node>) -> Verdict {
    let Some(target) = target.filter(|target| {
        names(&target.names)
            .last()
            .is_some_and(|name| may_name_zone(name))
    }) else {
        return Ok(());
    };
    if document.is_some_and(|document| {
        tree::text_as(document, &["json", "jsonb", "text", "varchar"]).is_some()
    }) {
        return Ok(());
    }
    Err(Refusal::construct_with_hint(
        "a date or time as what is read out of a JSON document",
        "read a text and cast it, as in JSON_VALUE(x, '$.day')::date",
    )
    .at(target.location))
}

/// Puts the argument of a call that names a time zone through a wrapper. In how many places.
pub(super) fn bound_call(
    name: &str,
    call: &mut FuncCall,
    may_be_text: impl Fn(usize) -> bool,
) -> u64 {
    let count = call.args.len();
    let taking = TAKING_ZONE
        .iter()
        .find(|(function, args, _)| *function == name && *args == count);
    let Some(&(_, _, place)) = taking else {
        return 0;
    };
    let has_digit = |text: &str| text.contains(|character: char| character.is_ascii_digit());
    match call.args.get_mut(place) {
        Some(zone) if may_be_text(place) && tree::text(zone).is_none_or(has_digit) => {
            let is_literal = tree::text(zone).is_some();
            let inner = std::mem::take(zone);
            // A literal has no type yet, and the wrapper takes any.
            let inner = if is_literal {
                made::cast(inner, "text")
            } else {
                inner
            };
            *zone = made::twin("zone", vec![inner, made::text(name)]);
            1
        }
        _ => 0,
    }
}
