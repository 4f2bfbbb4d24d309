use serde::Deserialize;
use uuid::Uuid;

use super::Fault;
use crate::identity::caller::OAuthScopes;
use crate::identity::entitlement::{Claims, Proven};
use crate::identity::{Principal, Role};

/// What is read before the signature is checked: whose keys to check it with.
#[derive(Deserialize)]
pub(super) struct Peeked {
    pub(super) tid: Uuid,
}

/// What is read of a token whose signature, times, issuer and audience are right.
#[derive(Deserialize)]
pub(super) struct TokenClaims {
    tid: Uuid,
    oid: Uuid,
    /// Only to insist on one issuer: `jsonwebtoken` takes an array of them for right when one is.
    #[serde(rename = "iss")]
    _issuer: String,
    sub: String,
    scp: Option<String>,
    idtyp: Option<String>,
    #[serde(default)]
    roles: Vec<String>,
    #[serde(default)]
    groups: Vec<String>,
}

impl TokenClaims {
    /// The caller, of the directory whose keys have verified the token.
    pub(super) fn prove(self, directory: Uuid) -> Result<Proven, Fault> {
        if self.tid != directory {
            return Err(Fault::Directory);
        }
        let names = match &self.scp {
            Some(delegated) => OAuthScopes::among(delegated.split(' ')),
            // An application's token has no scopes; what it may do are roles. An id token has none of both, or a user's roles,
            // and a subject that is not the object.
            None if self.idtyp.as_deref() == Some("app") || self.is_of_application() => {
                OAuthScopes::among(self.roles.iter().map(String::as_str))
            }
            None => return Err(Fault::NotAccess),
        };
        Ok(proven(
            directory,
            self.oid,
            &self.groups,
            &self.roles,
            names,
        ))
    }

    /// The subject of an application's token is its object id; a user's subject is a pseudonym.
    fn is_of_application(&self) -> bool {
        Uuid::try_parse(&self.sub).is_ok_and(|subject| subject == self.oid)
    }
}

/// A caller of a directory with what entitles them, from a token or from the platform.
pub(in crate::identity) fn proven(
    directory: Uuid,
    object: Uuid,
    groups: &[String],
    roles: &[String],
    scopes: OAuthScopes,
) -> Proven {
    let principal = format!("entra:{directory}:{object}");
    let groups = groups
        .iter()
        .filter_map(|group| Uuid::try_parse(group).ok());
    let mut principals: Vec<String> = groups
        .map(|group| format!("group:{directory}:{group}"))
        .collect();
    principals.push(principal.clone());
    principals.sort_unstable();
    let mut stores: Vec<String> = roles
        .iter()
        .filter_map(|role| role.strip_prefix("store."))
        .map(str::to_owned)
        .collect();
    stores.sort_unstable();
    let role = roles.iter().filter_map(|role| Role::of_name(role)).max();
    Proven {
        principal: Principal::new(principal),
        claims: Claims {
            principals,
            stores,
            role: role.unwrap_or(Role::Reader),
        },
        scopes,
    }
}
