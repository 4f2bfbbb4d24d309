//! The commands, with a managed identity: what an operator reads when it is not usable.

use std::path::Path;

use tokio::process::Command;

use super::Azure;
use super::entra::{
    CLIENT, CLIENT_SECRET, DIRECTORY, IDENTITY_HEADER, Mode, SERVICE_ACCOUNT_TOKEN,
};
use super::gateway::{Demand, Gateway};
use crate::command_line::{self, binary};
use crate::support::{TestDatabase, settings, signing_key_text};

/// `check`, for a managed identity at a gateway.
fn check(azure: &Azure, gateway: &Gateway, folder: &Path) -> Command {
    let mut command = binary(folder);
    command
        .arg("check")
        .env("POSTGRES_DB_HOST", "localhost")
        .env("POSTGRES_DB_PORT", gateway.port.to_string())
        .env("POSTGRES_DB", &TestDatabase::shared().name)
        .env("POSTGRES_SSLMODE", "verify-full")
        .env("POSTGRES_SSLROOTCERT", azure.root_cert())
        .env("POSTGRES_AUTH", "entra")
        .env("ZAVA_SIGNING_KEY", signing_key_text())
        .env("ZAVA_HTTPS_ROOTCERT", azure.root_cert())
        .env("ZAVA_AZURE_CREDENTIAL", "managed-identity")
        .env("IDENTITY_ENDPOINT", azure.entra.identity_endpoint())
        .env("IDENTITY_HEADER", IDENTITY_HEADER)
        .env("ZAVA_LOG", "trace");
    command
}

/// Runs a command; returns its exit code and what it has written.
async fn run(command: Command) -> (Option<i32>, String) {
    let (code, text) = command_line::run(command).await;
    assert!(
        !text.contains("eyJhbGciOiJub25lIn0"),
        "no token is shown: {text}"
    );
    for secret in [IDENTITY_HEADER, CLIENT_SECRET, SERVICE_ACCOUNT_TOKEN] {
        assert!(!text.contains(secret), "{secret} is not shown: {text}");
    }
    (code, text)
}

async fn gateway(azure: &Azure) -> Gateway {
    let settings = settings(&TestDatabase::shared().name);
    azure.gateway(settings.database.port).await
}

#[tokio::test]
async fn each_kind_of_identity_logs_in() {
    let azure = Azure::start().await;
    let gateway = gateway(&azure).await;
    let folder = tempfile::tempdir().expect("a folder");
    let token_file = folder.path().join("service-account-token");
    std::fs::write(&token_file, SERVICE_ACCOUNT_TOKEN).expect("written");
    let application = [
        ("AZURE_TENANT_ID", DIRECTORY.to_owned()),
        ("AZURE_CLIENT_ID", CLIENT.to_owned()),
        ("AZURE_AUTHORITY_HOST", azure.entra.authority()),
    ];
    let mut commands = Vec::new();
    commands.push((
        "the system-assigned identity",
        check(&azure, &gateway, folder.path()),
    ));
    let mut user_assigned = check(&azure, &gateway, folder.path());
    user_assigned.env("AZURE_CLIENT_ID", CLIENT);
    commands.push(("a user-assigned identity", user_assigned));
    let mut workload = check(&azure, &gateway, folder.path());
    workload
        .env("ZAVA_AZURE_CREDENTIAL", "workload-identity")
        .envs(application.clone())
        .env("AZURE_FEDERATED_TOKEN_FILE", &token_file);
    commands.push(("a workload identity", workload));
    let mut secret = check(&azure, &gateway, folder.path());
    secret
        .env("ZAVA_AZURE_CREDENTIAL", "client-secret")
        .envs(application)
        .env("AZURE_CLIENT_SECRET", CLIENT_SECRET);
    commands.push(("a client secret", secret));
    for (what, command) in commands {
        let (code, text) = run(command).await;
        assert_eq!(code, Some(0), "{what}: {text}");
        assert!(text.contains("database   ok"), "{what}: {text}");
    }
}

