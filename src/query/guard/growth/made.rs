//! Nodes that we add.

use pg_query::NodeEnum;
use pg_query::protobuf::a_const::Val;
use pg_query::protobuf::{
    AConst, AExpr, AExprKind, AStar, Alias, Boolean, CaseExpr, CaseWhen, CoalesceExpr,
    CoercionForm, ColumnRef, CommonTableExpr, CteMaterialize, FuncCall, Integer,
    JsonAggConstructor, JsonArrayAgg, JsonEncoding, JsonFormat, JsonFormatType, JsonOutput,
    JsonValueExpr, LimitOption, Node, RangeSubselect, RangeVar, ResTarget, SelectStmt,
    SetOperation, String as Name, SubLink, SubLinkType, TypeCast, TypeName, WindowDef, WithClause,
};

use super::weighed::Length;

/// The schema of the twins (`migrations/0004_bounded.sql`).
pub(super) const TWINS: &str = "bounded";

/// What a row of a sub-select costs in a hash table, beside its values.
const OF_HASHED_ROW: u64 = 100;

/// What a value takes in such a row, beside the bytes of its text.
const HASHED_VALUE_BYTES: u64 = 8;

/// What the rows of all sub-selects of a statement may take there.
const MOST_HASHED: u64 = 64 << 20;

pub(super) fn number(value: u64) -> Node {
    let ival = i32::try_from(value).unwrap_or(i32::MAX);
    constant(Val::Ival(Integer { ival }))
}

pub(super) fn text(value: &str) -> Node {
    constant(Val::Sval(Name {
        sval: value.to_owned(),
    }))
}

