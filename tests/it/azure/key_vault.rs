//! Secrets in Key Vault: a server reads its password and its signing key there, follows rotations,
//! and survives outages.

use std::time::Duration;

use serde_json::json;
use sqlx::AssertSqlSafe;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::process::Command;
use url::Url;
use zava_mcp_server::database::{self, AdminError};
use zava_mcp_server::settings::{
    AdminSettings, DatabaseAddress, KeyVaultReference, LoginMethod, ReplicaSettings, Secret,
    SigningKeySetting,
};

use super::entra::{CLIENT, CLIENT_SECRET, DIRECTORY, Mode};
use super::vault::{VAULT_HOST, VaultMode};
use super::{Azure, COUNT_ORDERS, assert_two_stores_answer};
use crate::command_line::{self, binary, with_database};
use crate::support::{
    SEATTLE, TestDatabase, TestServer, eventually, query_password, settings, signing_key_text,
};

const PASSWORD: &str = "query-password";
const SIGNING_KEY: &str = "signing-key";

fn reference(setting: &'static str, name: &str) -> KeyVaultReference {
    KeyVaultReference {
        setting,
        vault: Url::parse(&format!("https://{VAULT_HOST}")).expect("a URL"),
        name: name.to_owned(),
        version: None,
    }
}

pub(super) fn signing_key() -> SigningKeySetting {
    SigningKeySetting::KeyVault(reference("ZAVA_SIGNING_KEY", SIGNING_KEY))
}

fn password() -> Secret {
    Secret::KeyVault(reference("POSTGRES_PASSWORD", PASSWORD))
}

/// The stand-ins, with the password and the signing key of the tests' cluster in the vault.
async fn azure() -> Azure {
    let azure = Azure::start().await;
    azure.vault.set(PASSWORD, &query_password());
    azure.vault.set(SIGNING_KEY, &signing_key_text());
    azure
}

/// A server whose secrets are in the vault.
async fn server(azure: &Azure, database: &str) -> TestServer {
    let mut settings = settings(database);
    azure.identify(&mut settings);
    settings.login.method = LoginMethod::Password(password());
    settings.signing_key = signing_key();
    TestServer::with_settings(&settings).await
}

fn admin_settings(azure: &Azure, database: &TestDatabase) -> AdminSettings {
    let mut admin = database.admin_settings();
    admin.azure = Some(azure.credential());
    admin.https = azure.https();
    admin.signing_key = signing_key();
    admin
}

/// Whether a query gets its rows.
async fn works(server: &TestServer) -> bool {
    let ping = server.request(SEATTLE, "tools/list", json!({})).await;
    ping.status() == 200 && !server.query(SEATTLE, COUNT_ORDERS).await.is_error
}

async fn end_backends(database: &TestDatabase, user: &str) {
    sqlx::query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1 AND datname = current_database()")
        .bind(user)
        .execute(&mut database.superuser().await)
        .await
        .expect("the backends end");
}

#[tokio::test]
async fn a_server_reads_each_secret_once_for_a_burst() {
    let azure = azure().await;
    let server = server(&azure, &TestDatabase::shared().name).await;
    tokio::join!(
        assert_two_stores_answer(&server),
        assert_two_stores_answer(&server),
        assert_two_stores_answer(&server),
    );
    assert_eq!(azure.vault.request_count(), 2);
    assert_eq!(azure.entra.request_count(), 1);
}

/// The other failures are those of `a_secret_that_cannot_be_read_is_explained`.
#[tokio::test]
async fn an_outage_of_the_vault_leaves_a_running_server_running() {
    let azure = azure().await;
    let database = TestDatabase::new().await;
    let server = server(&azure, &database.name).await;
    assert_two_stores_answer(&server).await;
    azure.vault.set_mode(VaultMode::Status(503));
    azure.entra.set(Mode::Status(503));
    end_backends(&database, "zava_query").await;
    assert_two_stores_answer(&server).await;
}

#[tokio::test]
async fn a_server_that_started_during_an_outage_recovers_after_it() {
    let azure = azure().await;
    azure.vault.set_mode(VaultMode::Status(503));
    let server = server(&azure, &TestDatabase::shared().name).await;
    let response = server.request(SEATTLE, "tools/list", json!({})).await;
    assert_eq!(response.status(), 503);
    azure.vault.set_mode(VaultMode::Healthy);
    eventually("the server recovers", async || works(&server).await).await;
    assert_two_stores_answer(&server).await;
}

