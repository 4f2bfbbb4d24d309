//! Operators: how large their results can be, and how long they can take.

use pg_query::NodeEnum;
use pg_query::protobuf::{AExpr, AExprKind};

use super::bound::Bound;
use super::edits::Edits;
use super::functions::{power_bytes, power_steps};
use super::json_path::{PathInput, bound_json_path};
use super::limits::{
    BYTES_PER_ITEM, MAX_TSQUERY_TEXT_BYTES, PRODUCT_OVERHEAD_DIGITS, REBUILD_BYTES_PER_BYTE,
    REGEX_BYTES_PER_BYTE, SCALAR_BYTES, TRUTH_VALUE_BYTES, TSVECTOR_BYTES_PER_BYTE,
    TSVECTOR_PARSE_BYTES_PER_BYTE, UNCOUNTED_DIGITS,
};
use super::operation::{find_operator, is_array_comparison, parser_copies};
use super::regex::{bound_regex, bound_regexes, unknown_regexes};
use super::totals::{check_steps, check_value_bytes, input_too_long};
use super::units::{Bytes, Steps};
use super::{inspect, regex};
use crate::catalog::{
    HeldBytes, NumberRule, Operator, OperatorDocumentRule, OperatorSizeRule, OperatorStepRule,
    Pattern,
};
use crate::name::CheckOutcome;
use crate::refusal::Refusal;

/// The operands of an operator.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operands {
    pub(super) left: Bound,
    pub(super) right: Bound,
}

/// What an operation returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Returned {
    /// What the operator returns.
    Result,
    /// The left operand, or NULL.
    LeftOperand,
    TruthValue,
}

impl Returned {
    /// `None` if the kind is unknown.
    fn from_kind(kind: AExprKind) -> Option<Self> {
        match kind {
            AExprKind::AexprOp => Some(Self::Result),
            AExprKind::AexprNullif => Some(Self::LeftOperand),
            AExprKind::AexprOpAny
            | AExprKind::AexprOpAll
            | AExprKind::AexprDistinct
            | AExprKind::AexprNotDistinct
            | AExprKind::AexprIn
            | AExprKind::AexprLike
            | AExprKind::AexprIlike
            | AExprKind::AexprSimilar
            | AExprKind::AexprBetween
            | AExprKind::AexprNotBetween
            | AExprKind::AexprBetweenSym
            | AExprKind::AexprNotBetweenSym => Some(Self::TruthValue),
            AExprKind::Undefined => None,
        }
    }
}

/// Bounds an operation, given the bounds of its operands. A regular expression on the right may get
/// a bounded wrapper.
pub(super) fn bound_operation(
    expr: &AExpr,
    operands: Operands,
    edits: &mut Edits,
) -> Result<Bound, Refusal> {
    let (left_copies, right_copies) = parser_copies(expr);
    let Operands { left, right } = operands;
    let (left, right) = (left.repeated(left_copies), right.repeated(right_copies));
    let (kind, location) = (expr.kind(), expr.location);
    let operator = find_operator(expr)
        .ok_or_else(|| Refusal::construct("an unknown operator").at(location))?;
    let path_steps = bound_patterns(expr, operator, left.max_bytes, edits)?;
    let returned = Returned::from_kind(kind)
        .ok_or_else(|| Refusal::construct("this operation").at(location))?;
    let value = match returned {
        Returned::Result => result_bytes(expr, operator, operands, edits),
        Returned::LeftOperand => left.max_bytes,
        Returned::TruthValue => TRUTH_VALUE_BYTES,
    };
    let name = operator.name;
    check_value_bytes(&format!("the operator {name}"), value, location)?;
    let mut bound = Bound::parent(left.with_sibling(right), value);
    bound.may_parse_as_number = match (returned, operator.number) {
        (Returned::LeftOperand, _) => left.may_parse_as_number,
        (Returned::Result, NumberRule::Always) => true,
        (Returned::Result, NumberRule::OfArguments) => bound.may_parse_as_number,
        (Returned::Result, NumberRule::Never) | (Returned::TruthValue, _) => false,
    };
    (bound.is_json, bound.is_flat) = match (returned, operator.document) {
        (Returned::LeftOperand, _) | (Returned::Result, OperatorDocumentRule::Any) => {
            (false, false)
        }
        (Returned::Result, OperatorDocumentRule::Either) => (false, left.is_flat || right.is_flat),
        (Returned::Result, OperatorDocumentRule::Tsquery) => (false, left.is_flat || right.is_flat),
        (Returned::Result, OperatorDocumentRule::Flat) | (Returned::TruthValue, _) => (false, true),
    };
    let rebuilt_bytes = if bound.is_flat { Bytes::ZERO } else { value };
    bound.live_bytes += held_bytes(operator, operands, rebuilt_bytes);
    if operator.pattern == Pattern::PathOrTsquery
        && right.may_parse_as_number
        && right.max_bytes > MAX_TSQUERY_TEXT_BYTES
    {
        return Err(input_too_long(
            &format!("the operator {name}"),
            right.max_bytes,
            MAX_TSQUERY_TEXT_BYTES,
            location,
        ));
    }
    let own_steps = match (returned, operator.steps) {
        (Returned::Result, OperatorStepRule::Power) => power_steps(value, location)?,
        _ => operator_steps(operator, left.max_bytes, right.max_bytes, location)?,
    };
    bound.uninterruptible_steps += own_steps + path_steps;
    Ok(bound)
}

