//! The front door to the database: one transaction in, statistics after it.
use std::error::Error;

use sqlx::{Connection as _, PgConnection};

use super::assortment::{self, Embedded};
use super::catalogue::{Catalogue, catalogue, content_hash};
use super::progress::Progress;
use super::stock::stock;
use super::{Plan, SampleDataError, purchases};

/// Statistics for the planner, and a visibility map, without which the index-only scans of the customers policy would
/// read the tables until autovacuum has come by. One statement each: VACUUM runs in no transaction.
const VACUUM: [&str; 10] = [
    "VACUUM (ANALYZE) retail.stores",
    "VACUUM (ANALYZE) retail.customers",
    "VACUUM (ANALYZE) retail.categories",
    "VACUUM (ANALYZE) retail.product_types",
    "VACUUM (ANALYZE) retail.products",
    "VACUUM (ANALYZE) retail.inventory",
    "VACUUM (ANALYZE) retail.orders",
    "VACUUM (ANALYZE) retail.order_items",
    "VACUUM (ANALYZE) retail.product_description_embeddings",
    "VACUUM (ANALYZE) guard.tenant",
];

/// What a database holds of the sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// Rows in `retail.customers`.
    pub customers: u64,
    /// Rows in `retail.orders`.
    pub orders: u64,
}

/// What a load has put in: rows by table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// `retail.products`, and as many vectors.
    pub products: u64,
    /// `retail.inventory`.
    pub inventory: u64,
    /// `retail.customers`.
    pub customers: u64,
    /// `retail.orders`.
    pub orders: u64,
    /// `retail.order_items`.
    pub order_items: u64,
}

/// Whether to throw away what is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Existing {
    Refuse,
    Replace,
}

/// Tells what is loaded; `None` in an empty database. Takes some 20 ms when the sample is at full scale.
///
/// # Errors
/// [`SampleDataError::NotMigrated`] when the tables are missing, otherwise [`SampleDataError::Database`].
pub async fn is_loaded(db: &mut PgConnection) -> Result<Option<Loaded>, SampleDataError> {
    let (stores, customers, orders): (i64, i64, i64) =
        sqlx::query_as(include_str!("sql/count_rows.sql"))
            .fetch_one(db)
            .await
            .map_err(SampleDataError::database("looking for data"))?;
    let loaded = Loaded {
        customers: customers.unsigned_abs(),
        orders: orders.unsigned_abs(),
    };
    Ok((stores > 0 || customers > 0).then_some(loaded))
}

/// Empties all tables of `retail`, and `guard.tenant`. Shuts readers out until the caller's transaction ends, if it
/// runs in one.
///
/// # Errors
/// [`SampleDataError::NotMigrated`] when the tables are missing, [`SampleDataError::Busy`] when readers keep one of
/// them for longer than ten seconds, otherwise [`SampleDataError::Database`].
pub async fn clear(db: &mut PgConnection) -> Result<(), SampleDataError> {
    // Inside the caller's transaction this is a savepoint; the lock timeout then lasts to the end of that transaction.
    let failed = || SampleDataError::database("emptying the tables");
    let mut tx = db.begin().await.map_err(failed())?;
    sqlx::raw_sql(include_str!("sql/truncate_tables.sql"))
        .execute(&mut *tx)
        .await
        .map_err(failed())?;
    tx.commit().await.map_err(failed())
}

/// Loads the sample into an empty database.
///
/// `embed` turns a text into its vector and is called once per product, before anything is written; `model` names its
/// maker. The connection acts as the owner of the tables and is in no transaction. At full scale it takes some nine
/// seconds on two cores, a server included, and a few megabytes of memory.
///
/// # Errors
/// [`SampleDataError::AlreadyLoaded`] leaves the rows alone; see there for the others.
///
/// # Cancel safety
/// All or nothing: a dropped load is rolled back when the connection closes, and a COPY may be open on it, so nothing
/// else is to run on it. Only the statistics at the end may be left out.
pub async fn load<E>(
    db: &mut PgConnection,
    plan: &Plan,
    model: &str,
    embed: impl FnMut(&str) -> Result<Vec<f32>, E>,
    progress: Progress,
) -> Result<Summary, SampleDataError>
where
    E: Into<Box<dyn Error + Send + Sync>>,
{
    // Asked again under the lock; this one spares a paid embedding service a run for nothing.
    refuse_loaded(db).await?;
    let catalogue = catalogue()?;
    let vectors = embed_products(&catalogue, embed, progress)?;
    write(
        db,
        Existing::Refuse,
        plan,
        &catalogue,
        model,
        &vectors,
        progress,
    )
    .await
}

