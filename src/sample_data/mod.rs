//! Makes and loads the Zava retail sample: eight stores, a hardware catalogue, seven years of orders.
//!
//! Knows the sample's rules, the tables of `retail` and `guard.tenant`, and sqlx; must not know how a
//! product's text becomes a vector (the caller hands in a closure), command lines or settings.
//!
//! Invariants:
//! - the rows depend on [`Plan`] and nothing else: no clock, no system randomness, no floating point,
//!   so the same plan gives the same rows on every machine;
//! - nothing is dated after [`Plan::today`];
//! - a load is one transaction: killed half-way, it leaves an empty database as it was.
mod assortment; // loads the tables of fixed size
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
    /// 50,000 customers with about 200,000 orders and 415,000 order lines; some 90 MB with indexes.
    Full,
    /// 1,000 customers, a fiftieth: for tests and a first look.
    Small,
}

impl Scale {
    /// The number of customers; all other numbers follow from it.
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
/// The customers of [`Scale::Small`] are the first thousand of [`Scale::Full`] with the same seed and day.
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
    /// The last day on which anybody may have bought something. Its year has as much of its weight as of
    /// it has passed; years after it, and after 2026, have no orders.
    pub today: NaiveDate,
}

impl Plan {
    /// The seed of the sample that documentation and tests speak of.
    pub const DEFAULT_SEED: u64 = 42;
}
