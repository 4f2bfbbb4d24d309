//! Regular expressions and JSON paths: small programs that run over long values.

use pg_query::NodeEnum;
use pg_query::protobuf::Node;

use super::{made, tree};
use crate::query::guard::name::Verdict;
use crate::query::guard::refusal::{Refusal, Rule};

/// The longest regular expression, in bytes: compiling one costs PostgreSQL memory that grows with its repetitions, and it
/// keeps 32 of them.
pub(super) const MOST_PATTERN: usize = 500;

/// The most that a bound of a repetition, as in `x{1,20}`, may be multiplied with those inside and around it.
const MOST_REPETITIONS: u64 = 255;

/// The most bytes that a regular expression may have when all that it repeats is written out.
const MOST_WRITTEN_OUT: u64 = 10_000;

/// A regular expression: one that is written down is judged here, another by its twin, which holds it to the same.
pub(super) fn regular_expression(pattern: &mut Node, location: i32) -> Verdict {
    if let Some(text) = tree::text(pattern) {
        return check(text, location);
    }
    let inner = std::mem::take(pattern);
    *pattern = made::twin("pattern", vec![inner]);
    Ok(())
}

/// Regular expressions in an array, each of them one that is compiled.
pub(super) fn regular_expressions(patterns: &mut Node, location: i32) -> Verdict {
    if let Some(text) = tree::text(patterns) {
        return check(text, location);
    }
    match &mut patterns.node {
        Some(NodeEnum::AArrayExpr(array)) => array
            .elements
            .iter_mut()
            .try_for_each(|pattern| regular_expression(pattern, location)),
        Some(NodeEnum::TypeCast(cast)) => match &mut cast.arg {
            Some(array) => regular_expressions(array, location),
            None => Err(many_patterns(location)),
        },
        _ => Err(many_patterns(location)),
    }
}

/// Regular expressions that come from rows or from a computed array: nothing here sees each of them.
pub(super) fn many_patterns(location: i32) -> Refusal {
    Refusal::construct_but(
        "a comparison with many regular expressions that are not written down",
        "write them as in x ~ ANY (ARRAY['a', 'b']), or compare by EXISTS (SELECT … WHERE x ~ pattern)",
    )
    .at(location)
}

/// Whether a regular expression that is written down is short and simple enough.
fn check(pattern: &str, location: i32) -> Verdict {
    let bounds = pattern
        .split('{')
        .skip(1)
        .filter_map(|rest| rest.split_once('}'));
    let repetitions = bounds
        .map(|(bound, _)| tree::numbers(bound).fold(1, u64::max))
        .fold(1, u64::saturating_mul);
    let length = u64::try_from(pattern.len()).unwrap_or(u64::MAX);
    if pattern.len() <= MOST_PATTERN
        && repetitions <= MOST_REPETITIONS
        && (repetitions == 1 || length.saturating_mul(repetitions) <= MOST_WRITTEN_OUT)
    {
        return Ok(());
    }
    Err(Refusal::new(
        Rule::Cost,
        "the regular expression is too long, or repeats too much",
        format!("the most is {MOST_PATTERN} bytes, {MOST_REPETITIONS} for all bounds like {{1,20}} multiplied, and {MOST_WRITTEN_OUT} for bytes times bounds"),
    )
    .at(location))
}

/// A JSON path may only be written down, and may not look at the document again and again: `**` behind another one finds as
/// many things as there are ways through it, and so do a filter within a filter and lists of places.
pub(super) fn json_path(path: Option<&Node>, location: i32) -> Verdict {
    let refusal = |what, mend| Err(Refusal::new(Rule::Cost, what, mend).at(location));
    let Some(path) = path.and_then(|path| tree::text_as(path, &["jsonpath"])) else {
        return refusal(
            "a JSON path that is not written as a literal is not allowed",
            "write it into the statement, as in jsonb_path_query(x, '$.items[*]')",
        );
    };
    if path.contains("/*") {
        return refusal(
            "a JSON path with a comment is not allowed",
            "leave the comment out",
        );
    }
    let path = outside_quotes(&path.to_ascii_lowercase());
    let path = path.as_str();
    let filter = path.split_once('?').map(|(_, filter)| filter);
    if path.contains("**") || path.contains(',') {
        return refusal(
            "a JSON path with ** or a list of places is not allowed",
            "name the way to the value, as in '$.items[*].price'",
        );
    }
    if path.contains(".number(") || path.contains(".decimal(") {
        return refusal(
            "a JSON path that makes numbers of texts is not allowed",
            "take the value out by ->> and cast it",
        );
    }
    if path.contains("keyvalue") {
        return refusal(
            "a JSON path with keyvalue() is not allowed",
            "take the members apart by jsonb_each(x)",
        );
    }
    let is_several = |side: &&str| ["[*]", ".*", " to "].iter().any(|all| side.contains(all));
    let compared = filter.unwrap_or(path);
    if compared
        .split(['<', '>', '=', '!'])
        .filter(is_several)
        .count()
        > 1
    {
        return refusal(
            "a JSON path that compares several values with several others is not allowed",
            "compare with one value, as in '$.items[*] ? (@.price > 10)'",
        );
    }
    if path.contains("like_regex") {
        return refusal(
            "a JSON path with like_regex is not allowed",
            "take the value out by ->> and compare it by ~",
        );
    }
    if filter.is_some_and(|filter| filter.contains(['?', '$'])) {
        return refusal(
            "a JSON path whose filter holds another filter or $ is not allowed",
            "compare @ with a value, as in '$.items[*] ? (@.price > 10)'",
        );
    }
    Ok(())
}

/// How often a JSON path names the document or a part of it.
pub(super) fn places_of_document(path: &Node) -> u64 {
    let path = tree::text_as(path, &["jsonpath"]).unwrap_or_default();
    u64::try_from(path.matches(['$', '@']).count()).unwrap_or(u64::MAX)
}

/// A JSON path without what stands between its quotes.
fn outside_quotes(path: &str) -> String {
    let (mut outside, mut is_quoted, mut is_escaped) = (String::new(), false, false);
    for character in path.chars() {
        if is_quoted {
            is_quoted = is_escaped || character != '"';
            is_escaped = !is_escaped && character == '\\';
        } else if character == '"' {
            is_quoted = true;
        } else {
            outside.push(character);
        }
    }
    outside
}
