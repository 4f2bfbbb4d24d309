//! Aggregates whose state grows with every row (`array_agg`, `string_agg`, `json_agg`, …).
//! PostgreSQL does not bound it.

use std::ops::Range;

use pg_query::NodeEnum;
use pg_query::protobuf::{FuncCall, Node};

use super::aggregate_weights::SizeMeasure;
use super::bound::Bound;
use super::call::AggregateRefs;
use super::limits::{
    ARRAY_ELEMENT_BYTES, ELEMENT_OVERHEAD_BYTES, JSON_ELEMENT_OVERHEAD_BYTES, JSON_WEIGHT_PER_BYTE,
    MAX_AGGREGATE_STATE_BYTES, MAX_ESTIMATED_ELEMENT_BYTES, NUMBER_BYTES, RANGE_OVERHEAD_BYTES,
    WEIGHT_PER_BYTE,
};
use super::totals::Totals;
use super::{CostAnalyzer, aggregate_weights, build_ast, inspect};
use crate::catalog::{AggregateState, Element, Function};
use crate::refusal::Refusal;

impl CostAnalyzer {
    /// Rewrites `aggregate(x)` to `CASE WHEN bounded.admits(weight) THEN aggregate(x) END`. The
    /// added aggregate weighs the same rows and stops the statement at the first row above the
    /// budget; a check of the finished value would come too late.
    pub(super) fn bound_accumulation(
        &mut self,
        node: &mut Node,
        function: &Function,
        value_bytes: u64,
        parts: Bound,
        refs: &AggregateRefs,
        before: Totals,
    ) -> Result<Bound, Refusal> {
        // A hash aggregate respects work_mem only for the sizes of new groups, not for the growth
        // of their states.
        self.settings.allow_hash_agg = false;
        let name = function.name;
        let AggregateState::Elements(element) = function.state else {
            return Err(Refusal::construct(&format!("a call of {name}")));
        };
        let (values, overhead) = match element {
            Element::Range => (value_bytes, RANGE_OVERHEAD_BYTES),
            Element::Array | Element::Text => (value_bytes, ELEMENT_OVERHEAD_BYTES),
            Element::Json => (value_bytes.saturating_mul(2), JSON_ELEMENT_OVERHEAD_BYTES),
        };
        let Some(NodeEnum::FuncCall(call)) = node.node.take() else {
            return Err(Refusal::construct(name));
        };
        let is_json = element == Element::Json;
        let mut parts = parts;
        let is_long = value_bytes > MAX_ESTIMATED_ELEMENT_BYTES;
        let weight_per_byte = self.weight_per_byte(is_json);
        let value = if is_long {
            MAX_AGGREGATE_STATE_BYTES / weight_per_byte
        } else {
            let weight = self.element_weight(values, overhead, is_json);
            (MAX_AGGREGATE_STATE_BYTES / weight)
                .saturating_mul(values.saturating_add(ARRAY_ELEMENT_BYTES))
        };
        let limit = self.aggregate_limit(value);
        let is_array = element == Element::Array;
        // Under a limit, elements that are cheap to measure are weighed by their actual size too:
        // there the estimate would be too coarse.
        let is_measured = limit.is_some()
            && is_array
            && value_bytes > NUMBER_BYTES
            && call.args.iter().all(is_column_ref);
        let weight = if is_long || is_measured {
            // The element may itself be an accumulated value, so its actual size counts instead of
            // its upper bound. For that, the expression is computed once more.
            let measure = match limit {
                _ if is_json => SizeMeasure::Json,
                None => SizeMeasure::Text,
                Some(_) => SizeMeasure::TextOrMemory,
            };
            let copies = 1 + measure.copies();
            self.add_copies(before, copies)?;
            parts.nodes = parts.nodes * copies;
            let measured = call
                .args
                .iter()
                .filter(|arg| inspect::text_literal(arg).is_none());
            let overhead =
                weight_per_byte.saturating_mul(literal_bytes(&call.args).saturating_add(overhead));
            aggregate_weights::weight_expr(
                overhead,
                weight_per_byte,
                measured.cloned().collect(),
                measure,
            )
        } else {
            build_ast::integer(self.element_weight(values, overhead, is_json))
        };
        // The weighing aggregate must belong to the same query as the aggregate it weighs.
        let refers_outside = self.refers_only_to_outer(&refs.all)
            || self.refers_only_to_outer(&refs.filter)
            || call.agg_distinct && self.refers_only_to_outer(&refs.first);
        if call.over.is_none() && refers_outside {
            return Err(Refusal::construct_with_hint(
                &format!("{name} of an outer query's columns in a subquery"),
                "call it in the query whose rows it aggregates",
            )
            .at(call.location));
        }
        let weigher = weighing_aggregate(&call, weight, limit.is_some() && is_array);
        let weigher = Node {
            node: Some(NodeEnum::FuncCall(Box::new(weigher))),
        };
        let aggregate = Node {
            node: Some(NodeEnum::FuncCall(call)),
        };
        let bound = match limit {
            None => {
                *node = build_ast::case_when(weigher, aggregate);
                Bound::parent(parts, value)
            }
            Some(max) => {
                *node = if is_array {
                    build_ast::case_when(
                        aggregate_weights::weight_check(weigher, weight_per_byte, max),
                        aggregate,
                    )
                } else {
                    let aggregate = build_ast::case_when(weigher, aggregate);
                    build_ast::wrapper_call("collected", vec![aggregate, build_ast::integer(max)])
                };
                self.bound_limited(parts, value, max)?
            }
        };
        Ok(if is_json {
            bound.as_json()
        } else {
            bound.as_flat()
        })
    }

