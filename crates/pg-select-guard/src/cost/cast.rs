//! Casts: how large the target type makes a value, and what reading the value costs.

use pg_query::protobuf::{Node, TypeCast, TypeName};

use super::bound::Bound;
use super::call_syntax::Call;
use super::edits::Edits;
use super::limits::{
    ARRAY_INPUT_BYTES_PER_BYTE, BYTES_PER_CHARACTER, JSON_INPUT_BYTES_PER_BYTE,
    MAX_EXPONENT_DIGITS, MAX_FLOAT_DIGITS, MAX_NUMERIC_SCALE, MAX_NUMERIC_TEXT_BYTES,
    MAX_SCALAR_INPUT_BYTES, MAX_TSQUERY_TEXT_BYTES, MAX_VALUE_BYTES, NUMERIC_BYTES_PER_TEXT_BYTE,
    PRINT_STEPS_PER_BYTE, REGEX_BYTES_PER_BYTE, SCALAR_BYTES, SIMPLE_ARRAY_INPUT_BYTES_PER_BYTE,
    TSQUERY_BYTES_PER_BYTE, TSVECTOR_PARSE_BYTES_PER_BYTE, VECTOR_ELEMENT_BYTES,
};
use super::totals::{check_bytes, check_steps, check_value_bytes, input_too_long};
use super::units::Bytes;
use super::{CostAnalyzer, build_ast, inspect, time_zone};
use crate::catalog::{
    self, DataType, Digits, ElementInput, InputHeld, Modifier, TypeDocument, TypeSizeRule,
};
use crate::name::names;
use crate::refusal::Refusal;

/// A cast, or something that PostgreSQL treats like one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cast<'a> {
    arg: Option<&'a Node>,
    target: Option<Target<'a>>,
    location: i32,
}

/// The type that a value is cast to.
#[derive(Clone, Copy, Debug)]
struct Target<'a> {
    name: &'a str,
    modifiers: &'a [Node],
    is_array: bool,
    location: i32,
}

impl<'a> Target<'a> {
    fn from_type(target: &'a TypeName) -> Self {
        Self {
            name: names(&target.names).last().copied().unwrap_or_default(),
            modifiers: &target.typmods,
            is_array: !target.array_bounds.is_empty(),
            location: target.location,
        }
    }

    fn from_name(name: &'a str) -> Self {
        Self {
            name,
            modifiers: &[],
            is_array: false,
            location: -1,
        }
    }
}

impl<'a> Cast<'a> {
    pub(super) fn from_type_cast(cast: &'a TypeCast) -> Self {
        Self {
            arg: cast.arg.as_deref(),
            target: cast.type_name.as_ref().map(Target::from_type),
            location: cast.location,
        }
    }

    /// A call of the function `name` that PostgreSQL may treat as a cast.
    pub(super) fn from_call(name: &'a str, arg: &'a Node, location: i32) -> Self {
        Self {
            location,
            ..Self::new(arg, name)
        }
    }

    /// `arg::name`, which the client did not write.
    pub(super) fn new(arg: &'a Node, name: &'a str) -> Self {
        Self {
            arg: Some(arg),
            target: Some(Target::from_name(name)),
            location: -1,
        }
    }
}

/// The argument of a call that PostgreSQL may treat as a cast: a function named like a type with
/// one argument (`func_get_detail`), also with VARIADIC. PostgreSQL rejects such a call with any
/// other clause.
pub(super) fn cast_argument<'a>(call: &Call<'a>) -> Option<&'a Node> {
    let [arg] = call.args.as_slice() else {
        return None;
    };
    let is_cast = catalog::data_type(call.name).is_some()
        && !inspect::is_named_argument(arg)
        && call.agg_order.is_empty()
        && call.agg_filter.is_none()
        && call.over.is_none();
    is_cast.then_some(*arg)
}

/// Limit in bytes of a text that is known only at run time and may contain numbers, when it is cast
/// to this type; `None` if the type needs no limit.
fn max_numeric_text_bytes(target: &DataType, has_modifier: bool, is_array: bool) -> Option<Bytes> {
    match target.digits {
        Digits::None => None,
        Digits::One if has_modifier && !is_array => None,
        Digits::One if !is_array => Some(MAX_NUMERIC_TEXT_BYTES),
        Digits::One | Digits::Some => Some(MAX_VALUE_BYTES),
    }
}

