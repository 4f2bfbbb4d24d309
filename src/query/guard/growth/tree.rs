//! Nodes that we read or add.

use pg_query::NodeEnum;
use pg_query::protobuf::a_const::Val;
use pg_query::protobuf::{
    AConst, AExpr, AExprKind, Alias, CaseExpr, CaseWhen, CoalesceExpr, CoercionForm, ColumnRef,
    FuncCall, Integer, LimitOption, Node, RangeSubselect, ResTarget, SelectStmt, SetOperation,
    String as Name, SubLink, SubLinkType, TypeCast, TypeName, WindowDef,
};

use crate::query::guard::name::names;

/// The schema of the twins (`migrations/0004_bounded.sql`).
const TWINS: &str = "bounded";

/// What a row of a sub-select costs in a hash table, beside its values.
const OF_HASHED_ROW: u64 = 100;

/// What the rows of all sub-selects of a statement may take there.
const MOST_HASHED: u64 = 64 << 20;

/// A whole number that is written down; a negative one counts as none.
pub(super) fn integer(node: &Node) -> Option<u64> {
    match &node.node {
        Some(NodeEnum::AConst(AConst {
            isnull: false,
            val: Some(Val::Ival(number)),
            ..
        })) => u64::try_from(number.ival).ok(),
        _ => None,
    }
}

/// A number that is written down, whatever its sign, rounded up.
pub(super) fn magnitude(node: &Node) -> Option<u64> {
    match &node.node {
        Some(NodeEnum::AConst(AConst {
            isnull: false,
            val: Some(Val::Ival(number)),
            ..
        })) => Some(u64::from(number.ival.unsigned_abs())),
        Some(NodeEnum::AConst(AConst {
            val: Some(Val::Fval(number)),
            ..
        })) => {
            let whole = number.fval.split('.').next().unwrap_or_default();
            let whole = whole.trim_start_matches(['+', '-']);
            // One with an exponent is taken for a large one.
            Some(whole.parse().unwrap_or(u64::MAX / 2) + 1)
                .filter(|_| !number.fval.contains(['e', 'E']))
        }
        _ => None,
    }
}

pub(super) fn is_null(node: &Node) -> bool {
    match &node.node {
        None => true, // LIMIT ALL
        Some(NodeEnum::AConst(constant)) => constant.isnull,
        _ => false,
    }
}

/// A text that is written down, with or without a cast that leaves it as it is.
pub(super) fn text(node: &Node) -> Option<&str> {
    text_as(node, &["text", "varchar"])
}

/// The same, or with a cast to one of these types, none of them with a size.
pub(super) fn text_as<'a>(node: &'a Node, types: &[&str]) -> Option<&'a str> {
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
            text_as(cast.arg.as_deref()?, types)
        }
        _ => None,
    }
}

/// `*`, or `name.*` with the name.
pub(super) fn star(node: &Node) -> Option<Option<&str>> {
    match &node.node {
        Some(NodeEnum::ColumnRef(column)) => star_of(column),
        _ => None,
    }
}

pub(super) fn star_of(column: &ColumnRef) -> Option<Option<&str>> {
    let (last, before) = column.fields.split_last()?;
    matches!(last.node, Some(NodeEnum::AStar(_))).then(|| names(before).last().copied())
}

/// Whether this is `'…'::jsonpath`.
pub(super) fn is_path(node: &Node) -> bool {
    match &node.node {
        Some(NodeEnum::TypeCast(cast)) => cast
            .type_name
            .as_ref()
            .is_some_and(|target| names(&target.names).last() == Some(&"jsonpath")),
        _ => false,
    }
}

/// The numbers in a text, whatever they stand for.
pub(super) fn numbers(text: &str) -> impl Iterator<Item = u64> {
    text.split(|character: char| !character.is_ascii_digit())
        .filter(|digits| !digits.is_empty())
        .map(|digits| digits.parse().unwrap_or(u64::from(u32::MAX)))
}

