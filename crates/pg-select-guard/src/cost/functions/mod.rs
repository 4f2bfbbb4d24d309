//! Size rules of single functions: those whose size is `custom` in `catalog/functions.tsv`.
//!
//! Knows the arguments of one call and their bounds; must not know the query around it. Invariant:
//! [`CUSTOM_RULES`] has a rule for each of these functions and for no other; a function without one
//! is refused.
mod array; // arrays
mod full_text; // full-text queries, ranks and headlines
mod json; // JSON paths and printed JSON
mod numeric; // numbers with many digits
mod regex; // regular expressions
mod series; // series of numbers and times
mod text; // texts

use pg_query::NodeEnum;
use pg_query::protobuf::Node;

pub(super) use numeric::{power_bytes, power_steps};

use super::bound::Bound;
use super::call_syntax::Call;
use super::edits::{Becomes, Edits};
use super::limits::{MAX_WRAPPED_BYTES, SCALAR_BYTES};
use super::totals::check_steps;
use super::units::{Bytes, Steps};
use super::{build_ast, inspect};
use crate::catalog::{Function, Replacement};
use crate::name::CheckOutcome;
use crate::refusal::Refusal;

/// Bounds the result of a call, in bytes. A bounded wrapper may be called instead.
pub(super) type CustomRule = fn(&mut CustomCall<'_>) -> Result<Bytes, Refusal>;

/// The rule of each function whose size is `custom`.
pub(super) const CUSTOM_RULES: &[(&str, CustomRule)] = &[
    // Numbers.
    ("exp", numeric::bound_exp),
    ("factorial", numeric::bound_factorial),
    ("ln", numeric::bound_series_expansion),
    ("log", numeric::bound_series_expansion),
    ("log10", numeric::bound_series_expansion),
    ("pow", numeric::bound_power),
    ("power", numeric::bound_power),
    ("round", numeric::bound_rounding),
    ("sqrt", numeric::bound_series_expansion),
    ("trunc", numeric::bound_rounding),
    // Texts.
    ("btrim", text::bound_trim),
    ("concat_ws", text::bound_concat_ws),
    ("format", text::bound_format),
    ("lpad", text::bound_pad),
    ("ltrim", text::bound_trim),
    ("position", text::bound_search),
    ("repeat", text::bound_repeat),
    ("replace", text::bound_replace),
    ("rpad", text::bound_pad),
    ("rtrim", text::bound_trim),
    ("sha224", text::bound_digest),
    ("sha256", text::bound_digest),
    ("sha384", text::bound_digest),
    ("sha512", text::bound_digest),
    ("split_part", text::bound_split),
    ("string_to_array", text::bound_string_to_array),
    ("string_to_table", text::bound_split),
    ("strpos", text::bound_search),
    ("translate", text::bound_translate),
    // Regular expressions.
    ("regexp_count", regex::bound_count),
    ("regexp_instr", regex::bound_instr),
    ("regexp_like", regex::bound_count),
    ("regexp_match", regex::bound_array),
    ("regexp_matches", regex::bound_matches),
    ("regexp_replace", regex::bound_replace),
    ("regexp_split_to_array", regex::bound_array),
    ("regexp_split_to_table", regex::bound_part),
    ("regexp_substr", regex::bound_substr),
    ("substring", regex::bound_substring),
    // Arrays.
    ("array_fill", array::bound_fill),
    ("array_replace", array::bound_replace),
    ("array_to_string", array::bound_to_string),
    // Series.
    ("generate_series", series::bound_series),
    // JSON.
    ("jsonb_path_exists", json::bound_path),
    ("jsonb_path_match", json::bound_path),
    ("jsonb_path_query", json::bound_path),
    ("jsonb_path_query_array", json::bound_path),
    ("jsonb_path_query_first", json::bound_path),
    ("jsonb_pretty", json::bound_pretty),
    // Full text.
    ("phraseto_tsquery", full_text::bound_tsquery),
    ("plainto_tsquery", full_text::bound_tsquery),
    ("to_tsquery", full_text::bound_tsquery),
    ("ts_headline", full_text::bound_headline),
    ("ts_rank", full_text::bound_rank),
    ("ts_rank_cd", full_text::bound_rank),
    ("websearch_to_tsquery", full_text::bound_tsquery),
];

/// The size rule of a function whose size is `custom`.
pub(super) fn custom_rule(function: &Function) -> Option<CustomRule> {
    let mut rules = CUSTOM_RULES.iter();
    let rule = rules.find(|(name, _)| *name == function.name);
    rule.map(|(_, rule)| *rule)
}

/// A call of a function with a custom rule.
pub(super) struct CustomCall<'a> {
    pub(super) function: &'static Function,
    pub(super) call: &'a Call<'a>,
    /// Bounds of the arguments.
    pub(super) bounds: &'a [Bound],
    pub(super) edits: &'a mut Edits,
    /// Bytes that PostgreSQL holds beside arguments and result.
    pub(super) held_bytes: Bytes,
    /// Steps during which PostgreSQL checks for no interrupt.
    pub(super) uninterruptible_steps: Steps,
}

