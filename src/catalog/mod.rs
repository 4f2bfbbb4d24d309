//! Describes the tables to a caller: columns, keys, relationships, the values to filter by, and
//! whose and how many rows the caller sees.
//!
//! Reads `pg_catalog`, in which a role finds foreign keys even without privileges on the referenced
//! table. Must not know MCP.
//!
//! Invariants:
//! - columns that the caller's login may not read are not shown;
//! - everything about rows is read as the caller and cached for that tenant only, so no tenant gets
//!   data that only another one may see.
mod entity_names; // names of stores, categories and product types
mod markdown; // table descriptions as Markdown for a model
mod row_counts; // row counts, rounded
mod tables; // the tables, and the meaning of their columns
mod text_rows; // a small result with every value as text
mod visible_stores; // which stores' rows a tenant sees

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use crate::cache::Cache;
use crate::identity::{Caller, TenantId};
use crate::query::guard::CheckedQuery;
use crate::query::guard::hints::ComparedName;
use crate::query::scope::{Scope, ScopeError};

pub use entity_names::{NameSuggestion, UnknownName};
pub use tables::{TABLES, Table};
pub use visible_stores::VisibleStores;

use entity_names::EntityNames;
use row_counts::RowCounts;
use text_rows::TextRows;

static DESCRIBE_TABLES: CheckedQuery =
    CheckedQuery::summarized_literal(include_str!("describe_tables.sql"), "SELECT pg_catalog");
static READ_NAMES: CheckedQuery = CheckedQuery::summarized_literal(
    include_str!("read_names.sql"),
    "SELECT retail.stores retail.categories retail.product_types",
);
static VISIBLE_STORES: CheckedQuery =
    CheckedQuery::summarized_literal(include_str!("visible_stores.sql"), "SELECT retail.stores");
static ROW_COUNTS: CheckedQuery =
    CheckedQuery::summarized_literal(include_str!("row_counts.sql"), "SELECT retail");

/// How long results show the old name of a store that was renamed.
const VISIBLE_STORES_TTL: Duration = Duration::from_secs(60);

/// Counting reads up to 100,001 rows of each table, and a rounded count changes slowly.
const ROW_COUNTS_TTL: Duration = Duration::from_secs(600);

/// Long enough for a model's next attempts.
const ENTITY_NAMES_TTL: Duration = Duration::from_secs(60);

/// How many tenants each cache holds.
const MAX_CACHED_TENANTS: u32 = 1_000;

/// More rows than the description of all eight tables has: columns, keys and values.
const MAX_ROWS: NonZeroU32 = NonZeroU32::new(10_000).unwrap();

/// Why tables cannot be described.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// The request names no table.
    #[error("no table was requested")]
    NoTable,
    /// These names are not in [`TABLES`].
    #[error("unknown tables")]
    UnknownTables(Vec<String>),
    /// The queries failed.
    #[error("the catalog cannot be read")]
    Scope(#[source] ScopeError),
}

/// Describes tables, and suggests names of stores, categories and product types.
#[derive(Debug)]
pub struct Catalog {
    scope: Arc<Scope>,
    visible_stores: Cache<TenantId, Arc<VisibleStores>>,
    row_counts: Cache<TenantId, Arc<RowCounts>>,
    entity_names: Cache<TenantId, Arc<EntityNames>>,
}

impl Catalog {
    /// A catalog that queries through `scope`.
    #[must_use]
    pub fn new(scope: Arc<Scope>) -> Self {
        Self {
            scope,
            visible_stores: Cache::with_entries(MAX_CACHED_TENANTS)
                .expiring_after(VISIBLE_STORES_TTL),
            row_counts: Cache::with_entries(MAX_CACHED_TENANTS).expiring_after(ROW_COUNTS_TTL),
            entity_names: Cache::with_entries(MAX_CACHED_TENANTS).expiring_after(ENTITY_NAMES_TTL),
        }
    }

