//! Function calls: how large their results can be, and which calls bounded wrappers replace.

use std::ops::Range;

use super::bound::{Bound, Parts};
use super::call_syntax::Call;
use super::cast::{Cast, cast_argument};
use super::edits::{Becomes, Edits};
use super::expression::json_path_bound;
use super::functions::{CustomCall, custom_rule};
use super::limits::{
    BYTES_PER_FRACTION, DIGITS_PER_LIMB, JSON_IN_JSON_FACTOR, MAX_FORMAT_BYTES,
    MAX_HASHED_ROW_BYTES, MAX_NORMALIZE_BYTES, MAX_TSQUERY_TEXT_BYTES, MIN_PAIR_BYTES,
    REBUILD_BYTES_PER_BYTE, REGEX_BYTES_PER_BYTE, SCALAR_BYTES, TSVECTOR_PARSE_BYTES_PER_BYTE,
};
use super::totals::{check_steps, check_value_bytes, input_too_long};
use super::units::{Bytes, Steps};
use super::{CostAnalyzer, build_ast, inspect, regex, time_zone};
use crate::catalog::{
    self, AggregateState, DocumentRule, Function, HeldBytes, InputRule, NumberRule, Plans,
    Replacement, SizeRule, StepRule,
};
use crate::name::CheckOutcome;
use crate::refusal::Refusal;

/// Positions, in the analyzer's `ref_levels`, of the column references in an aggregate's arguments.
pub(super) struct AggregateRefs {
    pub(super) all: Range<usize>,
    pub(super) first: Range<usize>,
    pub(super) filter: Range<usize>,
}

/// Bounds of the parts of a call.
struct CallParts {
    /// Of each argument.
    arguments: Vec<Bound>,
    /// Of all arguments together.
    args: Parts,
    /// Of ORDER BY, FILTER and OVER.
    modifiers: Parts,
    /// Bytes of the longest expression of ORDER BY.
    order_key_bytes: Bytes,
    refs: AggregateRefs,
    /// Bounded wrappers around arguments.
    wrappers: u64,
}

impl CallParts {
    /// Bytes of the argument at a position; 0 if there is none.
    fn argument_bytes(&self, position: usize) -> Bytes {
        let argument = self.arguments.get(position);
        argument.map_or(Bytes::ZERO, |bound| bound.max_bytes)
    }

    fn may_parse_as_number(&self, function: &Function, call: &Call<'_>) -> bool {
        match function.number {
            NumberRule::Always => true,
            NumberRule::Never => false,
            // One value of the sort order.
            NumberRule::OfArguments
                if call.agg_within_group && function.size == SizeRule::LongestArgument =>
            {
                self.modifiers.combined.may_parse_as_number
            }
            NumberRule::OfArguments => self.args.combined.may_parse_as_number,
        }
    }
}

/// What a size rule finds out about a call.
struct ResultBound {
    bytes: Bytes,
    held_bytes: Bytes,
    uninterruptible_steps: Steps,
}

impl From<Bytes> for ResultBound {
    fn from(bytes: Bytes) -> Self {
        Self {
            bytes,
            held_bytes: Bytes::ZERO,
            uninterruptible_steps: Steps::default(),
        }
    }
}

