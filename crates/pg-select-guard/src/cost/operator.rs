//! Operators: how large their results can be, and how long they can take.

use pg_query::NodeEnum;
use pg_query::protobuf::{AExpr, AExprKind, Node};

use super::bound::{Bound, MAX_NUMERIC_BYTES, SCALAR_BYTES};
use super::call::{REGEX_BYTES_PER_BYTE, input_too_long};
use super::full_text::{
    MAX_TSQUERY_TEXT_BYTES, TSVECTOR_BYTES_PER_BYTE, TSVECTOR_PARSE_BYTES_PER_BYTE,
};
use super::json_path::{PathInput, bound_json_path};
use super::regex::{bound_regex, bound_regexes, unknown_regexes};
use super::totals::{check_steps, check_value_bytes};
use super::{build_ast, inspect, regex};
use crate::name::{Verdict, names};
use crate::refusal::Refusal;

/// Operators that search for the right operand everywhere in the left one.
const LIKE_OPERATORS: [&str; 4] = ["~~", "!~~", "~~*", "!~~*"];

/// Operators that match a regular expression.
const REGEX_OPERATORS: [&str; 4] = ["~", "!~", "~*", "!~*"];

/// Operators whose steps are the product of the operands' sizes: arithmetic on long numbers, and
/// containment of arrays and documents.
const QUADRATIC_OPERATORS: [&str; 10] = ["*", "/", "%", "@>", "<@", "&&", "-", "?|", "?&", "@@"];

/// Operators that return a text or JSON if an operand is one.
const TEXT_PRESERVING_OPERATORS: [&str; 7] = ["-", "->", "->>", "#>", "#>>", "#-", "||"];

/// Limit of an exponent that is known only at run time: the days of a year.
const MAX_EXPONENT: u64 = 366;

/// Operators that return JSON for a JSON operand.
const JSON_OPERATORS: [&str; 5] = ["->", "#>", "#-", "-", "||"];

/// Operators that rebuild an operand that is a JSON document or a `tsquery`.
const REBUILDING_OPERATORS: [&str; 6] = ["-", "#-", "||", "&&", "<->", "!!"];

/// Bytes that PostgreSQL holds for each byte of the rebuilt value.
pub(super) const REBUILD_BYTES_PER_BYTE: u64 = 35;

/// Sums of numbers up to this size do not count as longer: values of columns have as many digits.
const UNCOUNTED_DIGITS: u64 = 16;

/// The operands of an operator.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operands {
    pub(super) left: Bound,
    pub(super) right: Bound,
}

