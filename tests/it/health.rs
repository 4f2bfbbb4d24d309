//! Health endpoints, which need no authentication.

use futures_util::future::join_all;

use crate::command_line::{binary, run};
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

/// A container's health check has no other program than the server's.
#[tokio::test]
async fn the_program_asks_the_server_on_its_machine_for_its_health() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = TestDatabase::shared();
    let ready = TestServer::with_settings(&settings(&database.name)).await;
    let mut unreachable = settings(&database.name);
    // A socket that does not listen keeps the port, so connections to it are refused.
    let bound = tokio::net::TcpSocket::new_v4().expect("a socket");
    bound.bind(([127, 0, 0, 1], 0).into()).expect("a free port");
    unreachable.database.port = bound.local_addr().expect("an address").port();
    let port = unreachable.database.port;
    let unready = TestServer::with_settings(&unreachable).await;
    let listen = |server: &TestServer| {
        let url = server.url("/").parse::<reqwest::Url>().expect("a URL");
        format!("0.0.0.0:{}", url.port().expect("a port"))
    };
    let nobody = format!("127.0.0.1:{port}");
    for (listen, arguments, code, expected) in [
        (listen(&ready), &["health"][..], 0, "ok"),
        (listen(&ready), &["health", "--live"], 0, "ok"),
        (listen(&unready), &["health"], 1, "status 503"),
        (listen(&unready), &["health", "--live"], 0, "ok"),
        (nobody.clone(), &["health"], 1, "does not answer"),
        ("here".to_owned(), &["health"], 64, "ZAVA_LISTEN"),
    ] {
        let mut command = binary(folder.path());
        command.args(arguments).env("ZAVA_LISTEN", &listen);
        let (actual, text) = run(command).await;
        assert_eq!(actual, Some(code), "{listen} {arguments:?}: {text}");
        assert!(text.contains(expected), "{listen} {arguments:?}: {text}");
    }
}
