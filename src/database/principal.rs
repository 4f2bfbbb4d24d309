//! The login of an Entra ID principal, on Azure Database for PostgreSQL.

use sqlx::PgConnection;
use uuid::Uuid;

use super::AdminError;
use super::connection::connect_as_admin;
use crate::azure::AzureServices;
use crate::settings::AdminSettings;

/// The only database with the functions that create principals
/// (<https://learn.microsoft.com/azure/postgresql/security/security-manage-entra-users>).
const PRINCIPALS_DATABASE: &str = "postgres";

/// Creates a role whose name the administrator chooses, for a managed identity or an application,
/// neither as an administrator nor with multi-factor authentication.
const CREATE: &str = "SELECT pgaadauth_create_principal_with_oid($1, $2, 'service', false, false)";

/// Creates a login for a principal. An existing login stays as it is.
pub(super) async fn create(
    azure: &AzureServices,
    settings: &AdminSettings,
    user: &str,
    principal: Uuid,
) -> Result<(), AdminError> {
    let mut connection = connect_as_admin(azure, settings, PRINCIPALS_DATABASE).await?;
    let created = create_unless_exists(&mut connection, user, principal).await;
    created.map_err(|source| AdminError::Principal {
        user: user.to_owned(),
        principal,
        admin: settings.admin.user.clone(),
        source,
    })
}

async fn create_unless_exists(
    connection: &mut PgConnection,
    user: &str,
    principal: Uuid,
) -> Result<(), sqlx::Error> {
    let exists: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)")
            .bind(user)
            .fetch_one(&mut *connection)
            .await?;
    if !exists {
        sqlx::query(CREATE)
            .bind(user)
            .bind(principal.to_string())
            .execute(connection)
            .await?;
    }
    Ok(())
}
