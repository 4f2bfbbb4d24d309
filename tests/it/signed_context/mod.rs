//! Without the guard: statements run as the query login, and the database alone must isolate
//! tenants.
mod invalid; // contexts that are malformed, forged or expired
mod query_login; // what the login may do beside reading

use sqlx::{AssertSqlSafe, PgConnection};

use crate::support::{
    HEAD_OFFICE, REDMOND, SEATTLE, TestDatabase, backend_pid, begin_signed, number,
};

pub(crate) use invalid::assert_valid_or_an_error;

const ORDERS: &str = "SELECT count(*) FROM retail.orders";

#[tokio::test]
async fn query_login_sees_no_rows_without_a_signed_context() {
    let database = TestDatabase::shared();
    let mut db = database.query_login().await;
    for table in [
        "orders",
        "order_items",
        "inventory",
        "customers",
        "categories",
        "product_types",
        "products",
        "product_description_embeddings",
    ] {
        assert_eq!(
            number(&mut db, &format!("SELECT count(*) FROM retail.{table}")).await,
            0,
            "{table}"
        );
    }
    assert_eq!(
        number(&mut db, "SELECT count(store_id) FROM retail.stores").await,
        0
    );
}

/// Counts orders under a value of `zava.context`.
async fn count_orders_with(db: &mut PgConnection, context: &str) -> Result<i64, String> {
    set_context(db, context).await;
    sqlx::query_scalar(ORDERS)
        .fetch_one(db)
        .await
        .map_err(|error| sqlstate::<i64>(Err(error)))
}

#[tokio::test]
async fn empty_context_shows_no_rows() {
    let database = TestDatabase::shared();
    let mut db = database.query_login().await;
    assert_eq!(count_orders_with(&mut db, "").await, Ok(0));
    // After a transaction that set it, the value is empty and not NULL.
    sqlx::raw_sql("BEGIN; SELECT set_config('zava.context', 'x', true); ROLLBACK")
        .execute(&mut db)
        .await
        .expect("rolled back");
    assert_eq!(number(&mut db, ORDERS).await, 0);
}

#[tokio::test]
async fn changing_the_context_mid_transaction_reveals_nothing() {
    let database = TestDatabase::shared();
    let mut db = database.signed(REDMOND).await;
    let own = number(&mut db, ORDERS).await;
    assert!(own > 0);
    let foreign = context(&mut db).await.replace(REDMOND, HEAD_OFFICE);
    for (name, value) in [
        ("app.current_rls_user_id", HEAD_OFFICE),
        ("zava.context", HEAD_OFFICE),
        ("zava.context", &foreign),
        ("zava.context", ""),
    ] {
        sqlx::raw_sql("SAVEPOINT before")
            .execute(&mut db)
            .await
            .expect("saved");
        let sql = format!(
            "WITH x AS MATERIALIZED (SELECT set_config('{name}', '{value}', true)) {ORDERS}, x"
        );
        let seen = sqlx::query_scalar::<_, i64>(AssertSqlSafe(sql))
            .fetch_one(&mut db)
            .await;
        match seen {
            Ok(seen) => assert!(seen == 0 || seen == own, "{name} = {value}: {seen}"),
            Err(error) => assert_eq!(sqlstate::<i64>(Err(error)), "ZV002", "{name} = {value}"),
        }
        sqlx::raw_sql("ROLLBACK TO before")
            .execute(&mut db)
            .await
            .expect("back");
    }
}

/// Each table reference verifies the context that is set at that moment.
#[tokio::test]
async fn context_changed_between_two_table_references_is_an_error() {
    let database = TestDatabase::shared();
    let mut db = database.signed(REDMOND).await;
    let sql = format!(
        "WITH a AS MATERIALIZED (SELECT count(*) AS n FROM retail.orders), \
         b AS MATERIALIZED (SELECT set_config('zava.context', replace(current_setting('zava.context'), '{REDMOND}', '{SEATTLE}'), true) FROM a) \
         SELECT (SELECT n FROM a), (SELECT count(*) FROM b), (SELECT count(*) FROM retail.orders AS o2)"
    );
    let seen = sqlx::query(AssertSqlSafe(sql)).fetch_one(&mut db).await;
    assert_eq!(sqlstate(seen), "ZV002");
}

/// SQL can see how often the session has scanned a table, so a context without a valid MAC must not
/// reveal whether its tenant exists.
#[tokio::test]
async fn tenant_table_is_not_read_before_the_mac_is_verified() {
    const SCANS: &str = "SELECT (SELECT sum(pg_stat_get_xact_numscans(i.indexrelid)) FROM pg_index AS i \
        WHERE i.indrelid = 'guard.tenant'::regclass)::bigint + pg_stat_get_xact_numscans('guard.tenant'::regclass)";
    let database = TestDatabase::shared();
    let mut db = database.query_login().await;
    let valid = database.context(SEATTLE, &mut db).await;
    let (signed, _) = valid.rsplit_once(':').expect("a MAC");
    let forged = format!("{signed}:{}", "0".repeat(64));
    for (context, state, is_read) in [(forged.as_str(), "ZV002", false), (&valid, "done", true)] {
        sqlx::raw_sql("BEGIN READ ONLY; SAVEPOINT before")
            .execute(&mut db)
            .await
            .expect("begun");
        set_context(&mut db, context).await;
        let seen = sqlx::query(ORDERS).fetch_one(&mut db).await;
        assert_eq!(sqlstate(seen), state);
        sqlx::raw_sql("ROLLBACK TO before")
            .execute(&mut db)
            .await
            .expect("back");
        assert_eq!(number(&mut db, SCANS).await > 0, is_read, "{context}");
        sqlx::raw_sql("ROLLBACK")
            .execute(&mut db)
            .await
            .expect("rolled back");
    }
}

