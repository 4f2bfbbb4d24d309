//! The tables and columns that a client may read, and the longest values of the columns: data, read
//! from `relations.txt`.

use std::sync::LazyLock;

/// The schema whose tables a client may read.
pub(super) const SCHEMA: &str = "retail";

/// The database name that models write in front of a schema: the default of `POSTGRES_DB`.
pub(super) const DATABASE: &str = "zava";

const RELATIONS_FILE: &str = include_str!("relations.txt");

/// A table that a client may read.
#[derive(Debug, PartialEq, Eq)]
pub struct Relation {
    /// The table's name, without the schema.
    pub name: &'static str,
    /// The columns that a client may read, in the order of the table.
    pub columns: Vec<RelationColumn>,
    /// The columns of the primary key.
    pub key: Vec<&'static str>,
    /// The columns of the table that a client may not read.
    pub withheld: Vec<&'static str>,
}

/// A column that a client may read.
#[derive(Debug, PartialEq, Eq)]
pub struct RelationColumn {
    /// The column's name.
    pub name: &'static str,
    /// The assumed size of the longest value, in bytes.
    pub max_bytes: u64,
}

/// All tables that a client may read, in the order in which they are shown.
pub static RELATIONS: LazyLock<Vec<Relation>> = LazyLock::new(|| {
    RELATIONS_FILE
        .lines()
        .filter_map(|line| line.split_once(": ").filter(|_| !line.starts_with('#')))
        .map(|(name, columns)| Relation {
            name,
            columns: columns.split(", ").filter_map(parse_column).collect(),
            key: columns.split(", ").filter_map(parse_key).collect(),
            withheld: columns
                .split(", ")
                .filter_map(|text| text.strip_prefix('-'))
                .collect(),
        })
        .collect()
});

/// The table of this name, which is given without the schema.
pub(super) fn relation(name: &str) -> Option<&'static Relation> {
    RELATIONS.iter().find(|relation| relation.name == name)
}

/// The table whose name is most similar to an unknown one, with its schema.
pub(super) fn nearest_table(name: &str) -> Option<String> {
    let name = name.to_lowercase();
    nearest(&name, RELATIONS.iter().map(|relation| relation.name))
        .map(|table| format!("{SCHEMA}.{table}"))
}

/// Least Jaro-Winkler similarity of a name that is suggested for an unknown one.
const MIN_SIMILARITY: f64 = 0.8;

/// The known name that is most similar to `name`, if any is similar enough.
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|other| (other, strsim::jaro_winkler(name, other)))
        .filter(|(_, similarity)| *similarity >= MIN_SIMILARITY)
        .max_by(|(_, one), (_, other)| one.total_cmp(other))
        .map(|(other, _)| other)
}

fn parse_column(text: &'static str) -> Option<RelationColumn> {
    let (name, bytes) = text.split_once(' ')?;
    Some(RelationColumn {
        name: name.trim_start_matches('*'),
        max_bytes: bytes.parse().expect("a test parses the file"),
    })
}

fn parse_key(text: &'static str) -> Option<&'static str> {
    let (name, _) = text.strip_prefix('*')?.split_once(' ')?;
    Some(name)
}