impl CostAnalyzer {
    /// Bounds a call, which may be edited.
    pub(super) fn bound_call(&mut self, call: &Call<'_>) -> Result<Bound, Refusal> {
        let (name, location) = (call.name, call.location);
        if let Some(arg) = cast_argument(call) {
            return self.bound_cast(Cast::from_call(name, arg, location));
        }
        let function = catalog::function(name)
            .ok_or_else(|| Refusal::construct(&format!("a call of {name}")).at(location))?;
        check_notation(function, call)?;
        self.add_call(function, call)?;
        let totals = self.totals;
        let parts = self.bound_call_parts(function, call)?;
        let mut bound = parts.args.combined.with_sibling(parts.modifiers.combined);
        bound = (0..parts.wrappers).fold(bound, |bound, _| bound.with_wrapper());
        bound.is_runtime |=
            call.args.is_empty() || call.over.is_some() || function.is_never_folded();
        bound.may_parse_as_number = parts.may_parse_as_number(function, call);
        if function.size == SizeRule::Accumulates {
            let value_bytes = parts.args.total_bytes;
            return self.bound_accumulation(
                call,
                function,
                value_bytes,
                bound,
                &parts.refs,
                totals,
            );
        }
        let result = bound_result(function, call, &parts, &mut self.edits)?;
        let value = result.bytes;
        let held = held_bytes(function, value, parts.args.combined.max_bytes);
        let states = self.state_bytes(function, value, parts.args.combined.max_bytes);
        bound.live_bytes += held + result.held_bytes + states;
        check_input(function, &parts, location)?;
        let function_steps = function_steps(function, parts.args.combined.max_bytes, location)?;
        bound.uninterruptible_steps += function_steps + result.uninterruptible_steps;
        check_value_bytes(name, value, location)?;
        if function.replacement == Replacement::CastToText {
            let cast = |inner| build_ast::cast(inner, "text");
            self.edits.replace(call.node, Becomes::Other, cast);
        }
        let bound = Bound::parent(bound, value);
        Ok(match function.document {
            DocumentRule::Any => bound,
            DocumentRule::Flat => bound.as_flat(),
            DocumentRule::Json => bound.as_json(),
        })
    }

    /// Adds what a call costs whatever its arguments are.
    fn add_call(&mut self, function: &Function, call: &Call<'_>) -> CheckOutcome {
        if function.held == HeldBytes::Regex
            && let Some(pattern) = call.args.get(1)
        {
            self.add_retained_bytes(regex::retained_bytes(pattern));
        }
        if function.plans == Plans::Twice {
            self.min_max_calls += 1;
        }
        if function.kinds.set {
            self.set_returning_calls += 1;
            // PostgreSQL may keep the function's rows within its own `work_mem`.
            self.add_sort(Bytes::ZERO)?;
        }
        Ok(())
    }

    /// Bounds the arguments and the other clauses of a call.
    fn bound_call_parts(
        &mut self,
        function: &Function,
        call: &Call<'_>,
    ) -> Result<CallParts, Refusal> {
        let before = self.ref_levels.len();
        let mut arguments = Vec::with_capacity(call.args.len());
        let mut first = before..before;
        for arg in &call.args {
            let is_path = function.input == InputRule::Path && inspect::is_json_path(arg);
            arguments.push(if is_path {
                json_path_bound(arg)
            } else {
                self.bound_expr(arg)?
            });
            if arguments.len() == 1 {
                first = before..self.ref_levels.len();
            }
        }
        let wrappers = time_zone::wrap_zone_argument(function, call, &arguments, &mut self.edits);
        let args: Parts = arguments.iter().copied().collect();
        let mut modifiers = Parts::default();
        for expr in call.agg_order {
            let bound = self.bound_expr(expr)?;
            for _ in 0..self.grouping_sets {
                self.add_sort_keys([bound])?;
            }
            modifiers.add(bound);
        }
        if call.agg_distinct || call.agg_within_group {
            for _ in 0..self.grouping_sets {
                self.add_sort_keys(arguments.iter().copied())?;
            }
        }
        let order_key_bytes = modifiers.combined.max_bytes;
        if !call.agg_order.is_empty() && function.size != SizeRule::Accumulates {
            self.add_sort_rows(args.total_bytes, self.grouping_sets)?;
        }
        let filter = self.ref_levels.len();
        modifiers.add(self.bound_optional(call.agg_filter)?);
        let refs = AggregateRefs {
            all: before..self.ref_levels.len(),
            first,
            filter: filter..self.ref_levels.len(),
        };
        if let Some(window) = call.over {
            modifiers.add(self.bound_window(window)?);
        }
        Ok(CallParts {
            arguments,
            args,
            modifiers,
            order_key_bytes,
            refs,
            wrappers,
        })
    }

    /// Bytes of the further states of an aggregate that keeps one value: each grouping set has a
    /// value of its own.
    fn state_bytes(
        &mut self,
        function: &Function,
        value: Bytes,
        max_argument_bytes: Bytes,
    ) -> Bytes {
        if function.state != AggregateState::Value || max_argument_bytes <= MAX_HASHED_ROW_BYTES {
            return Bytes::ZERO;
        }
        // A hash aggregate does not account for a state that grows after its group was created.
        self.settings.allow_hash_agg = false;
        value * self.grouping_sets.saturating_sub(1)
    }
}

