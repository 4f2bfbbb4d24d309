//! The identity of the server on Azure: its access tokens as passwords of database logins, and its
//! secrets in Key Vault. Stand-ins for Entra ID, for the logins of Azure Database for PostgreSQL
//! and for Key Vault, on real sockets.
mod commands; // the commands, with a managed identity
mod embeddings; // tokens for an embedding service
mod entra; // the stand-in for Entra ID
mod gateway; // the stand-in for the database's logins
mod key_vault; // secrets and the signing key in a vault
mod migrate; // an Entra administrator migrates
mod production; // everything at once
mod proxy; // the stand-in for the network, where the hosts of Azure are
mod soak; // everything at once, while it fails at random
mod vault; // the stand-in for Key Vault

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use secrecy::SecretString;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use uuid::Uuid;
use zava_mcp_server::settings::{
    Application, AzureCredential, DatabaseAddress, Environment, HttpsSettings, LoginMethod,
    ReplicaSettings, ServeSettings, Tls,
};

use crate::support::{
    Pooler, REDMOND, SEATTLE, TestDatabase, TestServer, certificate_for, eventually, settings,
    signing_key_text,
};
use entra::{CLIENT, CLIENT_SECRET, DATABASE_SCOPE, DIRECTORY, Entra, Mode};
use gateway::{Demand, Gateway};
use production::{INGESTION_HOST, OPENAI_HOST};
use proxy::Proxy;
use vault::{VAULT_HOST, Vault, VaultMode};

const COUNT_ORDERS: &str = "SELECT count(*) FROM retail.orders";

/// The hosts that the stand-ins have certificates for.
const HOSTS: [&str; 4] = ["localhost", VAULT_HOST, OPENAI_HOST, INGESTION_HOST];

/// The stand-ins, with certificates by an authority of their own.
struct Azure {
    entra: Arc<Entra>,
    vault: Vault,
    proxy: Proxy,
    acceptor: TlsAcceptor,
    folder: TempDir,
}

impl Azure {
    async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let acceptor = certificate_for(&HOSTS, folder.path());
        let entra = Arc::new(Entra::start(acceptor.clone()).await);
        let vault = Vault::start(acceptor.clone(), &entra).await;
        Self {
            proxy: Proxy::start([(VAULT_HOST, vault.port)]).await,
            entra,
            vault,
            acceptor,
            folder,
        }
    }

    /// Tells whether a resource accepts a token now.
    fn accepts(&self, resource: &'static str) -> impl Fn(&str) -> bool + Send + Sync + 'static {
        let entra = Arc::clone(&self.entra);
        move |token| entra.accepts(token, resource)
    }

    fn root_cert(&self) -> PathBuf {
        self.folder.path().join("root.pem")
    }

    /// The gateway in front of a port of this machine.
    async fn gateway(&self, port: u16) -> Gateway {
        Gateway::start(port, self.acceptor.clone(), &self.entra).await
    }

    /// The stand-in's application, with its secret.
    fn credential(&self) -> AzureCredential {
        AzureCredential::ClientSecret {
            application: Application {
                directory: Uuid::try_parse(DIRECTORY).expect("an id"),
                client_id: Uuid::try_parse(CLIENT).expect("an id"),
                authority: self.entra.authority(),
            },
            secret: SecretString::from(CLIENT_SECRET),
        }
    }

    /// How requests reach the stand-ins: through the proxy, by the names of the real hosts.
    fn https(&self) -> HttpsSettings {
        let (proxy, root_cert) = (self.proxy.url(), self.root_cert());
        let environment = Environment::from([
            ("POSTGRES_PASSWORD", "x"),
            ("ZAVA_SIGNING_KEY", &signing_key_text()),
            ("ZAVA_HTTPS_PROXY", "environment"),
            ("HTTPS_PROXY", &proxy),
            ("ZAVA_HTTPS_ROOTCERT", root_cert.to_str().expect("UTF-8")),
        ]);
        let settings = ServeSettings::from_environment(&environment);
        settings.expect("the settings are good").https
    }

    /// How logins use tokens.
    fn login(&self) -> LoginMethod {
        LoginMethod::Entra {
            scope: DATABASE_SCOPE.to_owned(),
        }
    }

    /// A server over the shared database, and the gateway where it logs in. The gateway closes each
    /// connection after some transactions.
    async fn server(&self, demand: Demand, transactions: usize) -> (Gateway, TestServer) {
        let mut settings = settings(&TestDatabase::shared().name);
        let (target, acceptor) = (settings.database.port, self.acceptor.clone());
        let gateway =
            Gateway::start_with(target, acceptor, &self.entra, demand, transactions).await;
        self.connect(&mut settings, &gateway);
        let server = TestServer::with_settings(&settings).await;
        (gateway, server)
    }

    /// Changes settings so that a server logs in with tokens at a gateway.
    fn connect(&self, settings: &mut ServeSettings, gateway: &Gateway) {
        settings.database.host = "localhost".to_owned();
        settings.database.port = gateway.port;
        settings.database.tls = Tls::VerifyFull {
            root_cert: Some(self.root_cert()),
        };
        settings.login.method = self.login();
        self.identify(settings);
    }

    /// Gives a server its identity.
    fn identify(&self, settings: &mut ServeSettings) {
        settings.azure = Some(self.credential());
        settings.https = self.https();
    }
}

