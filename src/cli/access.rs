use anyhow::{Context as _, ensure};
use chrono::{DateTime, Days, Utc};
use secrecy::ExposeSecret as _;
use zava_mcp_server::database;
use zava_mcp_server::identity::NewApiKey;
use zava_mcp_server::settings::AdminSettings;
use zava_mcp_server::telemetry::audit::ChainHead;

use crate::cli::arguments::{CreateKey, Grant, Key, Revoke};
use crate::cli::dispatch::print_line;

/// Grants a principal a store.
pub(crate) async fn grant(settings: &AdminSettings, grant: &Grant) -> anyhow::Result<()> {
    let mut db = database::connect_as_owner(settings).await?;
    let Grant {
        principal,
        store,
        role,
    } = grant;
    database::grant(&mut db, principal, store, *role).await?;
    print_line(&format!(
        "granted {principal} the store {store} as {}",
        role.as_str()
    ))
}

/// Revokes a grant.
pub(crate) async fn revoke(settings: &AdminSettings, revoke: &Revoke) -> anyhow::Result<()> {
    let mut db = database::connect_as_owner(settings).await?;
    let Revoke { principal, store } = revoke;
    ensure!(
        database::revoke(&mut db, principal, store).await?,
        "{principal} had no grant for {store}; `zava-mcp-server grants` lists all grants"
    );
    print_line(&format!(
        "revoked the grant for {store} from {principal}; takes effect within 15 seconds"
    ))
}

/// Lists all grants, one a line.
pub(crate) async fn grants(settings: &AdminSettings) -> anyhow::Result<()> {
    let mut db = database::connect_as_owner(settings).await?;
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

/// Creates, lists or revokes API keys.
pub(crate) async fn key(
    settings: &AdminSettings,
    key: Key,
    now: DateTime<Utc>,
) -> anyhow::Result<()> {
    let mut db = database::connect_as_owner(settings).await?;
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

/// Verifies the audit log's hash chain and prints its head.
pub(crate) async fn verify_audit(
    settings: &AdminSettings,
    from: Option<&ChainHead>,
    expected: Option<&ChainHead>,
) -> anyhow::Result<()> {
    let mut db = database::connect_as_owner(settings).await?;
    match database::verify_audit(&mut db, from, expected).await? {
        None => print_line("the audit log is empty"),
        // Record numbers have no gaps, so the last one tells how many records there are.
        Some(head) => print_line(&format!(
            "{} records, each linked to the one before; the chain head is\n{head}",
            head.audit_id + 1 - from.map_or(1, |from| from.audit_id)
        )),
    }
}
