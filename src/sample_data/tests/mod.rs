//! Holds the full sample against its rules by counting, without a database.
//!
//! The expected numbers stand here a second time on purpose: a rule that is changed by accident turns a test red.
//! The seed is fixed, so five standard deviations are a margin for the rules' arithmetic and not for luck.
mod assortment; // the catalogue's texts, the stores
mod plan; // what a plan decides, and that nothing else does
mod rules; // how customers, orders, prices and stock are distributed
mod tally; // what the rules are held against

use std::sync::LazyLock;

use chrono::NaiveDate;

use super::catalogue::Catalogue;
use super::history::Customers;
use super::{Plan, Scale, catalogue};

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| catalogue().unwrap());

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

/// The whole sample, as it is from the end of 2026 on.
fn whole(scale: Scale, seed: u64) -> Plan {
    Plan {
        today: day(2026, 12, 31),
        ..plan(scale, seed)
    }
}

fn customers(plan: Plan) -> Customers<'static> {
    Customers::new(&plan, &CATALOGUE).unwrap()
}
