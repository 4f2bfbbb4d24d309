//! Operators: how large their results can be, and how long they can take.

use pg_query::NodeEnum;
use pg_query::protobuf::{AExpr, AExprKind, Node};

use super::call::{OF_MATCHING, too_long_for};
use super::count::{steps, within};
use super::full_text::{MOST_SEARCHED, OF_PARSING, TSVECTOR_BYTES_PER_BYTE};
use super::json_path::{Read, json_path_steps};
use super::pattern::{many_patterns, regular_expression, regular_expressions};
use super::size::{MOST_DIGITS, SMALL, Size};
use super::{made, pattern, tree};
use crate::query::guard::name::{Verdict, names};
use crate::query::guard::refusal::Refusal;

/// Operators that look for the right side everywhere in the left one.
const LIKE: [&str; 4] = ["~~", "!~~", "~~*", "!~~*"];

/// Comparisons with a regular expression.
const REGULAR: [&str; 4] = ["~", "!~", "~*", "!~*"];

/// Operators whose steps are the product of what stands left and right of them: long numbers, and whether one array or
/// document holds another.
const MULTIPLYING: [&str; 10] = ["*", "/", "%", "@>", "<@", "&&", "-", "?|", "?&", "@@"];

/// Operators whose result may be a text, or JSON, where a side is.
const KEEPING: [&str; 7] = ["-", "->", "->>", "#>", "#>>", "#-", "||"];

/// The most that an exponent may be which only the running statement knows: the days of a year.
const MOST_EXPONENT: u64 = 366;

/// Operators that make JSON of JSON.
const OF_JSON: [&str; 5] = ["->", "#>", "#-", "-", "||"];

/// Operators that build a JSON document or a full-text query anew, where a side is one.
const REBUILDING: [&str; 6] = ["-", "#-", "||", "&&", "<->", "!!"];

/// What PostgreSQL holds for each byte of what it builds anew.
pub(super) const OF_REBUILDING: u64 = 35;

/// Digits that may be added to a number without being counted: those of a column's value.
const FEW_DIGITS: u64 = 16;

/// What stands left and right of an operator.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sides {
    pub(super) left: Size,
    pub(super) right: Size,
}

/// Measures an operation whose sides have been; a regular expression on its right may be put through a twin.
pub(super) fn operation(expr: &mut AExpr, sides: Sides) -> Result<Size, Refusal> {
    let (of_left, of_right) = copies(expr);
    let Sides { left, right } = sides;
    let (left, right) = (left.times(of_left), right.times(of_right));
    let (kind, location) = (expr.kind(), expr.location);
    let operator = operator_of(expr).to_owned();
    let of_path = patterns(expr, &operator, left.value)?;
    let value = match kind {
        AExprKind::AexprOp => value(expr, &operator, sides),
        AExprKind::AexprNullif => left.value,
        _ => 1,
    };
    within(&format!("the operator {operator}"), value, location)?;
    let mut size = Size::over(left.beside(right), value);
    size.spells = match kind {
        // Texts put together spell what none of them does.
        AExprKind::AexprOp if operator == "||" => true,
        AExprKind::AexprOp if KEEPING.contains(&operator.as_str()) => size.spells,
        AExprKind::AexprNullif => left.spells,
        _ => false,
    };
    size.json = sides.left.json && OF_JSON.contains(&operator.as_str());
    size.plain = match operator.as_str() {
        _ if kind == AExprKind::AexprNullif => left.plain,
        _ if kind != AExprKind::AexprOp => true,
        // Beside a text or an array, both are.
        "||" | "&&" | "<->" => left.plain || right.plain,
        name if OF_JSON.contains(&name) || REBUILDING.contains(&name) => left.plain,
        _ => true,
    };
    if REBUILDING.contains(&operator.as_str()) && !size.plain {
        size.held = size
            .held
            .saturating_add(value.saturating_mul(OF_REBUILDING));
    }
    if REGULAR.contains(&operator.as_str()) || kind == AExprKind::AexprSimilar {
        size.held = size
            .held
            .saturating_add(left.value.saturating_mul(OF_MATCHING));
    }
    let casts_path = expr.rexpr.as_deref().is_some_and(tree::is_path);
    if operator == "@@" && left.spells && !left.json && !casts_path {
        // Of texts it makes what `to_tsvector` and `plainto_tsquery` make.
        let parsed = left
            .value
            .saturating_mul(OF_PARSING + TSVECTOR_BYTES_PER_BYTE);
        size.held = size.held.saturating_add(parsed);
    }
    if operator == "@@" && right.spells && right.value > MOST_SEARCHED {
        return Err(too_long_for(
            "the operator @@",
            right.value,
            MOST_SEARCHED,
            location,
        ));
    }
    let own = match operator.as_str() {
        "^" if kind == AExprKind::AexprOp => power_steps(value, location)?,
        _ => steps_of(&operator, left.value, right.value, location)?,
    };
    size.steps = size.steps.saturating_add(own).saturating_add(of_path);
    Ok(size)
}

