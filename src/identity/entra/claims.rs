use serde::Deserialize;
use uuid::Uuid;

use super::TokenError;
use crate::identity::caller::OAuthScopes;
use crate::identity::entitlement::{Authenticated, Claims};
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
    pub(super) fn prove(self, directory: Uuid, is_home: bool) -> Result<Authenticated, TokenError> {
        if self.tid != directory {
            return Err(TokenError::Directory);
        }
        let names = match &self.scp {
            Some(delegated) => OAuthScopes::among(delegated.split(' ')),
            // An application's token has no scopes; what it may do are roles. An id token has none of both, or a user's roles,
            // and a subject that is not the object.
            None if self.idtyp.as_deref() == Some("app") || self.is_of_application() => {
                OAuthScopes::among(self.roles.iter().map(String::as_str))
            }
            None => return Err(TokenError::NotAccess),
        };
        let who = Identified {
            directory,
            is_home,
            object: self.oid,
        };
        Ok(who.proven(&self.groups, &self.roles, names))
    }

    /// The subject of an application's token is its object id; a user's subject is a pseudonym.
    fn is_of_application(&self) -> bool {
        Uuid::try_parse(&self.sub).is_ok_and(|subject| subject == self.oid)
    }
}

/// Somebody of a directory.
#[derive(Clone, Copy)]
pub(in crate::identity) struct Identified {
    pub(in crate::identity) directory: Uuid,
    /// Whether its app roles count: those of another directory are assigned by its own administrators.
    pub(in crate::identity) is_home: bool,
    pub(in crate::identity) object: Uuid,
}

impl Identified {
    /// The caller, with what entitles them: from a token or from the platform.
    pub(in crate::identity) fn proven(
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
        // Only in the form that Entra gives ids: a name that looks like one in another form is a name.
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
        let role = roles.iter().filter_map(|role| Role::of_name(role)).max();
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

/// Whether this can be a store's name as app roles write it.
fn is_slug(store: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=100).contains(&store.len()) && store.bytes().all(is_letter)
}
