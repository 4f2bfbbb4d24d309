//! Sub-selects in expressions.

use pg_query::NodeEnum;
use pg_query::protobuf::{Node, SubLink, SubLinkType};

use super::collect::OF_ARRAY_ELEMENT;
use super::join::SHORT_ROW;
use super::made::Width;
use super::operator::{over_rows, steps_of};
use super::size::{Parts, Size};
use super::{MOST_COLLECTED, Measure, made, tree, weighed};
use crate::query::guard::name::names;
use crate::query::guard::refusal::Refusal;

/// What PostgreSQL may make of a sub-select.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Fence {
    /// A hash table of its own, which knows no bound but what the planner believed.
    Needed,
    /// A join.
    OfJoin,
}

impl Measure {
    /// Measures a sub-select in an expression. It stands in the plan as often as the expression around it does.
    pub(super) fn sub_link(&mut self, node: &mut Node, fence: Fence) -> Result<Size, Refusal> {
        let Some(NodeEnum::SubLink(link)) = &mut node.node else {
            return self.expr(node);
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
        let tested = self.optional(testexpr)?;
        let Some(NodeEnum::SelectStmt(select)) =
            subselect.as_mut().and_then(|select| select.node.as_mut())
        else {
            return Err(Refusal::construct("this sub-select").at(location));
        };
        let totals = self.totals;
        self.count_item()?;
        // What it computes is where it waits for that.
        self.waits = kind == SubLinkType::ExprSublink && tree::is_one_value(select);
        let output = self.query(select)?;
        let of_row: Parts = output.columns.sizes().collect();
        let mut size = Size {
            nodes: output.nodes.saturating_add(tested.nodes),
            value: 0,
            ..tested.varying()
        };
        // What PostgreSQL believes of its size is near the truth.
        let is_tame = output.few_rows && of_row.sum <= SHORT_ROW;
        if fence == Fence::OfJoin && !is_tame {
            self.settings.allow_hash_join = false;
        }
        match kind {
            SubLinkType::AnySublink | SubLinkType::AllSublink | SubLinkType::RowcompareSublink => {
                over_rows(oper_name, location)?;
                self.count_equalities(self.values_of(testexpr.as_deref()))?;
                let operator = names(oper_name).last().copied().unwrap_or("=");
                let own = steps_of(operator, tested.value, of_row.all.value, location)?;
                size.steps = size.steps.saturating_add(own);
                if fence == Fence::OfJoin {
                    self.sorted(output.columns.sizes().chain([tested]))?;
                }
                if fence == Fence::Needed || !is_tame {
                    let known = output.columns.count().map(Width::Known);
                    let expected = || tree::width(testexpr.as_deref()).map(Width::Expected);
                    let width = known.or_else(expected).ok_or_else(|| {
                        Refusal::construct_with_hint(
                            "a row with * compared with a sub-select",
                            "name each column, as in (a, b) IN (SELECT a, b …)",
                        )
                        .at(location)
                    })?;
                    self.totals.counted += 1;
                    made::fence_rows(subselect, width, of_row.sum, self.counting);
                }
                Ok(Size::over(size, 1).no_text())
            }
            SubLinkType::ExistsSublink => {
                // PostgreSQL hashes its rows by what its WHERE compares, but not those behind an OFFSET.
                let is_short = output.conditions <= SHORT_ROW;
                let is_fenced = match fence {
                    Fence::Needed => !(output.few_rows && is_short),
                    Fence::OfJoin => !is_short,
                };
                if is_fenced && select.limit_offset.is_none() {
                    made::offset_nothing(select);
                }
                // PostgreSQL plans it both ways, to choose when it runs; within such a one, each twice again.
                let plans = if fence == Fence::Needed && !is_fenced {
                    2
                } else {
                    1
                };
                self.count_copies(totals, plans)?;
                self.nodes = self.nodes.saturating_add(output.nodes * (plans - 1));
                Ok(Size::over(size, 1).no_text())
            }
            SubLinkType::ArraySublink => {
                let weight = self.weight(of_row.sum, 0, false);
                let element = of_row.sum.saturating_add(OF_ARRAY_ELEMENT);
                let value = (MOST_COLLECTED / weight).saturating_mul(element);
                let limit = self.collected_limit(value);
                let known = output.columns.count().map(Width::Known);
                let width = known.unwrap_or(Width::Expected(1));
                weighed::collect_array(node, width, weight, self.of_byte(false), limit);
                let size = match limit {
                    Some(most) => self.limited(size, value, most)?,
                    None => Size::over(size, value),
                };
                Ok(size.any_text())
            }
            SubLinkType::ExprSublink => {
                size.spells = of_row.all.spells;
                let mut size = Size::over(size, of_row.sum);
                size.plain = of_row.all.plain;
                Ok(if of_row.any_json {
                    size.as_json()
                } else {
                    size
                })
            }
            SubLinkType::Undefined | SubLinkType::MultiexprSublink | SubLinkType::CteSublink => {
                Err(Refusal::construct("this sub-select").at(location))
            }
        }
    }
}
