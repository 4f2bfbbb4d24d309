//! Examples of hints: templates that are written over the tables of the schema.
//!
//! A template has placeholders for one table and its columns, such as `SELECT {text} FROM {table}`.
//! The first table that has them all is shown. If no table has them, or the schema does not say
//! what its columns hold, they become names that belong to no schema.

use crate::schema::{ColumnKind, Relation, Schema};

/// The placeholders, each with its name if no table has what a template needs.
static PLACEHOLDERS: [(&str, &str); 11] = [
    // The table, and the only column of its primary key.
    ("{table}", "items"),
    ("{key}", "item_id"),
    // Its first column of each kind, and the second with numbers.
    ("{text}", "name"),
    ("{number}", "price"),
    ("{number2}", "cost"),
    ("{date}", "day"),
    ("{boolean}", "is_active"),
    // Columns that are the primary key of another table.
    ("{group}", "category_id"),
    ("{group2}", "type_id"),
    // The table whose key the group is, and its first column with texts.
    ("{parent}", "categories"),
    ("{parent_text}", "name"),
];

/// Replaces the placeholders of a template.
pub(super) fn render(schema: &Schema, template: &str) -> String {
    let needed = || {
        PLACEHOLDERS
            .iter()
            .filter(move |(name, _)| template.contains(name))
    };
    let names = schema.relations().iter().find_map(|table| {
        let columns = Columns::new(schema, table, template);
        let names =
            needed().map(|(placeholder, _)| Some((*placeholder, columns.name(placeholder)?)));
        names.collect::<Option<Vec<_>>>()
    });
    let names = names.unwrap_or_else(|| {
        let neutral = needed().map(|(placeholder, name)| (*placeholder, (*name).to_owned()));
        neutral.collect()
    });
    let replace =
        |text: String, (placeholder, name): &(&str, String)| text.replace(placeholder, name);
    names.iter().fold(template.to_owned(), replace)
}

/// The statement of an example, which may be an expression over the columns of one table.
pub(super) fn statement(schema: &Schema, template: &str) -> String {
    let begins = ["SELECT ", "WITH ", "(SELECT "];
    let is_statement = begins.iter().any(|begin| template.starts_with(begin));
    let has_column = PLACEHOLDERS.iter().any(|(name, _)| template.contains(name));
    match (is_statement, has_column) {
        (true, _) => render(schema, template),
        (false, false) => format!("SELECT {template}"),
        (false, true) => {
            let from = "FROM (SELECT * FROM {table} LIMIT 10) AS t";
            render(schema, &format!("SELECT {template} {from}"))
        }
    }
}

/// The columns of a table that a template may show.
struct Columns<'a> {
    schema: &'a Schema,
    table: &'a Relation,
    /// Columns that are the primary key of another table, and that table.
    groups: Vec<(&'a str, &'a Relation)>,
}

impl<'a> Columns<'a> {
    fn new(schema: &'a Schema, table: &'a Relation, template: &str) -> Self {
        // Each row is a group of its own by the table's own key.
        let columns = table.columns.iter().map(|column| column.name.as_str());
        let columns = columns.filter(|column| table.key != [*column]);
        let groups = columns.filter_map(|column| {
            let parents = schema.relations().iter().map(AsRef::as_ref);
            let mut others = parents.filter(|parent: &&Relation| parent.name != table.name);
            let parent = others.find(|parent| parent.key == [column])?;
            let shows_text = template.contains("{parent_text}");
            (!shows_text || nth(parent, ColumnKind::Text, 0).is_some()).then_some((column, parent))
        });
        Self {
            schema,
            table,
            groups: groups.collect(),
        }
    }

    /// What a placeholder stands for.
    fn name(&self, placeholder: &str) -> Option<String> {
        let parent = self.groups.first().map(|(_, parent)| *parent);
        let group = |position: usize| self.groups.get(position).map(|(column, _)| *column);
        let column = match placeholder {
            "{table}" => return Some(self.schema.qualified(&self.table.name)),
            "{parent}" => return Some(self.schema.qualified(&parent?.name)),
            "{key}" => match self.table.key.as_slice() {
                [key] => Some(key.as_str()),
                _ => None,
            },
            "{text}" => nth(self.table, ColumnKind::Text, 0),
            "{number}" => nth(self.table, ColumnKind::Number, 0),
            "{number2}" => nth(self.table, ColumnKind::Number, 1),
            "{date}" => nth(self.table, ColumnKind::Date, 0),
            "{boolean}" => nth(self.table, ColumnKind::Boolean, 0),
            "{group}" => group(0),
            "{group2}" => group(1),
            "{parent_text}" => nth(parent?, ColumnKind::Text, 0),
            _ => None,
        };
        column.map(str::to_owned)
    }
}

/// The column of this kind at a position among those of the kind.
fn nth(table: &Relation, kind: ColumnKind, position: usize) -> Option<&str> {
    let columns = table.columns.iter();
    let mut matching = columns.filter(|column| column.kind == Some(kind));
    matching.nth(position).map(|column| column.name.as_str())
}
