use serde::Deserialize;
use uuid::Uuid;

use super::TokenError;
use crate::identity::caller::OAuthScopes;
use crate::identity::entitlement::{Authenticated, Claims};
use crate::identity::{Principal, Role};

/// What is read of a token before its signature is verified: the directory whose keys verify it.
#[derive(Deserialize)]
pub(super) struct UnverifiedClaims {
    pub(super) tid: Uuid,
}

/// What is read of a token after its signature, times, issuer and audience have been verified.
#[derive(Deserialize)]
pub(super) struct TokenClaims {
    tid: Uuid,
    oid: Uuid,
    /// Rejects an array of issuers, which `jsonwebtoken` accepts if one of them is right.
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
    /// The sender, given the directory whose keys have verified the token.
    pub(super) fn into_authenticated(
        self,
        directory: Uuid,
        is_home: bool,
    ) -> Result<Authenticated, TokenError> {
        if self.tid != directory {
            return Err(TokenError::Directory);
        }
        let scopes = match &self.scp {
            Some(delegated) => OAuthScopes::from_names(delegated.split(' ')),
            // An application's token has no scopes: roles carry its permissions. An id token has
            // neither, or has a user's roles and a subject that differs from the object id.
            None if self.idtyp.as_deref() == Some("app") || self.is_for_application() => {
                OAuthScopes::from_names(self.roles.iter().map(String::as_str))
            }
            None => return Err(TokenError::NotAnAccessToken),
        };
        let identity = EntraIdentity {
            directory,
            is_home,
            object: self.oid,
        };
        Ok(identity.into_authenticated(&self.groups, &self.roles, scopes))
    }

    /// The subject of an application's token is its object id; a user's subject is a pseudonym.
    fn is_for_application(&self) -> bool {
        Uuid::try_parse(&self.sub).is_ok_and(|subject| subject == self.oid)
    }
}

/// A user or an application of a directory.
#[derive(Clone, Copy)]
pub(in crate::identity) struct EntraIdentity {
    pub(in crate::identity) directory: Uuid,
    /// Whether the app roles in the token count. In a directory other than the home directory, its
    /// own administrators assign them.
    pub(in crate::identity) is_home: bool,
    pub(in crate::identity) object: Uuid,
}

impl EntraIdentity {
    /// The sender, with the claims that entitle them, from a token or from Easy Auth.
    pub(in crate::identity) fn into_authenticated(
        self,
        groups: &[String],
        roles: &[String],
        scopes: OAuthScopes,
    ) -> Authenticated {
        let Self {
            directory,
            is_home,
            object,
        } = self;
        let principal = format!("entra:{directory}:{object}");
        // Only the form in which Entra writes ids: a group's name may be a UUID in another form.
        let is_id =
            |group: &&String| Uuid::try_parse(group).is_ok_and(|id| id.to_string() == **group);
        let mut principals: Vec<String> = groups
            .iter()
            .filter(is_id)
            .map(|group| format!("group:{directory}:{group}"))
            .collect();
        principals.push(principal.clone());
        principals.sort_unstable();
        let roles: &[String] = if is_home { roles } else { &[] };
        let mut stores: Vec<String> = roles
            .iter()
            .filter_map(|role| role.strip_prefix("store."))
            .filter(|store| is_slug(store))
            .map(str::to_owned)
            .collect();
        stores.sort_unstable();
        let role = roles.iter().filter_map(|role| Role::from_name(role)).max();
        Authenticated {
            principal: Principal::new(principal),
            claims: Claims {
                principals,
                stores,
                role: role.unwrap_or(Role::Reader),
            },
            scopes,
        }
    }
}

/// Whether a text has the form of a store's name in an app role.
fn is_slug(store: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=100).contains(&store.len()) && store.bytes().all(is_allowed)
}
