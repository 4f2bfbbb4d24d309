//! TLS as a client: who signs the certificates of those we connect to.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

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
