use anyhow::{Context as _, ensure};
use chrono::{DateTime, Days, Utc};
use secrecy::ExposeSecret as _;
use zava_mcp_server::database;
use zava_mcp_server::identity::NewApiKey;
use zava_mcp_server::settings::AdminSettings;

use super::arguments::{CreateKey, Key};
use super::output::print_line;

/// Creates, lists or revokes API keys.
pub(super) async fn run(
    settings: AdminSettings,
    key: Key,
    now: DateTime<Utc>,
) -> anyhow::Result<()> {
    let mut db = database::connect_as_owner(&settings).await?;
    match key {
        Key::Create(CreateKey {
            name,
            store,
            role,
            days,
        }) => {
            let expires_at = now
                .checked_add_days(Days::new(days.into()))
                .context("the key's expiry time is out of range")?;
            let new = NewApiKey::generate(&mut rand::rng());
            database::create_key(&mut db, &new, &name, expires_at, &store, role).await?;
            // The key is shown only here.
            print_line(new.text.expose_secret())
        }
        Key::List => {
            for key in database::list_keys(&mut db).await? {
                print_line(&format!(
                    "{}  {:7}  {}  {}",
                    key.id,
                    key.state,
                    key.expires_at.format("%F"),
                    key.name
                ))?;
            }
            Ok(())
        }
        Key::Revoke { key } => {
            ensure!(
                database::revoke_key(&mut db, &key).await?,
                "no key has this id or name; `zava-mcp-server key list` lists all keys"
            );
            print_line("revoked; takes effect within 15 seconds")
        }
    }
}
