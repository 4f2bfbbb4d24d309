//! What the guard refuses over HTTP. `signed_context` sends some of it past the guard.

use crate::support::{HEAD_OFFICE, REDMOND, SEATTLE, TestServer};

#[tokio::test]
async fn programs_files_and_ddl_are_refused() {
    let server = TestServer::shared();
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

/// `signed_context` tries the same without the guard.
#[tokio::test]
async fn set_config_cannot_switch_the_tenant() {
    let server = TestServer::shared();
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
async fn do_block_is_refused_without_leaking_data() {
    let server = TestServer::shared();
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
async fn tenant_ids_are_not_readable() {
    let server = TestServer::shared();
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
    // A star or a whole row expands to the readable columns.
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
