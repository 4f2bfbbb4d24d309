mod pruning; // old records are deleted, the rest still verifies

use reqwest::StatusCode;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};
use zava_mcp_server::database::grant;
use zava_mcp_server::identity::Role;

use crate::command_line::{binary, with_database};
use crate::identity::keys_only;
use crate::support::{
    Pooler, REDMOND, SEATTLE, TestDatabase, TestServer, admin_password, eventually, number,
    settings,
};

const ORDERS: &str = "SELECT count(*) FROM retail.orders WHERE order_id <> 424242";
const REFUSED: &str = "SELECT pg_sleep(424242)";

/// One text per row, its columns joined by `|`.
async fn rows(db: &mut PgConnection, sql: &'static str) -> Vec<String> {
    let rows = sqlx::query(sql).fetch_all(db).await.expect("rows");
    let text = |row: &sqlx::postgres::PgRow| {
        let values = (0..row.len()).map(|at| row.get::<Option<String>, _>(at).unwrap_or_default());
        values.collect::<Vec<_>>().join("|")
    };
    rows.iter().map(text).collect()
}

/// Exit code and output of `audit verify` for a database.
async fn verify(database: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = binary(folder.path());
    with_database(&mut command, &settings(database));
    command
        .env("POSTGRES_ADMIN_USER", "zava_admin")
        .env("POSTGRES_ADMIN_PASSWORD", admin_password())
        .args(["audit", "verify"])
        .args(arguments);
    let output = command.output().await.expect("it runs");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).expect("text"))
}

#[tokio::test]
async fn refusals_and_admin_acts_are_recorded_and_reads_are_aggregated() {
    let mut server = TestServer::start_with(keys_only).await;
    let mut owner = server.database().owner().await;
    let secret = server
        .database()
        .key("till", "Zava Retail Seattle", Role::Reader)
        .await;
    let id = &secret[5..17];
    let forged = format!("{}{}", &secret[..secret.len() - 43], "A".repeat(43));
    let call_status = async |key: Option<&str>, tenant: &str, sql: &str| {
        let arguments =
            json!({"name": "execute_sales_query", "arguments": {"postgresql_query": sql}});
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": arguments});
        let mut request = server.post().header("x-rls-user-id", tenant).header(
            "traceparent",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        );
        if let Some(key) = key {
            request = request.bearer_auth(key);
        }
        request
            .json(&body)
            .send()
            .await
            .expect("an answer")
            .status()
    };
    let key = Some(secret.as_str());
    assert_eq!(
        call_status(None, SEATTLE, ORDERS).await,
        StatusCode::UNAUTHORIZED
    );
    for _ in 0..3 {
        assert_eq!(
            call_status(Some(&forged), SEATTLE, ORDERS).await,
            StatusCode::UNAUTHORIZED
        );
    }
    assert_eq!(
        call_status(key, REDMOND, ORDERS).await,
        StatusCode::FORBIDDEN
    );
    assert_eq!(call_status(key, SEATTLE, REFUSED).await, StatusCode::OK);
    assert_eq!(call_status(key, SEATTLE, ORDERS).await, StatusCode::OK);
    assert_eq!(call_status(key, SEATTLE, ORDERS).await, StatusCode::OK);
    assert_eq!(
        call_status(
            key,
            SEATTLE,
            "SELECT 1 / (order_id - order_id) FROM retail.orders"
        )
        .await,
        StatusCode::OK
    );
    server.stop().await;

    let principal = format!("apikey:{id}");
    let trace = "0af7651916cd43dd8448eb211c80319c";
    assert_eq!(
        rows(&mut owner, "SELECT reason, principal, address::text, sum(times)::text, min(trace_id) FROM guard.failed_authentications GROUP BY 1, 2, 3 ORDER BY min(audit_id)").await,
        [
            format!("no credential||127.0.0.1/32|1|{trace}"),
            format!("the API key is unknown||127.0.0.1/32|3|{trace}"),
            format!("unknown or foreign tenant|{principal}|127.0.0.1/32|1|{trace}"),
        ]
    );
    let refused = rows(&mut owner, "SELECT principal, tenant, tool, reason, sql, times::text, fingerprint FROM guard.refused_statements").await;
    let [refused] = refused.as_slice() else {
        panic!("{refused:?}")
    };
    let expected = format!("{principal}|Zava Retail Seattle|execute_sales_query|function||1|");
    let fingerprint = refused
        .strip_prefix(&expected)
        .unwrap_or_else(|| panic!("{refused}"));
    assert_eq!(fingerprint.len(), 16, "{refused}");
    assert_eq!(
        rows(&mut owner, "SELECT principal, tenant, tool, answered::text, refused::text, failed::text, rows::text, (bytes > 20)::text FROM guard.access_by_store").await,
        [format!("{principal}|Zava Retail Seattle|execute_sales_query|2|1|1|2|true")]
    );
    let acts = rows(&mut owner, "SELECT record ->> 'act', record ->> 'object', record ->> 'principal', record::text FROM guard.audit WHERE record ->> 'kind' = 'act' AND record ->> 'object' IN ('api_key', 'entitlement') ORDER BY audit_id").await;
    assert_eq!(acts.len(), 2, "{acts:?}");
    assert!(
        acts[0].starts_with("insert|api_key|login:postgres|"),
        "{acts:?}"
    );
    assert!(
        acts[1].starts_with("insert|entitlement|login:postgres|") && acts[1].contains(&principal),
        "{acts:?}"
    );
    let all = rows(&mut owner, "SELECT record::text FROM guard.audit")
        .await
        .join("\n");
    for absent in ["424242", "secret_hash", "ipad", &secret[18..]] {
        assert!(!all.contains(absent), "{absent} in {all}");
    }
}

