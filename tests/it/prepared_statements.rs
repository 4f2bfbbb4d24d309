//! The server's named prepared statements, without the guard: a statement that a store puts under
//! such a name must not receive the next store's signature.

use zava_mcp_server::query::scope::Scope;

use crate::support::{
    REDMOND, SEATTLE, TestDatabase, TestServer, caller, run_unguarded, scope, settings,
};

const ORDERS: &str = "SELECT count(*) FROM retail.orders";

/// Statements that replace a named statement, with and without an error afterwards.
const REPLACEMENTS: [&str; 8] = [
    "DO $$ BEGIN EXECUTE 'DEALLOCATE zava_begin'; EXECUTE 'PREPARE zava_begin AS SELECT 1'; END $$",
    "DO $$ BEGIN EXECUTE 'DEALLOCATE zava_begin'; EXECUTE 'PREPARE zava_begin AS SELECT 1'; RAISE 'and fails'; END $$",
    "DO $$ BEGIN EXECUTE 'DEALLOCATE zava_set'; EXECUTE 'PREPARE zava_set (text, text) AS SELECT set_config(''zava.stolen'', $1, false), $2'; END $$",
    "DO $$ BEGIN EXECUTE 'DEALLOCATE zava_set'; EXECUTE 'PREPARE zava_set (text, text) AS SELECT set_config(''zava.stolen'', $1, false), $2'; RAISE 'and fails'; END $$",
    "DO $$ BEGIN EXECUTE 'DEALLOCATE zava_unlock'; EXECUTE 'PREPARE zava_unlock AS SELECT 1'; END $$",
    "DO $$ BEGIN EXECUTE 'DEALLOCATE zava_unlock'; EXECUTE 'PREPARE zava_unlock AS SELECT 1'; RAISE 'and fails'; END $$",
    "DO $$ BEGIN EXECUTE 'DEALLOCATE zava_rollback'; EXECUTE 'PREPARE zava_rollback AS SELECT 1'; END $$",
    "DO $$ BEGIN EXECUTE 'DEALLOCATE zava_rollback'; EXECUTE 'PREPARE zava_rollback AS SELECT 1'; RAISE 'and fails'; END $$",
];

#[tokio::test]
async fn replaced_prepared_statement_never_receives_a_signature() {
    let server = TestServer::shared();
    let expected = server.number(REDMOND, ORDERS).await;
    let scope = single_connection_scope(server.database());
    let (seattle, redmond) = (caller(SEATTLE).await, caller(REDMOND).await);
    for replacement in REPLACEMENTS {
        assert!(run_unguarded(&scope, &seattle, ORDERS).await.is_ok());
        let done = run_unguarded(&scope, &seattle, replacement).await;
        assert!(done.is_err(), "{replacement}: {done:?}");
        let seen = run_unguarded(&scope, &redmond, ORDERS).await;
        assert_eq!(
            seen.expect(replacement),
            format!("[[{expected}]]"),
            "{replacement}"
        );
        let prepared = "SELECT count(*) FROM pg_prepared_statements WHERE from_sql";
        let left = run_unguarded(&scope, &seattle, prepared).await;
        assert_eq!(left.expect(replacement), "[[0]]", "{replacement}");
    }
}

/// Names stay valid while only SELECTs have run, each to its end and without an error.
#[tokio::test]
async fn prepared_names_are_renewed_after_anything_but_a_select() {
    let database = TestDatabase::shared();
    let scope = single_connection_scope(&database);
    let seattle = caller(SEATTLE).await;
    let prepared_at = async || {
        let sql = "SELECT max(prepare_time)::text FROM pg_prepared_statements";
        run_unguarded(&scope, &seattle, sql).await.expect("a time")
    };
    prepared_at().await; // after the posture check, which has no context
    for (statement, is_kept) in [
        ("SELECT 1", true),
        ("EXPLAIN SELECT 1", true),
        ("SELECT 1 WHERE false", true),
        ("SELECT 1 / (SELECT 0)", false),
        ("SELECT no_such_column", false),
        // Cut by the row limit, so its command tag is unknown.
        ("SELECT generate_series(1, 1000)", false),
    ] {
        let before = prepared_at().await;
        let _ = run_unguarded(&scope, &seattle, statement).await;
        assert_eq!(prepared_at().await == before, is_kept, "{statement}");
    }
}

/// A scope with a single connection.
fn single_connection_scope(database: &TestDatabase) -> Scope {
    let mut settings = settings(&database.name);
    settings.limits.connections = 1.try_into().expect("not zero");
    scope(&settings)
}
