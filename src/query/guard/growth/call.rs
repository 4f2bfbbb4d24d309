//! Functions: how large their results can be, and which calls a twin replaces.

use std::ops::Range;

use pg_query::NodeEnum;
use pg_query::protobuf::{FuncCall, Node};

use super::count::{steps, within};
use super::join::SHORT_ROW;
use super::operator::power;
use super::pattern::{MOST_PATTERN, json_path, regular_expression};
use super::size::{MOST_DIGITS, MOST_OF_TWIN, Parts, SMALL, Size};
use super::{Measure, tree};
use crate::query::guard::allow_list::{FUNCTIONS, Growth, SET_RETURNING};
use crate::query::guard::name::{Verdict, names};
use crate::query::guard::refusal::{Refusal, Rule};

/// A text that is put into PostgreSQL's normal form is sorted in a time that grows with the square of its length.
const MOST_NORMALIZED: u64 = 8 << 10;

/// A character that is looked for in a set takes as long as three of the steps that are counted.
const OF_SEARCH: u64 = 3;

/// The longest text that a full-text query is made of: its words are put together in a time that grows with their square.
pub(super) const MOST_SEARCHED: u64 = 4 << 10;

/// The longest options of `ts_headline`, in bytes.
const MOST_OPTIONS: usize = 100;

/// Functions of the list with short results that may spell a number in letters and digits.
const SPELLING: [&str; 9] = [
    "chr", "md5", "sha224", "sha256", "sha384", "sha512", "to_bin", "to_hex", "to_oct",
];

/// Functions of the list whose results are as long as their arguments together, and numbers where those are.
const NUMERIC: [&str; 16] = [
    "abs",
    "ceil",
    "ceiling",
    "div",
    "floor",
    "gcd",
    "generate_series",
    "lcm",
    "mod",
    "stddev",
    "stddev_pop",
    "stddev_samp",
    "trim_scale",
    "var_pop",
    "var_samp",
    "variance",
];

/// Aggregates of the list that keep one of the values they are given, or one made of them.
const AGGREGATES: [&str; 7] = [
    "any_value",
    "bit_and",
    "bit_or",
    "bit_xor",
    "max",
    "min",
    "range_intersect_agg",
];

/// The most rows of a series.
const MOST_ROWS: u64 = 1_000_000;

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
        let location = call.location;
        let growth = FUNCTIONS
            .get(name.as_str())
            .copied()
            .unwrap_or(Growth::Times(1));
        let by_place = matches!(growth, Growth::Digits | Growth::OwnRule | Growth::Collects);
        if by_place && (call.func_variadic || call.args.iter().any(tree::is_named)) {
            return Err(Refusal::construct_but(
                &format!("a call of {name} with names for its arguments, or VARIADIC,"),
                "give the values one by one, in their order, without names",
            )
            .at(location));
        }
        if SET_RETURNING.contains(&name.as_str()) {
            self.set_returning += 1;
        }
        let before = self.meant.len();
        let mut sizes = Vec::with_capacity(call.args.len());
        let mut first = before..before;
        for arg in &mut call.args {
            let is_path = name.starts_with("jsonb_path_") && tree::is_path(arg);
            sizes.push(if is_path {
                Size::leaf(SMALL)
            } else {
                self.expr(arg)?
            });
            if sizes.len() == 1 {
                first = before..self.meant.len();
            }
        }
        let args: Parts = sizes.iter().copied().collect();
        let mut around = Parts::default();
        for expr in &mut call.agg_order {
            let size = self.expr(expr)?;
            self.sorted([size])?;
            around.add(size);
        }
        if call.agg_distinct || call.agg_within_group {
            self.sorted(sizes.iter().copied())?;
        }
        let ordered = around.all.value;
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
        size.spells = match growth {
            Growth::Fixed => SPELLING.contains(&name.as_str()),
            Growth::Digits => false,
            Growth::Most if call.agg_within_group => around.all.spells,
            Growth::Most => args.all.spells,
            Growth::Times(_) | Growth::OwnRule if NUMERIC.contains(&name.as_str()) => {
                args.all.spells
            }
            Growth::Times(_) | Growth::OwnRule | Growth::Collects => true,
        };
        let value = match growth {
            // One value of the order, or one for each of several fractions.
            Growth::Most if call.agg_within_group => (args.sum / 8 + 1).saturating_mul(ordered),
            Growth::Fixed if call.agg_within_group => {
                args.sum.saturating_mul(2).saturating_add(SMALL)
            }
            Growth::Fixed => SMALL,
            Growth::Most => {
                if AGGREGATES.contains(&name.as_str()) && args.all.value > SHORT_ROW {
                    // What a group keeps is not counted when it becomes longer.
                    self.settings.hashed_groups = false;
                }
                args.all.value.max(SMALL)
            }
            Growth::Times(times) => args.sum.saturating_mul(times).saturating_add(SMALL),
            Growth::Digits if matches!(name.as_str(), "pow" | "power") => {
                let base = sizes.first().map_or(0, |size| size.value);
                power(base, call.args.get_mut(1))
            }
            Growth::Digits => digits(&name, call, args.sum),
            Growth::Collects => {
                return self.collecting(node, &name, args.sum, size, &names);
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
        if name == "normalize" && args.all.value > MOST_NORMALIZED {
            return Err(too_long_for(
                &name,
                args.all.value,
                MOST_NORMALIZED,
                location,
            ));
        }
        within(&name, value, location)?;
        Ok(Size::over(size, value))
    }
}

