//! The guard is switched off, and every setting that SQL can change is changed in the first
//! transaction of a backend. PL/pgSQL parses a function when a backend first calls it, under the
//! settings of that moment, so a change can outlive its transaction.

use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};

use crate::support::{REDMOND, SEATTLE, TestDatabase};

const ORDERS: &str = "SELECT count(*) FROM retail.orders";

/// A question about a caller who may ask for two tenants, and what counts them.
const QUESTION: &str = r#"{"principals": ["apikey:abcdefghijk0"], "stores": ["all", "zava-retail-seattle"], "role": "reader"}"#;
const ENTITLED: &str = "SELECT count(*) FROM guard.entitlements(1, $1, $2, $3)";

/// Values of settings that are texts. Others are set to what `pg_settings` says of their type.
const TEXTS: [(&str, &[&str]); 14] = [
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

/// The settings of a session that has used what it will use, with each value that differs from its
/// own.
async fn changes(db: &mut PgConnection) -> Vec<(String, String)> {
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
                let known = TEXTS.iter().find(|(text, _)| *text == name);
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

/// A tenant's orders and the tenants that a caller may ask for, counted in a transaction of their
/// own after settings were changed in it.
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
    let (late, question_mac): (i64, Vec<u8>) =
        sqlx::query_as(include_str!("../support/sign_call.sql"))
            .bind("entitlements")
            .bind(QUESTION)
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
        let orders = sqlx::query_scalar(ORDERS).fetch_one(&mut *db).await?;
        let entitled = sqlx::query_scalar(ENTITLED)
            .bind(QUESTION)
            .bind(late)
            .bind(question_mac)
            .fetch_one(&mut *db)
            .await?;
        Ok((orders, entitled))
    }
    .await;
    sqlx::raw_sql("ROLLBACK").execute(&mut *db).await?;
    outcome
}

/// Which changes of settings hide rows or show others: in the transaction that changes one, a
/// tenant must see its rows or an error, and later ones must see theirs.
async fn faults(database: &TestDatabase, wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let mut admin = database.superuser().await;
    let mut db = database.query_login().await;
    let own = count((&mut admin, &mut db), SEATTLE, &[]).await;
    let other = count((&mut admin, &mut db), REDMOND, &[]).await;
    let (own, other) = (own.expect("a count"), other.expect("a count"));
    assert!(own.0 > 0 && other.0 > 0 && own.0 != other.0);
    assert_eq!((own.1, other.1), (2, 2));
    let changes = changes(&mut db).await;
    assert!(changes.len() > 230, "{}", changes.len());
    let mut faults = Vec::new();
    for change in changes.iter().filter(|(name, _)| wanted(name)) {
        let mut db = database.query_login().await;
        match count((&mut admin, &mut db), SEATTLE, std::slice::from_ref(change)).await {
            Ok(seen) if seen != own => faults.push(format!("{change:?}: {seen:?}")),
            // Such as one by which an error ends the session.
            Err(_) if db.ping().await.is_err() => continue,
            Ok(_) | Err(_) => {}
        }
        match count((&mut admin, &mut db), REDMOND, &[]).await {
            Ok(seen) if seen == other => {}
            later => faults.push(format!("{change:?}: later {later:?}")),
        }
    }
    faults
}

#[tokio::test]
async fn no_user_setting_hides_or_reveals_rows() {
    let database = TestDatabase::new().await;
    assert_eq!(faults(&database, |_| true).await, Vec::<String>::new());
}

/// The test above is worth something: it sees a function that means something else under another
/// setting.
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
    let found = faults(&database, |name| name == "standard_conforming_strings").await;
    // In its own transaction the change ends in an error, which tells the tenant; later ones
    // suffer.
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("later Err"), "{found:?}");
}

/// PL/pgSQL reads its settings when it parses a function, at the first call in a backend.
#[tokio::test]
async fn plpgsql_settings_before_the_first_call_change_no_result() {
    let database = TestDatabase::new().await;
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

/// What such a function holds in quotes means the same under every setting: nothing in it is an
/// escape.
#[tokio::test]
async fn guard_functions_contain_no_backslash() {
    let database = TestDatabase::new().await;
    let found: Vec<String> = sqlx::query_scalar(
        "SELECT oid::regprocedure::text FROM pg_proc \
         WHERE pronamespace = 'guard'::regnamespace AND prosqlbody IS NULL AND strpos(prosrc, chr(92)) > 0",
    )
    .fetch_all(&mut database.superuser().await)
    .await
    .expect("the functions");
    assert_eq!(found, Vec::<String>::new());
}

/// What the audit trail says of a row is the same whoever's session changes it.
#[tokio::test]
async fn row_digests_do_not_depend_on_settings() {
    let database = TestDatabase::new().await;
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