/// Loads the sample in place of whatever the tables hold.
///
/// Readers see the old rows until they are kept waiting for the new ones; if the load fails, the old ones stay.
/// Otherwise as [`load`].
///
/// # Errors
/// As [`load`], but never [`SampleDataError::AlreadyLoaded`].
///
/// # Cancel safety
/// As [`load`].
pub async fn replace<E>(
    db: &mut PgConnection,
    plan: &Plan,
    model: &str,
    embed: impl FnMut(&str) -> Result<Vec<f32>, E>,
    progress: Progress,
) -> Result<Summary, SampleDataError>
where
    E: Into<Box<dyn Error + Send + Sync>>,
{
    let catalogue = catalogue()?;
    let vectors = embed_products(&catalogue, embed, progress)?;
    write(
        db,
        Existing::Replace,
        plan,
        &catalogue,
        model,
        &vectors,
        progress,
    )
    .await
}

async fn refuse_loaded(db: &mut PgConnection) -> Result<(), SampleDataError> {
    match is_loaded(db).await? {
        Some(loaded) => Err(SampleDataError::AlreadyLoaded(loaded)),
        None => Ok(()),
    }
}

fn embed_products<E>(
    catalogue: &Catalogue,
    mut embed: impl FnMut(&str) -> Result<Vec<f32>, E>,
    progress: Progress,
) -> Result<Vec<Embedded>, SampleDataError>
where
    E: Into<Box<dyn Error + Send + Sync>>,
{
    let step = progress.begin("embedding products", catalogue.products.len());
    let mut vectors = Vec::with_capacity(catalogue.products.len());
    for product in &catalogue.products {
        let text = product.embedding_text();
        let numbers = embed(&text).map_err(|error| SampleDataError::Embedding {
            sku: product.sku,
            source: error.into(),
        })?;
        vectors.push(Embedded {
            product_id: product.id,
            vector: numbers.into(),
            content_hash: content_hash(&text),
        });
        step.advance(1);
    }
    step.end();
    Ok(vectors)
}

async fn write(
    db: &mut PgConnection,
    existing: Existing,
    plan: &Plan,
    catalogue: &Catalogue,
    model: &str,
    vectors: &[Embedded],
    progress: Progress,
) -> Result<Summary, SampleDataError> {
    let failed = || SampleDataError::database("opening or closing the transaction");
    let mut tx = db.begin().await.map_err(failed())?;
    sqlx::raw_sql(include_str!("sql/begin_load.sql"))
        .execute(&mut *tx)
        .await
        .map_err(failed())?;
    match existing {
        Existing::Refuse => refuse_loaded(&mut tx).await?,
        Existing::Replace => clear(&mut tx).await?,
    }
    let inventory = write_assortment(&mut tx, plan, catalogue, model, vectors, progress).await?;
    let inserted = purchases::load(&mut tx, plan, catalogue, progress).await?;
    sqlx::raw_sql(include_str!("sql/restart_identities.sql"))
        .execute(&mut *tx)
        .await
        .map_err(failed())?;
    tx.commit().await.map_err(failed())?;
    vacuum(db, progress).await?;
    Ok(Summary {
        products: catalogue.products.len() as u64,
        inventory,
        customers: inserted.customers,
        orders: inserted.orders,
        order_items: inserted.lines,
    })
}

/// Writes the tables of fixed size; answers how many rows of stock there are.
async fn write_assortment(
    db: &mut PgConnection,
    plan: &Plan,
    catalogue: &Catalogue,
    model: &str,
    vectors: &[Embedded],
    progress: Progress,
) -> Result<u64, SampleDataError> {
    let step = progress.begin("loading products and stock", 4);
    let failed = || SampleDataError::database(step.name);
    assortment::insert_stores(db).await.map_err(failed())?;
    step.advance(1);
    assortment::insert_catalogue(db, catalogue)
        .await
        .map_err(failed())?;
    step.advance(1);
    assortment::insert_vectors(db, model, vectors)
        .await
        .map_err(failed())?;
    step.advance(1);
    let stock: Vec<_> = stock(plan, catalogue).collect();
    assortment::insert_stock(db, &stock)
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
