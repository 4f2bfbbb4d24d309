//! Operators: how large their results can be, and how long they can take.

use pg_query::NodeEnum;
use pg_query::protobuf::{AExpr, AExprKind, Node};

use super::call::{MOST_SEARCHED, too_long_for};
use super::count::{steps, within};
use super::pattern::{json_path, many_patterns, regular_expression, regular_expressions};
use super::size::{MOST_DIGITS, SMALL, Size};
use super::tree;
use crate::query::guard::name::{Verdict, names};
use crate::query::guard::refusal::Refusal;

/// Operators that look for the right side everywhere in the left one.
const LIKE: [&str; 4] = ["~~", "!~~", "~~*", "!~~*"];

/// Comparisons with a regular expression.
const REGULAR: [&str; 4] = ["~", "!~", "~*", "!~*"];

/// Operators whose steps are the product of what stands left and right of them: long numbers, and whether one array or
/// document holds another.
const MULTIPLYING: [&str; 11] = ["*", "/", "%", "^", "@>", "<@", "&&", "-", "?|", "?&", "@@"];

/// What stands left and right of an operator.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sides {
    pub(super) left: Size,
    pub(super) right: Size,
}

/// Measures an operation whose sides have been; a regular expression on its right may be put through a twin.
pub(super) fn operation(expr: &mut AExpr, sides: Sides) -> Result<Size, Refusal> {
    let Sides { left, right } = sides;
    let (kind, location) = (expr.kind(), expr.location);
    let operator = operator_of(expr).to_owned();
    patterns(expr, &operator)?;
    let value = match kind {
        AExprKind::AexprOp => value(expr, &operator, sides),
        AExprKind::AexprNullif => left.value,
        _ => 1,
    };
    within(&format!("the operator {operator}"), value, location)?;
    let mut size = Size::over(left.beside(right), value);
    let own = steps_of(&operator, left.value, right.value, location)?;
    size.steps = size.steps.saturating_add(own);
    Ok(size)
}

/// The steps of an operator, or of all those of `left operator ANY (right)`.
pub(super) fn steps_of(
    operator: &str,
    left: u64,
    right: u64,
    location: i32,
) -> Result<u64, Refusal> {
    if operator == "@@" && right > MOST_SEARCHED {
        // Of a text it makes a full-text query.
        return Err(too_long_for(
            "the operator @@",
            right,
            MOST_SEARCHED,
            location,
        ));
    }
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
    Refusal::construct_but(
        &format!("the operator {operator} with ANY or ALL"),
        "compare with one value at a time, joined by OR or AND",
    )
    .at(location)
}

/// Judges what the operator compiles of its right side.
fn patterns(expr: &mut AExpr, operator: &str) -> Verdict {
    let (kind, location) = (expr.kind(), expr.location);
    let many = matches!(kind, AExprKind::AexprOpAny | AExprKind::AexprOpAll);
    // The operator ~ of a number has no left side.
    let (Some(_), Some(right)) = (&expr.lexpr, &mut expr.rexpr) else {
        return Ok(());
    };
    match operator {
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
        "@?" => json_path(Some(right), location),
        // A literal is a JSON path here without a cast; it may be a full-text query, which has no $.
        "@@" if tree::is_path(right)
            || tree::text(right).is_some_and(|text| text.contains('$')) =>
        {
            json_path(Some(right), location)
        }
        _ => Ok(()),
    }
}

/// The most bytes of what `left operator right` makes.
fn value(expr: &AExpr, operator: &str, sides: Sides) -> u64 {
    let (left, right) = (sides.left.value, sides.right.value);
    match operator {
        // Of two full-text queries the last two make one.
        "||" | "&&" | "<->" => left.saturating_add(right).saturating_add(SMALL),
        "+" | "-" | "%" | "&" | "|" | "#" | "<<" | ">>" | "->" | "->>" | "#>" | "#>>" | "#-"
        | "@" | "!!" => left.max(right),
        "*" | "/" => left
            .saturating_add(right)
            .saturating_add(16)
            .min(MOST_DIGITS.max(left).max(right)),
        "^" => match expr.rexpr.as_deref().and_then(tree::integer) {
            Some(exponent) if exponent <= 100 => {
                left.saturating_mul(exponent.max(1)).min(MOST_DIGITS)
            }
            _ => power(left, right),
        },
        _ => SMALL, // comparisons, distances, roots of doubles
    }
}

/// A power of numbers whose exponent is not written down: two doubles give one, and ordinary numbers few digits.
fn power(base: u64, exponent: u64) -> u64 {
    if base <= SMALL && exponent <= SMALL {
        return 1_024;
    }
    MOST_DIGITS
}

/// Whether rows may be joined by this: by an equality, or what PostgreSQL makes one of.
pub(super) fn may_join(expr: &AExpr) -> bool {
    matches!(expr.kind(), AExprKind::AexprOp | AExprKind::AexprIn)
        && matches!(operator_of(expr), "=" | "<>")
}

/// Whether a JSON path may stand on the right.
pub(super) fn takes_path(expr: &AExpr) -> bool {
    expr.kind() == AExprKind::AexprOp && matches!(operator_of(expr), "@?" | "@@")
}

fn operator_of(expr: &AExpr) -> &str {
    names(&expr.name).last().copied().unwrap_or_default()
}
