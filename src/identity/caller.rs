use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use uuid::Uuid;

use super::{ApiKey, TenantId};

/// What a caller may do with a tenant's rows. Ordered: each role may do what the ones before it
/// may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// May call the tools.
    Reader,
    /// May also get larger results, and query plans where they reveal nothing about other tenants.
    Analyst,
    /// May also read the server's detailed health.
    Operator,
}

impl Role {
    /// All roles, in ascending order.
    pub const ALL: [Self; 3] = [Self::Reader, Self::Analyst, Self::Operator];

    /// The role's name in tokens and in `guard.entitlement`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Analyst => "analyst",
            Self::Operator => "operator",
        }
    }

    /// The role with this name, if there is one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }
}

/// A permission that an OAuth token may carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OAuthScope {
    /// Allows reading schemas and running queries.
    Query,
    /// Allows searching products.
    Search,
}

impl OAuthScope {
    /// All scopes, in the order of the protected-resource metadata.
    pub const ALL: [Self; 2] = [Self::Query, Self::Search];

    /// The scope's name in a token.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Query => "mcp.query",
            Self::Search => "mcp.search",
        }
    }
}

/// The set of scopes that a caller has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OAuthScopes {
    query: bool,
    search: bool,
}

impl OAuthScopes {
    /// All scopes: for callers whose credential carries none, such as an API key.
    pub const ALL: Self = Self {
        query: true,
        search: true,
    };

    /// The scopes among `names`; names of other applications' scopes are ignored.
    pub(super) fn from_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut scopes = Self {
            query: false,
            search: false,
        };
        for name in names {
            scopes.query |= name == OAuthScope::Query.as_str();
            scopes.search |= name == OAuthScope::Search.as_str();
        }
        scopes
    }

    /// Whether the set contains `scope`.
    #[must_use]
    pub fn has(self, scope: OAuthScope) -> bool {
        match scope {
            OAuthScope::Query => self.query,
            OAuthScope::Search => self.search,
        }
    }
}

/// The identity of a caller, in the form of `guard.entitlement.principal`:
/// `entra:<directory>:<object id>`, `apikey:<key id>`, or `tenant:<tenant id>` for a sender who is
/// not authenticated and only names a tenant.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Principal(Arc<str>);

/// Prefix of the principal of a sender who is not authenticated and only names a tenant.
const TENANT_PREFIX: &str = "tenant:";

/// A text is not a principal that can be granted a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not entra:<directory>:<object id>, group:<directory>:<group id> with UUIDs in lower case, or apikey:<key id>"
)]
pub struct ParsePrincipalError;

impl FromStr for Principal {
    type Err = ParsePrincipalError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_id = |id: &str| Uuid::try_parse(id).is_ok_and(|uuid| uuid.to_string() == id);
        let parts: Vec<&str> = text.split(':').collect();
        let is_valid = match parts.as_slice() {
            ["entra" | "group", directory, id] => is_id(directory) && is_id(id),
            ["apikey", id] => ApiKey::is_id(id),
            _ => false,
        };
        if is_valid {
            Ok(Self::new(text.to_owned()))
        } else {
            Err(ParsePrincipalError)
        }
    }
}

impl Principal {
    pub(super) fn new(id: String) -> Self {
        Self(id.into())
    }

    /// The principal of a sender who only names `tenant`.
    pub(super) fn from_asserted_tenant(tenant: TenantId) -> Self {
        Self::new(format!("{TENANT_PREFIX}{tenant}"))
    }

    /// The principal of a key's holder.
    #[must_use]
    pub fn from_api_key(key: &ApiKey) -> Self {
        Self::new(format!("apikey:{}", key.id()))
    }

    /// Whether the principal was authenticated, and did not only name a tenant.
    #[must_use]
    pub fn is_authenticated(&self) -> bool {
        !self.0.starts_with(TENANT_PREFIX)
    }

    /// The principal's text form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An authenticated and authorized sender, with the tenant of the request. Only
/// [`Identity`](super::Identity) constructs one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    pub(super) principal: Principal,
    pub(super) tenant: TenantId,
    pub(super) role: Role,
    pub(super) scopes: OAuthScopes,
}

impl Caller {
    /// A sender who only names a tenant and is not authenticated.
    pub(super) fn from_asserted_tenant(principal: Principal, tenant: TenantId) -> Self {
        Self {
            principal,
            tenant,
            role: Role::Analyst,
            scopes: OAuthScopes::ALL,
        }
    }

    /// The caller's identity.
    #[must_use]
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The tenant whose rows this caller sees.
    #[must_use]
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// What the caller may do with the tenant's rows.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// The scopes of the caller's token.
    #[must_use]
    pub fn scopes(&self) -> OAuthScopes {
        self.scopes
    }

    /// Whether the caller may see query plans: head office only, because the planner's estimates
    /// reveal other tenants' rows.
    #[must_use]
    pub fn may_see_plans(&self) -> bool {
        self.tenant == TenantId::HEAD_OFFICE && self.role >= Role::Analyst
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_only_the_canonical_form_of_a_principal() {
        let id = "72f988bf-86f1-41af-91ab-2d7cd011db47";
        for text in [
            format!("entra:{id}:{id}"),
            format!("group:{id}:{id}"),
            "apikey:abcdefghijk0".to_owned(),
        ] {
            assert_eq!(text.parse::<Principal>().expect(&text).as_str(), text);
        }
        for text in [
            String::new(),
            id.to_owned(),
            format!("entra:{id}"),
            format!("entra:{id}:{}", id.to_uppercase()),
            format!("entra:{id}:{id} "),
            format!("tenant:{id}"),
            "apikey:short".to_owned(),
            "apikey:abcdefghijk_".to_owned(),
        ] {
            assert_eq!(
                text.parse::<Principal>(),
                Err(ParsePrincipalError),
                "{text}"
            );
        }
    }
}
