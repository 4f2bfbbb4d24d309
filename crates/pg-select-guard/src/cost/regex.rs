//! Regular expressions: small programs that run over long values.

use pg_query::NodeEnum;
use pg_query::protobuf::Node;

use super::edits::Edits;
use super::inspect;
use super::limits::{
    BYTES_PER_GROUP, BYTES_PER_OPTIONAL_PAIR, BYTES_PER_REGEX, MAX_BYTES_PER_REGEX,
    MAX_EXPANDED_REGEX_BYTES, MAX_OPTIONAL_PARTS, MAX_REGEX_BYTES, MAX_REPETITIONS,
    MAX_WORD_BOUNDARIES,
};
use super::operation::find_operator;
use super::units::{Bytes, to_u64};
use crate::catalog::Operator;
use crate::name::CheckOutcome;
use crate::refusal::{Refusal, Rule};

/// Bounds a regular expression: a literal here, a computed one in a bounded wrapper.
pub(super) fn bound_regex(pattern: &Node, location: i32, edits: &mut Edits) -> CheckOutcome {
    if let Some(text) = edits.text_literal(pattern) {
        return check_literal(text, location);
    }
    edits.wrap(pattern, "pattern", Vec::new());
    Ok(())
}

/// Bounds the regular expressions in an array. PostgreSQL compiles each of them.
pub(super) fn bound_regexes(patterns: &Node, location: i32, edits: &mut Edits) -> CheckOutcome {
    if edits.is_edited(patterns) {
        return Err(unknown_regexes(location));
    }
    if let Some(text) = edits.text_literal(patterns) {
        return check_literal(text, location);
    }
    match &patterns.node {
        Some(NodeEnum::AArrayExpr(array)) => array
            .elements
            .iter()
            .try_for_each(|pattern| bound_regex(pattern, location, edits)),
        Some(NodeEnum::TypeCast(cast)) => match &cast.arg {
            Some(array) => bound_regexes(array, location, edits),
            None => Err(unknown_regexes(location)),
        },
        _ => Err(unknown_regexes(location)),
    }
}

/// The refusal of regular expressions that come from rows or from a computed array, which cannot be
/// checked one by one.
pub(super) fn unknown_regexes(location: i32) -> Refusal {
    Refusal::construct_with_hint(
        "a comparison with many regular expressions that are not literals",
        "use literals, as in x ~ ANY (ARRAY['a', 'b']), or EXISTS (SELECT … WHERE x ~ pattern)",
    )
    .at(location)
}

/// Bytes that PostgreSQL keeps of all matches for each byte of the text, beside their positions, if
/// the positions of the groups are asked for. `None` stands for a computed pattern.
pub(super) fn group_bytes_per_byte(pattern: Option<&str>) -> u64 {
    let max_groups = (MAX_REGEX_BYTES / 2).count();
    let groups = pattern.map_or(max_groups, |pattern| to_u64(pattern.matches('(').count()));
    groups.saturating_mul(BYTES_PER_GROUP)
}

/// Checks whether a literal regular expression is short and simple enough.
fn check_literal(pattern: &str, location: i32) -> CheckOutcome {
    let bounds = pattern
        .split('{')
        .skip(1)
        .filter_map(|rest| rest.split_once('}'));
    let repetitions = bounds
        .map(|(bound, _)| inspect::numbers_in(bound).fold(1, u64::max))
        .fold(1, u64::saturating_mul);
    let length = Bytes::from_text(pattern);
    if pattern.split('{').skip(1).any(has_blank_in_bound) {
        return Err(Refusal::new(
            Rule::Cost,
            "a regular expression with blanks or a comment in a bound is not allowed",
            "write the bound as in x{1,20}",
        )
        .at(location));
    }
    if length <= MAX_REGEX_BYTES
        && repetitions <= MAX_REPETITIONS
        && (repetitions == 1 || length * repetitions <= MAX_EXPANDED_REGEX_BYTES)
    {
        return check_optional_parts(pattern, location);
    }
    Err(Refusal::new(
        Rule::Cost,
        "the regular expression is too long, or repeats too much",
        format!("the maximum is {MAX_REGEX_BYTES} bytes, {MAX_REPETITIONS} for the product of all bounds like {{1,20}}, and {MAX_EXPANDED_REGEX_BYTES} for bytes times bounds"),
    )
    .at(location))
}

