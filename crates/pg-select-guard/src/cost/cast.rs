//! Casts: how large the target type makes a value, and what reading the value costs.

use pg_query::NodeEnum;
use pg_query::protobuf::{FuncCall, Node, TypeCast, TypeName};

use super::bound::Bound;
use super::limits::{
    ARRAY_INPUT_BYTES_PER_BYTE, JSON_INPUT_BYTES_PER_BYTE, MAX_EXPONENT_DIGITS, MAX_FLOAT_DIGITS,
    MAX_NUMERIC_SCALE, MAX_NUMERIC_TEXT_BYTES, MAX_SCALAR_INPUT_BYTES, MAX_TSQUERY_TEXT_BYTES,
    MAX_VALUE_BYTES, NUMERIC_BYTES_PER_TEXT_BYTE, PRINT_STEPS_PER_BYTE, REGEX_BYTES_PER_BYTE,
    SCALAR_BYTES, SIMPLE_ARRAY_INPUT_BYTES_PER_BYTE, TSQUERY_BYTES_PER_BYTE,
    TSVECTOR_PARSE_BYTES_PER_BYTE,
};
use super::totals::{check_bytes, check_steps, check_value_bytes, input_too_long};
use super::{CostAnalyzer, build_ast, inspect, time_zone};
use crate::catalog::{
    self, DataType, Digits, ElementInput, InputHeld, Modifier, TypeDocument, TypeSizeRule,
};
use crate::name::names;
use crate::refusal::Refusal;

/// Whether PostgreSQL may treat this call as a cast: a function named like a type with one argument
/// (`func_get_detail`), also with VARIADIC. PostgreSQL rejects such a call with any other clause.
pub(super) fn is_cast(name: &str, call: &FuncCall) -> bool {
    catalog::data_type(name).is_some()
        && call.args.len() == 1
        && !call.args.iter().any(inspect::is_named_argument)
        && call.agg_order.is_empty()
        && call.agg_filter.is_none()
        && call.over.is_none()
}

/// Limit in bytes of a text that is known only at run time and may contain numbers, when it is cast
/// to this type; `None` if the type needs no limit.
fn max_numeric_text_bytes(target: &DataType, has_modifier: bool, is_array: bool) -> Option<u64> {
    match target.digits {
        Digits::None => None,
        Digits::One if has_modifier && !is_array => None,
        Digits::One if !is_array => Some(MAX_NUMERIC_TEXT_BYTES),
        Digits::One | Digits::Some => Some(MAX_VALUE_BYTES),
    }
}

/// Puts a text that is known only at run time into a bounded wrapper. In an array constructor, each
/// element gets its own, as the cast applies to each. Returns the number of wrappers.
fn wrap_texts(text: &mut Node, wrapper: &str, max: u64) -> usize {
    if let Some(NodeEnum::AArrayExpr(list)) = &mut text.node {
        let elements = list.elements.iter_mut();
        return elements
            .map(|element| wrap_texts(element, wrapper, max))
            .sum();
    }
    if inspect::text_literal(text).is_some() || matches!(text.node, Some(NodeEnum::AConst(_))) {
        return 0;
    }
    let inner = std::mem::take(text);
    *text = build_ast::wrapper_call(wrapper, vec![inner, build_ast::integer(max)]);
    1
}

impl CostAnalyzer {
    /// Bounds a call that PostgreSQL may treat as a cast like that cast. The call is kept.
    pub(super) fn bound_cast_call(
        &mut self,
        name: &str,
        call: &mut FuncCall,
    ) -> Result<Bound, Refusal> {
        let Some(arg) = call.args.first_mut() else {
            return Err(Refusal::construct(name).at(call.location));
        };
        let mut cast = build_ast::type_cast(std::mem::take(arg), name);
        cast.location = call.location;
        let bound = self.bound_cast(&mut cast)?;
        *arg = cast.arg.map(|inner| *inner).unwrap_or_default();
        Ok(bound)
    }

    /// The bound of a literal that is read as a type. The literal is kept.
    pub(super) fn bound_input(&mut self, text: &Node, target: &TypeName) -> Result<Bound, Refusal> {
        self.bound_cast(&mut TypeCast {
            arg: Some(Box::new(text.clone())),
            type_name: Some(target.clone()),
            location: target.location,
        })
    }

