use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::{CryptoRng, RngExt as _};
use secrecy::SecretString;
use sha2::{Digest as _, Sha256};

/// What every key begins with, so that one that was lost is found and known for what it is.
const PREFIX: &str = "zava_";

const ID_LENGTH: usize = 12;
const SECRET_BYTES: usize = 32;
const ID_LETTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// What is wrong with an API key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiKeyError {
    /// It has not the form of one.
    #[error("the API key is malformed")]
    Malformed,
    /// There is none of this id, or its secret is another.
    #[error("the API key is unknown")]
    Unknown,
    /// Its time is over.
    #[error("the API key has expired")]
    Expired,
    /// Somebody has taken it back.
    #[error("the API key has been revoked")]
    Revoked,
}

/// A key that was presented: `zava_<id>_<secret>`, the secret as its SHA-256.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ApiKey {
    id: String,
    hash: [u8; 32],
}

/// What stands of a key whose secret is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiKeyState {
    /// It may be used.
    Valid,
    /// Its time is over.
    Expired,
    /// Somebody has taken it back.
    Revoked,
}

impl ApiKeyState {
    /// The state of a name, as `guard.api_key` gives it.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        match name {
            "valid" => Some(Self::Valid),
            "expired" => Some(Self::Expired),
            "revoked" => Some(Self::Revoked),
            _ => None,
        }
    }
}

impl ApiKey {
    /// Reads a bearer token; `None` if it does not begin like a key.
    pub(super) fn read(token: &str) -> Option<Result<Self, ApiKeyError>> {
        let rest = token.strip_prefix(PREFIX)?;
        let key = rest.split_once('_').and_then(|(id, secret)| {
            let secret = URL_SAFE_NO_PAD.decode(secret).ok()?;
            (Self::is_id(id) && secret.len() == SECRET_BYTES).then(|| Self {
                id: id.to_owned(),
                hash: Sha256::digest(&secret).into(),
            })
        });
        Some(key.ok_or(ApiKeyError::Malformed))
    }

    /// Whether a text can be the id of a key.
    pub(super) fn is_id(text: &str) -> bool {
        text.len() == ID_LENGTH && text.bytes().all(|byte| ID_LETTERS.contains(&byte))
    }

    /// The part that is no secret.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The SHA-256 of the secret. It is random and as long, so that a slow hash would protect nothing.
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

/// A key that is about to be given to somebody. Its text is shown once and kept nowhere.
#[derive(Debug)]
pub struct NewApiKey {
    /// What the holder presents.
    pub text: SecretString,
    /// What the database keeps.
    pub key: ApiKey,
}

impl NewApiKey {
    /// Draws a key.
    pub fn draw(random: &mut impl CryptoRng) -> Self {
        let id: String = (0..ID_LENGTH)
            .map(|_| char::from(ID_LETTERS[random.random_range(0..ID_LETTERS.len())]))
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
    fn a_key_reads_as_it_was_drawn() {
        let mut random = rand_chacha::ChaCha20Rng::seed_from_u64(1);
        let (one, other) = (NewApiKey::draw(&mut random), NewApiKey::draw(&mut random));
        assert_eq!(
            ApiKey::read(one.text.expose_secret()),
            Some(Ok(one.key.clone()))
        );
        assert!(one.key.id() != other.key.id() && one.key.hash() != other.key.hash());
        assert!(
            !format!("{one:?}").contains(&one.text.expose_secret()[PREFIX.len() + ID_LENGTH..])
        );
    }

    #[test]
    fn what_has_not_the_form_of_a_key_is_none() {
        for text in [
            "",
            "eyJhbGciOiJSUzI1NiJ9.e30.x",
            "Zava_abcdefghijkl_x",
            "zava",
        ] {
            assert_eq!(ApiKey::read(text), None, "{text}");
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
                ApiKey::read(&text),
                Some(Err(ApiKeyError::Malformed)),
                "{text}"
            );
        }
    }
}
