//! Limits of the rows that hashed subplans and recursions keep, checked while they are produced.

use pg_query::NodeEnum;
use pg_query::protobuf::{
    CommonTableExpr, CteMaterialize, FuncCall, Node, RangeVar, WindowDef, WithClause,
};

use super::aggregate_weights::SizeMeasure;
use super::build_ast::{
    ColumnCount, binary_operator, case_when, fenced_column, function_call, integer, name,
    select_from_subquery, select_star_from, wrap, wrapper_call,
};
use super::limits::{HASHED_ROW_OVERHEAD_BYTES, HASHED_VALUE_OVERHEAD_BYTES, MAX_HASHED_BYTES};
use super::units::{Bytes, to_u64};

/// `FRAMEOPTION_DEFAULTS` of PostgreSQL's parsenodes.h: RANGE BETWEEN UNBOUNDED PRECEDING AND
/// CURRENT ROW.
const FRAME_DEFAULT: i32 = 1058;

/// `ROWS UNBOUNDED PRECEDING`, which does not need to keep rows.
const ROWS_UNBOUNDED_PRECEDING: i32 = 1061;

/// Limits the rows of a subquery while they are produced. PostgreSQL keeps no row for the window
/// function, and stops at the first row above the limit:
///
/// ```sql
/// CASE WHEN bounded.counted(row_number() OVER (), max) THEN value END
/// ```
pub(super) fn limit_hashed_rows(
    query: Node,
    column_count: ColumnCount,
    row_bytes: Bytes,
    sharers: u64,
) -> Node {
    let (query, columns) = column_count.enforce(Box::new(query));
    let fenced = select_from_subquery(query, columns, |value| {
        case_when(row_number_check(row_bytes, sharers), fenced_column(value))
    });
    wrap(NodeEnum::SelectStmt(Box::new(fenced)))
}

/// `bounded.counted(row_number() OVER (), max)`
fn row_number_check(row_bytes: Bytes, sharers: u64) -> Node {
    let max = MAX_HASHED_BYTES / sharers / (row_bytes + HASHED_ROW_OVERHEAD_BYTES);
    let row_number = function_call(vec![name("row_number")], Vec::new());
    let row_number = with_window(row_number, FRAME_DEFAULT);
    wrapper_call("counted", vec![row_number, integer(max)])
}

/// `bounded.recursed(sum(row_bytes) OVER (ROWS UNBOUNDED PRECEDING), max)`
fn recursion_bytes_check(columns: usize, sharers: u64) -> Node {
    let overhead = HASHED_ROW_OVERHEAD_BYTES + HASHED_VALUE_OVERHEAD_BYTES * to_u64(columns);
    let values = (1..=columns).map(|position| fenced_column(&format!("value{position}")));
    let row = values.fold(integer(overhead.count()), |sum, value| {
        binary_operator(sum, "+", SizeMeasure::TextOrMemory.size_expr(value))
    });
    let sum = with_window(
        function_call(vec![name("sum")], vec![row]),
        ROWS_UNBOUNDED_PRECEDING,
    );
    wrapper_call(
        "recursed",
        vec![sum, integer((MAX_HASHED_BYTES / sharers).count())],
    )
}

fn with_window(call: FuncCall, frame_options: i32) -> Node {
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

/// Limits the bytes of a recursion's rows, each of which is charged when it is found.
///
/// `r AS (A UNION B)` becomes the following. MATERIALIZED makes sure that the check is computed,
/// whichever columns are read:
///
/// ```sql
/// r(names) AS MATERIALIZED (WITH RECURSIVE r AS (A UNION B) SELECT values FROM r)
/// ```
pub(super) fn limit_recursion(cte: &mut CommonTableExpr, names: &[String], sharers: u64) {
    let cte_name = cte.ctename.clone();
    let inner = std::mem::take(cte);
    let table = RangeVar {
        relname: cte_name.clone(),
        inh: true,
        relpersistence: "p".to_owned(),
        location: -1,
        ..RangeVar::default()
    };
    let all = select_star_from(wrap(NodeEnum::RangeVar(table)));
    let all = Box::new(wrap(NodeEnum::SelectStmt(Box::new(all))));
    let mut select = select_from_subquery(all, names.len(), |value| {
        case_when(
            recursion_bytes_check(names.len(), sharers),
            fenced_column(value),
        )
    });
    select.with_clause = Some(WithClause {
        ctes: vec![wrap(NodeEnum::CommonTableExpr(Box::new(inner)))],
        recursive: true,
        location: -1,
    });
    *cte = CommonTableExpr {
        ctename: cte_name,
        aliascolnames: names.iter().map(|column| name(column)).collect(),
        ctematerialized: CteMaterialize::Always.into(),
        ctequery: Some(Box::new(wrap(NodeEnum::SelectStmt(Box::new(select))))),
        location: -1,
        ..CommonTableExpr::default()
    };
}