/// Bytes that PostgreSQL holds while an operator runs. `rebuilt_bytes` is the size of its result if
/// that may be a document.
fn held_bytes(operator: &Operator, operands: Operands, rebuilt_bytes: Bytes) -> Bytes {
    let Operands { left, right: _ } = operands;
    match operator.held {
        HeldBytes::Nothing => Bytes::ZERO,
        HeldBytes::Regex => left.max_bytes * REGEX_BYTES_PER_BYTE,
        HeldBytes::Rebuild => rebuilt_bytes * REBUILD_BYTES_PER_BYTE,
        HeldBytes::Words => {
            // For texts, `@@` computes what `to_tsvector` and `plainto_tsquery` compute.
            left.max_bytes * (TSVECTOR_PARSE_BYTES_PER_BYTE + TSVECTOR_BYTES_PER_BYTE)
        }
    }
}

/// Memory that a backend retains for the regular expressions on the right of an operator.
pub(super) fn retained_bytes(expr: &AExpr) -> Bytes {
    let is_similar = expr.kind() == AExprKind::AexprSimilar;
    match (expr.lexpr.as_deref(), expr.rexpr.as_deref()) {
        (Some(_), Some(right)) if is_similar => match &right.node {
            Some(NodeEnum::FuncCall(escaped)) => escaped
                .args
                .first()
                .map_or(Bytes::ZERO, regex::retained_bytes),
            _ => regex::retained_bytes(right),
        },
        (Some(_), Some(right))
            if find_operator(expr).is_some_and(|operator| operator.pattern == Pattern::Regex) =>
        {
            regex::retained_bytes(right)
        }
        _ => Bytes::ZERO,
    }
}

/// The uninterruptible steps of an operator, or of all comparisons of `left operator ANY (right)`.
pub(super) fn operator_steps(
    operator: &Operator,
    left: Bytes,
    right: Bytes,
    location: i32,
) -> Result<Steps, Refusal> {
    match operator.steps {
        OperatorStepRule::None | OperatorStepRule::Power => Ok(Steps::default()),
        OperatorStepRule::Like => check_steps("LIKE", left.count(), right.count(), location),
        OperatorStepRule::Product => check_steps(
            &format!("the operator {}", operator.name),
            left / BYTES_PER_ITEM,
            right / BYTES_PER_ITEM,
            location,
        ),
    }
}

