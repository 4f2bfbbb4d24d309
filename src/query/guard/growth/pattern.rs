//! Regular expressions: small programs that run over long values.

use pg_query::NodeEnum;
use pg_query::protobuf::{FuncCall, Node};

pub(super) use super::json_path::json_path;
use super::operator::operator_of;
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

/// The most optional parts of a regular expression that repeats a group, multiplied with the
/// repetitions: from each of them the automaton has an arc to each that follows. 120 take up to
/// 0.65 MiB and 30 ms, 400 take 6 MiB and 3 s.
const MAX_OPTIONAL_PARTS: u64 = 120;

/// The most word boundaries (`\y`, `\Y`), multiplied with the repetitions of groups: PostgreSQL
/// splits what stands around each of them in two. 20 in a row take 176 MiB before it
/// gives up, and `(?:\ya?)*` ten times takes 123 MiB and 0.9 s.
const MAX_WORD_BOUNDARIES: u64 = 8;

/// Bounds a regular expression: a literal here, a computed one in its bounded wrapper.
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
    Refusal::construct_with_hint(
        "a comparison with many regular expressions that are not written down",
        "write them as in x ~ ANY (ARRAY['a', 'b']), or compare by EXISTS (SELECT … WHERE x ~ pattern)",
    )
    .at(location)
}

/// What PostgreSQL keeps of a match for each group of the pattern (`setup_regexp_matches` of
/// regexp.c).
const BYTES_PER_GROUP: u64 = 8;

/// What it keeps of all matches, for each byte of the text, beside where each begins and ends:
/// where the groups do, if one of them is asked for.
pub(super) fn bytes_of_groups(name: &str, call: &FuncCall) -> u64 {
    let asks = match name {
        "regexp_matches" => true,
        "regexp_instr" => call.args.len() > 6,
        "regexp_substr" => call.args.len() > 5,
        _ => false,
    };
    if !asks {
        return 0;
    }
    let pattern = call.args.get(1).and_then(tree::text);
    let groups = pattern.map_or(MOST_PATTERN / 2, |pattern| pattern.matches('(').count());
    u64::try_from(groups)
        .unwrap_or(u64::MAX)
        .saturating_mul(BYTES_PER_GROUP)
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
    if pattern.split('{').skip(1).any(is_spread_bound) {
        return Err(Refusal::new(
            Rule::Cost,
            "a regular expression with blanks or a comment in a bound is not allowed",
            "write the bound as in x{1,20}",
        )
        .at(location));
    }
    if pattern.len() <= MOST_PATTERN
        && repetitions <= MOST_REPETITIONS
        && (repetitions == 1 || length.saturating_mul(repetitions) <= MOST_WRITTEN_OUT)
    {
        return check_optional_parts(pattern, location);
    }
    Err(Refusal::new(
        Rule::Cost,
        "the regular expression is too long, or repeats too much",
        format!("the most is {MOST_PATTERN} bytes, {MOST_REPETITIONS} for all bounds like {{1,20}} multiplied, and {MOST_WRITTEN_OUT} for bytes times bounds"),
    )
    .at(location))
}

/// Whether the automaton of a regular expression stays small.
fn check_optional_parts(pattern: &str, location: i32) -> Verdict {
    let groups = group_repetitions(pattern);
    let boundaries = pattern.matches("\\y").count() + pattern.matches("\\Y").count();
    let boundaries = u64::try_from(boundaries).unwrap_or(u64::MAX);
    if groups > 1 && optional_parts(pattern) > MAX_OPTIONAL_PARTS
        || boundaries.saturating_mul(groups) > MAX_WORD_BOUNDARIES
    {
        return Err(Refusal::new(
            Rule::Cost,
            "the regular expression repeats too many optional parts or word boundaries",
            format!(
                "the most is {MAX_OPTIONAL_PARTS} for parts like x?, x*, x|y or x{{0,1}} times the repetitions of groups like (x){{1,20}}, and {MAX_WORD_BOUNDARIES} for \\y times those; shorten the repetition, or write \\y(a|b)\\y for \\ya\\y|\\yb\\y"
            ),
        )
        .at(location));
    }
    Ok(())
}