/// Bounds an operation, given the bounds of its operands. A regular expression on the right may get
/// a bounded wrapper.
pub(super) fn bound_operation(expr: &mut AExpr, operands: Operands) -> Result<Bound, Refusal> {
    let (left_copies, right_copies) = parser_copies(expr);
    let Operands { left, right } = operands;
    let (left, right) = (left.repeated(left_copies), right.repeated(right_copies));
    let (kind, location) = (expr.kind(), expr.location);
    let operator = operator_name(expr).to_owned();
    let path_steps = bound_patterns(expr, &operator, left.max_bytes)?;
    let value = match kind {
        AExprKind::AexprOp => result_bytes(expr, &operator, operands),
        AExprKind::AexprNullif => left.max_bytes,
        _ => 1,
    };
    check_value_bytes(&format!("the operator {operator}"), value, location)?;
    let mut bound = Bound::parent(left.with_sibling(right), value);
    bound.may_parse_as_number = match kind {
        // Concatenated texts may parse as a number although none of them does.
        AExprKind::AexprOp if operator == "||" => true,
        AExprKind::AexprOp if TEXT_PRESERVING_OPERATORS.contains(&operator.as_str()) => {
            bound.may_parse_as_number
        }
        AExprKind::AexprNullif => left.may_parse_as_number,
        _ => false,
    };
    bound.is_json = operands.left.is_json && JSON_OPERATORS.contains(&operator.as_str());
    bound.is_flat = match operator.as_str() {
        _ if kind == AExprKind::AexprNullif => left.is_flat,
        _ if kind != AExprKind::AexprOp => true,
        // If one operand is a text or an array, so is the other.
        "||" | "&&" | "<->" => left.is_flat || right.is_flat,
        name if JSON_OPERATORS.contains(&name) || REBUILDING_OPERATORS.contains(&name) => {
            left.is_flat
        }
        _ => true,
    };
    if REBUILDING_OPERATORS.contains(&operator.as_str()) && !bound.is_flat {
        bound.live_bytes = bound
            .live_bytes
            .saturating_add(value.saturating_mul(REBUILD_BYTES_PER_BYTE));
    }
    if REGEX_OPERATORS.contains(&operator.as_str()) || kind == AExprKind::AexprSimilar {
        bound.live_bytes = bound
            .live_bytes
            .saturating_add(left.max_bytes.saturating_mul(REGEX_BYTES_PER_BYTE));
    }
    let is_path_cast = expr.rexpr.as_deref().is_some_and(inspect::is_json_path);
    if operator == "@@" && left.may_parse_as_number && !left.is_json && !is_path_cast {
        // For texts, `@@` computes what `to_tsvector` and `plainto_tsquery` compute.
        let parsed = left
            .max_bytes
            .saturating_mul(TSVECTOR_PARSE_BYTES_PER_BYTE + TSVECTOR_BYTES_PER_BYTE);
        bound.live_bytes = bound.live_bytes.saturating_add(parsed);
    }
    if operator == "@@" && right.may_parse_as_number && right.max_bytes > MAX_TSQUERY_TEXT_BYTES {
        return Err(input_too_long(
            "the operator @@",
            right.max_bytes,
            MAX_TSQUERY_TEXT_BYTES,
            location,
        ));
    }
    let own_steps = match operator.as_str() {
        "^" if kind == AExprKind::AexprOp => power_steps(value, location)?,
        _ => operator_steps(&operator, left.max_bytes, right.max_bytes, location)?,
    };
    bound.uninterruptible_steps = bound
        .uninterruptible_steps
        .saturating_add(own_steps)
        .saturating_add(path_steps);
    Ok(bound)
}

/// Memory that a backend retains for the regular expressions on the right of an operator.
pub(super) fn retained_bytes(expr: &AExpr) -> u64 {
    let is_similar = expr.kind() == AExprKind::AexprSimilar;
    match (expr.lexpr.as_deref(), expr.rexpr.as_deref()) {
        (Some(_), Some(right)) if is_similar => match &right.node {
            Some(NodeEnum::FuncCall(escaped)) => {
                escaped.args.first().map_or(0, regex::retained_bytes)
            }
            _ => 0,
        },
        (Some(_), Some(right)) if REGEX_OPERATORS.contains(&operator_name(expr)) => {
            regex::retained_bytes(right)
        }
        _ => 0,
    }
}

/// How often PostgreSQL's parser copies the left and the right operand: it expands BETWEEN and IN
/// into comparisons with their own operands (`transformAExprBetween` and `transformAExprIn` in
/// parse_expr.c).
pub(super) fn parser_copies(expr: &AExpr) -> (u64, u64) {
    match expr.kind() {
        AExprKind::AexprBetween | AExprKind::AexprNotBetween => (2, 1),
        AExprKind::AexprBetweenSym | AExprKind::AexprNotBetweenSym => (4, 2),
        AExprKind::AexprIn => {
            let computed = in_list(expr)
                .iter()
                .filter(|item| !inspect::is_literal(item))
                .count();
            (u64::try_from(computed).unwrap_or(u64::MAX).max(1), 1)
        }
        _ => (1, 1),
    }
}