    /// The stores whose rows the caller sees. Queries the database once a minute per tenant.
    ///
    /// # Errors
    /// [`ScopeError`] when the query fails.
    pub async fn visible_stores(&self, caller: &Caller) -> Result<Arc<VisibleStores>, ScopeError> {
        if let Some(stores) = self.visible_stores.get(&caller.tenant()) {
            return Ok(stores);
        }
        let rows = self.query(caller, &VISIBLE_STORES, &[]).await?;
        let stores = rows.first().and_then(VisibleStores::from_row);
        let stores = Arc::new(stores.unwrap_or_default());
        self.visible_stores
            .insert(caller.tenant(), Arc::clone(&stores));
        Ok(stores)
    }

    /// The number of rows of each table that the caller sees. Queries the database every ten
    /// minutes per tenant. When counting fails or times out, the description has no counts.
    async fn row_counts(&self, caller: &Caller) -> Result<Arc<RowCounts>, ScopeError> {
        if let Some(counts) = self.row_counts.get(&caller.tenant()) {
            return Ok(counts);
        }
        let counts = match self.query(caller, &ROW_COUNTS, &[]).await {
            Ok(rows) => Arc::new(RowCounts::from_rows(&rows)),
            Err(ScopeError::Database(_) | ScopeError::ErrorTooLong | ScopeError::TimedOut(_)) => {
                return Ok(Arc::default());
            }
            Err(error) => return Err(error),
        };
        self.row_counts.insert(caller.tenant(), Arc::clone(&counts));
        Ok(counts)
    }

    async fn query(
        &self,
        caller: &Caller,
        query: &CheckedQuery,
        parameters: &[&str],
    ) -> Result<TextRows, ScopeError> {
        let mut rows = TextRows::default();
        self.scope
            .run(caller, query, parameters, MAX_ROWS, &mut rows)
            .await?;
        Ok(rows)
    }

    /// Those of these names that no store, category or product type visible to the caller has, with
    /// names to use instead.
    ///
    /// Queries the database once a minute per tenant. When the query fails, no name counts as
    /// unknown, because the client's statement itself has succeeded.
    pub async fn unknown_names(
        &self,
        caller: &Caller,
        compared: &[ComparedName],
    ) -> Vec<UnknownName> {
        if compared.is_empty() {
            return Vec::new();
        }
        let names = match self.entity_names.get(&caller.tenant()) {
            Some(names) => names,
            None => {
                let Ok(rows) = self.query(caller, &READ_NAMES, &[]).await else {
                    return Vec::new();
                };
                let names = Arc::new(EntityNames::from_rows(&rows));
                self.entity_names
                    .insert(caller.tenant(), Arc::clone(&names));
                names
            }
        };
        compared
            .iter()
            .filter_map(|compared| names.unknown_name(compared))
            .collect()
    }

    /// Describes tables to a caller as Markdown: each table once, in the requested order.
    ///
    /// # Errors
    /// [`CatalogError`] when `names` is empty or has an unknown name, or when a query fails.
    pub async fn describe(
        &self,
        caller: &Caller,
        names: &[String],
    ) -> Result<String, CatalogError> {
        let tables = find_tables(names)?;
        // A PostgreSQL array literal. The names are those of `TABLES`, without quotes or commas.
        let table_names = format!(
            "{{{}}}",
            tables
                .iter()
                .map(|table| table.name)
                .collect::<Vec<_>>()
                .join(",")
        );
        let description = async {
            let stores = self.visible_stores(caller).await?;
            let counts = self.row_counts(caller).await?;
            let rows = self
                .query(caller, &DESCRIBE_TABLES, &[&table_names])
                .await?;
            Ok(markdown::describe(&tables, &rows, &stores, &counts))
        };
        description.await.map_err(CatalogError::Scope)
    }
}

/// The table that a name refers to: with or without its schema and the database, in any case, in
/// quotes of any kind. No other schema has a table with one of these names.
fn find_table(name: &str) -> Option<&'static Table> {
    let name = name.to_ascii_lowercase().replace(['"', '`', '[', ']'], "");
    let name = name.strip_prefix("zava.").unwrap_or(&name);
    TABLES
        .iter()
        .find(|table| table.name == name || table.name.strip_prefix("retail.") == Some(name))
}

fn find_tables(names: &[String]) -> Result<Vec<Table>, CatalogError> {
    if names.is_empty() {
        return Err(CatalogError::NoTable);
    }
    let mut tables: Vec<Table> = Vec::new();
    let mut unknown = Vec::new();
    for name in names {
        match find_table(name) {
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
