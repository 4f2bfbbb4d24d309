use std::fmt;

use super::allow_list::nearest_function;
use super::hints;
use super::relations::{RELATIONS, SCHEMA, nearest_table, relation};

/// Why a statement may not run. The text is written for the client: it repeats names from the client's own statement
/// and nothing else.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
pub struct Refusal {
    rule: Rule,
    what: String,
    mend: String,
    at: Place,
    /// The part of the line around the place, for a text that does not parse.
    snippet: Option<String>,
}

/// Which rule a statement broke; safe to log, unlike the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Text too long, nested too deeply, or holding a NUL: it has not been looked at.
    Size,
    /// It could cost the database too much.
    Cost,
    /// Not SQL.
    Syntax,
    /// Not exactly one query.
    Statement,
    /// A construct that no query here needs.
    Construct,
    /// A table that is not exposed.
    Relation,
    /// A function outside the list.
    Function,
    /// An operator outside the list.
    Operator,
    /// A type outside the list.
    Type,
    /// A name that is no column, or a system's own.
    Column,
}

impl Rule {
    /// Its name, in logs and in the audit trail.
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

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Nowhere,
    /// Bytes from the beginning, as the parser counts.
    Byte(i32),
    Line {
        line: usize,
        column: usize,
    },
}

impl Refusal {
    pub(super) fn new(rule: Rule, what: impl AsRef<str>, mend: impl AsRef<str>) -> Self {
        Self {
            rule,
            what: visible(what.as_ref()),
            mend: visible(mend.as_ref()),
            at: Place::Nowhere,
            snippet: None,
        }
    }

    /// The rule that was broken.
    #[must_use]
    pub fn rule(&self) -> Rule {
        self.rule
    }

    /// Where in the text; negative when the parser kept no place.
    pub(super) fn at(mut self, byte: i32) -> Self {
        if byte >= 0 && self.at == Place::Nowhere {
            self.at = Place::Byte(byte);
        }
        self
    }

    /// Turns the byte into line and column of the text, both counted from 1.
    pub(super) fn locate(mut self, text: &str) -> Self {
        if let Place::Byte(byte) = self.at {
            let place = usize::try_from(byte)
                .ok()
                .and_then(|byte| line_and_column(text, byte));
            self.at = place.map_or(Place::Nowhere, |(line, column)| Place::Line {
                line,
                column,
            });
        }
        self
    }

    pub(super) fn too_long(bytes: usize, longest: usize) -> Self {
        Self::new(
            Rule::Size,
            format!("the SQL text has {bytes} bytes"),
            format!("the most is {longest}; ask in smaller steps"),
        )
    }

    pub(super) fn nul() -> Self {
        Self::new(
            Rule::Size,
            "the SQL text holds a NUL byte",
            "PostgreSQL has no such character; leave it out",
        )
    }

    pub(super) fn not_one_statement(count: usize) -> Self {
        let what = if count == 0 {
            "there is no statement".to_owned()
        } else {
            format!("there are {count} statements")
        };
        Self::new(Rule::Statement, what, "send exactly one SELECT")
    }

    pub(super) fn not_a_query() -> Self {
        Self::new(
            Rule::Statement,
            "only reading is possible here",
            "send one SELECT, WITH … SELECT, VALUES or TABLE statement",
        )
    }

    pub(super) fn too_deep() -> Self {
        Self::new(
            Rule::Size,
            "the query is nested too deeply",
            "flatten it, for example with WITH clauses that follow one another",
        )
    }

    pub(super) fn unprintable() -> Self {
        Self::new(
            Rule::Construct,
            "this statement cannot be run exactly as it is written",
            "write it in a plainer way: no quoted names that you do not need, casts as x::type",
        )
    }

    pub(super) fn construct(name: &str) -> Self {
        Self::construct_but(
            name,
            "write the query as a plain SELECT over the retail tables",
        )
    }

    /// A construct that another one stands in for.
    pub(super) fn construct_but(name: &str, mend: impl AsRef<str>) -> Self {
        Self::new(Rule::Construct, format!("{name} is not allowed"), mend)
    }

