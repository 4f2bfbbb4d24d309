use std::collections::HashMap;
use std::sync::Arc;

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation, decode};
use tokio::time::Instant;

use super::TokenError;
use super::claims::TokenClaims;

/// How far clocks may differ, in seconds.
const LEEWAY: u64 = 60;

/// The shortest RSA key that is believed, in bytes: 2,048 bits (NIST SP 800-131A).
const SHORTEST_RSA: usize = 256;

/// The algorithm of a token, if it is one of ours and the header asks for nothing else.
pub(super) fn checked_algorithm(header: &Header) -> Result<Algorithm, TokenError> {
    let strange = [
        ("jku", header.jku.is_some()),
        ("jwk", header.jwk.is_some()),
        ("x5u", header.x5u.is_some()),
        ("x5c", header.x5c.is_some()),
        ("crit", header.crit.is_some()),
    ];
    if let Some((name, _)) = strange.into_iter().find(|(_, is_there)| *is_there) {
        return Err(TokenError::Header(name));
    }
    match header.alg {
        known @ (Algorithm::RS256 | Algorithm::PS256 | Algorithm::ES256) => Ok(known),
        _ => Err(TokenError::Algorithm),
    }
}

/// The keys of one issuer.
pub(super) struct Keys {
    by_id: HashMap<String, Arc<Key>>,
    pub(super) fetched: Instant,
}

impl Keys {
    /// Those of a published set that may sign tokens. A key that is not understood is left out: the issuer may have others
    /// for other uses.
    pub(super) fn of(
        set: impl IntoIterator<Item = Jwk>,
        issuers: &[String],
        audiences: &[String],
        fetched: Instant,
    ) -> Self {
        let mut by_id = HashMap::new();
        for jwk in set {
            let key = Key::of(&jwk, issuers, audiences);
            if let (Some(id), Some(key)) = (jwk.common.key_id, key) {
                by_id.insert(id, Arc::new(key));
            }
        }
        Self { by_id, fetched }
    }

    pub(super) fn get(&self, id: &str) -> Option<Arc<Key>> {
        self.by_id.get(id).cloned()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }
}

/// One key and what a token that it signed must say.
pub(super) struct Key {
    key: DecodingKey,
    validation: Validation,
}

impl Key {
    fn of(jwk: &Jwk, issuers: &[String], audiences: &[String]) -> Option<Self> {
        if !matches!(
            jwk.common.public_key_use,
            None | Some(PublicKeyUse::Signature)
        ) {
            return None;
        }
        let fitting: &[Algorithm] = match &jwk.algorithm {
            AlgorithmParameters::RSA(_) => &[Algorithm::RS256, Algorithm::PS256],
            AlgorithmParameters::EllipticCurve(curve) if curve.curve == EllipticCurve::P256 => {
                &[Algorithm::ES256]
            }
            _ => return None,
        };
        // A key that names its algorithm is for that one alone.
        let algorithms: Vec<Algorithm> = match jwk.common.key_algorithm {
            None => fitting.to_vec(),
            Some(named) => {
                let named = named.to_string().parse().ok()?;
                fitting
                    .iter()
                    .copied()
                    .filter(|one| *one == named)
                    .collect()
            }
        };
        let key = DecodingKey::from_jwk(jwk).ok()?;
        if algorithms.is_empty() || is_short(&key) {
            return None;
        }
        let mut validation = Validation::new(algorithms[0]);
        validation.algorithms = algorithms;
        validation.leeway = LEEWAY;
        validation.validate_nbf = true;
        validation.set_issuer(issuers);
        validation.set_audience(audiences);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        Some(Self { key, validation })
    }

    /// What a token says, if this key has signed it by `algorithm` and it is valid now, here.
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
            .map_err(|error| TokenError::of_claims(&error))
    }
}

fn is_short(key: &DecodingKey) -> bool {
    match key.kind() {
        jsonwebtoken::DecodingKeyKind::RsaModulusExponent { n, .. } => {
            n.iter().skip_while(|byte| **byte == 0).count() < SHORTEST_RSA
        }
        jsonwebtoken::DecodingKeyKind::SecretOrDer(_) => false,
    }
}