/// What a backend keeps of the regular expressions on the right of an operator.
pub(super) fn retained_bytes(expr: &AExpr) -> u64 {
    let is_similar = expr.kind() == AExprKind::AexprSimilar;
    match (expr.lexpr.as_deref(), expr.rexpr.as_deref()) {
        (Some(_), Some(right)) if is_similar => match &right.node {
            Some(NodeEnum::FuncCall(escaped)) => {
                escaped.args.first().map_or(0, pattern::retained_bytes)
            }
            _ => 0,
        },
        (Some(_), Some(right)) if REGULAR.contains(&operator_of(expr)) => {
            pattern::retained_bytes(right)
        }
        _ => 0,
    }
}

/// How often PostgreSQL's parser copies what stands left and right: BETWEEN and IN become comparisons with each side of their
/// own (`transformAExprBetween` and `transformAExprIn` of its parse_expr.c).
pub(super) fn copies(expr: &AExpr) -> (u64, u64) {
    match expr.kind() {
        AExprKind::AexprBetween | AExprKind::AexprNotBetween => (2, 1),
        AExprKind::AexprBetweenSym | AExprKind::AexprNotBetweenSym => (4, 2),
        AExprKind::AexprIn => {
            let computed = items_of(expr)
                .iter()
                .filter(|item| !tree::is_constant(item))
                .count();
            (u64::try_from(computed).unwrap_or(u64::MAX).max(1), 1)
        }
        _ => (1, 1),
    }
}

/// The steps of an operator, or of all those of `left operator ANY (right)`.
pub(super) fn steps_of(
    operator: &str,
    left: u64,
    right: u64,
    location: i32,
) -> Result<u64, Refusal> {
    if LIKE.contains(&operator) {
        return steps("LIKE", left, right, location);
    }
    if MULTIPLYING.contains(&operator) {
        // By four digits of a number at a time, by elements of at least four bytes of an array.
        return steps(
            &format!("the operator {operator}"),
            left / 4,
            right / 4,
            location,
        );
    }
    Ok(0)
}

/// Whether each row of a sub-select may be what stands on the right of an operator.
pub(super) fn over_rows(operator: &[Node], location: i32) -> Verdict {
    match names(operator).last() {
        Some(operator) if REGULAR.contains(operator) => Err(many_patterns(location)),
        Some(operator @ (&"@?" | &"@@")) => Err(over_many(operator, location)),
        _ => Ok(()),
    }
}

fn over_many(operator: &str, location: i32) -> Refusal {
    Refusal::construct_with_hint(
        &format!("the operator {operator} with ANY or ALL"),
        "compare with one value at a time, joined by OR or AND",
    )
    .at(location)
}

/// Judges what the operator compiles of its right side; gives the steps of a JSON path over a
/// document of so many bytes.
fn patterns(expr: &mut AExpr, operator: &str, document: u64) -> Result<u64, Refusal> {
    let (kind, location) = (expr.kind(), expr.location);
    let many = matches!(kind, AExprKind::AexprOpAny | AExprKind::AexprOpAll);
    // The operator ~ of a number has no left side.
    let (Some(_), Some(right)) = (&expr.lexpr, &mut expr.rexpr) else {
        return Ok(0);
    };
    let read = Read {
        document,
        variables: 0,
    };
    let verdict = match operator {
        _ if kind == AExprKind::AexprSimilar => match &mut right.node {
            // The pattern itself; around it PostgreSQL has put what makes a regular expression of it.
            Some(NodeEnum::FuncCall(escaped)) => escaped
                .args
                .first_mut()
                .map_or(Ok(()), |pattern| regular_expression(pattern, location)),
            _ => Err(Refusal::construct("this SIMILAR TO").at(location)),
        },
        operator if REGULAR.contains(&operator) && many => regular_expressions(right, location),
        operator if REGULAR.contains(&operator) => regular_expression(right, location),
        "@?" | "@@" if many => Err(over_many(operator, location)),
        "@?" => return json_path_steps(Some(right), read, location),
        // A literal is a JSON path here without a cast; it may be a full-text query, which has no $.
        "@@" if tree::is_path(right)
            || tree::text(right).is_some_and(|text| text.contains('$')) =>
        {
            return json_path_steps(Some(right), read, location);
        }
        _ => Ok(()),
    };
    verdict.map(|()| 0)
}

