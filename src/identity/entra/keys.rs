use std::collections::HashMap;
use std::sync::Arc;

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation, decode};
use tokio::time::Instant;

use super::TokenError;
use super::claims::TokenClaims;

/// The clock difference that is tolerated when a token's times are checked, in seconds.
const CLOCK_LEEWAY_SECONDS: u64 = 60;

/// The shortest accepted RSA modulus, in bytes: 2,048 bits (NIST SP 800-131A).
const MIN_RSA_MODULUS_BYTES: usize = 256;

/// The algorithm of a token, if it is accepted and the header neither names a key of its own nor
/// has critical extensions.
pub(super) fn check_algorithm(header: &Header) -> Result<Algorithm, TokenError> {
    let forbidden = [
        ("jku", header.jku.is_some()),
        ("jwk", header.jwk.is_some()),
        ("x5u", header.x5u.is_some()),
        ("x5c", header.x5c.is_some()),
        ("crit", header.crit.is_some()),
    ];
    if let Some((name, _)) = forbidden.into_iter().find(|(_, is_present)| *is_present) {
        return Err(TokenError::Header(name));
    }
    match header.alg {
        accepted @ (Algorithm::RS256 | Algorithm::PS256 | Algorithm::ES256) => Ok(accepted),
        _ => Err(TokenError::Algorithm),
    }
}

/// The signing keys of one issuer.
pub(super) struct Keys {
    by_id: HashMap<String, Arc<Key>>,
    pub(super) fetched_at: Instant,
}

impl Keys {
    /// The keys of a published set that may sign tokens. A key of an unknown kind is left out: the
    /// issuer may publish keys for other uses.
    pub(super) fn from_jwks(
        jwks: impl IntoIterator<Item = Jwk>,
        issuers: &[String],
        audiences: &[String],
        fetched_at: Instant,
    ) -> Self {
        let mut by_id = HashMap::new();
        for jwk in jwks {
            let key = Key::from_jwk(&jwk, issuers, audiences);
            if let (Some(id), Some(key)) = (jwk.common.key_id, key) {
                by_id.insert(id, Arc::new(key));
            }
        }
        Self { by_id, fetched_at }
    }

    pub(super) fn get(&self, id: &str) -> Option<Arc<Key>> {
        self.by_id.get(id).cloned()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }
}

/// A signing key, and the rules that a token signed with it must satisfy.
pub(super) struct Key {
    key: DecodingKey,
    validation: Validation,
}

impl Key {
    fn from_jwk(jwk: &Jwk, issuers: &[String], audiences: &[String]) -> Option<Self> {
        if !matches!(
            jwk.common.public_key_use,
            None | Some(PublicKeyUse::Signature)
        ) {
            return None;
        }
        let supported: &[Algorithm] = match &jwk.algorithm {
            AlgorithmParameters::RSA(_) => &[Algorithm::RS256, Algorithm::PS256],
            AlgorithmParameters::EllipticCurve(curve) if curve.curve == EllipticCurve::P256 => {
                &[Algorithm::ES256]
            }
            _ => return None,
        };
        // A key that names its algorithm is used with that one only.
        let algorithms: Vec<Algorithm> = match jwk.common.key_algorithm {
            None => supported.to_vec(),
            Some(named) => {
                let named = named.to_string().parse().ok()?;
                supported
                    .iter()
                    .copied()
                    .filter(|algorithm| *algorithm == named)
                    .collect()
            }
        };
        let key = DecodingKey::from_jwk(jwk).ok()?;
        if algorithms.is_empty() || is_rsa_modulus_too_short(&key) {
            return None;
        }
        let mut validation = Validation::new(algorithms[0]);
        validation.algorithms = algorithms;
        validation.leeway = CLOCK_LEEWAY_SECONDS;
        validation.validate_nbf = true;
        validation.set_issuer(issuers);
        validation.set_audience(audiences);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        Some(Self { key, validation })
    }

    /// The claims of a token, if this key has signed it with `algorithm`, it is valid now, and its
    /// issuer and audience are right.
    pub(super) fn verify(
        &self,
        token: &str,
        algorithm: Algorithm,
    ) -> Result<TokenClaims, TokenError> {
        if !self.validation.algorithms.contains(&algorithm) {
            return Err(TokenError::Algorithm);
        }
        decode(token, &self.key, &self.validation)
            .map(|token| token.claims)
            .map_err(|error| TokenError::from_verification(&error))
    }
}

fn is_rsa_modulus_too_short(key: &DecodingKey) -> bool {
    match key.kind() {
        jsonwebtoken::DecodingKeyKind::RsaModulusExponent { n, .. } => {
            n.iter().skip_while(|byte| **byte == 0).count() < MIN_RSA_MODULUS_BYTES
        }
        jsonwebtoken::DecodingKeyKind::SecretOrDer(_) => false,
    }
}