impl<'a> CustomCall<'a> {
    fn name(&self) -> &'static str {
        self.function.name
    }

    /// Bytes of the argument at a position; 0 if there is none.
    fn bytes(&self, position: usize) -> Bytes {
        let bound = self.bounds.get(position);
        bound.map_or(Bytes::ZERO, |bound| bound.max_bytes)
    }

    /// Bytes of the longest argument.
    fn max_bytes(&self) -> Bytes {
        let bytes = self.bounds.iter().map(|bound| bound.max_bytes);
        bytes.max().unwrap_or_default()
    }

    /// Bytes of all arguments together.
    fn total_bytes(&self) -> Bytes {
        self.bounds.iter().map(|bound| bound.max_bytes).sum()
    }

    /// The argument at a position.
    fn argument(&self, position: usize) -> Option<&'a Node> {
        self.call.args.get(position).copied()
    }

    fn integer_argument(&self, position: usize) -> Option<u64> {
        self.argument(position).and_then(inspect::integer_literal)
    }

    fn text_argument(&self, position: usize) -> Option<&'a str> {
        let argument = self.argument(position);
        argument.and_then(|argument| self.edits.text_literal(argument))
    }

    fn add_steps(&mut self, left: u64, right: u64) -> CheckOutcome {
        self.add_counted_steps(check_steps(self.name(), left, right, self.call.location)?);
        Ok(())
    }

    fn add_counted_steps(&mut self, steps: Steps) {
        self.uninterruptible_steps += steps;
    }

    /// Calls the bounded wrapper instead, with one more argument: the limit in bytes.
    fn call_wrapper(&mut self) -> Result<Bytes, Refusal> {
        self.replace_with_wrapper(Some(MAX_WRAPPED_BYTES.count()))?;
        Ok(MAX_WRAPPED_BYTES)
    }

    /// Calls the bounded wrapper instead, with the same arguments and a limit behind them.
    fn replace_with_wrapper(&mut self, limit: Option<u64>) -> CheckOutcome {
        let refusal = Refusal::construct(self.name()).at(self.call.location);
        let Replacement::Wrapper(wrapper) = self.function.replacement else {
            return Err(refusal);
        };
        let call_wrapper = move |node: &mut Node| match &mut node.node {
            Some(NodeEnum::FuncCall(call)) => {
                call.funcname = build_ast::wrapper_name(wrapper);
                call.args.extend(limit.map(build_ast::integer));
                Ok(())
            }
            _ => Err(refusal),
        };
        self.edits
            .change(self.call.node, Becomes::WrapperCall, call_wrapper);
        Ok(())
    }
}

/// The bytes of a value that consists of a part `times` times.
fn product(part: Bytes, times: u64) -> Bytes {
    part * times + SCALAR_BYTES
}