/// The password is changed in the database, then in the vault. No request sees the change, but for
/// those in between.
#[tokio::test]
async fn a_password_that_the_database_rejects_is_read_again() {
    let azure = azure().await;
    let database = TestDatabase::new().await;
    let role = format!("{}_vault", database.name);
    let mut admin = admin_settings(&azure, &database);
    admin.login.user.clone_from(&role);
    database::migrate(&admin).await.expect("a login of its own");
    let mut settings = settings(&database.name);
    azure.identify(&mut settings);
    settings.login.user.clone_from(&role);
    settings.login.method = LoginMethod::Password(password());
    let server = TestServer::with_settings(&settings).await;
    let expected = server.number(SEATTLE, COUNT_ORDERS).await;

    azure.vault.set(PASSWORD, "another-password");
    let change = format!("ALTER ROLE {role} PASSWORD 'another-password'");
    sqlx::raw_sql(AssertSqlSafe(change))
        .execute(&mut database.superuser().await)
        .await
        .expect("the password changes");
    end_backends(&database, &role).await;
    // Within a second of its first reading, the password is not read again.
    eventually("the new password is used", async || works(&server).await).await;
    assert_eq!(server.number(SEATTLE, COUNT_ORDERS).await, expected);
    drop(server);
    let drop_role = format!("DROP OWNED BY {role}; DROP ROLE {role}");
    sqlx::raw_sql(AssertSqlSafe(drop_role))
        .execute(&mut database.superuser().await)
        .await
        .expect("the role is dropped");
}

/// A replica whose logins fail, because it has not replayed a change or is somebody else's server,
/// must not cost the primary its password.
#[tokio::test]
async fn a_password_that_only_a_replica_rejects_stays_in_use() {
    let azure = azure().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("its address").port();
    let mut settings = settings(&TestDatabase::shared().name);
    azure.identify(&mut settings);
    settings.login.method = LoginMethod::Password(password());
    settings.replicas = ReplicaSettings {
        addresses: vec![DatabaseAddress {
            port,
            ..settings.database.clone()
        }],
        max_lag: Duration::from_secs(5),
    };
    let server = TestServer::with_settings(&settings).await;
    let expected = server.number(SEATTLE, COUNT_ORDERS).await;
    // For seconds, so that the password is old enough to be replaced.
    for _ in 0..5 {
        let (mut client, _) = listener.accept().await.expect("a probe");
        let length = client.read_u32().await.expect("a startup message");
        let mut startup = vec![0; length as usize - 4];
        client.read_exact(&mut startup).await.expect("the rest");
        let error = b"E\0\0\0\x37SFATAL\0C28000\0Mno pg_hba.conf entry for this host\0\0";
        client.write_all(error).await.expect("the rejection");
        drop(client);
        assert_eq!(server.number(SEATTLE, COUNT_ORDERS).await, expected);
    }
    assert_eq!(azure.vault.request_count(), 1);
}

