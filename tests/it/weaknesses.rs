//! The proven weaknesses of the original sample, W1 to W12: each is a test that would show it here.

use serde_json::{Value, json};

use crate::support::{HEAD_OFFICE, REDMOND, SEATTLE, TestServer};

#[tokio::test]
async fn w1_the_login_is_held_by_every_policy() {
    let server = TestServer::start().await;
    let all = server
        .number(HEAD_OFFICE, "SELECT count(*) FROM retail.orders")
        .await;
    let own = server
        .number(REDMOND, "SELECT count(*) FROM retail.orders")
        .await;
    assert!(own < all / 4, "{own} of {all}");
    let mut db = server.database().superuser().await;
    let privileged: bool = sqlx::query_scalar("SELECT rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolinherit FROM pg_roles WHERE rolname = 'zava_query'")
        .fetch_one(&mut db)
        .await
        .expect("the login");
    assert!(!privileged);
}

#[tokio::test]
async fn w2_the_sql_tool_runs_no_programs_reads_no_files_drops_nothing() {
    let server = TestServer::start().await;
    for sql in [
        "COPY (SELECT 1) TO PROGRAM 'id'",
        "SELECT pg_read_file('/etc/passwd')",
        "DROP TABLE retail.orders",
        "SELECT lo_import('/etc/passwd')",
        "CREATE TABLE t (a int)",
    ] {
        let text = server.failure(HEAD_OFFICE, sql).await;
        assert!(
            text.contains("not allowed") || text.contains("only read-only"),
            "{sql}: {text}"
        );
    }
    assert!(
        server
            .number(HEAD_OFFICE, "SELECT count(*) FROM retail.orders")
            .await
            > 0
    );
}

/// `signed_context` tries the same past the guard.
#[tokio::test]
async fn w3_sql_does_not_switch_tenant() {
    let server = TestServer::start().await;
    for setting in [
        "app.current_rls_user_id",
        "zava.context",
        "role",
        "session_authorization",
    ] {
        let sql = format!(
            "WITH x AS MATERIALIZED (SELECT set_config('{setting}', '{HEAD_OFFICE}', true)) SELECT count(*) FROM x, retail.orders"
        );
        assert!(
            server.failure(REDMOND, &sql).await.contains("set_config"),
            "{setting}"
        );
    }
}

#[tokio::test]
async fn w4_a_do_block_tells_nothing() {
    let server = TestServer::start().await;
    let text = server
        .failure(
            REDMOND,
            "DO $$ BEGIN RAISE EXCEPTION 'orders=%', (SELECT count(*) FROM retail.orders); END $$",
        )
        .await;
    assert_eq!(
        text,
        "only read-only queries are allowed; send one SELECT, WITH … SELECT, VALUES or TABLE statement"
    );
}

#[tokio::test]
async fn w5_no_header_is_nobody() {
    let server = TestServer::start().await;
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "get_current_utc_date"}});
    let response = server.post().json(&body).send().await.expect("an answer");
    assert_eq!(response.status(), 400);
}

#[tokio::test]
async fn w6_no_tenant_reads_tenant_ids() {
    let server = TestServer::start().await;
    for sql in [
        "SELECT rls_user_id FROM retail.stores",
        "SELECT count(*) FROM retail.stores WHERE rls_user_id IS NOT NULL",
        "SELECT count(rls_user_id) FROM retail.stores",
        "SELECT 1 FROM retail.stores a JOIN retail.stores b USING (rls_user_id)",
    ] {
        let text = server.failure(HEAD_OFFICE, sql).await;
        assert!(text.contains("no column rls_user_id"), "{sql}: {text}");
        assert!(!text.contains(SEATTLE), "{sql}: {text}");
    }
    // What stands for all columns stands for those that may be read.
    for sql in [
        "SELECT * FROM retail.stores",
        "SELECT s FROM retail.stores s",
        "SELECT row_to_json(s) FROM retail.stores s",
        "SELECT s::text FROM retail.stores s",
    ] {
        let rows = server.rows(HEAD_OFFICE, sql).await;
        let text = serde_json::to_string(&rows).expect("JSON");
        assert_eq!(rows.len(), 8, "{sql}");
        assert!(
            !text.contains(SEATTLE) && !text.contains("rls_user_id"),
            "{sql}: {text}"
        );
    }
    assert_eq!(
        server
            .rows(REDMOND, "SELECT store_name, is_online FROM retail.stores")
            .await
            .len(),
        8
    );
}