/// Asks for both stores' orders; each sees its own.
async fn assert_two_stores_answer(server: &TestServer) {
    let (seattle, redmond) = tokio::join!(
        server.number(SEATTLE, COUNT_ORDERS),
        server.number(REDMOND, COUNT_ORDERS),
    );
    assert!(seattle > redmond && redmond > 0, "{seattle} {redmond}");
}

/// Whether a query gets its rows. Otherwise the tenant cannot be verified, or the tool says that
/// the database is away.
async fn is_answered(server: &TestServer) -> bool {
    let arguments =
        json!({"name": "execute_sales_query", "arguments": {"postgresql_query": COUNT_ORDERS}});
    let response = server.request(SEATTLE, "tools/call", arguments).await;
    if response.status() == 503 {
        return false;
    }
    let body: Value = response.json().await.expect("a JSON body");
    let result = &body["result"];
    let is_unavailable = result["structuredContent"]["err"]
        .as_str()
        .is_some_and(|error| error.contains("temporarily unavailable"));
    assert!(is_unavailable || result["isError"] != true, "{body}");
    !is_unavailable
}

#[tokio::test]
async fn a_server_logs_in_with_tokens_and_fetches_one_for_a_burst() {
    let azure = Azure::start().await;
    let (gateway, server) = azure.server(Demand::Token, usize::MAX).await;
    tokio::join!(
        assert_two_stores_answer(&server),
        assert_two_stores_answer(&server),
        assert_two_stores_answer(&server),
    );
    assert!(gateway.logins() >= 2, "{}", gateway.logins());
    assert_eq!(azure.entra.request_count(), 1);
}

#[tokio::test]
async fn a_server_logs_in_with_tokens_through_a_pooler() {
    let azure = Azure::start().await;
    let database = TestDatabase::shared();
    let pooler = Pooler::start(&database).await;
    let mut settings = pooler.settings(&database);
    let gateway = azure.gateway(pooler.port).await;
    azure.connect(&mut settings, &gateway);
    let server = TestServer::with_settings(&settings).await;
    assert_two_stores_answer(&server).await;
}

/// Tokens live for two seconds, and connections for three transactions.
#[tokio::test]
async fn rotation_of_tokens_under_load_loses_no_request() {
    let azure = Azure::start().await;
    azure.entra.set_lifetime(Duration::from_secs(2));
    let (gateway, server) = azure.server(Demand::Token, 3).await;
    let expected = server.number(SEATTLE, COUNT_ORDERS).await;
    let is_done = AtomicBool::new(false);
    let asking = async {
        let mut answers = 0;
        while !is_done.load(Ordering::Relaxed) {
            assert_eq!(server.number(SEATTLE, COUNT_ORDERS).await, expected);
            answers += 1;
        }
        answers
    };
    let rotating = async {
        eventually("four tokens are fetched", async || {
            azure.entra.request_count() >= 4
        })
        .await;
        is_done.store(true, Ordering::Relaxed);
    };
    let (answers, ()) = tokio::join!(asking, rotating);
    assert!(answers > 10, "{answers}");
    assert!(gateway.logins() > 4, "{}", gateway.logins());
}

/// A token that is revoked before its end is replaced by the next connection, whose request does
/// not notice.
#[tokio::test]
async fn a_rejected_token_is_replaced() {
    let azure = Azure::start().await;
    let (_gateway, server) = azure.server(Demand::Token, 3).await;
    let expected = server.number(SEATTLE, COUNT_ORDERS).await;
    azure.entra.revoke_all();
    // Within a second of its fetch, the token is not replaced.
    eventually("the token is replaced", async || {
        is_answered(&server).await && azure.entra.request_count() == 2
    })
    .await;
    assert_eq!(server.number(SEATTLE, COUNT_ORDERS).await, expected);
}

#[tokio::test]
async fn an_outage_of_entra_does_not_end_the_use_of_a_valid_token() {
    let azure = Azure::start().await;
    let (gateway, server) = azure.server(Demand::Token, 3).await;
    server.number(SEATTLE, COUNT_ORDERS).await;
    azure.entra.set(Mode::Status(503));
    let before = gateway.logins();
    while gateway.logins() == before {
        server.number(SEATTLE, COUNT_ORDERS).await;
    }

    // Without a valid token, the failure ends with the outage.
    azure.entra.revoke_all();
    eventually("the server fails", async || !is_answered(&server).await).await;
    azure.entra.set(Mode::Healthy);
    eventually("the server recovers", async || is_answered(&server).await).await;
}

/// Azure's library panics on such an answer. The fetch ends nevertheless, and the next one
/// succeeds.
#[tokio::test]
async fn a_fetch_that_panics_ends_like_one_that_fails() {
    let azure = Azure::start().await;
    azure.entra.set(Mode::Endless);
    let (_gateway, server) = azure.server(Demand::Token, usize::MAX).await;
    let response = server.request(SEATTLE, "tools/list", json!({})).await;
    assert_eq!(response.status(), 503);
    azure.entra.set(Mode::Healthy);
    eventually("the server recovers", async || is_answered(&server).await).await;
}

