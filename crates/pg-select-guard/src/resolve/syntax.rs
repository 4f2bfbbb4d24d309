//! Queries on the AST of names.

use pg_query::NodeEnum;
use pg_query::protobuf::a_const::Val;
use pg_query::protobuf::{AConst, ColumnRef, Node};

use crate::name::names;

/// The value of a non-negative integer literal. In ORDER BY and GROUP BY it denotes an output
/// column.
pub(crate) fn integer_literal(node: &Node) -> Option<u64> {
    match &node.node {
        Some(NodeEnum::AConst(AConst {
            isnull: false,
            val: Some(Val::Ival(number)),
            ..
        })) => u64::try_from(number.ival).ok(),
        _ => None,
    }
}

/// The qualifier of `*` (`Some(None)`) or of `name.*` (`Some(Some(name))`).
pub(crate) fn star_qualifier(node: &Node) -> Option<Option<&str>> {
    match &node.node {
        Some(NodeEnum::ColumnRef(column)) => column_star_qualifier(column),
        _ => None,
    }
}

/// The same for a column reference.
pub(super) fn column_star_qualifier(column: &ColumnRef) -> Option<Option<&str>> {
    let (last, before) = column.fields.split_last()?;
    matches!(last.node, Some(NodeEnum::AStar(_))).then(|| names(before).last().copied())
}

/// A column name without a qualifier.
pub(super) fn unqualified_name(node: &Node) -> Option<&str> {
    match &node.node {
        Some(NodeEnum::ColumnRef(column)) => match names(&column.fields).as_slice() {
            [name] => Some(name),
            _ => None,
        },
        _ => None,
    }
}

/// Whether this is `(row).*`, which denotes all columns of a row.
pub(crate) fn is_row_expansion(node: &Node) -> bool {
    match &node.node {
        Some(NodeEnum::AIndirection(indirection)) => indirection
            .indirection
            .iter()
            .any(|step| matches!(step.node, Some(NodeEnum::AStar(_)))),
        _ => false,
    }
}

/// Whether this is `(ROW(…)).*`, of which PostgreSQL copies the row for each of its fields.
pub(crate) fn is_row_constructor_expansion(node: &Node) -> bool {
    let Some(NodeEnum::AIndirection(indirection)) = &node.node else {
        return false;
    };
    let arg = indirection.arg.as_deref().map(|arg| &arg.node);
    is_row_expansion(node) && matches!(arg, Some(Some(NodeEnum::RowExpr(_))))
}
