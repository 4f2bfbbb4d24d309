use std::collections::HashMap;

use sqlx::{AssertSqlSafe, PgConnection, Row as _};
use zava_mcp_server::query::guard::catalog::{
    self, DataType, Digits, ElementInput, InputHeld, Modifier, Returning, TypeDocument,
    TypeSizeRule,
};

/// Types with a declared length that does not show in `'1'::type(99)`: it extends the digits behind
/// the decimal point, or every value must have it.
const PADDED: [&str; 2] = ["numeric", "vector"];

/// Texts that PostgreSQL does not put into the category of strings.
const TEXTS: [&str; 3] = ["char", "json", "jsonb"];

const JSON: [&str; 2] = ["json", "jsonb"];

/// A type, as the server's catalog has it.
struct ServerType {
    schema: String,
    sql: String,
    has_fixed_length: bool,
    takes_modifier: bool,
    /// Whether a value is extended to its declared length.
    is_padded: bool,
    category: String,
    is_multirange: bool,
    subtype: String,
    subtype_category: String,
}

/// The allowed types, by name.
pub(crate) struct Types(HashMap<String, ServerType>);

impl Types {
    pub(crate) async fn read(db: &mut PgConnection) -> Self {
        let names: Vec<&str> = catalog::data_types().map(|listed| listed.name).collect();
        let rows = sqlx::query(include_str!("types.sql")).bind(names);
        let mut types = HashMap::new();
        for row in rows.fetch_all(&mut *db).await.expect("the types") {
            let (name, sql): (String, String) = (row.get("name"), row.get("sql"));
            let category: String = row.get("category");
            let takes_modifier: bool = row.get("takes_modifier");
            let found = ServerType {
                schema: row.get("schema"),
                has_fixed_length: row.get("has_fixed_length"),
                takes_modifier,
                is_padded: PADDED.contains(&name.as_str())
                    || takes_modifier && has_length(&category) && pads(db, &sql).await,
                category,
                is_multirange: row.get::<String, _>("kind") == "m",
                subtype: row.get("subtype"),
                subtype_category: row.get("subtype_category"),
                sql,
            };
            assert!(types.insert(name, found).is_none(), "two types of one name");
        }
        Self(types)
    }

    /// In what a row differs from the server's catalog.
    pub(crate) fn mismatches(&self, row: &DataType) -> Vec<String> {
        let name = row.name;
        let Some(found) = self.0.get(name) else {
            return vec![format!("{name}: does not exist")];
        };
        let is_text = found.category == "S" || TEXTS.contains(&name);
        let is_json = JSON.contains(&name);
        let is_range = !found.subtype.is_empty();
        let checks = [
            ("sql", row.sql == found.sql),
            ("schema", row.schema.name() == found.schema),
            (
                "size",
                (row.size == TypeSizeRule::Fixed) == found.has_fixed_length
                    && (row.size == TypeSizeRule::Path) == (name == "jsonpath"),
            ),
            ("modifier", row.modifier == found.modifier()),
            ("number", row.may_parse_as_number == is_text),
            (
                "digits",
                row.digits
                    == match (name, found.subtype.as_str()) {
                        ("numeric", _) => Digits::One,
                        (_, "numeric") => Digits::Some,
                        _ if is_json => Digits::Some,
                        _ => Digits::None,
                    },
            ),
            (
                "document",
                row.document
                    == match name {
                        "tsquery" => TypeDocument::Tsquery,
                        _ if is_json => TypeDocument::Json,
                        _ => TypeDocument::Flat,
                    },
            ),
            (
                "zone",
                row.may_name_time_zone == (found.category == "D" || found.subtype_category == "D"),
            ),
            (
                "held",
                row.held
                    == match name {
                        "tsvector" => InputHeld::Words,
                        _ if is_json => InputHeld::Json,
                        _ if found.is_multirange => InputHeld::Elements,
                        _ => InputHeld::Nothing,
                    },
            ),
            (
                "element",
                row.element == ElementInput::Any
                    || !is_range
                        && row.held == InputHeld::Nothing
                        && row.document == TypeDocument::Flat
                        && row.size != TypeSizeRule::Path,
            ),
            (
                "returning",
                match row.returning {
                    Returning::Nothing => true,
                    Returning::Value => found.has_fixed_length && !is_text || name == "numeric",
                    Returning::Document => is_text && !found.has_fixed_length && !found.is_padded,
                },
            ),
        ];
        let failed = checks.into_iter().filter(|(_, holds)| !holds);
        failed
            .map(|(column, _)| format!("{name}: {column}"))
            .collect()
    }
}

impl ServerType {
    fn modifier(&self) -> Modifier {
        match (self.takes_modifier, self.category.as_str()) {
            (false, _) => Modifier::None,
            (true, "D" | "T") => Modifier::Precision,
            (true, _) if self.is_padded => Modifier::Pad,
            (true, _) => Modifier::Max,
        }
    }
}

/// Whether the declared length of a type of this category is one of characters or bits.
fn has_length(category: &str) -> bool {
    ["S", "V"].contains(&category)
}

/// Whether a value is extended to its declared length.
async fn pads(db: &mut PgConnection, sql: &str) -> bool {
    let measured = format!("SELECT octet_length(format('%s', '1'::{sql}(99))) = 99");
    let row = sqlx::query(AssertSqlSafe(measured)).fetch_one(db).await;
    row.expect("a value").get(0)
}
