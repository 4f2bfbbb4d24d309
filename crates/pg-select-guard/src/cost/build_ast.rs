//! Builders of the AST nodes that the analysis adds to a statement.

use pg_query::NodeEnum;
use pg_query::protobuf::a_const::Val;
use pg_query::protobuf::{
    AConst, AExpr, AExprKind, AStar, Alias, Boolean, CaseExpr, CaseWhen, CoalesceExpr,
    CoercionForm, ColumnRef, FuncCall, Integer, JsonAggConstructor, JsonArrayAgg, JsonEncoding,
    JsonFormat, JsonFormatType, JsonOutput, JsonValueExpr, LimitOption, Node, RangeSubselect,
    ResTarget, SelectStmt, SetOperation, String as Name, SubLink, SubLinkType, TypeCast, TypeName,
};

use crate::name::CheckOutcome;
use crate::refusal::Refusal;

/// The schema of the bounded wrappers (`migrations/0004_bounded.sql`).
const WRAPPER_SCHEMA: &str = "bounded";

pub(super) fn integer(value: u64) -> Node {
    let ival = i32::try_from(value).unwrap_or(i32::MAX);
    literal(Val::Ival(Integer { ival }))
}

pub(super) fn text(value: &str) -> Node {
    literal(Val::Sval(Name {
        sval: value.to_owned(),
    }))
}

pub(super) fn literal(val: Val) -> Node {
    wrap(NodeEnum::AConst(AConst {
        isnull: false,
        location: -1,
        val: Some(val),
    }))
}

pub(super) fn wrap(node: NodeEnum) -> Node {
    Node { node: Some(node) }
}

pub(super) fn name(text: &str) -> Node {
    wrap(NodeEnum::String(Name {
        sval: text.to_owned(),
    }))
}

pub(super) fn column(parts: &[&str]) -> Node {
    wrap(NodeEnum::ColumnRef(ColumnRef {
        fields: parts.iter().map(|part| name(part)).collect(),
        location: -1,
    }))
}

/// The qualified name of a bounded wrapper.
pub(super) fn wrapper_name(wrapper: &str) -> Vec<Node> {
    vec![name(WRAPPER_SCHEMA), name(wrapper)]
}

/// A call of a bounded wrapper.
pub(super) fn wrapper_call(wrapper: &str, args: Vec<Node>) -> Node {
    wrap(NodeEnum::FuncCall(Box::new(function_call(
        wrapper_name(wrapper),
        args,
    ))))
}

/// A call of a function in `pg_catalog`.
pub(super) fn pg_catalog_call(function: &str, args: Vec<Node>) -> Node {
    let names = vec![name("pg_catalog"), name(function)];
    wrap(NodeEnum::FuncCall(Box::new(function_call(names, args))))
}

pub(super) fn function_call(funcname: Vec<Node>, args: Vec<Node>) -> FuncCall {
    FuncCall {
        funcname,
        args,
        funcformat: CoercionForm::CoerceExplicitCall.into(),
        location: -1,
        ..FuncCall::default()
    }
}

/// `CASE WHEN condition THEN value END`
pub(super) fn case_when(condition: Node, value: Node) -> Node {
    let when = CaseWhen {
        expr: Some(Box::new(condition)),
        result: Some(Box::new(value)),
        location: -1,
        ..CaseWhen::default()
    };
    wrap(NodeEnum::CaseExpr(Box::new(CaseExpr {
        args: vec![wrap(NodeEnum::CaseWhen(Box::new(when)))],
        location: -1,
        ..CaseExpr::default()
    })))
}

/// Adds `OFFSET 0`, an optimization fence: PostgreSQL plans the subquery separately.
pub(super) fn add_offset_zero(select: &mut SelectStmt) {
    select.limit_offset = Some(Box::new(integer(0)));
    if select.limit_count.is_none() {
        select.set_limit_option(LimitOption::Count);
    }
}

