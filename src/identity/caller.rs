use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use uuid::Uuid;

use super::{ApiKey, TenantId};

/// What a caller may do with a tenant's rows, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Calls the tools.
    Reader,
    /// Gets longer answers, and plans where they tell nothing of other tenants.
    Analyst,
    /// Beside that, sees how the server is.
    Operator,
}

impl Role {
    /// All of them, least first.
    pub const ALL: [Self; 3] = [Self::Reader, Self::Analyst, Self::Operator];

    /// The name, in tokens and in `guard.entitlement`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Analyst => "analyst",
            Self::Operator => "operator",
        }
    }

    /// The role of a name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }
}

/// A permission that an OAuth token may carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OAuthScope {
    /// To read schemas and run queries.
    Query,
    /// To search products.
    Search,
}

impl OAuthScope {
    /// All of them, in the order of the protected-resource metadata.
    pub const ALL: [Self; 2] = [Self::Query, Self::Search];

    /// The name, as in a token.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Query => "mcp.query",
            Self::Search => "mcp.search",
        }
    }
}

/// Which of them a caller has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OAuthScopes {
    query: bool,
    search: bool,
}

impl OAuthScopes {
    /// Everything: for callers whose proof knows no scopes.
    pub const ALL: Self = Self {
        query: true,
        search: true,
    };

    /// Those among `names`; others are somebody else's.
    pub(super) fn among<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
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

    /// Whether a scope is among them.
    #[must_use]
    pub fn has(self, scope: OAuthScope) -> bool {
        match scope {
            OAuthScope::Query => self.query,
            OAuthScope::Search => self.search,
        }
    }
}

/// Who somebody is, in the form of `guard.entitlement.principal`: `entra:<directory>:<object id>`, `apikey:<key id>`, or
/// `tenant:<tenant id>` for who has proved nothing.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Principal(Arc<str>);

/// What stands before a tenant that is named and not proved.
const NAMED: &str = "tenant:";

/// A text that names nobody who could be given a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not entra:<directory>:<object id>, group:<directory>:<group id> with UUIDs in lower case, or apikey:<key id>"
)]
pub struct MalformedPrincipal;

impl FromStr for Principal {
    type Err = MalformedPrincipal;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_id = |id: &str| Uuid::try_parse(id).is_ok_and(|uuid| uuid.to_string() == id);
        let parts: Vec<&str> = text.split(':').collect();
        let is_good = match parts.as_slice() {
            ["entra" | "group", directory, id] => is_id(directory) && is_id(id),
            ["apikey", id] => ApiKey::is_id(id),
            _ => false,
        };
        if is_good {
            Ok(Self::new(text.to_owned()))
        } else {
            Err(MalformedPrincipal)
        }
    }
}

impl Principal {
    pub(super) fn new(id: String) -> Self {
        Self(id.into())
    }

    /// Whoever names a tenant.
    pub(super) fn of_tenant(tenant: TenantId) -> Self {
        Self::new(format!("{NAMED}{tenant}"))
    }

    /// The holder of a key.
    #[must_use]
    pub fn of_key(key: &ApiKey) -> Self {
        Self::new(format!("apikey:{}", key.id()))
    }

    /// Whether it is more than a tenant's name.
    fn is_proved(&self) -> bool {
        !self.0.starts_with(NAMED)
    }

    /// The text form.
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

/// Somebody who may ask, and the tenant they ask for. Only [`Identity`](super::Identity) makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    pub(super) principal: Principal,
    pub(super) tenant: TenantId,
    pub(super) role: Role,
    pub(super) scopes: OAuthScopes,
}

impl Caller {
    /// Somebody who has named a tenant and proved nothing.
    pub(super) fn named(principal: Principal, tenant: TenantId) -> Self {
        Self {
            principal,
            tenant,
            role: Role::Analyst,
            scopes: OAuthScopes::ALL,
        }
    }

    /// Who it is.
    #[must_use]
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The tenant whose rows this caller sees.
    #[must_use]
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// What the caller may do.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// What the caller's token is good for.
    #[must_use]
    pub fn scopes(&self) -> OAuthScopes {
        self.scopes
    }

    /// Whether the limits of analysts hold: not for whoever only names a tenant.
    #[must_use]
    pub fn has_larger_limits(&self) -> bool {
        self.role >= Role::Analyst && self.principal.is_proved()
    }

    /// Whether this caller may ask how rows would be found: estimates speak of all tenants' rows.
    #[must_use]
    pub fn may_see_plans(&self) -> bool {
        self.tenant == TenantId::HEAD_OFFICE && self.role >= Role::Analyst
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_of_a_principal() {
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
            assert_eq!(text.parse::<Principal>(), Err(MalformedPrincipal), "{text}");
        }
    }
}