#[tokio::test]
async fn w7_schemas_show_keys_to_the_least_privileged_role() {
    let server = TestServer::start().await;
    let answer = server
        .call(
            REDMOND,
            "get_multiple_table_schemas",
            json!({"table_names": ["retail.order_items"]}),
        )
        .await;
    for key in ["order_id", "store_id", "product_id"] {
        let table = format!("{}s", key.trim_end_matches("_id"));
        assert!(
            answer
                .text
                .contains(&format!("- `{key}` → `retail.{table}.{key}` (MANY_TO_ONE)")),
            "{}",
            answer.text
        );
    }
    assert!(!answer.text.contains("rls_user_id"));
}

#[tokio::test]
async fn w8_one_tenants_schemas_never_reach_another() {
    let server = TestServer::start().await;
    let junk = server.request("11111111-2222-3333-4444-555555555555", "tools/call", json!({"name": "get_multiple_table_schemas", "arguments": {"table_names": ["retail.orders"]}})).await;
    assert_eq!(junk.status(), 403);
    let mut db = server.database().superuser().await;
    // A store whose orders are all of one year has that year only.
    sqlx::raw_sql("UPDATE retail.orders SET order_date = '2021-05-05' WHERE store_id = (SELECT store_id FROM retail.stores WHERE store_name LIKE '%Redmond')")
        .execute(&mut db)
        .await
        .expect("the orders change");
    let years = async |tenant| {
        let answer = server
            .call(
                tenant,
                "get_multiple_table_schemas",
                json!({"table_names": ["retail.orders"]}),
            )
            .await;
        answer
            .text
            .lines()
            .find(|line| line.starts_with("**Available years:**"))
            .expect("the years")
            .to_owned()
    };
    assert_eq!(
        years(SEATTLE).await,
        "**Available years:** 2020, 2021, 2022, 2023, 2024, 2025, 2026"
    );
    assert_eq!(years(REDMOND).await, "**Available years:** 2021");
    assert_eq!(
        years(SEATTLE).await,
        "**Available years:** 2020, 2021, 2022, 2023, 2024, 2025, 2026"
    );
}

#[tokio::test]
async fn w9_answers_are_bounded_in_rows_and_bytes_and_say_so() {
    let server = TestServer::start().await;
    let series = |last: u32| format!("SELECT g FROM generate_series(1, {last}) g");
    let long = "SELECT repeat('x', 10000) FROM generate_series(1, 500)";
    let huge = "SELECT repeat('x', 12000000)";
    let most = Some(1000);
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
        (series(1000), most, 1000, None, None),
        (
            series(5000),
            most,
            1000,
            None,
            Some("Only the first 1000 rows; there are more. Aggregate or filter; or go on with"),
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
            Some("max_rows is 5000; the most is 1000, so that is what was used"),
        ),
        (series(500), Some(5000), 500, None, None),
        (
            long.to_owned(),
            None,
            3,
            None,
            Some(
                "longer than it may be (32768 bytes). Name fewer columns. Aggregate or filter; set max_rows",
            ),
        ),
        (
            long.to_owned(),
            most,
            104,
            None,
            Some(
                "longer than it may be (1048576 bytes). Name fewer columns. Aggregate or filter; or go on",
            ),
        ),
        (
            huge.to_owned(),
            most,
            0,
            None,
            Some("The first row alone is longer than an answer may be (1048576 bytes)"),
        ),
    ] {
        let arguments = json!({"postgresql_query": sql, "max_rows": max_rows});
        let answer = server.call(SEATTLE, "execute_sales_query", arguments).await;
        let told = &answer.structured;
        assert_eq!(told["n"], given, "{sql} {max_rows:?}");
        assert_eq!(
            told["truncated"],
            words.map_or(Value::Null, |_| json!(true)),
            "{sql} {max_rows:?}"
        );
        assert_eq!(told["total"], json!(total), "{sql} {max_rows:?}");
        let message = told["msg"].as_str().unwrap_or_default();
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
        assert_eq!(answer.structured["err"], expected);
    }

    // And the connections that were given up do not stay behind.
    assert_eq!(server.number(SEATTLE, "SELECT 1").await, 1);
}

