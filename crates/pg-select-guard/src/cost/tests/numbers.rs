//! Numbers: a short text can denote a long number.

use super::{chain, check, refused, runs_as, too_large, unchanged};

#[test]
fn ordinary_numbers_are_unchanged() {
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
fn a_text_cast_to_a_number_is_counted_or_wrapped() {
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

/// A cast to jsonb parses the numbers in JSON, wherever the JSON comes from.
#[test]
fn a_text_cast_to_json_contains_no_long_number() {
    for (text, expected) in [
        (
            "SELECT sku::json FROM retail.products",
            "SELECT bounded.json_text(sku, 12582912)::pg_catalog.json AS sku FROM retail.products",
        ),
        (
            "SELECT JSON('[1e13' || '0000]')",
            "SELECT JSON(bounded.json_text('[1e13' || '0000]', 12582912) )",
        ),
        (
            "SELECT ARRAY[sku, '{}']::json[] FROM retail.products",
            "SELECT ARRAY[bounded.json_text(sku, 12582912), '{}']::pg_catalog.json[] FROM retail.products",
        ),
    ] {
        runs_as(text, expected);
    }
    unchanged("SELECT '{\"a\": 1}'::jsonb");
    assert!(check("SELECT json_agg(store_id)::json FROM retail.stores").is_ok());
}

/// `1e99,` has 102 bytes when written out.
#[test]
fn exponents_of_two_digits_are_counted() {
    let sorted = |value: &str| {
        format!(
            "SELECT x FROM (SELECT {value} AS x FROM generate_series(1, 8000) AS g OFFSET 0) AS t ORDER BY 1"
        )
    };
    let literal = "1e99,".repeat(300);
    for value in [
        "concat(('{' || repeat('1e99,', 300) || '1}')::numeric[])".to_owned(),
        "concat(('[' || repeat('1e99,', 300) || '1]')::jsonb)".to_owned(),
        "concat(to_jsonb(('[' || repeat('1e99,', 300) || '1]')::json))".to_owned(),
        "concat(('{' || repeat('[1,1e99],', 150) || '}')::nummultirange)".to_owned(),
        format!("concat('{{{literal}1}}'::numeric[])"),
        format!("concat(to_jsonb('[{literal}1]'::json))"),
    ] {
        too_large(&sorted(&value), "values of up to");
    }
    assert!(check(&sorted("('{1,2,' || g || '}')::numeric[]")).is_ok());
    assert!(check(&sorted("('{\"a\": ' || g || '}')::jsonb ->> 'a'")).is_ok());
}

/// A `float8` becomes a number of up to 330 digits, and a sum has the digits of both operands.
#[test]
fn a_float8_cast_to_numeric_counts_its_digits() {
    let copies = |value: &str, copies: usize| {
        let all = vec![value; copies].join(", ");
        format!(
            "SELECT count(*) FROM (SELECT concat({all}, g) AS s FROM (SELECT g, {value} AS x FROM generate_series(1, 8000) AS g OFFSET 0) AS t ORDER BY 1 OFFSET 0) AS u"
        )
    };
    for value in [
        "(1e308::float8)::numeric",
        "(1e-300::float8)::numeric",
        "(g * random())::numeric",
    ] {
        too_large(&copies(value, 90), "values of up to");
        assert!(check(&copies(value, 20)).is_ok(), "{value}");
    }
    too_large(&copies("((1e50 + 1e-50) * g)", 200), "values of up to");
}

/// A negative scale removes digits.
#[test]
fn rounding_with_a_negative_scale_stays_short() {
    for text in [
        "SELECT round(total_amount, -2) AS bucket, count(*) FROM retail.order_items GROUP BY 1 ORDER BY 1",
        "SELECT DISTINCT round(base_price, -1), trunc(base_price, -1) FROM retail.products",
        "SELECT store_id, round(sum(total_amount), -3) FROM retail.order_items GROUP BY 1 ORDER BY 2",
    ] {
        unchanged(text);
    }
    for text in [
        "SELECT DISTINCT round(base_price, store_id) FROM retail.products, retail.stores",
        "SELECT DISTINCT round(base_price, - store_id) FROM retail.products, retail.stores",
        "SELECT DISTINCT round(base_price, 16000), round(base_price, '100000') FROM retail.products",
    ] {
        too_large(text, "");
    }
}

/// A power of a `float8` has a short text, or is an error.
#[test]
fn the_exponent_of_a_float8_may_be_large() {
    for (text, expected) in [
        (
            "SELECT sum(total_amount * power(0.999::float8, quantity * 9)) FROM retail.order_items GROUP BY store_id ORDER BY 1",
            "SELECT sum(total_amount * power((0.999)::float8, quantity * 9)) FROM retail.order_items GROUP BY store_id ORDER BY 1",
        ),
        (
            "SELECT 2::float8 ^ store_id, 2 ^ store_id::float8, exp(store_id::float8) FROM retail.stores",
            "SELECT 2::float8 ^ store_id, 2 ^ store_id::float8, exp(store_id::float8) FROM retail.stores",
        ),
        (
            "SELECT power(ARRAY[2::float8], store_id), power('2', store_id) FROM retail.stores",
            "SELECT power(ARRAY[2::float8], bounded.exponent(store_id, 366)), power('2', bounded.exponent(store_id, 366)) FROM retail.stores",
        ),
    ] {
        runs_as(text, expected);
    }
}

/// A text in a document could denote a number that no wrapper has checked.
#[test]
fn a_text_in_a_document_is_not_parsed_as_json() {
    for text in [
        "SELECT JSON_QUERY(to_jsonb(sku), '$' RETURNING jsonb OMIT QUOTES) FROM retail.products",
        "SELECT JSON_QUERY(to_jsonb(sku), '$' OMIT QUOTES) FROM retail.products",
        "SELECT x FROM retail.products, JSON_TABLE(to_jsonb(sku), '$' COLUMNS (x jsonb PATH '$' OMIT QUOTES)) t",
    ] {
        refused(text, "OMIT QUOTES");
    }
    refused(
        "SELECT JSON_VALUE(to_jsonb(sku), '$' RETURNING jsonb) FROM retail.products",
        "JSON_VALUE that returns json or jsonb",
    );
    for text in [
        "SELECT JSON_QUERY(to_jsonb(sku), '$' RETURNING text OMIT QUOTES) FROM retail.products",
        "SELECT JSON_QUERY(to_jsonb(sku), '$.a' RETURNING jsonb) FROM retail.products",
        "SELECT x FROM retail.products, JSON_TABLE(to_jsonb(sku), '$' COLUMNS (x jsonb PATH '$')) t",
    ] {
        assert!(check(text).is_ok(), "{text}");
    }
}

/// A random number has the digits of both bounds.
#[test]
fn a_random_number_is_as_long_as_its_bounds() {
    for text in [
        "SELECT repeat(random(0::numeric, 1e130000)::text, 6000)",
        "SELECT repeat(random(min => 0, max => 1e130000)::text, 6000)",
        "SELECT x FROM (SELECT random(0, 1e130000) AS x FROM generate_series(1, 20000) OFFSET 0) AS t ORDER BY 1",
        "SELECT x FROM (SELECT random(-1e20000, 1e-16000) AS x FROM generate_series(1, 20000) OFFSET 0) AS t ORDER BY 1",
    ] {
        too_large(text, "");
    }
    for text in [
        "SELECT random(1, 6), random(), random(0.5, 1.5) FROM retail.stores ORDER BY random()",
        "SELECT count(*) FROM retail.orders GROUP BY random(1, 6)",
    ] {
        unchanged(text);
    }
}

/// A digest has up to 130 characters, the dimensions of an array up to 150.
#[test]
fn digests_and_array_dimensions_count_their_text() {
    for (part, times) in [
        ("sha512(store_name::bytea)", 100),
        ("array_dims(ARRAY[store_id])", 60),
    ] {
        let once = format!("concat({})", vec![part; times].join(", "));
        let sorted = |text: &str| format!("SELECT {text} FROM retail.stores ORDER BY 1");
        assert!(check(&sorted(&once)).is_ok(), "{part}");
        too_large(&sorted(&format!("{once} || {once}")), "values of up to");
    }
}

/// A negative exponent makes a number long as well: the digits are behind the decimal point.
#[test]
fn negative_exponents_count_like_positive_ones() {
    for text in [
        "SELECT repeat('1e-16000'::numeric::text, 7000)",
        "SELECT repeat('[1E-16000]'::jsonb::text, 7000)",
        "SELECT length(('[1' || repeat(',1e-16000', 24000) || ']')::jsonb::text)",
        "SELECT repeat(('{1e-16000}'::numeric[])::text, 7000)",
        r#"SELECT repeat(upper('[0,1e\-16"000"]'::numrange)::text, 7000)"#,
        "SELECT repeat(jsonb_path_query_first('{}', '1e-16000') #>> '{}', 7000)",
        "SELECT repeat(JSON_VALUE('{}'::jsonb, '$.x' RETURNING numeric DEFAULT '1e-16000' ON EMPTY)::text, 7000)",
        "SELECT repeat(1e-16000::text, 7000)",
    ] {
        too_large(text, "could produce a value");
    }
    let doubled = |links: usize| {
        let first = format!(
            "SELECT '[{}1]'::jsonb AS v OFFSET 0",
            "1e-16000,".repeat(100)
        );
        chain(&first, links, |link| {
            format!("SELECT v || v AS v FROM c{link} OFFSET 0")
        })
    };
    too_large(&doubled(5), "could");
    unchanged("SELECT '1e-3'::numeric, '-2.5E-2'::numeric, '[1e-3]'::jsonb, 1e-3");
}

/// A path returns its own numbers, and PostgreSQL 16 and newer accept 1e1_31000.
#[test]
fn numbers_in_paths_and_with_underscores_are_counted() {
    for text in [
        "SELECT repeat(jsonb_path_query_first('{}', '1e131000') #>> '{}', 100)",
        "SELECT repeat(jsonb_path_query_first('{}'::jsonb, '1e131000'::jsonpath)::text, 100)",
        "SELECT repeat('1e1_31000'::numeric::text, 100)",
    ] {
        too_large(text, "could produce a value");
    }
}

/// In arrays and ranges, PostgreSQL removes quotes and backslashes before it parses elements.
#[test]
fn numbers_between_quotes_and_backslashes_are_counted() {
    for text in [
        r"SELECT repeat((('{9e13\1000}'::numeric[])[1])::text, 100)",
        r#"SELECT repeat((('{9e13"1000"}'::numeric[])[1])::text, 100)"#,
        r"SELECT repeat((('{1e13\1000}'::jsonb[])[1])::text, 100)",
        r#"SELECT repeat(upper('[0,9e13"1000"]'::numrange)::text, 100)"#,
        r"SELECT repeat(upper(numrange('[0,9e13\1000]'))::text, 100)",
    ] {
        too_large(text, "could produce a value");
    }
    unchanged(r#"SELECT '{"1.5","2e10"}'::numeric[]"#);
}

/// `numrange(text)` is `text::numrange`.
#[test]
fn a_call_of_a_type_name_is_bounded_like_the_cast() {
    for (text, expected) in [
        (
            "SELECT upper(numrange('[0,9e' || store_id || ']')) FROM retail.stores",
            "SELECT upper(numrange(bounded.number('[0,9e' || store_id || ']', 12582912))) FROM retail.stores",
        ),
        (
            "SELECT upper(nummultirange('{[0,9e' || store_id || ']}')) FROM retail.stores",
            "SELECT upper(nummultirange(bounded.number('{[0,9e' || store_id || ']}', 12582912))) FROM retail.stores",
        ),
        (
            "SELECT isempty(tstzrange(store_name)), isempty(tsmultirange(VARIADIC store_name)) FROM retail.stores",
            "SELECT isempty(tstzrange(bounded.moment(store_name, 'tstzrange'))), isempty(tsmultirange(VARIADIC bounded.moment(store_name, 'tsmultirange'))) FROM retail.stores",
        ),
    ] {
        runs_as(text, expected);
    }
    for (call, cast) in [
        (
            "SELECT isempty(int4multirange('{' || repeat('(,),', 2500000) || '(,)}'))",
            "SELECT isempty(('{' || repeat('(,),', 2500000) || '(,)}')::int4multirange)",
        ),
        (
            "SELECT date(repeat('x', 2000000))",
            "SELECT repeat('x', 2000000)::date",
        ),
    ] {
        too_large(call, "");
        too_large(cast, "");
    }
    for text in [
        "SELECT int4range(1, 10), numrange(1.5, 2.5, '[]'), int4multirange(int4range(1, 2))",
        "SELECT nummultirange(numrange(1, 2)), tstzmultirange(tstzrange(now(), NULL))",
        "SELECT nummultirange(VARIADIC ARRAY[numrange(1, 2)]), date(order_date), text(order_id) FROM retail.orders",
        "SELECT int4range('[1,10)'), date('2025-01-01'), float8('1.5')",
    ] {
        unchanged(text);
    }
}

/// A DEFAULT value is read as the returned type.
#[test]
fn a_default_in_sql_json_must_be_a_literal() {
    for text in [
        "SELECT JSON_VALUE(to_jsonb(store_id), '$.x' RETURNING numeric DEFAULT ('9e13' || '1000') ON EMPTY) FROM retail.stores",
        "SELECT JSON_VALUE(to_jsonb(store_id), '$.x' DEFAULT lower('A') ON ERROR) FROM retail.stores",
        "SELECT n FROM retail.stores, JSON_TABLE(to_jsonb(store_id), '$' COLUMNS (n numeric PATH '$.x' DEFAULT ('9e13' || '1000') ON EMPTY)) t",
    ] {
        refused(text, "DEFAULT");
    }
    too_large(
        "SELECT repeat(JSON_VALUE('{}'::jsonb, '$.x' RETURNING numeric DEFAULT '9e131000' ON EMPTY)::text, 100)",
        "could produce a value",
    );
    for text in [
        "SELECT JSON_VALUE('{}'::jsonb, '$.x' RETURNING int DEFAULT -1 ON EMPTY DEFAULT NULL ON ERROR)",
        "SELECT JSON_VALUE('{}'::jsonb, '$.x' DEFAULT 'none' ON EMPTY NULL ON ERROR)",
        "SELECT JSON_VALUE('{}'::jsonb, '$.x' RETURNING date DEFAULT '2025-01-01' ON EMPTY)",
        "SELECT JSON_QUERY('{}'::jsonb, '$.x' DEFAULT '[]' ON EMPTY EMPTY ARRAY ON ERROR)",
    ] {
        assert!(check(text).is_ok(), "{text}");
    }
}
