//! Casts: what a type makes of a value, and what reading it takes.

use pg_query::NodeEnum;
use pg_query::protobuf::{FuncCall, Node, TypeCast, TypeName};

use super::call::{OF_MATCHING, too_long_for};
use super::count::{steps, within, within_of};
use super::full_text::{MOST_SEARCHED, TSQUERY_BYTES_PER_BYTE};
use super::size::{MOST_VALUE, SMALL, Size};
use super::{Measure, made, time, tree};
use crate::query::guard::allow_list::TYPES;
use crate::query::guard::name::names;
use crate::query::guard::refusal::Refusal;

/// Whether PostgreSQL may take this call for a cast: that of a function with a type's name and one
/// argument (`func_get_detail`), also with VARIADIC. It refuses one with anything else to it.
pub(super) fn is_cast(name: &str, call: &FuncCall) -> bool {
    TYPES.contains(&name)
        && call.args.len() == 1
        && !call.args.iter().any(tree::is_named)
        && call.agg_order.is_empty()
        && call.agg_filter.is_none()
        && call.over.is_none()
}

/// Types whose values may spell a number.
const SPELLING: [&str; 6] = ["text", "varchar", "bpchar", "char", "json", "jsonb"];

/// The largest scale of a `numeric`.
const MOST_SCALE: u64 = 1_000;

/// The most bytes of a text that only the running statement knows and that is read as a number.
const MOST_OF_NUMBER: u64 = 1_000;

/// The most bytes of such a text in which numbers may stand, where it is read as this type.
fn most_of_number(name: &str, has_size: bool, is_array: bool) -> Option<u64> {
    match name {
        "numeric" if has_size && !is_array => None,
        "numeric" if !is_array => Some(MOST_OF_NUMBER),
        "numeric" | "nummultirange" | "numrange" | "json" | "jsonb" => Some(MOST_VALUE),
        _ => None,
    }
}

/// How many times as long numbers become that such a text spells with exponents of two digits:
/// `1e99,` is 102 bytes when it is written out.
const BYTES_PER_SPELLED_BYTE: u64 = 21;

/// How many bytes longer one such number becomes.
const MAX_SPELLED_DIGITS: u64 = 100;

/// A `float8` as a `numeric`: `1e308` has 309 digits, `-2.2250738585072014e-308` has 324 behind the
/// point.
const MAX_FLOAT_DIGITS: u64 = 330;

/// What PostgreSQL holds for each byte of a text while it reads it as an array, two bytes an element, unless its elements are
/// read without more than themselves.
const OF_READING_ELEMENTS: u64 = 1_300;
const PLAIN_ELEMENTS: [&str; 18] = [
    "bit",
    "bool",
    "bpchar",
    "bytea",
    "char",
    "date",
    "float4",
    "float8",
    "int2",
    "int4",
    "int8",
    "interval",
    "numeric",
    "text",
    "timestamp",
    "timestamptz",
    "uuid",
    "varchar",
];
/// … and of those.
const OF_READING_PLAIN: u64 = 40;

/// The most bytes that are read as a number, a date or the like.
pub(super) const MOST_READ: u64 = 1 << 20;

/// A number of 130,000 digits is written in 1.3 ms.
const STEPS_PER_BYTE: u64 = 2;

/// What PostgreSQL holds for each byte of a text while it reads it as JSON.
const OF_READING_JSON: u64 = 220;

/// Puts a text that only the running statement knows through a twin, or each of the texts in a list
/// of them: how many those are. Of a list each element is read as the type that follows.
fn bound_numbers(text: &mut Node, twin: &str, most: u64) -> usize {
    if let Some(NodeEnum::AArrayExpr(list)) = &mut text.node {
        let elements = list.elements.iter_mut();
        return elements
            .map(|element| bound_numbers(element, twin, most))
            .sum();
    }
    if tree::text(text).is_some() || matches!(text.node, Some(NodeEnum::AConst(_))) {
        return 0;
    }
    let inner = std::mem::take(text);
    *text = made::twin(twin, vec![inner, made::number(most)]);
    1
}

impl Measure {
    /// Measures a call that PostgreSQL may take for a cast as that cast; it stays a call.
    pub(super) fn called_cast(&mut self, name: &str, call: &mut FuncCall) -> Result<Size, Refusal> {
        let Some(arg) = call.args.first_mut() else {
            return Err(Refusal::construct(name).at(call.location));
        };
        let mut cast = made::cast_of(std::mem::take(arg), name);
        cast.location = call.location;
        let size = self.cast(&mut cast)?;
        *arg = cast.arg.map(|inner| *inner).unwrap_or_default();
        Ok(size)
    }

    /// What a text that is written down takes where it is read as a type; it stays as it is.
    pub(super) fn read_as(&mut self, text: &Node, target: &TypeName) -> Result<Size, Refusal> {
        self.cast(&mut TypeCast {
            arg: Some(Box::new(text.clone())),
            type_name: Some(target.clone()),
            location: target.location,
        })
    }

