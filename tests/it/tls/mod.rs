//! TLS to the database through a TLS-terminating gateway, because the tests' PostgreSQL is built
//! without TLS.
mod certificates; // rejected certificates and the reasons reported

use std::path::Path;
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use zava_mcp_server::database;
use zava_mcp_server::settings::{DatabaseAddress, Tls};

use crate::support::{
    ActivityMonitor, SEATTLE, TestDatabase, TestServer, assert_cancelled_promptly, caller,
    certificate, run_unguarded, scope, settings,
};

/// The gateway's response to an SSLRequest.
enum SslResponse {
    Accept(TlsAcceptor),
    Refuse,
    /// Accepts, followed by an unencrypted byte that an attacker in the middle could inject.
    Inject(TlsAcceptor),
}

/// Starts a gateway to the tests' database; returns its port.
#[expect(
    clippy::disallowed_methods,
    reason = "the gateway's tasks end with the test's runtime"
)]
async fn gateway(target: &DatabaseAddress, answer: SslResponse) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("its address").port();
    let (target, answer) = ((target.host.clone(), target.port), Arc::new(answer));
    tokio::spawn(async move {
        loop {
            let (client, _) = listener.accept().await.expect("a connection");
            tokio::spawn(serve(client, target.clone(), Arc::clone(&answer)));
        }
    });
    port
}

async fn serve(mut client: TcpStream, target: (String, u16), answer: Arc<SslResponse>) {
    let mut request = [0; 8];
    client.read_exact(&mut request).await.expect("a request");
    // https://www.postgresql.org/docs/18/protocol-message-formats.html, SSLRequest
    assert_eq!(
        request,
        [0, 0, 0, 8, 4, 210, 22, 47],
        "the first message is an SSLRequest"
    );
    let acceptor = match &*answer {
        SslResponse::Refuse => {
            client.write_all(b"N").await.expect("written");
            let mut received = Vec::new();
            client.read_to_end(&mut received).await.expect("the end");
            assert_eq!(received, b"", "nothing is sent without TLS");
            return;
        }
        SslResponse::Accept(acceptor) => {
            client.write_all(b"S").await.expect("written");
            acceptor
        }
        SslResponse::Inject(acceptor) => {
            client.write_all(b"SE").await.expect("written");
            acceptor
        }
    };
    // A client that rejects the certificate ends the handshake.
    if let Ok(mut encrypted) = acceptor.accept(client).await {
        let mut server = TcpStream::connect((target.0.as_str(), target.1))
            .await
            .expect("the database");
        let _ = copy_bidirectional(&mut encrypted, &mut server).await;
    }
}

fn encrypted(address: &DatabaseAddress, port: u16, folder: &Path) -> DatabaseAddress {
    let tls = Tls::VerifyFull {
        root_cert: Some(folder.join("root.pem")),
    };
    DatabaseAddress {
        host: "localhost".to_owned(),
        port,
        tls,
        ..address.clone()
    }
}

#[tokio::test]
async fn connects_over_tls_when_the_certificate_is_valid() {
    let (database, folder) = (
        TestDatabase::new().await,
        tempfile::tempdir().expect("a folder"),
    );
    let mut settings = settings(&database.name);
    let port = gateway(
        &settings.database,
        SslResponse::Accept(certificate("localhost", folder.path())),
    )
    .await;
    settings.database = encrypted(&settings.database, port, folder.path());
    let server = TestServer::with_settings(&settings).await;
    assert!(
        server
            .number(SEATTLE, "SELECT count(*) FROM retail.orders")
            .await
            > 0
    );

    let mut admin = database.admin_settings();
    admin.database = settings.database.clone();
    database::migrate(&admin)
        .await
        .expect("the administrator too");
}

/// The cancel request is encrypted as well: the gateway accepts nothing in clear text.
#[tokio::test]
async fn cancel_requests_use_tls() {
    let (database, folder) = (
        TestDatabase::new().await,
        tempfile::tempdir().expect("a folder"),
    );
    let mut settings = settings(&database.name);
    let answer = SslResponse::Accept(certificate("localhost", folder.path()));
    let port = gateway(&settings.database, answer).await;
    settings.database = encrypted(&settings.database, port, folder.path());
    let (scope, caller) = (scope(&settings), caller(SEATTLE).await);
    // The posture check runs first, and over TLS takes long enough to be mistaken for the
    // statement.
    let warm = run_unguarded(&scope, &caller, "SELECT 1").await;
    assert_eq!(warm.expect("a row"), "[[1]]");
    let mut monitor = ActivityMonitor::new(&database).await;
    let mut took = Vec::new();
    for _ in 0..5 {
        tokio::select! {
            done = run_unguarded(&scope, &caller, "SELECT pg_sleep(15)") => panic!("{done:?}"),
            () = monitor.wait_until_running(1) => {}
        }
        took.push(monitor.wait_until_idle().await);
    }
    assert_cancelled_promptly(&took);
}

#[tokio::test]
async fn nothing_is_sent_to_an_unverified_server() {
    let (database, folder) = (
        TestDatabase::shared(),
        tempfile::tempdir().expect("a folder"),
    );
    let other = tempfile::tempdir().expect("a folder");
    let good = certificate("localhost", folder.path());
    let wrong_name = certificate("db.example.com", other.path());
    let cases = [
        ("a server without TLS", SslResponse::Refuse, folder.path()),
        (
            "another host's certificate",
            SslResponse::Accept(wrong_name.clone()),
            other.path(),
        ),
        (
            "an unknown authority",
            SslResponse::Accept(wrong_name),
            folder.path(),
        ),
        (
            "a byte put in before the handshake",
            SslResponse::Inject(good),
            folder.path(),
        ),
    ];
    for (what, answer, roots) in cases {
        let mut settings = settings(&database.name);
        let port = gateway(&settings.database, answer).await;
        settings.database = encrypted(&settings.database, port, roots);
        let server = TestServer::with_settings(&settings).await;
        let response = server
            .request(SEATTLE, "tools/list", serde_json::json!({}))
            .await;
        assert_eq!(response.status(), 503, "{what}");
    }
}
