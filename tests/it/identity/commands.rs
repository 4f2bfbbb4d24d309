use std::path::Path;

use crate::command_line::{binary, with_database};
use crate::support::{TestDatabase, admin_password, settings};

/// Exit code, standard output and standard error of an operator's command.
pub(super) async fn run(
    folder: &Path,
    database: &TestDatabase,
    arguments: &[&str],
) -> (Option<i32>, String, String) {
    let mut command = binary(folder);
    with_database(&mut command, &settings(&database.name));
    let output = command
        .env("POSTGRES_ADMIN_USER", "zava_admin")
        .env("POSTGRES_ADMIN_PASSWORD", admin_password())
        .args(arguments)
        .output()
        .await
        .expect("it runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[tokio::test]
async fn commands_manage_grants_and_api_keys() {
    let database = TestDatabase::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let run_command = async |arguments: &[&str]| run(folder.path(), &database, arguments).await;
    let principal =
        "entra:72f988bf-86f1-41af-91ab-2d7cd011db47:0e0f1c1d-aaaa-4bbb-8ccc-0123456789ab";

    let (code, out, err) =
        run_command(&["grant", principal, "--store", "Zava Retail Seattle"]).await;
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    // Granted again with another role, the grant is replaced.
    let (code, ..) = run_command(&[
        "grant",
        principal,
        "--store",
        "Zava Retail Seattle",
        "--role",
        "analyst",
    ])
    .await;
    assert_eq!(code, Some(0));
    let (_, grants, _) = run_command(&["grants"]).await;
    let lines: Vec<&str> = grants.lines().collect();
    assert_eq!(lines.len(), 1, "{grants}");
    for word in ["analyst", principal, "Zava Retail Seattle"] {
        assert!(grants.contains(word), "{grants}");
    }
    let (code, _, err) =
        run_command(&["grant", principal, "--store", "Zava Retail Portland"]).await;
    assert_eq!(code, Some(1));
    assert!(
        err.contains("no tenant \"Zava Retail Portland\"") && err.contains("Zava Retail Tacoma"),
        "{err}"
    );
    assert_eq!(
        run_command(&["grant", "seattle", "--store", "Head office"])
            .await
            .0,
        Some(64)
    );
    assert_eq!(
        run_command(&[
            "grant",
            principal,
            "--store",
            "Head office",
            "--role",
            "king"
        ])
        .await
        .0,
        Some(64)
    );
    assert_eq!(
        run_command(&["revoke", principal, "--store", "Zava Retail Seattle"])
            .await
            .0,
        Some(0)
    );
    let (code, _, err) =
        run_command(&["revoke", principal, "--store", "Zava Retail Seattle"]).await;
    assert_eq!(code, Some(1));
    assert!(err.contains("had no grant"), "{err}");

    let (code, key, _) =
        run_command(&["key", "create", "till 7", "--store", "Zava Retail Seattle"]).await;
    assert_eq!(code, Some(0));
    let id = key.trim().split('_').nth(1).expect("an id").to_owned();
    let (_, keys, _) = run_command(&["key", "list"]).await;
    assert!(
        keys.contains(&id) && keys.contains("valid") && keys.contains("till 7"),
        "{keys}"
    );
    assert!(!keys.contains(key.trim()), "a secret is shown once");
    let (_, grants, _) = run_command(&["grants"]).await;
    assert!(grants.contains(&format!("apikey:{id}")), "{grants}");
    let (code, _, err) = run_command(&["key", "create", "till 7", "--store", "Head office"]).await;
    assert_eq!(code, Some(1));
    assert!(err.contains("key name is taken"), "{err}");
    // The key and its grants are created together or not at all.
    let (code, ..) = run_command(&[
        "key",
        "create",
        "till 8",
        "--store",
        "Head office",
        "--store",
        "nowhere",
    ])
    .await;
    assert_eq!(code, Some(1));
    assert_eq!(run_command(&["key", "create", "till 9"]).await.0, Some(64));
    assert_eq!(run_command(&["key", "revoke", "till 7"]).await.0, Some(0));
    assert_eq!(run_command(&["key", "revoke", "till 8"]).await.0, Some(1));
    let (_, keys, _) = run_command(&["key", "list"]).await;
    assert!(
        keys.lines().count() == 1 && keys.contains("revoked"),
        "{keys}"
    );
}
