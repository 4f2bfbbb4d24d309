//! Generates every customer's orders: products, dates, quantities and prices.
//!
//! Invariant: orders are always drawn to the end of 2026, and those after [`Plan::today`] are left
//! out afterwards. A day's orders are therefore the same, with the same ids, for every later
//! [`Plan::today`].
use chrono::{Datelike as _, NaiveDate};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

use super::calendar::{Calendar, YEARS};
use super::companions::Companions;
use super::people::{People, Person};
use super::product_catalog::ProductCatalog;
use super::random::{StreamId, WeightedChoice, draw_bool, draw_percent, random_stream};
use super::stores::{STORES, Store};
use super::{Plan, SampleDataError};

/// Percentage of customers who place 0, 1, … 5 orders at a store with an order frequency of 1.
pub(super) const ORDERS_PERCENT: [u32; 6] = [20, 40, 20, 10, 7, 3];
/// Percentage of orders with 1, 2, … 5 lines.
pub(super) const LINES_PERCENT: [u32; 5] = [40, 30, 15, 10, 5];
/// Percentage of order lines with a quantity of 1, 2, … 5.
pub(super) const QUANTITY_PERCENT: [u32; 5] = [60, 25, 10, 3, 2];
/// Percentage of order lines with a discount.
const DISCOUNTED_PERCENT: u32 = 15;
/// The discounts in percent, all equally likely.
const DISCOUNTS: [u32; 5] = [5, 10, 15, 20, 25];
/// Percentage of products that are drawn by season.
pub(super) const SEASONAL_PERCENT: u32 = 85;
/// Percentage of those that are from the category drawn by season; the others are any product.
pub(super) const IN_CATEGORY_PERCENT: u32 = 90;
/// Percentage of an order's lines, from the second on, that are a companion of the line before.
const COMPANION_PERCENT: u32 = 35;
/// Percentage of customers who also buy at a second store.
const SECOND_STORE_PERCENT: u32 = 15;
/// Percentage of such a customer's orders that are placed at the second store.
const SECOND_STORE_ORDERS_PERCENT: u32 = 30;

/// A customer and all orders of the customer.
#[derive(Clone, Debug)]
pub(super) struct Customer {
    /// The `customer_id`, from 1.
    pub(super) id: i32,
    pub(super) person: Person,
    /// The store where the customer buys most.
    pub(super) store: &'static Store,
    /// In the order of dates; empty for a customer who has registered and not ordered yet.
    pub(super) orders: Vec<Order>,
}

/// An order with its lines.
#[derive(Clone, Debug)]
pub(super) struct Order {
    /// The `order_id`, from 1.
    pub(super) id: i32,
    pub(super) store: &'static Store,
    pub(super) date: NaiveDate,
    /// At least one line; no product twice.
    pub(super) lines: Vec<Line>,
}

/// An order line.
#[derive(Clone, Debug)]
pub(super) struct Line {
    /// The `order_item_id`, from 1.
    pub(super) id: i32,
    pub(super) product_id: i32,
    pub(super) quantity: i32,
    pub(super) unit_price_cents: i64,
    pub(super) discount_percent: i32,
    pub(super) discount_cents: i64,
    pub(super) total_cents: i64,
}

/// An iterator over the customers of a plan. They are generated one by one, so that only the
/// current ones use memory.
#[derive(Debug)]
pub(super) struct Customers<'a> {
    catalog: &'a ProductCatalog,
    today: NaiveDate,
    calendar: Calendar,
    stores: WeightedChoice,
    /// For each store, counted from 0: the choice among the other stores.
    second_stores: Vec<WeightedChoice>,
    seasons: Seasons,
    companions: Companions,
    people: People,
    people_stream: ChaCha8Rng,
    purchases_stream: ChaCha8Rng,
    remaining: u32,
    last_customer: i32,
    last_order: i32,
    last_line: i32,
}

impl<'a> Customers<'a> {
    pub(super) fn new(plan: &Plan, catalog: &'a ProductCatalog) -> Result<Self, SampleDataError> {
        if plan.today < YEARS[0].0 {
            return Err(SampleDataError::TooEarly(plan.today));
        }
        let other_stores = |home: &Store| {
            let share = |store: &Store| if store.id == home.id { 0 } else { store.share };
            weighted_choice(STORES.iter().map(share))
        };
        Ok(Self {
            catalog,
            today: plan.today,
            calendar: Calendar::new().ok_or(NO_WEIGHTS)?,
            stores: weighted_choice(STORES.iter().map(|store| store.share))?,
            second_stores: STORES.iter().map(other_stores).collect::<Result<_, _>>()?,
            seasons: Seasons::new(catalog)?,
            companions: Companions::new(catalog)?,
            people: People::new(),
            people_stream: random_stream(plan.seed, StreamId::People),
            purchases_stream: random_stream(plan.seed, StreamId::Purchases),
            remaining: plan.scale.customers(),
            last_customer: 0,
            last_order: 0,
            last_line: 0,
        })
    }

    /// Draws the dates and stores of one customer's orders, the oldest first; at least one.
    fn draw_visits(&mut self, home: &'static Store) -> Vec<(NaiveDate, &'static Store)> {
        let stream = &mut self.purchases_stream;
        let base_orders = draw_percent(&ORDERS_PERCENT, stream) as u32;
        let count = (base_orders * home.frequency_tenths / 10).max(1);
        let second_store = draw_bool(stream, SECOND_STORE_PERCENT)
            .then(|| &STORES[self.second_stores[home.id as usize - 1].draw(stream)]);
        let mut visits: Vec<_> = (0..count)
            .map(|_| {
                let store = second_store
                    .filter(|_| draw_bool(stream, SECOND_STORE_ORDERS_PERCENT))
                    .unwrap_or(home);
                (self.calendar.draw(store.is_online, stream), store)
            })
            .collect();
        visits.sort_by_key(|(date, _)| *date);
        visits
    }

