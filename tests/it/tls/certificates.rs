use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SigningKey as _};
use rustls::ServerConfig;
use rustls::crypto::ring::{default_provider, sign::any_supported_type};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio_rustls::TlsAcceptor;
use zava_mcp_server::database;
use zava_mcp_server::query::scope::{ScopeError, ServerState};
use zava_mcp_server::settings::ReplicaSettings;

use super::{SslResponse, encrypted, gateway};
use crate::support::{SEATTLE, TestDatabase, TestServer, caller, run_unguarded, scope, settings};

type Authority = CertifiedIssuer<'static, KeyPair>;

fn params(names: &[&str], common_name: &str) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("parameters");
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, common_name);
    params
}

fn authority(name: &str) -> Authority {
    let mut params = params(&[], name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority")
}

/// A TLS server with any certificate, even one that rustls would not accept.
fn acceptor(certificate: CertificateDer<'static>, key: &KeyPair) -> TlsAcceptor {
    let key = any_supported_type(&PrivateKeyDer::Pkcs8(key.serialize_der().into())).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(CertifiedKey::new(
            vec![certificate],
            key,
        ))));
    TlsAcceptor::from(Arc::new(config))
}

/// The result of the manual's `openssl req -new -x509`: a CA certificate with a common name only.
fn self_signed(folder: &Path) -> TlsAcceptor {
    let mut params = params(&[], "localhost");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    let certificate = params.self_signed(&key).expect("a certificate");
    std::fs::write(folder.join("root.pem"), certificate.pem()).expect("written");
    acceptor(certificate.der().clone(), &key)
}

/// A certificate signed by an authority whose certificate is written to `folder`.
fn signed(params: &CertificateParams, folder: &Path) -> TlsAcceptor {
    let authority = authority("root");
    std::fs::write(folder.join("root.pem"), authority.pem()).expect("written");
    let key = KeyPair::generate().expect("a key");
    let certificate = params.signed_by(&key, &authority).expect("a certificate");
    acceptor(certificate.der().clone(), &key)
}

/// The result of the manual's `openssl x509 -req`: X.509 version 1, without extensions.
fn version_1(folder: &Path) -> TlsAcceptor {
    let authority = authority("root");
    std::fs::write(folder.join("root.pem"), authority.pem()).expect("written");
    let key = KeyPair::generate().expect("a key");
    let certificate = params(&["localhost"], "localhost")
        .signed_by(&key, &authority)
        .expect("a certificate");
    // RFC 5280, section 4.1: a sequence of tbsCertificate, algorithm and signature.
    let parts = elements(content(certificate.der()));
    let [body, algorithm, _] = parts.as_slice() else {
        panic!("three parts")
    };
    // Version 1 has neither the version field [0] nor extensions [3].
    let kept: Vec<u8> = elements(content(body))
        .into_iter()
        .filter(|element| !matches!(element[0], 0xa0 | 0xa3))
        .flatten()
        .copied()
        .collect();
    let body = element(0x30, &kept);
    let mut signature = vec![0];
    signature.extend(authority.key().sign(&body).expect("a signature"));
    let whole = [body, algorithm.to_vec(), element(0x03, &signature)].concat();
    acceptor(element(0x30, &whole).into(), &key)
}

/// A DER element with its tag and length, for lengths up to 65,535.
fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).expect("short");
    let [high, low] = length.to_be_bytes();
    let head = match length {
        0..=0x7f => vec![tag, low],
        0x80..=0xff => vec![tag, 0x81, low],
        _ => vec![tag, 0x82, high, low],
    };
    [head.as_slice(), content].concat()
}

/// The lengths of an element's header and of its content, in bytes.
fn lengths(element: &[u8]) -> (usize, usize) {
    match element[1] {
        length @ 0..=0x7f => (2, length.into()),
        0x81 => (3, element[2].into()),
        0x82 => (4, u16::from_be_bytes([element[2], element[3]]).into()),
        _ => panic!("a length that no certificate of these tests has"),
    }
}

fn content(element: &[u8]) -> &[u8] {
    &element[lengths(element).0..]
}

fn elements(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut elements = Vec::new();
    while !bytes.is_empty() {
        let (head, content) = lengths(bytes);
        let (first, rest) = bytes.split_at(head + content);
        elements.push(first);
        bytes = rest;
    }
    elements
}