/// Puts a text that is known only at run time into a bounded wrapper. In an array constructor, each
/// element gets its own, as the cast applies to each. Returns the number of wrappers.
fn wrap_texts(text: &Node, wrapper: &'static str, max: Bytes, edits: &mut Edits) -> usize {
    if let Some(elements) = edits.array_elements(text) {
        return elements
            .iter()
            .map(|element| wrap_texts(element, wrapper, max, edits))
            .sum();
    }
    if edits.is_untyped_literal(text) {
        return 0;
    }
    edits.wrap(text, wrapper, vec![build_ast::integer(max.count())]);
    1
}

impl CostAnalyzer {
    /// The bound of a literal that is read as a type. The literal is kept.
    pub(super) fn bound_input(&mut self, text: &Node, target: &TypeName) -> Result<Bound, Refusal> {
        let cast = Cast {
            arg: Some(text),
            target: Some(Target::from_type(target)),
            location: target.location,
        };
        let (bound, _) = self.with_own_edits(|analyzer| analyzer.bound_cast(cast))?;
        Ok(bound)
    }

    /// Bounds a cast. The text that it reads may get a bounded wrapper.
    pub(super) fn bound_cast(&mut self, cast: Cast<'_>) -> Result<Bound, Refusal> {
        let is_list = cast.arg.is_some_and(inspect::is_array_constructor);
        let mut arg = match cast.arg {
            // The elements of an array constructor are read as the target's element type.
            Some(array) if is_list => self.bound_expr_in_place(array)?,
            arg => self.bound_optional(arg)?,
        };
        let Some(target) = cast.target else {
            return Ok(arg);
        };
        let Target { name, is_array, .. } = target;
        let mut modifiers = target.modifiers.iter().map(inspect::integer_literal);
        let length = modifiers.next().flatten();
        let scale = modifiers
            .next()
            .map(|scale| scale.map_or(MAX_NUMERIC_SCALE, Bytes::new));
        let listed = catalog::data_type(name)
            .ok_or_else(|| Refusal::construct(&format!("a cast to {name}")).at(target.location))?;
        let mut expansion = 1;
        if arg.may_parse_as_number
            && let Some(max) = max_numeric_text_bytes(listed, length.is_some(), is_array)
            && let Some(text) = cast.arg
        {
            let as_json = listed.document == TypeDocument::Json && (is_list || !is_array);
            let wrapper = if as_json { "json_text" } else { "number" };
            let wrapped = wrap_texts(text, wrapper, max, &mut self.edits);
            if wrapped > 0 {
                arg.max_bytes = arg.max_bytes.min(max);
            }
            if wrapped > 0 {
                expansion = NUMERIC_BYTES_PER_TEXT_BYTE;
            }
            arg = (0..wrapped).fold(arg, |arg, _| arg.with_wrapper());
        }
        if arg.may_parse_as_number
            && listed.may_name_time_zone
            && let Some(text) = cast.arg
        {
            let wrappers = time_zone::wrap_time_input(text, name, &mut self.edits);
            arg.live_bytes += arg.max_bytes * REGEX_BYTES_PER_BYTE * wrappers;
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
        let times = |times: u64| arg.max_bytes * times.max(expansion) + SCALAR_BYTES;
        let characters = |length: u64| BYTES_PER_CHARACTER * length;
        let value = match (listed.size, length) {
            // Each element becomes as long as a value of the type.
            (_, Some(length)) if is_array && listed.modifier == Modifier::Pad => {
                let elements = (arg.max_bytes / 2 + Bytes::new(1)).count();
                times(8) + characters(length) * elements
            }
            _ if listed.document == TypeDocument::Tsquery => times(TSQUERY_BYTES_PER_BYTE),
            _ if is_array => times(8),
            // Arrays and rows double characters that need quotes.
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
            (TypeSizeRule::Custom, length) => match (name, length) {
                ("bpchar", length) => characters(length.unwrap_or(1)).max(arg.max_bytes),
                ("bit", length) => Bytes::new(length.unwrap_or(1)) + SCALAR_BYTES,
                ("numeric", Some(length)) => {
                    (Bytes::new(length) + scale.unwrap_or_default()).max(SCALAR_BYTES)
                }
                ("numeric", None) if expansion > 1 => arg.max_bytes + MAX_EXPONENT_DIGITS,
                ("numeric", None) => arg.max_bytes.max(MAX_FLOAT_DIGITS),
                ("vector", length) => times(4).max(VECTOR_ELEMENT_BYTES * length.unwrap_or(0)),
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
        bound.live_bytes += arg.max_bytes * input_bytes_per_byte;
        if value.max(arg.max_bytes) > SCALAR_BYTES {
            let own_steps = check_steps(
                &format!("the type {name}"),
                value.max(arg.max_bytes).count(),
                PRINT_STEPS_PER_BYTE,
                target.location,
            )?;
            bound.uninterruptible_steps += own_steps;
        }
        Ok(bound)
    }
}
