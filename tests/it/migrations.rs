use zava_mcp_server::app::App;
use zava_mcp_server::database::{self, AdminError};
use zava_mcp_server::settings::{Login, SigningKey};

use crate::support::{HEAD_OFFICE, TestDatabase, TestServer, settings};

const SECOND_KEY: &str = "2:ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=";

#[tokio::test]
async fn migrate_is_idempotent_without_superuser() {
    let database = TestDatabase::empty().await;
    let settings = database.admin_settings();
    let privileged: bool = sqlx::query_scalar(
        "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = 'zava_admin'",
    )
    .fetch_one(&mut database.superuser().await)
    .await
    .expect("the administrator");
    assert!(!privileged);
    let first = database::migrate(&settings).await.expect("the first time");
    let second = database::migrate(&settings)
        .await
        .expect("the second time changes nothing");
    assert_eq!(first, second);
}

#[tokio::test]
async fn seed_before_migrate_fails_with_a_hint() {
    let database = TestDatabase::empty().await;
    // The role exists in the cluster, but this database has no schema.
    let mut db = database::connect_as_owner(&database.admin_settings())
        .await
        .expect("the owner exists in the cluster");
    let error = zava_mcp_server::sample_data::count_loaded(&mut db)
        .await
        .expect_err("nothing is there");
    assert!(error.to_string().contains("migrate"), "{error}");
}

#[tokio::test]
async fn wrong_admin_password_error_names_the_setting() {
    let database = TestDatabase::empty().await;
    let mut settings = database.admin_settings();
    settings.admin = Login::with_password("zava_admin", "wrong-password-here");
    let error = database::migrate(&settings).await.expect_err("refused");
    assert!(matches!(error, AdminError::Connect { .. }), "{error:?}");
    let text = error.to_string();
    assert!(
        text.contains("POSTGRES_ADMIN_PASSWORD") && !text.contains("wrong-password-here"),
        "{text}"
    );
}

#[tokio::test]
async fn modified_migration_is_refused() {
    let database = TestDatabase::new().await;
    sqlx::raw_sql("UPDATE migrations.applied SET checksum = '\\x00' WHERE version = 2")
        .execute(&mut database.superuser().await)
        .await
        .expect("changed");
    let error = database::migrate(&database.admin_settings())
        .await
        .expect_err("refused");
    assert!(
        matches!(
            error,
            AdminError::Migrate(sqlx::migrate::MigrateError::VersionMismatch(2))
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn signing_key_rotates_while_servers_run() {
    let database = TestDatabase::new().await;
    let old = TestServer::with_settings(&settings(&database.name)).await;
    assert_eq!(
        old.number(HEAD_OFFICE, "SELECT 1 FROM stores LIMIT 1")
            .await,
        1
    );

    let mut admin = database.admin_settings();
    admin.signing_key = SECOND_KEY.parse::<SigningKey>().expect("a key").into();
    database::migrate(&admin)
        .await
        .expect("the second key is accepted");
    let mut rotated = settings(&database.name);
    rotated.signing_key = admin.signing_key.clone();
    let new = TestServer::with_settings(&rotated).await;
    assert_eq!(
        new.number(HEAD_OFFICE, "SELECT 2 FROM stores LIMIT 1")
            .await,
        2
    );
    assert_eq!(
        old.number(HEAD_OFFICE, "SELECT 3 FROM stores LIMIT 1")
            .await,
        3,
        "the server with the old key goes on"
    );

    // A day later.
    let mut db = database.superuser().await;
    let left: bool = sqlx::query_scalar("SELECT not_after BETWEEN now() + interval '23 h' AND now() + interval '24 h' FROM guard.signing_key WHERE key_id = 1").fetch_one(&mut db).await.expect("the old key");
    assert!(left);
    sqlx::raw_sql("UPDATE guard.signing_key SET not_before = now() - interval '2 d', not_after = now() - interval '1 s' WHERE key_id = 1").execute(&mut db).await.expect("a day passes");
    assert_eq!(
        new.number(HEAD_OFFICE, "SELECT 4 FROM stores LIMIT 1")
            .await,
        4
    );
    let text = old
        .failure(HEAD_OFFICE, "SELECT 5 FROM stores LIMIT 1")
        .await;
    assert!(text.starts_with("internal error (trace id "), "{text}");
}

/// Whoever runs `migrate` with the previous key, such as a pipeline that has read it before the
/// rotation, changes nothing: neither the new key's validity nor that of the withdrawn one.
#[tokio::test]
async fn migrate_with_an_older_key_revives_no_key() {
    let database = TestDatabase::new().await;
    let first = database.admin_settings();
    let mut second = database.admin_settings();
    second.signing_key = SECOND_KEY.parse::<SigningKey>().expect("a key").into();
    database::migrate(&second).await.expect("a rotation");
    let mut db = database.superuser().await;
    sqlx::raw_sql("UPDATE guard.signing_key SET not_before = now() - interval '2 d', not_after = now() - interval '1 s' WHERE key_id = 1")
        .execute(&mut db)
        .await
        .expect("the first key is withdrawn");
    database::migrate(&first).await.expect("the older key");
    let valid: Vec<i32> =
        sqlx::query_scalar("SELECT key_id FROM guard.signing_key WHERE not_after = 'infinity'")
            .fetch_all(&mut db)
            .await
            .expect("the keys");
    assert_eq!(valid, [2]);
    let withdrawn: bool =
        sqlx::query_scalar("SELECT not_after < now() FROM guard.signing_key WHERE key_id = 1")
            .fetch_one(&mut db)
            .await
            .expect("the first key");
    assert!(withdrawn);
}

#[tokio::test]
async fn check_reports_a_wrong_signing_key() {
    let database = TestDatabase::shared();
    for key in [SECOND_KEY, "1:ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="] {
        let mut settings = settings(&database.name);
        settings.signing_key = key.parse::<SigningKey>().expect("a key").into();
        #[expect(clippy::disallowed_methods, reason = "the tests hand the clock in")]
        let app = App::new(&settings, std::time::SystemTime::now).expect("an app");
        let error = app
            .check_database()
            .await
            .expect_err("the database does not accept it");
        assert_eq!(
            error.to_string(),
            "the database does not accept this server"
        );
    }
}
