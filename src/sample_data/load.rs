//! Loads the sample into the database in one transaction, and gathers statistics afterwards.
use sqlx::{Connection as _, PgConnection};

use super::master_data;
use super::product_catalog::{ProductCatalog, read_product_catalog};
use super::stock::stock;
use super::{Plan, SampleDataError, purchases};
use crate::progress::Progress;

/// Gathers the planner's statistics and sets the visibility map. Without the map, the index-only
/// scans of the policy on customers would read the table until autovacuum has run. There is one
/// statement per table, because VACUUM cannot run in a transaction block.
const VACUUM: [&str; 9] = [
    "VACUUM (ANALYZE) retail.stores",
    "VACUUM (ANALYZE) retail.customers",
    "VACUUM (ANALYZE) retail.categories",
    "VACUUM (ANALYZE) retail.product_types",
    "VACUUM (ANALYZE) retail.products",
    "VACUUM (ANALYZE) retail.inventory",
    "VACUUM (ANALYZE) retail.orders",
    "VACUUM (ANALYZE) retail.order_items",
    "VACUUM (ANALYZE) guard.tenant",
];

/// How many rows of the sample a database has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadedRows {
    /// Rows in `retail.customers`.
    pub customers: u64,
    /// Rows in `retail.orders`.
    pub orders: u64,
}

/// How many rows a load has inserted into each table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// Rows in `retail.products`.
    pub products: u64,
    /// Rows in `retail.inventory`.
    pub inventory: u64,
    /// Rows in `retail.customers`.
    pub customers: u64,
    /// Rows in `retail.orders`.
    pub orders: u64,
    /// Rows in `retail.order_items`.
    pub order_items: u64,
}

/// What a load does with existing rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ExistingRows {
    Reject,
    Replace,
}

/// Counts the loaded rows; `None` if the database is empty. Takes about 20 ms at full scale.
///
/// # Errors
/// [`SampleDataError::NotMigrated`] if the tables are missing, otherwise
/// [`SampleDataError::Database`].
pub async fn count_loaded(db: &mut PgConnection) -> Result<Option<LoadedRows>, SampleDataError> {
    let (stores, customers, orders): (i64, i64, i64) =
        sqlx::query_as(include_str!("sql/count_rows.sql"))
            .fetch_one(db)
            .await
            .map_err(SampleDataError::database("counting rows"))?;
    let loaded = LoadedRows {
        customers: customers.unsigned_abs(),
        orders: orders.unsigned_abs(),
    };
    Ok((stores > 0 || customers > 0).then_some(loaded))
}

/// Truncates all tables of `retail`, and `guard.tenant`. Inside a transaction of the caller,
/// readers are blocked until that transaction ends.
///
/// # Errors
/// [`SampleDataError::NotMigrated`] if the tables are missing, [`SampleDataError::Busy`] if a table
/// could not be locked within ten seconds, otherwise [`SampleDataError::Database`].
pub async fn clear(db: &mut PgConnection) -> Result<(), SampleDataError> {
    // Inside a transaction of the caller this is a savepoint, and the lock timeout stays in force
    // until that transaction ends.
    let failed = || SampleDataError::database("truncating the tables");
    let mut tx = db.begin().await.map_err(failed())?;
    sqlx::raw_sql(include_str!("sql/truncate_tables.sql"))
        .execute(&mut *tx)
        .await
        .map_err(failed())?;
    tx.commit().await.map_err(failed())
}

/// Loads the sample into an empty database. Products are found by searches once
/// [`search_index::refresh`](crate::search_index::refresh()) has run.
///
/// The connection must act as the owner of the tables and must not be in a transaction. At full
/// scale, a load takes about nine seconds on two cores, shared with PostgreSQL, and a few megabytes
/// of memory.
///
/// # Errors
/// [`SampleDataError::AlreadyLoaded`] if the database has rows, which stay unchanged; see
/// [`SampleDataError`] for the others.
///
/// # Cancel safety
/// All or nothing: a dropped load is rolled back when the connection closes. A COPY may be open on
/// that connection, so it must not be used for anything else. Only the statistics at the end may be
/// missing.
pub async fn load(
    db: &mut PgConnection,
    plan: &Plan,
    progress: Progress,
) -> Result<Summary, SampleDataError> {
    write(db, ExistingRows::Reject, plan, progress).await
}

/// Replaces all rows of the tables by the sample.
///
/// Readers see the old rows until the tables are truncated, and are blocked from then until the
/// load is committed. If the load fails, the old rows stay. Otherwise as [`load`].
///
/// # Errors
/// As [`load`], but never [`SampleDataError::AlreadyLoaded`].
///
/// # Cancel safety
/// As [`load`].
pub async fn replace(
    db: &mut PgConnection,
    plan: &Plan,
    progress: Progress,
) -> Result<Summary, SampleDataError> {
    write(db, ExistingRows::Replace, plan, progress).await
}

async fn reject_loaded(db: &mut PgConnection) -> Result<(), SampleDataError> {
    match count_loaded(db).await? {
        Some(loaded) => Err(SampleDataError::AlreadyLoaded(loaded)),
        None => Ok(()),
    }
}

async fn write(
    db: &mut PgConnection,
    existing: ExistingRows,
    plan: &Plan,
    progress: Progress,
) -> Result<Summary, SampleDataError> {
    let catalog = read_product_catalog()?;
    let failed = || SampleDataError::database("opening or closing the transaction");
    let mut tx = db.begin().await.map_err(failed())?;
    sqlx::raw_sql(include_str!("sql/begin_load.sql"))
        .execute(&mut *tx)
        .await
        .map_err(failed())?;
    match existing {
        ExistingRows::Reject => reject_loaded(&mut tx).await?,
        ExistingRows::Replace => clear(&mut tx).await?,
    }
    let inventory = write_master_data(&mut tx, plan, &catalog, progress).await?;
    let inserted = purchases::load(&mut tx, plan, &catalog, progress).await?;
    sqlx::raw_sql(include_str!("sql/restart_identities.sql"))
        .execute(&mut *tx)
        .await
        .map_err(failed())?;
    tx.commit().await.map_err(failed())?;
    vacuum(db, progress).await?;
    Ok(Summary {
        products: catalog.products.len() as u64,
        inventory,
        customers: inserted.customers,
        orders: inserted.orders,
        order_items: inserted.lines,
    })
}

/// Writes the tables of fixed size; returns the number of stock rows.
async fn write_master_data(
    db: &mut PgConnection,
    plan: &Plan,
    catalog: &ProductCatalog,
    progress: Progress,
) -> Result<u64, SampleDataError> {
    let step = progress.begin("loading products and stock", 3);
    let failed = || SampleDataError::database(step.name);
    master_data::insert_stores(db).await.map_err(failed())?;
    step.advance(1);
    master_data::insert_catalog(db, catalog)
        .await
        .map_err(failed())?;
    step.advance(1);
    let stock: Vec<_> = stock(plan, catalog).collect();
    master_data::insert_stock(db, &stock)
        .await
        .map_err(failed())?;
    step.advance(1);
    step.end();
    Ok(stock.len() as u64)
}

async fn vacuum(db: &mut PgConnection, progress: Progress) -> Result<(), SampleDataError> {
    let step = progress.begin("gathering statistics", VACUUM.len());
    for statement in VACUUM {
        sqlx::raw_sql(statement)
            .execute(&mut *db)
            .await
            .map_err(SampleDataError::database(step.name))?;
        step.advance(1);
    }
    step.end();
    Ok(())
}