#[tokio::test]
async fn w11_errors_are_errors_and_hold_no_raw_internals() {
    let server = TestServer::start().await;
    for (sql, words) in [
        ("SELECT 1/0", "division by zero (SQLSTATE 22012)"),
        (
            "SELECT nonsense FROM retail.orders",
            "column \"nonsense\" does not exist (line 1, column 8; SQLSTATE 42703)",
        ),
        (
            "SELECT * FROM retail.nonsense",
            "table retail.nonsense is not available",
        ),
        ("SELEC 1", "syntax error at or near \"SELEC\""),
    ] {
        let answer = server
            .call(
                SEATTLE,
                "execute_sales_query",
                json!({"postgresql_query": sql}),
            )
            .await;
        assert!(answer.is_error, "{sql}");
        let body: Value = serde_json::from_str(&answer.text).expect("the text is JSON");
        assert_eq!(body, answer.structured);
        assert!(
            body["err"].as_str().expect("an error").starts_with(words),
            "{sql}: {body}"
        );
        assert_eq!(
            (&body["c"], &body["r"], &body["n"]),
            (&json!([]), &json!([]), &json!(0))
        );
        for leak in ["zava_query", "guard", "pg_", "Statement", "wire", ".rs"] {
            assert!(!answer.text.contains(leak), "{sql}: {}", answer.text);
        }
    }
}

/// PostgreSQL's own message may repeat a value of any length, and its hint a name that the caller cannot see.
#[tokio::test]
async fn w11_an_error_repeats_little_and_hints_at_nothing_hidden() {
    let server = TestServer::start().await;
    for length in [2_000, 900_000, 1_000_000] {
        let sql = format!("SELECT ('x' || repeat('a', {length}))::int");
        let text = server.failure(SEATTLE, &sql).await;
        assert!(
            text.len() < 1_000 && text.contains("SQLSTATE"),
            "{length}: {} bytes",
            text.len()
        );
        assert_eq!(server.number(SEATTLE, "SELECT 1").await, 1);
    }
    let text = server
        .failure(SEATTLE, "SELECT rls_user_i FROM retail.stores")
        .await;
    assert!(!text.contains("rls_user_id"), "{text}");
}

#[tokio::test]
async fn w12_answers_are_valid_json_and_columns_of_one_name_keep_their_values() {
    let server = TestServer::start().await;
    let sql = "SELECT 1 AS a, 2 AS a, 'NaN'::float8 AS f, 'Infinity'::float4 AS g, 'NaN'::numeric AS h, interval '1 mon 2 days' AS i";
    let answer = server
        .call(
            SEATTLE,
            "execute_sales_query",
            json!({"postgresql_query": sql}),
        )
        .await;
    let body: Value = serde_json::from_str(&answer.text).expect("valid JSON");
    assert_eq!(body["c"], json!(["a", "a", "f", "g", "h", "i"]));
    assert_eq!(
        body["r"],
        json!([[1, 2, "NaN", "Infinity", "NaN", "1 mon 2 days"]])
    );
}
