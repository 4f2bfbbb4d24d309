//! Counts the customers and orders of the full sample, in one pass for all tests.
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use chrono::{Datelike as _, NaiveDate};

use super::super::Scale;
use super::super::history::{Customer, Line, Order};
use super::{CATALOG, complete_plan, customers};

/// For each store: share of the customers (of 130), order frequency, price level.
pub(super) const STORE_RULES: [(f64, f64, f64); 8] = [
    (30.0, 3.0, 1.3),
    (25.0, 2.6, 1.2),
    (20.0, 2.4, 1.1),
    (8.0, 2.0, 1.0),
    (7.0, 1.8, 0.95),
    (6.0, 1.6, 0.9),
    (4.0, 1.4, 0.85),
    (30.0, 3.0, 1.5),
];

/// The counts of the full sample.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) customers_by_store: [u32; 8],
    /// By the customer's store.
    pub(super) orders_by_store: [u32; 8],
    /// Orders at a store other than the customer's.
    pub(super) orders_at_second_store: u32,
    /// Customers with orders at two stores; no customer has more.
    pub(super) customers_of_two_stores: u32,
    /// Customers of the first store, by their number of orders.
    pub(super) first_store_by_orders: [u32; 16],
    pub(super) orders_by_year: [u32; 7],
    /// For the physical stores, and for the web shop.
    pub(super) orders_by_month: [[u32; 12]; 2],
    /// The same from Monday to Sunday.
    pub(super) orders_by_weekday: [[u32; 7]; 2],
    pub(super) orders_by_lines: [u32; 6],
    pub(super) lines_by_quantity: [u32; 6],
    pub(super) lines_by_discount: [u32; 26],
    /// The orders' first lines, which are never companions.
    pub(super) first_lines_by_month_and_category: [[u32; 9]; 12],
    pub(super) first_lines_by_product: Vec<u32>,
    pub(super) lines_by_product: Vec<u32>,
    /// Orders that have both products; the smaller id is first.
    pub(super) orders_by_pair: HashMap<(i32, i32), u32>,
    /// Sales of 2025 in cents, by store and category.
    pub(super) sales_in_2025: [[i64; 9]; 8],
    /// Pieces sold in 2026, by store.
    pub(super) pieces_in_2026: [u32; 8],
    /// Sum of unit price / (list price × price level).
    pub(super) price_factors: f64,
    pub(super) emails: HashSet<String>,
    pub(super) earliest: Option<NaiveDate>,
    pub(super) latest: Option<NaiveDate>,
    pub(super) last_order: i32,
    pub(super) last_line: i32,
}

pub(super) static TALLY: LazyLock<Tally> = LazyLock::new(|| {
    let mut tally = Tally {
        first_lines_by_product: vec![0; CATALOG.products.len()],
        lines_by_product: vec![0; CATALOG.products.len()],
        ..Tally::default()
    };
    customers(complete_plan(Scale::Full, 42)).for_each(|customer| tally.count_customer(customer));
    tally
});

impl Tally {
    fn count_customer(&mut self, customer: Customer) {
        let store = customer.store.id as usize - 1;
        self.customers_by_store[store] += 1;
        self.orders_by_store[store] += customer.orders.len() as u32;
        if store == 0 {
            self.first_store_by_orders[customer.orders.len()] += 1;
        }
        assert_eq!(
            customer.id as usize,
            self.emails.len() + 1,
            "ids are consecutive"
        );
        let first = customer.orders[0].date;
        assert!(customer.person.created_at < first.into(), "{customer:?}");
        assert!(
            customer.orders.is_sorted_by_key(|order| order.date),
            "{customer:?}"
        );
        assert!(
            customer.person.email.ends_with("@example.com"),
            "{customer:?}"
        );
        let stores: HashSet<_> = customer.orders.iter().map(|order| order.store.id).collect();
        assert!(stores.len() <= 2, "{customer:?}");
        self.customers_of_two_stores += u32::from(stores.len() == 2);
        assert!(
            self.emails.insert(customer.person.email),
            "two customers with one address"
        );
        for order in &customer.orders {
            self.orders_at_second_store += u32::from(order.store.id != customer.store.id);
            self.count_order(order);
        }
    }

    fn count_order(&mut self, order: &Order) {
        let online = usize::from(order.store.is_online);
        self.last_order += 1;
        assert_eq!(order.id, self.last_order);
        self.orders_by_year[order.date.year() as usize - 2020] += 1;
        self.orders_by_month[online][order.date.month0() as usize] += 1;
        self.orders_by_weekday[online][order.date.weekday().num_days_from_monday() as usize] += 1;
        self.orders_by_lines[order.lines.len()] += 1;
        self.earliest = self.earliest.min(Some(order.date)).or(Some(order.date));
        self.latest = self.latest.max(Some(order.date));
        for (index, line) in order.lines.iter().enumerate() {
            assert!(
                order.lines[..index]
                    .iter()
                    .all(|other| other.product_id != line.product_id),
                "{order:?}"
            );
            for other in &order.lines[..index] {
                let pair = (
                    line.product_id.min(other.product_id),
                    line.product_id.max(other.product_id),
                );
                *self.orders_by_pair.entry(pair).or_default() += 1;
            }
            self.count_line(order.store.id as usize - 1, line);
        }
        let first = order.lines[0].product_id as usize - 1;
        let category = CATALOG.products[first].category_id as usize - 1;
        self.first_lines_by_product[first] += 1;
        self.first_lines_by_month_and_category[order.date.month0() as usize][category] += 1;
        if order.date.year() == 2025 {
            for line in &order.lines {
                let category = CATALOG.products[line.product_id as usize - 1].category_id;
                self.sales_in_2025[order.store.id as usize - 1][category as usize - 1] +=
                    line.total_cents;
            }
        }
        if order.date.year() == 2026 {
            let pieces: i32 = order.lines.iter().map(|line| line.quantity).sum();
            self.pieces_in_2026[order.store.id as usize - 1] += pieces as u32;
        }
    }

    fn count_line(&mut self, store: usize, line: &Line) {
        self.last_line += 1;
        assert_eq!(line.id, self.last_line);
        let product = &CATALOG.products[line.product_id as usize - 1];
        self.lines_by_product[line.product_id as usize - 1] += 1;
        self.lines_by_quantity[line.quantity as usize] += 1;
        self.lines_by_discount[line.discount_percent as usize] += 1;

        let expected = product.base_price_cents() as f64 * STORE_RULES[store].2;
        let price = line.unit_price_cents as f64;
        assert!(
            price >= expected * 0.8 - 0.51 && price <= expected * 1.2 + 0.51,
            "{line:?} of {product:?}"
        );
        self.price_factors += price / expected;

        let full = line.unit_price_cents * i64::from(line.quantity);
        assert_eq!(line.total_cents, full - line.discount_cents, "{line:?}");
        let discount = full as f64 * f64::from(line.discount_percent) / 100.0;
        assert!(
            (line.discount_cents as f64 - discount).abs() <= 0.5,
            "{line:?}"
        );
        assert!(line.total_cents > 0, "{line:?}");
    }
}
