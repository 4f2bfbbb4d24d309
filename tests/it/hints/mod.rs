//! SQL as models write it: tolerated input, hints beside errors, and examples that run.

mod errors; // PostgreSQL's errors and their hints

use std::time::Duration;

use sqlx::{AssertSqlSafe, Executor as _, SqlSafeStr as _};
use zava_mcp_server::query::guard::{self, hints};

use crate::support::{HEAD_OFFICE, REDMOND, SEATTLE, TestServer};

use errors::ERRORS;

#[tokio::test]
async fn every_example_in_a_hint_runs() {
    let server = TestServer::shared();
    let mut tried = 0;
    for sql in hints::examples(guard::schema()) {
        // The tables of this server have the columns of every example.
        assert!(!sql.contains(" items"), "{sql}");
        let answer = server.query(HEAD_OFFICE, &sql).await;
        assert!(!answer.is_error, "{sql}\n  {}", answer.text);
        tried += 1;
    }
    assert!(tried > 150, "{tried}");
}

#[tokio::test]
async fn postgresql_errors_carry_a_hint() {
    let server = TestServer::shared();
    let mut texts = String::new();
    for sql in ERRORS {
        let text = server.failure(SEATTLE, sql).await;
        // The hint follows the SQLSTATE.
        assert!(text.contains("); "), "{sql}\n  {text}");
        assert!(!text.contains("bounded."), "{sql}\n  {text}");
        texts += &format!("{sql}\n    {text}\n\n");
    }
    insta::assert_snapshot!(texts);
}

/// Unambiguous mistakes are corrected silently.
#[tokio::test]
async fn markdown_fences_and_the_database_name_are_stripped() {
    let server = TestServer::shared();
    for sql in [
        "```sql\nSELECT count(*) FROM retail.stores\n```",
        "Here it is:\n\n```\nSELECT count(*) FROM retail.stores;\n```\n",
        "`SELECT count(*) FROM retail.stores`",
        "SELECT count(*) FROM zava.retail.stores",
        "SELECT count(zava.retail.stores.store_id) FROM zava.retail.stores",
    ] {
        assert_eq!(server.number(SEATTLE, sql).await, 8, "{sql}");
    }
    let text = server
        .failure(SEATTLE, "```sql\nSELECT city\nFROM retail.stores\n```")
        .await;
    assert!(text.contains("(line 1, column 8; "), "{text}");
}

