//! A stand-in for the logins of Azure Database for PostgreSQL: it terminates TLS, asks for a token
//! in clear text, and logs in at the tests' PostgreSQL with the role's password.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::{BufMut as _, BytesMut};
use fallible_iterator::FallibleIterator as _;
use postgres_protocol::authentication::sasl::{ChannelBinding, ScramSha256};
use postgres_protocol::message::backend::Message;
use postgres_protocol::message::frontend;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::entra::{DATABASE, Entra};
use crate::support::{admin_password, query_password};

/// The password that the stand-in for `pgaadauth_create_principal_with_oid` gives a role.
pub(super) const PRINCIPAL_PASSWORD: &str = "known-to-the-gateway-only";

/// What the gateway asks a client for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Demand {
    /// A token in clear text.
    Token,
    /// A SCRAM proof, like a server without Entra authentication.
    Scram,
    /// An MD5 digest.
    Md5,
}

impl Demand {
    /// The message that asks for it.
    fn message(self) -> &'static [u8] {
        match self {
            Self::Token => b"R\0\0\0\x08\0\0\0\x03",
            Self::Scram => b"R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0",
            Self::Md5 => b"R\0\0\0\x0c\0\0\0\x05salt",
        }
    }
}

/// The gateway on a port.
pub(super) struct Gateway {
    pub(super) port: u16,
    shared: Arc<Shared>,
    _serving: JoinSet<()>,
}

struct Shared {
    target: u16,
    acceptor: TlsAcceptor,
    entra: Arc<Entra>,
    demand: Demand,
    /// After how many transactions each connection is closed.
    transactions: usize,
    logins: AtomicUsize,
    rejected: AtomicUsize,
    /// How many bytes clients have sent after a demand for something else than a token.
    answered: AtomicUsize,
    /// Delay of each answer, in milliseconds.
    delay: AtomicU64,
}

impl Gateway {
    /// Starts it in front of a port of this machine.
    pub(super) async fn start(target: u16, acceptor: TlsAcceptor, entra: &Arc<Entra>) -> Self {
        Self::start_with(target, acceptor, entra, Demand::Token, usize::MAX).await
    }

    /// The same with another demand, closing each connection after some transactions.
    pub(super) async fn start_with(
        target: u16,
        acceptor: TlsAcceptor,
        entra: &Arc<Entra>,
        demand: Demand,
        transactions: usize,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let shared = Arc::new(Shared {
            target,
            acceptor,
            entra: Arc::clone(entra),
            demand,
            transactions,
            logins: AtomicUsize::new(0),
            rejected: AtomicUsize::new(0),
            answered: AtomicUsize::new(0),
            delay: AtomicU64::new(0),
        });
        let mut serving = JoinSet::new();
        serving.spawn(accept(listener, Arc::clone(&shared)));
        Self {
            port,
            shared,
            _serving: serving,
        }
    }

    /// Delays each answer from now on.
    pub(super) fn set_delay(&self, delay: Duration) {
        let millis = u64::try_from(delay.as_millis()).expect("short");
        self.shared.delay.store(millis, Ordering::SeqCst);
    }

    /// How many logins succeeded.
    pub(super) fn logins(&self) -> usize {
        self.shared.logins.load(Ordering::SeqCst)
    }

    /// How many tokens it has rejected.
    pub(super) fn rejected(&self) -> usize {
        self.shared.rejected.load(Ordering::SeqCst)
    }

    /// How many bytes clients have sent after a demand for something else than a token.
    pub(super) fn answered(&self) -> usize {
        self.shared.answered.load(Ordering::SeqCst)
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        let (client, _) = listener.accept().await.expect("a connection");
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            // A connection that ends early ends its task; the client notices.
            let _ = shared.serve(client).await;
        });
    }
}

impl Shared {
    /// Serves one connection, from the SSLRequest on.
    async fn serve(&self, mut client: TcpStream) -> std::io::Result<()> {
        // As PostgreSQL does: without it, small messages wait 40 ms for an acknowledgment.
        client.set_nodelay(true)?;
        let mut request = [0; 8];
        client.read_exact(&mut request).await?;
        self.wait().await;
        client.write_all(b"S").await?;
        let mut client = self.acceptor.accept(client).await?;
        let length = client.read_u32().await?;
        let mut startup = BytesMut::new();
        startup.put_u32(length);
        startup.resize(length as usize, 0);
        client.read_exact(&mut startup[4..]).await?;
        let mut server = TcpStream::connect(("127.0.0.1", self.target)).await?;
        server.set_nodelay(true)?;
        server.write_all(&startup).await?;
        // A cancel request has a number of its own in place of a version.
        if startup[4..8] != [0, 3, 0, 0] {
            server.shutdown().await?;
            return Ok(());
        }
        let user = parameter(&startup[8..], b"user");
        self.wait().await;
        send(&mut client, self.demand.message()).await?;
        if self.demand != Demand::Token {
            // Until the client hangs up.
            while client.read_u8().await.is_ok() {
                self.answered.fetch_add(1, Ordering::SeqCst);
            }
            return Ok(());
        }
        if !self
            .entra
            .accepts(&read_password(&mut client).await?, DATABASE)
        {
            self.rejected.fetch_add(1, Ordering::SeqCst);
            let error = b"SFATAL\0C28P01\0MThe access token has expired or is not valid\0\0";
            let mut message = BytesMut::from(&b"E"[..]);
            message.put_u32(u32::try_from(error.len() + 4).expect("short"));
            message.put_slice(error);
            return send(&mut client, &message).await;
        }
        let password = match user.as_str() {
            "zava_query" => query_password(),
            "zava_admin" => admin_password(),
            _ => PRINCIPAL_PASSWORD.to_owned(),
        };
        log_in(&mut server, &password).await?;
        self.logins.fetch_add(1, Ordering::SeqCst);
        self.wait().await;
        send(&mut client, b"R\0\0\0\x08\0\0\0\0").await?;
        self.relay(client, server).await
    }

