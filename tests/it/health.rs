//! Health endpoints, which need no authentication.

use futures_util::future::join_all;

use crate::support::{Proxy, TestDatabase, TestServer, settings};

/// Unauthenticated clients cannot load the database.
#[tokio::test]
async fn concurrent_readiness_checks_share_one_database_probe() {
    let database = TestDatabase::shared();
    let mut settings = settings(&database.name);
    let proxy = Proxy::start(settings.database.port).await;
    (settings.database.host, settings.database.port) = ("127.0.0.1".to_owned(), proxy.port);
    let server = TestServer::with_settings(&settings).await;
    let ready = async || {
        let answer = server.client.get(server.url("/health/ready")).send().await;
        answer.expect("an answer").status().as_u16()
    };
    assert_eq!(ready().await, 200);
    tokio::time::pause();
    tokio::time::advance(std::time::Duration::from_secs(2)).await;
    tokio::time::resume();
    proxy.take_round_trips();
    let statuses = join_all((0..100).map(|_| ready())).await;
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    // The cached result may expire once while the requests arrive.
    let round_trips = proxy.take_round_trips();
    assert!((1..=5).contains(&round_trips), "{round_trips}");
}
