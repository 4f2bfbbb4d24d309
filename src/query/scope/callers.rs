use base64::Engine as _;
use serde_json::json;
use uuid::Uuid;

use super::signed_call::SignedCall;
use super::wire::TransactionMode;
use super::{Scope, ScopeError};
use crate::identity::{ApiKey, ApiKeyState, Claims, Entitlement, Role};

impl Scope {
    /// The tenants that a caller may ask for.
    ///
    /// # Errors
    /// [`ScopeError`] when it cannot be told.
    pub async fn entitlements(&self, claims: &Claims) -> Result<Vec<Entitlement>, ScopeError> {
        let Claims {
            principals,
            stores,
            role,
        } = claims;
        let text =
            json!({"principals": principals, "stores": stores, "role": role.as_str()}).to_string();
        let question = SignedCall {
            purpose: "entitlements",
            mode: TransactionMode::Read,
            statement: "SELECT e.tenant_id, e.role FROM guard.entitlements($1, $2, $3, pg_catalog.decode($4, 'base64')) AS e",
            text: &text,
        };
        self.rows(question, |values| match values {
            [Some(tenant), Some(role)] => Some(Entitlement {
                tenant: Uuid::try_parse(tenant).ok()?.into(),
                role: Role::from_name(role)?,
            }),
            _ => None,
        })
        .await
    }

    /// What stands of an API key; `None` if there is none of its id and secret.
    ///
    /// # Errors
    /// [`ScopeError`] when it cannot be told.
    pub async fn api_key(&self, key: &ApiKey) -> Result<Option<ApiKeyState>, ScopeError> {
        let hash = base64::engine::general_purpose::STANDARD.encode(key.hash());
        let text = json!({"key": key.id(), "hash": hash}).to_string();
        let question = SignedCall {
            purpose: "api-key",
            mode: TransactionMode::Read,
            statement: "SELECT k.state FROM guard.api_key($1, $2, $3, pg_catalog.decode($4, 'base64')) AS k",
            text: &text,
        };
        let states = self.rows(question, |values| match values {
            [Some(state)] => ApiKeyState::from_name(state),
            _ => None,
        });
        Ok(states.await?.pop())
    }
}
