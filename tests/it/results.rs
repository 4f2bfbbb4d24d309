use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Column, Executor as _, SqlSafeStr as _, Statement as _};

use crate::support::{HEAD_OFFICE, SEATTLE, TestDatabase, TestServer, settings};

/// The documented table, by the server's own text output.
#[tokio::test]
async fn values_arrive_as_documented() {
    let server = TestServer::start().await;
    for (expression, expected) in [
        ("NULL", Value::Null),
        ("true", json!(true)),
        ("1::smallint", json!(1)),
        ("9007199254740991", json!(9_007_199_254_740_991_i64)),
        ("9007199254740993", json!("9007199254740993")),
        ("12.50::numeric(10,2)", json!("12.50")),
        ("1.5::float8", json!(1.5)),
        ("date '2025-01-02'", json!("2025-01-02")),
        (
            "timestamptz '2025-01-02 03:04:05+00'",
            json!("2025-01-02 03:04:05+00"),
        ),
        ("timestamp 'infinity'", json!("infinity")),
        ("date '0044-03-15 BC'", json!("0044-03-15 BC")),
        ("interval '1 mon 2 days'", json!("1 mon 2 days")),
        ("jsonb '{\"a\": [1, null]}'", json!({"a": [1, null]})),
        (
            "'12345678901234567890123'::json",
            json!("12345678901234567890123"),
        ),
        ("'\"\\ud800\"'::json", json!("\"\\ud800\"")),
        (
            "jsonb_build_object('id', 1567417727310704641, 'n', -9007199254740991)",
            json!({"id": "1567417727310704641", "n": -9_007_199_254_740_991_i64}),
        ),
        (
            "ARRAY['[9007199254740993, 0.1]'::jsonb]",
            json!([["9007199254740993", 0.1]]),
        ),
        (
            "json_build_object('share', 1 / 3.0, 'double', 1 / 3.0::float8)",
            json!({"share": "0.33333333333333333333", "double": 0.333_333_333_333_333_3}),
        ),
        ("ARRAY[1, NULL, 3]", json!([1, null, 3])),
        (
            "ARRAY[['a', 'b,c'], ['\"', NULL]]",
            json!([["a", "b,c"], ["\"", null]]),
        ),
        ("ARRAY[1.10]", json!(["1.10"])),
        ("int4range(1, 5)", json!("[1,5)")),
        ("'\\xdead'::bytea", json!("\\xdead")),
        ("B'101'", json!("101")),
        (
            "'3f333df6-90a4-4fda-8dd3-9485d27cee36'::uuid",
            json!("3f333df6-90a4-4fda-8dd3-9485d27cee36"),
        ),
        ("ROW(1, 'a')", json!("(1,a)")),
        ("chr(27) || '[2J' || chr(155)", json!("\u{1b}[2J\u{9b}")),
        ("'é😀'", json!("é😀")),
    ] {
        let sql = format!("SELECT {expression}");
        assert_eq!(server.rows(SEATTLE, &sql).await[0][0], expected, "{sql}");
    }
}

/// What runs may differ from what was asked; what the columns are called does not.
#[tokio::test]
async fn columns_are_called_as_postgresql_calls_them() {
    let server = TestServer::start().await;
    let mut superuser = server.database().superuser().await;
    for expressions in [
        "array_agg(1), jsonb_agg(DISTINCT store_id)::text, string_agg(store_name, ',') || 'x', count(*)",
        "array_agg(1) FILTER (WHERE true), (ARRAY[1])[1], (SELECT array_agg(2)), coalesce(array_agg(1), '{}')",
        "ARRAY(SELECT 1), ARRAY(SELECT 1)::text, EXISTS (SELECT 1), 1 IN (SELECT 1), (SELECT ARRAY(SELECT 1) AS a)",
        "CASE WHEN true THEN array_agg(1) END, CASE WHEN true THEN 1 ELSE max(store_id) END, nullif(min(1), 2)",
        "repeat('a', max(store_id)), max(store_id)::bigint::text, greatest(1, 2), '1'::int, CAST('a' AS varchar(3)), -max(1)",
        "substring('abc', lower('b')), 'a' ~ lower('A'), array_agg(1) IS NULL, ROW(1), current_date, now()",
    ] {
        let sql = format!("SELECT {expressions} FROM retail.stores");
        let text = AssertSqlSafe(sql.as_str()).into_sql_str();
        let prepared = superuser.prepare(text).await.expect(&sql);
        let columns: Vec<&str> = prepared.columns().iter().map(Column::name).collect();
        let arguments = json!({"postgresql_query": sql});
        let answer = server.call(SEATTLE, "execute_sales_query", arguments).await;
        assert_eq!(answer.structured["c"], json!(columns), "{}", answer.text);
    }
}

