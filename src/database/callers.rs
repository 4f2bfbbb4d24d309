use chrono::{DateTime, Utc};
use sqlx::postgres::PgRow;
use sqlx::{Connection as _, FromRow, PgConnection, Row as _};
use uuid::Uuid;

use super::AdminError;
use crate::identity::{NewApiKey, Principal, Role};

/// Who may ask for which tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Who, as in `guard.entitlement`.
    pub principal: String,
    /// The tenant's name; its id where there is no such tenant any more.
    pub tenant: String,
    /// The role's name.
    pub role: String,
    /// Since when.
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

/// A key as it is listed: nothing of it is secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedKey {
    /// Its id, which stands in the key's text behind `zava_`.
    pub id: String,
    /// What it was called when it was made.
    pub name: String,
    /// `valid`, `expired` or `revoked`.
    pub state: String,
    /// When it expires, or has.
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

/// Lets a caller ask for a tenant; a role given before is replaced.
///
/// # Errors
/// [`AdminError::NoTenant`] and [`AdminError::Statement`].
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

/// Takes a grant back; whether there was one.
///
/// # Errors
/// [`AdminError::NoTenant`] and [`AdminError::Statement`].
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
        .map(|done| done.rows_affected() > 0)
        .map_err(AdminError::Statement)
}

/// All grants, by caller and tenant.
///
/// # Errors
/// [`AdminError::Statement`].
pub async fn grants(connection: &mut PgConnection) -> Result<Vec<Grant>, AdminError> {
    sqlx::query_as(
        "SELECT e.principal, coalesce(t.tenant_name, e.tenant_id::text) AS tenant, e.role, e.granted_at
         FROM guard.entitlement AS e LEFT JOIN guard.tenant AS t USING (tenant_id) ORDER BY 1, 2",
    )
    .fetch_all(connection)
    .await
    .map_err(AdminError::Statement)
}

/// Keeps a key and lets its holder ask for tenants: all of it or nothing.
///
/// # Errors
/// [`AdminError::NoTenant`], [`AdminError::KeyName`] and [`AdminError::Statement`].
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
            Some("api_key_key_name_key" | "api_key_key_name_check") => AdminError::KeyName,
            _ => AdminError::Statement(error),
        })?;
    let principal = Principal::from_api_key(&new.key);
    for tenant in tenants {
        grant(&mut transaction, &principal, tenant, role).await?;
    }
    transaction.commit().await.map_err(AdminError::Statement)
}

/// All keys, the newest first.
///
/// # Errors
/// [`AdminError::Statement`].
pub async fn keys(connection: &mut PgConnection) -> Result<Vec<ListedKey>, AdminError> {
    sqlx::query_as(
        "SELECT api_key_id AS id, key_name AS name, expires_at,
             CASE WHEN revoked_at IS NOT NULL THEN 'revoked' WHEN expires_at <= now() THEN 'expired' ELSE 'valid' END AS state
         FROM guard.api_key ORDER BY created_at DESC, key_name",
    )
    .fetch_all(connection)
    .await
    .map_err(AdminError::Statement)
}

/// Takes a key back, by id or name; whether there was one. Servers believe it for some seconds more.
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
    .map(|done| done.rows_affected() > 0)
    .map_err(AdminError::Statement)
}

/// A tenant by its id or its name.
async fn tenant_id(connection: &mut PgConnection, tenant: &str) -> Result<Uuid, AdminError> {
    let found: Vec<Uuid> = sqlx::query_scalar(
        "SELECT t.tenant_id FROM guard.tenant AS t WHERE $1 IN (t.tenant_id::text, t.tenant_name)",
    )
    .bind(tenant)
    .fetch_all(&mut *connection)
    .await
    .map_err(AdminError::Statement)?;
    match found.as_slice() {
        [one] => Ok(*one),
        _ => {
            let names = sqlx::query_scalar("SELECT tenant_name FROM guard.tenant ORDER BY 1");
            let names = names
                .fetch_all(connection)
                .await
                .map_err(AdminError::Statement)?;
            Err(AdminError::NoTenant {
                name: tenant.to_owned(),
                names,
            })
        }
    }
}
