//! AST nodes that weigh what an aggregate accumulates.

use pg_query::NodeEnum;
use pg_query::protobuf::a_const::Val;
use pg_query::protobuf::{MinMaxExpr, MinMaxOp, Node, String as Literal, SubLinkType};

use super::build_ast::{
    ColumnCount, binary_operator, case_when, cast, coalesce, fenced_column, function_call, integer,
    literal, name, pg_catalog_call, select_from_subquery, wrap, wrapper_call,
};

/// How a value is measured. Its size in memory alone is not enough: an array keeps a NULL in one
/// bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SizeMeasure {
    Text,
    Json,
    /// The larger of the two sizes: a number of one digit can take eight bytes in memory.
    TextOrMemory,
}

impl SizeMeasure {
    /// How often the value is computed to measure it.
    pub(super) fn copies(self) -> u64 {
        match self {
            Self::Text | Self::Json => 1,
            Self::TextOrMemory => 2,
        }
    }

    /// An expression for the bytes of a value; 0 for NULL.
    pub(super) fn size_expr(self, value: Node) -> Node {
        let text_bytes = |value| pg_catalog_call("octet_length", vec![cast(value, "text")]);
        let bytes = match self {
            Self::Text => text_bytes(value),
            Self::Json => text_bytes(pg_catalog_call("to_json", vec![value])),
            Self::TextOrMemory => {
                let memory_bytes = pg_catalog_call("pg_column_size", vec![value.clone()]);
                greatest(vec![memory_bytes, text_bytes(value)])
            }
        };
        coalesce(vec![bytes, integer(0)])
    }
}

/// `overhead + weight_per_byte * octet_length(value::text) + …`
pub(super) fn weight_expr(
    overhead: u64,
    weight_per_byte: u64,
    values: Vec<Node>,
    measure: SizeMeasure,
) -> Node {
    values.into_iter().fold(integer(overhead), |sum, value| {
        let weight_per_byte = cast(integer(weight_per_byte), "int8");
        binary_operator(
            sum,
            "+",
            binary_operator(weight_per_byte, "*", measure.size_expr(value)),
        )
    })
}

fn greatest(args: Vec<Node>) -> Node {
    wrap(NodeEnum::MinMaxExpr(Box::new(MinMaxExpr {
        op: MinMaxOp::IsGreatest.into(),
        args,
        location: -1,
        ..MinMaxExpr::default()
    })))
}

/// `bounded.few_collected(weight, weight_per_byte, max)`: whether what an aggregate has weighed
/// comes to at most `max` bytes.
pub(super) fn weight_check(weight: Node, weight_per_byte: u64, max: u64) -> Node {
    wrapper_call(
        "few_collected",
        vec![weight, integer(weight_per_byte), integer(max)],
    )
}

/// Rewrites `ARRAY(query)` to the same array, weighed while it grows:
///
/// ```sql
/// coalesce((SELECT CASE WHEN bounded.admits(weight) THEN array_agg(value) END FROM (query)), '{}')
/// ```
pub(super) fn weigh_array_sub_link(
    node: &mut Node,
    column_count: ColumnCount,
    weight: u64,
    weight_per_byte: u64,
    limit: Option<u64>,
) {
    let Some(NodeEnum::SubLink(mut link)) = node.node.take() else {
        return;
    };
    if let Some(query) = link.subselect.take() {
        let (query, columns) = column_count.enforce(query);
        let collected = select_from_subquery(query, columns, |value| {
            let values = vec![fenced_column(value)];
            let collected = function_call(vec![name("array_agg")], values);
            let weight = vec![integer(weight)];
            let condition = match limit {
                None => wrapper_call("admits", weight),
                Some(max) => weight_check(wrapper_call("weighs", weight), weight_per_byte, max),
            };
            case_when(condition, wrap(NodeEnum::FuncCall(Box::new(collected))))
        });
        link.set_sub_link_type(SubLinkType::ExprSublink);
        link.subselect = Some(Box::new(wrap(NodeEnum::SelectStmt(Box::new(collected)))));
    }
    let empty = literal(Val::Sval(Literal {
        sval: "{}".to_owned(),
    }));
    *node = coalesce(vec![wrap(NodeEnum::SubLink(link)), empty]);
}
