//! SubLinks: subqueries in expressions.

use pg_query::NodeEnum;
use pg_query::protobuf::{Node, SubLink, SubLinkType};

use super::bound::{Bound, Parts};
use super::build_ast::ColumnCount;
use super::limits::{ARRAY_ELEMENT_BYTES, MAX_AGGREGATE_STATE_BYTES, MAX_HASHED_ROW_BYTES};
use super::operator::{check_operator_over_rows, operator_steps};
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
        node: &mut Node,
        plan: SublinkPlan,
    ) -> Result<Bound, Refusal> {
        let Some(NodeEnum::SubLink(link)) = &mut node.node else {
            return self.bound_expr(node);
        };
        let kind = link.sub_link_type();
        let SubLink {
            xpr: _,
            sub_link_type: _,
            sub_link_id: _,
            testexpr,
            oper_name,
            subselect,
            location,
        } = link.as_mut();
        let location = *location;
        let left_operand = self.bound_optional(testexpr)?;
        let Some(NodeEnum::SelectStmt(select)) =
            subselect.as_mut().and_then(|select| select.node.as_mut())
        else {
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
            max_bytes: 0,
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
                    catalog::operator(names(oper_name).last().copied().unwrap_or("="))
                        .ok_or_else(|| Refusal::construct("an unknown operator").at(location))?;
                check_operator_over_rows(operator, location)?;
                self.add_equalities(self.count_row_values(testexpr.as_deref()))?;
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
                    let expected = || {
                        inspect::left_column_count(testexpr.as_deref()).map(ColumnCount::Expected)
                    };
                    let column_count = known.or_else(expected).ok_or_else(|| {
                        Refusal::construct_with_hint(
                            "a row with * compared with a subquery",
                            "name each column, as in (a, b) IN (SELECT a, b …)",
                        )
                        .at(location)
                    })?;
                    self.totals.hashed_subplans += 1;
                    row_limits::limit_hashed_rows(
                        subselect,
                        column_count,
                        row.total_bytes,
                        self.hashed_subplans,
                    );
                }
                Ok(Bound::parent(bound, 1).as_non_text())
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
                    build_ast::add_offset_zero(select);
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
                Ok(Bound::parent(bound, 1).as_non_text())
            }
            SubLinkType::ArraySublink => {
                let weight = self.element_weight(row.total_bytes, 0, false);
                let element = row.total_bytes.saturating_add(ARRAY_ELEMENT_BYTES);
                let value = (MAX_AGGREGATE_STATE_BYTES / weight).saturating_mul(element);
                let limit = self.aggregate_limit(value);
                let known = output.columns.exact_count().map(ColumnCount::Known);
                let column_count = known.unwrap_or(ColumnCount::Expected(1));
                aggregate_weights::weigh_array_sub_link(
                    node,
                    column_count,
                    weight,
                    self.weight_per_byte(false),
                    limit,
                );
                let bound = match limit {
                    Some(max) => self.bound_limited(bound, value, max)?,
                    None => Bound::parent(bound, value),
                };
                Ok(bound.as_text())
            }
            SubLinkType::ExprSublink => {
                bound.may_parse_as_number = row.combined.may_parse_as_number;
                let mut bound = Bound::parent(bound, row.total_bytes);
                bound.is_flat = row.combined.is_flat;
                Ok(if row.any_json { bound.as_json() } else { bound })
            }
            SubLinkType::Undefined | SubLinkType::MultiexprSublink | SubLinkType::CteSublink => {
                Err(Refusal::construct("this subquery").at(location))
            }
        }
    }
}
