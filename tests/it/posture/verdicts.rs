//! A starting server accepts a stored verdict only with its own MAC, for the current state of the
//! catalog, and not older than a day.

use std::time::Duration;

use sqlx::Row as _;
use zava_mcp_server::query::scope::Scope;
use zava_mcp_server::settings::ServeSettings;

use super::PostureTest;
use crate::support::{
    HEAD_OFFICE, Proxy, SEATTLE, TestDatabase, TestServer, caller, eventually, number,
    run_unguarded, scope, settings,
};

/// ServerStarts servers and counts the round trips of each until its first statement is answered.
struct ServerStarts {
    proxy: Proxy,
    settings: ServeSettings,
    /// Kept open, because closing a connection costs another message.
    scopes: Vec<Scope>,
}

impl ServerStarts {
    async fn new(settings: &ServeSettings) -> Self {
        let proxy = Proxy::start(settings.database.port).await;
        let mut settings = settings.clone();
        settings.database.port = proxy.port;
        Self {
            proxy,
            settings,
            scopes: Vec::new(),
        }
    }

    /// The minimum of three starts: other tests change cluster-wide state, and then a server checks
    /// once more.
    async fn round_trips(&mut self) -> usize {
        let mut min = usize::MAX;
        for _ in 0..3 {
            min = min.min(self.round_trips_of_one().await);
        }
        min
    }

    async fn round_trips_of_one(&mut self) -> usize {
        self.proxy.take_round_trips();
        let scope = scope(&self.settings);
        let ran = run_unguarded(&scope, &caller(HEAD_OFFICE).await, "SELECT 1").await;
        self.scopes.push(scope);
        ran.expect("the database is fit to serve from");
        self.proxy.take_round_trips()
    }
}

/// Signs the stored verdict as it is now, with the server's key.
const SIGN: &str = "UPDATE guard.posture_verdict SET mac = \
     guard.mac(key_id, convert_to('zava/verdict/1', 'UTF8') || subject || fingerprint || int8send(examined_at))";

