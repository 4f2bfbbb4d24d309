//! Functions: how large their results can be, and which calls a twin replaces.

use std::ops::Range;

use pg_query::NodeEnum;
use pg_query::protobuf::{FuncCall, Node};

use super::cast::is_cast;
use super::count::{steps, within};
use super::expression::path_size;
use super::full_text::{OF_PARSING, OF_SEARCH};
use super::join::SHORT_ROW;
use super::operator::{OF_REBUILDING, power, power_steps};
use super::own_rule::OwnRule;
use super::pattern::bytes_of_groups;
use super::size::{MOST_DIGITS, Parts, SMALL, Size};
use super::{Measure, made, pattern, time, tree};
use crate::query::guard::allow_list::{AGGREGATES, FUNCTIONS, Growth, SET_RETURNING, TYPES};
use crate::query::guard::name::names;
use crate::query::guard::refusal::{Refusal, Rule};

/// A text that is put into PostgreSQL's normal form is sorted in a time that grows with the square of its length.
const MOST_NORMALIZED: u64 = 8 << 10;

/// Functions of the list with short results that may spell a number in letters and digits.
const SPELLING: [&str; 5] = ["chr", "md5", "to_bin", "to_hex", "to_oct"];

/// Functions of the list whose results are as long as their arguments together, and numbers where those are.
const NUMERIC: [&str; 17] = [
    "abs",
    "ceil",
    "ceiling",
    "div",
    "floor",
    "gcd",
    "generate_series",
    "lcm",
    "mod",
    "random",
    "stddev",
    "stddev_pop",
    "stddev_samp",
    "trim_scale",
    "var_pop",
    "var_samp",
    "variance",
];

/// Aggregates of the list that keep one of the values they are given, or one made of them.
pub(super) const KEEPING: [&str; 15] = [
    "any_value",
    "avg",
    "bit_and",
    "bit_or",
    "bit_xor",
    "max",
    "min",
    "range_intersect_agg",
    "stddev",
    "stddev_pop",
    "stddev_samp",
    "sum",
    "var_pop",
    "var_samp",
    "variance",
];

/// What is different with each call, of what takes arguments.
const VOLATILE: [&str; 4] = ["array_sample", "array_shuffle", "random", "random_normal"];

/// Functions of the list that build a JSON document of their arguments, or of a part of them.
const BUILDING: [&str; 9] = [
    "jsonb_build_array",
    "jsonb_build_object",
    "jsonb_insert",
    "jsonb_object",
    "jsonb_path_query_array",
    "jsonb_set",
    "jsonb_strip_nulls",
    "row_to_json",
    "to_jsonb",
];

/// Functions of the list that match a text with a regular expression, and what PostgreSQL holds for each of its bytes: a wide
/// character, and where each match is.
const MATCHING: [&str; 10] = [
    "regexp_count",
    "regexp_instr",
    "regexp_like",
    "regexp_match",
    "regexp_matches",
    "regexp_replace",
    "regexp_split_to_array",
    "regexp_split_to_table",
    "regexp_substr",
    "substring",
];
pub(super) const OF_MATCHING: u64 = 12;

/// Functions of the list that make JSON.
const MAKING_JSON: [&str; 16] = [
    "array_to_json",
    "json_build_array",
    "json_build_object",
    "json_extract_path",
    "json_object",
    "json_strip_nulls",
    "jsonb_build_array",
    "jsonb_build_object",
    "jsonb_extract_path",
    "jsonb_insert",
    "jsonb_object",
    "jsonb_set",
    "jsonb_strip_nulls",
    "row_to_json",
    "to_json",
    "to_jsonb",
];

/// Functions of the list that read a format, and the longest that they may.
const FORMATTED: [&str; 4] = ["to_char", "to_date", "to_number", "to_timestamp"];
const MOST_FORMAT: u64 = 1 << 10;

/// Functions of the list that multiply long numbers.
const SQUARING: [&str; 10] = [
    "div",
    "gcd",
    "lcm",
    "mod",
    "stddev",
    "stddev_pop",
    "stddev_samp",
    "var_pop",
    "var_samp",
    "variance",
];

/// All that is said here of functions by name.
#[cfg(test)]
pub(super) const NAMED: [&[&str]; 9] = [
    &SPELLING,
    &NUMERIC,
    &KEEPING,
    &MAKING_JSON,
    &MATCHING,
    &VOLATILE,
    &BUILDING,
    &FORMATTED,
    &SQUARING,
];

