use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Column, Executor as _, SqlSafeStr as _, Statement as _};

use crate::support::{HEAD_OFFICE, SEATTLE, TestServer};

/// The table in docs/results.md, over PostgreSQL's own text output.
#[tokio::test]
async fn values_are_encoded_as_documented() {
    let server = TestServer::shared();
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

/// The guard may rewrite a statement; its column names stay the same.
#[tokio::test]
async fn column_names_match_postgresql() {
    let server = TestServer::shared();
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
        let answer = server.query(SEATTLE, &sql).await;
        assert_eq!(answer.structured["c"], json!(columns), "{}", answer.text);
    }
}

#[tokio::test]
async fn empty_result_has_a_message_and_column_names() {
    let server = TestServer::shared();
    let answer = server
        .query(
            SEATTLE,
            "SELECT store_id, store_name AS name FROM retail.stores WHERE false",
        )
        .await;
    assert_eq!(
        answer.text,
        r#"{"c":["store_id","name"],"r":[],"n":0,"scope":"Zava Retail Seattle only","msg":"No rows"}"#
    );
}

#[tokio::test]
async fn text_equals_structured_content() {
    let server = TestServer::shared();
    let sql = "SELECT store_name AS name, is_online FROM retail.stores ORDER BY store_name LIMIT 2";
    let answer = server.query(HEAD_OFFICE, sql).await;
    assert_eq!(
        answer.text,
        r#"{"c":["name","is_online"],"r":[["Zava Retail Bellevue",false],["Zava Retail Everett",false]],"n":2,"scope":"all 8 stores"}"#
    );
    assert_eq!(
        serde_json::from_str::<Value>(&answer.text).expect("JSON"),
        answer.structured
    );
}

/// Both forms have the same digits, escapes and member order; also for errors, and for results sent
/// in many chunks.
#[tokio::test]
async fn structured_content_equals_the_text_byte_for_byte() {
    let server = TestServer::shared();
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

/// A column name comes from the client's SQL or from a table.
#[tokio::test]
async fn control_characters_in_column_names_are_escaped() {
    let server = TestServer::shared();
    let answer = server
        .query(SEATTLE, "SELECT 1 AS \"\u{1b}[2J\u{9b}\"")
        .await;
    assert_eq!(
        answer.text,
        r#"{"c":["\u001b[2J\u009b"],"r":[[1]],"n":1,"scope":"Zava Retail Seattle only"}"#
    );
}

/// A number rounded by another conversion would differ between the two forms.
#[tokio::test]
async fn floats_round_trip_in_text_and_structured_content() {
    let server = TestServer::shared();
    let sql = "SELECT 0.41272252798080444::float8, 1e-300::float8, 5e-324::float8, 0.1::float4";
    let answer = server.query(HEAD_OFFICE, sql).await;
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
    let server = TestServer::shared();
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
async fn current_date_has_microseconds_and_time_zone() {
    let server = TestServer::shared();
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

/// Planner estimates come from statistics over all stores' rows.
#[tokio::test]
async fn explain_is_for_head_office_only() {
    let server = TestServer::shared();
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
        assert!(text.contains("never executed"), "{sql}: {text}");
    }
}

#[tokio::test]
async fn duplicate_columns_and_non_finite_numbers_are_valid_json() {
    let server = TestServer::shared();
    let sql = "SELECT 1 AS a, 2 AS a, 'NaN'::float8 AS f, 'Infinity'::float4 AS g, 'NaN'::numeric AS h, interval '1 mon 2 days' AS i";
    let answer = server.query(SEATTLE, sql).await;
    let body: Value = serde_json::from_str(&answer.text).expect("valid JSON");
    assert_eq!(body["c"], json!(["a", "a", "f", "g", "h", "i"]));
    assert_eq!(
        body["r"],
        json!([[1, 2, "NaN", "Infinity", "NaN", "1 mon 2 days"]])
    );
}
