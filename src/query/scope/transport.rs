//! The byte stream under a connection: TCP, or TLS that verifies the server's name.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use postgres_protocol::message::frontend;
use rustls::pki_types::ServerName;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::settings::{DatabaseAddress, Tls};
use crate::tls::{self, HandshakeError, RootCertError};

/// How long a connection is idle before the operating system sends the first TCP keepalive probe.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(30);

/// The delay between two keepalive probes.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);

/// How many keepalive probes may stay unanswered.
const KEEPALIVE_RETRIES: u32 = 3;

/// How long sent data may stay unacknowledged. Without this limit, lost packets would show only at
/// the statement timeout.
#[cfg(target_os = "linux")]
const USER_TIMEOUT: Duration = Duration::from_secs(5);

/// A byte stream to PostgreSQL.
pub(super) trait Transport: AsyncRead + AsyncWrite + Send + Unpin {
    /// Whether it is encrypted, and the server's name has been verified.
    fn is_verified(&self) -> bool;
}

impl Transport for TcpStream {
    fn is_verified(&self) -> bool {
        false
    }
}

/// [`Dialer`] accepts no certificate that is not verified.
impl Transport for TlsStream<TcpStream> {
    fn is_verified(&self) -> bool {
        true
    }
}

/// Why the TLS settings cannot be used. Nothing was connected yet.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file with the root certificates is not usable.
    #[error("POSTGRES_SSLROOTCERT cannot be used")]
    RootCert(#[from] RootCertError),
    /// The host is neither a DNS name nor an IP address.
    #[error(
        "a host in POSTGRES_DB_HOST or POSTGRES_READ_HOSTS is not a DNS name or IP address that a certificate can contain"
    )]
    Name(#[source] rustls::pki_types::InvalidDnsNameError),
}

/// Why a transport could not be opened, or failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum TransportError {
    /// The socket failed.
    #[error("the connection failed")]
    Io(#[source] io::Error),
    /// PostgreSQL does not offer TLS; nothing is sent without it.
    #[error(
        "the database does not offer TLS; on a trusted network, POSTGRES_SSLMODE=disable connects without it"
    )]
    NoTls,
    /// PostgreSQL's certificate was rejected, or PostgreSQL rejected this client.
    #[error("TLS handshake with the database failed")]
    Tls(#[source] HandshakeError),
}

impl From<io::Error> for TransportError {
    fn from(error: io::Error) -> Self {
        // With TLS 1.3 a server rejects the client in an alert after the handshake.
        match tls::rustls_error(&error) {
            Some(alert @ rustls::Error::AlertReceived(_)) => Self::Tls(alert.clone().into()),
            _ => Self::Io(error),
        }
    }
}

/// Opens transports to one server.
pub(super) struct Dialer {
    host: String,
    port: u16,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl Dialer {
    /// Reads the root certificates, once for all connections.
    pub(super) fn new(address: &DatabaseAddress) -> Result<Self, TlsError> {
        let tls = match &address.tls {
            Tls::Disable => None,
            Tls::VerifyFull { root_cert } => {
                let name = ServerName::try_from(address.host.clone()).map_err(TlsError::Name)?;
                Some((connector(root_cert.as_deref())?, name))
            }
        };
        Ok(Self {
            host: address.host.clone(),
            port: address.port,
            tls,
        })
    }

    /// Connects, and completes the TLS handshake if TLS is on.
    pub(super) async fn dial(&self) -> Result<Box<dyn Transport>, TransportError> {
        let mut stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        set_options(&stream)?;
        let Some((connector, name)) = &self.tls else {
            return Ok(Box::new(stream));
        };
        let mut request = BytesMut::new();
        frontend::ssl_request(&mut request);
        stream.write_all(&request).await?;
        // Reads exactly one byte in clear text. What follows belongs to the handshake: bytes that
        // an attacker injects before it must not be taken for the server's.
        match stream.read_u8().await? {
            b'S' => match connector.connect(name.clone(), stream).await {
                Ok(stream) => Ok(Box::new(stream)),
                Err(error) => match tls::rustls_error(&error) {
                    Some(error) => Err(TransportError::Tls(error.clone().into())),
                    None => Err(error.into()),
                },
            },
            _ => Err(TransportError::NoTls),
        }
    }
}

/// Sends small messages at once, and detects dead connections.
fn set_options(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    socket.set_tcp_keepalive(
        &TcpKeepalive::new()
            .with_time(KEEPALIVE_IDLE)
            .with_interval(KEEPALIVE_INTERVAL)
            .with_retries(KEEPALIVE_RETRIES),
    )?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(USER_TIMEOUT))?;
    Ok(())
}

fn connector(root_cert: Option<&Path>) -> Result<TlsConnector, TlsError> {
    let config = match root_cert {
        None => tls::web_client_config(None)?,
        Some(file) => tls::client_config_trusting(file)?,
    };
    Ok(TlsConnector::from(Arc::new(config)))
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn sockets_have_keepalive_and_user_timeout() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("its address");
        let stream = TcpStream::connect(address).await.expect("a connection");
        set_options(&stream).expect("the options are set");
        let socket = SockRef::from(&stream);
        assert!(stream.nodelay().expect("an option"));
        assert!(socket.keepalive().expect("an option"));
        #[cfg(target_os = "linux")]
        assert_eq!(
            socket.tcp_user_timeout().expect("an option"),
            Some(USER_TIMEOUT)
        );
    }
}
