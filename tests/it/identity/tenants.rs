//! `tenant add`, `rename`, `remove` and `list`, as an operator runs them and as a server sees them.

use serde_json::json;

use super::commands::run;
use crate::support::{SEATTLE, TestDatabase, TestServer, assert_rows, number, settings};

/// The tenant id that `tenant add` prints.
fn added_id(out: &str) -> String {
    out.split_whitespace().next().expect("an id").to_owned()
}

#[tokio::test]
async fn a_tenant_is_added_renamed_and_removed() {
    let database = TestDatabase::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let tenant = async |arguments: &[&str]| {
        let arguments = [&["tenant"], arguments].concat();
        let (code, out, err) = run(folder.path(), &database, &arguments).await;
        assert_eq!((code, err.as_str()), (Some(0), ""), "{arguments:?} {out}");
        out
    };
    let portland = added_id(&tenant(&["add", "Zava Retail Portland"]).await);
    let auditors = added_id(&tenant(&["add", "Auditors", "--all-stores"]).await);
    let list = tenant(&["list"]).await;
    assert_eq!(list.lines().count(), 11, "{list}");
    assert!(
        list.contains(&format!("{auditors}  all stores  Auditors")),
        "{list}"
    );

    let server = TestServer::with_settings(&settings(&database.name)).await;
    let orders = "SELECT count(*) FROM retail.orders";
    assert_rows!(server, &portland, orders, [[0]]);
    let all = number(&mut database.superuser().await, orders).await;
    assert_rows!(server, &auditors, orders, [[all]]);

    // A row of the new store is its own, and nobody else's but those who see all.
    let seattle = server.number(SEATTLE, orders).await;
    let insert = "INSERT INTO retail.orders (customer_id, store_id, order_date)
        SELECT min(c.customer_id), (SELECT store_id FROM retail.stores WHERE store_name = 'Zava Retail Portland'), '2026-11-01'
        FROM retail.customers AS c";
    sqlx::raw_sql(insert)
        .execute(&mut database.owner().await)
        .await
        .expect("the owner may insert");
    assert_rows!(server, &portland, orders, [[1]]);
    assert_rows!(server, SEATTLE, orders, [[seattle]]);
    assert_rows!(server, &auditors, orders, [[all + 1]]);

    // The database alone decides so, without the guard.
    for (tenant, expected) in [(&*portland, 1), (SEATTLE, seattle), (&*auditors, all + 1)] {
        let found = number(&mut database.signed(tenant).await, orders).await;
        assert_eq!(found, expected, "{tenant}");
    }

    tenant(&["rename", &portland, "Zava Retail Salem"]).await;
    let name = "SELECT store_name FROM retail.stores WHERE store_name LIKE '%Salem'";
    assert_rows!(server, &portland, name, [["Zava Retail Salem"]]);

    // The store has a row, so it stays, and a tenant can be added for it again.
    let principal =
        "entra:72f988bf-86f1-41af-91ab-2d7cd011db47:0e0f1c1d-aaaa-4bbb-8ccc-0123456789ab";
    let grant = ["grant", principal, "--store", "Zava Retail Salem"];
    assert_eq!(run(folder.path(), &database, &grant).await.0, Some(0));
    let out = tenant(&["remove", "Zava Retail Salem"]).await;
    assert!(out.contains("has rows and stays"), "{out}");
    let (_, grants, _) = run(folder.path(), &database, &["grants"]).await;
    assert_eq!(grants, "");
    let server = TestServer::with_settings(&settings(&database.name)).await;
    let removed = server.request(&portland, "tools/list", json!({})).await;
    assert_eq!(removed.status(), 403);
    let mut db = database.signed(&portland).await;
    let refused = sqlx::query(orders).fetch_one(&mut db).await;
    refused.expect_err("a context for a tenant that was removed");
    let again = added_id(&tenant(&["add", "Zava Retail Salem", "--id", &portland]).await);
    assert_eq!(again, portland);

    tenant(&["add", "Empty"]).await;
    let out = tenant(&["remove", "Empty"]).await;
    assert!(out.contains("which had no rows"), "{out}");
    tenant(&["remove", &auditors]).await;

    // Every change is in the audit log: three tenants twice, a name, a grant and its end.
    let acts = "SELECT count(*) FROM guard.audit AS a WHERE a.record ->> 'kind' = 'act'
        AND a.record ->> 'object' IN ('tenant', 'entitlement') AND a.record ->> 'principal' = 'login:zava_admin'
        AND a.record ->> 'act' <> 'found' AND a.recorded_at > now() - interval '10 minutes'
        AND (a.record -> 'after' ->> 'tenant_name' IN ('Zava Retail Portland', 'Zava Retail Salem', 'Auditors', 'Empty')
            OR a.record -> 'before' ->> 'tenant_name' IN ('Zava Retail Salem', 'Auditors', 'Empty')
            OR a.record ->> 'object' = 'entitlement')";
    assert_eq!(number(&mut database.superuser().await, acts).await, 10);
}

#[tokio::test]
async fn a_tenant_that_cannot_be_added_renamed_or_removed_is_explained() {
    let database = TestDatabase::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let taken = "is taken; `zava-mcp-server tenant list`";
    // App roles ignore case, white space and punctuation, and would grant both stores.
    let same_role = "would be that of \"Zava Retail Seattle\"";
    let cases: [(&[&str], i32, &str); 12] = [
        (&["add", "zava-retail-seattle"], 1, same_role),
        (
            &["rename", "Zava Retail Redmond", "(ZAVA) Retail Seattle"],
            1,
            same_role,
        ),
        (&["add", "All!"], 1, "would be that of \"Head office\""),
        (&["add", "Zava Retail Seattle"], 1, taken),
        (&["add", "Head office", "--all-stores"], 1, taken),
        (&["add", "Zava Retail Portland", "--id", SEATTLE], 1, taken),
        (&["add", " "], 1, "1 to 100 characters"),
        (&["add", "Portland", "--id", "portland"], 64, "--id"),
        (
            &["add", "Portland", "--all-stores", "--online"],
            64,
            "cannot be used with",
        ),
        (
            &["rename", "Zava Retail Seattle", "Zava Retail Tacoma"],
            1,
            taken,
        ),
        (
            &["rename", "Portland", "Salem"],
            1,
            "there is no tenant \"Portland\"",
        ),
        (
            &["remove", "Portland"],
            1,
            "there is no tenant \"Portland\"",
        ),
    ];
    for (arguments, expected, message) in cases {
        let arguments = [&["tenant"], arguments].concat();
        let (code, out, err) = run(folder.path(), &database, &arguments).await;
        assert_eq!(code, Some(expected), "{arguments:?} {out} {err}");
        assert!(err.contains(message), "{arguments:?} {err}");
    }
    // Nothing was changed.
    let stores = "SELECT count(*) FROM retail.stores";
    assert_eq!(number(&mut database.superuser().await, stores).await, 8);
}
