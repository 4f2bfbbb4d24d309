//! Tenants: each is the manager of one store, or head office, which sees all stores. Triggers of
//! `guard.tenant` and `guard.entitlement` record every change in the audit log.

use sqlx::postgres::PgRow;
use sqlx::{Connection as _, FromRow, PgConnection, Postgres, Row as _, Transaction};
use uuid::Uuid;

use super::AdminError;
use super::callers::tenant_id;

/// Lets one transaction at a time change tenants, while servers read them.
const LOCK: &str = "LOCK TABLE guard.tenant IN SHARE ROW EXCLUSIVE MODE";

/// The longest name of a store, in characters.
const MAX_NAME_CHARS: usize = 100;

/// A tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// What a request names it by.
    pub id: Uuid,
    /// Its name, which is its store's.
    pub name: String,
    /// The store whose rows it sees; `None` for all stores.
    pub store_id: Option<i32>,
}

impl FromRow<'_, PgRow> for Tenant {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get("tenant_id")?,
            name: row.try_get("tenant_name")?,
            store_id: row.try_get("store_id")?,
        })
    }
}

/// All tenants, ordered by name.
///
/// # Errors
/// [`AdminError::Statement`].
pub async fn list_tenants(connection: &mut PgConnection) -> Result<Vec<Tenant>, AdminError> {
    sqlx::query_as("SELECT tenant_id, tenant_name, store_id FROM guard.tenant ORDER BY tenant_name")
        .fetch_all(connection)
        .await
        .map_err(AdminError::Statement)
}

/// What a new tenant sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewTenant {
    /// The rows of the store with its name, which is created if there is none.
    Store {
        /// Whether a store that is created sells online.
        is_online: bool,
    },
    /// The rows of all stores.
    AllStores,
}

/// Creates a tenant.
///
/// # Errors
/// [`AdminError::TenantName`], [`AdminError::TenantExists`], [`AdminError::SameAppRole`] and
/// [`AdminError::Statement`].
pub async fn add_tenant(
    connection: &mut PgConnection,
    id: Uuid,
    name: &str,
    new: NewTenant,
) -> Result<Tenant, AdminError> {
    let name = check_name(name)?;
    let mut transaction = begin(connection).await?;
    let store_id: Option<i32> = match new {
        NewTenant::AllStores => None,
        NewTenant::Store { is_online } => sqlx::query_scalar(
            "INSERT INTO retail.stores AS s (store_name, rls_user_id, is_online) VALUES ($1, $2, $3)
             ON CONFLICT (store_name) DO UPDATE SET rls_user_id = excluded.rls_user_id
             RETURNING s.store_id",
        )
        .bind(name)
        .bind(id)
        .bind(is_online)
        .fetch_one(&mut *transaction)
        .await
        .map_err(AdminError::Statement)?,
    };
    sqlx::query(
        "INSERT INTO guard.tenant (tenant_id, tenant_name, store_id, all_stores)
         VALUES ($1, $2, $3, $3 IS NULL)",
    )
    .bind(id)
    .bind(name)
    .bind(store_id)
    .execute(&mut *transaction)
    .await
    .map_err(|error| taken(error, name))?;
    check_app_role(&mut transaction, id, name).await?;
    transaction.commit().await.map_err(AdminError::Statement)?;
    Ok(Tenant {
        id,
        name: name.to_owned(),
        store_id,
    })
}

/// Renames a tenant, and its store if it has one, by the tenant's id or name.
///
/// # Errors
/// [`AdminError::UnknownTenant`], [`AdminError::TenantName`], [`AdminError::TenantExists`],
/// [`AdminError::SameAppRole`] and [`AdminError::Statement`].
pub async fn rename_tenant(
    connection: &mut PgConnection,
    tenant: &str,
    new_name: &str,
) -> Result<(), AdminError> {
    let new_name = check_name(new_name)?;
    let mut transaction = begin(connection).await?;
    let id = tenant_id(&mut transaction, tenant).await?;
    sqlx::query(
        "WITH renamed AS (
             UPDATE guard.tenant SET tenant_name = $2 WHERE tenant_id = $1 RETURNING store_id
         )
         UPDATE retail.stores AS s SET store_name = $2 FROM renamed AS r WHERE s.store_id = r.store_id",
    )
    .bind(id)
    .bind(new_name)
    .execute(&mut *transaction)
    .await
    .map_err(|error| taken(error, new_name))?;
    check_app_role(&mut transaction, id, new_name).await?;
    transaction.commit().await.map_err(AdminError::Statement)
}