/// What stands before each bound of a repetition, and the bound.
fn bounds(pattern: &str) -> impl Iterator<Item = (&str, &str)> {
    pattern.match_indices('{').filter_map(|(place, _)| {
        let (before, after) = pattern.split_at(place);
        let (bound, _) = after.get(1..)?.split_once('}')?;
        Some((before, bound))
    })
}

/// Whether a bound after this repeats a single character, or a set of them: anything else may be a
/// group, which blanks and comments can stand behind.
fn repeats_character(before: &str) -> bool {
    before.ends_with(|last: char| last.is_ascii_graphic() && !matches!(last, ')' | '\\'))
}

/// How often the groups of a regular expression are repeated, multiplied, whether or not one is in
/// another.
fn group_repetitions(pattern: &str) -> u64 {
    bounds(pattern)
        .filter(|(before, _)| !repeats_character(before))
        .map(|(_, bound)| tree::numbers(bound).fold(1, u64::max))
        .fold(1, u64::saturating_mul)
}

/// How many parts of a regular expression are optional when its groups are written out, at most:
/// SIMILAR TO has % for any text.
fn optional_parts(pattern: &str) -> u64 {
    let marks = pattern.matches(['?', '*', '|', '%']).count();
    let ranges = bounds(pattern)
        .filter(|(_, bound)| bound.contains(','))
        .map(|(before, bound)| {
            if repeats_character(before) {
                tree::numbers(bound).fold(1, u64::max)
            } else {
                1
            }
        });
    ranges
        .fold(
            u64::try_from(marks).unwrap_or(u64::MAX),
            u64::saturating_add,
        )
        .saturating_mul(group_repetitions(pattern))
}

/// What a backend keeps of a compiled regular expression.
const BYTES_PER_PATTERN: u64 = 16 << 10;

/// What a backend keeps for each pair of optional parts of a regular expression.
const BYTES_PER_PAIR: u64 = 64;

/// What the largest takes, such as `.?` 250 times. A backend keeps its last 32 regular expressions.
const MAX_BYTES_PER_PATTERN: u64 = 1 << 20;

/// Operators whose result is no text, whatever their sides.
const ARITHMETIC: [&str; 5] = ["+", "-", "*", "/", "%"];

/// What a backend keeps of the regular expressions that stand here; one that is computed is taken
/// for the largest.
pub(super) fn retained_bytes(patterns: &Node) -> u64 {
    if let Some(text) = tree::text(patterns) {
        let parts = optional_parts(text);
        return parts
            .saturating_mul(parts)
            .saturating_mul(BYTES_PER_PAIR)
            .saturating_add(BYTES_PER_PATTERN)
            .min(MAX_BYTES_PER_PATTERN);
    }
    match &patterns.node {
        // The place of a part, of `substring`: arithmetic gives no text.
        Some(NodeEnum::AConst(_)) => 0,
        Some(NodeEnum::AExpr(expr)) if ARITHMETIC.contains(&operator_of(expr)) => 0,
        Some(NodeEnum::AArrayExpr(array)) => array
            .elements
            .iter()
            .map(retained_bytes)
            .fold(0, u64::saturating_add),
        Some(NodeEnum::TypeCast(cast)) => cast.arg.as_deref().map_or(0, retained_bytes),
        _ => MAX_BYTES_PER_PATTERN,
    }
}

/// Whether what follows a brace may be a bound with something between its digits: the expanded
/// syntax, `(?x)` or the flag x, reads `{2 5 5}` and `{25#…` as it reads `{255}`.
fn is_spread_bound(rest: &str) -> bool {
    let bound = rest.split_once('}').map_or(rest, |(bound, _)| bound);
    let is_blank = |character: char| character.is_whitespace() || !character.is_ascii();
    bound
        .trim_start_matches(is_blank)
        .starts_with(|first: char| first.is_ascii_digit() || first == '#')
        && bound.contains(|character: char| is_blank(character) || character == '#')
}
