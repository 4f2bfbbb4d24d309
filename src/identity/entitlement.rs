use super::caller::OAuthScopes;
use super::{ApiKey, AuthError, Caller, Principal, Role, TenantId};

/// A tenant that somebody may ask for, and in which role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entitlement {
    /// The tenant.
    pub tenant: TenantId,
    /// The role.
    pub role: Role,
}

/// What is asked of the directory about one caller: everything that entitles them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Claims {
    /// The caller and their groups, as in `guard.entitlement.principal`; sorted.
    pub principals: Vec<String>,
    /// The stores that a token names, without the `store.` before them; sorted.
    pub stores: Vec<String>,
    /// The role that goes with them.
    pub role: Role,
}

impl Claims {
    /// What they take in memory, about.
    pub(super) fn bytes(&self) -> usize {
        let texts = self.principals.iter().chain(&self.stores);
        texts.map(|text| text.len() + size_of::<String>()).sum()
    }
}

/// Somebody who has proved who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Authenticated {
    pub(super) principal: Principal,
    pub(super) claims: Claims,
    pub(super) scopes: OAuthScopes,
}

impl Authenticated {
    /// The holder of a key. What it may stands in the database alone.
    pub(super) fn by_key(key: &ApiKey) -> Self {
        let principal = Principal::of_key(key);
        Self {
            claims: Claims {
                principals: vec![principal.as_str().to_owned()],
                stores: Vec::new(),
                role: Role::Reader,
            },
            principal,
            scopes: OAuthScopes::ALL,
        }
    }

    /// The caller, for the tenant that was chosen or for the only one there is. Whether a tenant exists is not told to
    /// whom it is closed.
    pub(super) fn choose(
        self,
        entitlements: &[Entitlement],
        chosen: Option<TenantId>,
    ) -> Result<Caller, AuthError> {
        let tenant = match chosen {
            Some(tenant) => tenant,
            None => {
                let first = entitlements.first().ok_or(AuthError::NotEntitled)?.tenant;
                if entitlements.iter().any(|other| other.tenant != first) {
                    return Err(AuthError::NotChosen);
                }
                first
            }
        };
        let role = entitlements
            .iter()
            .filter(|entitlement| entitlement.tenant == tenant)
            .map(|entitlement| entitlement.role)
            .max()
            .ok_or(AuthError::NotEntitled)?;
        Ok(Caller {
            principal: self.principal,
            tenant,
            role,
            scopes: self.scopes,
        })
    }
}
