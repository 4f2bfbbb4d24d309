//! What each customer bought, when and for how much.
//!
//! Invariant: everything is drawn to the end of 2026, and what comes after [`Plan::today`] is left
//! out afterwards. So a day's orders are the same, with their ids, on whatever later day the sample
//! is made.
use chrono::{Datelike as _, NaiveDate};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

use super::baskets::Companions;
use super::calendar::{Calendar, YEARS};
use super::catalogue::Catalogue;
use super::chance::{Subject, Weighted, happens, pick_percent, stream};
use super::people::{People, Person};
use super::stores::{STORES, Store};
use super::{Plan, SampleDataError};

/// Of 100 customers, how many would place 0, 1, … 5 orders at a store of frequency 1.
pub(super) const ORDERS_PERCENT: [u32; 6] = [20, 40, 20, 10, 7, 3];
/// Of 100 orders, how many have 1, 2, … 5 lines.
pub(super) const LINES_PERCENT: [u32; 5] = [40, 30, 15, 10, 5];
/// Of 100 order lines, how many are for 1, 2, … 5 pieces.
pub(super) const QUANTITY_PERCENT: [u32; 5] = [60, 25, 10, 3, 2];
/// Of 100 order lines, how many are discounted.
const DISCOUNTED_PERCENT: u32 = 15;
/// By how many per cent, each as likely as the others.
const DISCOUNTS: [u32; 5] = [5, 10, 15, 20, 25];
/// Of 100 picks, how many follow the season.
pub(super) const SEASONAL_PERCENT: u32 = 85;
/// Of 100 picks that follow the season, how many stay in the category that the season suggests.
pub(super) const FAITHFUL_PERCENT: u32 = 90;
/// Of 100 order lines after an order's first, how many go with the line before.
const COMPANION_PERCENT: u32 = 35;
/// Of 100 customers, how many buy at a second store too.
const SECOND_STORE_PERCENT: u32 = 15;
/// Of 100 orders of such a customer, how many are placed there.
const AWAY_PERCENT: u32 = 30;

/// A customer with all orders.
#[derive(Clone, Debug)]
pub(super) struct Customer {
    /// The `customer_id`, from 1.
    pub(super) id: i32,
    pub(super) person: Person,
    /// Where the customer buys, mostly.
    pub(super) store: &'static Store,
    /// By date; none yet of a customer who has only registered.
    pub(super) orders: Vec<Order>,
}

/// An order with its lines.
#[derive(Clone, Debug)]
pub(super) struct Order {
    /// The `order_id`, from 1.
    pub(super) id: i32,
    pub(super) store: &'static Store,
    pub(super) date: NaiveDate,
    /// At least one; no product twice.
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

/// Makes the customers of a plan one after the other, so that only those in hand take memory.
#[derive(Debug)]
pub(super) struct Customers<'a> {
    catalogue: &'a Catalogue,
    today: NaiveDate,
    calendar: Calendar,
    stores: Weighted,
    /// By store, from 0: the choice among the others.
    second_stores: Vec<Weighted>,
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
    pub(super) fn new(plan: &Plan, catalogue: &'a Catalogue) -> Result<Self, SampleDataError> {
        if plan.today < YEARS[0].0 {
            return Err(SampleDataError::TooEarly(plan.today));
        }
        let others_of = |home: &Store| {
            let share = |store: &Store| if store.id == home.id { 0 } else { store.share };
            weighted(STORES.iter().map(share))
        };
        Ok(Self {
            catalogue,
            today: plan.today,
            calendar: Calendar::new().ok_or(WEIGHTLESS)?,
            stores: weighted(STORES.iter().map(|store| store.share))?,
            second_stores: STORES.iter().map(others_of).collect::<Result<_, _>>()?,
            seasons: Seasons::new(catalogue)?,
            companions: Companions::new(catalogue)?,
            people: People::new(),
            people_stream: stream(plan.seed, Subject::People),
            purchases_stream: stream(plan.seed, Subject::Purchases),
            remaining: plan.scale.customers(),
            last_customer: 0,
            last_order: 0,
            last_line: 0,
        })
    }

