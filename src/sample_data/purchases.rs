//! Loads the tables that grow with the scale: customers, orders, order lines.
//!
//! PostgreSQL rejects COPY into a table whose row security applies to the current role, and on
//! these tables it applies even to the owner. The rows are therefore copied into temporary staging
//! tables, which are dropped with the transaction. One INSERT … SELECT per table then moves them,
//! and policies, constraints and foreign keys check them as any other rows.
//!
//! An INSERT per batch would be no faster: the best of five loads at full scale took 8.5 s, against
//! 8.3 s with one INSERT per table, of which COPY takes 0.6 s. It would save 7 MB of the backend's
//! memory (19 MB against 26 MB, whatever foreign keys are left to check), but cost a TRUNCATE of
//! the staging tables each time (PostgreSQL 18, two busy cores).
use sqlx::PgConnection;

use super::copy_text::{Cents, CopyText};
use super::history::{Customer, Customers};
use super::product_catalog::ProductCatalog;
use super::{Plan, SampleDataError};
use crate::progress::Progress;

/// Customers per COPY; with about 4,000 orders and 8,000 lines they are half a megabyte of text.
const BATCH_CUSTOMERS: usize = 1_000;

/// How many rows were inserted into each table.
#[derive(Clone, Copy, Debug)]
pub(super) struct InsertedRows {
    pub(super) customers: u64,
    pub(super) orders: u64,
    pub(super) lines: u64,
}

/// Loads all customers of the plan with their orders.
///
/// # Cancel safety
/// Not cancel-safe: some rows may be inserted already, and a COPY may be open. A caller that drops
/// the future must close the connection.
pub(super) async fn load(
    db: &mut PgConnection,
    plan: &Plan,
    catalog: &ProductCatalog,
    progress: Progress,
) -> Result<InsertedRows, SampleDataError> {
    copy(&mut *db, plan, catalog, progress).await?;
    Ok(InsertedRows {
        customers: insert(
            db,
            progress,
            "inserting customers",
            include_str!("sql/insert_customers.sql"),
        )
        .await?,
        orders: insert(
            db,
            progress,
            "inserting orders",
            include_str!("sql/insert_orders.sql"),
        )
        .await?,
        lines: insert(
            db,
            progress,
            "inserting order lines",
            include_str!("sql/insert_order_items.sql"),
        )
        .await?,
    })
}

/// Copies all rows into the staging tables, a batch of customers at a time: the rows of the three
/// tables are generated together, but a connection can have only one COPY open.
async fn copy(
    db: &mut PgConnection,
    plan: &Plan,
    catalog: &ProductCatalog,
    progress: Progress,
) -> Result<(), SampleDataError> {
    let step = progress.begin(
        "copying customers and orders",
        plan.scale.customers() as usize,
    );
    let failed = || SampleDataError::database(step.name);
    sqlx::raw_sql(include_str!("sql/create_staging_tables.sql"))
        .execute(&mut *db)
        .await
        .map_err(failed())?;
    let mut customers = Customers::new(plan, catalog)?;
    let mut batch = Batch::default();
    loop {
        let count = batch.refill(customers.by_ref().take(BATCH_CUSTOMERS));
        if count == 0 {
            break;
        }
        batch.copy(db).await.map_err(failed())?;
        step.advance(count);
    }
    step.end();
    Ok(())
}

async fn insert(
    db: &mut PgConnection,
    progress: Progress,
    step: &'static str,
    statement: &'static str,
) -> Result<u64, SampleDataError> {
    let work = async {
        let done = sqlx::raw_sql(statement).execute(db).await?;
        Ok(done.rows_affected())
    };
    progress
        .watch(step, work)
        .await
        .map_err(SampleDataError::database(step))
}

/// Customers with their orders and order lines in COPY's format.
#[derive(Debug, Default)]
struct Batch {
    customers: CopyText,
    orders: CopyText,
    lines: CopyText,
}

impl Batch {
    /// Replaces the batch by these customers; returns their number.
    fn refill(&mut self, customers: impl Iterator<Item = Customer>) -> usize {
        self.customers.clear();
        self.orders.clear();
        self.lines.clear();
        customers.map(|customer| self.push(&customer)).count()
    }

    /// Appends a customer's rows, with the columns of `sql/copy_….sql`.
    fn push(&mut self, customer: &Customer) {
        let (person, store) = (&customer.person, customer.store);
        self.customers.push([
            &customer.id,
            &person.first_name,
            &person.last_name,
            &person.email,
            &person.phone,
            &store.id,
            &person.created_at,
        ]);
        for order in &customer.orders {
            self.orders
                .push([&order.id, &customer.id, &order.store.id, &order.date]);
            for line in &order.lines {
                self.lines.push([
                    &line.id,
                    &order.id,
                    &order.store.id,
                    &line.product_id,
                    &line.quantity,
                    &Cents(line.unit_price_cents),
                    &line.discount_percent,
                    &Cents(line.discount_cents),
                    &Cents(line.total_cents),
                ]);
            }
        }
    }

    async fn copy(&self, db: &mut PgConnection) -> Result<(), sqlx::Error> {
        copy_rows(db, include_str!("sql/copy_customers.sql"), &self.customers).await?;
        copy_rows(db, include_str!("sql/copy_orders.sql"), &self.orders).await?;
        copy_rows(db, include_str!("sql/copy_order_items.sql"), &self.lines).await
    }
}

async fn copy_rows(
    db: &mut PgConnection,
    statement: &str,
    rows: &CopyText,
) -> Result<(), sqlx::Error> {
    let mut copy = db.copy_in_raw(statement).await?;
    copy.send(rows.as_bytes()).await?;
    copy.finish().await.map(drop)
}