    fn draw_order(&mut self, store: &'static Store, date: NaiveDate) -> Order {
        let count = draw_percent(&LINES_PERCENT, &mut self.purchases_stream) + 1;
        let mut lines: Vec<Line> = Vec::with_capacity(count);
        while lines.len() < count {
            let product = self.draw_product(lines.last(), date);
            // An order has a product only once. Fewer than 1 % of the products are drawn again.
            if lines.iter().all(|line| line.product_id != product + 1) {
                lines.push(self.draw_line(store, product));
            }
        }
        self.last_order += 1;
        Order {
            id: self.last_order,
            store,
            date,
            lines,
        }
    }

    /// Draws a product's position in the catalog: a companion of the line before, or a product by
    /// season.
    fn draw_product(&mut self, before: Option<&Line>, date: NaiveDate) -> i32 {
        let stream = &mut self.purchases_stream;
        match before {
            Some(line) if draw_bool(stream, COMPANION_PERCENT) => {
                let product = &self.catalog.products[line.product_id as usize - 1];
                self.companions.draw(product, stream)
            }
            _ => self.seasons.draw_product(date, stream),
        }
    }

    /// Draws the next customer, with all orders to the end of the calendar.
    fn draw_customer(&mut self) -> Customer {
        self.last_customer += 1;
        let id = self.last_customer;
        let store = &STORES[self.stores.draw(&mut self.purchases_stream)];
        let visits = self.draw_visits(store);
        let person = self
            .people
            .draw(id, store, visits[0].0, &mut self.people_stream);
        let orders = visits
            .into_iter()
            .map(|(date, store)| self.draw_order(store, date))
            .collect();
        Customer {
            id,
            person,
            store,
            orders,
        }
    }

    /// Draws an order line for the product at this position of the catalog.
    fn draw_line(&mut self, store: &Store, product: i32) -> Line {
        let stream = &mut self.purchases_stream;
        let product = &self.catalog.products[product as usize];
        let quantity = draw_percent(&QUANTITY_PERCENT, stream) as i32 + 1;
        let factor_basis_points = stream.random_range(8_000..=12_000);
        let discount_percent = match draw_bool(stream, DISCOUNTED_PERCENT) {
            true => DISCOUNTS[stream.random_range(0..DISCOUNTS.len() as u32) as usize],
            false => 0,
        };
        let level = factor_basis_points * i64::from(store.value_percent);
        let unit_price_cents = divide_rounded(product.base_price_cents() * level, 10_000 * 100);
        let full_cents = unit_price_cents * i64::from(quantity);
        let discount_cents = divide_rounded(full_cents * i64::from(discount_percent), 100);
        self.last_line += 1;
        Line {
            id: self.last_line,
            product_id: product.id,
            quantity,
            unit_price_cents,
            discount_percent: discount_percent as i32,
            discount_cents,
            total_cents: full_cents - discount_cents,
        }
    }
}

impl Iterator for Customers<'_> {
    type Item = Customer;

    fn next(&mut self) -> Option<Customer> {
        loop {
            self.remaining = self.remaining.checked_sub(1)?;
            let mut customer = self.draw_customer();
            if customer.person.created_at.date() <= self.today {
                customer.orders.retain(|order| order.date <= self.today);
                return Some(customer);
            }
        }
    }
}

/// The seasonal demand: which categories are bought in which month.
#[derive(Clone, Debug)]
struct Seasons {
    /// For each month, the choice among the categories.
    by_month: Vec<WeightedChoice>,
    /// For each category, the positions of its products, which are contiguous.
    ranges: Vec<std::ops::Range<i32>>,
    /// The number of products.
    products: i32,
}

impl Seasons {
    fn new(catalog: &ProductCatalog) -> Result<Self, SampleDataError> {
        let categories_by_month = |month: usize| {
            weighted_choice(
                catalog
                    .categories
                    .iter()
                    .map(|category| category.month_percent[month]),
            )
        };
        let position = |id| {
            catalog
                .products
                .partition_point(|product| product.category_id < id) as i32
        };
        Ok(Self {
            by_month: (0..12).map(categories_by_month).collect::<Result<_, _>>()?,
            ranges: catalog
                .categories
                .iter()
                .map(|category| position(category.id)..position(category.id + 1))
                .collect(),
            products: catalog.products.len() as i32,
        })
    }

    /// Draws a product's position in the catalog.
    fn draw_product(&self, date: NaiveDate, stream: &mut ChaCha8Rng) -> i32 {
        if draw_bool(stream, SEASONAL_PERCENT) {
            let category = self.by_month[date.month0() as usize].draw(stream);
            if draw_bool(stream, IN_CATEGORY_PERCENT) {
                return stream.random_range(self.ranges[category].clone());
            }
        }
        stream.random_range(0..self.products)
    }
}

/// A choice by weights. The catalog's parser and the table of stores ensure that not all are zero.
fn weighted_choice(
    weights: impl IntoIterator<Item = u32>,
) -> Result<WeightedChoice, SampleDataError> {
    WeightedChoice::new(weights).ok_or(NO_WEIGHTS)
}

const NO_WEIGHTS: SampleDataError = SampleDataError::Catalog {
    file: "(all)",
    line: 0,
    message: "all weights are zero",
};

/// Divides two positive numbers and rounds half up, as cash registers do.
fn divide_rounded(dividend: i64, divisor: i64) -> i64 {
    (dividend + divisor / 2) / divisor
}
