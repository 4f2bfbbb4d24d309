//! Size rules of single functions: those of the section `[own rule]` of `functions.txt`.

use pg_query::NodeEnum;
use pg_query::protobuf::FuncCall;

use super::bound::{Bound, MAX_WRAPPED_BYTES, SCALAR_BYTES};
use super::call::input_too_long;
use super::full_text::{MAX_TSQUERY_TEXT_BYTES, TSQUERY_BYTES_PER_BYTE};
use super::json_path::{PathInput, bound_json_path, count_document_refs};
use super::regex::{MAX_REGEX_BYTES, bound_regex};
use super::totals::check_steps;
use super::{build_ast, inspect};
use crate::name::Verdict;
use crate::refusal::{Refusal, Rule};

/// Looking up a character in a set takes as long as three of the counted steps.
const STEPS_PER_SET_LOOKUP: u64 = 3;

/// Limits of the text and the query of `ts_headline`, in bytes: it keeps each word as often as the
/// query has words, and examines each part of the text for each match of the query.
const MAX_HEADLINE_TEXT_BYTES: u64 = 8 << 10;
const MAX_HEADLINE_QUERY_BYTES: u64 = 1 << 10;

/// Limit of the options of `ts_headline`, in bytes.
const MAX_HEADLINE_OPTIONS_BYTES: usize = 100;

/// Factor by which `jsonb_pretty` lengthens a document: each element gets a line, indented by up to
/// eleven levels. The bounded wrapper rejects deeper documents.
const PRETTY_BYTES_PER_BYTE: u64 = 30;

/// A digest of 64 bytes, printed in hexadecimal.
const MAX_DIGEST_BYTES: u64 = 130;

/// The dimensions of an array: at most six, each with two numbers of up to eleven characters.
const MAX_DIMENSIONS_BYTES: u64 = 6 * 25;

/// Limit of the rows of `generate_series`.
const MAX_SERIES_ROWS: u64 = 1_000_000;

/// A call of a function of the section `[own rule]`.
pub(super) struct CustomRule<'a> {
    pub(super) call: &'a mut FuncCall,
    pub(super) bounds: &'a [Bound],
    /// Steps during which PostgreSQL checks for no interrupt.
    pub(super) uninterruptible_steps: u64,
}