    /// Measures a cast; what it reads may be put through a twin.
    pub(super) fn cast(&mut self, cast: &mut TypeCast) -> Result<Size, Refusal> {
        let mut arg = match &mut cast.arg {
            // Its elements are read as the type that follows.
            Some(array) if matches!(array.node, Some(NodeEnum::AArrayExpr(_))) => {
                self.as_written(array)?
            }
            arg => self.optional(arg)?,
        };
        let Some(target) = &cast.type_name else {
            return Ok(arg);
        };
        let mut modifiers = target.typmods.iter().map(tree::integer);
        let size = modifiers.next().flatten();
        let scale = modifiers.next().map(|scale| scale.unwrap_or(MOST_SCALE));
        let is_array = !target.array_bounds.is_empty();
        let name = names(&target.names)
            .last()
            .copied()
            .unwrap_or_default()
            .to_owned();
        // What is JSON stays as it was when it was read; as jsonb its numbers are read.
        let stays = name == "json" && arg.json;
        let mut spelled = 1;
        if arg.spells
            && !stays
            && let Some(most) = most_of_number(&name, size.is_some(), is_array)
            && let Some(text) = &mut cast.arg
        {
            let is_list = matches!(text.node, Some(NodeEnum::AArrayExpr(_)));
            let as_json = matches!(name.as_str(), "json" | "jsonb") && (is_list || !is_array);
            let twins = bound_numbers(text, if as_json { "json_text" } else { "number" }, most);
            if twins > 0 {
                arg.value = arg.value.min(most);
            }
            if twins > 0 && !arg.json {
                spelled = BYTES_PER_SPELLED_BYTE;
            }
            arg = (0..twins).fold(arg, |arg, _| arg.with_twin());
        }
        if arg.spells
            && time::may_name_zone(&name)
            && let Some(text) = &mut cast.arg
        {
            let wrappers = time::bound_moment(text, &name);
            let matched = arg
                .value
                .saturating_mul(wrappers.saturating_mul(OF_MATCHING));
            arg.held = arg.held.saturating_add(matched);
            arg = (0..wrappers).fold(arg, |arg, _| arg.with_twin());
        }
        if name == "tsquery" && arg.value > MOST_SEARCHED {
            return Err(too_long_for(
                "the type tsquery",
                arg.value,
                MOST_SEARCHED,
                target.location,
            ));
        }
        let times = |times: u64| {
            let times = times.max(spelled);
            arg.value.saturating_mul(times).saturating_add(SMALL)
        };
        let value = match (name.as_str(), size) {
            // Each element is made as long as a value of the type.
            ("bpchar" | "bit" | "numeric" | "vector", Some(size)) if is_array => {
                let elements = arg.value / 2 + 1;
                times(8).saturating_add(elements.saturating_mul(size.saturating_mul(4)))
            }
            ("tsquery", _) => times(TSQUERY_BYTES_PER_BYTE),
            _ if is_array => times(8),
            ("bpchar", size) => 4_u64.saturating_mul(size.unwrap_or(1)).max(arg.value),
            ("bit", size) => size.unwrap_or(1).saturating_add(SMALL),
            ("varbit" | "varchar", Some(size)) => {
                times(2).min(4_u64.saturating_mul(size).saturating_add(SMALL))
            }
            ("numeric", Some(size)) => size.saturating_add(scale.unwrap_or(0)).max(SMALL),
            ("numeric", None) if spelled > 1 => arg.value.saturating_add(MAX_SPELLED_DIGITS),
            ("numeric", None) => arg.value.max(MAX_FLOAT_DIGITS),
            ("vector", size) => times(4).max(4_u64.saturating_mul(size.unwrap_or(0))),
            // Arrays and rows double what needs quotes.
            ("text" | "varchar" | "varbit" | "bytea", _) => times(2),
            _ if name.ends_with("range") => times(2),
            ("json", _) => times(1),
            ("jsonb", _) if arg.json => times(2),
            ("jsonb" | "tsvector", _) => times(6),
            // What it cannot read, it repeats in its error.
            _ => {
                within_of(
                    &format!("what is read as {name}"),
                    arg.value,
                    MOST_READ,
                    target.location,
                )?;
                SMALL
            }
        };
        within(&format!("the type {name}"), value, target.location)?;
        if name == "jsonpath" {
            // Beside it, a text without a type would be one too.
            return Err(Refusal::construct_with_hint(
                "a JSON path that stands by itself",
                "write it where it is used, as in jsonb_path_query(x, '$.items[*]')",
            )
            .at(cast.location));
        }
        let mut size = Size::over(arg, value);
        size.spells = is_array || SPELLING.contains(&name.as_str());
        size.json = !is_array && matches!(name.as_str(), "json" | "jsonb");
        size.plain = is_array || !matches!(name.as_str(), "json" | "jsonb" | "tsquery");
        let of_reading = match (name.as_str(), is_array) {
            ("json" | "jsonb", false) => OF_READING_JSON,
            (name, true) if PLAIN_ELEMENTS.contains(&name) => OF_READING_PLAIN,
            (_, true) => OF_READING_ELEMENTS,
            (name, false) if name.ends_with("multirange") => OF_READING_ELEMENTS,
            _ => 0,
        };
        size.held = size
            .held
            .saturating_add(arg.value.saturating_mul(of_reading));
        if value.max(arg.value) > SMALL {
            let own = steps(
                &format!("the type {name}"),
                value.max(arg.value),
                STEPS_PER_BYTE,
                target.location,
            )?;
            size.steps = size.steps.saturating_add(own);
        }
        Ok(size)
    }
}
