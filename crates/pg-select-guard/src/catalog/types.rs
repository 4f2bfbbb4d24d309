//! The allowed types.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::cells::{RowError, Word, cells, unknown};
use super::rows;

pub(super) const FILE: &str = include_str!("types.tsv");

/// The columns of the table.
#[cfg(test)]
pub(super) const COLUMNS: [&str; 12] = [
    "name",
    "sql",
    "schema",
    "size",
    "modifier",
    "number",
    "digits",
    "document",
    "zone",
    "held",
    "element",
    "returning",
];

static TYPES: LazyLock<Vec<DataType>> = LazyLock::new(|| {
    let types = rows(FILE).map(DataType::parse);
    types.filter_map(Result::ok).collect()
});

static BY_NAME: LazyLock<HashMap<&'static str, &'static DataType>> = LazyLock::new(|| {
    let types = data_types().map(|data_type| (data_type.name, data_type));
    types.collect()
});

/// The types that a statement may name, in the order of the table.
pub fn data_types() -> impl Iterator<Item = &'static DataType> {
    TYPES.iter()
}

/// The type of this name, if a statement may name it. The parser turns `integer` into `int4`.
#[must_use]
pub fn data_type(name: &str) -> Option<&'static DataType> {
    BY_NAME.get(name).copied()
}

/// What is known of an allowed type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataType {
    /// The name that the parser resolves (`pg_type.typname`).
    pub name: &'static str,
    /// The name that PostgreSQL prints (`format_type`).
    pub sql: &'static str,
    /// Where the type is.
    pub schema: TypeSchema,
    /// How large a value is.
    pub size: TypeSizeRule,
    /// What the number in parentheses behind the name does.
    pub modifier: Modifier,
    /// Whether a value may be a text that parses as a number.
    pub may_parse_as_number: bool,
    /// Whether a value has numbers of any number of digits.
    pub digits: Digits,
    /// Whether a value is a document.
    pub document: TypeDocument,
    /// Whether the text that is read as a value may name a time zone.
    pub may_name_time_zone: bool,
    /// What PostgreSQL holds while it reads a text as a value.
    pub held: InputHeld,
    /// What PostgreSQL holds while it reads a text as an array of values.
    pub element: ElementInput,
    /// What SQL/JSON may return as this type.
    pub returning: Returning,
}

impl DataType {
    pub(super) fn parse(line: &'static str) -> Result<Self, RowError> {
        let [
            name,
            sql,
            schema,
            size,
            modifier,
            number,
            digits,
            document,
            zone,
            held,
            element,
            returning,
        ] = cells(line)?;
        if sql.is_empty() {
            return Err(unknown("sql", sql));
        }
        Ok(Self {
            name,
            sql,
            schema: Word::parse("schema", schema)?,
            size: TypeSizeRule::parse(size)?,
            modifier: Word::parse("modifier", modifier)?,
            may_parse_as_number: flag("number", number, ["never", "always"])?,
            digits: Word::parse("digits", digits)?,
            document: Word::parse("document", document)?,
            may_name_time_zone: flag("zone", zone, ["-", "text"])?,
            held: Word::parse("held", held)?,
            element: Word::parse("element", element)?,
            returning: Word::parse("returning", returning)?,
        })
    }
}

/// Reads a cell that says yes or no in these words.
fn flag(column: &str, cell: &str, [no, yes]: [&str; 2]) -> Result<bool, RowError> {
    match cell {
        _ if cell == no => Ok(false),
        _ if cell == yes => Ok(true),
        _ => Err(unknown(column, cell)),
    }
}

/// The schema of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TypeSchema {
    /// A type of PostgreSQL itself.
    PgCatalog,
    /// A type of an extension.
    Public,
}

impl TypeSchema {
    /// The schema's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::PgCatalog => "pg_catalog",
            Self::Public => "public",
        }
    }
}

impl Word for TypeSchema {
    const WORDS: &'static [(&'static str, Self)] =
        &[("pg_catalog", Self::PgCatalog), ("public", Self::Public)];
}

/// An upper bound for the size of a value that is read from a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TypeSizeRule {
    /// A fixed-size value: some tens of bytes, however long the text is.
    Fixed,
    /// At most the size of the text, multiplied by this factor.
    TextTimes(u64),
    /// A JSON path, which is refused outside of the call that uses it.
    Path,
    /// The type has a rule of its own in `cost::cast`.
    Custom,
}

impl TypeSizeRule {
    fn parse(cell: &str) -> Result<Self, RowError> {
        Ok(match cell {
            "fixed" => Self::Fixed,
            "path" => Self::Path,
            "custom" => Self::Custom,
            other => {
                let times = other.strip_prefix("text*");
                let times = times.and_then(|times| times.parse().ok());
                Self::TextTimes(times.ok_or_else(|| unknown("size", other))?)
            }
        })
    }
}

/// What the number in parentheses behind the name of a type does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Modifier {
    /// The type takes none.
    None,
    /// It rounds a time.
    Precision,
    /// It limits the length of a value.
    Max,
    /// It is a length to which values are extended.
    Pad,
}

impl Word for Modifier {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("-", Self::None),
        ("precision", Self::Precision),
        ("max", Self::Max),
        ("pad", Self::Pad),
    ];
}

/// Whether the values of a type have numbers of any number of digits. A short text can denote a
/// long number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digits {
    /// They have none.
    None,
    /// A value is one.
    One,
    /// A value may have many.
    Some,
}

impl Word for Digits {
    const WORDS: &'static [(&'static str, Self)] =
        &[("-", Self::None), ("one", Self::One), ("some", Self::Some)];
}

/// Whether the values of a type are documents, which operators rebuild as a tree of nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TypeDocument {
    /// Neither JSON nor a `tsquery`: a value that operators copy.
    Flat,
    /// JSON.
    Json,
    /// A `tsquery`.
    Tsquery,
}

impl Word for TypeDocument {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("flat", Self::Flat),
        ("json", Self::Json),
        ("tsquery", Self::Tsquery),
    ];
}

/// What PostgreSQL holds beyond text and value while it reads a text as a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputHeld {
    /// Nothing.
    Nothing,
    /// The values that it consists of, each read from a text of its own.
    Elements,
    /// The words of the text.
    Words,
    /// A tree of the document.
    Json,
}

impl Word for InputHeld {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("-", Self::Nothing),
        ("elements", Self::Elements),
        ("words", Self::Words),
        ("json", Self::Json),
    ];
}

/// What PostgreSQL holds for each element while it reads a text as an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ElementInput {
    /// Nothing is known. This is always safe.
    Any,
    /// The value: the type's input function allocates nothing else.
    Value,
}

impl Word for ElementInput {
    const WORDS: &'static [(&'static str, Self)] = &[("any", Self::Any), ("value", Self::Value)];
}

/// What SQL/JSON may return as a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Returning {
    /// Nothing.
    Nothing,
    /// A value of a document.
    Value,
    /// A document, or a value of one.
    Document,
}

impl Word for Returning {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("-", Self::Nothing),
        ("value", Self::Value),
        ("document", Self::Document),
    ];
}