/// Both keys are valid for a while; a server that still has the old one when it ends takes the new
/// one.
#[tokio::test]
async fn a_signing_key_rotates_in_the_vault_while_servers_run() {
    let azure = azure().await;
    let database = TestDatabase::new().await;
    let old = server(&azure, &database.name).await;
    let expected = old.number(SEATTLE, COUNT_ORDERS).await;

    let admin = admin_settings(&azure, &database);
    let migrated = database::migrate_with_new_signing_key(&admin)
        .await
        .expect("a new key");
    assert_eq!(migrated.signing_key, 2);
    let key = azure.vault.current(SIGNING_KEY).expect("the key");
    assert!(key.starts_with("2:"), "the new key is in the vault");
    // The vault reports a key that was not rotated for longer than a quarter.
    let days =
        (azure.vault.last_expiry().expect("an end") - chrono::Utc::now().timestamp()) / 86_400;
    assert!((120..=150).contains(&days), "{days} days");
    let new = server(&azure, &database.name).await;
    assert_eq!(new.number(SEATTLE, COUNT_ORDERS).await, expected);
    assert_eq!(old.number(SEATTLE, COUNT_ORDERS).await, expected);

    let mut db = database.superuser().await;
    let is_retired: bool = sqlx::query_scalar("SELECT not_after BETWEEN now() + interval '23 h' AND now() + interval '24 h' FROM guard.signing_key WHERE key_id = 1").fetch_one(&mut db).await.expect("the old key");
    assert!(is_retired);
    sqlx::raw_sql("UPDATE guard.signing_key SET not_before = now() - interval '2 d', not_after = now() - interval '1 s' WHERE key_id = 1")
        .execute(&mut db)
        .await
        .expect("a day passes");
    eventually("the old server takes the new key", async || {
        works(&old).await
    })
    .await;
    assert_eq!(old.number(SEATTLE, COUNT_ORDERS).await, expected);

    // `migrate` without a rotation accepts the key in the vault, whoever runs it.
    let again = database::migrate(&admin).await.expect("the current key");
    assert_eq!(again.signing_key, 2);
}

/// What is in the vault is a key that the database accepts, whenever a rotation fails.
#[tokio::test]
async fn a_rotation_that_fails_leaves_the_previous_key_in_use() {
    let azure = azure().await;
    let database = TestDatabase::new().await;
    let admin = admin_settings(&azure, &database);
    azure.vault.set_mode(VaultMode::ReadOnly);
    let error = database::migrate_with_new_signing_key(&admin)
        .await
        .expect_err("the key cannot be written");
    assert!(matches!(error, AdminError::WriteSigningKey(_)), "{error:?}");
    let text = format!("{:#}", anyhow::Error::from(error));
    assert!(text.contains("Key Vault Secrets Officer"), "{text}");
    assert_eq!(azure.vault.current(SIGNING_KEY), Some(signing_key_text()));

    let server = server(&azure, &database.name).await;
    assert_two_stores_answer(&server).await;
    let kept: bool =
        sqlx::query_scalar("SELECT not_after = 'infinity' FROM guard.signing_key WHERE key_id = 1")
            .fetch_one(&mut database.superuser().await)
            .await
            .expect("the first key");
    assert!(kept, "the key in the vault has no end");

    azure.vault.set_mode(VaultMode::Healthy);
    let migrated = database::migrate_with_new_signing_key(&admin)
        .await
        .expect("another attempt");
    assert_eq!(migrated.signing_key, 3);
}

/// A new environment: nobody ever sees the key.
#[tokio::test]
async fn the_first_signing_key_is_generated_into_the_vault() {
    let azure = Azure::start().await;
    let database = TestDatabase::empty().await;
    let admin = admin_settings(&azure, &database);
    let error = database::migrate(&admin).await.expect_err("no key yet");
    let text = format!("{:#}", anyhow::Error::from(error));
    assert!(text.contains("az keyvault secret set"), "{text}");
    let migrated = database::migrate_with_new_signing_key(&admin)
        .await
        .expect("the first key");
    assert_eq!(migrated.signing_key, 1);
    let key = azure.vault.current(SIGNING_KEY).expect("the key");
    assert!(key.starts_with("1:"), "a key with its number");
}

#[tokio::test]
async fn a_secret_that_is_no_key_is_not_overwritten() {
    let azure = azure().await;
    azure
        .vault
        .set(SIGNING_KEY, "the-password-of-something-else");
    let database = TestDatabase::new().await;
    let mut admin = admin_settings(&azure, &database);
    let error = database::migrate_with_new_signing_key(&admin).await;
    let text = format!("{:#}", anyhow::Error::from(error.expect_err("no key")));
    assert!(text.contains("must begin with a key number"), "{text}");
    assert!(!text.contains("something-else"), "{text}");

    // Nor is a version, or a key in the settings.
    let mut versioned = reference("ZAVA_SIGNING_KEY", SIGNING_KEY);
    versioned.version = Some("1".to_owned());
    let literal = database.admin_settings().signing_key;
    for setting in [SigningKeySetting::KeyVault(versioned), literal] {
        admin.signing_key = setting;
        let error = database::migrate_with_new_signing_key(&admin).await;
        let text = format!("{:#}", anyhow::Error::from(error.expect_err("no rotation")));
        assert!(text.contains("without a version"), "{text}");
    }
}

