//! Queries on AST nodes that the client wrote.

use pg_query::NodeEnum;
use pg_query::protobuf::a_const::Val;
use pg_query::protobuf::{AConst, Node, SelectStmt, SubLinkType};

use crate::name::names;
pub(super) use crate::resolve::{
    integer_literal, is_row_constructor_expansion, is_row_expansion, star_qualifier,
};

/// Whether this is a negative integer literal.
pub(super) fn is_negative_literal(node: &Node) -> bool {
    match &node.node {
        Some(NodeEnum::AConst(AConst {
            val: Some(Val::Ival(number)),
            ..
        })) => number.ival < 0,
        _ => false,
    }
}

/// The absolute value of a numeric literal, rounded up; a quoted number counts as well.
pub(super) fn numeric_magnitude(node: &Node) -> Option<u64> {
    let Some(NodeEnum::AConst(constant)) = &node.node else {
        return None;
    };
    let text = match &constant.val {
        Some(Val::Ival(number)) => return Some(u64::from(number.ival.unsigned_abs())),
        Some(Val::Fval(number)) => &number.fval,
        Some(Val::Sval(text)) => &text.sval,
        _ => return None,
    };
    // Numbers with an exponent are not supported.
    if text.contains(['e', 'E', '_']) {
        return None;
    }
    let whole = text.trim().split('.').next().unwrap_or_default();
    let whole = whole.trim_start_matches(['+', '-']);
    Some(whole.parse().unwrap_or(u64::MAX / 2) + 1)
}

pub(super) fn is_null_literal(node: &Node) -> bool {
    match &node.node {
        None => true, // LIMIT ALL
        Some(NodeEnum::AConst(constant)) => constant.isnull,
        _ => false,
    }
}

/// The value of a text literal, with or without a cast that leaves it unchanged.
pub(super) fn text_literal(node: &Node) -> Option<&str> {
    text_literal_as(node, &["text", "varchar"])
}

/// The value of a text literal that may be cast to one of these types without a type modifier.
pub(super) fn text_literal_as<'a>(node: &'a Node, types: &[&str]) -> Option<&'a str> {
    match &node.node {
        Some(NodeEnum::AConst(AConst {
            val: Some(Val::Sval(text)),
            ..
        })) => Some(&text.sval),
        Some(NodeEnum::TypeCast(cast)) => {
            let target = cast.type_name.as_ref()?;
            let is_same = target.typmods.is_empty()
                && names(&target.names)
                    .last()
                    .is_some_and(|name| types.contains(name));
            is_same.then_some(())?;
            text_literal_as(cast.arg.as_deref()?, types)
        }
        _ => None,
    }
}

/// The maximum of `measure` over the two ways PostgreSQL may read a text: verbatim, and as an array
/// or a range, where quotes and backslashes are removed.
pub(super) fn max_over_readings<T: Ord>(text: &str, measure: impl Fn(&str) -> T) -> T {
    let verbatim = measure(text);
    if text.contains(['"', '\\']) {
        verbatim.max(measure(&text.replace(['"', '\\'], "")))
    } else {
        verbatim
    }
}

/// Whether this is a cast to `jsonpath`.
pub(super) fn is_json_path(node: &Node) -> bool {
    is_cast_to(node, "jsonpath")
}

/// Whether this is `value::name`.
pub(super) fn is_cast_to(node: &Node, name: &str) -> bool {
    match &node.node {
        Some(NodeEnum::TypeCast(cast)) => cast.type_name.as_ref().is_some_and(|target| {
            target.array_bounds.is_empty() && names(&target.names).last() == Some(&name)
        }),
        _ => false,
    }
}

/// Whether this is `value::float8`.
pub(super) fn is_float8_cast(node: &Node) -> bool {
    is_cast_to(node, "float8")
}

/// All digit sequences in a text, whatever they denote.
pub(super) fn numbers_in(text: &str) -> impl Iterator<Item = u64> {
    text.split(|character: char| !character.is_ascii_digit())
        .filter(|digits| !digits.is_empty())
        .map(|digits| digits.parse().unwrap_or(u64::from(u32::MAX)))
}

