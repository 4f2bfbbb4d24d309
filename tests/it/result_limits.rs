//! Limits on results (rows, bytes, columns, single values, temporary space), and what the client is
//! result when one is reached.

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Executor as _, SqlSafeStr as _};

use crate::support::{HEAD_OFFICE, SEATTLE, TestDatabase, TestServer, settings};

#[tokio::test]
async fn results_are_bounded_in_rows_and_bytes_and_report_truncation() {
    let server = TestServer::over_shared_database(|_| {}).await;
    let series = |last: u32| format!("SELECT g FROM generate_series(1, {last}) g");
    let long = "SELECT repeat('x', 10000) FROM generate_series(1, 500)";
    let huge = "SELECT repeat('x', 12000000)";
    let max = Some(1000);
    for (sql, max_rows, given, total, words) in [
        (series(200), None, 200, None, None),
        (
            series(201),
            None,
            200,
            Some(201),
            Some(
                "Only the first 200 of 201 rows. Aggregate or filter; set max_rows (at most 1000) for more",
            ),
        ),
        (
            series(5000),
            None,
            200,
            None,
            Some("Only the first 200 rows; there are more. Aggregate or filter; set max_rows"),
        ),
        (series(1000), max, 1000, None, None),
        (
            series(5000),
            max,
            1000,
            None,
            Some("Only the first 1000 rows; there are more. Aggregate or filter; or continue with"),
        ),
        (
            series(5000),
            Some(20),
            20,
            None,
            Some("Only the first 20 rows; there are more"),
        ),
        (
            series(500),
            Some(20),
            20,
            Some(500),
            Some("Only the first 20 of 500 rows"),
        ),
        (
            series(5000),
            Some(5000),
            1000,
            None,
            Some("max_rows is 5000; the maximum of 1000 was used"),
        ),
        (series(500), Some(5000), 500, None, None),
        (
            long.to_owned(),
            None,
            3,
            None,
            Some(
                "exceed the result limit of 32768 bytes. Select fewer columns. Aggregate or filter; set max_rows",
            ),
        ),
        (
            long.to_owned(),
            max,
            104,
            None,
            Some(
                "exceed the result limit of 1048576 bytes. Select fewer columns. Aggregate or filter; or continue",
            ),
        ),
        (
            huge.to_owned(),
            max,
            0,
            None,
            Some("The first row alone exceeds the result limit of 1048576 bytes"),
        ),
    ] {
        let arguments = json!({"postgresql_query": sql, "max_rows": max_rows});
        let answer = server.call(SEATTLE, "execute_sales_query", arguments).await;
        let result = &answer.structured;
        assert_eq!(result["n"], given, "{sql} {max_rows:?}");
        assert_eq!(
            result["truncated"],
            words.map_or(Value::Null, |_| json!(true)),
            "{sql} {max_rows:?}"
        );
        assert_eq!(result["total"], json!(total), "{sql} {max_rows:?}");
        let message = answer.message();
        assert!(
            message.contains(words.unwrap_or_default()),
            "{sql} {max_rows:?}: {message}"
        );
        assert_eq!(message.is_empty(), words.is_none(), "{sql}: {message}");
        let bytes = if max_rows.is_some() {
            1 << 20
        } else {
            32 << 10
        };
        assert!(answer.text.len() < bytes + 1024, "{sql}");
    }
    for max_rows in [0, -1, i64::MIN] {
        let arguments = json!({"postgresql_query": "SELECT 1", "max_rows": max_rows});
        let answer = server.call(SEATTLE, "execute_sales_query", arguments).await;
        let expected =
            format!("max_rows is {max_rows}; it must be from 1 to 1000, for example 200");
        assert_eq!(answer.error(), expected);
    }

    // Connections of cancelled statements do not stay behind.
    assert_eq!(server.number(SEATTLE, "SELECT 1").await, 1);
}

/// The value itself, the list of cut cells and the message all state it, because a model may read
/// only one of them.
#[tokio::test]
async fn truncated_value_is_marked_listed_and_reported() {
    let server = TestServer::over_shared_database(|settings| {
        settings.limits.cell_bytes = 256.try_into().expect("not zero");
    })
    .await;
    let sql = "SELECT repeat('é', 127) || 'é' AS fits, repeat('é', 150) AS long, 1 AS one";
    let answer = server.query(HEAD_OFFICE, sql).await;
    assert!(!answer.is_error, "{}", answer.text);
    let long = format!("{}…[cut: the first 256 of 300 bytes]", "é".repeat(128));
    let expected = json!({
        "c": ["fits", "long", "one"],
        "r": [["é".repeat(128), long, 1]],
        "n": 1,
        "scope": "all 8 stores",
        "truncated": true,
        "cut": [[0, 1]],
        "msg": "1 value longer than 256 bytes was cut; each ends in …[cut: …] and is listed in `cut` as [row, column], from 0. \
                Read the rest with substr(value, start, count), or less with left(value, count)"
    });
    assert_eq!(answer.structured, expected);
    assert_eq!(
        serde_json::from_str::<Value>(&answer.text).expect("JSON"),
        expected
    );
}

#[tokio::test]
async fn truncated_results_explain_how_to_continue() {
    let server = TestServer::over_shared_database(|settings| {
        settings.limits.answer.rows = 2.try_into().expect("not zero");
        settings.limits.answer.result_bytes = 1024.try_into().expect("not zero");
    })
    .await;
    for (sql, rows, message) in [
        (
            "SELECT order_id FROM retail.orders",
            2,
            "Only the first 2 rows; there are more. Aggregate or filter; or continue with ORDER BY and OFFSET 2",
        ),
        (
            "SELECT repeat('x', 600) FROM retail.stores",
            1,
            "Only the first of 8 rows; the next one would exceed the result limit of 1024 bytes. Select fewer columns. Aggregate \
             or filter; or continue with ORDER BY and OFFSET 1",
        ),
        (
            "SELECT repeat('x', 2000)",
            0,
            "The first row alone exceeds the result limit of 1024 bytes. Select fewer columns, or shorten long values \
             with left(value, 1000)",
        ),
    ] {
        let answer = server.query(HEAD_OFFICE, sql).await;
        assert_eq!(answer.structured["n"], rows, "{}", answer.text);
        assert_eq!(answer.structured["truncated"], true, "{sql}");
        assert_eq!(answer.structured["msg"], message, "{sql}");
    }
}

#[tokio::test]
async fn queries_with_too_many_columns_fail() {
    let server = TestServer::shared();
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

/// A statement that reaches the limit is not an outage.
#[tokio::test]
async fn temp_file_limit_is_reported_as_a_statement_error() {
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
    // The setting applies to new connections.
    let server = TestServer::with_settings(&settings(&database.name)).await;
    let text = server.failure(SEATTLE, sql).await;
    assert!(text.contains("temporary space"), "{text}");
}
