//! What a call of a function reads and costs, and what may replace it.

use super::cells::{RowError, Word, unknown};

/// Uninterruptible steps of a function, beyond reading each argument once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepRule {
    /// None.
    None,
    /// Products of the digits of two numbers.
    Digits,
    /// Pairs of characters of a text.
    Pairs,
}

impl Word for StepRule {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("-", Self::None),
        ("digits", Self::Digits),
        ("pairs", Self::Pairs),
    ];
}

/// What the arguments of a function must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputRule {
    /// Anything.
    Any,
    /// The second argument is a format, which must be short.
    Format,
    /// The second argument is a JSON path, which must be a literal.
    Path,
    /// A text that becomes a `tsquery`, which must be short.
    Tsquery,
    /// A text that is normalized, which must be short.
    Normalize,
}

impl Word for InputRule {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("-", Self::Any),
        ("format", Self::Format),
        ("path", Self::Path),
        ("tsquery", Self::Tsquery),
        ("normalize", Self::Normalize),
    ];
}

/// The argument of a function that is a time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ZoneArgument {
    /// Its position, from 1.
    pub position: usize,
    /// The number of arguments of a call that has it.
    pub count: usize,
}

impl ZoneArgument {
    pub(super) fn parse(cell: &str) -> Result<Option<Self>, RowError> {
        if cell == "-" {
            return Ok(None);
        }
        let parsed = cell.split_once('/').and_then(|(position, count)| {
            Some(Self {
                position: position.parse().ok()?,
                count: count.parse().ok()?,
            })
        });
        parsed.map(Some).ok_or_else(|| unknown("zone", cell))
    }
}

/// The columns of a function in FROM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FromColumns {
    /// One, with the name of the FROM item.
    Item,
    /// One, named `value`.
    Value,
    /// Two, named `key` and `value`.
    KeyValue,
    /// The text does not determine them: the arguments may contain rows of any type.
    Unknown,
}

impl Word for FromColumns {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("item", Self::Item),
        ("value", Self::Value),
        ("key,value", Self::KeyValue),
        ("unknown", Self::Unknown),
    ];
}

/// How often PostgreSQL plans a query that calls a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plans {
    /// Once.
    Once,
    /// Once more for each call: an aggregate with a sort operator may read one row of an index
    /// (`preprocess_minmax_aggregates` of planagg.c).
    Twice,
}

impl Word for Plans {
    const WORDS: &'static [(&'static str, Self)] = &[("once", Self::Once), ("twice", Self::Twice)];
}

/// What the guard may put in the place of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replacement {
    /// Nothing.
    None,
    /// A call of this function of the schema `bounded`, which limits the result at run time.
    Wrapper(&'static str),
    /// A cast of the call to `text`: comparing a `regtype` with a name would look the name up.
    CastToText,
}

impl Replacement {
    pub(super) fn parse(cell: &'static str) -> Result<Self, RowError> {
        let is_name = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
        match cell {
            "-" => Ok(Self::None),
            "::text" => Ok(Self::CastToText),
            name if !name.is_empty() && name.bytes().all(is_name) => Ok(Self::Wrapper(name)),
            _ => Err(unknown("wrapper", cell)),
        }
    }
}
