//! Functions of the section `[own rule]`: each grows in a way of its own.

use pg_query::NodeEnum;
use pg_query::protobuf::FuncCall;

use super::call::too_long_for;
use super::count::steps;
use super::full_text::{MOST_SEARCHED, TSQUERY_BYTES_PER_BYTE};
use super::json_path::{Read, json_path_steps, places_of_document};
use super::pattern::{MOST_PATTERN, regular_expression};
use super::size::{MOST_OF_TWIN, SMALL, Size};
use super::{made, tree};
use crate::query::guard::name::Verdict;
use crate::query::guard::refusal::{Refusal, Rule};

/// A character that is looked for in a set takes as long as three of the steps that are counted.
const OF_SEARCH: u64 = 3;

/// The longest text and query of `ts_headline`: it keeps each word as often as the query has words, and looks at each part of the
/// text for each place where the query is found.
const MOST_HEADLINED: u64 = 8 << 10;
const MOST_FOUND: u64 = 1 << 10;

/// The longest options of `ts_headline`, in bytes.
const MOST_OPTIONS: usize = 100;

/// How many times as long a JSON document becomes when each of its elements gets a line, indented
/// by up to eleven levels: the twin refuses a deeper one.
const PRETTY_BYTES_PER_BYTE: u64 = 30;

/// A digest of 64 bytes, written in hexadecimal.
const MAX_DIGEST_BYTES: u64 = 130;

/// The bounds of an array of six dimensions: each is a number of up to eleven characters.
const MAX_DIMENSIONS_BYTES: u64 = 6 * 25;

/// The most rows of a series.
const MOST_ROWS: u64 = 1_000_000;

/// The functions of the section `[own rule]`.
pub(super) struct OwnRule<'a> {
    pub(super) call: &'a mut FuncCall,
    pub(super) sizes: &'a [Size],
    /// What it could take that PostgreSQL does not interrupt.
    pub(super) steps: u64,
}

