//! Time zones, which a backend caches until its connection ends.

use super::{check, refused, runs_as, unchanged};

#[test]
fn a_computed_time_zone_gets_a_bounded_wrapper() {
    for (text, expected) in [
        (
            "SELECT now() AT TIME ZONE store_name FROM retail.stores",
            "SELECT now() AT TIME ZONE bounded.zone(store_name, 'timezone') FROM retail.stores",
        ),
        (
            "SELECT timezone('A1', now())",
            "SELECT timezone(bounded.zone('A1'::pg_catalog.text, 'timezone'), now())",
        ),
        (
            "SELECT date_trunc('day', now(), lower('A1'))",
            "SELECT date_trunc('day', now(), bounded.zone(lower('A1'), 'date_trunc'))",
        ),
        (
            "SELECT date_add(now(), '1 day', 'UTC+3'), date_subtract(now(), '1 day', lower('a'))",
            "SELECT date_add(now(), '1 day', bounded.zone('UTC+3'::pg_catalog.text, 'date_add')), date_subtract(now(), '1 day', bounded.zone(lower('a'), 'date_subtract'))",
        ),
        (
            "SELECT make_timestamptz(2025, 1, 1, 0, 0, 0, store_name) FROM retail.stores",
            "SELECT make_timestamptz(2025, 1, 1, 0, 0, 0, bounded.zone(store_name, 'make_timestamptz')) FROM retail.stores",
        ),
        (
            "SELECT s FROM generate_series(now(), now(), '1 day', lower('a')) s",
            "SELECT s FROM bounded.generate_series(now(), now(), '1 day', bounded.zone(lower('a'), 'generate_series'), 1000000) s",
        ),
    ] {
        runs_as(text, expected);
    }
    for text in [
        "SELECT order_date AT TIME ZONE 'America/New_York' FROM retail.orders",
        "SELECT now() AT TIME ZONE '-08:00'::interval",
        "SELECT date_trunc('month', now(), 'Europe/Berlin')",
        "SELECT make_timestamptz(2025, 1, 1, 0, 0, 0), date_add(now(), '1 day')",
    ] {
        unchanged(text);
    }
    let named = check(
        "SELECT make_timestamptz(year => 2025, month => 1, mday => 1, hour => 0, min => 0, sec => 0, timezone => 'a1')",
    );
    assert!(named.is_err());
}

#[test]
fn a_computed_text_cast_to_a_time_gets_a_bounded_wrapper() {
    for (text, expected) in [
        (
            "SELECT (store_name || '1')::timestamptz AS t FROM retail.stores",
            "SELECT bounded.moment(store_name || '1', 'timestamptz')::timestamptz AS t FROM retail.stores",
        ),
        (
            "SELECT to_char(order_date, 'YYYY-MM-01')::date AS t FROM retail.orders",
            "SELECT bounded.moment(to_char(order_date, 'YYYY-MM-01'), 'date')::date AS t FROM retail.orders",
        ),
        (
            "SELECT ARRAY['2025-01-01', store_name]::date[] AS t FROM retail.stores",
            "SELECT ARRAY['2025-01-01', bounded.moment(store_name, 'date')]::date[] AS t FROM retail.stores",
        ),
        (
            "SELECT ('[' || store_name || ',)')::tstzrange AS t FROM retail.stores",
            "SELECT bounded.moment('[' || store_name || ',)', 'tstzrange')::tstzrange AS t FROM retail.stores",
        ),
        (
            "SELECT date(store_name) AS t, timestamptz(lower('a')) AS u FROM retail.stores",
            "SELECT date(bounded.moment(store_name, 'date')) AS t, timestamptz(bounded.moment(lower('a'), 'timestamptz')) AS u FROM retail.stores",
        ),
    ] {
        runs_as(text, expected);
    }
    for text in [
        "SELECT '2025-01-01'::date, '2025-01-01 00:00:00 UTC+3'::timestamptz, ARRAY['2025-01-01']::date[], ARRAY[]::date[]",
        "SELECT date_trunc('month', order_date)::date, order_date::timestamp, min(order_date)::timestamptz FROM retail.orders GROUP BY 1, 2",
        "SELECT store_name::interval FROM retail.stores",
        "SELECT NULL::date",
    ] {
        unchanged(text);
    }
}

/// Literals count as retained bytes of the connection.
#[test]
fn retained_bytes_of_a_statement_are_counted() {
    let kept = |text: &str| check(text).expect(text).retained_bytes();
    assert_eq!(
        kept("SELECT count(*) FROM retail.orders WHERE order_date >= '2025-01-01'"),
        0
    );
    assert_eq!(kept("SELECT now() AT TIME ZONE 'America/New_York'"), 0);
    let zone = kept("SELECT '2025-01-01 a1'::timestamptz");
    assert!(zone > 0);
    assert_eq!(
        kept("SELECT '2025-01-01 a1'::timestamptz, '{2025-01-01 b-2,2025-01-01 c3}'::date[]"),
        3 * zone
    );
    // PostgreSQL removes the quotes and backslashes in which a zone's name could hide.
    assert_eq!(
        kept(r#"SELECT '{"0:0 aaaa\1","0:0 aaab\2"}'::timetz[], '{"0:0 c""3"}'::timetz[]"#),
        3 * zone
    );
    let row = kept("SELECT t FROM (SELECT 1 AS a, 2 AS b) t");
    assert!(row > 0);
    assert_eq!(
        kept("SELECT ROW(1, 2), row_to_json(t) FROM (SELECT 1 AS a, 2 AS b) t"),
        2 * row
    );
    for whole in ["to_json(t.*)", "t.*::text", "count(t.*)", "t.* IS NULL"] {
        assert_eq!(
            kept(&format!("SELECT {whole} FROM (SELECT 1 AS a, 2 AS b) t")),
            row,
            "{whole}"
        );
    }
    assert_eq!(kept("SELECT t.* FROM (SELECT 1 AS a, 2 AS b) t"), 0);
    assert!(kept("SELECT ROW(t.*) FROM (SELECT 1 AS a, 2 AS b) t") >= row);
}

/// No wrapper sees the values that PostgreSQL reads out of a document.
#[test]
fn times_from_a_computed_document_are_refused() {
    for text in [
        "SELECT JSON_VALUE(jsonb_build_object('a', store_name), '$.a' RETURNING date) FROM retail.stores",
        "SELECT JSON_VALUE('{}'::jsonb, '$.a' RETURNING timestamptz DEFAULT store_name ON EMPTY) FROM retail.stores",
        "SELECT a FROM retail.stores, JSON_TABLE(jsonb_build_array(store_name), '$[*]' COLUMNS (a timestamptz PATH '$'))",
        "SELECT a FROM retail.stores, JSON_TABLE(jsonb_build_array(store_name), '$' COLUMNS (NESTED PATH '$[*]' COLUMNS (a date PATH '$')))",
    ] {
        refused(text, "date or time");
    }
    for text in [
        "SELECT JSON_VALUE('{\"a\": \"2025-01-01\"}'::jsonb, '$.a' RETURNING date DEFAULT '2025-01-02' ON EMPTY)",
        "SELECT JSON_VALUE(to_jsonb(store_name), '$')::date FROM retail.stores",
    ] {
        assert!(check(text).is_ok(), "{text}");
    }
}
