//! The server's own statements, which the session holds by name, with the guard switched off: what a store puts under
//! such a name must not get the next store's signature.

use zava_mcp_server::query::scope::Scope;

use crate::support::{
    REDMOND, SEATTLE, TestDatabase, TestServer, caller, scope, settings, unguarded,
};

const ORDERS: &str = "SELECT count(*) FROM retail.orders";

/// Statements that put something else under a name, and those that fail after they have.
const IMPOSTORS: [&str; 8] = [
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
    let server = TestServer::start().await;
    let right = server.number(REDMOND, ORDERS).await;
    let scope = single(server.database());
    let (seattle, redmond) = (caller(SEATTLE).await, caller(REDMOND).await);
    for impostor in IMPOSTORS {
        assert!(unguarded(&scope, &seattle, ORDERS).await.is_ok());
        let done = unguarded(&scope, &seattle, impostor).await;
        assert!(done.is_err(), "{impostor}: {done:?}");
        let seen = unguarded(&scope, &redmond, ORDERS).await;
        assert_eq!(seen.expect(impostor), format!("[[{right}]]"), "{impostor}");
        let prepared = "SELECT count(*) FROM pg_prepared_statements WHERE from_sql";
        let left = unguarded(&scope, &seattle, prepared).await;
        assert_eq!(left.expect(impostor), "[[0]]", "{impostor}");
    }
}

/// A name is believed as long as nothing but SELECTs has run, each to its end and without an error.
#[tokio::test]
async fn prepared_names_are_renewed_after_anything_but_a_select() {
    let database = TestDatabase::new().await;
    let scope = single(&database);
    let seattle = caller(SEATTLE).await;
    let given = async || {
        let sql = "SELECT max(prepare_time)::text FROM pg_prepared_statements";
        unguarded(&scope, &seattle, sql).await.expect("a time")
    };
    given().await; // after the posture check, which has no context
    for (statement, is_kept) in [
        ("SELECT 1", true),
        ("EXPLAIN SELECT 1", true),
        ("SELECT 1 WHERE false", true),
        ("SELECT 1 / (SELECT 0)", false),
        ("SELECT no_such_column", false),
        // Cut by the limit on rows, it tells no command tag.
        ("SELECT generate_series(1, 1000)", false),
    ] {
        let before = given().await;
        let _ = unguarded(&scope, &seattle, statement).await;
        assert_eq!(given().await == before, is_kept, "{statement}");
    }
}

/// A scope with a single connection.
fn single(database: &TestDatabase) -> Scope {
    let mut settings = settings(&database.name);
    settings.limits.connections = 1.try_into().expect("not zero");
    scope(&settings)
}
