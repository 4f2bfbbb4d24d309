//! TLS as a client: the trusted authorities, and why a certificate is refused.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{CertificateError, ClientConfig, RootCertStore};

/// Why no TLS connection can be tried at all.
#[derive(Debug, thiserror::Error)]
pub enum RootCertError {
    /// The file with the root certificates.
    #[error("the file cannot be read as certificates in PEM")]
    Unreadable(#[source] rustls::pki_types::pem::Error),
    /// One of them is no certificate, or there is none.
    #[error("it holds no usable certificate")]
    NoCertificate,
}

/// Why a TLS handshake with the database failed: the operator must act, trying again changes
/// nothing.
#[derive(Debug, thiserror::Error)]
pub enum HandshakeError {
    /// The server's certificate is refused.
    #[error(
        "the certificate of POSTGRES_DB_HOST {reason}; {hint} (docs/operations.md, \"A certificate for the database\")"
    )]
    Certificate {
        /// What is wrong with it.
        reason: String,
        /// How to make one that is accepted.
        hint: &'static str,
    },
    /// Anything else, for example a server that asks for a client certificate.
    #[error(transparent)]
    Other(rustls::Error),
}

const NAME_THE_AUTHORITY: &str =
    "set POSTGRES_SSLROOTCERT to the certificate of the authority that signed it";
const SIGN_ANOTHER: &str = "sign a certificate for the server with an authority of your own, with `openssl x509 -req … -extfile`, \
     where the file says subjectAltName=DNS:<host>";
const RENEW: &str = "renew it, and check the clocks of both machines";

impl From<rustls::Error> for HandshakeError {
    fn from(error: rustls::Error) -> Self {
        let rustls::Error::InvalidCertificate(refused) = error else {
            return Self::Other(error);
        };
        let (reason, hint) = match &refused {
            CertificateError::UnknownIssuer => (
                "is signed by an authority that is not trusted".to_owned(),
                NAME_THE_AUTHORITY,
            ),
            // An authority that was made anew keeps its name.
            CertificateError::BadSignature => (
                "is signed by another authority of the same name".to_owned(),
                NAME_THE_AUTHORITY,
            ),
            CertificateError::NotValidForName => (
                "has no subjectAltName that is the host".to_owned(),
                SIGN_ANOTHER,
            ),
            CertificateError::NotValidForNameContext { presented, .. } => (
                match presented.as_slice() {
                    // The common name says nothing since RFC 6125.
                    [] => "has no subjectAltName, and a common name does not count".to_owned(),
                    names => format!("is for another host: {}", names.join(", ")),
                },
                SIGN_ANOTHER,
            ),
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                ("has expired".to_owned(), RENEW)
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                ("is not valid yet".to_owned(), RENEW)
            }
            CertificateError::Other(other) => match other.0.downcast_ref::<webpki::Error>() {
                Some(webpki::Error::CaUsedAsEndEntity) => (
                    "is self-signed: an authority's (CA:TRUE), not a server's".to_owned(),
                    SIGN_ANOTHER,
                ),
                Some(webpki::Error::UnsupportedCertVersion) => {
                    ("is of X.509 version 1, not 3".to_owned(), SIGN_ANOTHER)
                }
                _ => (format!("is refused ({other})"), SIGN_ANOTHER),
            },
            other => (format!("is refused ({other})"), SIGN_ANOTHER),
        };
        Self::Certificate { reason, hint }
    }
}

/// The TLS library's error in one of a socket.
pub(crate) fn error_of(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

/// Trusts those who sign the certificates of the web (Mozilla's list).
pub(crate) fn to_the_web() -> ClientConfig {
    trusting(RootCertStore::from_iter(
        webpki_roots::TLS_SERVER_ROOTS.iter().cloned(),
    ))
}

/// Trusts the certificates in a file.
///
/// # Errors
/// [`RootCertError`].
pub(crate) fn to_signed_by(file: &Path) -> Result<ClientConfig, RootCertError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).map_err(RootCertError::Unreadable)? {
        let certificate = certificate.map_err(RootCertError::Unreadable)?;
        roots
            .add(certificate)
            .map_err(|_| RootCertError::NoCertificate)?;
    }
    if roots.is_empty() {
        return Err(RootCertError::NoCertificate);
    }
    Ok(trusting(roots))
}

fn trusting(roots: RootCertStore) -> ClientConfig {
    ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring speaks the default versions")
        .with_root_certificates(roots)
        .with_no_client_auth()
}
