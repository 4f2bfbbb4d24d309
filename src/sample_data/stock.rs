//! Draws the stock of every product in every store.
use chrono::Datelike as _;
use rand::RngExt as _;

use super::Plan;
use super::calendar::YEARS;
use super::history::{
    IN_CATEGORY_PERCENT, LINES_PERCENT, ORDERS_PERCENT, QUANTITY_PERCENT, SEASONAL_PERCENT,
};
use super::product_catalog::ProductCatalog;
use super::random::{StreamId, draw_percent, random_stream};
use super::stores::{STORES, Store};

/// A store's stock of a product.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stock {
    pub(super) store_id: i32,
    pub(super) product_id: i32,
    /// Pieces in stock; 0 if the product is sold out.
    pub(super) level: i32,
}

/// A class of stock cover: for how many days of expected sales the stock lasts, and the minimum
/// number of pieces on the shelf, which applies to products that hardly sell.
struct StockCover {
    days: std::ops::RangeInclusive<u64>,
    min_pieces: std::ops::RangeInclusive<u64>,
}

/// Percentage of products in each class: sold out, nearly sold out, normal, ample, overstocked.
const COVER_PERCENT: [u32; 5] = [5, 10, 60, 20, 5];
const COVERS: [StockCover; 5] = [
    StockCover {
        days: 0..=0,
        min_pieces: 0..=0,
    },
    StockCover {
        days: 2..=10,
        min_pieces: 1..=1,
    },
    StockCover {
        days: 14..=60,
        min_pieces: 1..=3,
    },
    StockCover {
        days: 60..=150,
        min_pieces: 2..=5,
    },
    StockCover {
        days: 240..=540,
        min_pieces: 6..=12,
    },
];

/// The stock of every product in every store on the plan's day, derived from the store's expected
/// sales in that month.
pub(super) fn stock<'a>(
    plan: &Plan,
    catalog: &'a ProductCatalog,
) -> impl Iterator<Item = Stock> + use<'a> {
    let mut stream = random_stream(plan.seed, StreamId::Stock);
    let expected_sales = ExpectedSales::new(plan, catalog);
    let pairs = STORES
        .iter()
        .flat_map(|store| catalog.products.iter().map(move |product| (store, product)));
    pairs.map(move |(store, product)| {
        let cover = &COVERS[draw_percent(&COVER_PERCENT, &mut stream)];
        let millionths_a_day = expected_sales.per_day(store, product.category_id);
        let days = stream.random_range(cover.days.clone());
        let min_pieces = stream.random_range(cover.min_pieces.clone());
        Stock {
            store_id: store.id,
            product_id: product.id,
            level: (millionths_a_day * days).div_ceil(MILLION).max(min_pieces) as i32,
        }
    })
}

const MILLION: u64 = 1_000_000;
const BILLION: u64 = 1_000_000_000;

/// The expected sales, in integers so that every machine rounds alike. Companion products are
/// ignored.
struct ExpectedSales {
    /// For each store, counted from 0: millionths of pieces of all products per day.
    by_store: Vec<u64>,
    /// For each category, counted from 0: the share of one of its products in all pieces, in
    /// billionths.
    by_category: Vec<u64>,
}

impl ExpectedSales {
    fn new(plan: &Plan, catalog: &ProductCatalog) -> Self {
        let total_weight: u32 = YEARS.iter().map(|(_, weight)| weight).sum();
        let (last_year, weight) = YEARS[YEARS.len() - 1];
        let (month, weight) = match YEARS
            .iter()
            .find(|(first, _)| first.year() == plan.today.year())
        {
            Some((_, weight)) => (plan.today.month0() as usize, *weight),
            // After the sample's end, December of the last year applies.
            None if plan.today > last_year => (11, weight),
            None => (0, YEARS[0].1),
        };
        let pieces = mean_percent(&LINES_PERCENT) * mean_percent(&QUANTITY_PERCENT);
        let shares: u32 = STORES.iter().map(|store| store.share).sum();
        let pieces_per_day = |store: &Store| {
            let customers = u64::from(plan.scale.customers() * store.share);
            let orders = customers * orders_percent(store) * u64::from(weight);
            let days = u64::from(shares) * 100 * u64::from(total_weight) * 365;
            orders * MILLION / days * pieces / 10_000
        };
        let month_total: u32 = catalog
            .categories
            .iter()
            .map(|category| category.month_percent[month])
            .sum();
        let products = catalog.products.len() as u64;
        let product_share = |category: &super::Category| {
            let category_products = catalog
                .products
                .iter()
                .filter(|product| product.category_id == category.id)
                .count() as u64;
            let seasonal = u64::from(SEASONAL_PERCENT * IN_CATEGORY_PERCENT);
            let month_share = u64::from(category.month_percent[month]);
            seasonal * (BILLION / 10_000) * month_share / u64::from(month_total) / category_products
                + (10_000 - seasonal) * (BILLION / 10_000) / products
        };
        Self {
            by_store: STORES.iter().map(pieces_per_day).collect(),
            by_category: catalog.categories.iter().map(product_share).collect(),
        }
    }

    /// Expected sales of one product of a category in a store on an average day, in millionths of
    /// pieces.
    fn per_day(&self, store: &Store, category_id: i32) -> u64 {
        let share = self.by_category[category_id as usize - 1];
        self.by_store[store.id as usize - 1] * share / BILLION
    }
}

/// The mean of 1, 2, … by these percentages, in hundredths.
fn mean_percent(percent: &[u32; 5]) -> u64 {
    (1..)
        .zip(percent)
        .map(|(number, &part)| number * u64::from(part))
        .sum()
}

/// The mean number of orders of a store's customers, in hundredths.
fn orders_percent(store: &Store) -> u64 {
    let orders = |base_orders: u32| (base_orders * store.frequency_tenths / 10).max(1);
    (0..)
        .zip(ORDERS_PERCENT)
        .map(|(base_orders, percent)| u64::from(orders(base_orders) * percent))
        .sum()
}