/// The uninterruptible steps of an operator, or of all comparisons of `left operator ANY (right)`.
pub(super) fn operator_steps(
    operator: &str,
    left: u64,
    right: u64,
    location: i32,
) -> Result<u64, Refusal> {
    if LIKE_OPERATORS.contains(&operator) {
        return check_steps("LIKE", left, right, location);
    }
    if QUADRATIC_OPERATORS.contains(&operator) {
        // Numbers are processed four digits at a time; an array element has at least four bytes.
        return check_steps(
            &format!("the operator {operator}"),
            left / 4,
            right / 4,
            location,
        );
    }
    Ok(0)
}

/// Checks whether an operator may be applied to each row of a subquery.
pub(super) fn check_operator_over_rows(operator: &[Node], location: i32) -> Verdict {
    match names(operator).last() {
        Some(operator) if REGEX_OPERATORS.contains(operator) => Err(unknown_regexes(location)),
        Some(operator @ (&"@?" | &"@@")) => Err(path_operator_over_array(operator, location)),
        _ => Ok(()),
    }
}

fn path_operator_over_array(operator: &str, location: i32) -> Refusal {
    Refusal::construct_with_hint(
        &format!("the operator {operator} with ANY or ALL"),
        "compare with one value at a time, joined by OR or AND",
    )
    .at(location)
}

/// Checks the patterns and paths that the operator compiles from its right operand. Returns the
/// steps of a JSON path over a document of this size.
fn bound_patterns(expr: &mut AExpr, operator: &str, document_bytes: u64) -> Result<u64, Refusal> {
    let (kind, location) = (expr.kind(), expr.location);
    let is_array = matches!(kind, AExprKind::AexprOpAny | AExprKind::AexprOpAll);
    // The operator ~ of a number (bitwise NOT) has no left operand.
    let (Some(_), Some(right)) = (&expr.lexpr, &mut expr.rexpr) else {
        return Ok(0);
    };
    let input = PathInput {
        document_bytes,
        variable_bytes: 0,
    };
    let verdict = match operator {
        _ if kind == AExprKind::AexprSimilar => match &mut right.node {
            // The argument of the function call that the parser has put around the pattern of
            // SIMILAR TO.
            Some(NodeEnum::FuncCall(escaped)) => escaped
                .args
                .first_mut()
                .map_or(Ok(()), |pattern| bound_regex(pattern, location)),
            _ => Err(Refusal::construct("this SIMILAR TO").at(location)),
        },
        operator if REGEX_OPERATORS.contains(&operator) && is_array => {
            bound_regexes(right, location)
        }
        operator if REGEX_OPERATORS.contains(&operator) => bound_regex(right, location),
        "@?" | "@@" if is_array => Err(path_operator_over_array(operator, location)),
        "@?" => return bound_json_path(Some(right), input, location),
        // A literal is a JSON path here even without a cast, or a `tsquery`, which contains no $.
        "@@" if inspect::is_json_path(right)
            || inspect::text_literal(right).is_some_and(|text| text.contains('$')) =>
        {
            return bound_json_path(Some(right), input, location);
        }
        _ => Ok(()),
    };
    verdict.map(|()| 0)
}

/// Bytes of the result of `left operator right`.
fn result_bytes(expr: &mut AExpr, operator: &str, operands: Operands) -> u64 {
    let (left, right) = (operands.left.max_bytes, operands.right.max_bytes);
    match operator {
        // Bitwise NOT (unary `~`).
        "~" if expr.lexpr.is_none() => right,
        // The distance of two vectors.
        "<->" if operands.left.is_flat || operands.right.is_flat => SCALAR_BYTES,
        // `&&` and `<->` combine two values of type `tsquery`.
        "||" | "&&" | "<->" => left.saturating_add(right).saturating_add(SCALAR_BYTES),
        // A multirange keeps the ranges of both operands, a sum the digits of both; a few digits do
        // not matter.
        "+" | "-" | "%" if left.min(right) > UNCOUNTED_DIGITS => left.saturating_add(right),
        "+" | "-" | "%" | "&" | "|" | "#" | "<<" | ">>" | "->" | "->>" | "#>" | "#>>" | "#-"
        | "@" | "!!" => left.max(right),
        "*" | "/" => left
            .saturating_add(right)
            .saturating_add(16)
            .min(MAX_NUMERIC_BYTES.max(left).max(right)),
        "^" if expr.lexpr.as_deref().is_some_and(inspect::is_float8_cast) => SCALAR_BYTES,
        "^" => power_bytes(left, expr.rexpr.as_deref_mut()),
        _ => SCALAR_BYTES, // comparisons, distances, roots of float8
    }
}

