use zava_mcp_server::database;
use zava_mcp_server::settings::AdminSettings;

use super::arguments::Migrate;
use super::output::print_line;

/// Creates or repairs roles, schema and signing key.
pub(super) async fn run(settings: AdminSettings, migrate: Migrate) -> anyhow::Result<()> {
    let migrated = if migrate.new_signing_key {
        database::migrate_with_new_signing_key(&settings).await?
    } else if migrate.contract {
        database::migrate_and_contract(&settings).await?
    } else {
        database::migrate(&settings).await?
    };
    let waiting = match migrated.waiting_migrations {
        0 => String::new(),
        waiting => format!(" ({waiting} wait for migrate --contract)"),
    };
    let indexer = settings
        .indexer
        .map_or_else(String::new, |indexer| format!(", {}", indexer.user));
    print_line(&format!(
        "database {} is ready: {} migrations applied{waiting}, login {}{indexer}, signing key {}",
        settings.database.database, migrated.migrations, settings.login.user, migrated.signing_key
    ))
}