/// `SELECT f.value1, … FROM (query) AS f (value1, …)`
pub(super) fn select_from_subquery(
    query: Box<Node>,
    columns: usize,
    targets: impl Fn(&str) -> Node,
) -> SelectStmt {
    let column_aliases: Vec<String> = (1..=columns)
        .map(|position| format!("value{position}"))
        .collect();
    let range = RangeSubselect {
        lateral: false,
        subquery: Some(query),
        alias: Some(Alias {
            aliasname: "fenced".to_owned(),
            colnames: column_aliases.iter().map(|column| name(column)).collect(),
        }),
    };
    SelectStmt {
        target_list: column_aliases
            .iter()
            .map(|column| target(targets(column)))
            .collect(),
        from_clause: vec![wrap(NodeEnum::RangeSubselect(Box::new(range)))],
        limit_option: LimitOption::Default.into(),
        op: SetOperation::SetopNone.into(),
        ..SelectStmt::default()
    }
}

/// `item.column`, or `item.*`, which denotes the whole row where a value is expected.
pub(super) fn item_column(item: &str, column: Option<&str>) -> ColumnRef {
    let field = column.map_or_else(|| wrap(NodeEnum::AStar(AStar {})), name);
    ColumnRef {
        fields: vec![name(item), field],
        location: -1,
    }
}

/// `(SELECT columns FROM item) AS alias`
pub(super) fn select_columns_from(item: Node, columns: &[String], alias: Alias) -> Node {
    let select = SelectStmt {
        target_list: columns.iter().map(|name| target(column(&[name]))).collect(),
        ..select_star_from(item)
    };
    wrap(NodeEnum::RangeSubselect(Box::new(RangeSubselect {
        lateral: false,
        subquery: Some(Box::new(wrap(NodeEnum::SelectStmt(Box::new(select))))),
        alias: Some(alias),
    })))
}

/// Changes `schema.table.name` to `table.name`.
pub(super) fn remove_schema(column: &mut Node) -> CheckOutcome {
    match &mut column.node {
        Some(NodeEnum::ColumnRef(column)) if column.fields.len() == 3 => {
            column.fields.remove(0);
            Ok(())
        }
        _ => Err(Refusal::construct("this column name")),
    }
}

/// `left operator right`
pub(super) fn binary_operator(left: Node, operator: &str, right: Node) -> Node {
    wrap(NodeEnum::AExpr(Box::new(AExpr {
        kind: AExprKind::AexprOp.into(),
        name: vec![name(operator)],
        lexpr: Some(Box::new(left)),
        rexpr: Some(Box::new(right)),
        location: -1,
        ..AExpr::default()
    })))
}

/// `coalesce(args)`
pub(super) fn coalesce(args: Vec<Node>) -> Node {
    wrap(NodeEnum::CoalesceExpr(Box::new(CoalesceExpr {
        args,
        location: -1,
        ..CoalesceExpr::default()
    })))
}

/// `value::to`
pub(super) fn cast(value: Node, to: &str) -> Node {
    wrap(NodeEnum::TypeCast(Box::new(TypeCast {
        arg: Some(Box::new(value)),
        type_name: Some(TypeName {
            names: vec![name("pg_catalog"), name(to)],
            typemod: -1,
            location: -1,
            ..TypeName::default()
        }),
        location: -1,
    })))
}

/// `(SELECT value)`, an InitPlan: it is computed once, at run time. References to it copy the
/// number of a parameter instead of the value.
pub(super) fn scalar_subquery(value: Node) -> Node {
    let select = SelectStmt {
        target_list: vec![target(value)],
        limit_option: LimitOption::Default.into(),
        op: SetOperation::SetopNone.into(),
        ..SelectStmt::default()
    };
    let mut link = SubLink {
        subselect: Some(Box::new(wrap(NodeEnum::SelectStmt(Box::new(select))))),
        location: -1,
        ..SubLink::default()
    };
    link.set_sub_link_type(SubLinkType::ExprSublink);
    wrap(NodeEnum::SubLink(Box::new(link)))
}