#[tokio::test]
async fn forged_copied_or_expired_verdicts_are_rejected() {
    let mut test = PostureTest::new().await;
    let mut starts = ServerStarts::new(&test.settings).await;
    let checked = starts.round_trips().await;
    test.store_verdict().await;
    let accepted = starts.round_trips().await;
    assert_eq!(accepted + 1, checked, "an examination is one trip more");

    let examined_at = |ago: &str| {
        format!(
            "UPDATE guard.posture_verdict \
             SET examined_at = (extract(epoch FROM now() - interval '{ago}') * 1000000)::bigint; {SIGN}"
        )
    };
    let mut wrong = Vec::new();
    for (what, change, is_accepted) in [
        ("as it was stored", String::new(), true),
        ("signed anew", SIGN.to_owned(), true),
        ("23 hours old", examined_at("23 hours"), true),
        ("25 hours old", examined_at("25 hours"), false),
        ("an hour ahead of the clock", examined_at("-1 hour"), false),
        (
            "older than it says",
            "UPDATE guard.posture_verdict SET examined_at = examined_at + 1".to_owned(),
            false,
        ),
        (
            "signed for another subject",
            SIGN.replace("|| subject", "|| sha256('another')"),
            false,
        ),
        (
            "signed for another purpose",
            SIGN.replace("zava/verdict/1", "zava/record/1"),
            false,
        ),
        (
            "signed with another key",
            format!(
                "INSERT INTO guard.signing_key (key_id, ipad, opad) \
                 SELECT 2, opad, ipad FROM guard.signing_key WHERE key_id = 1; {}",
                SIGN.replace("key_id,", "2,")
            ),
            false,
        ),
        (
            "not signed",
            "UPDATE guard.posture_verdict SET mac = decode(repeat('00', 32), 'hex')".to_owned(),
            false,
        ),
        (
            "about another catalogue",
            format!("UPDATE guard.posture_verdict SET fingerprint = sha256('another'); {SIGN}"),
            false,
        ),
        (
            "about the catalogue before it was changed",
            "CREATE SCHEMA later".to_owned(),
            false,
        ),
    ] {
        test.run("DELETE FROM guard.posture_verdict").await;
        test.store_verdict().await;
        test.run(&change).await;
        let expected = if is_accepted { accepted } else { checked };
        let round_trips = starts.round_trips().await;
        if round_trips != expected {
            wrong.push(format!(
                "{what}: {round_trips} round trips instead of {expected}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    test.drop_roles().await;
}

/// A MAC for one state of the catalog is not valid for another.
#[tokio::test]
async fn verdict_mac_is_bound_to_the_catalog_state() {
    let mut test = PostureTest::new().await;
    let mut starts = ServerStarts::new(&test.settings).await;
    test.store_verdict().await;
    let accepted = starts.round_trips().await;
    let before = sqlx::query("SELECT mac, examined_at FROM guard.posture_verdict")
        .fetch_one(&mut test.db)
        .await
        .expect("a verdict");
    test.run("CREATE SCHEMA later").await;
    test.store_verdict().await;
    assert_eq!(starts.round_trips().await, accepted);
    sqlx::query("UPDATE guard.posture_verdict SET mac = $1, examined_at = $2")
        .bind(before.get::<Vec<u8>, _>("mac"))
        .bind(before.get::<i64, _>("examined_at"))
        .execute(&mut test.db)
        .await
        .expect("forged");
    assert_eq!(starts.round_trips().await, accepted + 1);
    test.drop_roles().await;
}

#[tokio::test]
async fn recurring_violation_is_found_again() {
    const VIOLATION: &str = "GRANT INSERT ON retail.orders TO zava_reader";
    const FIX: &str = "REVOKE INSERT ON retail.orders FROM zava_reader";
    let mut test = PostureTest::new().await;
    test.store_verdict().await;
    for _ in 0..2 {
        test.run(VIOLATION).await;
        let found = test.findings_at_start().await;
        assert_eq!(found.len(), 1, "{found:?}");
        // No verdict is stored while there are findings.
        test.store_verdict().await;
        assert_eq!(test.findings_at_start().await, found);
        test.run(FIX).await;
        assert_eq!(test.findings_at_start().await, []);
        test.store_verdict().await;
    }
    test.drop_roles().await;
}

/// One row per subject (kind of server); rows of subjects that have not started for a day are
/// removed.
#[tokio::test]
async fn verdicts_are_stored_per_subject_for_one_day() {
    const COUNT: &str = "SELECT count(*) FROM guard.posture_verdict";
    let mut test = PostureTest::new().await;
    for _ in 0..2 {
        test.store_verdict().await;
    }
    assert_eq!(number(&mut test.db, COUNT).await, 1);
    scope(&settings(&test.settings.database.database))
        .renew_verdict()
        .await
        .expect("an examination for another login");
    assert_eq!(number(&mut test.db, COUNT).await, 2);
    test.run("UPDATE guard.posture_verdict SET stored_at = now() - interval '25 hours'")
        .await;
    test.store_verdict().await;
    assert_eq!(number(&mut test.db, COUNT).await, 1);
    test.drop_roles().await;
}

/// For example on a read replica, or when the privilege was revoked.
#[tokio::test]
async fn server_runs_when_no_verdict_can_be_stored() {
    let mut test = PostureTest::new().await;
    test
        .run("REVOKE EXECUTE ON FUNCTION guard.record_verdict(integer, text, bigint, bytea) FROM zava_reader")
        .await;
    test.store_verdict().await;
    let stored = number(&mut test.db, "SELECT count(*) FROM guard.posture_verdict").await;
    assert_eq!(stored, 0);
    assert_eq!(test.findings_at_start().await, []);
    test.drop_roles().await;
}

#[tokio::test]
async fn running_server_stores_its_verdict_within_a_minute() {
    let database = TestDatabase::new().await;
    let server = TestServer::with_settings(&settings(&database.name)).await;
    assert_eq!(server.number(SEATTLE, "SELECT 1").await, 1);
    let mut db = database.superuser().await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(59)).await;
    tokio::time::resume();
    eventually("the verdict is stored", async || {
        number(&mut db, "SELECT count(*) FROM guard.posture_verdict").await == 1
    })
    .await;
}
