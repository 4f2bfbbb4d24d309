use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use uuid::Uuid;

use super::caller::OAuthScopes;
use super::credentials::{Credentials, SingleHeader};
use super::entitlement::Authenticated;
use super::entra::EntraIdentity;

/// The longest principal header that is decoded, in bytes. App Service limits all headers together
/// to less.
const MAX_PRINCIPAL_BYTES: usize = 64 * 1024;

/// App Service's name for the identity provider Microsoft Entra ID.
const ENTRA_PROVIDER: &str = "aad";

// Each claim has two names: App Service maps the short names in a token to URIs
// (<https://learn.microsoft.com/azure/app-service/configure-authentication-user-identities>), but
// not for every version of the provider.
const OBJECT_ID_CLAIMS: [&str; 2] = [
    "http://schemas.microsoft.com/identity/claims/objectidentifier",
    "oid",
];
const DIRECTORY_ID_CLAIMS: [&str; 2] = [
    "http://schemas.microsoft.com/identity/claims/tenantid",
    "tid",
];
const SCOPE_CLAIMS: [&str; 2] = ["http://schemas.microsoft.com/identity/claims/scope", "scp"];
const ROLE_CLAIMS: [&str; 2] = [
    "http://schemas.microsoft.com/ws/2008/06/identity/claims/role",
    "roles",
];
const GROUP_CLAIMS: [&str; 1] = ["groups"];
const TOKEN_TYPE_CLAIMS: [&str; 1] = ["idtyp"];

/// What is wrong with a platform-asserted identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EasyAuthError {
    /// A header is repeated, too long, not base64, or not JSON of the expected shape.
    #[error("{0} is malformed")]
    Malformed(&'static str),
    /// The identity provider is not Microsoft Entra ID.
    #[error("the identity provider is not Microsoft Entra ID")]
    Provider,
    /// A claim is missing, repeated, or not a UUID.
    #[error("the claim {0} is missing or malformed")]
    Claim(&'static str),
    /// The headers name different callers.
    #[error("the headers contradict each other")]
    Contradiction,
    /// The directory is not one of the allowed ones.
    #[error("tid is not a directory that this server accepts")]
    Directory,
}

#[derive(Deserialize)]
struct ClientPrincipal {
    auth_typ: String,
    claims: Vec<Claim>,
}

#[derive(Deserialize)]
struct Claim {
    typ: String,
    val: String,
}

impl ClientPrincipal {
    fn claim_values<'a>(&'a self, names: &'a [&str]) -> impl Iterator<Item = &'a str> {
        self.claims
            .iter()
            .filter(|claim| names.contains(&claim.typ.as_str()))
            .map(|claim| claim.val.as_str())
    }

    /// The UUID in the only claim that has one of the names.
    fn single_uuid(&self, names: &[&'static str]) -> Result<Uuid, EasyAuthError> {
        let mut values = self.claim_values(names);
        let (Some(value), None) = (values.next(), values.next()) else {
            return Err(EasyAuthError::Claim(names[names.len() - 1]));
        };
        Uuid::try_parse(value).map_err(|_| EasyAuthError::Claim(names[names.len() - 1]))
    }
}

/// The sender that the platform asserts; `None` without such an assertion.
///
/// # Security
/// Must be called only where the platform is in front of this server and strips these headers from
/// clients' requests: anybody else could forge them.
pub(super) fn authenticate(
    credentials: &Credentials<'_>,
    directories: &[Uuid],
) -> Result<Option<Authenticated>, EasyAuthError> {
    const PRINCIPAL: &str = "X-MS-CLIENT-PRINCIPAL";
    let text = match credentials.easyauth_principal {
        SingleHeader::Missing => return Ok(None),
        SingleHeader::One(text) if text.len() <= MAX_PRINCIPAL_BYTES => text,
        SingleHeader::One(_) | SingleHeader::Duplicate => {
            return Err(EasyAuthError::Malformed(PRINCIPAL));
        }
    };
    let json = STANDARD
        .decode(text)
        .map_err(|_| EasyAuthError::Malformed(PRINCIPAL))?;
    let principal: ClientPrincipal =
        serde_json::from_slice(&json).map_err(|_| EasyAuthError::Malformed(PRINCIPAL))?;
    let provider = credentials.easyauth_provider;
    if provider == SingleHeader::Duplicate {
        return Err(EasyAuthError::Malformed("X-MS-CLIENT-PRINCIPAL-IDP"));
    }
    if principal.auth_typ != ENTRA_PROVIDER
        || provider != SingleHeader::One(ENTRA_PROVIDER.as_bytes())
    {
        return Err(EasyAuthError::Provider);
    }
    let directory = principal.single_uuid(&DIRECTORY_ID_CLAIMS)?;
    let object = principal.single_uuid(&OBJECT_ID_CLAIMS)?;
    match credentials.easyauth_id {
        SingleHeader::One(id) if Uuid::try_parse_ascii(id).is_ok_and(|id| id == object) => {}
        SingleHeader::Duplicate => {
            return Err(EasyAuthError::Malformed("X-MS-CLIENT-PRINCIPAL-ID"));
        }
        SingleHeader::Missing | SingleHeader::One(_) => return Err(EasyAuthError::Contradiction),
    }
    if !directories.contains(&directory) {
        return Err(EasyAuthError::Directory);
    }
    let owned = |names: &[&str]| {
        let values = principal.claim_values(names);
        values.map(str::to_owned).collect::<Vec<_>>()
    };
    let (groups, roles) = (owned(&GROUP_CLAIMS), owned(&ROLE_CLAIMS));
    let mut delegated = principal.claim_values(&SCOPE_CLAIMS).peekable();
    let mut token_types = principal.claim_values(&TOKEN_TYPE_CLAIMS);
    let is_application = token_types.any(|token_type| token_type == "app");
    let scopes = if delegated.peek().is_some() {
        OAuthScopes::from_names(delegated.flat_map(|scopes| scopes.split(' ')))
    } else if is_application {
        OAuthScopes::from_names(roles.iter().map(String::as_str))
    } else {
        // A user who has signed in with a browser: the token identifies them and grants no scope.
        OAuthScopes::from_names([])
    };
    let identity = EntraIdentity {
        directory,
        is_home: directories.first() == Some(&directory),
        object,
    };
    Ok(Some(identity.into_authenticated(&groups, &roles, scopes)))
}