impl Measure {
    /// Measures a call; it may become another one.
    pub(super) fn call(&mut self, node: &mut Node) -> Result<Size, Refusal> {
        let Some(NodeEnum::FuncCall(call)) = &mut node.node else {
            return self.expr(node);
        };
        let name = names(&call.funcname)
            .last()
            .copied()
            .unwrap_or_default()
            .to_owned();
        if is_cast(&name, call) {
            return self.called_cast(&name, call);
        }
        let location = call.location;
        let growth = FUNCTIONS
            .get(name.as_str())
            .copied()
            .unwrap_or(Growth::Times(1));
        let by_place = matches!(growth, Growth::Digits | Growth::OwnRule | Growth::Collects)
            || time::takes_zone(&name);
        if by_place && (call.func_variadic || call.args.iter().any(tree::is_named)) {
            return Err(Refusal::construct_with_hint(
                &format!("a call of {name} with names for its arguments, or VARIADIC,"),
                "give the values one by one, in their order, without names",
            )
            .at(location));
        }
        if MATCHING.contains(&name.as_str())
            && let Some(pattern) = call.args.get(1)
        {
            self.retain(pattern::retained_bytes(pattern));
        }
        if matches!(name.as_str(), "max" | "min") {
            self.extremes += 1;
        }
        if SET_RETURNING.contains(&name.as_str()) {
            self.set_returning += 1;
            // PostgreSQL may keep its rows, within `work_mem`.
            self.count_sort(0)?;
        }
        let (before, totals) = (self.meant.len(), self.totals);
        let mut sizes = Vec::with_capacity(call.args.len());
        let mut first = before..before;
        for arg in &mut call.args {
            let is_path = name.starts_with("jsonb_path_") && tree::is_path(arg);
            sizes.push(if is_path {
                path_size(arg)
            } else {
                self.expr(arg)?
            });
            if sizes.len() == 1 {
                first = before..self.meant.len();
            }
        }
        let may_be_text = |place: usize| sizes.get(place).is_some_and(|size: &Size| size.spells);
        let wrappers = time::bound_call(&name, call, may_be_text);
        let args: Parts = sizes.iter().copied().collect();
        let mut around = Parts::default();
        for expr in &mut call.agg_order {
            let size = self.expr(expr)?;
            for _ in 0..self.groupings {
                self.sorted([size])?;
            }
            around.add(size);
        }
        if call.agg_distinct || call.agg_within_group {
            for _ in 0..self.groupings {
                self.sorted(sizes.iter().copied())?;
            }
        }
        let ordered = around.all.value;
        if !call.agg_order.is_empty() && growth != Growth::Collects {
            self.carry(args.sum, self.groupings)?;
        }
        let filter = self.meant.len();
        around.add(self.optional(&mut call.agg_filter)?);
        let names = NamesOfAggregate {
            all: before..self.meant.len(),
            first,
            filter: filter..self.meant.len(),
        };
        if let Some(window) = &mut call.over {
            around.add(self.window(window)?);
        }
        let mut size = args.all.beside(around.all);
        size = (0..wrappers).fold(size, |size, _| size.with_twin());
        size.varies |= call.args.is_empty()
            || call.over.is_some()
            || SET_RETURNING.contains(&name.as_str())
            || VOLATILE.contains(&name.as_str())
            || AGGREGATES.contains(&name.as_str());
        size.spells = match growth {
            _ if OF_SEARCH.contains(&name.as_str()) => false,
            Growth::Fixed => SPELLING.contains(&name.as_str()),
            Growth::Digits => false,
            Growth::Most if call.agg_within_group => around.all.spells,
            Growth::Most => args.all.spells,
            Growth::Times(_) | Growth::OwnRule if NUMERIC.contains(&name.as_str()) => {
                args.all.spells
            }
            // A range or a multirange of its bounds.
            Growth::Times(_) => !TYPES.contains(&name.as_str()),
            Growth::OwnRule | Growth::Collects => true,
        };
        let value = match growth {
            // One value of the order, or one for each of several fractions.
            Growth::Most if call.agg_within_group => (args.sum / 8 + 1).saturating_mul(ordered),
            Growth::Fixed if call.agg_within_group => {
                args.sum.saturating_mul(2).saturating_add(SMALL)
            }
            Growth::Fixed => SMALL,
            // So many characters of it.
            Growth::Most if matches!(name.as_str(), "left" | "right") => {
                let most = call.args.get(1).and_then(tree::integer);
                let most = most.map_or(u64::MAX, |characters| characters.saturating_mul(4));
                args.all.value.min(most).max(SMALL)
            }
            Growth::Most => args.all.value.max(SMALL),
            Growth::Times(times) => sizes
                .iter()
                // JSON in JSON needs no quotes; a space behind each colon and comma it may get.
                .map(|size| {
                    size.value
                        .saturating_mul(if size.json { times.min(2) } else { times })
                })
                .fold(SMALL, u64::saturating_add),
            Growth::Digits if call.args.first().is_some_and(tree::is_float) => SMALL,
            Growth::Digits if matches!(name.as_str(), "pow" | "power") => {
                let base = sizes.first().map_or(0, |size| size.value);
                power(base, call.args.get_mut(1))
            }
            Growth::Digits => digits(&name, call, args.sum),
            Growth::Collects => {
                return self.collecting(node, &name, args.sum, size, &names, totals);
            }
            Growth::OwnRule => {
                let mut rule = OwnRule {
                    call: call.as_mut(),
                    sizes: &sizes,
                    steps: 0,
                };
                let value = rule.value(&name)?;
                size.steps = size.steps.saturating_add(rule.steps);
                value
            }
        };
        if BUILDING.contains(&name.as_str()) {
            size.held = size
                .held
                .saturating_add(value.saturating_mul(OF_REBUILDING));
        }
        if KEEPING.contains(&name.as_str()) && args.all.value > SHORT_ROW {
            // What a group keeps is not counted when it becomes longer; and each grouping keeps a value of its own.
            self.settings.allow_hash_agg = false;
            let others = value.saturating_mul(self.groupings.saturating_sub(1));
            size.held = size.held.saturating_add(others);
        }
        let text = sizes.first().map_or(0, |size| size.value);
        let beside = match name.as_str() {
            "to_tsvector" => OF_PARSING,
            name if MATCHING.contains(&name) => OF_MATCHING + bytes_of_groups(name, call),
            _ => 0,
        };
        size.held = size.held.saturating_add(text.saturating_mul(beside));
        let format = sizes.get(1).map_or(0, |size| size.value);
        if FORMATTED.contains(&name.as_str()) && format > MOST_FORMAT {
            return Err(too_long_for(&name, format, MOST_FORMAT, location));
        }
        if name == "normalize" && args.all.value > MOST_NORMALIZED {
            return Err(too_long_for(
                &name,
                args.all.value,
                MOST_NORMALIZED,
                location,
            ));
        }
        let squared = match name.as_str() {
            "normalize" => args.all.value / 2,
            name if SQUARING.contains(&name) && args.all.value > SMALL => args.all.value / 4,
            _ => 0,
        };
        let mut own = steps(&name, squared, squared, location)?;
        if growth == Growth::Digits {
            own = own.saturating_add(digit_steps(&name, args.sum, value, location)?);
        }
        size.steps = size.steps.saturating_add(own);
        within(&name, value, location)?;
        if name == "pg_typeof" {
            let type_of = std::mem::take(node);
            *node = made::cast(type_of, "text");
        }
        let mut size = Size::over(size, value);
        size.plain = is_plain(&name, growth);
        Ok(if MAKING_JSON.contains(&name.as_str()) {
            size.as_json()
        } else {
            size
        })
    }
}

