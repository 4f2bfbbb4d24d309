//! Makes and loads the Zava retail sample: eight stores, a hardware catalogue, seven years of orders.
//!
//! Knows the sample's rules, the tables of `retail` and `guard.tenant`, and sqlx; must not know how a
//! product's text becomes a vector (the caller hands in a closure), command lines or settings.
//!
//! Invariants:
//! - the rows depend on [`Plan`] and nothing else: no clock, no system randomness, no floating point,
//!   so the same plan gives the same rows on every machine;
//! - nothing is dated after [`Plan::today`];
//! - the past does not depend on [`Plan::today`]: the orders of a day, and the customers registered
//!   by then, are the same rows with the same ids whenever the sample is made; only the stock is
//!   that of the day;
//! - a load is one transaction: killed half-way, it leaves an empty database as it was.
mod assortment; // loads the tables of fixed size
mod baskets; // which products are bought together
mod calendar; // on which day an order is placed
mod catalogue; // categories, types, products: text files and their parser
mod chance; // weighted choices and independent streams of randomness
mod copy_text; // rows in COPY's text format
mod error; // what can go wrong
mod history; // what each customer bought, when and for how much
mod load; // the front door to the database
mod people; // invented customers
mod progress; // bars on a terminal, lines elsewhere
mod purchases; // loads what grows with the scale: customers, orders, order lines
mod stock; // how many of a product a store has
mod stores; // the eight stores, their managers, how busy they are

#[cfg(test)]
mod tests;

use chrono::NaiveDate;

pub use catalogue::{
    Catalogue, Category, Product, ProductType, catalogue, content_hash, embedding_text,
};
pub use error::SampleDataError;
pub use load::{Loaded, Summary, clear, is_loaded, load, replace};
pub use progress::Progress;
pub use stores::{HEAD_OFFICE, HEAD_OFFICE_NAME, STORES, Store};

/// How much data to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// 50,000 customers with about 200,000 orders and 415,000 order lines by the end of 2026; some
    /// 90 MB with indexes.
    Full,
    /// 1,000 customers, a fiftieth: for tests and a first look.
    Small,
}

impl Scale {
    /// The number of customers by the end of 2026; all other numbers follow from it.
    #[must_use]
    pub fn customers(self) -> u32 {
        match self {
            Self::Full => 50_000,
            Self::Small => 1_000,
        }
    }
}

/// Everything the rows depend on.
///
/// The customers of [`Scale::Small`] are those of [`Scale::Full`] with the ids up to 1,000, of the
/// same seed and day.
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
    /// How much.
    pub scale: Scale,
    /// Which of the 2⁶⁴ possible samples.
    pub seed: u64,
    /// The last day on which anybody may have bought something or registered; after 2026 nobody
    /// does. An earlier day leaves out what comes after it and changes nothing of what came before.
    pub today: NaiveDate,
}

impl Plan {
    /// The seed of the sample that documentation and tests speak of.
    pub const DEFAULT_SEED: u64 = 42;
}
