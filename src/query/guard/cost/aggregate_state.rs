//! Aggregates that collect a value of each row, for which PostgreSQL has no bound.

use std::ops::Range;

use pg_query::NodeEnum;
use pg_query::protobuf::{FuncCall, Node};

use super::aggregate_weights::SizeMeasure;
use super::bound::Bound;
use super::call::AggregateRefs;
use super::totals::Totals;
use super::{CostAnalyzer, MAX_AGGREGATE_STATE_BYTES, aggregate_weights, build_ast, inspect};
use crate::query::guard::refusal::Refusal;

/// What a collected element costs beside its value, in bytes: an array's or a text's, a JSON value's, a range's.
const ELEMENT_OVERHEAD_BYTES: u64 = 16;
const JSON_ELEMENT_OVERHEAD_BYTES: u64 = 160;
const RANGE_OVERHEAD_BYTES: u64 = 2_400;

/// What an element takes in what was collected beside its value.
pub(super) const ARRAY_ELEMENT_BYTES: u64 = 4;

/// Values that can be longer are weighed by their length.
pub(super) const MAX_ESTIMATED_ELEMENT_BYTES: u64 = 256;

/// What a number or a date takes: there is little to win by looking at it.
const NUMBER_BYTES: u64 = 16;

/// How much more everything weighs, so that a statement has no more than this part of the twin's budget: what is made of the
/// collected, such as a text of an array, can be more than twice as long, and may be sorted a few times.
const WEIGHT_PER_BYTE: u64 = 3;

/// … and so of JSON, which takes many times its text while it is built into other JSON.
const JSON_WEIGHT_PER_BYTE: u64 = 12;

impl CostAnalyzer {
    /// `aggregate(x)` becomes `CASE WHEN bounded.admits(weight) THEN aggregate(x) END`: the aggregate beside it weighs the same
    /// rows and stops the statement at the first too many, where a look at the finished value would come too late.
    pub(super) fn bound_accumulation(
        &mut self,
        node: &mut Node,
        name: &str,
        value_bytes: u64,
        parts: Bound,
        refs: &AggregateRefs,
        before: Totals,
    ) -> Result<Bound, Refusal> {
        // A hash table of groups is held to work_mem by what it holds when a group is new, not by what groups collect.
        self.settings.hashed_groups = false;
        let (values, overhead) = match name {
            "range_agg" => (value_bytes, RANGE_OVERHEAD_BYTES),
            "array_agg" | "string_agg" => (value_bytes, ELEMENT_OVERHEAD_BYTES),
            _ => (value_bytes.saturating_mul(2), JSON_ELEMENT_OVERHEAD_BYTES),
        };
        let Some(NodeEnum::FuncCall(call)) = node.node.take() else {
            return Err(Refusal::construct(name));
        };
        let is_json = name.contains("json");
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
        let is_array = name == "array_agg";
        // Under a limit, what is easily looked at is weighed as it is too: there the difference is
        // felt.
        let is_measured = limit.is_some()
            && is_array
            && value_bytes > NUMBER_BYTES
            && call.args.iter().all(is_column_ref);
        let weight = if is_long || is_measured {
            // As long as it is, instead of as long as it can be: what has been collected is collected again. For that it is
            // computed again.
            let measure = match limit {
                _ if is_json => SizeMeasure::Json,
                None => SizeMeasure::Text,
                Some(_) => SizeMeasure::TextOrMemory,
            };
            let copies = 1 + measure.copies();
            self.add_copies(before, copies)?;
            parts.nodes = parts.nodes.saturating_mul(copies);
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
        // What weighs it must belong to the same query as it does.
        let refers_outside = self.refers_only_to_outer(&refs.all)
            || self.refers_only_to_outer(&refs.filter)
            || call.agg_distinct && self.refers_only_to_outer(&refs.first);
        if call.over.is_none() && refers_outside {
            return Err(Refusal::construct_but(
                &format!("{name} of an outer query's columns in a sub-select"),
                "call it in the query whose rows it collects",
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

    /// Whether there are names in this range, and none of them is of the innermost query: an aggregate of such is evaluated
    /// further out.
    fn refers_only_to_outer(&self, refs: &Range<usize>) -> bool {
        let levels = self.ref_levels.get(refs.clone()).unwrap_or_default();
        !levels.is_empty() && !levels.contains(&self.range_table.current_level())
    }

    /// What a collected element of so many bytes weighs, of the budget that all aggregates of the statement share.
    pub(super) fn element_weight(&self, bytes: u64, overhead: u64, is_json: bool) -> u64 {
        bytes
            .saturating_add(overhead.max(ELEMENT_OVERHEAD_BYTES))
            .saturating_mul(self.weight_per_byte(is_json))
    }

    /// What a byte weighs.
    pub(super) fn weight_per_byte(&self, is_json: bool) -> u64 {
        let factor = if is_json {
            JSON_WEIGHT_PER_BYTE
        } else {
            WEIGHT_PER_BYTE
        };
        self.accumulating_aggregates.saturating_mul(factor)
    }
}

/// Whether this names a value, which costs nothing to be computed again.
fn is_column_ref(arg: &Node) -> bool {
    matches!(arg.node, Some(NodeEnum::ColumnRef(_)))
}

/// The bytes of the constants among the arguments.
fn literal_bytes(args: &[Node]) -> u64 {
    let texts = args
        .iter()
        .map(|arg| inspect::text_literal(arg).map_or(0, str::len));
    u64::try_from(texts.sum::<usize>()).unwrap_or(u64::MAX)
}

/// The aggregate that counts what another one collects, over the same rows, each distinct one once;
/// it tells whether it is within the budget, or what it weighs.
fn weighing_aggregate(aggregate: &FuncCall, weight: Node, returns_weight: bool) -> FuncCall {
    // Values are distinct by all arguments: the first alone tells them apart where the others are constants.
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