/// What the stand-in does, what else is set, and what the operator reads.
#[tokio::test]
async fn an_identity_that_is_not_usable_is_explained() {
    let azure = Azure::start().await;
    let gateway = gateway(&azure).await;
    let folder = tempfile::tempdir().expect("a folder");
    azure.entra.remove_system_identity();
    let other = "11111111-2222-3333-4444-555555555555";
    let not_assigned = "the managed identity is not assigned to this app";
    for (mode, client_id, expected) in [
        (Mode::Healthy, None, not_assigned),
        (Mode::Healthy, Some(other), not_assigned),
        (Mode::Malformed, Some(CLIENT), "yields no token"),
        (Mode::Quoted, Some(CLIENT), "yields no token"),
        (Mode::Empty, Some(CLIENT), "contains no token"),
        (Mode::Expired, Some(CLIENT), "check this machine's clock"),
        (Mode::Status(403), Some(CLIENT), "the stand-in fails"),
        (Mode::Status(429), Some(CLIENT), "the stand-in fails"),
        (Mode::Status(502), Some(CLIENT), "gateway error"),
        (Mode::Status(500), Some(CLIENT), "the stand-in fails"),
    ] {
        azure.entra.set(mode);
        let mut command = check(&azure, &gateway, folder.path());
        command.envs(client_id.map(|id| ("AZURE_CLIENT_ID", id)));
        let (code, text) = run(command).await;
        assert_eq!(code, Some(1), "{mode:?} {client_id:?}: {text}");
        assert!(text.contains(expected), "{mode:?} {client_id:?}: {text}");
        assert!(!text.contains("aka.ms"), "{text}");
    }
    // A secret that Entra ID rejects, and a host that its certificate does not name.
    azure.entra.set(Mode::Healthy);
    let authority = azure.entra.authority();
    let other_name = authority.replace("localhost", "127.0.0.1");
    for (authority, secret, expected) in [
        (
            authority,
            "an-old-secret",
            "AADSTS7000215: Invalid client secret",
        ),
        (other_name, CLIENT_SECRET, "invalid peer certificate"),
    ] {
        let mut command = check(&azure, &gateway, folder.path());
        command
            .env("ZAVA_AZURE_CREDENTIAL", "client-secret")
            .env("AZURE_TENANT_ID", DIRECTORY)
            .env("AZURE_CLIENT_ID", CLIENT)
            .env("AZURE_AUTHORITY_HOST", authority)
            .env("AZURE_CLIENT_SECRET", secret);
        let (code, text) = run(command).await;
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains(expected), "{text}");
    }
}

#[tokio::test]
async fn a_database_that_takes_no_tokens_is_explained() {
    let azure = Azure::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let port = settings(&TestDatabase::shared().name).database.port;
    let (acceptor, entra) = (azure.acceptor.clone(), &azure.entra);
    let gateway = Gateway::start_with(port, acceptor, entra, Demand::Scram, usize::MAX).await;
    let (code, text) = run(check(&azure, &gateway, folder.path())).await;
    assert_eq!(code, Some(1), "{text}");
    let expected = "the database does not accept access tokens for this login; enable Microsoft Entra authentication";
    assert!(text.contains(expected), "{text}");
}

/// The endpoint for tokens is not there, or keeps silent: then it is not the database that is said
/// not to answer.
#[tokio::test]
async fn an_endpoint_that_does_not_answer_is_an_error_within_seconds() {
    let azure = Azure::start().await;
    let gateway = gateway(&azure).await;
    let folder = tempfile::tempdir().expect("a folder");
    let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = closed.local_addr().expect("its address");
    drop(closed);
    let mut command = check(&azure, &gateway, folder.path());
    command.env("IDENTITY_ENDPOINT", format!("http://{address}/msi/token"));
    let (code, text) = run(command).await;
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("Connection refused"), "{text}");
    azure.entra.set(Mode::Blocked);
    let (code, text) = run(check(&azure, &gateway, folder.path())).await;
    assert_eq!(code, Some(1), "{text}");
    let expected = "there was no password for the database within 5 s";
    assert!(text.contains(expected), "{text}");
}
