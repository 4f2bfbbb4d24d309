//! Distributions of customers, orders, prices and stock.
use chrono::{Datelike as _, NaiveDate};

use super::super::Scale;
use super::super::stock::stock;
use super::tally::{STORE_RULES, TALLY};
use super::{CATALOG, day, plan};

/// Checks that `count` is `share` of `total`, within five standard deviations.
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
fn the_full_sample_has_the_documented_size() {
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
fn customers_are_distributed_over_the_stores_by_share() {
    check_shares(
        "customers",
        &TALLY.customers_by_store,
        &STORE_RULES.map(|(share, ..)| share),
    );
}

#[test]
fn orders_per_customer_follow_the_stores_order_frequency() {
    let choices = [
        (0.0, 0.20),
        (1.0, 0.40),
        (2.0, 0.20),
        (3.0, 0.10),
        (4.0, 0.07),
        (5.0, 0.03),
    ];
    for (store, (_, frequency, _)) in STORE_RULES.iter().enumerate() {
        // The small addend prevents that 5 × 2.6 is floored to 12.
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

const YEARS: [f64; 7] = [1.0, 1.1, 1.21, 1.15, 1.265, 1.392, 1.531];

/// From Monday; for the physical stores, and for the web shop.
const WEEKS: [[f64; 7]; 2] = [
    [80.0, 78.0, 82.0, 92.0, 112.0, 152.0, 104.0],
    [118.0, 104.0, 98.0, 94.0, 84.0, 86.0, 116.0],
];

#[test]
fn orders_follow_the_weights_of_the_years() {
    check_shares("orders by year", &TALLY.orders_by_year, &YEARS);
    assert_eq!(TALLY.earliest, Some(day(2020, 1, 1)));
    assert_eq!(TALLY.latest, Some(day(2026, 12, 31)));
}

/// Within a year, the number of orders of a day depends only on its weekday.
#[test]
fn orders_follow_the_weights_of_the_weekdays() {
    for (online, week) in WEEKS.into_iter().enumerate() {
        let (mut months, mut weekdays) = ([0.0; 12], [0.0; 7]);
        for (year, weight) in (2020..).zip(YEARS) {
            let days: Vec<NaiveDate> = day(year, 1, 1)
                .iter_days()
                .take_while(|day| day.year() == year)
                .collect();
            let weight_of = |day: &NaiveDate| week[day.weekday().num_days_from_monday() as usize];
            let all: f64 = days.iter().map(weight_of).sum();
            for day in &days {
                let share = weight * weight_of(day) / all;
                months[day.month0() as usize] += share;
                weekdays[day.weekday().num_days_from_monday() as usize] += share;
            }
        }
        check_shares("orders by month", &TALLY.orders_by_month[online], &months);
        check_shares(
            "orders by weekday",
            &TALLY.orders_by_weekday[online],
            &weekdays,
        );
    }
}

/// 15 % of the customers have a second store, and place 30 % of their orders there.
#[test]
fn some_customers_buy_at_two_stores() {
    let share = f64::from(TALLY.orders_at_second_store) / f64::from(TALLY.last_order);
    assert!((share - 0.15 * 0.3).abs() < 0.002, "{share:.4}");
    // Customers who order once, or always at the same one of the two, count for one store only.
    let two = f64::from(TALLY.customers_of_two_stores) / 50_000.0;
    assert!((0.06..0.12).contains(&two), "{two:.4}");
}

#[test]
fn lines_quantities_and_discounts_follow_their_percentages() {
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
fn prices_average_the_list_price() {
    // Uniform from 0.8 to 1.2: the standard deviation of a single factor is 0.4 / √12, and that of
    // the mean is far below 0.001.
    let mean = TALLY.price_factors / f64::from(TALLY.last_line);
    assert!((mean - 1.0).abs() < 0.001, "{mean}");
}

/// An order's first line is drawn by season only; later ones may be companions.
#[test]
fn first_lines_follow_the_season() {
    let products = CATALOG.products.len() as f64;
    let (mut covariance, mut variance) = (0.0, 0.0);
    for (month, counts) in TALLY.first_lines_by_month_and_category.iter().enumerate() {
        let percent =
            |category: usize| f64::from(CATALOG.categories[category].month_percent[month]);
        let (all_percent, all): (f64, u32) = ((0..9).map(percent).sum(), counts.iter().sum());
        for (category, &count) in counts.iter().enumerate() {
            let category_id = category as i32 + 1;
            let category_products = CATALOG
                .products
                .iter()
                .filter(|product| product.category_id == category_id)
                .count();
            let plain = category_products as f64 / products;
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
    // A single cell hardly changes if 85 % becomes 80 %, but the regression slope over all cells
    // does. Only the product of the two percentages can be observed, because a product that does
    // not follow the season is drawn from the whole catalog.
    let slope = covariance / variance;
    assert!((slope - 0.85 * 0.9).abs() < 0.02, "{slope:.4}");
}

#[test]
fn products_of_a_category_sell_alike() {
    let check = |counts: &[u32], factor: f64| {
        let lines = f64::from(counts.iter().sum::<u32>()) / CATALOG.products.len() as f64;
        for (product, &count) in CATALOG.products.iter().zip(counts) {
            assert!(
                (lines / factor..lines * factor).contains(&f64::from(count)),
                "{count} lines of {}",
                product.name
            );
        }
    };
    check(&TALLY.first_lines_by_product, 3.0);
    check(&TALLY.lines_by_product, 4.0);
}

/// Companion products are bought together far more often than by chance.
#[test]
fn companion_products_are_bought_together() {
    let orders = f64::from(TALLY.last_order);
    let lift = |one: i32, other: i32| {
        let count = |id: i32| f64::from(TALLY.lines_by_product[id as usize - 1]);
        let together = TALLY.orders_by_pair.get(&(one.min(other), one.max(other)));
        f64::from(together.copied().unwrap_or(0)) * orders / (count(one) * count(other))
    };
    let products_of_type = |name: &str| {
        let kind = CATALOG.types.iter().find(|kind| kind.name == name);
        let kind = kind.expect(name).id;
        let products = CATALOG.products.iter();
        let ids = products.filter(move |product| product.type_id == kind);
        ids.map(|product| product.id).collect::<Vec<_>>()
    };
    for (one, companion) in [
        ("Interior Paint", "Brushes & Rollers"),
        ("Drills & Drivers", "Screws"),
        ("Light Bulbs", "Light Fixtures"),
        ("Pipe & Tubing", "Fittings & Connectors"),
        ("Mowers & Yard Machines", "Pruning & Cutting"),
    ] {
        let (ones, others) = (products_of_type(one), products_of_type(companion));
        let (partner, other) = (lift(ones[2], others[2]), lift(ones[2], others[3]));
        assert!(partner > 8.0, "{one}, {companion}: {partner:.1}");
        assert!(
            partner > other * 4.0,
            "{one}, {companion}: {partner:.1} and {other:.1}"
        );
    }
    let (hammers, bulbs) = (
        products_of_type("Hammers & Mallets"),
        products_of_type("Light Bulbs"),
    );
    let unrelated = lift(hammers[0], bulbs[0]);
    assert!(unrelated < 2.0, "{unrelated:.1}");
}

#[test]
fn margins_differ_between_and_within_categories() {
    let margins = |category_id| {
        let products = CATALOG.products.iter();
        products
            .filter(move |product| product.category_id == category_id)
            .map(|product| product.margin_basis_points())
    };
    let means = [38, 24, 42, 48, 21, 34, 36, 31, 44];
    for (category, mean) in CATALOG.categories.iter().zip(means) {
        let (min, max) = (margins(category.id).min(), margins(category.id).max());
        let (min, max) = min.zip(max).unwrap();
        // Rounding prices to cents adds at most half a point.
        assert!(
            min >= mean * 100 - 650 && max <= mean * 100 + 650,
            "{}: {min} to {max}",
            category.name
        );
        assert!(max - min >= 1_100, "{}: {min} to {max}", category.name);
    }
}

/// A store's stock lasts for days, weeks or months of its sales, and some products are sold out.
#[test]
fn stock_follows_sales() {
    let rows: Vec<_> = stock(&plan(Scale::Full, 42), &CATALOG).collect();
    assert_eq!(rows.len(), 3_392);
    let sold_out = rows.iter().filter(|row| row.level == 0).count();
    check_share("sold out", sold_out as u32, 3_392, 0.05);
    for (store, pieces) in TALLY.pieces_in_2026.into_iter().enumerate() {
        let own = rows.iter().filter(|row| row.store_id as usize == store + 1);
        let all: i32 = own.clone().map(|row| row.level).sum();
        let days = f64::from(all) * 365.0 / f64::from(pieces);
        // The mean of the classes is 0 × 5 % + 6 × 10 % + 37 × 60 % + 105 × 20 % + 390 × 5 % = 63
        // days. Stores with few sales have more, because each shelf has a minimum of pieces.
        let max_days = [100.0, 100.0, 130.0, 250.0, 300.0, 400.0, 600.0, 100.0][store];
        assert!(
            (55.0..max_days).contains(&days),
            "store {store}: {days:.0} days"
        );
        let highest = own.map(|row| row.level).max();
        assert!(highest >= Some(6), "store {store}: {highest:?}");
    }
}

/// The answers that the README shows are those of the sample, byte for byte.
#[test]
fn the_readme_figures_match_the_sample() {
    let readme = include_str!("../../../README.md");
    let names = || CATALOG.categories.iter().map(|category| category.name);
    let answer = |sales_in_cents: [i64; 9], scope: &str| {
        let mut ranking: Vec<_> = sales_in_cents.into_iter().zip(names()).collect();
        ranking.sort_unstable_by_key(|(cents, _)| -cents);
        let rows: Vec<String> = ranking[..3]
            .iter()
            .map(|(cents, name)| format!(r#"["{name}","{}.{:02}"]"#, cents / 100, cents % 100))
            .collect();
        let rows = rows.join(",");
        format!(r#"{{"c":["category_name","sales"],"r":[{rows}],"n":3,"scope":"{scope}"}}"#)
    };
    let [seattle, redmond] = [0, 5].map(|store| TALLY.sales_in_2025[store]);
    let all = std::array::from_fn(|category| {
        let sales = TALLY.sales_in_2025.iter().map(|store| store[category]);
        sales.sum()
    });
    let answers = [
        answer(seattle, "Zava Retail Seattle only"),
        answer(redmond, "Zava Retail Redmond only"),
        answer(all, "all 8 stores"),
    ];
    let shown = answers.join("\n");
    assert!(
        readme.contains(&format!("```text\n{shown}\n```")),
        "{shown}"
    );
}
