//! Errors of statements: where the position points, how long they are, and that they reveal nothing
//! internal.

use serde_json::{Value, json};

use crate::support::{SEATTLE, TestServer};

#[tokio::test]
async fn errors_are_flagged_and_reveal_no_internals() {
    let server = TestServer::shared();
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
        let answer = server.query(SEATTLE, sql).await;
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

/// PostgreSQL's message may repeat a value of any length, and its hint may name a column that the
/// caller cannot see.
#[tokio::test]
async fn long_errors_are_shortened_and_hide_unreadable_columns() {
    let server = TestServer::shared();
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

/// PostgreSQL reports positions in the rewritten text, in which tables have their schema and
/// bounded wrappers replace functions.
#[tokio::test]
async fn error_position_refers_to_the_clients_text() {
    let server = TestServer::shared();
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
