//! Checks the full sample against its rules by counting, without a database.
//!
//! The tests repeat the expected numbers on purpose, so that an accidental change of a rule fails a
//! test. The seed is fixed, so the tolerance of five standard deviations is not for random failures
//! but for the rounding in the rules.
mod distributions; //   distributions of customers, orders, prices and stock
mod plan; //            the rows depend on the plan and nothing else
mod product_catalog; // the catalog's texts, and the stores
mod tally; //           the counts that the tests check

use std::sync::LazyLock;

use chrono::NaiveDate;

use super::history::Customers;
use super::product_catalog::ProductCatalog;
use super::{Plan, Scale, read_product_catalog};

static CATALOG: LazyLock<ProductCatalog> = LazyLock::new(|| read_product_catalog().unwrap());

fn day(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap()
}

fn plan(scale: Scale, seed: u64) -> Plan {
    Plan {
        scale,
        seed,
        today: day(2026, 11, 23),
    }
}

/// The plan of the complete sample, to the end of 2026.
fn complete_plan(scale: Scale, seed: u64) -> Plan {
    Plan {
        today: day(2026, 12, 31),
        ..plan(scale, seed)
    }
}

fn customers(plan: Plan) -> Customers<'static> {
    Customers::new(&plan, &CATALOG).unwrap()
}
