//! SubLinks: subqueries in expressions.

use pg_query::NodeEnum;
use pg_query::protobuf::{Node, SubLink, SubLinkType};

use super::bound::{Bound, Parts};
use super::build_ast::ColumnCount;
use super::edits::Becomes;
use super::limits::{
    ARRAY_ELEMENT_BYTES, MAX_AGGREGATE_STATE_BYTES, MAX_HASHED_ROW_BYTES, TRUTH_VALUE_BYTES,
};
use super::operator::{check_operator_over_rows, operator_steps};
use super::units::Bytes;
use super::{CostAnalyzer, aggregate_weights, build_ast, inspect, row_limits};
use crate::catalog;
use crate::name::names;
use crate::refusal::Refusal;

/// How PostgreSQL may execute a SubLink.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum SublinkPlan {
    /// As a hashed subplan. Its hash table respects `work_mem` only as far as the planner's
    /// estimate is right.
    HashedSubplan,
    /// As a join, after it has been pulled up.
    PulledUpJoin,
}

impl CostAnalyzer {
    /// Bounds a SubLink. The plan contains it as often as the expression around it.
    pub(super) fn bound_sub_link(
        &mut self,
        node: &Node,
        link: &SubLink,
        plan: SublinkPlan,
    ) -> Result<Bound, Refusal> {
        let (kind, location) = (link.sub_link_type(), link.location);
        let testexpr = link.testexpr.as_deref();
        let left_operand = self.bound_optional(testexpr)?;
        let subselect = link.subselect.as_deref();
        let Some((subselect, select)) = subselect.and_then(inspect::query) else {
            return Err(Refusal::construct("this subquery").at(location));
        };
        let totals = self.totals;
        self.add_item()?;
        // A scalar subquery without FROM already defers its value to run time, as an InitPlan.
        self.is_initplan =
            kind == SubLinkType::ExprSublink && inspect::is_single_value_select(select);
        let output = self.bound_query(select)?;
        let row: Parts = output.columns.bounds().collect();
        let mut bound = Bound {
            nodes: output.nodes + left_operand.nodes,
            max_bytes: Bytes::ZERO,
            ..left_operand.at_runtime()
        };
        // The planner's estimate of the subquery's size is close enough to rely on.
        let estimate_is_reliable =
            output.cost.row_count_known && row.total_bytes <= MAX_HASHED_ROW_BYTES;
        if plan == SublinkPlan::PulledUpJoin && !estimate_is_reliable {
            self.settings.allow_hash_join = false;
        }
        match kind {
            SubLinkType::AnySublink | SubLinkType::AllSublink | SubLinkType::RowcompareSublink => {
                let operator =
                    catalog::operator(names(&link.oper_name).last().copied().unwrap_or("="))
                        .ok_or_else(|| Refusal::construct("an unknown operator").at(location))?;
                check_operator_over_rows(operator, location)?;
                self.add_equalities(self.count_row_values(testexpr))?;
                let own_steps = operator_steps(
                    operator,
                    left_operand.max_bytes,
                    row.combined.max_bytes,
                    location,
                )?;
                bound.uninterruptible_steps += own_steps;
                if plan == SublinkPlan::PulledUpJoin {
                    self.add_sort_keys(output.columns.bounds().chain([left_operand]))?;
                }
                if plan == SublinkPlan::HashedSubplan || !estimate_is_reliable {
                    let known = output.columns.exact_count().map(ColumnCount::Known);
                    let expected = || self.left_column_count(testexpr).map(ColumnCount::Expected);
                    let column_count = known.or_else(expected).ok_or_else(|| {
                        Refusal::construct_with_hint(
                            "a row with * compared with a subquery",
                            "name each column, as in (a, b) IN (SELECT a, b …)",
                        )
                        .at(location)
                    })?;
                    self.totals.hashed_subplans += 1;
                    let sharers = self.hashed_subplans;
                    self.edits.replace(subselect, Becomes::Other, move |query| {
                        row_limits::limit_hashed_rows(query, column_count, row.total_bytes, sharers)
                    });
                }
                Ok(Bound::parent(bound, TRUTH_VALUE_BYTES).as_non_text())
            }
            SubLinkType::ExistsSublink => {
                // PostgreSQL may hash the rows by the columns that WHERE compares, but not those of
                // a subquery with OFFSET.
                let is_short = output.condition_live_bytes <= MAX_HASHED_ROW_BYTES;
                let is_fenced = match plan {
                    SublinkPlan::HashedSubplan => !(output.cost.row_count_known && is_short),
                    SublinkPlan::PulledUpJoin => !is_short,
                };
                if is_fenced && select.limit_offset.is_none() {
                    self.edits.change_query(select, build_ast::add_offset_zero);
                }
                // PostgreSQL plans an EXISTS both ways and chooses at run time; nested ones double
                // again.
                let plans = if plan == SublinkPlan::HashedSubplan && !is_fenced {
                    2
                } else {
                    1
                };
                self.add_copies(totals, plans)?;
                self.nodes += output.nodes * (plans - 1);
                Ok(Bound::parent(bound, TRUTH_VALUE_BYTES).as_non_text())
            }
            SubLinkType::ArraySublink => {
                let weight = self.element_weight(row.total_bytes, Bytes::ZERO, false);
                let element = row.total_bytes + ARRAY_ELEMENT_BYTES;
                let value = element * (MAX_AGGREGATE_STATE_BYTES / weight);
                let limit = self.aggregate_limit(value);
                let known = output.columns.exact_count().map(ColumnCount::Known);
                let column_count = known.unwrap_or(ColumnCount::Expected(1));
                let weight_per_byte = self.weight_per_byte(false);
                let weigh = move |node: &mut Node| match node.node.take() {
                    Some(NodeEnum::SubLink(link)) => {
                        *node = aggregate_weights::weigh_array_sub_link(
                            link,
                            column_count,
                            weight,
                            weight_per_byte,
                            limit,
                        );
                        Ok(())
                    }
                    _ => Err(Refusal::construct("this subquery").at(location)),
                };
                self.edits.change(node, Becomes::Other, weigh);
                let bound = match limit {
                    Some(max) => self.bound_limited(bound, value, max)?,
                    None => Bound::parent(bound, value),
                };
                Ok(bound.as_text())
            }
            SubLinkType::ExprSublink => {
                let bound = Bound::parent(bound, row.total_bytes).as_text();
                Ok(if row.any_json { bound.as_json() } else { bound })
            }
            SubLinkType::Undefined | SubLinkType::MultiexprSublink | SubLinkType::CteSublink => {
                Err(Refusal::construct("this subquery").at(location))
            }
        }
    }

    /// Number of values on the left of `(a, b) IN (SELECT …)`, if the text determines it.
    fn left_column_count(&self, tested: Option<&Node>) -> Option<usize> {
        match tested.map(|node| &node.node) {
            Some(Some(NodeEnum::RowExpr(row))) => row
                .args
                .iter()
                .all(|arg| {
                    inspect::star_qualifier(arg).is_none() && !self.edits.is_row_expansion(arg)
                })
                .then_some(row.args.len()),
            _ => Some(1),
        }
    }
}
