use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::{CryptoRng, RngExt as _};
use secrecy::SecretString;
use sha2::{Digest as _, Sha256};

/// Prefix of every key: secret scanners find a leaked key by it, and people recognize one.
const PREFIX: &str = "zava_";

/// Length of a key id, in ASCII characters.
const ID_LENGTH: usize = 12;
const ID_ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
const SECRET_BYTES: usize = 32;

/// Why an API key is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiKeyError {
    /// The key does not have the form `zava_<id>_<secret>`.
    #[error("the API key is malformed")]
    Malformed,
    /// No key has this id, or the key with this id has another secret.
    #[error("the API key is unknown")]
    Unknown,
    /// The key's expiry time has passed.
    #[error("the API key has expired")]
    Expired,
    /// An operator has revoked the key.
    #[error("the API key has been revoked")]
    Revoked,
}

/// A key that a request carries, `zava_<id>_<secret>`: its id and the SHA-256 of its secret.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ApiKey {
    id: String,
    hash: [u8; 32],
}

/// The state of a key whose secret is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiKeyState {
    /// The key may be used.
    Valid,
    /// The key's expiry time has passed.
    Expired,
    /// An operator has revoked the key.
    Revoked,
}

impl ApiKeyState {
    /// Parses the state that `guard.api_key` returns; `None` for any other text.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "valid" => Some(Self::Valid),
            "expired" => Some(Self::Expired),
            "revoked" => Some(Self::Revoked),
            _ => None,
        }
    }
}

impl ApiKey {
    /// Parses a bearer token; `None` if the token does not start with the prefix of keys.
    pub(super) fn parse(token: &str) -> Option<Result<Self, ApiKeyError>> {
        let id_and_secret = token.strip_prefix(PREFIX)?;
        let key = id_and_secret.split_once('_').and_then(|(id, secret)| {
            let secret = URL_SAFE_NO_PAD.decode(secret).ok()?;
            (Self::is_id(id) && secret.len() == SECRET_BYTES).then(|| Self {
                id: id.to_owned(),
                hash: Sha256::digest(&secret).into(),
            })
        });
        Some(key.ok_or(ApiKeyError::Malformed))
    }

    /// Whether a text has the form of a key id.
    pub(super) fn is_id(text: &str) -> bool {
        text.len() == ID_LENGTH && text.bytes().all(|byte| ID_ALPHABET.contains(&byte))
    }

    /// The key's id, which is not secret.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The SHA-256 of the secret. The secret is 32 random bytes, so a slow password hash would
    /// protect no better.
    #[must_use]
    pub fn hash(&self) -> &[u8; 32] {
        &self.hash
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// A newly generated key. Its text is shown once and stored nowhere.
#[derive(Debug)]
pub struct NewApiKey {
    /// What the key's holder sends.
    pub text: SecretString,
    /// What the database stores.
    pub key: ApiKey,
}

impl NewApiKey {
    /// Generates a key from `random`.
    pub fn generate(random: &mut impl CryptoRng) -> Self {
        let id: String = (0..ID_LENGTH)
            .map(|_| char::from(ID_ALPHABET[random.random_range(0..ID_ALPHABET.len())]))
            .collect();
        let secret: [u8; SECRET_BYTES] = random.random();
        let hash = Sha256::digest(secret).into();
        let text = format!("{PREFIX}{id}_{}", URL_SAFE_NO_PAD.encode(secret));
        Self {
            text: text.into(),
            key: ApiKey { id, hash },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng as _;
    use secrecy::ExposeSecret as _;

    #[test]
    fn a_generated_key_parses_to_itself_and_debug_hides_its_secret() {
        let mut random = rand_chacha::ChaCha20Rng::seed_from_u64(1);
        let one = NewApiKey::generate(&mut random);
        let other = NewApiKey::generate(&mut random);
        assert_eq!(
            ApiKey::parse(one.text.expose_secret()),
            Some(Ok(one.key.clone()))
        );
        assert!(one.key.id() != other.key.id() && one.key.hash() != other.key.hash());
        assert!(
            !format!("{one:?}").contains(&one.text.expose_secret()[PREFIX.len() + ID_LENGTH..])
        );
    }

    #[test]
    fn rejects_texts_that_are_not_well_formed_keys() {
        for text in [
            "",
            "eyJhbGciOiJSUzI1NiJ9.e30.x",
            "Zava_abcdefghijkl_x",
            "zava",
        ] {
            assert_eq!(ApiKey::parse(text), None, "{text}");
        }
        let secret = "A".repeat(43);
        for text in [
            "zava_".to_owned(),
            "zava_abcdefghijkl".to_owned(),
            format!("zava_abcdefghijk_{secret}"),
            format!("zava_abcdefghijKl_{secret}"),
            format!("zava_abcdefghijkl_{secret}A"),
            format!("zava_abcdefghijkl_{}", &secret[1..]),
            format!("zava_abcdefghijkl_{secret} "),
            format!("zava_abcdefghijkl_{}B", &secret[1..]),
        ] {
            assert_eq!(
                ApiKey::parse(&text),
                Some(Err(ApiKeyError::Malformed)),
                "{text}"
            );
        }
    }
}
