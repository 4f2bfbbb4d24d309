//! How many of a product a store has.
use chrono::Datelike as _;
use rand::RngExt as _;

use super::Plan;
use super::calendar::YEARS;
use super::catalogue::Catalogue;
use super::chance::{Subject, pick_percent, stream};
use super::history::{
    FAITHFUL_PERCENT, LINES_PERCENT, ORDERS_PERCENT, QUANTITY_PERCENT, SEASONAL_PERCENT,
};
use super::stores::{STORES, Store};

/// A store's stock of a product.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stock {
    pub(super) store_id: i32,
    pub(super) product_id: i32,
    /// 0 when the product is sold out.
    pub(super) level: i32,
}

/// How well a store is covered: how many of 100 products, for how many days of expected sales, and
/// with how many pieces at least and at most when hardly any are sold.
struct Cover {
    days: std::ops::RangeInclusive<u64>,
    display: std::ops::RangeInclusive<u64>,
}

/// Sold out, about to be, usual, ample, and more than anybody will buy soon.
const COVER_PERCENT: [u32; 5] = [5, 10, 60, 20, 5];
const COVERS: [Cover; 5] = [
    Cover {
        days: 0..=0,
        display: 0..=0,
    },
    Cover {
        days: 2..=10,
        display: 1..=1,
    },
    Cover {
        days: 14..=60,
        display: 1..=3,
    },
    Cover {
        days: 60..=150,
        display: 2..=5,
    },
    Cover {
        days: 240..=540,
        display: 6..=12,
    },
];

/// The stock of every product in every store on the plan's day, by what the store expects to sell
/// in that month.
pub(super) fn stock<'a>(
    plan: &Plan,
    catalogue: &'a Catalogue,
) -> impl Iterator<Item = Stock> + use<'a> {
    let mut stream = stream(plan.seed, Subject::Stock);
    let demand = Demand::new(plan, catalogue);
    let pairs = STORES.iter().flat_map(|store| {
        catalogue
            .products
            .iter()
            .map(move |product| (store, product))
    });
    pairs.map(move |(store, product)| {
        let cover = &COVERS[pick_percent(&COVER_PERCENT, &mut stream)];
        let sold = demand.of_day(store, product.category_id);
        let days = stream.random_range(cover.days.clone());
        let display = stream.random_range(cover.display.clone());
        Stock {
            store_id: store.id,
            product_id: product.id,
            level: (sold * days).div_ceil(MILLIONTH).max(display) as i32,
        }
    })
}

const MILLIONTH: u64 = 1_000_000;
const BILLIONTH: u64 = 1_000_000_000;

/// What is expected to be sold, in whole numbers so that every machine rounds alike. Companions in
/// a basket are left out.
struct Demand {
    /// By store, from 0: millionths of pieces a day, of all products.
    by_store: Vec<u64>,
    /// By category, from 0: what part of all pieces one of its products is, in billionths.
    by_category: Vec<u64>,
}

impl Demand {
    fn new(plan: &Plan, catalogue: &Catalogue) -> Self {
        let total_weight: u32 = YEARS.iter().map(|(_, weight)| weight).sum();
        let (last_year, weight) = YEARS[YEARS.len() - 1];
        let (month, weight) = match YEARS
            .iter()
            .find(|(first, _)| first.year() == plan.today.year())
        {
            Some((_, weight)) => (plan.today.month0() as usize, *weight),
            // The sample has ended with the last December.
            None if plan.today > last_year => (11, weight),
            None => (0, YEARS[0].1),
        };
        let pieces = mean_percent(&LINES_PERCENT) * mean_percent(&QUANTITY_PERCENT);
        let shares: u32 = STORES.iter().map(|store| store.share).sum();
        let of_store = |store: &Store| {
            let customers = u64::from(plan.scale.customers() * store.share);
            let orders = customers * orders_percent(store) * u64::from(weight);
            let days = u64::from(shares) * 100 * u64::from(total_weight) * 365;
            orders * MILLIONTH / days * pieces / 10_000
        };
        let seasons: u32 = catalogue
            .categories
            .iter()
            .map(|category| category.month_percent[month])
            .sum();
        let products = catalogue.products.len() as u64;
        let of_category = |category: &super::Category| {
            let own = catalogue
                .products
                .iter()
                .filter(|product| product.category_id == category.id)
                .count() as u64;
            let faithful = u64::from(SEASONAL_PERCENT * FAITHFUL_PERCENT);
            let season = u64::from(category.month_percent[month]);
            faithful * (BILLIONTH / 10_000) * season / u64::from(seasons) / own
                + (10_000 - faithful) * (BILLIONTH / 10_000) / products
        };
        Self {
            by_store: STORES.iter().map(of_store).collect(),
            by_category: catalogue.categories.iter().map(of_category).collect(),
        }
    }

    /// Millionths of pieces that a store sells of one of a category's products on an average day.
    fn of_day(&self, store: &Store, category_id: i32) -> u64 {
        let share = self.by_category[category_id as usize - 1];
        self.by_store[store.id as usize - 1] * share / BILLIONTH
    }
}

/// A hundred times the mean of 1, 2, … with these percentages.
fn mean_percent(percent: &[u32; 5]) -> u64 {
    (1..)
        .zip(percent)
        .map(|(number, &part)| number * u64::from(part))
        .sum()
}

/// A hundred times the mean number of orders of a store's customer.
fn orders_percent(store: &Store) -> u64 {
    let orders = |eager: u32| (eager * store.frequency_tenths / 10).max(1);
    (0..)
        .zip(ORDERS_PERCENT)
        .map(|(eager, part)| u64::from(orders(eager) * part))
        .sum()
}
