//! Without the guard, every setting that SQL can change is changed in the first transaction of a
//! backend. PL/pgSQL parses a function when a backend first calls it, under the settings of that
//! moment, so a change can outlive its transaction.

use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};

use crate::support::{REDMOND, SEATTLE, TestDatabase};

const COUNT_ORDERS: &str = "SELECT count(*) FROM retail.orders";

/// A lookup of a caller who is entitled to two tenants, and the query that counts them.
const LOOKUP: &str = r#"{"principals": ["apikey:abcdefghijk0"], "stores": ["all", "zava-retail-seattle"], "role": "reader"}"#;
const COUNT_ENTITLEMENTS: &str = "SELECT count(*) FROM guard.entitlements(1, $1, $2, $3)";

/// Values of string settings. Other settings get values from what `pg_settings` says of their type.
const STRING_SETTINGS: [(&str, &[&str]); 14] = [
    ("DateStyle", &["German, YMD", "SQL, DMY", "Postgres, MDY"]),
    ("TimeZone", &["Asia/Tokyo", "America/St_Johns"]),
    ("client_encoding", &["LATIN1", "SQL_ASCII"]),
    ("default_table_access_method", &["nothing"]),
    ("default_tablespace", &["pg_global", "nothing"]),
    ("default_text_search_config", &["pg_catalog.simple"]),
    ("lc_messages", &["POSIX"]),
    ("lc_monetary", &["POSIX"]),
    ("lc_numeric", &["POSIX"]),
    ("lc_time", &["POSIX"]),
    ("plpgsql.extra_errors", &["all"]),
    ("restrict_nonsystem_relation_kind", &["view, foreign-table"]),
    ("search_path", &["", "pg_temp, public", "guard, retail"]),
    ("timezone_abbreviations", &["Australia", "India"]),
];

/// The user settings of a session, each with every value that differs from the current one.
async fn setting_changes(db: &mut PgConnection) -> Vec<(String, String)> {
    let rows = sqlx::query(
        "SELECT name, setting, vartype, min_val, max_val, enumvals::text[] FROM pg_settings WHERE context = 'user' ORDER BY name",
    )
    .fetch_all(db)
    .await
    .expect("the settings");
    let mut changes = Vec::new();
    for row in rows {
        let (name, setting): (String, String) = (row.get("name"), row.get("setting"));
        let values: Vec<String> = match row.get("vartype") {
            "bool" => vec![if setting == "on" { "off" } else { "on" }.to_owned()],
            "enum" => row.get("enumvals"),
            "string" => {
                let known = STRING_SETTINGS.iter().find(|(text, _)| *text == name);
                let values = known.map_or(&["", "nothing"][..], |(_, values)| values);
                values.iter().map(|value| (*value).to_owned()).collect()
            }
            _ => vec![row.get("min_val"), row.get("max_val")],
        };
        let differing = values.into_iter().filter(|value| *value != setting);
        changes.extend(differing.map(|value| (name.clone(), value)));
    }
    changes
}

/// Counts a tenant's orders and a caller's tenants in one transaction, after changing settings in
/// it.
async fn count(
    (admin, db): (&mut PgConnection, &mut PgConnection),
    tenant: &str,
    changes: &[(String, String)],
) -> Result<(i64, i64), sqlx::Error> {
    sqlx::raw_sql("BEGIN READ ONLY").execute(&mut *db).await?;
    let backend: i32 = sqlx::query_scalar("SELECT pg_backend_pid()")
        .fetch_one(&mut *db)
        .await?;
    let context: String = sqlx::query_scalar(include_str!("../support/sign.sql"))
        .bind(tenant)
        .bind(backend)
        .bind(30_000_000_i64)
        .fetch_one(&mut *admin)
        .await?;
    let (expires, mac): (i64, Vec<u8>) = sqlx::query_as(include_str!("../support/sign_call.sql"))
        .bind("entitlements")
        .bind(LOOKUP)
        .bind(60)
        .bind(backend)
        .fetch_one(admin)
        .await?;
    let outcome = async {
        for (name, value) in changes {
            sqlx::query("SELECT set_config($1, $2, true)")
                .bind(name)
                .bind(value)
                .execute(&mut *db)
                .await?;
        }
        sqlx::query("SELECT set_config('zava.context', $1, true)")
            .bind(context)
            .execute(&mut *db)
            .await?;
        let orders = sqlx::query_scalar(COUNT_ORDERS).fetch_one(&mut *db).await?;
        let entitled = sqlx::query_scalar(COUNT_ENTITLEMENTS)
            .bind(LOOKUP)
            .bind(expires)
            .bind(mac)
            .fetch_one(&mut *db)
            .await?;
        Ok((orders, entitled))
    }
    .await;
    sqlx::raw_sql("ROLLBACK").execute(&mut *db).await?;
    outcome
}

