//! The tables and columns that a client may read, and how long their values can be: data, read from `relations.txt`.

use std::sync::LazyLock;

/// The schema whose tables a client may read.
pub(super) const SCHEMA: &str = "retail";

/// What models take for the database's name: the default of `POSTGRES_DB`.
pub(super) const DATABASE: &str = "zava";

const RELATIONS_FILE: &str = include_str!("relations.txt");

/// A table that a client may read.
#[derive(Debug, PartialEq, Eq)]
pub struct Relation {
    /// Its name, without the schema.
    pub name: &'static str,
    /// Its columns, in order.
    pub columns: Vec<RelationColumn>,
    /// The columns of its primary key.
    pub key: Vec<&'static str>,
    /// Columns of the table that a client may not read.
    pub withheld: Vec<&'static str>,
}

/// A column that a client may read.
#[derive(Debug, PartialEq, Eq)]
pub struct RelationColumn {
    /// Its name.
    pub name: &'static str,
    /// What one value is taken to hold at most, in bytes.
    pub bytes: u64,
}

/// All of them, in the order they are shown.
pub static RELATIONS: LazyLock<Vec<Relation>> = LazyLock::new(|| {
    RELATIONS_FILE
        .lines()
        .filter_map(|line| line.split_once(": ").filter(|_| !line.starts_with('#')))
        .map(|(name, columns)| Relation {
            name,
            columns: columns.split(", ").filter_map(column).collect(),
            key: columns.split(", ").filter_map(key).collect(),
            withheld: columns
                .split(", ")
                .filter_map(|text| text.strip_prefix('-'))
                .collect(),
        })
        .collect()
});

/// The table of a name, without its schema.
pub(super) fn relation(name: &str) -> Option<&'static Relation> {
    RELATIONS.iter().find(|relation| relation.name == name)
}

/// What somebody may have meant by a table's name that is not here.
pub(super) fn nearest_table(name: &str) -> Option<String> {
    let name = name.to_lowercase();
    nearest(&name, RELATIONS.iter().map(|relation| relation.name))
        .map(|table| format!("{SCHEMA}.{table}"))
}

/// Below this two names have too little in common to be meant for each other.
const ALIKE: f64 = 0.8;

/// The name that is nearly the same.
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|other| (other, strsim::jaro_winkler(name, other)))
        .filter(|(_, likeness)| *likeness >= ALIKE)
        .max_by(|(_, one), (_, other)| one.total_cmp(other))
        .map(|(other, _)| other)
}

fn column(text: &'static str) -> Option<RelationColumn> {
    let (name, bytes) = text.split_once(' ')?;
    Some(RelationColumn {
        name: name.trim_start_matches('*'),
        bytes: bytes.parse().expect("a test reads the file"),
    })
}

fn key(text: &'static str) -> Option<&'static str> {
    let (name, _) = text.strip_prefix('*')?.split_once(' ')?;
    Some(name)
}
