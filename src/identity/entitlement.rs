use super::caller::OAuthScopes;
use super::{ApiKey, Caller, Principal, Role, TenantId};

/// A tenant that a principal may query, and the role in which it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entitlement {
    /// The tenant.
    pub tenant: TenantId,
    /// The role.
    pub role: Role,
}

/// Everything about one caller that can entitle them to tenants; the key of an entitlement lookup.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Claims {
    /// The caller and their groups, as in `guard.entitlement.principal`; sorted.
    pub principals: Vec<String>,
    /// The stores that a token names, without the prefix `store.`; sorted.
    pub stores: Vec<String>,
    /// The role that applies to `stores`.
    pub role: Role,
}

impl Claims {
    /// The approximate size in memory, in bytes.
    pub(super) fn bytes(&self) -> usize {
        let texts = self.principals.iter().chain(&self.stores);
        texts.map(|text| text.len() + size_of::<String>()).sum()
    }
}

/// Why a sender's entitlements give no tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EntitlementError {
    /// There are several, and none was requested.
    AmbiguousTenant,
    /// The requested tenant is not among them, or there is none at all.
    NotEntitled,
}

/// An authenticated sender, not yet authorized for a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Authenticated {
    pub(super) principal: Principal,
    pub(super) claims: Claims,
    pub(super) scopes: OAuthScopes,
}

impl Authenticated {
    /// The holder of a key. Its permissions come only from the database.
    pub(super) fn from_api_key(key: &ApiKey) -> Self {
        let principal = Principal::from_api_key(key);
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

    /// The caller for the requested tenant, or for the only tenant among the entitlements.
    ///
    /// # Security
    /// An unknown tenant and a foreign one give the same error: a caller who is not entitled to a
    /// tenant must not learn whether it exists.
    pub(super) fn into_caller(
        self,
        entitlements: &[Entitlement],
        requested: Option<TenantId>,
    ) -> Result<Caller, EntitlementError> {
        let tenant = match requested {
            Some(tenant) => tenant,
            None => {
                let first = entitlements
                    .first()
                    .ok_or(EntitlementError::NotEntitled)?
                    .tenant;
                if entitlements.iter().any(|other| other.tenant != first) {
                    return Err(EntitlementError::AmbiguousTenant);
                }
                first
            }
        };
        let role = entitlements
            .iter()
            .filter(|entitlement| entitlement.tenant == tenant)
            .map(|entitlement| entitlement.role)
            .max()
            .ok_or(EntitlementError::NotEntitled)?;
        Ok(Caller {
            principal: self.principal,
            tenant,
            role,
            scopes: self.scopes,
        })
    }
}
