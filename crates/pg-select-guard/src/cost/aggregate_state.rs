//! Aggregates whose state grows with every row (`array_agg`, `string_agg`, `json_agg`, …).
//! PostgreSQL does not bound it.

use std::ops::Range;

use pg_query::NodeEnum;
use pg_query::protobuf::Node;

use super::CostAnalyzer;
use super::aggregate_weights::{SizeMeasure, Weighing, Weight};
use super::bound::Bound;
use super::call::AggregateRefs;
use super::call_syntax::Call;
use super::edits::Becomes;
use super::limits::{
    ARRAY_ELEMENT_BYTES, ELEMENT_OVERHEAD_BYTES, JSON_ELEMENT_OVERHEAD_BYTES, JSON_WEIGHT_PER_BYTE,
    MAX_AGGREGATE_STATE_BYTES, MAX_ESTIMATED_ELEMENT_BYTES, NUMBER_BYTES, RANGE_OVERHEAD_BYTES,
    WEIGHT_PER_BYTE,
};
use super::totals::Totals;
use super::units::Bytes;
use crate::catalog::{AggregateState, Element, Function};
use crate::refusal::Refusal;

impl CostAnalyzer {
    /// Bounds an aggregate that accumulates its argument. An added aggregate weighs the same rows
    /// and stops the statement at the first row above the budget; a check of the finished value
    /// would come too late.
    pub(super) fn bound_accumulation(
        &mut self,
        call: &Call<'_>,
        function: &Function,
        value_bytes: Bytes,
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
            Element::Json => (value_bytes * 2, JSON_ELEMENT_OVERHEAD_BYTES),
        };
        let is_json = element == Element::Json;
        let mut parts = parts;
        let is_long = value_bytes > MAX_ESTIMATED_ELEMENT_BYTES;
        let weight_per_byte = self.weight_per_byte(is_json);
        let value = if is_long {
            MAX_AGGREGATE_STATE_BYTES / weight_per_byte
        } else {
            let weight = self.element_weight(values, overhead, is_json);
            (values + ARRAY_ELEMENT_BYTES) * (MAX_AGGREGATE_STATE_BYTES / weight)
        };
        let limit = self.aggregate_limit(value);
        let is_array = element == Element::Array;
        // Under a limit, elements that are cheap to measure are weighed by their actual size too:
        // there the estimate would be too coarse.
        let is_measured = limit.is_some()
            && is_array
            && value_bytes > NUMBER_BYTES
            && call.args.iter().all(|arg| is_column_ref(arg));
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
            Weight::Measured { overhead, measure }
        } else {
            Weight::Estimated(self.element_weight(values, overhead, is_json))
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
        let weighing = Weighing {
            weight,
            weight_per_byte,
            limit,
            is_array,
        };
        let becomes = match limit {
            Some(_) if !is_array => Becomes::WrapperCall,
            _ => Becomes::Other,
        };
        self.edits
            .change(call.node, becomes, move |node| weighing.apply(node));
        let bound = match limit {
            None => Bound::parent(parts, value),
            Some(max) => self.bound_limited(parts, value, max)?,
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
    pub(super) fn element_weight(&self, bytes: Bytes, overhead: Bytes, is_json: bool) -> Bytes {
        (bytes + overhead.max(ELEMENT_OVERHEAD_BYTES)) * self.weight_per_byte(is_json)
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