/// A copy works on the same backend until it expires, and nowhere else.
#[tokio::test]
async fn captured_context_is_bound_to_its_backend_and_expiry() {
    let database = TestDatabase::shared();
    let (mut db, mut other) = (database.query_login().await, database.query_login().await);
    let backend = backend_pid(&mut db).await;
    sqlx::raw_sql("BEGIN READ ONLY")
        .execute(&mut db)
        .await
        .expect("begin");
    // It expires a microsecond after the start of this transaction.
    let begun = "SELECT (extract(epoch FROM transaction_timestamp()) * 1000000)::bigint + 1";
    let expires = number(&mut db, begun).await;
    let valid = database.context_for(SEATTLE, backend, 30).await;
    let (key, rest) = valid.split_once(':').expect("a key");
    let (tenant, _) = rest.split_once(':').expect("a tenant");
    let signed = format!("{key}:{tenant}:{expires}");
    let mac: String = sqlx::query_scalar(include_str!("../support/sign_purpose.sql"))
        .bind("zava/context/2")
        .bind(&signed)
        .bind(i64::from(backend))
        .fetch_one(&mut database.superuser().await)
        .await
        .expect("a MAC");
    let short = format!("{signed}:{mac}");
    assert_eq!(
        count_orders_with(&mut other, &valid).await,
        Err("ZV002".to_owned()),
        "on another backend"
    );
    set_context(&mut db, &short).await;
    assert!(
        number(&mut db, ORDERS).await > 0,
        "a transaction does not expire midway"
    );
    sqlx::raw_sql("COMMIT")
        .execute(&mut db)
        .await
        .expect("commit");
    assert_eq!(
        count_orders_with(&mut db, &short).await,
        Err("ZV004".to_owned()),
        "in a transaction that begins later"
    );
}

/// Parallel workers are other backends, for which a context is not valid: the leader verifies it.
#[tokio::test]
async fn context_is_verified_under_parallel_plans() {
    let database = TestDatabase::shared();
    let (mut db, mut superuser) = (database.query_login().await, database.superuser().await);
    assert_verified_where_workers_may_run(&mut db, &mut superuser).await;
}

pub(crate) async fn assert_verified_where_workers_may_run(
    db: &mut PgConnection,
    superuser: &mut PgConnection,
) {
    const TABLES: [&str; 6] = [
        "orders",
        "order_items",
        "customers",
        "inventory",
        "products",
        "stores",
    ];
    for settings in [
        "SET LOCAL max_parallel_workers_per_gather = 4; SET LOCAL parallel_setup_cost = 0; SET LOCAL parallel_tuple_cost = 0; \
         SET LOCAL min_parallel_table_scan_size = 0; SET LOCAL min_parallel_index_scan_size = 0",
        "SET LOCAL debug_parallel_query = on; SET LOCAL max_parallel_workers_per_gather = 4",
        "SET LOCAL debug_parallel_query = regress; SET LOCAL max_parallel_workers_per_gather = 4",
    ] {
        begin_signed(db, superuser, SEATTLE).await;
        let mut counts = Vec::new();
        for table in TABLES {
            counts.push(number(db, &format!("SELECT count(*) FROM retail.{table}")).await);
        }
        sqlx::raw_sql(settings)
            .execute(&mut *db)
            .await
            .expect("workers are allowed");
        for (table, count) in TABLES.into_iter().zip(counts) {
            let sql = format!("SELECT count(*) FROM retail.{table}");
            assert_eq!(number(db, &sql).await, count, "{table}: {settings}");
        }
        sqlx::raw_sql("ROLLBACK")
            .execute(&mut *db)
            .await
            .expect("rolled back");
    }
}

async fn context(db: &mut sqlx::PgConnection) -> String {
    sqlx::query_scalar("SELECT current_setting('zava.context')")
        .fetch_one(db)
        .await
        .expect("the context")
}

async fn set_context(db: &mut sqlx::PgConnection, context: &str) {
    let set = sqlx::query("SELECT set_config('zava.context', $1, false)")
        .bind(context)
        .execute(db)
        .await;
    set.expect("a setting that every role may set");
}

/// The SQLSTATE of a statement's error, or "done".
pub(crate) fn sqlstate<T>(result: Result<T, sqlx::Error>) -> String {
    result.map_or_else(
        |error| {
            let error = error.into_database_error().expect("an error of PostgreSQL");
            error.code().expect("a SQLSTATE").into_owned()
        },
        |_| "done".to_owned(),
    )
}
