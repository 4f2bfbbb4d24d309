//! The names of output columns, and those that PostgreSQL gives to columns without an alias.

use pg_query::NodeEnum;
use pg_query::protobuf::{
    AExprKind, JsonExprOp, MinMaxOp, Node, ResTarget, SelectStmt, SqlValueFunctionOp as Op,
    SubLink, SubLinkType,
};

use super::columns::{Column, ColumnData, UNKNOWN_NAME};
use super::syntax::{is_row_expansion, star_qualifier};

/// The name of a value in a select list, as the client wrote it.
#[derive(Debug)]
pub(crate) struct OutputName(String);

impl OutputName {
    pub(crate) fn new(value: &Node) -> Self {
        Self(figure_column_name(value).to_owned())
    }

    /// Whether only PostgreSQL knows the name.
    pub(crate) fn is_unknown(&self) -> bool {
        self.0 == UNKNOWN_NAME
    }

    /// The column of the value, which may become several columns if it is the expansion of a row.
    /// `alias` is its alias, empty if it has none.
    pub(crate) fn column<C: ColumnData>(
        &self,
        alias: &str,
        is_row_expansion: bool,
        data: C,
    ) -> Column<C> {
        if is_row_expansion || self.is_unknown() {
            return Column::may_exist(&self.0, data);
        }
        let name = if alias.is_empty() { &self.0 } else { alias };
        Column::new(name, data)
    }

    /// Makes the name the alias of a value that has lost it.
    pub(crate) fn restore(self, target: &mut ResTarget) {
        let value = target.val.as_deref();
        if target.name.is_empty() && value.is_some_and(|value| figure_column_name(value) != self.0)
        {
            target.name = self.0;
        }
    }
}

/// A name, and whether it yields to the name of another part of the expression.
type FiguredName<'a> = (&'a str, Strength);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Strength {
    /// The name of a type, or of CASE.
    Weak,
    Strong,
}

/// The name that PostgreSQL gives to the column of an expression
/// (<https://www.postgresql.org/docs/18/sql-select.html#SQL-SELECT-LIST>, and `FigureColname` in
/// parse_target.c).
pub(super) fn figure_column_name(node: &Node) -> &str {
    figure(node).map_or("?column?", |(name, _)| name)
}

fn figure(node: &Node) -> Option<FiguredName<'_>> {
    let strong = |name| Some((name, Strength::Strong));
    match node.node.as_ref()? {
        NodeEnum::ColumnRef(column) => last_name(&column.fields).and_then(strong),
        NodeEnum::AIndirection(indirection) => last_name(&indirection.indirection)
            .and_then(strong)
            .or_else(|| figure(indirection.arg.as_deref()?)),
        NodeEnum::FuncCall(call) => last_name(&call.funcname).and_then(strong),
        NodeEnum::AExpr(expr) if expr.kind() == AExprKind::AexprNullif => strong("nullif"),
        NodeEnum::TypeCast(cast) => {
            let of_type = || last_name(&cast.type_name.as_ref()?.names);
            cast.arg
                .as_deref()
                .and_then(strong_name)
                .and_then(strong)
                .or_else(|| Some((of_type()?, Strength::Weak)))
        }
        NodeEnum::CollateClause(collate) => figure(collate.arg.as_deref()?),
        NodeEnum::GroupingFunc(_) => strong("grouping"),
        NodeEnum::SubLink(link) => sub_link_name(link).and_then(strong),
        NodeEnum::CaseExpr(case) => {
            let of_else = case.defresult.as_deref().and_then(strong_name);
            of_else.and_then(strong).or(Some(("case", Strength::Weak)))
        }
        NodeEnum::JsonObjectConstructor(_) => strong("json_object"),
        NodeEnum::JsonArrayConstructor(_) | NodeEnum::JsonArrayQueryConstructor(_) => {
            strong("json_array")
        }
        NodeEnum::JsonParseExpr(_) => strong("json"),
        NodeEnum::JsonObjectAgg(_) => strong("json_objectagg"),
        NodeEnum::JsonArrayAgg(_) => strong("json_arrayagg"),
        NodeEnum::JsonScalarExpr(_) => strong("json_scalar"),
        NodeEnum::JsonFuncExpr(query) => match query.op() {
            JsonExprOp::JsonExistsOp => strong("json_exists"),
            JsonExprOp::JsonQueryOp => strong("json_query"),
            JsonExprOp::JsonValueOp => strong("json_value"),
            _ => None,
        },
        NodeEnum::AArrayExpr(_) => strong("array"),
        NodeEnum::RowExpr(_) => strong("row"),
        NodeEnum::CoalesceExpr(_) => strong("coalesce"),
        NodeEnum::MinMaxExpr(expr) => strong(match expr.op() {
            MinMaxOp::IsLeast => "least",
            _ => "greatest",
        }),
        NodeEnum::SqlvalueFunction(function) => {
            sql_value_function_name(function.op()).and_then(strong)
        }
        _ => None,
    }
}

fn strong_name(node: &Node) -> Option<&str> {
    figure(node).and_then(|(name, strength)| (strength == Strength::Strong).then_some(name))
}

/// The last part of a dotted name that is neither a star nor a subscript.
fn last_name(parts: &[Node]) -> Option<&str> {
    let mut names = parts.iter().rev().filter_map(|part| match &part.node {
        Some(NodeEnum::String(name)) => Some(name.sval.as_str()),
        _ => None,
    });
    names.next()
}

fn sub_link_name(link: &SubLink) -> Option<&str> {
    match link.sub_link_type() {
        SubLinkType::ExistsSublink => Some("exists"),
        SubLinkType::ArraySublink => Some("array"),
        SubLinkType::ExprSublink => match link.subselect.as_deref()?.node.as_ref()? {
            NodeEnum::SelectStmt(select) => Some(first_column_name(select)),
            _ => None,
        },
        _ => None,
    }
}

fn first_column_name(select: &SelectStmt) -> &str {
    if let Some(left) = &select.larg {
        return first_column_name(left);
    }
    match select.target_list.first().map(|target| &target.node) {
        Some(Some(NodeEnum::ResTarget(target))) if !target.name.is_empty() => &target.name,
        Some(Some(NodeEnum::ResTarget(target))) => match target.val.as_deref() {
            Some(value) if star_qualifier(value).is_some() || is_row_expansion(value) => {
                UNKNOWN_NAME
            }
            value => value.map_or("?column?", figure_column_name),
        },
        _ => "column1", // VALUES
    }
}

fn sql_value_function_name(op: Op) -> Option<&'static str> {
    match op {
        Op::SvfopCurrentDate => Some("current_date"),
        Op::SvfopCurrentTime | Op::SvfopCurrentTimeN => Some("current_time"),
        Op::SvfopCurrentTimestamp | Op::SvfopCurrentTimestampN => Some("current_timestamp"),
        Op::SvfopLocaltime | Op::SvfopLocaltimeN => Some("localtime"),
        Op::SvfopLocaltimestamp | Op::SvfopLocaltimestampN => Some("localtimestamp"),
        _ => None,
    }
}
