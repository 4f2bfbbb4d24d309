//! Queries on operations that the client wrote: which operator, which kind of comparison.

use pg_query::NodeEnum;
use pg_query::protobuf::{AExpr, AExprKind, Node};

use super::units::to_u64;
use crate::catalog::{self, Equality, Operator, Pattern};
use crate::name::names;

/// The operator of an expression. BETWEEN stands for two comparisons.
pub(super) fn find_operator(expr: &AExpr) -> Option<&'static Operator> {
    let name = match expr.kind() {
        AExprKind::AexprBetween
        | AExprKind::AexprNotBetween
        | AExprKind::AexprBetweenSym
        | AExprKind::AexprNotBetweenSym => "<=",
        _ => names(&expr.name).last().copied().unwrap_or_default(),
    };
    catalog::operator(name)
}

/// How often PostgreSQL's parser copies the left and the right operand: it expands BETWEEN and IN
/// into comparisons with their own operands (`transformAExprBetween` and `transformAExprIn` in
/// parse_expr.c).
pub(super) fn parser_copies(expr: &AExpr) -> (u64, u64) {
    match expr.kind() {
        AExprKind::AexprBetween | AExprKind::AexprNotBetween => (2, 1),
        AExprKind::AexprBetweenSym | AExprKind::AexprNotBetweenSym => (4, 2),
        AExprKind::AexprIn => (to_u64(in_list(expr).len()).max(1), 1),
        AExprKind::AexprOp
        | AExprKind::AexprOpAny
        | AExprKind::AexprOpAll
        | AExprKind::AexprDistinct
        | AExprKind::AexprNotDistinct
        | AExprKind::AexprNullif
        | AExprKind::AexprLike
        | AExprKind::AexprIlike
        | AExprKind::AexprSimilar
        | AExprKind::Undefined => (1, 1),
    }
}

/// Whether the right operand is an array: `left operator ANY (right)`.
pub(super) fn is_array_comparison(kind: i32) -> bool {
    [AExprKind::AexprOpAny, AExprKind::AexprOpAll]
        .map(i32::from)
        .contains(&kind)
}

/// Whether the right operand may be a JSON path.
pub(super) fn may_take_json_path(expr: &AExpr) -> bool {
    let pattern = find_operator(expr).map(|operator| operator.pattern);
    expr.kind() == AExprKind::AexprOp
        && matches!(pattern, Some(Pattern::Path | Pattern::PathOrTsquery))
}

/// Whether PostgreSQL may join rows by this: an equality, or a comparison it turns into one.
pub(super) fn may_join(expr: &AExpr) -> bool {
    let compares_one = match expr.kind() {
        AExprKind::AexprOp => true,
        AExprKind::AexprIn => in_list(expr).len() == 1,
        _ => false,
    };
    compares_one && equality(expr) != Equality::None
}

/// Whether this compares by `=` or `<>`. PostgreSQL turns a negated `<>` into an equality.
pub(super) fn compares_equal(expr: &AExpr) -> bool {
    let compares = matches!(
        expr.kind(),
        AExprKind::AexprOp | AExprKind::AexprIn | AExprKind::AexprOpAny | AExprKind::AexprOpAll
    );
    compares && equality(expr) != Equality::None
}

/// Whether PostgreSQL derives other equalities from this one (equivalence classes).
pub(super) fn is_equality(expr: &AExpr) -> bool {
    matches!(expr.kind(), AExprKind::AexprOp | AExprKind::AexprIn)
        && equality(expr) == Equality::Equal
}

fn equality(expr: &AExpr) -> Equality {
    find_operator(expr).map_or(Equality::None, |operator| operator.equality)
}

/// The items of `left IN (…)`.
fn in_list(expr: &AExpr) -> &[Node] {
    match expr.rexpr.as_deref().map(|list| &list.node) {
        Some(Some(NodeEnum::List(list))) => &list.items,
        _ => &[],
    }
}