pub(super) fn constant(val: Val) -> Node {
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

/// The names that call a twin.
pub(super) fn twin_name(twin: &str) -> Vec<Node> {
    vec![name(TWINS), name(twin)]
}

/// A call of a twin.
pub(super) fn twin(twin: &str, args: Vec<Node>) -> Node {
    wrap(NodeEnum::FuncCall(Box::new(call(twin_name(twin), args))))
}

/// A call of PostgreSQL's own function.
pub(super) fn system_call(function: &str, args: Vec<Node>) -> Node {
    let names = vec![name("pg_catalog"), name(function)];
    wrap(NodeEnum::FuncCall(Box::new(call(names, args))))
}

pub(super) fn call(funcname: Vec<Node>, args: Vec<Node>) -> FuncCall {
    FuncCall {
        funcname,
        args,
        funcformat: CoercionForm::CoerceExplicitCall.into(),
        location: -1,
        ..FuncCall::default()
    }
}

/// `CASE WHEN condition THEN value END`
pub(super) fn case(condition: Node, value: Node) -> Node {
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

/// Makes PostgreSQL plan a sub-query by itself.
pub(super) fn offset_nothing(select: &mut SelectStmt) {
    select.limit_offset = Some(Box::new(number(0)));
    if select.limit_count.is_none() {
        select.set_limit_option(LimitOption::Count);
    }
}

/// `SELECT f.value1 … FROM (the query) AS f (value1 …)`
pub(super) fn over(query: Box<Node>, columns: usize, targets: impl Fn(&str) -> Node) -> SelectStmt {
    let given: Vec<String> = (1..=columns).map(|place| format!("value{place}")).collect();
    let range = RangeSubselect {
        lateral: false,
        subquery: Some(query),
        alias: Some(Alias {
            aliasname: "fenced".to_owned(),
            colnames: given.iter().map(|column| name(column)).collect(),
        }),
    };
    SelectStmt {
        target_list: given.iter().map(|column| target(targets(column))).collect(),
        from_clause: vec![wrap(NodeEnum::RangeSubselect(Box::new(range)))],
        limit_option: LimitOption::Default.into(),
        op: SetOperation::SetopNone.into(),
        ..SelectStmt::default()
    }
}

/// `item.*`, which is the row of an item where a value stands.
pub(super) fn row_of(item: &str) -> Node {
    wrap(NodeEnum::ColumnRef(ColumnRef {
        fields: vec![name(item), wrap(NodeEnum::AStar(AStar {}))],
        location: -1,
    }))
}

/// `(SELECT columns FROM item) AS alias`
pub(super) fn some_columns(item: Node, columns: &[&str], alias: Alias) -> Node {
    let select = SelectStmt {
        target_list: columns.iter().map(|name| target(column(&[name]))).collect(),
        ..all_of(item)
    };
    wrap(NodeEnum::RangeSubselect(Box::new(RangeSubselect {
        lateral: false,
        subquery: Some(Box::new(wrap(NodeEnum::SelectStmt(Box::new(select))))),
        alias: Some(alias),
    })))
}

/// `left operator right`
pub(super) fn operation(left: Node, operator: &str, right: Node) -> Node {
    wrap(NodeEnum::AExpr(Box::new(AExpr {
        kind: AExprKind::AexprOp.into(),
        name: vec![name(operator)],
        lexpr: Some(Box::new(left)),
        rexpr: Some(Box::new(right)),
        location: -1,
        ..AExpr::default()
    })))
}

/// `coalesce(value)`
pub(super) fn coalesce(node: &mut Node) {
    *node = first_of(vec![std::mem::take(node)]);
}

pub(super) fn first_of(args: Vec<Node>) -> Node {
    wrap(NodeEnum::CoalesceExpr(Box::new(CoalesceExpr {
        args,
        location: -1,
        ..CoalesceExpr::default()
    })))
}

/// `value::to`
pub(super) fn cast(value: Node, to: &str) -> Node {
    wrap(NodeEnum::TypeCast(Box::new(cast_of(value, to))))
}

pub(super) fn cast_of(value: Node, to: &str) -> TypeCast {
    TypeCast {
        arg: Some(Box::new(value)),
        type_name: Some(TypeName {
            names: vec![name("pg_catalog"), name(to)],
            typemod: -1,
            location: -1,
            ..TypeName::default()
        }),
        location: -1,
    }
}

/// `(SELECT value)`: computed when the statement runs, once; what names it copies a number of a parameter.
pub(super) fn compute_once(node: &mut Node) {
    let select = SelectStmt {
        target_list: vec![target(std::mem::take(node))],
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
    *node = wrap(NodeEnum::SubLink(Box::new(link)));
}

fn target(value: Node) -> Node {
    wrap(NodeEnum::ResTarget(Box::new(ResTarget {
        val: Some(Box::new(value)),
        location: -1,
        ..ResTarget::default()
    })))
}

/// How many columns a sub-select must have, where it is wrapped: PostgreSQL shall see a wrong
/// number as it would without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Width {
    /// It has so many, right or wrong.
    Known(usize),
    /// Nobody knows how many it has; it should be so many.
    Expected(usize),
}

impl Width {
    /// The query to wrap, and how many of its columns to name.
    pub(super) fn checked(self, query: Box<Node>) -> (Box<Node>, usize) {
        match self {
            Self::Known(columns) => (query, columns),
            Self::Expected(columns) => (Box::new(union_with_no_row(query, columns)), columns),
        }
    }
}

/// `SELECT * FROM (the query) AS fenced UNION ALL SELECT NULL, … WHERE false`: no row more, and an
/// error unless the query has so many columns.
fn union_with_no_row(query: Box<Node>, columns: usize) -> Node {
    let null = || {
        wrap(NodeEnum::AConst(AConst {
            isnull: true,
            location: -1,
            val: None,
        }))
    };
    let given = over(query, 0, column_of_fenced).from_clause.remove(0);
    let none = SelectStmt {
        target_list: (0..columns).map(|_| target(null())).collect(),
        where_clause: Some(Box::new(constant(Val::Boolval(Boolean { boolval: false })))),
        limit_option: LimitOption::Default.into(),
        op: SetOperation::SetopNone.into(),
        ..SelectStmt::default()
    };
    wrap(NodeEnum::SelectStmt(Box::new(SelectStmt {
        limit_option: LimitOption::Default.into(),
        op: SetOperation::SetopUnion.into(),
        all: true,
        larg: Some(Box::new(all_of(given))),
        rarg: Some(Box::new(none)),
        ..SelectStmt::default()
    })))
}

/// `SELECT * FROM item`
fn all_of(item: Node) -> SelectStmt {
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

pub(super) fn column_of_fenced(value: &str) -> Node {
    column(&["fenced", value])
}

/// Counts the rows of a sub-select while they come: `CASE WHEN bounded.counted(row_number() OVER (), most) THEN value END`.
/// PostgreSQL keeps no row for that, and stops at the first too many.
pub(super) fn fence_rows(
    subselect: &mut Option<Box<Node>>,
    width: Width,
    bytes_of_row: u64,
    sharing: u64,
) {
    let Some(query) = subselect.take() else {
        return;
    };
    let (query, columns) = width.checked(query);
    let fenced = over(query, columns, |value| {
        case(
            row_is_within(bytes_of_row, sharing),
            column_of_fenced(value),
        )
    });
    *subselect = Some(Box::new(wrap(NodeEnum::SelectStmt(Box::new(fenced)))));
}

/// `bounded.counted(row_number() OVER (), most)`
fn row_is_within(bytes_of_row: u64, sharing: u64) -> Node {
    let most = MOST_HASHED / sharing / bytes_of_row.saturating_add(OF_HASHED_ROW);
    let row_number = call(vec![name("row_number")], Vec::new());
    let row_number = over_window(row_number, FRAME_DEFAULT);
    twin("counted", vec![row_number, number(most)])
}

/// `bounded.recursed(sum(what a row takes) OVER (ROWS UNBOUNDED PRECEDING), most)`
fn rows_are_within(columns: usize, sharing: u64) -> Node {
    let beside = OF_HASHED_ROW
        .saturating_add(HASHED_VALUE_BYTES * u64::try_from(columns).unwrap_or(u64::MAX));
    let values = (1..=columns).map(|place| column_of_fenced(&format!("value{place}")));
    let row = values.fold(number(beside), |sum, value| {
        operation(sum, "+", Length::TextOrMemory.of(value))
    });
    let sum = over_window(call(vec![name("sum")], vec![row]), ROWS_UNBOUNDED_PRECEDING);
    twin("recursed", vec![sum, number(MOST_HASHED / sharing)])
}

fn over_window(call: FuncCall, frame_options: i32) -> Node {
    let window = WindowDef {
        frame_options,
        location: -1,
        ..WindowDef::default()
    };
    wrap(NodeEnum::FuncCall(Box::new(FuncCall {
        over: Some(Box::new(window)),
        ..call
    })))
}

/// `r AS (A UNION B)` becomes `r(names) AS MATERIALIZED (WITH RECURSIVE r AS (A UNION B) SELECT the
/// values FROM r)`, where each row is weighed when it is found. What is materialized computes them,
/// whoever reads them.
pub(super) fn weigh_recursion(cte: &mut CommonTableExpr, names: &[String], sharing: u64) {
    let called = cte.ctename.clone();
    let inner = std::mem::take(cte);
    let table = RangeVar {
        relname: called.clone(),
        inh: true,
        relpersistence: "p".to_owned(),
        location: -1,
        ..RangeVar::default()
    };
    let all = all_of(wrap(NodeEnum::RangeVar(table)));
    let all = Box::new(wrap(NodeEnum::SelectStmt(Box::new(all))));
    let mut select = over(all, names.len(), |value| {
        case(
            rows_are_within(names.len(), sharing),
            column_of_fenced(value),
        )
    });
    select.with_clause = Some(WithClause {
        ctes: vec![wrap(NodeEnum::CommonTableExpr(Box::new(inner)))],
        recursive: true,
        location: -1,
    });
    *cte = CommonTableExpr {
        ctename: called,
        aliascolnames: names.iter().map(|column| name(column)).collect(),
        ctematerialized: CteMaterialize::Always.into(),
        ctequery: Some(Box::new(wrap(NodeEnum::SelectStmt(Box::new(select))))),
        location: -1,
        ..CommonTableExpr::default()
    };
}

/// `(SELECT JSON_ARRAYAGG(fenced.value1) FROM (query) AS fenced(value1))`
pub(super) fn json_array_of(query: Box<Node>, width: Width, output: Option<JsonOutput>) -> Node {
    let (query, columns) = width.checked(query);
    let default = JsonFormat {
        format_type: JsonFormatType::JsFormatDefault.into(),
        encoding: JsonEncoding::JsEncDefault.into(),
        location: -1,
    };
    let select = over(query, columns, |value| {
        wrap(NodeEnum::JsonArrayAgg(Box::new(JsonArrayAgg {
            constructor: Some(Box::new(JsonAggConstructor {
                output: output.clone(),
                location: -1,
                ..JsonAggConstructor::default()
            })),
            arg: Some(Box::new(JsonValueExpr {
                raw_expr: Some(Box::new(column_of_fenced(value))),
                formatted_expr: None,
                format: Some(default),
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

/// `FRAMEOPTION_DEFAULTS` of PostgreSQL's parsenodes.h: RANGE BETWEEN UNBOUNDED PRECEDING AND
/// CURRENT ROW.
const FRAME_DEFAULT: i32 = 1058;

/// `ROWS UNBOUNDED PRECEDING`, which needs to keep no row.
const ROWS_UNBOUNDED_PRECEDING: i32 = 1061;
