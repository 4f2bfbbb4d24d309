//! Function calls: how large their results can be, and which calls bounded wrappers replace.

use std::ops::Range;

use pg_query::NodeEnum;
use pg_query::protobuf::{FuncCall, Node};

use super::bound::{Bound, MAX_NUMERIC_BYTES, Parts, SCALAR_BYTES};
use super::cast::is_cast;
use super::custom_rule::CustomRule;
use super::expression::json_path_bound;
use super::full_text::{FULL_TEXT_FUNCTIONS, TSVECTOR_PARSE_BYTES_PER_BYTE};
use super::join::MAX_HASHED_ROW_BYTES;
use super::operator::{REBUILD_BYTES_PER_BYTE, power_bytes, power_steps};
use super::regex::group_bytes_per_byte;
use super::totals::{check_steps, check_value_bytes};
use super::{CostAnalyzer, build_ast, inspect, regex, time_zone};
use crate::allow_list::{AGGREGATES, FUNCTIONS, SET_RETURNING, SizeRule, TYPES};
use crate::name::names;
use crate::refusal::{Refusal, Rule};

/// Limit of a text that `normalize` reads: its time grows with the square of the length.
const MAX_NORMALIZE_BYTES: u64 = 8 << 10;

/// Functions with short text results that may parse as a number.
const NUMERIC_LOOKING_FUNCTIONS: [&str; 5] = ["chr", "md5", "to_bin", "to_hex", "to_oct"];

