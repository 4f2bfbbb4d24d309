//! What the tables look like to the caller: columns, keys, relationships, and the values that filters take.
//!
//! Reads `pg_catalog`, where a role without privileges on a referenced table still finds the foreign keys; must not know
//! MCP. Nothing is cached: one statement answers, and what one tenant may see can never reach another.
//! Invariant: columns that the caller's login may not read are not shown.
mod markdown; // description → text for a model
mod text_rows; // a result as texts

use std::num::NonZeroU32;
use std::sync::Arc;

use crate::identity::Caller;
use crate::query::guard::CheckedQuery;
use crate::query::scope::{Scope, ScopeError};

use text_rows::TextRows;

static DESCRIBE_TABLES: CheckedQuery = CheckedQuery::literal(include_str!("describe_tables.sql"));

/// More than eight tables with their columns, keys and values can have.
const MOST_ROWS: NonZeroU32 = NonZeroU32::new(10_000).unwrap();

/// A table that clients may ask about, in the order of the documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table {
    /// With its schema, as a client names it.
    pub name: &'static str,
    /// What to ask it for.
    use_for: &'static str,
    /// What its valid values are called, if it has any.
    values: Option<&'static str>,
}

/// All of them.
pub const TABLES: &[Table] = &[
    table(
        "retail.customers",
        "counting and segmenting customers; names, e-mail and phone are personal data",
        None,
    ),
    table(
        "retail.stores",
        "splitting results by store; is_online separates online from physical",
        Some("Store names"),
    ),
    table(
        "retail.categories",
        "top-level product groups",
        Some("Category names"),
    ),
    table(
        "retail.product_types",
        "product groups within a category",
        Some("Type names"),
    ),
    table(
        "retail.products",
        "product facts, cost, list price and margin",
        None,
    ),
    table(
        "retail.orders",
        "order counts and dates; amounts are in retail.order_items",
        Some("Available years"),
    ),
    table(
        "retail.order_items",
        "revenue (sum of total_amount), units and discounts",
        None,
    ),
    table(
        "retail.inventory",
        "stock on hand by store and product",
        None,
    ),
];

const fn table(name: &'static str, use_for: &'static str, values: Option<&'static str>) -> Table {
    Table {
        name,
        use_for,
        values,
    }
}

/// Why there is no description.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// No table was asked for.
    #[error("no table was named")]
    NoTable,
    /// A name is not one of [`TABLES`].
    #[error("unknown tables")]
    UnknownTables(Vec<String>),
    /// The database did not answer.
    #[error("the catalogue cannot be read")]
    Scope(#[source] ScopeError),
}

/// Describes tables.
#[derive(Debug)]
pub struct Catalog {
    scope: Arc<Scope>,
}

impl Catalog {
    /// A catalogue read through `scope`.
    #[must_use]
    pub fn new(scope: Arc<Scope>) -> Self {
        Self { scope }
    }

    /// Describes tables to a caller as Markdown, each once, in the order asked for.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn describe(
        &self,
        caller: &Caller,
        names: &[String],
    ) -> Result<String, CatalogError> {
        let tables = known(names)?;
        // An array literal; the names are ours, and none holds a quote or a comma.
        let list = format!(
            "{{{}}}",
            tables
                .iter()
                .map(|table| table.name)
                .collect::<Vec<_>>()
                .join(",")
        );
        let mut rows = TextRows::default();
        self.scope
            .run(caller, &DESCRIBE_TABLES, &[&list], MOST_ROWS, &mut rows)
            .await
            .map_err(CatalogError::Scope)?;
        Ok(markdown::describe(&tables, &rows))
    }
}

/// The table that a name stands for: with its schema or without, with the database before it, in any
/// case, in quotes of any kind. No table of another schema bears one of these names.
fn table_named(name: &str) -> Option<&'static Table> {
    let name = name.to_ascii_lowercase().replace(['"', '`', '[', ']'], "");
    let name = name.strip_prefix("zava.").unwrap_or(&name);
    TABLES
        .iter()
        .find(|table| table.name == name || table.name.strip_prefix("retail.") == Some(name))
}

fn known(names: &[String]) -> Result<Vec<Table>, CatalogError> {
    if names.is_empty() {
        return Err(CatalogError::NoTable);
    }
    let mut tables: Vec<Table> = Vec::new();
    let mut unknown = Vec::new();
    for name in names {
        match table_named(name) {
            Some(table) if !tables.contains(table) => tables.push(*table),
            Some(_) => {}
            None => unknown.push(name.clone()),
        }
    }
    if unknown.is_empty() {
        Ok(tables)
    } else {
        Err(CatalogError::UnknownTables(unknown))
    }
}
