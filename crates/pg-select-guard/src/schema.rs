//! The tables and columns that a client may read, and the longest values of the columns.

use std::sync::Arc;

/// What clients may read: tables of one schema.
///
/// ```
/// use pg_select_guard::Schema;
///
/// let schema = Schema::parse(
///     "shop",
///     "orders: *order_id 8, customer_id 8, total 16\n\
///      customers: *customer_id 8, name 64, -password_hash",
/// )?;
/// let tables = schema.relations().iter().map(|table| table.name.as_str());
/// assert_eq!(tables.collect::<Vec<_>>(), ["orders", "customers"]);
/// # Ok::<(), pg_select_guard::SchemaError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schema {
    name: String,
    database: Option<String>,
    relations: Vec<Arc<Relation>>,
    description_hint: Option<String>,
    search_hint: Option<String>,
}

/// A table that a client may read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relation {
    /// The table's name, without the schema.
    pub name: String,
    /// The columns that a client may read, in the order of the table.
    pub columns: Vec<RelationColumn>,
    /// The columns of the primary key.
    pub key: Vec<String>,
    /// The columns of the table that a client may not read.
    pub withheld: Vec<String>,
}

/// A column that a client may read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelationColumn {
    /// The column's name.
    pub name: String,
    /// The assumed size of the longest value, in bytes.
    pub max_bytes: u64,
    /// What examples in hints use the column as; `None` if they do not show it.
    pub kind: Option<ColumnKind>,
}

/// What a column holds, for the examples in hints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// Texts.
    Text,
    /// Numbers.
    Number,
    /// Dates, with or without a time.
    Date,
    /// Conditions.
    Boolean,
}

impl ColumnKind {
    fn parse(word: &str) -> Result<Self, SchemaError> {
        match word {
            "text" => Ok(Self::Text),
            "number" => Ok(Self::Number),
            "date" => Ok(Self::Date),
            "boolean" => Ok(Self::Boolean),
            _ => Err(SchemaError::Kind(word.to_owned())),
        }
    }
}

/// Why a text is no list of relations.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// A line is not of the form `table: column 8, …`.
    #[error("line {line}: a table is written as `name: *key 4, column 64, day 4 date, -withheld`")]
    Line {
        /// The line, counted from 1.
        line: usize,
    },
    /// A name that PostgreSQL would need quotes for.
    #[error("the name {0:?} needs quotes; only lower-case letters, digits and _ are supported")]
    Name(String),
    /// A kind of a column that does not exist.
    #[error("the kind {0:?} of a column is none of text, number, date, boolean")]
    Kind(String),
}

impl Schema {
    /// Reads the relations of the schema `name` from a text with one line for each table, in the
    /// order in which refusals list them. A line is `table: column, …`, a column is its name and
    /// the assumed size of its longest value in bytes. `*name 4` is a column of the primary key.
    /// `name 4 date` is a column that the examples in hints may show, as a `text`, `number`, `date`
    /// or `boolean`. `-name` is a column that is withheld: for a client it does not exist. Empty
    /// lines, and lines that begin with `#`, are skipped.
    ///
    /// # Errors
    /// [`SchemaError`] if a line has another form, a name needs quotes, or a kind does not exist.
    pub fn parse(name: &str, relations: &str) -> Result<Self, SchemaError> {
        check_name(name)?;
        let lines = relations.lines().enumerate();
        let tables = lines.filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
        let relations = tables.map(|(index, line)| {
            let relation = Relation::parse(line, index + 1)?;
            Ok(Arc::new(relation))
        });
        Ok(Self {
            name: name.to_owned(),
            relations: relations.collect::<Result<_, _>>()?,
            ..Self::default()
        })
    }

    /// Accepts this database's name in front of the schema as well, as in `database.schema.table`.
    /// It is removed from the statement that runs.
    #[must_use]
    pub fn with_database(self, name: &str) -> Self {
        Self {
            database: Some(name.to_owned()),
            ..self
        }
    }

    /// Answers statements that describe tables, such as `DESCRIBE orders`, with this hint. Without
    /// it, the hint lists the tables.
    #[must_use]
    pub fn with_description_hint(self, hint: &str) -> Self {
        Self {
            description_hint: Some(hint.to_owned()),
            ..self
        }
    }

    /// Adds this remark to hints for functions that compare texts by similarity.
    #[must_use]
    pub fn with_search_hint(self, hint: &str) -> Self {
        Self {
            search_hint: Some(hint.to_owned()),
            ..self
        }
    }

    /// The schema's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// All tables that a client may read, in the order in which they are shown.
    #[must_use]
    pub fn relations(&self) -> &[Arc<Relation>] {
        &self.relations
    }

    /// Whether this is the name of the database.
    pub(super) fn is_database(&self, name: &str) -> bool {
        self.database.as_deref() == Some(name)
    }

    /// The table of this name, which is given without the schema.
    pub(super) fn relation(&self, name: &str) -> Option<&Arc<Relation>> {
        let mut all = self.relations.iter();
        all.find(|relation| relation.name == name)
    }

    /// What to do to see the tables and their columns.
    pub(super) fn description_hint(&self) -> String {
        let listed = || format!("available tables: {}", self.table_list());
        self.description_hint.clone().unwrap_or_else(listed)
    }