impl OwnRule<'_> {
    /// The most bytes of the result; the call may become a twin's.
    pub(super) fn value(&mut self, name: &str) -> Result<u64, Refusal> {
        let of = |place: usize| self.sizes.get(place).map_or(0, |size| size.value);
        let location = self.call.location;
        let product = |one: u64, other: u64| one.saturating_mul(other).saturating_add(SMALL);
        Ok(match name {
            "repeat" => match self.integer(1) {
                Some(times) => product(of(0), times),
                None => self.twin("repeat"),
            },
            // Characters have up to four bytes.
            "lpad" | "rpad" => match self.integer(1) {
                Some(length) => product(4, length),
                None => self.twin(if name == "lpad" { "lpad" } else { "rpad" }),
            },
            "replace" => {
                self.search(name, of(0), of(1))?;
                let each = self.text(1).map_or(1, |sought| bytes(sought).max(1));
                product(of(0), of(2).div_ceil(each).max(1))
            }
            "regexp_replace" => {
                self.pattern(1)?;
                let back = self.text(2).map_or(of(2), |text| {
                    text.matches('\\').count().try_into().unwrap_or(u64::MAX)
                });
                product(of(0).saturating_add(1), of(2).saturating_add(1))
                    .saturating_add(product(of(0), back))
            }
            "regexp_match" | "regexp_matches" | "regexp_split_to_array" => {
                self.pattern(1)?;
                // Each pair of parentheses gives a part of its own.
                let groups = self.text(1).map_or(MOST_PATTERN, str::len) / 2;
                product(of(0), 12 + u64::try_from(groups).unwrap_or(u64::MAX))
            }
            "regexp_count" | "regexp_instr" | "regexp_like" => {
                self.pattern(1)?;
                SMALL
            }
            "sha224" | "sha256" | "sha384" | "sha512" => MAX_DIGEST_BYTES,
            "array_dims" => MAX_DIMENSIONS_BYTES,
            // From a place, or by a regular expression.
            "substring" if self.integer(1).is_some() => of(0),
            "regexp_split_to_table" | "regexp_substr" | "substring" => {
                self.pattern(1)?;
                of(0)
            }
            "btrim" | "ltrim" | "rtrim" => {
                self.take(name, of(0).saturating_mul(OF_SEARCH), of(1))?;
                of(0)
            }
            "translate" => {
                self.take(name, of(0).saturating_mul(OF_SEARCH), of(1))?;
                product(of(0), 4)
            }
            "concat_ws" => {
                let separators = u64::try_from(self.sizes.len()).unwrap_or(u64::MAX);
                self.sizes
                    .iter()
                    .fold(product(of(0), separators), |sum, size| {
                        sum.saturating_add(size.value)
                    })
            }
            "format" => self.format()?,
            // An element of one byte takes eight in an array.
            "string_to_array" => {
                self.search(name, of(0), of(1))?;
                product(of(0), 12)
            }
            "array_to_string" => {
                let elements = of(0) / 4 + 1;
                product(elements, of(1).saturating_add(of(2))).saturating_add(product(of(0), 2))
            }
            "array_replace" => product(of(0) / 4 + 1, of(2)).saturating_add(of(0)),
            "array_fill" => product(of(0).saturating_add(8), self.dimensions()?),
            "position" | "strpos" => {
                self.search(name, of(0), of(1))?;
                SMALL
            }
            "split_part" | "string_to_table" => {
                self.search(name, of(0), of(1))?;
                of(0)
            }
            "phraseto_tsquery" | "plainto_tsquery" | "to_tsquery" | "websearch_to_tsquery" => {
                let longest = self.sizes.iter().map(|size| size.value).fold(0, u64::max);
                if longest > MOST_SEARCHED {
                    return Err(too_long_for(name, longest, MOST_SEARCHED, location));
                }
                product(longest, TSQUERY_BYTES_PER_BYTE)
            }
            "ts_rank" | "ts_rank_cd" => {
                let longest = self.sizes.iter().map(|size| size.value).fold(0, u64::max);
                let sum: u64 = self
                    .sizes
                    .iter()
                    .map(|size| size.value)
                    .fold(0, u64::saturating_add);
                self.take(name, longest, sum.saturating_sub(longest))?;
                SMALL
            }
            "ts_headline" => {
                // A configuration may stand before them.
                let first =
                    usize::from(self.call.args.len() > 2 && self.text(0).is_some_and(is_word));
                for (place, most) in [(first, MOST_HEADLINED), (first + 1, MOST_FOUND)] {
                    if of(place) > most {
                        return Err(too_long_for(name, of(place), most, location));
                    }
                }
                // What is put around each word that was found stands in the options.
                let options = self.call.args.iter().skip(first + 2).filter_map(tree::text);
                if self.call.args.len() > first + 2
                    && options
                        .map(str::len)
                        .max()
                        .is_none_or(|length| length > MOST_OPTIONS)
                {
                    return Err(Refusal::construct_with_hint(
                        "ts_headline with options that are long, or not written as a literal,",
                        "leave the options out, or write a short text",
                    )
                    .at(location));
                }
                product(of(first).saturating_add(of(first + 1)), 50)
            }
            "jsonb_pretty" => {
                self.call.funcname = made::twin_name("jsonb_pretty");
                product(of(0), PRETTY_BYTES_PER_BYTE)
            }
            "generate_series" => {
                self.series()?;
                of(0).max(of(1)).saturating_add(of(2)).max(SMALL)
            }
            "jsonb_path_exists"
            | "jsonb_path_match"
            | "jsonb_path_query"
            | "jsonb_path_query_array"
            | "jsonb_path_query_first" => {
                let read = Read {
                    document: of(0),
                    variables: of(2),
                };
                let own = json_path_steps(self.call.args.get(1), read, location)?;
                self.steps = self.steps.saturating_add(own);
                // It may multiply the numbers of what it reads by each other, and by its own.
                let factors = self.call.args.get(1).map_or(0, places_of_document);
                product(of(0).saturating_add(of(2)), factors.saturating_add(2))
                    .saturating_add(product(of(1), 2))
            }
            _ => return Err(Refusal::construct(name).at(location)),
        })
    }

    fn take(&mut self, name: &str, left: u64, right: u64) -> Verdict {
        let own = steps(name, left, right, self.call.location)?;
        self.steps = self.steps.saturating_add(own);
        Ok(())
    }

    /// A text that is looked for in another one, eight times as fast as the steps that are counted.
    fn search(&mut self, name: &str, text: u64, sought: u64) -> Verdict {
        self.take(name, text / 8, sought)
    }

    fn integer(&self, place: usize) -> Option<u64> {
        self.call.args.get(place).and_then(tree::integer)
    }

    fn text(&self, place: usize) -> Option<&str> {
        self.call.args.get(place).and_then(tree::text)
    }

    /// Calls the twin instead, which takes one argument more: the most bytes, or rows.
    fn twin(&mut self, twin: &str) -> u64 {
        self.replace_by(twin, MOST_OF_TWIN);
        MOST_OF_TWIN
    }

    fn replace_by(&mut self, twin: &str, most: u64) {
        self.call.funcname = made::twin_name(twin);
        self.call.args.push(made::number(most));
    }

    fn pattern(&mut self, place: usize) -> Verdict {
        let location = self.call.location;
        self.call
            .args
            .get_mut(place)
            .map_or(Ok(()), |pattern| regular_expression(pattern, location))
    }

    /// `format` with a text that says how long each part becomes.
    fn format(&self) -> Result<u64, Refusal> {
        let location = self.call.location;
        let Some(text) = self.text(0).filter(|text| !text.contains('*')) else {
            return Err(Refusal::new(
                Rule::Cost,
                "format with a text that is not written as a literal, or with * for a width, is not allowed",
                "write the text into the statement, as in format('%s: %s', a, b), or use ||",
            )
            .at(location));
        };
        let longest = self
            .sizes
            .iter()
            .skip(1)
            .map(|size| size.value)
            .fold(SMALL, u64::max);
        let places = u64::try_from(text.matches('%').count()).unwrap_or(u64::MAX);
        let widths: u64 = tree::numbers(text).sum();
        // Quoting by %L and %I may double a value.
        Ok(places
            .saturating_mul(longest.saturating_mul(2))
            .saturating_add(widths.saturating_mul(4))
            .saturating_add(bytes(text)))
    }

    /// The elements that `array_fill` makes.
    fn dimensions(&self) -> Result<u64, Refusal> {
        let lengths = match self.call.args.get(1).map(|node| &node.node) {
            Some(Some(NodeEnum::AArrayExpr(array))) => {
                array.elements.iter().map(tree::integer).collect()
            }
            _ => None,
        };
        let lengths: Vec<u64> = lengths.ok_or_else(|| {
            Refusal::new(
                Rule::Cost,
                "array_fill with lengths that are not written as numbers is not allowed",
                "write them into the statement, as in array_fill(0, ARRAY[12])",
            )
            .at(self.call.location)
        })?;
        Ok(lengths.into_iter().fold(1, u64::saturating_mul))
    }

    /// A series of numbers that are written down is judged here, any other by its twin.
    fn series(&mut self) -> Result<(), Refusal> {
        let (from, to, step) = (
            self.integer(0),
            self.integer(1),
            self.integer(2).unwrap_or(1),
        );
        let Some((from, to)) = from
            .zip(to)
            .filter(|_| self.call.args.len() == 2 || self.integer(2).is_some())
        else {
            self.replace_by("generate_series", MOST_ROWS);
            return Ok(());
        };
        let rows = to.saturating_sub(from) / step.max(1);
        if rows > MOST_ROWS {
            return Err(Refusal::new(
                Rule::Cost,
                format!("generate_series would make {rows} rows"),
                format!("the most is {MOST_ROWS}; make the series shorter or its steps larger"),
            )
            .at(self.call.location));
        }
        Ok(())
    }
}

/// Whether this can be the name of a text search configuration.
fn is_word(text: &str) -> bool {
    text.len() < 64
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

fn bytes(text: &str) -> u64 {
    u64::try_from(text.len()).unwrap_or(u64::MAX)
}
