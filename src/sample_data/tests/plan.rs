//! The rows depend on the plan and nothing else.
use sha2::{Digest as _, Sha256};

use super::super::history::Customers;
use super::super::stock::stock;
use super::super::{Plan, SampleDataError, Scale};
use super::{CATALOG, complete_plan, customers, day, plan};

fn fingerprint(plan: Plan) -> String {
    let mut hash = Sha256::new();
    customers(plan).for_each(|customer| hash.update(format!("{customer:?}\n")));
    stock(&plan, &CATALOG).for_each(|row| hash.update(format!("{row:?}\n")));
    hash.finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[test]
fn the_rows_depend_on_the_plan_only() {
    let first = fingerprint(plan(Scale::Small, 42));
    assert_eq!(first, fingerprint(plan(Scale::Small, 42)));
    assert_ne!(first, fingerprint(plan(Scale::Small, 43)));
    let yesterday = Plan {
        today: day(2026, 11, 22),
        ..plan(Scale::Small, 42)
    };
    assert_ne!(first, fingerprint(yesterday));
    // Computed on Linux x86-64; it must be the same on every machine. It changes with the rules,
    // the names, the prices and the order of the products, and then everybody's sample changes too.
    assert_eq!(
        first,
        "6b32b1b4e3757f0db4b5a02900f4a438f02f18f4315ca545b7271e51e75c6740"
    );
}

/// A query about 2025 returns the same figures whenever the sample was loaded.
#[test]
fn the_past_does_not_depend_on_the_day_of_the_load() {
    for today in [
        day(2020, 1, 1),
        day(2020, 2, 29),
        day(2025, 12, 31),
        day(2026, 11, 23),
        day(2026, 12, 30),
        day(2031, 5, 5),
    ] {
        let early = Plan {
            today,
            ..plan(Scale::Small, 42)
        };
        let past = customers(complete_plan(Scale::Small, 42)).filter_map(|mut customer| {
            customer.orders.retain(|order| order.date <= today);
            (customer.person.created_at.date() <= today).then(|| format!("{customer:?}"))
        });
        let generated = customers(early).map(|customer| format!("{customer:?}"));
        assert!(past.eq(generated), "{today}");
    }
}

/// There are no orders and registrations after the plan's day, and at least one order on it.
#[test]
fn nothing_is_dated_after_today() {
    let today = day(2026, 11, 23);
    let (mut orders, mut latest, mut without_orders) = (0, None, 0);
    for customer in customers(plan(Scale::Full, 42)) {
        assert!(customer.person.created_at.date() <= today, "{customer:?}");
        assert!(
            customer.orders.iter().all(|order| order.date <= today),
            "{customer:?}"
        );
        orders += customer.orders.len();
        latest = latest.max(customer.orders.last().map(|order| order.date));
        without_orders += u32::from(customer.orders.is_empty());
    }
    assert_eq!(latest, Some(today));
    assert!((190_000..=205_000).contains(&orders), "{orders}");
    assert!(
        (50..500).contains(&without_orders),
        "{without_orders} only registered"
    );
}

#[test]
fn the_small_sample_is_the_beginning_of_the_full_one() {
    let small = customers(complete_plan(Scale::Small, 7));
    assert_eq!(small.count(), 1_000);
    let pairs = customers(plan(Scale::Small, 7)).zip(customers(plan(Scale::Full, 7)));
    assert!(
        pairs
            .take(50)
            .all(|(small, full)| format!("{small:?}") == format!("{full:?}"))
    );
}

#[test]
fn a_day_before_the_sample_begins_is_rejected() {
    let too_early = Plan {
        today: day(2019, 12, 31),
        ..plan(Scale::Small, 1)
    };
    assert!(matches!(
        Customers::new(&too_early, &CATALOG),
        Err(SampleDataError::TooEarly(_))
    ));
}
