//! The allowed operators.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::cells::{HeldBytes, NumberRule, RowError, Word, cells};
use super::rows;

pub(super) const FILE: &str = include_str!("operators.tsv");

/// The columns of the table.
#[cfg(test)]
pub(super) const COLUMNS: [&str; 9] = [
    "name", "kind", "size", "document", "number", "held", "steps", "pattern", "equality",
];

static OPERATORS: LazyLock<Vec<Operator>> = LazyLock::new(|| {
    let operators = rows(FILE).map(Operator::parse);
    operators.filter_map(Result::ok).collect()
});

static BY_NAME: LazyLock<HashMap<&'static str, &'static Operator>> = LazyLock::new(|| {
    let operators = operators().map(|operator| (operator.name, operator));
    operators.collect()
});

/// The operators that a statement may use, in the order of the table.
pub fn operators() -> impl Iterator<Item = &'static Operator> {
    OPERATORS.iter()
}

/// The operator of this name, if a statement may use it.
#[must_use]
pub fn operator(name: &str) -> Option<&'static Operator> {
    BY_NAME.get(name).copied()
}

/// What is known of an allowed operator: what holds for all its overloads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operator {
    /// The name that PostgreSQL's lexer returns.
    pub name: &'static str,
    /// What its overloads are.
    pub kinds: OperatorKinds,
    /// How large a result can be.
    pub size: OperatorSizeRule,
    /// Whether a result is a document.
    pub document: OperatorDocumentRule,
    /// Whether a result may be a text that parses as a number.
    pub number: NumberRule,
    /// What PostgreSQL holds while it runs.
    pub held: HeldBytes,
    /// Its uninterruptible steps, beyond reading each operand once.
    pub steps: OperatorStepRule,
    /// What it compiles its right operand to.
    pub pattern: Pattern,
    /// Whether PostgreSQL may join rows by it.
    pub equality: Equality,
}

impl Operator {
    pub(super) fn parse(line: &'static str) -> Result<Self, RowError> {
        let [
            name,
            kind,
            size,
            document,
            number,
            held,
            steps,
            pattern,
            equality,
        ] = cells(line)?;
        Ok(Self {
            name,
            kinds: Word::parse("kind", kind)?,
            size: Word::parse("size", size)?,
            document: Word::parse("document", document)?,
            number: Word::parse("number", number)?,
            held: Word::parse("held", held)?,
            steps: Word::parse("steps", steps)?,
            pattern: Word::parse("pattern", pattern)?,
            equality: Word::parse("equality", equality)?,
        })
    }

    /// Whether the operator computes a number, a date or a range, and never a text.
    pub(crate) fn is_arithmetic(&self) -> bool {
        matches!(
            self.size,
            OperatorSizeRule::Digits | OperatorSizeRule::Product
        )
    }
}

/// What the overloads of an operator are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OperatorKinds {
    /// `left operator right`.
    pub binary: bool,
    /// `operator right`.
    pub prefix: bool,
}

impl Word for OperatorKinds {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("binary", Self::new(true, false)),
        ("prefix", Self::new(false, true)),
        ("binary+prefix", Self::new(true, true)),
    ];
}

impl OperatorKinds {
    const fn new(binary: bool, prefix: bool) -> Self {
        Self { binary, prefix }
    }
}

/// An upper bound for the size of an operator's result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperatorSizeRule {
    /// A fixed-size value: some tens of bytes.
    Fixed,
    /// At most the size of the longer operand.
    LongerOperand,
    /// At most the sum of both operands' sizes.
    Sum,
    /// A sum of numbers, which has the digits of both, or of multiranges.
    Digits,
    /// A product of numbers.
    Product,
    /// The operator has a rule of its own in `cost::operator`.
    Custom,
}

impl Word for OperatorSizeRule {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("fixed", Self::Fixed),
        ("longest", Self::LongerOperand),
        ("sum", Self::Sum),
        ("digits", Self::Digits),
        ("product", Self::Product),
        ("custom", Self::Custom),
    ];
}

/// Whether the result of an operator is a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperatorDocumentRule {
    /// Nothing is known. This is always safe.
    Any,
    /// Certainly neither JSON nor a `tsquery`.
    Flat,
    /// What both operands are, which have the same type. A result is not known to be JSON.
    Either,
    /// A `tsquery`, unless an operand certainly is none. Never JSON.
    Tsquery,
}

impl Word for OperatorDocumentRule {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("any", Self::Any),
        ("flat", Self::Flat),
        ("either", Self::Either),
        ("tsquery", Self::Tsquery),
    ];
}

/// Uninterruptible steps of an operator, beyond reading each operand once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperatorStepRule {
    /// None.
    None,
    /// The right operand is sought everywhere in the left one.
    Like,
    /// Each digit or element of one operand is processed with each of the other.
    Product,
    /// Those of a power of this size.
    Power,
}

impl Word for OperatorStepRule {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("-", Self::None),
        ("like", Self::Like),
        ("product", Self::Product),
        ("power", Self::Power),
    ];
}

/// What an operator compiles its right operand to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// Nothing: the operand is a value.
    None,
    /// A regular expression.
    Regex,
    /// A JSON path.
    Path,
    /// A JSON path or a `tsquery`, depending on the left operand.
    PathOrTsquery,
}

impl Word for Pattern {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("-", Self::None),
        ("regex", Self::Regex),
        ("path", Self::Path),
        ("path/tsquery", Self::PathOrTsquery),
    ];
}

/// Whether PostgreSQL may join rows by an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Equality {
    /// It may not.
    None,
    /// By this operator, from which it also derives others (equivalence classes).
    Equal,
    /// By the negation of this operator.
    Unequal,
}

impl Word for Equality {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("-", Self::None),
        ("equal", Self::Equal),
        ("unequal", Self::Unequal),
    ];
}
