use std::num::NonZeroU32;

use reqwest::StatusCode;
use serde_json::json;
use sqlx::Connection as _;
use zava_mcp_server::identity::Role;
use zava_mcp_server::settings::ServeSettings;

use super::issuer::{DIRECTORY, Issuer};
use super::{ask, auth, keys_only};
use crate::support::{ActivityMonitor, REDMOND, SEATTLE, TestServer, eventually, number};

fn keys_behind_a_proxy(settings: &mut ServeSettings) {
    keys_only(settings);
    settings.network.trusted_proxies = vec!["127.0.0.0/8".parse().expect("a network")];
}

fn rate(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).expect("not zero")
}

async fn ping(request: reqwest::RequestBuilder) -> reqwest::Response {
    let ping = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
    request.json(&ping).send().await.expect("an answer")
}

fn header<'a>(response: &'a reqwest::Response, name: &str) -> Option<&'a str> {
    let value = response.headers().get(name)?;
    Some(value.to_str().expect("text"))
}

#[tokio::test]
async fn principal_limit_reports_remaining_quota_then_429() {
    let server =
        TestServer::over_shared_database(|settings| settings.rates.principal = rate(3)).await;
    let request_as = |tenant: &str| server.post().header("x-rls-user-id", tenant);
    for left in [2, 1, 0] {
        let response = ping(request_as(SEATTLE)).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(
            header(&response, "ratelimit-policy"),
            Some("\"principal\";q=3;w=60")
        );
        let expected = format!("\"principal\";r={left}");
        assert_eq!(header(&response, "ratelimit"), Some(expected.as_str()));
        assert_eq!(header(&response, "retry-after"), None);
    }
    let response = ping(request_as(SEATTLE)).await;
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    let wait = header(&response, "retry-after").expect("when to come back");
    assert!(
        (1..=20).contains(&wait.parse::<u32>().expect("seconds")),
        "{wait}"
    );
    let expected = format!("\"principal\";r=0;t={wait}");
    assert_eq!(header(&response, "ratelimit"), Some(expected.as_str()));
    let body: serde_json::Value = response.json().await.expect("JSON");
    assert!(
        body["error"]["message"]
            .as_str()
            .expect("a message")
            .contains("try again in"),
        "{body}"
    );
    // Other tenants are not affected.
    assert_eq!(ping(request_as(REDMOND)).await.status(), StatusCode::OK);
}

/// `X-Forwarded-For` counts only if a trusted proxy sent it.
#[tokio::test]
async fn address_limit_ignores_untrusted_forwarded_addresses() {
    let behind_a_proxy = TestServer::over_shared_database(|settings| {
        keys_behind_a_proxy(settings);
        settings.rates.address = rate(2);
    })
    .await;
    let direct =
        TestServer::over_shared_database(|settings| settings.rates.address = rate(2)).await;
    let table = [
        (&behind_a_proxy, "192.0.2.1", 401),
        (&behind_a_proxy, "203.0.113.5, 192.0.2.1", 401),
        (&behind_a_proxy, "203.0.113.6, 192.0.2.1", 429),
        (&behind_a_proxy, "192.0.2.2", 401),
        (&behind_a_proxy, "2001:db8::1", 401),
        (&behind_a_proxy, "2001:db8::2", 401),
        (&behind_a_proxy, "2001:db8::ffff:1", 429),
        (&behind_a_proxy, "2001:db8:0:1::1", 401),
        (&direct, "192.0.2.1", 400),
        (&direct, "192.0.2.2", 400),
        (&direct, "192.0.2.3", 429),
    ];
    for (server, forwarded, status) in table {
        let response = ping(server.post().header("x-forwarded-for", forwarded)).await;
        assert_eq!(response.status(), status, "{forwarded}");
    }
}

