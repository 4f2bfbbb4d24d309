//! Child tables of the tables in schema `guard`, without the guard and the posture check: they
//! grant nothing.

use sqlx::PgConnection;

use crate::support::{SEATTLE, TestDatabase, number};

const TENANT: &str = "11111111-1111-1111-1111-111111111111";

/// Rows that an attacker would insert beside the audited ones: a tenant that sees all stores, a
/// signing key, a grant, an API key with a known secret, and an audit record.
const CHILDREN: &str = "
    CREATE TABLE public.tenants () INHERITS (guard.tenant);
    INSERT INTO public.tenants VALUES ('11111111-1111-1111-1111-111111111111', 'Mine', NULL, true);
    CREATE TABLE public.signing_keys () INHERITS (guard.signing_key);
    INSERT INTO public.signing_keys SELECT 2, ipad, opad, now() - interval '1 h', 'infinity' FROM guard.signing_key WHERE key_id = 1;
    CREATE TABLE public.entitlements () INHERITS (guard.entitlement);
    INSERT INTO public.entitlements VALUES ('apikey:abcdefghijk0', 'f47ac10b-58cc-4372-a567-0e02b2c3d479', 'operator', now());
    CREATE TABLE public.api_keys () INHERITS (guard.api_key);
    INSERT INTO public.api_keys VALUES ('abcdefghijk0', 'mine', sha256('secret'), now(), 'infinity', NULL);
    CREATE TABLE public.records () INHERITS (guard.audit);
    INSERT INTO public.records VALUES (1000, now(), '{\"kind\": \"call\", \"decision\": \"refused\"}', sha256(''), sha256(''));";

#[tokio::test]
async fn rows_in_child_tables_grant_nothing() {
    let database = TestDatabase::new().await;
    let mut superuser = database.superuser().await;
    sqlx::raw_sql(CHILDREN)
        .execute(&mut superuser)
        .await
        .expect("the children");
    let mut db = database.query_login().await;
    // A context of the child's tenant, and one signed with the child's key.
    let of_child = database.context(TENANT, &mut db).await;
    let of_own = database.context(SEATTLE, &mut db).await;
    for (context, state) in [
        (of_child, "ZV003"),
        (of_own.replacen("1:", "2:", 1), "ZV001"),
    ] {
        let verified =
            sqlx::query("SELECT set_config('zava.context', $1, false), guard.allowed_stores()")
                .bind(context)
                .execute(&mut db)
                .await;
        let error = verified.expect_err("a refusal").into_database_error();
        let error = error.expect("the database's error");
        assert_eq!(error.code().as_deref(), Some(state));
    }

    let backend: i32 = sqlx::query_scalar("SELECT pg_backend_pid()")
        .fetch_one(&mut db)
        .await
        .expect("a process id");
    for (purpose, arguments, count) in [
        (
            "entitlements",
            r#"{"principals": ["apikey:abcdefghijk0"], "stores": [], "role": "reader"}"#,
            "SELECT count(*) FROM guard.entitlements($1, $2, $3, $4)",
        ),
        (
            "api-key",
            // SHA-256 of "secret".
            r#"{"key": "abcdefghijk0", "hash": "K7gNU3sdo+OL0wNhqoVWhr3g6s1xYv72ol/pe/Unols="}"#,
            "SELECT count(*) FROM guard.api_key($1, $2, $3, $4)",
        ),
    ] {
        let (expires, mac): (i64, Vec<u8>) = sqlx::query_as(include_str!("support/sign_call.sql"))
            .bind(purpose)
            .bind(arguments)
            .bind(60)
            .bind(backend)
            .fetch_one(&mut superuser)
            .await
            .expect("a signature");
        let granted: i64 = sqlx::query_scalar(count)
            .bind(1)
            .bind(arguments)
            .bind(expires)
            .bind(mac)
            .fetch_one(&mut db)
            .await
            .expect("an answer");
        assert_eq!(granted, 0, "{purpose}");
    }

    let mut owner = database.owner().await;
    sqlx::raw_sql("SELECT guard.append_audit('{\"kind\": \"act\"}')")
        .execute(&mut owner)
        .await
        .expect("a record");
    let last = "SELECT max(audit_id) FROM ONLY guard.audit";
    assert!(number(&mut owner, last).await < 1000, "the chain goes on");
    let refused = "SELECT count(*) FROM guard.refused_statements";
    assert_eq!(number(&mut owner, refused).await, 0);
}

/// Guards against later additions: every FROM and JOIN must use ONLY.
#[tokio::test]
async fn guard_functions_and_views_read_tables_with_only() {
    let database = TestDatabase::shared();
    let read = definitions(&mut database.superuser().await).await;
    assert!(read.len() > 12, "{read:?}");
    let mut tables = 0;
    for definition in read {
        let words: Vec<&str> = definition.split_whitespace().collect();
        for pair in words.windows(2) {
            let [before, word] = [pair[0], pair[1]].map(|word| word.trim_start_matches('('));
            let is_table = word.starts_with("guard.") || word.starts_with("retail.");
            if matches!(before, "FROM" | "JOIN" | "ONLY") && is_table && !word.contains('(') {
                tables += 1;
                assert_eq!(before, "ONLY", "{definition}");
            }
        }
    }
    assert!(tables > 12, "{tables}");
}

/// Definitions of functions and views in schema guard.
async fn definitions(db: &mut PgConnection) -> Vec<String> {
    sqlx::query_scalar(
        "SELECT pg_get_functiondef(p.oid) FROM pg_proc AS p WHERE p.pronamespace = 'guard'::regnamespace \
         UNION ALL SELECT pg_get_viewdef(c.oid) FROM pg_class AS c WHERE c.relnamespace = 'guard'::regnamespace AND c.relkind = 'v'",
    )
    .fetch_all(db)
    .await
    .expect("the definitions")
}
