//! How customers, orders, prices and stock are distributed.
use chrono::NaiveDate;

use super::super::Scale;
use super::super::stock::stock;
use super::tally::{STORE_RULES, TALLY};
use super::{CATALOGUE, plan};

/// Checks that a count is `share` of `total`, up to five standard deviations.
#[track_caller]
fn check_share(what: &str, count: u32, total: u32, share: f64) {
    let (total, count) = (f64::from(total), f64::from(count));
    let deviation = (total * share * (1.0 - share)).sqrt();
    let off = (count - total * share) / deviation;
    assert!(
        off.abs() < 5.0,
        "{what}: {:.4}, not {share:.4} ({off:+.1} standard deviations)",
        count / total
    );
}

/// Checks counts against weights that need not add up to one.
#[track_caller]
fn check_shares(what: &str, counts: &[u32], weights: &[f64]) {
    assert_eq!(counts.len(), weights.len(), "{what}");
    let (total, weight) = (counts.iter().sum(), weights.iter().sum::<f64>());
    for (index, (&count, part)) in counts.iter().zip(weights).enumerate() {
        check_share(
            &format!("{what}, number {index}"),
            count,
            total,
            part / weight,
        );
    }
}

#[test]
fn full_scale_is_as_large_as_the_original() {
    assert_eq!(TALLY.emails.len(), 50_000);
    assert!(
        (190_000..=210_000).contains(&TALLY.last_order),
        "{} orders",
        TALLY.last_order
    );
    assert!(
        (400_000..=430_000).contains(&TALLY.last_line),
        "{} lines",
        TALLY.last_line
    );
}

#[test]
fn customers_spread_over_the_stores_by_share() {
    check_shares(
        "customers",
        &TALLY.customers_by_store,
        &STORE_RULES.map(|(share, ..)| share),
    );
}

#[test]
fn customers_order_as_often_as_their_store_is_busy() {
    let choices = [
        (0.0, 0.20),
        (1.0, 0.40),
        (2.0, 0.20),
        (3.0, 0.10),
        (4.0, 0.07),
        (5.0, 0.03),
    ];
    for (store, (_, frequency, _)) in STORE_RULES.iter().enumerate() {
        // A hair more, so that 5 × 2.6 is not floored to 12.
        let count = |choice: f64| (choice * frequency + 1e-9).floor().max(1.0);
        let mean: f64 = choices
            .iter()
            .map(|(choice, share)| count(*choice) * share)
            .sum();
        let square: f64 = choices
            .iter()
            .map(|(choice, share)| count(*choice).powi(2) * share)
            .sum();
        let customers = f64::from(TALLY.customers_by_store[store]);
        let tolerance = 5.0 * ((square - mean * mean) / customers).sqrt();
        let actual = f64::from(TALLY.orders_by_store[store]) / customers;
        assert!(
            (actual - mean).abs() < tolerance,
            "store {store}: {actual:.3} orders a customer, not {mean:.3}"
        );
    }
    let by_orders = [1, 3, 6, 9, 12, 15].map(|orders| TALLY.first_store_by_orders[orders]);
    check_shares(
        "orders a customer",
        &by_orders,
        &choices.map(|(_, share)| share),
    );
    assert_eq!(
        by_orders.iter().sum::<u32>(),
        TALLY.customers_by_store[0],
        "other numbers of orders occur"
    );
}

#[test]
fn business_grows_by_year_and_stops_today() {
    // 2026 is open for 327 of its 365 days.
    let weights = [1.0, 1.1, 1.21, 1.15, 1.265, 1.392, 1.531 * 327.0 / 365.0];
    check_shares("orders by year", &TALLY.orders_by_year, &weights);
    assert_eq!(TALLY.earliest, NaiveDate::from_ymd_opt(2020, 1, 1));
    assert_eq!(TALLY.latest, NaiveDate::from_ymd_opt(2026, 11, 23));
}

#[test]
fn days_of_a_year_are_alike() {
    // Two leap years; December of 2026 and the last week of its November are yet to come.
    let days = [
        31.0, 28.0, 31.0, 30.0, 31.0, 30.0, 31.0, 31.0, 30.0, 31.0, 30.0, 31.0,
    ];
    let weights = [
        1.0 / 366.0,
        1.1 / 365.0,
        1.21 / 365.0,
        1.15 / 365.0,
        1.265 / 366.0,
        1.392 / 365.0,
        1.531 / 365.0,
    ];
    let all: f64 = weights.iter().sum();
    let mut months = days.map(|days| days * all);
    months[1] += weights[0] + weights[4];
    months[10] -= 7.0 * weights[6];
    months[11] -= 31.0 * weights[6];
    check_shares("orders by month", &TALLY.orders_by_month, &months);
}

