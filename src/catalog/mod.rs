//! What the tables look like to the caller: columns, keys, relationships, the values that filters
//! take, whose rows the caller sees and about how many.
//!
//! Reads `pg_catalog`, where a role without privileges on a referenced table still finds the foreign keys; must not know
//! MCP.
//! Invariants: columns that the caller's login may not read are not shown; everything about rows is
//! read as the caller, and what is cached of it is cached for that tenant alone, so what one tenant
//! may see can never reach another.
mod markdown; // description → text for a model
mod names; // what stores, categories and product types are called
mod row_counts; // numbers of rows, by magnitude
mod tables; // the tables, and what their columns mean
mod text_rows; // a result as texts
mod visible_stores; // whose rows a tenant sees, in words

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use crate::cache::Cache;
use crate::identity::{Caller, TenantId};
use crate::query::guard::CheckedQuery;
use crate::query::guard::hints::ComparedName;
use crate::query::scope::{Scope, ScopeError};

pub use tables::{TABLES, Table};
pub use visible_stores::VisibleStores;

use names::Names;
use row_counts::RowCounts;
use text_rows::TextRows;

static DESCRIBE_TABLES: CheckedQuery = CheckedQuery::literal(include_str!("describe_tables.sql"));
static READ_NAMES: CheckedQuery = CheckedQuery::literal(include_str!("read_names.sql"));
static VISIBLE_STORES: CheckedQuery = CheckedQuery::literal(include_str!("visible_stores.sql"));
static ROW_COUNTS: CheckedQuery = CheckedQuery::literal(include_str!("row_counts.sql"));

/// A renamed store keeps its old name in results for this long.
const VISIBLE_STORES_TTL: Duration = Duration::from_secs(60);

/// Counting reads up to 100,001 rows of a table; the magnitude changes slowly.
const ROW_COUNTS_TTL: Duration = Duration::from_secs(600);

/// Long enough for a model's next tries.
const NAMES_TTL: Duration = Duration::from_secs(60);

/// The most tenants of which something is cached.
const MAX_CACHED_TENANTS: u32 = 1_000;

/// More than eight tables with their columns, keys and values can have.
const MOST_ROWS: NonZeroU32 = NonZeroU32::new(10_000).unwrap();

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

/// Describes tables, and suggests names of stores, categories and product types.
#[derive(Debug)]
pub struct Catalog {
    scope: Arc<Scope>,
    visible_stores: Cache<TenantId, Arc<VisibleStores>>,
    row_counts: Cache<TenantId, Arc<RowCounts>>,
    names: Cache<TenantId, Arc<Names>>,
}

impl Catalog {
    /// A catalogue read through `scope`.
    #[must_use]
    pub fn new(scope: Arc<Scope>) -> Self {
        Self {
            scope,
            visible_stores: Cache::with_entries(MAX_CACHED_TENANTS)
                .expiring_after(VISIBLE_STORES_TTL),
            row_counts: Cache::with_entries(MAX_CACHED_TENANTS).expiring_after(ROW_COUNTS_TTL),
            names: Cache::with_entries(MAX_CACHED_TENANTS).expiring_after(NAMES_TTL),
        }
    }

    /// Whose rows the caller sees. Asks the database once a minute for each tenant.
    ///
    /// # Errors
    /// [`ScopeError`] when the database did not answer.
    pub async fn visible_stores(&self, caller: &Caller) -> Result<Arc<VisibleStores>, ScopeError> {
        if let Some(stores) = self.visible_stores.get(&caller.tenant()) {
            return Ok(stores);
        }
        let rows = self.rows(caller, &VISIBLE_STORES, &[]).await?;
        let stores = rows.first().and_then(VisibleStores::from_row);
        let stores = Arc::new(stores.unwrap_or_default());
        self.visible_stores
            .insert(caller.tenant(), Arc::clone(&stores));
        Ok(stores)
    }

    /// How many rows of each table the caller sees. Asks the database once in ten minutes for each
    /// tenant; a database that is too slow to count leaves the numbers out of the description.
    async fn row_counts(&self, caller: &Caller) -> Result<Arc<RowCounts>, ScopeError> {
        if let Some(counts) = self.row_counts.get(&caller.tenant()) {
            return Ok(counts);
        }
        let counts = match self.rows(caller, &ROW_COUNTS, &[]).await {
            Ok(rows) => Arc::new(RowCounts::from_rows(&rows)),
            Err(ScopeError::Database(_) | ScopeError::TimedOut(_)) => return Ok(Arc::default()),
            Err(error) => return Err(error),
        };
        self.row_counts.insert(caller.tenant(), Arc::clone(&counts));
        Ok(counts)
    }

    async fn rows(
        &self,
        caller: &Caller,
        query: &CheckedQuery,
        parameters: &[&str],
    ) -> Result<TextRows, ScopeError> {
        let mut rows = TextRows::default();
        self.scope
            .run(caller, query, parameters, MOST_ROWS, &mut rows)
            .await?;
        Ok(rows)
    }

    /// A remark for each of these names that no store, category or product type has, as the caller
    /// sees them: `no category is called 'Power Tools'; did you mean 'POWER TOOLS'?`. Asks the
    /// database once a minute for each tenant. Nothing when the names cannot be read: the statement
    /// itself has been answered.
    pub async fn unknown_names(&self, caller: &Caller, compared: &[ComparedName]) -> Vec<String> {
        if compared.is_empty() {
            return Vec::new();
        }
        let names = match self.names.get(&caller.tenant()) {
            Some(names) => names,
            None => {
                let Ok(rows) = self.rows(caller, &READ_NAMES, &[]).await else {
                    return Vec::new();
                };
                let names = Arc::new(Names::from_rows(&rows));
                self.names.insert(caller.tenant(), Arc::clone(&names));
                names
            }
        };
        compared
            .iter()
            .filter_map(|compared| names.remark(compared))
            .collect()
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
        let description = async {
            let stores = self.visible_stores(caller).await?;
            let counts = self.row_counts(caller).await?;
            let rows = self.rows(caller, &DESCRIBE_TABLES, &[&list]).await?;
            Ok(markdown::describe(&tables, &rows, &stores, &counts))
        };
        description.await.map_err(CatalogError::Scope)
    }
}

/// The table that a name stands for: with its schema or without, with the database before it, in
/// any case, in quotes of any kind. No table of another schema bears one of these names.
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