impl CustomRule<'_> {
    /// Bytes of the result. The call may be replaced by a call of a bounded wrapper.
    pub(super) fn result_bytes(&mut self, name: &str) -> Result<u64, Refusal> {
        let argument_bytes =
            |position: usize| self.bounds.get(position).map_or(0, |bound| bound.max_bytes);
        let location = self.call.location;
        let product = |one: u64, other: u64| one.saturating_mul(other).saturating_add(SCALAR_BYTES);
        Ok(match name {
            "repeat" => match self.integer_argument(1) {
                Some(times) => product(argument_bytes(0), times),
                None => self.call_wrapper("repeat"),
            },
            // A character has up to four bytes.
            "lpad" | "rpad" => match self.integer_argument(1) {
                Some(length) => product(4, length),
                None => self.call_wrapper(if name == "lpad" { "lpad" } else { "rpad" }),
            },
            "replace" => {
                self.add_search_steps(name, argument_bytes(0), argument_bytes(1))?;
                let each = self
                    .text_argument(1)
                    .map_or(1, |sought| byte_len(sought).max(1));
                product(argument_bytes(0), argument_bytes(2).div_ceil(each).max(1))
            }
            "regexp_replace" => {
                self.bound_pattern(1)?;
                let backreferences = self.text_argument(2).map_or(argument_bytes(2), |text| {
                    text.matches('\\').count().try_into().unwrap_or(u64::MAX)
                });
                product(
                    argument_bytes(0).saturating_add(1),
                    argument_bytes(2).saturating_add(1),
                )
                .saturating_add(product(argument_bytes(0), backreferences))
            }
            "regexp_match" | "regexp_matches" | "regexp_split_to_array" => {
                self.bound_pattern(1)?;
                // Each pair of parentheses returns a substring of its own.
                let groups = self.text_argument(1).map_or(MAX_REGEX_BYTES, str::len) / 2;
                product(
                    argument_bytes(0),
                    12 + u64::try_from(groups).unwrap_or(u64::MAX),
                )
            }
            "regexp_count" | "regexp_instr" | "regexp_like" => {
                self.bound_pattern(1)?;
                SCALAR_BYTES
            }
            "sha224" | "sha256" | "sha384" | "sha512" => MAX_DIGEST_BYTES,
            "array_dims" => MAX_DIMENSIONS_BYTES,
            // With a start position; the other form takes a regular expression.
            "substring" if self.integer_argument(1).is_some() => argument_bytes(0),
            "regexp_split_to_table" | "regexp_substr" | "substring" => {
                self.bound_pattern(1)?;
                argument_bytes(0)
            }
            "btrim" | "ltrim" | "rtrim" => {
                self.add_steps(
                    name,
                    argument_bytes(0).saturating_mul(STEPS_PER_SET_LOOKUP),
                    argument_bytes(1),
                )?;
                argument_bytes(0)
            }
            "translate" => {
                self.add_steps(
                    name,
                    argument_bytes(0).saturating_mul(STEPS_PER_SET_LOOKUP),
                    argument_bytes(1),
                )?;
                product(argument_bytes(0), 4)
            }
            "concat_ws" => {
                let separators = u64::try_from(self.bounds.len()).unwrap_or(u64::MAX);
                self.bounds
                    .iter()
                    .fold(product(argument_bytes(0), separators), |sum, bound| {
                        sum.saturating_add(bound.max_bytes)
                    })
            }
            "format" => self.format_bytes()?,
            // An element of one byte takes eight bytes in an array.
            "string_to_array" => {
                self.add_search_steps(name, argument_bytes(0), argument_bytes(1))?;
                product(argument_bytes(0), 12)
            }
            "array_to_string" => {
                let elements = argument_bytes(0) / 4 + 1;
                product(
                    elements,
                    argument_bytes(1).saturating_add(argument_bytes(2)),
                )
                .saturating_add(product(argument_bytes(0), 2))
            }
            "array_replace" => product(argument_bytes(0) / 4 + 1, argument_bytes(2))
                .saturating_add(argument_bytes(0)),
            "array_fill" => product(
                argument_bytes(0).saturating_add(8),
                self.array_fill_elements()?,
            ),
            "position" | "strpos" => {
                self.add_search_steps(name, argument_bytes(0), argument_bytes(1))?;
                SCALAR_BYTES
            }
            "split_part" | "string_to_table" => {
                self.add_search_steps(name, argument_bytes(0), argument_bytes(1))?;
                argument_bytes(0)
            }
            "phraseto_tsquery" | "plainto_tsquery" | "to_tsquery" | "websearch_to_tsquery" => {
                let max_argument_bytes = self
                    .bounds
                    .iter()
                    .map(|bound| bound.max_bytes)
                    .fold(0, u64::max);
                if max_argument_bytes > MAX_TSQUERY_TEXT_BYTES {
                    return Err(input_too_long(
                        name,
                        max_argument_bytes,
                        MAX_TSQUERY_TEXT_BYTES,
                        location,
                    ));
                }
                product(max_argument_bytes, TSQUERY_BYTES_PER_BYTE)
            }
            "ts_rank" | "ts_rank_cd" => {
                let max_argument_bytes = self
                    .bounds
                    .iter()
                    .map(|bound| bound.max_bytes)
                    .fold(0, u64::max);
                let sum: u64 = self
                    .bounds
                    .iter()
                    .map(|bound| bound.max_bytes)
                    .fold(0, u64::saturating_add);
                self.add_steps(
                    name,
                    max_argument_bytes,
                    sum.saturating_sub(max_argument_bytes),
                )?;
                SCALAR_BYTES
            }
            "ts_headline" => {
                // The first argument may be a text search configuration.
                let first = usize::from(
                    self.call.args.len() > 2
                        && self.text_argument(0).is_some_and(is_configuration_name),
                );
                for (position, max) in [
                    (first, MAX_HEADLINE_TEXT_BYTES),
                    (first + 1, MAX_HEADLINE_QUERY_BYTES),
                ] {
                    if argument_bytes(position) > max {
                        return Err(input_too_long(
                            name,
                            argument_bytes(position),
                            max,
                            location,
                        ));
                    }
                }
                // The options contain the texts that are put around each match.
                let options = self
                    .call
                    .args
                    .iter()
                    .skip(first + 2)
                    .filter_map(inspect::text_literal);
                if self.call.args.len() > first + 2
                    && options
                        .map(str::len)
                        .max()
                        .is_none_or(|length| length > MAX_HEADLINE_OPTIONS_BYTES)
                {
                    return Err(Refusal::construct_with_hint(
                        "ts_headline with options that are long or not a literal",
                        "omit the options, or use a short literal",
                    )
                    .at(location));
                }
                product(
                    argument_bytes(first).saturating_add(argument_bytes(first + 1)),
                    50,
                )
            }
            "jsonb_pretty" => {
                self.call.funcname = build_ast::wrapper_name("jsonb_pretty");
                product(argument_bytes(0), PRETTY_BYTES_PER_BYTE)
            }
            "generate_series" => {
                self.bound_series()?;
                argument_bytes(0)
                    .max(argument_bytes(1))
                    .saturating_add(argument_bytes(2))
                    .max(SCALAR_BYTES)
            }
            "jsonb_path_exists"
            | "jsonb_path_match"
            | "jsonb_path_query"
            | "jsonb_path_query_array"
            | "jsonb_path_query_first" => {
                let input = PathInput {
                    document_bytes: argument_bytes(0),
                    variable_bytes: argument_bytes(2),
                };
                let own_steps = bound_json_path(self.call.args.get(1), input, location)?;
                self.uninterruptible_steps = self.uninterruptible_steps.saturating_add(own_steps);
                // A path may multiply the numbers that it reads by each other, and by its own
                // numbers.
                let factors = self.call.args.get(1).map_or(0, count_document_refs);
                product(
                    argument_bytes(0).saturating_add(argument_bytes(2)),
                    factors.saturating_add(2),
                )
                .saturating_add(product(argument_bytes(1), 2))
            }
            _ => return Err(Refusal::construct(name).at(location)),
        })
    }

    fn add_steps(&mut self, name: &str, left: u64, right: u64) -> Verdict {
        let own_steps = check_steps(name, left, right, self.call.location)?;
        self.uninterruptible_steps = self.uninterruptible_steps.saturating_add(own_steps);
        Ok(())
    }

    /// Adds the steps of a substring search, which is eight times as fast as the counted steps.
    fn add_search_steps(&mut self, name: &str, text: u64, sought: u64) -> Verdict {
        self.add_steps(name, text / 8, sought)
    }

    fn integer_argument(&self, position: usize) -> Option<u64> {
        self.call
            .args
            .get(position)
            .and_then(inspect::integer_literal)
    }

    fn text_argument(&self, position: usize) -> Option<&str> {
        self.call.args.get(position).and_then(inspect::text_literal)
    }

    /// Calls the bounded wrapper instead, with one more argument: the limit in bytes or rows.
    fn call_wrapper(&mut self, wrapper: &str) -> u64 {
        self.replace_with_wrapper(wrapper, MAX_WRAPPED_BYTES);
        MAX_WRAPPED_BYTES
    }

    fn replace_with_wrapper(&mut self, wrapper: &str, max: u64) {
        self.call.funcname = build_ast::wrapper_name(wrapper);
        self.call.args.push(build_ast::integer(max));
    }

    fn bound_pattern(&mut self, position: usize) -> Verdict {
        let location = self.call.location;
        self.call
            .args
            .get_mut(position)
            .map_or(Ok(()), |pattern| bound_regex(pattern, location))
    }

    /// Bytes of the result of `format`, whose format string determines the length of each part.
    fn format_bytes(&self) -> Result<u64, Refusal> {
        let location = self.call.location;
        let Some(text) = self.text_argument(0).filter(|text| !text.contains('*')) else {
            return Err(Refusal::new(
                Rule::Cost,
                "format with a format string that is not a literal, or with * as a width, is not allowed",
                "use a literal, as in format('%s: %s', a, b), or use ||",
            )
            .at(location));
        };
        let max_argument_bytes = self
            .bounds
            .iter()
            .skip(1)
            .map(|bound| bound.max_bytes)
            .fold(SCALAR_BYTES, u64::max);
        let conversions = u64::try_from(text.matches('%').count()).unwrap_or(u64::MAX);
        let widths: u64 = inspect::numbers_in(text).sum();
        // Quoting by %L and %I may double a value.
        Ok(conversions
            .saturating_mul(max_argument_bytes.saturating_mul(2))
            .saturating_add(widths.saturating_mul(4))
            .saturating_add(byte_len(text)))
    }

    /// The number of elements of `array_fill`.
    fn array_fill_elements(&self) -> Result<u64, Refusal> {
        let lengths = match self.call.args.get(1).map(|node| &node.node) {
            Some(Some(NodeEnum::AArrayExpr(array))) => array
                .elements
                .iter()
                .map(inspect::integer_literal)
                .collect(),
            _ => None,
        };
        let lengths: Vec<u64> = lengths.ok_or_else(|| {
            Refusal::new(
                Rule::Cost,
                "array_fill with lengths that are not integer literals is not allowed",
                "use literals, as in array_fill(0, ARRAY[12])",
            )
            .at(self.call.location)
        })?;
        Ok(lengths.into_iter().fold(1, u64::saturating_mul))
    }

    /// Checks a series between integer literals here; any other series gets a bounded wrapper.
    fn bound_series(&mut self) -> Result<(), Refusal> {
        let (from, to, step) = (
            self.integer_argument(0),
            self.integer_argument(1),
            self.integer_argument(2).unwrap_or(1),
        );
        let Some((from, to)) = from
            .zip(to)
            .filter(|_| self.call.args.len() == 2 || self.integer_argument(2).is_some())
        else {
            self.replace_with_wrapper("generate_series", MAX_SERIES_ROWS);
            return Ok(());
        };
        let rows = to.saturating_sub(from) / step.max(1);
        if rows > MAX_SERIES_ROWS {
            return Err(Refusal::new(
                Rule::Cost,
                format!("generate_series would return {rows} rows"),
                format!(
                    "the maximum is {MAX_SERIES_ROWS}; make the series shorter or its steps larger"
                ),
            )
            .at(self.call.location));
        }
        Ok(())
    }
}

/// Whether a text can be the name of a text search configuration.
fn is_configuration_name(text: &str) -> bool {
    text.len() < 64
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

fn byte_len(text: &str) -> u64 {
    u64::try_from(text.len()).unwrap_or(u64::MAX)
}