/// Bytes of a power. An exponent that is known only at run time gets a bounded wrapper. If it is a
/// `float8`, so is the result.
pub(super) fn power_bytes(base: u64, exponent: Option<&mut Node>) -> u64 {
    let max = match exponent {
        Some(node) if inspect::is_float8_cast(node) => return SCALAR_BYTES,
        Some(node) => match inspect::numeric_magnitude(node) {
            Some(exponent) => exponent,
            // An untyped NULL cannot be passed to the wrapper.
            None if inspect::is_null_literal(node) => 1,
            None => {
                let inner = std::mem::take(node);
                *node = build_ast::wrapper_call(
                    "exponent",
                    vec![inner, build_ast::integer(MAX_EXPONENT)],
                );
                MAX_EXPONENT
            }
        },
        None => 1,
    };
    base.max(8)
        .saturating_mul(max)
        .clamp(SCALAR_BYTES, MAX_NUMERIC_BYTES)
}

/// How many products of pairs of a power's digits count as one step: 127,500 digits take 6.6 ms,
/// 5,900 take 0.11 ms.
const PRODUCTS_PER_STEP: u64 = 64;

/// The uninterruptible steps of a power of this size: it multiplies numbers four digits at a time.
pub(super) fn power_steps(bytes: u64, location: i32) -> Result<u64, Refusal> {
    let limbs = bytes / 4;
    check_steps("a power", limbs, limbs / PRODUCTS_PER_STEP, location)
}

/// Whether PostgreSQL may join rows by this: an equality, or a comparison it turns into one.
pub(super) fn may_join(expr: &AExpr) -> bool {
    let compares_one = match expr.kind() {
        AExprKind::AexprOp => true,
        AExprKind::AexprIn => in_list(expr).len() == 1,
        _ => false,
    };
    compares_one && matches!(operator_name(expr), "=" | "<>")
}

/// Whether this compares by `=` or `<>`. PostgreSQL turns a negated `<>` into an equality.
pub(super) fn compares_equal(expr: &AExpr) -> bool {
    let compares = matches!(
        expr.kind(),
        AExprKind::AexprOp | AExprKind::AexprIn | AExprKind::AexprOpAny | AExprKind::AexprOpAll
    );
    compares && matches!(operator_name(expr), "=" | "<>")
}

/// Whether the right operand is an array: `left operator ANY (right)`.
pub(super) fn is_array_comparison(kind: i32) -> bool {
    [AExprKind::AexprOpAny, AExprKind::AexprOpAll]
        .map(i32::from)
        .contains(&kind)
}

/// Whether PostgreSQL derives other equalities from this one (equivalence classes).
pub(super) fn is_equality(expr: &AExpr) -> bool {
    matches!(expr.kind(), AExprKind::AexprOp | AExprKind::AexprIn) && operator_name(expr) == "="
}

/// The items of `left IN (…)`.
fn in_list(expr: &AExpr) -> &[Node] {
    match expr.rexpr.as_deref().map(|list| &list.node) {
        Some(Some(NodeEnum::List(list))) => &list.items,
        _ => &[],
    }
}

/// Whether the right operand may be a JSON path.
pub(super) fn may_take_json_path(expr: &AExpr) -> bool {
    expr.kind() == AExprKind::AexprOp && matches!(operator_name(expr), "@?" | "@@")
}

pub(super) fn operator_name(expr: &AExpr) -> &str {
    names(&expr.name).last().copied().unwrap_or_default()
}
