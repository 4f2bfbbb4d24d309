//! Which time zones a statement can make PostgreSQL load.
//!
//! PostgreSQL caches each time zone until the connection ends, 28 KiB each, and accepts any letters
//! followed by a number as a POSIX zone. A zone that is known only at run time gets a bounded
//! wrapper (`migrations/0009_bounded_time.sql`); zones in literals count as retained bytes of the
//! connection ([`super::retained`]).

use pg_query::protobuf::{Node, TypeName};

use super::bound::Bound;
use super::call_syntax::Call;
use super::edits::{Becomes, Edits};
use super::{build_ast, inspect};
use crate::catalog::{self, Function};
use crate::name::{CheckOutcome, names};
use crate::refusal::Refusal;

/// Puts a value that is cast to a time type into a bounded wrapper, unless it is a literal. Returns
/// the number of wrappers.
pub(super) fn wrap_time_input(value: &Node, type_name: &str, edits: &mut Edits) -> u64 {
    if edits.is_untyped_literal(value) {
        return 0;
    }
    if let Some(elements) = edits.array_elements(value) {
        // Each element gets its own wrapper; literals get their type from the cast.
        return elements
            .iter()
            .map(|element| wrap_time_input(element, type_name, edits))
            .sum();
    }
    edits.wrap(value, "moment", vec![build_ast::text(type_name)]);
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
    call: &Call<'_>,
    arguments: &[Bound],
    edits: &mut Edits,
) -> u64 {
    let Some(zone) = function.zone.filter(|zone| zone.count == call.args.len()) else {
        return 0;
    };
    let position = zone.position.saturating_sub(1);
    let argument = arguments.get(position);
    let may_be_text = argument.is_some_and(|bound| bound.may_parse_as_number);
    let has_digit = |text: &str| text.contains(|character: char| character.is_ascii_digit());
    match call.args.get(position) {
        Some(zone) if may_be_text && edits.text_literal(zone).is_none_or(has_digit) => {
            if edits.text_literal(zone).is_some() {
                // A literal has no type yet, and the wrapper accepts any type.
                let cast = |literal| build_ast::cast(literal, "text");
                edits.replace(zone, Becomes::Other, cast);
            }
            edits.wrap(zone, "zone", vec![build_ast::text(function.name)]);
            1
        }
        _ => 0,
    }
}