    /// Whether the range has column references, and none belongs to the innermost query. PostgreSQL
    /// evaluates an aggregate over such references in an outer query.
    fn refers_only_to_outer(&self, refs: &Range<usize>) -> bool {
        let levels = self.ref_levels.get(refs.clone()).unwrap_or_default();
        !levels.is_empty() && !levels.contains(&self.resolver.current_level())
    }

    /// The weight of an accumulated element of this many bytes in the budget shared by all
    /// aggregates of the statement.
    pub(super) fn element_weight(&self, bytes: u64, overhead: u64, is_json: bool) -> u64 {
        bytes
            .saturating_add(overhead.max(ELEMENT_OVERHEAD_BYTES))
            .saturating_mul(self.weight_per_byte(is_json))
    }

    /// The weight of one byte.
    pub(super) fn weight_per_byte(&self, is_json: bool) -> u64 {
        let factor = if is_json {
            JSON_WEIGHT_PER_BYTE
        } else {
            WEIGHT_PER_BYTE
        };
        self.accumulating_aggregates.saturating_mul(factor)
    }
}

/// Whether this is a column reference, which costs nothing to compute again.
fn is_column_ref(arg: &Node) -> bool {
    matches!(arg.node, Some(NodeEnum::ColumnRef(_)))
}

/// The bytes of the text literals among the arguments.
fn literal_bytes(args: &[Node]) -> u64 {
    let texts = args
        .iter()
        .map(|arg| inspect::text_literal(arg).map_or(0, str::len));
    u64::try_from(texts.sum::<usize>()).unwrap_or(u64::MAX)
}

/// The aggregate that weighs what another one accumulates: over the same rows, each distinct value
/// once. It returns whether the budget suffices, or the weight itself.
fn weighing_aggregate(aggregate: &FuncCall, weight: Node, returns_weight: bool) -> FuncCall {
    // DISTINCT compares all arguments. The first alone decides if all others are constants.
    let is_constant = |arg: &Node| matches!(arg.node, Some(NodeEnum::AConst(_)));
    let distinct = aggregate.agg_distinct
        && aggregate
            .args
            .split_first()
            .is_some_and(|(first, others)| !is_constant(first) && others.iter().all(is_constant));
    let wrapper = match (returns_weight, distinct) {
        (false, false) => "admits",
        (false, true) => "admits_distinct",
        (true, false) => "weighs",
        (true, true) => "weighs_distinct",
    };
    let mut args = if distinct {
        aggregate.args[..1].to_vec()
    } else {
        Vec::new()
    };
    args.push(weight);
    FuncCall {
        agg_distinct: distinct,
        agg_filter: aggregate.agg_filter.clone(),
        over: aggregate.over.clone(),
        ..build_ast::function_call(build_ast::wrapper_name(wrapper), args)
    }
}
