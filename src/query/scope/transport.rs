//! The bytes under a connection: TCP, or TLS that proves the server's name.

use std::path::Path;
use std::sync::Arc;

use bytes::BytesMut;
use postgres_protocol::message::frontend;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::wire::WireError;
use crate::settings::{DatabaseAddress, Tls};
use crate::tls::{self, RootCertError};

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
        stream.set_nodelay(true)?;
        let Some((connector, name)) = &self.tls else {
            return Ok(Box::new(stream));
        };
        let mut request = BytesMut::new();
        frontend::ssl_request(&mut request);
        stream.write_all(&request).await?;
        // One byte and no more is read in clear text: what follows it belongs to the handshake, and anything that
        // somebody put in between must not be taken for the server's.
        match stream.read_u8().await? {
            b'S' => Ok(Box::new(connector.connect(name.clone(), stream).await?)),
            _ => Err(WireError::NoTls),
        }
    }
}

fn connector(root_cert: Option<&Path>) -> Result<TlsConnector, TlsError> {
    let config = match root_cert {
        None => tls::to_the_web(),
        Some(file) => tls::to_signed_by(file)?,
    };
    Ok(TlsConnector::from(Arc::new(config)))
}