/// The most bytes of what `left operator right` makes.
fn value(expr: &mut AExpr, operator: &str, sides: Sides) -> u64 {
    let (left, right) = (sides.left.value, sides.right.value);
    match operator {
        // All bits the other way round.
        "~" if expr.lexpr.is_none() => right,
        // The distance of two vectors.
        "<->" if sides.left.plain || sides.right.plain => SMALL,
        // Of two full-text queries the last two make one.
        "||" | "&&" | "<->" => left.saturating_add(right).saturating_add(SMALL),
        // Multiranges keep the ranges of both, and numbers the digits; a few more do not matter.
        "+" | "-" | "%" if left.min(right) > FEW_DIGITS => left.saturating_add(right),
        "+" | "-" | "%" | "&" | "|" | "#" | "<<" | ">>" | "->" | "->>" | "#>" | "#>>" | "#-"
        | "@" | "!!" => left.max(right),
        "*" | "/" => left
            .saturating_add(right)
            .saturating_add(16)
            .min(MOST_DIGITS.max(left).max(right)),
        "^" if expr.lexpr.as_deref().is_some_and(tree::is_float) => SMALL,
        "^" => power(left, expr.rexpr.as_deref_mut()),
        _ => SMALL, // comparisons, distances, roots of doubles
    }
}

/// The most bytes of a power. An exponent that only the running statement knows goes through a twin.
/// With a `float8` PostgreSQL computes a `float8`.
pub(super) fn power(base: u64, exponent: Option<&mut Node>) -> u64 {
    let most = match exponent {
        Some(node) if tree::is_float(node) => return SMALL,
        Some(node) => match tree::magnitude(node) {
            Some(exponent) => exponent,
            // Without a type, it could not be given to the twin.
            None if tree::is_null(node) => 1,
            None => {
                let inner = std::mem::take(node);
                *node = made::twin("exponent", vec![inner, made::number(MOST_EXPONENT)]);
                MOST_EXPONENT
            }
        },
        None => 1,
    };
    base.max(8).saturating_mul(most).clamp(SMALL, MOST_DIGITS)
}

/// Of the product of a power's digits with themselves, how much is a step: 127,500 digits take 6.6
/// ms, 5,900 take 0.11 ms.
const PRODUCTS_PER_STEP: u64 = 64;

/// The steps of a power that has so many bytes: it is multiplied with itself, four digits at a
/// time.
pub(super) fn power_steps(bytes: u64, location: i32) -> Result<u64, Refusal> {
    let limbs = bytes / 4;
    steps("a power", limbs, limbs / PRODUCTS_PER_STEP, location)
}

/// Whether rows may be joined by this: by an equality, or what PostgreSQL makes one of.
pub(super) fn may_join(expr: &AExpr) -> bool {
    let compares_one = match expr.kind() {
        AExprKind::AexprOp => true,
        AExprKind::AexprIn => items_of(expr).len() == 1,
        _ => false,
    };
    compares_one && matches!(operator_of(expr), "=" | "<>")
}

/// Whether this compares by `=` or `<>`, of which PostgreSQL makes an equality where it is negated.
pub(super) fn compares_equal(expr: &AExpr) -> bool {
    let compares = matches!(
        expr.kind(),
        AExprKind::AexprOp | AExprKind::AexprIn | AExprKind::AexprOpAny | AExprKind::AexprOpAll
    );
    compares && matches!(operator_of(expr), "=" | "<>")
}

/// Whether the right side is an array: `left operator ANY (right)`.
pub(super) fn is_of_array(kind: i32) -> bool {
    [AExprKind::AexprOpAny, AExprKind::AexprOpAll]
        .map(i32::from)
        .contains(&kind)
}

/// Whether PostgreSQL concludes other equalities from this one.
pub(super) fn is_equality(expr: &AExpr) -> bool {
    matches!(expr.kind(), AExprKind::AexprOp | AExprKind::AexprIn) && operator_of(expr) == "="
}

/// The items of `left IN (…)`.
fn items_of(expr: &AExpr) -> &[Node] {
    match expr.rexpr.as_deref().map(|list| &list.node) {
        Some(Some(NodeEnum::List(list))) => &list.items,
        _ => &[],
    }
}

/// Whether a JSON path may stand on the right.
pub(super) fn takes_path(expr: &AExpr) -> bool {
    expr.kind() == AExprKind::AexprOp && matches!(operator_of(expr), "@?" | "@@")
}

pub(super) fn operator_of(expr: &AExpr) -> &str {
    names(&expr.name).last().copied().unwrap_or_default()
}
