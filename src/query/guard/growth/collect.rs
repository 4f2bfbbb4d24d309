//! Aggregates that collect a value of each row, for which PostgreSQL has no bound.

use std::ops::Range;

use pg_query::NodeEnum;
use pg_query::protobuf::{FuncCall, Node};

use super::call::NamesOfAggregate;
use super::count::Totals;
use super::size::Size;
use super::weighed::Length;
use super::{MOST_COLLECTED, Measure, made, tree, weighed};
use crate::query::guard::refusal::Refusal;

/// What a collected element costs beside its value, in bytes: an array's or a text's, a JSON value's, a range's.
const OF_ELEMENT: u64 = 16;
const OF_JSON: u64 = 160;
const OF_RANGE: u64 = 2_400;

/// What an element takes in what was collected beside its value.
pub(super) const OF_ARRAY_ELEMENT: u64 = 4;

/// Values that can be longer are weighed by their length.
pub(super) const LONG: u64 = 256;

/// What a number or a date takes: there is little to win by looking at it.
const NUMBER: u64 = 16;

/// How much more everything weighs, so that a statement has no more than this part of the twin's budget: what is made of the
/// collected, such as a text of an array, can be more than twice as long, and may be sorted a few times.
const OF_BUDGET: u64 = 3;

/// … and so of JSON, which takes many times its text while it is built into other JSON.
const OF_BUDGET_OF_JSON: u64 = 12;

impl Measure {
    /// `aggregate(x)` becomes `CASE WHEN bounded.admits(weight) THEN aggregate(x) END`: the aggregate beside it weighs the same
    /// rows and stops the statement at the first too many, where a look at the finished value would come too late.
    pub(super) fn collecting(
        &mut self,
        node: &mut Node,
        name: &str,
        sum: u64,
        parts: Size,
        names: &NamesOfAggregate,
        before: Totals,
    ) -> Result<Size, Refusal> {
        // A hash table of groups is held to work_mem by what it holds when a group is new, not by what groups collect.
        self.settings.allow_hash_agg = false;
        let (values, beside) = match name {
            "range_agg" => (sum, OF_RANGE),
            "array_agg" | "string_agg" => (sum, OF_ELEMENT),
            _ => (sum.saturating_mul(2), OF_JSON),
        };
        let Some(NodeEnum::FuncCall(call)) = node.node.take() else {
            return Err(Refusal::construct(name));
        };
        let is_json = name.contains("json");
        let mut parts = parts;
        let is_long = sum > LONG;
        let of_byte = self.of_byte(is_json);
        let value = if is_long {
            MOST_COLLECTED / of_byte
        } else {
            let weight = self.weight(values, beside, is_json);
            (MOST_COLLECTED / weight).saturating_mul(values.saturating_add(OF_ARRAY_ELEMENT))
        };
        let limit = self.collected_limit(value);
        let is_array = name == "array_agg";
        // Under a limit, what is easily looked at is weighed as it is too: there the difference is
        // felt.
        let is_looked_at =
            limit.is_some() && is_array && sum > NUMBER && call.args.iter().all(is_name);
        let weight = if is_long || is_looked_at {
            // As long as it is, instead of as long as it can be: what has been collected is collected again. For that it is
            // computed again.
            let length = match limit {
                _ if is_json => Length::Json,
                None => Length::Text,
                Some(_) => Length::TextOrMemory,
            };
            let copies = 1 + length.copies();
            self.count_copies(before, copies)?;
            parts.nodes = parts.nodes.saturating_mul(copies);
            let long = call.args.iter().filter(|arg| tree::text(arg).is_none());
            let beside = of_byte.saturating_mul(text_of(&call.args).saturating_add(beside));
            weighed::weight(beside, of_byte, long.cloned().collect(), length)
        } else {
            made::number(self.weight(values, beside, is_json))
        };
        // What weighs it must belong to the same query as it does.
        let elsewhere = self.is_outer(&names.all)
            || self.is_outer(&names.filter)
            || call.agg_distinct && self.is_outer(&names.first);
        if call.over.is_none() && elsewhere {
            return Err(Refusal::construct_with_hint(
                &format!("{name} of an outer query's columns in a sub-select"),
                "call it in the query whose rows it collects",
            )
            .at(call.location));
        }
        let weighed = counting(&call, weight, limit.is_some() && is_array);
        let weighed = Node {
            node: Some(NodeEnum::FuncCall(Box::new(weighed))),
        };
        let collected = Node {
            node: Some(NodeEnum::FuncCall(call)),
        };
        let size = match limit {
            None => {
                *node = made::case(weighed, collected);
                Size::over(parts, value)
            }
            Some(most) => {
                *node = if is_array {
                    made::case(weighed::few_collected(weighed, of_byte, most), collected)
                } else {
                    let collected = made::case(weighed, collected);
                    made::twin("collected", vec![collected, made::number(most)])
                };
                self.limited(parts, value, most)?
            }
        };
        Ok(if is_json {
            size.as_json()
        } else {
            size.as_plain()
        })
    }

    /// Whether there are names in this range, and none of them is of the innermost query: an aggregate of such is evaluated
    /// further out.
    fn is_outer(&self, names: &Range<usize>) -> bool {
        let levels = self.meant.get(names.clone()).unwrap_or_default();
        !levels.is_empty() && !levels.contains(&self.sources.level())
    }

    /// What a collected element of so many bytes weighs, of the budget that all aggregates of the statement share.
    pub(super) fn weight(&self, bytes: u64, beside: u64, is_json: bool) -> u64 {
        bytes
            .saturating_add(beside.max(OF_ELEMENT))
            .saturating_mul(self.of_byte(is_json))
    }

    /// What a byte weighs.
    pub(super) fn of_byte(&self, is_json: bool) -> u64 {
        let of_budget = if is_json {
            OF_BUDGET_OF_JSON
        } else {
            OF_BUDGET
        };
        self.collecting.saturating_mul(of_budget)
    }
}

/// Whether this names a value, which costs nothing to be computed again.
fn is_name(arg: &Node) -> bool {
    matches!(arg.node, Some(NodeEnum::ColumnRef(_)))
}

/// The bytes of the constants among the arguments.
fn text_of(args: &[Node]) -> u64 {
    let texts = args.iter().map(|arg| tree::text(arg).map_or(0, str::len));
    u64::try_from(texts.sum::<usize>()).unwrap_or(u64::MAX)
}

/// The aggregate that counts what another one collects, over the same rows, each distinct one once;
/// it tells whether it is within the budget, or what it weighs.
fn counting(collecting: &FuncCall, weight: Node, tells_weight: bool) -> FuncCall {
    // Values are distinct by all arguments: the first alone tells them apart where the others are constants.
    let is_constant = |arg: &Node| matches!(arg.node, Some(NodeEnum::AConst(_)));
    let distinct = collecting.agg_distinct
        && collecting
            .args
            .split_first()
            .is_some_and(|(first, others)| !is_constant(first) && others.iter().all(is_constant));
    let twin = match (tells_weight, distinct) {
        (false, false) => "admits",
        (false, true) => "admits_distinct",
        (true, false) => "weighs",
        (true, true) => "weighs_distinct",
    };
    let mut args = if distinct {
        collecting.args[..1].to_vec()
    } else {
        Vec::new()
    };
    args.push(weight);
    FuncCall {
        agg_distinct: distinct,
        agg_filter: collecting.agg_filter.clone(),
        over: collecting.over.clone(),
        ..made::call(made::twin_name(twin), args)
    }
}
