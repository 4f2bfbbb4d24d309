//! A server that starts believes a verdict that it could have signed itself, about this catalogue,
//! on this day, and no other.

use std::time::Duration;

use sqlx::Row as _;
use zava_mcp_server::query::scope::Scope;
use zava_mcp_server::settings::ServeSettings;

use super::Damaged;
use crate::support::{
    HEAD_OFFICE, Proxy, SEATTLE, TestDatabase, TestServer, caller, eventually, number, scope,
    settings, unguarded,
};

/// Starts of a server, and how often each of them speaks with the database until its first
/// statement has been answered.
struct Starts {
    proxy: Proxy,
    settings: ServeSettings,
    /// Kept, for a connection that is closed speaks once more.
    scopes: Vec<Scope>,
}

impl Starts {
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

    /// The least of three starts: other tests change what belongs to the whole cluster, and then a
    /// server examines it once more.
    async fn trips(&mut self) -> usize {
        let mut least = usize::MAX;
        for _ in 0..3 {
            least = least.min(self.trips_of_one().await);
        }
        least
    }

    async fn trips_of_one(&mut self) -> usize {
        self.proxy.trips();
        let scope = scope(&self.settings);
        let ran = unguarded(&scope, &caller(HEAD_OFFICE).await, "SELECT 1").await;
        self.scopes.push(scope);
        ran.expect("the database is fit to serve from");
        self.proxy.trips()
    }
}

/// Signs the stored verdict as it stands now, with the server's key.
const SIGN: &str = "UPDATE guard.posture_verdict SET mac = \
     guard.mac(key_id, convert_to('zava/verdict/1', 'UTF8') || subject || fingerprint || int8send(examined_at))";

#[tokio::test]
async fn forged_copied_or_expired_verdicts_are_rejected() {
    let mut damaged = Damaged::new().await;
    let mut starts = Starts::new(&damaged.settings).await;
    let examined = starts.trips().await;
    damaged.store_verdict().await;
    let believed = starts.trips().await;
    assert_eq!(believed + 1, examined, "an examination is one trip more");

    let examined_at = |ago: &str| {
        format!(
            "UPDATE guard.posture_verdict \
             SET examined_at = (extract(epoch FROM now() - interval '{ago}') * 1000000)::bigint; {SIGN}"
        )
    };
    let mut wrong = Vec::new();
    for (what, change, is_believed) in [
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
        damaged.run("DELETE FROM guard.posture_verdict").await;
        damaged.store_verdict().await;
        damaged.run(&change).await;
        let expected = if is_believed { believed } else { examined };
        let trips = starts.trips().await;
        if trips != expected {
            wrong.push(format!("{what}: {trips} trips instead of {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    damaged.drop_roles().await;
}

/// What was signed of one state of the catalogue is worth nothing for another.
#[tokio::test]
async fn verdict_mac_is_bound_to_the_catalog_state() {
    let mut damaged = Damaged::new().await;
    let mut starts = Starts::new(&damaged.settings).await;
    damaged.store_verdict().await;
    let believed = starts.trips().await;
    let before = sqlx::query("SELECT mac, examined_at FROM guard.posture_verdict")
        .fetch_one(&mut damaged.db)
        .await
        .expect("a verdict");
    damaged.run("CREATE SCHEMA later").await;
    damaged.store_verdict().await;
    assert_eq!(starts.trips().await, believed);
    sqlx::query("UPDATE guard.posture_verdict SET mac = $1, examined_at = $2")
        .bind(before.get::<Vec<u8>, _>("mac"))
        .bind(before.get::<i64, _>("examined_at"))
        .execute(&mut damaged.db)
        .await
        .expect("forged");
    assert_eq!(starts.trips().await, believed + 1);
    damaged.drop_roles().await;
}

#[tokio::test]
async fn recurring_violation_is_found_again() {
    const DAMAGE: &str = "GRANT INSERT ON retail.orders TO zava_reader";
    const MEND: &str = "REVOKE INSERT ON retail.orders FROM zava_reader";
    let mut damaged = Damaged::new().await;
    damaged.store_verdict().await;
    for _ in 0..2 {
        damaged.run(DAMAGE).await;
        let found = damaged.at_start().await;
        assert_eq!(found.len(), 1, "{found:?}");
        // Stores nothing while something is found.
        damaged.store_verdict().await;
        assert_eq!(damaged.at_start().await, found);
        damaged.run(MEND).await;
        assert_eq!(damaged.at_start().await, []);
        damaged.store_verdict().await;
    }
    damaged.drop_roles().await;
}

/// The table holds a row for each kind of server, and forgets those that did not start for a day.
#[tokio::test]
async fn verdicts_are_stored_per_subject_for_one_day() {
    const COUNT: &str = "SELECT count(*) FROM guard.posture_verdict";
    let mut damaged = Damaged::new().await;
    for _ in 0..2 {
        damaged.store_verdict().await;
    }
    assert_eq!(number(&mut damaged.db, COUNT).await, 1);
    scope(&settings(&damaged.settings.database.database))
        .examine_anew()
        .await
        .expect("an examination for another login");
    assert_eq!(number(&mut damaged.db, COUNT).await, 2);
    damaged
        .run("UPDATE guard.posture_verdict SET stored_at = now() - interval '25 hours'")
        .await;
    damaged.store_verdict().await;
    assert_eq!(number(&mut damaged.db, COUNT).await, 1);
    damaged.drop_roles().await;
}

/// As on a read replica, or where the right was taken away.
#[tokio::test]
async fn server_runs_when_no_verdict_can_be_stored() {
    let mut damaged = Damaged::new().await;
    damaged
        .run("REVOKE EXECUTE ON FUNCTION guard.record_verdict(integer, text, bigint, bytea) FROM zava_reader")
        .await;
    damaged.store_verdict().await;
    let stored = number(
        &mut damaged.db,
        "SELECT count(*) FROM guard.posture_verdict",
    )
    .await;
    assert_eq!(stored, 0);
    assert_eq!(damaged.at_start().await, []);
    damaged.drop_roles().await;
}

#[tokio::test]
async fn running_server_stores_its_verdict_within_a_minute() {
    let database = TestDatabase::new().await;
    let server = TestServer::over(&settings(&database.name)).await;
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