/// Each result has no row, or one row of NULLs and zeros.
#[tokio::test]
async fn empty_results_suggest_existing_names() {
    let server = TestServer::shared();
    let products = "FROM products p JOIN categories c USING (category_id) JOIN product_types t USING (type_id)";
    for (select, condition, message) in [
        (
            "p.sku",
            "c.category_name = 'Power Tools'",
            "No rows; no category is called 'Power Tools'; did you mean 'POWER TOOLS'?",
        ),
        (
            "sum(p.cost)",
            "c.category_name = 'Power Tools'",
            "no category is called 'Power Tools'; did you mean 'POWER TOOLS'?",
        ),
        (
            "count(*), sum(p.cost), coalesce(sum(p.cost), 0)",
            "'Power Tools' = c.category_name",
            "no category is called 'Power Tools'; did you mean 'POWER TOOLS'?",
        ),
        (
            "p.sku",
            "c.category_name IN ('Power Tool', 'POWER TOOLS') AND t.type_name = 'x'",
            "No rows; no category is called 'Power Tool'; did you mean 'POWER TOOLS'? no product type is called 'x'; get_multiple_table_schemas of retail.product_types lists the names",
        ),
        (
            "p.sku",
            "c.category_name LIKE 'power tools'",
            "No rows; no category is called 'power tools'; did you mean 'POWER TOOLS'?",
        ),
        (
            "p.sku",
            "c.category_name = 'Tools'",
            "No rows; no category is called 'Tools'; did you mean 'HAND TOOLS' or 'POWER TOOLS'?",
        ),
        (
            "p.sku",
            "lower(t.type_name) = 'hammers'",
            "No rows; no product type is called 'hammers' in lower case; did you mean 'hammers & mallets'?",
        ),
        (
            "p.sku",
            "c.category_name = 'Hammers & Mallets'",
            "No rows; no category is called 'Hammers & Mallets'; a product type is: type_name = 'Hammers & Mallets'",
        ),
        (
            "p.sku",
            "c.category_name = 'Hammers'",
            "No rows; no category is called 'Hammers'; a product type is: type_name = 'Hammers & Mallets'",
        ),
    ] {
        let sql = format!("SELECT {select} {products} WHERE {condition}");
        assert_eq!(message_of(&server, SEATTLE, &sql).await, message, "{sql}");
    }
    let stores = "SELECT sum(o.order_id) FROM orders o JOIN stores s USING (store_id) WHERE s.store_name = 'Seattle'";
    assert_eq!(
        message_of(&server, SEATTLE, stores).await,
        "no store is called 'Seattle'; did you mean 'Zava Retail Seattle'?"
    );
    // The name exists; it is only this tenant's rows that are missing.
    for (tenant, sql) in [
        (
            SEATTLE,
            "SELECT order_id FROM orders JOIN stores USING (store_id) WHERE store_name = 'Zava Retail Redmond'",
        ),
        (
            REDMOND,
            "SELECT sku FROM products JOIN categories USING (category_id) WHERE category_name = 'POWER TOOLS' AND false",
        ),
        (
            SEATTLE,
            "SELECT sku FROM products WHERE product_name = 'Power Tools'",
        ),
        (
            SEATTLE,
            "SELECT store_name FROM stores WHERE store_name <> 'Seattle' AND false",
        ),
    ] {
        let text = message_of(&server, tenant, sql).await;
        assert!(!text.contains("is called"), "{sql}\n  {text}");
    }
    // A non-empty result needs no message.
    let found =
        "SELECT count(*) FROM categories WHERE category_name IN ('Power Tools', 'HAND TOOLS')";
    assert_eq!(message_of(&server, SEATTLE, found).await, "");
}

/// Today every store may see the others' names. If a policy hides them, names cached for one tenant
/// must not be suggested to another.
#[tokio::test]
async fn suggested_names_are_limited_to_the_callers_visible_rows() {
    let server = TestServer::start().await;
    let policy = "DROP POLICY tenant_reads ON retail.stores; \
        CREATE POLICY tenant_reads ON retail.stores FOR SELECT TO zava_reader USING \
        ((SELECT guard.allowed_stores()) IS NOT NULL AND store_id = ANY ((SELECT guard.allowed_stores())::integer[]))";
    // The posture check, which would refuse such a policy, has passed before.
    server.number(HEAD_OFFICE, "SELECT 1").await;
    let mut superuser = server.database().superuser().await;
    superuser
        .execute(AssertSqlSafe(policy).into_sql_str())
        .await
        .expect("the policy");
    let sql = "SELECT store_id FROM stores WHERE store_name = 'nobody'";
    // The second time from the cache.
    for _ in 0..2 {
        for (tenant, name) in [(SEATTLE, "Seattle"), (REDMOND, "Redmond")] {
            assert_eq!(
                message_of(&server, tenant, sql).await,
                format!(
                    "No rows; no store is called 'nobody'; existing names: 'Zava Retail {name}'"
                )
            );
        }
    }
}

async fn message_of(server: &TestServer, tenant: &str, sql: &str) -> String {
    let answer = server.query(tenant, sql).await;
    assert!(!answer.is_error, "{sql}\n  {}", answer.text);
    answer.message().to_owned()
}

#[tokio::test]
async fn statement_timeout_error_names_the_limit() {
    let server = TestServer::over_shared_database(|settings| {
        settings.limits.answer.statement_timeout = Duration::from_millis(300);
        settings.limits.analyst_answer.statement_timeout = Duration::from_secs(1);
    })
    .await;
    let sql = "SELECT count(*) FROM order_items a, order_items b, order_items c";
    for (tenant, length) in [(SEATTLE, "0.3 s"), (HEAD_OFFICE, "0.3 s")] {
        let text = server.failure(tenant, sql).await;
        assert_eq!(
            text,
            format!(
                "statement timeout: the statement was stopped after {length} (SQLSTATE 57014); aggregate or filter more"
            )
        );
    }
}
