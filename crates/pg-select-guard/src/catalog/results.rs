//! What a function returns, and what an aggregate keeps of its rows.

use super::cells::{RowError, Word, unknown};

/// An upper bound for the size of a function's result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SizeRule {
    /// A fixed-size value: some tens of bytes.
    Fixed,
    /// At most the size of the longest argument.
    LongestArgument,
    /// At most the sum of all arguments' sizes, multiplied by this factor.
    SumTimes(u64),
    /// An aggregate whose state grows with every row.
    Accumulates,
    /// The function has a rule of its own in `cost::functions`.
    Custom,
}

impl SizeRule {
    pub(super) fn parse(cell: &str) -> Result<Self, RowError> {
        Ok(match cell {
            "fixed" => Self::Fixed,
            "longest" => Self::LongestArgument,
            "sum" => Self::SumTimes(1),
            "accumulates" => Self::Accumulates,
            "custom" => Self::Custom,
            other => {
                let times = other.strip_prefix("sum*");
                let times = times.and_then(|times| times.parse().ok());
                Self::SumTimes(times.ok_or_else(|| unknown("size", other))?)
            }
        })
    }
}

/// Whether a result is a document, which operators rebuild as a tree of nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DocumentRule {
    /// Nothing is known. This is always safe.
    Any,
    /// Certainly neither JSON nor a `tsquery`: a value that operators copy.
    Flat,
    /// Certainly JSON.
    Json,
}

impl Word for DocumentRule {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("any", Self::Any),
        ("flat", Self::Flat),
        ("json", Self::Json),
    ];
}

/// What an aggregate keeps of the rows that it has read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AggregateState {
    /// The function is no aggregate.
    None,
    /// Values of fixed size.
    Fixed,
    /// One of the input values, or one value computed from them.
    Value,
    /// PostgreSQL sorts the rows, within `work_mem`.
    Sorted,
    /// All input values.
    Elements(Element),
}

/// What an aggregate makes of the values that it accumulates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    /// Elements of an array.
    Array,
    /// Parts of a text.
    Text,
    /// Ranges of a multirange.
    Range,
    /// Members of a JSON document.
    Json,
}

impl Word for AggregateState {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("-", Self::None),
        ("fixed", Self::Fixed),
        ("value", Self::Value),
        ("sorted", Self::Sorted),
        ("array", Self::Elements(Element::Array)),
        ("text", Self::Elements(Element::Text)),
        ("ranges", Self::Elements(Element::Range)),
        ("json", Self::Elements(Element::Json)),
    ];
}
