use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use uuid::Uuid;

use super::caller::OAuthScopes;
use super::credentials::{Credentials, SingleHeader};
use super::entitlement::Authenticated;
use super::entra::Identified;

/// The longest principal that is looked at; App Service bounds all headers together to less.
const LONGEST: usize = 64 * 1024;

/// What App Service's authentication calls Microsoft Entra ID.
const PROVIDER: &str = "aad";

/// What it calls claims: it maps the short names of a token to URIs
/// (<https://learn.microsoft.com/azure/app-service/configure-authentication-user-identities>), but not for every provider version.
const OBJECT: [&str; 2] = [
    "http://schemas.microsoft.com/identity/claims/objectidentifier",
    "oid",
];
const DIRECTORY: [&str; 2] = [
    "http://schemas.microsoft.com/identity/claims/tenantid",
    "tid",
];
const SCOPE: [&str; 2] = ["http://schemas.microsoft.com/identity/claims/scope", "scp"];
const ROLES: [&str; 2] = [
    "http://schemas.microsoft.com/ws/2008/06/identity/claims/role",
    "roles",
];
const GROUPS: [&str; 1] = ["groups"];
const TOKEN_TYPE: [&str; 1] = ["idtyp"];

/// What is wrong with what the platform says of a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EasyAuthError {
    /// A header is repeated, not base64, not JSON of its shape, or too long.
    #[error("{0} is malformed")]
    Malformed(&'static str),
    /// The identity provider is another one.
    #[error("the identity provider is not Microsoft Entra ID")]
    Provider,
    /// A claim is missing, given twice, or no UUID.
    #[error("the claim {0} is missing or malformed")]
    Claim(&'static str),
    /// The headers speak of different callers.
    #[error("the headers contradict each other")]
    Contradiction,
    /// The directory is not one of those allowed.
    #[error("tid is not a directory of this server")]
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
    fn all<'a>(&'a self, names: &'a [&str]) -> impl Iterator<Item = &'a str> {
        self.claims
            .iter()
            .filter(|claim| names.contains(&claim.typ.as_str()))
            .map(|claim| claim.val.as_str())
    }

    fn one(&self, names: &[&'static str]) -> Result<Uuid, EasyAuthError> {
        let mut values = self.all(names);
        let (Some(value), None) = (values.next(), values.next()) else {
            return Err(EasyAuthError::Claim(names[names.len() - 1]));
        };
        Uuid::try_parse(value).map_err(|_| EasyAuthError::Claim(names[names.len() - 1]))
    }
}

/// Who the platform says is calling; `None` when it says nothing. To be asked only where the platform stands in front and takes
/// these headers away from whoever else sends them.
pub(super) fn prove(
    presented: &Credentials<'_>,
    directories: &[Uuid],
) -> Result<Option<Authenticated>, EasyAuthError> {
    const PRINCIPAL: &str = "X-MS-CLIENT-PRINCIPAL";
    let text = match presented.easyauth_principal {
        SingleHeader::Missing => return Ok(None),
        SingleHeader::One(text) if text.len() <= LONGEST => text,
        SingleHeader::One(_) | SingleHeader::Duplicate => {
            return Err(EasyAuthError::Malformed(PRINCIPAL));
        }
    };
    let json = STANDARD
        .decode(text)
        .map_err(|_| EasyAuthError::Malformed(PRINCIPAL))?;
    let principal: ClientPrincipal =
        serde_json::from_slice(&json).map_err(|_| EasyAuthError::Malformed(PRINCIPAL))?;
    let provider = presented.easyauth_provider;
    if provider == SingleHeader::Duplicate {
        return Err(EasyAuthError::Malformed("X-MS-CLIENT-PRINCIPAL-IDP"));
    }
    if principal.auth_typ != PROVIDER || provider != SingleHeader::One(PROVIDER.as_bytes()) {
        return Err(EasyAuthError::Provider);
    }
    let directory = principal.one(&DIRECTORY)?;
    let object = principal.one(&OBJECT)?;
    match presented.easyauth_id {
        SingleHeader::One(id) if Uuid::try_parse_ascii(id).is_ok_and(|id| id == object) => {}
        SingleHeader::Duplicate => {
            return Err(EasyAuthError::Malformed("X-MS-CLIENT-PRINCIPAL-ID"));
        }
        SingleHeader::Missing | SingleHeader::One(_) => return Err(EasyAuthError::Contradiction),
    }
    if !directories.contains(&directory) {
        return Err(EasyAuthError::Directory);
    }
    let owned = |names: &[&str]| principal.all(names).map(str::to_owned).collect::<Vec<_>>();
    let (groups, roles) = (owned(&GROUPS), owned(&ROLES));
    let mut delegated = principal.all(&SCOPE).peekable();
    let is_application = principal.all(&TOKEN_TYPE).any(|kind| kind == "app");
    let scopes = if delegated.peek().is_some() {
        OAuthScopes::among(delegated.flat_map(|scopes| scopes.split(' ')))
    } else if is_application {
        OAuthScopes::among(roles.iter().map(String::as_str))
    } else {
        // A user who has signed in with a browser: what they are is known, but no access was asked for.
        OAuthScopes::among([])
    };
    let who = Identified {
        directory,
        is_home: directories.first() == Some(&directory),
        object,
    };
    Ok(Some(who.proven(&groups, &roles, scopes)))
}