    /// Waits as long as an answer is delayed.
    async fn wait(&self) {
        let millis = self.delay.load(Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(millis)).await;
    }

    /// Forwards both ways, until the connection has served its number of transactions.
    async fn relay(&self, client: TlsStream<TcpStream>, server: TcpStream) -> std::io::Result<()> {
        let (mut from_client, mut to_client) = tokio::io::split(client);
        let (from_server, mut to_server) = server.into_split();
        let mut from_server = BufReader::new(from_server);
        let forwarding = async { tokio::io::copy(&mut from_client, &mut to_server).await };
        let returning = async {
            let mut messages = 0;
            loop {
                let tag = from_server.read_u8().await?;
                let length = from_server.read_u32().await?;
                let mut message = vec![0; length as usize - 4];
                from_server.read_exact(&mut message).await?;
                // ReadyForQuery ends an answer. The login's is delayed already.
                if tag == b'Z' && messages > 0 {
                    self.wait().await;
                }
                to_client.write_u8(tag).await?;
                to_client.write_u32(length).await?;
                to_client.write_all(&message).await?;
                if from_server.buffer().is_empty() {
                    to_client.flush().await?;
                }
                // ReadyForQuery; the first one ends the login.
                messages += usize::from(tag == b'Z');
                if messages > self.transactions {
                    return to_client.shutdown().await;
                }
            }
        };
        // Whichever ends first ends the connection.
        tokio::select! {
            forwarded = forwarding => forwarded.map(|_| ()),
            returned = returning => returned,
        }
    }
}

/// Sends a message at once.
async fn send(client: &mut TlsStream<TcpStream>, message: &[u8]) -> std::io::Result<()> {
    client.write_all(message).await?;
    client.flush().await
}

/// The value of a startup parameter.
fn parameter(startup: &[u8], name: &[u8]) -> String {
    let mut parts = startup.split(|byte| *byte == 0);
    while let (Some(found), Some(value)) = (parts.next(), parts.next()) {
        if found == name {
            return String::from_utf8(value.to_vec()).expect("a text");
        }
    }
    panic!("no such parameter");
}

/// Reads a PasswordMessage.
async fn read_password(client: &mut TlsStream<TcpStream>) -> std::io::Result<String> {
    assert_eq!(client.read_u8().await?, b'p', "a password follows");
    let length = client.read_u32().await? as usize - 4;
    let mut password = vec![0; length];
    client.read_exact(&mut password).await?;
    assert_eq!(password.pop(), Some(0), "it ends with a zero byte");
    Ok(String::from_utf8(password).expect("a text"))
}

/// Logs in by SCRAM, as the gateway's own connection.
async fn log_in(server: &mut TcpStream, password: &str) -> std::io::Result<()> {
    let mut scram = ScramSha256::new(password.as_bytes(), ChannelBinding::unsupported());
    loop {
        let mut answer = BytesMut::new();
        match read_message(server).await? {
            Message::AuthenticationSasl(body) => {
                assert!(body.mechanisms().any(|name| Ok(name == "SCRAM-SHA-256"))?);
                frontend::sasl_initial_response("SCRAM-SHA-256", scram.message(), &mut answer)?;
            }
            Message::AuthenticationSaslContinue(body) => {
                scram.update(body.data())?;
                frontend::sasl_response(scram.message(), &mut answer)?;
            }
            Message::AuthenticationSaslFinal(body) => scram.finish(body.data())?,
            Message::AuthenticationOk => return Ok(()),
            _ => panic!("the gateway cannot log in"),
        }
        server.write_all(&answer).await?;
    }
}

/// Reads one message, and nothing beyond it.
async fn read_message(server: &mut TcpStream) -> std::io::Result<Message> {
    let mut message = BytesMut::new();
    message.put_u8(server.read_u8().await?);
    let length = server.read_u32().await?;
    message.put_u32(length);
    message.resize(1 + length as usize, 0);
    server.read_exact(&mut message[5..]).await?;
    Ok(Message::parse(&mut message)?.expect("a whole message"))
}
