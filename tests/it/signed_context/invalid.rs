//! Contexts that are malformed, forged or expired.

use sqlx::PgConnection;

use super::count_orders_with;
use crate::support::{HEAD_OFFICE, SEATTLE, TestDatabase, backend_pid, sign};

/// A context that is present is valid or an error: no row is shown, and none is silently missing.
/// The checks have a fixed order: format, key, MAC, expiry, tenant.
#[tokio::test]
async fn malformed_forged_or_expired_context_is_an_error() {
    let database = TestDatabase::shared();
    let (mut db, mut superuser) = (database.query_login().await, database.superuser().await);
    assert_valid_or_an_error(&mut db, &mut superuser).await;
}

pub(crate) async fn assert_valid_or_an_error(db: &mut PgConnection, superuser: &mut PgConnection) {
    const UNKNOWN_TENANT: &str = "11111111-1111-1111-1111-111111111111";
    let backend = backend_pid(db).await;
    let valid = sign(superuser, SEATTLE, backend, 30).await;
    let parts: Vec<&str> = valid.split(':').collect();
    let [key, tenant, expiry, mac] = parts[..] else {
        panic!("{valid}");
    };
    let forged =
        |key: &str, tenant: &str, expiry: &str, mac: &str| [key, tenant, expiry, mac].join(":");
    let modified = if mac.ends_with('0') { "1" } else { "0" };
    let modified = format!("{}{modified}", &mac[..63]);
    let later = (expiry.parse::<i64>().expect("a number") + 1).to_string();
    let upper = tenant.replace('e', "E");
    let bare = tenant.replace('-', "");
    let cases = [
        ("not a context", "x".to_owned(), "ZV002"),
        ("only a space", " ".to_owned(), "ZV002"),
        ("three parts", [key, tenant, mac].join(":"), "ZV002"),
        ("five parts", format!("{valid}:"), "ZV002"),
        ("a leading space", format!(" {valid}"), "ZV002"),
        ("a trailing line break", format!("{valid}\n"), "ZV002"),
        (
            "too long",
            forged(key, tenant, expiry, &"0".repeat(200)),
            "ZV002",
        ),
        ("no key", forged("", tenant, expiry, mac), "ZV002"),
        ("key 0", forged("0", tenant, expiry, mac), "ZV002"),
        (
            "a key with a leading zero",
            forged("01", tenant, expiry, mac),
            "ZV002",
        ),
        ("a negative key", forged("-1", tenant, expiry, mac), "ZV002"),
        (
            "a key beyond integers",
            forged("4294967297", tenant, expiry, mac),
            "ZV002",
        ),
        (
            "a key in non-ASCII digits",
            forged("\u{661}", tenant, expiry, mac),
            "ZV002",
        ),
        (
            "a tenant in capitals",
            forged(key, &upper, expiry, mac),
            "ZV002",
        ),
        (
            "a tenant in braces",
            forged(key, &format!("{{{tenant}}}"), expiry, mac),
            "ZV002",
        ),
        (
            "a tenant without hyphens",
            forged(key, &bare, expiry, mac),
            "ZV002",
        ),
        ("a negative expiry", forged(key, tenant, "-1", mac), "ZV002"),
        (
            "an expiry with an exponent",
            forged(key, tenant, "1e18", mac),
            "ZV002",
        ),
        (
            "an expiry beyond bigint",
            forged(key, tenant, "9999999999999999999", mac),
            "ZV002",
        ),
        (
            "a short MAC",
            forged(key, tenant, expiry, &mac[..62]),
            "ZV002",
        ),
        (
            "a MAC in capitals",
            forged(key, tenant, expiry, &mac.to_uppercase()),
            "ZV002",
        ),
        ("no MAC", forged(key, tenant, expiry, ""), "ZV002"),
        (
            "a modified MAC",
            forged(key, tenant, expiry, &modified),
            "ZV002",
        ),
        (
            "another tenant",
            forged(key, HEAD_OFFICE, expiry, mac),
            "ZV002",
        ),
        ("another expiry", forged(key, tenant, &later, mac), "ZV002"),
        ("an unknown key", forged("2", tenant, expiry, mac), "ZV001"),
        (
            "another backend",
            sign(superuser, SEATTLE, backend + 1, 30).await,
            "ZV002",
        ),
        (
            "just expired",
            sign(superuser, SEATTLE, backend, 0).await,
            "ZV004",
        ),
        (
            "long expired",
            sign(superuser, SEATTLE, backend, -3_600).await,
            "ZV004",
        ),
        (
            "too far ahead",
            sign(superuser, SEATTLE, backend, 130).await,
            "ZV004",
        ),
        (
            "an unknown tenant",
            sign(superuser, UNKNOWN_TENANT, backend, 30).await,
            "ZV003",
        ),
        (
            "an unknown tenant, expired",
            sign(superuser, UNKNOWN_TENANT, backend, 0).await,
            "ZV004",
        ),
        (
            "an unknown tenant, unsigned",
            forged(key, UNKNOWN_TENANT, expiry, mac),
            "ZV002",
        ),
    ];
    for (what, context, state) in cases {
        let seen = count_orders_with(db, &context).await;
        assert_eq!(seen, Err(state.to_owned()), "{what}: {context}");
    }
    assert!(count_orders_with(db, &valid).await.expect("orders") > 0);
}

/// MACs for earlier versions and other purposes are not valid contexts.
#[tokio::test]
async fn mac_for_another_purpose_is_rejected() {
    let database = TestDatabase::shared();
    let mut db = database.query_login().await;
    let valid = database.context(SEATTLE, &mut db).await;
    let (signed, _) = valid.rsplit_once(':').expect("a MAC");
    for purpose in ["zava/enter/1", "zava/context/1", "zava/entitlements/1", ""] {
        let mac: String = sqlx::query_scalar(include_str!("../support/sign_purpose.sql"))
            .bind(purpose)
            .bind(signed)
            .bind(i64::from(backend_pid(&mut db).await))
            .fetch_one(&mut database.superuser().await)
            .await
            .expect("a MAC");
        let seen = count_orders_with(&mut db, &format!("{signed}:{mac}")).await;
        assert_eq!(seen, Err("ZV002".to_owned()), "{purpose}");
    }
}