/// Functions whose result is as long as all arguments together, and numeric if they are.
const NUMERIC_FUNCTIONS: [&str; 17] = [
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

/// Aggregates whose state is one of their input values, or one value computed from them.
pub(super) const SINGLE_VALUE_AGGREGATES: [&str; 15] = [
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

/// Volatile functions that take arguments.
const VOLATILE_FUNCTIONS: [&str; 4] = ["array_sample", "array_shuffle", "random", "random_normal"];

/// Functions that build a JSON document from all or some of their arguments.
const JSONB_BUILDERS: [&str; 9] = [
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

/// Functions that match a text against a regular expression. Below, the bytes PostgreSQL holds for
/// each byte of the text: a wide character, and the position of each match.
const REGEX_FUNCTIONS: [&str; 10] = [
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
pub(super) const REGEX_BYTES_PER_BYTE: u64 = 12;

/// Functions that return JSON.
const JSON_FUNCTIONS: [&str; 16] = [
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

/// Functions that take a format, and the limit of that format in bytes.
const FORMAT_FUNCTIONS: [&str; 4] = ["to_char", "to_date", "to_number", "to_timestamp"];
const MAX_FORMAT_BYTES: u64 = 1 << 10;

/// Functions that multiply long numbers.
const QUADRATIC_NUMERIC_FUNCTIONS: [&str; 10] = [
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

/// All lists of function names in this file.
#[cfg(test)]
pub(super) const FUNCTION_LISTS: [&[&str]; 9] = [
    &NUMERIC_LOOKING_FUNCTIONS,
    &NUMERIC_FUNCTIONS,
    &SINGLE_VALUE_AGGREGATES,
    &JSON_FUNCTIONS,
    &REGEX_FUNCTIONS,
    &VOLATILE_FUNCTIONS,
    &JSONB_BUILDERS,
    &FORMAT_FUNCTIONS,
    &QUADRATIC_NUMERIC_FUNCTIONS,
];

impl CostAnalyzer {
    /// Bounds a call; it may be replaced by another expression.
    pub(super) fn bound_call(&mut self, node: &mut Node) -> Result<Bound, Refusal> {
        let Some(NodeEnum::FuncCall(call)) = &mut node.node else {
            return self.bound_expr(node);
        };
        let name = names(&call.funcname)
            .last()
            .copied()
            .unwrap_or_default()
            .to_owned();
        if is_cast(&name, call) {
            return self.bound_cast_call(&name, call);
        }
        let location = call.location;
        let size_rule = FUNCTIONS
            .get(name.as_str())
            .copied()
            .unwrap_or(SizeRule::SumTimes(1));
        let is_positional = matches!(
            size_rule,
            SizeRule::MaxDigits | SizeRule::Custom | SizeRule::Accumulates
        ) || time_zone::takes_time_zone(&name);
        if is_positional && (call.func_variadic || call.args.iter().any(inspect::is_named_argument))
        {
            return Err(Refusal::construct_with_hint(
                &format!("a call of {name} with named arguments or VARIADIC"),
                "pass all arguments by position",
            )
            .at(location));
        }
        if REGEX_FUNCTIONS.contains(&name.as_str())
            && let Some(pattern) = call.args.get(1)
        {
            self.add_retained_bytes(regex::retained_bytes(pattern));
        }
        if matches!(name.as_str(), "max" | "min") {
            self.min_max_calls += 1;
        }
        if SET_RETURNING.contains(&name.as_str()) {
            self.set_returning_calls += 1;
            // PostgreSQL may keep the function's rows within its own `work_mem`.
            self.add_sort(0)?;
        }
        let (before, totals) = (self.ref_levels.len(), self.totals);
        let mut bounds = Vec::with_capacity(call.args.len());
        let mut first = before..before;
        for arg in &mut call.args {
            let is_path = name.starts_with("jsonb_path_") && inspect::is_json_path(arg);
            bounds.push(if is_path {
                json_path_bound(arg)
            } else {
                self.bound_expr(arg)?
            });
            if bounds.len() == 1 {
                first = before..self.ref_levels.len();
            }
        }
        let may_be_text = |position: usize| {
            bounds
                .get(position)
                .is_some_and(|bound: &Bound| bound.may_parse_as_number)
        };
        let wrappers = time_zone::wrap_zone_argument(&name, call, may_be_text);
        let args: Parts = bounds.iter().copied().collect();
        let mut modifiers = Parts::default();
        for expr in &mut call.agg_order {
            let bound = self.bound_expr(expr)?;
            for _ in 0..self.grouping_sets {
                self.add_sort_keys([bound])?;
            }
            modifiers.add(bound);
        }
        if call.agg_distinct || call.agg_within_group {
            for _ in 0..self.grouping_sets {
                self.add_sort_keys(bounds.iter().copied())?;
            }
        }
        let order_key_bytes = modifiers.combined.max_bytes;
        if !call.agg_order.is_empty() && size_rule != SizeRule::Accumulates {
            self.add_sort_rows(args.total_bytes, self.grouping_sets)?;
        }
        let filter = self.ref_levels.len();
        modifiers.add(self.bound_optional(&mut call.agg_filter)?);
        let refs = AggregateRefs {
            all: before..self.ref_levels.len(),
            first,
            filter: filter..self.ref_levels.len(),
        };
        if let Some(window) = &mut call.over {
            modifiers.add(self.bound_window(window)?);
        }
        let mut bound = args.combined.with_sibling(modifiers.combined);
        bound = (0..wrappers).fold(bound, |bound, _| bound.with_wrapper());
        bound.is_runtime |= call.args.is_empty()
            || call.over.is_some()
            || SET_RETURNING.contains(&name.as_str())
            || VOLATILE_FUNCTIONS.contains(&name.as_str())
            || AGGREGATES.contains(&name.as_str());
        bound.may_parse_as_number = match size_rule {
            _ if FULL_TEXT_FUNCTIONS.contains(&name.as_str()) => false,
            SizeRule::Fixed => NUMERIC_LOOKING_FUNCTIONS.contains(&name.as_str()),
            SizeRule::MaxDigits => false,
            SizeRule::LongestArgument if call.agg_within_group => {
                modifiers.combined.may_parse_as_number
            }
            SizeRule::LongestArgument => args.combined.may_parse_as_number,
            SizeRule::SumTimes(_) | SizeRule::Custom
                if NUMERIC_FUNCTIONS.contains(&name.as_str()) =>
            {
                args.combined.may_parse_as_number
            }
            // Constructors of ranges and multiranges.
            SizeRule::SumTimes(_) => !TYPES.contains(&name.as_str()),
            SizeRule::Custom | SizeRule::Accumulates => true,
        };
        let value = match size_rule {
            // One value of the sort order, or one for each of several fractions.
            SizeRule::LongestArgument if call.agg_within_group => {
                (args.total_bytes / 8 + 1).saturating_mul(order_key_bytes)
            }
            SizeRule::Fixed if call.agg_within_group => args
                .total_bytes
                .saturating_mul(2)
                .saturating_add(SCALAR_BYTES),
            SizeRule::Fixed => SCALAR_BYTES,
            // A prefix or suffix of this many characters.
            SizeRule::LongestArgument if matches!(name.as_str(), "left" | "right") => {
                let max = call.args.get(1).and_then(inspect::integer_literal);
                let max = max.map_or(u64::MAX, |characters| characters.saturating_mul(4));
                args.combined.max_bytes.min(max).max(SCALAR_BYTES)
            }
            SizeRule::LongestArgument => args.combined.max_bytes.max(SCALAR_BYTES),
            SizeRule::SumTimes(times) => bounds
                .iter()
                // JSON embedded into JSON needs no quotes; it may get a space behind each colon and
                // comma.
                .map(|bound| {
                    bound
                        .max_bytes
                        .saturating_mul(if bound.is_json { times.min(2) } else { times })
                })
                .fold(SCALAR_BYTES, u64::saturating_add),
            SizeRule::MaxDigits if call.args.first().is_some_and(inspect::is_float8_cast) => {
                SCALAR_BYTES
            }
            SizeRule::MaxDigits if matches!(name.as_str(), "pow" | "power") => {
                let base = bounds.first().map_or(0, |bound| bound.max_bytes);
                power_bytes(base, call.args.get_mut(1))
            }
            SizeRule::MaxDigits => numeric_result_bytes(&name, call, args.total_bytes),
            SizeRule::Accumulates => {
                return self.bound_accumulation(
                    node,
                    &name,
                    args.total_bytes,
                    bound,
                    &refs,
                    totals,
                );
            }
            SizeRule::Custom => {
                let mut rule = CustomRule {
                    call: call.as_mut(),
                    bounds: &bounds,
                    uninterruptible_steps: 0,
                };
                let value = rule.result_bytes(&name)?;
                bound.uninterruptible_steps = bound
                    .uninterruptible_steps
                    .saturating_add(rule.uninterruptible_steps);
                value
            }
        };
        if JSONB_BUILDERS.contains(&name.as_str()) {
            bound.live_bytes = bound
                .live_bytes
                .saturating_add(value.saturating_mul(REBUILD_BYTES_PER_BYTE));
        }
        if SINGLE_VALUE_AGGREGATES.contains(&name.as_str())
            && args.combined.max_bytes > MAX_HASHED_ROW_BYTES
        {
            // A hash aggregate does not account for a state that grows after its group was created.
            // Each grouping set keeps a value of its own.
            self.settings.allow_hash_agg = false;
            let others = value.saturating_mul(self.grouping_sets.saturating_sub(1));
            bound.live_bytes = bound.live_bytes.saturating_add(others);
        }
        let text = bounds.first().map_or(0, |bound| bound.max_bytes);
        let bytes_per_byte = match name.as_str() {
            "to_tsvector" => TSVECTOR_PARSE_BYTES_PER_BYTE,
            name if REGEX_FUNCTIONS.contains(&name) => {
                REGEX_BYTES_PER_BYTE + group_bytes_per_byte(name, call)
            }
            _ => 0,
        };
        bound.live_bytes = bound
            .live_bytes
            .saturating_add(text.saturating_mul(bytes_per_byte));
        let format = bounds.get(1).map_or(0, |bound| bound.max_bytes);
        if FORMAT_FUNCTIONS.contains(&name.as_str()) && format > MAX_FORMAT_BYTES {
            return Err(input_too_long(&name, format, MAX_FORMAT_BYTES, location));
        }
        if name == "normalize" && args.combined.max_bytes > MAX_NORMALIZE_BYTES {
            return Err(input_too_long(
                &name,
                args.combined.max_bytes,
                MAX_NORMALIZE_BYTES,
                location,
            ));
        }
        let quadratic_bytes = match name.as_str() {
            "normalize" => args.combined.max_bytes / 2,
            name if QUADRATIC_NUMERIC_FUNCTIONS.contains(&name)
                && args.combined.max_bytes > SCALAR_BYTES =>
            {
                args.combined.max_bytes / 4
            }
            _ => 0,
        };
        let mut own_steps = check_steps(&name, quadratic_bytes, quadratic_bytes, location)?;
        if size_rule == SizeRule::MaxDigits {
            own_steps = own_steps.saturating_add(numeric_result_steps(
                &name,
                args.total_bytes,
                value,
                location,
            )?);
        }
        bound.uninterruptible_steps = bound.uninterruptible_steps.saturating_add(own_steps);
        check_value_bytes(&name, value, location)?;
        if name == "pg_typeof" {
            let type_of = std::mem::take(node);
            *node = build_ast::cast(type_of, "text");
        }
        let mut bound = Bound::parent(bound, value);
        bound.is_flat = is_flat_result(&name, size_rule);
        Ok(if JSON_FUNCTIONS.contains(&name.as_str()) {
            bound.as_json()
        } else {
            bound
        })
    }
}

/// Positions, in the analyzer's `ref_levels`, of the column references in an aggregate's arguments.
pub(super) struct AggregateRefs {
    pub(super) all: Range<usize>,
    pub(super) first: Range<usize>,
    pub(super) filter: Range<usize>,
}

/// Whether a function's result certainly is neither JSON nor a `tsquery`. A function that returns
/// one of its arguments may return either, and `ts_headline` returns JSON for JSON.
fn is_flat_result(name: &str, size_rule: SizeRule) -> bool {
    size_rule != SizeRule::LongestArgument
        && name != "ts_headline"
        && !name.contains("json")
        && !name.ends_with("tsquery")
}

/// Bytes of a `numeric` that a function computes.
fn numeric_result_bytes(name: &str, call: &mut FuncCall, args: u64) -> u64 {
    match (name, call.args.get(1).and_then(inspect::integer_literal)) {
        // As many digits behind the decimal point as requested.
        ("round" | "trunc", Some(scale)) => args.saturating_add(scale).min(MAX_NUMERIC_BYTES),
        ("round" | "trunc", None) if call.args.len() == 1 => args.max(SCALAR_BYTES),
        // Rounding before the decimal point: a negative scale only removes digits, or turns 950
        // into 1,000.
        ("round" | "trunc", None) if call.args.get(1).is_some_and(inspect::is_negative_literal) => {
            args.max(SCALAR_BYTES)
        }
        ("sqrt" | "ln" | "log" | "log10", _) => args.saturating_add(1_024).min(MAX_NUMERIC_BYTES),
        ("exp", _) => power_bytes(1, call.args.first_mut()),
        _ => MAX_NUMERIC_BYTES,
    }
}

/// The most digits behind the decimal point to which PostgreSQL computes an irrational result
/// (`NUMERIC_MAX_DISPLAY_SCALE`).
const MAX_DISPLAY_SCALE: u64 = 1_000;

/// Multiplications of such a number in one series expansion: the logarithm of a number of 1,000
/// digits takes 2 ms.
const PRODUCTS_PER_SERIES: u64 = 16;

/// The uninterruptible steps of a function that computes a `numeric`, for these sizes of arguments
/// and result.
fn numeric_result_steps(name: &str, args: u64, value: u64, location: i32) -> Result<u64, Refusal> {
    let limbs = args.min(MAX_DISPLAY_SCALE) / 4;
    let series = limbs * limbs * PRODUCTS_PER_SERIES;
    Ok(match name {
        "exp" | "pow" | "power" => series.saturating_add(power_steps(value, location)?),
        "ln" | "log" | "log10" | "sqrt" => series,
        // The time of the others is linear in the digits; `factorial` checks for interrupts.
        _ => 0,
    })
}

pub(super) fn input_too_long(name: &str, bytes: u64, max: u64, location: i32) -> Refusal {
    Refusal::new(
        Rule::Cost,
        format!("{name} would process values of up to {bytes} bytes"),
        format!("the maximum is {max}; use shorter values"),
    )
    .at(location)
}
