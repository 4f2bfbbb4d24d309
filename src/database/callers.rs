use chrono::{DateTime, Utc};
use sqlx::postgres::PgRow;
use sqlx::{Connection as _, FromRow, PgConnection, Row as _};
use uuid::Uuid;

use super::AdminError;
use crate::identity::{NewApiKey, Principal, Role};

/// A grant: a principal may query a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The principal, as in `guard.entitlement`.
    pub principal: String,
    /// The tenant's name, or its id if the tenant no longer exists.
    pub tenant: String,
    /// The role's name.
    pub role: String,
    /// When it was granted.
    pub granted_at: DateTime<Utc>,
}

impl FromRow<'_, PgRow> for Grant {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            principal: row.try_get("principal")?,
            tenant: row.try_get("tenant")?,
            role: row.try_get("role")?,
            granted_at: row.try_get("granted_at")?,
        })
    }
}

/// An API key as `key list` shows it, without any secret part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedKey {
    /// The key's id, which follows `zava_` in the key's text.
    pub id: String,
    /// The name that it was created with.
    pub name: String,
    /// `valid`, `expired` or `revoked`.
    pub state: String,
    /// When it expires, or has expired.
    pub expires_at: DateTime<Utc>,
}

impl FromRow<'_, PgRow> for ListedKey {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get("id")?,
            name: row.try_get("name")?,
            state: row.try_get("state")?,
            expires_at: row.try_get("expires_at")?,
        })
    }
}

/// Grants a principal a tenant, by the tenant's id or name. A role granted before is replaced.
///
/// # Errors
/// [`AdminError::UnknownTenant`] and [`AdminError::Statement`].
pub async fn grant(
    connection: &mut PgConnection,
    principal: &Principal,
    tenant: &str,
    role: Role,
) -> Result<(), AdminError> {
    let tenant = tenant_id(connection, tenant).await?;
    sqlx::query(
        "INSERT INTO guard.entitlement (principal, tenant_id, role) VALUES ($1, $2, $3)
         ON CONFLICT (principal, tenant_id) DO UPDATE SET role = excluded.role, granted_at = now()",
    )
    .bind(principal.as_str())
    .bind(tenant)
    .bind(role.as_str())
    .execute(connection)
    .await
    .map(|_| ())
    .map_err(AdminError::Statement)
}

/// Revokes a grant, by the tenant's id or name. Returns whether there was one. Servers apply it
/// within 15 seconds.
///
/// # Errors
/// [`AdminError::UnknownTenant`] and [`AdminError::Statement`].
pub async fn revoke(
    connection: &mut PgConnection,
    principal: &Principal,
    tenant: &str,
) -> Result<bool, AdminError> {
    let tenant = tenant_id(connection, tenant).await?;
    sqlx::query("DELETE FROM guard.entitlement WHERE principal = $1 AND tenant_id = $2")
        .bind(principal.as_str())
        .bind(tenant)
        .execute(connection)
        .await
        .map(|result| result.rows_affected() > 0)
        .map_err(AdminError::Statement)
}

/// All grants, ordered by principal and tenant.
///
/// # Errors
/// [`AdminError::Statement`].
pub async fn list_grants(connection: &mut PgConnection) -> Result<Vec<Grant>, AdminError> {
    sqlx::query_as(
        "SELECT e.principal, coalesce(t.tenant_name, e.tenant_id::text) AS tenant, e.role, e.granted_at
         FROM guard.entitlement AS e LEFT JOIN guard.tenant AS t USING (tenant_id) ORDER BY 1, 2",
    )
    .fetch_all(connection)
    .await
    .map_err(AdminError::Statement)
}

/// Stores a key and grants its holder the tenants, in one transaction.
///
/// # Errors
/// [`AdminError::UnknownTenant`], [`AdminError::InvalidKeyName`] and [`AdminError::Statement`].
pub async fn create_key(
    connection: &mut PgConnection,
    new: &NewApiKey,
    name: &str,
    expires_at: DateTime<Utc>,
    tenants: &[String],
    role: Role,
) -> Result<(), AdminError> {
    let mut transaction = connection.begin().await.map_err(AdminError::Statement)?;
    sqlx::query("INSERT INTO guard.api_key (api_key_id, key_name, secret_hash, expires_at) VALUES ($1, $2, $3, $4)")
        .bind(new.key.id())
        .bind(name)
        .bind(new.key.hash().as_slice())
        .bind(expires_at)
        .execute(&mut *transaction)
        .await
        .map_err(|error| match error.as_database_error().and_then(|error| error.constraint()) {
            Some("api_key_key_name_key" | "api_key_key_name_check") => AdminError::InvalidKeyName,
            _ => AdminError::Statement(error),
        })?;
    let principal = Principal::from_api_key(&new.key);
    for tenant in tenants {
        grant(&mut transaction, &principal, tenant, role).await?;
    }
    transaction.commit().await.map_err(AdminError::Statement)
}

/// All keys, newest first.
///
/// # Errors
/// [`AdminError::Statement`].
pub async fn list_keys(connection: &mut PgConnection) -> Result<Vec<ListedKey>, AdminError> {
    sqlx::query_as(
        "SELECT api_key_id AS id, key_name AS name, expires_at,
             CASE WHEN revoked_at IS NOT NULL THEN 'revoked' WHEN expires_at <= now() THEN 'expired' ELSE 'valid' END AS state
         FROM guard.api_key ORDER BY created_at DESC, key_name",
    )
    .fetch_all(connection)
    .await
    .map_err(AdminError::Statement)
}

/// Revokes a key, by id or name. Returns whether there is one. Servers apply it within 15 seconds.
///
/// # Errors
/// [`AdminError::Statement`].
pub async fn revoke_key(connection: &mut PgConnection, key: &str) -> Result<bool, AdminError> {
    sqlx::query(
        "UPDATE guard.api_key SET revoked_at = coalesce(revoked_at, now()) WHERE api_key_id = $1 OR key_name = $1",
    )
    .bind(key)
    .execute(connection)
    .await
    .map(|result| result.rows_affected() > 0)
    .map_err(AdminError::Statement)
}

/// The id of the tenant with this id or name.
pub(super) async fn tenant_id(
    connection: &mut PgConnection,
    tenant: &str,
) -> Result<Uuid, AdminError> {
    let ids: Vec<Uuid> = sqlx::query_scalar(
        "SELECT t.tenant_id FROM guard.tenant AS t WHERE $1 IN (t.tenant_id::text, t.tenant_name)",
    )
    .bind(tenant)
    .fetch_all(&mut *connection)
    .await
    .map_err(AdminError::Statement)?;
    match ids.as_slice() {
        [id] => Ok(*id),
        _ => {
            let names = sqlx::query_scalar("SELECT tenant_name FROM guard.tenant ORDER BY 1");
            let names = names
                .fetch_all(connection)
                .await
                .map_err(AdminError::Statement)?;
            Err(AdminError::UnknownTenant {
                name: tenant.to_owned(),
                names,
            })
        }
    }
}