fn target(value: Node) -> Node {
    wrap(NodeEnum::ResTarget(Box::new(ResTarget {
        val: Some(Box::new(value)),
        location: -1,
        ..ResTarget::default()
    })))
}

/// The number of columns that a wrapped subquery must have. PostgreSQL must report a wrong number
/// as it would without the wrapper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ColumnCount {
    /// The number is known, right or wrong.
    Known(usize),
    /// The number is unknown here; it must be this one.
    Expected(usize),
}

impl ColumnCount {
    /// The query to wrap, and how many of its columns to name.
    pub(super) fn enforce(self, query: Box<Node>) -> (Box<Node>, usize) {
        match self {
            Self::Known(columns) => (query, columns),
            Self::Expected(columns) => (Box::new(union_all_empty(query, columns)), columns),
        }
    }
}

/// `SELECT * FROM (query) AS fenced UNION ALL SELECT NULL, … WHERE false`: the same rows, and an
/// error unless the query has this many columns.
fn union_all_empty(query: Box<Node>, columns: usize) -> Node {
    let null = || {
        wrap(NodeEnum::AConst(AConst {
            isnull: true,
            location: -1,
            val: None,
        }))
    };
    let from_item = select_from_subquery(query, 0, fenced_column)
        .from_clause
        .remove(0);
    let empty = SelectStmt {
        target_list: (0..columns).map(|_| target(null())).collect(),
        where_clause: Some(Box::new(literal(Val::Boolval(Boolean { boolval: false })))),
        limit_option: LimitOption::Default.into(),
        op: SetOperation::SetopNone.into(),
        ..SelectStmt::default()
    };
    wrap(NodeEnum::SelectStmt(Box::new(SelectStmt {
        limit_option: LimitOption::Default.into(),
        op: SetOperation::SetopUnion.into(),
        all: true,
        larg: Some(Box::new(select_star_from(from_item))),
        rarg: Some(Box::new(empty)),
        ..SelectStmt::default()
    })))
}

/// `SELECT * FROM item`
pub(super) fn select_star_from(item: Node) -> SelectStmt {
    let star = ColumnRef {
        fields: vec![wrap(NodeEnum::AStar(AStar {}))],
        location: -1,
    };
    SelectStmt {
        target_list: vec![target(wrap(NodeEnum::ColumnRef(star)))],
        from_clause: vec![item],
        limit_option: LimitOption::Default.into(),
        op: SetOperation::SetopNone.into(),
        ..SelectStmt::default()
    }
}

pub(super) fn fenced_column(value: &str) -> Node {
    column(&["fenced", value])
}

/// `(SELECT JSON_ARRAYAGG(fenced.value1) FROM (query) AS fenced(value1))`
pub(super) fn json_arrayagg_subquery(
    query: Box<Node>,
    column_count: ColumnCount,
    output: Option<JsonOutput>,
) -> Node {
    let (query, columns) = column_count.enforce(query);
    let default_format = JsonFormat {
        format_type: JsonFormatType::JsFormatDefault.into(),
        encoding: JsonEncoding::JsEncDefault.into(),
        location: -1,
    };
    let select = select_from_subquery(query, columns, |value| {
        wrap(NodeEnum::JsonArrayAgg(Box::new(JsonArrayAgg {
            constructor: Some(Box::new(JsonAggConstructor {
                output: output.clone(),
                location: -1,
                ..JsonAggConstructor::default()
            })),
            arg: Some(Box::new(JsonValueExpr {
                raw_expr: Some(Box::new(fenced_column(value))),
                formatted_expr: None,
                format: Some(default_format),
            })),
            absent_on_null: true,
        })))
    });
    let mut link = SubLink {
        subselect: Some(Box::new(wrap(NodeEnum::SelectStmt(Box::new(select))))),
        location: -1,
        ..SubLink::default()
    };
    link.set_sub_link_type(SubLinkType::ExprSublink);
    wrap(NodeEnum::SubLink(Box::new(link)))
}
