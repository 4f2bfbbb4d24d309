use anyhow::{Context as _, ensure};
use chrono::{DateTime, Days, Utc};
use secrecy::ExposeSecret as _;
use zava_mcp_server::database;
use zava_mcp_server::identity::NewApiKey;
use zava_mcp_server::settings::AdminSettings;
use zava_mcp_server::telemetry::audit::ChainHead;

use crate::command::{CreateKey, Grant, Key, Revoke};
use crate::run::say;

/// Lets a caller ask for a store.
pub(crate) async fn grant(settings: &AdminSettings, grant: &Grant) -> anyhow::Result<()> {
    let mut db = database::connect_as_owner(settings).await?;
    let Grant {
        principal,
        store,
        role,
    } = grant;
    database::grant(&mut db, principal, store, *role).await?;
    say(&format!(
        "{principal} may ask for {store} as {}",
        role.as_str()
    ))
}

/// Takes a grant back.
pub(crate) async fn revoke(settings: &AdminSettings, revoke: &Revoke) -> anyhow::Result<()> {
    let mut db = database::connect_as_owner(settings).await?;
    let Revoke { principal, store } = revoke;
    ensure!(
        database::revoke(&mut db, principal, store).await?,
        "{principal} had no grant for {store}; `zava-mcp-server grants` lists them"
    );
    say(&format!("{principal} may not ask for {store} any more"))
}

/// Lists grants, a line each.
pub(crate) async fn grants(settings: &AdminSettings) -> anyhow::Result<()> {
    let mut db = database::connect_as_owner(settings).await?;
    for grant in database::list_grants(&mut db).await? {
        say(&format!(
            "{}  {:8}  {}  {}",
            grant.granted_at.format("%F"),
            grant.role,
            grant.principal,
            grant.tenant
        ))?;
    }
    Ok(())
}

/// Makes, lists and revokes keys.
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
                .context("the key would expire too late")?;
            let new = NewApiKey::generate(&mut rand::rng());
            database::create_key(&mut db, &new, &name, expires_at, &store, role).await?;
            // The only time that it is shown.
            say(new.text.expose_secret())
        }
        Key::List => {
            for key in database::list_keys(&mut db).await? {
                say(&format!(
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
                "there is no key of this id or name; `zava-mcp-server key list` lists them"
            );
            say("revoked; servers believe it for up to 15 seconds more")
        }
    }
}

/// Proves that the audit trail is whole.
pub(crate) async fn verify_audit(
    settings: &AdminSettings,
    from: Option<&ChainHead>,
    expected: Option<&ChainHead>,
) -> anyhow::Result<()> {
    let mut db = database::connect_as_owner(settings).await?;
    match database::verify_audit(&mut db, from, expected).await? {
        None => say("the audit trail is empty"),
        // Its numbers have no gaps, so the last one is how many there are.
        Some(end) => say(&format!(
            "{} records, each fits the one before; the trail ends with\n{end}",
            end.audit_id + 1 - from.map_or(1, |from| from.audit_id)
        )),
    }
}
