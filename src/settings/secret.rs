//! A secret, or where Azure Key Vault keeps it.

use secrecy::SecretString;
use url::Url;

use super::azure::AzureCredential;
use super::base_url::base_url;
use super::reader::Reader;
use super::variables::Variable;

/// How a reference begins, in any case
/// (<https://learn.microsoft.com/azure/app-service/app-service-key-vault-references>).
const PREFIX: &str = "@Microsoft.KeyVault";

/// What is wrong with a text that begins like a reference and is malformed.
const MALFORMED: &str = "is a malformed Key Vault reference; it must be `@Microsoft.KeyVault(SecretUri=https://VAULT.vault.azure.net/secrets/NAME)` or `@Microsoft.KeyVault(VaultName=VAULT;SecretName=NAME)`, with a version if it shall not follow rotations";

/// The longest name of a secret, in characters
/// (<https://learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates>).
const MAX_NAME_CHARS: usize = 127;

/// The value of a secret setting.
#[derive(Clone, Debug)]
pub enum Secret {
    /// The secret itself; never printed.
    Literal(SecretString),
    /// Where it is kept.
    KeyVault(KeyVaultReference),
}

/// A secret in Azure Key Vault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyVaultReference {
    /// The variable that contains the reference.
    pub setting: &'static str,
    /// The vault: scheme, host and port.
    pub vault: Url,
    /// The secret's name.
    pub name: String,
    /// Its version; `None` for the current one.
    pub version: Option<String>,
}

impl Secret {
    /// Reads a secret that is required.
    pub(super) fn read(reader: &mut Reader<'_>, variable: &'static Variable) -> Option<Self> {
        let secret = reader.parsed(variable, |text| Self::parse(variable, text))?;
        secret.with_identity(reader)
    }

    /// Requires an identity if the secret is in a vault.
    fn with_identity(self, reader: &mut Reader<'_>) -> Option<Self> {
        match self {
            Self::Literal(_) => Some(self),
            Self::KeyVault(_) => AzureCredential::require(reader).map(|()| self),
        }
    }

    fn parse(variable: &'static Variable, text: &str) -> Result<Self, &'static str> {
        match KeyVaultReference::parse(variable, text) {
            Some(reference) => Ok(Self::KeyVault(reference?)),
            None => Ok(Self::Literal(SecretString::from(text))),
        }
    }
}

impl From<String> for Secret {
    fn from(literal: String) -> Self {
        Self::Literal(literal.into())
    }
}

impl KeyVaultReference {
    /// Parses a reference. `None` if the text does not begin like one.
    pub(super) fn parse(
        variable: &'static Variable,
        text: &str,
    ) -> Option<Result<Self, &'static str>> {
        let start = text.trim_start().get(..PREFIX.len())?;
        if !start.eq_ignore_ascii_case(PREFIX) {
            return None;
        }
        let fields = text.trim()[PREFIX.len()..].trim_start();
        let fields = fields
            .strip_prefix('(')
            .and_then(|fields| fields.strip_suffix(')'));
        let reference = fields.and_then(|fields| Self::from_fields(variable, fields));
        Some(reference.ok_or(MALFORMED))
    }

    /// The reference with fields such as `VaultName=v;SecretName=n`.
    fn from_fields(variable: &'static Variable, text: &str) -> Option<Self> {
        let (mut uri, mut vault, mut name, mut version) = (None, None, None, None);
        for field in text.split(';').map(str::trim).filter(|one| !one.is_empty()) {
            let (key, value) = field.split_once('=')?;
            let place = match key.trim().to_ascii_lowercase().as_str() {
                "secreturi" => &mut uri,
                "vaultname" => &mut vault,
                "secretname" => &mut name,
                "secretversion" => &mut version,
                _ => return None,
            };
            if place.replace(value.trim()).is_some() {
                return None;
            }
        }
        let (vault, name, version) = match (uri, vault, name) {
            (Some(uri), None, None) if version.is_none() => parse_uri(uri)?,
            (None, Some(vault), Some(name)) => {
                let vault = is_identifier(vault).then_some(vault)?;
                let url = Url::parse(&format!("https://{vault}.vault.azure.net")).ok()?;
                let version = version.filter(|version| !version.is_empty());
                (url, name.to_owned(), version.map(str::to_owned))
            }
            _ => return None,
        };
        let is_valid = is_identifier(&name) && version.as_deref().is_none_or(is_identifier);
        is_valid.then_some(Self {
            setting: variable.name,
            vault,
            name,
            version,
        })
    }
}

/// The vault, name and version in `https://vault/secrets/name/version`.
fn parse_uri(text: &str) -> Option<(Url, String, Option<String>)> {
    let url = base_url(text).ok().filter(|url| url.scheme() == "https")?;
    let path = url.path().trim_matches('/').to_owned();
    let mut parts = path.split('/');
    let (folder, name, version) = (parts.next()?, parts.next()?, parts.next());
    if folder != "secrets" || parts.next().is_some() {
        return None;
    }
    let mut vault = url;
    vault.set_path("");
    Some((vault, name.to_owned(), version.map(str::to_owned)))
}

fn is_identifier(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    !text.is_empty() && text.len() <= MAX_NAME_CHARS && text.bytes().all(is_allowed)
}