/// Guessing keys is throttled first and costs the database little; known keys keep working.
#[tokio::test]
async fn key_guessing_is_throttled_without_affecting_known_keys() {
    let server = TestServer::start_with(|settings| {
        keys_behind_a_proxy(settings);
        settings.rates.failures = rate(3);
    })
    .await;
    let mut keys = Vec::new();
    for name in ["known", "new"] {
        let key = server
            .database()
            .key(name, "Zava Retail Seattle", Role::Reader);
        keys.push(key.await);
    }
    let ping_with_key = async |key: &str, from: &str| {
        let request = server.post().header("x-forwarded-for", from);
        ping(request.bearer_auth(key)).await
    };
    let (attacker, other) = ("192.0.2.1", "192.0.2.2");
    assert_eq!(
        ping_with_key(&keys[0], attacker).await.status(),
        StatusCode::OK
    );
    // All at once, each with another key.
    let forged: Vec<String> = (0..60)
        .map(|at| format!("zava_abcdefghijk{}_{at:042}A", at % 10))
        .collect();
    let flood =
        futures_util::future::join_all(forged.iter().map(|key| ping_with_key(key, attacker))).await;
    let refused = flood
        .iter()
        .filter(|response| response.status() == StatusCode::UNAUTHORIZED)
        .count();
    let throttled: Vec<_> = flood
        .iter()
        .filter(|response| response.status() == StatusCode::TOO_MANY_REQUESTS)
        .collect();
    assert_eq!(refused + throttled.len(), forged.len());
    // Three may fail, plus those in lookup when the third failed.
    assert!((3..=6).contains(&refused), "{refused}");
    let policy = header(throttled[0], "ratelimit-policy");
    assert_eq!(policy, Some("\"failures\";q=3;w=60"));
    assert!(header(throttled[0], "retry-after").is_some());
    // A key that is not cached yet is throttled, from that address only.
    assert_eq!(
        ping_with_key(&keys[1], attacker).await.status(),
        StatusCode::TOO_MANY_REQUESTS
    );
    assert_eq!(
        ping_with_key(&keys[0], attacker).await.status(),
        StatusCode::OK
    );
    assert_eq!(
        ping_with_key(&keys[1], other).await.status(),
        StatusCode::OK
    );
}

/// Disconnecting before the response counts as a failed authentication.
#[tokio::test]
async fn disconnecting_during_authentication_counts_as_a_failure() {
    let server = TestServer::start_with(|settings| {
        keys_only(settings);
        settings.rates.failures = rate(2);
    })
    .await;
    let mut monitor = ActivityMonitor::new(server.database()).await;
    let mut superuser = server.database().superuser().await;
    let mut held = superuser.begin().await.expect("a transaction");
    sqlx::query("LOCK TABLE guard.api_key")
        .execute(&mut *held)
        .await
        .expect("the lock");
    let forged = |at: usize| format!("zava_abcdefghijkl_{at:042}A");
    for at in 0..3 {
        let request = ping(server.post().bearer_auth(forged(at)));
        tokio::select! {
            response = request => panic!("an answer: {}", response.status()),
            () = monitor.wait_until_blocked(1) => {}
        }
        monitor.wait_until_blocked(0).await;
    }
    held.rollback().await.expect("the lock is released");
    let response = ping(server.post().bearer_auth(forged(3))).await;
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    let mut owner = server.database().owner().await;
    let recorded = "SELECT coalesce(sum(times), 0)::bigint FROM guard.failed_authentications WHERE reason = 'client disconnected'";
    eventually("all failures are recorded", async || {
        number(&mut owner, recorded).await == 3
    })
    .await;
}

#[tokio::test]
async fn invalid_tokens_are_throttled_and_valid_ones_are_not() {
    let issuer = Issuer::start().await;
    let server = TestServer::over_shared_database(|settings| {
        settings.auth = auth(&issuer, &[DIRECTORY]);
        settings.rates.failures = rate(2);
    })
    .await;
    let late = issuer.token(json!({"exp": 1_000_000_000}));
    let good = issuer.token(json!({"roles": ["store.zava-retail-seattle"]}));
    let mut statuses = Vec::new();
    for _ in 0..5 {
        let (status, ..) = ask(server.post().bearer_auth(&late), "get_current_utc_date").await;
        statuses.push(status.as_u16());
    }
    assert_eq!(statuses, [401, 401, 401, 429, 429]);
    let (status, text, _) = ask(server.post().bearer_auth(&good), "get_current_utc_date").await;
    assert_eq!(status, StatusCode::OK, "{text}");
}

