//! What the query login may do beside reading.

use crate::support::TestDatabase;

/// The login can neither write nor become another role, whatever it sets.
#[tokio::test]
async fn query_login_cannot_write_or_change_roles() {
    let database = TestDatabase::new().await;
    let mut db = database.query_login().await;
    for sql in [
        "INSERT INTO retail.stores (store_name, rls_user_id) VALUES ('x', gen_random_uuid())",
        "UPDATE retail.orders SET store_id = 1",
        "DELETE FROM retail.orders",
        "TRUNCATE retail.orders",
        "CREATE TABLE retail.x (a int)",
        "CREATE TABLE public.x (a int)",
        "CREATE TEMP TABLE x (a int)",
        "CREATE FUNCTION public.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "SET ROLE zava_owner",
        "SET ROLE zava_reader",
        "SET ROLE zava_admin",
        "SET SESSION AUTHORIZATION postgres",
        "SELECT set_config('role', 'zava_owner', true)",
        "SELECT * FROM guard.tenant",
        "SELECT * FROM guard.signing_key",
        "SELECT guard.mac(1, '')",
        "SELECT rls_user_id FROM retail.stores",
        "SELECT * FROM retail.stores",
        "SELECT s FROM retail.stores s",
        "SELECT row_to_json(s) FROM retail.stores s",
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "SELECT pg_read_file('PG_VERSION')",
        "SELECT lo_import('/etc/passwd')",
        "SELECT nextval('retail.orders_order_id_seq')",
        "SET row_security = off; SELECT count(*) FROM retail.orders",
    ] {
        // Outside the server's transaction, and without the login's own read-only default.
        sqlx::raw_sql("SET default_transaction_read_only = off")
            .execute(&mut db)
            .await
            .expect("set");
        let done = sqlx::raw_sql(sqlx::AssertSqlSafe(sql))
            .execute(&mut db)
            .await;
        assert!(done.is_err(), "{sql}");
        sqlx::raw_sql("RESET ALL")
            .execute(&mut db)
            .await
            .expect("reset");
    }
}
