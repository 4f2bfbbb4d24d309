//! TLS as a client: which certificate authorities are trusted, and why a certificate is rejected.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{CertificateError, ClientConfig, RootCertStore};

/// Why a file of root certificates cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RootCertError {
    /// The file cannot be read, or is not in PEM format.
    #[error("the file cannot be read as PEM certificates")]
    Unreadable(#[source] rustls::pki_types::pem::Error),
    /// The file contains no certificate, or one that is not usable as a root.
    #[error("the file contains no usable certificate")]
    NoCertificate,
}

/// Why a TLS handshake with the database failed. The operator must act; a retry fails too.
#[derive(Debug, thiserror::Error)]
pub enum HandshakeError {
    /// The server's certificate is rejected.
    #[error(
        "the certificate of POSTGRES_DB_HOST {reason}; {hint} (docs/operations.md, \"TLS certificate for the database\")"
    )]
    Certificate {
        /// What is wrong with it.
        reason: String,
        /// How to get one that is accepted.
        hint: &'static str,
    },
    /// Any other error, for example a server that requires a client certificate.
    #[error(transparent)]
    Other(rustls::Error),
}

const SET_ROOT_CERT: &str =
    "set POSTGRES_SSLROOTCERT to the certificate of the authority that signed it";
const REISSUE: &str = "issue a certificate for the server from your own authority with `openssl x509 -req … -extfile`, \
     where the file contains subjectAltName=DNS:<host>";
const RENEW: &str = "renew it, and check the clocks of both machines";

impl From<rustls::Error> for HandshakeError {
    fn from(error: rustls::Error) -> Self {
        let rustls::Error::InvalidCertificate(rejected) = error else {
            return Self::Other(error);
        };
        let (reason, hint) = match &rejected {
            CertificateError::UnknownIssuer => (
                "is signed by an authority that is not trusted".to_owned(),
                SET_ROOT_CERT,
            ),
            // A recreated authority has the same name and another key.
            CertificateError::BadSignature => (
                "is signed by another authority of the same name".to_owned(),
                SET_ROOT_CERT,
            ),
            CertificateError::NotValidForName => {
                ("has no subjectAltName with the host".to_owned(), REISSUE)
            }
            CertificateError::NotValidForNameContext { presented, .. } => (
                match presented.as_slice() {
                    // RFC 6125 deprecates the common name.
                    [] => "has no subjectAltName; the common name is ignored".to_owned(),
                    names => format!("is for another host: {}", names.join(", ")),
                },
                REISSUE,
            ),
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                ("has expired".to_owned(), RENEW)
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                ("is not valid yet".to_owned(), RENEW)
            }
            CertificateError::Other(other) => match other.0.downcast_ref::<webpki::Error>() {
                Some(webpki::Error::CaUsedAsEndEntity) => (
                    "is self-signed: it belongs to an authority (CA:TRUE), not to a server"
                        .to_owned(),
                    REISSUE,
                ),
                Some(webpki::Error::UnsupportedCertVersion) => {
                    ("is of X.509 version 1, not 3".to_owned(), REISSUE)
                }
                _ => (format!("is rejected ({other})"), REISSUE),
            },
            other => (format!("is rejected ({other})"), REISSUE),
        };
        Self::Certificate { reason, hint }
    }
}

/// The TLS library's error inside an I/O error, if there is one.
pub(crate) fn rustls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

/// A configuration that trusts the authorities of the public web (Mozilla's list), and the root
/// certificates in a PEM file.
///
/// # Errors
/// [`RootCertError`] when the file is not usable.
pub(crate) fn web_client_config(file: Option<&Path>) -> Result<ClientConfig, RootCertError> {
    let mut roots = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    if let Some(file) = file {
        add_certificates(&mut roots, file)?;
    }
    Ok(client_config(roots))
}

/// A configuration that trusts only the root certificates in a PEM file.
///
/// # Errors
/// [`RootCertError`] when the file is not usable.
pub(crate) fn client_config_trusting(file: &Path) -> Result<ClientConfig, RootCertError> {
    let mut roots = RootCertStore::empty();
    add_certificates(&mut roots, file)?;
    Ok(client_config(roots))
}

/// Adds the certificates in a PEM file, of which there must be at least one.
fn add_certificates(roots: &mut RootCertStore, file: &Path) -> Result<(), RootCertError> {
    let before = roots.len();
    for certificate in CertificateDer::pem_file_iter(file).map_err(RootCertError::Unreadable)? {
        let certificate = certificate.map_err(RootCertError::Unreadable)?;
        roots
            .add(certificate)
            .map_err(|_| RootCertError::NoCertificate)?;
    }
    if roots.len() == before {
        return Err(RootCertError::NoCertificate);
    }
    Ok(())
}

fn client_config(roots: RootCertStore) -> ClientConfig {
    ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring supports the default protocol versions")
        .with_root_certificates(roots)
        .with_no_client_auth()
}