/// A value that is written down, with or without a cast.
pub(super) fn is_constant(node: &Node) -> bool {
    match &node.node {
        Some(NodeEnum::AConst(_)) => true,
        Some(NodeEnum::TypeCast(cast)) => cast.arg.as_deref().is_some_and(is_constant),
        _ => false,
    }
}

/// Whether this computes a value, so that the value can be computed elsewhere without a change to what it means: not one that is
/// written down, whose type its place decides, and not a part of something else's form.
pub(super) fn is_computation(node: &Node) -> bool {
    matches!(
        node.node,
        Some(
            NodeEnum::AExpr(_)
                | NodeEnum::TypeCast(_)
                | NodeEnum::FuncCall(_)
                | NodeEnum::CoalesceExpr(_)
                | NodeEnum::MinMaxExpr(_)
                | NodeEnum::CaseExpr(_)
                | NodeEnum::AArrayExpr(_)
                | NodeEnum::AIndirection(_)
        )
    )
}

/// Whether this is `name => value` in a call.
pub(super) fn is_named(arg: &Node) -> bool {
    matches!(arg.node, Some(NodeEnum::NamedArgExpr(_)))
}

pub(super) fn is_exists(node: &Node) -> bool {
    match &node.node {
        Some(NodeEnum::SubLink(link)) => link.sub_link_type() == SubLinkType::ExistsSublink,
        _ => false,
    }
}

/// A name without a qualifier.
pub(super) fn plain_name(node: &Node) -> Option<&str> {
    match &node.node {
        Some(NodeEnum::ColumnRef(column)) => match names(&column.fields).as_slice() {
            [name] => Some(name),
            _ => None,
        },
        _ => None,
    }
}

/// Whether this is `(row).*`, which stands for all columns of a row.
pub(super) fn is_row_of_columns(node: &Node) -> bool {
    match &node.node {
        Some(NodeEnum::AIndirection(indirection)) => indirection
            .indirection
            .iter()
            .any(|step| matches!(step.node, Some(NodeEnum::AStar(_)))),
        _ => false,
    }
}

/// Whether this is `(ROW(…)).*`, of which PostgreSQL makes a copy for each of its fields.
pub(super) fn is_columns_of_row(node: &Node) -> bool {
    let Some(NodeEnum::AIndirection(indirection)) = &node.node else {
        return false;
    };
    let arg = indirection.arg.as_deref().map(|arg| &arg.node);
    is_row_of_columns(node) && matches!(arg, Some(Some(NodeEnum::RowExpr(_))))
}

/// How many values stand on the left of `(a, b) IN (SELECT …)`, where the text tells.
pub(super) fn width(tested: Option<&Node>) -> Option<usize> {
    match tested.map(|node| &node.node) {
        Some(Some(NodeEnum::RowExpr(row))) => row
            .args
            .iter()
            .all(|arg| star(arg).is_none() && !is_row_of_columns(arg))
            .then_some(row.args.len()),
        _ => Some(1),
    }
}

pub(super) fn number(value: u64) -> Node {
    let ival = i32::try_from(value).unwrap_or(i32::MAX);
    constant(Val::Ival(Integer { ival }))
}

fn constant(val: Val) -> Node {
    wrap(NodeEnum::AConst(AConst {
        isnull: false,
        location: -1,
        val: Some(val),
    }))
}

fn wrap(node: NodeEnum) -> Node {
    Node { node: Some(node) }
}

fn name(text: &str) -> Node {
    wrap(NodeEnum::String(Name {
        sval: text.to_owned(),
    }))
}

