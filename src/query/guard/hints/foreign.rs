//! What people bring along from other databases, and what does the same here: data, read from
//! `foreign.txt`.

use std::sync::LazyLock;

const FOREIGN_FILE: &str = include_str!("foreign.txt");

/// What is written in a statement and is not on the lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForeignKind {
    /// A function.
    Function,
    /// A type of a cast.
    Type,
    /// An operator.
    Operator,
    /// A word that is a value elsewhere, where PostgreSQL looks for a column.
    Word,
}

impl ForeignKind {
    fn of_section(section: &str) -> Self {
        match section {
            "[functions]" => Self::Function,
            "[types]" => Self::Type,
            "[operators]" => Self::Operator,
            "[words]" => Self::Word,
            _ => unreachable!("a test reads the file"),
        }
    }
}

/// Names of other databases (or of PostgreSQL, outside the lists), with one form that does the same
/// here.
#[derive(Debug)]
pub struct Foreign {
    /// What they name.
    pub kind: ForeignKind,
    /// The names, in lower case, with a space between them.
    pub names: &'static str,
    /// A statement that begins with SELECT, or an expression over the columns of orders,
    /// order_items, products and stores.
    pub form: &'static str,
    /// What else to know.
    note: Option<&'static str>,
}

/// All of them.
pub static FOREIGN: LazyLock<Vec<Foreign>> = LazyLock::new(|| {
    let mut kind = ForeignKind::Function;
    let mut entries = Vec::new();
    for line in FOREIGN_FILE.lines().filter(|line| !line.starts_with("# ")) {
        if line.starts_with('[') {
            kind = ForeignKind::of_section(line);
        } else if let Some((names, rest)) = line.split_once(" => ") {
            let (form, note) = match rest.split_once(" ## ") {
                Some((form, note)) => (form, Some(note)),
                None => (rest, None),
            };
            entries.push(Foreign {
                kind,
                names,
                form,
                note,
            });
        }
    }
    entries
});

/// What to write instead of a name.
pub(in crate::query::guard) fn hint(kind: ForeignKind, name: &str) -> Option<String> {
    let is_named =
        |entry: &&Foreign| entry.kind == kind && entry.names.split(' ').any(|other| other == name);
    let entry = FOREIGN.iter().find(is_named)?;
    let note = entry
        .note
        .map_or_else(String::new, |note| format!(" ({note})"));
    Some(format!("use for example {}{note}", entry.form))
}
