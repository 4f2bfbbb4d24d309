//! Numbers: a short text can spell a long one.

use super::{refused, runs_as, too_large, unchanged};

#[test]
fn ordinary_numbers_stay_as_they_are() {
    for text in [
        "SELECT round(avg(total_amount)::numeric, 2) FROM retail.order_items",
        "SELECT (date_part('day', order_date) * 1.5)::numeric FROM retail.orders ORDER BY 1",
        "SELECT '12.5'::numeric, '1e10'::numeric",
        "SELECT sum(CASE WHEN product_name LIKE 'A%' THEN base_price ELSE 0 END)::numeric FROM retail.products ORDER BY 1",
        "SELECT sku::numeric(10, 2) FROM retail.products ORDER BY 1",
        "SELECT stddev(total_amount)::numeric, variance(quantity)::numeric FROM retail.order_items ORDER BY 1",
        "SELECT power(1.05, 10), 2 ^ 10, exp(1), 1.01 ^ 365",
        "SELECT '{\"a\": 1}'::jsonb",
    ] {
        unchanged(text);
    }
}

#[test]
fn a_text_that_spells_a_number_is_counted_or_goes_through_a_twin() {
    for text in [
        "SELECT repeat('1e131000'::numeric::text, 7000)",
        "SELECT repeat('[1e131000]'::jsonb::text, 7000)",
        "SELECT ('[' || repeat('1e131000,', 7000) || '1]')::jsonb",
        "SELECT repeat((10.0 ^ 100000)::text, 9000)",
        "SELECT repeat(power(10.0, 100000)::text, 9000)",
        "SELECT repeat(exp(100000::numeric)::text, 9000)",
        "SELECT repeat(g::text, 9000) FROM generate_series(1e131000, 1e131000) g",
        "SELECT repeat(avg(1e131000)::text, 9000)",
        "SELECT jsonb_path_query('[\"1e131000\"]', '$[*].number()')",
    ] {
        too_large(text, "");
    }
    for (text, expected) in [
        (
            "SELECT sku::numeric FROM retail.products",
            "SELECT bounded.number(sku, 1000)::numeric AS sku FROM retail.products",
        ),
        (
            "SELECT ('1e13' || '1000')::numeric",
            "SELECT bounded.number('1e13' || '1000', 1000)::numeric AS \"numeric\"",
        ),
        (
            "SELECT (to_hex(506597376))::numeric",
            "SELECT bounded.number(to_hex(506597376), 1000)::numeric AS to_hex",
        ),
        (
            "SELECT ('[1e13' || '1000]')::jsonb",
            "SELECT bounded.json_text('[1e13' || '1000]', 12582912)::jsonb AS jsonb",
        ),
        (
            "SELECT ARRAY[1, sku, '2.5', NULL]::numeric[] FROM retail.products",
            "SELECT ARRAY[1, bounded.number(sku, 12582912), '2.5', NULL]::numeric[] FROM retail.products",
        ),
        (
            "SELECT ARRAY['{}', sku]::jsonb[], sku::jsonb[] FROM retail.products",
            "SELECT ARRAY['{}', bounded.json_text(sku, 12582912)]::jsonb[], bounded.number(sku, 12582912)::jsonb[] AS sku FROM retail.products",
        ),
        (
            "SELECT power(1 + 0.1, store_id) FROM retail.stores",
            "SELECT power(1 + 0.1, bounded.exponent(store_id, 366)) FROM retail.stores",
        ),
        (
            "SELECT 10.0 ^ (99999 + 1)",
            "SELECT 10.0 ^ bounded.exponent(99999 + 1, 366)",
        ),
        (
            "SELECT exp(avg(ln(base_price))) FROM retail.products",
            "SELECT exp(bounded.exponent(avg(ln(base_price)), 366)) FROM retail.products",
        ),
    ] {
        runs_as(text, expected);
    }
    refused("SELECT pg_catalog.\"numeric\"('1e131000')", "numeric");
}

/// A path brings numbers of its own, and PostgreSQL 16 and newer read 1e1_31000.
#[test]
fn numbers_hide_in_paths_and_between_underscores() {
    for text in [
        "SELECT repeat(jsonb_path_query_first('{}', '1e131000') #>> '{}', 100)",
        "SELECT repeat(jsonb_path_query_first('{}'::jsonb, '1e131000'::jsonpath)::text, 100)",
        "SELECT repeat('1e1_31000'::numeric::text, 100)",
    ] {
        too_large(text, "could make a value");
    }
}