/// Every service answers late: the server does too, and is right.
#[tokio::test]
async fn slow_services_make_a_slow_start_and_right_answers() {
    let azure = Azure::start().await;
    azure.vault.set("signing-key", &signing_key_text());
    azure.entra.set(Mode::Slow(300));
    azure.vault.set_mode(VaultMode::Slow(300));
    let mut settings = settings(&TestDatabase::shared().name);
    let gateway = azure.gateway(settings.database.port).await;
    gateway.set_delay(Duration::from_millis(100));
    azure.connect(&mut settings, &gateway);
    settings.signing_key = key_vault::signing_key();
    let server = TestServer::with_settings(&settings).await;
    assert_two_stores_answer(&server).await;
    assert_eq!(azure.vault.request_count(), 1);
}

/// A login that takes longer than the probe of a server that is in use delays the first request and
/// fails none, although the only replica is away.
#[tokio::test]
async fn a_slow_login_is_awaited_by_the_first_request_with_replicas() {
    let azure = Azure::start().await;
    let mut settings = settings(&TestDatabase::shared().name);
    let gateway = azure.gateway(settings.database.port).await;
    gateway.set_delay(Duration::from_millis(500));
    azure.connect(&mut settings, &gateway);
    // So many that a probe has a permit beside the requests.
    settings.limits.connections = 10.try_into().expect("not zero");
    let nobody = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    settings.replicas = ReplicaSettings {
        addresses: vec![DatabaseAddress {
            port: nobody.local_addr().expect("its address").port(),
            ..settings.database.clone()
        }],
        max_lag: Duration::from_secs(5),
    };
    drop(nobody);
    let server = TestServer::with_settings(&settings).await;
    assert_two_stores_answer(&server).await;
}

/// A request that gives up does not cancel the fetch that others wait for.
#[tokio::test]
async fn a_slow_fetch_survives_the_request_that_began_it() {
    let azure = Azure::start().await;
    azure.entra.set(Mode::Blocked);
    let (_gateway, server) = azure.server(Demand::Token, usize::MAX).await;
    let asking = async || {
        let asking = server.request(SEATTLE, "tools/list", json!({}));
        let begun = eventually("the fetch begins", async || {
            azure.entra.request_count() == 1
        });
        tokio::select! {
            response = asking => panic!("{response:?}"),
            () = begun => {}
        }
    };
    asking().await;
    asking().await;
    azure.entra.set(Mode::Healthy);
    assert_two_stores_answer(&server).await;
    assert_eq!(azure.entra.request_count(), 1);
}

/// Nothing but a request for the token itself is answered with it.
#[tokio::test]
async fn a_server_that_does_not_ask_for_the_token_does_not_get_it() {
    let azure = Azure::start().await;
    for demand in [Demand::Scram, Demand::Md5] {
        let (gateway, server) = azure.server(demand, usize::MAX).await;
        let response = server.request(SEATTLE, "tools/list", json!({})).await;
        assert_eq!(response.status(), 503, "{demand:?}");
        assert_eq!((gateway.logins(), gateway.answered()), (0, 0), "{demand:?}");
    }
}

/// Settings reject tokens without TLS; the connection does not rely on that.
#[tokio::test]
async fn the_token_is_not_sent_without_tls() {
    let azure = Azure::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let mut settings = settings(&TestDatabase::shared().name);
    settings.database.port = listener.local_addr().expect("its address").port();
    settings.login.method = azure.login();
    azure.identify(&mut settings);
    let server = TestServer::with_settings(&settings).await;
    let asking_for_the_token = async {
        let (mut client, _) = listener.accept().await.expect("a connection");
        let length = client.read_u32().await.expect("a startup message");
        let mut startup = vec![0; length as usize - 4];
        client.read_exact(&mut startup).await.expect("the rest");
        let written = client.write_all(b"R\0\0\0\x08\0\0\0\x03").await;
        written.expect("the request for a password");
        let mut received = Vec::new();
        client.read_to_end(&mut received).await.expect("the end");
        received
    };
    let (received, response) = tokio::join!(
        asking_for_the_token,
        server.request(SEATTLE, "tools/list", json!({})),
    );
    assert_eq!(received, b"", "nothing follows");
    assert_eq!(response.status(), 503);
    assert_eq!(azure.entra.request_count(), 1);
}

/// A password is never sent in clear text, not even inside TLS.
#[tokio::test]
async fn a_password_is_not_sent_to_a_server_that_asks_for_a_token() {
    let azure = Azure::start().await;
    let mut settings = settings(&TestDatabase::shared().name);
    let gateway = azure.gateway(settings.database.port).await;
    let password = settings.login.method.clone();
    azure.connect(&mut settings, &gateway);
    settings.login.method = password;
    let server = TestServer::with_settings(&settings).await;
    let response = server.request(SEATTLE, "tools/list", json!({})).await;
    assert_eq!(response.status(), 503);
    assert_eq!((gateway.logins(), gateway.rejected()), (0, 0));
}
