//! The allowed functions.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::calls::{FromColumns, InputRule, Plans, Replacement, StepRule, ZoneArgument};
use super::cells::{HeldBytes, NumberRule, RowError, Word, cells, unknown};
use super::results::{AggregateState, DocumentRule, SizeRule};
use super::rows;

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