fn causes(error: &dyn Error) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        told = format!("{told}: {error}");
        cause = error.source();
    }
    told
}

/// Every entry point reports the certificate as the cause to the operator; the client is not told
/// to retry.
#[tokio::test]
async fn rejected_certificates_are_reported_as_misconfiguration_with_the_reason() {
    let database = TestDatabase::shared();
    let mut expired = params(&["localhost"], "");
    expired.not_after = rcgen::date_time_ymd(2020, 1, 1);
    let mut early = params(&["localhost"], "");
    early.not_before = rcgen::date_time_ymd(4000, 1, 1);
    early.not_after = rcgen::date_time_ymd(4001, 1, 1);
    type Make = Box<dyn Fn(&Path) -> TlsAcceptor>;
    let signed_by_root =
        |params: CertificateParams| -> Make { Box::new(move |folder| signed(&params, folder)) };
    let trusting = |name: &'static str| -> Make {
        Box::new(move |folder| {
            let acceptor = signed(&params(&["localhost"], ""), folder);
            std::fs::write(folder.join("root.pem"), authority(name).pem()).expect("written");
            acceptor
        })
    };
    let cases: [(&str, Make, &str); 8] = [
        ("self-signed", Box::new(self_signed), "is self-signed"),
        ("version 1", Box::new(version_1), "is of X.509 version 1"),
        (
            "a common name only",
            signed_by_root(params(&[], "localhost")),
            "has no subjectAltName",
        ),
        (
            "another host",
            signed_by_root(params(&["db.example.com"], "localhost")),
            "is for another host: DnsName(\"db.example.com\")",
        ),
        ("expired", signed_by_root(expired), "has expired"),
        ("early", signed_by_root(early), "is not valid yet"),
        (
            "another authority",
            trusting("other"),
            "is signed by an authority that is not trusted",
        ),
        (
            "an authority made anew",
            trusting("root"),
            "is signed by another authority of the same name",
        ),
    ];
    for (what, make, reason) in cases {
        let folder = tempfile::tempdir().expect("a folder");
        let mut settings = settings(&database.name);
        let port = gateway(&settings.database, SslResponse::Accept(make(folder.path()))).await;
        settings.database = encrypted(&settings.database, port, folder.path());

        let asked = run_unguarded(&scope(&settings), &caller(SEATTLE).await, "SELECT 1").await;
        let error = asked.expect_err(what);
        assert!(
            matches!(error, ScopeError::Misconfigured(_)),
            "{what}: {error:?}"
        );
        let told = causes(&error);
        assert!(
            told.contains(reason) && told.contains("docs/operations.md"),
            "{what}: {told}"
        );

        let mut admin = database.admin_settings();
        admin.database = settings.database.clone();
        let told = causes(&database::migrate(&admin).await.expect_err(what));
        assert!(told.contains(reason), "{what}: {told}");

        let server = TestServer::with_settings(&settings).await;
        let response = server
            .request(SEATTLE, "tools/list", serde_json::json!({}))
            .await;
        assert_eq!(response.status(), 503, "{what}");
        let told = response.text().await.expect("a body");
        assert!(
            told.contains("the operator finds the cause in the server log")
                && !told.contains("certificate"),
            "{what}: {told}"
        );
    }
}

/// Each host of the database is verified by its own name.
#[tokio::test]
async fn replica_with_the_certificate_of_another_host_is_left_out() {
    let database = TestDatabase::shared();
    let folder = tempfile::tempdir().expect("a folder");
    let mut settings = settings(&database.name);
    let acceptor = signed(&params(&["db.example.com"], ""), folder.path());
    let port = gateway(&settings.database, SslResponse::Accept(acceptor)).await;
    settings.replicas = ReplicaSettings {
        addresses: vec![encrypted(&settings.database, port, folder.path())],
        max_lag: Duration::from_secs(5),
    };
    let (scope, seattle) = (scope(&settings), caller(SEATTLE).await);
    let states: Vec<_> = scope.server_statuses().await;
    let states: Vec<_> = states.iter().map(|status| status.state).collect();
    assert_eq!(states, [ServerState::Ok, ServerState::Misconfigured]);
    let seen = run_unguarded(&scope, &seattle, "SELECT 1").await;
    assert_eq!(seen.expect("a row"), "[[1]]");
}