/// Rejections before a tool is reached, and calls that name no tool.
#[tokio::test]
async fn requests_rejected_before_a_tool_runs_are_recorded() {
    let mut server = TestServer::start_with(|settings| {
        settings.network.trusted_proxies = vec!["127.0.0.0/8".parse().expect("a network")];
        settings.rates.address = 1.try_into().expect("not zero");
    })
    .await;
    let call = |params: Value| json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
    let unknown = call(json!({"name": "drop_tables", "arguments": {}}));
    let text = |body: &str| body.to_owned();
    type Headers = &'static [(&'static str, &'static str)];
    let requests: [(&str, &str, String, Headers); 9] = [
        ("call", "unknown tool", unknown.to_string(), &[]),
        (
            "call",
            "malformed call",
            call(json!({"name": 7})).to_string(),
            &[],
        ),
        ("request", "unreadable body", text("{"), &[]),
        ("request", "invalid message", text("{}"), &[]),
        (
            "request",
            "foreign Host",
            unknown.to_string(),
            &[("host", "evil.example.com")],
        ),
        (
            "request",
            "foreign Origin",
            unknown.to_string(),
            &[("origin", "https://evil.example.com")],
        ),
        (
            "request",
            "protocol version",
            unknown.to_string(),
            &[("mcp-protocol-version", "1999-01-01")],
        ),
        ("authentication", "no tenant", text("{}"), &[]),
        (
            "request",
            "too many requests from an address",
            text("{}"),
            &[("x-forwarded-for", "2001:db8::7")],
        ),
    ];
    for (at, (_, reason, body, headers)) in requests.iter().enumerate() {
        let client = format!("2001:db8:0:{at}::7");
        let mut request = server.post().body(body.clone());
        for (name, value) in *headers {
            request = request.header(*name, *value);
        }
        if *reason != "too many requests from an address" {
            request = request.header("x-forwarded-for", client);
        }
        // Requests of an authenticated caller are not charged to an address.
        if !matches!(*reason, "no tenant" | "too many requests from an address") {
            request = request.header("x-rls-user-id", SEATTLE);
        }
        request.send().await.expect("an answer");
    }
    server.stop().await;
    let mut owner = server.database().owner().await;
    let recorded = rows(&mut owner, "SELECT record ->> 'kind', record ->> 'reason', sum((record ->> 'count')::bigint)::text FROM guard.audit WHERE record ->> 'kind' <> 'act' GROUP BY 1, 2").await;
    for (kind, reason, ..) in requests {
        let expected = format!("{kind}|{reason}|1");
        assert!(recorded.contains(&expected), "{expected}: {recorded:?}");
    }
    assert_eq!(recorded.len(), 9, "{recorded:?}");
    // IPv6 addresses are recorded by their /64 network, which is one subscriber's.
    let addresses = rows(&mut owner, "SELECT DISTINCT record ->> 'address' FROM guard.audit WHERE record ->> 'address' IS NOT NULL ORDER BY 1").await;
    assert_eq!(addresses, ["2001:db8:0:7::", "2001:db8::"]);
}

