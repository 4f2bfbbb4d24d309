//! Functions, types and operators of other databases, and what does the same here: data, read from
//! `foreign.txt`.

use std::sync::LazyLock;

use super::callable::is_callable;
use super::example::render;
use crate::allowed::Allowed;

/// The remark that is replaced by what the schema says of searches by meaning.
const SEARCH: &str = "{search}";

const FOREIGN_FILE: &str = include_str!("foreign.txt");

/// What a name of another database stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ForeignKind {
    /// A function.
    Function,
    /// A type, in a cast.
    Type,
    /// An operator.
    Operator,
    /// A word that stands for a value in another database and for a column in PostgreSQL.
    Word,
}

impl ForeignKind {
    fn from_section(section: &str) -> Self {
        match section {
            "[functions]" => Self::Function,
            "[types]" => Self::Type,
            "[operators]" => Self::Operator,
            "[words]" => Self::Word,
            _ => unreachable!("a test parses the file"),
        }
    }
}

/// Names of other databases, or names of PostgreSQL that are not on the allow-list, with an example
/// that does the same here.
#[derive(Debug)]
pub(super) struct ForeignName {
    /// What the names stand for.
    kind: ForeignKind,
    /// The names, in lower case, separated by spaces.
    names: &'static str,
    /// The template of a statement that begins with SELECT, or of an expression.
    pub(super) example: &'static str,
    /// A remark on the example.
    note: Option<&'static str>,
}

/// All entries of `foreign.txt`.
pub(super) static FOREIGN_NAMES: LazyLock<Vec<ForeignName>> = LazyLock::new(|| {
    let mut kind = ForeignKind::Function;
    let mut entries = Vec::new();
    for line in FOREIGN_FILE.lines().filter(|line| !line.starts_with("# ")) {
        if line.starts_with('[') {
            kind = ForeignKind::from_section(line);
        } else if let Some((names, rest)) = line.split_once(" => ") {
            let (example, note) = match rest.split_once(" ## ") {
                Some((example, note)) => (example, Some(note)),
                None => (rest, None),
            };
            entries.push(ForeignName {
                kind,
                names,
                example,
                note,
            });
        }
    }
    entries
});

/// The hint for a name of another database, if it is known.
pub(crate) fn hint(allowed: Allowed<'_>, kind: ForeignKind, name: &str) -> Option<String> {
    let is_named = |entry: &&ForeignName| {
        entry.kind == kind && entry.names.split(' ').any(|other| other == name)
    };
    let entry = FOREIGN_NAMES.iter().find(is_named)?;
    if !is_callable(allowed.functions, entry.example) {
        return None;
    }
    let note = match entry.note {
        Some(SEARCH) => allowed.schema.search_hint(),
        note => note,
    };
    let note = note.map_or_else(String::new, |note| format!(" ({note})"));
    let example = render(allowed.schema, entry.example);
    Some(format!("use for example {example}{note}"))
}
