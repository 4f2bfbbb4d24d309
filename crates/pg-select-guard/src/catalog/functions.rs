//! The allowed functions.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::rows;
use super::types::{HeldBytes, NumberRule, RowError, Word, cells, unknown};

pub(super) const FILE: &str = include_str!("functions.tsv");

/// The columns of the table.
#[cfg(test)]
pub(super) const COLUMNS: [&str; 15] = [
    "name",
    "since",
    "kind",
    "volatility",
    "size",
    "document",
    "number",
    "state",
    "held",
    "steps",
    "input",
    "zone",
    "columns",
    "plans",
    "wrapper",
];

static FUNCTIONS: LazyLock<Vec<Function>> = LazyLock::new(|| {
    let functions = rows(FILE).map(Function::parse);
    functions.filter_map(Result::ok).collect()
});

static BY_NAME: LazyLock<HashMap<&'static str, &'static Function>> = LazyLock::new(|| {
    let functions = functions().map(|function| (function.name, function));
    functions.collect()
});

/// The functions that a statement may call, in the order of the table.
pub fn functions() -> impl Iterator<Item = &'static Function> {
    FUNCTIONS.iter()
}

/// The function of this name, if a statement may call it.
#[must_use]
pub fn function(name: &str) -> Option<&'static Function> {
    BY_NAME.get(name).copied()
}

/// What is known of an allowed function: what holds for all its overloads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Function {
    /// The name that PostgreSQL resolves.
    pub name: &'static str,
    /// The first major version of PostgreSQL that has it; 16 is the oldest supported.
    pub since: u32,
    /// What its overloads are.
    pub kinds: FunctionKinds,
    /// Whether equal arguments have equal results.
    pub volatility: Volatility,
    /// How large a result can be.
    pub size: SizeRule,
    /// Whether a result is a document.
    pub document: DocumentRule,
    /// Whether a result may be a text that parses as a number.
    pub number: NumberRule,
    /// What it keeps as an aggregate.
    pub state: AggregateState,
    /// What PostgreSQL holds while it runs.
    pub held: HeldBytes,
    /// Its uninterruptible steps, beyond reading each argument once. Custom size rules add more.
    pub steps: StepRule,
    /// What its arguments must be.
    pub input: InputRule,
    /// The argument that is a time zone.
    pub zone: Option<ZoneArgument>,
    /// The columns that it has in FROM.
    pub columns: FromColumns,
    /// How often PostgreSQL plans a query that calls it.
    pub plans: Plans,
    /// What the guard may put in the place of a call.
    pub replacement: Replacement,
}

impl Function {
    pub(super) fn parse(line: &'static str) -> Result<Self, RowError> {
        let [
            name,
            since,
            kind,
            volatility,
            size,
            document,
            number,
            state,
            held,
            steps,
            input,
            zone,
            columns,
            plans,
            wrapper,
        ] = cells(line)?;
        Ok(Self {
            name,
            since: since.parse().map_err(|_| unknown("since", since))?,
            kinds: FunctionKinds::parse(kind)?,
            volatility: Word::parse("volatility", volatility)?,
            size: SizeRule::parse(size)?,
            document: Word::parse("document", document)?,
            number: Word::parse("number", number)?,
            state: Word::parse("state", state)?,
            held: Word::parse("held", held)?,
            steps: Word::parse("steps", steps)?,
            input: Word::parse("input", input)?,
            zone: ZoneArgument::parse(zone)?,
            columns: Word::parse("columns", columns)?,
            plans: Word::parse("plans", plans)?,
            replacement: Replacement::parse(wrapper)?,
        })
    }

    /// Whether arguments must be passed by position, because a rule depends on their order.
    pub(crate) fn is_positional(&self) -> bool {
        matches!(self.size, SizeRule::Accumulates | SizeRule::Custom) || self.zone.is_some()
    }

    /// Whether PostgreSQL never computes a call while planning, even over constants.
    pub(crate) fn is_never_folded(&self) -> bool {
        self.kinds.set || self.kinds.aggregate || self.volatility == Volatility::Volatile
    }
}

/// What the overloads of a function are. Some names are several of these.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FunctionKinds {
    /// An ordinary function that returns one value.
    pub function: bool,
    /// A function that returns a set of rows.
    pub set: bool,
    /// An aggregate.
    pub aggregate: bool,
    /// A window function.
    pub window: bool,
}

impl FunctionKinds {
    fn parse(cell: &str) -> Result<Self, RowError> {
        let mut kinds = Self::default();
        for kind in cell.split('+') {
            match kind {
                "function" => kinds.function = true,
                "set" => kinds.set = true,
                "aggregate" => kinds.aggregate = true,
                "window" => kinds.window = true,
                _ => return Err(unknown("kind", cell)),
            }
        }
        Ok(kinds)
    }
}

/// Whether equal arguments have equal results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Volatility {
    /// Within a statement, as PostgreSQL's `stable` and `immutable`.
    Stable,
    /// Not even within a statement.
    Volatile,
}

impl Word for Volatility {
    const WORDS: &'static [(&'static str, Self)] =
        &[("stable", Self::Stable), ("volatile", Self::Volatile)];
}

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
    fn parse(cell: &str) -> Result<Self, RowError> {
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
    fn parse(cell: &str) -> Result<Option<Self>, RowError> {
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
    fn parse(cell: &'static str) -> Result<Self, RowError> {
        let is_name = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
        match cell {
            "-" => Ok(Self::None),
            "::text" => Ok(Self::CastToText),
            name if !name.is_empty() && name.bytes().all(is_name) => Ok(Self::Wrapper(name)),
            _ => Err(unknown("wrapper", cell)),
        }
    }
}
