use std::path::Path;
use std::sync::Arc;

use rcgen::{CertificateParams, CertifiedIssuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio_rustls::TlsAcceptor;

/// A certificate for `name` by its own authority, whose certificate is written to `root.pem` in
/// `folder`.
pub(crate) fn certificate(name: &str, folder: &Path) -> TlsAcceptor {
    certificate_for(&[name], folder)
}

/// The same for several names.
pub(crate) fn certificate_for(names: &[&str], folder: &Path) -> TlsAcceptor {
    let mut authority = CertificateParams::new([]).expect("parameters");
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().expect("a key"))
        .expect("an authority");
    std::fs::write(folder.join("root.pem"), authority.pem()).expect("written");
    let key = KeyPair::generate().expect("a key");
    let signed = CertificateParams::new(
        names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<Vec<_>>(),
    )
    .expect("parameters")
    .signed_by(&key, &authority)
    .expect("a certificate");
    let config =
        ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(
                vec![signed.der().clone()],
                PrivateKeyDer::Pkcs8(key.serialize_der().into()),
            )
            .expect("a configuration");
    TlsAcceptor::from(Arc::new(config))
}
