//! Refusals: why a statement may not run, where, and what to write instead.

use std::fmt;

use super::allowed::Allowed;
use super::hints;
use super::schema::Schema;

/// Why a statement may not run: a message that says what is wrong, and a hint that says what to
/// write instead.
///
/// Both are written for the client. They repeat names from the client's own statement and hold no
/// data of the database. [`Display`](fmt::Display) writes `message (line 1, column 8); hint`.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
pub struct Refusal {
    rule: Rule,
    message: String,
    hint: Hint,
    location: Location,
    /// The part of the line around the location, for a text that does not parse.
    snippet: Option<String>,
}

/// Which rule a statement broke; safe to log, unlike the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The text is too long, is nested too deeply or contains a NUL byte; nothing else was checked.
    Size,
    /// The statement could use too much of the database's memory or time.
    Cost,
    /// The text is not valid SQL.
    Syntax,
    /// The text is not exactly one query.
    Statement,
    /// A construct outside the supported subset of SQL.
    Construct,
    /// A table that clients may not read.
    Relation,
    /// A function that is not on the allow-list.
    Function,
    /// An operator that is not on the allow-list.
    Operator,
    /// A type or collation that is not on the allow-list.
    Type,
    /// A column that does not exist, or a system column.
    Column,
}

impl Rule {
    /// The rule's name in logs and in the audit log.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Size => "size",
            Self::Cost => "cost",
            Self::Syntax => "syntax",
            Self::Statement => "statement",
            Self::Construct => "construct",
            Self::Relation => "relation",
            Self::Function => "function",
            Self::Operator => "operator",
            Self::Type => "type",
            Self::Column => "column",
        }
    }
}

#[derive(Clone, PartialEq, Eq)]
enum Hint {
    Text(String),
    /// To write the query as a plain SELECT. [`Refusal::complete`] adds the name of the schema.
    PlainSelect,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Location {
    /// The parser recorded none.
    Unknown,
    /// A byte offset in the text, as the parser reports it.
    Byte(i32),
    /// Both count from 1.
    Line { line: usize, column: usize },
}

impl Refusal {
    pub(super) fn new(rule: Rule, message: impl AsRef<str>, hint: impl AsRef<str>) -> Self {
        Self {
            rule,
            message: visible(message.as_ref()),
            hint: Hint::Text(visible(hint.as_ref())),
            location: Location::Unknown,
            snippet: None,
        }
    }

    /// The rule that the statement broke.
    #[must_use]
    pub fn rule(&self) -> Rule {
        self.rule
    }

    /// Adds a byte offset, unless the refusal has one. A negative offset means that the parser
    /// recorded none.
    pub(super) fn at(mut self, byte: i32) -> Self {
        if byte >= 0 && self.location == Location::Unknown {
            self.location = Location::Byte(byte);
        }
        self
    }

    /// Converts the byte offset to a line and column of `text`.
    pub(super) fn locate(mut self, text: &str) -> Self {
        if let Location::Byte(byte) = self.location {
            let location = usize::try_from(byte)
                .ok()
                .and_then(|byte| line_and_column(text, byte));
            self.location = location.map_or(Location::Unknown, |(line, column)| Location::Line {
                line,
                column,
            });
        }
        self
    }

    /// Adds to the hint what only the schema determines.
    pub(super) fn complete(self, schema: &Schema) -> Self {
        let hint = match self.hint {
            Hint::PlainSelect => {
                Hint::Text(format!("{PLAIN_SELECT} over the {} tables", schema.name()))
            }
            text @ Hint::Text(_) => text,
        };
        Self { hint, ..self }
    }

    pub(super) fn too_long(bytes: usize, max_bytes: usize) -> Self {
        Self::new(
            Rule::Size,
            format!("the SQL text is {bytes} bytes long"),
            format!("at most {max_bytes} bytes are allowed; split it into smaller queries"),
        )
    }

    pub(super) fn nul_byte() -> Self {
        Self::new(
            Rule::Size,
            "the SQL text contains a NUL byte",
            "PostgreSQL text cannot contain NUL; remove it",
        )
    }

    pub(super) fn not_one_statement(count: usize) -> Self {
        let message = if count == 0 {
            "the SQL text contains no statement".to_owned()
        } else {
            format!("the SQL text contains {count} statements")
        };
        Self::new(Rule::Statement, message, "send exactly one SELECT")
    }

    pub(super) fn not_a_query() -> Self {
        Self::new(
            Rule::Statement,
            "only read-only queries are allowed",
            "send one SELECT, WITH … SELECT, VALUES or TABLE statement",
        )
    }

    pub(super) fn too_deep() -> Self {
        Self::new(
            Rule::Size,
            "the query is nested too deeply",
            "flatten it, for example into a sequence of WITH queries",
        )
    }

    pub(super) fn unprintable() -> Self {
        Self::new(
            Rule::Construct,
            "this statement cannot be run exactly as written",
            "simplify it: remove unnecessary quoted names, and write casts as x::type",
        )
    }

    pub(super) fn construct(name: &str) -> Self {
        Self {
            hint: Hint::PlainSelect,
            ..Self::construct_with_hint(name, "")
        }
    }

    /// A construct for which there is an alternative, which `hint` describes.
    pub(super) fn construct_with_hint(name: &str, hint: impl AsRef<str>) -> Self {
        Self::new(Rule::Construct, format!("{name} is not allowed"), hint)
    }