/// What has become of the store of a tenant that was removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemovedStore {
    /// The tenant saw all stores.
    None,
    /// It had no rows and is deleted.
    Deleted,
    /// It has rows, so it stays; tenants that see all stores still see it.
    Kept,
}

/// Removes a tenant and its grants, by its id or name, and its store if the store has no rows.
///
/// # Errors
/// [`AdminError::UnknownTenant`] and [`AdminError::Statement`].
pub async fn remove_tenant(
    connection: &mut PgConnection,
    tenant: &str,
) -> Result<RemovedStore, AdminError> {
    let mut transaction = begin(connection).await?;
    let id = tenant_id(&mut transaction, tenant).await?;
    sqlx::query("DELETE FROM guard.entitlement WHERE tenant_id = $1")
        .bind(id)
        .execute(&mut *transaction)
        .await
        .map_err(AdminError::Statement)?;
    let store_id: Option<i32> =
        sqlx::query_scalar("DELETE FROM guard.tenant WHERE tenant_id = $1 RETURNING store_id")
            .bind(id)
            .fetch_one(&mut *transaction)
            .await
            .map_err(AdminError::Statement)?;
    let store = match store_id {
        None => RemovedStore::None,
        Some(store_id) => {
            let deleted = sqlx::query(include_str!("delete_empty_store.sql"))
                .bind(store_id)
                .execute(&mut *transaction)
                .await
                .map_err(AdminError::Statement)?;
            match deleted.rows_affected() {
                0 => RemovedStore::Kept,
                _ => RemovedStore::Deleted,
            }
        }
    };
    transaction.commit().await.map_err(AdminError::Statement)?;
    Ok(store)
}

/// Checks a name and removes the white space around it.
fn check_name(name: &str) -> Result<&str, AdminError> {
    let name = name.trim();
    let is_valid = (1..=MAX_NAME_CHARS).contains(&name.chars().count())
        && !name.chars().any(char::is_control)
        // It would be taken for a tenant's id.
        && Uuid::try_parse(name).is_err();
    is_valid.then_some(name).ok_or(AdminError::TenantName)
}

/// Begins a transaction that changes tenants.
async fn begin(connection: &mut PgConnection) -> Result<Transaction<'_, Postgres>, AdminError> {
    let mut transaction = connection.begin().await.map_err(AdminError::Statement)?;
    sqlx::raw_sql(LOCK)
        .execute(&mut *transaction)
        .await
        .map_err(AdminError::Statement)?;
    Ok(transaction)
}

/// Checks that no app role grants a tenant together with another one: different names may have the
/// same role.
async fn check_app_role(
    connection: &mut PgConnection,
    id: Uuid,
    name: &str,
) -> Result<(), AdminError> {
    let other: Option<String> = sqlx::query_scalar(include_str!("same_app_role.sql"))
        .bind(id)
        .fetch_optional(connection)
        .await
        .map_err(AdminError::Statement)?;
    match other {
        None => Ok(()),
        Some(other) => Err(AdminError::SameAppRole {
            name: name.to_owned(),
            other,
        }),
    }
}

/// Says that a name or id is taken, if that is the error.
fn taken(error: sqlx::Error, name: &str) -> AdminError {
    match error.as_database_error() {
        Some(database) if database.is_unique_violation() => {
            AdminError::TenantExists(name.to_owned())
        }
        _ => AdminError::Statement(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_and_neither_empty_nor_an_id() {
        assert_eq!(
            check_name(" Zava Retail Portland ").expect("a name"),
            "Zava Retail Portland"
        );
        let long = "x".repeat(MAX_NAME_CHARS + 1);
        for name in [
            "",
            "  ",
            "a\nb",
            "f47ac10b-58cc-4372-a567-0e02b2c3d479",
            &long,
        ] {
            assert!(
                matches!(check_name(name), Err(AdminError::TenantName)),
                "{name:?}"
            );
        }
    }
}