    /// When and where one customer orders, the oldest first; at least once.
    fn draw_visits(&mut self, home: &'static Store) -> Vec<(NaiveDate, &'static Store)> {
        let stream = &mut self.purchases_stream;
        let eager = pick_percent(&ORDERS_PERCENT, stream) as u32;
        let count = (eager * home.frequency_tenths / 10).max(1);
        let second = happens(stream, SECOND_STORE_PERCENT)
            .then(|| &STORES[self.second_stores[home.id as usize - 1].pick(stream)]);
        let mut visits: Vec<_> = (0..count)
            .map(|_| {
                let away = second.filter(|_| happens(stream, AWAY_PERCENT));
                let store = away.unwrap_or(home);
                (self.calendar.draw(store.is_online, stream), store)
            })
            .collect();
        visits.sort_by_key(|(date, _)| *date);
        visits
    }

    fn draw_order(&mut self, store: &'static Store, date: NaiveDate) -> Order {
        let count = pick_percent(&LINES_PERCENT, &mut self.purchases_stream) + 1;
        let mut lines: Vec<Line> = Vec::with_capacity(count);
        while lines.len() < count {
            let product = self.draw_product(lines.last(), date);
            // A receipt lists a product once; another pick costs less than a per cent of them.
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

    /// Draws a product's position in the catalogue: what goes with the line before, or what the
    /// season suggests.
    fn draw_product(&mut self, before: Option<&Line>, date: NaiveDate) -> i32 {
        let stream = &mut self.purchases_stream;
        match before {
            Some(line) if happens(stream, COMPANION_PERCENT) => {
                let product = &self.catalogue.products[line.product_id as usize - 1];
                self.companions.draw(product, stream)
            }
            _ => self.seasons.draw_product(date, stream),
        }
    }

    /// The next customer, with all orders to the end of the calendar.
    fn draw_customer(&mut self) -> Customer {
        self.last_customer += 1;
        let id = self.last_customer;
        let store = &STORES[self.stores.pick(&mut self.purchases_stream)];
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

    /// A line for the product at this position of the catalogue.
    fn draw_line(&mut self, store: &Store, product: i32) -> Line {
        let stream = &mut self.purchases_stream;
        let product = &self.catalogue.products[product as usize];
        let quantity = pick_percent(&QUANTITY_PERCENT, stream) as i32 + 1;
        let factor_basis_points = stream.random_range(8_000..=12_000);
        let discount_percent = match happens(stream, DISCOUNTED_PERCENT) {
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

/// Which products are bought in which month.
#[derive(Clone, Debug)]
struct Seasons {
    /// For each month the choice among the categories.
    by_month: Vec<Weighted>,
    /// For each category the positions of its products, which lie together.
    ranges: Vec<std::ops::Range<i32>>,
    /// How many products there are.
    products: i32,
}

impl Seasons {
    fn new(catalogue: &Catalogue) -> Result<Self, SampleDataError> {
        let of_month = |month: usize| {
            weighted(
                catalogue
                    .categories
                    .iter()
                    .map(|category| category.month_percent[month]),
            )
        };
        let position = |id| {
            catalogue
                .products
                .partition_point(|product| product.category_id < id) as i32
        };
        Ok(Self {
            by_month: (0..12).map(of_month).collect::<Result<_, _>>()?,
            ranges: catalogue
                .categories
                .iter()
                .map(|category| position(category.id)..position(category.id + 1))
                .collect(),
            products: catalogue.products.len() as i32,
        })
    }

    /// Draws a product's position in the catalogue.
    fn draw_product(&self, date: NaiveDate, stream: &mut ChaCha8Rng) -> i32 {
        if happens(stream, SEASONAL_PERCENT) {
            let category = self.by_month[date.month0() as usize].pick(stream);
            if happens(stream, FAITHFUL_PERCENT) {
                return stream.random_range(self.ranges[category].clone());
            }
        }
        stream.random_range(0..self.products)
    }
}

/// Weights that the catalogue's parser and the table of stores have made positive.
fn weighted(weights: impl IntoIterator<Item = u32>) -> Result<Weighted, SampleDataError> {
    Weighted::new(weights).ok_or(WEIGHTLESS)
}

const WEIGHTLESS: SampleDataError = SampleDataError::Catalogue {
    file: "(all)",
    line: 0,
    defect: "nothing has weight",
};

/// Rounds half up, as cash registers do; both numbers are positive.
fn divide_rounded(dividend: i64, divisor: i64) -> i64 {
    (dividend + divisor / 2) / divisor
}
