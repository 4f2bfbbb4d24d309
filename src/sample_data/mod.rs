//! Generates and loads the Zava retail sample data: eight stores, a hardware catalog, seven years
//! of orders.
//!
//! Knows the sample's rules, the tables of `retail` and `guard.tenant`, and sqlx; must not know how
//! a product's text becomes a vector (the caller passes a closure), command lines or settings.
//!
//! Invariants:
//! - the rows depend on [`Plan`] and nothing else: no clock, no system randomness, no floating
//!   point, so that the same plan gives the same rows on every machine;
//! - nothing is dated after [`Plan::today`];
//! - the past does not depend on [`Plan::today`]: the orders of a day, and the customers registered
//!   by then, are the same rows with the same ids whenever the sample is generated; only the stock
//!   is that of [`Plan::today`];
//! - a load is one transaction: if it is killed, the database stays as it was.
mod calendar; //        the dates of orders
mod companions; //      products that are bought together
mod copy_text; //       rows in COPY's text format
mod error; //           what can go wrong
mod history; //         every customer's orders
mod load; //            the front door to the database
mod master_data; //     loads the tables of fixed size
mod people; //          invented customers
mod product_catalog; // categories, types, products: text files and their parser
mod purchases; //       loads the tables that grow with the scale: customers, orders, order lines
mod random; //          weighted choices and independent random streams
mod stock; //           the stock of every product in every store
mod stores; //          the eight stores, their managers, and how busy they are

#[cfg(test)]
mod tests;

use chrono::NaiveDate;

pub use error::SampleDataError;
pub use load::{LoadedRows, Summary, clear, count_loaded, load, replace};
pub use product_catalog::{Category, Product, ProductCatalog, ProductType, read_product_catalog};
pub use stores::{HEAD_OFFICE, HEAD_OFFICE_NAME, STORES, Store};

/// How much data to generate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// 50,000 customers with about 200,000 orders and 415,000 order lines by the end of 2026; about
    /// 90 MB with indexes.
    Full,
    /// 1,000 customers, a fiftieth of [`Scale::Full`]: for tests and a first look.
    Small,
}

impl Scale {
    /// The number of customers by the end of 2026, from which all other numbers follow.
    #[must_use]
    pub fn customers(self) -> u32 {
        match self {
            Self::Full => 50_000,
            Self::Small => 1_000,
        }
    }
}

/// Everything that the rows depend on.
///
/// With the same seed and day, the customers of [`Scale::Small`] are those of [`Scale::Full`] with
/// the ids up to 1,000.
///
/// # Examples
/// ```
/// # use zava_mcp_server::sample_data::{Plan, Scale};
/// let today = chrono::NaiveDate::from_ymd_opt(2026, 11, 23).ok_or("no such day")?;
/// let plan = Plan { scale: Scale::Small, seed: Plan::DEFAULT_SEED, today };
/// assert_eq!(plan.scale.customers(), 1_000);
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// How much data.
    pub scale: Scale,
    /// Which of the 2⁶⁴ possible samples.
    pub seed: u64,
    /// The last day with registrations and orders; there are none after 2026. An earlier day leaves
    /// out everything after it and changes nothing before it.
    pub today: NaiveDate,
}

impl Plan {
    /// The seed that documentation and tests refer to.
    pub const DEFAULT_SEED: u64 = 42;
}