/// Checks whether the automaton of a regular expression stays small.
fn check_optional_parts(pattern: &str, location: i32) -> CheckOutcome {
    let groups = group_repetitions(pattern);
    let boundaries = pattern.matches("\\y").count() + pattern.matches("\\Y").count();
    if groups > 1 && optional_parts(pattern) > MAX_OPTIONAL_PARTS
        || to_u64(boundaries).saturating_mul(groups) > MAX_WORD_BOUNDARIES
    {
        return Err(Refusal::new(
            Rule::Cost,
            "the regular expression repeats too many optional parts or word boundaries",
            format!(
                "the maximum is {MAX_OPTIONAL_PARTS} for parts like x?, x*, x|y or x{{0,1}} times the repetitions of groups like (x){{1,20}}, and {MAX_WORD_BOUNDARIES} for \\y times those; shorten the repetition, or write \\y(a|b)\\y for \\ya\\y|\\yb\\y"
            ),
        )
        .at(location));
    }
    Ok(())
}

/// All quantifier bounds, each with the text before it.
fn quantifier_bounds(pattern: &str) -> impl Iterator<Item = (&str, &str)> {
    pattern.match_indices('{').filter_map(|(position, _)| {
        let (before, after) = pattern.split_at(position);
        let (bound, _) = after.get(1..)?.split_once('}')?;
        Some((before, bound))
    })
}

/// Whether a quantifier behind this text repeats a single character or a bracket expression.
/// Anything else may be a group, as blanks and comments can stand behind one.
fn repeats_character(before: &str) -> bool {
    before.ends_with(|last: char| last.is_ascii_graphic() && !matches!(last, ')' | '\\'))
}

/// The product of all repetitions of groups, nested or not.
fn group_repetitions(pattern: &str) -> u64 {
    quantifier_bounds(pattern)
        .filter(|(before, _)| !repeats_character(before))
        .map(|(_, bound)| inspect::numbers_in(bound).fold(1, u64::max))
        .fold(1, u64::saturating_mul)
}

/// Upper bound of the optional parts of a regular expression with its groups expanded. SIMILAR TO
/// writes % for any text.
fn optional_parts(pattern: &str) -> u64 {
    let marks = pattern.matches(['?', '*', '|', '%']).count();
    let ranges = quantifier_bounds(pattern)
        .filter(|(_, bound)| bound.contains(','))
        .map(|(before, bound)| {
            if repeats_character(before) {
                inspect::numbers_in(bound).fold(1, u64::max)
            } else {
                1
            }
        });
    ranges
        .fold(to_u64(marks), u64::saturating_add)
        .saturating_mul(group_repetitions(pattern))
}

/// Memory that a backend retains for regular expressions. A computed one counts as the largest.
pub(super) fn retained_bytes(patterns: &Node) -> Bytes {
    if let Some(text) = inspect::text_literal(patterns) {
        let parts = optional_parts(text);
        let automaton = BYTES_PER_OPTIONAL_PAIR * parts * parts + BYTES_PER_REGEX;
        return automaton.min(MAX_BYTES_PER_REGEX);
    }
    match &patterns.node {
        // The start position in a call of `substring`: arithmetic returns no text.
        Some(NodeEnum::AConst(_)) => Bytes::ZERO,
        Some(NodeEnum::AExpr(expr)) if find_operator(expr).is_some_and(Operator::is_arithmetic) => {
            Bytes::ZERO
        }
        Some(NodeEnum::AArrayExpr(array)) => array.elements.iter().map(retained_bytes).sum(),
        Some(NodeEnum::TypeCast(cast)) => match cast.arg.as_deref() {
            Some(patterns) => retained_bytes(patterns),
            None => MAX_BYTES_PER_REGEX,
        },
        _ => MAX_BYTES_PER_REGEX,
    }
}

/// Whether what follows a brace may be a quantifier bound with blanks or comments between its
/// digits: in the expanded syntax, `(?x)` or the flag x, `{2 5 5}` and `{25#…` mean `{255}`.
fn has_blank_in_bound(rest: &str) -> bool {
    let bound = rest.split_once('}').map_or(rest, |(bound, _)| bound);
    let is_blank = |character: char| character.is_whitespace() || !character.is_ascii();
    bound
        .trim_start_matches(is_blank)
        .starts_with(|first: char| first.is_ascii_digit() || first == '#')
        && bound.contains(|character: char| is_blank(character) || character == '#')
}
