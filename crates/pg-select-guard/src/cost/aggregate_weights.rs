//! AST nodes that weigh what an aggregate accumulates.

use pg_query::NodeEnum;
use pg_query::protobuf::a_const::Val;
use pg_query::protobuf::{
    FuncCall, MinMaxExpr, MinMaxOp, Node, String as Literal, SubLink, SubLinkType,
};

use super::build_ast::{
    ColumnCount, binary_operator, case_when, cast, coalesce, fenced_column, function_call, integer,
    literal, name, pg_catalog_call, select_from_subquery, wrap, wrapper_call, wrapper_name,
};
use super::call_syntax::Call;
use super::inspect;
use super::units::Bytes;
use crate::name::CheckOutcome;
use crate::refusal::Refusal;

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

/// How an aggregate is weighed while its state grows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weighing {
    pub(super) weight: Weight,
    /// The weight of one byte.
    pub(super) weight_per_byte: u64,
    /// Limit of the value in bytes; `None`: the budget shared by all aggregates.
    pub(super) limit: Option<Bytes>,
    pub(super) is_array: bool,
}

/// The weight of an accumulated element.
#[derive(Clone, Copy, Debug)]
pub(super) enum Weight {
    Estimated(Bytes),
    /// As measured at run time, and this many bytes beside its value.
    Measured {
        overhead: Bytes,
        measure: SizeMeasure,
    },
}

impl Weighing {
    /// Rewrites `aggregate(x)` to `CASE WHEN bounded.admits(weight) THEN aggregate(x) END`, or to
    /// an expression with a limit.
    pub(super) fn apply(self, node: &mut Node) -> CheckOutcome {
        let weigher = self.weigher(node)?;
        let aggregate = std::mem::take(node);
        *node = match self.limit {
            None => case_when(weigher, aggregate),
            Some(max) if self.is_array => {
                case_when(weight_check(weigher, self.weight_per_byte, max), aggregate)
            }
            Some(max) => {
                let aggregate = case_when(weigher, aggregate);
                wrapper_call("collected", vec![aggregate, integer(max.count())])
            }
        };
        Ok(())
    }

    /// The aggregate that weighs what another one accumulates: over the same rows, each distinct
    /// value once. It returns whether the budget suffices, or the weight itself.
    fn weigher(self, aggregate: &Node) -> Result<Node, Refusal> {
        let call = Call::from_aggregate(aggregate);
        let call = call.ok_or_else(|| Refusal::construct("this aggregate"))?;
        // DISTINCT compares all arguments. The first alone decides if all others are constants.
        let distinct = match call.args.split_first() {
            Some((first, others)) if call.agg_distinct => {
                !inspect::is_constant(first) && others.iter().all(|arg| inspect::is_constant(arg))
            }
            _ => false,
        };
        let returns_weight = self.limit.is_some() && self.is_array;
        let wrapper = match (returns_weight, distinct) {
            (false, false) => "admits",
            (false, true) => "admits_distinct",
            (true, false) => "weighs",
            (true, true) => "weighs_distinct",
        };
        let compared = call.args.iter().take(usize::from(distinct));
        let mut args: Vec<Node> = compared.map(|arg| (*arg).clone()).collect();
        args.push(self.weight_expr(&call.args));
        Ok(wrap(NodeEnum::FuncCall(Box::new(FuncCall {
            agg_distinct: distinct,
            agg_filter: call.agg_filter.cloned().map(Box::new),
            over: call.over.cloned().map(Box::new),
            ..function_call(wrapper_name(wrapper), args)
        }))))
    }

    /// The weight of an element with these parts.
    fn weight_expr(self, parts: &[&Node]) -> Node {
        let (overhead, measure) = match self.weight {
            Weight::Estimated(weight) => return integer(weight.count()),
            Weight::Measured { overhead, measure } => (overhead, measure),
        };
        let literals = parts.iter().filter_map(|part| inspect::text_literal(part));
        let literal_bytes = literals.map(Bytes::from_text).sum::<Bytes>();
        let constant = (literal_bytes + overhead) * self.weight_per_byte;
        let measured = parts
            .iter()
            .filter(|part| inspect::text_literal(part).is_none());
        let measured = measured.map(|part| (*part).clone()).collect();
        weight_expr(constant, self.weight_per_byte, measured, measure)
    }
}

/// `overhead + weight_per_byte * octet_length(value::text) + …`
fn weight_expr(
    overhead: Bytes,
    weight_per_byte: u64,
    values: Vec<Node>,
    measure: SizeMeasure,
) -> Node {
    values
        .into_iter()
        .fold(integer(overhead.count()), |sum, value| {
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
fn weight_check(weight: Node, weight_per_byte: u64, max: Bytes) -> Node {
    wrapper_call(
        "few_collected",
        vec![weight, integer(weight_per_byte), integer(max.count())],
    )
}

/// Rewrites `ARRAY(query)` to the same array, weighed while it grows:
///
/// ```sql
/// coalesce((SELECT CASE WHEN bounded.admits(weight) THEN array_agg(value) END FROM (query)), '{}')
/// ```
pub(super) fn weigh_array_sub_link(
    mut link: Box<SubLink>,
    column_count: ColumnCount,
    weight: Bytes,
    weight_per_byte: u64,
    limit: Option<Bytes>,
) -> Node {
    if let Some(query) = link.subselect.take() {
        let (query, columns) = column_count.enforce(query);
        let collected = select_from_subquery(query, columns, |value| {
            let values = vec![fenced_column(value)];
            let collected = function_call(vec![name("array_agg")], values);
            let weight = vec![integer(weight.count())];
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
    coalesce(vec![wrap(NodeEnum::SubLink(link)), empty])
}