#[tokio::test]
async fn no_rows_say_so_and_keep_the_names_of_their_columns() {
    let server = TestServer::start().await;
    let answer = server
        .call(
            SEATTLE,
            "execute_sales_query",
            json!({"postgresql_query": "SELECT store_id, store_name AS name FROM retail.stores WHERE false"}),
        )
        .await;
    assert_eq!(
        answer.text,
        r#"{"c":["store_id","name"],"r":[],"n":0,"scope":"Zava Retail Seattle only","msg":"No rows"}"#
    );
}

#[tokio::test]
async fn text_and_structured_content_are_the_same() {
    let server = TestServer::start().await;
    let sql = "SELECT store_name AS name, is_online FROM retail.stores ORDER BY store_name LIMIT 2";
    let answer = server
        .call(
            HEAD_OFFICE,
            "execute_sales_query",
            json!({"postgresql_query": sql}),
        )
        .await;
    assert_eq!(
        answer.text,
        r#"{"c":["name","is_online"],"r":[["Zava Retail Bellevue",false],["Zava Retail Everett",false]],"n":2,"scope":"all 8 stores"}"#
    );
    assert_eq!(
        serde_json::from_str::<Value>(&answer.text).expect("JSON"),
        answer.structured
    );
}

/// Whichever of them a client reads, it gets the same digits, escapes and order of members; of an
/// error and of a result that is sent in many slices too.
#[tokio::test]
async fn structured_content_is_the_text_byte_for_byte() {
    let server = TestServer::start().await;
    let document = r#"{"b": 1.50, "a": [1e3, "\u001b\"\\"], "b": -0}"#;
    for (sql, is_error) in [
        (
            &*format!(
                "SELECT '{document}'::json AS \"é\"\"\", 1e300::float8, chr(155) || '\"\\' || chr(9), 'é😀'"
            ),
            false,
        ),
        (
            "SELECT * FROM retail.orders AS o CROSS JOIN retail.stores AS s LIMIT 1000",
            false,
        ),
        ("SELECT 1 WHERE false", false),
        ("SELECT 1 / 0", true),
        ("SELECT 'a' AS \"b", true),
    ] {
        let arguments = json!({"postgresql_query": sql, "max_rows": 1000});
        let call = json!({"name": "execute_sales_query", "arguments": arguments});
        let response = server.request(HEAD_OFFICE, "tools/call", call).await;
        let length = response.content_length();
        let body = response.text().await.expect("a body");
        assert_eq!(length, Some(body.len() as u64), "{sql}");
        let content = body
            .strip_prefix(r#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"#)
            .and_then(|rest| rest.strip_suffix(&format!(r#","isError":{is_error}}}}}"#)));
        let (text, structured) = content
            .and_then(|content| content.split_once(r#"}],"structuredContent":"#))
            .unwrap_or_else(|| panic!("two forms in {body}"));
        let text: String = serde_json::from_str(text).expect("a JSON string");
        assert_eq!(text, structured, "{sql}");
        serde_json::from_str::<Value>(structured).expect("JSON");
    }
}

/// Nothing but the value, the list and the message would do; a model may look at one of them only.
#[tokio::test]
async fn a_long_value_is_marked_listed_and_told() {
    let server = TestServer::start_with(|settings| {
        settings.limits.cell_bytes = 256.try_into().expect("not zero");
    })
    .await;
    let sql = "SELECT repeat('é', 127) || 'é' AS fits, repeat('é', 150) AS long, 1 AS one";
    let answer = server
        .call(
            HEAD_OFFICE,
            "execute_sales_query",
            json!({"postgresql_query": sql}),
        )
        .await;
    assert!(!answer.is_error, "{}", answer.text);
    let long = format!("{}…[cut: the first 256 of 300 bytes]", "é".repeat(128));
    let expected = json!({
        "c": ["fits", "long", "one"],
        "r": [["é".repeat(128), long, 1]],
        "n": 1,
        "scope": "all 8 stores",
        "truncated": true,
        "cut": [[0, 1]],
        "msg": "1 of the values is longer than 256 bytes and cut there; each ends in …[cut: …] and stands in `cut` by row and \
                column, from 0. Read on with substr(value, start, count), or take less with left(value, count)"
    });
    assert_eq!(answer.structured, expected);
    assert_eq!(
        serde_json::from_str::<Value>(&answer.text).expect("JSON"),
        expected
    );
}

#[tokio::test]
async fn missing_rows_say_how_to_go_on() {
    let server = TestServer::start_with(|settings| {
        settings.limits.answer.rows = 2.try_into().expect("not zero");
        settings.limits.answer.result_bytes = 1024.try_into().expect("not zero");
    })
    .await;
    for (sql, rows, message) in [
        (
            "SELECT order_id FROM retail.orders",
            2,
            "Only the first 2 rows; there are more. Aggregate or filter; or go on with ORDER BY and OFFSET 2",
        ),
        (
            "SELECT repeat('x', 600) FROM retail.stores",
            1,
            "Only the first of 8 rows; the next would make the answer longer than it may be (1024 bytes). Name fewer columns. Aggregate \
             or filter; or go on with ORDER BY and OFFSET 1",
        ),
        (
            "SELECT repeat('x', 2000)",
            0,
            "The first row alone is longer than an answer may be (1024 bytes). Name fewer columns, or take parts of long values \
             with left(value, 1000)",
        ),
    ] {
        let answer = server
            .call(
                HEAD_OFFICE,
                "execute_sales_query",
                json!({"postgresql_query": sql}),
            )
            .await;
        assert_eq!(answer.structured["n"], rows, "{}", answer.text);
        assert_eq!(answer.structured["truncated"], true, "{sql}");
        assert_eq!(answer.structured["msg"], message, "{sql}");
    }
}

#[tokio::test]
async fn too_many_columns_are_counted() {
    let server = TestServer::start().await;
    let select = |columns: usize| {
        let columns: Vec<String> = (0..columns).map(|n| format!("{n} AS c{n}")).collect();
        format!("SELECT {}", columns.join(", "))
    };
    assert_eq!(
        server.rows(SEATTLE, &select(128)).await[0]
            .as_array()
            .map(Vec::len),
        Some(128)
    );
    for sql in [select(129), format!("{} WHERE false", select(129))] {
        assert_eq!(
            server.failure(SEATTLE, &sql).await,
            "the query has too many columns; the maximum is 128; split the query into smaller ones"
        );
    }
    assert_eq!(server.number(SEATTLE, "SELECT 1").await, 1);
}

/// A name is the client's own text, or a column's.
#[tokio::test]
async fn names_of_columns_steer_no_terminal() {
    let server = TestServer::start().await;
    let answer = server
        .call(
            SEATTLE,
            "execute_sales_query",
            json!({"postgresql_query": "SELECT 1 AS \"\u{1b}[2J\u{9b}\""}),
        )
        .await;
    assert_eq!(
        answer.text,
        r#"{"c":["\u001b[2J\u009b"],"r":[[1]],"n":1,"scope":"Zava Retail Seattle only"}"#
    );
}

/// A number that is rounded when it is read once more would differ between the two.
#[tokio::test]
async fn floats_keep_every_digit_in_both() {
    let server = TestServer::start().await;
    let sql = "SELECT 0.41272252798080444::float8, 1e-300::float8, 5e-324::float8, 0.1::float4";
    let answer = server
        .call(
            HEAD_OFFICE,
            "execute_sales_query",
            json!({"postgresql_query": sql}),
        )
        .await;
    assert_eq!(
        answer.structured["r"].to_string(),
        "[[0.41272252798080444,1e-300,5e-324,0.1]]"
    );
    assert!(
        answer
            .text
            .contains("[[0.41272252798080444,1e-300,5e-324,0.1]]"),
        "{}",
        answer.text
    );
}

#[tokio::test]
async fn schemas_have_the_documented_blocks_in_order() {
    let server = TestServer::start().await;
    let names = ["retail.stores", "retail.orders", "retail.stores"];
    let answer = server
        .call(
            SEATTLE,
            "get_multiple_table_schemas",
            json!({"table_names": names}),
        )
        .await;
    insta::assert_snapshot!(answer.text);
    assert_eq!(answer.structured["result"], answer.text.as_str());
}

#[tokio::test]
async fn the_date_is_now_with_microseconds_and_zone() {
    let server = TestServer::start().await;
    let answer = server
        .call(SEATTLE, "get_current_utc_date", json!({}))
        .await;
    let told = answer
        .text
        .strip_prefix("Current UTC Date/Time: ")
        .expect("the prefix");
    assert_eq!(
        told.len(),
        "2026-11-23T09:18:04.535194+00:00".len(),
        "{told}"
    );
    let told = chrono::DateTime::parse_from_rfc3339(told).expect("RFC 3339");
    assert!((chrono::Utc::now() - told.to_utc()).num_seconds().abs() < 60);
}

/// PostgreSQL speaks of the text that ran, which is another one: tables have their schema, twins stand in for functions.
#[tokio::test]
async fn an_error_says_where_in_the_text_that_was_sent() {
    let server = TestServer::start().await;
    for (sql, expected) in [
        (
            "SELECT order_id,\n  order_dat\nFROM orders",
            "column \"order_dat\" does not exist (line 2, column 3; SQLSTATE 42703); did you mean order_date (retail.orders)?",
        ),
        (
            "SELECT repeat('-', store_id), array_agg(store_id), total\nFROM stores s JOIN orders o USING (store_id)",
            "column \"total\" does not exist",
        ),
        (
            "select s.store_name, sum(o.totl_amount) from stores s join order_items o using (store_id) group by 1",
            "column o.totl_amount does not exist (line 1, column 26; SQLSTATE 42703); did you mean o.total_amount?",
        ),
        (
            "SELECT 'é', lower(order_date) FROM orders",
            "function lower(date) does not exist",
        ),
        ("SELECT 1\n/ 0", "division by zero (SQLSTATE 22012)"),
    ] {
        let text = server.failure(SEATTLE, sql).await;
        assert!(text.starts_with(expected), "{sql}\n  {text}");
    }
    let text = server
        .failure(SEATTLE, "SELECT 'é',\n lower(order_date) FROM orders")
        .await;
    assert!(
        text.contains("(line 2, column 2; SQLSTATE 42883)"),
        "{text}"
    );
    let text = server
        .failure(SEATTLE, "SELECT * FROM retail.order_itms")
        .await;
    assert!(text.contains("did you mean retail.order_items?"), "{text}");
    let text = server.failure(SEATTLE, "SELECT ifnull(1, 2)").await;
    assert!(text.contains("use for example coalesce("), "{text}");
}

/// Estimates come from statistics over all stores' rows.
#[tokio::test]
async fn a_plan_is_for_head_office_only() {
    let server = TestServer::start().await;
    let sql = "EXPLAIN SELECT count(*) FROM retail.orders";
    let text = server.failure(SEATTLE, sql).await;
    assert!(
        text.starts_with("EXPLAIN is for analysts of head office only"),
        "{text}"
    );
    let plan = server.rows(HEAD_OFFICE, sql).await;
    assert!(
        plan[0][0].as_str().expect("a line").contains("Aggregate"),
        "{plan:?}"
    );
    for sql in [
        "EXPLAIN ANALYZE SELECT 1",
        "EXPLAIN (ANALYZE false) SELECT 1",
        "EXPLAIN (SETTINGS) SELECT 1",
        "EXPLAIN (VERBOSE) SELECT 1",
    ] {
        let text = server.failure(HEAD_OFFICE, sql).await;
        assert!(text.contains("nothing is run"), "{sql}: {text}");
    }
}

/// What stands for a call means what the call means, also of NULL.
#[tokio::test]
async fn a_twin_lets_null_through() {
    let server = TestServer::start().await;
    let cases = [
        (
            "x::numeric::int FROM (VALUES ('1'), (NULL)) v(x)",
            json!([[1], [null]]),
        ),
        (
            "(x || '')::jsonb FROM (VALUES ('1'), (NULL)) v(x)",
            json!([[1], [null]]),
        ),
        (
            "('{' || x || '}')::numeric[]::int[] FROM (VALUES ('1'), (NULL)) v(x)",
            json!([[[1]], [null]]),
        ),
        (
            "power(2, x) FROM (VALUES (1), (NULL)) v(x)",
            json!([[2], [null]]),
        ),
        ("2 ^ x FROM (VALUES (1), (NULL)) v(x)", json!([[2], [null]])),
        (
            "exp(x)::int FROM (VALUES (0), (NULL)) v(x)",
            json!([[1], [null]]),
        ),
        ("power(2::numeric, '3')::int", json!([[8]])),
        (
            "repeat('a', x) FROM (VALUES (1), (NULL)) v(x)",
            json!([["a"], [null]]),
        ),
        (
            "lpad('a', x), rpad('a', x) FROM (VALUES (1), (NULL)) v(x)",
            json!([["a", "a"], [null, null]]),
        ),
        (
            "'abc' ~ x FROM (VALUES ('b'), (NULL)) v(x)",
            json!([[true], [null]]),
        ),
        (
            "g FROM (VALUES (NULL::int)) v(x), generate_series(1, x) g",
            json!([]),
        ),
        (
            "(e ->> 'price')::numeric::float8 FROM jsonb_array_elements('[{\"price\": \"1.5\"}, {}]') e",
            json!([[1.5], [null]]),
        ),
        (
            "array_agg(x) FROM (SELECT repeat('a', 300) || y AS x FROM (VALUES (NULL)) v(y)) t",
            json!([[[null]]]),
        ),
        (
            "json_agg(x) FROM (SELECT repeat('a', 300) || y AS x FROM (VALUES (NULL)) v(y)) t",
            json!([[[null]]]),
        ),
    ];
    for (sql, rows) in cases {
        let given = server.rows(SEATTLE, &format!("SELECT {sql}")).await;
        assert_eq!(Value::from(given), rows, "{sql}");
    }
    let sql = "WITH RECURSIVE t AS (SELECT 1 AS i, NULL::text AS s UNION ALL SELECT i + 1, s || 'x' FROM t WHERE i < 3) SELECT * FROM t";
    let given = server.rows(SEATTLE, sql).await;
    assert_eq!(Value::from(given), json!([[1, null], [2, null], [3, null]]));
}

/// A limit that a statement has reached is not an outage.
#[tokio::test]
async fn too_much_temporary_space_is_the_statements_own_matter() {
    let database = TestDatabase::new().await;
    let sql = "SELECT count(*) FROM (SELECT repeat(product_name, 200) || g AS x FROM retail.products, generate_series(1, 20000) AS g ORDER BY g DESC OFFSET 1) AS s";
    let limit = format!(
        "ALTER ROLE zava_query IN DATABASE {} SET temp_file_limit = '1MB'",
        database.name
    );
    database
        .superuser()
        .await
        .execute(AssertSqlSafe(limit).into_sql_str())
        .await
        .expect("a limit");
    // It holds for connections that are made after it.
    let server = TestServer::over(&settings(&database.name)).await;
    let text = server.failure(SEATTLE, sql).await;
    assert!(text.contains("temporary space"), "{text}");
}