    /// A table that clients may not read. Whether it exists makes no difference to the text.
    pub(super) fn unknown_table(schema: &Schema, qualifier: &str, name: &str) -> Self {
        let dot = if qualifier.is_empty() { "" } else { "." };
        // In Oracle and MySQL, `dual` is a table of one row for a SELECT without a real table.
        let nearest = if name.eq_ignore_ascii_case("dual") {
            "omit FROM; ".to_owned()
        } else {
            let nearest = schema.nearest_table(name);
            nearest.map_or_else(String::new, |table| format!("did you mean {table}? "))
        };
        Self::new(
            Rule::Relation,
            format!("table {qualifier}{dot}{name} is not available"),
            format!("{nearest}available tables: {}", schema.table_list()),
        )
    }

    /// A table of the allow-list, qualified with the name of another database.
    pub(super) fn other_database(database: &str, schema: &Schema, name: &str) -> Self {
        let table = schema.qualified(name);
        Self::new(
            Rule::Relation,
            format!("table {database}.{table} is not available"),
            format!("omit the database name: {table}"),
        )
    }

    /// A function that is not on the allow-list.
    pub(super) fn unknown_function(allowed: Allowed<'_>, name: &[&str]) -> Self {
        let message = format!("the function {} is not allowed", name.join("."));
        let last = name.last().copied().unwrap_or_default();
        if allowed.schema.relation(last).is_some() {
            let table = allowed.schema.qualified(last);
            let hint = format!("it is a table; write {table}, without parentheses");
            return Self::new(Rule::Function, message, hint);
        }
        if let Some(hint) = hints::foreign_name(allowed, hints::ForeignKind::Function, last) {
            return Self::new(Rule::Function, message, hint);
        }
        let nearest = allowed
            .functions
            .nearest(last)
            .map_or_else(String::new, |function| format!("did you mean {function}? "));
        Self::new(
            Rule::Function,
            message,
            format!("{nearest}{USE_ANOTHER_FUNCTION}"),
        )
    }

    /// A function that is withheld from statements, and that this syntax of SQL calls.
    pub(super) fn withheld_function(name: &str, syntax: &str) -> Self {
        Self::new(
            Rule::Function,
            format!("the function {name} is not allowed"),
            format!("{syntax} calls it; {USE_ANOTHER_FUNCTION}"),
        )
    }

    /// An error of the parser.
    pub(super) fn from_parser(allowed: Allowed<'_>, text: &str, error: &pg_query::Error) -> Self {
        match error {
            // The tree is deeper than the decoder's recursion limit, or than the parser's stack.
            pg_query::Error::Decode(_) => Self::too_deep(),
            pg_query::Error::Parse(message)
                if message.contains("nested too deeply")
                    || message.contains("memory exhausted")
                    || message.contains("stack depth") =>
            {
                Self::too_deep()
            }
            pg_query::Error::Parse(message) => {
                let found = hints::syntax_error(allowed, text, message);
                let hint = found.hint.unwrap_or_else(|| CORRECT_AND_RESEND.to_owned());
                let refusal = Self {
                    snippet: found.snippet.map(|snippet| visible(&snippet)),
                    ..Self::new(Rule::Syntax, message, hint)
                };
                let byte = found.byte.and_then(|byte| i32::try_from(byte).ok());
                refusal.at(byte.unwrap_or(-1)).locate(text)
            }
            pg_query::Error::Conversion(_) => Self::nul_byte(),
            pg_query::Error::InvalidJson(_)
            | pg_query::Error::InvalidPointer
            | pg_query::Error::Scan(_)
            | pg_query::Error::IsUtility(_)
            | pg_query::Error::Split(_) => {
                Self::new(Rule::Syntax, "the SQL cannot be parsed", CORRECT_AND_RESEND)
            }
        }
    }
}

const PLAIN_SELECT: &str = "write the query as a plain SELECT";

const USE_ANOTHER_FUNCTION: &str = "use an aggregate, window, date, text, numeric, array or JSON function that depends only on its arguments";

const CORRECT_AND_RESEND: &str = "correct the SQL and send it again";

/// Longest message or hint of a refusal. The parser's own message repeats a literal of any length.
const MAX_SHOWN_BYTES: usize = 700;

/// A text that may repeat the client's, made safe to display: control characters, which could steer
/// a terminal, and marks that change the writing direction are replaced by `\u{…}` escapes. Text
/// beyond 700 bytes (`MAX_SHOWN_BYTES`) is replaced by `…`.
#[must_use]
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len().min(MAX_SHOWN_BYTES));
    for character in text.chars() {
        // The limit applies to the output, because an escape is longer than its character.
        if shown.len() >= MAX_SHOWN_BYTES {
            shown.push('…');
            break;
        }
        let is_direction_mark = matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if character.is_control() || is_direction_mark {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Line and column of a byte offset in a text. Both count from 1; columns count characters. `None`
/// if the offset is not on a character boundary or lies beyond the text.
#[must_use]
pub fn line_and_column(text: &str, byte: usize) -> Option<(usize, usize)> {
    let before = text.get(..byte)?;
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    Some((line, column))
}

/// Omits message and hint, which repeat parts of the client's text.
impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refusal")
            .field("rule", &self.rule)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Location::Line { line, column } = self.location {
            write!(f, " (line {line}, column {column}")?;
            if let Some(snippet) = &self.snippet {
                write!(f, ": {snippet}")?;
            }
            f.write_str(")")?;
        }
        let hint = match &self.hint {
            Hint::Text(text) => text.as_str(),
            Hint::PlainSelect => PLAIN_SELECT,
        };
        write!(f, "; {hint}")
    }
}