/// Checks whether an operator may be applied to each row of a subquery.
pub(super) fn check_operator_over_rows(operator: &Operator, location: i32) -> CheckOutcome {
    match operator.pattern {
        Pattern::None => Ok(()),
        Pattern::Regex => Err(unknown_regexes(location)),
        Pattern::Path | Pattern::PathOrTsquery => {
            Err(path_operator_over_array(operator.name, location))
        }
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
fn bound_patterns(
    expr: &AExpr,
    operator: &Operator,
    document_bytes: Bytes,
    edits: &mut Edits,
) -> Result<Steps, Refusal> {
    let (kind, location) = (expr.kind(), expr.location);
    let is_array = is_array_comparison(expr.kind);
    // The operator ~ of a number (bitwise NOT) has no left operand.
    let (Some(_), Some(right)) = (&expr.lexpr, expr.rexpr.as_deref()) else {
        return Ok(Steps::default());
    };
    let input = PathInput {
        document_bytes,
        variable_bytes: Bytes::ZERO,
    };
    let outcome = match operator.pattern {
        _ if kind == AExprKind::AexprSimilar => match &right.node {
            // The argument of the function call that the parser has put around the pattern of
            // SIMILAR TO.
            Some(NodeEnum::FuncCall(escaped)) if !edits.is_edited(right) => escaped
                .args
                .first()
                .map_or(Ok(()), |pattern| bound_regex(pattern, location, edits)),
            _ => Err(Refusal::construct("this SIMILAR TO").at(location)),
        },
        Pattern::None => Ok(()),
        Pattern::Regex if is_array => bound_regexes(right, location, edits),
        Pattern::Regex => bound_regex(right, location, edits),
        Pattern::Path | Pattern::PathOrTsquery if is_array => {
            Err(path_operator_over_array(operator.name, location))
        }
        Pattern::Path => return bound_json_path(Some(right), input, location, edits),
        // A literal is a JSON path here even without a cast, or a `tsquery`, which contains no $.
        Pattern::PathOrTsquery
            if inspect::is_json_path(right)
                || edits
                    .text_literal(right)
                    .is_some_and(|text| text.contains('$')) =>
        {
            return bound_json_path(Some(right), input, location, edits);
        }
        Pattern::PathOrTsquery => Ok(()),
    };
    outcome.map(|()| Steps::default())
}

/// Bytes of the result of `left operator right`.
fn result_bytes(expr: &AExpr, operator: &Operator, operands: Operands, edits: &mut Edits) -> Bytes {
    let (left, right) = (operands.left.max_bytes, operands.right.max_bytes);
    match operator.size {
        OperatorSizeRule::Fixed => SCALAR_BYTES,
        OperatorSizeRule::LongerOperand => left.max(right),
        OperatorSizeRule::Sum => sum_bytes(operands),
        // A multirange keeps the ranges of both operands, a sum the digits of both; a few digits do
        // not matter.
        OperatorSizeRule::Digits if left.min(right) > UNCOUNTED_DIGITS => left + right,
        OperatorSizeRule::Digits => left.max(right),
        OperatorSizeRule::Product => left + right + PRODUCT_OVERHEAD_DIGITS,
        OperatorSizeRule::Custom => {
            let mut rules = CUSTOM_RULES.iter();
            let rule = rules.find(|(name, _)| *name == operator.name);
            rule.map_or(Bytes::MAX, |(_, rule)| rule(expr, operands, edits))
        }
    }
}

/// The size rule of each operator whose size is `custom`, in bytes.
type CustomRule = fn(&AExpr, Operands, &mut Edits) -> Bytes;
pub(super) const CUSTOM_RULES: &[(&str, CustomRule)] =
    &[("<->", distance_bytes), ("^", power_operator_bytes)];

fn sum_bytes(operands: Operands) -> Bytes {
    operands.left.max_bytes + operands.right.max_bytes + SCALAR_BYTES
}

/// The distance of two vectors, or a phrase of two values of type `tsquery`.
fn distance_bytes(_: &AExpr, operands: Operands, _: &mut Edits) -> Bytes {
    if operands.left.is_flat || operands.right.is_flat {
        SCALAR_BYTES
    } else {
        sum_bytes(operands)
    }
}

fn power_operator_bytes(expr: &AExpr, operands: Operands, edits: &mut Edits) -> Bytes {
    if expr.lexpr.as_deref().is_some_and(inspect::is_float8_cast) {
        return SCALAR_BYTES;
    }
    power_bytes(operands.left.max_bytes, expr.rexpr.as_deref(), edits)
}