/// Rejects a notation in which the position of an argument does not say which one it is.
fn check_notation(function: &Function, call: &Call<'_>) -> CheckOutcome {
    let has_names = call.args.iter().any(|arg| inspect::is_named_argument(arg));
    let is_by_position = !call.func_variadic && !has_names;
    if is_by_position || !function.is_positional() {
        return Ok(());
    }
    let name = function.name;
    Err(Refusal::construct_with_hint(
        &format!("a call of {name} with named arguments or VARIADIC"),
        "pass all arguments by position",
    )
    .at(call.location))
}

/// Bounds the result of a call by the size rule of its function. The call may be edited.
fn bound_result(
    function: &'static Function,
    call: &Call<'_>,
    parts: &CallParts,
    edits: &mut Edits,
) -> Result<ResultBound, Refusal> {
    let bytes = match function.size {
        // One value of the sort order, or one for each of several fractions.
        SizeRule::LongestArgument if call.agg_within_group => {
            let values = parts.args.total_bytes / BYTES_PER_FRACTION + 1;
            parts.order_key_bytes * values
        }
        SizeRule::Fixed if call.agg_within_group => parts.args.total_bytes * 2 + SCALAR_BYTES,
        SizeRule::Fixed => SCALAR_BYTES,
        SizeRule::LongestArgument => parts.args.combined.max_bytes.max(SCALAR_BYTES),
        SizeRule::SumTimes(factor) => {
            let grown = parts.arguments.iter().map(|argument| {
                let factor = match argument.is_json {
                    true => factor.min(JSON_IN_JSON_FACTOR),
                    false => factor,
                };
                argument.max_bytes * factor
            });
            SCALAR_BYTES + grown.sum::<Bytes>()
        }
        SizeRule::Accumulates | SizeRule::Custom => {
            let rule = custom_rule(function).ok_or_else(|| {
                Refusal::construct(&format!("a call of {}", function.name)).at(call.location)
            })?;
            let mut custom = CustomCall {
                function,
                call,
                bounds: &parts.arguments,
                edits,
                held_bytes: Bytes::ZERO,
                uninterruptible_steps: Steps::default(),
            };
            let bytes = rule(&mut custom)?;
            return Ok(ResultBound {
                bytes,
                held_bytes: custom.held_bytes,
                uninterruptible_steps: custom.uninterruptible_steps,
            });
        }
    };
    Ok(bytes.into())
}

/// Bytes that PostgreSQL holds while the function computes a result of this size from a text. Which
/// argument is the text depends on the overload, so the longest counts.
fn held_bytes(function: &Function, result: Bytes, text: Bytes) -> Bytes {
    match function.held {
        HeldBytes::Nothing => Bytes::ZERO,
        HeldBytes::Regex => text * REGEX_BYTES_PER_BYTE,
        HeldBytes::Words => text * TSVECTOR_PARSE_BYTES_PER_BYTE,
        HeldBytes::Rebuild => result * REBUILD_BYTES_PER_BYTE,
    }
}

/// Checks the length of arguments that the function processes slowly.
fn check_input(function: &Function, parts: &CallParts, location: i32) -> CheckOutcome {
    let longest = parts.args.combined.max_bytes;
    let (bytes, max) = match function.input {
        InputRule::Any | InputRule::Path => return Ok(()),
        InputRule::Format => (parts.argument_bytes(1), MAX_FORMAT_BYTES),
        InputRule::Tsquery => (longest, MAX_TSQUERY_TEXT_BYTES),
        InputRule::Normalize => (longest, MAX_NORMALIZE_BYTES),
    };
    if bytes <= max {
        return Ok(());
    }
    Err(input_too_long(function.name, bytes, max, location))
}

/// The uninterruptible steps of a function over arguments of this size.
fn function_steps(function: &Function, longest: Bytes, location: i32) -> Result<Steps, Refusal> {
    let items = match function.steps {
        StepRule::None => return Ok(Steps::default()),
        StepRule::Digits => longest / DIGITS_PER_LIMB,
        StepRule::Pairs => longest / MIN_PAIR_BYTES,
    };
    check_steps(function.name, items, items, location)
}
