//! State of a session that a statement could leave, without the guard.

use zava_mcp_server::query::scope::ScopeError;

use crate::support::{SEATTLE, TestDatabase, caller, run_unguarded, scope, settings};

/// Session state that a statement could leave without the guard: the statement that leaves it, a
/// query that would see it, and that query's result without it.
const SESSION_STATE: [(&str, &str, &str); 15] = [
    (
        "SELECT set_config('zava.trace', 'x', false)",
        "SELECT coalesce(nullif(current_setting('zava.trace', true), ''), 'none')",
        r#"[["none"]]"#,
    ),
    (
        "SET zava.trace = 'x'",
        "SELECT coalesce(nullif(current_setting('zava.trace', true), ''), 'none')",
        r#"[["none"]]"#,
    ),
    (
        "SELECT set_config('zava.context', 'x', false)",
        "SELECT count(*) > 0 FROM retail.orders",
        "[[true]]",
    ),
    (
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
        "SELECT current_setting('transaction_read_only')",
        r#"[["on"]]"#,
    ),
    (
        "PREPARE trace AS SELECT 1",
        "SELECT count(*) FROM pg_prepared_statements WHERE from_sql",
        "[[0]]",
    ),
    (
        "PREPARE zava_enter (int4, uuid, int8, bytea, text) AS SELECT 1",
        "SELECT count(*) FROM pg_prepared_statements WHERE from_sql",
        "[[0]]",
    ),
    (
        "DECLARE trace CURSOR WITH HOLD FOR SELECT 1",
        "SELECT count(*) FROM pg_cursors WHERE name = 'trace'",
        "[[0]]",
    ),
    (
        "LISTEN trace",
        "SELECT count(*) FROM pg_listening_channels()",
        "[[0]]",
    ),
    (
        "SELECT pg_advisory_lock(1)::text",
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        "[[0]]",
    ),
    (
        "SELECT pg_advisory_lock(2)::text, 1/(SELECT 0)",
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        "[[0]]",
    ),
    (
        "DO $$ BEGIN EXECUTE 'PREPARE trace AS SELECT 1'; PERFORM pg_advisory_lock(1); END $$",
        "SELECT (SELECT count(*) FROM pg_prepared_statements WHERE from_sql) + (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))",
        "[[0]]",
    ),
    // A prepared statement survives the rollback of its transaction.
    (
        "DO $$ BEGIN EXECUTE 'PREPARE trace AS SELECT 1'; RAISE 'and fails'; END $$",
        "SELECT count(*) FROM pg_prepared_statements WHERE from_sql",
        "[[0]]",
    ),
    (
        "DO $$ BEGIN EXECUTE 'DEALLOCATE ALL'; EXECUTE 'PREPARE zava_enter (int4, uuid, int8, bytea, text) AS SELECT $4'; RAISE 'and fails'; END $$",
        "SELECT count(*) FROM pg_prepared_statements WHERE from_sql",
        "[[0]]",
    ),
    (
        "CREATE TEMP TABLE trace (a int)",
        "SELECT count(*) FROM pg_class WHERE relname = 'trace'",
        "[[0]]",
    ),
    (
        "SELECT 1 AS a INTO TEMP trace",
        "SELECT count(*) FROM pg_class WHERE relname = 'trace'",
        "[[0]]",
    ),
];

/// Without the guard a statement can create state that outlives its transaction. The next statement
/// must not see it, neither on the same connection, if that is reused, nor on another.
#[tokio::test]
async fn no_session_state_survives_a_transaction() {
    let database = TestDatabase::new().await;
    let mut db = database.superuser().await;
    let mut settings = settings(&database.name);
    settings.limits.connections = 1.try_into().expect("not zero");
    let (same, other, caller) = (scope(&settings), scope(&settings), caller(SEATTLE).await);
    // Both have passed the posture check, which would refuse what follows.
    for scope in [&same, &other] {
        assert!(run_unguarded(scope, &caller, "SELECT 1").await.is_ok());
    }
    // Even if the login may create temporary tables.
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!(
        "GRANT TEMPORARY ON DATABASE {} TO zava_query",
        database.name
    )))
    .execute(&mut db)
    .await
    .expect("granted");
    for (statement, query, clean) in SESSION_STATE {
        // Its outcome does not matter, only what the next statement sees.
        let _ = run_unguarded(&same, &caller, statement).await;
        for (which, scope) in [("other", &other), ("same", &same)] {
            let seen = run_unguarded(scope, &caller, query).await;
            assert_eq!(seen.expect(statement), clean, "{statement}, {which}");
        }
    }
}

/// A command that the guard never lets through is reported as a misconfiguration, and its
/// connection is closed.
#[tokio::test]
async fn connection_is_closed_after_an_unexpected_command() {
    let database = TestDatabase::shared();
    let mut settings = settings(&database.name);
    settings.limits.connections = 1.try_into().expect("not zero");
    let (scope, caller) = (scope(&settings), caller(SEATTLE).await);
    let backend = async || {
        run_unguarded(&scope, &caller, "SELECT pg_backend_pid()")
            .await
            .expect("a row")
    };
    for command in [
        "DEALLOCATE ALL",
        "DISCARD PLANS",
        "COMMIT",
        "ROLLBACK AND CHAIN",
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
        "SHOW server_version",
        "DO $$ BEGIN END $$",
        "NOTIFY trace",
        "",
    ] {
        let before = backend().await;
        assert_eq!(backend().await, before, "a clean connection is used again");
        let done = run_unguarded(&scope, &caller, command).await;
        assert!(
            matches!(
                done,
                Err(ScopeError::Misconfigured(_) | ScopeError::Database(_))
            ),
            "{command}: {done:?}"
        );
        if matches!(done, Err(ScopeError::Misconfigured(_))) {
            assert_ne!(backend().await, before, "{command}");
        }
        assert!(
            run_unguarded(&scope, &caller, "SELECT count(*) FROM retail.orders")
                .await
                .is_ok()
        );
    }
    // Statements that the guard accepts keep the connection.
    let before = backend().await;
    for sql in [
        "VALUES (1)",
        "TABLE retail.stores",
        "EXPLAIN SELECT 1",
        "WITH a AS (SELECT 1) SELECT * FROM a",
    ] {
        let _ = run_unguarded(&scope, &caller, sql).await;
        assert_eq!(backend().await, before, "{sql}");
    }
}