#[tokio::test]
async fn statement_text_is_recorded_when_audit_sql_is_enabled() {
    let mut server = TestServer::start_with(|settings| settings.audit.includes_sql = true).await;
    // Unlike the other tests' statements, which scripts/test searches for in the log.
    const TABLE: &str = "TABLE guard.audit";
    server.failure(SEATTLE, TABLE).await;
    server.stop().await;
    let mut owner = server.database().owner().await;
    assert_eq!(
        rows(&mut owner, "SELECT sql FROM guard.refused_statements").await,
        [TABLE]
    );
}

/// Events wait while the audit log cannot be written, and none is lost.
#[tokio::test]
async fn failed_appends_are_retried_without_loss() {
    let mut server = TestServer::start().await;
    let mut monitor = server.database().superuser().await;
    let mut holder = server.database().owner().await;
    let mut held = holder.begin().await.expect("a transaction");
    // The lock blocks appends, and the server's login waits for a lock only briefly.
    sqlx::query("LOCK TABLE guard.audit IN SHARE ROW EXCLUSIVE MODE")
        .execute(&mut *held)
        .await
        .expect("the lock");
    server.failure(SEATTLE, REFUSED).await;
    let mut is_waiting = async || {
        const WAITING_LOCKS: &str = "SELECT count(*) FROM pg_locks AS l WHERE NOT l.granted AND l.relation = 'guard.audit'::regclass";
        number(&mut monitor, WAITING_LOCKS).await > 0
    };
    eventually("the server tries to append", &mut is_waiting).await;
    eventually("it gives up", async || !is_waiting().await).await;
    server.failure(SEATTLE, REFUSED).await;
    held.rollback().await.expect("the lock is released");
    server.stop().await;
    let times = "SELECT sum(times)::text FROM guard.refused_statements";
    assert_eq!(rows(&mut holder, times).await, ["2"]);
}

#[tokio::test]
async fn records_are_appended_through_a_pooler() {
    let database = TestDatabase::new().await;
    let pooler = Pooler::start(&database).await;
    let server = TestServer::with_settings(&pooler.settings(&database)).await;
    server.failure(SEATTLE, REFUSED).await;
    let mut owner = database.owner().await;
    eventually("a record", async || {
        rows(&mut owner, "SELECT reason FROM guard.refused_statements").await == ["function"]
    })
    .await;
}