    /// Bounds a cast. The text that it reads may get a bounded wrapper.
    pub(super) fn bound_cast(&mut self, cast: &mut TypeCast) -> Result<Bound, Refusal> {
        let mut arg = match &mut cast.arg {
            // The elements of an array constructor are read as the target's element type.
            Some(array) if matches!(array.node, Some(NodeEnum::AArrayExpr(_))) => {
                self.bound_expr_in_place(array)?
            }
            arg => self.bound_optional(arg)?,
        };
        let Some(target) = &cast.type_name else {
            return Ok(arg);
        };
        let mut modifiers = target.typmods.iter().map(inspect::integer_literal);
        let length = modifiers.next().flatten();
        let scale = modifiers
            .next()
            .map(|scale| scale.unwrap_or(MAX_NUMERIC_SCALE));
        let is_array = !target.array_bounds.is_empty();
        let name = names(&target.names)
            .last()
            .copied()
            .unwrap_or_default()
            .to_owned();
        let listed = catalog::data_type(&name)
            .ok_or_else(|| Refusal::construct(&format!("a cast to {name}")).at(target.location))?;
        // JSON that is cast to `json` stays as it was when it was parsed; only `jsonb` parses its
        // numbers.
        let is_unchanged = name == "json" && arg.is_json;
        let mut expansion = 1;
        if arg.may_parse_as_number
            && !is_unchanged
            && let Some(max) = max_numeric_text_bytes(listed, length.is_some(), is_array)
            && let Some(text) = &mut cast.arg
        {
            let is_list = matches!(text.node, Some(NodeEnum::AArrayExpr(_)));
            let as_json = listed.document == TypeDocument::Json && (is_list || !is_array);
            let wrapped = wrap_texts(text, if as_json { "json_text" } else { "number" }, max);
            if wrapped > 0 {
                arg.max_bytes = arg.max_bytes.min(max);
            }
            if wrapped > 0 && !arg.is_json {
                expansion = NUMERIC_BYTES_PER_TEXT_BYTE;
            }
            arg = (0..wrapped).fold(arg, |arg, _| arg.with_wrapper());
        }
        if arg.may_parse_as_number
            && listed.may_name_time_zone
            && let Some(text) = &mut cast.arg
        {
            let wrappers = time_zone::wrap_time_input(text, &name);
            let matched = arg
                .max_bytes
                .saturating_mul(wrappers.saturating_mul(REGEX_BYTES_PER_BYTE));
            arg.live_bytes = arg.live_bytes.saturating_add(matched);
            arg = (0..wrappers).fold(arg, |arg, _| arg.with_wrapper());
        }
        if listed.document == TypeDocument::Tsquery && arg.max_bytes > MAX_TSQUERY_TEXT_BYTES {
            return Err(input_too_long(
                &format!("the type {name}"),
                arg.max_bytes,
                MAX_TSQUERY_TEXT_BYTES,
                target.location,
            ));
        }
        let times = |times: u64| {
            let times = times.max(expansion);
            arg.max_bytes
                .saturating_mul(times)
                .saturating_add(SCALAR_BYTES)
        };
        let value = match (listed.size, length) {
            // Each element becomes as long as a value of the type.
            (_, Some(length)) if is_array && listed.modifier == Modifier::Pad => {
                let elements = arg.max_bytes / 2 + 1;
                times(8).saturating_add(elements.saturating_mul(length.saturating_mul(4)))
            }
            _ if listed.document == TypeDocument::Tsquery => times(TSQUERY_BYTES_PER_BYTE),
            _ if is_array => times(8),
            // Arrays and rows double characters that need quotes.
            (TypeSizeRule::TextTimes(factor), Some(length)) if listed.modifier == Modifier::Max => {
                times(factor).min(4_u64.saturating_mul(length).saturating_add(SCALAR_BYTES))
            }
            (TypeSizeRule::TextTimes(factor), _) => times(factor),
            // An input function repeats a text that it rejects in its error message.
            (TypeSizeRule::Fixed | TypeSizeRule::Path, _) => {
                check_bytes(
                    &format!("the expression cast to {name}"),
                    arg.max_bytes,
                    MAX_SCALAR_INPUT_BYTES,
                    target.location,
                )?;
                SCALAR_BYTES
            }
            (TypeSizeRule::Custom, length) => match (name.as_str(), length) {
                ("bpchar", length) => 4_u64.saturating_mul(length.unwrap_or(1)).max(arg.max_bytes),
                ("bit", length) => length.unwrap_or(1).saturating_add(SCALAR_BYTES),
                ("numeric", Some(length)) => {
                    length.saturating_add(scale.unwrap_or(0)).max(SCALAR_BYTES)
                }
                ("numeric", None) if expansion > 1 => {
                    arg.max_bytes.saturating_add(MAX_EXPONENT_DIGITS)
                }
                ("numeric", None) => arg.max_bytes.max(MAX_FLOAT_DIGITS),
                ("vector", length) => times(4).max(4_u64.saturating_mul(length.unwrap_or(0))),
                ("jsonb", _) if arg.is_json => times(2),
                ("jsonb", _) => times(6),
                _ => {
                    return Err(
                        Refusal::construct(&format!("a cast to {name}")).at(target.location)
                    );
                }
            },
        };
        check_value_bytes(&format!("the type {name}"), value, target.location)?;
        if listed.size == TypeSizeRule::Path {
            // Elsewhere, an untyped literal next to it would become a JSON path as well.
            return Err(Refusal::construct_with_hint(
                "a JSON path outside of the call that uses it",
                "write it as an argument, as in jsonb_path_query(x, '$.items[*]')",
            )
            .at(cast.location));
        }
        let mut bound = Bound::parent(arg, value);
        bound.may_parse_as_number = is_array || listed.may_parse_as_number;
        bound.is_json = !is_array && listed.document == TypeDocument::Json;
        bound.is_flat = is_array || listed.document == TypeDocument::Flat;
        let input_bytes_per_byte = match (listed.held, is_array) {
            (_, true) if listed.element == ElementInput::Value => SIMPLE_ARRAY_INPUT_BYTES_PER_BYTE,
            (_, true) | (InputHeld::Elements, false) => ARRAY_INPUT_BYTES_PER_BYTE,
            (InputHeld::Json, false) => JSON_INPUT_BYTES_PER_BYTE,
            (InputHeld::Words, false) => TSVECTOR_PARSE_BYTES_PER_BYTE,
            (InputHeld::Nothing, false) => 0,
        };
        bound.live_bytes = bound
            .live_bytes
            .saturating_add(arg.max_bytes.saturating_mul(input_bytes_per_byte));
        if value.max(arg.max_bytes) > SCALAR_BYTES {
            let own_steps = check_steps(
                &format!("the type {name}"),
                value.max(arg.max_bytes),
                PRINT_STEPS_PER_BYTE,
                target.location,
            )?;
            bound.uninterruptible_steps += own_steps;
        }
        Ok(bound)
    }
}
