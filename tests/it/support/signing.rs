use sqlx::PgConnection;

/// The process id of the backend of `db`.
pub(crate) async fn backend_pid(db: &mut PgConnection) -> i32 {
    sqlx::query_scalar("SELECT pg_backend_pid()")
        .fetch_one(db)
        .await
        .expect("a process id")
}

/// A context of a tenant for a backend, signed as the server signs it, with an expiry in `seconds`
/// from now.
pub(crate) async fn sign(
    superuser: &mut PgConnection,
    tenant: &str,
    backend: i32,
    seconds: i64,
) -> String {
    sqlx::query_scalar(include_str!("sign.sql"))
        .bind(tenant)
        .bind(backend)
        .bind(seconds * 1_000_000)
        .fetch_one(superuser)
        .await
        .expect("a signed context")
}

/// Begins a read-only transaction that is signed for a tenant, as the server does, for statements
/// that the guard has not checked.
pub(crate) async fn begin_signed(
    db: &mut PgConnection,
    superuser: &mut PgConnection,
    tenant: &str,
) {
    sqlx::raw_sql("BEGIN READ ONLY")
        .execute(&mut *db)
        .await
        .expect("begin");
    let context = sign(superuser, tenant, backend_pid(db).await, 30).await;
    sqlx::query("SELECT set_config('zava.context', $1, true)")
        .bind(context)
        .execute(db)
        .await
        .expect("a setting that anybody may set");
}
