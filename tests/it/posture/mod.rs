mod fingerprint; // the fingerprint covers what the rules read
mod functions; // definitions of the functions in schema guard
mod harness; // a database that breaks rules, with a login of its own
mod managed_server; // what a provider has created is accepted by name
mod verdicts; // which stored verdicts are accepted
mod violations; // changes that break a rule

use std::time::Duration;

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Row as _};
use zava_mcp_server::query::guard;
use zava_mcp_server::query::scope::{PostureRule, ScopeError};

pub(crate) use harness::PostureTest;
pub(crate) use violations::VIOLATIONS;

use harness::app;

use crate::support::{HEAD_OFFICE, SEATTLE, TestDatabase, TestServer, eventually, settings};

const FIND: &str = include_str!("../../../src/query/scope/posture/find.sql");

#[tokio::test]
async fn every_violation_is_found_by_its_rule_and_fixed_by_the_printed_statement() {
    let mut test = PostureTest::new().await;
    test.assert_found_and_fixed(VIOLATIONS).await;
    test.drop_roles().await;
}

/// Fixes must not remove what the server needs.
#[tokio::test]
async fn fixed_database_serves_requests() {
    let mut test = PostureTest::new().await;
    test.run(
            "GRANT SELECT ON retail.stores TO zava_reader; DROP POLICY tenant_reads ON retail.customers; \
             ALTER POLICY tenant_reads ON retail.order_items USING (true); \
             ALTER FUNCTION guard.allowed_stores() OWNER TO postgres",
        )
        .await;
    for finding in test.findings().await {
        test.run(&finding.fix).await;
    }
    assert_eq!(test.findings().await, []);
    let mut server = TestServer::with_settings(&test.settings).await;
    for sql in [
        "SELECT count(*) FROM retail.customers",
        "SELECT count(*) FROM retail.order_items",
    ] {
        let of_store = server.number(SEATTLE, sql).await;
        let of_all = server.number(HEAD_OFFICE, sql).await;
        assert!(
            of_store > 0 && of_store < of_all,
            "{sql}: {of_store} of {of_all}"
        );
    }
    assert_eq!(
        server
            .number(SEATTLE, "SELECT count(store_name) FROM retail.stores")
            .await,
        8
    );
    server.stop().await;
    test.drop_roles().await;
}

/// The fix for a table without its store column must not open the table to every tenant.
#[tokio::test]
async fn fix_never_opens_a_table_without_its_store_column() {
    let mut test = PostureTest::new().await;
    for (violation, undo) in [
        (
            "ALTER TABLE retail.orders RENAME COLUMN store_id TO shop_id",
            "ALTER TABLE retail.orders RENAME COLUMN shop_id TO store_id",
        ),
        (
            "ALTER TABLE retail.customers RENAME COLUMN primary_store_id TO home",
            "ALTER TABLE retail.customers RENAME COLUMN home TO primary_store_id",
        ),
        (
            "ALTER TABLE retail.orders RENAME COLUMN customer_id TO client_id; \
             ALTER POLICY tenant_reads ON retail.customers USING (true)",
            "ALTER TABLE retail.orders RENAME COLUMN client_id TO customer_id",
        ),
    ] {
        test.store_verdict().await;
        test.run(violation).await;
        let findings = test.findings().await;
        assert_eq!(test.findings_at_start().await, findings, "{violation}");
        let [finding] = &*findings else {
            panic!("{violation}: {findings:?}");
        };
        assert_eq!(finding.rule.name(), "tenant_policy", "{violation}");
        assert!(!finding.fix.contains("POLICY"), "{finding:?}");
        test.run(undo).await;
        for finding in test.findings().await {
            test.run(&finding.fix).await;
        }
        assert_eq!(test.findings().await, [], "{violation}");
    }
    test.drop_roles().await;
}

/// A login that acts as another role by default. It must be a member of that role, so two rules are
/// broken.
#[tokio::test]
async fn login_with_a_default_role_is_found() {
    let mut test = PostureTest::new().await;
    test.run(
        "GRANT zava_reader TO {login} WITH SET TRUE; ALTER ROLE {login} SET role = 'zava_reader'",
    )
    .await;
    let findings = test.findings().await;
    let rules: Vec<&str> = findings.iter().map(|finding| finding.rule.name()).collect();
    assert_eq!(rules, ["login", "membership"]);
    for finding in findings {
        test.run(&finding.fix).await;
    }
    assert_eq!(test.findings().await, []);
    test.drop_roles().await;
}

/// These changes would affect every database of the cluster, so they stay in an uncommitted
/// transaction.
#[tokio::test]
async fn posture_includes_rights_inherited_from_zava_reader() {
    let database = TestDatabase::shared();
    for (violation, rule, fix) in [
        (
            "GRANT pg_monitor TO zava_reader",
            "membership",
            "REVOKE pg_monitor FROM zava_reader GRANTED BY postgres",
        ),
        (
            "GRANT zava_reader TO zava_owner",
            "membership",
            "REVOKE zava_reader FROM zava_owner GRANTED BY postgres",
        ),
        (
            "GRANT pg_read_all_data TO zava_owner",
            "membership",
            "REVOKE pg_read_all_data FROM zava_owner GRANTED BY postgres",
        ),
        (
            "ALTER ROLE zava_reader LOGIN",
            "attributes",
            "ALTER ROLE zava_reader NOLOGIN",
        ),
        (
            "ALTER ROLE zava_index_writer LOGIN",
            "indexer",
            "ALTER ROLE zava_index_writer NOLOGIN",
        ),
        (
            "GRANT zava_reader TO zava_index_writer",
            "indexer",
            "REVOKE zava_reader FROM zava_index_writer GRANTED BY postgres",
        ),
        (
            "ALTER ROLE zava_owner BYPASSRLS",
            "attributes",
            "ALTER ROLE zava_owner NOBYPASSRLS",
        ),
    ] {
        let found = findings_in_transaction(&database, violation, FIND).await;
        assert!(
            found.contains(&(rule.to_owned(), fix.to_owned())),
            "{violation}: {found:?}"
        );
    }
}