    /// How else to search for texts.
    pub(super) fn search_hint(&self) -> Option<&str> {
        self.search_hint.as_deref()
    }

    /// The names of the tables, with the schema, separated by commas.
    pub(super) fn table_list(&self) -> String {
        let relations = self.relations.iter();
        let tables: Vec<String> = relations
            .map(|relation| self.qualified(&relation.name))
            .collect();
        tables.join(", ")
    }

    /// The name of a table with the schema.
    pub(super) fn qualified(&self, table: &str) -> String {
        format!("{}.{table}", self.name)
    }

    /// The table whose name is most similar to an unknown one, with its schema.
    pub(super) fn nearest_table(&self, name: &str) -> Option<String> {
        let known = self.relations.iter().map(|relation| relation.name.as_str());
        nearest(&name.to_lowercase(), known).map(|table| self.qualified(table))
    }
}

impl Relation {
    fn parse(line: &str, number: usize) -> Result<Self, SchemaError> {
        let malformed = SchemaError::Line { line: number };
        let (name, columns) = line.split_once(": ").ok_or_else(|| malformed.clone())?;
        check_name(name)?;
        let mut relation = Self {
            name: name.to_owned(),
            columns: Vec::new(),
            key: Vec::new(),
            withheld: Vec::new(),
        };
        for column in columns.split(", ") {
            if let Some(withheld) = column.strip_prefix('-') {
                check_name(withheld)?;
                relation.withheld.push(withheld.to_owned());
                continue;
            }
            let (name, rest) = column.split_once(' ').ok_or_else(|| malformed.clone())?;
            let (bytes, kind) = match rest.split_once(' ') {
                Some((bytes, kind)) => (bytes, Some(ColumnKind::parse(kind)?)),
                None => (rest, None),
            };
            let key = name.strip_prefix('*');
            let name = key.unwrap_or(name);
            check_name(name)?;
            relation.key.extend(key.map(str::to_owned));
            relation.columns.push(RelationColumn {
                name: name.to_owned(),
                max_bytes: bytes.parse().map_err(|_| malformed.clone())?,
                kind,
            });
        }
        Ok(relation)
    }

    /// The names of the columns that a client may read, separated by commas.
    pub(super) fn column_list(&self) -> String {
        let columns: Vec<&str> = self
            .columns
            .iter()
            .map(|column| column.name.as_str())
            .collect();
        columns.join(", ")
    }
}

fn check_name(name: &str) -> Result<(), SchemaError> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let starts_well = |first: char| first.is_ascii_lowercase() || first == '_';
    if name.bytes().all(is_plain) && name.starts_with(starts_well) {
        return Ok(());
    }
    Err(SchemaError::Name(name.to_owned()))
}

/// Minimum Jaro-Winkler similarity of a name that is suggested for an unknown one.
const MIN_SIMILARITY: f64 = 0.8;

/// The known name that is most similar to `name`, if any is similar enough.
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    closest_match(name, known, MIN_SIMILARITY)
}

/// The known name that is most similar to `name`, if any is as similar as this.
pub(super) fn closest_match<'a>(
    name: &str,
    known: impl Iterator<Item = &'a str>,
    min_similarity: f64,
) -> Option<&'a str> {
    known
        .map(|other| (other, strsim::jaro_winkler(name, other)))
        .filter(|(_, similarity)| *similarity >= min_similarity)
        .max_by(|(_, one), (_, other)| one.total_cmp(other))
        .map(|(other, _)| other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relation_has_columns_a_key_and_withheld_columns() {
        let text = "# comment\n\nowners: *owner_id 4, -secret, name 64 text\n";
        let schema = Schema::parse("zoo", text).expect("well-formed");
        let [owners] = schema.relations() else {
            panic!("{schema:?}")
        };
        assert_eq!(owners.column_list(), "owner_id, name");
        assert_eq!(owners.columns[1].max_bytes, 64);
        assert_eq!(owners.columns[0].kind, None);
        assert_eq!(owners.columns[1].kind, Some(ColumnKind::Text));
        assert_eq!(owners.key, ["owner_id"]);
        assert_eq!(owners.withheld, ["secret"]);
    }

    #[test]
    fn a_malformed_relation_is_an_error() {
        for (text, line) in [
            ("a: b 1\nowners", 2),
            ("owners: name", 1),
            ("owners: name many", 1),
        ] {
            assert_eq!(
                Schema::parse("zoo", text),
                Err(SchemaError::Line { line }),
                "{text}"
            );
        }
        for text in [
            "Owners: name 1",
            "owners: na-me 1",
            "owners: 1st 1",
            ": a 1",
        ] {
            let parsed = Schema::parse("zoo", text);
            assert!(matches!(parsed, Err(SchemaError::Name(_))), "{text}");
        }
        assert!(Schema::parse("Zoo", "").is_err());
        for kind in ["", "texts", "Text", "text text"] {
            let parsed = Schema::parse("zoo", &format!("owners: name 64 {kind}"));
            assert_eq!(parsed, Err(SchemaError::Kind(kind.to_owned())));
        }
    }
}
