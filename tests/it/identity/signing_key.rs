//! Private keys of a token issuer, which sign JWTs (RFC 7515) with `ring`.
//!
//! `ring` generates no RSA keys, so these come from files. They are test keys and protect nothing.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256,
    RsaEncoding, RsaKeyPair,
};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};

#[derive(Clone)]
pub(super) enum SigningKey {
    Rsa(Arc<RsaKeyPair>),
    Ec(Arc<EcdsaKeyPair>),
}

impl SigningKey {
    /// The issuer's first RSA key, of 2,048 bits.
    pub(super) fn first_rsa() -> Self {
        Self::rsa(include_bytes!("rsa_1.pem"))
    }

    /// Another RSA key of 2,048 bits.
    pub(super) fn second_rsa() -> Self {
        Self::rsa(include_bytes!("rsa_2.pem"))
    }

    fn rsa(pem: &[u8]) -> Self {
        let pkcs8 = PrivatePkcs8KeyDer::from_pem_slice(pem).expect("PEM");
        let pair = RsaKeyPair::from_pkcs8(pkcs8.secret_pkcs8_der()).expect("an RSA key");
        Self::Rsa(Arc::new(pair))
    }

    /// A new P-256 key.
    pub(super) fn new_ec() -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random);
        let pkcs8 = pkcs8.expect("a key");
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random);
        Self::Ec(Arc::new(pair.expect("the same key")))
    }

    /// The public key as a JWK (RFC 7518, section 6) that does not name its algorithm, as Entra
    /// publishes them.
    pub(super) fn jwk(&self, id: &str) -> Value {
        match self {
            Self::Rsa(pair) => {
                let public = ring::rsa::PublicKeyComponents::<Vec<u8>>::from(pair.public());
                let (n, e) = (base64url(public.n), base64url(public.e));
                json!({"kty": "RSA", "kid": id, "n": n, "e": e})
            }
            Self::Ec(pair) => {
                // 0x04, x, y: the uncompressed point.
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({"kty": "EC", "crv": "P-256", "kid": id, "x": base64url(x), "y": base64url(y)})
            }
        }
    }

    pub(super) fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match (self, algorithm) {
            (Self::Rsa(pair), Algorithm::RS256) => sign_rsa(pair, &RSA_PKCS1_SHA256, message),
            (Self::Rsa(pair), Algorithm::PS256) => sign_rsa(pair, &RSA_PSS_SHA256, message),
            (Self::Ec(pair), Algorithm::ES256) => {
                let signature = pair.sign(&random, message).expect("a signature");
                signature.as_ref().to_vec()
            }
            _ => panic!("the key does not sign with {algorithm:?}"),
        }
    }

    /// A JWT of any header and claims.
    pub(super) fn token(&self, algorithm: Algorithm, header: &Value, claims: &Value) -> String {
        let message = signing_input(header, claims);
        let signature = self.sign(algorithm, message.as_bytes());
        format!("{message}.{}", base64url(signature))
    }
}

fn sign_rsa(pair: &RsaKeyPair, padding: &'static dyn RsaEncoding, message: &[u8]) -> Vec<u8> {
    let mut signature = vec![0; pair.public().modulus_len()];
    pair.sign(padding, &SystemRandom::new(), message, &mut signature)
        .expect("a signature");
    signature
}

/// The signing input of a JWT: encoded header, dot, encoded claims.
pub(super) fn signing_input(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| base64url(value.to_string());
    format!("{}.{}", part(header), part(claims))
}

pub(super) fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