/// Authenticated requests are charged to their principal, not to an address that others share.
#[tokio::test]
async fn known_principals_are_not_charged_to_a_shared_address() {
    let issuer = Issuer::start().await;
    let server = TestServer::start_with(|settings| {
        settings.auth = auth(&issuer, &[DIRECTORY]);
        settings.rates.address = rate(3);
        settings.rates.principal = rate(4);
    })
    .await;
    let key = server
        .database()
        .key("known", "Zava Retail Seattle", Role::Reader)
        .await;
    let token = issuer.token(json!({"roles": ["store.zava-retail-seattle"]}));
    for credential in [&key, &token] {
        let response = ping(server.post().bearer_auth(credential)).await;
        assert_eq!(response.status(), StatusCode::OK);
    }
    assert_eq!(ping(server.post()).await.status(), StatusCode::UNAUTHORIZED);
    let anonymous = ping(server.post()).await;
    assert_eq!(anonymous.status(), StatusCode::TOO_MANY_REQUESTS);
    let policy = header(&anonymous, "ratelimit-policy");
    assert_eq!(policy, Some("\"address\";q=3;w=60"));
    for credential in [&key, &token] {
        // Every request is charged to the principal, whatever its status: three are left.
        let request_as = |tenant| {
            server
                .post()
                .bearer_auth(credential)
                .header("x-rls-user-id", tenant)
        };
        assert_eq!(ping(request_as(SEATTLE)).await.status(), StatusCode::OK);
        assert_eq!(
            ping(request_as(REDMOND)).await.status(),
            StatusCode::FORBIDDEN
        );
        assert_eq!(
            ping(request_as(REDMOND)).await.status(),
            StatusCode::FORBIDDEN
        );
        let refused = ping(request_as(REDMOND)).await;
        assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
        let policy = header(&refused, "ratelimit-policy");
        assert_eq!(policy, Some("\"principal\";q=4;w=60"));
    }
    // A token that is no longer valid is charged to the address again.
    let forged = format!("{token}x");
    let refused = ping(server.post().bearer_auth(&forged)).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
}

/// Behind a platform front end that does not identify clients, a client can only throttle itself.
#[tokio::test]
async fn flood_without_client_addresses_does_not_block_valid_keys() {
    let server = TestServer::start_with(|settings| {
        keys_only(settings);
        settings.network.is_behind_platform = true;
        settings.rates.address = rate(3);
        settings.rates.failures = rate(2);
    })
    .await;
    let wrong = format!("zava_abcdefghijkl_{}A", "0".repeat(42));
    // Front ends send an address of the platform, or none.
    for forwarded in [
        None,
        Some("10.0.0.4"),
        Some("203.0.113.7, 169.254.130.1:4711"),
    ] {
        let from = || match forwarded {
            None => server.post(),
            Some(forwarded) => server.post().header("x-forwarded-for", forwarded),
        };
        let mut statuses = Vec::new();
        for _ in 0..20 {
            statuses.push(ping(from()).await.status());
            statuses.push(ping(from().bearer_auth(&wrong)).await.status());
        }
        let last = &statuses[statuses.len() - 2..];
        assert_eq!(last, [StatusCode::TOO_MANY_REQUESTS; 2], "{statuses:?}");
        let name = format!("till {}", forwarded.unwrap_or_default());
        let key = server
            .database()
            .key(&name, "Zava Retail Seattle", Role::Reader)
            .await;
        // The key is not in the cache.
        let response = ping(from().bearer_auth(&key)).await;
        assert_eq!(response.status(), StatusCode::OK, "{forwarded:?}");
    }
    // If the front end identifies clients, each address has its own limit.
    for (forwarded, status) in [
        ("198.51.100.1", 401),
        ("203.0.113.9, 198.51.100.1:4711", 401),
        ("198.51.100.1", 401),
        ("198.51.100.1", 429),
        ("198.51.100.2", 401),
    ] {
        let response = ping(server.post().header("x-forwarded-for", forwarded)).await;
        assert_eq!(response.status(), status, "{forwarded}");
    }
}

/// Non-UTF-8 bytes from the client in `X-Forwarded-For` do not hide the address that the proxy
/// appended.
#[tokio::test]
async fn non_utf8_forwarded_header_does_not_hide_the_address() {
    let server = TestServer::over_shared_database(|settings| {
        keys_behind_a_proxy(settings);
        settings.rates.address = rate(2);
    })
    .await;
    let mut statuses = Vec::new();
    for at in 0..4_u8 {
        let forwarded = [b"\xff", &[b'0' + at][..], b", 192.0.2.1"].concat();
        let forwarded = reqwest::header::HeaderValue::from_bytes(&forwarded).expect("a value");
        let response = ping(server.post().header("x-forwarded-for", forwarded)).await;
        statuses.push(response.status().as_u16());
    }
    assert_eq!(statuses, [401, 401, 429, 429]);
    let other = ping(server.post().header("x-forwarded-for", "192.0.2.2")).await;
    assert_eq!(other.status(), StatusCode::UNAUTHORIZED);
}