#[tokio::test]
async fn unsupported_postgresql_version_is_found() {
    let database = TestDatabase::shared();
    let find = FIND.replace("160000", "990000");
    let found = findings_in_transaction(&database, "SELECT 1", &find).await;
    assert!(found.iter().any(|(rule, _)| rule == "version"), "{found:?}");
}

/// Rules and fixes, as the query login would see them after an uncommitted change.
async fn findings_in_transaction(
    database: &TestDatabase,
    violation: &str,
    find: &str,
) -> Vec<(String, String)> {
    let mut db = database.superuser().await;
    let begin = format!("BEGIN; {violation}; SET LOCAL SESSION AUTHORIZATION zava_query");
    sqlx::raw_sql(AssertSqlSafe(begin))
        .execute(&mut db)
        .await
        .expect("the violation");
    let tables: Vec<String> = guard::schema()
        .relations()
        .iter()
        .map(|relation| relation.name.clone())
        .collect();
    sqlx::query(AssertSqlSafe(find))
        .bind(tables)
        .fetch_all(&mut db)
        .await
        .expect("the findings")
        .iter()
        .map(|row| (row.get("rule"), row.get("fix")))
        .collect()
}

#[tokio::test]
async fn unmigrated_database_reports_that_migrate_must_run() {
    let database = TestDatabase::empty().await;
    let mut settings = settings(&database.name);
    // The query login does not exist before `migrate`.
    settings.login = database.admin_settings().admin;
    let error = app(&settings)
        .examine_database()
        .await
        .expect_err("nothing to examine");
    assert!(matches!(error, ScopeError::Misconfigured(_)), "{error:?}");
    let cause = std::error::Error::source(&error).expect("a cause");
    assert!(
        cause.to_string().contains("run `zava-mcp-server migrate`"),
        "{cause}"
    );
}

const INTERNAL_ERROR: &str = "internal error; the operator finds the cause in the server log";

#[tokio::test]
async fn service_stops_on_a_violation_and_resumes_after_the_fix_without_restart() {
    let database = TestDatabase::new().await;
    let mut db = database.superuser().await;
    sqlx::raw_sql("CREATE POLICY more ON retail.orders FOR SELECT USING (true)")
        .execute(&mut db)
        .await
        .expect("the violation");
    let server = TestServer::with_settings(&settings(&database.name)).await;
    for _ in 0..2 {
        let refused = server
            .request(
                SEATTLE,
                "tools/call",
                json!({"name": "execute_sales_query", "arguments": {"postgresql_query": "SELECT count(*) FROM retail.orders"}}),
            )
            .await;
        assert_eq!(refused.status(), 503);
        assert!(refused.headers().contains_key("retry-after"));
        let body: Value = refused.json().await.expect("a JSON body");
        assert_eq!(body["error"]["message"], INTERNAL_ERROR);
    }
    for (path, status) in [("/health/ready", 503), ("/health/live", 200)] {
        let answer = server.client.get(server.url(path)).send().await;
        assert_eq!(answer.expect("an answer").status(), status, "{path}");
    }

    sqlx::raw_sql("DROP POLICY more ON retail.orders")
        .execute(&mut db)
        .await
        .expect("fixed");
    let answer = server.client.get(server.url("/health/ready")).send().await;
    assert_eq!(answer.expect("an answer").status(), 200);
    assert!(
        server
            .number(SEATTLE, "SELECT count(*) FROM retail.orders")
            .await
            > 0
    );
}

#[tokio::test]
async fn running_server_detects_a_violation_within_a_minute() {
    let database = TestDatabase::new().await;
    let server = TestServer::with_settings(&settings(&database.name)).await;
    assert_eq!(server.number(SEATTLE, "SELECT 1").await, 1);
    sqlx::raw_sql("GRANT INSERT ON retail.orders TO zava_reader")
        .execute(&mut database.superuser().await)
        .await
        .expect("the violation");
    assert_eq!(server.number(SEATTLE, "SELECT 2").await, 2);
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(61)).await;
    tokio::time::resume();
    // Requests during the check are answered by the previous verdict. Afterwards the tool fails, or
    // already the lookup of a caller that is no longer cached.
    eventually("the violation is noticed", async || {
        let params =
            json!({"name": "execute_sales_query", "arguments": {"postgresql_query": "SELECT 3"}});
        let response = server.request(SEATTLE, "tools/call", params).await;
        let status = response.status();
        let body: Value = response.json().await.expect("a JSON body");
        let result = &body["result"];
        let text = result["structuredContent"]["err"].as_str();
        match status.as_u16() {
            200 if result["isError"] == true => {
                let text = text.expect("an error text");
                assert!(text.starts_with("internal error (trace id "), "{text}");
                true
            }
            200 => false,
            _ => {
                assert_eq!(status, 503, "{body}");
                assert_eq!(body["error"]["message"], INTERNAL_ERROR);
                true
            }
        }
    })
    .await;
}

#[test]
fn every_posture_rule_has_a_test_violation() {
    // Other tests in this file break these rules.
    let others = ["version", "migrated"];
    for rule in PostureRule::ALL {
        let name = rule.name();
        assert!(
            others.contains(&name) || VIOLATIONS.iter().any(|(rule, _)| *rule == name),
            "{name}"
        );
    }
}