#[test]
fn baskets_quantities_and_discounts() {
    check_shares(
        "lines an order",
        &TALLY.orders_by_lines[1..],
        &[40.0, 30.0, 15.0, 10.0, 5.0],
    );
    check_shares(
        "quantity",
        &TALLY.lines_by_quantity[1..],
        &[60.0, 25.0, 10.0, 3.0, 2.0],
    );
    let levels = [0, 5, 10, 15, 20, 25].map(|percent| TALLY.lines_by_discount[percent]);
    check_shares("discount", &levels, &[85.0, 3.0, 3.0, 3.0, 3.0, 3.0]);
    assert_eq!(
        levels.iter().sum::<u32>() as i32,
        TALLY.last_line,
        "other discounts occur"
    );
}

#[test]
fn prices_swing_around_the_list_price() {
    // Uniform over 0.8 to 1.2: the standard deviation of one is 0.4 / √12, that of the mean far below a thousandth.
    let mean = TALLY.price_factors / f64::from(TALLY.last_line);
    assert!((mean - 1.0).abs() < 0.001, "{mean}");
}

#[test]
fn picks_follow_the_season() {
    let products = CATALOGUE.products.len() as f64;
    let (mut covariance, mut variance) = (0.0, 0.0);
    for (month, counts) in TALLY.lines_by_month_and_category.iter().enumerate() {
        let percent =
            |category: usize| f64::from(CATALOGUE.categories[category].month_percent[month]);
        let (all_percent, all): (f64, u32) = ((0..9).map(percent).sum(), counts.iter().sum());
        for (category, &count) in counts.iter().enumerate() {
            let of_category = |id| {
                CATALOGUE
                    .products
                    .iter()
                    .filter(|product| product.category_id == id)
                    .count()
            };
            let plain = of_category(category as i32 + 1) as f64 / products;
            let seasonal = percent(category) / all_percent;
            let share = 0.85 * 0.9 * seasonal + (1.0 - 0.85 * 0.9) * plain;
            check_share(
                &format!("month {month}, category {category}"),
                count,
                all,
                share,
            );
            covariance += (f64::from(count) / f64::from(all) - plain) * (seasonal - plain);
            variance += (seasonal - plain).powi(2);
        }
    }
    // A single cell hardly moves when 85 % becomes 80 %; how far all cells lean towards the season does. Only the
    // product of the two rules can be seen from outside: what does not follow the season is drawn from everything.
    let lean = covariance / variance;
    assert!((lean - 0.85 * 0.9).abs() < 0.02, "{lean:.4}");
}

#[test]
fn products_of_a_category_sell_alike() {
    let lines = f64::from(TALLY.last_line) / CATALOGUE.products.len() as f64;
    for (product, &count) in CATALOGUE.products.iter().zip(&TALLY.lines_by_product) {
        assert!(
            (lines / 3.0..lines * 3.0).contains(&f64::from(count)),
            "{count} lines of {}",
            product.name
        );
    }
}

#[test]
fn stock_follows_store_and_season() {
    let november = 10;
    let (mut mean, mut square) = (0.0, 0.0);
    let mut rows = 0.0;
    for row in stock(&plan(Scale::Full, 42), &CATALOGUE) {
        let product = &CATALOGUE.products[row.product_id as usize - 1];
        let season = f64::from(
            CATALOGUE.categories[product.category_id as usize - 1].month_percent[november],
        ) / 100.0;
        let weight = STORE_RULES[row.store_id as usize - 1].0 * season;
        let level = f64::from(row.level);
        assert!(
            level >= (10.0 * weight * 0.5).floor() && level <= 100.0 * weight * 1.5,
            "{row:?}"
        );
        mean += level / weight;
        square += (level / weight).powi(2);
        rows += 1.0;
    }
    assert_eq!(rows, 3_392.0);
    // The mean of 10 to 100 is 55 and of 0.5 to 1.5 it is 1; the product's variance is
    // (55² + 690) × (1 + 1/12) − 55² = 1,000. Flooring takes half a piece at most.
    (mean, square) = (mean / rows, square / rows);
    assert!((mean - 55.0).abs() < 2.0, "{mean}");
    assert!(
        (square - mean * mean - 1_000.0).abs() < 60.0,
        "{}",
        square - mean * mean
    );
}