/// The setting changes that hide or reveal rows. In the transaction that changes a setting, a
/// tenant must see its rows or an error; later transactions must see their rows.
async fn failures(database: &TestDatabase, is_included: impl Fn(&str) -> bool) -> Vec<String> {
    let mut admin = database.superuser().await;
    let mut db = database.query_login().await;
    let own = count((&mut admin, &mut db), SEATTLE, &[]).await;
    let other = count((&mut admin, &mut db), REDMOND, &[]).await;
    let (own, other) = (own.expect("a count"), other.expect("a count"));
    assert!(own.0 > 0 && other.0 > 0 && own.0 != other.0);
    assert_eq!((own.1, other.1), (2, 2));
    let changes = setting_changes(&mut db).await;
    assert!(changes.len() > 230, "{}", changes.len());
    let mut failures = Vec::new();
    for change in changes.iter().filter(|(name, _)| is_included(name)) {
        let mut db = database.query_login().await;
        match count((&mut admin, &mut db), SEATTLE, std::slice::from_ref(change)).await {
            Ok(seen) if seen != own => failures.push(format!("{change:?}: {seen:?}")),
            // For example a setting that turns an error into the end of the session.
            Err(_) if db.ping().await.is_err() => continue,
            Ok(_) | Err(_) => {}
        }
        match count((&mut admin, &mut db), REDMOND, &[]).await {
            Ok(seen) if seen == other => {}
            later => failures.push(format!("{change:?}: later {later:?}")),
        }
    }
    failures
}

#[tokio::test]
async fn no_user_setting_hides_or_reveals_rows() {
    let database = TestDatabase::shared();
    assert_eq!(failures(&database, |_| true).await, Vec::<String>::new());
}

/// Shows that the test above can fail: it detects a function whose meaning depends on a setting.
#[tokio::test]
async fn setting_dependent_function_is_detected() {
    let database = TestDatabase::new().await;
    sqlx::raw_sql(
        r"DO $do$ BEGIN EXECUTE replace(pg_get_functiondef('guard.allowed_stores()'::regprocedure),
        'convert_to(''zava/context/2'', ''UTF8'')', '''\x7a6176612f636f6e746578742f32''::bytea'); END $do$",
    )
    .execute(&mut database.superuser().await)
    .await
    .expect("another body");
    let found = failures(&database, |name| name == "standard_conforming_strings").await;
    // In its own transaction the change ends in an error; later transactions fail.
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("later Err"), "{found:?}");
}

/// PL/pgSQL reads its settings when it parses a function, at the first call in a backend.
#[tokio::test]
async fn plpgsql_settings_before_the_first_call_change_no_result() {
    let database = TestDatabase::shared();
    let mut admin = database.superuser().await;
    let mut expected = Vec::new();
    for tenant in [SEATTLE, REDMOND] {
        let mut db = database.query_login().await;
        let seen = count((&mut admin, &mut db), tenant, &[]).await;
        expected.push(seen.expect("a count"));
    }
    let changes = [
        ("plpgsql.extra_errors".to_owned(), "all".to_owned()),
        ("plpgsql.variable_conflict".to_owned(), "error".to_owned()),
    ];
    let mut db = database.query_login().await;
    let own = count((&mut admin, &mut db), SEATTLE, &changes).await;
    let other = count((&mut admin, &mut db), REDMOND, &[]).await;
    let seen = [own.expect("a count"), other.expect("a count")];
    assert_eq!(seen.as_slice(), expected);
}

/// A literal without a backslash means the same under every setting of
/// `standard_conforming_strings`.
#[tokio::test]
async fn guard_functions_contain_no_backslash() {
    let database = TestDatabase::shared();
    let found: Vec<String> = sqlx::query_scalar(
        "SELECT oid::regprocedure::text FROM pg_proc \
         WHERE pronamespace = 'guard'::regnamespace AND prosqlbody IS NULL AND strpos(prosrc, chr(92)) > 0",
    )
    .fetch_all(&mut database.superuser().await)
    .await
    .expect("the functions");
    assert_eq!(found, Vec::<String>::new());
}

/// The audit log records the same digest of a row whatever the session's settings.
#[tokio::test]
async fn row_digests_do_not_depend_on_settings() {
    let database = TestDatabase::shared();
    let mut texts = Vec::new();
    for settings in [
        "SET TimeZone = 'UTC'; SET bytea_output = 'hex'",
        "SET TimeZone = 'Asia/Tokyo'; SET bytea_output = 'escape'; SET DateStyle = 'German'",
    ] {
        let mut owner = database.owner().await;
        sqlx::raw_sql(AssertSqlSafe(settings))
            .execute(&mut owner)
            .await
            .expect("the settings");
        let row: String =
            sqlx::query_scalar("SELECT guard.row_as_json(k)::text FROM guard.signing_key AS k")
                .fetch_one(&mut owner)
                .await
                .expect("a row");
        texts.push(row);
    }
    assert_eq!(texts[0], texts[1]);
}