    /// A table that is none of those that may be read.
    pub(super) fn unknown_table(schema: &str, name: &str) -> Self {
        let dot = if schema.is_empty() { "" } else { "." };
        // Oracle's and MySQL's table of one row.
        let nearest = if name.eq_ignore_ascii_case("dual") {
            "leave FROM out; ".to_owned()
        } else {
            nearest_table(name).map_or_else(String::new, |table| format!("did you mean {table}? "))
        };
        let tables: Vec<String> = RELATIONS
            .iter()
            .map(|relation| format!("{SCHEMA}.{}", relation.name))
            .collect();
        Self::new(
            Rule::Relation,
            format!("there is no table {schema}{dot}{name} here"),
            format!("{nearest}the tables are {}", tables.join(", ")),
        )
    }

    /// A table of the list, named with a database that is not this one's.
    pub(super) fn other_database(database: &str, schema: &str, name: &str) -> Self {
        Self::new(
            Rule::Relation,
            format!("there is no table {database}.{schema}.{name} here"),
            format!("leave the database's name out: {SCHEMA}.{name}"),
        )
    }

    /// A function outside the list.
    pub(super) fn unknown_function(name: &[&str]) -> Self {
        let what = format!("the function {} is not allowed", name.join("."));
        let last = name.last().copied().unwrap_or_default();
        if relation(last).is_some() {
            let hint = format!("it is a table; write {SCHEMA}.{last}, with no parentheses behind");
            return Self::new(Rule::Function, what, hint);
        }
        if let Some(hint) = hints::foreign(hints::ForeignKind::Function, last) {
            return Self::new(Rule::Function, what, hint);
        }
        let nearest = nearest_function(last)
            .map_or_else(String::new, |function| format!("did you mean {function}? "));
        Self::new(
            Rule::Function,
            what,
            format!(
                "{nearest}use aggregates, window, date, text, number, array or JSON functions that work on their arguments alone"
            ),
        )
    }

    /// What the parser itself refused.
    pub(super) fn of_parser(text: &str, error: &pg_query::Error) -> Self {
        match error {
            // A tree deeper than the decoder's limit, or than the parser's stack.
            pg_query::Error::Decode(_) => Self::too_deep(),
            pg_query::Error::Parse(message)
                if message.contains("nested too deeply")
                    || message.contains("memory exhausted")
                    || message.contains("stack depth") =>
            {
                Self::too_deep()
            }
            pg_query::Error::Parse(message) => {
                let found = hints::syntax_error(text, message);
                let hint = found.hint.unwrap_or_else(|| CORRECT_AND_RESEND.to_owned());
                let refusal = Self {
                    snippet: found.snippet.map(|snippet| visible(&snippet)),
                    ..Self::new(Rule::Syntax, message, hint)
                };
                let byte = found.byte.and_then(|byte| i32::try_from(byte).ok());
                refusal.at(byte.unwrap_or(-1)).locate(text)
            }
            pg_query::Error::Conversion(_) => Self::nul(),
            pg_query::Error::InvalidJson(_)
            | pg_query::Error::InvalidPointer
            | pg_query::Error::Scan(_)
            | pg_query::Error::IsUtility(_)
            | pg_query::Error::Split(_) => {
                Self::new(Rule::Syntax, "the SQL cannot be read", CORRECT_AND_RESEND)
            }
        }
    }
}

const CORRECT_AND_RESEND: &str = "correct the SQL and send it again";

/// The most bytes of one half of a refusal: the parser repeats a literal of any length.
const MOST_SHOWN: usize = 700;

/// A text that may repeat the client's, in characters that show themselves: what would steer a terminal, or turn the order of
/// what follows, is written as its number. A long text is cut.
#[must_use]
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len().min(MOST_SHOWN));
    for character in text.chars() {
        // What is written counts: a number takes more room than its character.
        if shown.len() >= MOST_SHOWN {
            shown.push('…');
            break;
        }
        let turns = matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if character.is_control() || turns {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Line and column of a byte of a text, both from 1, the column in characters.
#[must_use]
pub fn line_and_column(text: &str, byte: usize) -> Option<(usize, usize)> {
    let before = text.get(..byte)?;
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    Some((line, column))
}

/// Without the text: it repeats the client's.
impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refusal")
            .field("rule", &self.rule)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if let Place::Line { line, column } = self.at {
            write!(f, " (line {line}, column {column}")?;
            if let Some(snippet) = &self.snippet {
                write!(f, ": {snippet}")?;
            }
            f.write_str(")")?;
        }
        write!(f, "; {}", self.mend)
    }
}