#[tokio::test]
async fn records_are_append_only_and_tampering_is_detected() {
    let mut server = TestServer::start().await;
    let principal = "apikey:abcdefghijk0".parse().expect("a principal");
    for store in ["Zava Retail Redmond", "Zava Retail Seattle", "Head office"] {
        let mut owner = server.database().owner().await;
        grant(&mut owner, &principal, store, Role::Reader)
            .await
            .expect("a grant");
    }
    server.failure(SEATTLE, REFUSED).await;
    server.stop().await;
    let name = server.database().name.clone();
    let verify = async |expect: Option<&str>| match expect {
        Some(head) => verify(&name, &["--expect", head]).await,
        None => verify(&name, &[]).await,
    };
    let (code, said) = verify(None).await;
    assert_eq!(code, Some(0), "{said}");
    let head = said.lines().last().expect("the chain head").to_owned();
    assert_eq!(verify(Some(&head)).await.0, Some(0));
    assert_eq!(verify(Some("1:abc")).await.0, Some(64));

    let mut owner = server.database().owner().await;
    for change in [
        "UPDATE guard.audit SET record = '{}'",
        "DELETE FROM guard.audit",
        "TRUNCATE guard.audit",
    ] {
        let refused = sqlx::query(change).execute(&mut owner).await;
        assert!(refused.is_err(), "{change}");
    }
    let last: i64 = head
        .split_once(':')
        .and_then(|(id, _)| id.parse().ok())
        .expect("a number");
    let mut superuser = server.database().superuser().await;
    // A chain recomputed from its second record on, as an attacker who knows the format would.
    let recomputed = "UPDATE guard.audit SET record = '{\"kind\": \"act\"}' WHERE audit_id = 2;
         DO $$ DECLARE r record; previous bytea; BEGIN
         SELECT hash INTO previous FROM guard.audit WHERE audit_id = 1;
         FOR r IN SELECT * FROM guard.audit WHERE audit_id > 1 ORDER BY audit_id LOOP
             UPDATE guard.audit SET previous_hash = previous, hash = sha256('zava/audit/1'::bytea || int8send(r.audit_id)
                 || int8send((extract(epoch FROM r.recorded_at) * 1000000)::bigint) || previous || convert_to(r.record::text, 'UTF8'))
             WHERE audit_id = r.audit_id RETURNING hash INTO previous;
         END LOOP; END $$";
    let table: [(&str, Option<&str>, String); 9] = [
        // With a hash that fits the changed record.
        (
            "UPDATE guard.audit SET record = '{}', hash = sha256('zava/audit/1'::bytea || int8send(audit_id)
                || int8send((extract(epoch FROM recorded_at) * 1000000)::bigint) || previous_hash || '{}'::bytea) WHERE audit_id = 2",
            None,
            "record 3 has been changed".to_owned(),
        ),
        (
            "UPDATE guard.audit SET recorded_at = 'infinity' WHERE audit_id = 2",
            None,
            "record 2 has been changed".to_owned(),
        ),
        (
            "UPDATE guard.audit SET record = '{\"kind\": \"act\"}' WHERE audit_id = 2",
            None,
            "record 2 has been changed".to_owned(),
        ),
        (
            "UPDATE guard.audit SET recorded_at = recorded_at + interval '1 microsecond' WHERE audit_id = 2",
            None,
            "record 2 has been changed".to_owned(),
        ),
        (
            "DELETE FROM guard.audit WHERE audit_id = 2",
            None,
            "record 2 is missing".to_owned(),
        ),
        (
            "DELETE FROM guard.audit WHERE audit_id = (SELECT max(audit_id) FROM guard.audit)",
            Some(&head),
            format!("record {last} is missing"),
        ),
        (
            "INSERT INTO guard.audit SELECT audit_id + 1, recorded_at, record, hash, hash FROM guard.audit ORDER BY audit_id DESC LIMIT 1",
            None,
            format!("record {} has been changed, or inserted", last + 1),
        ),
        (
            "DELETE FROM guard.audit",
            Some(&head),
            format!("record {last} is missing"),
        ),
        (recomputed, Some(&head), format!("record {last} has an unexpected hash")),
    ];
    sqlx::raw_sql("CREATE TABLE public.before AS SELECT * FROM guard.audit; ALTER TABLE guard.audit DISABLE TRIGGER append_only")
        .execute(&mut superuser)
        .await
        .expect("a copy");
    for (change, expect, finding) in table {
        // The text comes from this test alone.
        sqlx::raw_sql(AssertSqlSafe(change.to_owned()))
            .execute(&mut superuser)
            .await
            .expect(change);
        let (code, said) = verify(expect).await;
        assert_eq!(code, Some(1), "{change}: {said}");
        assert!(said.contains(&finding), "{change}: {said}");
        sqlx::raw_sql(
            "DELETE FROM guard.audit; INSERT INTO guard.audit SELECT * FROM public.before",
        )
        .execute(&mut superuser)
        .await
        .expect("restored");
    }
    assert_eq!(verify(Some(&head)).await, (Some(0), said));
}