/// `check`, with the signing key in the vault.
fn check(azure: &Azure, name: &str) -> Command {
    let mut command = binary(azure.folder.path());
    with_database(&mut command, &settings(&TestDatabase::shared().name));
    command
        .arg("check")
        .env(
            "ZAVA_SIGNING_KEY",
            format!("@Microsoft.KeyVault(VaultName=zava;SecretName={name})"),
        )
        .env("ZAVA_HTTPS_ROOTCERT", azure.root_cert())
        .env("ZAVA_HTTPS_PROXY", "environment")
        .env("HTTPS_PROXY", azure.proxy.url())
        .env("ZAVA_AZURE_CREDENTIAL", "client-secret")
        .env("AZURE_TENANT_ID", DIRECTORY)
        .env("AZURE_CLIENT_ID", CLIENT)
        .env("AZURE_CLIENT_SECRET", CLIENT_SECRET)
        .env("AZURE_AUTHORITY_HOST", azure.entra.authority())
        .env("ZAVA_LOG", "trace");
    command
}

async fn run(command: Command) -> (Option<i32>, String) {
    let (code, text) = command_line::run(command).await;
    for secret in [
        CLIENT_SECRET,
        &query_password(),
        signing_key_text().trim_start_matches("1:"),
        "eyJhbGciOiJub25lIn0",
    ] {
        assert!(!text.contains(secret), "{secret} is not shown: {text}");
    }
    (code, text)
}

/// What the vault does, which secret is asked for, and what the operator reads.
#[tokio::test]
async fn a_secret_that_cannot_be_read_is_explained() {
    let azure = azure().await;
    azure.vault.set("other", "not-a-key");
    let key = SIGNING_KEY;
    let (code, text) = run(check(&azure, key)).await;
    assert_eq!(code, Some(0), "{text}");
    let cases = [
        (
            VaultMode::Healthy,
            "unknown",
            "which does not exist; create it with `az keyvault secret set`",
        ),
        (VaultMode::Healthy, "other", "must begin with a key number"),
        (
            VaultMode::Disabled,
            key,
            "which is disabled; enable it with",
        ),
        (
            VaultMode::Forbidden,
            key,
            "give it the role `Key Vault Secrets User`",
        ),
        (
            VaultMode::Status(401),
            key,
            "which rejects the access token",
        ),
        (VaultMode::Status(429), key, "it answers with status 429"),
        (VaultMode::Status(503), key, "it answers with status 503"),
        (VaultMode::Malformed, key, "which cannot be used now: "),
        (
            VaultMode::ForeignChallenge,
            key,
            "doesn't match the requested domain",
        ),
        (
            VaultMode::Blocked,
            key,
            "the signing key was not read within 5 s",
        ),
    ];
    for (mode, name, expected) in cases {
        azure.vault.set_mode(mode);
        let (code, text) = run(check(&azure, name)).await;
        assert_eq!(code, Some(1), "{mode:?} {name}: {text}");
        assert!(text.contains(expected), "{mode:?} {name}: {text}");
        assert!(text.contains("ZAVA_SIGNING_KEY"), "{mode:?} {name}: {text}");
    }
    azure.vault.set_mode(VaultMode::Healthy);
    // A vault that does not exist, one with another name than its certificate, and no token.
    for (variable, value, expected) in [
        (
            "ZAVA_SIGNING_KEY",
            "@Microsoft.KeyVault(VaultName=nowhere;SecretName=a)".to_owned(),
            "secret a of https://nowhere.vault.azure.net, which cannot be used now",
        ),
        (
            "ZAVA_SIGNING_KEY",
            format!(
                "@Microsoft.KeyVault(SecretUri=https://127.0.0.1:{}/secrets/a)",
                azure.vault.port
            ),
            "invalid peer certificate",
        ),
        (
            "AZURE_CLIENT_SECRET",
            "an-old-secret".to_owned(),
            "there is no access token for it",
        ),
    ] {
        let mut command = check(&azure, key);
        command.env(variable, value);
        let (code, text) = run(command).await;
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains(expected), "{text}");
    }
}
