use anyhow::ensure;
use zava_mcp_server::database;
use zava_mcp_server::settings::AdminSettings;

use super::arguments::{Grant, Revoke};
use super::output::print_line;

/// Grants a principal a store.
pub(super) async fn grant(settings: AdminSettings, grant: Grant) -> anyhow::Result<()> {
    let mut db = database::connect_as_owner(&settings).await?;
    let Grant {
        principal,
        store,
        role,
    } = grant;
    database::grant(&mut db, &principal, &store, role).await?;
    print_line(&format!(
        "granted {principal} the store {store} as {}",
        role.as_str()
    ))
}

/// Revokes a grant.
pub(super) async fn revoke(settings: AdminSettings, revoke: Revoke) -> anyhow::Result<()> {
    let mut db = database::connect_as_owner(&settings).await?;
    let Revoke { principal, store } = revoke;
    ensure!(
        database::revoke(&mut db, &principal, &store).await?,
        "{principal} had no grant for {store}; `zava-mcp-server grants` lists all grants"
    );
    print_line(&format!(
        "revoked the grant for {store} from {principal}; takes effect within 15 seconds"
    ))
}

/// Lists all grants, one a line.
pub(super) async fn list(settings: AdminSettings) -> anyhow::Result<()> {
    let mut db = database::connect_as_owner(&settings).await?;
    for grant in database::list_grants(&mut db).await? {
        print_line(&format!(
            "{}  {:8}  {}  {}",
            grant.granted_at.format("%F"),
            grant.role,
            grant.principal,
            grant.tenant
        ))?;
    }
    Ok(())
}
