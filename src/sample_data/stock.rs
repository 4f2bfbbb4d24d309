//! How many of a product a store has.
use chrono::Datelike as _;
use rand::RngExt as _;

use super::Plan;
use super::catalogue::Catalogue;
use super::chance::{Subject, stream};
use super::stores::STORES;

/// A store's stock of a product.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stock {
    pub(super) store_id: i32,
    pub(super) product_id: i32,
    /// At least 1.
    pub(super) level: i32,
}

/// The stock of every product in every store: 10 to 100 pieces × the store's share × the season's weight of the
/// product's category in today's month × 0.5 to 1.5.
pub(super) fn stock<'a>(
    plan: &Plan,
    catalogue: &'a Catalogue,
) -> impl Iterator<Item = Stock> + use<'a> {
    let mut stream = stream(plan.seed, Subject::Stock);
    let month = plan.today.month0() as usize;
    let pairs = STORES.iter().flat_map(|store| {
        catalogue
            .products
            .iter()
            .map(move |product| (store, product))
    });
    pairs.map(move |(store, product)| {
        let season_percent =
            catalogue.categories[product.category_id as usize - 1].month_percent[month];
        let pieces = stream.random_range(10..=100_u32) * store.share;
        let level = pieces * season_percent * stream.random_range(50..=150_u32) / 10_000;
        Stock {
            store_id: store.id,
            product_id: product.id,
            level: level.max(1) as i32,
        }
    })
}
