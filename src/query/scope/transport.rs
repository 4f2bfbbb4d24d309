//! The bytes under a connection: TCP, or TLS that proves the server's name.

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

use super::wire::WireError;
use crate::settings::{DatabaseAddress, Tls};
use crate::tls::{self, RootCertError};

/// How long a connection is idle before the operating system asks whether the other end is still
/// there.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(30);

/// How long it waits for each answer, and how often it asks.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_RETRIES: u32 = 3;

/// How long what was sent may stay without an acknowledgement of the other end. Without this limit,
/// only the statement timeout would notice that packets are lost.
#[cfg(target_os = "linux")]
const USER_TIMEOUT: Duration = Duration::from_secs(5);

/// What the wire reads from and writes to.
pub(super) trait Transport: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Transport for T {}

/// Why no TLS connection can be tried at all.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file with the root certificates.
    #[error("POSTGRES_SSLROOTCERT cannot be used")]
    RootCert(#[from] RootCertError),
    /// The host is neither a name nor an address.
    #[error("POSTGRES_DB_HOST is no name that a certificate could bear")]
    Name(#[source] rustls::pki_types::InvalidDnsNameError),
}

/// Opens transports to one server.
pub(super) struct Dialer {
    host: String,
    port: u16,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl Dialer {
    /// Reads the certificates, once.
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

    /// A transport over which nothing has been said yet.
    pub(super) async fn dial(&self) -> Result<Box<dyn Transport>, WireError> {
        let mut stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        set_options(&stream)?;
        let Some((connector, name)) = &self.tls else {
            return Ok(Box::new(stream));
        };
        let mut request = BytesMut::new();
        frontend::ssl_request(&mut request);
        stream.write_all(&request).await?;
        // One byte and no more is read in clear text: what follows it belongs to the handshake, and anything that
        // somebody put in between must not be taken for the server's.
        match stream.read_u8().await? {
            b'S' => match connector.connect(name.clone(), stream).await {
                Ok(stream) => Ok(Box::new(stream)),
                Err(error) => match tls::error_of(&error) {
                    Some(error) => Err(WireError::Tls(error.clone().into())),
                    None => Err(error.into()),
                },
            },
            _ => Err(WireError::NoTls),
        }
    }
}

/// Small messages are sent at once, and a dead connection is noticed.
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
        None => tls::to_the_web(),
        Some(file) => tls::to_signed_by(file)?,
    };
    Ok(TlsConnector::from(Arc::new(config)))
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn the_operating_system_watches_over_connections() {
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