/// Whether this is a literal, with or without a cast.
pub(super) fn is_literal(node: &Node) -> bool {
    match &node.node {
        Some(NodeEnum::AConst(_)) => true,
        Some(NodeEnum::TypeCast(cast)) => cast.arg.as_deref().is_some_and(is_literal),
        _ => false,
    }
}

/// What a cast is applied to.
pub(super) fn cast_operand(node: &Node) -> Option<&Node> {
    match &node.node {
        Some(NodeEnum::TypeCast(cast)) => cast.arg.as_deref(),
        _ => None,
    }
}

/// Whether this computes a value that can be moved into a scalar subquery without a change of
/// meaning. A literal cannot, as its type depends on its context; neither can a part of another
/// construct's syntax.
pub(super) fn is_computation(node: &Node) -> bool {
    matches!(
        node.node,
        Some(
            NodeEnum::AExpr(_)
                | NodeEnum::TypeCast(_)
                | NodeEnum::FuncCall(_)
                | NodeEnum::JsonObjectConstructor(_)
                | NodeEnum::JsonArrayConstructor(_)
                | NodeEnum::JsonScalarExpr(_)
                | NodeEnum::JsonParseExpr(_)
                | NodeEnum::JsonFuncExpr(_)
                | NodeEnum::CoalesceExpr(_)
                | NodeEnum::MinMaxExpr(_)
                | NodeEnum::CaseExpr(_)
                | NodeEnum::AArrayExpr(_)
                | NodeEnum::AIndirection(_)
        )
    )
}

/// Whether this is a named argument, `name => value`.
pub(super) fn is_named_argument(arg: &Node) -> bool {
    matches!(arg.node, Some(NodeEnum::NamedArgExpr(_)))
}

/// A node that holds a query, and the query.
pub(super) fn query(node: &Node) -> Option<(&Node, &SelectStmt)> {
    match &node.node {
        Some(NodeEnum::SelectStmt(select)) => Some((node, select)),
        _ => None,
    }
}

pub(super) fn is_sub_link(node: &Node) -> bool {
    matches!(node.node, Some(NodeEnum::SubLink(_)))
}

/// Whether this is a literal without a cast.
pub(super) fn is_constant(node: &Node) -> bool {
    matches!(node.node, Some(NodeEnum::AConst(_)))
}

/// Whether this constructs an array, element by element.
pub(super) fn is_array_constructor(node: &Node) -> bool {
    array_elements(node).is_some()
}

/// The elements of an array constructor.
pub(super) fn array_elements(node: &Node) -> Option<&[Node]> {
    match &node.node {
        Some(NodeEnum::AArrayExpr(array)) => Some(&array.elements),
        _ => None,
    }
}

pub(super) fn is_exists(node: &Node) -> bool {
    match &node.node {
        Some(NodeEnum::SubLink(link)) => link.sub_link_type() == SubLinkType::ExistsSublink,
        _ => false,
    }
}

/// Whether this is `SELECT value` and nothing else.
pub(super) fn is_single_value_select(select: &SelectStmt) -> bool {
    select.target_list.len() == 1
        && select.from_clause.is_empty()
        && *select
            == SelectStmt {
                target_list: select.target_list.clone(),
                limit_option: select.limit_option,
                op: select.op,
                ..SelectStmt::default()
            }
}

/// Number of columns of a query, if its text determines it.
pub(super) fn column_count(select: &SelectStmt) -> Option<usize> {
    if let Some(left) = &select.larg {
        return column_count(left);
    }
    if let Some(row) = select.values_lists.first() {
        return match &row.node {
            Some(NodeEnum::List(row)) => Some(row.items.len()),
            _ => None,
        };
    }
    let is_one = |target: &Node| match &target.node {
        Some(NodeEnum::ResTarget(target)) => {
            let value = target.val.as_deref();
            value.is_some_and(|value| star_qualifier(value).is_none() && !is_row_expansion(value))
        }
        _ => false,
    };
    let targets = &select.target_list;
    targets.iter().all(is_one).then_some(targets.len())
}
