//! What a plan decides, and that nothing else does.
use chrono::NaiveDate;
use sha2::{Digest as _, Sha256};

use super::super::history::Customers;
use super::super::stock::stock;
use super::super::{Plan, SampleDataError, Scale};
use super::{CATALOGUE, customers, plan};

fn fingerprint(plan: Plan) -> String {
    let mut hash = Sha256::new();
    customers(plan).for_each(|customer| hash.update(format!("{customer:?}\n")));
    stock(&plan, &CATALOGUE).for_each(|row| hash.update(format!("{row:?}\n")));
    hash.finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[test]
fn the_plan_decides_everything() {
    let first = fingerprint(plan(Scale::Small, 42));
    assert_eq!(first, fingerprint(plan(Scale::Small, 42)));
    assert_ne!(first, fingerprint(plan(Scale::Small, 43)));
    let yesterday = NaiveDate::from_ymd_opt(2026, 11, 22).unwrap();
    assert_ne!(
        first,
        fingerprint(Plan {
            today: yesterday,
            ..plan(Scale::Small, 42)
        })
    );
    // Made on Linux x86-64. A change of rules, names, prices or product order changes it, and everybody's sample with
    // it; on another machine it must not.
    assert_eq!(
        first,
        "6d76d05bfca342c9d12bbc6a62c3c34a861d7ed6dcafc6840d62efab2d5a9405"
    );
}

#[test]
fn small_is_the_beginning_of_full() {
    let small = customers(plan(Scale::Small, 7));
    assert_eq!(small.count(), 1_000);
    let pairs = customers(plan(Scale::Small, 7)).zip(customers(plan(Scale::Full, 7)));
    assert!(
        pairs
            .take(50)
            .all(|(small, full)| format!("{small:?}") == format!("{full:?}"))
    );
}

#[test]
fn before_the_sample_begins_there_is_nothing() {
    let too_early = Plan {
        today: NaiveDate::from_ymd_opt(2019, 12, 31).unwrap(),
        ..plan(Scale::Small, 1)
    };
    assert!(matches!(
        Customers::new(&too_early, &CATALOGUE),
        Err(SampleDataError::TooEarly(_))
    ));
}