fn column(parts: &[&str]) -> Node {
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
fn over(query: Box<Node>, columns: usize, targets: impl Fn(&str) -> Node) -> SelectStmt {
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

/// `beside + of_byte * pg_column_size(value) + …`, the size of what is NULL being nothing.
pub(super) fn weight(beside: u64, of_byte: u64, values: Vec<Node>) -> Node {
    let apply = |left, operator, right| {
        wrap(NodeEnum::AExpr(Box::new(AExpr {
            kind: AExprKind::AexprOp.into(),
            name: vec![name(operator)],
            lexpr: Some(Box::new(left)),
            rexpr: Some(Box::new(right)),
            location: -1,
            ..AExpr::default()
        })))
    };
    values.into_iter().fold(number(beside), |sum, value| {
        let size = call(
            vec![name("pg_catalog"), name("pg_column_size")],
            vec![value],
        );
        let size = first_of(vec![wrap(NodeEnum::FuncCall(Box::new(size))), number(0)]);
        apply(sum, "+", apply(bigint(of_byte), "*", size))
    })
}

/// `coalesce(value)`
pub(super) fn coalesce(node: &mut Node) {
    *node = first_of(vec![std::mem::take(node)]);
}

fn first_of(args: Vec<Node>) -> Node {
    wrap(NodeEnum::CoalesceExpr(Box::new(CoalesceExpr {
        args,
        location: -1,
        ..CoalesceExpr::default()
    })))
}

/// A number that what it is multiplied with does not overflow.
fn bigint(value: u64) -> Node {
    let names = vec![name("pg_catalog"), name("int8")];
    wrap(NodeEnum::TypeCast(Box::new(TypeCast {
        arg: Some(Box::new(number(value))),
        type_name: Some(TypeName {
            names,
            typemod: -1,
            location: -1,
            ..TypeName::default()
        }),
        location: -1,
    })))
}

/// Whether this is `SELECT value` and nothing else.
pub(super) fn is_one_value(select: &SelectStmt) -> bool {
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

/// Counts the rows of a sub-select while they come: `CASE WHEN bounded.counted(row_number() OVER (), most) THEN value END`.
/// PostgreSQL keeps no row for that, and stops at the first too many.
pub(super) fn fence_rows(
    subselect: &mut Option<Box<Node>>,
    columns: usize,
    bytes_of_row: u64,
    sharing: u64,
) {
    let Some(query) = subselect.take() else {
        return;
    };
    let most = MOST_HASHED / sharing / bytes_of_row.saturating_add(OF_HASHED_ROW);
    let fenced = over(query, columns, |value| {
        let mut row_number = call(vec![name("row_number")], Vec::new());
        row_number.over = Some(Box::new(WindowDef {
            frame_options: FRAME_DEFAULT,
            location: -1,
            ..WindowDef::default()
        }));
        let counted = twin(
            "counted",
            vec![wrap(NodeEnum::FuncCall(Box::new(row_number))), number(most)],
        );
        case(counted, column(&["fenced", value]))
    });
    *subselect = Some(Box::new(wrap(NodeEnum::SelectStmt(Box::new(fenced)))));
}

/// `FRAMEOPTION_DEFAULTS` of PostgreSQL's parsenodes.h: RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW.
const FRAME_DEFAULT: i32 = 1058;

/// `ARRAY(query)` becomes `coalesce((SELECT CASE WHEN bounded.admits(weight) THEN array_agg(value) END FROM (query)), '{}')`: the
/// same array, but weighed while it grows.
pub(super) fn collect_array(node: &mut Node, weight: u64) {
    let Some(NodeEnum::SubLink(mut link)) = node.node.take() else {
        return;
    };
    if let Some(query) = link.subselect.take() {
        let collected = over(query, 1, |value| {
            let values = vec![column(&["fenced", value])];
            let collected = call(vec![name("array_agg")], values);
            case(
                twin("admits", vec![number(weight)]),
                wrap(NodeEnum::FuncCall(Box::new(collected))),
            )
        });
        link.set_sub_link_type(SubLinkType::ExprSublink);
        link.subselect = Some(Box::new(wrap(NodeEnum::SelectStmt(Box::new(collected)))));
    }
    let empty = constant(Val::Sval(Name {
        sval: "{}".to_owned(),
    }));
    *node = first_of(vec![wrap(NodeEnum::SubLink(link)), empty]);
}