/// Where the names stand among those met so far that an aggregate was given.
pub(super) struct NamesOfAggregate {
    pub(super) all: Range<usize>,
    pub(super) first: Range<usize>,
    pub(super) filter: Range<usize>,
}

/// Whether what a function gives surely is neither JSON nor a full-text query. What is chosen among
/// others may be any of them, and `ts_headline` gives JSON of JSON.
fn is_plain(name: &str, growth: Growth) -> bool {
    growth != Growth::Most
        && name != "ts_headline"
        && !name.contains("json")
        && !name.ends_with("tsquery")
}

/// A number that a function makes of others.
fn digits(name: &str, call: &mut FuncCall, args: u64) -> u64 {
    match (name, call.args.get(1).and_then(tree::integer)) {
        // Digits behind the point as they are asked for.
        ("round" | "trunc", Some(scale)) => args.saturating_add(scale).min(MOST_DIGITS),
        ("round" | "trunc", None) if call.args.len() == 1 => args.max(SMALL),
        // Before the point, where a negative number only takes digits away, or makes 1,000 of 950.
        ("round" | "trunc", None) if call.args.get(1).is_some_and(tree::is_negative) => {
            args.max(SMALL)
        }
        ("sqrt" | "ln" | "log" | "log10", _) => args.saturating_add(1_024).min(MOST_DIGITS),
        ("exp", _) => power(1, call.args.first_mut()),
        _ => MOST_DIGITS,
    }
}

/// The most digits behind the point to which PostgreSQL computes what has no end
/// (`NUMERIC_MAX_DISPLAY_SCALE`).
const MAX_SCALE: u64 = 1_000;

/// How often a series multiplies such a number: the logarithm of one of 1,000 digits takes 2 ms.
const PRODUCTS_PER_SERIES: u64 = 16;

/// The steps of a function that computes digits, of arguments and a result of so many bytes.
fn digit_steps(name: &str, args: u64, value: u64, location: i32) -> Result<u64, Refusal> {
    let limbs = args.min(MAX_SCALE) / 4;
    let series = limbs * limbs * PRODUCTS_PER_SERIES;
    Ok(match name {
        "exp" | "pow" | "power" => series.saturating_add(power_steps(value, location)?),
        "ln" | "log" | "log10" | "sqrt" => series,
        // The others take no longer than their digits are many; a factorial is interrupted.
        _ => 0,
    })
}

pub(super) fn too_long_for(name: &str, bytes: u64, most: u64, location: i32) -> Refusal {
    Refusal::new(
        Rule::Cost,
        format!("{name} would work on values of up to {bytes} bytes"),
        format!("the most is {most}; make them shorter"),
    )
    .at(location)
}