/// Where the names stand among those met so far that an aggregate was given.
pub(super) struct NamesOfAggregate {
    pub(super) all: Range<usize>,
    pub(super) first: Range<usize>,
    pub(super) filter: Range<usize>,
}

/// A number that a function makes of others.
fn digits(name: &str, call: &mut FuncCall, args: u64) -> u64 {
    match (name, call.args.get(1).and_then(tree::integer)) {
        // Digits behind the point as they are asked for.
        ("round" | "trunc", Some(scale)) => args.saturating_add(scale).min(MOST_DIGITS),
        ("round" | "trunc", None) if call.args.len() == 1 => args.max(SMALL),
        ("sqrt" | "ln" | "log" | "log10", _) => args.saturating_add(1_024).min(MOST_DIGITS),
        ("exp", _) => power(1, call.args.first_mut()),
        _ => MOST_DIGITS,
    }
}

pub(super) fn too_long_for(name: &str, bytes: u64, most: u64, location: i32) -> Refusal {
    Refusal::new(
        Rule::Size,
        format!("{name} would work on values of up to {bytes} bytes"),
        format!("the most is {most}; make them shorter"),
    )
    .at(location)
}

/// The functions of the section `[own rule]`.
struct OwnRule<'a> {
    call: &'a mut FuncCall,
    sizes: &'a [Size],
    /// What it could take that PostgreSQL does not interrupt.
    steps: u64,
}

impl OwnRule<'_> {
    fn value(&mut self, name: &str) -> Result<u64, Refusal> {
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
                product(longest, 4)
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
                // What is put around each word that was found stands in the options.
                let options = self.call.args.iter().skip(2).filter_map(tree::text);
                if self.call.args.len() > 2
                    && options
                        .map(str::len)
                        .max()
                        .is_none_or(|length| length > MOST_OPTIONS)
                {
                    return Err(Refusal::construct_but(
                        "ts_headline with options that are long, or not written as a literal,",
                        "leave the options out, or write a short text",
                    )
                    .at(location));
                }
                product(of(0).saturating_add(of(1)), 50)
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
                json_path(self.call.args.get(1), location)?;
                product(of(0), 2).saturating_add(of(2))
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
        self.call.funcname = tree::twin_name(twin);
        self.call.args.push(tree::number(most));
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
                Rule::Size,
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
                Rule::Size,
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
                Rule::Size,
                format!("generate_series would make {rows} rows"),
                format!("the most is {MOST_ROWS}; make the series shorter or its steps larger"),
            )
            .at(self.call.location));
        }
        Ok(())
    }
}

fn bytes(text: &str) -> u64 {
    u64::try_from(text.len()).unwrap_or(u64::MAX)
}
